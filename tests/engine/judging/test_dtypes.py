"""What the rules of several units share: masks of each type."""

import pytest
import torch

from course_utils.engine.asking.student import StudentError, local
from course_utils.engine.judging.dtypes import (
    MASK_TYPES,
    ask_unmasked,
    ask_with_each_type,
    changed,
    of_some_type,
    told_by_type,
)
from course_utils.engine.judging.rule import AnyOf

MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])
HIDDEN = torch.arange(6.0).reshape(2, 3, 1)
NOTHING, FAR = torch.zeros(2), torch.ones(2)


def counting(*names):
    """A learner whose function answers to a mask; it raises at types other than these."""
    dtypes = [MASK_TYPES[name] for name in names]

    def count(hidden, mask):
        if mask.dtype not in dtypes:
            raise TypeError("another type")
        return [str(mask.dtype), mask.sum().item()]

    return local({"count": count})


@pytest.mark.parametrize(("taken", "first"), [(MASK_TYPES, "bool"), (("int", "float"), "int"), (("float",), "float")])
def test_the_first_type_that_is_taken_is_asked_about(taken, first):
    student = counting(*taken)
    told = of_some_type(lambda mask: student.call("count", HIDDEN, mask), MASK)
    assert told == [str(MASK_TYPES[first]), 3]


@pytest.mark.parametrize(("taken", "first"), [(MASK_TYPES, "bool"), (("int", "float"), "int"), (("float",), "float")])
def test_batches_get_masks_of_ones_of_the_first_type_that_is_taken(taken, first):
    student = counting(*taken)
    told = ask_unmasked(student, [HIDDEN, HIDDEN[:1]], lambda one, ones: [student.request("count", one, ones)])
    assert told == [[[str(MASK_TYPES[first]), 6]], [[str(MASK_TYPES[first]), 3]]]


def test_an_answer_to_each_type_holds_the_exception_at_some():
    student = counting("int")
    answers = ask_with_each_type(student, MASK, lambda mask: student.request("count", HIDDEN, mask))
    assert [name for name, answer in answers.items() if isinstance(answer, StudentError)] == ["bool", "float"]
    assert answers["int"][0] == ["torch.int64", 3]


ASKED = {
    "some": lambda student: of_some_type(lambda mask: student.call("count", HIDDEN, mask), MASK),
    "each": lambda s: ask_with_each_type(s, MASK, lambda mask: s.request("count", HIDDEN, mask)),
    "unmasked": lambda s: ask_unmasked(s, [HIDDEN], lambda one, ones: [s.request("count", one, ones)]),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_what_raises_at_every_type_raises(ask):
    with pytest.raises(StudentError, match="TypeError"):
        ask(counting())


def told(**values):
    """What is told of values by type, each told as its own difference."""
    return told_by_type(
        {name: each if isinstance(each, StudentError) else (each, []) for name, each in values.items()},
        lambda value: value,
    )


@pytest.mark.parametrize(
    "wrong", [FAR, None, torch.full((2,), torch.nan), StudentError(["TypeError"]), AnyOf([FAR, FAR])]
)
def test_of_types_that_go_wrong_beside_one_that_does_not_only_the_names_are_told(wrong):
    seen = told(bool=NOTHING, int=wrong, float=wrong)
    assert torch.equal(seen["difference"], NOTHING)
    assert seen["types that go wrong"] == ["int", "float"]


def test_a_difference_that_is_the_same_with_each_type_is_told_itself():
    seen = told(bool=FAR, int=FAR.clone(), float=FAR.clone())
    assert torch.equal(seen["difference"], FAR)
    assert seen["types that go wrong"] == []


def test_one_view_that_is_nothing_is_enough():
    assert told(bool=AnyOf([FAR, NOTHING]), int=AnyOf([NOTHING]), float=NOTHING)["types that go wrong"] == []


def test_an_argument_that_was_written_into_is_told():
    def write(hidden, mask):
        return hidden.mul_(2)

    student = local({"write": write, "keep": lambda hidden, mask: hidden * 2})
    for name, expected in (("write", True), ("keep", False)):
        answers = ask_with_each_type(student, MASK, lambda mask, name=name: student.request(name, HIDDEN, mask))
        assert changed(answers, HIDDEN) is expected
        assert not changed(answers, MASK, 1)
