"""Rules of unit 08: a factor that rises and falls.

Notable choices:
- `warmup` looks at steps before the end of the warm-up only, `decay` at those from there to the last step, each with
  a warm-up that is neither empty nor all there is
- `edges` looks only where every factor is 0 or 1, so that a rise or fall of the wrong shape is not paid for again
"""

from __future__ import annotations

from typing import Any

from ..draws import Draw
from ..student import Student
from . import Observations, rule


def _sizes(draw: Draw) -> tuple[int, int]:
    """Steps of the warm-up and of the whole run."""
    warmup = draw.warmup + int(draw.integers(4, 1))
    return warmup, warmup + draw.decay + int(draw.integers(5, 1))


def _factors(student: Student, steps: list[int], warmup: int, total: int) -> dict[str, Any]:
    return {str(step): student.call("warmup_linear_decay", step, warmup, total) for step in steps}


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
    """Without a warm-up the first factor is 1; at the end and behind it the factor is 0, whatever the warm-up was."""
    warmup, total = _sizes(draw)
    ends = [total, total + 1, total + warmup]
    return {
        "first step without warm-up": _factors(student, [0], 0, total),
        "end": _factors(student, ends, warmup, total),
        "end without warm-up": _factors(student, ends, 0, total),
        "end of a run that is all warm-up": _factors(student, ends, total, total),
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "warmup_linear_decay": [dict(warmup=5, decay=12)],
}
