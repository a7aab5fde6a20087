"""What a reader sees of a training: a progress bar or lines.

The loss stays on the device until it is shown, so that a GPU is never made to wait for it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

SHOW_SECONDS = 0.5  # between two looks at the loss
LINE_SECONDS = 30.0  # between two lines where no progress bar can be shown


class Display:
    """A progress bar where somebody looks, now and then a line where the output goes to a file."""

    def __init__(self, wanted: bool, epochs: int, steps: int) -> None:
        self._wanted, self._epochs, self._steps = wanted, epochs, steps
        self._bar: Any = None
        self._last = self._last_line = time.monotonic()

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin_epoch(self, epoch: int, step: int) -> None:
        if self._wanted and is_watched():
            from tqdm.std import tqdm

            what = f"epoch {epoch + 1}/{self._epochs}"
            self._bar = tqdm(
                total=self._steps, initial=step, desc=what, file=sys.stdout, leave=False, mininterval=SHOW_SECONDS
            )

    def due(self) -> bool:
        return self._wanted and time.monotonic() - self._last >= SHOW_SECONDS

    def show(self, epoch: int, step: int, loss: float, rate: float) -> None:
        self._last = time.monotonic()
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix(loss=f"{loss:.4f}", per_second=f"{rate:.0f}", refresh=False)
        elif self._last - self._last_line >= LINE_SECONDS:
            self._last_line = self._last
            share = f"epoch {epoch + 1}/{self._epochs}, step {step}/{self._steps}"
            print(f"{share}: loss {loss:.4f}, {rate:.0f} examples/s", flush=True)

    def end_epoch(self, row: dict[str, Any]) -> None:
        text = f"epoch {row['epoch']}/{self._epochs}: loss {row['loss']:.4f}"
        if row["validation_accuracy"] is not None:
            text += f", validation accuracy {row['validation_accuracy']:.4f}"
        self.say(f"{text}, {row['examples_per_second']:.0f} examples/s, {row['seconds']:.1f} s")

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._wanted:
            self._last_line = time.monotonic()
            print(text, flush=True)


def is_watched() -> bool:
    """Whether the output goes to a terminal or into a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stdout.isatty() or type(shell).__name__ == "ZMQInteractiveShell"
