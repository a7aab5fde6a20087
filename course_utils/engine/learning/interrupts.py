"""One Stop ends a check: Ctrl-C in a terminal, the square in Jupyter.

A check calls the learner's code many times, and what that code raises is an answer of each call. So a Stop must not be
one of those answers. It must also end a loop that catches every exception.

How: while a check runs, the interrupt has a handler of our own. It notes where the learner's code stood and raises
KeyboardInterrupt there. As long as that code goes on all the same, the interrupt comes again by itself. Outside of the
learner's code nothing is raised, so what the check changed for a while is always put back.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

from ..asking.workbench import Workbench
from ..judging.raised import Place, place_in
from ..judging.sentences import SENTENCES

AGAIN_S = 0.05  # after this the interrupt comes again, as long as the learner's code goes on
MAX_LINES = 12  # of the learner's code that run at most before the interrupt is raised once more


class CheckStopped(KeyboardInterrupt):
    """A check that was stopped. The message says where the learner's code stood."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [str(self)]


@contextmanager
def stoppable(names: dict[str, Any], language: str, exercise: str = "") -> Iterator[None]:
    """Let one Stop end what runs inside, with CheckStopped; inside another one it only names the exercise.

    names: the namespace of the learner's code. Outside the main thread, which alone gets interrupts, nothing changes.
    """
    global _active
    if _active is not None:
        before, _active.exercise = _active.exercise, exercise
        try:
            yield
        finally:
            _active.exercise = before
        return
    if threading.current_thread() is not threading.main_thread() or not callable(signal.getsignal(signal.SIGINT)):
        yield  # where interrupts are ignored on purpose, they stay so
        return
    stop = _active = _Stop(names, exercise)
    with_gradients = torch.is_grad_enabled()
    try:
        yield
    except KeyboardInterrupt:
        if not stop.pressed:  # the learner's own
            raise
    finally:
        stop.end()
        _active = None
        torch.set_grad_enabled(with_gradients)
    if stop.pressed:
        raise CheckStopped(stop.sentence(language)) from None


def end_if_stopped() -> None:
    """Raise KeyboardInterrupt if Stop was pressed during this check."""
    if _active is not None and _active.pressed:
        raise KeyboardInterrupt


class _Stop:
    """The handler of interrupts during one check."""

    def __init__(self, names: dict[str, Any], exercise: str) -> None:
        self.pressed = False
        self.exercise = exercise
        self._names = names
        self._place: Place | None = None
        self._where = ""  # the exercise that was checked when Stop was pressed
        self._tries = 0
        self._over = False
        self._lock = _thread.allocate_lock()
        self._trace = sys.gettrace()
        self._before = signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt in the learner's code; elsewhere only note that Stop was pressed."""
        frames = _within_the_workbench(frame)
        first = not self.pressed
        if first:
            self.pressed, self._where = True, self.exercise
            self._place = place_in([(part, part.f_lineno) for part in frames], self._names)
            _thread.start_new_thread(self._insist, ())  # threading's own start takes locks that may be held just now
        if frames:
            if not first:
                self._lie_in_wait(frames)
            raise KeyboardInterrupt

    def _insist(self) -> None:
        """Interrupt again and again until the check is over."""
        while True:
            time.sleep(AGAIN_S)
            with self._lock:
                if self._over:
                    return
                _interrupt_the_main_thread()

    def _lie_in_wait(self, frames: list[FrameType]) -> None:
        """Raise once more, some lines later, other ones at each try: so one lies outside of the loop's `try`."""
        self._tries += 1
        left = self._tries % MAX_LINES

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if event == "line" and _within_the_workbench(frame):
                left -= 1
                if left < 0:
                    raise KeyboardInterrupt  # which also ends the tracing
            return trace

        for frame in frames:
            frame.f_trace = trace
        sys.settrace(trace)

    def end(self) -> None:
        """Put the former handler back; an interrupt that is on its way still meets this one, which does nothing now."""
        with self._lock:
            self._over = True
        sys.settrace(self._trace)
        signal.signal(signal.SIGINT, self._before)

    def sentence(self, language: str) -> str:
        """What is said to whoever pressed Stop."""
        if self._place is None:
            return SENTENCES["stopped_nowhere"][language]
        ending, about = self._place.named(self._where)
        return SENTENCES["stopped" + ending][language].format(**about) + self._place.shown


_active: _Stop | None = None


def _interrupt_the_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):  # ends a sleep and a wait too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _within_the_workbench(frame: FrameType | None) -> list[FrameType]:
    """The frames that run below a workbench, outermost first; none where the learner's code does not run."""
    frames: list[FrameType] = []
    while frame is not None:
        if frame.f_code is Workbench.perform.__code__:
            return frames[::-1]
        frames.append(frame)
        frame = frame.f_back
    return []
