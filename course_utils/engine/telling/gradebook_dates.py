"""What a class file says, in nbgrader's own columns: due dates, times of handing in, extensions, penalties, names.

So formgrader, nbgrader's feedback and `nbgrader export` count as the pages here do. By SQL alone, as `hand_marks` does:
nbgrader takes seconds to import, and marks by hand change what being late costs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..grading.terms import Terms
from .hand_marks import GRADEBOOK, LOCK_SECONDS, GradebookError

_EPOCH = datetime(1970, 1, 1)  # SQLAlchemy keeps a duration as the time since then


def write_dates(results: Path, terms: Terms | None, records: Sequence[Mapping[str, Any]]) -> None:
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


def _write(db: sqlite3.Connection, terms: Terms, records: Sequence[Mapping[str, Any]]) -> None:
    units = {record["unit"] for record in records}
    _update(db, "assignment SET duedate = ? WHERE name = ?", ((_moment(terms.due.get(unit)), unit) for unit in units))
    assignment = "(SELECT id FROM assignment WHERE name = ?)"
    submission = f"id FROM submitted_assignment WHERE student_id = ? AND assignment_id = {assignment}"
    submissions, penalties = [], []
    for record in records:
        student, unit = record["student"], record["unit"]
        arrival = terms.arrivals.get(student, {}).get(unit)
        late = terms.late_of_record(record)
        extension = timedelta(seconds=arrival.extension) if arrival else timedelta()
        granted = f"{_EPOCH + extension:%Y-%m-%d %H:%M:%S}.000000" if extension else None
        submissions.append((_moment(arrival.first if arrival else ""), granted, student, unit))
        penalties.append((late.penalty if late else None, student, unit))
    _update(db, f"submitted_assignment SET timestamp = ?, extension = ? WHERE id = (SELECT {submission})", submissions)
    _update(
        db, f"submitted_notebook SET late_submission_penalty = ? WHERE assignment_id = (SELECT {submission})", penalties
    )
    if terms.roster:
        # names in formgrader make marks depend on whose they are; a class that wants that says so
        names = [
            ("", "", "", person.id)
            if terms.anonymous
            else (person.first or person.full_name, person.last, person.email, person.id)
            for person in terms.roster.people
        ]
        _update(db, "student SET first_name = ?, last_name = ?, email = ? WHERE id = ?", names)


def _update(db: sqlite3.Connection, what: str, rows: Iterable[Sequence[Any]]) -> None:
    db.executemany(f"UPDATE {what}", rows)


def _moment(text: str | None) -> str | None:
    """A time as SQLAlchemy keeps it: UTC, without a zone."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}.000000" if text else None
