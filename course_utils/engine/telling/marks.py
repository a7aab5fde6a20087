"""The marks of a results folder, ready for a school's table: who stands in it, and what each got."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..grading.roster import Person, Roster
from ..grading.terms import Terms
from ..harmless import name_of_cell
from .pages.text import late_sentence, points, words

COLUMNS = ("student", "unit", "points", "max_points")
MISSING = ("zero", "blank")  # how work that is missing is told


@dataclass(frozen=True)
class Mark:
    """What somebody got for a unit."""

    points: float
    most: float
    is_missing: bool = False
    still_open: float = 0.0  # points of these that a person has yet to give
    late: str = ""  # a sentence on what being late has cost


@dataclass(frozen=True)
class Row:
    """Somebody who stands in a table."""

    student: str  # the folder's name, or the id of somebody who has none
    person: Person | None
    marks: dict[str, Mark]  # by units


@dataclass(frozen=True)
class Marks:
    """All marks of a class."""

    rows: Sequence[Row]
    units: Sequence[str]
    possible: dict[str, str]  # by units
    terms: Terms
    missing: str = "zero"  # of MISSING

    def told(self, row: Row, unit: str) -> str:
        """What stands in a cell."""
        mark = row.marks.get(unit)
        if mark is None or mark.is_missing:
            # of somebody without a folder only a roster says that the work is missing
            known = mark is not None or row.person is not None
            return "0" if known and self.missing == "zero" else ""
        return points(mark.points)

    def feedback(self, row: Row, unit: str) -> str:
        """A sentence on a mark; empty where there is none."""
        if not self.told(row, unit):
            return ""
        mark, t = row.marks.get(unit), words(self.terms.language)
        if mark is None or mark.is_missing:
            return t["missing_heading"]
        told = [t["export_points"].format(points=points(mark.points), most=points(mark.most))]
        told += [t["export_open"].format(points=points(mark.still_open))] if mark.still_open else []
        return " ".join([*told, mark.late] if mark.late else told)

    def header(self, unit: str) -> str:
        """What the school's system calls a unit, as the class file says; else its name."""
        return self.terms.columns.get(unit, unit)


def read_marks(
    table: Path, terms: Terms | None, missing: str = "zero", note: Callable[[str], None] = lambda sentence: None
) -> Marks:
    """The marks of scores.csv; where there is a roster, of its people and nobody else.

    note: is told whom that leaves out
    Raises ValueError if the table is absent, lacks a column, or holds points that are no number.
    """
    rows = _read(table)
    told, folders = terms or Terms(), sorted({row["student"] for row in rows}, key=lambda name: (name.casefold(), name))
    units = sorted({row["unit"] for row in rows})
    most = {unit: points(max(float(row["max_points"]) for row in rows if row["unit"] == unit)) for unit in units}
    own: dict[str, dict[str, Mark]] = {folder: {} for folder in folders}
    for row in rows:
        own[row["student"]][row["unit"]] = _mark(row, told)
    if told.roster is None:
        found = [Row(folder, None, own[folder]) for folder in folders]
    else:
        found = _of_roster(told.roster, own, note)
    return Marks(found, units, most, told, missing)


def _of_roster(roster: Roster, own: dict[str, dict[str, Mark]], note: Callable[[str], None]) -> list[Row]:
    """A row for each person of a roster, whatever their folders are called."""
    folders: dict[str, list[str]] = {}
    strangers = []
    for folder in own:
        person = roster.match(folder).person
        if person:
            folders.setdefault(person.id, []).append(folder)
        else:
            strangers.append(folder)
    if strangers:
        note(f"left out, since not on the roster: {', '.join(strangers)}")
    rows = []
    for person in roster.people:
        # the folder that is called by the id first; a mark before a missing one
        names = sorted(folders.get(person.id, ()), key=lambda name: name != person.id)
        marks: dict[str, Mark] = {}
        for name in names:
            for unit, mark in own[name].items():
                if unit not in marks or (marks[unit].is_missing and not mark.is_missing):
                    marks[unit] = mark
        if len(names) > 1:
            note(
                f"{person.full_name} ({person.id}) has {len(names)} folders, {', '.join(names)}; the first mark counts"
            )
        rows.append(Row(names[0] if names else person.id, person, marks))
    return rows


def _mark(row: dict[str, str], terms: Terms) -> Mark:
    left, penalty = float(row["points"]), float(row.get("late_penalty") or 0.0)
    late = terms.late_of(row["student"], row["unit"], left + penalty) if penalty else None
    return Mark(
        left,
        float(row["max_points"]),
        row.get("outcome") == "missing",
        float(row.get("manual_points_open") or 0.0),
        late_sentence(late, words(terms.language)) if late else "",
    )


def _read(table: Path) -> list[dict[str, str]]:
    """Rows of scores.csv.

    Raises ValueError if it is absent, lacks a column, or holds points that are no number.
    """
    if not table.parent.is_dir():
        raise ValueError(
            f"results must be a folder that `course grade` wrote, got {table.parent}, which is not a folder. "
            "Run `course grade` first?"
        )
    if not table.is_file():
        raise ValueError(f"results must hold scores.csv, got {table.parent}, which does not. Run `course grade` first?")
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        absent = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if absent:
            raise ValueError(
                f"{table} must have the columns {', '.join(COLUMNS)}, got none named {', '.join(absent)}. "
                "Grade again to write it anew?"
            )
        rows = [row | {"student": name_of_cell(row["student"] or "")} for row in reader]
    for number, row in enumerate(rows, start=2):
        for column in ("points", "max_points"):
            try:
                usable = math.isfinite(float(row[column]))
            except (TypeError, ValueError):
                usable = False
            if not usable:
                raise ValueError(
                    f"{table} row {number}: {column} must be a number, got {row[column]!r}. "
                    "Grade again to write it anew?"
                )
    return rows
