"""What a class file says, in nbgrader's own columns: due dates, times of handing in, extensions, penalties, names.

So formgrader, nbgrader's feedback and `nbgrader export` count as the pages here do. By SQL alone, as `hand_marks` does:
nbgrader takes seconds to import, and marks by hand change what being late costs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..grading.record import Record
from ..grading.terms import Terms
from .hand_marks import GRADEBOOK, LOCK_SECONDS, GradebookError

_EPOCH = datetime(1970, 1, 1)  # SQLAlchemy keeps a duration as the time since then


def write_dates(results: Path, terms: Terms | None, records: Sequence[Record]) -> None:
    """Bring a gradebook's dates and penalties up to what is known of the class, all of it or nothing.

    records: with what people entered; terms: None leaves the gradebook as it is
    Raises GradebookError where it cannot be written.
    """
    path = Path(results) / GRADEBOOK
    if terms is None or not path.exists():
        return
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=LOCK_SECONDS, uri=True, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            _write(db, terms, records)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise GradebookError(
            f"{path} could not be written ({error}). Is another program writing to it, or is it no gradebook?"
        ) from error


def _write(db: sqlite3.Connection, terms: Terms, records: Sequence[Record]) -> None:
    """Only units with a date in the class file are touched: dates of others may be a person's own."""
    unit_ = "(SELECT id FROM assignment WHERE name = ?)"
    whose = f"(SELECT id FROM submitted_assignment WHERE student_id = ? AND assignment_id = {unit_})"
    dues = [(_moment(due), unit) for unit, due in terms.due.items()]
    times, extensions, penalties = [], [], []
    for record in (record for record in records if record.unit in terms.due):
        student, unit = record.place
        arrival = terms.arrivals.get(student, {}).get(unit)
        if arrival and arrival.first:
            times.append((_moment(arrival.first), student, unit))
        extension = timedelta(seconds=arrival.extension) if arrival else timedelta()
        granted = f"{_EPOCH + extension:%Y-%m-%d %H:%M:%S}.000000" if extension else None
        extensions.append((granted, student, unit))
        late = terms.late_of_record(record)
        penalties.append((late.penalty if late else None, student, unit))
    db.executemany("UPDATE assignment SET duedate = ? WHERE name = ?", dues)
    db.executemany(f"UPDATE submitted_assignment SET timestamp = ? WHERE id = {whose}", times)
    db.executemany(f"UPDATE submitted_assignment SET extension = ? WHERE id = {whose}", extensions)
    db.executemany(
        f"UPDATE submitted_notebook SET late_submission_penalty = ? WHERE assignment_id = {whose}", penalties
    )
    if terms.roster:
        # names in formgrader make marks depend on whose they are; a class that wants that says so
        names = [
            ("", "", "", person.id)
            if terms.anonymous
            else (person.first or person.full_name, person.last, person.email, person.id)
            for person in terms.roster.people
        ]
        db.executemany("UPDATE student SET first_name = ?, last_name = ?, email = ? WHERE id = ?", names)


def _moment(text: str | None) -> str | None:
    """A time as SQLAlchemy keeps it: UTC, without a zone."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}.000000" if text else None
