"""A run of the grader: what there is to grade, an executor to do it, one log, and the files made from the log.

Every finished submission is one line in `log.jsonl`. All other files of the results folder are made from the log's
last line for each student and unit, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import multiprocessing
import os
import platform
import resource
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Protocol

from ..judging.sentences import Text
from ..machine import usable_cores
from ..making import files
from ..making.units import find_units
from ..telling.harmless import cell_of_name, shown_name
from ..walls.sandbox import WARM_IMPORTS, Mode, SandboxHost
from ..walls.shown_paths import Secret
from . import journal
from .finding import MAX_NAMED, Finder, Row, is_system_file, write_table
from .intake import digest
from .task import Patience, Task, Unfinished, grade, grade_alone, warm_imports

Record = dict[str, Any]

INTERNAL: Text = {
    "en": "This notebook could not be graded; that is not your fault, and your instructor sees it.",
    "zh": "这个笔记本暂时无法评分；这不是你的问题，老师会看到。",
}
LOG = "log.jsonl"
PENDING = "regrade.jsonl"  # a regrade that has not replaced the scores yet
TRIES = 3  # of a task whose worker died under it; a killed worker is replaced


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
    solutions: Path = files.SOLUTIONS
    patience: Patience = field(default_factory=Patience)


def secrets_of(submitted: Path, results: Path, solutions: Path = files.SOLUTIONS) -> tuple[Secret, ...]:
    """What of a run no submission may read."""
    return Secret(submitted, "the submissions"), Secret(results, "the results"), Secret(solutions, "the solutions")


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
    students: int = 0  # whose folders there are
    new: int = 0  # how many of those read were graded in this run
    seen: Sequence[Row] = ()  # each file that was found, and what was made of it

    def told(self) -> str:
        """What was read, as a sentence."""
        notebooks = f"{self.read} notebook{'' if self.read == 1 else 's'}"
        class_ = f"{self.students} student{'' if self.students == 1 else 's'}"
        counts = f"{self.renamed} by another name, {self.unread} could not be read"
        return f"read {notebooks} of {class_} ({counts}); {self.new} graded now, {self.read - self.new} unchanged"


# what there is ------------------------------------------------------------------------------------------------------


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
        raise RunError(f"{submitted} holds no student's folder; notebooks belong in STUDENT/UNIT/UNIT.ipynb")
    return names


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


def checks_digest(solutions: Path, unit: str) -> str:
    """A hash of all that decides a verdict on a unit: its folder, the rules, the judge, the versions."""
    state = hashlib.sha256(f"{platform.python_version()} {metadata.version('torch')}".encode())
    package = Path(__file__).resolve().parents[2]
    decisive = [
        *(package / "selfcheck").rglob("*.py"),
        *(path for room in ("asking", "judging") for path in (package / "engine" / room).glob("*.py")),
        Path(__file__).with_name("assess.py"),
        Path(__file__).with_name("intake.py"),
    ]
    found = [*(solutions / unit).glob("*.py"), *(solutions / unit).glob("*.yml"), *decisive]
    for path in sorted(found, key=lambda path: (path.parent.name, path.name)):  # the same wherever the course lies
        state.update(path.name.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()[:16]


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
        digest=digest(found.data) if found.data is not None else found.reason,
        seed=secrets.token_hex(16),
        sandbox=plan.sandbox,
        solutions=str(plan.solutions),
        patience=plan.patience,
    )


# the log --------------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(results: Path) -> Iterator[None]:
    """The results folder for this process alone. Raises RunError where another run holds it or it cannot be."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        handle = (results / ".lock").open("ab")
    except OSError as error:
        raise RunError(f"{results} cannot hold results ({error.strerror}); take another folder: --results") from None
    with handle as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another run is grading into {results}; wait for it or take another --results") from None
        yield


def _cut_broken_end(path: Path) -> None:
    """Take away a last line that a kill left unfinished."""
    if not path.exists():
        return
    with path.open("rb+") as log:
        size = end = log.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 2**16)
            log.seek(start)
            cut = log.read(end - start).rfind(b"\n")
            if cut >= 0:
                end = start + cut + 1
                break
            end = start
        if end != size:
            log.truncate(end)


def read_log(results: Path, name: str = LOG) -> dict[tuple[str, str], Record]:
    """The last record of each student and unit."""
    last: dict[tuple[str, str], Record] = {}
    try:
        with (results / name).open("rb") as log:
            for line in log:
                try:
                    record = json.loads(line)
                    last[record["student"], record["unit"]] = record
                except (ValueError, KeyError, TypeError):
                    continue  # an unfinished line
    except FileNotFoundError:
        pass
    return last


# the run ------------------------------------------------------------------------------------------------------------


Changes = list[tuple[str, str, str, float, float]]  # student, unit, check, points before, points now


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
    units = [unit.name for unit in find_units(plan.solutions, plan.units)] if plan.units else None
    finder = Finder(plan.submitted, plan.solutions)
    units = units or units_handed_in(finder, names, plan)
    plan = replace(plan, units=tuple(units))
    digests = {unit: checks_digest(plan.solutions, unit) for unit in units}
    place = PENDING if plan.regrade else LOG
    with _locked(plan.results):
        _cut_broken_end(plan.results / LOG)
        _cut_broken_end(plan.results / PENDING)
        before = read_log(plan.results)
        known = read_log(plan.results, PENDING) if plan.regrade else before
        wanted = [make_task(plan, student, unit, finder) for student in names for unit in units]
        keyed = [(task, _key(task, digests[task.unit])) for task in wanted]
        tasks = [(task, key) for task, key in keyed if known.get((task.student, task.unit), {}).get("key") != key]
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
                fresh.append(_failed(task) | _facts(key, plan))
                failures.append(f"{task.student}, {task.unit}: {fault}")
            else:
                record |= _facts(key, plan)
                fresh.append(record)
                _append(plan.results / place, record)
                if writer and place == LOG:
                    writer.add(record)
            tell(done, len(tasks))
        if plan.regrade:
            fresh = [*known.values(), *fresh]
            changes = _changes(before, fresh)
            if confirm(changes):
                for record in fresh:
                    _append(plan.results / LOG, record)
            else:
                fresh = []
            (plan.results / PENDING).unlink(missing_ok=True)
        after = before | {(record["student"], record["unit"]): record for record in fresh}
        here = [after[task.student, task.unit] for task in wanted if (task.student, task.unit) in after]
        unread = [record for record in here if record["outcome"] == "error"]
        seen = finder.table({(record["student"], record["unit"]): record["message"]["en"] for record in unread})
        write_table(plan.results, seen)
        journal.tell_seen(seen)
    return Outcome(
        [record for _, record in sorted(after.items())],
        len(tasks),
        unchanged,
        failures,
        read=sum(record["outcome"] == "graded" for record in here),
        renamed=sum(record["outcome"] == "graded" and bool(record.get("read_from")) for record in here),
        unread=len(unread),
        new=sum(record["outcome"] == "graded" and any(record is item for item in fresh) for record in here),
        students=len(names),
        seen=seen,
    )


def _key(task: Task, checks: str) -> str:
    """What a record is known by: with another of these, a notebook is graded again."""
    note = hashlib.sha256(task.note["en"].encode()).hexdigest()[:8] if task.note else ""
    return f"{task.digest}/{checks}/{note}" if note else f"{task.digest}/{checks}"


def _append(path: Path, record: Record) -> None:
    """Add a line in one write; a kill leaves a whole line or an unfinished last one, which the next run cuts off."""
    with path.open("ab", buffering=0) as log:
        log.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


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
                        whole, tries[number] = False, tries[number] + 1
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


def _work(pool: Executor, tasks: Mapping[int, Task]) -> Iterator[tuple[int, Record | Unfinished | Exception]]:
    """What a pool makes of tasks, as it comes; nothing of those that a broken pool does not take."""
    futures: dict[Future[Record | Unfinished], int] = {}
    with contextlib.suppress(RuntimeError):  # the pool broke while it was being filled
        for number, task in tasks.items():
            futures[pool.submit(grade, task)] = number
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except Exception as error:
            yield futures[future], error


def _facts(key: str, plan: Plan) -> Record:
    versions = {"python": platform.python_version(), "torch": metadata.version("torch")}
    return {
        "key": key,
        "sandbox": plan.sandbox,
        "versions": versions,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _failed(task: Task) -> Record:
    """The record of a task at which the grader itself failed; it is not logged, so that the next run tries again."""
    record = grade_alone(replace(task, data=None, reason="unreadable"))
    for score in record["scores"]:
        score["message"] = dict(INTERNAL)
    return record | {"message": dict(INTERNAL)}


def nursery() -> ForkServerContext:
    """Where worker processes come from: one process that has imported the engine and torch, and forks them.

    It starts with the first call and needs two seconds; whoever will grade may call this before anything else.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["course_utils.engine.grading.nursery"])
    forkserver.ensure_running()
    return context


@contextmanager
def task_executor(plan: Plan, given: Executor | None, tasks: int) -> Iterator[Executor]:
    """The given executor, else the one that a plan describes, for as long as the context lasts."""
    if given is not None:
        yield given
    elif plan.dask:
        from .cluster import dask_executor

        with dask_executor(plan.dask) as pool:
            yield pool
    else:
        jobs = min(plan.jobs or usable_cores(), max(tasks, 1))
        warm = {name for unit in plan.units for name in warm_imports(str(plan.solutions), unit)}
        imports = (*WARM_IMPORTS, *sorted(warm - set(WARM_IMPORTS)))
        mode: Mode = "none" if plan.sandbox == "none" else "bwrap"
        hidden = secrets_of(plan.submitted, plan.results, plan.solutions)
        with SandboxHost(mode, jobs, imports=imports, secrets=hidden) as host:
            told = (host.address, str(plan.solutions), plan.units)
            with ProcessPoolExecutor(jobs, mp_context=nursery(), initializer=_worker_starts, initargs=told) as pool:
                yield pool


def _worker_starts(sandbox_host: str, solutions: str, units: Sequence[str]) -> None:
    from . import grader as engine

    limit_own_memory()
    engine.share_sandbox(sandbox_host)
    with contextlib.suppress(Exception):  # the first task says it better
        engine.prepare(solutions, units)
    threading.Thread(target=_end_with_the_run, daemon=True).start()


def _end_with_the_run() -> None:
    """End this worker, and its sandbox with it, when the run is gone.

    A pool's workers hold both ends of their queue: after a `kill -9` of the run they would wait for work for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def limit_own_memory(bytes_more: int = 3 * 2**30) -> None:
    """Let a worker ask for so much beyond what it has, and no more.

    What a learner's code answers can make a rule compute something huge, such as the sum of a column and a row of a
    million numbers each. Past the limit torch raises an error, and the answer is wrong; without it the machine would
    end a process of its own choice.
    """
    if sys.platform != "linux":
        return
    import torch  # noqa: F401  # its libraries count as what the worker has

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit, ceiling = pages * resource.getpagesize() + bytes_more, resource.getrlimit(resource.RLIMIT_AS)[1]
    if ceiling == resource.RLIM_INFINITY or limit < ceiling:
        resource.setrlimit(resource.RLIMIT_AS, (limit, ceiling))


def _changes(before: Mapping[tuple[str, str], Record], fresh: Sequence[Record]) -> Changes:
    changes = []
    for record in sorted(fresh, key=lambda item: (item["student"], item["unit"])):
        old = before.get((record["student"], record["unit"]))
        points = {grade_id(score): score["points"] for score in (old["scores"] if old else [])}
        for score in record["scores"]:
            name = grade_id(score)
            if old and points.get(name, 0.0) != score["points"]:
                changes.append((record["student"], record["unit"], name, points.get(name, 0.0), score["points"]))
    return changes


# the files ----------------------------------------------------------------------------------------------------------


def grade_id(score: Mapping[str, Any]) -> str:
    """The grade id of a score's cell."""
    return f"{score['exercise']}-{score['check']}" if score["check"] else str(score["exercise"])


def score_rows(records: Sequence[Record]) -> list[Record]:
    """The rows of scores.json: those of records, with messages in the language of each."""
    return [
        score | {"message": _in_language(score["message"], record["language"])}
        for record in records
        for score in record["scores"]
    ]


def _in_language(message: Text | str | None, language: str) -> str | None:
    """A message in one language; one that came from scores.json is in a single one."""
    return message[language] if isinstance(message, dict) else message


def write_scores(results: Path, records: Sequence[Record]) -> None:
    """Write scores.json and scores.csv; records: with what people entered, where there is a gradebook.

    scores.csv is for spreadsheets: a student whose name would be a formula has an apostrophe in front of it there,
    which `harmless.name_of_cell` takes off; scores.json holds each name as it is.
    """
    rows = score_rows(records)
    files.write_whole(results / "scores.json", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["student", "unit", "points", "max_points", "manual_points_open", "outcome"])
    for record in records:
        points = sum(score["points"] for score in record["scores"])
        most = sum(score["max_points"] for score in record["scores"])
        manual = sum(score["max_points"] for score in record["scores"] if score["outcome"] == "manual")
        student = cell_of_name(record["student"])
        writer.writerow([student, record["unit"], f"{points:g}", f"{most:g}", f"{manual:g}", record["outcome"]])
    files.write_whole(results / "scores.csv", table.getvalue())
