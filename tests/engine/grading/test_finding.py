"""Whose notebook is which: what lies in a student's folder is read, or named as seen, and never passed over."""

import copy
import csv
import io
import json
import os
import shutil
import zipfile
from concurrent.futures import Executor, Future
from dataclasses import replace

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading import finding, folder, intake, intake_table
from course_utils.engine.grading import run as runner
from course_utils.engine.grading.finding import Finder
from course_utils.engine.grading.folder import is_system_file, shown_file
from course_utils.engine.grading.plan import Plan, RunError
from course_utils.engine.grading.run import run
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling.pages.feedback import feedback_page
from course_utils.engine.texts import unit_texts

UNIT, OTHER = "01_positional_encoding", "02_attention"
QUESTION = "q1_sin_cos"


@pytest.fixture(scope="session")
def unit():
    return find_units(current().folder, [UNIT])[0]


@pytest.fixture(scope="session")
def whole(unit):
    """A notebook with every answer."""
    return sample.filled(unit, sample.reference(unit), {QUESTION: "So."})


@pytest.fixture(scope="session")
def half(unit):
    """A notebook with two answers."""
    return sample.filled(unit, {name: unit.answer(name) for name in unit.exercises[:2]})


def put(folder, notebook, path, age=0.0):
    """Write a notebook or bytes; age: in seconds."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    data = notebook if isinstance(notebook, bytes) else json.dumps(notebook, ensure_ascii=False).encode()
    target.write_bytes(data)
    os.utime(target, (10**9 - age, 10**9 - age))
    return data


def find(folder, student="ann", unit=UNIT):
    return Finder(folder, current().folder).handed_in(student, unit, student)


def table(folder, student="ann", unit=UNIT):
    finder = Finder(folder, current().folder)
    finder.handed_in(student, unit, student)
    return {row.source: (row.unit, row.read_as, row.note) for row in finder.table({})}


# by another name

NAMES = [
    f"{UNIT}/{UNIT} (1).ipynb",
    f"{UNIT}/{UNIT}-Copy1.ipynb",
    f"{UNIT}/Copy of {UNIT}.ipynb",
    f"{UNIT}/Untitled.ipynb",
    f"{UNIT}/01_Positional_Encoding.IPYNB",
    f"{UNIT}/{UNIT}.ipynb.txt",
    f"{UNIT}/{UNIT}.json",
    f"{UNIT}/作业.ipynb",
    f"01_Positional_Encoding/{UNIT}.ipynb",
    f"{UNIT.upper()}/x.ipynb",
    f"{UNIT}.ipynb",
    "homework 1.ipynb",
    f"{UNIT}/{UNIT}",
    f"{UNIT}/notes.txt",
    f"{UNIT}/{UNIT}/{UNIT}.ipynb",
    f"homework/week 1/{UNIT}/x.ipynb",
    "report/Untitled.ipynb",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_by_another_name_is_read_with_a_sentence(tmp_path, whole, name):
    data = put(tmp_path, whole, f"ann/{name}")
    found = find(tmp_path)
    assert found.data == data
    assert found.read_from in name
    assert f"Read from '{found.read_from}'" in found.note["en"]
    assert found.read_from in found.note["zh"]
    assert table(tmp_path)[f"ann/{name}"] == (UNIT, "notebook", found.note["en"])


def test_a_notebook_at_its_place_is_read_without_a_word(tmp_path, whole):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    assert find(tmp_path) == finding.HandedIn(data, "")
    assert table(tmp_path) == {f"ann/{UNIT}/{UNIT}.ipynb": (UNIT, "notebook", "")}


def test_a_notebook_at_its_place_alone_is_not_looked_into(tmp_path, whole, monkeypatch):
    put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    monkeypatch.setattr(finding, "read_notebook", lambda data: 1 / 0)
    assert find(tmp_path).data is not None


def without_marks(notebook):
    """As platforms leave it that know no metadata of others."""
    notebook = copy.deepcopy(notebook) | {"metadata": {}}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


def test_a_notebook_without_marks_is_known_by_the_names_that_it_defines(tmp_path, whole):
    data = put(tmp_path, without_marks(whole), f"ann/{UNIT}/Untitled.ipynb")
    assert find(tmp_path).data == data


def test_a_notebook_of_another_unit_is_not_taken_for_this_one(tmp_path):
    other = find_units(current().folder, [OTHER])[0]
    put(tmp_path, sample.released(other), f"ann/{UNIT}/Untitled.ipynb")
    found = find(tmp_path)
    assert (found.data, found.reason) == (None, "no_notebook")
    assert "the folder holds: Untitled.ipynb." in found.note["en"]
    assert table(tmp_path)[f"ann/{UNIT}/Untitled.ipynb"][2] == f"a notebook of {OTHER}"


def test_loose_notebooks_of_several_units_go_to_their_units(tmp_path, whole):
    other = find_units(current().folder, [OTHER])[0]
    put(tmp_path, whole, "ann/a.ipynb")
    put(tmp_path, sample.released(other), "ann/b.ipynb")
    assert Finder(tmp_path, current().folder).units("ann") == {UNIT, OTHER}
    assert find(tmp_path).read_from == "a.ipynb"
    assert find(tmp_path, unit=OTHER).read_from == "b.ipynb"


def test_a_row_says_what_the_files_own_unit_says_of_it(tmp_path, whole, half):
    put(tmp_path, whole, "ann/a.ipynb")
    put(tmp_path, half, "ann/b.ipynb")
    finder = Finder(tmp_path, current().folder)
    for unit in (UNIT, OTHER):
        finder.handed_in("ann", unit, "ann")
    assert [(row.unit, row.read_as) for row in finder.table({})] == [(UNIT, "notebook"), (UNIT, "")]
    assert finder.table({})[1].note == "another notebook of this unit is read"


def as_script(notebook):
    """In jupytext's percent format."""
    return "".join(
        "# %% [markdown]\n" + "".join(f"# {line}\n" for line in cell["source"].splitlines())
        if cell["cell_type"] == "markdown"
        else f"# %%\n{cell['source']}\n"
        for cell in notebook["cells"]
    ).encode()


@pytest.mark.parametrize("name", [f"{UNIT}/{UNIT}.py", f"{UNIT}.py", f"{UNIT}/mine.py"])
def test_a_script_with_cells_is_read_where_there_is_no_notebook(tmp_path, whole, name):
    data = put(tmp_path, as_script(whole), f"ann/{name}")
    found = find(tmp_path)
    assert found.data == data
    assert f"Read from '{found.read_from}'" in found.note["en"]


def test_a_helper_beside_the_notebook_is_no_notebook(tmp_path, whole):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb", 10)
    helper = put(tmp_path, b"def div_term(d_model):\n    return 3\n", f"ann/{UNIT}/utils.py")
    assert find(tmp_path) == finding.HandedIn(data, "", beside=(("utils.py", helper),))
    assert table(tmp_path)[f"ann/{UNIT}/utils.py"][2] == "there when the notebook runs"


def test_what_lies_beside_a_notebook_in_a_zip_is_there_when_it_runs(tmp_path, whole):
    inside = {f"mine/{UNIT}.ipynb": whole, "mine/utils.py": b"x = 1", "mine/data/a.txt": b"1", "b.py": b"y = 1"}
    put(tmp_path, zipped(inside), "ann/work.zip")
    assert find(tmp_path).beside == (("data/a.txt", b"1"), ("utils.py", b"x = 1"))
    rows = {name: row[2] for name, row in table(tmp_path).items()}
    assert rows["ann/work.zip/mine/utils.py"] == rows["ann/work.zip/mine/data/a.txt"] == "there when the notebook runs"
    assert rows["ann/work.zip/b.py"] == "not a notebook"


def test_a_notebook_beside_that_of_another_unit_keeps_its_row(tmp_path, whole):
    cells = [cell["source"] for cell in whole["cells"] if cell["cell_type"] == "code"]
    put(tmp_path, "".join(f"# %%\n{source}\n\n" for source in cells).encode(), "ann/first.py")
    put(tmp_path, sample.filled(second := find_units(current().folder, ["02_attention"])[0], {}), "ann/second.ipynb")
    finder = Finder(tmp_path, current().folder)
    first = finder.handed_in("ann", UNIT, "ann")
    assert finder.handed_in("ann", second.name, "ann").beside == (("first.py", first.data),)
    assert {row.source: row.read_as for row in finder.table({})} == dict.fromkeys(
        ("ann/first.py", "ann/second.ipynb"), "notebook"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_another_encoding_is_read_and_said(tmp_path, unit, encoding):
    notebook = sample.filled(unit, sample.reference(unit), language="zh")
    data = put(tmp_path, json.dumps(notebook, ensure_ascii=False).encode(encoding), f"ann/{UNIT}/{UNIT}.ipynb")
    found = find(tmp_path)
    assert (found.data, found.read_from) == (data, "")
    assert "not in UTF-8; it was read all the same" in found.note["en"]
    assert table(tmp_path)[f"ann/{UNIT}/{UNIT}.ipynb"] == (UNIT, "notebook", found.note["en"])


def test_a_notebook_of_another_unit_under_this_units_name_goes_to_its_own(tmp_path):
    other = find_units(current().folder, [OTHER])[0]
    data = put(tmp_path, sample.filled(other, sample.reference(other)), f"ann/{UNIT}/{UNIT}.ipynb")
    found = find(tmp_path)
    assert (found.data, found.reason) == (None, "no_notebook")
    assert found.note["en"] == f"'{UNIT}.ipynb' is a notebook of {OTHER}; no notebook of this unit was found."
    assert find(tmp_path, unit=OTHER).data == data
    assert Finder(tmp_path, current().folder).units("ann") == {UNIT, OTHER}


# archives


def zipped(entries, compression=zipfile.ZIP_DEFLATED):
    """A zip archive: name -> notebook or bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data if isinstance(data, bytes) else json.dumps(data))
    return content.getvalue()


@pytest.mark.parametrize(
    "place", [f"{UNIT}/{UNIT}.zip", f"{UNIT}.zip", "work.ZIP", f"{UNIT}/{UNIT}.ipynb", f"{UNIT}/handed in"]
)
@pytest.mark.parametrize("inner", [f"{UNIT}.ipynb", f"{UNIT}/{UNIT}.ipynb", "../../x.ipynb"])
def test_a_notebook_in_a_zip_is_read(tmp_path, whole, place, inner):
    apple = {f"__MACOSX/._{UNIT}.ipynb": b"\0\5\x16\7", ".DS_Store": b"x"}
    put(tmp_path, zipped({**apple, inner: whole}), f"ann/{place}")
    found = find(tmp_path)
    assert found.data == json.dumps(whole).encode()
    assert place.rpartition("/")[2] in found.read_from
    assert Finder(tmp_path, current().folder).units("ann") == {UNIT}
    assert list(tmp_path.iterdir()) == [tmp_path / "ann"]


def test_a_zip_with_the_same_notebook_beside_it_changes_nothing(tmp_path, whole):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    put(tmp_path, zipped({"x.ipynb": data}), f"ann/{UNIT}/x.zip")
    assert find(tmp_path) == finding.HandedIn(data, "")
    assert table(tmp_path)[f"ann/{UNIT}/x.zip/x.ipynb"][2] == "the same notebook once more"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 no archive", "The archive is damaged"),
        (zipped({"a.txt": b"x"})[:-30], "The archive is damaged"),
        (b"PK\x05\x06" + b"\xff" * 18, "There are more notebooks than can be looked at"),
    ],
)
def test_a_zip_that_cannot_be_opened_is_told(tmp_path, data, words):
    put(tmp_path, data, f"ann/{UNIT}/x.zip")
    assert words in find(tmp_path).note["en"]
    assert words in table(tmp_path)[f"ann/{UNIT}/x.zip"][2]


def test_a_zip_that_unpacks_to_more_than_a_notebook_may_have_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "MAX_BYTES", 2**20)
    put(tmp_path, zipped({"x.ipynb": b"{" + b" " * 2**22}), f"ann/{UNIT}/x.zip")
    assert "larger than 32 MiB" in table(tmp_path)[f"ann/{UNIT}/x.zip/x.ipynb"][2]


def test_a_zip_with_a_password_is_told(tmp_path, whole):
    data = bytearray(zipped({"x.ipynb": whole}))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    put(tmp_path, bytes(data), f"ann/{UNIT}/x.zip")
    assert "locked with a password" in find(tmp_path).note["en"]


def test_chinese_names_of_a_zip_made_by_windows_are_shown(tmp_path, whole):
    data = zipped({"XXXX.ipynb": whole}).replace(b"XXXX", "作业".encode("gbk"))
    put(tmp_path, data, f"ann/{UNIT}/x.zip")
    assert find(tmp_path).read_from == "x.zip/作业.ipynb"


# two that could be meant


@pytest.mark.parametrize(
    ("right_age", "other_age", "read_from"),
    [(10, 0, f"{UNIT} (1).ipynb"), (0, 10, "")],
    ids=["newer", "older"],
)
def test_another_notebook_with_more_answers_is_read_where_it_is_newer(
    tmp_path, whole, half, right_age, other_age, read_from
):
    put(tmp_path, half, f"ann/{UNIT}/{UNIT}.ipynb", right_age)
    put(tmp_path, whole, f"ann/{UNIT}/{UNIT} (1).ipynb", other_age)
    found = find(tmp_path)
    left_aside = f"{UNIT}.ipynb" if read_from else f"{UNIT} (1).ipynb"
    assert found.read_from == read_from
    assert found.note["en"].endswith(f"Another notebook of this unit was not read: {left_aside}.")


def test_a_newer_notebook_with_fewer_answers_is_left_aside(tmp_path, whole, half):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb", 10)
    put(tmp_path, half, f"ann/{UNIT}/{UNIT} (1).ipynb")
    assert find(tmp_path).data == data


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_blank_notebook_at_the_right_place_stands_back_however_old_the_other_is(tmp_path, unit, language):
    put(tmp_path, sample.released(unit, language), f"ann/{UNIT}/{UNIT}.ipynb")
    answers = {"div_term": unit.answer("div_term")}
    data = put(tmp_path, sample.filled(unit, answers, language=language), f"ann/{UNIT}/{UNIT}-Copy1.ipynb", 99)
    found = find(tmp_path)
    assert found.data == data
    assert "which holds more answers" in found.note["en"]


def test_of_two_by_other_names_the_one_with_more_answers_is_read(tmp_path, whole, half):
    put(tmp_path, half, f"ann/{UNIT}/a.ipynb")
    data = put(tmp_path, whole, f"ann/{UNIT}/b.ipynb", 10)
    found = find(tmp_path)
    assert found.data == data
    assert "was not read: a.ipynb." in found.note["en"]
    assert table(tmp_path)[f"ann/{UNIT}/a.ipynb"] == (UNIT, "", "another notebook of this unit is read")


def test_of_two_equal_ones_the_newer_is_read(tmp_path, whole):
    put(tmp_path, whole, f"ann/{UNIT}/b.ipynb", 10)
    put(tmp_path, whole, f"ann/{UNIT}/a.ipynb")
    assert find(tmp_path).read_from == "a.ipynb"


def test_a_notebook_beside_a_broken_one_with_the_right_name_is_read(tmp_path, whole):
    put(tmp_path, b"%PDF-1.7", f"ann/{UNIT}/{UNIT}.ipynb")
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT} (1).ipynb", 10)
    found = find(tmp_path)
    assert found.data == data
    assert f"since {UNIT}.ipynb could not be read" in found.note["en"]


def test_a_broken_file_beside_the_notebook_changes_nothing(tmp_path, whole):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    put(tmp_path, b"%PDF-1.7", f"ann/{UNIT}/x.ipynb")
    assert find(tmp_path) == finding.HandedIn(data, "")
    assert table(tmp_path)[f"ann/{UNIT}/x.ipynb"][2].startswith("The file is a PDF, not the notebook")


# named as seen


def test_what_cannot_be_graded_is_named_as_seen(tmp_path):
    put(tmp_path, b"x", f"ann/{UNIT}/a.txt")
    put(tmp_path, b"x", f"ann/{UNIT}/b.docx")
    found = find(tmp_path)
    assert found.reason == "no_notebook"
    assert found.note == {
        "en": "No notebook of this unit was found; the folder holds: a.txt, b.docx.",
        "zh": "没有找到本单元的 notebook；文件夹里有：a.txt、b.docx。",
    }


def test_the_only_notebook_says_why_it_cannot_be_read(tmp_path):
    put(tmp_path, b"<html>", f"ann/{UNIT}/Untitled.ipynb")
    found = find(tmp_path)
    assert found.reason == "web_page"
    assert found.note["en"].startswith("'Untitled.ipynb': The file is a saved web page")


def test_a_folder_with_many_files_names_some_and_counts_the_rest(tmp_path):
    for number in range(20):
        put(tmp_path, b"x", f"ann/{UNIT}/{number:02d}.txt")
    assert find(tmp_path).note["en"].endswith("06.txt, 07.txt, and 12 more.")


def test_files_beside_the_units_folders_are_named_where_a_unit_is_missing(tmp_path):
    put(tmp_path, b"x", "ann/notes.txt")
    found = find(tmp_path)
    assert found.reason == "missing"
    assert "the folder holds: notes.txt." in found.note["en"]


@pytest.mark.parametrize("name", [None, ".DS_Store", "._x.ipynb", "Thumbs.db", "~$x.docx", "__MACOSX"])
def test_a_folder_with_nothing_of_the_students_is_missing(tmp_path, name):
    (tmp_path / "ann" / UNIT).mkdir(parents=True)
    if name:
        put(tmp_path, b"x", f"ann/{UNIT}/{name}")
    assert find(tmp_path) == finding.HandedIn(None, "missing")


def test_what_a_system_wrote_beside_a_notebook_changes_nothing(tmp_path, whole):
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    for name in (f"._{UNIT}.ipynb", ".DS_Store", f".ipynb_checkpoints/{UNIT}-checkpoint.ipynb"):
        put(tmp_path, whole, f"ann/{UNIT}/{name}")
    assert find(tmp_path) == finding.HandedIn(data, "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"<!DOCTYPE html><html>", "a saved web page"),
        (b"{\\rtf1 }", "rich text"),
        (b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n", "conflict marks of Git"),
    ],
)
def test_a_file_under_the_right_name_that_is_no_notebook_is_told_for_what_it_is(tmp_path, data, words):
    put(tmp_path / "submitted", data, f"ann/{UNIT}/{UNIT}.ipynb")
    (record,) = grade(tmp_path).records
    assert (record.outcome, words in (record.message or {})["en"]) == ("error", True)


def test_a_cloud_folders_placeholder_is_told(tmp_path):
    put(tmp_path, b"bplist00", f"ann/{UNIT}/.{UNIT}.ipynb.icloud")
    assert "only stands for a notebook that lies in a cloud" in find(tmp_path).note["en"]


def test_what_lies_beside_the_students_folders_has_a_row(tmp_path, whole):
    put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    put(tmp_path, whole, f"bob_{UNIT}.ipynb")
    put(tmp_path, b"x", "__MACOSX/x")
    assert {source: note.partition(",")[0] for source, (_, _, note) in table(tmp_path).items()} == {
        f"ann/{UNIT}/{UNIT}.ipynb": "",
        f"bob_{UNIT}.ipynb": "beside the students' folders",
        "__MACOSX": "written by a system",
    }


def test_folders_that_are_called_like_units_are_no_students(tmp_path, whole):
    put(tmp_path, whole, f"{UNIT}/{UNIT}.ipynb")
    with pytest.raises(RunError, match="are called like units, not like students"):
        run(Plan(tmp_path, tmp_path / "results"), Here())


@pytest.mark.parametrize("name", ["__MACOSX", ".git", "~$ann", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"])
def test_what_a_system_wrote_is_no_student(tmp_path, name):
    assert is_system_file(name)
    (tmp_path / name).mkdir()
    (tmp_path / "ann").mkdir()
    assert runner.students(tmp_path) == ["ann"]


# hostile files


def make_huge(path, secret):
    with path.open("wb") as file:
        file.truncate(intake.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path, secret: path.symlink_to(secret), "link"),
        (lambda path, secret: path.symlink_to(path.parent / "nowhere"), "link"),
        (lambda path, secret: os.mkfifo(path), "not_a_file"),
        (make_huge, "too_large"),
    ],
    ids=["link", "dangling link", "fifo", "too large"],
)
def test_what_is_refused_under_its_own_name_is_refused_under_another(tmp_path, whole, make, reason):
    put(tmp_path, whole, "secret.ipynb")
    (tmp_path / "ann" / UNIT).mkdir(parents=True)
    make(tmp_path / "ann" / UNIT / "x.ipynb", tmp_path / "secret.ipynb")
    found = find(tmp_path)
    assert (found.data, found.reason) == (None, reason)


@pytest.mark.parametrize("place", ["ann", f"ann/{UNIT}"])
def test_a_folder_that_is_a_link_is_not_followed(tmp_path, whole, place):
    put(tmp_path, whole, f"other/{UNIT}/x.ipynb")
    target = tmp_path / place
    target.parent.mkdir(exist_ok=True)
    target.symlink_to(tmp_path / place.replace("ann", "other"))
    assert find(tmp_path) == finding.HandedIn(None, "link")


def test_only_some_dozens_of_files_are_opened(tmp_path, whole, monkeypatch):
    for number in range(100):
        put(tmp_path, whole, f"ann/{UNIT}/{number:03d}.ipynb")
    opened = []
    real = folder.read_file
    monkeypatch.setattr(folder, "read_file", lambda *words: opened.append(words) or real(*words))
    assert find(tmp_path).data is not None
    assert len(opened) == finding.MAX_NOTEBOOKS + 1  # and the one that is not at its place


def test_the_bytes_that_are_read_of_one_student_are_capped(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MAX_TOTAL", 1000)
    for number in range(10):
        put(tmp_path, b"x" * 400, f"ann/{UNIT}/{number}.ipynb")
    reasons = [note for _, _, note in table(tmp_path).values()]
    assert sum("more notebooks than can be looked at" in note for note in reasons) == 7


def test_a_notebook_at_its_place_is_found_among_any_number_of_files(tmp_path, whole):
    for number in range(folder.MAX_ENTRIES + 50):
        put(tmp_path, b"", f"ann/{UNIT}/{number}.txt")
        (tmp_path / "ann" / f"x{number}").mkdir()
    data = put(tmp_path, whole, f"ann/{UNIT}/{UNIT}.ipynb")
    assert replace(find(tmp_path), beside=()) == finding.HandedIn(data, "")
    assert len(table(tmp_path)) <= 2 * folder.MAX_ENTRIES + 20
    assert table(tmp_path)[f"ann/{UNIT}/…"][2] == "more names or folders than are looked at"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2J.ipynb", "a⟨U+001B⟩⟨U+005B⟩2J.ipynb"),
        ("a\nb.txt", "a⟨U+000A⟩b.txt"),
        ("\u202etxt.exe", "⟨U+202E⟩txt.exe"),
        ("[x](javascript:1).txt", "⟨U+005B⟩x⟨U+005D⟩(javascript⟨U+003A⟩1).txt"),
        ("$\\href{x}$<b>", "⟨U+0024⟩⟨U+005C⟩href⟨U+007B⟩x⟨U+007D⟩⟨U+0024⟩⟨U+003C⟩b⟨U+003E⟩"),
        ("=1+1.csv", "⟨U+003D⟩1+1.csv"),
        ("{unit}", "⟨U+007B⟩unit⟨U+007D⟩"),
        ("\udcff.txt", "⟨U+FFFD⟩.txt"),
        ("报告 v2 (终稿).ipynb", "报告 v2 (终稿).ipynb"),
        ("x" * 250 + ".ipynb", "x" * 30 + "…" + "x" * 23 + ".ipynb"),
    ],
    ids=ascii,
)
def test_a_name_is_shown_so_that_it_does_nothing(name, shown):
    assert shown_file(name) == shown


@pytest.mark.parametrize(
    "data", [b"", b"[" * 10**6, b'{"cells": 3}', b'{"cells": [3, null, {}], "metadata": []}', b"\xff"]
)
def test_a_broken_file_by_another_name_is_no_reason_to_stop(tmp_path, data):
    put(tmp_path, data, f"ann/{UNIT}/x.ipynb")
    assert find(tmp_path).data is None


# a run


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        future.set_result(function(task))
        return future


def grade(folder, **more):
    return run(Plan(folder / "submitted", folder / "results", (UNIT,), sandbox="none", **more), Here())


@pytest.fixture
def mixed(tmp_path, whole):
    put(tmp_path / "submitted", whole, f"right/{UNIT}/{UNIT}.ipynb")
    put(tmp_path / "submitted", whole, f"copy/{UNIT}/{UNIT}-Copy1.ipynb")
    put(tmp_path / "submitted", b"%PDF-1.7", f"broken/{UNIT}/{UNIT}.ipynb")
    put(tmp_path / "submitted", b"x", f"words/{UNIT}/report.docx")
    (tmp_path / "submitted" / "nothing").mkdir()
    return tmp_path


def test_a_run_says_how_many_notebooks_were_read(mixed):
    told = "read 2 notebooks of 5 students (1 by another name, 2 could not be read)"
    assert grade(mixed).told() == f"{told}; 2 graded now, 0 unchanged"
    assert grade(mixed).told() == f"{told}; 0 graded now, 2 unchanged"


def test_a_notebook_by_another_name_gets_its_points_and_a_sentence_on_the_page(mixed):
    record = next(record for record in grade(mixed).records if record.student == "copy")
    assert (record.outcome, sum(score.points for score in record.scores)) == ("graded", 13)
    assert record.read_from == f"{UNIT}-Copy1.ipynb"
    for language, words in (("en", "please hand it in under that name"), ("zh", "以后请用这个文件名提交")):
        page = feedback_page(record, unit_texts(UNIT), language)
        assert words in page
        assert f"{UNIT}-Copy1.ipynb" in page


def test_nobody_who_handed_in_a_file_is_told_that_nothing_was(mixed):
    messages = {record.student: (record.message or {}).get("en", "") for record in grade(mixed).records}
    assert messages["words"] == "No notebook of this unit was found; the folder holds: report.docx."
    assert [name for name, text in messages.items() if text == intake.REASONS["missing"]["en"]] == ["nothing"]


def test_every_file_has_a_row_in_the_table(mixed):
    grade(mixed)
    with (mixed / "results" / "intake.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["source", "student", "unit", "read_as", "note"]
    assert [(row["source"], row["read_as"]) for row in rows] == [
        (f"broken/{UNIT}/{UNIT}.ipynb", ""),
        (f"copy/{UNIT}/{UNIT}-Copy1.ipynb", "notebook"),
        (f"right/{UNIT}/{UNIT}.ipynb", "notebook"),
        (f"words/{UNIT}/report.docx", ""),
    ]
    assert rows[0]["note"].startswith("The file is a PDF, not the notebook")
    assert {row["unit"] for row in rows} == {UNIT}


def test_a_notebook_that_got_its_right_name_is_no_longer_said_to_have_another(mixed):
    grade(mixed)
    folder = mixed / "submitted" / "copy" / UNIT
    (folder / f"{UNIT}-Copy1.ipynb").rename(folder / f"{UNIT}.ipynb")
    record = next(record for record in grade(mixed).records if record.student == "copy")
    assert record.note is None


def test_a_class_without_units_folders_is_graded(tmp_path, whole):
    for name in ("ann", "bob"):
        put(tmp_path / "submitted", whole, f"{name}/{UNIT}.ipynb")
    outcome = run(Plan(tmp_path / "submitted", tmp_path / "results", sandbox="none"), Here())
    assert [(record.unit, record.outcome) for record in outcome.records] == [(UNIT, "graded")] * 2


def test_a_class_in_which_no_unit_is_found_is_told_what_was_seen(tmp_path):
    put(tmp_path, b"x", "ann/homework/report.docx")
    put(tmp_path, b"x", "bob/notes\x1b.txt")
    seen = r"seen were ann/homework/report\.docx, bob/notes⟨U\+001B⟩\.txt$"
    with pytest.raises(RunError, match=seen):
        run(Plan(tmp_path, tmp_path / "results"), Here())


def test_the_reference_and_the_log_agree_on_what_was_graded(mixed):
    data = (mixed / "submitted" / "copy" / UNIT / f"{UNIT}-Copy1.ipynb").read_bytes()
    record = next(record for record in grade(mixed).records if record.student == "copy")
    assert record.digest == intake.digest(data)


def test_a_students_folder_that_vanishes_meanwhile_costs_nobody_else(mixed):
    finder = Finder(mixed / "submitted", current().folder)
    shutil.rmtree(mixed / "submitted" / "copy")
    assert finder.handed_in("copy", UNIT, "copy") == finding.HandedIn(None, "missing")


@pytest.mark.parametrize("name", ["=HYPERLINK(1).txt", "a\x1b[2Jb.txt", "\u202etxt.exe", "x\ny.txt", "+1.txt"])
def test_no_cell_of_the_table_is_a_formula_or_holds_a_control_character(tmp_path, name):
    rows = [intake_table.Row(f"{name}/{name}", name, UNIT, "", "left aside")]
    text = intake_table.write_table(tmp_path, rows).read_text(encoding="utf-8")
    (_, cells) = csv.reader(text.splitlines())
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert all(character.isprintable() for character in text.replace("\n", ""))
