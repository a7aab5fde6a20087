"""A learner's own solved cells from earlier units, to build on in later ones.

`solved(name, stand_in)` reads the learner's notebook of that exercise's unit and gives back the learner's own answer
when it passes its checks; otherwise the stand-in, and one line says so. What a solved cell builds on itself is looked
for in the same way, by the notebook's own set-up.

Notable choices:
- of a notebook's cells run the set-up and the exercises; of the learner's own extra cells only what defines something,
  so that a helper is there and no experiment starts again
- magics and shell commands are left out: they served the notebook, and would install or download once more
- what those cells print is kept still: one line says what was taken
"""

from __future__ import annotations

import contextlib
import io
import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from ..course import CourseError, CourseUnit, current
from ..reading.decoding import ReadError
from ..reading.notebook import Notebook, read_notebook
from ..reading.python import as_python, definitions
from ..reading.released import SETUP, Looks
from ..texts import fingerprint_of_source
from .report import check_names

T = TypeVar("T")


def solved(name: str, stand_in: T) -> T:
    """The learner's own function or class of that name if it passes its checks, otherwise a stand-in; prints which."""
    found, said = find_answer(name)
    if found is None:
        where = getattr(stand_in, "__module__", "")
        called = getattr(stand_in, "__qualname__", type(stand_in).__name__)
        said = f"{where}.{called} stands in ({said})" if where not in ("", "__main__") else f"a stand-in ({said})"
    print(f"{name}: {said}")
    return stand_in if found is None else found


def find_answer(name: str) -> tuple[Any, str]:
    """The learner's own answer to an exercise and where it is from; None and why, where none passes its checks."""
    unit = _unit_of(name)
    path = find_notebook(unit.name) if unit else None
    if unit is None or path is None:
        return None, f"no notebook {unit.name}.ipynb is near" if unit else "no course is near"
    names, reason = run_cells(path, unit)
    if name in names and check_names(name, names).passed:
        return names[name], f"your own, from {path.name}"
    return None, reason or f"yours in {path.name} does not pass its checks yet"


def _unit_of(name: str) -> CourseUnit | None:
    """The unit that asks for a name; None where there is no course to ask, as in the sandbox of a grading."""
    try:
        return current().unit_of(name)
    except CourseError:
        return None


def find_notebook(unit: str) -> Path | None:
    """The learner's notebook of a unit: in COURSE_PORTFOLIO, beside the present one, or in the folders above."""
    roots = [Path(folder) for folder in [os.environ.get("COURSE_PORTFOLIO", "")] if folder]
    for root in [*roots, Path.cwd(), Path.cwd().parent]:
        for path in (root / unit / f"{unit}.ipynb", root / f"{unit}.ipynb"):
            if path.is_file():
                return path
    return None


def run_cells(path: Path, unit: CourseUnit) -> tuple[dict[str, Any], str]:
    """The names that a notebook's set-up and exercise cells define, and why there are none if there are none."""
    module = types.ModuleType(f"portfolio_{unit.name}")
    try:
        notebook = read_notebook(path.read_bytes())
    except (OSError, ReadError):
        return {}, f"{path.name} cannot be read"
    for source, is_setup in _sources(notebook, unit):
        # a set-up cell may say which parts it took over itself; nothing else has anything to say here
        still = contextlib.nullcontext() if is_setup else contextlib.redirect_stdout(io.StringIO())
        try:
            with still:
                exec(compile(source, f"<{path.name}>", "exec"), module.__dict__)
        except Exception:  # one broken cell leaves the other names usable
            continue
    return module.__dict__, ""


def _sources(notebook: Notebook, unit: CourseUnit) -> Iterator[tuple[str, bool]]:
    """The sources to run, and whether each is one of the unit's set-up."""
    exercises = unit.texts["exercises"]
    setups = {fingerprint_of_source(source) for source in unit.texts["cells"][SETUP]}
    looks = Looks.of(unit.texts["cells"])
    for cell in notebook.cells:
        if cell.kind != "code" or looks.is_given(cell.source):
            continue
        source = as_python(cell.source)
        is_setup = cell.role == SETUP or fingerprint_of_source(source) in setups
        if is_setup or cell.grade_id in exercises or not cell.defines().isdisjoint(exercises):
            yield source, is_setup
        elif not cell.grade_id:  # what else such a cell does may take minutes
            yield from ((statement, False) for statement in definitions(cell.source))
