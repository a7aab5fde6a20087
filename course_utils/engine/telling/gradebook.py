"""nbgrader's gradebook and its `autograded` folder, brought into the state that the log's records say.

Formgrader, `nbgrader autograde`, `nbgrader export` and manual grading work on the result as on nbgrader's own.

Notable choices:
- nbgrader's own preprocessors make the forms of each source notebook, as `nbgrader generate_assignment` does;
- one transaction for everything, so that a kill leaves the old gradebook, and formgrader may stay open meanwhile;
- rows are compared before they are written: a second run changes nothing;
- what a person entered (scores, comments, extra credit, extensions, late penalties, flags) is never written to;
- no submission is ever removed: one that is gone keeps its row, with the points that its record gives.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader import api, utils
from nbgrader.converters import GenerateAssignment
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import SaveCells
from traitlets.config import Config

from .. import files
from ..course import Course, current
from ..grading.record import Record, Score, in_language
from ..making.nbgrader import settings
from ..making.release import as_text
from .hand_marks import LOCK_SECONDS, GradebookError
from .harmless_markdown import harmless_markdown

COURSE = api.Course.__table__
ASSIGNMENT = api.Assignment.__table__
NOTEBOOK = api.Notebook.__table__
STUDENT = api.Student.__table__
BASE_CELL = api.BaseCell.__table__
GRADE_CELL = api.GradeCell.__table__
SOLUTION_CELL = api.SolutionCell.__table__
SOURCE_CELL = api.SourceCell.__table__
SUBMISSION = api.SubmittedAssignment.__table__
SUBMITTED_NOTEBOOK = api.SubmittedNotebook.__table__
GRADE = api.Grade.__table__
COMMENT = api.Comment.__table__
# Ours, beside nbgrader's tables: which text a grade is about, to see that an answer changed after a person graded it.
GRADED_TEXT = sa.Table(
    "course_graded_text",
    sa.MetaData(),
    sa.Column("id", sa.String(32), primary_key=True),  # of the grade
    sa.Column("digest", sa.String(32), nullable=False),
)


@dataclass(frozen=True)
class Forms:
    """What nbgrader makes of a unit's source notebook, the instructor's own."""

    stored: NotebookNode  # as the gradebook knows it: without answers, with hidden tests
    released: NotebookNode  # as students get it

    @classmethod
    def of(cls, source: NotebookNode, course: Course) -> Forms:
        """The forms of a source notebook, made as `nbgrader generate_assignment` makes them."""
        config = settings(course)
        steps = GenerateAssignment(config=config).preprocessors
        cut = steps.index(SaveCells)
        stored = _processed(source, steps[:cut], config)
        return cls(stored, _processed(stored, steps[cut + 1 :], config))


def _processed(notebook: NotebookNode, steps: Sequence[Callable[..., Any]], config: Config) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    resources: dict[str, Any] = {}
    for step in steps:
        notebook, resources = step(config=config)(notebook, resources)
    return notebook


def write_gradebook(path: Path, forms: Mapping[str, Forms], records: Sequence[Record]) -> None:
    """Bring a gradebook into the state that records say, all of it or nothing; the file need not exist.

    forms: by units; every unit of the records stands there
    records: the last record of each student and unit; what no record speaks of stays as it is
    Raises ValueError for a record of a unit without forms, GradebookError where the file cannot be written.
    """
    unknown = sorted({record.unit for record in records} - set(forms))
    if unknown:
        raise ValueError(f"each record needs its unit's source notebook, got none for {', '.join(unknown)}")
    course = current().settings["id"]
    with _transaction(path) as db:
        _add_missing(db, COURSE, [course])
        _add_missing(db, STUDENT, [record.student for record in records])
        for unit, form in forms.items():
            cells = _write_unit(db, unit, form.stored, course)
            _write_submissions(db, cells, {record.student: record for record in records if record.unit == unit})


class Autograded:
    """What formgrader opens, `folder/<student>/<unit>/<unit>.ipynb`.

    The release with the student's exercises and answers in it: no outputs, and no hidden test, since nbgrader's
    feedback would show it. A submission that could not be read is as released; one that is missing has no file.
    """

    def __init__(self, folder: Path, forms: Mapping[str, Forms]) -> None:
        """forms: by units; every unit of the records stands there."""
        self._folder = folder
        self._pages = {unit: _Page.of(form.released) for unit, form in forms.items()}

    def write(self, record: Record) -> bool:
        """Write the file of a record; returns whether it was not there so."""
        if record.outcome == "missing":
            return False
        unit = record.unit
        path = self._folder / record.student / unit / f"{unit}.ipynb"
        answers = {question: harmless_markdown(text) for question, text in record.answers.items()}
        content = self._pages[unit].filled(_texts(record) | answers)
        if _holds(path, content):
            return False
        files.write_whole(path, content)
        return True


# a released notebook, to be filled ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """The text of a released notebook, cut where the source of a solution cell stands."""

    parts: tuple[str, ...]  # text, grade id, text, grade id, ..., text
    released: Mapping[str, str]  # grade id -> source as released

    @classmethod
    def of(cls, notebook: NotebookNode) -> _Page:
        """The page of a released notebook."""
        notebook, mark, released = copy.deepcopy(notebook), uuid4().hex, {}
        for cell in notebook.cells:
            if utils.is_solution(cell):
                name = cell.metadata.nbgrader.grade_id
                released[name] = cell.source
                cell.source = f"{mark}:{name}:{mark}"
        return cls(tuple(re.split(f'"{mark}:(.*?):{mark}"', as_text(notebook))), released)

    def filled(self, texts: Mapping[str, str]) -> bytes:
        """The notebook's file with a student's texts in it."""
        parts = list(self.parts)
        for i in range(1, len(parts), 2):
            parts[i] = json.dumps(texts.get(parts[i], self.released[parts[i]]), ensure_ascii=False)
        return "".join(parts).encode("utf-8", "replace")


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _texts(record: Record) -> dict[str, str]:
    """What the student wrote, by exercises and questions."""
    return {**record.sources, **record.answers}


# the database -----------------------------------------------------------------------------------------------------


@contextmanager
def _transaction(path: Path) -> Iterator[sa.Connection]:
    """A connection to a gradebook with nbgrader's tables, alone in writing; all is kept or, on any error, nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": LOCK_SECONDS}, poolclass=sa.NullPool
    )

    # The driver begins a transaction only before it changes rows, not before it makes tables; we begin it ourselves.
    @sa.event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as db:
            _prepare(db, path)
            yield db
    except sa.exc.DBAPIError as error:
        raise GradebookError(
            f"{path} could not be written ({error.orig}). Is another program writing to it, or is it no gradebook?"
        ) from error
    finally:
        engine.dispose()


def _prepare(db: sa.Connection, path: Path) -> None:
    """Make the tables of a new gradebook. Raises GradebookError for one of another version of nbgrader.

    nbgrader asks a subprocess for its version, and fails where the environment's programs are not on the PATH.
    """
    config = AlembicConfig()
    config.set_main_option("script_location", ALEMBIC_DIR.replace("%", "%%"))
    version = ScriptDirectory.from_config(config).get_current_head()
    if not sa.inspect(db).get_table_names():
        api.Base.metadata.create_all(db)
        db.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        db.execute(sa.text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    found = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found != version:
        raise GradebookError(
            f"{path} must have nbgrader's tables of version {version}, got {found}. "
            f"Try: nbgrader db upgrade --CourseDirectory.db_url=sqlite:///{path.absolute()}"
        )
    GRADED_TEXT.create(db, checkfirst=True)


def _add_missing(db: sa.Connection, table: sa.Table, ids: Sequence[str]) -> None:
    """Insert rows that have nothing but an id, which is a name."""
    known = set(db.execute(sa.select(table.c.id)).scalars())
    new = [{"id": name} for name in dict.fromkeys(ids) if name not in known]
    if new:
        db.execute(sa.insert(table), new)


def _bring(
    db: sa.Connection, table: sa.Table, known: Mapping[Any, Any], wanted: Mapping[Any, Mapping[str, Any]]
) -> dict[Any, str]:
    """Insert the wanted rows that are not known, update those that differ; returns ids by the same keys.

    known: key -> row; wanted: key -> values, of the same columns for every key
    """
    new, changed, ids = [], [], {}
    for key, values in wanted.items():
        row = known.get(key)
        if row is None:
            new.append({"id": api.new_uuid(), **values})
            ids[key] = new[-1]["id"]
        else:
            ids[key] = row.id
            if any(getattr(row, column) != value for column, value in values.items()):
                changed.append({**values, "known_id": row.id})
    if new:
        db.execute(sa.insert(table), new)
    if changed:
        columns: dict[str, Any] = {column: sa.bindparam(column) for column in changed[0] if column != "known_id"}
        db.execute(sa.update(table).where(table.c.id == sa.bindparam("known_id")).values(columns), changed)
    return ids


def _delete(db: sa.Connection, table: sa.Table, column: str, values: Sequence[str]) -> None:
    if values:
        db.execute(sa.delete(table).where(table.c[column] == sa.bindparam("value")), [{"value": v} for v in values])


# a unit -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cells:
    """The ids of a unit's rows."""

    assignment: str
    notebook: str
    graded: Mapping[str, str]  # grade id -> row id
    solutions: Mapping[str, str]


def _write_unit(db: sa.Connection, unit: str, notebook: NotebookNode, course: str) -> _Cells:
    """Bring assignment, notebook and cells into the state of a stored notebook, as nbgrader's SaveCells does."""
    known = {row.name: row for row in db.execute(sa.select(ASSIGNMENT).where(ASSIGNMENT.c.name == unit))}
    course = known[unit].course_id if unit in known else course
    assignment = _bring(db, ASSIGNMENT, known, {unit: {"name": unit, "course_id": course}})[unit]

    where = (NOTEBOOK.c.assignment_id == assignment) & (NOTEBOOK.c.name == unit)
    known = {row.name: row for row in db.execute(sa.select(NOTEBOOK).where(where))}
    kernel = json.dumps(notebook.metadata.get("kernelspec", {}), sort_keys=True)  # the order of a notebook's file
    wanted = {unit: {"name": unit, "assignment_id": assignment, "kernelspec": kernel}}
    own = _bring(db, NOTEBOOK, known, wanted)[unit]

    labelled = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    graded = [name for name, cell in labelled.items() if utils.is_grade(cell)]
    solutions = [name for name, cell in labelled.items() if utils.is_solution(cell)]
    kept = [name for name, cell in labelled.items() if utils.is_locked(cell) or name in graded or name in solutions]

    rows = db.execute(sa.select(BASE_CELL).where(BASE_CELL.c.notebook_id == own))
    known = {(row.type, row.name): row for row in rows}
    names = [("GradeCell", name) for name in graded] + [("SolutionCell", name) for name in solutions]
    ids = _bring(
        db, BASE_CELL, known, {(kind, name): {"type": kind, "name": name, "notebook_id": own} for kind, name in names}
    )
    _remove_cells(db, [row.id for key, row in known.items() if key not in ids])

    grade_ids = {name: ids["GradeCell", name] for name in graded}
    solution_ids = {name: ids["SolutionCell", name] for name in solutions}
    wanted_cells: dict[str, dict[str, Any]] = {
        identity: {
            "id": identity,
            "max_score": float(labelled[name].metadata.nbgrader.points),
            "cell_type": labelled[name].cell_type,
        }
        for name, identity in grade_ids.items()
    }
    _bring(db, GRADE_CELL, _by_id(db, GRADE_CELL, wanted_cells), wanted_cells)
    wanted_cells = {identity: {"id": identity} for identity in solution_ids.values()}
    _bring(db, SOLUTION_CELL, _by_id(db, SOLUTION_CELL, wanted_cells), wanted_cells)
    _write_source_cells(db, own, {name: labelled[name] for name in kept})
    return _Cells(assignment, own, grade_ids, solution_ids)


def _by_id(db: sa.Connection, table: sa.Table, ids: Mapping[str, Any]) -> dict[str, Any]:
    return {row.id: row for row in db.execute(sa.select(table)) if row.id in ids}


def _write_source_cells(db: sa.Connection, notebook: str, cells: Mapping[str, NotebookNode]) -> None:
    """Bring what plain nbgrader puts back into a submission's locked cells into the state of the stored notebook."""
    known = {row.name: row for row in db.execute(sa.select(SOURCE_CELL).where(SOURCE_CELL.c.notebook_id == notebook))}
    wanted = {
        name: {
            "name": name,
            "notebook_id": notebook,
            "cell_type": cell.cell_type,
            "locked": bool(utils.is_locked(cell)),
            "source": cell.source,
            "checksum": cell.metadata.nbgrader.get("checksum"),
        }
        for name, cell in cells.items()
    }
    _bring(db, SOURCE_CELL, known, wanted)
    _delete(db, SOURCE_CELL, "id", [row.id for name, row in known.items() if name not in wanted])


def _remove_cells(db: sa.Connection, ids: Sequence[str]) -> None:
    """Remove cells that a unit no longer has, with their grades; not those at which a person entered something."""
    if not ids:
        return
    scored = sa.select(GRADE.c.cell_id).where(GRADE.c.manual_score.is_not(None) | GRADE.c.extra_credit.is_not(None))
    commented = sa.select(COMMENT.c.cell_id).where(COMMENT.c.manual_comment.is_not(None))
    touched = {*db.execute(scored).scalars(), *db.execute(commented).scalars()}
    gone = [identity for identity in ids if identity not in touched]
    _delete(db, GRADED_TEXT, "id", [row.id for row in db.execute(sa.select(GRADE)) if row.cell_id in gone])
    for table, column in ((GRADE, "cell_id"), (COMMENT, "cell_id")):
        _delete(db, table, column, gone)
    for table in (GRADE_CELL, SOLUTION_CELL, api.TaskCell.__table__, BASE_CELL):
        _delete(db, table, "id", gone)


# its submissions --------------------------------------------------------------------------------------------------


def _write_submissions(db: sa.Connection, cells: _Cells, records: Mapping[str, Record]) -> None:
    """Bring the submissions of a unit, their grades and comments into the state of the records, by students."""
    rows = db.execute(sa.select(SUBMISSION).where(SUBMISSION.c.assignment_id == cells.assignment))
    known = {row.student_id: row for row in rows}
    records = {name: record for name, record in records.items() if record.outcome != "missing" or name in known}
    submissions = _bring(
        db, SUBMISSION, known, {name: {"assignment_id": cells.assignment, "student_id": name} for name in records}
    )

    rows = db.execute(sa.select(SUBMITTED_NOTEBOOK).where(SUBMITTED_NOTEBOOK.c.notebook_id == cells.notebook))
    known = {row.assignment_id: row for row in rows}
    wanted = {own: {"assignment_id": own, "notebook_id": cells.notebook} for own in submissions.values()}
    notebooks = _bring(db, SUBMITTED_NOTEBOOK, known, wanted)

    places = {name: notebooks[submissions[name]] for name in records}
    _write_grades(db, cells, records, places)
    _write_comments(db, cells, records, places)


def _rows_of_unit(db: sa.Connection, select: sa.Select[Any], table: sa.Table, notebook: str) -> dict[Any, Any]:
    """The grades or comments on all submissions of a notebook, by submitted notebook and cell."""
    joined = select.join(SUBMITTED_NOTEBOOK, SUBMITTED_NOTEBOOK.c.id == table.c.notebook_id)
    rows = db.execute(joined.where(SUBMITTED_NOTEBOOK.c.notebook_id == notebook))
    return {(row.notebook_id, row.cell_id): row for row in rows}


def _write_grades(db: sa.Connection, cells: _Cells, records: Mapping[str, Record], places: Mapping[str, str]) -> None:
    select = sa.select(GRADE, GRADED_TEXT.c.digest).outerjoin(GRADED_TEXT, GRADED_TEXT.c.id == GRADE.c.id)
    known = _rows_of_unit(db, select, GRADE, cells.notebook)
    wanted, digests = {}, {}
    for student, record in records.items():
        scores = {score.grade_id: score for score in record.scores}
        for name, cell in cells.graded.items():
            key = (places[student], cell)
            score = scores.get(name)
            automatic = None if score is None or score.outcome == "manual" else score.points
            digests[key] = _digest(record, score)
            wanted[key] = {
                "notebook_id": places[student],
                "cell_id": cell,
                "auto_score": automatic,
                "needs_manual_grade": _waits_for_a_person(known.get(key), automatic, digests[key]),
            }
    ids = _bring(db, GRADE, known, wanted)
    texts = {row.id: row for row in known.values() if row.digest is not None}
    _bring(db, GRADED_TEXT, texts, {ids[key]: {"id": ids[key], "digest": digest} for key, digest in digests.items()})


def _waits_for_a_person(row: Any, automatic: float | None, digest: str) -> bool:
    """Whether a grade needs a person: no score yet, or the answer or its points changed after a person's score."""
    if row is None or row.manual_score is None:
        return automatic is None
    changed = row.auto_score != automatic or (row.digest is not None and row.digest != digest)
    return bool(row.needs_manual_grade or changed)


def _digest(record: Record, score: Score | None) -> str:
    """A hash of the text that a score is about: the student's answer, or the source of the exercise."""
    text = _texts(record).get(score.exercise, "") if score else ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _write_comments(db: sa.Connection, cells: _Cells, records: Mapping[str, Record], places: Mapping[str, str]) -> None:
    known = _rows_of_unit(db, sa.select(COMMENT), COMMENT, cells.notebook)
    wanted = {}
    for student, record in records.items():
        remarks = _remarks(record)
        for name, cell in cells.solutions.items():
            wanted[places[student], cell] = {
                "notebook_id": places[student],
                "cell_id": cell,
                "auto_comment": remarks.get(name),
            }
    _bring(db, COMMENT, known, wanted)


def _remarks(record: Record) -> dict[str, str]:
    """What the failed checks of each exercise say, in the student's language, each sentence once.

    nbgrader's feedback takes a comment for Markdown and lets HTML in it pass, so that a `<` may not stay one.
    """
    sentences: dict[str, dict[str, None]] = {}
    for score in record.scores:
        if score.message and score.outcome not in ("passed", "manual"):
            text = in_language(score.message, record.language).replace("<", "&lt;")
            sentences.setdefault(score.exercise, {})[text] = None
    return {exercise: "\n\n".join(texts) for exercise, texts in sentences.items()}
