"""Grading outside the student's process: inputs in, raw bytes out, verdict here.

`grade` is a pure function from a task to a record, so that any `concurrent.futures.Executor` can run it: one core,
all cores, or a Dask cluster. Each worker process keeps one warm sandbox and the units' truths; each submission gets a
process of its own in the sandbox, and from it come nothing but plain values.

A process that sees files holds no answer, and a process that holds one sees no file. The first pass asks a submission's
own names in a process with the environment in sight; what it leaves open is asked in a second pass, in a blind process
with the reference in the place of earlier exercises.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..judging.judge import Verdict
from ..judging.sentences import SENTENCES, filled
from ..making.units import Unit
from ..reading.decoding import ReadError
from .assess import UnitJudge
from .intake import REASONS, IntakeError, Submission, rebuild
from .sandbox_bench import SandboxBench
from .task import Task, Unfinished, skeleton, warm_imports
from .worker_state import one_at_a_time, own_sandbox, unit_judge


def grade(task: Task) -> dict[str, Any] | Unfinished:
    """The record of a task: outcome, scores with messages in both languages, the student's sources and answers.

    Where the first pass leaves questions open, what is needed to go on; see `work.grade`.
    """
    with one_at_a_time:
        return _first_pass(task) if task.unfinished is None else _second_pass(task, task.unfinished)


def _first_pass(task: Task) -> dict[str, Any] | Unfinished:
    start = time.perf_counter()
    ready = unit_judge(task.solutions, task.unit)
    record: dict[str, Any] = {"student": task.student, "unit": task.unit, "digest": task.digest, "seed": task.seed}
    verdicts: Mapping[str, Verdict]
    unfinished: Unfinished | None = None
    try:
        if task.data is None:
            raise IntakeError(task.reason)
        submission = rebuild(task.data, skeleton(task.solutions, task.unit))
    except ReadError as error:
        outcome = "missing" if error.reason == "missing" else "error"
        message = task.note if task.data is None and task.note else REASONS[error.reason]
        verdicts = {check: Verdict(check, outcome, message) for check in ready.unit.rules}
        submission = Submission((), {}, (), "en")
        record |= {"outcome": outcome, "message": message}
    else:
        record |= {"outcome": "graded", "message": None}
        verdicts, unfinished = _verdicts(task, ready, submission)
    if task.data is not None and task.note:
        record |= {"note": task.note, "read_from": task.read_from}
    record |= {
        "language": submission.language,
        "scores": _scores(task, ready.unit, verdicts) + _open_scores(task, ready.unit, submission, record),
        "sources": dict(submission.sources),
        "answers": dict(submission.answers),
        "seconds": round(time.perf_counter() - start, 3),
    }
    return replace(unfinished, record=record) if unfinished else record


def _second_pass(task: Task, unfinished: Unfinished) -> dict[str, Any]:
    start = time.perf_counter()
    ready, record = unit_judge(task.solutions, task.unit), dict(unfinished.record)
    submission = rebuild(task.data or b"", skeleton(task.solutions, task.unit))
    with contextlib.closing(_bench(task, ready.unit, submission)) as bench:
        verdicts = ready.follow_through(bench, task.seed, unfinished.questions, submission.sources)
    scores = {(score["exercise"], score["check"]): score for score in record["scores"]}
    scores |= {(score["exercise"], score["check"]): score for score in _scores(task, ready.unit, verdicts)}
    order: list[tuple[str, str | None]] = [(rule.exercise, rule.check) for rule in ready.unit.rules.values()]
    order += [(question, None) for question in ready.unit.rubric]
    return record | {
        "scores": [scores[key] for key in order],
        "seconds": round(record["seconds"] + time.perf_counter() - start, 3),
    }


def _verdicts(task: Task, ready: UnitJudge, submission: Submission) -> tuple[Mapping[str, Verdict], Unfinished | None]:
    if len(submission.blank) == len(ready.unit.exercises):  # nothing to run
        return {check: Verdict(check, "missing", filled("blank")) for check in ready.unit.rules}, None
    with contextlib.closing(_bench(task, ready.unit, submission)) as bench:
        doubtful = bench.redefines_given_names()
        first = ready.first_pass(bench, task.seed, submission.blank, doubtful, submission.sources)
        return first.verdicts, bench.unfinished(first.open) if first.open else None


def _bench(task: Task, unit: Unit, submission: Submission) -> SandboxBench:
    sandbox = own_sandbox(task.sandbox, partial(warm_imports, task.solutions, task.unit))
    return SandboxBench(sandbox, unit, submission, task)


def _scores(task: Task, unit: Unit, verdicts: Mapping[str, Verdict]) -> list[dict[str, Any]]:
    """The scores of the checks that have a verdict, in the unit's order."""
    scores = []
    for check, verdict in ((check, verdicts[check]) for check in unit.rules if check in verdicts):
        rule, points = unit.rules[check], unit.points(check)
        earned = points if verdict.outcome == "passed" else 0.0
        scores.append(_score(task, rule.exercise, rule.check, earned, points, verdict))
    return scores


def _open_scores(task: Task, unit: Unit, submission: Submission, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores of the questions that a person marks."""
    scores = []
    for question, rubric in unit.rubric.items():
        if record["outcome"] != "graded":
            verdict = Verdict(question, record["outcome"], record["message"])
        elif question in submission.answers:
            verdict = Verdict(question, "manual", SENTENCES["manual"])
        else:
            verdict = Verdict(question, "missing", SENTENCES["unanswered"])
        scores.append(_score(task, question, None, 0.0, float(rubric["points"]), verdict))
    return scores


def _score(
    task: Task, exercise: str, check: str | None, points: float, max_points: float, verdict: Verdict
) -> dict[str, Any]:
    return {
        "student": task.student,
        "unit": task.unit,
        "exercise": exercise,
        "check": check,
        "points": points,
        "max_points": max_points,
        "outcome": verdict.outcome,
        "message": dict(verdict.message) if verdict.message else None,
        "hint": verdict.hint,
    }
