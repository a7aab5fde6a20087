"""The rules: what is looked at in a learner's answer, one function per check.

A rule runs the learner's name on a `Draw` and returns observations. It knows no right answer: a judge compares its
observations with those made on an independent truth. The same rules serve the self-check and the grading; what
stays with the instructor is the truth, the hidden sizes and the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .marks import grade_id

if TYPE_CHECKING:
    from torch import Tensor

    from ..asking.draws import Draw
    from ..asking.student import Student

Observations = dict[str, Any]
RULES = "course_utils.selfcheck.rules"  # the package that holds a module for each unit

CONTENT = "content"  # the observation that the answer depends on its inputs as a right one's does; see `content`


@dataclass(frozen=True)
class AnyOf:
    """Several views of one answer, of which one has to match the first view of the truth."""

    views: Sequence[Tensor]


@dataclass(frozen=True)
class Rule:
    """One check of an exercise."""

    exercise: str
    check: str  # the check's short name, as in `scores.json`
    look: Callable[[Student, Draw], Observations] = field(repr=False)
    atol: float  # absolute tolerance of the comparison
    rtol: float  # relative tolerance
    draws: str = ""  # another check of the exercise, at whose inputs this one looks too; none: inputs of its own
    constant: bool = False  # a right answer gives the same observations on every draw of a case

    @property
    def seeded_by(self) -> str:
        """The `grade_id` of the check from which the seeds of the inputs come."""
        return grade_id(self.exercise, self.draws or self.check)

    @property
    def name(self) -> str:
        """The `grade_id` of the check's cell."""
        return grade_id(self.exercise, self.check)


# float32 sums of a few hundred terms differ by about 1e-6 between orders of summation; classic mistakes by over 1e-2
ATOL, RTOL = 2e-5, 2e-4


def rule(
    exercise: str, check: str, atol: float = ATOL, rtol: float = RTOL, draws: str = "", constant: bool = False
) -> Callable[[Any], Any]:
    """Mark a function `(student, draw) -> observations` as the rule of a check.

    draws: another check of the exercise, to look at the same inputs as that one.
    constant: it observes properties, such as a residual of 0, which a right answer has on every draw of a case; the
        grader then looks at the truth once, not for each student.
    """

    def mark(look: Callable[[Student, Draw], Observations]) -> Callable[[Student, Draw], Observations]:
        look.rule = Rule(exercise, check, look, atol, rtol, draws, constant)  # type: ignore[attr-defined]
        return look

    return mark


def topic(unit: str) -> str:
    """A unit's id without its number: the name of its module of rules."""
    return unit.partition("_")[2]


def module(unit: str) -> ModuleType:
    """The module of a unit's rules."""
    return import_module(f"{RULES}.{topic(unit)}")


def rules(unit: str) -> list[Rule]:
    """All rules of a unit, in the order in which they are written."""
    return [value.rule for value in vars(module(unit)).values() if isinstance(getattr(value, "rule", None), Rule)]
