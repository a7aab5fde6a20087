"""What the rules of several units share: masks of each type."""

import pytest
import torch

from course_utils.engine.asking.student import StudentError, local
from course_utils.engine.judging.dtypes import MASK_TYPES, of_each_type, of_some_type

MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])


def taking(*dtypes):
    """What a learner's function answers to a mask; it raises at types other than these."""

    def count(mask):
        if mask.dtype not in dtypes:
            raise TypeError("another type")
        return [str(mask.dtype), mask.sum().item()]

    student = local({"count": count})
    return lambda mask: student.call("count", mask)


@pytest.mark.parametrize(("taken", "first"), [(MASK_TYPES, "bool"), (("int", "float"), "int"), (("float",), "float")])
def test_the_first_type_that_is_taken_is_asked_about(taken, first):
    dtypes = [MASK_TYPES[name] for name in taken]
    assert of_some_type(taking(*dtypes), MASK) == [str(MASK_TYPES[first]), 3]


def test_an_answer_to_each_type_holds_the_exception_at_some():
    answers = of_each_type(taking(torch.bool), MASK)
    assert answers == {"bool": ["torch.bool", 3], "int": "TypeError", "float": "TypeError"}


@pytest.mark.parametrize("ask", [of_some_type, of_each_type])
def test_what_raises_at_every_type_raises(ask):
    with pytest.raises(StudentError, match="TypeError"):
        ask(taking(), MASK)
