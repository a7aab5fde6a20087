"""Masks of several types: a rule asks with each, or with whichever the learner's code takes.

People write one mistake in many ways: `~mask` stops with whole numbers in one place, and gives -1 and -2, which are
positions, in another. Whatever it gives there, what is told is that a mask of that type goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..asking.student import Student, StudentError
from ..asking.workbench import Request
from .rule import ATOL, AnyOf, Observations

# booleans first: whole numbers in the place of them may not stop the code, and be positions to it
MASK_TYPES = {"bool": torch.bool, "int": torch.int64, "float": torch.float32}
T = TypeVar("T")


def of_some_type(ask: Callable[[Tensor], T], mask: Tensor) -> T:
    """What is answered to a mask of the first type at which the learner's code does not stop.

    So that a check of something else does not pay again for types that the code cannot take.
    Raises StudentError where it stops at each.
    """
    errors = []
    for dtype in MASK_TYPES.values():
        try:
            return ask(mask.to(dtype))
        except StudentError as error:
            errors.append(error)
    raise errors[0]


def ask_with_some_type(student: Student, requests: Callable[[torch.dtype], Sequence[Request]]) -> list[Any]:
    """What is answered to requests in one go, with masks of the first type at which the first of them does not stop.

    requests: makes them for masks of a type. Raises StudentError where the first one stops with each.
    """
    errors = []
    for dtype in MASK_TYPES.values():
        answers = student.try_all(requests(dtype))
        if not isinstance(answers[0], StudentError):
            return answers
        errors.append(answers[0])
    raise errors[0]


def ask_with_each_type(student: Student, mask: Tensor, ask: Callable[[Tensor], Request]) -> dict[str, Any]:
    """The value, and the arguments after the call, for a mask of each type, asked in one go; or a StudentError.

    ask: makes the request of a call from a mask. Raises StudentError where the call stops with every type: then the
    type is not to blame.
    """
    answers = student.try_all([ask(mask.to(dtype)) | {"inputs": True} for dtype in MASK_TYPES.values()])
    for answer in answers:
        if not isinstance(answer, StudentError):
            return dict(zip(MASK_TYPES, answers, strict=True))
    raise answers[0]


def told_by_type(differences: Mapping[str, Any]) -> Observations:
    """The difference that counts, and the types with which another one came out, or an exception.

    differences: by type, how far the answer is from the right one: a tensor, an AnyOf, None for another shape, or a
    StudentError. One that is nothing counts, if there is any, or else the first one that is no exception.
    """
    answered = {name: each for name, each in differences.items() if not isinstance(each, StudentError)}
    counts = next((each for each in answered.values() if is_nothing(each)), next(iter(answered.values()), None))
    wrong = [name for name in differences if name not in answered or not _equal(answered[name], counts)]
    return {"difference": counts, "types that go wrong": wrong}


def is_nothing(difference: Any) -> bool:
    """Whether an answer is the right one, up to rounding: a difference of 0, in one view of it at least."""
    views = difference.views if isinstance(difference, AnyOf) else [difference]
    return any(isinstance(view, Tensor) and bool((view.abs() <= ATOL).all()) for view in views)


def _equal(one: Any, other: Any) -> bool:
    if is_nothing(one) and is_nothing(other):
        return True
    a, b = (each.views[0] if isinstance(each, AnyOf) else each for each in (one, other))
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return a is b
    return a.shape == b.shape and torch.allclose(a, b, atol=ATOL, equal_nan=True)
