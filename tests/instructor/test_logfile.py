"""`course grade` writes a log: a file that each run adds to, and the terminal with -v."""

import logging
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from course_utils.engine.grading import run as runner
from course_utils.engine.walls import proofs
from course_utils.instructor import cli, logfile
from course_utils.instructor.logfile import logging_into

UNIT = "01_positional_encoding"
LOGGER = logging.getLogger("course_utils.somewhere")


@pytest.fixture
def grade(tmp_path, monkeypatch):
    """Runs `course grade` on one student with an empty folder; nothing is run of theirs."""
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "submitted" / "ann").mkdir(parents=True)

    @contextmanager
    def nobody(plan, given, tasks):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(runner, "task_executor", nobody)
    words = ["grade", tmp_path / "submitted", "--results", tmp_path / "results", "--unit", UNIT, "--sandbox", "none"]
    return lambda *more: CliRunner().invoke(cli.app, [str(word) for word in (*words, *more)])


@pytest.fixture
def log(tmp_path):
    return tmp_path / "results" / "grade.log"


def test_each_run_adds_its_lines_to_the_log_in_the_results(grade, log):
    assert [grade().exit_code, grade().exit_code] == [0, 0]
    text = log.read_text(encoding="utf-8")
    assert text.count(" INFO    run begins: Python 3") == 2
    assert text.count(f" INFO    ann, {UNIT}: missing, 0 of 17 points in ") == 1
    assert text.count(" INFO    run ends: read 0 notebooks of 1 student ") == 2


def test_the_terminal_shows_the_log_with_v_alone(grade):
    quiet, verbose = grade(), grade("-v", "--regrade")
    assert "run begins" not in quiet.output
    assert "run begins: Python 3" in verbose.output
    assert f"ann, {UNIT}: missing" in verbose.output


def test_the_log_goes_where_it_is_told_to(grade, log, tmp_path):
    assert grade("--log-file", tmp_path / "logs" / "tonight.log").exit_code == 0
    assert "run ends" in (tmp_path / "logs" / "tonight.log").read_text(encoding="utf-8")
    assert not log.exists()


def test_a_log_that_cannot_be_written_ends_with_1_and_a_sentence(grade, tmp_path):
    (tmp_path / "file").write_text("")
    result = grade("--log-file", tmp_path / "file" / "grade.log")
    assert result.exit_code == 1
    assert "cannot hold the log (" in result.stderr
    assert "name another file: --log-file FILE" in result.stderr


def test_why_a_run_did_not_begin_stands_in_the_log(grade, log):
    assert grade("--unit", "99_other").exit_code == 1
    assert " ERROR   the run ended: no unit 99_other; there are 01_" in log.read_text(encoding="utf-8")


def test_a_fault_of_the_command_itself_is_logged_by_its_places_without_its_text(grade, log, monkeypatch):
    def stumble(*_, **__):
        raise ZeroDivisionError("the expected value is 0.25")

    monkeypatch.setattr(runner, "run_alone", stumble)
    assert isinstance(grade().exception, ZeroDivisionError)
    (line,) = [line for line in log.read_text(encoding="utf-8").splitlines() if " ERROR " in line]
    assert "a fault of its own: ZeroDivisionError at " in line
    assert "stumble" in line
    assert "0.25" not in line


def test_logging_is_as_it_was_when_a_command_has_ended(grade):
    course = logging.getLogger("course_utils")
    before = (course.level, list(course.handlers), list(logging.root.handlers))
    grade("-v")
    assert (course.level, list(course.handlers), list(logging.root.handlers)) == before


@pytest.mark.parametrize(
    "name", ["a\n2026-12-01 INFO    bob, 01: graded", "a\x1b[2Jb", "a\u202eb", "a\u2028b"], ids=repr
)
def test_a_name_stays_on_its_line_and_moves_no_cursor(tmp_path, name):
    with logging_into(tmp_path / "log"):
        LOGGER.info("%s was read", name)
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1
    assert not set("\x1b\u202e\u2028") & set(text)


def test_markup_in_a_name_is_shown_on_the_terminal_as_it_is(tmp_path, monkeypatch, capsys):
    from rich.console import Console

    with logging_into(tmp_path / "log", Console(width=200)):
        LOGGER.info("%s was read", "[red]ann[/red]")
    assert "[red]ann[/red] was read" in capsys.readouterr().out


def test_the_text_of_an_exception_never_comes_into_the_log(tmp_path):
    with logging_into(tmp_path / "log"):
        try:
            raise ValueError("what a student wrote")
        except ValueError:
            LOGGER.exception("it failed")
    assert (tmp_path / "log").read_text(encoding="utf-8").endswith("it failed\n")


def test_a_log_that_has_grown_large_is_begun_anew_and_the_older_part_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "MAX_BYTES", 1000)
    with logging_into(tmp_path / "log"):
        for number in range(50):
            LOGGER.info("line %d", number)
    assert (tmp_path / "log").stat().st_size <= 1000
    assert "line 49" in (tmp_path / "log").read_text(encoding="utf-8")
    assert (tmp_path / "log.1").is_file()


def test_the_sandboxs_own_test_is_told(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "course_utils")
    monkeypatch.setattr(proofs, "self_test", lambda secrets: 42)
    proofs.find_mode("auto")
    assert caplog.messages == [
        "the sandbox passed its own test: its walls hold, and none of 42 names of secrets opens a file"
    ]
