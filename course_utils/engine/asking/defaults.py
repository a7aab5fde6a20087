"""What torch does by default: as the checks have it, and as a learner's own cells may leave it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def usual_defaults() -> Iterator[None]:
    """Have new tensors be float32 and on the CPU, as all checks are, whatever the learner's own cells have set."""
    leave_missing_device()
    dtype, device = torch.get_default_dtype(), torch.get_default_device()  # 3 microseconds
    if dtype is torch.float32 and device.type == "cpu":
        yield
        return
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(device if device.type != "cpu" else None)


def leave_missing_device() -> None:
    """Go back to the CPU where the default device is one that is not there: every new tensor would raise."""
    try:
        torch.get_default_device()
    except Exception:  # it makes a tensor to find out
        torch.set_default_device(None)


def compile_nothing() -> None:
    """Have `torch.compile` give back what it is given: answers are small, and its import alone takes seconds."""

    def eager(model: Any = None, **_: Any) -> Any:
        return model if model is not None else lambda function: function

    torch.compile = eager
