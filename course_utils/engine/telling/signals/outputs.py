"""Stored outputs that do not fit the code above them.

Outputs are never graded, and they fall out of step with the code in honest ways: a cell is mended and not run again, a
tool clears the counts. So each kind has its own rule, and each is only a place to look at:

- `count_differs`: a result bears another number than its cell; Jupyter writes one number into both;
- `no_run`: a cell has outputs and no number, in a notebook whose other cells have numbers;
- `never_run`: an answer without a number, below which a cell has run, in a notebook in which other answers have run;
- `error_above`: an error is stored at an answer, or in the cells below it, and the answer passes all its checks;
- `same_run`: outputs that no two runs share (times, addresses in memory) are those of another notebook, whose code
  there is another. What every run gives alike, such as a right result, is not compared at all.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...texts import fingerprint_of_source
from .handed_in import HandedIn, Stored

KINDS = ("count_differs", "no_run", "never_run", "error_above", "same_run")
FEWEST_DIGITS = 7  # in what is other in each run; with fewer two runs may agree by chance

_OF_A_RUN = re.compile(
    r"\b0x[0-9a-fA-F]{6,16}\b"
    r"|\b\d+\.\d{2,}(?=\s?(?:s|ms|µs|us|ns|sec|secs|seconds|min|it/s|s/it|秒|毫秒|分钟)(?![A-Za-z]))"
)


@dataclass(frozen=True)
class Misfit:
    """An output that does not fit."""

    kind: str  # one of KINDS
    student: str
    unit: str
    exercise: str  # empty in front of the first
    cell: int  # its number in the file
    text: str  # what is stored there
    other: str = ""  # whose outputs are the same
    other_cell: int = 0


def misfits(notebook: HandedIn, passed: Sequence[str]) -> Iterator[Misfit]:
    """What does not fit within a notebook; passed: the exercises whose checks all pass."""
    counted = [cell for cell in notebook.stored if cell.count is not None]
    answers_run = {cell.exercise for cell in counted if cell.is_answer}
    for cell in notebook.stored:
        about = (notebook.student, notebook.unit, cell.exercise, cell.number)
        for output in cell.outputs:
            if output.count is not None and cell.count is not None and output.count != cell.count:
                yield Misfit("count_differs", *about, f"[{cell.count}] [{output.count}] {output.text}")
                break
        if cell.outputs and cell.count is None and counted:
            yield Misfit("no_run", *about, cell.outputs[0].text)
        if cell.is_answer and cell.exercise not in notebook.submission.blank:
            others = answers_run - {cell.exercise}
            below = [each for each in counted if each.exercise == cell.exercise and each.number > cell.number]
            if cell.count is None and not cell.outputs and cell.exercise not in answers_run and others and below:
                yield Misfit("never_run", *about, "")
        errors = [output.text for output in cell.outputs if output.kind == "error"]
        if errors and cell.exercise in passed:
            yield Misfit("error_above", *about, errors[0])


def same_runs(notebooks: Sequence[HandedIn]) -> Iterator[Misfit]:
    """Outputs of a unit's notebooks that are those of another one, below other code."""
    holders: dict[tuple[str, str], dict[str, tuple[HandedIn, Stored]]] = defaultdict(dict)
    for notebook in notebooks:
        for cell in notebook.stored:
            for output in cell.outputs:
                marks = [mark.lower() for mark in _OF_A_RUN.findall(output.text)]
                if sum(map(_digits, dict.fromkeys(marks))) >= FEWEST_DIGITS:
                    holders[notebook.unit, " ".join(marks)].setdefault(notebook.student, (notebook, cell))
    most = max(2, math.isqrt(len({notebook.student for notebook in notebooks})))
    for who in holders.values():
        if not 2 <= len(who) <= most:
            continue
        (first, own), *others = who.values()
        for other, there in others:
            if _code(first, own) == _code(other, there):
                continue  # that their answers are alike is told elsewhere
            text = next((each.text for each in own.outputs if _OF_A_RUN.search(each.text)), "")
            about = (first.student, first.unit, own.exercise, own.number)
            yield Misfit("same_run", *about, text, other.student, there.number)


def _digits(mark: str) -> int:
    return sum(character.isalnum() for character in mark.removeprefix("0x").lstrip("0."))


def _code(notebook: HandedIn, cell: Stored) -> tuple[str, str]:
    """What an output hangs on: its cell, and the answer above it."""
    sources: Mapping[str, str] = notebook.submission.sources
    answer = sources.get(cell.exercise, "")
    return _said(cell.source), _said(answer)


def _said(source: str) -> str:
    return fingerprint_of_source(source) or source
