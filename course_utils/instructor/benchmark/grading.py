"""The part "grading": plain nbgrader, this engine and the limit on the same submissions.

- plain nbgrader: `nbgrader autograde UNIT` on the release, as an instructor would run it, for a sample of the class
- this engine on one core and on all: `course grade SUBMITTED`, as an instructor would run it, from the start of the
  command to the last page written, gradebook included; memory is watched in a run of its own, which is not timed
- the limit: see `bare.py`

Experiment cells are off for all. Only numbers of one run are compared: machines differ, and hours do.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from ...engine.course import current
from ...engine.grading import assess, grader
from ...engine.grading.log import LOG
from ...engine.grading.plan import Plan
from ...engine.grading.run import make_task, run, students
from ...engine.grading.sandbox_bench import SandboxBench
from ...engine.grading.scores import read_scores
from ...engine.grading.session import Session
from ...engine.grading.work import grade_alone
from ...engine.grading.worker_state import own_sandbox
from ...engine.making.lesson import read
from ...engine.making.release import generate, source_notebook
from ...engine.making.units import Unit
from ...engine.telling import gradebook, results
from ...engine.telling.pages import classroom, feedback
from ...engine.walls import sandbox
from . import bare
from .bare import Scores
from .classes import write_class
from .meters import Peak, Stopwatch, apart, on_cores

LOOK_SECONDS = 0.1  # between two looks at how far the command is

Tell = Callable[[int, int], None]
Progress = Callable[[str], AbstractContextManager[Tell]]


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    units: tuple[str, ...]
    students: int = 30
    nbgrader_sample: int = 4  # students whom plain nbgrader grades too; it needs seconds for each notebook; 0: nobody
    cores: int = 2
    sandbox: str = "bwrap"


@dataclass
class Measured:
    """What was found; what was not measured is None."""

    submissions: int = 0
    nbgrader_submissions: int = 0
    minutes: dict[str, float] = field(default_factory=dict)  # way -> notebooks per minute
    peak_mib: float = 0.0
    first_seconds: float = 0.0  # until the first notebook was graded, on all cores
    shares: dict[str, float] = field(default_factory=dict)  # what for -> milliseconds per notebook, one after the other
    differences: list[str] = field(default_factory=list)

    def part(self) -> dict[str, Any]:
        """The object `grading` of the file."""
        per_minute = {f"{way}_per_minute": round(value, 2) for way, value in self.minutes.items()}
        part: dict[str, Any] = {"submissions": self.submissions} | per_minute
        if "nbgrader" in self.minutes:
            part["ratio"] = round(self.minutes["all_cores"] / self.minutes["nbgrader"], 2)
        part["limit_ratio"] = round(self.minutes["limit"] / self.minutes["all_cores"], 2)
        return part | {"peak_mib": round(self.peak_mib), "scores_equal": not self.differences}


def measure(folder: Path, units: Sequence[Unit], settings: Settings, progress: Progress) -> Measured:
    """Measure everything on one class that is written into a folder."""
    found, names = Measured(), [unit.name for unit in units]
    solutions = str(units[0].folder.parent)
    submitted = folder / "submitted"
    found.submissions = write_class(submitted, units, settings.students)
    scores: dict[str, Scores] = {}

    if settings.nbgrader_sample:
        with progress("plain nbgrader") as tell:
            seconds, count, scores["nbgrader"] = _nbgrader(folder / "nbgrader", submitted, units, settings, tell)
        found.nbgrader_submissions, found.minutes["nbgrader"] = count, 60 * count / seconds
    for way, cores in (("one_core", 1), ("all_cores", settings.cores)):
        plan = Plan(submitted, folder / way, tuple(names), sandbox=settings.sandbox)
        with progress(f"this engine, {way.replace('_', ' ')}") as tell, on_cores(cores):
            timing, scores[way] = _engine(plan, tell)
        found.minutes[way], found.first_seconds = 60 * found.submissions / timing["all"], timing["first"]
    with progress("this engine, its memory") as tell, on_cores(settings.cores):
        _engine(Plan(submitted, folder / "memory", tuple(names), sandbox=settings.sandbox), tell, peak := Peak())
    found.peak_mib = peak.mib
    with progress("the limit") as tell:
        taken = bare.prepare(submitted, solutions, names)
        seconds, scores["limit"] = bare.measure(taken, solutions, settings.cores, tell)
    found.minutes["limit"] = 60 * found.submissions / seconds
    with progress("where the time goes") as tell:
        few = folder / "few"
        write_class(few, units, min(FEW, settings.students))
        plan = Plan(few, folder / "shares", tuple(names), 1, sandbox=settings.sandbox, solutions=Path(solutions))
        found.shares = apart(_shares, plan, tell=tell)
    found.differences = differences(scores)
    return found


def differences(scores: Mapping[str, Scores]) -> list[str]:
    """A line for each check that two ways of grading give different points, where both of them graded it."""
    lines = []
    for place in sorted(set().union(*scores.values())):
        given = {way: points[place] for way, points in scores.items() if place in points}
        if len(set(given.values())) > 1:
            lines.append(", ".join(place) + ": " + ", ".join(f"{way} {points:g}" for way, points in given.items()))
    return lines


# plain nbgrader -------------------------------------------------------------------------------------------------------


def _nbgrader(
    root: Path, submitted: Path, units: Sequence[Unit], settings: Settings, tell: Tell
) -> tuple[float, int, Scores]:
    """Seconds, number of notebooks and points of some students, graded by nbgrader's own command."""
    names = students(submitted)
    step = max(1, len(names) // settings.nbgrader_sample)
    chosen = names[1::step][: settings.nbgrader_sample] or names  # not the blank one, which is quickest
    for name in chosen:
        shutil.copytree(submitted / name, root / "submitted" / name)
    for unit in units:
        generate(source_notebook(unit, read(unit), "en"), unit, root)
    seconds = 0.0
    for done, unit in enumerate(units):
        tell(done, len(units))
        command = [sys.executable, "-m", "nbgrader", "autograde", unit.name, f"--CourseDirectory.root={root}"]
        start = time.perf_counter()
        process = subprocess.run(command, cwd=current().top, capture_output=True, text=True, check=False)
        seconds += time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(f"nbgrader autograde {unit.name} failed: {process.stderr.strip()[-500:]}")
    scores: Scores = {}
    with contextlib.closing(Gradebook(f"sqlite:///{root / 'gradebook.db'}")) as book:
        for unit in units:
            for name in chosen:
                notebook = book.find_submission_notebook(unit.name, unit.name, name)
                for grade in notebook.grades:
                    if grade.name in unit.rules:
                        scores[name, unit.name, grade.name] = float(grade.auto_score or 0.0)
    return seconds, len(chosen) * len(units), scores


# this engine ----------------------------------------------------------------------------------------------------------


def _engine(plan: Plan, tell: Tell, peak: Peak | None = None) -> tuple[dict[str, float], Scores]:
    """Seconds until the first notebook is in the log and until all is written, and the points.

    peak: is told of the memory that all processes of the command take.
    """
    command = [sys.executable, "-m", "course_utils", "grade", str(plan.submitted), "--results", str(plan.results)]
    command += ["--sandbox", plan.sandbox, *(word for unit in plan.units for word in ("--unit", unit))]
    log, total, timing = plan.results / LOG, len(plan.units) * len(students(plan.submitted)), dict[str, float]()
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=current().top, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while process.poll() is None:
            done = log.read_bytes().count(b"\n") if log.exists() else 0
            if done:
                timing.setdefault("first", time.perf_counter() - start)
            tell(done, total)
            if peak:
                peak.look(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
        timing["all"] = time.perf_counter() - start
        said = process.stdout.read().decode(errors="replace") if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"course grade failed: {said.strip()[-500:]}")
    scores = read_scores(plan.results).scores
    return timing, {(score.student, score.unit, score.grade_id): score.points for score in scores if score.check}


STEPS = (  # the grader's functions by what their time is for
    (grader, "rebuild", "intake"),
    (sandbox.Sandbox, "spawn", "start and end of processes"),
    (sandbox.Child, "close", "start and end of processes"),
    (SandboxBench, "_run", "cells"),
    (assess.UnitJudge, "_true", "checks, truth's side"),
    (assess.UnitJudge, "_told", "verdicts and hints"),
    (results, "forms", "gradebook"),
    (gradebook, "write_gradebook", "gradebook"),
    (gradebook.Autograded, "write", "gradebook"),
    (feedback, "write_page", "pages"),
    (classroom, "write_class_page", "pages"),
)
FEW = 10  # students whose notebooks are looked at more closely


class _Here(Executor):
    """Runs everything in this very process, at once."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


def _shares(plan: Plan, tell: Tell) -> dict[str, float]:
    """Milliseconds per notebook by what they are for, on one core, with everything warm."""
    watch = Stopwatch()
    for unit in plan.units:
        grade_alone(make_task(plan, students(plan.submitted)[-1], unit))

    def asking(session: object, request: object) -> str:
        return "" if watch.current() == "cells" else "checks, student's side"

    with contextlib.ExitStack() as stack:
        for owner, name, what in STEPS:
            stack.enter_context(watch.on(owner, name, lambda *args, what=what, **kwargs: what))
        stack.enter_context(watch.on(Session, "ask", asking))
        with watch.measuring("all else"):
            outcome = run(plan, _Here(), tell)
            results.Writer(plan).finish(outcome.records)
    own_sandbox(plan.sandbox).close()
    return {
        what: 1000 * seconds / outcome.graded
        for what, seconds in sorted(watch.seconds.items(), key=lambda item: -item[1])
    }
