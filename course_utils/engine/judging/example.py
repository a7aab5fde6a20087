"""Examples: calls so small that a learner can work them out by hand, on which an unnamed mistake is shown.

A unit's `examples.py` holds them, beside its rules. What each has to give is recorded on the truth by `course build`,
as looks are; so no answer stands in a student's copy, and what is shown are inputs and results that anyone may see.
Grading never asks for an example and tells none.

    EXAMPLES = [
        Example(
            "masked_mean",
            given={"hidden": torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]), "mask": torch.tensor([[1, 0]])},
            axes={"hidden": "batch seq d_model", "mask": "batch seq"},
            gives={"": "batch d_model"},
        ),
    ]

- an axis has one name everywhere, and its sizes differ from those of other axes: so a wrong shape can be read
- what a right answer may give in several ways is not asked for
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ..asking.student import Built, Student
from .judge import Seen, Trouble, told_of, tried, unequal
from .rule import Check

SEED = 0  # of torch's own random numbers before each example
CLOSE = Check(atol=1e-3, rtol=1e-3)  # of what is shown: numbers are printed with four digits
RESULT = "result"  # names what comes back where it is one value


@dataclass(frozen=True)
class Example:
    """One call, and how it is told."""

    exercise: str
    given: Mapping[str, Any]  # the arguments by their names, in order
    axes: Mapping[str, str] = field(default_factory=dict)  # of the arguments that are tensors: "batch seq d_model"
    gives: Mapping[str, str] = field(default_factory=dict)  # the axes of each result by its name; "" where it is one
    checks: tuple[str, ...] = ()  # short names of the checks whose loss it shows; none stands for all
    build: Mapping[str, Any] | None = (
        None  # the arguments of the class by their names, in order; then what is built is called
    )
    weights: Mapping[str, Tensor] = field(default_factory=dict)  # its parameters by name
    ask: Callable[[Student], Any] | None = None  # how it is asked for, where that is more than one call
    call: str = ""  # how it is written, where `ask` says how it is asked for

    @property
    def code(self) -> str:
        """The call as it is written."""
        if self.call:
            return self.call
        arguments = ", ".join(name if has_tensors(value) else f"{value!r}" for name, value in self.given.items())
        if self.build is None:
            return f"{self.exercise}({arguments})"
        built = ", ".join(f"{name}={value!r}" for name, value in self.build.items())
        return f"{self.exercise}({built})({arguments})"

    def seen(self, student: Student) -> Seen:
        """What a student's code gives, by the names of the results, or the trouble with it."""
        return tried(lambda: told_of(self._results(student)))

    def _results(self, student: Student) -> dict[str, Any]:
        student.seed(SEED)
        value = self.ask(student) if self.ask else self._called(student)
        names = [name or RESULT for name in self.gives] or [RESULT]
        if len(names) == 1:
            return {names[0]: value}
        if isinstance(value, tuple | list) and len(value) == len(names):
            return dict(zip(names, value, strict=True))
        return dict.fromkeys(names, value)

    def _called(self, student: Student) -> Any:
        arguments = [value.clone() if isinstance(value, Tensor) else value for value in self.given.values()]
        if self.build is None:
            return student.call(self.exercise, *arguments)
        built: Built
        built, _ = student.build_loaded(self.exercise, *self.build.values(), values=self.weights)
        return built(*arguments)

    def axes_of(self, result: str) -> tuple[str, ...]:
        """The names of a result's axes."""
        return tuple(self.gives.get("" if result == RESULT and "" in self.gives else result, "").split())

    def sizes(self) -> dict[str, int]:
        """The size of each axis that an argument has."""
        return {
            name: size
            for argument, axes in self.axes.items()
            for name, size in zip(axes.split(), self.given[argument].shape, strict=True)
        }


def has_tensors(value: Any) -> bool:
    """Whether a value is a tensor, or a list with one."""
    return isinstance(value, Tensor) or (isinstance(value, list) and any(map(has_tensors, value)))


def examples_of(module: ModuleType | None, exercise: str) -> list[Example]:
    """The examples of an exercise in a unit's module; none where the unit has none."""
    found: Sequence[Example] = getattr(module, "EXAMPLES", ())
    return [example for example in found if example.exercise == exercise]


def first_wrong(seen: Seen, expected: Mapping[str, Any]) -> str | None:
    """The name of the first result that is not as it should be; "" for a trouble with the call, None for none."""
    if isinstance(seen, Trouble):
        return ""
    for name, wanted in expected.items():
        got = _as_number(seen.get(name), wanted)
        if unequal(got, wanted, CLOSE, equal_nan=True) or number_type(got) != number_type(wanted):
            return name
    return None


def _as_number(got: Any, wanted: Any) -> Any:
    """A tensor of one number as that number, where a number is wanted: some answers give it so, and are right."""
    is_number = isinstance(got, Tensor) and got.dim() == 0 and not got.is_complex()
    return float(got) if is_number and isinstance(wanted, float) else got


def number_type(value: Any) -> str:
    """What the numbers of a tensor are: float, int, bool or complex; empty for anything else."""
    if not isinstance(value, Tensor):
        return ""
    if value.is_complex():
        return "complex"
    return "float" if value.is_floating_point() else "bool" if value.dtype is torch.bool else "int"
