"""Meters for time and memory."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from ...engine.walls.zygote.processes import descendants, read_status


class Stopwatch:
    """Seconds by what they were spent on; each second counts once, for the innermost of the nested things."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def current(self) -> str:
        """What is being measured now, empty for nothing."""
        return self._open[-1] if self._open else ""

    @contextmanager
    def measuring(self, what: str) -> Iterator[None]:
        """Count the time inside for something."""
        self._turn()
        self._open.append(what)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def on(self, owner: Any, name: str, what: Callable[..., str]) -> Iterator[None]:
        """Count the time in a function of a module or class; `what` gets its arguments, and "" counts nothing anew."""
        function = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            label = what(*args, **kwargs)
            if not label:
                return function(*args, **kwargs)
            with self.measuring(label):
                return function(*args, **kwargs)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, function)


def apart(function: Callable[..., Any], *args: Any, tell: Callable[[int, int], None]) -> Any:
    """What a function returns in a fresh process.

    The function is called with the arguments and a `tell` of its own. Raises RuntimeError with what it raised.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, function, args))
    process.start()
    theirs.close()
    try:
        while True:
            kind, content = ours.recv()
            if kind == "told":
                tell(*content)
            elif kind == "raised":
                raise RuntimeError(content)
            else:
                return content
    except EOFError:
        raise RuntimeError("a measuring process died") from None
    finally:
        ours.close()
        process.join(20)
        if process.is_alive():
            process.terminate()
            process.join()


def _answer(channel: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        result = function(*args, tell=lambda done, total: channel.send(("told", (done, total))))
    except BaseException as error:
        channel.send(("raised", f"{type(error).__name__}: {error}"))
    else:
        channel.send(("returned", result))


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Let this process, and what it starts, run on some of its cores alone; on systems that cannot, on all of them."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Peak:
    """The most memory that was seen of a process and all below it, in MiB."""

    def __init__(self) -> None:
        self.mib = 0.0

    def look(self, root: int) -> None:
        """Look at a process and its descendants; this takes some milliseconds of each."""
        self.mib = max(self.mib, sum(map(proportional, [root, *descendants(root)])))


def proportional(pid: int) -> float:
    """MiB of a process, each shared page divided by its sharers; all its pages where the system does not tell that."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return read_status(pid).get("VmRSS", 0) / 1024
