"""Pages on their way back: each student gets their own and learns of nobody else; notes by hand are on them."""

import csv
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from course_utils.engine.telling.giving_back import give_back
from course_utils.engine.telling.notes import note_to, write_note
from course_utils.instructor.cli import app

from ..desk import FIRST, SECOND, laid, notebook, zipped

NAMES = {"mueller", "wang", "=cmd|1", 'O\'Neil, "S"'}
HOSTILE = "<script>alert(1)</script>\u202egnp"


def grade_class(desk):
    """Four students; one handed in both units, all names are awkward somewhere."""
    content = {f"{name}/{FIRST}/{FIRST}.ipynb": notebook(remark=str(n)) for n, name in enumerate(sorted(NAMES))}
    laid(desk.submitted, content | {f"wang/{SECOND}/{SECOND}.ipynb": notebook(SECOND)})
    desk.grade()


def given(desk, form, *options):
    out = desk.root / f"back-{form}"
    told = desk.run("give-back", "--as", form, "--results", desk.results, "--out", out, *options)
    return out, told


def links(desk):
    with (desk.results / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_folder_holds_a_students_pages_and_an_overview(graded, name):
    out, _ = given(graded, "folder")
    assert {path.name for path in (out / name).iterdir()} == {"index.html", f"{FIRST}.html", f"{SECOND}.html"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_zip_file_holds_the_same_as_the_folder(graded, name):
    folder, _ = given(graded, "folder")
    zips, _ = given(graded, "zip")
    with zipfile.ZipFile(zips / f"{name}.zip") as archive:
        assert {entry: archive.read(entry) for entry in archive.namelist()} == {
            path.name: path.read_bytes() for path in (folder / name).iterdir()
        }


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_a_student_is_given_names_nobody_else(graded, name):
    out, _ = given(graded, "folder")
    text = "".join(path.read_text(encoding="utf-8") for path in (out / name).iterdir())
    assert [other for other in (NAMES | {"oneil"}) - {name} if other in text] == []


def test_no_path_of_links_names_a_student(graded):
    out, _ = given(graded, "links")
    paths = [str(path.relative_to(out)) for path in out.rglob("*")]
    assert [path for path in paths for name in NAMES if name in path] == []


def test_each_link_leads_to_the_page_of_its_student(graded):
    out, told = given(graded, "links", "--address", "https://example.org/f/")
    rows = links(graded)
    assert "stays with you" in told
    assert len(rows) == 3 * 5  # an overview and two units, of four students and one of the roster who is missing
    for row in rows:
        path = out / (row["link"].removeprefix("https://example.org/f/") + ("" if row["unit"] else "index.html"))
        shown = row["student"].removeprefix("'").replace('"', "&#34;").replace("'", "&#39;")
        assert f"<bdi>{shown}</bdi>" in path.read_text(encoding="utf-8")


def test_a_link_stays_what_it_is(graded):
    given(graded, "links")
    before = [row["folder"] for row in links(graded)]
    given(graded, "links")
    assert [row["folder"] for row in links(graded)] == before


def test_links_of_two_classes_have_nothing_in_common(graded, tmp_path):
    given(graded, "links")
    before = {row["folder"] for row in links(graded)}
    (graded.results / "links.csv").unlink()
    given(graded, "links")
    assert not before & {row["folder"] for row in links(graded)}


def test_a_server_that_would_list_the_folder_finds_an_empty_page(graded):
    out, _ = given(graded, "links")
    assert "<a" not in (out / "index.html").read_text(encoding="utf-8")


def test_a_folder_written_into_the_table_of_links_leads_nowhere(graded):
    given(graded, "links")
    path = graded.results / "links.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(links(graded)[0]["folder"], "../../../escaped" + "x" * 16))
    out, _ = given(graded, "links")
    assert not (out.parents[2] / ("escaped" + "x" * 16)).exists()
    assert all(len(row["folder"]) == 32 and "/" not in row["folder"] for row in links(graded))


def test_what_lies_in_the_folder_already_stays(graded):
    laid(graded.root / "back-links", {"index.html": b"mine", "other/file": b"mine too"})
    out, _ = given(graded, "links")
    assert [(out / name).read_bytes() for name in ("index.html", "other/file")] == [b"mine", b"mine too"]


def test_moodles_feedback_holds_pages_with_the_note(desk):
    content = {"Anna-Lena Müller_501_assignsubmission_file_/x.ipynb": notebook()}
    desk.collect(zipped(desk.downloads / "moodle.zip", content))
    desk.grade()
    desk.run("note", "mueller", "Well begun.", "--results", desk.results)
    out, _ = given(desk, "moodle")
    with zipfile.ZipFile(out / f"{FIRST}.zip") as archive:
        page = archive.read(f"Anna-Lena Müller_501_assignsubmission_file_/{FIRST}.html").decode()
    assert "Well begun." in page


# notes


def test_a_note_stands_on_the_pages_and_on_the_overview(graded):
    graded.run("note", "wang", "很好，继续加油。", "--results", graded.results)
    out, _ = given(graded, "folder")
    texts = [path.read_text(encoding="utf-8") for path in (out / "wang").iterdir()]
    assert ["很好，继续加油。" in text for text in texts] == [True] * 3


def test_a_note_about_a_unit_stands_on_its_page_alone(graded):
    graded.run("note", "wang", "Draw the shapes.", "--unit", SECOND, "--results", graded.results)
    assert "Draw the shapes." in graded.page("wang", SECOND)
    assert "Draw the shapes." not in graded.page("wang", FIRST)


@pytest.mark.parametrize("name", ["mueller", "=cmd|1"])
def test_a_note_reaches_its_student_and_nobody_else(graded, name):
    graded.run("note", name, "For you.", "--results", graded.results)
    assert {who for who in NAMES if "For you." in graded.page(who)} == {name}


def test_a_note_survives_grading_again(graded):
    graded.run("note", "wang", "Kept.", "--results", graded.results)
    graded.grade("--regrade")
    assert "Kept." in graded.page("wang")


def test_an_empty_text_takes_a_note_away(graded):
    graded.run("note", "wang", "Gone.", "--results", graded.results)
    graded.run("note", "wang", "", "--results", graded.results)
    assert "Gone." not in graded.page("wang")


def test_what_a_note_says_is_made_harmless(graded):
    graded.run("note", "wang", HOSTILE, "--results", graded.results)
    page = graded.page("wang")
    assert "<script>alert" not in page
    assert "⟨U+202E⟩" in page


def test_a_table_of_notes_that_a_spreadsheet_wrote_is_read(graded):
    table = "Student;Unit;Note\r\nwang;;Grüße\r\nwang;;und mehr\r\n"
    (graded.results / "notes.csv").write_bytes(table.encode("cp1252"))
    assert note_to(graded.results, "wang") == "Grüße\nund mehr"


def test_notes_that_are_written_at_once_are_all_kept(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write_note(tmp_path, f"s{n}", "", f"note {n}"), range(40)))
    assert [note_to(tmp_path, f"s{n}") for n in range(40)] == [f"note {n}" for n in range(40)]


# wrong use


def refused(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, " ".join((result.output + result.stderr).split())


def test_a_note_to_nobody_names_who_may_be_meant(graded):
    code, told = refused("note", "wnag", "x", "--results", graded.results)
    assert (code, "do you mean wang?" in told) == (1, True)


def test_a_note_about_a_unit_without_results_names_those_with(graded):
    code, told = refused("note", "wang", "x", "--unit", "09_none", "--results", graded.results)
    assert (code, FIRST in told) == (1, True)


def test_notes_without_a_column_are_one_sentence(graded):
    (graded.results / "notes.csv").write_text("who,what\nwang,x\n")
    code, told = refused("note", "wang", "x", "--results", graded.results)
    assert code == 1
    assert "must have the columns student, unit, note, got none named student, unit, note" in told


def test_an_address_that_is_none_is_one_sentence(graded):
    with pytest.raises(ValueError, match=r"address must begin with https://, got 'example\.org'"):
        give_back(graded.results, "links", graded.root / "out", "example.org")


def test_an_address_is_wrong_use_without_links(graded):
    words = ("give-back", "--as", "zip", "--out", graded.root / "o", "--results", graded.results)
    assert refused(*words, "--address", "https://example.org")[0] == 2


def test_pages_of_no_results_say_what_to_do(tmp_path):
    code, told = refused("give-back", "--as", "zip", "--out", tmp_path / "o", "--results", tmp_path)
    assert (code, "grade first" in told) == (1, True)


def test_a_damaged_table_of_links_is_one_sentence(graded):
    (graded.results / "links.csv").write_text("nothing\n")
    words = ("give-back", "--as", "links", "--out", graded.root / "o", "--results", graded.results)
    code, told = refused(*words)
    assert (code, "must have the columns student and folder" in told) == (1, True)
    assert not (graded.root / "o").exists()


def test_the_overview_is_in_the_language_of_the_notebooks(graded):
    out, _ = given(graded, "folder")
    assert "Your feedback" in (out / "wang" / "index.html").read_text(encoding="utf-8")


def test_links_open_as_a_table(graded):
    given(graded, "links")
    text = (graded.results / "links.csv").read_text(encoding="utf-8-sig")
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(text)) for cell in row)
