"""A progress bar for work that takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..terminal import console


class Bar:
    """Is told how many of how many are done; stops before somebody is asked something."""

    def __init__(self, bar: Progress, what: str) -> None:
        """bar: what is shown; what: what is done."""
        self._bar, self._task = bar, bar.add_task(what, total=None)
        self.stop = bar.stop

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def progress(what: str) -> Iterator[Bar]:
    """A progress bar with the remaining time."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar, what)
