"""What is left where a learner's numbers meet what they should be, told so that it has one shape whatever was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

WRONG = 1e6  # stands for nan and inf in what is told


def told(residual: Tensor) -> Tensor:
    """Smallest, largest and mean size of a residual, (3,)."""
    flat = _numbers(residual).reshape(-1)
    return torch.stack([flat.min(), flat.max(), flat.abs().mean()])


def size(residual: Tensor) -> float:
    """The largest size in a residual."""
    return _numbers(residual).abs().max().item()


def _numbers(residual: Tensor) -> Tensor:
    return torch.nan_to_num(residual.detach().double(), WRONG, WRONG, -WRONG)


def is_finite(values: Tensor) -> bool:
    """Whether no value is nan or infinite."""
    return bool(torch.isfinite(values).all())


def has_shape(value: Any, shape: Sequence[int]) -> bool:
    """Whether a value is a tensor of a shape."""
    return isinstance(value, Tensor) and value.shape == tuple(shape)
