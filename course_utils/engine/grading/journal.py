"""What a run tells Python's logging: with what it began, how each notebook went, and where the grader itself failed.

Notable choices:
- nothing is set up here: whoever wants the lines adds a handler, as the command `course grade` does;
- a line holds names, outcomes, points and seconds, and never what a student wrote, a hidden input or an expected value.
  The text of an exception may hold any of these, so of one that is not a sentence of ours only its type and its places
  in the code are told.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ..course import CourseError
from ..walls.unavailable import SandboxUnavailable
from .faults import places
from .intake_table import Row
from .record import Record
from .task import Task

logger = logging.getLogger(__name__)

SENTENCES_OF_OURS = (SandboxUnavailable, CourseError)


def tell_begin(
    submitted: Path, results: Path, units: Sequence[str], where: str, sandbox: str, new: int, unchanged: int
) -> None:
    """Tell with what a run begins; where: the machine's worker processes, or a cluster's address."""
    versions = f"Python {platform.python_version()}, torch {metadata.version('torch')}"
    logger.info("run begins: %s, sandbox %s, %s, units %s", versions, sandbox, where, ", ".join(units))
    logger.info("from %s into %s: %d to grade, %d unchanged", submitted, results, new, unchanged)


def tell_graded(task: Task, record: Record, lost: int) -> None:
    """Tell how a notebook went; task: as its last pass got it; lost: how often a worker was lost under it."""
    points, most = sum(score.points for score in record.scores), sum(score.max_points for score in record.scores)
    which = "second" if task.unfinished else "first"
    logger.info(
        "%s, %s: %s, %g of %g points in %.2f seconds, %s pass%s",
        *(task.student, task.unit, record.outcome, points, most, record.seconds, which),
        f", tried {lost + 1} times" if lost else "",
    )


def tell_failure(task: Task, error: BaseException, tries: int, most: int) -> None:
    """Tell that a task failed, with the places in the code; tries: how often it has by now, most: how often it may."""
    again = "given up" if tries >= most else "tried again"
    logger.error("%s, %s: try %d of %d failed, %s: %s", task.student, task.unit, tries, most, again, told(error))


def tell_seen(rows: Sequence[Row]) -> None:
    """Tell what was read by another name, and what was left aside and why."""
    for row in rows:
        if row.note and not row.is_system:
            what = "read" if row.read_as else "left aside"
            logger.info("%s, %s: %s: %s", row.source, row.unit or "no unit", what, row.note)


def tell_damaged(sentences: Sequence[str]) -> None:
    """Tell which lines of a log could not be read."""
    for sentence in sentences:
        logger.warning("%s", sentence)


def told(error: BaseException) -> str:
    """An exception for a log: its type, its text where that is ours, and its places in the code, the innermost last."""
    text = f": {error}" if isinstance(error, SENTENCES_OF_OURS) else ""
    return f"{type(error).__name__}{text}; at {' > '.join(places(error)) or 'no place that came along'}"
