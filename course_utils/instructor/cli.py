"""The instructor's part of the `course` command, from building over grading and marking to exports and the demo."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..engine.course import current
from ..engine.harmless import on_one_line
from ..terminal import Language, app, console, fail, warn
from . import returning, signalling  # noqa: F401  (their commands)
from .beginning import new
from .options import ResultsFolder
from .progress import progress


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
ClassFile = Annotated[
    Path | None, typer.Option("--class", help="The class's file; default class.toml beside the submissions.")
]


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
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Let marks that stand change without a question.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be graded and which marks would change; write nothing.")
    ] = False,
    class_file: ClassFile = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on the terminal, too.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(help="Where the log goes: who was graded how, and what failed; default grade.log in the results."),
    ] = None,
) -> None:
    """Grade a class; write scores, gradebook and feedback into the folder of results.

    A mark that stands is never changed in silence: after a change of points, rules, dates or versions the changes are
    shown and asked about, and without a terminal the command stops. A new hand-in needs no question.
    """
    from ..engine.grading.plan import Plan
    from .grading import grade_class
    from .logfile import NAME, logging_into

    path = log_file or (None if dry_run else results / NAME)
    with ExitStack() as log:
        try:
            log.enter_context(logging_into(path, console if verbose else None))
        except OSError as error:
            remedy = "name another file: --log-file FILE" if log_file else "take another folder: --results"
            raise fail(f"{path} cannot hold the log ({error.strerror}); {remedy}") from None
        plan = Plan(submitted, results, tuple(unit or ()), jobs, dask, regrade=regrade, dry=dry_run)
        grade_class(plan, class_file, accept_changes, sandbox.value)


@app.command()
def feedback(results: ResultsFolder) -> None:
    """Write each student's feedback page anew from the results."""

    def write(texts: dict[str, Any]) -> int:
        from ..engine.telling.pages.feedback import write_feedback

        return len(write_feedback(results, texts))

    _from_results(results, "feedback pages", write)


@app.command()
def report(
    results: ResultsFolder,
    lang: Annotated[Language, typer.Option("--lang")] = Language.en,
    no_names: Annotated[
        bool,
        typer.Option(
            "--no-names", help="Write class-without-names.html instead, for the lecture hall: only what is counted."
        ),
    ] = False,
) -> None:
    """Write the class page from the results: points, how hard each check is and what it tells, what to talk about."""

    def write(texts: dict[str, Any]) -> Path:
        from ..engine.telling.pages.classroom import write_class_page

        return write_class_page(results, texts, lang.value, names=not no_names)

    _from_results(results, "class page", write)


def _from_results(results: Path, what: str, write: Callable[[dict[str, Any]], object]) -> None:
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.telling.results import all_texts, refresh

    if not (results / "log.jsonl").is_file():
        raise fail(f"{results} holds no results; grade first: course grade SUBMITTED --results {results}")
    try:
        refresh(results, warn)
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
            refresh(results, warn)
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
        mark_in_browser(console, results, port, not no_browser, warn)
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
    partial: Annotated[
        bool, typer.Option("--partial", help="Also where answers in words wait for a person: marks are not final.")
    ] = False,
) -> None:
    """Write the marks in the form that a school's system reads, of the people of the roster where there is one.

    What has changed since the last export of this format is listed.
    """
    from ..engine.telling.export import SUFFIXES
    from ..engine.telling.export import export as write
    from ..engine.telling.hand_marks import GradebookError
    from .exporting import show_differences

    try:
        place = out or results / f"marks-{format.value}{SUFFIXES[format.value]}"
        path = write(
            results,
            format.value,
            place,
            warn,
            missing=missing.value,
            like=like,
            partial=partial,
            note=_note,
            compare=show_differences,
        )
    except (GradebookError, ValueError, OSError) as error:
        raise fail(error) from None
    console.print(f"wrote {path}", markup=False)


def _note(sentence: str) -> None:
    console.print(on_one_line(sentence), markup=False)


@app.command()
def forget(
    student: Annotated[str, typer.Argument(help="The student, as scores.csv names them.")],
    submitted: Annotated[Path, typer.Option("--submitted", help="The folder of submissions.")],
    results: ResultsFolder,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without a question.")] = False,
) -> None:
    """Delete all that one student handed in and all that the results hold of them; it cannot be undone.

    What you downloaded and exported, roster.csv and class.toml are yours and stay.
    """
    from ..engine.grading.plan import RunError
    from ..engine.telling.forgetting import forget as take_out
    from ..engine.telling.hand_marks import GradebookError

    if not yes and not typer.confirm(f"Delete {on_one_line(student)} from {submitted} and {results} for good?"):
        raise typer.Exit(1)
    try:
        done = take_out(student, submitted, results)
    except (RunError, GradebookError, ValueError, OSError) as error:
        raise fail(error) from None
    for path in done:
        console.print(f"taken out of, or deleted: {on_one_line(path)}", markup=False, soft_wrap=True)


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
