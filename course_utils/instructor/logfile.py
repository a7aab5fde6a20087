"""The log of a command: a file that each run adds to, and the terminal where that was asked for.

Notable choices:
- only a command sets up logging, and takes it back when it ends; the engine only tells (`engine/grading/journal.py`);
- a record is one line, whatever a student's folder is called: names cannot end a line or move a cursor;
- the file is added to, so that last night's run can still be read; past some size the older half becomes FILE.1.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

import typer
from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler

from ..engine.grading.faults import places
from ..engine.harmless import on_one_line

NAME = "grade.log"  # in the folder of results
MAX_BYTES = 4 * 2**20  # about 30,000 notebooks
FORM = "%(asctime)s %(levelname)-7s %(message)s"

logger = logging.getLogger(__name__)


class OneLine(logging.Formatter):
    """Writes each record on one line, without characters that deceive the eye. An exception stands there by places."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        bare = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None, "stack_info": None})
        return on_one_line(super().format(bare))


class _File(RotatingFileHandler):
    """A log that ends where its disk is full, without a word: what the disk then lacks for marks has its sentence."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing, where logging would print a traceback on the terminal for each line."""


@contextmanager
def logging_into(path: Path | None, console: Console | None = None) -> Iterator[None]:
    """Have what the course tells written at the end of a file, and on a console, while this lasts; on what there is.

    An exception that nobody expected is logged by its type and its places, and goes on.
    Raises OSError where the file cannot be written.
    """
    handlers: list[logging.Handler] = []
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _File(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace")
        file.setFormatter(OneLine(FORM))
        handlers.append(file)
    if console is not None:
        terminal = RichHandler(console=console, show_path=False, highlighter=NullHighlighter(), keywords=[])
        terminal.setFormatter(OneLine("%(message)s"))
        handlers.append(terminal)
    course = logging.getLogger("course_utils")
    level = course.level
    course.setLevel(logging.INFO)
    for handler in handlers:
        course.addHandler(handler)
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        logger.error(
            "the command ended by a fault of its own: %s at %s", type(error).__name__, " > ".join(places(error))
        )
        raise
    finally:
        course.setLevel(level)
        for handler in handlers:
            course.removeHandler(handler)
            handler.close()
