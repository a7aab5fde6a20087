"""`course lab`: which folder it opens, what it makes, and what it says where it cannot."""

import json
import os
import shutil
from types import SimpleNamespace

import bundles
import pytest
from bundles import UNIT, notebook
from typer.testing import CliRunner

from course_utils.engine.course import VARIABLE
from course_utils.engine.learning import lab
from course_utils.engine.learning.folder import FolderError
from course_utils.engine.learning.lab import LabError, notebooks_to_open, open_lab
from course_utils.terminal import app


@pytest.fixture(scope="module", params=["en", "zh"])
def released(request, tmp_path_factory):
    return request.param, bundles.unpack(request.param, tmp_path_factory.mktemp("released") / "bundle")


@pytest.fixture
def mine(released, tmp_path, monkeypatch):
    top = tmp_path / "my course 课程"
    shutil.copytree(released[1], top)
    monkeypatch.setenv(VARIABLE, str(top / "course_utils" / "units"))
    monkeypatch.chdir(top)
    return top


@pytest.fixture
def started(monkeypatch):
    """The command lines that were run in the place of JupyterLab."""
    found = []

    class Done:
        returncode = 0

    def run(words, env, check):
        found.append((words, env))
        return Done

    monkeypatch.setattr(lab, "subprocess", SimpleNamespace(run=run))
    return found


def test_it_opens_the_learners_own_notebooks_in_their_language(mine, started, released):
    result = CliRunner().invoke(app, ["lab", "--no-browser"])
    assert result.exit_code == 0
    assert str(mine / "notebooks") in result.output
    (words, environment), *_ = started
    assert words[1:] == ["-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={mine / 'notebooks'}"]
    assert environment["COURSE_LANG"] == released[0]


def test_a_browser_is_opened_where_nobody_says_no(mine, started):
    CliRunner().invoke(app, ["lab"])
    assert "--no-browser" not in started[0][0]


def test_a_folder_that_is_not_there_becomes_a_copy(mine, released, tmp_path):
    bundles.work(notebook(mine))
    own, is_new = notebooks_to_open(tmp_path / "my copy", released[0])
    assert is_new
    assert bundles.sources(own.path(UNIT)) == bundles.sources(notebook(released[1]))
    assert json.loads((own.folder / "course.json").read_text()) == {"language": released[0]}


def test_a_copy_that_is_there_is_opened_as_it_is(mine, released, tmp_path):
    notebooks_to_open(tmp_path / "copy", released[0])
    bundles.work(tmp_path / "copy" / UNIT / f"{UNIT}.ipynb")
    before = (tmp_path / "copy" / UNIT / f"{UNIT}.ipynb").read_bytes()
    assert notebooks_to_open(tmp_path / "copy", None)[1] is False
    assert (tmp_path / "copy" / UNIT / f"{UNIT}.ipynb").read_bytes() == before


def test_without_a_release_at_hand_a_blank_notebook_is_kept_as_one(mine, started):
    for path in (mine / "course_utils" / "units").rglob("released.*.json"):
        path.unlink()
    CliRunner().invoke(app, ["lab"])
    bundles.work(notebook(mine))
    assert run("reset", "div_term", str(notebook(mine))).exit_code == 0
    assert bundles.ANSWER not in bundles.sources(notebook(mine))


def test_an_answered_notebook_is_never_kept_as_a_release(mine, started):
    for path in (mine / "course_utils" / "units").rglob("released.*.json"):
        path.unlink()
    bundles.work(notebook(mine))
    CliRunner().invoke(app, ["lab"])
    result = run("reset", "div_term", str(notebook(mine)))
    assert result.exit_code == 1
    assert "unpack the course again" in result.output


def test_a_folder_with_something_else_in_it_is_refused(mine, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").write_bytes(b"")
    with pytest.raises(FolderError, match="holds no notebook of this course"):
        notebooks_to_open(tmp_path / "photos", None)
    assert os.listdir(tmp_path / "photos") == ["me.png"]


def test_without_jupyterlab_one_sentence_says_what_to_run(mine, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"JupyterLab is not installed here.*pip install -e \."):
        open_lab(notebooks_to_open(None, None)[0])


def test_a_full_disk_is_one_sentence(mine, started, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab, "write_whole", full)
    result = CliRunner().invoke(app, ["lab", "--folder", str(tmp_path / "copy")])
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert started == []


# the other commands of the learner's day ------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, list(words))


def test_status_prints_json(mine, released):
    result = run("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["language"] == released[0]


def test_status_of_a_folder_without_notebooks_fails_with_a_sentence(mine, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run("status", "--folder", str(tmp_path / "empty"))
    assert result.exit_code == 1
    assert "holds no notebook of this course" in result.output


def test_update_with_what_is_no_release_fails_with_a_sentence(mine):
    result = run("update", "nothing.zip")
    assert result.exit_code == 1
    assert "there is no file, folder or commit nothing.zip" in result.output


def test_update_needs_to_be_told_what_from(mine):
    assert run("update").exit_code == 2


def test_reset_says_where_the_answer_is_kept(mine):
    bundles.work(notebook(mine))
    result = run("reset", "div_term", str(notebook(mine)))
    assert result.exit_code == 0
    assert "div_term.before-reset-1.py" in result.output


def test_reset_of_an_unknown_exercise_fails_with_a_sentence(mine):
    result = run("reset", "div_trem", str(notebook(mine)))
    assert result.exit_code == 1
    assert "EXERCISE must be one of" in result.output
