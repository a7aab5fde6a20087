"""The class of a folder of submissions: its file, found for `collect` and `grade`, and what results are told of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ..engine.course import current
from ..engine.grading.run import students
from ..engine.grading.terms import FILE, find_class_file, make_terms, read_terms
from ..engine.harmless import on_one_line
from ..engine.making.units import find_units

if TYPE_CHECKING:
    from ..engine.grading.classfile import Class
    from ..engine.grading.plan import Plan

SHOWN = 20  # names in a list

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]  # as `cli.progress`


def find_class(submitted: Path, given: Path | None) -> Class | None:
    """The class of a folder of submissions; None where it has no file."""
    path = find_class_file(submitted, given)
    if path is None:
        return None
    from ..engine.grading.classfile import read_class  # pydantic takes its time to import

    return read_class(path, [unit.name for unit in find_units(current().folder)])


def meet_class(plan: Plan, class_: Class | None, console: Console, progress: Progress) -> Plan:
    """Write what is known of the class into the results; the plan with its people, the best attempts in place."""
    folders, units = students(plan.submitted), [unit.name for unit in find_units(plan.solutions)]
    chosen, graded = {}, plan.units or units
    if class_ and class_.attempts == "best":
        from ..engine.grading.best import settle_best

        with progress("choosing among attempts") as tell:
            chosen = settle_best(plan, class_, graded, tell)
    terms = make_terms(class_, plan.submitted, folders, units, chosen)
    if terms is None:
        (plan.results / FILE).unlink(missing_ok=True)
        return plan
    terms = terms.after(read_terms(plan.results), graded)
    terms.write(plan.results)
    if untold := terms.untold():
        shown = ", ".join(on_one_line(f"{student} {unit}") for student, unit in untold[:SHOWN])
        more = f" and {len(untold) - SHOWN} more" if len(untold) > SHOWN else ""
        console.print(
            f"nobody knows when these were handed in, so they count as on time: {shown}{more}; for Moodle, collect the "
            "assignment's grading worksheet too",
            markup=False,
        )
    if class_ is None:
        return plan
    there = {person.id for name in folders if (person := class_.person(name))}
    people = class_.roster.people if class_.roster else ()
    missing = tuple(person.id for person in people if person.id not in there)
    return replace(plan, people=missing, language=class_.language)
