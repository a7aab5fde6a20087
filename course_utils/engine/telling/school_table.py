"""A table that a school's system exported, filled with marks: its people, its columns, its headers.

Canvas takes an assignment by its header, `Title (4711)`, so the header has to be its own; of its columns those that
name the person go back, and those of the units. A person of the table who has no marks here keeps what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..course import LANGUAGES
from ..grading.collect.layouts import unit_in
from ..grading.lettering import decoded, folded
from ..grading.plan import RunError
from ..grading.roster import Person, Roster, fields_of, is_no_person, read_roster, table_of
from ..harmless import cell_of_name
from ..texts import unit_texts
from .marks import Marks, Row

_IDENTITY = ("id", "login", "email", "sis_id", "canvas_id", "name", "first", "last", "section")
_FEEDBACK = re.compile(r"feedback|comments?|kommentar|反馈|评语", re.IGNORECASE)


def fill_table(marks: Marks, template: Path, system: str, note: Callable[[str], None]) -> list[list[str]]:
    """The rows of an exported table with marks in them; system: "canvas" or "moodle".

    note: is told who is in one of the two and not in the other
    Raises ValueError where the table cannot be read, is another system's, or has no column for a unit.
    """
    try:
        people = read_roster(template)
        table = list(table_of(decoded(template.read_bytes()), template))
    except (RunError, OSError) as error:
        raise ValueError(str(error)) from None
    start = next(number for number, (_, row) in enumerate(table) if any(row))
    header = table[start][1]
    fields = fields_of(header)
    if system == "canvas" and not {"name", "canvas_id"} <= set(fields):
        raise ValueError(f"{template} must be a gradebook that Canvas exported, got no columns Student and ID")
    who = _who(header, fields, system)
    columns, feedback = _columns(marks, template, header, [place for place in range(len(header)) if place not in who])
    kept = sorted([*who, *columns.values(), *feedback.values()])
    by_line = {person.line: person for person in people.people}
    rows = {person.line: row for row in marks.rows if (person := _in_table(row, people))}
    absent = [row.student for row in marks.rows if row.marks and not _in_table(row, people)]
    if absent:
        note(f"not in {template.name}, so left out: {', '.join(absent)}")
    filled = [[header[place] for place in kept]]
    for line, cells in table[start + 1 :]:
        cells = [*cells, *[""] * (len(header) - len(cells))]
        person = by_line.get(line)
        if person is None:
            if system == "canvas" and any(cells) and is_no_person({}, cells):  # not the test student
                filled.append([_as_it_was(cells[place]) for place in kept])
                _compare_points(marks, cells, columns, note)
            continue
        if row := rows.get(line):
            for unit, place in columns.items():
                cells[place] = marks.told(row, unit)
            for unit, place in feedback.items():
                cells[place] = marks.feedback(row, unit)
        for place in fields.get("name", []) + fields.get("first", []) + fields.get("last", []):
            cells[place] = cell_of_name(cells[place])
        filled.append([cells[place] for place in kept])
    return filled


def _who(header: Sequence[str], fields: Mapping[str, list[int]], system: str) -> list[int]:
    """The places of the columns that name the person; for Canvas all up to the section, in its own order."""
    if system == "canvas" and fields.get("section"):
        return list(range(fields["section"][0] + 1))
    return sorted(place for name in _IDENTITY for place in fields.get(name, ()))


def _as_it_was(cell: str) -> str:
    return "    Points Possible" if cell == "Points Possible" else cell  # Canvas writes blanks before it


def _in_table(row: Row, people: Roster) -> Person | None:
    """Whose row of the table a row of marks is."""
    person = row.person
    if person is None:
        return people.match(row.student).person
    known: list[tuple[str, Iterable[str]]] = [
        (person.canvas_id, ["Canvas id"]),
        (person.sis_id, ["SIS id"]),
        (person.login, ["login"]),
        (person.email, ["e-mail", "login"]),
        (person.id, ["id", "login", "SIS id", "e-mail"]),
        (person.full_name, ["name"]),
    ]
    return next((found for text, kinds in known if text and (found := people.match(text, kinds).person)), None)


# columns --------------------------------------------------------------------------------------------------------------


def _columns(
    marks: Marks, template: Path, header: Sequence[str], places: Sequence[int]
) -> tuple[dict[str, int], dict[str, int]]:
    """The place of each unit's marks, and of its feedback where there is one. Raises ValueError for none or several."""
    columns, feedback = {}, {}
    for unit in marks.units:
        named = marks.terms.columns.get(unit)
        found = [place for place in places if named and header[place] == named] or _called(unit, header, places)
        graded = [place for place in found if not _FEEDBACK.search(header[place])]
        if len(graded) > 1:
            exact = [place for place in graded if folded(_title(header[place])) in _titles(unit)]
            graded = exact if len(exact) == 1 else graded
        if len(graded) != 1:
            seen = ", ".join(repr(header[place]) for place in (graded or places)) or "no column of marks"
            how = "several columns are" if graded else "no column is"
            raise ValueError(
                f"{template}: {how} called like {unit}; there are {seen}. Name it in class.toml: "
                f'[units.{unit}] column = "..."'
            )
        columns[unit] = graded[0]
        told = [place for place in _called(unit, header, places) if _FEEDBACK.search(header[place])]
        if len(told) == 1:
            feedback[unit] = told[0]
    return columns, feedback


def _called(unit: str, header: Sequence[str], places: Sequence[int]) -> list[int]:
    """The columns that are called like a unit: by its id, else by its title."""
    by_id = [place for place in places if unit_in(header[place], [unit])]
    titles = _titles(unit)
    return by_id or [place for place in places if any(title in folded(header[place]) for title in titles)]


def _titles(unit: str) -> set[str]:
    try:
        title = unit_texts(unit).get("title") or {}
    except (OSError, ValueError):
        title = {}
    return {folded(text) for text in [unit, *(title.get(language, "") for language in LANGUAGES)] if text}


def _title(header: str) -> str:
    """A header without what a system puts round an assignment's title."""
    return re.sub(r"\s*\([^()]*\)$", "", re.sub(r"^[^:：]+[:：]\s*", "", header)).strip()


def _compare_points(
    marks: Marks, cells: Sequence[str], columns: Mapping[str, int], note: Callable[[str], None]
) -> None:
    if "Points Possible" not in cells[0]:
        return
    for unit, place in columns.items():
        try:
            differs = float(cells[place].replace(",", ".")) != float(marks.possible[unit])
        except ValueError:
            differs = True
        if differs:
            note(
                f"the school's gradebook counts {unit} out of {cells[place] or 'nothing'}, the marks are out of "
                f"{marks.possible[unit]}; set the points of the assignment there"
            )
