"""What is recorded of a unit: equal on every build, on one thread, and in the form in which it lies in the course."""

import json

import pytest
import torch

from course_utils.engine.course import current
from course_utils.engine.judging import judge
from course_utils.engine.making.observations import looks_of, texts_of
from course_utils.engine.making.release import as_json
from course_utils.engine.making.units import Unit

UNIT = Unit(current().folder / "08_learning_rate")  # the one whose looks take least: 0.1 s


@pytest.fixture
def two_threads():
    """What torch is set to on a machine of two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_looks_are_equal_to_the_byte_when_they_are_made_again():
    assert looks_of(UNIT) == looks_of(UNIT)


def test_looks_are_made_on_one_thread_as_those_of_a_check_are(two_threads, monkeypatch):
    look, threads = judge.look, set()
    monkeypatch.setattr(judge, "look", lambda *asked: threads.add(torch.get_num_threads()) or look(*asked))
    looks_of(UNIT)
    assert threads == {1}
    assert torch.get_num_threads() == 2


def test_there_is_a_line_for_each_check_of_the_truth_and_each_lost_one_of_a_mutant():
    lines = [json.loads(line) for line in looks_of(UNIT).splitlines()[1:]]
    assert [line["check"] for line in lines if "hint" not in line] == list(UNIT.rules)
    lost = [(mutant.hint, check) for name in UNIT.exercises for mutant in UNIT.mutants for check in mutant.loses
            if mutant.exercise == name]  # fmt: skip
    assert [(line["hint"], line["check"]) for line in lines if "hint" in line] == lost


def test_the_texts_of_a_unit_hold_no_look():
    texts = as_json(texts_of(UNIT))
    assert '"tensor"' not in texts
    assert '"look"' not in texts
