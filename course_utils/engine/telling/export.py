"""Marks for a school's system, from the scores of a results folder.

Notable choices:
- points are those of `scores.csv`, which first takes up what people have entered in the gradebook since;
- where the results know a roster, its people stand in the table and nobody else: Moodle ends a whole import at the
  first person whom it does not know. Without a roster a student is known by the name of the folder that was handed in,
  which goes into each column by which a system can find a person;
- `like` takes the school's own table, as it was exported there: its people, its columns, its order, its headers;
- a name that a spreadsheet would take for a formula gets an apostrophe in front, here as in `scores.csv`; in XLSX it is
  a text. Ids of a roster are the school's own and stay as they are, or no importer would find them;
- answers that wait for a person make a mark that is not final: it leaves only where that was asked for;
- what each format said last is kept, so that the next export can tell what has changed since.

Formats: Canvas "import grades" (its header and its row "Points Possible"), Moodle "import grades from CSV" (columns to
map to the person, and for each unit one to map to its grade and one to its feedback), a plain table as CSV or XLSX, and
zip files for Moodle's "upload multiple feedback files in a zip", one a unit.
"""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from ..files import write_whole
from ..grading.log import LOG
from ..grading.terms import read_terms
from ..harmless import cell_of_name
from .exported import Difference, Exported, note_export, read_last, told_open
from .marks import MISSING, Marks, Row, read_marks
from .moodle_feedback import write_feedback_zips
from .pages.text import points
from .results import refresh
from .school_table import fill_table
from .spreadsheet import as_xlsx

Note = Callable[[str], None]
Compare = Callable[[Sequence[Difference], str], None]
Table = list[list[str]]


def _canvas(marks: Marks, note: Note) -> Table:
    """Canvas finds a person by ID, else SIS User ID, else SIS Login ID, else name."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *map(marks.header, marks.units)]]
    rows.append(["    Points Possible", "", "", "", "", *(marks.possible[unit] for unit in marks.units)])
    for row in marks.rows:
        person, name = row.person, cell_of_name(row.person.sortable_name if row.person else row.student)
        # Canvas takes any row whose first cell holds these words for the row of maximal points.
        name = name.replace("Points Possible", "Points-Possible")
        who = [name, "", name, name, ""]
        if person:
            who = [name, _canvas_id(marks, row), person.sis_id, person.login or person.id, person.section]
        rows.append([*who, *(marks.told(row, unit) for unit in marks.units)])
    return rows


def _canvas_id(marks: Marks, row: Row) -> str:
    """Canvas's number of a person: from the roster, else from what its download was called."""
    own = marks.terms.arrivals.get(row.student, {}).values()
    seen = (arrival.number for arrival in own if arrival.platform == "Canvas" and arrival.number)
    return (row.person.canvas_id if row.person else "") or next(seen, "")


def _moodle(marks: Marks, note: Note) -> Table:
    """Moodle asks which column names the person: "Email address" where all have one, else "ID number"."""
    if marks.terms.roster is None:
        rows = [["ID number", "Email address", *marks.units]]
        for row in marks.rows:
            name = cell_of_name(row.student)
            address = (
                name if name.count("@") == 1 and not name.startswith("'") and not any(c.isspace() for c in name) else ""
            )
            rows.append([name, address, *(marks.told(row, unit) for unit in marks.units)])
        return rows
    headers = [text for unit in marks.units for text in (marks.header(unit), f"{marks.header(unit)} (feedback)")]
    rows = [["ID number", "Email address", *headers]]
    for row in marks.rows:
        person = row.person
        cells = [cell for unit in marks.units for cell in (marks.told(row, unit), marks.feedback(row, unit))]
        rows.append([person.sis_id or person.id, person.email, *cells] if person else [row.student, "", *cells])
    without = [row.student for row in marks.rows if row.person and not row.person.email]
    if not without:
        note("in Moodle, map from 'Email address' to 'Email address'")
    else:
        note(f"in Moodle, map from 'ID number' to 'ID number': {len(without)} people have no e-mail address")
    return rows


def _plain(marks: Marks, note: Note) -> Table:
    """A row per student, a column per unit, and the sum; with a roster also name, e-mail address and section."""
    who = ["name", "email", "section"] if marks.terms.roster else []
    rows = [["student", *who, *marks.units, "sum"]]
    for row in marks.rows:
        own = [marks.told(row, unit) for unit in marks.units]
        person = row.person
        about = [person.full_name, person.email, person.section] if person else []
        rows.append([*map(cell_of_name, [row.student, *about]), *own, points(sum(float(mark) for mark in own if mark))])
    return rows


FORMATS: dict[str, Callable[[Marks, Note], Table]] = {"canvas": _canvas, "moodle": _moodle, "csv": _plain}
XLSX, FEEDBACK = "xlsx", "moodle-feedback"
SUFFIXES = {**dict.fromkeys(FORMATS, ".csv"), XLSX: ".xlsx", FEEDBACK: ""}  # of what is written by default


def export(
    results: Path,
    format: str,
    out: Path,
    tell: Note = lambda sentence: None,
    *,
    missing: str = "zero",
    like: Path | None = None,
    partial: bool = False,
    note: Note = lambda sentence: None,
    compare: Compare = lambda changed, since: None,
) -> Path:
    """Writes the marks of a results folder for a school's system; returns the path written.

    format: "canvas", "moodle", "csv", "xlsx", or "moodle-feedback", for which out is a folder.
    tell: is told what of the log could not be read, see `results.refresh`.
    missing: "zero" or "blank", how work that is missing is told.
    like: a table that was exported from Canvas or Moodle, to be filled.
    partial: also where answers wait for a person, whose points are not in the marks yet.
    compare: is told what has changed since the last export of this format, and when that was.
    note: is told what a person should know, such as who was left out.
    A plain table with a name outside ASCII begins with a byte order mark, without which spreadsheets garble Chinese.
    Raises ValueError for another format, for answers that wait for a person, for a folder without scores, for an `out`
    that is a folder, and for a table that cannot be filled.
    """
    if format not in SUFFIXES:
        raise ValueError(f"format must be one of {', '.join(SUFFIXES)}, got {format!r}. Try --format csv.")
    if missing not in MISSING:
        raise ValueError(f"missing must be one of {', '.join(MISSING)}, got {missing!r}. Try --missing blank.")
    if like is not None and format not in ("canvas", "moodle"):
        raise ValueError(f"a school's own table is filled for canvas and moodle, got {format!r}. Leave out --like?")
    results, out = Path(results), Path(out)
    if out.is_dir() and format != FEEDBACK:
        inside = out / f"marks_{format}{SUFFIXES[format]}"
        raise ValueError(f"out must be a file to write, got {out}, which is a folder. Try {inside}.")
    if (results / LOG).is_file():
        refresh(results, tell)
    marks = read_marks(results / "scores.csv", read_terms(results), missing, note)
    if waiting := told_open(marks):
        if not partial:
            raise ValueError(
                f"answers in words wait for a person, so these marks are not final: {waiting}; mark them with course "
                "formgrade or course review, or export what there is with --partial"
            )
        note(f"not final, answers in words wait for a person: {waiting}")
    last, now = read_last(results, format), Exported.of(marks)
    path = _write(results, marks, format, out, like, note)
    if last.date:
        compare(now.since(last), last.date)
    note_export(results, format, now)
    return path


def _write(results: Path, marks: Marks, format: str, out: Path, like: Path | None, note: Note) -> Path:
    """Write the file, or the folder, of a format; returns where."""
    if format == FEEDBACK:
        return write_feedback_zips(results, marks, out, note)
    if format == XLSX:
        return write_whole(out, as_xlsx(marks))
    table = fill_table(marks, like, format, note) if like else FORMATS[format](marks, note)
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(table)
    with_mark = format == "csv" and not text.getvalue().isascii()
    return write_whole(out, text.getvalue().encode("utf-8-sig" if with_mark else "utf-8"))
