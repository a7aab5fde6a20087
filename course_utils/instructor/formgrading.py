"""`course formgrade`: nbgrader's formgrader on a folder of results, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from ..engine.course import current
from ..engine.grading.log import LOG
from ..engine.telling.hand_marks import GRADEBOOK


class FormgraderMissing(RuntimeError):
    """What formgrader needs is not installed."""


def mark_in_browser(
    console: Console, results: Path, port: int, open_browser: bool, tell: Callable[[str], None]
) -> None:
    """Serve formgrader until a signal comes; then bring scores and pages up to the marks.

    tell: is told of what refreshing passes over.
    Raises ValueError where there are no results or the port is taken, FormgraderMissing, and what `refresh` does.
    """
    if not all((results / name).exists() for name in (LOG, GRADEBOOK, "autograded")):
        raise ValueError(f"{results} holds no results to mark; grade first: course grade SUBMITTED --results {results}")
    try:
        from ..engine.telling.formgrader import formgrader
    except ImportError as error:
        raise FormgraderMissing(
            f"formgrader cannot be started, since {error.name or 'a part of it'} is not installed; "
            'install what instructors need: pip install -e ".[instructor]"'
        ) from None
    from ..engine.telling.results import refresh

    with formgrader(current(), results, port, open_browser) as (address, server):
        console.print(f"marking {results} at\n\n    {address}\n\nCtrl-C ends it", markup=False, soft_wrap=True)
        server.start()
    refresh(results, tell)
    console.print(f"ended; marks and comments stand in the scores and on the pages of {results}", markup=False)
