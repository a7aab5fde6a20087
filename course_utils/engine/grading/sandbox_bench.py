"""A student's names as the checks ask for them, in sandboxed processes that hold no answer to what they are asked.

A process that sees files holds no answer, and a process that holds one sees no file. Cells run in the notebook's order,
and an exercise is looked at before what stands below its own cell has run: nothing there takes away what was right. A
cell that stops a process is run in the next one as far as it gives names to things, or else left out; and a student's
own cells may not use up the time of the exercises.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from ..asking.student import Student, known_type
from ..asking.workbench import MAX_MODULES
from ..cell_names import names_touched
from ..judging.claims import GPU, MODULE_ERRORS, stands_in_line
from ..judging.judge import Trouble, case_seed, trouble_of
from ..judging.sentences import SENTENCES, Text, filled
from ..making.units import Unit
from ..walls.sandbox import Sandbox
from ..walls.unavailable import SandboxUnavailable
from .assess import Stopped
from .failures import Failure, behind, behind_any, failures_of
from .history import QUICK, History
from .intake import CodeCell, Submission
from .later_cells import may_mend
from .record import Record
from .session import Session
from .task import Task, Unfinished

_MODULE = re.compile(r"[A-Za-z_]\w{0,80}(\.\w{1,80}){0,20}", re.ASCII)


class SandboxBench:
    """The names of one submission, in sandboxed processes that hold no answer to what they are asked."""

    def __init__(self, sandbox: Sandbox, unit: Unit, submission: Submission, task: Task) -> None:
        """unit: where the reference answers come from; task: seed, patience, and what a first pass has left."""
        self._sandbox, self._unit, self._submission, self._task = sandbox, unit, submission, task
        self._cells = submission.cells
        before = task.unfinished
        self._begin = time.monotonic() - (before.seconds if before else 0.0)
        self._history = before.history.copy() if before else History()
        self._modules: tuple[str, ...] = before.modules if before else ()
        self._given_up: set[str] = set()  # exercises that stopped a process when they were asked
        self._troubles: dict[str, Trouble | Stopped] = {}
        self._stops: dict[str, Stopped] = {}  # how a cell stopped a process before its definitions alone were run
        self._failures: dict[str, tuple[Failure, ...]] = {}  # by cell, of its latest run
        self._session: Session | None = None
        self._next = 0  # the first of the cells that have not run in the session
        self._absent: set[str] = set()  # exercises whose cells are not in the session
        self._imposed: set[str] | None = None  # exercises that are the reference's in it; None for one that sees files

    def close(self) -> None:
        """End the process."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def redefines_given_names(self) -> bool:
        """Whether the student's own cells redefine what others build on: an earlier unit's name, or an exercise's."""
        own = [cell.source for cell in self._cells if cell.kind == "extra"]
        given = any(name in source for source in own for name in self._unit.provided)
        return given or any(names_touched(source)[0] & set(self._unit.exercises) for source in own)

    def own(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on the student's names, without what was given up before an exercise."""
        absent, target = self._given_up & set(self._unit.earlier(exercise)), self._target(exercise, at_end)
        if at_end:
            self._note_modules()
        if self._imposed is not None or self._absent != absent or self._next > target:
            self.close()
        self._absent, self._imposed = absent, None
        return self._handle(self._ready(self._open_eyed, target), exercise)

    def followed(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on the student's names with the reference in the place of what comes before an exercise.

        It is asked for the exercises in their order, so that no process ever holds the answer to something still to be
        asked of it; and its process sees no file.
        """
        earlier, target = set(self._unit.earlier(exercise)), self._target(exercise, at_end)
        if self._imposed is None or not self._imposed <= earlier or self._absent or self._next > target:
            self.close()
        elif self._session is not None and self._imposed != earlier:
            self._impose(self._session, exercise)
        self._absent, self._imposed = set(), earlier
        return self._handle(self._ready(partial(self._blind, exercise), target), exercise)

    def may_be_mended(self, exercise: str) -> bool:
        """Whether what stands below an exercise's cell may be part of its answer."""
        return may_mend(self._cells, exercise)

    def give_up(self, exercise: str) -> None:
        """Start again without an exercise that stopped the process."""
        self._given_up.add(exercise)
        self.close()

    def trouble(self, exercise: str) -> Trouble | Stopped | None:
        """What happened when an exercise's cell ran for the latest handle."""
        return self._troubles.get(exercise)

    def why_missing(self, name: str) -> Text | None:
        """Why a name has no value, where a statement of the student's own that binds it is known to have failed."""
        sources = {cell.name: cell.source for cell in self._cells}
        failure = behind_any(name, sources, self._failures)
        if failure is None:
            return None
        error, kind = failure.error, known_type(failure.error.types)
        if failure.is_slow:
            return filled("because_slow")
        if error.cause == GPU:
            return filled("because_gpu")
        source = sources.get(error.cell or "", "")
        if kind in MODULE_ERRORS and error.line and stands_in_line(error.word, source, error.line):
            return filled("because_module", type=kind, word=error.word)
        return filled("because_raised", type=kind)

    def unfinished(self, questions: Mapping[str, tuple[str, ...] | None]) -> Callable[[Record], Unfinished]:
        """What a second pass needs to know of this one, once its record is there."""
        with contextlib.suppress(Stopped):  # a second pass that knows of no modules may lack some
            self._ready(self._open_eyed, len(self._cells))
            self._note_modules()
        self.close()
        seconds = time.monotonic() - self._begin
        about = (questions, self._history.forgetting(questions), self._modules, seconds)
        return lambda record: Unfinished(record, *about)

    def _note_modules(self) -> None:
        """Note what the process has imported; what a call has imported is not there in the next one."""
        if self._session is not None and self._imposed is None:
            self._session.allow(self._left(self._task.patience.cell_seconds))
            names = _module_names(self._session.ask({"do": "modules"}).get("value"))
            self._modules = tuple(dict.fromkeys([*self._modules, *names]))[:MAX_MODULES]

    def _handle(self, session: Session, exercise: str) -> Student:
        session.allow(self._left(self._task.patience.exercise_seconds))
        if self._troubles.get(exercise) is not None:
            defined = session.ask({"do": "defined", "name": exercise})
            if defined.get("value") is True:  # a cell that fails after its definition is judged by the definition
                del self._troubles[exercise]
        return Student(session.ask)

    def _target(self, exercise: str, at_end: bool) -> int:
        """How many cells have run when an exercise is looked at."""
        if at_end:
            return len(self._cells)
        return 1 + next(n for n, cell in enumerate(self._cells) if cell.kind == "exercise" and cell.name == exercise)

    def _left(self, seconds: float) -> float:
        return min(seconds, self._begin + self._task.patience.submission_seconds - time.monotonic())

    def _open_eyed(self) -> Session:
        """A process that sees the environment and holds no answer."""
        session = Session(self._sandbox.spawn(), self._task.patience)
        self._lay_out_files(session)
        return session

    def _blind(self, exercise: str) -> Session:
        """A process with the reference for what comes before an exercise, which sees no file from now on.

        What the first pass imported is imported before that. Nothing of the student's has run in it yet, nor do files
        of the student's lie in it. Raises SandboxUnavailable where files cannot be covered.
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
        self._lay_out_files(session)
        return session

    def _lay_out_files(self, session: Session) -> None:
        """Put what lay beside the notebook into the process's own working folder."""
        for path, content in self._task.beside:
            data = (
                torch.frombuffer(bytearray(content), dtype=torch.uint8)
                if content
                else torch.empty(0, dtype=torch.uint8)
            )
            session.ask({"do": "file", "path": path, "content": data})  # as raw bytes, which only tensors are

    def _impose(self, session: Session, exercise: str) -> None:
        source, names = self._unit.before(exercise)
        answer = session.ask({"do": "impose", "module": f"before_{exercise}", "source": source, "names": names})
        if "error" in answer:  # given code does not fail but where the learner's code has broken Python itself
            raise Stopped("crashed", SENTENCES["crashed"])

    def _ready(self, spawn: Callable[[], Session], target: int) -> Session:
        """A process in which some of the cells have run, in order; what stops it is left out of the next one."""
        while True:
            current: CodeCell | None = None
            try:
                if self._session is None:
                    self._session, self._next = spawn(), 0
                    self._session.ask({"do": "seed", "seed": case_seed(self._task.seed, "start", 0)})
                while self._next < target:
                    current = self._cells[self._next]
                    self._run(self._session, current)
                    self._next += 1
                return self._session
            except Stopped as stop:
                self.close()
                if current is None or self._left(1.0) <= 0:
                    raise stop from None
                self._leave_out(current, stop)

    def _leave_out(self, cell: CodeCell, stop: Stopped) -> None:
        """Run no more of a cell than its definitions, or nothing, the next time."""
        if cell.kind == "setup" or cell.name in self._history.left_out:
            raise stop
        self._history.note_stop(cell.name)
        if cell.kind == "exercise":
            self._stops[cell.name] = self._troubles[cell.name] = stop

    def _run(self, session: Session, cell: CodeCell) -> None:
        if cell.name in self._history.left_out or (cell.kind == "exercise" and cell.name in self._absent):
            return
        seconds = self._time_for(cell) if cell.kind == "extra" else self._task.patience.cell_seconds
        session.allow(self._left(seconds if seconds > 0 else QUICK))
        start = time.monotonic()
        try:
            answer = session.ask(dict(self._history.request(cell.name, cell.source, seconds)))
        finally:
            if cell.kind == "extra":
                self._history.took[cell.name] = time.monotonic() - start
                self._history.own_seconds += self._history.took[cell.name]
        failures = failures_of(answer["error"]) if "error" in answer else ()
        self._failures[cell.name] = failures
        self._history.note_slow(cell.name, {failure.statement for failure in failures if failure.is_slow})
        if cell.kind == "exercise":
            self._note_trouble(session, cell, failures)

    def _note_trouble(self, session: Session, cell: CodeCell, failures: tuple[Failure, ...]) -> None:
        """Note why an exercise's own cell does not define it; nothing where it does."""
        self._troubles.pop(cell.name, None)  # of a start with others before it
        stop = self._stops.get(cell.name) if cell.name in self._history.bare else None
        if not failures and stop is None and cell.name in names_touched(cell.source)[0]:
            return  # as it is with nearly all
        if session.ask({"do": "defined", "name": cell.name}).get("value") is True:
            return  # a cell that fails after its definition is judged by the definition
        failure = behind(cell.name, cell.source, failures) or next(iter(failures), None)
        if stop is not None:
            self._troubles[cell.name] = stop
        elif failure is None:
            self._troubles[cell.name] = Trouble("error", "undefined", {"name": cell.name})
        elif failure.is_slow or any(each.is_slow for each in failures):
            self._troubles[cell.name] = Stopped("timeout", SENTENCES["timeout"])
        else:
            self._troubles[cell.name] = trouble_of(failure.error)

    def _time_for(self, cell: CodeCell) -> float:
        """How long an own cell may run: experiments of a student's own must not use up the time of the exercises.

        All of them have half of the notebook's time. After that those run that are known to be quick, helpers most of
        all, and those that have not run yet share another quarter, each as far as it is quick. Of the others nothing is
        run but what they define.
        """
        patience, took, spent = self._task.patience, self._history.took.get(cell.name), self._history.own_seconds
        half = patience.submission_seconds / 2
        if spent < half:
            return min(patience.cell_seconds, half - spent)
        if took is None:
            return min(QUICK, (1.5 * half - spent) / 4)
        return patience.cell_seconds if took < QUICK else 0.0


def _module_names(value: Any) -> tuple[str, ...]:
    """Of what a process says that it has imported, whatever can be the name of a module."""
    names = value if isinstance(value, list) else []
    return tuple(name for name in names[:MAX_MODULES] if isinstance(name, str) and _MODULE.fullmatch(name))
