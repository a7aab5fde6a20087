"""The files of a results folder that are made from its log: scores, gradebook, feedback, class page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ..selfcheck.texts import unit_texts, units
from . import build, gradebook, pages
from .lesson import read
from .runner import Plan, Record, write_scores
from .units import find_units


def all_texts() -> dict[str, Any]:
    """The texts of all units."""
    return {unit: unit_texts(unit) for unit in units()}


def sources(solutions: Path, names: Sequence[str]) -> dict[str, NotebookNode]:
    """The instructor's notebooks of units, from which the gradebook learns their cells."""
    return {unit.name: build.source_notebook(unit, read(unit), "en") for unit in find_units(solutions, names)}


def finish(plan: Plan, records: Sequence[Record], tell: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write all files of the results folder from records."""
    write_scores(plan.results, records)
    tell(1, 4)
    notebooks = sources(plan.solutions, sorted({record["unit"] for record in records}))
    gradebook.write_gradebook(plan.results / "gradebook.db", notebooks, records)
    gradebook.write_autograded(plan.results / "autograded", notebooks, records)
    tell(2, 4)
    pages.write_feedback(plan.results, all_texts())
    tell(3, 4)
    pages.write_class_page(plan.results, all_texts())
    tell(4, 4)
