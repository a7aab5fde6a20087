"""Marks for a school's system, from the scores of a results folder.

Notable choices:
- points are those of `scores.csv`, which first takes up what people have entered in the gradebook since; a student and
  unit that do not stand there stay empty, which both systems read as "leave as it is";
- a student is known by the name of the folder that was handed in, so it goes into each column by which a system can
  find a person;
- a name that a spreadsheet would take for a formula gets an apostrophe in front, here as in `scores.csv`.

Formats: Canvas "import grades" (its header and its row "Points Possible"), Moodle "import grades from CSV"
(one column to map to the person, one per grade item), and a plain table.
"""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

from course_utils.engine.grading.log import LOG
from course_utils.engine.making.files import write_whole
from course_utils.engine.telling.harmless import cell_of_name, name_of_cell
from course_utils.engine.telling.pages.text import points
from course_utils.engine.telling.results import refresh

COLUMNS = ("student", "unit", "points", "max_points")

Marks = dict[tuple[str, str], str]  # (student, unit) -> points


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


def _canvas(students: list[str], units: list[str], marks: Marks, possible: dict[str, str]) -> list[list[str]]:
    """Canvas finds a person by SIS User ID, else SIS Login ID, else name; ID is its own number and stays empty."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *units]]
    rows.append(["    Points Possible", "", "", "", "", *(possible[unit] for unit in units)])
    for student in students:
        name = cell_of_name(student)
        # Canvas takes any row whose first cell holds these words for the row of maximal points.
        shown = name.replace("Points Possible", "Points-Possible")
        rows.append([shown, "", name, name, "", *(marks.get((student, unit), "") for unit in units)])
    return rows


def _moodle(students: list[str], units: list[str], marks: Marks, possible: dict[str, str]) -> list[list[str]]:
    """Moodle asks which column names the person: "Email address" where folders are named so, else "ID number"."""
    rows = [["ID number", "Email address", *units]]
    for student in students:
        name = cell_of_name(student)
        address = (
            name if name.count("@") == 1 and not name.startswith("'") and not any(c.isspace() for c in name) else ""
        )
        rows.append([name, address, *(marks.get((student, unit), "") for unit in units)])
    return rows


def _plain(students: list[str], units: list[str], marks: Marks, possible: dict[str, str]) -> list[list[str]]:
    """A row per student, a column per unit, and the sum."""
    rows = [["student", *units, "sum"]]
    for student in students:
        own = [marks.get((student, unit), "") for unit in units]
        rows.append([cell_of_name(student), *own, points(sum(float(mark) for mark in own if mark))])
    return rows


FORMATS: dict[str, Callable[[list[str], list[str], Marks, dict[str, str]], list[list[str]]]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "csv": _plain,
}


def export(results: Path, format: str, out: Path, tell: Callable[[str], None] = lambda sentence: None) -> Path:
    """Writes the marks of a results folder for a school's system; returns the path written.

    format: "canvas", "moodle" or "csv"; tell: is told what of the log could not be read, see `results.refresh`.
    A plain table with a name outside ASCII begins with a byte order mark, without which spreadsheets garble Chinese.
    Raises ValueError for another format, for a folder without scores, and for an `out` that is a folder.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}. Try --format csv.")
    results, out = Path(results), Path(out)
    if out.is_dir():
        raise ValueError(
            f"out must be a file to write, got {out}, which is a folder. Try {out / f'marks_{format}.csv'}."
        )
    if (results / LOG).is_file():
        refresh(results, tell)
    rows = _read(results / "scores.csv")
    students = sorted({row["student"] for row in rows}, key=lambda name: (name.casefold(), name))
    units = sorted({row["unit"] for row in rows})
    marks = {(row["student"], row["unit"]): points(float(row["points"])) for row in rows}
    possible = {unit: points(max(float(row["max_points"]) for row in rows if row["unit"] == unit)) for unit in units}

    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(FORMATS[format](students, units, marks, possible))
    with_mark = format == "csv" and not text.getvalue().isascii()
    return write_whole(out, text.getvalue().encode("utf-8-sig" if with_mark else "utf-8"))
