"""What is sent to a worker, and what both sides read of the release; light to import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..course import current, open_course
from ..judging.sentences import Text
from ..making.units import find_units
from .history import History
from .record import Record
from .skeleton import Skeleton


@dataclass(frozen=True)
class Patience:
    """How long and how much a submission may; everything is counted on the trusted side."""

    cell_seconds: float = 8.0  # wall time of one cell; defining functions takes milliseconds
    exercise_seconds: float = 8.0  # wall time of all checks of one exercise
    submission_seconds: float = 60.0  # wall time of the whole notebook with all its fresh starts
    output_bytes: int = 2**26  # what a process may print before it is stopped; it is thrown away as it comes


@dataclass(frozen=True)
class Task:
    """One notebook to grade, with all that a worker elsewhere needs beside the release."""

    student: str
    unit: str
    data: bytes | None  # the notebook; None where it could not be read, for the reason below
    reason: str  # key of intake.REASONS, empty where there are data
    digest: str  # hash of the data, or the reason
    seed: str  # start of the hidden draws
    sandbox: str  # "bwrap" or "none"
    solutions: str = field(default_factory=lambda: str(current().folder))
    patience: Patience = field(default_factory=Patience)
    note: Text | None = None  # how the notebook was found; where there is none to read, in the place of the reason
    read_from: str = ""  # where it lay, if that was not at its place under its name
    beside: tuple[tuple[str, bytes], ...] = ()  # files that lay beside the notebook: path below its folder, content
    unfinished: Unfinished | None = None  # what the first pass over it left


@dataclass(frozen=True)
class Unfinished:
    """A notebook after its first pass, with questions that need answers of the reference to be asked again.

    It is plain data, so that the second pass can run in any worker on any machine.
    """

    record: Record  # as it will be logged, without the scores of the open exercises
    questions: Mapping[str, tuple[str, ...] | None]  # see assess.FirstPass
    history: History  # how its cells ran
    modules: tuple[str, ...]  # what the cells and the checks have imported, by their own word
    seconds: float  # of the notebook's time that are spent


@cache
def skeleton(solutions: str, unit: str) -> Skeleton:
    """The skeleton of a unit's release."""
    course = open_course(Path(solutions))
    first, *others = (course.notebooks / name / unit / f"{unit}.ipynb" for name in course.languages)
    translated = [json.loads(path.read_text(encoding="utf-8")) for path in others if path.is_file()]
    return Skeleton.of(unit, json.loads(first.read_text(encoding="utf-8")), *translated)


@cache
def warm_imports(solutions: str, unit: str) -> tuple[str, ...]:
    """What a sandbox imports once for all submissions of a unit: what its set-up cells import, and its own `warm`."""
    return *find_units(Path(solutions), [unit])[0].warm, *skeleton(solutions, unit).imports()
