"""A lesson's text: `lesson.py` read as cells, with translations checked against what they translate.

Prose stands in the course's first language, then in each other one: a cell that translates it and carries in `of` a
fingerprint of what it translates. When that changes, the fingerprint no longer fits, and the translation is stale.
Code is the same in all languages but for its words; `words.py` says how a raw cell behind it translates them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jupytext

from ..cell_names import names_used
from ..course import CourseError
from ..files import write_whole
from .needed import lacking
from .units import Unit
from .words import WordsError, read_words, translated, wanted

JUPYTEXT_OWN = ("jupytext", "lines_to_next_cell", "lines_to_end_of_cell_marker")  # spacing that jupytext notes


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson."""

    kind: str  # "markdown" or "code"
    source: str
    labels: dict[str, str]
    words: dict[str, Cell] = field(default_factory=dict)  # of code: language -> the raw cell that translates its words

    @property
    def language(self) -> str | None:
        """The language of prose; None for code, which is the same in all languages."""
        return self.labels.get("lang")


@dataclass(frozen=True)
class Lesson:
    """A unit's lesson."""

    path: Path
    cells: list[Cell]


def fingerprint(prose: str) -> str:
    """Eight hex digits that change with the words of a text; spacing changes nothing."""
    return hashlib.sha256(" ".join(prose.split()).encode()).hexdigest()[:8]


def read(unit: Unit, stamped: bool = True) -> Lesson:
    """A unit's lesson. Raises CourseError for a stale or missing translation or a label that names nothing."""
    path = unit.folder / "lesson.py"
    try:
        notebook = jupytext.read(path, fmt="py:percent")
    except FileNotFoundError:
        raise CourseError(f"{path} is missing; each unit's folder holds one") from None
    cells = [
        Cell(cell.cell_type, cell.source, {k: str(v) for k, v in cell.metadata.items() if k not in JUPYTEXT_OWN})
        for cell in notebook.cells
    ]
    _check_translations(path, unit, cells, stamped)
    cells = _with_words(path, unit, cells)
    _check_title(path, unit, cells)
    _check_labels(path, unit, cells)
    _check_words(path, unit, cells, stamped)
    _check_needs(path, unit, cells)
    return Lesson(path, cells)


def code_in(unit: Unit, cell: Cell, language: str) -> str:
    """What a cell of code becomes in a language: what it names of answers.py, or itself. Raises WordsError."""
    named = cell.labels.get("exercise") or cell.labels.get("given")
    source = unit.cell(named) if named else cell.source
    return translated(source, read_words(cell.words[language].source)) if language in cell.words else source


def _with_words(path: Path, unit: Unit, cells: list[Cell]) -> list[Cell]:
    """The cells of prose and code, with the raw ones put to the code whose words they translate. Raises CourseError."""
    kept: list[Cell] = []
    for cell in cells:
        if cell.kind != "raw":
            kept.append(cell)
            continue
        first, *others = unit.course.languages
        start = cell.source.strip().partition("\n")[0][:50]
        if cell.language not in others or set(cell.labels) - {"lang", "of"}:
            known = (
                " or ".join(f'lang="{language}"' for language in others) or f"none, as the course is in {first} alone"
            )
            raise CourseError(
                f"{path}: a raw cell translates the words of code; near {start!r} its label must be {known}"
            )
        if not kept or kept[-1].kind != "code" or cell.language in kept[-1].words:
            raise CourseError(
                f"{path}: the words near {start!r} stand behind no code that lacks them in {cell.language}"
            )
        kept[-1].words[cell.language] = cell
    return kept


def _check_translations(path: Path, unit: Unit, cells: list[Cell], stamped: bool) -> None:
    """Raise CourseError unless each piece of prose stands in all languages of the course, one behind the other."""
    languages = unit.course.languages
    prose = [cell for cell in cells if cell.kind == "markdown"]
    order = " then ".join(f'lang="{language}"' for language in languages)
    for number in range(0, len(prose), len(languages)):
        first, *others = together = prose[number : number + len(languages)]
        start = first.source.strip().splitlines()[0][:50] if first.source.strip() else "(empty)"
        if tuple(cell.language for cell in together) != languages:
            raise CourseError(f"{path}: prose must stand as {order}; not so near {start!r}")
        for other in others:
            if first.labels.get("question") != other.labels.get("question"):
                raise CourseError(f"{path}: the languages ask different questions near {start!r}")
            if stamped and other.labels.get("of") != fingerprint(first.source):
                raise CourseError(
                    f"{path}: the {other.language} of {start!r} is stale: the text has changed. Translate again, "
                    "then run: course build --translated"
                )


def _check_words(path: Path, unit: Unit, cells: list[Cell], stamped: bool) -> None:
    """Raise CourseError unless the words of each piece of code stand in all languages, and say what they said."""
    first, *others = unit.course.languages
    for cell in (cell for cell in cells if cell.kind == "code"):
        start = cell.source.strip().partition("\n")[0][:50]
        for language in others:
            try:
                source = code_in(unit, cell, first)
                if language not in cell.words and (lacking := wanted(source)):
                    shown = lacking.strip().partition("\n")[0][:50]
                    raise WordsError(f'no translation of {shown!r}; a cell [raw] lang="{language}" must follow')
                of = cell.words[language].labels.get("of") if language in cell.words else None
                if stamped and language in cell.words and of != fingerprint(wanted(source)):
                    raise WordsError(
                        "stale: the words have changed. Translate again, then run: course build --translated"
                    )
                code_in(unit, cell, language)
            except WordsError as error:
                raise CourseError(f"{path}: the {language} of the words in {start!r}: {error}") from None


def _check_title(path: Path, unit: Unit, cells: list[Cell]) -> None:
    """Raise CourseError unless the first heading in each language is the title of unit.toml."""
    for language in unit.course.languages:
        texts = [cell.source for cell in cells if cell.kind == "markdown" and cell.language == language]
        headings = [
            match.group(1).strip() for text in texts for match in re.finditer(r"^#+ +(.+)$", text, re.MULTILINE)
        ]
        title = unit.settings["title"][language]
        if headings[:1] != [title]:
            found = "".join(headings[:1]) or "missing"
            raise CourseError(f"{path}: the first heading in {language} is {found}, and unit.toml has {title}")


def _check_labels(path: Path, unit: Unit, cells: list[Cell]) -> None:
    exercises = [cell.labels["exercise"] for cell in cells if cell.labels.get("exercise")]
    if exercises != unit.exercises:
        raise CourseError(f"{path}: exercises are {exercises}, and answers.py has {unit.exercises}, in that order")
    first = unit.course.languages[0]
    questions = [cell.labels["question"] for cell in cells if cell.labels.get("question") and cell.language == first]
    if sorted(questions) != sorted(unit.rubric):
        raise CourseError(f"{path}: questions are {questions}, and rubric.yml has {sorted(unit.rubric)}")
    for cell in cells:
        if cell.kind == "code" and cell.language:
            raise CourseError(f"{path}: a code cell is marked lang={cell.language}; code is the same in all languages")
        unknown = set(cell.labels) - {"lang", "of", "role", "given", "exercise", "question"}
        if unknown or cell.labels.get("role", "setup") not in ("setup", "picture"):
            known = "lang, of, role=setup, role=picture, given, exercise, question"
            raise CourseError(f"{path}: unknown label in {cell.labels}; known are {known}")


def _check_needs(path: Path, unit: Unit, cells: list[Cell]) -> None:
    """Raise CourseError for a cell that runs with a learner's answers and does not begin by saying so."""
    calls = {name: names_used(unit.answer(name)) & {*unit.exercises} - {name} for name in unit.exercises}
    given = [c for c in cells if c.kind == "code" and not c.labels.get("exercise") and not c.labels.get("given")]
    sources = [cell.source for cell in given if not cell.source.strip().startswith("check(")]
    for source, names in lacking(sources, unit.exercises, calls):
        listed, start = ", ".join(f'"{name}"' for name in names), source.strip().splitlines()[0][:60]
        raise CourseError(
            f"{path}: the cell that begins with {start!r} runs with the learner's answers, and "
            f"would stop Run All in a notebook that is not finished. Begin it with: needs({listed})"
        )


def stamp(unit: Unit) -> int:
    """Write into every translating cell the fingerprint of what it translates; the number of cells that changed."""
    path = unit.folder / "lesson.py"
    others = unit.course.languages[1:]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    fingerprints, changed = _fingerprints(unit, read(unit, stamped=False)), 0
    for number, line in enumerate(lines):
        if line.startswith("# %%") and any(f'lang="{other}"' in line for other in others):
            fresh = re.sub(r' of="[^"]*"', "", line.rstrip("\n")) + f' of="{next(fingerprints)}"\n'
            changed += fresh != line
            lines[number] = fresh
    if changed:
        write_whole(path, "".join(lines))
    read(unit)
    return changed


def _fingerprints(unit: Unit, lesson: Lesson) -> Iterator[str]:
    """The fingerprint of what each translating cell translates, in the order of the file."""
    first, original = unit.course.languages[0], ""
    for cell in lesson.cells:
        if cell.kind == "code":
            yield from (fingerprint(wanted(code_in(unit, cell, first))) for _ in cell.words)
        elif cell.language == first:
            original = cell.source
        else:
            yield fingerprint(original)
