"""Files beside a notebook: there when it runs, with caps, and nothing is followed that leads elsewhere."""

import os
import zipfile

import pytest

from course_utils.engine.grading import beside
from course_utils.engine.grading.beside import digest_of, files_round, read_all
from course_utils.engine.grading.folder import Entry, Folder


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "ann" / "unit"
    place.mkdir(parents=True)
    return place


NOTEBOOK = Entry(("unit", "unit.ipynb"), "file", 0)


def read(folder, left_out=(), notebook=NOTEBOOK):
    found = Folder(folder.parents[1], "ann", ())
    files = list(files_round(found.entries(), notebook, left_out))
    return dict(read_all(found, files, len(notebook.parts) - 1).values())


@pytest.fixture
def archive(folder):
    def make(*paths, content=b"x"):
        with zipfile.ZipFile(folder / "work.zip", "w") as file:
            for path in paths:
                file.writestr(path, content)
        return Entry(("unit", "work.zip", "own", "unit.ipynb"), "member", 0, ("unit", "work.zip"), "own/unit.ipynb")

    return make


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


def test_of_an_archive_the_files_round_its_notebook_are_read(folder, archive):
    notebook = archive("own/unit.ipynb", "own/utils.py", "own/data/base.csv", "other/b.py", "c.py", "../own/d.py")
    put(folder, "e.py")
    assert sorted(read(folder, notebook=notebook)) == ["d.py", "data/base.csv", "utils.py"]


def test_an_archive_that_unpacks_to_much_is_left(folder, archive):
    notebook = archive("own/zeros.csv", content=bytes(beside.MAX_FILE + 1))
    assert read(folder, notebook=notebook) == {}


def test_what_lies_in_an_archive_is_not_beside_a_notebook_outside_of_it(folder, archive):
    archive("own/utils.py")
    assert list(read(folder)) == ["work.zip"]
