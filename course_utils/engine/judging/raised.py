"""What the self-check tells of an exception: its class, its words, and the line of the learner's own code.

In the learner's own notebook nothing is hidden. In grading the words of an exception could carry a hidden input onto a
page, so there `workbench.describe` tells a class and a line alone, and nothing of this module is asked for.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, FrameType, TracebackType
from typing import Any

from .sentences import SENTENCES, Text, filled

MAX_WORDS = 240  # characters of an exception's text; torch lists every form of a call that it would have taken
MAX_CODE = 120  # characters of a line of code
CODE = "    "  # begins a line of a message that is code
# Lines with which torch goes on after it has said what is wrong: traces of C++, and lists of signatures.
BACKGROUND = ("Exception raised from", "C++ CapturedTraceback", "frame #", "* (", "Compile with `TORCH_USE_CUDA_DSA`")
LIST_FOLLOWS = ", but expected one of:"
TOP_OF_A_CELL = "<module>"  # Python's name for what runs outside of every function


@dataclass(frozen=True)
class Place:
    """A line of the learner's own code."""

    line: int  # counted within its cell
    function: str  # "row_lengths", "Scale.forward"; TOP_OF_A_CELL outside of every one
    code: str  # the line itself, "" where it cannot be had

    def named(self, exercise: str) -> tuple[str, dict[str, Any]]:
        """The ending of a sentence's key that suits the place, and what fills its gaps."""
        here = self.function in (TOP_OF_A_CELL, exercise) or self.function.startswith(f"{exercise}.")
        return ("_here" if here else "_there"), {"line": self.line, "function": self.function}

    @property
    def shown(self) -> str:
        """The line of a message that shows the code; "" where there is none."""
        return f"\n{CODE}{self.line} | {self.code}" if self.code else ""


@dataclass(frozen=True)
class Raised:
    """An exception of the learner's code, told in full."""

    type: str
    words: str
    place: Place | None
    meant: str = ""  # the name that stands nearest to one that is missing

    def at(self, line: int, code: str) -> Raised:
        """The same at a line of a cell that never ran."""
        return replace(self, place=Place(line, TOP_OF_A_CELL, _cut(_printable(code), MAX_CODE)))

    def told(self, exercise: str, sentence: str = "raised") -> Text:
        """A sentence in each language, and the line of code below it; sentence: what its key begins with."""
        ending, about = self.place.named(exercise) if self.place else ("_nowhere", {})
        gaps = {**about, "type": self.type, "name": exercise}
        texts = {language: words.format(**gaps) for language, words in SENTENCES[sentence + ending].items()}
        ends = {"en": (": ", "."), "zh": ("：", "。")}
        code = self.place.shown if self.place else ""
        said = {
            language: text + (ends[language][0] + self.words if self.words else ends[language][1])
            for language, text in texts.items()
        }
        if self.meant:
            stop = {"en": ". ", "zh": "。"}
            guess = filled("did_you_mean", name=self.meant)
            said = {language: text.rstrip(".。") + stop[language] + guess[language] for language, text in said.items()}
        return {language: text + code for language, text in said.items()}


def raised_by(error: BaseException, names: dict[str, Any]) -> Raised:
    """What is told of an exception that came out of the code of a namespace."""
    return Raised(type(error).__name__, _words_of(error), _place_of_error(error, names))


def place_in(frames: Iterable[tuple[FrameType, int]], names: dict[str, Any]) -> Place | None:
    """The last of some frames, each with its line, that runs code of a namespace; None where none does."""
    own = [(frame.f_code, line) for frame, line in frames if _is_own(frame, names)]
    return _place(*own[-1]) if own else None


def _place_of_error(error: BaseException, names: dict[str, Any]) -> Place | None:
    if isinstance(error, SyntaxError) and error.lineno and _is_cell(str(error.filename)):  # no frame of it ever ran
        return Place(error.lineno, TOP_OF_A_CELL, _line_of_code(str(error.filename), error.lineno))
    return place_in(_frames_of(error.__traceback__), names)


def _frames_of(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _is_own(frame: FrameType, names: dict[str, Any]) -> bool:
    """Whether a frame runs code of a namespace: that of a notebook's kernel, or of the cells of a workbench."""
    return frame.f_globals is names or _is_cell(frame.f_code.co_filename)


def _is_cell(file: str) -> bool:
    return file.startswith("<cell ")


def _place(code: CodeType, line: int) -> Place:
    return Place(line, code.co_qualname, _line_of_code(code.co_filename, line))


def _line_of_code(file: str, line: int) -> str:
    return _cut(_printable(linecache.getline(file, line)), MAX_CODE)


def _words_of(error: BaseException) -> str:
    """An exception's text in one line, cut to what helps."""
    if isinstance(error, SyntaxError):
        return _printable(str(error.msg))  # its text repeats the file and the line
    try:
        lines = [line.strip() for line in str(error).splitlines()]
    except Exception:  # a class of the learner's own may fail to say its words
        return ""
    kept = []
    for line in lines:
        if line.startswith(BACKGROUND):
            break
        kept.append(line)
    return _cut(_printable(" ".join(kept)).removesuffix(LIST_FOLLOWS), MAX_WORDS)


def _printable(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1].rstrip() + "…"
