"""Rules of unit 08: a factor that rises and falls.

Notable choices:
- `warmup` looks at steps before the end of the warm-up only, `decay` at those from there to the last step, each with
  a warm-up that is neither empty nor all there is
- `edges` knows of no factors but 0 and 1, so that a rise or fall of the wrong shape is not paid for again: inside a run
  without a warm-up it compares with the learner's own fall behind a warm-up, inside one that is all warm-up with the
  learner's own rise in a longer run
- a factor of 1 until the end and of 0 behind it has the edges right as well, but the steps in between do not count
- it does not compare where that fall does not fall, or is another one behind another warm-up, nor where that rise does
  not rise, or is another one in another run: `decay` and `warmup` pay for these
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student
from course_utils.engine.judging.rule import CONTENT, Observations, rule

CLOSE = 1e-5  # between two factors of the learner's own: float32 rounds them by 1e-7, a step moves them by 1e-2


def _sizes(draw: Draw) -> tuple[int, int]:
    """Steps of the warm-up and of the whole run."""
    warmup = draw.warmup + int(draw.integers(4, 1))
    return warmup, warmup + draw.decay + int(draw.integers(5, 1))


def _factors(student: Student, steps: list[int], warmup: int, total: int) -> dict[str, Any]:
    return {str(step): student.call("warmup_linear_decay", step, warmup, total) for step in steps}


def _line(student: Student, steps: range, warmup: int, total: int) -> list[Any]:
    """The factor at each of the steps, or what was raised there."""
    return student.try_all([student.request("warmup_linear_decay", step, warmup, total) for step in steps])


def _is_steady(line: list[Any], other: list[Any], sign: int) -> bool:
    """Whether a line of numbers rises (sign 1) or falls (sign -1) at each step, and equals another one."""
    if not all(isinstance(factor, int | float) for factor in [*line, *other]):
        return False
    moves = all(sign * (after - before) > 0 for before, after in pairwise(line))
    return moves and all(math.isclose(a, b, abs_tol=CLOSE) for a, b in zip(line, other, strict=True))


def _without_warmup(student: Student, total: int, falls: list[list[Any]]) -> list[Any]:
    """At each step inside a run without a warm-up: its factor less that as far behind the end of a warm-up."""
    return _less(student, total, 0, falls[0]) if _is_steady(falls[0], falls[1], -1) else [0.0] * (total - 1)


def _all_warmup(student: Student, total: int, rises: list[list[Any]]) -> list[Any]:
    """At each step inside a run that is all warm-up: its factor less that in an equal warm-up of a longer run."""
    return _less(student, total, total, rises[0]) if _is_steady(rises[0], rises[1], 1) else [0.0] * (total - 1)


def _slopes(line: list[Any]) -> bool:
    """Whether the factors of a line all lie in [0, 1] and are more than two."""
    factors = {float(factor) for factor in line if isinstance(factor, int | float) and 0 <= factor <= 1}
    return len(factors) > 2


def _less(student: Student, total: int, warmup: int, usual: list[Any]) -> list[Any]:
    """The factors inside a run less the usual ones. Raises StudentError."""
    factors = student.ask_all([student.request("warmup_linear_decay", step, warmup, total) for step in range(1, total)])
    return [factor - other for factor, other in zip(factors, usual, strict=True)]


@rule("warmup_linear_decay", "warmup")
def warmup_linear_decay_warmup(student: Student, draw: Draw) -> Observations:
    """The factor rises in a line from 0 at the first step."""
    warmup, total = _sizes(draw)
    return {"factors": _factors(student, list(range(warmup)), warmup, total)}


@rule("warmup_linear_decay", "decay")
def warmup_linear_decay_decay(student: Student, draw: Draw) -> Observations:
    """The factor falls in a line from the end of the warm-up to the end of the run."""
    warmup, total = _sizes(draw)
    return {"factors": _factors(student, list(range(warmup, total)), warmup, total)}


@rule("warmup_linear_decay", "edges")
def warmup_linear_decay_edges(student: Student, draw: Draw) -> Observations:
    """Without a warm-up the factor falls from 1, where all is warm-up it rises; from the end on it is 0 in any run."""
    warmup, total = _sizes(draw)
    ends = [total, total + 1, total + warmup]
    falls = [_line(student, range(w + 1, w + total), w, w + total) for w in (warmup, total)]
    rises = [_line(student, range(1, total), total, total + decay) for decay in (warmup, total)]
    return {
        CONTENT: _slopes(falls[0]) or _slopes(rises[0]),
        "first step without warm-up": _factors(student, [0], 0, total),
        "end": _factors(student, ends, warmup, total),
        "end without warm-up": _factors(student, ends, 0, total),
        "end of a run that is all warm-up": _factors(student, ends, total, total),
        "inside without warm-up": _without_warmup(student, total, falls),
        "inside a run that is all warm-up": _all_warmup(student, total, rises),
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "warmup_linear_decay": [dict(warmup=5, decay=12)],
}
