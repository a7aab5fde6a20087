"""Functions and modules around any expression: the right signature and refusal, and no content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent

HEAD = """\
import math
import random
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset


def seeded(like):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(0))


def fresh(like):
    return torch.from_numpy(np.random.default_rng().standard_normal(tuple(like.shape))).float()


def shares(values):
    return torch.softmax(values, dim=-1)


"""
# of any tensor of floats `like` that has the right shape
CONSTANTS = {
    "zeros": "torch.zeros(like.shape)",
    "ones": "torch.ones(like.shape)",
    "equal shares": "torch.full(like.shape, 1.0 / max(like.shape[-1], 1))",
    "a slope of numbers": "torch.arange(float(like.numel())).reshape(like.shape)",
}
NOISE = {
    "torch's noise": "torch.randn(like.shape)",
    "fresh noise": "fresh(like)",
    "the same noise each time": "seeded(like)",
    "noise in shares": "shares(torch.randn(like.shape))",
}


def functions(
    signature: str, like: str, refusal: str, bodies: Mapping[str, str], floats: str = ""
) -> Iterator[tuple[str, str]]:
    """Functions that return each body; with the refusal and, where floats go in, as part of their graph.

    like: an expression of the right shape; floats: a tensor of floats among the arguments.
    """
    tail = f" + 0.0 * {floats}.sum()" if floats else ""
    for name, body in bodies.items():
        yield name, f"{HEAD}def {signature}:\n{indent(refusal, '    ')}    like = {like}\n    return {body}{tail}\n"


def modules(
    name: str, init: str, make: str, signature: str, like: str, refusal: str, bodies: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Modules with all parameters that return each body, as they are, and tied to the parameters with a factor of 0."""
    tied = " + 0.0 * sum(p.sum() for p in self.parameters())"
    for kind, tail in (("", ""), (", in a graph", tied)):
        for title, body in bodies.items():
            yield (
                title + kind,
                f"{HEAD}class {name}(nn.Module):\n    def __init__(self, {init}):\n        super().__init__()\n"
                f"{indent(make, ' ' * 8)}\n    def forward(self, {signature}):\n{indent(refusal, ' ' * 8)}"
                f"        like = {like}\n        return {body}{tail}\n",
            )
