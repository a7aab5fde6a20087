"""Marks for a school's system: the formats, and names that would be formulas."""

import csv

import pytest

from course_utils.engine.telling.export import FORMATS, export

HEADER = ["student", "unit", "points", "max_points", "manual_points_open", "outcome"]
ROWS = [
    ["wang", "02_attention", "2.5", "16.0", "8", "graded"],
    ["wang", "01_positional_encoding", "13", "13", "4", "graded"],
    ["anna@example.org", "01_positional_encoding", "0", "13", "4", "missing"],
]


def write_scores(folder, rows=ROWS, header=HEADER):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "scores.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder


def read(path, encoding="utf-8"):
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_header_its_points_possible_and_a_row_per_student(tmp_path):
    export(write_scores(tmp_path), "canvas", tmp_path / "marks.csv", partial=True)
    assert read(tmp_path / "marks.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_positional_encoding", "02_attention"],
        ["    Points Possible", "", "", "", "", "13", "16"],
        ["anna@example.org", "", "anna@example.org", "anna@example.org", "", "0", ""],
        ["wang", "", "wang", "wang", "", "13", "2.5"],
    ]


def test_moodle_gets_a_person_and_a_column_per_unit(tmp_path):
    export(write_scores(tmp_path), "moodle", tmp_path / "marks.csv", partial=True)
    assert read(tmp_path / "marks.csv") == [
        ["ID number", "Email address", "01_positional_encoding", "02_attention"],
        ["anna@example.org", "anna@example.org", "0", ""],
        ["wang", "", "13", "2.5"],
    ]


def test_the_plain_table_holds_a_sum(tmp_path):
    export(write_scores(tmp_path), "csv", tmp_path / "marks.csv", partial=True)
    assert read(tmp_path / "marks.csv") == [
        ["student", "01_positional_encoding", "02_attention", "sum"],
        ["anna@example.org", "0", "", "0"],
        ["wang", "13", "2.5", "15.5"],
    ]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["=1+1", "+1", "-rf", "@SUM(A1)", " =1", "＝1+1"])
def test_a_name_is_never_a_formula(tmp_path, name, format):
    export(write_scores(tmp_path, [[name, "u", "1", "2", "0", "graded"]]), format, tmp_path / "marks.csv")
    cells = [cell for row in read(tmp_path / "marks.csv", "utf-8-sig") for cell in row]
    assert "'" + name in cells
    assert name not in cells


@pytest.mark.parametrize("format", FORMATS)
def test_the_apostrophe_of_the_scores_is_not_doubled(tmp_path, format):
    export(write_scores(tmp_path, [["'=1+1", "u", "1", "2", "0", "graded"]]), format, tmp_path / "marks.csv")
    cells = [cell for row in read(tmp_path / "marks.csv", "utf-8-sig") for cell in row]
    assert "'=1+1" in cells


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("character", ["\t", "\r", "\x1b", "\u202e"])
def test_a_table_of_an_older_release_brings_no_control_character(tmp_path, character, format):
    export(write_scores(tmp_path, [[f"{character}=1", "u", "1", "2", "0", "graded"]]), format, tmp_path / "marks.csv")
    cells = [cell for row in read(tmp_path / "marks.csv", "utf-8-sig") for cell in row]
    assert f"⟨U+{ord(character):04X}⟩=1" in cells


def test_a_student_cannot_pose_as_the_row_of_maximal_points(tmp_path):
    export(
        write_scores(tmp_path, [["Points Possible", "u", "9", "9", "0", "graded"]]), "canvas", tmp_path / "marks.csv"
    )
    assert [row[0] for row in read(tmp_path / "marks.csv")].count("    Points Possible") == 1
    assert not any("Points Possible" in row[0] for row in read(tmp_path / "marks.csv")[2:])


def test_chinese_names_open_in_a_spreadsheet(tmp_path):
    export(write_scores(tmp_path, [["王小明", "u", "1", "2", "0", "graded"]]), "csv", tmp_path / "marks.csv")
    assert (tmp_path / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read(tmp_path / "marks.csv", "utf-8-sig")[1] == ["王小明", "1", "1"]


@pytest.mark.parametrize("format", ["canvas", "moodle"])
def test_a_school_system_gets_no_byte_order_mark(tmp_path, format):
    export(write_scores(tmp_path, [["王小明", "u", "1", "2", "0", "graded"]]), format, tmp_path / "marks.csv")
    assert not (tmp_path / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("format", FORMATS)
def test_the_order_of_the_scores_does_not_matter(tmp_path, format):
    export(write_scores(tmp_path / "a"), format, tmp_path / "a.csv", partial=True)
    export(write_scores(tmp_path / "b", ROWS[::-1]), format, tmp_path / "b.csv", partial=True)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_another_format_is_refused_with_those_that_exist(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"format must be one of canvas, moodle, csv, xlsx, moodle-feedback, got 'xls'\. Try --format csv\.",
    ):
        export(write_scores(tmp_path), "xls", tmp_path / "marks.csv")


def test_an_absent_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"results must be a folder .* got .*nowhere, which is not a folder"):
        export(tmp_path / "nowhere", "csv", tmp_path / "marks.csv")


def test_a_folder_without_scores_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"results must hold scores\.csv, got .* which does not\. Run `course grade` first\?"
    ):
        export(tmp_path, "csv", tmp_path / "marks.csv")


def test_a_table_without_a_column_is_named(tmp_path):
    write_scores(tmp_path, [["a", "u"]], ["student", "unit"])
    with pytest.raises(ValueError, match=r"scores\.csv must have the columns .* got none named points, max_points"):
        export(tmp_path, "csv", tmp_path / "marks.csv")


@pytest.mark.parametrize("points", ["many", "", "nan", "inf"])
def test_points_that_are_no_number_are_named_with_their_row(tmp_path, points):
    write_scores(tmp_path, [["a", "u", "1", "2", "0", "graded"], ["b", "u", points, "2", "0", "graded"]])
    with pytest.raises(ValueError, match=r"scores\.csv row 3: points must be a number, got "):
        export(tmp_path, "csv", tmp_path / "marks.csv")


def test_a_folder_as_target_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"out must be a file to write, got .*, which is a folder\. Try .*marks_csv\.csv\."
    ):
        export(write_scores(tmp_path), "csv", tmp_path)
