"""`course update`: a newer release, and no work lost, whatever happens meanwhile."""

import json
import os
import shutil
import subprocess
import zipfile

import bundles
import nbformat
import pytest
from bundles import ANSWER, OWN, TEXT, UNIT, notebook, sources

from course_utils.engine import course as courses
from course_utils.engine.course import VARIABLE
from course_utils.engine.learning import update as updating
from course_utils.engine.learning.cells import as_own
from course_utils.engine.learning.folder import find_notebooks
from course_utils.engine.learning.release import ReleaseError
from course_utils.engine.learning.update import UpdateError, update


@pytest.fixture(scope="module", params=["en", "zh"])
def released(request, tmp_path_factory):
    """Language, and a bundle as it is given out."""
    return request.param, bundles.unpack(request.param, tmp_path_factory.mktemp("released") / "bundle")


@pytest.fixture(scope="module")
def second(released, tmp_path_factory):
    """The next release."""
    top = tmp_path_factory.mktemp("second") / "bundle-2"
    shutil.copytree(released[1], top)
    return bundles.later(top)


@pytest.fixture
def mine(released, tmp_path, monkeypatch):
    """The learner's bundle, with work in it, in a path with a space and Chinese."""
    top = tmp_path / "my course 课程" / "bundle"
    shutil.copytree(released[1], top)
    bundles.work(notebook(top))
    monkeypatch.setenv(VARIABLE, str(top / "course_utils" / "units"))
    monkeypatch.chdir(top)
    return top


def run(new):
    return update(str(new), find_notebooks())


def holds_all_work(path):
    return [text for text in sources(path) if text in (ANSWER, OWN, TEXT)] == [ANSWER, OWN, TEXT]


def is_of(path, word):
    return f"A cell: {word}." in sources(path) and f"A sentence of the {word} release." in sources(path)[2]


def test_work_comes_along_and_the_lesson_is_the_new_one(mine, second):
    run(second)
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "second")


def test_a_zip_file_does_as_its_folder(mine, second):
    run(bundles.zipped(second))
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "second")


def test_the_new_notebook_is_a_valid_one(mine, second):
    run(second)
    nbformat.validate(nbformat.read(notebook(mine), as_version=4))


def test_the_old_file_stands_beside(mine, second):
    before = notebook(mine).read_bytes()
    run(second)
    assert (notebook(mine).parent / f"{UNIT}.before-update-1.ipynb").read_bytes() == before


def test_a_notebook_without_changes_is_not_touched(mine, second):
    other = notebook(mine, "02_attention")
    before = other.read_bytes(), other.stat().st_mtime_ns
    run(second)
    assert (other.read_bytes(), other.stat().st_mtime_ns) == before
    assert list(other.parent.iterdir()) == [other]


def test_what_changed_is_said_in_the_notebooks_language(mine, second, released):
    told = "\n".join(run(second).lines)
    words = {"en": ("changed since you answered: div_term", "nothing new"), "zh": ("div_term；请再看一遍", "没有变化")}
    for word in words[released[0]]:
        assert word in told


def test_the_package_is_the_new_one_and_the_old_one_is_kept(mine, second):
    before = (mine / "course_utils" / "batches.py").read_bytes()
    run(second)
    assert (mine / "course_utils" / "batches.py").read_text().endswith("# second\n")
    assert (mine / "before-update-1" / "course_utils" / "batches.py").read_bytes() == before
    assert not (mine / updating.STAGE).exists()


def test_a_module_that_the_release_has_no_more_is_gone(mine, second):
    (mine / "course_utils" / "old.py").write_text("")
    run(second)
    assert not (mine / "course_utils" / "old.py").exists()
    assert (mine / "before-update-1" / "course_utils" / "old.py").exists()


def test_a_second_run_changes_nothing(mine, second):
    run(second)
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    run(second)
    assert {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()} == before


def third(second, folder):
    shutil.copytree(second, folder / "bundle-3")
    return bundles.later(folder / "bundle-3", "third")


def test_work_survives_two_releases(mine, second, tmp_path):
    run(second)
    run(third(second, tmp_path))
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "third")
    assert "A cell: second." in sources(notebook(mine))


def test_work_survives_an_update_that_leaves_a_release_out(mine, second, tmp_path):
    run(third(second, tmp_path))
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "third")


def test_work_survives_where_an_editor_lost_ids_and_marks(mine, second):
    content = json.loads(notebook(mine).read_text())
    content["cells"] = [
        {key: value for key, value in as_own(cell).items() if key != "id"} | {"metadata": {}}
        for cell in content["cells"]
    ]
    notebook(mine).write_text(json.dumps({**content, "metadata": {"colab": {"provenance": []}}}))
    run(second)
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "second")
    assert json.loads(notebook(mine).read_text())["metadata"]["colab"] == {"provenance": []}


def test_work_survives_a_moved_folder(mine, second, tmp_path, monkeypatch):
    moved = tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    mine.rename(moved)
    monkeypatch.setenv(VARIABLE, str(moved / "course_utils" / "units"))
    run(second)
    assert holds_all_work(notebook(moved))


def test_a_copy_elsewhere_is_updated_and_the_course_at_hand_stays(mine, second, tmp_path):
    copy = tmp_path / "my copy"
    shutil.copytree(mine / "notebooks", copy)
    update(str(second), find_notebooks(copy))
    assert holds_all_work(copy / UNIT / f"{UNIT}.ipynb")
    assert is_of(copy / UNIT / f"{UNIT}.ipynb", "second")
    assert not is_of(notebook(mine), "second")


# what goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [1, 2, 3, 11])
def test_a_full_disk_loses_nothing_and_the_next_run_goes_to_the_end(mine, second, call, monkeypatch):
    before, calls, write = notebook(mine).read_bytes(), [0], updating.write_whole

    def full(path, content):
        calls[0] += 1
        if calls[0] == call:
            raise OSError(28, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(updating, "write_whole", full)
        patch.setattr("course_utils.engine.learning.folder.write_whole", full)
        with pytest.raises(UpdateError, match=r"No space left on device.*run the same command again"):
            run(second)
    assert notebook(mine).read_bytes() == before or holds_all_work(notebook(mine))
    assert (mine / "course_utils" / "terminal.py").exists()
    run(second)
    assert holds_all_work(notebook(mine))
    assert is_of(notebook(mine), "second")
    assert (mine / "course_utils" / "batches.py").read_text().endswith("# second\n")
    assert sorted(path.name for path in notebook(mine).parent.iterdir()) == [
        f"{UNIT}.before-update-1.ipynb",
        f"{UNIT}.ipynb",
    ]


def test_what_was_done_before_the_disk_was_full_is_told(mine, second, monkeypatch):
    def full(top, new):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(updating, "_replace", full)
    with pytest.raises(UpdateError, match="your notebooks are updated, course_utils is not") as caught:
        run(second)
    assert any("div_term" in line for line in caught.value.done)


def test_a_run_that_was_killed_goes_on(mine, second, monkeypatch):
    write = updating.write_whole

    def killed(path, content):
        if path.suffix == ".json":
            raise KeyboardInterrupt
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(updating, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            run(second)
    assert is_of(notebook(mine), "second")
    (notebook(mine).parent / ".part-abc").write_text('{"cells": [')  # what a kill leaves of a file that was written
    (mine / updating.STAGE).mkdir()
    run(second)
    assert holds_all_work(notebook(mine))
    assert sources(notebook(mine)).count("A cell: second.") == 1
    assert (mine / "course_utils" / "batches.py").read_text().endswith("# second\n")


def test_a_package_that_cannot_be_put_in_place_leaves_the_old_one(mine, second, monkeypatch):
    rename = os.rename

    def refuse(source, target):
        if updating.STAGE in str(source):
            raise OSError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(updating.os, "rename", refuse)
    before = (mine / "course_utils" / "batches.py").read_bytes()
    with pytest.raises(UpdateError, match="course_utils is not"):
        run(second)
    assert (mine / "course_utils" / "batches.py").read_bytes() == before


def test_a_notebook_that_is_none_is_left_alone_and_the_others_go_on(mine, second):
    broken = notebook(mine, "02_attention")
    broken.write_bytes(b"%PDF-1.7")
    told = run(second)
    assert broken.read_bytes() == b"%PDF-1.7"
    assert len(told.problems) == 1
    assert "left as it is" in told.problems[0]
    assert is_of(notebook(mine), "second")


def test_a_notebook_of_the_learners_that_is_missing_comes_with_the_release(mine, second):
    notebook(mine).unlink()
    run(second)
    assert is_of(notebook(mine), "second")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "there is no file, folder or commit"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "no zip file, or a damaged one"),
        (lambda path: path.write_bytes(b""), "no zip file, or a damaged one"),
        (lambda path: path.mkdir(), "holds no notebook of a course"),
    ],
    ids=["missing", "half a zip", "empty", "empty folder"],
)
def test_what_is_no_release_is_said_and_nothing_changes(mine, tmp_path, make, sentence):
    make(tmp_path / "new.zip")
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    with pytest.raises(ReleaseError, match=sentence):
        run(tmp_path / "new.zip")
    assert {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("path", ["../../evil.py", "/tmp/evil.py", "top/../../evil.py"])
def test_a_zip_whose_paths_lead_out_of_it_is_refused(mine, tmp_path, path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(path, "")
    with pytest.raises(ReleaseError, match="leads out of it"):
        run(tmp_path / "evil.zip")


def test_a_release_of_another_course_is_refused(mine, second, tmp_path):
    other = shutil.copytree(second, tmp_path / "other")
    path = other / "course_utils" / "units" / "course.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"transformer_course"', '"knots"'), encoding="utf-8")
    with pytest.raises(ReleaseError, match="a release of another course, knots"):
        run(other)


def test_a_notebook_that_is_a_link_stays_one(mine, second, tmp_path):
    notebook(mine).rename(tmp_path / "elsewhere.ipynb")
    notebook(mine).symlink_to(tmp_path / "elsewhere.ipynb")
    run(second)
    assert notebook(mine).is_symlink()
    assert holds_all_work(tmp_path / "elsewhere.ipynb")


def test_a_release_in_another_language_is_refused(mine, released, tmp_path):
    other = "zh" if released[0] == "en" else "en"
    content = json.loads(notebook(mine).read_text())
    content["metadata"]["course"]["language"] = other
    (tmp_path / f"{UNIT}.ipynb").write_text(json.dumps(content))
    with pytest.raises(ReleaseError, match=f"is in {other}, and your notebooks are in {released[0]}"):
        run(tmp_path / f"{UNIT}.ipynb")


# a clone --------------------------------------------------------------------------------------------------------------


def git(folder, *words):
    names = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone in which a learner has worked, behind its origin by a release."""
    here = courses.current()
    origin = tmp_path / "origin"
    shutil.copytree(here.notebooks, origin / "notebooks", ignore=shutil.ignore_patterns(".course", "*before*"))
    shutil.copytree(here.folder, origin / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    git(origin, "init", "-q")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "first")
    clone = tmp_path / "my clone 副本"
    git(tmp_path, "clone", "-q", "origin", clone.name)
    path = origin / "notebooks" / "en" / UNIT / f"{UNIT}.ipynb"

    def change(cells):
        cells[2]["source"] += "\n\nA sentence of the second release."
        cells.insert(3, {"cell_type": "markdown", "id": "new", "metadata": {}, "source": "A cell: second."})

    bundles.edit(path, change)
    (origin / "new.txt").write_text("new")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "second")
    git(clone, "fetch", "-q")
    bundles.work(clone / "notebooks" / "en" / UNIT / f"{UNIT}.ipynb")
    monkeypatch.setenv(VARIABLE, str(clone / "solutions"))
    monkeypatch.chdir(clone)
    return clone


def test_a_clone_takes_its_own_new_commits(clone):
    told = update("origin/main", find_notebooks(language="en"))
    path = clone / "notebooks" / "en" / UNIT / f"{UNIT}.ipynb"
    assert holds_all_work(path)
    assert is_of(path, "second")
    assert (clone / "new.txt").read_text() == "new"
    assert any("origin/main" in line for line in told.lines)


def test_a_clone_with_another_change_is_told_before_anything_is_touched(clone):
    (clone / "new.txt").write_text("my own")
    path = clone / "notebooks" / "en" / UNIT / f"{UNIT}.ipynb"
    before = path.read_bytes()
    with pytest.raises(ReleaseError, match=r"you have changed new\.txt"):
        update("origin/main", find_notebooks(language="en"))
    assert path.read_bytes() == before


def test_a_clone_whose_update_was_killed_before_git_goes_on(clone, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(updating, "_go_forward", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            update("origin/main", find_notebooks(language="en"))
    update("origin/main", find_notebooks(language="en"))
    path = clone / "notebooks" / "en" / UNIT / f"{UNIT}.ipynb"
    assert holds_all_work(path)
    assert is_of(path, "second")
    assert (clone / "new.txt").exists()


def test_the_folder_of_ones_own_notebooks_is_no_release(clone):
    with pytest.raises(ReleaseError, match="is where your own notebooks are"):
        update(".", find_notebooks(language="en"))
