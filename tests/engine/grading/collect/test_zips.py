"""Zip files that were made to harm: nothing is written outside or grows beyond its limit, and all has a line."""

import io
import os
import struct
import zipfile
import zlib

import pytest

from course_utils.engine.grading.collect import sources, zips

from ...desk import FIRST, notebook, zipped

WANG = "王小明_5_assignsubmission_file_"


def notes(done):
    """What is said of each file that was left aside."""
    return {line["source"]: line["note"] for line in done.lines if not line["read_as"]}


@pytest.mark.parametrize(
    "name",
    ["../../evil.ipynb", f"{WANG}/../../../evil.ipynb", "/etc/evil.ipynb", "C:\\evil.ipynb", "..\\..\\evil.ipynb"],
)
def test_a_path_that_leaves_its_folder_is_left_aside(desk, name):
    done = desk.collect(zipped(desk.downloads / "d.zip", {name: notebook()}))
    assert desk.handed_in() == set()
    assert set(notes(done).values()) == {"its path leads out of its folder"}
    assert list(desk.root.rglob("evil*")) == []


def test_a_link_in_a_zip_file_is_left_aside(desk):
    path = desk.downloads / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo(f"{WANG}/{FIRST}.ipynb")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert set(notes(desk.collect(path)).values()) == {"a link or another thing that is no regular file"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_in_a_folder_is_not_followed(desk, kind):
    (desk.root / "secret").mkdir()
    (desk.root / "secret" / "x.ipynb").write_bytes(notebook())
    source = desk.downloads / "d"
    (source / WANG).mkdir(parents=True)
    target = desk.root / "secret" / ("x.ipynb" if kind == "file" else "")
    (source / WANG / "linked").symlink_to(target)
    done = desk.collect(source)
    assert (notes(done), desk.handed_in()) == ({f"d/{WANG}/linked": "a link, not followed"}, set())


def test_a_pipe_is_not_waited_for(desk):
    source = desk.downloads / "d"
    source.mkdir()
    os.mkfifo(source / "x.ipynb")
    assert notes(desk.collect(source)) == {"d/x.ipynb": "not a regular file"}


def test_a_member_that_unpacks_to_far_more_is_left_aside(desk):
    done = desk.collect(zipped(desk.downloads / "d.zip", {f"{WANG}/x.ipynb": bytes(20 * 2**20)}))
    (note,) = notes(done).values()
    assert note.startswith("packed ")
    assert note.endswith(" to 1, as no notebook is")


def test_a_notebook_of_plots_that_packs_well_is_read(desk):
    data = notebook(remark="y" * 30_000)
    desk.collect(zipped(desk.downloads / "d.zip", {f"{WANG}/x.ipynb": data}))
    assert desk.graded("wang") == data


def test_a_member_that_is_larger_than_a_notebook_may_be_is_left_aside(desk):
    path = desk.downloads / "d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{WANG}/x.ipynb", bytes(33 * 2**20))
    assert set(notes(desk.collect(path)).values()) == {"larger than 32 MiB"}


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said(desk):
    path = zipped(desk.downloads / "d.zip", {f"{WANG}/x.ipynb": b"a" * 100_000})
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.find(signature) + place, 10)
    path.write_bytes(data)
    assert set(notes(desk.collect(path)).values()) == {"damaged in its zip file"}


def test_an_encrypted_member_is_left_aside(desk):
    path = zipped(desk.downloads / "d.zip", {f"{WANG}/x.ipynb": notebook()})
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(signature) + place] |= 1
    path.write_bytes(data)
    assert set(notes(desk.collect(path)).values()) == {"encrypted; ask for it without a password"}


def test_zip_files_in_each_other_are_opened_to_a_depth(desk):
    data = notebook()
    for _ in range(zips_deep := sources.MAX_DEPTH + 1):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("in.zip" if data[:2] == b"PK" else "x.ipynb", data)
        data = content.getvalue()
    path = desk.downloads / f"{zips_deep}.zip"
    path.write_bytes(data)
    assert set(notes(desk.collect(path)).values()) == {"more than 4 zip files in each other, not opened"}


def test_a_directory_of_a_million_names_is_not_even_listed(desk, monkeypatch):
    monkeypatch.setattr(zips, "MAX_DIRECTORY", 2_000)
    path = zipped(desk.downloads / "d.zip", {f"{number}/x.ipynb": b"" for number in range(100)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    (note,) = notes(desk.collect(path)).values()
    assert note.startswith("a zip file with a list of")


def test_a_64_bit_directory_is_measured_too():
    content = io.BytesIO()
    size = 2**40
    content.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0))
    content.write(struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1))
    content.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 2**32 - 1, 0, 0))
    with pytest.raises(zips.ZipError, match="a list of 1048576 MiB of names, not opened"):
        zips.open_zip(content)


def test_a_source_has_a_limit_of_files(desk, monkeypatch):
    monkeypatch.setattr(sources, "MAX_FILES", 3)
    monkeypatch.setattr(sources._Left, "__init__", lambda self: self.__dict__.update(files=3, size=2**30))
    path = zipped(desk.downloads / "d.zip", {f"{number}.txt": b"x" for number in range(9)})
    assert "holds more than 3 files" in list(notes(desk.collect(path)).values())[-1]


def test_a_source_has_a_limit_of_bytes(desk, monkeypatch):
    monkeypatch.setattr(sources._Left, "__init__", lambda self: self.__dict__.update(files=9, size=1000))
    path = zipped(desk.downloads / "d.zip", {"a.ipynb": os.urandom(900), "b.ipynb": os.urandom(900)})
    assert notes(desk.collect(path))["d/b.ipynb"] == "the source holds more than can be read"


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + bytes(18), b"%PDF-1.7", zlib.compress(b"x")], ids=repr)
def test_what_is_no_zip_file_says_so(desk, data):
    path = desk.downloads / "王小明.zip"
    path.write_bytes(data)
    done = desk.collect(path)
    assert desk.handed_in() == set()
    assert set(notes(done).values()) <= {"not a zip file, or a damaged one"}


def test_a_cut_off_download_says_so(desk):
    path = zipped(desk.downloads / "d.zip", {f"{WANG}/x.ipynb": notebook()})
    path.write_bytes(path.read_bytes()[:-200])
    assert set(notes(desk.collect(path)).values()) == {"not a zip file, or a damaged one"}


@pytest.mark.parametrize("name", ["work.rar", "work.7z", "work.tar.gz"])
def test_another_archive_is_asked_for_as_a_zip_file(desk, name):
    done = desk.collect(zipped(desk.downloads / "d.zip", {f"{WANG}/{name}": b"x"}))
    assert set(notes(done).values()) == {"an archive that is no zip file, not opened; ask for a zip file"}


def test_folders_of_tools_are_not_looked_into(desk):
    inside = {".git/hooks/x.ipynb": b"{}", ".venv/x.ipynb": b"{}", "__MACOSX/._x.ipynb": b"{}"}
    content = {f"{WANG}/{name}": data for name, data in inside.items()} | {f"{WANG}/x.ipynb": notebook()}
    done = desk.collect(zipped(desk.downloads / "d.zip", content))
    assert set(notes(done)) == {f"d/{WANG}/{name}" for name in (".git", ".venv", "__MACOSX")}


@pytest.mark.parametrize("name", ["a-" * 30_000 + "b", "a/" * 30_000 + "b"])
def test_a_path_of_thousands_of_parts_costs_no_time(desk, name):
    done = desk.collect(zipped(desk.downloads / "d.zip", {name: notebook()}))
    assert set(notes(done).values()) == {"a path that is longer than a file's may be"}


def test_a_name_of_nothing_but_points_stays_inside(desk):
    desk.collect(zipped(desk.downloads / "d.zip", {".. _9_assignsubmission_file_/x.ipynb": notebook()}))
    assert {path.parts[0] for path in (p.relative_to(desk.root) for p in desk.root.rglob("*.ipynb"))} == {"submitted"}


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\u202eb", "=cmd|' /C calc'!A0", "x" * 300, "a/../b"])
def test_a_hostile_name_of_a_person_harms_nobody(desk, name):
    desk.collect(zipped(desk.downloads / "d.zip", {f"{name}_9_assignsubmission_file_/x.ipynb": notebook()}))
    folders = [path.name for path in desk.submitted.iterdir() if path.is_dir() and path.name != ".attempts"]
    assert all(folder.isprintable() and len(folder.encode()) <= 255 for folder in folders)
    table = (desk.submitted / "collect.csv").read_text(encoding="utf-8-sig")
    assert "\x1b" not in table
    assert not any(cell.startswith("=") for line in table.splitlines() for cell in line.split(","))
