"""The limit: the cells and the checks of submissions in one warm process per core, with nothing around them.

No sandbox, no isolation between students, no gradebook, no page. It is no way to grade a class; it says what a grader
could at best do on this machine.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import torch

from ...engine.asking.student import Student, StudentError, local
from ...engine.asking.workbench import Workbench
from ...engine.grading.assess import UnitJudge
from ...engine.grading.intake import Submission, rebuild
from ...engine.grading.task import skeleton
from ...engine.grading.worker_state import unit_judge
from ...engine.judging.judge import Trouble, trouble_of
from ...engine.judging.sentences import Text
from ...engine.making.units import Unit

Scores = dict[tuple[str, str, str], float]  # student, unit, grade id -> points


@dataclass(frozen=True)
class Bare:
    """One submission, read and taken apart before the clock starts."""

    student: str
    unit: str
    submission: Submission


class BareBench:
    """A submission's names in this very process."""

    def __init__(self, unit: Unit, submission: Submission) -> None:
        """unit: where the reference answers come from."""
        self._unit, self._submission = unit, submission
        self._troubles: dict[str, Trouble] = {}
        self._own: Student | None = None

    def own(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on the student's names."""
        if self._own is None:
            names: dict[str, Any] = {"__name__": "__main__"}
            self._run_cells(Workbench(names))
            self._own = local(names)
        return self._own

    def followed(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on the student's names with the reference in the place of what comes before an exercise."""
        names: dict[str, Any] = {"__name__": "__main__"}
        bench = Workbench(names)
        self._run_cells(bench)
        source, earlier = self._unit.before(exercise)
        bench.perform({"do": "impose", "module": f"before_{exercise}", "source": source, "names": earlier})
        return local(names)

    def may_be_mended(self, exercise: str) -> bool:
        """All cells have run before anything is asked."""
        return False

    def why_missing(self, name: str) -> Text | None:
        """Nothing is told of it here."""
        return None

    def give_up(self, exercise: str) -> None:
        """Nothing stops a process here."""

    def trouble(self, exercise: str) -> Trouble | None:
        """What happened when an exercise's cell ran."""
        self.own(exercise)
        return self._troubles.get(exercise)

    def _run_cells(self, bench: Workbench) -> None:
        for cell in self._submission.cells:
            answer = bench.perform({"do": "run", "name": cell.name, "source": cell.source})
            if cell.kind == "exercise" and "error" in answer and cell.name not in bench.names:
                self._troubles[cell.name] = trouble_of(StudentError.of(answer["error"]))


@cache
def _judge(solutions: str, unit: str) -> UnitJudge:
    torch.set_num_threads(1)
    return unit_judge(solutions, unit)


def points(solutions: str, bare: Bare) -> Scores:
    """The points of one submission's checks."""
    ready, silence = _judge(solutions, bare.unit), io.StringIO()
    unit, blank = ready.unit, bare.submission.blank
    if len(blank) == len(unit.exercises):
        return {(bare.student, bare.unit, check): 0.0 for check in unit.rules}
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdicts = ready.assess(BareBench(unit, bare.submission), f"bare {bare.student}", blank)
    return {
        (bare.student, bare.unit, check): unit.points(check) if verdict.outcome == "passed" else 0.0
        for check, verdict in verdicts.items()
    }


def prepare(submitted: Path, solutions: str, units: Sequence[str]) -> list[Bare]:
    """The submissions of a class, taken apart."""
    return [
        Bare(
            student.name,
            unit,
            rebuild((student / unit / f"{unit}.ipynb").read_bytes(), skeleton(solutions, unit)),
        )
        for student in sorted(submitted.iterdir())
        for unit in units
    ]


_gate: Barrier  # of a pool's process: all of them are warm when it opens


def _enter(gate: Barrier) -> None:
    global _gate
    _gate = gate


def _warm(solutions: str, examples: Sequence[Bare]) -> None:
    for example in examples:
        points(solutions, example)
    _gate.wait(300)


def _points(item: tuple[str, Bare]) -> Scores:
    return points(*item)


def measure(
    submissions: Sequence[Bare], solutions: str, cores: int, tell: Callable[[int, int], None]
) -> tuple[float, Scores]:
    """Seconds for all submissions on warm processes, and the points."""
    examples = list({bare.unit: bare for bare in submissions if not bare.submission.blank}.values())
    context = multiprocessing.get_context("spawn")
    scores: Scores = {}
    with context.Pool(cores, _enter, (context.Barrier(cores),)) as pool:
        pool.starmap(_warm, [(solutions, examples)] * cores, chunksize=1)
        start = time.perf_counter()
        work = pool.imap_unordered(_points, [(solutions, bare) for bare in submissions])
        for done, found in enumerate(work, start=1):
            scores |= found
            tell(done, len(submissions))
        seconds = time.perf_counter() - start
    return seconds, scores
