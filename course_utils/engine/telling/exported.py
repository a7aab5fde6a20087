"""What the last export for each system said, so that the next one can tell what has changed since: `exports.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..files import write_whole
from .marks import Marks

FILE = "exports.json"  # in the results folder: format -> when, and who got what
ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """A cell of a school's table that holds something else than it did."""

    student: str  # the id of the roster, else the folder's name
    unit: str
    before: str  # ABSENT for somebody, or a unit, that was not in the table
    now: str


@dataclass(frozen=True)
class Exported:
    """What an export said."""

    date: str  # ISO, UTC; empty where there was none
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # student -> unit -> what stood there

    @classmethod
    def of(cls, marks: Marks) -> Exported:
        """What an export of marks says now."""
        told = {
            row.person.id if row.person else row.student: {unit: marks.told(row, unit) for unit in marks.units}
            for row in marks.rows
        }
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), told)

    def since(self, last: Exported) -> list[Difference]:
        """What it says otherwise than the last one, by student and unit; empty cells that were not there count not."""
        found = []
        for student in sorted({*self.told, *last.told}):
            own, had = self.told.get(student), last.told.get(student)
            for unit in sorted({*(own or ()), *(had or ())}):
                before, now = (ABSENT if row is None else row.get(unit, ABSENT) for row in (had, own))
                if before != now and {before, now} != {ABSENT, ""}:
                    found.append(Difference(student, unit, before, now))
        return found


def read_last(results: Path, format: str) -> Exported:
    """What the last export for a system said; nothing where there was none, or nobody can read it any more."""
    try:
        found = _read(results)[format]
        return Exported(str(found["date"]), {who: dict(units) for who, units in found["marks"].items()})
    except (LookupError, TypeError, ValueError, AttributeError):
        return Exported("")


def note_export(results: Path, format: str, exported: Exported) -> None:
    """Keep what an export said, for the next one of its format."""
    try:
        kept = _read(results)
    except ValueError:
        kept = {}
    kept[format] = {"date": exported.date, "marks": exported.told}
    write_whole(results / FILE, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def told_open(marks: Marks) -> str:
    """Which points wait for a person, as words; empty where none do."""
    waiting: dict[str, Sequence[float]] = {}
    for unit in marks.units:
        own = [mark.still_open for row in marks.rows if (mark := row.marks.get(unit)) and mark.still_open]
        if own:
            waiting[unit] = own
    return ", ".join(
        f"{unit} of {len(own)} student{'' if len(own) == 1 else 's'} ({sum(own):g} points)"
        for unit, own in waiting.items()
    )


def _read(results: Path) -> dict[str, Any]:
    """The content of the file; nothing where it is absent. Raises ValueError where it is no such file."""
    try:
        found = json.loads((results / FILE).read_bytes())
    except OSError:
        return {}
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
