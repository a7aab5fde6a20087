"""Where a step is computed and in which precision: devices, processes, bfloat16.

Notable choices:
- `accelerate` finds the devices: the same call trains on a CPU, on one GPU, or under `accelerate launch` on several;
- float32 weights; where the hardware is fast in bfloat16, the forward pass runs in it (no scaling of the loss needed).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from course_utils.runtime import choose_device

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

PRECISIONS = ("auto", "float32", "bfloat16")

Batch = dict[str, Any]


def find_accelerator(device: str) -> Accelerator:
    """Accelerate's view of the machine. Its state is one for the process, so another device wants a fresh one."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    launched = int(os.environ.get("WORLD_SIZE", "1")) > 1
    wanted = None if launched and device == "auto" else choose_device(device)
    if PartialState._shared_state and wanted is not None and PartialState().device != wanted:
        if launched:
            raise ValueError(f'device must be "auto" under accelerate launch, got "{device}".')
        AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(mixed_precision="no", cpu=wanted is not None and wanted.type == "cpu")
    if wanted is not None and wanted.index is not None and accelerator.device != wanted:
        accelerator.state.device = wanted
    return accelerator


def choose_precision(name: str, device: torch.device) -> str:
    """ "float32" or "bfloat16"; auto takes bfloat16 where the hardware multiplies faster in it."""
    import torch

    if name not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {name!r}.")
    if name != "auto":
        return name
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device)[0] >= 8
    elif device.type == "cpu":
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # names of torch 2.13
        fast = any(getattr(torch.cpu, question, bool)() for question in asked)
    else:
        fast = False
    return "bfloat16" if fast else "float32"


@contextlib.contextmanager
def autocast(device: torch.device, precision: str) -> Iterator[None]:
    """Within this, the forward pass runs in bfloat16 if that is the precision."""
    import torch

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def logits_of(output: Any) -> torch.Tensor:
    """(batch, classes), of a model that returns logits or an object that has `.logits`."""
    return cast("torch.Tensor", getattr(output, "logits", output))


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device; a copy to a GPU does not wait for the one before it."""
    if device.type == "cpu":
        return batch
    if device.type == "cuda":
        return {name: value.pin_memory().to(device, non_blocking=True) for name, value in batch.items()}
    return {name: value.to(device) for name, value in batch.items()}
