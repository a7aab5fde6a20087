"""Statements of a student's cells that failed, and which of them tells why a name is not there.

What is told of them comes from the student's process; which names a statement binds is read from the source that was
handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..asking.student import StudentError
from ..cell_names import lines_that_bind

MAX_TOLD = 100  # of one cell
MAX_LINE = 2**18  # no cell has more characters


@dataclass(frozen=True)
class Failure:
    """A statement that failed, by the word of the student's process."""

    statement: int  # the line in which it begins
    error: StudentError

    @property
    def is_slow(self) -> bool:
        """Whether it was interrupted for the time that it took."""
        return self.error.types[:1] == ("OutOfTime",)


def failures_of(told: Any) -> tuple[Failure, ...]:
    """The failures that an answer's error tells of; what is not of the right form counts as not told."""
    entries = told.get("failed") if isinstance(told, dict) else None
    entries = entries if isinstance(entries, list) else [told]
    return tuple(Failure(_line(entry), StudentError.of(entry)) for entry in entries[:MAX_TOLD])


def _line(entry: Any) -> int:
    line = entry.get("statement") if isinstance(entry, dict) else None
    right = isinstance(line, int) and not isinstance(line, bool) and 0 < line <= MAX_LINE
    return int(line) if right else 1  # type: ignore[arg-type]


def behind(name: str, source: str, failures: Sequence[Failure]) -> Failure | None:
    """The failure of the statement of a cell that binds a name; None where no such one is known."""
    lines = set(lines_that_bind(name, source))
    return next((failure for failure in failures if failure.statement in lines), None)


def behind_any(name: str, sources: Mapping[str, str], failures: Mapping[str, Collection[Failure]]) -> Failure | None:
    """The same in whichever cell; sources, failures: by cell."""
    for cell, told in failures.items():
        if (found := behind(name, sources.get(cell, ""), list(told))) is not None:
            return found
    return None
