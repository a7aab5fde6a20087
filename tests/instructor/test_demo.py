"""The demo: its class holds what a class holds, and it runs from end to end in a folder with a space in its name."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from course_utils.engine.course import FILE, current
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.making.units import Alternative, Mutant, all_units
from course_utils.engine.proving import sample
from course_utils.instructor.demo import marks

UNITS = all_units(current().folder)
FIRST = UNITS[0]
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def sources(notebook):
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in notebook["cells"]
        if "nbgrader" in cell["metadata"]
    }


# the class --------------------------------------------------------------------------------------------------------


@of_units
def test_the_class_has_at_least_eight_submissions_of_each_unit(unit):
    students = [student for student, its, _ in sample.demo_class(UNITS) if its is unit]
    assert len(set(students)) == len(students) >= 8
    assert {"all right", "blank", "laboratory report", "crashes"} <= set(students)


@of_units
def test_every_classic_mistake_of_the_class_is_another_one_and_stands_in_its_notebook(unit):
    chosen = [list(sample.classic_mistakes(unit, number)) for number in range(4)]
    assert len({mutant.name for pairs in chosen for _, mutant in pairs}) >= min(4, 2 * len(unit.exercises))
    for pairs in chosen:
        exercises = [exercise for exercise, _ in pairs]
        assert len(set(exercises)) == len(exercises)
        assert all(mutant.exercise == exercise for exercise, mutant in pairs)


@of_units
def test_a_filled_notebook_differs_from_the_release_in_its_answers_alone(unit):
    filled, released = (sources(n) for n in (sample.filled(unit, sample.reference(unit)), sample.released(unit)))
    assert {name for name in filled if filled[name] != released[name]} == set(unit.exercises)


def test_filling_a_notebook_leaves_the_release_as_it_was():
    before = json.dumps(sample.released(FIRST))
    sample.filled(FIRST, sample.reference(FIRST), {"q1_sin_cos": "mine"})
    assert json.dumps(sample.released(FIRST)) == before


@pytest.mark.parametrize("kind", [Mutant, Alternative])
def test_a_known_answer_stands_among_the_references(kind):
    answer = (FIRST.mutants if kind is Mutant else FIRST.alternatives)[0]
    found = sample.with_answer(FIRST, answer)
    assert set(found) == set(FIRST.exercises)
    assert [name for name in found if found[name] != FIRST.answer(name)] == [answer.exercise]


def test_the_laboratory_report_wrote_the_frequencies_in_its_own_way():
    report = sample.report(FIRST)
    assert "torch.log(torch.tensor(10000)/d_model)" in report["div_term"]


# the table --------------------------------------------------------------------------------------------------------


def record(student, unit, *scores):
    rows = [Score(student, unit, "q1", check, points, most, "partial", None) for check, points, most in scores]
    return Record(student, unit, "graded", tuple(rows))


def test_the_table_has_a_row_for_each_student_and_leaves_out_what_a_person_grades():
    from rich.console import Console

    records = [
        record("anna", "01", ("values", 3, 3), ("odd", 0, 2), (None, 4, 4)),
        record("li", "01", ("values", 0.5, 3), ("odd", 2, 2)),
        record("anna", "02", ("values", 1, 1)),
    ]
    console = Console(width=80)
    with console.capture() as capture:
        console.print(marks(records))
    lines = [re.sub(r"[^\w. ]", "", line).split() for line in capture.get().splitlines()]
    assert ["anna", "3", "of", "5", "1", "of", "1"] in lines
    assert ["li", "2.5", "of", "5", "0", "of", "0"] in lines


# from end to end --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the course with unit 01 alone, in a folder whose name has a space and Chinese characters."""
    folder = tmp_path_factory.mktemp("demo") / "my course 课程"
    keep_out = shutil.ignore_patterns("__pycache__", *(f"{unit.name}*" for unit in UNITS[1:]))
    for name in ("course_utils", "solutions", "notebooks"):
        shutil.copytree(current().top / name, folder / name, ignore=keep_out)
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copyfile(current().top / name, folder / name)
    settings = folder / "solutions" / FILE
    start = settings.read_text(encoding="utf-8").partition("units = ")[0]
    settings.write_text(f'{start}units = ["{UNITS[0].name}"]\n', encoding="utf-8")
    return folder


def run_demo(folder):
    environment = dict(os.environ, PYTHONPATH=str(folder), COLUMNS="100")
    command = [sys.executable, "-m", "course_utils", "demo"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.mark.slow
def test_the_demo_grades_its_class_and_says_where_to_look_and_does_so_again(copied):
    for _ in range(2):
        done = run_demo(copied)
        assert done.returncode == 0, done.stderr[-3000:]
        results = copied / "build" / "demo" / "results"
        rows = {
            (row["student"], row["exercise"], row["check"]): row
            for row in json.loads((results / "scores.json").read_text(encoding="utf-8"))
        }
        students = {student for student, _, _ in rows}
        assert {student for student, unit, _ in sample.demo_class([FIRST])} == students
        for student in students:
            assert (results / "feedback" / student / f"{FIRST.name}.html").is_file()
            assert student in done.stdout
        for name in ("class.html", "scores.csv", "gradebook.db", "log.jsonl"):
            assert (results / name).is_file()

        def total(student, rows=rows):
            return sum(row["points"] for (who, _, check), row in rows.items() if who == student and check)

        full = sum(FIRST.points(check) for check in FIRST.rules)
        assert total("all right") == total("全部正确") == full
        assert total("blank") == total("not a notebook") == 0
        assert total("laboratory report") == full - FIRST.points("div_term-values")
        assert rows["laboratory report", "div_term", "values"]["hint"] == "misplaced_parenthesis"
        assert total("never ends") == full - sum(FIRST.points(check) for check in FIRST.checks("shift_matrix"))
        assert {
            row["outcome"] for (who, exercise, _), row in rows.items() if (who, exercise) == ("crashes", "div_term")
        } == {"crashed"}
        for number in range(4):
            lost = {
                f"{ex}-{check}"
                for (who, ex, check), row in rows.items()
                if who == f"classic mistakes {number + 1}" and check and not row["points"]
            }
            known = {check for _, mutant in sample.classic_mistakes(FIRST, number) for check in mutant.loses}
            assert lost == known
        assert re.search(r"build/demo/results/class\.html", done.stdout)
