"""A lesson's text: `lesson.py` read as cells, with translations checked against what they translate.

Prose stands in pairs: an English cell, then the Chinese cell that translates it and carries in `of` a fingerprint of
the English. When the English changes, the fingerprint no longer fits, and the translation is stale.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext

from .files import write_whole
from .units import Unit, UnitError

JUPYTEXT_OWN = ("jupytext", "lines_to_next_cell", "lines_to_end_of_cell_marker")  # spacing that jupytext notes


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson."""

    kind: str  # "markdown" or "code"
    source: str
    labels: dict[str, str]

    @property
    def language(self) -> str | None:
        """The language of prose; None for code, which is the same in all languages."""
        return self.labels.get("lang")


@dataclass(frozen=True)
class Lesson:
    """A unit's lesson."""

    path: Path
    cells: list[Cell]

    @property
    def title(self) -> dict[str, str]:
        """The first heading in each language."""
        titles = {}
        for cell in self.cells:
            heading = re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE)
            if cell.kind == "markdown" and heading and cell.language and cell.language not in titles:
                titles[cell.language] = heading.group(1).strip()
        return titles


def fingerprint(prose: str) -> str:
    """Eight hex digits that change with the words of a text; spacing changes nothing."""
    return hashlib.sha256(" ".join(prose.split()).encode()).hexdigest()[:8]


def read(unit: Unit, stamped: bool = True) -> Lesson:
    """A unit's lesson. Raises UnitError for a stale or missing translation or a label that names nothing."""
    path = unit.folder / "lesson.py"
    try:
        notebook = jupytext.read(path, fmt="py:percent")
    except FileNotFoundError:
        raise UnitError(f"{path} is missing; each unit's folder holds one") from None
    cells = [
        Cell(cell.cell_type, cell.source, {k: str(v) for k, v in cell.metadata.items() if k not in JUPYTEXT_OWN})
        for cell in notebook.cells
        if cell.cell_type in ("markdown", "code")
    ]
    _check_pairs(path, cells, stamped)
    _check_labels(path, unit, cells)
    return Lesson(path, cells)


def _check_pairs(path: Path, cells: list[Cell], stamped: bool) -> None:
    prose = [cell for cell in cells if cell.kind == "markdown"]
    for english, chinese in zip(prose[::2], [*prose[1::2], Cell("markdown", "", {})], strict=False):
        start = english.source.strip().splitlines()[0][:50] if english.source.strip() else "(empty)"
        if english.language != "en" or chinese.language != "zh":
            raise UnitError(f'{path}: prose must stand as lang="en" then lang="zh"; not so near {start!r}')
        if english.labels.get("question") != chinese.labels.get("question"):
            raise UnitError(f"{path}: the two languages ask different questions near {start!r}")
        if stamped and chinese.labels.get("of") != fingerprint(english.source):
            raise UnitError(
                f"{path}: the Chinese of {start!r} is stale: the English has changed. Translate again, "
                "then run: course build --translated"
            )


def _check_labels(path: Path, unit: Unit, cells: list[Cell]) -> None:
    exercises = [cell.labels["exercise"] for cell in cells if cell.labels.get("exercise")]
    if exercises != unit.exercises:
        raise UnitError(f"{path}: exercises are {exercises}, and answers.py has {unit.exercises}, in that order")
    questions = [cell.labels["question"] for cell in cells if cell.labels.get("question") and cell.language == "en"]
    if sorted(questions) != sorted(unit.rubric):
        raise UnitError(f"{path}: questions are {questions}, and rubric.yml has {sorted(unit.rubric)}")
    for cell in cells:
        if cell.kind == "code" and cell.language:
            raise UnitError(f"{path}: a code cell is marked lang={cell.language}; code is the same in all languages")
        unknown = set(cell.labels) - {"lang", "of", "role", "given", "exercise", "question"}
        if unknown or cell.labels.get("role", "setup") != "setup":
            raise UnitError(
                f"{path}: unknown label in {cell.labels}; known are lang, of, role=setup, given, exercise, question"
            )


def stamp(unit: Unit) -> int:
    """Write into every Chinese cell the fingerprint of its English; the number of cells that changed."""
    read(unit, stamped=False)
    path = unit.folder / "lesson.py"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    english, changed, collecting = "", 0, False
    for number, line in enumerate(lines):
        if line.startswith("# %%"):
            collecting = 'lang="en"' in line
            if 'lang="zh"' in line:
                fresh = re.sub(r' of="[^"]*"', "", line.rstrip("\n")) + f' of="{fingerprint(english)}"\n'
                changed += fresh != line
                lines[number] = fresh
            elif collecting:
                english = ""
        elif collecting:
            english += re.sub(r"^# ?", "", line)
    if changed:
        write_whole(path, "".join(lines))
    read(unit)
    return changed
