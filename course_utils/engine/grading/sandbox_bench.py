"""A student's names as the checks ask for them, in sandboxed processes that hold no answer to what they are asked.

A process that sees files holds no answer, and a process that holds one sees no file. Cells that stop a process are left
out of the next one, and a student's own cells may not use up the time of the exercises.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..asking.student import Student, StudentError
from ..asking.workbench import MAX_MODULES
from ..judging.judge import Trouble, case_seed, trouble_of
from ..judging.sentences import SENTENCES
from ..making.units import Unit
from ..walls.sandbox import Sandbox
from ..walls.unavailable import SandboxUnavailable
from .assess import Stopped
from .intake import CodeCell, Submission
from .record import Record
from .session import Session
from .task import Task, Unfinished

_MODULE = re.compile(r"[A-Za-z_]\w{0,80}(\.\w{1,80}){0,20}", re.ASCII)
QUICK = 0.5  # seconds that a student's own cell may take when the others have used up their share of the time


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

    def unfinished(self, questions: Mapping[str, tuple[str, ...] | None]) -> Callable[[Record], Unfinished]:
        """What a second pass needs to know of this one, once its record is there."""
        with contextlib.suppress(Stopped):  # a second pass that knows of no modules may lack some
            session = self._session or self._start(self._open_eyed)
            session.allow(self._left(self._task.patience.cell_seconds))
            self._modules = _module_names(session.ask({"do": "modules"}).get("value"))
            self.close()
        left_out = self._left_out - set(questions)  # with the reference before it, such a cell may end well
        seconds = time.monotonic() - self._begin
        took = dict(self._took)
        about = (questions, tuple(sorted(left_out)), self._modules, took, self._spent, seconds)
        return lambda record: Unfinished(record, *about)

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
