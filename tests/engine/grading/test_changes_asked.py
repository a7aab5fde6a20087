"""No mark that stands changes in silence: what asks, what does not, and that nothing is written before the answer."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from course_utils.engine import files
from course_utils.engine.course import VARIABLE, open_course
from course_utils.engine.grading import run as runner
from course_utils.engine.grading.log import LOG, WAITING, append_line, locked
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample, toy
from course_utils.instructor import grading
from course_utils.instructor.cli import app

from ..conftest import at_once

UNIT = toy.ROWS
ASIDE = {WAITING, "grade.log", ".lock"}  # what a run may touch before somebody has agreed


def lay_course(root):
    for folder in ("solutions", "notebooks"):
        shutil.copytree(toy.FOLDER / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))


def unit_at(root):
    return find_units(open_course(root / "solutions").folder, [UNIT])[0]


class Class:
    """The toy course, five students who handed in, and their results."""

    def __init__(self, root):
        self.root, self.submitted, self.results = root, root / "submitted", root / "results"

    def hand_in(self, student, **sources):
        unit = unit_at(self.root)
        sample.write(self.submitted, student, unit, sample.filled(unit, sample.reference(unit) | sources))

    def command(self, *options, answer=None):
        words = ["grade", self.submitted, "--results", self.results, "--sandbox", "none", *options]
        return CliRunner().invoke(app, [str(word) for word in words], input=answer)

    def grade(self, *options):
        """A run that must succeed; returns what it said, on one line."""
        result = self.command(*options)
        assert result.exit_code == 0, result.output + result.stderr
        return flat(result.output)

    def stopped(self, *options):
        """A run that must end with 1 and one sentence; returns that."""
        result = self.command(*options)
        assert result.exit_code == 1, result.output
        assert result.stderr.count("course: ") == 1, result.stderr
        assert "Traceback" not in result.stderr
        return flat(result.stderr)

    def state(self):
        """All files of the results but those that a run may touch."""
        found = (path for path in self.results.rglob("*") if path.is_file() and path.name not in ASIDE)
        return {str(path.relative_to(self.results)): path.read_bytes() for path in found}

    def points(self):
        """student -> points, by scores.json."""
        rows = json.loads((self.results / "scores.json").read_bytes())
        return {
            name: sum(row["points"] for row in rows if row["student"] == name) for name in {r["student"] for r in rows}
        }

    def change(self, file, old, new):
        path = self.root / "solutions" / UNIT / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def change_points(self, points=5):
        self.change("unit.toml", "[points.powers]\nvalues = 3", f"[points.powers]\nvalues = {points}")


def flat(text):
    return re.sub(r"\s+", " ", text.replace("│", "|"))


@pytest.fixture(scope="module")
def class_graded_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("class")
    lay_course(root)
    found = Class(root)
    for name in ("ann", "cy", "dan"):
        found.hand_in(name, powers=sample.reference(unit_at(root))["powers"] + f"\n# {name}")
    found.hand_in("bob", powers="def powers(count):\n    return 0.8 ** torch.arange(count) + 0.01")
    sample.write(found.submitted, "eve", unit_at(root), sample.released(unit_at(root)))
    with at_once(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(root))
        found.grade()
    return root


@pytest.fixture
def graded(class_graded_once, tmp_path, monkeypatch):
    """That class in a folder of the test's own, with a course that it may change."""
    shutil.copytree(class_graded_once, tmp_path / "class")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "class"))
    with at_once():
        yield Class(tmp_path / "class")


@pytest.fixture
def begun(monkeypatch):
    """Whose notebooks were graded."""
    names = []
    told = runner.journal.tell_graded
    monkeypatch.setattr(
        runner.journal, "tell_graded", lambda task, *more: (names.append(task.student), told(task, *more))
    )
    return names


# what asks ------------------------------------------------------------------------------------------------------------


def test_changed_points_stop_a_run_without_a_terminal_and_it_says_what_goes_on(graded):
    graded.change_points()
    said = graded.stopped()
    assert "3 marks of 3 students would change, and there is no terminal to ask at; nothing was changed" in said
    assert "--accept-changes takes these marks over, --dry-run only shows them" in said


def test_the_table_of_changes_says_who_what_old_new_and_why(graded):
    graded.change_points()
    told = flat(graded.command().output)
    assert f"| ann | {UNIT} | powers-values | 3 | 5 | changed: points (unit.toml) |" in told
    assert f"| (everybody) | {UNIT} | powers-values | 3 possible | 5 possible |" in told
    assert "bob" not in told.partition("Marks that change")[2]


def test_nothing_is_written_before_the_answer_is_yes(graded):
    before = graded.state()
    graded.change_points()
    graded.stopped()
    assert graded.state() == before


def test_changes_are_taken_over_where_that_was_said(graded):
    before = graded.points()
    graded.change_points()
    graded.grade("--accept-changes")
    assert graded.points() == before | {name: before[name] + 2 for name in ("ann", "cy", "dan")}
    assert not (graded.results / WAITING).exists()


def test_a_mended_rule_asks_and_names_its_file(graded):
    # Bob's powers are a hundredth too large, which the mended rule lets pass
    graded.change("rules.py", '"powers", values=Check(', '"powers", values=Check(0.05, 0.05, ')
    told = graded.command()
    assert told.exit_code == 1
    assert f"| bob | {UNIT} | powers-values | 0 | 3 | changed: rules.py |" in flat(told.output)


def test_a_change_that_moves_no_mark_asks_nothing(graded):
    with (graded.root / "solutions" / UNIT / "rules.py").open("a", encoding="utf-8") as file:
        file.write("\nUNUSED = 1\n")
    told = graded.grade()
    assert "no mark that stands changes" in told
    assert "5 graded now" in told


def test_a_notebook_that_is_gone_asks(graded):
    (graded.submitted / "ann" / UNIT / f"{UNIT}.ipynb").unlink()
    told = graded.command()
    assert told.exit_code == 1
    assert f"| ann | {UNIT} | powers-values | 3 | 0 | the notebook that was graded is not there any more |" in flat(
        told.output
    )


def test_a_notebook_that_became_unreadable_asks(graded):
    path = graded.submitted / "ann" / UNIT / f"{UNIT}.ipynb"
    path.write_bytes(path.read_bytes()[:-40])
    assert "the notebook cannot be read any more" in flat(graded.command().output)


def test_a_regrade_that_changes_marks_stops_without_a_terminal_too(graded):
    log = graded.results / LOG
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    for line in lines:
        line["scores"][0]["points"] = 1.0
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert "5 marks of 5 students would change" in graded.stopped("--regrade")


# what does not --------------------------------------------------------------------------------------------------------


def test_a_new_hand_in_asks_nothing(graded):
    graded.hand_in("bob")
    before = graded.points()
    graded.grade()
    assert graded.points() == before | {"bob": before["bob"] + 3}


def test_a_student_who_comes_later_asks_nothing(graded):
    graded.hand_in("zoe")
    assert "1 graded now, 5 unchanged" in graded.grade()


def test_a_student_whose_folder_is_gone_keeps_the_mark_and_is_named(graded):
    before = graded.points()
    shutil.rmtree(graded.submitted / "ann")
    told = graded.grade()
    assert "no folder, and not on a roster: ann; the marks that they have stay in the results" in told
    assert graded.points() == before


def test_a_mark_by_hand_stands_through_changed_points(graded):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded.results / 'gradebook.db'}") as book:
        grade = book.find_grade("powers-values", UNIT, UNIT, "bob")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        book.db.commit()
    with (graded.root / "solutions" / UNIT / "rules.py").open("a", encoding="utf-8") as file:
        file.write("\nUNUSED = 1\n")
    assert "no mark that stands changes" in graded.grade()
    rows = json.loads((graded.results / "scores.json").read_bytes())
    assert next(r["points"] for r in rows if (r["student"], r["exercise"]) == ("bob", "powers")) == 2.0


# while it is open, and after ------------------------------------------------------------------------------------------


def test_what_was_graded_before_the_answer_is_not_graded_again(graded, begun):
    graded.change_points()
    graded.stopped()
    assert sorted(begun) == ["ann", "bob", "cy", "dan", "eve"]
    begun.clear()
    graded.grade("--accept-changes")
    assert begun == []


def test_a_new_hand_in_waits_with_the_others_and_comes_with_them(graded):
    before = graded.points()
    graded.change_points()
    graded.hand_in("bob")
    graded.stopped()
    assert graded.points() == before
    graded.grade("--accept-changes")
    assert graded.points()["bob"] == before["bob"] + 5


def test_points_that_are_put_back_leave_nothing_to_ask(graded, begun):
    before = graded.state()
    graded.change_points()
    graded.stopped()
    graded.change("unit.toml", "values = 5", "values = 3")
    begun.clear()
    graded.grade()
    assert begun == []
    assert not (graded.results / WAITING).exists()
    assert graded.state() == before


def test_marks_that_were_taken_over_are_not_asked_about_again(graded):
    graded.change_points()
    graded.grade("--accept-changes")
    assert "0 graded now, 5 unchanged" in graded.grade()


def test_a_dry_run_shows_all_and_writes_nothing(graded):
    before, log = graded.state(), (graded.results / "grade.log").read_bytes()
    graded.change_points()
    graded.hand_in("bob")
    told = graded.grade("--dry-run")
    assert f"| {UNIT} | a new hand-in | 1 | bob |" in told
    assert f"| {UNIT} | changed: points (unit.toml) | 4 | ann, cy, dan, eve |" in told
    assert "dry run: 3 marks of 3 students would change; nothing was written" in told
    assert graded.state() == before
    assert (graded.results / "grade.log").read_bytes() == log
    assert not (graded.results / WAITING).exists()


def test_a_dry_run_of_a_class_without_results_makes_no_folder(graded):
    shutil.rmtree(graded.results)
    assert "nothing was written" in graded.grade("--dry-run")
    assert not graded.results.exists()


def test_a_dry_run_grades_nothing_that_waits_already(graded, begun):
    graded.change_points()
    graded.stopped()
    begun.clear()
    graded.grade("--dry-run")
    assert begun == []


def test_a_failure_of_the_grader_leaves_the_mark_that_the_same_hand_in_has(graded, monkeypatch):
    before = graded.points()
    graded.change_points()
    grade = runner.grade

    def stumble(task):
        if task.student == "ann":
            raise OSError("the worker is gone")
        return grade(task)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "grade", stumble)
        result = graded.command("--accept-changes")
    assert result.exit_code == 1
    assert "not graded: ann" in flat(result.output)
    assert graded.points() == before | {name: before[name] + 2 for name in ("cy", "dan")}
    graded.grade("--accept-changes")
    assert graded.points()["ann"] == before["ann"] + 2


# somebody at a terminal -----------------------------------------------------------------------------------------------


@pytest.fixture
def at_terminal(monkeypatch):
    monkeypatch.setattr(grading, "is_terminal", lambda: True)


def test_yes_takes_the_changes_over(graded, at_terminal):
    before = graded.points()
    graded.change_points()
    result = graded.command(answer="y\n")
    assert result.exit_code == 0
    assert "3 marks of 3 students would change. Take them over?" in flat(result.output)
    assert graded.points()["ann"] == before["ann"] + 2


@pytest.mark.parametrize("answer", ["n\n", "\n"], ids=["no", "Enter"])
def test_no_leaves_all_as_it_was(graded, at_terminal, answer):
    before = graded.state()
    graded.change_points()
    result = graded.command(answer=answer)
    assert result.exit_code == 1
    assert "no mark was changed; what was graded is kept aside for a run with --accept-changes" in flat(result.output)
    assert graded.state() == before


@pytest.mark.parametrize("stop", [typer.Abort, KeyboardInterrupt], ids=["at the question", "before it"])
def test_ctrl_c_at_the_question_leaves_all_as_it_was(graded, at_terminal, monkeypatch, begun, stop):
    def interrupt(*words, **more):
        raise stop

    before = graded.state()
    graded.change_points()
    with monkeypatch.context() as patch:
        patch.setattr(typer, "confirm", interrupt)
        said = graded.stopped()
    assert "kept" in said
    assert graded.state() == before
    begun.clear()
    graded.grade("--accept-changes")
    assert begun == []


@pytest.mark.slow
def test_ctrl_c_at_a_real_terminal_leaves_all_as_it_was(graded):
    before = graded.state()
    graded.change_points()
    words = [sys.executable, "-m", "course_utils", "grade", graded.submitted, "--results", graded.results]
    main, other = os.openpty()
    run = subprocess.Popen(
        [*words, "--sandbox", "none"],
        stdin=other, stdout=other, stderr=subprocess.PIPE, start_new_session=True, env=os.environ, text=True,
    )  # fmt: skip
    os.close(other)
    said = b""
    while b"Take them over?" not in said:
        said += os.read(main, 4096)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=120)
    os.close(main)
    assert run.returncode == 1
    assert told.count("course: ") == 1
    assert "Traceback" not in told
    assert graded.state() == before
    assert (graded.results / WAITING).exists()


# disks, folders, others -----------------------------------------------------------------------------------------------


def full_disk(*_, **__):
    raise OSError(28, "No space left on device", "scores.json")


def test_a_full_disk_is_one_sentence_and_costs_nothing_of_what_was_graded(graded, monkeypatch, begun):
    graded.change_points()
    before = graded.points()
    with monkeypatch.context() as patch:
        patch.setattr(files.tempfile, "mkstemp", full_disk)
        said = graded.stopped("--accept-changes")
    assert "No space left on device; make room on that disk and run the same command again" in said
    begun.clear()
    graded.grade("--accept-changes")
    assert begun == []
    assert graded.points()["ann"] == before["ann"] + 2


def test_a_line_for_which_the_disk_has_no_room_leaves_no_part_of_itself(tmp_path):
    path = tmp_path / LOG
    append_line(path, {"a": 1})
    whole = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, limits[1]))
    try:
        with pytest.raises(OSError, match=r"No space left on device: .*log\.jsonl"):
            append_line(path, {"b": "x" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == whole


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [8, 64], ids=["in the log", "in the gradebook"])
def test_a_disk_that_fills_up_in_the_middle_is_one_sentence_and_the_next_run_goes_on(graded, blocks):
    wanted = graded.points()
    shutil.rmtree(graded.results)
    words = [sys.executable, "-m", "course_utils", "grade", graded.submitted, "--results", graded.results]
    command = 'ulimit -f "$1"; shift; exec "$@"'
    run = subprocess.run(
        ["bash", "-c", command, "bash", str(blocks), *words, "--sandbox", "none", "--jobs", "1"],
        env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout
    assert run.stderr.count("course: ") == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert all(line.endswith(b"}") for line in (graded.results / LOG).read_bytes().splitlines())
    graded.grade()
    assert graded.points() == wanted


def test_results_that_cannot_be_written_are_one_sentence(graded, monkeypatch):
    def closed(*_, **__):
        raise OSError(30, "Read-only file system", str(graded.results))

    before = graded.state()
    graded.change_points()
    monkeypatch.setattr("course_utils.instructor.logfile._File.__init__", closed)
    said = graded.stopped("--accept-changes")
    assert "cannot hold the log (Read-only file system); take another folder: --results" in said
    assert graded.state() == before


@pytest.mark.slow
def test_a_results_folder_of_somebody_else_is_one_sentence(graded, as_user):
    for folder in [graded.root, *graded.root.parents]:
        if folder != folder.parent and not folder.stat().st_mode & 1:
            os.chmod(folder, folder.stat().st_mode | 0o755)
    before = graded.state()
    words = [sys.executable, "-m", "course_utils", "grade", str(graded.submitted), "--results", str(graded.results)]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", VARIABLE: os.environ[VARIABLE]}
    if os.geteuid() == 0:
        words = as_user(1000, [*words, "--sandbox", "none"], environment)
    else:
        os.chmod(graded.results, 0o555)
        (graded.results / "grade.log").unlink()
        words = [*words, "--sandbox", "none"]
    run = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("course: ")) == (1, 1), run.stderr
    assert "(Permission denied); take another folder: --results" in flat(run.stderr)
    assert {name: data for name, data in graded.state().items() if name in before} == before


def test_of_two_runs_at_once_the_second_is_one_sentence_and_changes_nothing(graded):
    before = graded.state()
    graded.change_points()
    with locked(graded.results):
        said = graded.stopped("--accept-changes")
    assert "another run is grading into" in said
    assert graded.state() == before


def test_a_dry_run_may_look_while_another_run_is_under_way(graded):
    graded.change_points()
    with locked(graded.results):
        assert "dry run: 3 marks" in graded.grade("--dry-run")
