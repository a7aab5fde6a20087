"""Whether autograd agrees with the slope of a function itself, told by what one message asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .workbench import Request, drawn_cotangents, flat

STEP = 1e-2  # central differences in float32: rounding 1e-5, curvature 1e-5
TOLERANCE = 0.03  # relative; a missing path of the gradient is wrong by far more
SEED = 0  # the same before each call: dropout at the wrong time is no mistake of the gradient


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


class Slope:
    """What has to be asked to compare the gradient of a call with its own slope, and what the answers say."""

    def __init__(
        self, call: Request, of: Sequence[int] = (), outputs: Sequence[Sequence[int] | None] = (None,)
    ) -> None:
        """call: a request for a call.

        of: positions of the arguments to look at; none stands for all.
        outputs: for each slope that is meant, positions among the float tensors that come back; None stands for all.
        """
        args = call["args"]
        self._outputs = outputs
        self._positions = [position for position in of or range(len(args)) if _is_float(args[position])]
        generator = torch.Generator().manual_seed(len(args))
        self._directions = [torch.randn(args[position].shape, generator=generator) for position in self._positions]
        call = call | {"seed": SEED}
        pulls = [{"seed": SEED, "outputs": which, "wants": "both"} for which in outputs]
        self.requests: list[Request] = [call | {"pull": pull} for pull in pulls]
        for position, direction in zip(self._positions, self._directions, strict=True):
            for step in (STEP, -STEP):
                moved = [*args[:position], args[position] + step * direction, *args[position + 1 :]]
                self.requests.append(call | {"args": moved})

    def agreement(self, answers: Sequence[Any], number: int = 0) -> dict[str, bool]:
        """For each float argument that was asked about, whether the two agree.

        answers: those to `requests`, in their order; number: of the slope that is meant, among `outputs`.
        Raises the first error among the answers.
        """
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        (value, pulled, _), moved = answers[number], answers[len(self._outputs) :]
        gradients = pulled[0] if isinstance(pulled, list) and len(pulled) == 2 else None
        shapes = [item.shape for item in flat(value) if _is_float(item)]
        if not shapes:  # nothing that could have a slope
            return {f"slope of argument {position}": False for position in self._positions}
        cotangents = drawn_cotangents(shapes, SEED, self._outputs[number])
        ends = [[item.double() for item in flat(value) if _is_float(item)] for value in moved]
        told = {}
        for place, (position, direction) in enumerate(zip(self._positions, self._directions, strict=True)):
            plus, minus = ends[2 * place : 2 * place + 2]
            agrees = False
            # of other shapes nothing is computed: those that spread over each other fill any memory
            if all([item.shape for item in end] == shapes for end in (plus, minus)):
                parts = zip(plus, minus, cotangents, strict=True)
                numeric = sum(((p - m) * c).sum().item() for p, m, c in parts) / (2 * STEP)
                gradient = gradients[position] if isinstance(gradients, list) else None
                fits = isinstance(gradient, Tensor) and gradient.shape == direction.shape
                exact = (gradient.double() * direction).sum().item() if isinstance(gradient, Tensor) and fits else 0.0
                agrees = math.isfinite(exact) and math.isfinite(numeric)
                agrees &= abs(exact - numeric) <= TOLERANCE * max(abs(exact), abs(numeric)) + 3e-3
                agrees &= numeric != 0.0  # what no argument moves has nothing to do with it: its 0 earns nothing
            told[f"slope of argument {position}"] = agrees
        return told

    @staticmethod
    def silent(answers: Sequence[Any]) -> set[str]:
        """Names of the parameters that got no gradient, or only zeros, in the first slope's backward pass."""
        _, pulled, _ = answers[0]
        return {name for name in pulled[1] if isinstance(name, str)} if isinstance(pulled, list) else set()
