"""The self-test finds what is not as it must be, and says it in a table."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from course_utils.engine.course import CourseError
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.grading.task import Task
from course_utils.engine.judging.sentences import filled
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import sample, selftest, toy
from course_utils.engine.proving.selftest import Finding, rows
from course_utils.engine.proving.toy import ROWS


class Answering:
    """An executor whose tasks all have one record."""

    def __init__(self, record: Any) -> None:
        self.record = record

    def submit(self, function: Any, task: Task) -> Future[Any]:
        future: Future[Any] = Future()
        if isinstance(self.record, Exception):
            future.set_exception(self.record)
        else:
            future.set_result(self.record)
        return future


@pytest.fixture(scope="module")
def unit() -> Unit:
    return find_units(toy.course().folder, [ROWS])[0]


def record(unit: Unit, changes: dict[str, dict[str, Any]] | None = None) -> Record:
    """A record in which all has passed but what is changed."""
    scores = []
    for check, rule in unit.rules.items():
        points = unit.points(check)
        passed = {"points": points, "max_points": points, "outcome": "passed", "message": None, "hint": None}
        about = {"student": "s", "unit": unit.name, "exercise": rule.exercise, "check": rule.check}
        scores.append(Score(**(about | passed | (changes or {}).get(check, {}))))
    return Record("s", unit.name, "graded", tuple(scores))


LOST = {"points": 0.0, "outcome": "crashed", "message": filled("crashed")}


def find(unit: Unit, kind: str, answer: Any, tmp_path: Path) -> Finding:
    trial = next(trial for trial in selftest.make_trials([unit], "none") if trial.kind == kind)
    return selftest.run_trials([trial], "none", executor=Answering(answer))[0]  # type: ignore[arg-type]


def test_a_reference_with_full_marks_is_as_it_must_be(unit: Unit, tmp_path: Path) -> None:
    assert find(unit, "reference", record(unit), tmp_path).good


def test_a_reference_that_loses_a_check_is_told(unit: Unit, tmp_path: Path) -> None:
    found = find(unit, "reference", record(unit, {"powers-values": LOST}), tmp_path)
    assert found.fault == "it loses powers-values, not nothing"


def test_a_blank_notebook_with_a_point_is_told(unit: Unit, tmp_path: Path) -> None:
    assert "powers-values" in find(unit, "blank", record(unit), tmp_path).fault


def test_a_mutant_that_loses_nothing_is_told(unit: Unit, tmp_path: Path) -> None:
    assert "it loses nothing, not" in find(unit, "mutant", record(unit), tmp_path).fault


def test_a_mutant_without_its_hint_is_told(unit: Unit, tmp_path: Path) -> None:
    lost = dict.fromkeys(unit.mutants[0].loses, LOST)
    assert find(unit, "mutant", record(unit, lost), tmp_path).fault.startswith("it does not draw the hint")


def test_a_hostile_notebook_with_a_point_is_told(unit: Unit, tmp_path: Path) -> None:
    trial = next(trial for trial in selftest.bank_trials("none", tmp_path) if trial.name == "an empty file")
    found = selftest.run_trials([trial], "none", executor=Answering(record(unit)))[0]  # type: ignore[arg-type]
    assert found.fault.startswith("it gets points in powers-values")


@pytest.mark.parametrize(("line", "inside"), [(2, True), (3, False), (1018, False)])
def test_a_line_outside_the_cell_is_told(unit: Unit, tmp_path: Path, line: int, inside: bool) -> None:
    message = filled("raised", type="KeyError", line=line)
    told = record(unit, {"powers-values": {"points": 0.0, "outcome": "error", "message": message}})
    told = replace(told, sources={"powers": "def powers(count):\n    raise KeyError\n"})
    fault = find(unit, "reference", told, tmp_path).fault
    assert fault.startswith("powers values names a line outside its cell") is not inside


def test_an_error_of_the_grader_is_told(unit: Unit, tmp_path: Path) -> None:
    found = find(unit, "reference", RuntimeError("no sandbox"), tmp_path)
    assert found.fault == "the grader failed: RuntimeError: no sandbox"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outcome": "won"}, "has the outcome 'won'"),
        ({"outcome": "passed", "points": 1.0}, "is passed with 1 of 3 points"),
        (LOST | {"message": {"en": "count was 22", "zh": "22"}}, "none of our sentences"),
        (LOST | {"message": None}, "none of our sentences"),
        (
            LOST | {"outcome": "error", "message": filled("raised", type="BufferError", line=3)},
            "found what it looked for",
        ),
    ],
)
def test_a_score_that_may_never_be_is_told(unit: Unit, tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    assert fault in find(unit, "reference", record(unit, {"powers-values": change}), tmp_path).fault


def test_each_kind_of_known_answers_is_tried(unit: Unit) -> None:
    kinds = {trial.kind for trial in selftest.make_trials([unit], "none")}
    assert kinds == {"reference", "blank", "mutant", "alternative"}


def test_without_walls_nothing_is_run_that_needs_them(tmp_path: Path) -> None:
    kinds = {trial.kind for trial in selftest.bank_trials("none", tmp_path)}
    assert kinds >= {"damaging the notebook", "honest among hostile"}
    assert not kinds & {"forging a verdict", "breaking out of a limit", "touching a neighbour"}


def test_a_unit_that_is_not_built_says_how_to_build_it(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr(sample, "released", missing)
    with pytest.raises(CourseError, match="course build 01_rows"):
        list(selftest.make_trials([unit], "none"))


def test_rows_count_what_is_as_it_must_be() -> None:
    good, bad = Finding(ROWS, "mutant", "a", True, ""), Finding(ROWS, "mutant", "b", False, "it loses nothing")
    assert rows([good, bad, good]) == [(ROWS, "mutant", "3", "2 of 3")]


def test_a_self_test_of_any_course_runs_the_bank_on_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[selftest.Trial] = []
    monkeypatch.setattr(selftest, "run_trials", lambda trials, mode, tell: seen.extend(trials) or [])
    selftest.run_selftest([], "none")
    units = {trial.unit.course.folder for trial in seen if trial.kind == "damaging the notebook"}
    assert units == {toy.course().folder}
    assert {trial.unit.course.folder for trial in seen} > units


def test_a_self_test_of_named_units_leaves_the_bank_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[selftest.Trial] = []
    monkeypatch.setattr(selftest, "run_trials", lambda trials, mode, tell: seen.extend(trials) or [])
    monkeypatch.setenv("COURSE_DIR", str(toy.FOLDER))
    selftest.run_selftest([ROWS], "none")
    assert {trial.unit.name for trial in seen} == {ROWS}
    assert {trial.kind for trial in seen} == {"reference", "blank", "mutant", "alternative"}


@pytest.mark.slow
def test_each_toy_unit_is_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setenv("COURSE_DIR", str(toy.FOLDER))
    # mode "none" has no hostile notebook in it that needs walls: those are test_hostile.py's
    findings = selftest.run_selftest([], "none", lambda done, total: told.append((done, total)))
    assert [found for found in findings if not found.good] == []
    assert told[-1] == (len(findings), len(findings))
