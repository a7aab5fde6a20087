"""What several of the instructor's commands take, and how they say what was passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..engine.course import current
from ..engine.harmless import on_one_line
from ..terminal import console


class Language(StrEnum):
    """The course's languages."""

    en = "en"
    zh = "zh"


ResultsFolder = Annotated[
    Path,
    typer.Option(
        "--results",
        help="The folder of results.",
        default_factory=lambda: current().build / "results",
        show_default="build/results",
    ),
]


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the remaining time; gives a function that is told how many of how many are done."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def warn(sentence: str) -> None:
    """Say on the terminal what was passed over."""
    console.print(f"Warning: {on_one_line(sentence)}", style="yellow", markup=False, soft_wrap=True)
