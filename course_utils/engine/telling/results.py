"""The files of a results folder that are made from its log and its gradebook: scores, feedback, class page.

What people entered in the gradebook is in all of them; where it cannot be read, they stay as they are.

nbgrader and what it brings take seconds to import, so they are imported where they are first needed: while the
sandbox grades.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..course import FILE, PACKAGE
from ..grading.plan import Plan
from ..grading.provenance import ENGINE, digest, modules_reached
from ..grading.record import Place, Record, Score
from ..grading.scores import read_scores, score_rows, write_scores
from ..grading.terms import read_terms
from ..making.units import Unit, find_units
from ..texts import unit_texts, units
from .gradebook_dates import write_dates
from .hand_marks import GRADEBOOK, Hands, read_hands, with_hands

if TYPE_CHECKING:
    from .gradebook import Autograded, Forms


def all_texts() -> dict[str, Any]:
    """The texts of all units."""
    return {unit: unit_texts(unit) for unit in units()}


def forms(solutions: Path, names: Sequence[str]) -> dict[str, Forms]:
    """What nbgrader makes of the instructor's notebooks of units; the gradebook learns their cells from it.

    A source notebook takes the unit's rules, these take torch, and nbgrader takes its time, three seconds in all; so
    what comes of it is kept under a hash of all that it is made of.
    """
    from nbformat import from_dict

    from .gradebook import Forms

    found = {}
    for unit in find_units(solutions, names):
        path = unit.course.build / "forms" / f"{unit.name}-{_digest(unit)}.json"
        try:
            kept = json.loads(path.read_bytes())
            found[unit.name] = Forms(from_dict(kept["stored"]), from_dict(kept["released"]))
        except (OSError, ValueError, KeyError, TypeError):
            from ..making import release as build
            from ..making.lesson import read

            made = Forms.of(build.source_notebook(unit, read(unit), unit.course.languages[0]), unit.course)
            found[unit.name] = made
            with contextlib.suppress(OSError):  # a course that cannot be written to is graded all the same
                files.write_whole(path, json.dumps({"stored": made.stored, "released": made.released}))
    return found


def _digest(unit: Unit) -> str:
    """A hash of what decides the forms: the units' files, pasted as they stand, and all the code that makes them."""
    makers = [f"{ENGINE}.making.release", f"{ENGINE}.telling.gradebook"]
    course = unit.course.folder
    pasted = [*course.glob("*/*.py"), *unit.folder.glob("*.yml"), *course.glob("*/unit.toml"), course / FILE]
    return digest(
        [
            {name: metadata.version(name) for name in ("nbgrader", "jupytext")},
            {name: code.meaning for name, code in modules_reached(makers, PACKAGE).items()},
            {f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in pasted},
        ]
    )


def refresh(results: Path, tell: Callable[[str], None] = lambda sentence: None) -> None:
    """Bring scores, and the pages that they are on, up to what stands in the log and in the gradebook by now.

    The scores come last: after a kill the next call finds the same pages to write.
    tell: is told of each line of the log and of the old scores that cannot be read.
    Raises ValueError where there is no log, GradebookError where the gradebook cannot be read.
    """
    from .pages import classroom, feedback
    from .pages.records import read_records

    records, texts = sorted(read_records(results, tell), key=lambda record: record.place), all_texts()
    known, now = _by_place(read_scores(results).scores), _by_place(score_rows(records))
    changed = [record for record in records if known.get(record.place) != now.get(record.place)]
    for record in changed:
        feedback.write_page(results, record, texts.get(record.unit, {}))
    if changed:
        classroom.write_class_page(results, texts)
        write_dates(results, read_terms(results), records)
    write_scores(results, records)


def _by_place(scores: Sequence[Score]) -> dict[Place, list[Score]]:
    found: dict[Place, list[Score]] = {}
    for score in scores:
        found.setdefault((score.student, score.unit), []).append(score)
    return found


class Writer:
    """Writes the files of a run: what one record decides while others are graded, the rest at the end."""

    def __init__(self, plan: Plan) -> None:
        """plan: of the run."""
        self._plan = plan
        self._forms: dict[str, Forms] = {}
        self._autograded: Autograded
        self._hands: Hands | None = None  # as they were before this run
        self._written: dict[Place, Record] = {}
        # a thread of its own: the first record waits for the imports, and the run's progress should not
        self._thread = ThreadPoolExecutor(1)
        self._under_way: list[Future[None]] = []

    def begin(self, units: Sequence[str]) -> None:
        """Import and prepare what the records of units will need, while the sandbox gets warm."""
        self._under_way.append(self._thread.submit(self._prepare, units))

    def add(self, record: Record) -> None:
        """Have written what belongs to one student's unit alone: the feedback page, and what formgrader opens."""
        self._written[record.place] = record
        self._under_way.append(self._thread.submit(self._add, record))

    def finish(self, records: Sequence[Record], tell: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Write all that is not written yet; records: the last one of each student and unit."""
        for record in records:
            if self._written.get(record.place) is not record:
                self.add(record)
        steps: list[Callable[[], None]] = [future.result for future in self._under_way]
        steps.append(partial(self._finish, records))
        with self._thread:
            for done, step in enumerate(steps, start=1):
                step()
                tell(done, len(steps))

    def _prepare(self, units: Sequence[str]) -> None:
        new = [unit for unit in units if unit not in self._forms]
        if new:
            gc.disable()  # see grading/preload.py
            try:
                from .gradebook import Autograded
                from .pages import classroom  # noqa: F401  # its statistics take seconds to import, too
            finally:
                gc.freeze()
                gc.enable()
            self._forms |= forms(self._plan.solutions, new)
            self._autograded = Autograded(self._plan.results / "autograded", self._forms)

    def _add(self, record: Record) -> None:
        self._prepare([record.unit])
        self._autograded.write(record)
        if self._hands is None:
            self._hands = read_hands(self._plan.results)
        self._write_page(with_hands([record], self._hands)[0])

    def _write_page(self, record: Record) -> None:
        from .pages import feedback

        feedback.write_page(self._plan.results, record, unit_texts(record.unit))

    def _finish(self, records: Sequence[Record]) -> None:
        from . import gradebook
        from .pages import classroom

        # first, for it notes which answers changed after they were marked
        gradebook.write_gradebook(self._plan.results / GRADEBOOK, self._forms, records)
        before, hands = self._hands or Hands(), read_hands(self._plan.results)
        earlier, now = with_hands(records, before), with_hands(records, hands)
        write_dates(self._plan.results, read_terms(self._plan.results), now)
        for old, new in zip(earlier, now, strict=True):
            if old != new:
                self._write_page(new)
        write_scores(self._plan.results, now)
        classroom.write_class_page(self._plan.results, all_texts())
