"""Free text marked in a terminal: what waits, what is shown, where a mark goes, and what becomes of it."""

import json
import shutil
import sqlite3
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.grading import run as runner
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling import review
from course_utils.engine.telling.hand_marks import GradebookError, read_hands
from course_utils.instructor.cli import app

UNIT, QUESTION = "01_positional_encoding", "q1_sin_cos"
STUDENTS = {"ann": "A rotation.", "bob": "Two coordinates.", "李": "两个坐标。", "eve": "\x1b[2J \u202e[bold]x[/bold]"}


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        future.set_result(function(task))
        return future


def grade(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def here(plan, given, tasks):
            yield Here()

        patch.setattr(runner, "task_executor", here)
        words = ["grade", str(folder / "submitted"), "--results", str(folder / "results"), "--sandbox", "none"]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output + done.stderr


@pytest.fixture(scope="module")
def unit():
    return find_units(current().folder, [UNIT])[0]


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory, unit):
    folder = tmp_path_factory.mktemp("class")
    for student, answer in STUDENTS.items():
        language = "zh" if student == "李" else "en"
        notebook = sample.filled(unit, sample.reference(unit), {QUESTION: answer}, language)
        sample.write(folder / "submitted", student, unit, notebook)
    sample.write(folder / "submitted", "blank", unit, sample.released(unit))
    grade(folder)
    return folder


@pytest.fixture
def folder(graded_once, tmp_path):
    shutil.copytree(graded_once, tmp_path / "class")
    return tmp_path / "class"


@pytest.fixture
def results(folder):
    return folder / "results"


@pytest.fixture
def question(unit):
    return review.question_of(unit, QUESTION, "en")


@pytest.fixture
def full(question):
    """The keys that give an answer all points, without a comment."""
    return "\n" * (len(question.criteria) + 1)


def answer_of(results, student, everybody=False):
    return next(each for each in review.waiting(results, UNIT, QUESTION, everybody) if each.student == student)


def said(results, keys, *options):
    words = ["review", QUESTION, "--results", str(results), *options]
    return CliRunner().invoke(app, words, input=keys, env={"COLUMNS": "200"})


def row(results, student):
    rows = json.loads((results / "scores.json").read_bytes())
    return next(each for each in rows if (each["student"], each["exercise"]) == (student, QUESTION))


def test_every_answer_waits_once_but_those_that_say_nothing(results):
    assert sorted(each.student for each in review.waiting(results, UNIT, QUESTION)) == sorted(STUDENTS)


def test_the_order_is_another_for_each_seed_and_the_same_for_one(results):
    orders = {tuple(a.student for a in review.waiting(results, UNIT, QUESTION, seed=str(n))) for n in range(20)}
    assert len(orders) > 3
    assert review.waiting(results, UNIT, QUESTION, seed="1") == review.waiting(results, UNIT, QUESTION, seed="1")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_stands_in_the_language_of_the_answer(unit, language):
    found = review.question_of(unit, QUESTION, language)
    assert [each.text for each in found.criteria] == [c[language] for c in unit.rubric[QUESTION]["criteria"]]
    assert found.model_answer == unit.rubric[QUESTION]["model_answer"][language].strip()
    assert found.asked.startswith("#")


def test_a_mark_with_its_criteria_and_comment_reaches_scores_and_page(question, results):
    given = [1.0, 0.5, *[0.0] * (len(question.criteria) - 2)]
    review.give_mark(results, question, answer_of(results, "ann"), given, "Say more of <b>.", sum(given))
    done = CliRunner().invoke(app, ["feedback", "--results", str(results)])
    assert done.exit_code == 0, done.output
    found = row(results, "ann")
    assert (found["points"], found["outcome"], found["by_hand"]) == (1.5, "partial", True)
    assert found["comment"] == "Say more of <b>."
    assert [each["points"] for each in found["criteria"]] == given
    page = (results / "feedback" / "ann" / f"{UNIT}.html").read_text(encoding="utf-8")
    assert "0.5 / 1" in page
    assert "Say more of &lt;b&gt;." in page
    assert "ann" not in [each.student for each in review.waiting(results, UNIT, QUESTION)]


def test_criteria_of_a_mark_that_was_changed_in_formgrader_are_told_no_more(question, results):
    review.give_mark(results, question, answer_of(results, "ann"), [1.0] * len(question.criteria), "", 4.0)
    with sqlite3.connect(results / "gradebook.db") as db:
        db.execute("UPDATE grade SET manual_score = 2 WHERE manual_score = 4")
    hands = read_hands(results)
    assert hands.marks["ann", UNIT, QUESTION].score == 2
    assert hands.criteria == {}


def test_an_answer_that_changed_asks_again_and_shows_the_old_mark(unit, question, folder, results):
    review.give_mark(results, question, answer_of(results, "ann"), [1.0] * len(question.criteria), "", 4.0)
    notebook = sample.filled(unit, sample.reference(unit), {QUESTION: "Another answer."})
    sample.write(folder / "submitted", "ann", unit, notebook)
    grade(folder)
    again = answer_of(results, "ann")
    assert again.text == "Another answer."
    assert (again.mark.score, again.mark.asks_again) == (4.0, True)


def test_a_review_in_the_terminal_marks_skips_and_goes_back(full, results):
    done = said(results, f"{full}s\nb\n{full}q\n")
    assert done.exit_code == 0, done.output
    assert "2 marked, 2 left" in done.output
    assert len(review.waiting(results, UNIT, QUESTION)) == 2


def test_a_number_that_cannot_be_is_asked_for_again(results):
    done = said(results, "7\nx\n-1\nnan\n0,5\nq\n")
    assert done.output.count("give a number of points") == 4
    assert "0 marked, 4 left" in done.output


def test_no_name_is_shown_unless_asked_for_and_no_answer_moves_the_cursor(results):
    plain, named = said(results, "s\n" * 4).output, said(results, "s\n" * 4, "--names").output
    assert "李" not in plain
    assert all(student in named for student in STUDENTS)
    assert "\x1b[2J" not in plain
    assert "[bold]x[/bold]" in plain


def test_where_the_input_ends_what_was_given_is_kept(full, results):
    assert "1 marked, 3 left" in said(results, full).output


def test_when_all_are_marked_a_sentence_says_how_to_see_them(full, results):
    said(results, full * len(STUDENTS))
    assert "no answer waits; --all shows those that are marked" in said(results, "").output
    assert "marked with 4 of 4 points before" in said(results, "q\n", "--all").output


@pytest.mark.parametrize("name", ["q99", "q"])
def test_a_question_that_nobody_asks_or_that_several_begin_with_is_refused(results, name):
    done = CliRunner().invoke(app, ["review", name, "--results", str(results)])
    assert (done.exit_code, "QUESTION must be one of q1_sin_cos, " in done.stderr) == (1, True)


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(ValueError, match="holds no results of 01_positional_encoding; grade first"):
        review.waiting(tmp_path, UNIT, QUESTION)


def test_a_gradebook_that_cannot_be_written_loses_nothing(question, results):
    (results / "gradebook.db").write_bytes(b"not a database")
    answer = review.Answer("ann", "en", "A rotation.", None, "")
    with pytest.raises(GradebookError, match="could not be written"):
        review.give_mark(results, question, answer, [1.0] * len(question.criteria), "", 4.0)
    assert not (results / "reviews.jsonl").exists()
