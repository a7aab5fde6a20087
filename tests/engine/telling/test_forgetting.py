"""One student can be taken out of a class: no file names them any more, and all others are as they were."""

import pytest

from course_utils.engine.grading.collect.attempts import locked
from course_utils.engine.grading.plan import RunError
from course_utils.engine.telling.forgetting import forget

from ..desk import FIRST, ROSTER, notebook, zipped

GONE, OTHER = "wang", "mueller"
MARKS = ("wang", "王小明", "wxm", "秘密")  # what would tell that he was here


def grade_class(desk):
    content = {
        "王小明_LATE_102_9002_x.ipynb": notebook(remark="秘密"),
        "müllerannalena_101_9001_x.ipynb": notebook(remark="anna"),
    }
    desk.run("collect", zipped(desk.downloads / "d.zip", content), "--into", desk.submitted)
    desk.grade()
    desk.run("export", "--format", "csv", "--results", desk.results, "--out", desk.root / "marks.csv")
    desk.run("note", GONE, "秘密", "--results", desk.results)
    desk.run("signals", desk.submitted, "--results", desk.results)
    links = ("--as", "links", "--out", desk.root / "public", "--address", "https://example.org/autumn")
    desk.run("give-back", *links, "--results", desk.results)


def holding(folder, words):
    """The files of a folder that hold one of some words, in their names or inside."""
    found = set()
    for path in folder.rglob("*"):
        text = str(path.relative_to(folder)) + (path.read_bytes().decode("utf-8", "replace") if path.is_file() else "")
        found |= {str(path.relative_to(folder)) for word in words if word in text}
    return found


def forgotten(graded):
    graded.write_class(roster="".join(line for line in ROSTER.splitlines(True) if GONE not in line))
    graded.run("forget", GONE, "--submitted", graded.submitted, "--results", graded.results, "--yes")


def test_nothing_of_what_was_handed_in_names_a_student_who_was_forgotten(graded):
    assert holding(graded.submitted, MARKS)
    forgotten(graded)
    assert holding(graded.submitted, MARKS) == set()


def test_nothing_of_the_results_names_a_student_who_was_forgotten_after_the_next_grade(graded):
    assert holding(graded.results, MARKS)
    forgotten(graded)
    assert holding(graded.results, MARKS) <= {"class.json"}  # the roster, as the last grade read it
    graded.grade()
    assert holding(graded.results, MARKS) == set()


def test_all_others_keep_what_they_have(graded):
    before, page = graded.scores()[OTHER, FIRST], graded.page(OTHER)
    forgotten(graded)
    assert graded.scores()[OTHER, FIRST] == before
    assert graded.page(OTHER) == page
    assert "1 unchanged" in graded.grade()


def test_a_student_nobody_knows_is_one_sentence_and_nothing_is_another(graded):
    before = {path: path.read_bytes() for path in graded.root.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"nobody in .* is called 'nobody'; give the folder's name"):
        forget("nobody", graded.submitted, graded.results)
    assert {path: path.read_bytes() for path in graded.root.rglob("*") if path.is_file()} == before


def test_nobody_is_forgotten_while_another_command_collects(graded):
    with locked(graded.submitted), pytest.raises(RunError, match="another command collects into"):
        forget(GONE, graded.submitted, graded.results)
    assert (graded.submitted / GONE).is_dir()


def test_without_a_yes_nothing_is_deleted(graded):
    from typer.testing import CliRunner

    from course_utils.instructor.cli import app

    words = ["forget", GONE, "--submitted", str(graded.submitted), "--results", str(graded.results)]
    assert CliRunner().invoke(app, words, input="n\n").exit_code == 1
    assert (graded.submitted / GONE).is_dir()
