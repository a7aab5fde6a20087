"""A roster as schools export it, and who is meant by a name."""

import pytest

from course_utils.engine.grading.plan import RunError
from course_utils.engine.grading.roster import KINDS, read_roster

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711),Final Score
,,,,,Manual Posting,(read only)
    Points Possible,,,,,16,(read only)
"Müller, Anna",101,0012,amueller,Section A,,
"王, 小明",102,0013,wxm,Section A,,
"Student, Test",999,,5f3c,Section A,,
"""
MOODLE = """\
First name,Surname,ID number,Institution,Department,Email address,Assignment: Homework 1 (Real)
Anna,Müller,0012,,,amueller@example.org,-
小明,王,0013,,,wxm@example.org,12.00
"""
MOODLE_WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade
Participant 501,Anna Müller,amueller@example.org,Submitted,
"""
CLASSROOM = "identifier,github_username,github_id,name\namueller,anna-gh,77,Anna Müller\n"
GERMAN = "Matrikelnummer;Nachname;Vorname;E-Mail-Adresse;Gruppe\n0012;Müller;Anna;amueller@example.org;B\n"
CHINESE = "学号\t姓名\t邮箱\t班级\n0013\t王小明\twxm@example.org\t二班\n"


@pytest.fixture
def roster(tmp_path):
    """A function: the roster of a text or of bytes."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "roster.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_roster(path)

    return read


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (CANVAS, [("amueller", "0012", "101", "Anna Müller"), ("wxm", "0013", "102", "小明 王")]),
        (MOODLE, [("0012", "0012", "", "Anna Müller"), ("0013", "0013", "", "小明 王")]),
        (MOODLE_WORKSHEET, [("amueller@example.org", "", "", "Anna Müller")]),
        (CLASSROOM, [("amueller", "", "", "Anna Müller")]),
        (GERMAN, [("0012", "0012", "", "Anna Müller")]),
        (CHINESE, [("0013", "0013", "", "王小明")]),
        ("id,name\nli,Li Wei\n\n , \n", [("li", "", "", "Li Wei")]),
        ("ID;Name\nli;Li Wei", [("li", "", "", "Li Wei")]),
    ],
    ids=["Canvas", "Moodle", "worksheet", "GitHub Classroom", "German", "Chinese", "own", "own, semicolons"],
)
def test_a_table_is_read_as_a_school_exports_it(roster, text, known):
    people = roster(text).people
    assert [(person.id, person.sis_id, person.canvas_id, person.full_name) for person in people] == known


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "gbk"),
        (GERMAN, "cp1252"),
        (GERMAN, "utf-8-sig"),
        ("id,name\n1,Éric Nuñez\n2,Jörg Süß\n", "cp1252"),
    ],
)
def test_a_table_is_read_in_whatever_encoding(roster, text, encoding):
    assert roster(text, encoding) == roster(text)


def test_an_extension_is_told_in_days_or_hours(roster):
    text = "id,extension\na,3\nb,1.5 days\nc,36 h\nd,1 week\ne,2天\nf,\n"
    assert [person.extension.total_seconds() / 3600 for person in roster(text).people] == [72, 36, 36, 168, 48, 0]


def test_several_sis_ids_of_a_person_all_match(roster):
    found = roster('id,SIS ids\na,"0012; 9-77"\n')
    assert [found.match(text).how for text in ("0012", "9-77")] == ["SIS id", "alias"]


PEOPLE = """\
id,login,email,SIS id,Canvas id,GitHub,name
m1,amueller,Anna.Mueller@example.org,0012,101,anna-gh,"Müller, Anna-Lena"
w1,wxm,w@example.org,0013,102,,王小明
o1,soneil,,0014,103,,"O'Neil, Seán"
l1,,,,,,Łukasz Żółć
"""


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("M1", "m1"),
        ("AMueller", "m1"),
        ("anna.mueller@example.org", "m1"),
        ("anna.mueller", "m1"),
        ("0012", "m1"),
        ("101", "m1"),
        ("anna-gh", "m1"),
        ("Anna-Lena Müller", "m1"),
        ("müller, anna-lena", "m1"),
        ("MUELLER Anna Lena", "m1"),
        ("Muller Anna-Lena", "m1"),
        ("mu\u0308ller anna-lena", "m1"),
        ("müllerannalena", "m1"),
        ("王 小明", "w1"),
        ("oneilsean", "o1"),
        ("O’Neil, Sean", "o1"),
        ("zolc lukasz", "l1"),
    ],
)
def test_a_person_is_known_by(roster, text, who):
    assert roster(PEOPLE).match(text).person.id == who


@pytest.mark.parametrize("text", ["Anna", "Müller", "001", "w@example", "", " ", "Anna-Lena", "Wang Xiaoming"])
def test_nobody_is_known_by_a_part_of_a_name(roster, text):
    assert roster(PEOPLE).match(text).person is None


def test_a_name_that_two_people_have_means_neither(roster):
    found = roster("id,name\na,Li Wei\nb,Wei Li\n").match("wei li")
    assert (found.person, found.note) == (None, "could be a or b, who have one name")


def test_a_kind_that_is_not_asked_for_does_not_match(roster):
    assert roster(PEOPLE).match("amueller", ["name"]).person is None


def test_a_roster_survives_as_plain_data(roster):
    found = roster(PEOPLE)
    assert type(found).of_plain(found.plain()) == found


def test_the_surest_kind_comes_first():
    assert KINDS[0] == "id"
    assert KINDS[-1] == "name"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"roster\.csv is empty"),
        ("colour,size\nred,3\n", r"roster\.csv, line 1: no column says who a person is, got colour, size"),
        ("id,name\n", r"roster\.csv names nobody"),
        ("id\na\n\nA\n", r"roster\.csv, line 4: A stands on line 2 already"),
        ("id,extension\na,soon\n", r"roster\.csv, line 2: an extension is a number of days, .* got 'soon'"),
        ("id\n../x\n", r"roster\.csv, line 2: an id is also a folder's name"),
        ("id\n.hidden\n", r"roster\.csv, line 2: an id is also a folder's name"),
        ("id\na\x1b[2J\n", r"roster\.csv, line 2: an id is also a folder's name"),
        ("section,name\nA,\n", r"roster\.csv, line 2: this person has no id"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(roster, text, sentence):
    with pytest.raises(RunError, match=sentence):
        roster(text)


def test_an_absent_roster_is_named(tmp_path):
    with pytest.raises(RunError, match=r"none\.csv cannot be read \(No such file or directory\)"):
        read_roster(tmp_path / "none.csv")
