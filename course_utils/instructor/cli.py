"""The instructor's part of the `course` command, from building over grading and marking to exports and the demo."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ..engine.course import current
from ..engine.harmless import on_one_line
from ..terminal import app, console, fail
from .beginning import new

if TYPE_CHECKING:
    from ..engine.grading.intake_table import Row

logger = logging.getLogger(__name__)

SHOWN_FILES = 20  # on the terminal; all of them stand in intake.csv


class Language(StrEnum):
    """The course's languages."""

    en = "en"
    zh = "zh"


class SandboxChoice(StrEnum):
    """Where student code runs."""

    auto = "auto"
    bwrap = "bwrap"
    none = "none"


class Format(StrEnum):
    """The systems that marks can be sent to."""

    canvas = "canvas"
    moodle = "moodle"
    csv = "csv"
    xlsx = "xlsx"
    moodle_feedback = "moodle-feedback"


class Missing(StrEnum):
    """How work that is missing is told."""

    zero = "zero"
    blank = "blank"


UnitNames = Annotated[
    list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units; all of them if none is named.")
]
ResultsFolder = Annotated[
    Path,
    typer.Option(
        "--results",
        help="The folder of results.",
        default_factory=lambda: current().build / "results",
        show_default="build/results",
    ),
]
ClassFile = Annotated[
    Path | None, typer.Option("--class", help="The class's file; default class.toml beside the submissions.")
]


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the remaining time; gives a function that is told how many of how many are done."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@app.command()
def build(
    units: UnitNames = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is stale or untranslated.")] = False,
    translated: Annotated[
        bool, typer.Option("--translated", help="Mark all translations as up to date with the English text.")
    ] = False,
) -> None:
    """Make the student notebooks in both languages from solutions/."""
    from ..engine.course import CourseError
    from ..engine.making import release as builder
    from ..engine.making.lesson import stamp
    from ..engine.making.units import find_units

    try:
        if translated:
            for unit in find_units(current().folder, units or ()):
                console.print(f"{unit.name}: {stamp(unit)} translations marked as up to date", markup=False)
        stale = 0
        for sentence in builder.build(units or (), only_check=check):
            console.print(sentence, markup=False)
            stale += 1
    except CourseError as error:
        raise fail(error) from None
    if check and stale:
        raise typer.Exit(1)
    if not stale:
        console.print("everything is up to date")


app.add_typer(new, name="new", no_args_is_help=True)


@app.command()
def bundle(
    lang: Annotated[Language, typer.Option("--lang", help="The language of the notebooks.")],
    out: Annotated[Path, typer.Option("--out", help="The zip file to write.")],
    self_study: Annotated[
        bool, typer.Option("--self-study", help="With solutions and rubrics, for someone who learns without a teacher.")
    ] = False,
) -> None:
    """Write the zip file that a student gets: notebooks, the student's part of course_utils, environment files."""
    from ..engine.course import CourseError
    from ..engine.making.bundle import write_bundle

    try:
        count = write_bundle(lang.value, out, self_study)
    except (CourseError, OSError) as error:
        raise fail(error) from None
    console.print(f"wrote {out} with {count} files", markup=False)


@app.command()
def collect(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Folders and zip files that the school's system sent.")
    ],
    into: Annotated[Path, typer.Option("--into", help="The folder of submissions, for course grade.")],
    class_file: ClassFile = None,
) -> None:
    """Bring what Moodle, Canvas, nbgrader, a classroom of repositories or a folder holds to STUDENT/UNIT/UNIT.ipynb.

    Collect as often as you like: every attempt is kept, and an older download never replaces a newer attempt.
    """
    from ..engine.course import CourseError
    from ..engine.grading.collect.gather import collect as gather
    from ..engine.grading.plan import RunError
    from .class_files import find_class
    from .collecting import show_collected

    try:
        class_ = find_class(into, class_file)
        with console.status("collecting") as status:
            done = gather(sources, into, class_, tell=lambda files: status.update(f"collecting: {files} files"))
    except (RunError, CourseError, OSError) as error:
        raise fail(error) from None
    except KeyboardInterrupt:
        raise fail("interrupted; run the same command again to go on") from None
    show_collected(console, done, class_, into)


@app.command()
def grade(
    submitted: Annotated[Path, typer.Argument(help="The folder with STUDENT/UNIT/UNIT.ipynb.")],
    results: ResultsFolder,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Grade only this unit; may be given again.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 takes one per core.")] = 0,
    dask: Annotated[str, typer.Option(help="Address of a Dask scheduler to work on instead of this machine.")] = "",
    sandbox: Annotated[SandboxChoice, typer.Option(help="Where student code runs.")] = SandboxChoice.auto,
    regrade: Annotated[bool, typer.Option("--regrade", help="Grade again what has not changed.")] = False,
    class_file: ClassFile = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on the terminal, too.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(help="Where the log goes: who was graded how, and what failed; default grade.log in the results."),
    ] = None,
) -> None:
    """Grade a class; write scores, gradebook and feedback into the folder of results."""
    from .logfile import NAME, logging_into

    path = log_file or results / NAME
    with ExitStack() as log:
        try:
            log.enter_context(logging_into(path, console if verbose else None))
        except OSError as error:
            raise fail(f"{path} cannot hold the log ({error.strerror}); name another file: --log-file FILE") from None
        _grade(submitted, unit or (), results, jobs, dask, sandbox, regrade, class_file)


def _grade(
    submitted: Path,
    units: Sequence[str],
    results: Path,
    jobs: int,
    dask: str,
    sandbox: SandboxChoice,
    regrade: bool,
    class_file: Path | None,
) -> None:
    from ..engine.course import CourseError
    from ..engine.grading.plan import Plan, RunError, secrets_of
    from ..engine.grading.run import run
    from ..engine.grading.workers import nursery
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.telling.results import Writer
    from ..engine.walls.proofs import find_mode
    from ..engine.walls.unavailable import SandboxUnavailable
    from .class_files import find_class, meet_class

    if os.path.isdir(submitted) and not dask:
        nursery()  # torch loads there while the sandbox is put to the proof here
    try:
        class_ = find_class(submitted, class_file)
        secrets = secrets_of(submitted, results)
        mode = find_mode(sandbox.value, secrets) if not dask else sandbox.value.replace("auto", "bwrap")
        if mode == "none":
            console.print("Warning: --sandbox none runs what students wrote with your own rights.", style="bold red")
        plan = Plan(submitted, results, tuple(units), jobs, dask, mode, regrade)
        plan = meet_class(plan, class_, console, progress)
        writer = Writer(plan)
        with progress("grading") as tell:
            outcome = run(plan, tell=tell, confirm=_confirm, writer=writer)
        with progress("writing pages") as tell:
            writer.finish(outcome.records, tell)
    except (RunError, CourseError, SandboxUnavailable, GradebookError, OSError) as error:
        logger.error("the run ended: %s", error)
        raise fail(error) from None
    except KeyboardInterrupt:
        logger.error("the run was interrupted")
        raise fail("interrupted; what was graded is kept, run the same command again to go on") from None
    logger.info("run ends: %s; not graded: %d", outcome.told(), len(outcome.failures))
    _show_intake(outcome.seen, results)
    for sentence in outcome.damaged:
        _warn(sentence)
    console.print(f"{outcome.told()}; results in {results}", markup=False)
    for failure in outcome.failures:
        console.print(f"not graded: {on_one_line(failure)}", style="red", markup=False)
    if outcome.failures:
        raise typer.Exit(1)


def _warn(sentence: str) -> None:
    """Say on the terminal what was passed over."""
    console.print(f"Warning: {on_one_line(sentence)}", style="yellow", markup=False, soft_wrap=True)


def _show_intake(seen: Sequence[Row], results: Path) -> None:
    """Show what was read as what, those at their places counted, and what was left aside and why."""
    from ..engine.grading.intake_table import TABLE

    table = Table(title="What was read as what", show_lines=False)
    for name, share in (("file", 5), ("unit", 3), ("read as", 2), ("note", 8)):
        table.add_column(name, ratio=share, overflow="fold")
    at_place = Counter(row.unit for row in seen if row.read_as and not row.note)
    for unit, count in sorted(at_place.items()):
        table.add_row(f"STUDENT/{unit}/{unit}.ipynb", unit, "notebook", f"{count} at this place")
    rows = [row for row in seen if row.note and not row.is_system]
    for row in rows[:SHOWN_FILES]:
        table.add_row(*map(Text, (on_one_line(row.source), row.unit, row.read_as or "–", row.note)))
    console.print(table)
    if len(rows) > SHOWN_FILES:
        console.print(f"and {len(rows) - SHOWN_FILES} more, in {results / TABLE}", markup=False)
    if system := sum(row.is_system for row in seen):
        console.print(f"{system} left aside that a system wrote, such as .DS_Store; each is in {results / TABLE}")


def _confirm(changes: list[tuple[str, str, str, float, float]]) -> bool:
    """Show which scores a regrade changes, and ask whether to replace them; where nobody can be asked, go on."""
    if not changes:
        console.print("the regrade changes no score")
        return True
    table = Table("student", "unit", "check", "before", "now", title="Scores that change")
    for student, unit, check, before, now in changes:
        table.add_row(Text(on_one_line(student)), unit, check, f"{before:g}", f"{now:g}")
    console.print(table)
    return not sys.stdin.isatty() or typer.confirm("Replace these scores?", default=True)


@app.command()
def feedback(results: ResultsFolder) -> None:
    """Write each student's feedback page anew from the results."""

    def write(texts: dict[str, Any]) -> int:
        from ..engine.telling.pages.feedback import write_feedback

        return len(write_feedback(results, texts))

    _from_results(results, "feedback pages", write)


@app.command()
def report(results: ResultsFolder, lang: Annotated[Language, typer.Option("--lang")] = Language.en) -> None:
    """Write the class page from the results."""

    def write(texts: dict[str, Any]) -> Path:
        from ..engine.telling.pages.classroom import write_class_page

        return write_class_page(results, texts, lang.value)

    _from_results(results, "class page", write)


def _from_results(results: Path, what: str, write: Callable[[dict[str, Any]], object]) -> None:
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.telling.results import all_texts, refresh

    if not (results / "log.jsonl").is_file():
        raise fail(f"{results} holds no results; grade first: course grade SUBMITTED --results {results}")
    try:
        refresh(results, _warn)
        done = write(all_texts())
    except (GradebookError, ValueError, OSError) as error:
        raise fail(error) from None
    console.print(f"{what}: {done}", markup=False)


@app.command()
def review(
    question: Annotated[str, typer.Argument(help="The question, such as q1_sin_cos; its beginning is enough.")],
    results: ResultsFolder,
    everybody: Annotated[bool, typer.Option("--all", help="Show answers too that are marked already.")] = False,
    names: Annotated[bool, typer.Option("--names", help="Show whose answer it is.")] = False,
) -> None:
    """Mark the answers to a question in words, one after the other, in random order and without names.

    Beside each answer stand the question, a model answer and the rubric; each criterion takes its points, Enter gives
    all of them. s skips an answer, b goes back, q ends; what was given is kept, and stands on pages and in scores at
    the end. Formgrader shows the same marks.
    """
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.telling.results import refresh
    from ..engine.telling.review import find_question
    from .reviewing import review as ask

    try:
        unit, name = find_question(current(), question)
        if ask(console, results, unit, name, everybody, names):
            refresh(results, _warn)
    except (GradebookError, ValueError, OSError) as error:
        raise fail(error) from None


@app.command()
def formgrade(
    results: ResultsFolder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes any free port.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; the address is printed.")] = False,
) -> None:
    """Mark in a browser: nbgrader's formgrader on these results, with the rubric beside each answer in words.

    It listens on this machine alone and ends at Ctrl-C; then marks and comments stand on pages and in scores. It runs
    nothing that a student wrote, needs no network, and leaves your own configuration of Jupyter alone.
    """
    from ..engine.telling.hand_marks import GradebookError
    from .formgrading import FormgraderMissing, mark_in_browser

    try:
        mark_in_browser(console, results, port, not no_browser, _warn)
    except (FormgraderMissing, GradebookError, ValueError, OSError) as error:
        raise fail(error) from None


@app.command()
def export(
    format: Annotated[Format, typer.Option("--format", help="The school's system.")],
    results: ResultsFolder,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; for moodle-feedback the folder of its zip files.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option("--like", help="A gradebook that Canvas or Moodle exported, to be filled.")
    ] = None,
    missing: Annotated[Missing, typer.Option("--missing", help="How work that is missing is told.")] = Missing.zero,
) -> None:
    """Write the marks in the form that a school's system reads, of the people of the roster where there is one."""
    from ..engine.telling.export import SUFFIXES
    from ..engine.telling.export import export as write
    from ..engine.telling.hand_marks import GradebookError

    try:
        place = out or results / f"marks-{format.value}{SUFFIXES[format.value]}"
        path = write(results, format.value, place, _warn, missing=missing.value, like=like, note=_note)
    except (GradebookError, ValueError, OSError) as error:
        raise fail(error) from None
    console.print(f"wrote {path}", markup=False)


def _note(sentence: str) -> None:
    console.print(on_one_line(sentence), markup=False)


@app.command()
def selftest(
    units: UnitNames = None,
    sandbox: Annotated[SandboxChoice, typer.Option(help="Where the notebooks run.")] = SandboxChoice.auto,
    report: Annotated[
        bool, typer.Option("--report", help="Measure how often grading is right, and write a page about it.")
    ] = False,
    draws: Annotated[
        int | None, typer.Option(min=1, help="With --report: on how many draws each answer is graded; default 3.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="With --report: a folder of more answers, EXERCISE/ANSWER.py with a verdict.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --report: where the page goes; default docs/quality.md.")
    ] = None,
) -> None:
    """Grade reference, blank, mutants, alternatives and hostile notebooks, and say whether each gets what it must.

    Of the units that are named the known answers alone; the hostile notebooks hang on a toy course, not on a unit.
    With --report: grade right and wrong answers on several draws each, and write how many right ones were refused
    and wrong ones kept, with intervals. It can be stopped at any time and goes on where it was.
    """
    from .selftesting import show_selftest, write_report

    if not report:
        for option, value in (("--draws", draws), ("--answers", answers), ("--out", out)):
            if value is not None:
                raise typer.BadParameter("it says something about the page; give --report too", param_hint=option)
        show_selftest(console, progress, units or (), sandbox.value)
        return
    if units and out is None:
        raise typer.BadParameter("docs/quality.md is about all units; for some of them name a file", param_hint="--out")
    write_report(console, progress, units or (), sandbox.value, draws or 3, answers, out)


@app.command()
def doctor() -> None:
    """Say what is installed, what this machine can do, and what is missing with the command that installs it."""
    from .doctor import findings

    table = Table("what", "found", "to do", title="course doctor", title_justify="left")
    for finding in findings():
        table.add_row(finding.what, f"{'✓' if finding.good else '✗'} {finding.found}", finding.remedy)
    console.print(table)


@app.command()
def demo() -> None:
    """The main job, end to end: release, a small class, grading, pages, and where to look."""
    from .demo import run_demo

    run_demo(console, progress)


def main() -> None:
    """Run the `course` command."""
    app()
