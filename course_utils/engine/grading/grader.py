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
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ..judging.judge import Verdict
from ..judging.sentences import SENTENCES, Text, filled
from ..making.units import Unit
from ..reading.decoding import ReadError
from .assess import UnitJudge
from .intake import REASONS, IntakeError, Submission, rebuild
from .record import Reading, Record, Score
from .sandbox_bench import SandboxBench
from .task import Task, Unfinished, skeleton, warm_imports
from .worker_state import one_at_a_time, own_sandbox, unit_judge

_FirstVerdicts = tuple[Mapping[str, Verdict], Callable[[Record], Unfinished] | None]  # and what is needed to go on


def grade(task: Task) -> Record | Unfinished:
    """The record of a task: outcome, scores with messages in both languages, the student's sources and answers.

    Where the first pass leaves questions open, what is needed to go on; see `work.grade`.
    """
    with one_at_a_time:
        return _first_pass(task) if task.unfinished is None else _second_pass(task, task.unfinished)


def _first_pass(task: Task) -> Record | Unfinished:
    start = time.perf_counter()
    ready = unit_judge(task.solutions, task.unit)
    verdicts: Mapping[str, Verdict]
    left_open: Callable[[Record], Unfinished] | None = None
    outcome: Reading = "graded"
    message: Text | None = None
    try:
        if task.data is None:
            raise IntakeError(task.reason)
        submission = rebuild(task.data, skeleton(task.solutions, task.unit))
    except ReadError as error:
        outcome = "missing" if error.reason == "missing" else "error"
        message = task.note if task.data is None and task.note else REASONS[error.reason]
        verdicts = {check: Verdict(check, outcome, message) for check in ready.unit.rules}
        submission = Submission((), {}, (), "en")
    else:
        verdicts, left_open = _verdicts(task, ready, submission)
    of_questions = _unread_questions(ready.unit, submission, outcome, message)
    found = task.data is not None and bool(task.note)
    record = Record(
        task.student,
        task.unit,
        outcome,
        _scores(task, ready.unit, {**verdicts, **of_questions}),
        message,
        digest=task.digest,
        seed=task.seed,
        note=task.note if found else None,
        read_from=task.read_from if found else "",
        language=submission.language,
        sources=dict(submission.sources),
        answers=dict(submission.answers),
        seconds=round(time.perf_counter() - start, 3),
    )
    return left_open(record) if left_open else record


def _second_pass(task: Task, unfinished: Unfinished) -> Record:
    start = time.perf_counter()
    ready, record = unit_judge(task.solutions, task.unit), unfinished.record
    submission = rebuild(task.data or b"", skeleton(task.solutions, task.unit))
    with contextlib.closing(_bench(task, ready.unit, submission)) as bench:
        verdicts = ready.follow_through(bench, task.seed, unfinished.questions, submission.sources)
    scores = {score.grade_id: score for score in (*record.scores, *_scores(task, ready.unit, verdicts))}
    return replace(
        record,
        scores=tuple(scores[name] for name in (*ready.unit.rules, *ready.unit.rubric)),
        seconds=round(record.seconds + time.perf_counter() - start, 3),
    )


def _verdicts(task: Task, ready: UnitJudge, submission: Submission) -> _FirstVerdicts:
    if len(submission.blank) == len(ready.unit.exercises):  # nothing to run
        return {check: Verdict(check, "missing", filled("blank")) for check in ready.unit.rules}, None
    with contextlib.closing(_bench(task, ready.unit, submission)) as bench:
        doubtful = bench.redefines_given_names()
        first = ready.first_pass(bench, task.seed, submission.blank, doubtful, submission.sources)
        return first.verdicts, bench.unfinished(first.open) if first.open else None


def _bench(task: Task, unit: Unit, submission: Submission) -> SandboxBench:
    sandbox = own_sandbox(task.sandbox, partial(warm_imports, task.solutions, task.unit))
    return SandboxBench(sandbox, unit, submission, task)


def _scores(task: Task, unit: Unit, verdicts: Mapping[str, Verdict]) -> tuple[Score, ...]:
    """The scores of the checks and questions that have a verdict, in the unit's order."""
    scores = []
    for check, rule in unit.rules.items():
        if check in verdicts:
            points = unit.points(check)
            earned = points if verdicts[check].outcome == "passed" else 0.0
            scores.append(_score(task, rule.exercise, rule.check, earned, points, verdicts[check]))
    for question, rubric in unit.rubric.items():
        if question in verdicts:
            scores.append(_score(task, question, None, 0.0, float(rubric["points"]), verdicts[question]))
    return tuple(scores)


def _unread_questions(
    unit: Unit, submission: Submission, outcome: Reading, message: Text | None
) -> Mapping[str, Verdict]:
    """What is said of the questions that a person marks, before one has."""

    def verdict(question: str) -> Verdict:
        if outcome != "graded":
            return Verdict(question, outcome, message)
        if question in submission.answers:
            return Verdict(question, "manual", SENTENCES["manual"])
        return Verdict(question, "missing", SENTENCES["unanswered"])

    return {question: verdict(question) for question in unit.rubric}


def _score(task: Task, exercise: str, check: str | None, points: float, max_points: float, verdict: Verdict) -> Score:
    message = dict(verdict.message) if verdict.message else None
    return Score(task.student, task.unit, exercise, check, points, max_points, verdict.outcome, message, verdict.hint)
