"""The benchmark's file and its parts; the speed itself is measured by `make bench`, never by a test."""

import json
import time

import pytest
from typer import Typer
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.making.units import find_units
from course_utils.instructor.benchmark import __main__ as benchmark
from course_utils.instructor.benchmark.classes import notebook
from course_utils.instructor.benchmark.grading import Measured, differences
from course_utils.instructor.benchmark.meters import Stopwatch

UNIT = "01_positional_encoding"
MINUTES = {"nbgrader": 10.0, "one_core": 300.0, "all_cores": 600.0, "limit": 900.0}
KEYS = {
    "submissions",
    "nbgrader_per_minute",
    "one_core_per_minute",
    "all_cores_per_minute",
    "limit_per_minute",
    "ratio",
    "limit_ratio",
    "peak_mib",
    "scores_equal",
}


@pytest.fixture(scope="module")
def unit():
    return find_units(current().folder, [UNIT])[0]


def command():
    app = Typer()
    app.command()(benchmark.main)
    return app


def test_part_holds_the_keys_of_the_contract():
    assert set(Measured(90, 12, MINUTES, 700.4).part()) == KEYS


def test_ratio_is_ours_over_nbgraders():
    assert Measured(90, 12, MINUTES).part()["ratio"] == 60.0


def test_limit_ratio_is_the_limit_over_ours():
    assert Measured(90, 12, MINUTES).part()["limit_ratio"] == 1.5


def test_what_nbgrader_did_not_grade_is_absent():
    part = Measured(90, 0, {way: value for way, value in MINUTES.items() if way != "nbgrader"}).part()
    assert set(part) == KEYS - {"nbgrader_per_minute", "ratio"}


def test_differences_name_the_check_and_who_says_what():
    place = ("anna", UNIT, "div_term-values")
    assert differences({"nbgrader": {place: 3.0}, "limit": {place: 0.0}}) == [
        "anna, 01_positional_encoding, div_term-values: nbgrader 3, limit 0"
    ]


def test_a_check_that_only_one_way_graded_is_no_difference():
    assert differences({"nbgrader": {}, "limit": {("anna", UNIT, "div_term-values"): 0.0}}) == []


def test_equal_students_hand_in_equal_notebooks(unit):
    assert notebook(unit, 5) == notebook(unit, 5)


def test_stopwatch_counts_each_second_for_the_innermost():
    watch = Stopwatch()
    with watch.measuring("outer"), watch.measuring("inner"):
        time.sleep(0.05)
    assert watch.seconds["inner"] >= 0.05 > watch.seconds["outer"]


def test_each_exercise_has_seconds_of_its_self_check(unit):
    assert set(benchmark.check_seconds([unit])) == set(unit.exercises)


def test_an_interrupted_run_leaves_the_old_file(tmp_path, monkeypatch):
    def interrupted(*settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "measure", interrupted)
    out = tmp_path / "bench.json"
    out.write_text("old")
    result = CliRunner().invoke(command(), ["--sandbox", "none", "--out", str(out)])
    assert (result.exit_code, out.read_text(), list(tmp_path.iterdir())) == (1, "old", [out])


@pytest.mark.slow
def test_a_tiny_run_finds_equal_scores_in_every_way(tmp_path, mode):
    out = tmp_path / "bench.json"
    options = ["--students", "3", "--nbgrader-sample", "1", "--unit", UNIT, "--sandbox", mode, "--no-training"]
    options += ["--out", str(out)]
    result = CliRunner().invoke(command(), options)
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())
    assert (set(figures["grading"]), figures["grading"]["scores_equal"]) == (KEYS, True), result.output
