"""Cells that wait for exercises: what a picture or an experiment says while its exercises are open or not right yet.

A cell that begins with `needs("PositionalEncoding")` (see `wrapping`)
- is left out while that exercise, or one that its answer builds on, is open: a box says which one to solve first;
- tells an exception in one box while one of them is not right yet: the exercise to look at, and what was raised, where;
- says below a result that an answer is not right yet, since title and text speak of a right one.

Where all of them are right nothing is changed: what the cell raises then is the learner's own to read in full, and so
is all that cells without such a line raise. A Stop stays one, told in a sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..cell_names import names_used
from ..course import CourseUnit, current
from ..judging.raised import raised_by
from ..judging.sentences import Text
from ..texts import language, source_of
from .box import Box, show
from .progress import fingerprint_of_answer, fingerprint_of_rules, note_check, progress_here
from .report import check_names, is_blank

WORDS: dict[str, Text] = {
    "open": {
        "en": "This cell needs {names}; solve it first. The cells below go on without it.",
        "zh": "这个单元格要用到 {names}，请先完成它。下面的单元格会照常运行。",
    },
    "open_several": {
        "en": "This cell needs {names}; solve them first. The cells below go on without them.",
        "zh": "这个单元格要用到 {names}，请先完成它们。下面的单元格会照常运行。",
    },
    "wrong": {
        "en": "This was made with your {names}, which is not right yet: {held} of {total} rules hold. Title and text "
        "speak of a right one.",
        "zh": "以上结果用的是你写的 {names}，它还不对：{total} 条规则中通过了 {held} 条。图题和文字说的是正确的情形。",
    },
    "raised": {
        "en": "This cell stopped in line {line} with {type}{words}\nLook at {names} first: {held} of its {total} rules "
        "hold.",
        "zh": "这个单元格运行到第 {line} 行时抛出 {type}{words}\n"
        "请先看看 {names}：它的 {total} 条规则中通过了 {held} 条。",
    },
    "stopped": {"en": "Stopped in line {line} of this cell.", "zh": "已停止，停在这个单元格的第 {line} 行。"},
    "and": {"en": " and ", "zh": "和"},
    "comma": {"en": ", ", "zh": "、"},
}
ENDS: dict[str, tuple[str, str]] = {"en": (": ", "."), "zh": ("：", "。")}


class Waits(Exception):
    """Raised by `needs` inside a cell whose exercises are open."""


class CellStopped(KeyboardInterrupt):
    """A cell that was stopped; the message says in which line. Run All ends there, as it does at any Stop."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [str(self)]


class _Cell:
    """What is known of a cell while it runs."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.needed: list[str] = []
        self.figures = _open_figures()

    def first_wrong(self) -> tuple[str, int, int] | None:
        """The first exercise that is not right: its name, how many rules hold, of how many; None where all are."""
        for name in self.needed:
            held, total = standing(name, self.names)
            if held < total:
                return name, held, total
        return None

    def tell(self, key: str, **about: Any) -> None:
        show(Box(WORDS[key][language()].format(**about)))


_running: list[_Cell] = []


def need(exercises: Sequence[str], names: dict[str, Any]) -> None:
    """Note what the running cell of a notebook needs; where no such cell runs, nothing.

    Raises Waits where some of it is open, and ValueError for a name that is no exercise.
    """
    if _running:
        cell = _running[-1]
        needed = {each for name in exercises for each in [*builds_on(name, names), name]}
        cell.needed = [name for name in current().all_exercises() if name in needed]
        waiting_for = [name for name in cell.needed if is_open(name, names)]
        if waiting_for:
            raise Waits(*waiting_for)


@contextmanager
def waiting(names: dict[str, Any]) -> Iterator[None]:
    """Run what stands below `needs(...)` in a cell; names: the notebook's."""
    cell = _Cell(names)
    _running.append(cell)
    try:
        yield
    except Waits as waits:
        cell.tell("open" if len(waits.args) == 1 else "open_several", names=_listed(waits.args))
        return
    except KeyboardInterrupt as interrupt:
        place = raised_by(interrupt, names).place
        if hasattr(interrupt, "_render_traceback_") or place is None:  # a check or a study says more
            raise
        raise CellStopped(WORDS["stopped"][language()].format(line=place.line)) from None
    except Exception as error:
        wrong = cell.first_wrong()
        if wrong is None:
            raise
        _close_figures(cell.figures)  # half drawn, they would be shown all the same
        raised = raised_by(error, names)
        colon, stop = ENDS[language()]
        about = {"type": f"`{raised.type}`", "words": colon + raised.words if raised.words else stop}
        line = raised.place.line if raised.place else "?"
        cell.tell("raised", line=line, names=_listed(wrong[:1]), held=wrong[1], total=wrong[2], **about)
        return
    finally:
        _running.remove(cell)
    wrong = cell.first_wrong()
    if wrong is not None:
        cell.tell("wrong", names=_listed(wrong[:1]), held=wrong[1], total=wrong[2])


def builds_on(name: str, names: dict[str, Any]) -> list[str]:
    """The exercises of its unit that an answer builds on, in their order: those that its code names, and theirs."""
    unit = _unit(name)
    exercises = list(unit.texts["exercises"])
    found: set[str] = set()
    open_names = [name]
    while open_names:
        new = names_used(source_of(names.get(open_names.pop()))) & set(exercises) - {name} - found
        found |= new
        open_names += new
    return [each for each in exercises if each in found]


def is_open(name: str, names: dict[str, Any]) -> bool:
    """Whether an exercise has no answer in a namespace yet."""
    return name not in names or is_blank(names[name], _unit(name).texts["exercises"][name]["released"])


def standing(name: str, names: dict[str, Any]) -> tuple[int, int]:
    """How many rules of an exercise hold, and of how many; as its last check found it, where the answer is the same."""
    unit = _unit(name)
    total = len(unit.texts["exercises"][name]["checks"])
    mark = progress_here().marks.get(name)
    answer = fingerprint_of_answer(names.get(name))
    if mark is None or not answer or (mark.answer, mark.rules) != (answer, fingerprint_of_rules(unit)):
        report = check_names(name, names)
        passed = tuple(verdict.check for verdict in report.verdicts if verdict.outcome == "passed")
        mark = note_check(unit, name, names, passed).marks.get(name)
        return len(passed), total
    return len(mark.passed), total


def _unit(name: str) -> CourseUnit:
    unit = current().unit_of(name)
    if unit is None:
        raise ValueError(f"exercise must be one of {', '.join(current().all_exercises())}; got {name!r}")
    return unit


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    said = [f"`{name}`" for name in names]
    comma, last = WORDS["comma"][language()], WORDS["and"][language()]
    return comma.join(said[:-1]) + last + said[-1] if len(said) > 1 else said[0]


def _open_figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


def _close_figures(before: set[int]) -> None:
    """Close the figures that were opened since."""
    for number in _open_figures() - before:
        sys.modules["matplotlib.pyplot"].close(number)
