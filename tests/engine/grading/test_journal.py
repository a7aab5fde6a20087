"""What a run tells Python's logging: how each notebook went and where the grader failed, and nothing that is secret."""

import logging
import pickle
import re
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading import faults, journal, work
from course_utils.engine.grading.history import History
from course_utils.engine.grading.intake_table import SYSTEM_NOTE, Row
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.grading.run import TRIES, Plan, grade_all, run
from course_utils.engine.grading.task import Task, Unfinished
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample

UNIT = "01_positional_encoding"
TEXT = "a text that no log may hold"
TASK = Task("ann", UNIT, b"", "", "d", "a secret seed", "none")
SCORE = Score("ann", UNIT, "div_term", "values", 2.5, 13.0, "partial", None)
RECORD = Record("ann", UNIT, "graded", (SCORE,), seconds=1.25)
LATER = Unfinished(RECORD, {}, History(), (), 0.0)


class Here(Executor):
    """Runs each task at once by a function of the test's own."""

    def __init__(self, work):
        self.work = work

    def submit(self, _, task):
        future = Future()
        try:
            future.set_result(self.work(task))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True)
def all_levels(caplog):
    caplog.set_level(logging.INFO, "course_utils")


def graded_by(work):
    return list(grade_all([TASK], Plan(Path(), Path(), sandbox="none"), Here(work)))


def raise_a_text(task):
    raise ValueError(TEXT)


def test_a_notebook_is_told_with_outcome_points_seconds_and_pass(caplog):
    graded_by(lambda task: RECORD)
    assert caplog.messages == [f"ann, {UNIT}: graded, 2.5 of 13 points in 1.25 seconds, first pass"]


def test_a_notebook_that_needed_a_second_pass_says_so(caplog):
    graded_by(lambda task: RECORD if task.unfinished else LATER)
    assert [message.rpartition(", ")[2] for message in caplog.messages] == ["second pass"]


def test_a_lost_worker_is_told_and_counted_at_the_notebook(caplog):
    lost = [EOFError()]
    graded_by(lambda task: raise_it(lost.pop()) if lost else RECORD)
    first, second = caplog.messages
    assert first.startswith(f"ann, {UNIT}: try 1 of {TRIES} failed, tried again: EOFError; at ")
    assert second.endswith("first pass, tried 2 times")


def raise_it(error):
    raise error


def test_a_failure_is_told_by_its_type_and_its_places_and_not_by_its_text(caplog):
    graded_by(raise_a_text)
    assert len(caplog.messages) == TRIES
    assert "given up: ValueError; at " in caplog.messages[-1]
    assert re.search(r"test_journal\.py:\d+ raise_a_text$", caplog.messages[-1])
    assert TEXT not in caplog.text


def test_a_sentence_of_ours_is_told_whole():
    assert "no bubblewrap here; install it" in journal.told(
        journal.SandboxUnavailable("no bubblewrap here; install it")
    )


def test_places_of_a_fault_come_along_from_another_process(monkeypatch):
    """A pool pickles what is raised; a traceback stays behind, unless Dask has taught pickle to take it along."""
    from course_utils.engine.grading import grader

    monkeypatch.setattr(grader, "grade", raise_a_text)
    with pytest.raises(ValueError, match=TEXT) as raised:
        work.grade(TASK)
    sent = pickle.loads(pickle.dumps(raised.value)).with_traceback(None)
    first, last = faults.places(sent)
    assert re.fullmatch(r"work\.py:\d+ grade", first)
    assert re.fullmatch(r"test_journal\.py:\d+ raise_a_text", last)


def test_what_was_read_by_another_name_is_told_and_what_lay_as_it_should_is_not(caplog):
    there = Row("ann/1.ipynb", "ann", UNIT, "notebook", "in place of the missing one")
    journal.tell_seen([there, replace(there, note=""), replace(there, note=SYSTEM_NOTE)])
    assert caplog.messages == [f"ann/1.ipynb, {UNIT}: read: in place of the missing one"]


def test_what_was_left_aside_is_told_with_why(caplog):
    journal.tell_seen([Row("ann/a.pdf", "ann", "", "", "not a notebook")])
    assert caplog.messages == ["ann/a.pdf, no unit: left aside: not a notebook"]


def test_a_run_tells_its_versions_and_nothing_that_a_student_wrote_or_is_not_to_know(tmp_path, caplog):
    unit = find_units(current().folder, [UNIT])[0]
    wrong = {"div_term": f"def div_term(d_model):\n    raise ValueError('{TEXT}')"}
    sample.write(tmp_path / "submitted", "ann", unit, sample.filled(unit, wrong, {"q1_sin_cos": TEXT}))
    plan = Plan(tmp_path / "submitted", tmp_path / "results", (UNIT,), jobs=3, sandbox="none")
    (record,) = run(plan, Here(work.grade)).records
    assert TEXT in str(record)
    assert re.match(r"run begins: Python 3\S+, torch \S+, sandbox none, jobs 3, units 01_\w+$", caplog.messages[0])
    assert caplog.messages[1].endswith("results: 1 to grade, 0 unchanged")
    assert any(message.startswith(f"ann, {UNIT}: graded, 0 of 17 points in ") for message in caplog.messages)
    assert TEXT not in caplog.text
    assert record.seed not in caplog.text
