"""Files beside a notebook: there when it runs, with caps, and nothing is followed that leads elsewhere."""

import os

import pytest

from course_utils.engine.grading import beside
from course_utils.engine.grading.beside import digest_of, read_beside


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "ann" / "unit"
    place.mkdir(parents=True)
    return place


def read(folder, left_out=()):
    return dict(read_beside(folder.parents[1], ("ann", "unit"), left_out))


def put(folder, *paths, content=b"x"):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def test_modules_and_small_data_are_read_in_folders_too(folder):
    put(folder, "utils.py", "data/train.csv", "own/__init__.py", "own/parts/a.py")
    assert sorted(read(folder)) == ["data/train.csv", "own/__init__.py", "own/parts/a.py", "utils.py"]


@pytest.mark.parametrize(
    "name",
    ["unit.ipynb", "other.ipynb", ".hidden", ".git/config", ".ipynb_checkpoints/a.py",
     "__pycache__/a.pyc", "__MACOSX/a.py",
     "report.pdf", "report.DOCX", "a\nb.py", "x" * 101],
)  # fmt: skip
def test_what_no_code_reads_is_left(folder, name):
    put(folder, name)
    assert read(folder) == {}


def test_the_folders_of_units_are_no_part_of_what_lies_beside_a_notebook(folder):
    put(folder, "02_Attention/utils.py", "utils.py")
    assert list(read(folder, {"02_attention"})) == ["utils.py"]


def test_no_link_is_followed(folder, tmp_path):
    put(tmp_path, "secret.py", "secrets/a.py")
    (folder / "a.py").symlink_to(tmp_path / "secret.py")
    (folder / "b").symlink_to(tmp_path / "secrets")
    assert read(folder) == {}


def test_nothing_is_opened_that_is_no_regular_file(folder):
    os.mkfifo(folder / "pipe.py")
    assert read(folder) == {}


def test_a_large_file_is_left(folder):
    put(folder, "large.csv", content=bytes(beside.MAX_FILE + 1))
    put(folder, "utils.py")
    assert list(read(folder)) == ["utils.py"]


def test_all_together_have_a_limit_and_modules_come_first(folder):
    put(folder, *(f"{n}.bin" for n in range(4)), content=bytes(beside.MAX_TOTAL * 2 // 5))
    put(folder, "utils.py")
    found = read(folder)
    assert "utils.py" in found
    assert len(found) == 3


def test_their_number_has_a_limit(folder):
    put(folder, *(f"{n:03}.csv" for n in range(150)), "utils.py")
    found = read(folder)
    assert len(found) == beside.MAX_FILES
    assert "utils.py" in found


def test_folders_within_folders_end_somewhere(folder):
    put(folder, "a/b/c/d/e/f.py", "a/b/c.py")
    assert list(read(folder)) == ["a/b/c.py"]


def test_a_changed_file_or_name_changes_their_hash():
    files = [(), (("a.py", b"x"),), (("a.py", b"y"),), (("b.py", b"x"),), (("a.py", b"x"), ("b.py", b""))]
    assert len({digest_of(each) for each in files}) == len(files)
    assert digest_of(()) == ""


def test_a_folder_that_is_not_there_has_nothing_beside_it(tmp_path):
    assert read_beside(tmp_path, ("bob", "unit"), ()) == ()
