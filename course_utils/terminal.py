"""The learner's part of the `course` command; the instructor's is added by `instructor.cli`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    name="course",
    help="The Transformer course: build, grade and look at it from a terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
console = Console(highlight=False)


def fail(error: Exception | str) -> typer.Exit:
    """Say one sentence on stderr; raise what this returns to end with exit code 1."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"course: {error}", markup=False)
    return typer.Exit(1)


@app.callback()
def _main() -> None:
    """The Transformer course: build, grade and look at it from a terminal."""


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A unit's notebook, such as 01_positional_encoding.ipynb.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Check every exercise of a notebook, as check(...) does inside it."""
    from .selfcheck.notebook import NotebookError, check_notebook

    try:
        reports = check_notebook(notebook)
    except NotebookError as error:
        raise fail(error) from None
    if as_json:
        rows = [
            {
                "exercise": report.exercise,
                "check": verdict.check.removeprefix(f"{report.exercise}-"),
                "outcome": verdict.outcome,
                "message": verdict.message[report.language] if verdict.message else None,
                "hint": verdict.hint,
            }
            for report in reports
            for verdict in report.verdicts
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    else:
        for report in reports:
            console.print(repr(report), markup=False)
    if not all(report.passed for report in reports):
        raise typer.Exit(1)
