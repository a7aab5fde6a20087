"""Exports are read back here as each school's system reads them, by its published rules."""

import csv
import io
import re
import zipfile

import pytest
from openpyxl import load_workbook

from course_utils.engine.telling.export import export

from ..desk import FIRST, SECOND, laid, notebook, zipped

ROSTER = '''\
id,name,email,login,SIS user id,Canvas id,section
mueller,"Müller, Anna-Lena",Anna.Mueller@example.org,al.mueller,0012,101,"Section A, late"
wang,王小明,wxm@example.org,wxm,0013,102,二班
oneil,"O'Neil, ""Sean""",sean@example.org,soneil,0014,103,
evil,"=HYPERLINK(""http://example.org"",""x"")",e@example.org,evil,0015,104,
gone,"Points Possible, Paula",gone@example.org,gone,0016,105,
'''
CLASS = """
[late]
rule = "per_day"

[units.01_positional_encoding]
due = 2026-10-05T18:00:00
"""


def grade_class(desk):
    """Four of five handed in unit 01 at Moodle, and somebody who is not on the roster; Wang handed in late."""
    desk.write_class(CLASS, ROSTER)
    names = {"Anna-Lena Müller": 501, "王小明": 502, 'O\'Neil "Sean"': 503, "Zoë Unknown": 504}
    content = {f"{name}_{n}_assignsubmission_file_/x.ipynb": notebook(remark=name) for name, n in names.items()}
    sheet = desk.downloads / "grades.csv"
    sheet.write_text(
        "Identifier,Full name,Email address,Last modified (submission)\n"
        'Participant 501,x,Anna.Mueller@example.org,"Monday, 5 October 2026, 3:00 PM"\n'
        'Participant 502,x,wxm@example.org,"Tuesday, 6 October 2026, 3:00 PM"\n'
        'Participant 503,x,sean@example.org,"Monday, 5 October 2026, 3:00 PM"\n',
        encoding="utf-8",
    )
    desk.collect(zipped(desk.downloads / "moodle.zip", content), sheet)
    laid(desk.submitted, {f"evil/{FIRST}/{FIRST}.ipynb": notebook(remark="evil")})
    desk.grade()


# Canvas ---------------------------------------------------------------------------------------------------------------


USERS = {
    101: ("Anna-Lena Müller", "0012", "al.mueller"),
    102: ("王小明", "0013", "wxm"),
    103: ("x", "0014", "soneil"),
    104: ("evil", "0015", "evil"),
    105: ("Paula Points Possible", "0016", "gone"),
}
ASSIGNMENTS = {4711: "Homework 1", 4712: FIRST}


class Canvas:
    """What Canvas makes of a file, by its importer (lib/gradebook_importer.rb of instructure/canvas-lms).

    The header begins with Student and ID, then SIS User ID and SIS Login ID, then Section; a person is found by ID,
    else by SIS user id, else by login, else by name or sortable name; a row whose first cell holds "Points Possible"
    tells the points; an assignment is found by the number in brackets at the end of its header, else by its title.
    """

    def __init__(self, text):
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert "Student" in header[0]
        assert "ID" in header[1]
        assert re.search(r"SIS\s+User\s+ID", header[2])
        assert re.search(r"SIS\s+Login\s+ID", header[3])
        info = 6 if re.search(r"Integration\s+ID", header[4]) else 5
        assert "Section" in header[info - 1]
        self.marks, self.possible, self.new_people, self.new_assignments = {}, {}, [], []
        columns = {place: self.assignment(title) for place, title in enumerate(header) if place >= info}
        for row in rows:
            if "Points Possible" in row[0]:
                self.possible = {columns[place]: row[place] for place in columns}
            elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.I) for cell in row):
                who = self.person(row)
                self.marks |= {(who, columns[place]): row[place].strip() for place in columns}

    def assignment(self, header):
        found = re.fullmatch(r"(.*)\s\((\d+)\)", header)
        if found and int(found[2]) in ASSIGNMENTS:
            return int(found[2])
        known = next((number for number, title in ASSIGNMENTS.items() if title == header), None)
        if known is None:
            self.new_assignments.append(header)
        return known

    def person(self, row):
        if row[1].isdigit() and int(row[1]) in USERS:
            return int(row[1])
        for place in (2, 3):
            known = {user[place - 1]: number for number, user in USERS.items()}
            if row[place] in known:
                return known[row[place]]
        named = next((number for number, user in USERS.items() if user[0] == row[0]), None)
        if named is None:
            self.new_people.append(row[0])
        return named


def text_of(desk, form, *options):
    desk.run("export", "--format", form, "--results", desk.results, "--out", desk.root / "marks.csv", *options)
    return (desk.root / "marks.csv").read_bytes().decode("utf-8")


def test_canvas_finds_everybody_and_makes_nobody(graded):
    found = Canvas(text_of(graded, "canvas"))
    assert (found.new_people, found.new_assignments) == ([], [])
    assert found.marks == {
        (101, 4712): "13",
        (102, 4712): "11.7",
        (103, 4712): "13",
        (104, 4712): "13",
        (105, 4712): "0",
    }


def test_canvas_is_told_the_points_possible(graded):
    assert Canvas(text_of(graded, "canvas")).possible == {4712: "17"}


@pytest.mark.parametrize("lost", ["Canvas id", "SIS user id", "login"])
def test_canvas_finds_everybody_by_what_the_roster_has(graded, lost):
    graded.write_class(CLASS, ROSTER.replace(lost, "Remark"))
    graded.grade()
    assert Canvas(text_of(graded, "canvas")).new_people == []


def test_work_that_is_missing_is_blank_where_that_is_chosen(graded):
    assert Canvas(text_of(graded, "canvas", "--missing", "blank")).marks[105, 4712] == ""


def test_only_people_of_the_roster_stand_in_an_export(graded):
    told = graded.run("export", "--format", "canvas", "--results", graded.results, "--out", graded.root / "marks.csv")
    assert "left out, since not on the roster: Zoë Unknown" in told
    assert "Zoë" not in (graded.root / "marks.csv").read_text(encoding="utf-8")


GRADEBOOK = '''\
Student,ID,SIS User ID,SIS Login ID,Integration ID,Section,Notes,Homework 1 (4711),Essay (4713),Final Score
,,,,,,,Manual Posting,,
    Points Possible,,,,,,,17,10,(read only)
"Müller, Anna-Lena",101,0012,al.mueller,,"Section A, late",good,5,,50
王小明,102,0013,wxm,,二班,,,,
"=""=HYPERLINK(1)""",104,0015,evil,,,,,,
"Else, Somebody",108,0099,selse,,,,4,3,
"Student, Test",999,,5f3c,,,,,,
'''


def like(desk, gradebook=GRADEBOOK, text='column = "Homework 1 (4711)"', encoding="utf-8"):
    desk.write_class(CLASS + text, ROSTER)
    desk.grade()
    path = desk.root / "gradebook.csv"
    path.write_text(gradebook, encoding=encoding)
    return path


def test_the_schools_own_gradebook_is_filled(graded):
    path = like(graded)
    text = text_of(graded, "canvas", "--like", path)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Section", "Homework 1 (4711)"],
        ["", "", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "", "17"],
        ["Müller, Anna-Lena", "101", "0012", "al.mueller", "", "Section A, late", "13"],
        ["王小明", "102", "0013", "wxm", "", "二班", "11.7"],
        ['\'="=HYPERLINK(1)"', "104", "0015", "evil", "", "", "13"],
        ["Else, Somebody", "108", "0099", "selse", "", "", "4"],
    ]


def test_canvas_reads_its_own_gradebook_back(graded):
    found = Canvas(text_of(graded, "canvas", "--like", like(graded)))
    assert (found.new_assignments, found.possible) == ([], {4711: "17"})
    assert {who: mark for (who, _), mark in found.marks.items() if who} == {101: "13", 102: "11.7", 104: "13"}


def test_whoever_is_not_in_the_gradebook_is_named(graded):
    path = like(graded)
    told = graded.run(
        *("export", "--format", "canvas", "--results", graded.results, "--like", path, "--out", graded.root / "m.csv")
    )
    assert "not in gradebook.csv, so left out: oneil" in told


def test_points_that_differ_are_told(graded):
    path = like(graded, GRADEBOOK.replace(",17,", ",100,"))
    told = graded.run(
        *("export", "--format", "canvas", "--results", graded.results, "--like", path, "--out", graded.root / "m.csv")
    )
    assert f"counts {FIRST} out of 100, the marks are out of 17" in told


@pytest.mark.parametrize(
    "title", [f"{FIRST} (4711)", "01 Positional Encoding (4711)", "Unit 1: 01_positional_encoding (4711)"]
)
def test_a_column_is_found_by_the_units_name(graded, title):
    path = like(graded, GRADEBOOK.replace("Homework 1 (4711)", title), "")
    assert title in text_of(graded, "canvas", "--like", path).splitlines()[0]


def test_a_gradebook_without_a_column_for_a_unit_is_told(graded):
    path = like(graded, text="")
    with pytest.raises(
        ValueError, match=rf"no column is called like {FIRST}; there are .*'Essay \(4713\)'.* class\.toml"
    ):
        export(graded.results, "canvas", graded.root / "marks.csv", like=path)


def test_two_columns_for_a_unit_are_not_guessed(graded):
    path = like(graded, GRADEBOOK.replace("Homework 1", f"{FIRST} a").replace("Essay", f"{FIRST} b"), "")
    with pytest.raises(ValueError, match=rf"several columns are called like {FIRST}; there are '{FIRST} a \(4711\)'"):
        export(graded.results, "canvas", graded.root / "marks.csv", like=path)


def test_another_systems_table_is_refused(graded):
    path = like(graded, "First name,Email address\nA,a@example.org\n")
    with pytest.raises(ValueError, match="must be a gradebook that Canvas exported"):
        export(graded.results, "canvas", graded.root / "marks.csv", like=path)


def test_a_gradebook_that_is_not_there_is_named(graded):
    with pytest.raises(ValueError, match=r"none\.csv cannot be read"):
        export(graded.results, "canvas", graded.root / "marks.csv", like=graded.root / "none.csv")


# Moodle ---------------------------------------------------------------------------------------------------------------


EMAILS = {"Anna.Mueller@example.org", "wxm@example.org", "sean@example.org", "e@example.org", "gone@example.org"}
NUMBERS = {"0012", "0013", "0014", "0015", "0016"}


class Moodle:
    """What Moodle makes of a file, by its importer (grade/import/csv/classes/load_data.php of moodle/moodle).

    One column names the person, by e-mail address (capitals count) or by id number; the first person who is not found
    ends the whole import. A grade is empty, "-" or a number of at most 100; feedback that comes without its grade
    would delete that (Grade import, docs.moodle.org, note 3).
    """

    def __init__(self, text, by):
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        header = [cell.strip() for cell in header]
        known = EMAILS if by == "Email address" else NUMBERS
        self.grades, self.feedback = {}, {}
        for row in rows:
            who = row[header.index(by)].strip()
            assert who in known, "Moodle ends the import here"
            grade, told = row[header.index(FIRST)].strip(), row[header.index(f"{FIRST} (feedback)")].strip()
            if grade not in ("", "-"):
                assert float(grade) <= 100
            assert bool(told) == bool(grade)
            self.grades[who], self.feedback[who] = grade, told


@pytest.mark.parametrize("by", ["Email address", "ID number"])
def test_moodle_finds_everybody(graded, by):
    found = Moodle(text_of(graded, "moodle"), by)
    assert sorted(found.grades.values()) == ["0", "11.7", "13", "13", "13"]


def test_moodle_gets_a_sentence_beside_each_grade(graded):
    told = Moodle(text_of(graded, "moodle"), "ID number").feedback
    late = "Handed in late, by 21 h: 1.3 of 13 points are taken off, and 11.7 count."
    assert told["0013"] == f"11.7 of 17 points. {late}"
    assert told["0016"] == "Nothing was handed in"


def test_the_command_says_which_column_names_the_person(graded):
    words = ("export", "--format", "moodle", "--results", graded.results, "--out", graded.root / "m.csv")
    assert "map from 'Email address' to 'Email address'" in graded.run(*words)
    graded.write_class(CLASS, ROSTER.replace("wxm@example.org", ""))
    graded.grade()
    assert "map from 'ID number' to 'ID number': 1 people have no e-mail address" in graded.run(*words)


MOODLES_GRADES = """\
First name,Surname,ID number,Dept,Email address,Assignment: Homework 1 (Real),Assignment: Homework 1 (Feedback),Total
Anna-Lena,Müller,0012,,Anna.Mueller@example.org,-,,-
小明,王,0013,,wxm@example.org,-,,-
Else,Somebody,0099,,else@example.org,7.00,fine,-
"""


def test_moodles_own_grades_are_filled_with_their_feedback(graded):
    path = like(graded, MOODLES_GRADES, 'column = "Assignment: Homework 1 (Real)"')
    rows = list(csv.DictReader(io.StringIO(text_of(graded, "moodle", "--like", path), newline="")))
    assert [row["Assignment: Homework 1 (Real)"] for row in rows] == ["13", "11.7", "7.00"]
    assert "Total" not in rows[0]


def feedback_files(path, participants):
    """Who gets which file, by Moodle's importer (mod/assign/feedback/file/importziplib.php)."""
    found = {}
    for name in zipfile.ZipFile(path).namelist():
        parts = name.split("/")
        while parts:
            info = parts.pop(0).split("_", 4)
            if (
                len(info) >= 4
                and info[1].isdigit()
                and int(info[1]) in participants
                and info[2:4] == ["assignsubmission", "file"]
            ):
                rest = [*info[4:], *parts]
                found[participants[int(info[1])]] = "/".join(rest).lstrip("/")
                break
    return found


def test_moodle_gives_each_feedback_page_to_its_student(graded):
    graded.run("export", "--format", "moodle-feedback", "--results", graded.results, "--out", graded.root / "zips")
    people = {501: "mueller", 502: "wang", 503: "oneil", 504: "stranger"}
    found = feedback_files(graded.root / "zips" / f"{FIRST}.zip", people)
    assert found == dict.fromkeys(("mueller", "wang", "oneil"), f"{FIRST}.html")


def test_a_feedback_file_is_the_students_own_page(graded):
    graded.run("export", "--format", "moodle-feedback", "--results", graded.results, "--out", graded.root / "zips")
    with zipfile.ZipFile(graded.root / "zips" / f"{FIRST}.zip") as archive:
        name = next(name for name in archive.namelist() if name.startswith("王小明_502_"))
        assert archive.read(name).decode() == graded.page("wang")


def test_feedback_for_moodle_needs_moodles_numbers(desk):
    laid(desk.submitted, {f"wang/{FIRST}/{FIRST}.ipynb": notebook()})
    desk.grade()
    with pytest.raises(ValueError, match="feedback goes back to Moodle by the numbers in its download, got none"):
        export(desk.results, "moodle-feedback", desk.root / "zips")


# plain tables ---------------------------------------------------------------------------------------------------------


def test_a_spreadsheet_holds_numbers_and_no_formula(graded):
    graded.run("export", "--format", "xlsx", "--results", graded.results, "--out", graded.root / "marks.xlsx")
    sheet = load_workbook(graded.root / "marks.xlsx").active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("student", "name", "email", "SIS id", "section", FIRST, "sum")
    assert {row[0]: row[5] for row in rows[2:]} == {"mueller": 13, "wang": 11.7, "oneil": 13, "evil": 13, "gone": 0}
    assert [cell.coordinate for row in sheet for cell in row if cell.data_type == "f"] == []


def test_a_spreadsheet_keeps_an_id_with_its_zeros(graded):
    graded.run("export", "--format", "xlsx", "--results", graded.results, "--out", graded.root / "marks.xlsx")
    sheet = load_workbook(graded.root / "marks.xlsx").active
    assert sheet["D3"].value == "0012"


def test_a_plain_table_holds_names_as_they_are(graded):
    rows = graded.exported("csv")
    assert {row[0]: row[1] for row in rows} == {
        "student": "name",
        "mueller": "Anna-Lena Müller",
        "wang": "王小明",
        "oneil": '"Sean" O\'Neil',
        "evil": '"x") =HYPERLINK("http://example.org"',
        "gone": "Paula Points Possible",
    }


def test_a_person_with_two_folders_stands_once(graded):
    laid(graded.submitted, {f"gone@example.org/{SECOND}/{SECOND}.ipynb": notebook(SECOND)})
    laid(graded.submitted, {f"gone/{FIRST}/{FIRST}.ipynb": notebook()})
    graded.grade()
    rows = {row[0]: row for row in graded.exported("csv")}
    assert rows["gone"][-3:] == ["13", "16", "29"]


@pytest.mark.parametrize("words", [["--missing", "half"], ["--format", "ods"]])
def test_a_wrong_choice_is_wrong_usage(graded, words):
    from typer.testing import CliRunner

    from course_utils.instructor.cli import app

    words = ["export", *(["--format", "csv"] if "--format" not in words else []), *words]
    assert CliRunner().invoke(app, words).exit_code == 2


def test_a_plain_table_is_filled_for_no_system(graded):
    with pytest.raises(ValueError, match="own table is filled for canvas and moodle, got 'csv'"):
        export(graded.results, "csv", graded.root / "marks.csv", like=graded.root / "x.csv")
