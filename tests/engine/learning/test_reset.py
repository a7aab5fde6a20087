"""`course reset`: the gap as released, and what stood there in a file beside."""

import json
import shutil

import bundles
import pytest
from bundles import ANSWER, OWN, TEXT, UNIT, edit, grade_id, notebook, sources

from course_utils.engine.course import VARIABLE
from course_utils.engine.learning import reset as resetting
from course_utils.engine.learning.cells import as_own
from course_utils.engine.learning.folder import FolderError
from course_utils.engine.learning.reset import reset


@pytest.fixture(scope="module", params=["en", "zh"])
def released(request, tmp_path_factory):
    return bundles.unpack(request.param, tmp_path_factory.mktemp("released") / "bundle")


@pytest.fixture
def path(released, tmp_path, monkeypatch):
    """A notebook with work in it."""
    top = tmp_path / "my course 课程"
    shutil.copytree(released, top)
    monkeypatch.setenv(VARIABLE, str(top / "course_utils" / "units"))
    bundles.work(notebook(top))
    return notebook(top)


def without_ids(path):
    content = json.loads(path.read_text())
    cells = [as_own(cell) | {"metadata": {}} for cell in content["cells"]]
    path.write_text(json.dumps({**content, "metadata": {}, "cells": cells}))


def test_the_notebook_is_as_released_but_for_the_rest_of_the_work(path, released):
    reset("div_term", path)
    assert [text for text in sources(path) if text not in (OWN, TEXT)] == [
        text for text in sources(notebook(released)) if not text.startswith("YOUR ANSWER HERE")
    ]


def test_the_answer_stands_in_a_file_beside(path):
    kept = reset("div_term", path)
    assert kept == path.with_name("div_term.before-reset-1.py")
    assert kept.read_text(encoding="utf-8") == ANSWER + "\n"


def test_a_question_is_given_back_too(path):
    kept = reset("q1_sin_cos", path)
    assert kept.read_text(encoding="utf-8") == TEXT + "\n"
    assert TEXT not in sources(path)


def test_a_second_answer_does_not_overwrite_the_first(path):
    reset("div_term", path)
    edit(path, lambda cells: next(c for c in cells if grade_id(c) == "div_term").update(source="div_term = 3"))
    assert reset("div_term", path).name == "div_term.before-reset-2.py"


def test_a_blank_gap_leaves_the_file_as_it_is(path):
    reset("div_term", path)
    before = path.read_bytes(), sorted(path.parent.iterdir())
    assert reset("div_term", path) is None
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before


@pytest.mark.parametrize("name", ["div_term", "q1_sin_cos"])
def test_a_notebook_that_lost_its_ids_gets_the_gap_with_its_marks(path, name):
    without_ids(path)
    assert reset(name, path) is not None
    cells = json.loads(path.read_text())["cells"]
    assert [grade_id(cell) for cell in cells if grade_id(cell)] == [name]


def test_a_gap_that_was_deleted_comes_back_to_its_place(path, released):
    edit(path, lambda cells: cells.remove(next(c for c in cells if grade_id(c) == "sinusoidal_encoding")))
    reset("sinusoidal_encoding", path)
    after = sources(path)
    place = after.index('check("sinusoidal_encoding")')
    assert after[place - 1].startswith("def sinusoidal_encoding")


def test_a_full_disk_leaves_the_notebook_as_it_was(path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resetting, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        reset("div_term", path)
    assert path.read_bytes() == before


def test_an_unknown_exercise_is_said(path):
    with pytest.raises(FolderError, match=r"EXERCISE must be one of div_term, .*q1_sin_cos.*; got div_trem"):
        reset("div_trem", path)


def test_a_file_that_is_no_notebook_is_left_alone(path):
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(FolderError, match="is left as it is"):
        reset("div_term", path)
    assert path.read_bytes() == b"%PDF-1.7"


def test_a_missing_notebook_is_said(path):
    with pytest.raises(FolderError, match="there is no file"):
        reset("div_term", path.with_name(f"{UNIT}.copy.ipynb"))
