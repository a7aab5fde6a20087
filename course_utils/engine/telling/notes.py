"""A note to a student, written by hand: `notes.csv` in the results, which a command or a spreadsheet writes.

    student,unit,note
    wxm,,You have come a long way since October.
    wxm,02_attention,Draw the shapes before you write the code.

A note with a unit stands on that unit's page, one without on all pages of the student. Grading never writes here.
"""

from __future__ import annotations

import csv
import fcntl
import io
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..files import write_whole
from ..grading.lettering import decoded
from ..grading.plan import RunError
from ..grading.roster import table_of
from ..harmless import cell_of_name, name_of_cell

FILE = "notes.csv"
COLUMNS = ("student", "unit", "note")

Notes = Mapping[tuple[str, str], str]  # (student in normal form C, unit, or "" for all) -> text


def note_to(results: Path, student: str, unit: str = "") -> str:
    """What a person wrote to a student about a unit, or about all of them; empty where nobody wrote.

    Raises ValueError for a file that is no table or lacks a column.
    """
    return _notes(Path(results)).get(_place(student, unit), "")


def _place(student: str, unit: str) -> tuple[str, str]:
    return unicodedata.normalize("NFC", student), unit


def _notes(results: Path) -> Notes:
    path = results / FILE
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)  # each page of a class asks
def _read(path: Path, *_: int) -> Notes:
    try:
        rows = [(line, row) for line, row in table_of(decoded(path.read_bytes()), path) if any(row)]
    except RunError as error:
        raise ValueError(str(error)) from None
    if not rows:
        return {}
    header = [name.casefold() for name in rows[0][1]]
    if absent := [name for name in COLUMNS if name not in header]:
        raise ValueError(
            f"{path} must have the columns {', '.join(COLUMNS)}, got none named {', '.join(absent)}; "
            "write them into its first line"
        )
    student, unit, note = map(header.index, COLUMNS)
    found: dict[tuple[str, str], str] = {}
    for _line, row in rows[1:]:
        row = row + [""] * (len(header) - len(row))
        place = _place(name_of_cell(row[student]), row[unit])
        if row[note]:
            found[place] = f"{found[place]}\n{row[note]}" if place in found else row[note]
    return found


def write_note(results: Path, student: str, unit: str, text: str) -> None:
    """Write a student's note in the place of the one that was there; an empty text takes that away.

    Two that write at once wait for each other. Raises ValueError where the file that is there cannot be read.
    """
    with _alone(results):
        notes = {**_notes(Path(results)), _place(student, unit): text.strip()}
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((cell_of_name(who), what, said) for (who, what), said in sorted(notes.items()) if said)
        # with the mark, or spreadsheets garble Chinese
        write_whole(Path(results) / FILE, table.getvalue().encode("utf-8-sig"))


@contextmanager
def _alone(results: Path) -> Iterator[None]:
    with (Path(results) / ".notes.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
