"""One line that tells how far a study is: "run 7 of 24 · fine-tuned max, seed 1 · about 2 min left".

Where somebody looks the line is written over with a carriage return, which notebooks in every editor and terminals
understand; it also moves while a run takes long. Where the output goes to a file each run gets a line of its own.
"""

from __future__ import annotations

import threading
import time

from course_utils.engine.judging.sentences import Text
from course_utils.engine.texts import language
from course_utils.training.display import is_watched

TICK_SECONDS = 5.0  # between two looks of the line while a run goes on; no cell should be silent for ten
WIDTH = 100  # of the line, so that a shorter text covers a longer one

WORDS: dict[str, Text] = {
    "run": {"en": "run {number} of {total} · {what}", "zh": "第 {number}/{total} 次 · {what}"},
    "left": {"en": " · about {left} left", "zh": " · 约剩 {left}"},
    "passed": {"en": " · {passed} so far", "zh": " · 已用 {passed}"},
    "seconds": {"en": "{count} s", "zh": "{count} 秒"},
    "minutes": {"en": "{count} min", "zh": "{count} 分钟"},
    "end": {"en": "{total} runs in {passed}", "zh": "共 {total} 次，用时 {passed}"},
    "stop": {"en": "stopped at run {number} of {total}", "zh": "停在第 {number}/{total} 次"},
}


class RunLine:
    """The line of one study."""

    def __init__(self) -> None:
        self._total = self._number = 0
        self._what = ""
        self._made: list[float] = []  # seconds of the runs that were made, not taken from before
        self._start = self._began = 0.0
        self._over = threading.Event()  # set when the run that goes on has ended
        self.is_shown = False  # whether the line takes the place of lines of text, until another study begins
        self._is_open = False

    @property
    def is_counted(self) -> bool:
        """Whether it is known how many runs the study has."""
        return self._total > 0

    @property
    def is_complete(self) -> bool:
        """Whether the last of the runs has begun."""
        return self.is_counted and self._number >= self._total

    def start(self, total: int) -> None:
        """A study of so many runs begins."""
        self.stop()
        self._total, self._number, self._made, self.is_shown = total, 0, [], False
        self._start = time.monotonic()

    def begin(self, what: str, shown: bool) -> None:
        """A run begins; shown: whether anything is to be written."""
        self._number, self._what, self._began = self._number + 1, what, time.monotonic()
        if shown and self._total and is_watched():
            self.is_shown = self._is_open = True
            self._write(self.text())
            self._over = threading.Event()
            threading.Thread(target=self._tick, args=(self._over,), daemon=True).start()

    def end(self, made: bool) -> None:
        """The run has ended; made: whether it was computed now."""
        self._over.set()
        if made:
            self._made.append(time.monotonic() - self._began)
        self._end_if_complete()

    def _end_if_complete(self) -> None:
        if self.is_complete:
            self._close(_said("end", total=self._total, passed=_time(time.monotonic() - self._start)))

    def skip(self) -> None:
        """A run is there already, and its result at hand."""
        self._number += 1
        self._end_if_complete()

    def stop(self) -> None:
        """The study was stopped, a run failed, or another study begins."""
        self._close(_said("stop", number=self._number, total=self._total))

    def text(self) -> str:
        """The line as it stands."""
        said = _said("run", number=self._number, total=self._total, what=self._what)
        passed = time.monotonic() - self._began
        if self._made:
            each = sum(self._made) / len(self._made)
            left = max(each - passed, 0) + each * (self._total - self._number)
            return said + _said("left", left=_time(left))
        return said + (_said("passed", passed=_time(passed)) if passed >= 1 else "")

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(TICK_SECONDS):
            self._write(self.text())

    def _close(self, text: str) -> None:
        self._over.set()
        if self._is_open:
            self._is_open = False
            self._write(text, "\n")

    def _write(self, text: str, end: str = "") -> None:
        print("\r" + text.ljust(WIDTH), end=end, flush=True)


def _said(key: str, **about: object) -> str:
    return WORDS[key][language()].format(**about)


def _time(seconds: float) -> str:
    """Seconds as a reader wants them."""
    return _said("seconds", count=round(seconds)) if seconds < 90 else _said("minutes", count=round(seconds / 60))
