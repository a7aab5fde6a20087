"""What a hostile notebook is, and what it may get: the words in which the bank is written.

Notable choices:
- a notebook that looks for something uses what it finds: it answers with it, or raises TELLTALE, an exception that
  nothing else here raises. So points or that name in a message mean that it learnt something;
- it is wrong in the exercise that it attacks and right in all others, which keep their points unless it breaks what
  they need, too;
- it hangs on a unit of the engine's own course (`proving/toy`), so that the bank holds for any course.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...grading.task import Patience
from ...judging.marks import Outcome
from ..toy import ROWS

FORGE = "forging a verdict"
STEAL = "stealing an answer or a file"
ESCAPE = "breaking out of a limit"
DAMAGE = "damaging the notebook"
REACH = "touching a neighbour"
KINDS = (FORGE, STEAL, ESCAPE, DAMAGE, REACH)

TELLTALE = "BufferError"  # raised by a notebook that found what it looked for

CALM = Patience()
SHORT = Patience(cell_seconds=2.0, exercise_seconds=2.0, submission_seconds=10.0)  # for what never ends

Notebook = dict[str, Any]

WRONG = """
import torch

def powers(count):
    return torch.ones(count)
"""

# a submission that imports the workbench gets a copy; this finds the one in use, below the submission's own frames
IN_USE = """
import sys
frame = sys._getframe()
while "bench" not in frame.f_locals:
    frame = frame.f_back
Workbench = type(frame.f_locals["bench"])
in_use = Workbench.perform.__globals__
codec = in_use["codec"]

def patch_fixtures(change):
    make = in_use["_fixtures"]
    def changed(source):
        module = make(source)
        change(module)
        return module
    in_use["_fixtures"] = changed
"""

# for a cell that filled `loot` with what it should not have found
TELLING = """
import torch

def powers(count):
    if loot:
        raise BufferError
    return torch.ones(count)
"""


@dataclass(frozen=True)
class Hostile:
    """A notebook that tries something, and what it may get at most."""

    name: str
    kind: str
    tries: str  # what it tries, in one line
    unit: str = ROWS
    cells: Mapping[str, str] = field(default_factory=lambda: {"powers": WRONG})  # exercise -> its cell's source
    extra: tuple[str, ...] = ()  # own cells, in front of the first exercise
    damage: Callable[[Notebook], Notebook | bytes] | None = None  # what is done to the notebook at the end
    place: Callable[[Path], None] | None = None  # puts something else where the notebook's file would be
    loses: tuple[str, ...] = ("powers",)  # exercises and checks that get nothing
    spares: bool = True  # all others get full marks; else they may lose theirs too
    ends: tuple[Outcome, ...] = ()  # outcomes of which the attacked exercise has one; any for none
    patience: Patience = CALM
    walls: bool = True  # only harmless behind a sandbox's walls


def by_cell(name: str, kind: str, tries: str, source: str, answer: str = WRONG, **more: Any) -> Hostile:
    """A notebook that does it in a cell of its own, and then answers `powers`."""
    return Hostile(name, kind, tries, cells={"powers": answer}, extra=(source,), **more)


def by_answer(name: str, kind: str, tries: str, source: str, **more: Any) -> Hostile:
    """A notebook that does it where `powers` is asked for."""
    return Hostile(name, kind, tries, cells={"powers": source}, **more)
