"""One warm sandbox for all workers of a machine.

Stops nothing beyond what a `Sandbox` does. Does not stop: one worker's child and another's slow each other down, and
share what the kernel counts for a user, see `zygote/system_calls.py`; they meet nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from .sandbox import WARM_SECONDS, Mode, Sandbox
from .unavailable import SandboxUnavailable


class SandboxHost:
    """One warm sandbox for all workers of this machine: importing torch once takes less time and memory than twice.

    It starts in the background; a worker's `Sandbox(mode, host=address)` waits for it. Where each worker can have a
    core to itself, it gets one: worker and child take turns, and to wake each other on another core takes long (an
    empty question and its answer took 80 instead of 140 microseconds on a virtual machine with two cores).
    """

    def __init__(self, mode: Mode, workers: int, **settings: Any) -> None:
        """workers: how many will come; settings: of the Sandbox."""
        self._make = functools.partial(Sandbox, mode, **settings)
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._cores = itertools.cycle(cores if 0 < workers <= len(cores) else [-1])
        self._folder = tempfile.mkdtemp(prefix="course-")  # nobody else may enter it
        self.address = str(Path(self._folder) / "sandbox")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        sandbox: Sandbox | None = None
        try:
            with contextlib.suppress(SandboxUnavailable):  # tried again, and told, when a worker comes
                sandbox = self._make()
            while True:
                try:
                    worker, _ = self._listener.accept()
                except OSError:  # closed
                    return
                with worker:
                    try:
                        sandbox = sandbox or self._make()
                        sandbox.attach(worker, next(self._cores))
                    except SandboxUnavailable as error:
                        with contextlib.suppress(OSError):
                            worker.sendall(json.dumps({"unavailable": str(error)}).encode() + b"\n")
        finally:
            if sandbox is not None:
                sandbox.close()

    def close(self) -> None:
        """Ends the sandbox, and with it whatever still runs in it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread; close() alone does not
        self._listener.close()
        self._thread.join(WARM_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> SandboxHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
