"""A run of the grader: what there is to grade, an executor to do it, one log, and the files made from the log.

Every finished submission is one line in `log.jsonl`. All other files of the results folder are made from the log's
last line for each student and unit, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Protocol

from ..course import LANGUAGES
from ..harmless import shown_name
from ..judging.sentences import Text
from ..machine import usable_cores
from ..making.units import find_units
from . import journal
from .beside import digest_of
from .finding import MAX_NAMED, Finder
from .folder import is_system_file
from .intake import digest
from .intake_table import Row, write_table
from .log import LOG, PENDING, Changes, Log, append, changes_between, cut_broken_end, locked, read_log
from .plan import Plan, RunError
from .provenance import checks_digest
from .record import Record, in_language
from .task import Task, Unfinished
from .work import grade, grade_alone
from .workers import task_executor

INTERNAL: Text = {
    "en": "This notebook could not be graded; that is not your fault, and your instructor sees it.",
    "zh": "这个 notebook 暂时无法评分；这不是你的问题，老师会看到。",
}
TRIES = 3  # of a task whose worker died under it; a killed worker is replaced


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    records: list[Record]  # the last record of each student and unit
    graded: int  # how many were graded in this run
    unchanged: int  # how many were not, because nothing has changed
    failures: list[str]  # what the grader itself could not do
    read: int = 0  # notebooks of this class that were read, in this run or in an earlier one
    renamed: int = 0  # how many of them lay elsewhere or under another name
    unread: int = 0  # what was handed in and could not be read as a notebook
    students: int = 0  # whose folders there are, and who else is on the roster
    new: int = 0  # how many of those read were graded in this run
    seen: Sequence[Row] = ()  # each file that was found, and what was made of it
    damaged: Sequence[str] = ()  # a sentence for each line of the log that could not be read

    def told(self) -> str:
        """What was read, as a sentence."""
        notebooks = f"{self.read} notebook{'' if self.read == 1 else 's'}"
        class_ = f"{self.students} student{'' if self.students == 1 else 's'}"
        counts = f"{self.renamed} by another name, {self.unread} could not be read"
        return f"read {notebooks} of {class_} ({counts}); {self.new} graded now, {self.read - self.new} unchanged"


# what there is --------------------------------------------------------------------------------------------------------


def students(submitted: Path) -> list[str]:
    """The names of the students' folders. Raises RunError where there are none."""
    if not submitted.is_dir():
        raise RunError(f"{submitted} is not a folder; give the one that holds STUDENT/UNIT/UNIT.ipynb")
    names = sorted(
        entry.name
        for entry in os.scandir(submitted)
        if not is_system_file(entry.name) and (entry.is_symlink() or entry.is_dir())  # a link's end may be closed to us
    )
    if not names:
        raise RunError(
            f"{submitted} holds no student's folder; notebooks belong in STUDENT/UNIT/UNIT.ipynb. "
            f"What a school's system sends is brought into that shape by: course collect SOURCE --into SUBMITTED"
        )
    return names


def _refuse_units_for_students(names: Sequence[str], plan: Plan) -> None:
    """Raise RunError where all folders are called like units: a level is missing, or two are exchanged."""
    known = {unit.name.casefold() for unit in find_units(plan.solutions)}
    if all(name.casefold() in known for name in names):
        raise RunError(
            f"the folders in {plan.submitted} are called like units, not like students; notebooks belong in "
            "STUDENT/UNIT/UNIT.ipynb. Is it one student's folder? Then give the folder above it"
        )


def units_handed_in(finder: Finder, names: Sequence[str], plan: Plan) -> list[str]:
    """The known units that any student handed in. Raises RunError where there is none, with what there is instead."""
    found: set[str] = set()
    for name in names:
        found |= finder.units(name)
    known = [unit.name for unit in find_units(plan.solutions)]
    if not found:
        seen = [path for name in names for path in finder.seen(name)]
        more = f" and {len(seen) - MAX_NAMED} more" if len(seen) > MAX_NAMED else ""
        instead = f"; seen were {', '.join(seen[:MAX_NAMED])}{more}" if seen else ""
        raise RunError(f"no student in {plan.submitted} handed in a unit; known are {', '.join(known)}{instead}")
    return [unit for unit in known if unit in found]


def make_task(plan: Plan, student: str, unit: str, finder: Finder | None = None) -> Task:
    """The task for a student and unit, with a fresh secret seed; finder: the one that has looked at this class."""
    shown = shown_name(student)
    found = (finder or Finder(plan.submitted, plan.solutions)).handed_in(student, unit, shown)
    return Task(
        student=shown,
        unit=unit,
        data=found.data,
        reason=found.reason,
        note=found.note,
        read_from=found.read_from,
        beside=found.beside,
        digest=digest(found.data) if found.data is not None else found.reason,
        seed=secrets.token_hex(16),
        sandbox=plan.sandbox,
        solutions=str(plan.solutions),
        patience=plan.patience,
    )


# the run --------------------------------------------------------------------------------------------------------------


class Writer(Protocol):
    """Writes files from records while a run goes on; see `results.Writer`."""

    def begin(self, units: Sequence[str]) -> None:
        """Get ready for records of these units; called when there is something to grade."""

    def add(self, record: Record) -> None:
        """Take a record that stands in the log."""


def run(
    plan: Plan,
    executor: Executor | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
    confirm: Callable[[Changes], bool] = lambda changes: True,
    writer: Writer | None = None,
) -> Outcome:
    """Grade what is new or changed, and log it.

    executor: where tasks run, by default one that the plan describes; tell: is told how many of how many are done;
    confirm: is asked before a regrade replaces scores, with those that change; writer: is given each record that stands
    in the log for good, while others are still being graded.
    Raises RunError where there is nothing to grade.
    """
    names = students(plan.submitted)
    _refuse_units_for_students(names, plan)
    names = sorted({*names, *plan.people})
    units = [unit.name for unit in find_units(plan.solutions, plan.units)] if plan.units else None
    finder = Finder(plan.submitted, plan.solutions)
    units = units or units_handed_in(finder, names, plan)
    plan = replace(plan, units=tuple(units))
    digests = {unit: checks_digest(plan.solutions, unit) for unit in units}
    place = PENDING if plan.regrade else LOG
    with locked(plan.results):
        cut_broken_end(plan.results / LOG)
        cut_broken_end(plan.results / PENDING)
        log = read_log(plan.results)
        pending = read_log(plan.results, PENDING) if plan.regrade else Log()
        before, damaged = log.last, [*log.damaged, *pending.damaged]
        known = pending.last if plan.regrade else before
        journal.tell_damaged(damaged)
        wanted = [make_task(plan, student, unit, finder) for student in names for unit in units]
        keyed = [(task, _key(task, digests[task.unit], plan.language)) for task in wanted]
        keys = {place: record.key for place, record in known.items()}
        tasks = [(task, key) for task, key in keyed if keys.get((task.student, task.unit)) != key]
        fresh: list[Record] = []
        failures: list[str] = []
        where = plan.dask or f"jobs {plan.jobs or usable_cores()}"
        unchanged = len(wanted) - len(tasks)
        journal.tell_begin(plan.submitted, plan.results, units, where, plan.sandbox, len(tasks), unchanged)
        if writer and tasks:
            writer.begin(units)
        graded = grade_all([task for task, _ in tasks], plan, executor)
        for done, (number, record, fault) in enumerate(graded, start=1):
            task, key = tasks[number]
            if record is None:
                fresh.append(_with_facts(_failed(task), key, plan))
                failures.append(f"{task.student}, {task.unit}: {fault}")
            else:
                record = _with_facts(record, key, plan)
                if task.data is None:
                    record = replace(record, language=plan.language)
                fresh.append(record)
                append(plan.results / place, record)
                if writer and place == LOG:
                    writer.add(record)
            tell(done, len(tasks))
        if plan.regrade:
            fresh = [*known.values(), *fresh]
            changes = changes_between(before, fresh)
            if confirm(changes):
                for record in fresh:
                    append(plan.results / LOG, record)
            else:
                fresh = []
            (plan.results / PENDING).unlink(missing_ok=True)
        after = before | {record.place: record for record in fresh}
        here = [after[task.student, task.unit] for task in wanted if (task.student, task.unit) in after]
        unread = [record for record in here if record.outcome == "error"]
        seen = finder.table({record.place: in_language(record.message, "en") for record in unread})
        write_table(plan.results, seen)
        journal.tell_seen(seen)
    return Outcome(
        [record for _, record in sorted(after.items())],
        len(tasks),
        unchanged,
        failures,
        read=sum(record.is_read for record in here),
        renamed=sum(record.is_read and bool(record.read_from) for record in here),
        unread=len(unread),
        new=sum(record.is_read and any(record is item for item in fresh) for record in here),
        students=len(names),
        seen=seen,
        damaged=damaged,
    )


def _key(task: Task, checks: str, language: str) -> str:
    """What a record is known by: with another of these, a notebook is graded again."""
    if task.data is None and language != LANGUAGES[0]:  # the language of what is told of it
        checks = f"{checks}/{language}"
    note = hashlib.sha256(task.note["en"].encode()).hexdigest()[:8] if task.note else ""
    return "/".join(filter(None, [task.digest, checks, note, digest_of(task.beside)]))


Graded = tuple[int, Record | None, str]  # number of a task; its record, or None and the fault of the grader


def grade_all(tasks: Sequence[Task], plan: Plan, executor: Executor | None = None) -> Iterator[Graded]:
    """The records of tasks as they are finished. A task whose worker died is tried again.

    All first passes end before the first second pass begins: when a submission is asked for its own names, no process
    that holds an answer has run yet, so that nothing that one might leave behind is of use.
    """
    waiting, later = dict(enumerate(tasks)), dict[int, Task]()
    tries = dict.fromkeys(waiting, 0)
    while waiting or later:
        with task_executor(plan, executor, len(waiting) or len(later)) as pool:
            whole = True
            while whole and (waiting or later):
                if not waiting:
                    waiting, later = later, {}
                for number, result in _work(pool, dict(waiting)):
                    if isinstance(result, Exception):  # a worker died, or the grader has a bug: others go on
                        tries[number] += 1
                        journal.tell_failure(waiting[number], result, tries[number], TRIES)
                        if tries[number] < TRIES:
                            continue
                        yield number, None, f"{type(result).__name__}: {result}"
                    elif isinstance(result, Unfinished):
                        later[number] = replace(waiting[number], unfinished=result)
                    else:
                        journal.tell_graded(waiting[number], result, tries[number])
                        yield number, result, ""
                    del waiting[number]
                whole = not waiting  # what is left of a pass gets a new pool


def _work(pool: Executor, tasks: Mapping[int, Task]) -> Iterator[tuple[int, Record | Unfinished | Exception]]:
    """What a pool makes of tasks, as it comes; of those that it did not take any more nothing, unless it took none."""
    futures: dict[Future[Record | Unfinished], int] = {}
    try:
        for number, task in tasks.items():
            futures[pool.submit(grade, task)] = number
    except RuntimeError as error:  # the pool broke while it was being filled, or before
        if not futures:
            yield from ((number, error) for number in tasks)
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except Exception as error:
            yield futures[future], error


def _with_facts(record: Record, key: str, plan: Plan) -> Record:
    """The record as it is logged: with what it is known by, where it was made and when."""
    return replace(
        record,
        key=key,
        sandbox=plan.sandbox,
        versions={"python": platform.python_version(), "torch": metadata.version("torch")},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _failed(task: Task) -> Record:
    """The record of a task at which the grader itself failed; it is not logged, so that the next run tries again."""
    record = grade_alone(replace(task, data=None, reason="unreadable"))
    scores = tuple(replace(score, message=dict(INTERNAL)) for score in record.scores)
    return replace(record, scores=scores, message=dict(INTERNAL))
