"""The class of a folder of submissions: its file, found for `collect` and `grade`, and what results are told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ..engine.course import current
from ..engine.grading.run import students
from ..engine.grading.terms import FILE, Terms, find_class_file, make_terms, read_terms
from ..engine.harmless import on_one_line
from ..engine.making.units import find_units

if TYPE_CHECKING:
    from ..engine.grading.best import Choice
    from ..engine.grading.classfile import Class
    from ..engine.grading.plan import Plan
    from ..engine.grading.record import Place

SHOWN = 20  # names in a list

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]  # as `progress.progress`


def find_class(submitted: Path, given: Path | None) -> Class | None:
    """The class of a folder of submissions; None where it has no file."""
    path = find_class_file(submitted, given)
    if path is None:
        return None
    from ..engine.grading.classfile import read_class  # pydantic takes its time to import

    return read_class(path, [unit.name for unit in find_units(current().folder)])


@dataclass(frozen=True)
class Meeting:
    """What is known of a class, before the results are told of it."""

    old: Terms | None  # what the results know so far
    terms: Terms | None
    chosen: Mapping[Place, Choice] = field(default_factory=dict)  # where the best of several attempts counts

    def settle(self, plan: Plan) -> None:
        """Write it into the results, and put the best attempts in their places."""
        if self.terms is None:
            (plan.results / FILE).unlink(missing_ok=True)
        elif self.terms != self.old:
            self.terms.write(plan.results)
        if self.chosen:
            from ..engine.grading.best import place_best

            place_best(plan.submitted, self.chosen.values())


def meet_class(plan: Plan, class_: Class | None, console: Console, progress: Progress) -> tuple[Plan, Meeting]:
    """The plan with the people of the class and their best attempts, and what the results are to know of the class."""
    folders, units = students(plan.submitted), [unit.name for unit in find_units(plan.solutions)]
    chosen: dict[Place, Choice] = {}
    graded = plan.units or units
    if class_ and class_.attempts == "best":
        from ..engine.grading.best import choose_best

        with progress("choosing among attempts") as tell:
            chosen = choose_best(plan, class_, graded, tell)
        plan = replace(plan, rivals={place: choice.rivals for place, choice in chosen.items()})
    attempts = {place: choice.attempt for place, choice in chosen.items()}
    try:
        old = read_terms(plan.results)
    except ValueError:  # it is written anew
        old = None
    terms = make_terms(class_, plan.submitted, folders, units, attempts)
    if terms is None:
        return plan, Meeting(old, None)
    terms = terms.after(old, graded)
    if untold := terms.untold():
        shown = ", ".join(on_one_line(f"{student} {unit}") for student, unit in untold[:SHOWN])
        more = f" and {len(untold) - SHOWN} more" if len(untold) > SHOWN else ""
        console.print(
            f"nobody knows when these were handed in, so they count as on time: {shown}{more}; for Moodle, collect the "
            "assignment's grading worksheet too",
            markup=False,
        )
    if class_ is not None:
        there = {person.id for name in folders if (person := class_.person(name))}
        people = class_.roster.people if class_.roster else ()
        missing = tuple(person.id for person in people if person.id not in there)
        plan = replace(plan, people=missing, language=class_.language)
    return plan, Meeting(old, terms, chosen)
