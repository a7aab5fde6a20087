"""Whether an answer does anything: whether what it gives depends on its inputs as a right one's does.

Many rules look at properties: what is masked changes nothing, a refusal is a ValueError, dropout acts in train mode
only. A constant has most of them, and so have noise, the input handed back, or a part of it. So a property is paid for
only where the answer has content, which each topic describes in a way that the known mistakes have, too.

- an equal call gives an equal answer, with torch's random numbers started anew before each call: so torch's noise is a
  constant here, and any other noise shows
- what is said of an answer is found once for each learner, however many checks ask
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..asking.student import Fault, Student, StudentError
from ..asking.workbench import Request

MOVED = 1e-3  # relative to an answer's size: float32 rounds by 1e-6, what a right answer depends on moves it by 1e-1

SAME = 1e-5  # likewise, between equal calls, which differ by no more than rounding


def answers_to(student: Student, seed: int, requests: Sequence[Request]) -> list[Tensor]:
    """The numbers that are answered to requests, in one go, with equal random numbers for each. Raises Fault.

    Raises StudentError where one raises, and Fault where an answer holds no numbers.
    """
    start = student.restart(seed)
    values = student.ask_all([request for one in requests for request in (start, one)])[1::2]
    return [numbers(value) for value in values]


def numbers(value: Any) -> Tensor:
    """A tensor or a number as finite float64 numbers."""
    if isinstance(value, bool | int | float):
        value = torch.tensor(float(value))
    if not isinstance(value, Tensor) or value.is_complex():
        raise Fault("odd_value")
    return torch.nan_to_num(value.detach().double())


def differ(one: Tensor, other: Tensor, tolerance: float = MOVED) -> bool:
    """Whether two answers are not the same, up to rounding."""
    if one.shape != other.shape:
        return True
    size = max(one.abs().max().item(), other.abs().max().item(), 1e-3) if one.numel() else 0.0
    return bool(((one - other).abs() > tolerance * size).any())


def repeats(one: Tensor, other: Tensor) -> bool:
    """Whether two answers to equal calls are the same; far closer than what counts as moved, as noise may be near."""
    return not differ(one, other, SAME)


def moving_rows(answer: Any, rows: Sequence[int] | None = None) -> int:
    """How many rows of an answer differ from its first one; 0 where the second is not the same, as it has to be.

    rows: which rows to look at, and in which order; None stands for all.
    """
    try:
        found = numbers(answer)
        first, again, *others = found if rows is None else found[list(rows)]
    except (Fault, IndexError, TypeError, ValueError):
        return 0
    return sum(differ(first, other) for other in others) if repeats(first, again) else 0


def moved(student: Student, seed: int, same: Request, others: Sequence[Request]) -> list[bool]:
    """Whether each of the others gets another answer than the first request, which has to get the same one twice."""
    first, again, *rest = answers_to(student, seed, [same, same, *others])
    repeated = repeats(first, again)
    return [repeated and differ(first, other) for other in rest]


def curved(student: Student, seed: int, ask: Callable[[Tensor], Request], one: Tensor, other: Tensor) -> bool:
    """Whether what is answered half-way between two inputs is not half-way between the answers, and is repeated.

    So it is with whatever takes products, shares or a largest value of its inputs. It is not so with constants, noise,
    slices, sums and means of an input, nor with linear maps of these.
    """
    middle = (one + other) / 2
    return bends(*answers_to(student, seed, [ask(point) for point in (one, other, middle, middle)]))


def bends(start: Tensor, end: Tensor, middle: Tensor, again: Tensor) -> bool:
    """Whether the answer half-way is not half-way between the answers at both ends, and is the same twice."""
    shapes = {value.shape for value in (start, end, middle, again)}
    return len(shapes) == 1 and repeats(middle, again) and differ(middle, (start + end) / 2)


def once(find: Callable[[], bool]) -> Callable[[], bool]:
    """Whether an answer has content, as `find` says, which is asked at most once; one that raises there has none."""

    def found() -> bool:
        try:
            return find()
        except (StudentError, Fault):
            return False

    return cache(found)
