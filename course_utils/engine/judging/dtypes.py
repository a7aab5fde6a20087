"""Masks of several types: a rule asks with each, or with whichever the learner's code takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from ..asking.student import StudentError, error_of

MASK_TYPES = {"int": torch.int64, "bool": torch.bool, "float": torch.float32}
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


def of_each_type(ask: Callable[[Tensor], T], mask: Tensor) -> dict[str, T | str]:
    """What is answered to a mask of each type, or the class of the exception where the learner's code stops at some.

    Raises StudentError where it stops at each: then the type is not to blame.
    """
    answers: dict[str, T | StudentError] = {}
    for name, dtype in MASK_TYPES.items():
        try:
            answers[name] = ask(mask.to(dtype))
        except StudentError as error:
            answers[name] = error
    errors = [answer for answer in answers.values() if isinstance(answer, StudentError)]
    if len(errors) == len(answers):
        raise errors[0]
    return {name: error_of(answer) if isinstance(answer, StudentError) else answer for name, answer in answers.items()}
