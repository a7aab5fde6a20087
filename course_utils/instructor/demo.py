"""The demo: the whole way of a class from the release to the pages, on made-up submissions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.table import Table

from ..engine.course import current
from ..engine.grading.plan import Plan, secrets_of
from ..engine.grading.record import Record
from ..engine.grading.run import run
from ..engine.making import release as builder
from ..engine.making.units import find_units
from ..engine.proving import sample
from ..engine.telling.results import Writer
from ..engine.walls.proofs import find_mode
from ..engine.walls.unavailable import SandboxUnavailable


def run_demo(console: Console, progress: Callable[[str], AbstractContextManager[Callable[[int, int], None]]]) -> None:
    """Build the release, make a class, grade it, write the pages, print the marks, and say where to look."""
    start = time.perf_counter()
    console.rule("1. The release")
    for sentence in builder.build():
        console.print(sentence, markup=False)
    console.print("student notebooks:", ", ".join(f"notebooks/{language}" for language in current().languages))
    console.rule("2. A class hands in")
    course = current()
    folder = course.build / "demo"
    submitted, results = folder / "submitted", folder / "results"
    shutil.rmtree(folder, ignore_errors=True)
    units = find_units(course.folder)
    for student, unit, notebook in sample.demo_class(units):
        sample.write(submitted, student, unit, notebook)
    students = sorted(path.name for path in submitted.iterdir())
    console.print(f"{len(students)} students: {', '.join(students)}", markup=False)
    console.rule("3. Grading")
    try:
        mode = find_mode("auto", secrets_of(submitted, results))
    except SandboxUnavailable as error:
        console.print(f"No sandbox here, so the demo grades its own notebooks without one. ({error})", markup=False)
        mode = "none"
    plan = Plan(submitted, results, sandbox=mode)
    writer = Writer(plan)
    with progress("grading") as tell:
        outcome = run(plan, tell=tell, writer=writer)
    with progress("writing pages") as tell:
        writer.finish(outcome.records, tell)
    console.print(marks(outcome.records))
    console.rule("4. Where to look")
    shown = results.relative_to(course.top)
    console.print(f"the class:       {shown}/class.html", markup=False)
    console.print(f"a student:       {shown}/feedback/{students[-1]}/{units[0].name}.html", soft_wrap=True)
    console.print(f"scores as files: {shown}/scores.csv, scores.json, gradebook.db", markup=False)
    console.print(f"{outcome.told()}; {time.perf_counter() - start:.0f} s, sandbox: {mode}", markup=False)
    if outcome.failures:
        raise SystemExit(1)


def marks(records: list[Record]) -> Table:
    """The table of marks: a row per student, a column per unit."""
    units = sorted({record.unit for record in records})
    table = Table("student", *units, title="Points of those that need no person")
    for student in sorted({record.student for record in records}):
        row = []
        for unit in units:
            scores = [score for record in records if record.place == (student, unit) for score in record.scores]
            checks = [score for score in scores if score.check]
            points, most = sum(score.points for score in checks), sum(score.max_points for score in checks)
            row.append(f"{points:g} of {most:g}")
        table.add_row(student, *row)
    return table
