"""Notebooks with known answers in them: for the demo, the self-test, the benchmark and the tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import files
from ..making.units import Alternative, Mutant, Unit


def released(unit: Unit, language: str = "") -> dict[str, Any]:
    """The student's notebook of a unit as it was released, in the course's first language where none is named.

    Raises FileNotFoundError before the first build.
    """
    place = unit.course.notebooks / (language or unit.course.languages[0])
    path = place / unit.name / f"{unit.name}.ipynb"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def filled(
    unit: Unit, sources: Mapping[str, str], answers: Mapping[str, str] | None = None, language: str = ""
) -> dict[str, Any]:
    """A released notebook with the given sources in its exercise cells and the given texts in its answer cells."""
    notebook = copy.deepcopy(released(unit, language))
    texts = dict(sources) | dict(answers or {})
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in texts:
            cell["source"] = texts[name]
    return notebook


def reference(unit: Unit) -> dict[str, str]:
    """The reference's source of each exercise."""
    return {name: unit.answer(name) for name in unit.exercises}


def with_answer(unit: Unit, answer: Mutant | Alternative) -> dict[str, str]:
    """The reference's sources with one known answer among them."""
    source = unit.mutated(answer) if isinstance(answer, Mutant) else answer.source
    return reference(unit) | {answer.exercise: source}


def report(unit: Unit) -> dict[str, str]:
    """What the laboratory report's author wrote, adapted to the course's names; the reference where it says nothing."""
    known: list[Mutant | Alternative] = [*unit.mutants, *unit.alternatives]
    own = [answer for answer in known if answer.name == "report"]
    sources = reference(unit)
    for answer in own:
        sources |= {answer.exercise: with_answer(unit, answer)[answer.exercise]}
    return sources


def write(submitted: Path, student: str, unit: Unit, notebook: Mapping[str, Any] | bytes) -> Path:
    """Put a notebook where `course grade` looks for it."""
    path = submitted / student / unit.name / f"{unit.name}.ipynb"
    data = notebook if isinstance(notebook, bytes) else json.dumps(notebook, ensure_ascii=False).encode()
    files.write_whole(path, data)
    return path


def classic_mistakes(unit: Unit, number: int) -> Iterator[tuple[str, Mutant]]:
    """One or two known mistakes, in different exercises, other ones for each number."""
    count = len(unit.exercises)
    step = 2 if count > 2 else 1
    for place in range(min(1 + number % 2, count)):
        exercise = unit.exercises[(number + step * place) % count]
        known = [mutant for mutant in unit.mutants if mutant.exercise == exercise and mutant.name != "report"]
        if known:
            yield exercise, known[(3 * number + place) % len(known)]


def demo_class(units: list[Unit]) -> Iterator[tuple[str, Unit, dict[str, Any] | bytes]]:
    """A small class: student, unit, notebook. Names say what each of them did."""
    everybody = {"en": "all right", "zh": "全部正确"}
    for unit in units:
        languages = unit.course.languages
        for language in languages:
            answers = {name: question["model_answer"][language] for name, question in unit.rubric.items()}
            yield everybody[language], unit, filled(unit, reference(unit), answers, language)
        yield "blank", unit, released(unit, languages[0])
        if any(answer.name == "report" for other in units for answer in other.mutants):
            yield "laboratory report", unit, filled(unit, report(unit), language=languages[0])
        for number in range(4):
            language = languages[number % len(languages)]
            mistakes = {exercise: unit.mutated(mutant) for exercise, mutant in classic_mistakes(unit, number)}
            yield f"classic mistakes {number + 1}", unit, filled(unit, reference(unit) | mistakes, language=language)
        crash = f"import os\n\ndef {unit.exercises[0]}(*args):\n    os._exit(3)\n"
        yield "crashes", unit, filled(unit, reference(unit) | {unit.exercises[0]: crash}, language=languages[0])
        loop = f"def {unit.exercises[-1]}(*args):\n    while True:\n        pass\n"
        if unit == units[0]:
            yield "never ends", unit, filled(unit, reference(unit) | {unit.exercises[-1]: loop}, language=languages[0])
            yield "not a notebook", unit, b"%PDF-1.7 handed in by mistake"
