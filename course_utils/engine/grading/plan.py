"""What to grade and how, what of it no submission may read, and the error of a run that cannot start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..course import current
from ..walls.shown_paths import Secret
from .record import Place
from .replacing import Rivals
from .task import Patience


class RunError(ValueError):
    """A run that cannot start; one sentence says the rule, what came and what to try."""


@dataclass(frozen=True)
class Plan:
    """What to grade and how."""

    submitted: Path
    results: Path
    units: tuple[str, ...] = ()  # none: every unit that any student handed in
    jobs: int = 0  # worker processes; 0: one per core
    dask: str = ""  # address of a Dask scheduler; empty: this machine
    sandbox: str = "bwrap"
    regrade: bool = False  # grade again what has not changed
    solutions: Path = field(default_factory=lambda: current().folder)
    patience: Patience = field(default_factory=Patience)
    people: tuple[str, ...] = ()  # of the roster, who stand in the results whether or not they have a folder
    language: str = "en"  # of pages on which no notebook says it
    dry: bool = False  # write nothing; only find out what there is to do, and what would come of it
    rivals: Mapping[Place, Rivals] = field(default_factory=dict)  # where the best of several attempts counts


def secrets_of(submitted: Path, results: Path, solutions: Path | None = None) -> tuple[Secret, ...]:
    """What of a run no submission may read; solutions: those of the course at hand."""
    solutions = solutions or current().folder
    return Secret(submitted, "the submissions"), Secret(results, "the results"), Secret(solutions, "the solutions")
