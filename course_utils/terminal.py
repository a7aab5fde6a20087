"""The learner's part of the `course` command; the instructor's is added by `instructor.cli`."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_group

from .engine.course import VARIABLE, CourseError, current, open_course
from .engine.harmless import on_one_line


class CourseGroup(TyperGroup):
    """The commands and those that the course adds, each of which takes `--course DIR` before or after its name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is left of the arguments when the course is taken out; it is noted for this process and its children."""
        kept: list[str] = []
        words = iter(args)
        for word in words:
            if word == "--":
                kept += [word, *words]
            elif word == OPTION or word.startswith(f"{OPTION}="):
                folder = word.removeprefix(f"{OPTION}=") if "=" in word else next(words, "")
                if not folder:
                    raise typer.BadParameter("it needs the folder of a course", param_hint=OPTION)
                try:
                    os.environ[VARIABLE] = str(open_course(Path(folder)).folder)
                except CourseError as error:
                    raise typer.BadParameter(str(error), param_hint=OPTION) from None
            else:
                kept.append(word)
        return super().parse_args(ctx, kept)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands; those that the course adds come last."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in self._added() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, None if there is none. A course adds commands, it takes the place of none."""
        return super().get_command(ctx, cmd_name) or self._added().get(cmd_name)

    def _added(self) -> Mapping[str, Any]:
        """The commands of the Typer app that course.toml names. A course that cannot be read adds none.

        Raises typer.BadParameter where that app is not there.
        """
        try:
            course = current()
            _ = course.settings
        except CourseError:
            return {}  # each command says it, where it needs the course
        try:
            commands = course.added("commands")
        except CourseError as error:
            raise typer.BadParameter(str(error), param_hint="course.toml") from None
        return get_group(commands).commands if commands else {}


OPTION = "--course"
app = typer.Typer(
    name="course",
    cls=CourseGroup,
    epilog=f"Every command takes {OPTION} DIR, the folder of a course; else {VARIABLE} names it, else it is the "
    "nearest one upwards.",
    help="The Transformer course: build, grade and look at it from a terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
console = Console(highlight=False)


# what a person can do about a file that cannot be written, by the system's own number of the error
REMEDIES = {
    errno.ENOSPC: "make room on that disk and run the same command again; what was written before is whole",
    errno.EDQUOT: "make room in your quota and run the same command again; what was written before is whole",
    errno.EFBIG: "the limit for the size of a file is reached (ulimit -f); what was written before is whole",
    errno.EROFS: "name a folder that can be written to",
    errno.EACCES: "name one that you may use, or change its rights",
    errno.EPERM: "name one that you may use, or change its rights",
}


def fail(error: BaseException | str) -> typer.Exit:
    """Say one sentence on stderr; raise what this returns to end with exit code 1."""
    said = str(error)
    if isinstance(error, OSError) and error.errno in REMEDIES:
        where = f"{error.filename}: " if error.filename else ""
        said = f"{where}{error.strerror}; {REMEDIES[error.errno]}"
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"course: {said}", markup=False)
    return typer.Exit(1)


def warn(sentence: str) -> None:
    """Say on the terminal what was passed over."""
    console.print(f"Warning: {on_one_line(sentence)}", style="yellow", markup=False, soft_wrap=True)


@app.callback()
def _main() -> None:
    """The Transformer course: build, grade and look at it from a terminal."""
    # With this module jsonschema loads a grammar of international addresses, 1.3 s at each start of whatever reads
    # notebooks; it works without, and no notebook holds such an address.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A unit's notebook, such as 01_positional_encoding.ipynb.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Check every exercise of a notebook, as check(...) does inside it.

    The notebook's cells run on this machine with your own rights, without a sandbox: check only notebooks that are
    your own or that you trust. To look at what somebody else wrote, grade it: course grade.
    """
    from .engine.learning.interrupts import CheckStopped
    from .engine.learning.notebook import NotebookError, check_notebook
    from .engine.learning.status import note_reports

    try:
        reports = check_notebook(notebook)
        note_reports(notebook, reports)
    except (NotebookError, CheckStopped) as error:
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


class Language(StrEnum):
    """The languages of the notebooks."""

    en = "en"
    zh = "zh"


OwnFolder = Annotated[
    Path | None, typer.Option("--folder", help="The folder of your notebooks; default those here, else the course's.")
]
OwnLanguage = Annotated[Language | None, typer.Option("--lang", help="The language of the notebooks.")]


@app.command()
def lab(
    folder: OwnFolder = None,
    lang: OwnLanguage = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Whether to open a browser.")] = True,
) -> None:
    """Open your own notebooks in JupyterLab, in your language.

    A folder that is not there yet is made, with a copy of the notebooks as released.
    """
    from .engine.learning.folder import FolderError
    from .engine.learning.lab import LabError, notebooks_to_open, open_lab

    try:
        own, is_new = notebooks_to_open(folder, lang)
        console.print(
            f"{'made a copy of' if is_new else 'opening'} the notebooks in {own.folder}", markup=False, soft_wrap=True
        )
        status = open_lab(own, browser)
    except (FolderError, LabError, CourseError, OSError) as error:
        raise fail(error) from None
    if status:
        raise typer.Exit(1)


@app.command()
def status(
    folder: OwnFolder = None,
    lang: OwnLanguage = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what is done, points by self-check, what comes next, and minutes left.

    What has no record of its check yet is checked now, which runs those cells of your notebooks on this machine.
    """
    from .engine.learning.folder import FolderError, find_notebooks
    from .engine.learning.interrupts import CheckStopped
    from .engine.learning.status import status_of

    try:
        found = status_of(find_notebooks(folder, lang))
    except (FolderError, CourseError, CheckStopped) as error:
        raise fail(error) from None
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n")
    else:
        console.print(repr(found), markup=False, soft_wrap=True)


@app.command()
def update(
    new: Annotated[str, typer.Argument(help="The new release: a zip, a folder, or a commit such as origin/main.")],
    folder: OwnFolder = None,
    lang: OwnLanguage = None,
) -> None:
    """Take a newer release of the course; your answers, texts and own cells come along, and the old files are kept.

    Save and close your notebooks first. In a clone, after git fetch: course update origin/main
    """
    from .engine.learning.folder import FolderError, find_notebooks
    from .engine.learning.release import ReleaseError
    from .engine.learning.update import UpdateError, update

    try:
        told = update(new, find_notebooks(folder, lang))
    except (ReleaseError, UpdateError, FolderError, CourseError, OSError) as error:
        for line in error.done if isinstance(error, UpdateError) else ():
            console.print(line, markup=False, soft_wrap=True)
        raise fail(error) from None
    for line in told.lines:
        console.print(line, markup=False, soft_wrap=True)
    for problem in told.problems:
        fail(problem)
    if told.problems:
        raise typer.Exit(1)


@app.command()
def reset(
    exercise: Annotated[str, typer.Argument(help="An exercise or a question, such as div_term.")],
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
) -> None:
    """Give an exercise's gap back as it was released; what stood there is kept in a file beside the notebook."""
    from .engine.learning.folder import FolderError
    from .engine.learning.reset import reset

    try:
        kept = reset(exercise, notebook)
    except (FolderError, CourseError, OSError) as error:
        raise fail(error) from None
    said = f"your answer is in {kept}" if kept else "there was no answer in it"
    console.print(
        f"{exercise} is as released again; {said}. Is the notebook open? Load it again.", markup=False, soft_wrap=True
    )
