"""The engine's own toy course is built, offers what hostile notebooks need, and is as good a course as any."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

from course_utils.engine.grading.assess import UnitJudge, trial
from course_utils.engine.making.units import Unit, all_units
from course_utils.engine.proving import lazy, toy
from course_utils.engine.proving.hostile import BANK

UNITS = all_units(toy.course().folder)
EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


@pytest.mark.slow
def test_what_is_built_of_it_is_up_to_date() -> None:
    words = [sys.executable, "-m", "course_utils", "--course", str(toy.FOLDER), "build", "--check"]
    run = subprocess.run(words, env=os.environ, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "everything is up to date"), run.stderr


def test_each_of_its_exercises_is_attacked() -> None:
    attacked = {name.partition("-")[0] for attack in BANK for name in (*attack.cells, *attack.loses)}
    # join stands beside cut, and learn beside score: what one is attacked with would be the other's attack
    assert {name for unit in UNITS for name in unit.exercises} - attacked <= {"learn"}


def test_each_hostile_notebook_hangs_on_a_unit_of_it() -> None:
    assert {attack.unit for attack in BANK} == {unit.name for unit in UNITS}


def test_a_unit_of_it_builds_on_an_answer_of_the_one_before() -> None:
    assert UNITS[1].provided == ["AddTable"]


def test_two_of_its_exercises_have_one_answer() -> None:
    assert "Block" not in UNITS[1].earlier("MendedBlock")


@of_units
def test_a_known_answer_loses_exactly_what_it_must(unit: Unit) -> None:
    judge = UnitJudge(unit, unit.texts)
    wanted: dict[str, set[str]] = {"reference": set()}
    cells: dict[str, dict[str, str]] = {"reference": {}}
    for mutant in unit.mutants:
        wanted[mutant.name], cells[mutant.name] = set(mutant.loses), {mutant.exercise: unit.mutated(mutant)}
    for answer in unit.alternatives:
        wanted[answer.name], cells[answer.name] = set(), {answer.exercise: answer.source}
    verdicts = {name: trial(judge, changes) for name, changes in cells.items()}
    lost = {
        name: {check for check, one in found.items() if one.outcome != "passed"} for name, found in verdicts.items()
    }
    assert lost == wanted


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_answer_without_content_earns_a_tenth_at_most(unit: Unit, exercise: str) -> None:
    judge, checks = UnitJudge(unit, unit.texts), unit.checks(exercise)
    most = lazy.MOST * sum(map(unit.points, checks))
    found = {}
    for name, source in lazy.answers(unit, exercise).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verdicts = trial(judge, {exercise: source})
        found[name] = sum(unit.points(check) for check in checks if verdicts[check].outcome == "passed")
    assert {name: points for name, points in found.items() if points > most} == {}
