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
import gc
import multiprocessing.util
import os
import re
import selectors
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..asking import codec
from ..asking.student import Student, StudentError
from ..asking.workbench import MAX_MODULES
from ..judging.judge import Trouble, Verdict, case_seed, trouble_of
from ..judging.sentences import SENTENCES, filled
from ..making.units import Unit, find_units
from ..texts import unit_texts
from ..walls.sandbox import WARM_IMPORTS, Child, Limits, Mode, Sandbox
from ..walls.shown_paths import Secret
from ..walls.unavailable import SandboxUnavailable
from .assess import Stopped, UnitJudge, trial
from .intake import REASONS, CodeCell, IntakeError, Submission, rebuild
from .task import Patience, Task, Unfinished, skeleton, warm_imports

_MODULE = re.compile(r"[A-Za-z_]\w{0,80}(\.\w{1,80}){0,20}", re.ASCII)
QUICK = 0.5  # seconds that a student's own cell may take when the others have used up their share of the time

# a process has one warm sandbox, and that has one user; an executor may have several threads
_one_at_a_time = threading.Lock()


def grade(task: Task) -> dict[str, Any] | Unfinished:
    """The record of a task: outcome, scores with messages in both languages, the student's sources and answers.

    Where the first pass leaves questions open, what is needed to go on; see `task.grade`.
    """
    with _one_at_a_time:
        return _first_pass(task) if task.unfinished is None else _second_pass(task, task.unfinished)


def _first_pass(task: Task) -> dict[str, Any] | Unfinished:
    start = time.perf_counter()
    ready = _unit_judge(task.solutions, task.unit)
    record: dict[str, Any] = {"student": task.student, "unit": task.unit, "digest": task.digest, "seed": task.seed}
    verdicts: Mapping[str, Verdict]
    unfinished: Unfinished | None = None
    try:
        if task.data is None:
            raise IntakeError(task.reason)
        submission = rebuild(task.data, skeleton(task.solutions, task.unit))
    except IntakeError as error:
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
    ready, record = _unit_judge(task.solutions, task.unit), dict(unfinished.record)
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
    sandbox = _sandbox(task.sandbox, partial(warm_imports, task.solutions, task.unit))
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


# one process of the sandbox ---------------------------------------------------------------------------------------


class Session:
    """Requests to one sandboxed process, with its deadline and a count of what it prints."""

    def __init__(self, child: Child, patience: Patience) -> None:
        """child: a process that serves a workbench."""
        self._child, self._patience = child, patience
        self._printed = 0
        self._held = bytearray()  # what has come and was not asked for yet
        self._events = selectors.EVENT_READ
        self._deadline = time.monotonic() + patience.cell_seconds
        child.channel.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.channel, self._events, "channel")
        self._selector.register(child.output, selectors.EVENT_READ, "output")

    def allow(self, seconds: float) -> None:
        """Set the deadline of the requests that follow."""
        self._deadline = time.monotonic() + seconds

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises Stopped when there is none in time, or none at all."""
        self._send(memoryview(codec.encode(request)))
        try:
            header, raw = codec.lengths(self._read(codec.LENGTHS.size))
            answer = codec.decode(self._read(header), self._read(raw))
        except codec.CodecError:  # the learner's code wrote into the channel; nothing after it can be trusted
            raise Stopped("crashed", SENTENCES["crashed"]) from None
        if not isinstance(answer, dict):
            raise Stopped("crashed", SENTENCES["crashed"])
        return answer

    def close(self) -> None:
        """End the process and all that it started."""
        self._selector.close()
        self._child.close()

    def _send(self, message: memoryview) -> None:
        while message:
            try:
                message = message[self._child.channel.send(message) :]
            except BlockingIOError:
                self._wait(writing=True)
            except OSError:
                raise self._ended() from None

    def _read(self, count: int) -> bytes:
        while len(self._held) < count:
            try:
                part = self._child.channel.recv(min(max(count - len(self._held), 2**16), 2**20))
            except BlockingIOError:
                self._wait(writing=False)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._ended()
            self._held += part
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _wait(self, writing: bool) -> None:
        """Wait until the channel can go on, reading away what the process prints. Raises Stopped."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        if events != self._events:
            self._events = events
            self._selector.modify(self._child.channel, events, "channel")
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise Stopped("timeout", SENTENCES["timeout"])
            ready = [key.data for key, _ in self._selector.select(left)]
            if "output" in ready:
                self._drain()
            if "channel" in ready:
                return

    def _drain(self) -> None:
        try:
            part = os.read(self._child.output, 2**16)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:  # the learner's code closed its own output
            self._selector.unregister(self._child.output)
        self._printed += len(part)
        if self._printed > self._patience.output_bytes:
            raise Stopped("crashed", SENTENCES["too_much_output"])

    def _ended(self) -> Stopped:
        """Why a process that no longer answers is gone."""
        self._child.kill()
        if self._child.cause == "memory":
            return Stopped("memory", SENTENCES["memory"])
        if self._child.cause == "cpu":
            return Stopped("timeout", SENTENCES["timeout"])
        return Stopped("crashed", SENTENCES["crashed"])


class SandboxBench:
    """The names of one submission, in sandboxed processes that hold no answer to what they are asked."""

    def __init__(self, sandbox: Sandbox, unit: Unit, submission: Submission, task: Task) -> None:
        """unit: where the reference answers come from; task: seed, patience, and what a first pass has left."""
        self._sandbox, self._unit, self._submission, self._task = sandbox, unit, submission, task
        before = task.unfinished
        self._begin = time.monotonic() - (before.seconds if before else 0.0)
        self._left_out: set[str] = set(before.left_out if before else ())  # cells that stop a process
        self._modules: tuple[str, ...] = before.modules if before else ()
        self._took: dict[str, float] = dict(before.took if before else {})  # seconds of each own cell, the last time
        self._spent = before.own_seconds if before else 0.0  # seconds of all of them, fresh starts included
        self._given_up: set[str] = set()  # exercises that stopped a process when they were asked
        self._troubles: dict[str, Trouble | Stopped] = {}
        self._session: Session | None = None
        self._absent: set[str] = set()  # exercises whose cells are not in the session
        self._imposed: set[str] | None = None  # exercises that are the reference's in it; None for one that sees files

    def close(self) -> None:
        """End the process."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def redefines_given_names(self) -> bool:
        """Whether the student's own cells mention a name that the unit builds on and an earlier unit defined."""
        return any(
            name in cell.source
            for cell in self._submission.cells
            if cell.kind == "extra"
            for name in self._unit.provided
        )

    def own(self, exercise: str) -> Student:
        """A handle on the student's names, without what was given up before an exercise."""
        absent = self._given_up & set(self._unit.earlier(exercise))
        if self._session is None or self._imposed is not None or self._absent != absent:
            self.close()
            self._absent, self._imposed = absent, None
            self._session = self._start(self._open_eyed)
        return self._handle(self._session)

    def followed(self, exercise: str) -> Student:
        """A handle on the student's names with the reference in the place of what comes before an exercise.

        It is asked for the exercises in their order, so that no process ever holds the answer to something still to be
        asked of it; and its process sees no file.
        """
        earlier = set(self._unit.earlier(exercise))
        if self._session is None or self._imposed is None or not self._imposed <= earlier:
            self.close()
            self._absent = set()
            self._session = self._start(partial(self._blind, exercise))
        elif self._imposed != earlier:
            self._impose(self._session, exercise)
        self._imposed = earlier
        return self._handle(self._session)

    def give_up(self, exercise: str) -> None:
        """Start again without an exercise that stopped the process."""
        self._given_up.add(exercise)
        self.close()

    def trouble(self, exercise: str) -> Trouble | Stopped | None:
        """What happened when an exercise's cell ran for the latest handle."""
        return self._troubles.get(exercise)

    def unfinished(self, questions: Mapping[str, tuple[str, ...] | None]) -> Unfinished:
        """What a second pass needs to know of this one; its record is put in later."""
        with contextlib.suppress(Stopped):  # a second pass that knows of no modules may lack some
            session = self._session or self._start(self._open_eyed)
            session.allow(self._left(self._task.patience.cell_seconds))
            self._modules = _module_names(session.ask({"do": "modules"}).get("value"))
            self.close()
        left_out = self._left_out - set(questions)  # with the reference before it, such a cell may end well
        seconds = time.monotonic() - self._begin
        took = dict(self._took)
        return Unfinished({}, questions, tuple(sorted(left_out)), self._modules, took, self._spent, seconds)

    def _handle(self, session: Session) -> Student:
        session.allow(self._left(self._task.patience.exercise_seconds))
        return Student(session.ask)

    def _left(self, seconds: float) -> float:
        return min(seconds, self._begin + self._task.patience.submission_seconds - time.monotonic())

    def _open_eyed(self) -> Session:
        """A process that sees the environment and holds no answer."""
        return Session(self._sandbox.spawn(), self._task.patience)

    def _blind(self, exercise: str) -> Session:
        """A process with the reference for what comes before an exercise, which sees no file from now on.

        What the first pass imported is imported before that. Nothing of the student's has run in it yet. Raises
        SandboxUnavailable where files cannot be covered.
        """
        session = Session(self._sandbox.spawn(blind=True), self._task.patience)
        try:
            session.allow(self._left(self._task.patience.submission_seconds))
            session.ask({"do": "import", "modules": list(self._modules)})
            self._impose(session, exercise)
        except Stopped:
            session.close()
            raise
        try:
            session.ask({"do": "cover"})
        except Stopped as stop:
            session.close()
            raise SandboxUnavailable("the sandbox could not cover all files before it took in an answer") from stop
        return session

    def _impose(self, session: Session, exercise: str) -> None:
        source, names = self._unit.before(exercise)
        answer = session.ask({"do": "impose", "module": f"before_{exercise}", "source": source, "names": names})
        if "error" in answer:  # given code does not fail but where the learner's code has broken Python itself
            raise Stopped("crashed", SENTENCES["crashed"])

    def _start(self, spawn: Callable[[], Session]) -> Session:
        """A process in which all cells have run; cells that stop a process are left out of the next one."""
        while True:
            session = spawn()
            current: CodeCell | None = None
            try:
                session.ask({"do": "seed", "seed": case_seed(self._task.seed, "start", 0)})
                for current in self._submission.cells:
                    self._run(session, current)
                return session
            except Stopped as stop:
                session.close()
                if current is None or self._left(1.0) <= 0:
                    raise stop from None
                self._leave_out(current, stop)

    def _leave_out(self, cell: CodeCell, stop: Stopped) -> None:
        if cell.kind == "setup" or cell.name in self._left_out:
            raise stop
        self._left_out.add(cell.name)
        if cell.kind == "exercise":
            self._troubles[cell.name] = stop

    def _run(self, session: Session, cell: CodeCell) -> None:
        session.allow(self._left(self._task.patience.cell_seconds))
        if cell.name in self._left_out or (cell.kind == "exercise" and cell.name in self._absent):
            return
        if cell.kind == "extra":
            self._run_own(session, cell)
            return
        answer = session.ask({"do": "run", "name": cell.name, "source": cell.source})
        if cell.kind != "exercise":
            return
        self._troubles.pop(cell.name, None)  # of a start with others before it
        if "error" not in answer:
            return
        defined = session.ask({"do": "defined", "name": cell.name})
        if defined.get("value") is not True:  # a cell that fails after its definition is judged by the definition
            self._troubles[cell.name] = trouble_of(StudentError.of(answer["error"]))

    def _run_own(self, session: Session, cell: CodeCell) -> None:
        """Run one of the student's own cells, if there is time for it."""
        seconds = self._time_for(cell)
        if seconds <= 0:
            return
        session.allow(self._left(seconds))
        start = time.monotonic()
        try:
            session.ask({"do": "run", "name": cell.name, "source": cell.source})
        finally:
            self._took[cell.name] = time.monotonic() - start
            self._spent += self._took[cell.name]

    def _time_for(self, cell: CodeCell) -> float:
        """How long an own cell may run: experiments of a student's own must not use up the time of the exercises.

        All of them have half of the notebook's time. After that those run that are known to be quick, helpers most of
        all, and those that have not run yet share another quarter, each as far as it is quick.
        """
        patience, took = self._task.patience, self._took.get(cell.name)
        half = patience.submission_seconds / 2
        if self._spent < half:
            return min(patience.cell_seconds, half - self._spent)
        if took is None:
            return min(QUICK, (1.5 * half - self._spent) / 4)
        return patience.cell_seconds if took < QUICK else 0.0


def _module_names(value: Any) -> tuple[str, ...]:
    """Of what a process says that it has imported, whatever can be the name of a module."""
    names = value if isinstance(value, list) else []
    return tuple(name for name in names[:MAX_MODULES] if isinstance(name, str) and _MODULE.fullmatch(name))


# what a worker process keeps ----------------------------------------------------------------------------------------


@cache
def _unit_judge(solutions: str, unit: str) -> UnitJudge:
    import torch

    torch.set_num_threads(1)
    if multiprocessing.parent_process() is not None:  # a worker's own: what is loaded stays, so nobody need look at it
        gc.freeze()
    return UnitJudge(find_units(Path(solutions), [unit])[0], unit_texts(unit))


def prepare(solutions: str, units: Sequence[str]) -> None:
    """Make the judges of units ready, and look at each truth once, while the sandbox is still starting."""
    with _one_at_a_time:
        for unit in units:
            skeleton(solutions, unit)
            trial(_unit_judge(solutions, unit), {}, "warm")


_host = ""  # address of the sandbox that this machine's workers share; empty: this process has one of its own


def share_sandbox(address: str) -> None:
    """Let this process take its sandbox from a SandboxHost."""
    global _host
    _host = address


_secrets: tuple[Secret, ...] = ()  # what a sandbox of this process's own has to hide beside the course's own


def keep_secret(*secrets: Secret) -> None:
    """Let this process's own sandbox hide these, too; one that a SandboxHost has was told of its secrets."""
    global _secrets
    _secrets = secrets


_sandboxes: dict[str, Sandbox] = {}  # by mode


def _sandbox(mode: str, warm_of_unit: Callable[[], Sequence[str]] = tuple) -> Sandbox:
    """This process's sandbox, with what a unit's cells import warm in it; a host has that of all units."""
    kept = _sandboxes.get(mode)
    if kept is not None and _host:
        return kept
    warm = () if _host else warm_of_unit()
    if kept is not None and set(warm) <= set(kept.imports):
        return kept
    imports: tuple[str, ...] = WARM_IMPORTS
    if kept is not None:
        kept.close()
        imports = tuple(kept.imports)
    imports += tuple(name for name in warm if name not in imports)
    walls: Mode = "none" if mode == "none" else "bwrap"
    sandbox = Sandbox(walls, Limits(), imports=imports, host=_host, secrets=_secrets)
    multiprocessing.util.Finalize(None, sandbox.close, exitpriority=10)  # atexit does not run in a pool's workers
    _sandboxes[mode] = sandbox
    return sandbox


def text_of(message: Mapping[str, str] | None, language: str) -> str | None:
    """A message in one language."""
    return message[language] if message else None
