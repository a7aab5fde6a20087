"""Names that are nearly right, and cells that were not run or are no Python: what a learner most likely meant."""

from __future__ import annotations

import builtins
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..judging.raised import Raised, raised_by
from ..reading.python import as_python
from ..texts import tree_of

CLOSE = 0.7  # of difflib's ratio; div_trem and div_term have 0.88, softmax and sofmax 0.92, x and y 0
GIVEN = frozenset(("In", "Out", "exit", "quit", "get_ipython", "open", "display"))  # of IPython's own


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that is most like another one; empty where none is near."""
    found = difflib.get_close_matches(name, sorted(set(names) - {name}), n=1, cutoff=CLOSE)
    return found[0] if found else ""


def nearest_defined(name: str, names: Mapping[str, Any], known: Iterable[str]) -> str:
    """The learner's own function or class that is most like an exercise's name; empty where none is.

    known: names of exercises, none of which is meant for another one.
    """
    own = [key for key, value in names.items() if callable(value) and key not in GIVEN and not key.startswith("_")]
    return nearest(name, set(own) - set(known))


def meant(error: BaseException, names: Mapping[str, Any]) -> str:
    """The name that stands nearest to one that an exception misses, where it was raised; empty for none."""
    name = getattr(error, "name", None)
    if not isinstance(name, str):
        return ""
    if isinstance(error, NameError):
        trace, there = error.__traceback__, set[str]()
        while trace is not None:
            there, trace = set(trace.tb_frame.f_locals), trace.tb_next
        return nearest(name, {*there, *(key for key in names if not key.startswith("_")), *dir(builtins)})
    if isinstance(error, AttributeError) and error.obj is not None:
        try:
            return nearest(name, (key for key in dir(error.obj) if not key.startswith("_")))
        except Exception:  # an object of the learner's own may have no list of its names
            return ""
    return ""


def unreadable_cell(name: str, names: Mapping[str, Any]) -> Raised | None:
    """What Python says of the cell that was run last to define a name, where that cell is no Python; else None.

    names: of a notebook's kernel, where IPython keeps the cells that were run as `In`.
    """
    cells = names.get("In")
    defines = re.compile(rf"^(?:async\s+def|def|class)\s+{re.escape(name)}\b", re.MULTILINE)
    found = (
        [cell for cell in cells if isinstance(cell, str) and defines.search(cell)] if isinstance(cells, list) else []
    )
    if not found:
        return None
    try:
        tree_of(as_python(found[-1]))
    except SyntaxError as error:
        line = error.lineno or 0
        lines = found[-1].splitlines()
        raised = raised_by(error, {})
        return raised.at(line, lines[line - 1]) if 0 < line <= len(lines) else raised
    except (ValueError, RecursionError, MemoryError):
        return None
    return None
