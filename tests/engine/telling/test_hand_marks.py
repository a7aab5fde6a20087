"""Marks and comments given in formgrader reach every file, and nothing that grades takes them away."""

import csv
import json
import re
import shutil
import sqlite3
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.grading import run as runner
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.judging.marks import grade_id
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling import hand_marks
from course_utils.engine.telling.hand_marks import GradebookError, Hands, Mark, read_hands, with_hands
from course_utils.engine.telling.pages.records import read_records
from course_utils.instructor.cli import app

UNIT = "01_positional_encoding"
QUESTION, CHECK = "q1_sin_cos", "div_term-values"
COMMENT = 'Nearly: <script>alert("x")</script> & what of odd columns?\n再想想。'


@pytest.fixture(scope="session")
def unit():
    return find_units(current().folder, [UNIT])[0]


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        future.set_result(function(task))
        return future


def run_course(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def done(*words):
    result = run_course(*words)
    assert result.exit_code == 0, result.output + result.stderr
    return result


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pool of workers, a broad terminal."""

    @contextmanager
    def here(plan, given, tasks):
        yield Here()

    monkeypatch.setattr(runner, "task_executor", here)
    monkeypatch.setenv("COLUMNS", "300")


class Class:
    """A folder with what two students handed in, its results, and the instructor's hands on them."""

    def __init__(self, root: Path) -> None:
        self.submitted, self.results = root / "submitted", root / "results"

    def grade(self, *options):
        return done("grade", self.submitted, "--results", self.results, "--sandbox", "none", *options)

    def hand_in(self, student, unit, answer="So.", **sources):
        sample.write(
            self.submitted, student, unit, sample.filled(unit, sample.reference(unit) | sources, {QUESTION: answer})
        )

    def mark(self, student, name, manual_score=None, extra_credit=None):
        """What formgrader's GradeHandler does with the body of its PUT."""
        with Gradebook(f"sqlite:///{self.results / 'gradebook.db'}") as found:
            grade = found.find_grade(name, UNIT, UNIT, student)
            grade.manual_score, grade.extra_credit = manual_score, extra_credit
            grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
            found.db.commit()

    def comment(self, student, name, text):
        """What formgrader's CommentHandler does."""
        with Gradebook(f"sqlite:///{self.results / 'gradebook.db'}") as found:
            found.find_comment(name, UNIT, UNIT, student).manual_comment = text
            found.db.commit()

    def row(self, student, name):
        rows = json.loads((self.results / "scores.json").read_bytes())
        return next(
            row for row in rows if row["student"] == student and grade_id(row["exercise"], row["check"]) == name
        )

    def total(self, student):
        """(points, manual_points_open) of scores.csv."""
        with (self.results / "scores.csv").open(encoding="utf-8", newline="") as table:
            row = next(row for row in csv.DictReader(table) if row["student"] == student)
        return float(row["points"]), float(row["manual_points_open"])

    def page(self, student):
        return (self.results / "feedback" / student / f"{UNIT}.html").read_text(encoding="utf-8")

    def exported(self, form):
        path = self.results.parent / f"{form}.csv"
        done("export", "--partial", "--format", form, "--results", self.results, "--out", path)
        with path.open(encoding="utf-8-sig", newline="") as table:
            rows = list(csv.reader(table))
        column = rows[0].index(UNIT)
        return {row[0]: row[column] for row in rows[1:]}


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory, unit):
    """Ann is right, Bob has a mistake in div_term; both wrote an answer."""
    found = Class(tmp_path_factory.mktemp("class"))
    found.hand_in("ann", unit)
    found.hand_in("bob", unit, **{"div_term": sample.report(unit)["div_term"]})
    with pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def here(plan, given, tasks):
            yield Here()

        patch.setattr(runner, "task_executor", here)
        found.grade()
    return found


@pytest.fixture
def graded(graded_once, tmp_path):
    shutil.copytree(graded_once.submitted.parent, tmp_path / "class")
    return Class(tmp_path / "class")


def seen(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


COMMANDS = [
    ["feedback"],
    ["report"],
    *[["export", "--partial", "--format", form] for form in ("canvas", "moodle", "csv")],
]


# every command, every file


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_mark_for_a_written_answer_reaches_every_file_at_the_next_command(graded, command):
    graded.mark("ann", QUESTION, 3.0)
    graded.comment("ann", QUESTION, COMMENT)
    assert graded.total("ann") == (13, 4)
    done(*command, "--results", graded.results)
    row = graded.row("ann", QUESTION)
    assert (row["points"], row["outcome"], row["by_hand"]) == (3.0, "partial", True)
    assert (row["comment"], row["criteria"]) == (COMMENT, None)
    assert row["message"] == "A person marked this: 3 of 4 points."
    assert graded.total("ann") == (16, 0)
    assert "16 of 17 points graded so far" in seen(graded.page("ann"))
    class_page = seen((graded.results / "class.html").read_text(encoding="utf-8"))
    assert re.search(r"ann .*? 16 ", class_page)


@pytest.mark.parametrize("form", ["canvas", "moodle", "csv"])
def test_an_export_holds_the_points_that_a_person_gave(graded, form):
    assert graded.exported(form)["ann"] == "13"
    graded.mark("ann", QUESTION, 2.5, 0.5)
    assert graded.exported(form)["ann"] == "16"
    assert graded.exported(form)["bob"] == "10"


def test_a_comment_stands_on_the_students_page_as_text(graded):
    graded.comment("ann", QUESTION, COMMENT)
    done("feedback", "--results", graded.results)
    assert "<script>" not in graded.page("ann")
    assert (
        "Nearly: &lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; what of odd columns?\n再想想。"
        in graded.page("ann")
    )


def test_a_comment_alone_marks_nothing(graded):
    graded.comment("ann", QUESTION, "Look at page 3.")
    done("feedback", "--results", graded.results)
    row = graded.row("ann", QUESTION)
    assert (row["outcome"], row["by_hand"], row["comment"]) == ("manual", False, "Look at page 3.")
    assert graded.total("ann") == (13, 4)


def test_a_comment_on_an_exercise_stands_at_each_of_its_checks_and_once_on_the_page(graded):
    graded.comment("ann", "sinusoidal_encoding", "Neatly done.")
    done("feedback", "--results", graded.results)
    assert {graded.row("ann", f"sinusoidal_encoding-{check}")["comment"] for check in ("even", "odd")} == {
        "Neatly done."
    }
    assert graded.page("ann").count("Neatly done.") == 1


def test_a_row_that_nobody_touched_keeps_the_keys_of_the_contract(graded):
    graded.mark("ann", QUESTION, 3.0)
    done("feedback", "--results", graded.results)
    keys = ["student", "unit", "exercise", "check", "points", "max_points", "outcome", "message", "hint"]
    assert list(graded.row("ann", CHECK)) == keys


def test_a_score_over_an_automatic_one_counts_and_the_automatic_one_is_kept(graded):
    before = graded.row("bob", CHECK)
    graded.mark("bob", CHECK, 2.0)
    done("feedback", "--results", graded.results)
    row = graded.row("bob", CHECK)
    assert (row["points"], row["outcome"], row["by_hand"], row["automatic_points"]) == (2.0, "partial", True, 0.0)
    assert (row["message"], row["hint"]) == (before["message"], before["hint"])
    assert graded.total("bob") == (12, 4)
    assert "A person gave 2 here; the check alone gave 0." in seen(graded.page("bob"))


def test_a_score_below_an_automatic_one_is_told(graded):
    graded.mark("ann", CHECK, 0.0)
    done("feedback", "--results", graded.results)
    row = graded.row("ann", CHECK)
    assert (row["points"], row["outcome"], row["message"]) == (0.0, "failed", "A person marked this: 0 of 3 points.")


def test_extra_credit_stands_on_top_of_either_score(graded):
    graded.mark("ann", CHECK, None, 1.0)
    graded.mark("ann", QUESTION, 4.0, 0.5)
    done("feedback", "--results", graded.results)
    assert (graded.row("ann", CHECK)["points"], graded.row("ann", CHECK)["outcome"]) == (4.0, "passed")
    assert (graded.row("ann", QUESTION)["points"], graded.row("ann", QUESTION)["outcome"]) == (4.5, "passed")
    assert graded.total("ann") == (18.5, 0)


def test_extra_credit_hides_no_point_that_is_still_to_gain(graded):
    graded.mark("bob", "sinusoidal_encoding-even", None, 3.0)
    done("feedback", "--results", graded.results)
    assert "3 to gain" in seen(graded.page("bob"))


def test_points_are_those_that_nbgrader_itself_counts(graded):
    for name, score, extra in ((QUESTION, 2.0, 1.0), (CHECK, 1.5, None), ("sinusoidal_encoding-odd", None, 0.25)):
        graded.mark("bob", name, score, extra)
    done("report", "--results", graded.results)
    with Gradebook(f"sqlite:///{graded.results / 'gradebook.db'}") as found:
        assert found.find_submission(UNIT, "bob").score == graded.total("bob")[0]


def test_a_mark_that_is_taken_back_lets_the_answer_wait_again(graded):
    graded.mark("ann", QUESTION, 3.0)
    done("feedback", "--results", graded.results)
    graded.mark("ann", QUESTION, None)
    done("feedback", "--results", graded.results)
    assert graded.row("ann", QUESTION)["outcome"] == "manual"
    assert "by_hand" not in graded.row("ann", QUESTION)
    assert graded.total("ann") == (13, 4)


def test_a_chinese_student_is_told_in_chinese(graded, unit):
    notebook = sample.filled(unit, sample.reference(unit), {QUESTION: "因为。"}, "zh")
    sample.write(graded.submitted, "李雷", unit, notebook)
    graded.grade()
    graded.mark("李雷", QUESTION, 1.0)
    done("feedback", "--results", graded.results)
    assert graded.row("李雷", QUESTION)["message"] == "老师已批阅：4 分中得 1 分。"


# nothing that grades takes them away


@pytest.mark.parametrize("options", [[], ["--regrade"]], ids=["grade", "regrade"])
def test_marks_and_comments_survive_a_second_grade(graded, options):
    graded.mark("ann", QUESTION, 3.0, 0.5)
    graded.mark("bob", CHECK, 2.0)
    graded.comment("ann", QUESTION, COMMENT)
    graded.grade(*options)
    assert graded.total("ann") == (16.5, 0)
    assert graded.total("bob") == (12, 4)
    assert graded.row("ann", QUESTION)["comment"] == COMMENT
    assert "16.5 of 17" in seen(graded.page("ann"))
    assert graded.exported("canvas")["ann"] == "16.5"


def test_a_resubmission_that_leaves_the_answer_alone_keeps_its_mark(graded, unit):
    graded.mark("bob", QUESTION, 3.0)
    graded.hand_in("bob", unit)
    graded.grade()
    assert (graded.row("bob", QUESTION)["points"], graded.row("bob", QUESTION)["outcome"]) == (3.0, "partial")
    assert graded.total("bob") == (16, 0)


def test_an_answer_that_changed_asks_again_and_shows_the_old_mark(graded, unit):
    graded.mark("ann", QUESTION, 3.0)
    graded.comment("ann", QUESTION, COMMENT)
    graded.hand_in("ann", unit, answer="Otherwise.")
    graded.grade()
    row = graded.row("ann", QUESTION)
    assert (row["points"], row["outcome"], row["by_hand"], row["comment"]) == (3.0, "manual", True, COMMENT)
    assert row["message"].startswith("This changed after a person had marked it with 3 of 4 points;")
    assert graded.total("ann") == (16, 4)
    assert "marked it with 3 of 4 points" in seen(graded.page("ann"))
    graded.mark("ann", QUESTION, 4.0)
    done("feedback", "--results", graded.results)
    assert (graded.row("ann", QUESTION)["outcome"], graded.total("ann")) == ("passed", (17, 0))


def test_code_that_changed_after_a_person_gave_points_asks_again(graded, unit):
    graded.mark("bob", CHECK, 1.0)
    graded.hand_in("bob", unit)
    graded.grade()
    row = graded.row("bob", CHECK)
    assert (row["points"], row["outcome"], row["automatic_points"]) == (1.0, "manual", 3.0)
    assert "Your code" in seen(graded.page("bob"))


def test_marks_survive_a_submission_that_is_gone(graded):
    graded.mark("ann", QUESTION, 3.0)
    shutil.rmtree(graded.submitted / "ann" / UNIT)
    graded.grade("--accept-changes")
    assert (graded.row("ann", QUESTION)["points"], graded.total("ann")[0]) == (3.0, 3.0)


def test_a_page_that_is_written_while_others_are_graded_holds_the_marks_already(graded, monkeypatch):
    from course_utils.engine.grading.log import read_log
    from course_utils.engine.grading.plan import Plan
    from course_utils.engine.telling.results import Writer

    graded.mark("ann", QUESTION, 3.0)
    writer = Writer(Plan(graded.submitted, graded.results, (UNIT,), sandbox="none"))
    writer.add(read_log(graded.results).last["ann", UNIT])
    writer._under_way[-1].result()
    assert "16 of 17" in seen(graded.page("ann"))


def test_what_a_kill_left_undone_is_done_by_the_next_command(graded, monkeypatch):
    graded.mark("ann", QUESTION, 3.0)
    with monkeypatch.context() as patch:
        patch.setattr("course_utils.engine.telling.results.write_scores", lambda *_: 1 / 0)
        assert run_course("feedback", "--results", graded.results).exit_code == 1
    page = graded.results / "feedback" / "ann" / f"{UNIT}.html"
    page.unlink()
    done("export", "--partial", "--format", "csv", "--results", graded.results)
    assert "16 of 17" in seen(graded.page("ann"))


def test_a_command_that_finds_no_new_mark_changes_no_file(graded):
    graded.mark("ann", QUESTION, 3.0)
    done("report", "--results", graded.results)
    before = {path: path.read_bytes() for path in graded.results.rglob("*") if path.is_file()}
    done("report", "--results", graded.results)
    assert {path: path.read_bytes() for path in graded.results.rglob("*") if path.is_file()} == before


# a gradebook that cannot be read


def damage(path):
    path.write_bytes(b"no database, " * 500)


def drop_tables(path):
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE comment")
    db.close()


@pytest.mark.parametrize("spoil", [damage, drop_tables])
@pytest.mark.parametrize("command", [*COMMANDS, ["grade"]], ids=" ".join)
def test_a_damaged_gradebook_is_one_sentence_and_costs_nothing(graded, spoil, command):
    graded.mark("ann", QUESTION, 3.0)
    done("feedback", "--results", graded.results)
    whole = (graded.results / "gradebook.db").read_bytes()
    spoil(graded.results / "gradebook.db")
    words = [graded.submitted, "--sandbox", "none"] if command == ["grade"] else []
    result = run_course(*command, *words, "--results", graded.results)
    assert result.exit_code == 1
    assert re.search(r"course: .*gradebook\.db could not be (read|written) \(", result.stderr)
    assert result.stderr.count("course: ") == 1
    assert graded.total("ann") == (16, 0)
    assert "16 of 17" in seen(graded.page("ann"))
    (graded.results / "gradebook.db").write_bytes(whole)
    graded.grade()
    assert graded.total("ann") == (16, 0)


def test_a_locked_gradebook_is_one_sentence_and_costs_nothing(graded, monkeypatch):
    monkeypatch.setattr(hand_marks, "LOCK_SECONDS", 0.1)
    graded.mark("ann", QUESTION, 3.0)
    db = sqlite3.connect(graded.results / "gradebook.db")
    db.execute("BEGIN EXCLUSIVE")
    result = run_course("feedback", "--results", graded.results)
    assert result.exit_code == 1
    assert "Is another program writing to it" in result.stderr
    db.rollback()
    db.close()
    done("feedback", "--results", graded.results)
    assert graded.total("ann") == (16, 0)


def test_results_without_a_gradebook_have_no_marks(tmp_path):
    assert read_hands(tmp_path) == Hands()
    (tmp_path / "gradebook.db").touch()
    assert read_hands(tmp_path) == Hands()


def test_reading_makes_no_gradebook(tmp_path):
    read_hands(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_gradebooks_place_is_told(tmp_path):
    (tmp_path / "gradebook.db").mkdir()
    with pytest.raises(GradebookError, match="could not be read"):
        read_hands(tmp_path)


# odd entries


@pytest.mark.parametrize("odd", ["three", float("inf"), -float("inf"), b"3"])
def test_a_score_that_is_no_number_marks_nothing(graded, odd):
    with sqlite3.connect(graded.results / "gradebook.db") as db:
        db.execute("UPDATE grade SET manual_score = ? WHERE auto_score IS NULL", (odd,))
    db.close()
    done("feedback", "--results", graded.results)
    assert graded.row("ann", QUESTION)["outcome"] == "manual"


def test_the_given_records_stay_as_they_are():
    record = Record("ann", "u", "graded", (Score("ann", "u", "q1", None, 0.0, 4.0, "manual", None),))
    merged = with_hands([record], Hands({("ann", "u", "q1"): Mark(4.0, 0.0, False)}))
    assert record.scores[0].outcome == "manual"
    assert merged[0].scores[0].outcome == "passed"


def test_results_of_scores_alone_can_still_be_shown(tmp_path):
    score = {"student": "zoe", "unit": UNIT, "exercise": "div_term", "check": "values", "points": 0.0,
             "max_points": 3.0, "outcome": "error", "message": "Not your fault.", "hint": None}  # fmt: skip
    (tmp_path / "scores.json").write_text(json.dumps([score]), encoding="utf-8")
    (record,) = read_records(tmp_path)
    assert record.outcome == "error"


def test_a_student_whose_grading_failed_keeps_the_rows_in_the_scores(graded):
    rows = json.loads((graded.results / "scores.json").read_bytes())
    lost = [row | {"student": "zoe", "outcome": "error", "message": "Not your fault."} for row in rows[:6]]
    (graded.results / "scores.json").write_text(json.dumps(rows + lost), encoding="utf-8")
    done("export", "--partial", "--format", "csv", "--results", graded.results)
    assert graded.row("zoe", CHECK)["message"] == "Not your fault."
