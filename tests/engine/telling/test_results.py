"""The writer: what one record decides is written while others are graded, the rest at the end."""

import shutil
import subprocess
import sys

import pytest

from course_utils.engine.course import PACKAGE, current
from course_utils.engine.grading.plan import Plan
from course_utils.engine.grading.run import run
from course_utils.engine.making import release as build
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling import results
from course_utils.engine.telling.pages import feedback as feedback_page
from course_utils.engine.telling.results import Writer, forms

UNIT = "01_positional_encoding"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The records of two students who handed in something else than a notebook, and their class's folder."""
    folder = tmp_path_factory.mktemp("class")
    unit = find_units(current().folder, [UNIT])[0]
    for student in ("ann", "li"):
        sample.write(folder / "submitted", student, unit, b"%PDF-1.7")
    return folder, run(Plan(folder / "submitted", folder / "results", (UNIT,), sandbox="none")).records


def plan_for(records, tmp_path):
    return Plan(records[0] / "submitted", tmp_path / "results", (UNIT,), sandbox="none")


def test_a_page_is_there_before_the_run_is_over(records, tmp_path):
    plan = plan_for(records, tmp_path)
    writer = Writer(plan)
    writer.add(records[1][0])
    writer._under_way[-1].result()
    assert (plan.results / "feedback" / "ann" / f"{UNIT}.html").is_file()
    assert (plan.results / "autograded" / "ann" / UNIT / f"{UNIT}.ipynb").is_file()
    assert not (plan.results / "scores.json").exists()


def test_the_end_writes_what_was_not_added(records, tmp_path):
    plan = plan_for(records, tmp_path)
    writer = Writer(plan)
    writer.add(records[1][0])
    writer.finish(records[1])
    assert all((plan.results / "feedback" / name / f"{UNIT}.html").is_file() for name in ("ann", "li"))
    assert all((plan.results / name).is_file() for name in ("scores.json", "scores.csv", "gradebook.db", "class.html"))


def test_the_end_writes_no_page_twice(records, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(feedback_page, "write_page", lambda results, record, texts: written.append(record.student))
    writer = Writer(plan_for(records, tmp_path))
    for record in records[1]:
        writer.add(record)
    writer.finish(records[1])
    assert sorted(written) == ["ann", "li"]


def test_what_could_not_be_written_is_told_at_the_end(records, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(feedback_page, "write_page", full)
    writer = Writer(plan_for(records, tmp_path))
    writer.add(records[1][0])
    with pytest.raises(OSError, match="No space left"):
        writer.finish(records[1])


def test_a_run_gives_the_writer_each_record_that_it_logs(records, tmp_path):
    class Notes:
        def __init__(self):
            self.units, self.added = [], []

        def begin(self, units):
            self.units += units

        def add(self, record):
            self.added.append(record.student)

    notes = Notes()
    run(plan_for(records, tmp_path), writer=notes)
    assert (notes.units, sorted(notes.added)) == ([UNIT], ["ann", "li"])


@pytest.fixture
def solutions(tmp_path):
    """A copy of the course's folder, below which forms are kept."""
    return shutil.copytree(current().folder, tmp_path / "solutions", ignore=shutil.ignore_patterns("__pycache__"))


def test_kept_forms_equal_those_made_anew_and_need_no_torch(solutions, monkeypatch):
    made = forms(solutions, [UNIT])
    assert [path.name.partition("-")[0] for path in (solutions.parent / "build" / "forms").iterdir()] == [UNIT]
    monkeypatch.setattr(build, "source_notebook", None)
    assert forms(solutions, [UNIT]) == made
    source = f"""
import sys
from pathlib import Path
from course_utils.engine.telling import gradebook, results
from course_utils.engine.telling.pages import classroom, feedback
results.forms(Path({str(solutions)!r}), [{UNIT!r}])
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (f"{UNIT}/unit.toml", "values = 3", "values = 30"),
        (f"{UNIT}/truth.py", "CASES = {", "CASES = {  # of sizes"),
        ("course.toml", '["en", "zh"]', '["zh", "en"]'),
    ],
)
def test_the_forms_of_a_changed_unit_are_made_anew(solutions, file, old, new):
    unit = find_units(solutions, [UNIT])[0]
    before = results._digest(unit)
    text = (solutions / file).read_text("utf-8")
    assert old in text
    (solutions / file).write_text(text.replace(old, new), "utf-8")
    assert results._digest(unit) != before


@pytest.mark.parametrize(
    ("module", "more", "is_another"),
    [
        ("engine/making/lesson.py", "\nMORE = 1\n", True),
        ("engine/making/lesson.py", "\n# a comment\n", False),
        ("engine/making/bundle.py", "\nMORE = 1\n", False),
    ],
)
def test_forms_are_kept_as_long_as_the_code_that_makes_them_says_the_same(
    tmp_path, monkeypatch, module, more, is_another
):
    package = shutil.copytree(PACKAGE, tmp_path / "course", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(results, "PACKAGE", package)
    unit = find_units(current().folder, [UNIT])[0]
    before = results._digest(unit)
    with (package / module).open("a", encoding="utf-8") as file:
        file.write(more)
    assert (results._digest(unit) != before) == is_another


@pytest.mark.parametrize("heavy", ["torch", "nbformat", "nbgrader", "matplotlib"])
def test_a_run_starts_without_waiting_for_heavy_imports(heavy):
    """The sandbox gets warm while this process imports what it needs for the files."""
    source = f"""
import sys
from course_utils.engine.course import current
from course_utils.engine.grading import run, task
from course_utils.engine.making import units
from course_utils.engine.telling import results
from course_utils.instructor import cli
for unit in units.find_units(current().folder):
    task.warm_imports(str(current().folder), unit.name)
sys.exit({heavy!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
