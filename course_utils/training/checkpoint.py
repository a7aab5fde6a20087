"""Checkpoints: whole or not there, with every random number's state, so that a run goes on bit for bit.

A file is written beside its place and then renamed: after a kill there is the whole old one or the whole new one.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

# Raise this when a checkpoint's content changes its meaning.
CHECKPOINT_FORMAT = 1
CHECKPOINT_SECONDS = 60.0  # between two checkpoints within an epoch
_WRITING = ".writing-"  # how the name of a file begins that is not yet whole
_STALE_SECONDS = 3600.0  # an older one belongs to a process that was killed


class CheckpointError(ValueError):
    """A checkpoint cannot be written, read, or used for this run. The message is one sentence or two."""


class Keeper:
    """A checkpoint's file: whole or not there."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self._seconds, self._last = path, seconds, time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def write(self, content: dict[str, Any]) -> None:
        import torch

        writing: Path | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._clear_stale()
            with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=self._prefix(), delete=False) as file:
                writing = Path(file.name)
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(writing, self.path)
            writing = None
        except (OSError, RuntimeError) as error:  # torch tells a full disk as RuntimeError
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise CheckpointError(f"The checkpoint {self.path} cannot be written: {reason}.") from error
        finally:
            if writing is not None:
                with contextlib.suppress(OSError):
                    writing.unlink()
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        import torch

        if not self.path.exists():
            return None
        try:
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            if kept["format"] != CHECKPOINT_FORMAT:
                raise CheckpointError(f"{self.path} was made by another version of the course. Name another file.")
        except CheckpointError:
            raise
        except Exception as error:  # torch raises what the damage happens to hit
            raise CheckpointError(
                f"{self.path} is not a whole checkpoint ({type(error).__name__}). Delete it to start again."
            ) from error
        return cast("dict[str, Any]", kept)

    def _prefix(self) -> str:
        return f"{_WRITING}{self.path.name}-"

    def _clear_stale(self) -> None:
        for path in self.path.parent.glob(f"{self._prefix()}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


def difference(kept: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two trainings, empty for nothing."""
    for name, value in now["recipe"].items():
        if kept["recipe"].get(name) != value:
            return f"its {name} was {kept['recipe'].get(name)!r} and is {value!r} now"
    if kept["steps"] != now["steps"]:
        return f"its epoch had {kept['steps']} steps and has {now['steps']} now"
    if kept["own_optimizer"] != now["own_optimizer"]:
        return "its optimizer was another"
    return ""


# --- random numbers -----------------------------------------------------------------------------------------------


def random_state() -> dict[str, Any]:
    """The states of every generator that a step may draw from, as tensors and plain numbers."""
    import torch

    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, float(cached)],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Put every generator back to where random_state found it."""
    import torch

    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
