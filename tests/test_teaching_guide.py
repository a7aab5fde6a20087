"""docs/teaching.md is done as it stands: its files are written, its commands run, one after the other."""

import csv
import re
import shlex
import shutil
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from course_utils.engine.grading import run as runner
from course_utils.instructor.cli import app

from .engine.desk import FIRST, Here, notebook, zipped

WORKSHEET = """\
Identifier,Full name,Email address,Last modified (submission)
Participant 501,Anna-Lena Müller,anna-lena.mueller@example.org,"Thursday, 8 October 2026, 5:00 PM"
Participant 502,王小明,wxm@example.org,"Sunday, 11 October 2026, 9:00 AM"
"""
GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711),Final Score
    Points Possible,,,,,17,(read only)
"Müller, Anna-Lena",101,0012,amueller,A,,
"王, 小明",102,0013,wxm,A,,
"O'Neil, Seán",103,0014,soneil,B,,
"""


@pytest.fixture(scope="module")
def guide(course):
    return (course / "docs" / "teaching.md").read_text(encoding="utf-8")


def blocks(guide, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def done(guide, tmp_path_factory):
    """The folder of the class, and what each command said."""
    root = tmp_path_factory.mktemp("autumn")
    (root / "downloads").mkdir()
    (root / "roster.csv").write_text(blocks(guide, "csv")[0], encoding="utf-8")
    (root / "class.toml").write_text(blocks(guide, "toml")[0], encoding="utf-8")
    names = {"Anna-Lena Müller": 501, "王小明": 502}
    content = {f"{name}_{n}_assignsubmission_file_/x.ipynb": notebook(remark=name) for name, n in names.items()}
    zipped(root / "downloads" / "CS1-Homework-1-77.zip", content, "2026-10-12")
    (root / "downloads" / "Grades-CS1-Homework-1.csv").write_text(WORKSHEET, encoding="utf-8")
    (root / "downloads" / "gradebook.csv").write_text(GRADEBOOK, encoding="utf-8")
    told = {}

    @contextmanager
    def here(plan, given, tasks):
        yield Here()

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(runner, "task_executor", here)
        for line in "".join(blocks(guide, "sh")).splitlines():
            program, *words = shlex.split(line)
            assert program == "course"
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, f"{line}\n{result.output}{result.stderr}"
            told[line] = result.output
            if words[0] == "grade" and not set(words) & {"--dry-run", "--accept-changes"}:
                shutil.copy(root / "results" / "scores.csv", root / "scores.csv")  # before somebody is forgotten
    return root, told


def test_every_command_of_the_guide_succeeds(done):
    assert len(done[1]) >= 8


def test_the_guides_class_gets_its_marks(done):
    with (done[0] / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    # Wang has two days more, and comes on the third
    assert {who: (row["points"], row["late_penalty"], row["outcome"]) for who, row in rows.items()} == {
        "amueller": ("13", "0", "graded"),
        "wxm": ("11.7", "1.3", "graded"),
        "soneil": ("0", "0", "missing"),
    }


def test_the_guides_gradebook_comes_back_filled(done):
    with (done[0] / "canvas.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[-1] for row in rows] == ["Homework 1 (4711)", "17", "13", "11.7", "0"]


def test_the_guides_exports_are_there(done):
    names = {str(path.relative_to(done[0])) for path in done[0].rglob("*") if path.is_file()}
    assert {"results/marks-canvas.csv", "results/marks-moodle.csv", "results/marks-xlsx.xlsx"} <= names
    assert f"feedback-for-moodle/{FIRST}.zip" in names


def test_the_guides_class_is_looked_at(done):
    assert "0 pairs alike" in next(told for line, told in done[1].items() if line.startswith("course signals"))


def test_the_guides_pages_are_given_back(done):
    names = {str(path.relative_to(done[0])) for path in done[0].rglob("*") if path.is_file()}
    assert {"pages/wxm/index.html", f"pages/wxm/{FIRST}.html", "zips/soneil.zip", "public/index.html"} <= names


def test_the_guides_note_reaches_its_student(done):
    assert "很好！下次先画出形状" in (done[0] / "pages" / "wxm" / f"{FIRST}.html").read_text(encoding="utf-8")


def test_the_guides_pages_of_the_class_are_there_and_one_has_no_names(done):
    with_names, without = (
        (done[0] / "results" / f"{name}.html").read_text(encoding="utf-8") for name in ("class", "class-without-names")
    )
    names = ("amueller", "wxm")  # soneil was forgotten by then
    assert all(name in with_names for name in names)
    assert not any(name in without for name in (*names, "soneil"))


def test_the_guide_names_no_option_that_there_is_not(guide):
    named = {
        (line.split()[1], word)
        for line in "".join(blocks(guide, "sh")).splitlines()
        for word in line.split()
        if word[:2] == "--"
    }
    for command, option in named:
        assert option in CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output


def test_the_guide_says_of_each_file_whose_data_it_holds(guide, done):
    table = guide.partition("## Which file holds whose data")[2]
    root, names = done[0], {"marks-canvas.csv": "marks-", "marks-moodle.csv": "marks-", "marks-xlsx.xlsx": "marks-"}
    found = {path.name for path in (root / "results").iterdir()}
    found |= {path.name for path in (root / "submitted").iterdir() if path.name not in ("amueller", "wxm")}
    found |= {path.name for path in root.iterdir()} & {"roster.csv", "class.toml", "downloads"}
    assert {name for name in found if names.get(name, name) not in table} - {"marks-csv.csv"} == set()


def test_who_was_forgotten_in_the_guide_is_in_no_score(done):
    assert "soneil" not in (done[0] / "results" / "scores.json").read_text(encoding="utf-8")
