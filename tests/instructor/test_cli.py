"""The `course` command: one sentence and the right exit code for whatever is wrong, help for whatever there is."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import Executor, Future
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.grading import run as runner
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling.changes import Change
from course_utils.instructor import grading
from course_utils.instructor.cli import app

UNIT = "01_positional_encoding"
COMMANDS = [
    "build",
    "bundle",
    "check",
    "collect",
    "grade",
    "feedback",
    "report",
    "export",
    "selftest",
    "doctor",
    "demo",
]


@pytest.fixture(scope="session")
def unit():
    return find_units(current().folder, [UNIT])[0]


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        future.set_result(function(task))
        return future


@pytest.fixture
def course(monkeypatch):
    """Runs the command in this process, with a pool that needs no start."""

    @contextmanager
    def here(plan, given, tasks):
        yield Here()

    monkeypatch.setattr(runner, "task_executor", here)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def said(result) -> str:
    """What was told, without line breaks of a narrow terminal and without colours."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", result.output + (result.stderr or ""))).strip()


def registered() -> list[str]:
    return [command.name or command.callback.__name__ for command in app.registered_commands]


# The machine


def test_the_doctor_names_versions_sandbox_and_units(course):
    told = said(course("doctor"))
    for word in (
        "Python",
        "torch",
        "nbgrader",
        "processor",
        "sandbox",
        *(u.name for u in find_units(current().folder)),
    ):
        assert word in told


# Help


@pytest.mark.parametrize("command", registered())
def test_every_command_has_help_that_says_what_it_does(course, command):
    result = course(command, "--help")
    assert result.exit_code == 0
    assert f"course {command}" in said(result) or f"root {command}" in said(result)
    assert re.search(r"[A-Z]\w+ .+\.", said(result).partition("[OPTIONS]")[2])


@pytest.fixture
def told_of_rights(course):
    """Where a learner reads about `course check`, and what it says there."""
    templates = current().top / "course_utils" / "engine" / "making" / "templates"
    return {
        "help": " ".join(said(course("check", "--help")).replace("│", " ").split()),
        "README": " ".join((current().top / "README.md").read_text(encoding="utf-8").split()),
        "bundle, English": (templates / "bundle.en.md").read_text(encoding="utf-8"),
        "bundle, Chinese": (templates / "bundle.zh.md").read_text(encoding="utf-8"),
    }


@pytest.mark.parametrize("place", ["help", "README", "bundle, English", "bundle, Chinese"])
def test_check_says_that_it_runs_a_notebook_with_ones_own_rights(told_of_rights, place):
    assert re.search("with your own rights|以你本人的权限运行", told_of_rights[place])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_lists_the_commands_of_the_contract(course, command):
    assert re.search(rf"\b{command}\b", said(course("--help")))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("build", ["--check"]),
        ("bundle", ["--lang", "--out"]),
        ("check", ["--json"]),
        ("collect", ["--into", "--class"]),
        (
            "grade",
            ["--unit", "--results", "--jobs", "--dask", "--sandbox", "--regrade", "--class", "--accept", "--dry"],
        ),
        ("export", ["--format", "--like", "--missing"]),
    ],
)
def test_a_command_has_the_options_of_the_contract(course, command, options):
    assert set(options) <= set(re.findall(r"--\w+", said(course(command, "--help"))))


def test_the_module_is_the_same_command():
    answer = subprocess.run(
        [sys.executable, "-m", "course_utils", "--help"], cwd=current().top, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0
    assert "grade" in answer.stdout


# Wrong usage: exit code 2


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["grade"],
        ["grade", ".", "--nosuch"],
        ["grade", ".", "--jobs", "many"],
        ["grade", ".", "--jobs", "-1"],
        ["grade", ".", "--sandbox", "docker"],
        ["grade", ".", "too", "many"],
        ["collect"],
        ["collect", "x.zip"],
        ["bundle"],
        ["bundle", "--lang", "fr", "--out", "x.zip"],
        ["export"],
        ["export", "--format", "blackboard"],
        ["export", "--format", "csv", "--missing", "half"],
        ["check"],
        ["report", "--lang", "fr"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(course, words):
    result = course(*words)
    assert result.exit_code == 2
    assert "Traceback" not in said(result)


# Work that failed: exit code 1 and one sentence


def nothing(folder, unit):
    return folder


def empty(folder, unit):
    folder.mkdir()


def a_file(folder, unit):
    folder.write_text("")


def one_student(folder, unit):
    sample.write(folder, "ann", unit, sample.released(unit))


def student_without_units(folder, unit):
    (folder / "ann").mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "words", "sentence"),
    [
        (nothing, [], "is not a folder; give the one that holds STUDENT/UNIT/UNIT.ipynb"),
        (a_file, [], "is not a folder; give the one that holds STUDENT/UNIT/UNIT.ipynb"),
        (empty, [], "holds no student's folder; notebooks belong in STUDENT/UNIT/UNIT.ipynb"),
        (student_without_units, [], "handed in a unit; known are 01_positional_encoding"),
        (one_student, ["--unit", "99_other"], "no unit 99_other; there are 01_positional_encoding"),
        (one_student, ["--unit", "../solutions"], "no unit ../solutions; there are 01_positional_encoding"),
        (one_student, ["--dask", "nonsense"], "no Dask scheduler answers at nonsense within"),
    ],
    ids=["not there", "a file", "empty", "no unit", "unknown unit", "a path for a unit", "no scheduler"],
)
def test_what_cannot_be_graded_ends_with_1_and_a_sentence(tmp_path, unit, monkeypatch, make, words, sentence):
    monkeypatch.setenv("COLUMNS", "200")
    make(tmp_path / "submitted", unit)
    where = ["--results", str(tmp_path / "results"), "--sandbox", "none"]
    result = CliRunner().invoke(app, ["grade", str(tmp_path / "submitted"), *where, *words])
    assert result.exit_code == 1
    assert sentence in said(result)
    assert result.stderr.count("course: ") == 1
    assert "Traceback" not in said(result)


def test_names_of_changes_are_shown_as_they_are_and_send_no_codes_to_the_terminal(capsys):
    grading._show_changes([Change("[red]ann\x1b[2J", UNIT, "div_term-values", "0", "3", "graded again")], 1)
    shown = capsys.readouterr().out
    assert "[red]ann" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize("command", [["feedback"], ["report"], ["export", "--format", "csv"]], ids=" ".join)
def test_what_needs_results_says_so_where_there_are_none(course, tmp_path, command):
    result = course(*command, "--results", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.stderr.startswith("course: ")
    assert "Traceback" not in said(result)


@pytest.mark.parametrize("content", [None, b"", b"%PDF-1.7", b"[]", b'{"cells": 3}', b"\xff\xfe"], ids=repr)
def test_a_notebook_that_cannot_be_checked_ends_with_1_and_a_sentence(course, tmp_path, content):
    path = tmp_path / f"{UNIT}.ipynb"
    if content is not None:
        path.write_bytes(content)
    result = course("check", path)
    assert result.exit_code == 1
    assert result.stderr.count("course: ") == 1
    assert "Traceback" not in said(result)


def test_a_results_folder_that_cannot_be_written_ends_with_1_and_a_sentence(course, tmp_path, unit):
    one_student(tmp_path / "submitted", unit)
    (tmp_path / "results").write_text("a file")
    result = course("grade", tmp_path / "submitted", "--results", tmp_path / "results", "--sandbox", "none")
    assert result.exit_code == 1
    assert result.stderr.startswith("course: ")


def test_an_unknown_unit_cannot_be_built(course):
    result = course("build", "99_other", "--check")
    assert result.exit_code == 1
    assert "no unit 99_other" in said(result)


# Work that is done


@pytest.fixture
def graded(course, tmp_path, unit):
    """A class with a broken and an unreadable notebook, in folders with spaces and Chinese characters."""
    submitted = tmp_path / "第 3 组 handed in"
    sample.write(submitted, "李雷", unit, sample.released(unit, "zh"))
    sample.write(submitted, "-x y", unit, b"not JSON")
    sample.write(submitted, "closed", unit, b"").unlink()
    (submitted / "closed" / unit.name / f"{unit.name}.ipynb").symlink_to("/etc/hostname")
    results = tmp_path / "成绩 results"
    words = ["grade", submitted, "--results", results, "--unit", UNIT, "--sandbox", "none"]
    return course(*words), submitted, results


def test_a_class_with_broken_notebooks_is_graded_and_ends_with_0(graded):
    result, _, results = graded
    assert result.exit_code == 0, said(result)
    told = "read 1 notebook of 3 students (0 by another name, 2 could not be read); 1 graded now, 0 unchanged"
    assert told in said(result)
    rows = (results / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["'-x y", "closed", "李雷"]
    assert [row.split(",")[-1] for row in rows[1:]] == ["error", "error", "graded"]


def test_a_run_ends_with_a_table_of_what_was_read_as_what(graded):
    table = said(graded[0]).partition("What was read as what")[2]
    assert "1 at this place" in table
    assert "is a link" in table.replace("│", " ")


def test_no_sandbox_is_warned_of(graded):
    assert "--sandbox none runs what students wrote with your own rights" in said(graded[0])


def test_a_second_run_says_that_nothing_changed(graded, course):
    _, submitted, results = graded
    result = course("grade", submitted, "--results", results, "--unit", UNIT, "--sandbox", "none")
    assert "2 could not be read); 0 graded now, 1 unchanged" in said(result)


def test_a_regrade_shows_the_marks_that_change_and_replaces_them_when_it_is_told_to(graded, course):
    _, submitted, results = graded
    log = results / "log.jsonl"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    for line in lines:
        line["scores"][0]["points"] = 2.5
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    words = ["grade", submitted, "--results", results, "--unit", UNIT, "--sandbox", "none", "--regrade"]
    assert course(*words).exit_code == 1
    result = course(*words, "--accept-changes")
    assert result.exit_code == 0
    assert "Marks that change" in said(result)
    assert "div_term-values" in said(result)
    assert {score["points"] for score in json.loads((results / "scores.json").read_bytes())} == {0.0}


def test_a_damaged_line_of_the_log_is_told_and_nothing_is_lost(graded, course):
    _, submitted, results = graded
    with (results / "log.jsonl").open("ab") as log:
        log.write(b'{"student": "ann"}\n')
    result = course("grade", submitted, "--results", results, "--unit", UNIT, "--sandbox", "none")
    assert result.exit_code == 0
    assert "log.jsonl line 4: unit must be a text, and is missing" in said(result)
    assert "0 graded now, 1 unchanged" in said(result)


@pytest.mark.parametrize("command", [["feedback"], ["report"], ["report", "--lang", "zh"]], ids=" ".join)
def test_pages_are_written_anew_from_results(graded, course, command):
    result = course(*command, "--results", graded[2])
    assert result.exit_code == 0, said(result)


def test_the_page_without_names_is_written_beside_the_other(graded, course):
    before = (graded[2] / "class.html").read_bytes()
    result = course("report", "--no-names", "--lang", "zh", "--results", graded[2])
    assert result.exit_code == 0, said(result)
    assert "class-without-names.html" in said(result)
    page = (graded[2] / "class-without-names.html").read_text(encoding="utf-8")
    assert "李雷" not in page
    assert "不含姓名" in page
    assert (graded[2] / "class.html").read_bytes() == before


@pytest.mark.parametrize("form", ["csv", "canvas", "moodle"])
def test_marks_are_written_for_each_system(graded, course, tmp_path, form):
    result = course("export", "--format", form, "--results", graded[2], "--out", tmp_path / "成绩 marks.csv")
    assert result.exit_code == 0, said(result)
    assert "李雷" in (tmp_path / "成绩 marks.csv").read_text(encoding="utf-8-sig")


def test_a_student_named_like_an_option_gets_a_page(graded):
    assert (graded[2] / "feedback" / "-x y" / f"{UNIT}.html").is_file()


def test_an_interrupted_run_says_how_to_go_on(course, tmp_path, unit, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    one_student(tmp_path / "submitted", unit)
    monkeypatch.setattr(runner, "task_executor", interrupt)
    result = course("grade", tmp_path / "submitted", "--results", tmp_path / "results", "--sandbox", "none")
    assert result.exit_code == 1
    assert "interrupted; what was graded is kept, run the same command again to go on" in said(result)


@pytest.mark.skipif(os.name == "nt", reason="Windows decides otherwise which files may be read")
def test_a_submission_that_may_not_be_read_is_told_to_the_student(course, tmp_path, unit, monkeypatch):
    from course_utils.engine.grading import folder, intake

    def refuse(*_):
        raise intake.IntakeError("unreadable")

    one_student(tmp_path / "submitted", unit)
    monkeypatch.setattr(folder, "read_file", refuse)  # a mock: root may read everything
    result = course("grade", tmp_path / "submitted", "--results", tmp_path / "results", "--sandbox", "none")
    assert result.exit_code == 0
    scores = json.loads((tmp_path / "results" / "scores.json").read_bytes())
    assert {score["message"] for score in scores} == {intake.REASONS["unreadable"]["en"]}
