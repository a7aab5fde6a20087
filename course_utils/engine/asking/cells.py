"""A cell run statement by statement: one that raises, is no Python or takes too long costs only itself.

Notable choices:
- a cell that is all well is compiled and run as a whole, as fast as ever; only what comes after a statement that failed
  is run one by one;
- `await` works where it works in Jupyter;
- of a cell that is no Python, IPython's magics are translated, and then the blocks that still are none are left out:
  a bare `pip install` costs itself;
- a limit of time raises in the learner's code, again and again until its statement gives way; it helps an honest cell
  and stops no other: whoever must be sure measures outside.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType, TracebackType
from typing import Any

from ..cell_names import without_looking

MAX_FAILED = 100  # statements of a cell that are told; an honest one has a few
MAX_MENDED = 20  # blocks of a cell that are left out because they are no Python
GRACE = 0.2  # seconds for each statement after the one that used up the cell's time
AGAIN = 0.1  # seconds after which a statement that goes on all the same is interrupted once more

_CONTINUES = re.compile(r"[\s)\]}]|(else|elif|except|finally)\b")  # begins a line that belongs to the block above it
_AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_PLAIN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class OutOfTime(BaseException):
    """Raised in a statement that has used up the time of its cell."""


@dataclass
class Run:
    """One run of a cell."""

    file: str  # the name under which it is compiled
    names: dict[str, Any]
    failed: Callable[[int, BaseException], None]  # is told of each statement that failed: its line, what it raised
    seconds: float | None = None  # after which statements are interrupted; None for no limit
    skipped: Collection[int] = ()  # lines of statements that are not to run
    definitions: bool = False  # run imports, functions, classes and constants alone
    _until: float = 0.0
    _codes: set[CodeType] = field(default_factory=set)

    def cell(self, source: str, transform: Callable[[str], str] | None = None) -> str:
        """Run a cell; returns its source as Python, with the magics translated.

        transform: translates magics, asked only where the source is no Python.
        """
        source = without_looking(source)
        code: CodeType | None = None
        try:
            code = compile(source, self.file, "exec")
        except (SyntaxError, ValueError) as error:
            source, code = self._translated(source, transform, error)
        with self._limited():
            if self.skipped or self.definitions:
                self._one_by_one(self._statements(source))
            elif code is not None and (raised := self._raised(code)) is not None:
                self._after(source, code, raised)
        return source

    def _translated(
        self, source: str, transform: Callable[[str], str] | None, error: Exception
    ) -> tuple[str, CodeType | None]:
        """A source that is no plain Python as Python; what cannot be mended is told and left out."""
        with contextlib.suppress(SyntaxError, ValueError):
            return source, compile(source, self.file, "exec", _AWAITS)
        if transform is not None:
            source = transform(source)
        for _ in range(MAX_MENDED):
            try:
                return source, compile(source, self.file, "exec", _AWAITS)
            except SyntaxError as wrong:
                rest = _without_block(source, wrong.lineno or 0)
                self.failed(wrong.lineno or 1, wrong)
                if rest is None:
                    return source, None
                source = rest
            except ValueError:
                break
        else:
            return source, None
        self.failed(1, error)
        return source, None

    def _statements(self, source: str) -> list[ast.stmt]:
        try:
            return ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # told when it was compiled
            return []

    def _after(self, source: str, code: CodeType, error: BaseException) -> None:
        """Go on behind the statement of a whole cell that failed."""
        statements = self._statements(source)
        place = _place_in(code, error.__traceback__)
        number = next((n for n, node in enumerate(statements) if place is not None and _holds(node, *place)), None)
        if number is None:  # nothing says where: going on could run a statement twice
            self.failed(1, error)
            return
        self.failed(_first_line(statements[number]), error)
        self._one_by_one(statements[number + 1 :])

    def _one_by_one(self, statements: list[ast.stmt]) -> None:
        told = 0
        for node in statements:
            line = _first_line(node)
            if line in self.skipped or (self.definitions and not _defines(node)):
                continue
            try:
                code = compile(ast.Module([node], []), self.file, "exec", _AWAITS)
            except (SyntaxError, ValueError, RecursionError) as error:
                self.failed(line, error)
                continue
            if (raised := self._raised(code)) is not None:
                self.failed(line, raised)
                told += 1
                if told >= MAX_FAILED:
                    return

    def _raised(self, code: CodeType) -> BaseException | None:
        """What compiled code raised, None if it ran to its end."""
        self._codes = {code}
        self._start_clock()
        try:
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(eval(code, self.names))
            else:
                exec(code, self.names)
        except BaseException as error:  # SystemExit and KeyboardInterrupt end their own statement, too
            return error
        finally:
            self._stop_clock()
        return None

    # time -------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Interrupt statements that go on for too long, where this thread can be interrupted."""
        self._until = time.monotonic() + (self.seconds or 0)
        if self.seconds is None or not hasattr(signal, "setitimer"):
            self.seconds = None
        elif threading.current_thread() is not threading.main_thread():
            self.seconds = None
        if self.seconds is None:
            yield
            return
        before = signal.signal(signal.SIGALRM, self._interrupt)
        try:
            yield
        finally:
            self._stop_clock()
            signal.signal(signal.SIGALRM, before)

    def _start_clock(self) -> None:
        if self.seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, max(GRACE, self._until - time.monotonic()), AGAIN)

    def _stop_clock(self) -> None:
        if self.seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise in the cell's code, and nowhere else."""
        while frame is not None:
            if frame.f_code in self._codes:
                raise OutOfTime("it took longer than a cell may")
            frame = frame.f_back


def _without_block(source: str, line: int) -> str | None:
    """A source with the top-level block round a line made empty; None where there is nothing to leave out."""
    lines = source.split("\n")
    if not 1 <= line <= len(lines):
        return None
    start = end = line - 1
    while start > 0 and (not lines[start].strip() or _CONTINUES.match(lines[start])):
        start -= 1
    while start > 0 and lines[start - 1].startswith("@"):
        start -= 1
    while end + 1 < len(lines) and (not lines[end + 1].strip() or _CONTINUES.match(lines[end + 1])):
        end += 1
    if not any(part.strip() for part in lines[start : end + 1]):
        return None
    return "\n".join([*lines[:start], *[""] * (end + 1 - start), *lines[end + 1 :]])


def _place_in(code: CodeType, trace: TracebackType | None) -> tuple[int, int] | None:
    """The line and the column at which compiled code stood when it raised."""
    while trace is not None:
        if trace.tb_frame.f_code is code:
            for number, (line, _, column, _) in enumerate(code.co_positions()):
                if number == trace.tb_lasti // 2 and line is not None:
                    return line, column or 0
            return trace.tb_lineno, 0
        trace = trace.tb_next
    return None


def _holds(node: ast.stmt, line: int, column: int) -> bool:
    """Whether a place lies within a statement."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
    return (_first_line(node), 0 if _first_line(node) < node.lineno else node.col_offset) <= (line, column) < end


def _first_line(node: ast.stmt) -> int:
    """The line in which a statement begins, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _defines(node: ast.stmt) -> bool:
    """Whether a statement only gives a name to something: an import, a function, a class, a constant."""
    if isinstance(node, _PLAIN):
        return True
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    if isinstance(node.value, ast.Lambda):
        return True
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
