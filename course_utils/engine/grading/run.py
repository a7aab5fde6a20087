"""A run of the grader: what there is to grade, an executor to do it, one log, and the files made from the log.

Every finished submission is one line in `log.jsonl`. All other files of the results folder are made from the log's
last line for each student and unit, so a run that was killed goes on where it stopped. Where marks that stand would
change, the lines wait in a file of their own until somebody has agreed, and nothing else is written; see `replacing`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import nullcontext
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
from . import journal, provenance
from .beside import digest_of
from .finding import MAX_NAMED, Finder
from .folder import is_system_file
from .intake import digest
from .intake_table import Row, write_table
from .log import LOG, REGRADE, WAITING, append, cut_broken_end, locked, read_log
from .plan import Plan, RunError
from .record import Place, Record, in_language
from .replacing import Asker, Proposal, checks_of, key_of, read_checks, told_difference, why_again, write_checks
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
    accepted: bool = True  # whether what was graded stands in the log
    gone: Sequence[str] = ()  # who has marks, and neither a folder any more nor a place on the roster

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
    asker: Asker | None = None,
    writer: Writer | None = None,
) -> Outcome:
    """Grade what is new or changed, and log it; see `run_alone`. Raises RunError where another run is under way."""
    _refuse_units_for_students(students(plan.submitted), plan)  # before the results have a folder
    with nullcontext() if plan.dry else locked(plan.results):
        return run_alone(plan, executor, tell, asker, writer)


def run_alone(
    plan: Plan,
    executor: Executor | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
    asker: Asker | None = None,
    writer: Writer | None = None,
) -> Outcome:
    """The same for whoever has the results folder for himself by now, with `log.locked`.

    executor: where tasks run, by default one that the plan describes; tell: is told how many of how many are done;
    asker: is asked before marks that stand change; writer: is given each record that stands in the log for good, while
    others are still being graded.
    Raises RunError where there is nothing to grade; what the asker raises, with all that was graded kept aside.
    """
    asker = asker or Asker()
    job = _find_work(plan, asker)
    plan, waiting = job.plan, plan.results / job.waiting
    path = plan.results / LOG
    direct = not job.held and not plan.dry  # into the log as it comes
    if direct:
        asker.accept()
    if writer and job.changed and not plan.dry:
        writer.begin(plan.units)
    for record in job.done if direct else ():
        append(path, record)
    fresh, failed, failures = list(job.done), list[Record](), list[str]()
    for done, (number, found, fault) in enumerate(grade_all([task for task, _ in job.tasks], plan, executor), start=1):
        task, key = job.tasks[number]
        if found is None:
            failed.append(_with_facts(_failed(task), key, plan))
            failures.append(f"{task.student}, {task.unit}: {fault}")
        else:
            record = _with_facts(found, key, plan)
            if task.data is None:
                record = replace(record, language=plan.language)
            fresh.append(record)
            if not plan.dry:
                append(path if direct else waiting, record)
            if writer and direct:
                writer.add(record)
        tell(done, len(job.tasks))
    # where the grader itself failed, the mark that the same hand-in has already stands
    fallen = {record.place: record for record in failed if record.place not in job.before or record.place in job.new}
    after = {**job.before, **{record.place: record for record in fresh}, **fallen}
    accepted = direct or _ask(job, asker, after, fresh)
    if not accepted:
        after = dict(job.before)
    here = [after[task.student, task.unit] for task in job.wanted if (task.student, task.unit) in after]
    unread = [record for record in here if record.outcome == "error"]
    seen = job.finder.table({record.place: in_language(record.message, "en") for record in unread})
    if accepted:
        for name in (WAITING, REGRADE):
            (plan.results / name).unlink(missing_ok=True)
        write_checks(plan.results, job.known_checks(), after.values())
        write_table(plan.results, seen)
        journal.tell_seen(seen)
    return Outcome(
        [record for _, record in sorted(after.items())],
        len(job.tasks),
        len(job.wanted) - len(job.tasks),
        failures,
        read=sum(record.is_read for record in here),
        renamed=sum(record.is_read and bool(record.read_from) for record in here),
        unread=len(unread),
        new=sum(record.is_read and any(record is item for item in fresh) for record in here),
        students=len(job.names),
        seen=seen,
        damaged=job.damaged,
        accepted=accepted,
        gone=sorted({student for student, _ in job.before} - {task.student for task in job.wanted}),
    )


@dataclass(frozen=True)
class _Job:
    """What there is to do in a run, and what is known before it."""

    plan: Plan
    finder: Finder
    names: Sequence[str]  # of students
    facts: Mapping[str, Mapping[str, str]]  # of each unit what decides its marks
    before: Mapping[Place, Record]  # the records that stand
    damaged: Sequence[str]
    wanted: Sequence[Task]  # one for each student and unit
    changed: Sequence[tuple[Task, str]]  # those whose key is not that of their record, with it
    reasons: Mapping[Place, str]  # of these, those that are no new hand-in: why they are graded again
    tasks: Sequence[tuple[Task, str]]  # of these, those that no record waits for
    done: Sequence[Record]  # the others' records: graded before, but not agreed to yet
    held: bool  # whether marks that stand may change, so that somebody has to agree first

    @property
    def new(self) -> set[Place]:
        """Hand-ins that no mark was given for."""
        return {(task.student, task.unit) for task, _ in self.changed} - set(self.reasons)

    @property
    def waiting(self) -> str:
        """The file in which records wait."""
        return REGRADE if self.plan.regrade else WAITING

    def known_checks(self) -> dict[str, dict[str, Mapping[str, str]]]:
        """What decides marks, and what did; see `replacing.read_checks`."""
        known: dict[str, dict[str, Mapping[str, str]]] = {
            unit: {**digests} for unit, digests in read_checks(self.plan.results).items()
        }
        for unit, facts in self.facts.items():
            known[unit] = {**known.get(unit, {}), provenance.digest(facts): facts}
        return known


def _find_work(plan: Plan, asker: Asker) -> _Job:
    """Look at a class and its log, and say what there is to do. Raises RunError where there is nothing to grade."""
    names = students(plan.submitted)
    _refuse_units_for_students(names, plan)
    names = sorted({*names, *plan.people})
    units = [unit.name for unit in find_units(plan.solutions, plan.units)] if plan.units else None
    finder = Finder(plan.submitted, plan.solutions, {place: rivals.data for place, rivals in plan.rivals.items()})
    units = units or units_handed_in(finder, names, plan)
    plan = replace(plan, units=tuple(units))
    facts = {unit: provenance.deciding(plan.solutions, unit) for unit in units}
    digests = {unit: provenance.digest(found) for unit, found in facts.items()}
    waiting = REGRADE if plan.regrade else WAITING
    if not plan.dry:
        cut_broken_end(plan.results / LOG)
        cut_broken_end(plan.results / waiting)
    log, kept, known = read_log(plan.results), read_log(plan.results, waiting), read_checks(plan.results)
    journal.tell_damaged([*log.damaged, *kept.damaged])
    wanted = [make_task(plan, student, unit, finder) for student in names for unit in units]
    changed, reasons = [], dict[Place, str]()
    for task in wanted:
        key, place = _key(task, digests[task.unit], plan.language), (task.student, task.unit)
        record = log.last.get(place)
        if plan.regrade or record is None or record.key != key:
            changed.append((task, key))
            if record is not None and (why := _why_again(record, task, key, plan, finder)) is not None:
                old = known.get(task.unit, {}).get(checks_of(record.key))
                reasons[place] = why or told_difference(old, facts[task.unit])
    new = {(task.student, task.unit) for task, _ in changed} - set(reasons)
    standing = {place: record for place, record in log.last.items() if place not in new}
    keys = {place: record.key for place, record in kept.last.items()}
    tasks = [(task, key) for task, key in changed if keys.get((task.student, task.unit)) != key]
    done = {(task.student, task.unit) for task, key in changed if keys.get((task.student, task.unit)) == key}
    where = plan.dask or f"jobs {plan.jobs or usable_cores()}"
    unchanged = len(wanted) - len(tasks)
    journal.tell_begin(plan.submitted, plan.results, units, where, plan.sandbox, len(tasks), unchanged)
    return _Job(
        plan=plan,
        finder=finder,
        names=names,
        facts=facts,
        before=log.last,
        damaged=[*log.damaged, *kept.damaged],
        wanted=wanted,
        changed=changed,
        reasons=reasons,
        tasks=tasks,
        done=[record for place, record in kept.last.items() if place in done],
        held=plan.regrade or bool(reasons) or asker.holds(standing),
    )


def _ask(job: _Job, asker: Asker, after: Mapping[Place, Record], fresh: Sequence[Record]) -> bool:
    """Whether marks were taken over: asked, and where the answer is yes, done."""
    yes = asker.confirm(Proposal(job.before, after, job.reasons, tuple(sorted(job.new))))
    if job.plan.dry:
        return False
    if yes:
        asker.accept()
        for record in fresh:
            append(job.plan.results / LOG, record)
    elif job.plan.regrade:
        (job.plan.results / REGRADE).unlink(missing_ok=True)  # or the next one would grade nothing
    return yes


def _key(task: Task, checks: str, language: str) -> str:
    """What a record is known by: with another of these, a notebook is graded again."""
    told_in = language if task.data is None and language != LANGUAGES[0] else ""  # the language of what is told of it
    note = hashlib.sha256(task.note["en"].encode()).hexdigest()[:8] if task.note else ""
    return key_of(task, checks, told_in, note, digest_of(task.beside))


def _why_again(record: Record, task: Task, key: str, plan: Plan, finder: Finder) -> str | None:
    """Why what was graded is graded anew, as `replacing.why_again`."""
    is_other = record.digest != task.digest and task.data is not None
    unreadable = is_other and record.is_read and bool(finder.look_into(task.data or b"")[2])
    return why_again(record, task, key, digest_of(task.beside), plan.rivals.get(record.place), unreadable)


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
