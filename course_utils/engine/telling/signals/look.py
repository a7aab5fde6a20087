"""A class looked at: all signals, and `signals.json`, which says the same without a line of what students wrote."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...files import write_whole
from ...grading.log import read_log
from ...grading.plan import Plan
from ...grading.task import skeleton
from ...making.units import Unit, find_units
from .calls import Mention, library_calls
from .handed_in import HandedIn, handed_in
from .likeness import CODE_K, TEXT_K, Alike, Known, Row, alike, shape, words, written
from .outputs import Misfit, misfits, same_runs

TABLE = "signals.json"
FEWEST_TOKENS = 20  # of their own that two answers share
FEWEST_SHARE = 0.6  # of the own tokens of the one that has fewer
OWN_CELLS = ""  # the place of an exercise's name where cells of a student's own are compared

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pair:
    """Two answers that are alike."""

    unit: str
    exercise: str  # or the question; OWN_CELLS
    how: str  # "written", "shape" or "words"
    alike: Alike
    answers: int  # that were compared
    texts: tuple[str, str]


@dataclass(frozen=True)
class Call:
    """A library call in an answer."""

    student: str
    unit: str
    mention: Mention
    source: str  # of the cell


@dataclass
class Signals:
    """What may be looked at."""

    notebooks: int = 0
    pairs: list[Pair] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)
    knows_marks: bool = True  # whether there are results, without which nobody knows what passes

    def as_json(self) -> dict[str, Any]:
        """All of them, with places and numbers and without a word of an answer."""
        return {
            "notebooks": self.notebooks,
            "alike": [
                {
                    "unit": pair.unit,
                    "exercise": pair.exercise or None,
                    "how": pair.how,
                    "students": [pair.alike.first, pair.alike.second],
                    "lines": [list(lines) for lines in pair.alike.places],
                    "tokens": pair.alike.tokens,
                    "share": round(pair.alike.share, 3),
                    "answers_with_it": pair.alike.holders,
                    "answers": pair.answers,
                }
                for pair in self.pairs
            ],
            "library_calls": [
                {
                    "unit": call.unit,
                    "exercise": call.mention.exercise,
                    "student": call.student,
                    "call": call.mention.call,
                    "line": call.mention.line,
                }
                for call in self.calls
            ],
            "outputs": [
                {
                    "kind": each.kind,
                    "unit": each.unit,
                    "exercise": each.exercise or None,
                    "students": [each.student, *([each.other] if each.other else [])],
                    "cells": [each.cell, *([each.other_cell] if each.other else [])],
                }
                for each in self.misfits
            ],
        }


def look_at_class(plan: Plan, tell: Progress = lambda done, total: None) -> Signals:
    """The signals of a class; tell: is told how many units of how many are done.

    Raises RunError where there are no students, CourseError for an unknown unit.
    """
    units = find_units(plan.solutions, plan.units)
    by_unit: dict[str, list[HandedIn]] = defaultdict(list)
    for notebook in handed_in(plan, units):
        by_unit[notebook.unit].append(notebook)
    passed = _passed(plan.results)
    found = Signals(sum(map(len, by_unit.values())), knows_marks=passed is not None)
    for done, unit in enumerate(units, start=1):
        notebooks = by_unit[unit.name]
        found.pairs += _pairs(unit, plan.solutions, notebooks)
        for notebook in notebooks:
            found.calls += _calls(unit, notebook)
            found.misfits += misfits(notebook, (passed or {}).get((notebook.student, unit.name), ()))
        found.misfits += same_runs(notebooks)
        tell(done, len(units))
    together: dict[tuple[str, str], int] = defaultdict(int)
    for pair in found.pairs:
        together[pair.alike.first, pair.alike.second] += pair.alike.tokens
    found.pairs.sort(key=lambda pair: (-together[pair.alike.first, pair.alike.second], pair.alike.first))
    return found


def write_table(results: Path, signals: Signals) -> Path:
    """Write `signals.json`; returns its path."""
    return write_whole(results / TABLE, json.dumps(signals.as_json(), ensure_ascii=False, indent=1) + "\n")


def _passed(results: Path) -> Mapping[tuple[str, str], list[str]] | None:
    """The exercises whose checks all pass, by student and unit; None where there are no results."""
    found = {}
    for record in read_log(results).last.values():
        good: dict[str, bool] = defaultdict(lambda: True)
        for score in record.scores:
            good[score.exercise] &= score.outcome == "passed"
        found[record.place] = [name for name, all_pass in good.items() if all_pass]
    return found or None


def _calls(unit: Unit, notebook: HandedIn) -> list[Call]:
    cells = notebook.submission.cells
    found = library_calls(cells, unit.library_calls, unit.exercises)
    return [Call(notebook.student, unit.name, mention, cells[mention.cell].source) for mention in found]


def _pairs(unit: Unit, solutions: Path, notebooks: Sequence[HandedIn]) -> list[Pair]:
    if len(notebooks) < 2:
        return []
    found: list[Pair] = []
    for exercise in unit.exercises:
        texts = {
            each.student: source
            for each in notebooks
            if exercise not in each.submission.blank and (source := each.submission.sources.get(exercise))
        }
        found += _of_code(unit, exercise, texts, known_code(unit, solutions, exercise))
    extras = {
        each.student: source
        for each in notebooks
        if (source := "\n\n".join(cell.source for cell in each.submission.cells if cell.kind == "extra"))
    }
    everything = [text for exercise in unit.exercises for text in known_code(unit, solutions, exercise)]
    found += _of_code(unit, OWN_CELLS, extras, everything)
    for question, entry in unit.rubric.items():
        answers = {each.student: text for each in notebooks if (text := each.submission.answers.get(question))}
        prose = [*skeleton(str(solutions), unit.name).prose.values(), *_texts_in(entry)]
        found += _alike(unit, question, "words", answers, words, Known(map(words, prose), TEXT_K))
    return found


def _of_code(unit: Unit, exercise: str, texts: Mapping[str, str], known: Sequence[str]) -> list[Pair]:
    """The pairs by what is written, and by shape those that are not among them."""
    found = _alike(unit, exercise, "written", texts, written, Known(map(written, known), CODE_K))
    seen = {(pair.alike.first, pair.alike.second) for pair in found}
    shapes = _alike(unit, exercise, "shape", texts, shape, Known(map(shape, known), CODE_K))
    return found + [pair for pair in shapes if (pair.alike.first, pair.alike.second) not in seen]


def _alike(
    unit: Unit, exercise: str, how: str, texts: Mapping[str, str], read: Callable[[str], Row], known: Known
) -> list[Pair]:
    rows = {student: row for student, text in texts.items() if (row := read(text))}
    return [
        Pair(unit.name, exercise, how, pair, len(rows), (texts[pair.first], texts[pair.second]))
        for pair in alike(texts, rows, known, FEWEST_TOKENS)
        if pair.share >= FEWEST_SHARE
    ]


def known_code(unit: Unit, solutions: Path, exercise: str, alternatives: bool = True) -> list[str]:
    """The code that is nobody's own in answers to an exercise: the release's, and the answers that are known here."""
    given = [cell["source"] for cell in skeleton(str(solutions), unit.name).cells if cell["cell_type"] == "code"]
    found = [*given, unit.answer(exercise), *_texts_in(unit.hints.get("steps", {}).get(exercise, []))]
    found += [unit.mutated(mutant) for mutant in unit.mutants if mutant.exercise == exercise]
    if alternatives:
        found += [each.source for each in unit.alternatives if each.exercise == exercise]
    return found


def _texts_in(value: Any) -> list[str]:
    """All texts in nested lists and mappings."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts_in(each)]
