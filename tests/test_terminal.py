"""A course adds commands of its own to `course`: course.toml names a Typer app."""

import re
import sys

import pytest
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.proving import toy
from course_utils.terminal import app

COMMAND = """
import typer

app = typer.Typer()

@app.command()
def greet(name: str) -> None:
    \"\"\"Greet somebody.\"\"\"
    print(f"hello, {name}")

@app.command()
def check(name: str) -> None:
    \"\"\"Not the command of that name.\"\"\"
    print("taken over")
"""


def course(*words):
    found = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    return found, re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", found.output + found.stderr)).strip()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course whose course.toml names an app that lies beside it, as `commands` says."""
    text = (toy.course().folder / "course.toml").read_text(encoding="utf-8")
    (tmp_path / "greeting.py").write_text(COMMAND, encoding="utf-8")
    (tmp_path / "course.toml").write_text(f'commands = "greeting:app"\n{text}', encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COURSE_DIR", str(tmp_path))
    return tmp_path


def test_a_command_of_the_course_is_run(folder):
    assert course("greet", "ann")[1] == "hello, ann"


def test_the_help_lists_the_commands_of_the_course_behind_those_of_all(folder):
    told = course("--help")[1]
    assert told.index("Check every exercise") < told.index("Greet somebody")


def test_a_course_takes_the_place_of_no_command(folder):
    found, told = course("check", folder / "nothing.ipynb")
    assert (found.exit_code, "taken over" in told) == (1, False)


def test_this_course_adds_its_experiments_and_another_has_none(monkeypatch):
    monkeypatch.setenv("COURSE_DIR", str(current().folder))  # --course sets it, for the processes of a command
    assert "what it asks" in course("experiment")[1]
    found, told = course("--course", toy.FOLDER, "experiment")
    assert (found.exit_code, "No such command 'experiment'" in told) == (2, True)


def test_an_app_that_is_not_there_is_told_with_its_line(folder):
    (folder / "greeting.py").unlink()
    sys.modules.pop("greeting", None)
    found, told = course("greet", "ann")
    assert found.exit_code == 2
    assert "line 1: commands names greeting:app, but" in told
    assert "mend it, or take the line away" in told
