"""One student taken out of a class: out of what was handed in, and out of all that the results say.

Notable choices:
- whatever names the student goes: files of one's own as a whole, lines and rows of others one by one, each file
  written beside and renamed. A kill in the middle leaves a class of which the same command takes out the rest;
- the gradebook is vacuumed, for SQLite keeps what it deletes until something else needs the room;
- what was exported, downloaded or listed by hand (`roster.csv`, `class.toml`) is the instructor's own and stays.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..grading.collect import attempts
from ..grading.folder import COLLECTED
from ..grading.intake_table import TABLE
from ..grading.log import LOG, REGRADE, WAITING, locked
from ..grading.scores import SCORES
from ..grading.terms import read_terms
from ..harmless import name_of_cell, shown_name
from .exported import FILE as EXPORTS
from .giving_back import LINKS
from .hand_marks import GRADEBOOK, LOCK_SECONDS, REVIEWS, GradebookError
from .notes import FILE as NOTES
from .pages.classroom import write_class_page
from .pages.signals import PAGE as SIGNALS_PAGE
from .results import all_texts, refresh
from .signals.look import TABLE as SIGNALS

LOGS = ("grade.log", "grade.log.1")  # a line for each notebook, with names

# nbgrader's tables, from the leaves on; ours holds a row for each grade
_DELETIONS = """
DELETE FROM course_graded_text WHERE id IN (SELECT grade.id FROM grade WHERE grade.notebook_id IN ({notebooks}));
DELETE FROM grade WHERE notebook_id IN ({notebooks});
DELETE FROM comment WHERE notebook_id IN ({notebooks});
DELETE FROM submitted_notebook WHERE assignment_id IN ({submissions});
DELETE FROM submitted_assignment WHERE student_id = :student;
DELETE FROM student WHERE id = :student;
""".format(
    submissions="SELECT id FROM submitted_assignment WHERE student_id = :student",
    notebooks="SELECT id FROM submitted_notebook WHERE assignment_id IN "
    "(SELECT id FROM submitted_assignment WHERE student_id = :student)",
)


def forget(student: str, submitted: Path, results: Path) -> list[str]:
    """Take a student out of a class; returns the paths of files and folders that held something and no longer do.

    student: as the results name them, which is the folder's name
    Raises ValueError where nobody is called so, GradebookError where the gradebook cannot be written, RunError while
    another command is at work here.
    """
    done: list[Path] = []
    if submitted.is_dir():
        with attempts.locked(submitted):
            _forget_submissions(student, submitted, done)
    if results.is_dir():
        with locked(results):
            _forget_results(student, results, done)
    if not done:
        raise ValueError(
            f"nobody in {submitted} or {results} is called {student!r}; give the folder's name, as scores.csv has it"
        )
    return [str(path) for path in done]


def _forget_submissions(student: str, submitted: Path, done: list[Path]) -> None:
    for folder in (submitted, submitted / attempts.FOLDER):
        _remove([path for path in folder.iterdir() if shown_name(path.name) == student], done)
    ledger = attempts.Ledger.read(submitted)
    lines = [line for line in ledger.lines if line["student"] != student]
    if len(lines) != len(ledger.lines):
        ledger.lines = lines
        ledger.write()
        done.append(submitted / attempts.FOLDER / attempts.LEDGER)
    _filter_rows(submitted / COLLECTED, student, done)


def _forget_results(student: str, results: Path, done: list[Path]) -> None:
    for name in ("feedback", "autograded"):
        if (results / name).is_dir():
            _remove([path for path in (results / name).iterdir() if path.name == student], done)
    for name in (LOG, WAITING, REGRADE, REVIEWS):
        _filter_lines(results / name, lambda line: _student_of(line) != student, done)
    # as a run's log has it: who was graded, and whose file was read
    marks = [f" {student}{end}".encode("utf-8", "backslashreplace") for end in (", ", "/")]
    for name in LOGS:
        _filter_lines(results / name, lambda line: not any(mark in line for mark in marks), done)
    _forget_marks(student, results / GRADEBOOK, done)
    _filter_json(results / SCORES, lambda rows: [row for row in rows if row["student"] != student], done)
    _filter_json(results / EXPORTS, lambda found: _without_marks(found, student), done)
    for table in (TABLE, NOTES, LINKS):
        _filter_rows(results / table, student, done)
    terms = read_terms(results)
    if terms is not None and student in terms.arrivals:
        arrivals = {who: units for who, units in terms.arrivals.items() if who != student}
        replace(terms, arrivals=arrivals).write(results)
        done.append(results / "class.json")
    if done:  # pages that show two people side by side: `course signals` makes them anew
        _remove([path for path in (results / SIGNALS, results / SIGNALS_PAGE) if path.exists()], done)
    if (results / LOG).is_file() and done:
        refresh(results)
        write_class_page(results, all_texts())


def _remove(paths: list[Path], done: list[Path]) -> None:
    """Remove files and folders; of a link the link."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        done.append(path)


def _filter_lines(path: Path, keep: Callable[[bytes], bool], done: list[Path]) -> None:
    with suppress(FileNotFoundError):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if keep(line)]
        if len(kept) != len(lines):
            write_whole(path, b"".join(kept))
            done.append(path)


def _student_of(line: bytes) -> Any:
    try:
        return json.loads(line)["student"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _filter_json(path: Path, without: Callable[[Any], Any], done: list[Path]) -> None:
    """Take out what a function leaves out; a damaged file is made anew by whoever made it, and is removed."""
    try:
        found = json.loads(path.read_bytes())
        kept = without(found)
    except FileNotFoundError:
        return
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        _remove([path], done)
        return
    if kept != found:
        write_whole(path, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
        done.append(path)


def _without_marks(found: dict[str, Any], student: str) -> dict[str, Any]:
    return {
        format: {**one, "marks": {who: marks for who, marks in one["marks"].items() if who != student}}
        for format, one in found.items()
    }


def _filter_rows(path: Path, student: str, done: list[Path]) -> None:
    """Take the rows of a student out of a table with a column that names one."""
    with suppress(FileNotFoundError):
        data = path.read_bytes()
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
        column = header.index("student")
        kept = [row for row in rows if name_of_cell(row[column]) != student]
        if len(kept) != len(rows):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([header, *kept])
            mark = data.startswith(b"\xef\xbb\xbf")
            write_whole(path, text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
            done.append(path)


def _forget_marks(student: str, path: Path, done: list[Path]) -> None:
    if not path.exists():
        return
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=LOCK_SECONDS, uri=True, isolation_level=None)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'student'").fetchone():
                return
            if not db.execute("SELECT 1 FROM student WHERE id = ?", [student]).fetchone():
                return
            db.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _DELETIONS.split(";")):
                db.execute(statement, {"student": student})
            db.execute("COMMIT")
            db.execute("VACUUM")
    except sqlite3.Error as error:
        raise GradebookError(
            f"{path} could not be written ({error}). Is another program writing to it, or is it no gradebook?"
        ) from error
    done.append(path)
