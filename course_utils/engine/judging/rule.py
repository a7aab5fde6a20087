"""The rules: what is looked at in a learner's answer, one function per exercise.

The function asks the learner's code on a `Draw` and returns the observations of all of the exercise's checks. It knows
no right answer: a judge compares its observations with those made on an independent truth. The same rules serve the
self-check and the grading; what stays with the instructor is the truth, the hidden sizes and the seeds.

    @looks("double", values=Check(), gradient=Check(once=True, constant=True))
    def double(student, draw):
        x = draw.normal(draw.seq)
        doubled = student.tensor("double", x)  # what is raised here is the trouble of every check
        return {
            "values": {"doubled": doubled},
            "gradient": lambda: student.slope("double", x),  # and here of this check alone
        }

- a part (the value under a check's name) may be a function: it is called when that check is asked about, in any order
  and maybe never, so it leaves what it looks at as it found it
- what a part draws starts at the check's own seed, so that no part moves the inputs of another
- an observation may be the StudentError that stands in the place of an answer: it is told with its class and line, and
  the other observations still tell what else is seen
- a message to the learner's process takes longer than most of what it asks for: ask for all in one `try_all`, and let
  the parts read the answers
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .marks import grade_id

if TYPE_CHECKING:
    from torch import Tensor

    from ..asking.draws import Draw
    from ..asking.student import Student

Observations = dict[str, Any]
Part = Observations | Callable[[], Observations]  # what is seen for one check, or how to see it

CONTENT = "content"  # the observation that the answer depends on its inputs as a right one's does; see `content`


@dataclass(frozen=True)
class AnyOf:
    """Several views of one answer, of which one has to match the first view of the truth."""

    views: Sequence[Tensor]


# float32 sums of a few hundred terms differ by about 1e-6 between orders of summation; classic mistakes by over 1e-2
ATOL, RTOL = 2e-5, 2e-4


@dataclass(frozen=True)
class Check:
    """How the observations of one check are made and compared."""

    atol: float = ATOL  # absolute tolerance of the comparison
    rtol: float = RTOL  # relative tolerance
    once: bool = False  # no size changes it: it is looked at on the first case alone
    # A right answer gives the same on every draw, such as a residual of 0: the grader then looks at the truth once,
    # not for each student.
    constant: bool = False


@dataclass(frozen=True)
class Rule:
    """One check of an exercise."""

    exercise: str
    check: str  # the check's short name, as in `scores.json`
    look: Callable[[Student, Draw], Mapping[str, Part]] = field(repr=False)  # of all of the exercise's checks
    atol: float  # absolute tolerance of the comparison
    rtol: float  # relative tolerance
    constant: bool = False  # a right answer gives the same observations on every draw of a case
    once: bool = False  # looked at on the first case alone

    @property
    def name(self) -> str:
        """The `grade_id` of the check's cell."""
        return grade_id(self.exercise, self.check)


def looks(exercise: str, **checks: Check) -> Callable[[Any], Any]:
    """Mark a function `(student, draw) -> parts by check` as what looks at an exercise.

    checks: the exercise's checks by their short names, in the order in which they are told.
    """

    def mark(look: Callable[[Student, Draw], Mapping[str, Part]]) -> Callable[[Student, Draw], Mapping[str, Part]]:
        look.rules = [  # type: ignore[attr-defined]
            Rule(exercise, name, look, c.atol, c.rtol, constant=c.constant, once=c.once) for name, c in checks.items()
        ]
        return look

    return mark


def rules_of(module: ModuleType) -> list[Rule]:
    """All rules of a unit's module, in the order in which they are written."""
    told = [getattr(value, "rules", None) for value in vars(module).values()]
    return [rule for rules in told if isinstance(rules, list) for rule in rules if isinstance(rule, Rule)]
