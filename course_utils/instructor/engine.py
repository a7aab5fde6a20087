"""Grading outside the student's process: inputs in, raw bytes out, verdict here.

`grade` is a pure function from a task to a record, so that any `concurrent.futures.Executor` can run it: one core,
all cores, or a Dask cluster. Each worker process keeps one warm sandbox and the units' truths; each submission gets a
process of its own in the sandbox, and from it come nothing but plain values.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing.util
import os
import selectors
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..selfcheck import codec
from ..selfcheck.judge import Trouble, Verdict, case_seed, trouble_of
from ..selfcheck.sentences import SENTENCES, filled
from ..selfcheck.student import Student, StudentError
from ..selfcheck.texts import unit_texts
from .assess import Stopped, UnitJudge, trial
from .intake import REASONS, CodeCell, IntakeError, Submission, rebuild
from .sandbox import WARM_IMPORTS, Child, Limits, Sandbox
from .task import Patience, Task, skeleton, warm_imports
from .units import Unit, find_units

QUICK = 0.5  # seconds that a student's own cell may take when the others have used up their share of the time

# a process has one warm sandbox, and that has one user; an executor may have several threads
_one_at_a_time = threading.Lock()


def grade(task: Task) -> dict[str, Any]:
    """The record of a task: outcome, scores with messages in both languages, the student's sources and answers."""
    with _one_at_a_time:
        return _record(task)


def _record(task: Task) -> dict[str, Any]:
    start = time.perf_counter()
    ready = _unit_judge(task.solutions, task.unit)
    record: dict[str, Any] = {"student": task.student, "unit": task.unit, "digest": task.digest, "seed": task.seed}
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
        verdicts = _verdicts(task, ready, submission)
        record |= {"outcome": "graded", "message": None}
    if task.data is not None and task.note:
        record |= {"note": task.note, "read_from": task.read_from}
    record |= {
        "language": submission.language,
        "scores": _scores(task, ready.unit, verdicts, submission, record),
        "sources": dict(submission.sources),
        "answers": dict(submission.answers),
        "seconds": round(time.perf_counter() - start, 3),
    }
    return record


def _verdicts(task: Task, ready: UnitJudge, submission: Submission) -> dict[str, Verdict]:
    if len(submission.blank) == len(ready.unit.exercises):  # nothing to run
        return {check: Verdict(check, "missing", filled("blank")) for check in ready.unit.rules}
    sandbox = _sandbox(task.sandbox, partial(warm_imports, task.solutions, task.unit))
    with contextlib.closing(SandboxBench(sandbox, ready.unit, submission, task)) as bench:
        return ready.assess(bench, task.seed, submission.blank, doubtful=bench.redefines_given_names())


def _scores(
    task: Task, unit: Unit, verdicts: Mapping[str, Verdict], submission: Submission, record: Mapping[str, Any]
) -> list[dict[str, Any]]:
    scores = []
    for check, rule in unit.rules.items():
        verdict, points = verdicts[check], unit.points(check)
        earned = points if verdict.outcome == "passed" else 0.0
        scores.append(_score(task, rule.exercise, rule.check, earned, points, verdict))
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
        """unit: where the reference answers come from; task: seed and patience."""
        self._sandbox, self._unit, self._submission, self._task = sandbox, unit, submission, task
        self._end = time.monotonic() + task.patience.submission_seconds
        self._replaced: set[str] = set()  # exercises given up
        self._skipped: set[str] = set()  # cells that stop a process as soon as they run
        self._troubles: dict[str, Trouble | Stopped] = {}
        self._took: dict[str, float] = {}  # seconds of each own cell when it last ran
        self._spent = 0.0  # seconds of all of them, fresh starts included
        self._own: Session | None = None
        self._followed: Session | None = None
        # exercises whose reference, in the current process, ran in the place of their cells or was put there later
        self._placed: set[str] = set()
        self._imposed: set[str] = set()

    def close(self) -> None:
        """End all processes."""
        for session in (self._own, self._followed):
            if session is not None:
                session.close()
        self._own = self._followed = None
        self._placed, self._imposed = set(), set()

    def redefines_given_names(self) -> bool:
        """Whether the student's own cells mention a name that the unit builds on and an earlier unit defined."""
        return any(
            name in cell.source
            for cell in self._submission.cells
            if cell.kind == "extra"
            for name in self._unit.provided
        )

    def own(self, exercise: str) -> Student:
        """A handle on the student's names, with the reference of what was given up before an exercise."""
        session = self._started(exercise)
        session.allow(self._left(self._task.patience.exercise_seconds))
        return Student(self._carrying(session))

    def followed(self, exercise: str) -> Student:
        """A handle on the student's names with the reference in the place of what comes before an exercise.

        It comes after all that is asked of the student's own names, whose process it ends, and is asked for the
        exercises in their order, so that no process ever holds the answer to something still to be asked of it.
        """
        earlier = set(self._unit.earlier(exercise))
        if self._followed is None or self._placed != self._to_place(exercise) or not self._imposed <= earlier:
            self.close()
            self._followed = self._start(exercise)
        session = self._followed
        session.allow(self._left(self._task.patience.exercise_seconds))
        source, names = self._unit.before(exercise)
        answer = session.ask({"do": "impose", "module": f"before_{exercise}", "source": source, "names": names})
        if "error" in answer:  # given code does not fail but where the learner's code has broken Python itself
            raise Stopped("crashed", SENTENCES["crashed"])
        self._imposed |= earlier
        return Student(self._carrying(session))

    def replace(self, exercise: str) -> None:
        """Give an exercise up: what comes after it is asked with the reference's cell in its place."""
        self._replaced.add(exercise)
        self.close()

    def trouble(self, exercise: str) -> Trouble | Stopped | None:
        """What happened when an exercise's cell ran."""
        if self._followed is None:
            self._started(exercise)
        return self._troubles.get(exercise)

    def _carrying(self, session: Session) -> Any:
        def carry(request: dict[str, Any]) -> dict[str, Any]:
            return session.ask(request)

        return carry

    def _left(self, seconds: float) -> float:
        return min(seconds, self._end - time.monotonic())

    def _started(self, exercise: str) -> Session:
        if self._own is None or self._placed != self._to_place(exercise):
            self.close()
            self._own = self._start(exercise)
        return self._own

    def _to_place(self, exercise: str) -> set[str]:
        return self._replaced & set(self._unit.earlier(exercise))

    def _start(self, exercise: str) -> Session:
        """A process in which all cells have run; cells that stop a process are left out of the next one.

        exercise: what it will be asked for; of what was given up, only earlier exercises are the reference's in it.
        """
        while True:
            self._placed = self._to_place(exercise)
            session = Session(self._sandbox.spawn(), self._task.patience)
            current: CodeCell | None = None
            try:
                session.ask({"do": "seed", "seed": case_seed(self._task.seed, "start", 0)})
                for current in self._submission.cells:
                    self._run(session, current)
                return session
            except Stopped as stop:
                session.close()
                if current is None or self._end < time.monotonic():
                    raise stop from None
                self._leave_out(current, stop)

    def _leave_out(self, cell: CodeCell, stop: Stopped) -> None:
        if cell.kind == "setup" or cell.name in self._skipped:
            raise stop
        self._skipped.add(cell.name)
        if cell.kind == "exercise":
            self._troubles[cell.name] = stop
            self._replaced.add(cell.name)

    def _run(self, session: Session, cell: CodeCell) -> None:
        session.allow(self._left(self._task.patience.cell_seconds))
        if cell.name in self._placed:
            source = f"{self._unit.preamble()}\n\n{self._unit.answer(cell.name)}"
            session.ask({"do": "run", "name": "reference", "source": source})
            return
        if cell.name in self._skipped:
            return
        if cell.kind == "extra":
            self._run_own(session, cell)
            return
        answer = session.ask({"do": "run", "name": cell.name, "source": cell.source})
        if cell.kind != "exercise":
            return
        self._troubles.pop(cell.name, None)  # of a start with other references before it
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
    sandbox = Sandbox("none" if mode == "none" else "bwrap", Limits(), imports=imports, host=_host)
    multiprocessing.util.Finalize(None, sandbox.close, exitpriority=10)  # atexit does not run in a pool's workers
    _sandboxes[mode] = sandbox
    return sandbox


def text_of(message: Mapping[str, str] | None, language: str) -> str | None:
    """A message in one language."""
    return message[language] if message else None
