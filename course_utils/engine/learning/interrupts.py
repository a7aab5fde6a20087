"""One Stop ends a check: Ctrl-C in a terminal, the square in Jupyter.

A check calls the learner's code many times, and what that code raises is an answer of each call. So a Stop must not be
one of those answers. It must also end a loop that catches every exception.

How: while a check runs, the interrupt has a handler of our own. It notes where the learner's code stood and raises
KeyboardInterrupt there. As long as that code goes on all the same, the interrupt comes again by itself. Outside of the
learner's code nothing is raised, so what the check changed for a while is always put back.

A check that takes too long is ended in the same way, by an interrupt of our own. A call into C that does not come back
to Python hears of no interrupt: then it is told, from another thread, where the code stands and what to do.
"""

from __future__ import annotations

import _thread
import contextlib
import math
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
from ..judging.sentences import SENTENCES, Text, filled

AGAIN_S = 0.05  # after this the interrupt comes again, as long as the learner's code goes on
LIMIT_S = 10.0  # of one exercise's check; an honest one takes below 1
MORE = 5  # times that limit is what a check may take in all: on a busy machine first imports of torch take 10 s
GRACE_S = 3.0  # after the end of that, until a call that does not come back is told
MAX_LINES = 12  # of the learner's code that run at most before the interrupt is raised once more


class CheckStopped(KeyboardInterrupt):
    """A check that was stopped. The message says where the learner's code stood."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [str(self)]


class CheckTooLong(Exception):
    """A check that was ended as it took too long; `told` says in each language where the learner's code stood."""

    def __init__(self, told: Text) -> None:
        super().__init__(told["en"])
        self.told = told


@contextmanager
def timed(seconds: float | None = None) -> Iterator[None]:
    """Let what runs inside take so long at most, inside a `stoppable`; LIMIT_S where nothing is said.

    Raises CheckTooLong. Outside of a `stoppable`, as outside the main thread, nothing can be ended.
    """
    stop = _active
    if stop is None:
        yield
        return
    with_gradients = torch.is_grad_enabled()
    alarm = _Alarm(stop, LIMIT_S if seconds is None else seconds)
    try:
        yield
    except KeyboardInterrupt:
        if stop.pressed or not alarm.rang:
            raise
    else:
        return
    finally:
        alarm.end()
        torch.set_grad_enabled(with_gradients)
    raise CheckTooLong(alarm.sentence()) from None


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
    stop = _active = _Stop(names, exercise, language)
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
    """Raise KeyboardInterrupt if Stop was pressed during this check, or its time is up."""
    if _active is not None and _active.ends:
        raise KeyboardInterrupt


class _Stop:
    """The handler of interrupts during one check."""

    def __init__(self, names: dict[str, Any], exercise: str, language: str) -> None:
        self.pressed, self.language = False, language
        self.exercise = exercise
        self.alarm: _Alarm | None = None
        self.out = sys.stdout  # before a check keeps what is printed still
        self._names = names
        self._place: Place | None = None
        self._where = ""  # the exercise that was checked when Stop was pressed
        self._tries = 0
        self._over = False
        self._lock = _thread.allocate_lock()
        self._trace = sys.gettrace()
        self._before = signal.signal(signal.SIGINT, self._handle)

    @property
    def ends(self) -> bool:
        """Whether Stop was pressed, or the time is up."""
        return self.pressed or (self.alarm is not None and self.alarm.rang)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt in the learner's code; elsewhere only note that Stop was pressed."""
        frames = _within_the_workbench(frame)
        rang = self.alarm is not None and self.alarm.rang
        first = not self.pressed if not rang else self._tries == 0
        if not rang and first:
            self.pressed, self._where = True, self.exercise
            self._place = self.place_of(frames)
            _thread.start_new_thread(self._insist, ())  # threading's own start takes locks that may be held just now
        if frames:
            if not first:
                self._lie_in_wait(frames)
            self._tries += 1
            raise KeyboardInterrupt

    def place_of(self, frames: list[FrameType]) -> Place | None:
        """The line of the learner's own code among frames."""
        return place_in([(part, part.f_lineno) for part in frames], self._names)

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

    def forget_alarm(self) -> None:
        """Go on after an alarm, as if it had not rung."""
        self.alarm, self._tries = None, 0
        sys.settrace(self._trace)

    def sentence(self, language: str) -> str:
        """What is said to whoever pressed Stop."""
        if self._place is None:
            return SENTENCES["stopped_nowhere"][language]
        ending, about = self._place.named(self._where)
        return SENTENCES["stopped" + ending][language].format(**about) + self._place.shown


class _Alarm:
    """Ends a check when its time is up: its thread interrupts the main one until the check is over."""

    def __init__(self, stop: _Stop, seconds: float) -> None:
        self.rang = False
        self._stop, self._seconds = stop, seconds
        self._place: Place | None = None
        self._over = threading.Event()
        self._lock = _thread.allocate_lock()
        stop.alarm = self
        _thread.start_new_thread(self._wait, ())

    def _wait(self) -> None:
        last, left = time.monotonic() + MORE * self._seconds, self._seconds
        place = None
        while left > 0 and (now := time.monotonic()) < last:
            if self._over.wait(AGAIN_S):
                return
            if place := self._slow_place():  # only what the learner's lines take counts
                left -= time.monotonic() - now
        self._place = place
        told = time.monotonic() + GRACE_S
        while not self._over.wait(AGAIN_S if self.rang else 0):
            with self._lock:
                if self._over.is_set():
                    return
                self.rang = True
                _interrupt_the_main_thread()
            if time.monotonic() > told:
                told = math.inf
                self._tell(self._stop.place_of(self._frames()))

    def _slow_place(self) -> Place | None:
        """The learner's line that takes its time; None where what is slow is none of them, or a first import in one.

        torch imports some of itself at the first backward; an import that is interrupted would stay half done.
        """
        frames = self._frames()
        if any(frame.f_code.co_filename.startswith("<frozen importlib") for frame in frames):
            return None
        return self._stop.place_of(frames)

    def _frames(self) -> list[FrameType]:
        return _within_the_workbench(sys._current_frames().get(threading.main_thread().ident or 0))

    def _tell(self, place: Place | None) -> None:
        """Say, while the main thread cannot, that a call does not come back."""
        said = _said("stuck", place, self._stop.exercise, self._seconds)
        with contextlib.suppress(Exception):
            print(said[self._stop.language], file=self._stop.out, flush=True)

    def end(self) -> None:
        """Interrupt no more."""
        with self._lock:
            self._over.set()
        self._stop.forget_alarm()

    def sentence(self) -> Text:
        """What is said of a check that took too long."""
        return _said("too_long", self._place, self._stop.exercise, self._seconds)


def _said(sentence: str, place: Place | None, exercise: str, seconds: float) -> Text:
    """A sentence in each language, with the place, and its line of code below."""
    ending, about = place.named(exercise) if place else ("_nowhere", {})
    about = about | {"seconds": f"{seconds:g}"}
    code = place.shown if place else ""
    return {language: text + code for language, text in filled(sentence + ending, **about).items()}


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
