"""What `course collect` shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engine.grading.classfile import Class
from ..engine.grading.collect.gather import ATTEMPT, FILE, TABLE, Collected
from ..engine.grading.collect.sources import TOOLS
from ..engine.grading.intake_table import NOTEBOOK, SYSTEM_NOTE
from ..engine.harmless import on_one_line

SHOWN = 20  # rows of a table, and names in a list; all of them stand in the file


def show_collected(console: Console, done: Collected, class_: Class | None, into: Path) -> None:
    """Show what was read as what, what was left aside, who is unknown and who is missing."""
    counts = {kind: sum(line["read_as"] == kind for line in done.lines) for kind in (NOTEBOOK, ATTEMPT, FILE, "")}
    lines = [line for line in done.lines if line["note"] not in (TOOLS, SYSTEM_NOTE)]
    few = len(lines) <= SHOWN
    shown = lines if few else [line for line in lines if line["note"]]
    _table(
        console,
        "What was read as what" if few else "What was left aside or needs a look",
        ("file", "student", "unit", "read as", "note"),
        [(line["source"], line["student"], line["unit"], line["read_as"] or "–", line["note"]) for line in shown],
    )
    _table(
        console,
        "Not on the roster; kept under their own names",
        ("folder", "why"),
        [(name, why) for name, why in sorted(done.unknown.items())],
    )
    if done.missing and class_ and class_.roster:
        names = {person.id: person.full_name for person in class_.roster.people}
        units = list(dict.fromkeys(unit for _, unit in done.missing))
        rows = []
        for unit in units:
            who = [names[student] for student, own in done.missing if own == unit]
            rows.append((unit, f"{len(who)} of {len(names)}", _listed(who)))
        _table(console, "Who is missing", ("unit", "missing", "who"), rows)
    students = {line["student"] for line in done.lines if line["student"]}
    console.print(
        f"read {done.files} files of {len(students)} students: {counts[NOTEBOOK]} notebooks to grade, "
        f"{counts[ATTEMPT]} other attempts kept, {counts[FILE]} other files brought, "
        f"{counts[''] - done.systems} left aside; {done.new} new, "
        f"{done.replaced} in the place of an earlier one; the table of all is {into / TABLE}",
        markup=False,
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _table(console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = Table(*header, title=title)
    for row in rows[:SHOWN]:
        table.add_row(*(Text(on_one_line(cell)) for cell in row))
    console.print(table)
    if len(rows) > SHOWN:
        console.print(f"and {len(rows) - SHOWN} more, in {TABLE}", markup=False)
