"""The rule "best": of several attempts that which earns most, after what being late costs each, is graded.

All attempts are graded as notebooks are, in the same sandbox; what each earned is kept in the results folder under the
hashes of attempt and checks, so that none is graded twice. Only points that need no person count here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ..files import write_whole
from .classfile import Class
from .collect.attempts import Attempt, Ledger, locked, place
from .intake import digest
from .plan import Plan
from .provenance import checks_digest
from .record import Place
from .replacing import Rivals
from .run import grade_all
from .task import Task
from .terms import LateRule, arrival_of, judged

KEPT = "attempts.json"  # in the results folder: hashes -> points


@dataclass(frozen=True)
class Choice:
    """The best of several attempts, with the others."""

    attempt: Attempt
    rivals: Rivals


def choose_best(
    plan: Plan, class_: Class, units: Sequence[str], tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[Place, Choice]:
    """The best attempt of each student and unit where there are several; nothing is put in its place yet.

    units: those that are graded; tell: is told how many of how many attempts are done
    """
    with nullcontext() if plan.dry else locked(plan.submitted):
        ledger = Ledger.read(plan.submitted)
        rivals = {
            (student, unit): usable
            for (student, unit, file), attempts in ledger.by_slot().items()
            if unit in units and not file and len(usable := [own for own in attempts if own.is_readable]) > 1
        }
        before = {key.partition("/")[0] for key in _read(plan.results / KEPT)}
        points = _points(plan, ledger, [attempt for attempts in rivals.values() for attempt in attempts], tell)
        chosen = {}
        for place_, attempts in rivals.items():
            best = max(attempts, key=lambda own: (_left(points.get(own.path, 0.0), own, class_), attempts.index(own)))
            order = tuple(attempt.digest for attempt in attempts)
            chosen[place_] = Choice(best, Rivals(ledger.data(best), order, frozenset(before & set(order))))
    return chosen


def place_best(submitted: Path, chosen: Iterable[Choice]) -> None:
    """Put the best attempts where they are graded."""
    with locked(submitted):
        for choice in chosen:
            place(submitted, choice.attempt, choice.rivals.data)


def _left(points: float, attempt: Attempt, class_: Class) -> float:
    arrival = judged(arrival_of(attempt), class_, attempt.unit, class_.person(attempt.student))
    return points - LateRule(**class_.late.model_dump()).penalty(points, arrival.seconds_late)


def _points(
    plan: Plan, ledger: Ledger, attempts: Sequence[Attempt], tell: Callable[[int, int], None]
) -> dict[str, float]:
    """What attempts earn, by their paths."""
    kept = _read(plan.results / KEPT)
    checks = {unit: checks_digest(plan.solutions, unit) for unit in {attempt.unit for attempt in attempts}}
    keys = {attempt.path: f"{attempt.digest}/{checks[attempt.unit]}" for attempt in attempts}
    open_ = [attempt for attempt in attempts if keys[attempt.path] not in kept]
    tasks = []
    for attempt in open_:
        data = ledger.data(attempt)
        tasks.append(
            Task(
                student=attempt.student,
                unit=attempt.unit,
                data=data,
                reason="",
                digest=digest(data),
                seed=secrets.token_hex(16),
                sandbox=plan.sandbox,
                solutions=str(plan.solutions),
                patience=plan.patience,
            )
        )
    for done, (number, record, _) in enumerate(grade_all(tasks, plan), start=1):
        if record is not None:
            kept[keys[open_[number].path]] = sum(score.points for score in record.scores)
        tell(done, len(tasks))
    if open_ and not plan.dry:
        write_whole(plan.results / KEPT, json.dumps(kept, indent=1) + "\n")
    return {path: kept[key] for path, key in keys.items() if key in kept}


def _read(path: Path) -> dict[str, float]:
    try:
        return {str(key): float(points) for key, points in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # they are graded again
