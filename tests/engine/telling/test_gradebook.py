"""The gradebook as nbgrader's own programs see it, and what happens to it when it is written again."""

import copy
import os
import re
import shutil
import signal
from pathlib import Path

import nbformat
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat import v4
from nbgrader import api
from nbgrader.apps.api import NbGraderAPI
from nbgrader.plugins import CsvExportPlugin
from nbgrader.server_extensions.formgrader import handlers

from course_utils.engine.course import current
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.making.nbgrader import settings
from course_utils.engine.telling import gradebook
from course_utils.engine.telling.gradebook import Autograded, Forms, GradebookError, write_gradebook

UNIT, OTHER = "01_numbers", "02_letters"
ANNA, LI = "anna", "李 \"小\" '龙' & <b>"
POINTS = {"double-values": 3, "double-zero": 1.5, "half-values": 2, "q1_why": 4}


# a tiny unit and what is said about its submissions ---------------------------------------------------------------


def marks(name, kind="code", grade=False, solution=False, locked=False):
    values = dict(
        grade_id=name, cell_type=kind, grade=grade, solution=solution, locked=locked, schema_version=3, task=False
    )
    return {"nbgrader": values | ({"points": POINTS[name]} if grade else {})}


def answer_cell(name, body):
    text = f"def {name}(x):\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"
    return v4.new_code_cell(text, id=name, metadata=marks(name, solution=True))


def check_cell(name, test):
    text = f"# {name}\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
    return v4.new_code_cell(text, id=name, metadata=marks(name, grade=True, locked=True))


def source_notebook(drop=()):
    cells = [
        v4.new_markdown_cell("# Numbers", id="title"),
        v4.new_code_cell("import math", id="setup", metadata=marks("setup", locked=True)),
        answer_cell("double", "return 2 * x"),
        check_cell("double-values", "assert double(3) == 6"),
        check_cell("double-zero", "assert double(0) == 0"),
        answer_cell("half", "return x / 2"),
        check_cell("half-values", "assert half(3) == 1.5"),
        v4.new_markdown_cell(
            "a model answer", id="q1_why", metadata=marks("q1_why", "markdown", grade=True, solution=True)
        ),
    ]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return v4.new_notebook(cells=[cell for cell in cells if cell.id not in drop], metadata={"kernelspec": kernel})


SOURCES = {UNIT: source_notebook(), OTHER: source_notebook()}
FORMS = {unit: Forms.of(source, current()) for unit, source in SOURCES.items()}
HINTS = {"en": "Is zero <even>?", "zh": "零是偶数吗？"}


def record(
    student, lost=(), unit=UNIT, answer="Because it is so.", language="en", outcome="graded", double="return x + x"
):
    scores = []
    for name, most in POINTS.items():
        exercise, _, check = name.partition("-")
        verdict = outcome if outcome != "graded" else "failed" if name in lost else "passed"
        if not check and outcome == "graded":
            verdict = "manual" if answer else "missing"
        scores.append(
            Score(
                student=student,
                unit=unit,
                exercise=exercise,
                check=check or None,
                points=float(most) if verdict == "passed" else 0.0,
                max_points=float(most),
                outcome=verdict,
                message=None if verdict == "passed" else HINTS,
                hint=None,
            )
        )
    return Record(
        student=student,
        unit=unit,
        outcome=outcome,
        scores=tuple(scores),
        answers={"q1_why": answer} if answer and outcome == "graded" else {},
        sources={"double": f"def double(x):\n    {double}"} if outcome == "graded" else {},
        language=language,
        date="2026-01-01T00:00:00+00:00",
    )


# looking at a gradebook -------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path):
    """Writes records into one gradebook, and answers with it as nbgrader opens it."""
    opened = []

    def write(*records, forms=FORMS):
        write_gradebook(tmp_path / "gradebook.db", forms, records)
        opened.append(api.Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}"))
        return opened[-1]

    yield write
    for item in opened:
        item.close()


def grades(book, student=ANNA, unit=UNIT):
    (notebook,) = book.find_submission(unit, student).notebooks
    return {grade.name: grade for grade in notebook.grades}


def content(path):
    """Every row of every table."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as db:
        return {name: sorted(map(repr, db.execute(sa.select(table)))) for name, table in tables.tables.items()}


def cells_of(path, unit=UNIT):
    """What nbgrader's programs know about a unit's cells, in their order."""
    with api.Gradebook(f"sqlite:///{path}") as found:
        notebook = found.find_notebook(unit, unit)
        hidden = {"id"}
        return {
            "kernel": notebook.kernelspec,
            **{
                kind: [{k: v for k, v in cell.to_dict().items() if k not in hidden} for cell in getattr(notebook, kind)]
                for kind in ("grade_cells", "solution_cells", "task_cells", "source_cells")
            },
        }


def course(root):
    """nbgrader's programs on a course folder whose gradebook is ours."""
    config = settings(current(), root)
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    return NbGraderAPI(config=config)


def place(root, step, notebook, unit=UNIT, student="."):
    path = Path(root) / step / student / unit / f"{unit}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


# the unit ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """The gradebook that nbgrader itself makes when it releases the unit."""
    root = tmp_path_factory.mktemp("theirs")
    place(root, "source", SOURCES[UNIT])
    assert NbGraderAPI(config=settings(current(), root)).generate_assignment(UNIT, force=True, create=True)["success"]
    return root / "gradebook.db"


@pytest.mark.slow
def test_cells_and_version_are_those_that_nbgrader_itself_would_store(tmp_path, theirs):
    write_gradebook(tmp_path / "ours.db", FORMS, [])
    assert cells_of(tmp_path / "ours.db") == cells_of(theirs)
    assert content(tmp_path / "ours.db")["alembic_version"] == content(theirs)["alembic_version"]


@pytest.mark.slow
def test_nbgraders_own_gradebook_of_a_release_is_taken_over_as_it_is(tmp_path, theirs):
    shutil.copy(theirs, tmp_path / "gradebook.db")
    before = content(tmp_path / "gradebook.db")
    write_gradebook(tmp_path / "gradebook.db", {UNIT: FORMS[UNIT]}, [])
    after = content(tmp_path / "gradebook.db")
    assert after.pop("course_graded_text") == []
    assert after == before


def test_a_gradebook_is_made_where_the_environments_programs_are_not_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    write_gradebook(tmp_path / "new" / "gradebook.db", FORMS, [])
    with api.Gradebook(f"sqlite:///{tmp_path / 'new' / 'gradebook.db'}") as found:
        assert [item.name for item in found.assignments] == [UNIT, OTHER]


def test_changed_points_reach_the_gradebook(book):
    book(record(ANNA))
    changed = copy.deepcopy(SOURCES)
    changed[UNIT].cells[3].metadata.nbgrader.points = 7
    forms = FORMS | {UNIT: Forms.of(changed[UNIT], current())}
    assert book(record(ANNA), forms=forms).find_assignment(UNIT).max_score == sum(POINTS.values()) + 4


def test_a_check_that_a_unit_no_longer_has_is_gone_with_its_grades(book):
    book(record(ANNA))
    found = book(record(ANNA), forms=FORMS | {UNIT: Forms.of(source_notebook(drop=["double-zero"]), current())})
    assert set(grades(found)) == set(POINTS) - {"double-zero"}
    assert found.find_assignment(UNIT).max_score == sum(POINTS.values()) - 1.5


def test_a_check_that_a_unit_no_longer_has_stays_where_a_person_gave_points(book):
    found = book(record(ANNA))
    grades(found)["double-zero"].manual_score = 1.0
    found.db.commit()
    found = book(record(ANNA), forms=FORMS | {UNIT: Forms.of(source_notebook(drop=["double-zero"]), current())})
    assert grades(found)["double-zero"].manual_score == 1.0


def test_a_check_that_a_unit_did_not_have_before_gets_its_grades(book):
    book(record(ANNA), forms=FORMS | {UNIT: Forms.of(source_notebook(drop=["double-zero"]), current())})
    assert grades(book(record(ANNA)))["double-zero"].auto_score == 1.5


def test_a_record_of_a_unit_without_a_source_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got none for 03_words"):
        write_gradebook(tmp_path / "gradebook.db", FORMS, [record(ANNA, unit="03_words")])
    assert not (tmp_path / "gradebook.db").exists()


# scores -----------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_records(book):
    records = [record(ANNA, lost=["double-zero"]), record(LI, lost=["half-values"]), record(LI, unit=OTHER)]
    found = book(*records)
    for item in records:
        expected = {score.grade_id: score.points for score in item.scores}
        assert {name: grade.score for name, grade in grades(found, item.student, item.unit).items()} == expected


def test_totals_and_maxima_are_right(book):
    found = book(record(ANNA, lost=["double-zero"]), record(LI), record(LI, unit=OTHER))
    assert {item.student.id: item.score for item in found.assignment_submissions(UNIT)} == {ANNA: 5.0, LI: 6.5}
    totals = {row["id"]: (row["score"], row["max_score"]) for row in found.student_dicts()}
    assert totals == {ANNA: (5.0, 21.0), LI: (13.0, 21.0)}
    notebook = found.find_submission_notebook(UNIT, UNIT, ANNA)
    assert (notebook.max_score, notebook.max_code_score, notebook.max_written_score) == (10.5, 6.5, 4.0)
    assert notebook.failed_tests
    assert not found.find_submission_notebook(UNIT, UNIT, LI).failed_tests


def test_free_text_waits_for_a_person(book):
    grade = grades(book(record(ANNA)))["q1_why"]
    assert grade.auto_score is None
    assert grade.needs_manual_grade


def test_free_text_without_an_answer_has_no_points_and_waits_for_nobody(book):
    grade = grades(book(record(ANNA, answer="")))["q1_why"]
    assert grade.auto_score == 0.0
    assert not grade.needs_manual_grade


def test_a_student_without_a_submission_is_in_the_gradebook_and_has_none(book):
    found = book(record(ANNA), record(LI, outcome="missing"))
    assert [student.id for student in found.students] == [ANNA, LI]
    assert [item.student.id for item in found.assignment_submissions(UNIT)] == [ANNA]


def test_a_submission_that_could_not_be_read_has_no_points_and_waits_for_nobody(book):
    found = book(record(ANNA, outcome="error"))
    assert found.find_submission(UNIT, ANNA).score == 0.0
    assert not found.find_submission(UNIT, ANNA).needs_manual_grade


def test_a_submission_that_is_gone_keeps_its_row_without_points(book):
    book(record(ANNA))
    found = book(record(ANNA, outcome="missing"))
    assert found.find_submission(UNIT, ANNA).score == 0.0


def test_a_comment_says_what_the_failed_checks_say_in_the_students_language(book):
    found = book(record(ANNA, lost=["double-values", "double-zero"], language="zh"), record(LI, lost=["half-values"]))
    assert found.find_comment("double", UNIT, UNIT, ANNA).comment == HINTS["zh"]
    assert found.find_comment("half", UNIT, UNIT, ANNA).comment is None
    assert found.find_comment("q1_why", UNIT, UNIT, ANNA).comment is None
    assert found.find_comment("half", UNIT, UNIT, LI).comment == "Is zero &lt;even>?"


# writing again ----------------------------------------------------------------------------------------------------


def test_writing_again_changes_no_byte(book, tmp_path):
    records = [
        record(ANNA, lost=["half-values"]),
        record(LI, outcome="missing"),
        record(LI, unit=OTHER, outcome="error"),
    ]
    book(*records)
    before = (tmp_path / "gradebook.db").read_bytes()
    book(*records)
    assert (tmp_path / "gradebook.db").read_bytes() == before


def test_records_in_parts_give_what_records_at_once_give(book):
    book(record(ANNA, lost=["half-values"]))
    found = book(record(LI))
    assert {item.student.id: item.score for item in found.assignment_submissions(UNIT)} == {ANNA: 4.5, LI: 6.5}


def test_grading_again_replaces_the_automatic_score(book):
    book(record(ANNA, lost=["double-values"]))
    assert grades(book(record(ANNA)))["double-values"].auto_score == 3.0


def enter_by_hand(found):
    own = grades(found)
    own["q1_why"].manual_score, own["q1_why"].extra_credit, own["q1_why"].needs_manual_grade = 3.5, 1.0, False
    own["double-values"].manual_score, own["double-values"].needs_manual_grade = 2.0, False
    found.find_comment("double", UNIT, UNIT, ANNA).manual_comment = "Nearly."
    found.grant_extension(UNIT, ANNA, days=2)
    notebook = found.find_submission_notebook(UNIT, UNIT, ANNA)
    notebook.late_submission_penalty, notebook.flagged = 0.5, True
    found.find_student(ANNA).last_name = "Smith"
    found.db.commit()


@pytest.mark.parametrize(
    "later",
    [record(ANNA), record(ANNA, answer="Otherwise.", lost=["double-values"]), record(ANNA, outcome="missing")],
    ids=["same", "changed", "gone"],
)
def test_what_a_person_entered_survives(book, later):
    enter_by_hand(book(record(ANNA)))
    found = book(later)
    own, notebook = grades(found), found.find_submission_notebook(UNIT, UNIT, ANNA)
    assert (own["q1_why"].manual_score, own["q1_why"].extra_credit, own["q1_why"].score) == (3.5, 1.0, 4.5)
    assert own["double-values"].score == 2.0
    assert found.find_comment("double", UNIT, UNIT, ANNA).comment == "Nearly."
    assert found.find_submission(UNIT, ANNA).extension.days == 2
    assert (notebook.late_submission_penalty, notebook.flagged) == (0.5, True)
    assert found.find_student(ANNA).last_name == "Smith"


def test_an_unchanged_answer_that_a_person_graded_does_not_wait_again(book):
    enter_by_hand(book(record(ANNA)))
    assert not grades(book(record(ANNA, lost=["half-values"])))["q1_why"].needs_manual_grade


def test_a_changed_answer_that_a_person_graded_waits_again_until_it_is_graded(book):
    enter_by_hand(book(record(ANNA)))
    changed = record(ANNA, answer="Otherwise.")
    assert grades(book(changed))["q1_why"].needs_manual_grade
    found = book(changed)
    assert grades(found)["q1_why"].needs_manual_grade
    grades(found)["q1_why"].needs_manual_grade = False
    found.db.commit()
    assert not grades(book(changed))["q1_why"].needs_manual_grade


def test_a_changed_exercise_to_which_a_person_gave_points_waits_for_a_look(book):
    enter_by_hand(book(record(ANNA)))
    own = grades(book(record(ANNA, double="return x")))
    assert own["double-values"].needs_manual_grade
    assert not own["double-zero"].needs_manual_grade


# all or nothing ---------------------------------------------------------------------------------------------------


def test_a_failure_in_the_middle_leaves_the_old_gradebook(book, tmp_path, monkeypatch):
    book(record(ANNA))
    before = content(tmp_path / "gradebook.db")
    monkeypatch.setattr(gradebook, "_write_comments", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division"):
        write_gradebook(tmp_path / "gradebook.db", FORMS, [record(ANNA, lost=["half-values"]), record(LI)])
    assert content(tmp_path / "gradebook.db") == before


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # the child dies before a thread matters
@pytest.mark.parametrize("step", ["_write_unit", "_write_submissions", "_write_grades", "_write_comments"])
def test_a_kill_in_the_middle_leaves_the_old_gradebook(book, tmp_path, monkeypatch, step):
    path = tmp_path / "gradebook.db"
    book(record(ANNA))
    before, file_before = content(path), path.read_bytes()
    original = getattr(gradebook, step)

    def die_after(db, *arguments):
        db.exec_driver_sql("PRAGMA cache_size = 2")  # pages, so that changes reach the file before the end
        original(db, *arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(gradebook, step, die_after)
        write_gradebook(path, FORMS, [record(f"student {n}") for n in range(50)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert step == "_write_unit" or path.read_bytes() != file_before  # it had begun to write
    assert content(path) == before
    assert len(book(record(ANNA), record(LI)).students) == 2


def test_a_gradebook_of_another_version_is_refused(book, tmp_path):
    found = book()
    found.db.execute(sa.text("UPDATE alembic_version SET version_num = 'older'"))
    found.db.commit()
    with pytest.raises(GradebookError, match=r"got older\. Try: nbgrader db upgrade"):
        write_gradebook(tmp_path / "gradebook.db", FORMS, [])


def test_a_file_that_is_no_gradebook_is_refused_and_kept(tmp_path):
    (tmp_path / "gradebook.db").write_text("marks\n" * 1000)
    with pytest.raises(GradebookError, match="is it no gradebook"):
        write_gradebook(tmp_path / "gradebook.db", FORMS, [])
    assert (tmp_path / "gradebook.db").read_text() == "marks\n" * 1000


# what formgrader opens --------------------------------------------------------------------------------------------


def write_both(root, *records):
    write_gradebook(root / "gradebook.db", FORMS, records)
    return sum(map(Autograded(root / "autograded", FORMS).write, records))


def autograded(root, student=ANNA):
    return root / "autograded" / student / UNIT / f"{UNIT}.ipynb"


def test_formgrader_lists_assignments_submissions_and_students(tmp_path):
    place(tmp_path, "source", SOURCES[UNIT])
    for student in (ANNA, LI):
        place(tmp_path, "submitted", SOURCES[UNIT], student=student)
    write_both(tmp_path, record(ANNA, lost=["half-values"]), record(LI), record("nobody", outcome="missing"))
    found = course(tmp_path)
    (assignment,) = found.get_assignments()
    assert (assignment["num_submissions"], assignment["max_score"], assignment["average_score"]) == (2, 10.5, 5.5)
    submissions = {item["student"]: item for item in found.get_submissions(UNIT)}
    assert {name: item["score"] for name, item in submissions.items()} == {ANNA: 4.5, LI: 6.5}
    assert all(item["autograded"] and item["needs_manual_grade"] for item in submissions.values())
    assert {item["student"] for item in found.get_notebook_submissions(UNIT, UNIT)} == {ANNA, LI}
    assert {item["id"] for item in found.get_students()} == {ANNA, LI, "nobody"}
    assert [item["score"] for item in found.get_student_submissions(LI)] == [6.5]


def test_formgraders_file_holds_the_students_texts_and_nothing_hidden(tmp_path):
    write_both(tmp_path, record(ANNA, answer='He said "no" 不 \\ \ud800'))
    notebook = nbformat.read(autograded(tmp_path), as_version=4)
    nbformat.validate(notebook)
    text = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if "nbgrader" in cell.metadata}
    assert text["double"] == "def double(x):\n    return x + x"
    assert text["half"] == "def half(x):\n    # YOUR CODE HERE"
    assert text["q1_why"] == 'He said "no" 不 \\ \ufffd'
    assert text["double-values"].strip() == "# double-values"
    assert "HIDDEN" not in autograded(tmp_path).read_text(encoding="utf-8")


def test_a_submission_that_could_not_be_read_is_shown_as_released(tmp_path):
    write_both(tmp_path, record(ANNA, outcome="error"))
    assert "# YOUR CODE HERE" in autograded(tmp_path).read_text(encoding="utf-8")


def test_a_missing_submission_has_no_file(tmp_path):
    assert write_both(tmp_path, record(ANNA, outcome="missing")) == 0
    assert not autograded(tmp_path).exists()


def test_files_that_are_right_already_are_not_written(tmp_path):
    assert write_both(tmp_path, record(ANNA), record(LI)) == 2
    before = autograded(tmp_path).stat()
    assert write_both(tmp_path, record(ANNA), record(LI, answer="Otherwise.")) == 1
    assert autograded(tmp_path).stat().st_ino == before.st_ino


def test_nbgraders_feedback_shows_the_comment_and_no_hidden_test(tmp_path):
    write_both(tmp_path, record(ANNA, lost=["half-values"]))
    result = course(tmp_path).generate_feedback(UNIT, ANNA)
    assert result["success"], result
    page = (tmp_path / "feedback" / ANNA / UNIT / f"{UNIT}.html").read_text(encoding="utf-8")
    assert "Is zero &lt;even&gt;?" in page
    assert "assert" not in page.partition("<body>")[2].replace("asserts", "")


def formgraders_page(folder: Path) -> str:
    """What formgrader shows of ANNA's submission."""
    config = settings(current(), folder)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"notebook_id": UNIT, "assignment_id": UNIT, "base_url": "", "index": 0, "total": 1, "student": ANNA}
    page, _ = HTMLExporter(config=config).from_filename(str(autograded(folder)), resources=resources)
    return str(page)


def test_formgraders_page_of_a_submission_has_a_box_for_each_score_and_comment(tmp_path):
    write_both(tmp_path, record(ANNA))
    page = formgraders_page(tmp_path)
    assert all(f'id="{name}"' in page for name in POINTS)
    assert all(f'id="{name}-comment"' in page for name in ("double", "half", "q1_why"))


@pytest.mark.parametrize(
    "answer",
    [
        "<script>owned()</script>",
        "text <img src=x onerror=owned()> text",
        "a < b\n\n<iframe src='javascript:owned()'></iframe>",
        "<!-- --><svg/onload=owned()>",
        "[x](javascript:owned())",
        "[x](JaVa&#115;cript&colon;owned())",
        "[x](javascript\\:owned())",
        "[x]( <javascript:owned()>)",
        "<javascript:owned()>",
        "[x]\n\n[x]: javascript:owned()",
        "[x]\n\n[x]:\n  data:text/html,<b>owned()",
        "$\\href{javascript:owned()}{x}$",
        "![picture](attachment:none.png)",
    ],
)
def test_nothing_of_an_answer_runs_on_formgraders_page(tmp_path, answer):
    write_both(tmp_path, record(ANNA, answer=answer))
    page = formgraders_page(tmp_path)
    found = BeautifulSoup(page, "html.parser").find_all(True)
    assert [tag for tag in found if tag.name in ("script", "iframe", "svg") and "owned" in str(tag)] == []
    targets = [str(value) for tag in found for name, value in tag.attrs.items() if name in ("href", "src", "onerror")]
    assert [target for target in targets if re.match(r"\W*(javascript|data|attachment)|owned", target, re.I)] == []
    assert "\\href" not in page.partition("owned")[0][-40:]


def test_an_honest_answer_looks_on_formgraders_page_as_it_was_written(tmp_path):
    write_both(
        tmp_path, record(ANNA, answer="`layers[0] + x`, 1 < 2 and **a < b**, $\\frac{a}{b}$: <https://a.org/a?b=c>")
    )
    page = formgraders_page(tmp_path)
    assert "<code>layers[0] + x</code>, 1 &lt; 2 and <strong>a &lt; b</strong>, $\\frac{a}{b}$" in page


def test_a_link_shows_where_it_leads_on_formgraders_page(tmp_path):
    write_both(tmp_path, record(ANNA, answer="see [the paper](https://example.org/a?b=c)"))
    assert '[the paper] (<a href="https://example.org/a?b=c">https://example.org/a?b=c</a>)' in formgraders_page(
        tmp_path
    )


def test_a_heading_of_an_answer_takes_no_box_for_a_mark(tmp_path):
    # formgrader writes a mark into the cell in which it finds the first element with the id of the grade
    write_both(tmp_path, record(ANNA, answer="# double-values\n\n# half comment\n\ndouble-zero\n==="))
    found = BeautifulSoup(formgraders_page(tmp_path), "html.parser").find_all(["h1", "h2"])
    assert [tag["id"] for tag in found if tag.get("id") in (*POINTS, "half-comment")] == []


def test_nbgraders_export_gives_the_records_scores(tmp_path):
    write_both(tmp_path, record(ANNA, lost=["half-values"]), record(LI, outcome="missing"))
    plugin = CsvExportPlugin()
    plugin.to = str(tmp_path / "grades.csv")
    with api.Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as found:
        plugin.export(found)
    lines = (tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 3)[-2:] for line in lines if line.startswith(UNIT)] == [["4.5", "10.5"], ["0.0", "10.5"]]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # nbgrader adds a submission while it reads, and SQLAlchemy warns of it
def test_plain_nbgrader_autograde_works_with_the_gradebook(tmp_path):
    place(tmp_path, "source", SOURCES[UNIT])
    write_both(tmp_path, record(LI))
    submitted = FORMS[UNIT].released
    for cell in submitted.cells:
        if cell.id == "double":
            cell.source = "def double(x):\n    return x + x"
        if cell.id == "q1_why":
            cell.source = "Because it is so."
    place(tmp_path, "submitted", submitted, student=ANNA)
    result = course(tmp_path).autograde(UNIT, ANNA)
    assert result["success"], result
    with api.Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as found:
        scores = {name: grade.auto_score for name, grade in grades(found).items()}
        assert scores == {"double-values": 3.0, "double-zero": 1.5, "half-values": 0.0, "q1_why": None}
        assert found.find_submission(UNIT, LI).score == 6.5
    before = content(tmp_path / "gradebook.db")
    write_gradebook(tmp_path / "gradebook.db", FORMS, [record(ANNA, lost=["half-values"]), record(LI)])
    assert {name: rows for name, rows in content(tmp_path / "gradebook.db").items() if name == "grade"} == {
        "grade": before["grade"]
    }
