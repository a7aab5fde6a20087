"""What schools send comes to its place: ten layouts as the platforms write them, attempts, and collecting again."""

import json
import shutil
import zipfile
from io import BytesIO

import pytest
from typer.testing import CliRunner

from course_utils.engine.grading.collect import gather
from course_utils.engine.grading.collect.attempts import Ledger
from course_utils.engine.grading.plan import RunError
from course_utils.instructor.cli import app

from ...desk import FIRST, SECOND, laid, notebook, run_again, zipped

ALL = {f"{student}/{FIRST}/{FIRST}.ipynb" for student in ("mueller", "wang", "oneil")}


def inner(content):
    """The bytes of a zip file."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return data.getvalue()


def moodle(end="_"):
    """Moodle's folders; before 4.1 a folder's name ends in another `_`."""
    return {
        f"Anna-Lena Müller_501_assignsubmission_file{end}/{FIRST}.ipynb": notebook(remark="anna"),
        f"王小明_502_assignsubmission_file{end}/作业 (1).ipynb": notebook(remark="wang"),
        f'Seán O\'Neil_503_assignsubmission_file{end}/My "best" work.ipynb': notebook(remark="sean"),
        f"Seán O'Neil_503_assignsubmission_onlinetext{end}/onlinetext.html": b"<p>see my file</p>",
    }


def moodle_flat():
    return {name.replace("file_/", "file_").replace("text_/", "text_"): data for name, data in moodle().items()}


def canvas():
    """Canvas: the sortable name without blanks and signs, LATE, user, file."""
    return {
        f"müllerannalena_101_9001_{FIRST}-2.ipynb": notebook(remark="anna"),
        "王小明_LATE_102_9002_homework.ipynb": notebook(remark="wang"),
        "oneilseán_103_9003_work.ipynb": notebook(remark="sean"),
        "oneilseán_103_9004_cover letter.pdf": b"%PDF-1.7",
    }


def exchange():
    """nbgrader's inbound folder."""
    told = {
        "al.mueller": "2026-10-05 10:00:00.123456 UTC",
        "wxm": "2026-10-05 18:00:00 CET",
        "soneil": "2026-10-09 09:00:00 UTC",
    }
    return {
        f"{user}+{FIRST}+{time}+aB-_3/{name}": data
        for user, time in told.items()
        for name, data in {
            f"{FIRST}.ipynb": notebook(remark=user),
            "timestamp.txt": time.encode(),
            "submission_secret.txt": b"secret",
        }.items()
    }


def clones(form="{unit}-{user}"):
    """A classroom of repositories, each with more in it than the notebook."""
    users = {"anna-gh": "anna", "xiaoming-w": "wang", "soneil": "sean"}
    return {
        f"{form.format(unit=FIRST, user=user)}/{name}": data
        for user, remark in users.items()
        for name, data in {
            f"{FIRST}.ipynb": notebook(remark=remark),
            "README.md": b"# Homework",
            ".git/config": b"[core]\n\tfsmonitor = touch /tmp/owned",
            ".git/hooks/post-checkout": b"#!/bin/sh\n",
        }.items()
    }


def loose():
    """What came by mail, called as each pleased."""
    return {
        f"Anna-Lena Mueller {FIRST}.ipynb": notebook(remark="anna"),
        "王小明.ipynb": notebook(remark="wang"),
        "O'Neil, Seán - homework1 (2).ipynb": notebook(remark="sean"),
    }


def nested():
    """A zip file a student, with the whole course in it."""
    return {
        f"{name}.zip": inner(
            {
                f"transformer-course/notebooks/en/{FIRST}/{FIRST}.ipynb": notebook(remark=name),
                "transformer-course/course_utils/models.py": b"# ours",
                "transformer-course/__MACOSX/._x": b"",
            }
        )
        for name in ("al.mueller", "wxm", "Seán O'Neil")
    }


def blackboard():
    return {
        f"{FIRST}_{user}_attempt_2026-10-05-10-00-00{end}": data
        for user in ("al.mueller", "wxm", "soneil")
        for end, data in {"_work.ipynb": notebook(remark=user), ".txt": b"Name: somebody"}.items()
    }


def own_layout():
    """As `submitted/` is, each under another of the things that a person is known by."""
    return {f"{name}/{FIRST}/{FIRST}.ipynb": notebook(remark=name) for name in ("0012", "wxm@example.org", "oneil")}


def unit_above():
    return {f"{FIRST}/{name}/Untitled.ipynb": notebook(remark=name) for name in ("mueller", "王小明", "Seán O'Neil")}


LAYOUTS = {
    "Moodle, zip": lambda path: zipped(path / "CS1-Homework-77.zip", moodle()),
    "Moodle 4.1, folders": lambda path: laid(path / "CS1-Homework-77", moodle("")),
    "Moodle, zip of flat names": lambda path: zipped(path / "flat.zip", moodle_flat()),
    "Canvas, zip": lambda path: zipped(path / "submissions.zip", canvas()),
    "Canvas, folder": lambda path: laid(path / "submissions", canvas()),
    "nbgrader's exchange": lambda path: laid(path / "inbound", exchange()),
    "GitHub Classroom": lambda path: laid(path / f"{FIRST}-submissions", clones()),
    "classroom50": lambda path: laid(path / "clones", clones("ml-2026-{unit}-{user}")),
    "loose files": lambda path: laid(path / "mail", loose()),
    "zips in a zip": lambda path: zipped(path / "all.zip", nested()),
    "zips in a folder": lambda path: laid(path / "all", nested()),
    "Blackboard": lambda path: zipped(path / "gradebook.zip", blackboard()),
    "students' folders": lambda path: laid(path / "handed in", own_layout()),
    "units' folders": lambda path: zipped(path / "week 1.zip", unit_above()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_notebook_of_a_platforms_download_comes_to_its_student_and_unit(desk, layout):
    done = desk.collect(LAYOUTS[layout](desk.downloads))
    assert desk.handed_in() == ALL
    assert done.unknown == {}


def names_in(path):
    """The files of a download, as far as they are not in a folder of a tool."""
    if path.is_dir():
        found = [str(inside.relative_to(path)) for inside in path.rglob("*") if inside.is_file()]
    else:
        found = zipfile.ZipFile(path).namelist()
    return [name for name in found if "/.git/" not in f"/{name}"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_file_of_a_download_is_without_a_line(desk, layout):
    source = LAYOUTS[layout](desk.downloads)
    done = desk.collect(source)
    lines = [line["source"] for line in done.lines]
    shown = [name.removesuffix(".zip") for name in names_in(source)]  # a zip file inside is a folder in the path
    assert [name for name in shown if not any(name in line for line in lines)] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_collecting_again_changes_nothing(desk, layout):
    source = LAYOUTS[layout](desk.downloads)
    desk.collect(source)
    before = {path: path.read_bytes() for path in desk.submitted.rglob("*") if path.is_file()}
    done = desk.collect(source)
    assert (done.new, done.replaced) == (0, 0)
    assert {path: path.read_bytes() for path in desk.submitted.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_came_without_a_roster_is_kept_under_its_own_names(desk, layout):
    desk.collect(LAYOUTS[layout](desk.downloads), class_=False)
    assert len([path for path in desk.handed_in() if path.endswith(f"{FIRST}/{FIRST}.ipynb")]) == 3


def test_the_terminal_shows_what_needs_a_look_who_is_unknown_and_who_is_missing(desk):
    content = {
        "王小明_LATE_102_1_x.ipynb": notebook(),
        "müllerannalena_101_2_x.ipynb": notebook(filled=False),
        "nobodyknown_999_3_x.ipynb": notebook(),
        "müllerannalena_101_4_x.rar": b"Rar!",
    }
    told = desk.run("collect", zipped(desk.downloads / "d.zip", content), "--into", desk.submitted)
    assert "late, says Canvas" in told
    assert "an archive that is no zip file" in told
    assert "Not on the roster; kept under their own names" in told
    assert "1 of 3" in told
    assert "Seán O'Neil" in told
    assert "read 4 files of 3 students: 3 notebooks to grade" in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("late = 3\n", "class.toml, line 2: late must be"),
        ("colour = 3\n", "class.toml, line 2: this file has no key 'colour'"),
    ],
)
def test_a_wrong_class_file_is_one_sentence_and_nothing_is_done(desk, text, sentence):
    desk.write_class(text)
    source = zipped(desk.downloads / "d.zip", {"王小明_LATE_102_1_x.ipynb": notebook()})
    result = CliRunner().invoke(app, ["collect", str(source), "--into", str(desk.submitted)])
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())
    assert not desk.submitted.exists()


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_of_a_zip_file_without_a_flag_are_read(desk, encoding):
    content = {"王小明_502_assignsubmission_file_/作业.ipynb": notebook()}
    done = desk.collect(zipped(desk.downloads / "download.zip", content, encoding=encoding))
    assert done.lines[0]["source"] == "download/王小明_502_assignsubmission_file_/作业.ipynb"
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}


@pytest.mark.parametrize("encoding", ["cp437", "cp1252"])
def test_umlauts_of_a_zip_file_without_a_flag_are_read(desk, encoding):
    content = {"Anna-Lena Müller_501_assignsubmission_file_/x.ipynb": notebook()}
    desk.collect(zipped(desk.downloads / "download.zip", content, encoding=encoding))
    assert desk.handed_in() == {f"mueller/{FIRST}/{FIRST}.ipynb"}


def test_a_name_in_another_normal_form_is_the_same_name(desk):
    content = {"Anna-Lena Mu\u0308ller_501_assignsubmission_file_/x.ipynb": notebook()}
    desk.collect(laid(desk.downloads / "download", content))
    assert desk.handed_in() == {f"mueller/{FIRST}/{FIRST}.ipynb"}


# whose it is


def packed(desk, content):
    return zipped(desk.downloads / "d.zip", content)


def test_somebody_who_is_not_on_the_roster_is_kept_and_named(desk):
    done = desk.collect(packed(desk, {"Zoë Q_9_assignsubmission_file_/x.ipynb": notebook()}))
    assert desk.handed_in() == {f"Zoë Q/{FIRST}/{FIRST}.ipynb"}
    assert done.unknown == {"Zoë Q": "not on the roster"}


def test_a_name_that_is_nearly_one_of_the_roster_is_asked_about(desk):
    done = desk.collect(packed(desk, {"Anna-Lena Müler_9_assignsubmission_file_/x.ipynb": notebook()}))
    assert done.unknown == {"Anna-Lena Müler": "not on the roster; is it Anna-Lena Müller (mueller)?"}


def test_a_full_name_of_ones_choice_never_reaches_anothers_folder(desk):
    desk.collect(packed(desk, {"wxm_9_assignsubmission_file_/x.ipynb": notebook()}))
    assert desk.handed_in() == {f"wxm (unknown)/{FIRST}/{FIRST}.ipynb"}


def test_a_full_name_like_anothers_name_at_a_classroom_of_repositories_does_not_match(desk):
    desk.collect(packed(desk, {"anna-gh_9_assignsubmission_file_/x.ipynb": notebook()}))
    assert f"mueller/{FIRST}/{FIRST}.ipynb" not in desk.handed_in()


def test_a_file_called_like_another_student_stays_with_whoever_handed_it_in(desk):
    content = {
        f"Anna-Lena Müller_501_assignsubmission_file_/王小明_502_assignsubmission_file_/{FIRST}.ipynb": notebook()
    }
    desk.collect(packed(desk, content))
    assert desk.handed_in() == {f"mueller/{FIRST}/{FIRST}.ipynb"}


def test_two_people_of_one_name_in_a_download_are_kept_apart(desk):
    content = {
        f"Anna-Lena Müller_{number}_assignsubmission_file_/x.ipynb": notebook(remark=number) for number in ("1", "2")
    }
    done = desk.collect(packed(desk, content))
    assert {path.split("/")[0] for path in desk.handed_in()} == {"Anna-Lena Müller 1", "Anna-Lena Müller 2"}
    assert "two people in one download are called as Anna-Lena Müller" in done.unknown["Anna-Lena Müller 1"]


def test_two_people_of_the_roster_with_one_name_are_not_guessed(desk):
    desk.write_class(roster="id,name\na,Li Wei\nb,Wei Li\n")
    done = desk.collect(packed(desk, {"Li Wei_7_assignsubmission_file_/x.ipynb": notebook()}))
    assert desk.handed_in() == {f"Li Wei 7/{FIRST}/{FIRST}.ipynb"}
    assert done.unknown == {"Li Wei 7": "could be a or b, who have one name"}


def test_whoever_is_put_on_the_roster_later_gets_what_was_collected(desk):
    source = packed(desk, {"Zoë Q_9_assignsubmission_file_/x.ipynb": notebook()})
    desk.collect(source)
    desk.write_class(roster="id,name\nzoe,Zoë Q\n")
    done = desk.collect(source)
    assert desk.handed_in() == {f"zoe/{FIRST}/{FIRST}.ipynb"}
    assert (done.unknown, done.new) == ({}, 0)
    assert not (desk.submitted / "Zoë Q").exists()


def test_canvas_knows_a_person_by_number_whatever_the_name(desk):
    desk.collect(packed(desk, {"formernamed_102_77_x.ipynb": notebook()}))
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}


def test_the_folder_of_a_stranger_is_not_that_of_somebody_with_half_the_name(desk):
    desk.write_class(roster="id,name\nli,Li Na\n")
    desk.collect(laid(desk.downloads / "d", {"wang-li/x.ipynb": notebook(), "zhou/x.ipynb": notebook()}))
    assert {path.split("/")[0] for path in desk.handed_in()} == {"wang-li", "zhou"}


# which unit


def test_the_content_decides_about_the_unit_and_not_the_name(desk):
    desk.collect(packed(desk, {f"王小明_5_assignsubmission_file_/{FIRST}.ipynb": notebook(SECOND)}))
    assert desk.handed_in() == {f"wang/{SECOND}/{SECOND}.ipynb"}


def test_a_notebook_of_no_known_unit_goes_to_its_student(desk):
    other = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    desk.collect(packed(desk, {"王小明_5_assignsubmission_file_/my work.ipynb": other}))
    assert desk.handed_in() == {"wang/my work.ipynb"}


def test_whoever_hands_in_no_notebook_has_what_came_instead(desk):
    done = desk.collect(packed(desk, {"王小明_5_assignsubmission_file_/report.pdf": b"%PDF"}))
    assert desk.handed_in() == {"wang/report.pdf"}
    assert [line["read_as"] for line in done.lines] == ["file"]


# attempts


def download(desk, name, when, **content):
    """A download of Moodle's, as of a time."""
    inside = {f"王小明_5_assignsubmission_file_/{key}.ipynb": data for key, data in content.items()}
    return zipped(desk.downloads / name, inside, when)


def test_a_later_attempt_is_graded_and_the_earlier_one_kept(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook(remark="first")))
    done = desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=notebook(remark="second")))
    assert desk.graded("wang") == notebook(remark="second")
    assert (done.new, done.replaced) == (1, 1)
    kept = {path.read_bytes() for path in (desk.submitted / ".attempts" / "wang").rglob("*.ipynb")}
    assert kept == {notebook(remark="first"), notebook(remark="second")}


def test_an_older_download_never_replaces_a_newer_attempt(desk):
    older = download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook(remark="first"))
    desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=notebook(remark="second")))
    done = desk.collect(older)
    assert desk.graded("wang") == notebook(remark="second")
    assert done.lines[0]["note"] == "kept; another attempt is graded"


def test_copying_an_older_folder_makes_it_no_newer(desk):
    content = {"王小明_5_assignsubmission_file_/x.ipynb": notebook(remark="first")}
    older = laid(desk.downloads / "a", content, "2026-10-05 10:00:00")
    desk.collect(older)
    desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=notebook(remark="second")))
    laid(older, content, "2026-10-07 10:00:00")
    desk.collect(older)
    assert desk.graded("wang") == notebook(remark="second")


def test_canvas_counts_its_files_so_the_time_of_a_download_does_not_matter(desk):
    newer, older = {"王小明_102_9009_x-1.ipynb": notebook(remark="second")}, {"王小明_102_9001_x.ipynb": notebook()}
    desk.collect(zipped(desk.downloads / "b.zip", newer, "2026-10-05 10:00:00"))
    desk.collect(zipped(desk.downloads / "a.zip", older, "2026-10-06 10:00:00"))
    assert desk.graded("wang") == notebook(remark="second")


def test_a_blank_notebook_never_takes_the_place_of_answers(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=notebook(filled=False)))
    assert desk.graded("wang") == notebook()


def test_a_damaged_notebook_never_takes_the_place_of_one_that_can_be_read(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", **{FIRST: notebook()}))
    done = desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", **{FIRST: notebook()[:-50]}))
    assert desk.graded("wang") == notebook()
    assert "damaged or ends in the middle" in done.lines[0]["note"]


def test_a_notebook_that_was_only_run_again_is_the_same_attempt(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    done = desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=run_again(notebook())))
    assert done.new == 0


def test_whoever_goes_back_to_the_first_version_has_it_graded(desk):
    for number, remark in enumerate(["first", "second", "first"]):
        desk.collect(download(desk, f"{number}.zip", f"2026-10-0{number + 1} 10:00:00", x=notebook(remark=remark)))
    assert desk.graded("wang") == notebook(remark="first")


def test_what_lies_there_by_hand_is_kept_as_an_attempt(desk):
    laid(desk.submitted, {f"wang/{FIRST}/{FIRST}.ipynb": notebook(remark="by hand")}, "2026-10-01 10:00:00")
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook(remark="first")))
    assert desk.graded("wang") == notebook(remark="first")
    kept = {path.read_bytes() for path in (desk.submitted / ".attempts" / "wang").rglob("*.ipynb")}
    assert notebook(remark="by hand") in kept


def test_what_was_mended_by_hand_after_collecting_is_not_lost(desk):
    source = download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook(remark="first"))
    desk.collect(source)
    laid(desk.submitted, {f"wang/{FIRST}/{FIRST}.ipynb": notebook(remark="mended")}, "2026-10-06 10:00:00")
    desk.collect(source)
    assert desk.graded("wang") == notebook(remark="mended")


def test_the_exchange_tells_the_time_to_the_second_and_in_nbgraders_file(desk):
    desk.collect(LAYOUTS["nbgrader's exchange"](desk.downloads))
    told = (desk.submitted / "wang" / FIRST / "timestamp.txt").read_text()
    assert told == "2026-10-05 16:00:00 UTC"  # 18:00 in summer time


def test_a_students_own_timestamp_tells_nothing(desk):
    content = {
        f"王小明_5_assignsubmission_file_/{name}": data
        for name, data in {"x.ipynb": notebook(), "timestamp.txt": b"2020-01-01 00:00:00 UTC"}.items()
    }
    desk.collect(packed(desk, content))
    assert not (desk.submitted / "wang" / FIRST / "timestamp.txt").exists()


WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Last modified (submission),Online text
Participant 5,王小明,wxm@example.org,Submitted for grading,,"Monday, 5 October 2026, 3:04 PM",
Participant 6,Somebody Else,soneil@nowhere,No submission,,-,
"""


def test_moodles_worksheet_tells_when_each_participant_handed_in(desk):
    sheet = desk.downloads / "Grades-CS1-Homework.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8")
    desk.collect(download(desk, "a.zip", "2026-12-05 10:00:00", x=notebook()), sheet)
    assert (desk.submitted / "wang" / FIRST / "timestamp.txt").read_text() == "2026-10-05 15:04:00 UTC"


def test_a_worksheet_that_a_student_handed_in_tells_nothing(desk):
    content = {
        "王小明_5_assignsubmission_file_/x.ipynb": notebook(),
        "王小明_5_assignsubmission_file_/times.csv": WORKSHEET.encode(),
    }
    desk.collect(packed(desk, content))
    assert not (desk.submitted / "wang" / FIRST / "timestamp.txt").exists()


# telling


def test_the_table_names_who_is_missing(desk):
    done = desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    assert done.missing == [("mueller", FIRST), ("oneil", FIRST)]
    rows = desk.table()
    assert [(row["student"], row["unit"], row["note"]) for row in rows if not row["source"]] == [
        ("mueller", FIRST, "nothing handed in"),
        ("oneil", FIRST, "nothing handed in"),
    ]


def test_a_unit_that_has_not_opened_is_missed_by_nobody(desk):
    desk.write_class(f"[units.{SECOND}]\nopens = 2126-01-01\n")
    done = desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    assert {unit for _, unit in done.missing} == {FIRST}


def test_the_table_keeps_what_was_collected_before(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook(remark="first")))
    desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", y=notebook(remark="second")))
    rows = desk.table()
    assert {row["source"].partition("/")[0] for row in rows if row["source"]} == {"a", "b"}


def test_a_name_in_the_table_is_never_a_formula(desk):
    desk.collect(laid(desk.downloads / "d", {"=1+1/x.ipynb": notebook(), "@b/x.ipynb": notebook()}))
    rows = desk.table()
    assert {row["student"] for row in rows} >= {"'=1+1", "'@b"}


# what goes wrong


def test_a_source_that_is_not_there_is_named(desk):
    with pytest.raises(RunError, match=r"nowhere cannot be read \(No such file or directory\)"):
        desk.collect(desk.downloads / "nowhere")


def test_no_source_is_read_where_one_is_not_there(desk):
    with pytest.raises(RunError, match="nowhere cannot be read"):
        desk.collect(LAYOUTS["Canvas, zip"](desk.downloads), desk.downloads / "nowhere")
    assert not desk.submitted.exists()


def test_the_folder_of_submissions_is_no_source_of_its_own(desk):
    LAYOUTS["Canvas, zip"](desk.downloads)
    desk.collect(desk.downloads)
    done = desk.collect(desk.root)
    assert done.new == 0
    assert desk.handed_in() == ALL


def test_a_damaged_ledger_is_named_and_left_alone(desk):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    path = desk.submitted / ".attempts" / "ledger.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"ledger\.json cannot be read .* put a whole copy in its place"):
        desk.collect(download(desk, "b.zip", "2026-10-06 10:00:00", x=notebook(remark="second")))
    assert path.read_text(encoding="utf-8") == "{"


def test_two_commands_never_collect_at_once(desk, monkeypatch):
    desk.collect(download(desk, "a.zip", "2026-10-05 10:00:00", x=notebook()))
    seen = []

    def meanwhile(*words):
        with pytest.raises(RunError, match="another command collects into"):
            desk.collect(desk.downloads / "a.zip")
        seen.append(words)

    gather.collect([desk.downloads / "a.zip"], desk.submitted, tell=meanwhile)
    assert seen


def test_a_run_that_was_stopped_leaves_nothing_half_done(desk, monkeypatch):
    source = LAYOUTS["Moodle, zip"](desk.downloads)

    def stop(files):
        if files == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather.collect([source], desk.submitted, desk.class_, tell=stop)
    assert desk.handed_in() == set()
    assert [path.name for path in (desk.submitted / ".attempts").iterdir()] == [".lock"]
    desk.collect(source)
    assert desk.handed_in() == ALL


def test_what_is_deleted_of_a_student_is_forgotten(desk):
    source = LAYOUTS["Canvas, zip"](desk.downloads)
    desk.collect(source)
    shutil.rmtree(desk.submitted / ".attempts" / "wang")
    shutil.rmtree(desk.submitted / "wang")
    assert {attempt.student for attempt in Ledger.read(desk.submitted).attempts} == {"mueller", "oneil"}
    desk.collect(source)
    assert desk.handed_in() == ALL


def test_attempts_survive_writing_and_reading(desk):
    desk.collect(LAYOUTS["Canvas, zip"](desk.downloads))
    ledger = Ledger.read(desk.submitted)
    before = list(ledger.attempts)
    ledger.write()
    assert Ledger.read(desk.submitted).attempts == before
