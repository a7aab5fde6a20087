"""Rules of unit 08: a factor that rises and falls.

Notable choices:
- `warmup` looks at steps before the end of the warm-up only, `decay` at those from there to the last step, each with
  a warm-up that is neither empty nor all there is
- of a rise or fall that bends, however it is written, only that is told: all curves are one mistake, but one that
  flattens out above 0 is another
- `edges` knows of no factors but 0 and 1, so that a rise or fall of the wrong shape is not paid for again: inside a run
  without a warm-up it compares with the learner's own fall behind a warm-up, inside one that is all warm-up with the
  learner's own rise in a longer run
- it does not compare where that fall does not fall, or is another one behind another warm-up, nor where that rise does
  not rise, or is another one in another run: `decay` and `warmup` pay for these
- a factor of 1 until the end and of 0 behind it has the edges right as well, but the steps in between do not count
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student, StudentError
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

CLOSE = 1e-5  # between two factors of the learner's own: float32 rounds them by 1e-7, a step moves them by 1e-2
BENT = 1e-4  # by how much two neighbouring steps of a curve differ, at three places at least
FLAT = 0.25  # the last step of a curve that never comes to 0, as a share of where it ends: a root's is above 0.4

Line = Sequence[Any]  # factors at some steps, or what was raised there


def _factors(steps: Sequence[int], line: Line) -> dict[str, Any]:
    """The factor at each of the steps. Raises StudentError."""
    for factor in line:
        if isinstance(factor, StudentError):
            raise factor
    return {str(step): factor for step, factor in zip(steps, line, strict=True)}


def _are_numbers(line: Line) -> bool:
    return all(isinstance(factor, int | float) and math.isfinite(factor) for factor in line)


def _moves(line: Line, sign: int) -> bool:
    """Whether numbers rise (sign 1) or fall (sign -1) at each step."""
    return all(sign * (after - before) > 0 for before, after in pairwise(line))


def _bends(line: Line, sign: int) -> bool:
    """Whether numbers rise or fall in a curve, with one turn in it at most: a rounded line turns at every step."""
    if not _are_numbers(line) or not _moves(line, sign):
        return False
    steps = [after - before for before, after in pairwise(line)]
    turns = [after > before for before, after in pairwise(steps) if abs(after - before) > BENT]
    return len(turns) >= 3 and sum(one != other for one, other in pairwise(turns)) <= 1


def _rise(steps: Sequence[int], line: Line) -> Observations:
    factors = _factors(steps, line)
    if _bends(line, 1):
        return {"shape": "curve"}
    if _are_numbers(line) and line[-1] > 0.5 and not any(_moves(two, 1) for two in pairwise(line)):
        return {"shape": "high from the start"}
    return {"shape": "", "factors": factors}


def _fall(steps: Sequence[int], line: Line) -> Observations:
    factors = _factors(steps, line)
    if _bends(line, -1):
        return {"shape": "curve that flattens out" if line[-2] - line[-1] < FLAT * line[-1] else "curve"}
    return {"shape": "", "factors": factors}


def _less(line: Line, usual: Line, other: Line, sign: int) -> list[Any]:
    """Factors less the usual ones; zeros where those do not rise or fall, or are others in another run.

    Raises StudentError.
    """
    steady = _are_numbers([*usual, *other]) and _moves(usual, sign)
    if not steady or not all(math.isclose(a, b, abs_tol=CLOSE) for a, b in zip(usual, other, strict=True)):
        return [0.0] * len(line)
    factors = _factors(range(len(line)), line).values()
    return [factor - expected for factor, expected in zip(factors, usual, strict=True)]


def _has_slope(line: Line) -> bool:
    """Whether the factors of a line all lie in [0, 1] and are more than two."""
    return len({float(factor) for factor in line if isinstance(factor, int | float) and 0 <= factor <= 1}) > 2


@looks("warmup_linear_decay", warmup=Check(), decay=Check(), edges=Check())
def warmup_linear_decay(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Without a warm-up the factor falls from 1, where all is warm-up it rises; from the end on it is 0 in any run."""
    warmup = draw.warmup + int(draw.integers(4, 1))
    total = warmup + draw.decay + int(draw.integers(5, 1))
    rising, falling, ends = range(warmup), range(warmup, total), [total, total + 1, total + warmup]
    inside = [1, 2, total // 2, total - 1]
    runs: dict[str, tuple[Sequence[int], int, int]] = {  # steps, warmup_steps, total_steps
        "rise": (rising, warmup, total),
        "fall": (falling, warmup, total),
        "end": (ends, warmup, total),
        "first step without warm-up": ([0], 0, total),
        "inside without warm-up": (inside, 0, total),
        "end without warm-up": (ends, 0, total),
        "inside a run that is all warm-up": (inside, total, total),
        "end of a run that is all warm-up": (ends, total, total),
        "fall behind a warm-up": ([warmup + step for step in inside], warmup, warmup + total),
        "fall behind another": ([total + step for step in inside], total, 2 * total),
        "rise in a longer run": (inside, total, total + warmup),
        "rise in another": (inside, total, 2 * total),
    }
    asked = [student.request("warmup_linear_decay", step, *run) for steps, *run in runs.values() for step in steps]
    answers = iter(student.try_all(asked))
    lines = {name: [next(answers) for _ in steps] for name, (steps, *_) in runs.items()}

    def edges() -> Observations:
        falls, rises = lines["fall behind a warm-up"], lines["rise in a longer run"]
        seen: Observations = {CONTENT: _has_slope(falls) or _has_slope(rises)}
        if _are_numbers(falls) and _moves(falls, -1) and lines["inside without warm-up"] == [1] * len(inside):
            return seen | {"falls without warm-up": False}
        for name in ("first step without warm-up", "end", "end without warm-up", "end of a run that is all warm-up"):
            seen[name] = _factors(runs[name][0], lines[name])
        name = "inside without warm-up"
        seen[name] = _less(lines[name], falls, lines["fall behind another"], -1)
        name = "inside a run that is all warm-up"
        seen[name] = _less(lines[name], rises, lines["rise in another"], 1)
        return seen | {"falls without warm-up": True}

    return {
        "warmup": lambda: _rise(rising, lines["rise"]),
        "decay": lambda: _fall(falling, lines["fall"]),
        "edges": edges,
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "warmup_linear_decay": [dict(warmup=7, decay=12)],
}
