"""The notebooks of a class as grading reads them, and beside it what grading does not read: their stored outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...grading.finding import Finder
from ...grading.intake import Submission, rebuild
from ...grading.plan import Plan
from ...grading.run import students
from ...grading.task import skeleton
from ...harmless import shown_name
from ...making.units import Unit
from ...reading.decoding import ReadError
from ...reading.notebook import Cell, raw_cells, raw_content

MAX_OUTPUTS = 200  # of one cell that are looked at
MAX_TEXT = 20_000  # characters of one output


@dataclass(frozen=True)
class Output:
    """What a cell's run left in the file."""

    kind: str  # of the notebook format: "stream", "execute_result", "display_data", "error"
    text: str  # of an error its type and message
    count: int | None = None  # of the run that gave it


@dataclass(frozen=True)
class Stored:
    """A code cell as it lies in the file."""

    number: int  # among all cells, from 1
    source: str
    exercise: str  # the last one that was answered above it, or in it; empty before the first
    is_answer: bool
    count: int | None  # of its last run
    outputs: Sequence[Output]


@dataclass(frozen=True)
class HandedIn:
    """A notebook that was handed in."""

    student: str
    unit: str
    submission: Submission
    stored: Sequence[Stored]


def handed_in(plan: Plan, units: Sequence[Unit]) -> Iterator[HandedIn]:
    """The notebooks of a class that can be read. Raises RunError where there are no students."""
    finder = Finder(plan.submitted, plan.solutions)
    for student in students(plan.submitted):
        shown = shown_name(student)
        for unit in units:
            data = finder.handed_in(student, unit.name, shown).data
            if data is None:
                continue
            try:
                submission = rebuild(data, skeleton(str(plan.solutions), unit.name))
                cells = raw_cells(raw_content(data)[0])
            except ReadError:
                continue  # grading says so
            yield HandedIn(shown, unit.name, submission, stored_cells(cells, unit.exercises))


def stored_cells(cells: Sequence[Any], exercises: Sequence[str]) -> list[Stored]:
    """The code cells of a notebook's content, whatever anybody wrote into it."""
    found, exercise = [], ""
    for number, raw in enumerate(cells, start=1):
        cell = Cell.of(raw)
        if cell.kind != "code":
            continue
        own = [name for name in exercises if name == cell.grade_id or name in cell.defines()]
        exercise = own[-1] if own else exercise
        entry = raw if isinstance(raw, dict) else {}
        listed = entry.get("outputs")
        outputs = [_output(each) for each in (listed if isinstance(listed, list) else [])[:MAX_OUTPUTS]]
        count = _count(entry.get("execution_count", entry.get("prompt_number")))
        found.append(Stored(number, cell.source, exercise, bool(own), count, outputs))
    return found


def _output(raw: Any) -> Output:
    entry: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    kind = entry.get("output_type")
    if kind == "error":
        text = f"{_joined(entry.get('ename'))}: {_joined(entry.get('evalue'))}"
    else:
        data = entry.get("data")
        plain = data.get("text/plain") if isinstance(data, dict) else None
        text = _joined(entry.get("text")) or _joined(plain)
    return Output(kind if isinstance(kind, str) else "", text[:MAX_TEXT], _count(entry.get("execution_count")))


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
