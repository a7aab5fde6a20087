"""Weights put into a module whose inner names are free: its parameters are told by their shapes.

Axes of length 1 do not count: a convolution over one place is a linear map too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..asking.student import Built, Student, StudentError

Shapes = Mapping[str, torch.Size]
Values = dict[str, Tensor]


def build_shaped(
    student: Student, name: str, *args: Any, inputs: Sequence[Tensor], **kwargs: Any
) -> tuple[Built, dict[str, torch.Size]]:
    """A module in eval mode, and the shapes of its parameters by name; a lazy one has them from its first call on.

    inputs: of that call. Raises StudentError.
    """
    try:
        return student.build_shaped(name, *args, **kwargs)
    except StudentError:
        built = student.build(name, *args, **kwargs)
        built.train(False)
        built(*inputs)
        return built, built.parameter_shapes()


def two_maps(shapes: Shapes, inner: Tensor, outer: Tensor, bias: float = 0.0) -> list[Values]:
    """Values by name for two linear maps, of which the outer one gives a single number; none where there are not two.

    There is more than one entry where several vectors might be the outer map; the others are biases then. Where it is a
    matrix, vectors behind the first belong to neither map, and are left alone.

    inner: (width or 1, size), one row for all where it is 1; outer: (1, width or 1) likewise
    bias: size of all biases, of alternating sign; where it is 0, a map without them is the same
    """
    cores = {name: [length for length in shape if length != 1] for name, shape in shapes.items()}
    first = [name for name, core in cores.items() if len(core) == 2 and inner.shape[1] in core]
    if len(first) != 1:
        return []
    core = cores[first[0]]
    turned = core[0] == inner.shape[1] and core[1] != inner.shape[1]
    width = core[1] if turned else core[0]
    if inner.shape[0] not in (1, width):
        return []
    second = [name for name, core in cores.items() if core == [width]]
    matrices = [name for name in second if len(shapes[name]) > 1]
    biases = [name for name in second if name not in matrices][:1] if len(matrices) == 1 else second
    values = {}
    for name in biases + [name for name, core in cores.items() if not core]:
        signs = 1.0 - 2.0 * (torch.arange(shapes[name].numel()) % 2)
        values[name] = (bias * signs).reshape(shapes[name])
    wide = inner.expand(width, inner.shape[1])
    values[first[0]] = (wide.T if turned else wide).reshape(shapes[first[0]])
    spread = outer.expand(1, width) / (1 if outer.shape[1] == width else width)
    return [values | {name: spread.reshape(shapes[name])} for name in (matrices if len(matrices) == 1 else second)]
