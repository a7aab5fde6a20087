"""Plain `nbgrader autograde` on a released unit gives the same points for every check as this course's own judge.

One command grades a folder of a few notebooks per unit, because a notebook costs nbgrader several seconds:

- the reference; the release as it is; the laboratory report; a reference that prints, warns and writes to stderr;
- right answers written otherwise, one of each exercise together in a notebook;
- known mistakes, one of each exercise together in a notebook, until every check of the unit has been lost by some
  notebook. A mistake in one exercise must not cost the next one a point, so their company is a test of its own.

The sample rotates: COURSE_NBGRADER_ROUND=1 (2, 3, ...) takes other mistakes and alternatives, COURSE_NBGRADER_ROUND=all
takes every one of them, in about a quarter of an hour per unit. What is expected comes from `assess.trial`, and
`test_units_trial` proves for each mistake alone what that loses.
"""

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_utils.engine.course import current
from course_utils.engine.grading.assess import trial
from course_utils.engine.making import lesson
from course_utils.engine.making import release as build
from course_utils.engine.making.units import all_units
from course_utils.engine.proving import sample

UNITS = all_units(current().folder)
ROUND = os.environ.get("COURSE_NBGRADER_ROUND", "0")
ALTERNATIVE_NOTEBOOKS = 2  # in a plain round

NOISE = """\
import logging
import sys
import warnings

print("working " * 20)
print("to stderr", file=sys.stderr)
warnings.warn("a warning that costs nothing", stacklevel=1)
logging.getLogger("student").warning("logged")
"""


def noisy(source):
    """A cell that also makes noise whenever it runs and whenever one of its functions is called."""
    lines = []
    for line in source.splitlines():
        lines.append(line)
        indent = len(line) - len(line.lstrip())
        if line.strip().startswith("### "):
            raise ValueError("the answer still has its markers")
        if line.strip() == "super().__init__()":
            lines.append(" " * indent + "import sys, warnings; print('built', file=sys.stderr); warnings.warn('again')")
    return NOISE + "\n" + "\n".join(lines)


def together(answers, dice, most):
    """Notebooks of one answer for each exercise: exercise -> answer, until all are used or there are `most`."""
    waiting = {}
    for answer in dice.sample(answers, len(answers)):
        waiting.setdefault(answer.exercise, []).append(answer)
    notebooks = []
    while any(waiting.values()) and len(notebooks) < most:
        notebooks.append({name: some.pop() for name, some in waiting.items() if some})
    return notebooks


def covering(unit, dice):
    """Notebooks of one mutant for each exercise that together lose every check.

    The last exercise's stand alone: it builds on the others, and what they make of it can hide its mistake.
    """
    chosen, open_checks = [], set(unit.rules)
    for mutant in dice.sample(unit.mutants, len(unit.mutants)):
        if open_checks & set(mutant.loses):
            chosen.append(mutant)
            open_checks -= set(mutant.loses)
    last = unit.exercises[-1]
    alone = [{last: mutant} for mutant in chosen if mutant.exercise == last]
    return together([mutant for mutant in chosen if mutant.exercise != last], dice, len(chosen)) + alone


def the_class(unit):
    """Student -> sources of the exercise cells."""
    dice = random.Random(f"{unit.name} {ROUND}")
    everything = ROUND == "all"
    students = {
        "reference": sample.reference(unit),
        "blank": {name: unit.released(name) for name in unit.exercises},
        "report": sample.report(unit),
        "noisy": {name: noisy(unit.answer(name)) for name in unit.exercises},
    }
    most = len(unit.alternatives) if everything else ALTERNATIVE_NOTEBOOKS
    for number, answers in enumerate(together(unit.alternatives, dice, most)):
        own = {name: answer.source for name, answer in answers.items()}
        students[f"alternatives {number}"] = sample.reference(unit) | own
    mistakes = together(unit.mutants, dice, len(unit.mutants)) if everything else covering(unit, dice)
    for number, answers in enumerate(mistakes):
        own = {name: unit.mutated(answer) for name, answer in answers.items()}
        students[f"mistakes {number}"] = sample.reference(unit) | own
    return students


def autograded(unit, students, root: Path):
    """Run the plain command; student -> check -> points."""
    source = build.source_notebook(unit, lesson.read(unit), "en")
    build.generate(source, unit, root)
    for student, sources in students.items():
        language = "zh" if student in ("report", "mistakes 0") else "en"  # one gradebook serves both languages
        sample.write(root / "submitted", student, unit, sample.filled(unit, sources, language=language))
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", unit.name, f"--CourseDirectory.root={root}"],
        cwd=current().top,
        env=dict(os.environ, MPLBACKEND="Agg", OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    points = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        for student in students:
            (notebook,) = gradebook.find_submission(unit.name, student).notebooks
            points[student] = {grade.name: grade.auto_score for grade in notebook.grades if grade.name in unit.rules}
    return points


def expected(unit, judge_of, sources):
    """Points by check, as this course's own judge gives them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdicts = trial(judge_of(unit, "any student"), sources, "any student")
    return {check: unit.points(check) * (verdict.outcome == "passed") for check, verdict in verdicts.items()}


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_plain_nbgrader_gives_the_points_of_our_own_judge(unit, judge_of, tmp_path, capfd):
    students = the_class(unit)
    points = autograded(unit, students, tmp_path / "course")
    wanted = {student: expected(unit, judge_of, sources) for student, sources in students.items()}
    assert points == wanted
    full = {check: unit.points(check) for check in unit.rules}
    assert points["reference"] == points["noisy"] == points["alternatives 0"] == full
    assert set(points["blank"].values()) == {0}
    assert {check for check in full if points["report"][check] == 0} <= {"div_term-values"}
    lost = {check for student, marks in points.items() if student != "blank" for check in full if marks[check] == 0}
    assert lost == set(full)
