"""Masks of several types: a rule asks with each, or with whichever the learner's code takes.

People write one mistake in many ways: `~mask` stops with whole numbers in one place, and gives -1 and -2, which are
positions, in another. Whatever it gives there, what is told is that a mask of that type goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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


def ask_unmasked(
    student: Student, batches: Iterable[Tensor], ask: Callable[[Tensor, Tensor], Sequence[Request]]
) -> list[list[Any]]:
    """What is answered to each batch (batch, ..., seq, size), in one go, with a mask of ones that hides nothing.

    ask: makes the requests about a batch and a mask, which is of the first type at which the very first one does not
    stop. Raises StudentError where it stops at each.
    """
    errors = []
    for dtype in MASK_TYPES.values():
        asked = [ask(each, torch.ones(each.shape[0], each.shape[-2], dtype=dtype)) for each in batches]
        answers = student.try_all([request for one in asked for request in one])
        if not isinstance(answers[0], StudentError):
            rest = iter(answers)
            return [[next(rest) for _ in one] for one in asked]
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


def told_by_type(answers: Mapping[str, Any], less: Callable[[Any], Any]) -> Observations:
    """The difference that counts, and the types with which another one came out, or an exception.

    answers: by type, as `ask_with_each_type` gives them; less: how far a value is from the right one, a tensor, an
    AnyOf, or None for another shape. One that is nothing counts, if there is any, or else the first one.
    """
    differences = {name: less(answer[0]) for name, answer in answers.items() if not isinstance(answer, StudentError)}
    counts = next(filter(is_nothing, differences.values()), next(iter(differences.values()), None))
    wrong = [name for name in answers if name not in differences or not _equal(differences[name], counts)]
    return {"difference": counts, "types that go wrong": wrong}


def changed(answers: Mapping[str, Any], argument: Tensor, number: int = 0) -> bool:
    """Whether an argument is another one after some call, up to its type; answers: of `ask_with_each_type`."""
    after = [answer[1][number] for answer in answers.values() if not isinstance(answer, StudentError)]
    return not all(isinstance(one, Tensor) and torch.equal(one.to(argument.dtype), argument) for one in after)


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
