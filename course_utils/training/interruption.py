"""An interrupted cell stops between two steps and the model keeps what it learnt; a second interrupt stops at once."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Stop:
    """Turns the first interrupt into a wish, so that it takes effect between two steps; the second one raises."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None
        self._holds = False

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is not None and before is not signal.SIG_IGN:
                self._before, self._holds = before, True
                signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
