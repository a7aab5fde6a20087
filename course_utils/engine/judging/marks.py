"""What a mark is called, before anything is known about it: the grade id of its cell, and the word of its outcome."""

from __future__ import annotations

from typing import Literal, get_args

# passed: all points; partial: some; failed: the answer is wrong; error: it raised, or the notebook could not be read;
# timeout, memory, crashed: its process was stopped, or ended by itself; missing: nothing was handed in, or it is as
# released; manual: free text that waits for a person. A Literal, so that mypy holds every word that is compared.
Outcome = Literal["passed", "partial", "failed", "error", "timeout", "memory", "crashed", "missing", "manual"]
Stop = Literal["crashed", "timeout", "memory"]  # the outcomes of a process that did not come to its end

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
STOPS: tuple[Stop, ...] = get_args(Stop)


def grade_id(exercise: str, check: str | None) -> str:
    """The `grade_id` of the cell that carries the points: of an exercise's check, or of a question, which has none."""
    return f"{exercise}-{check}" if check else exercise
