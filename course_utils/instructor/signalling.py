"""`course signals`: what a person may want to look at in a class, on the terminal and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..engine.harmless import on_one_line
from ..terminal import Language, app, console, fail
from .options import ResultsFolder
from .progress import progress

if TYPE_CHECKING:
    from ..engine.telling.signals.look import Signals

SHOWN = 15  # rows of each table; the page shows more
MAX_TEXT = 60  # characters of what stands in a row

WORDS = {
    "count_differs": "another run's number",
    "no_run": "output without a run",
    "never_run": "answer not run",
    "error_above": "error, answer passes",
    "same_run": "another's run",
}


@app.command()
def signals(
    submitted: Annotated[Path, typer.Argument(help="The folder with STUDENT/UNIT/UNIT.ipynb.")],
    results: ResultsFolder,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Only this unit; may be given again.")] = None,
    lang: Annotated[Language, typer.Option("--lang", help="The language of the page.")] = Language.en,
) -> None:
    """Show what a person may want to look at: answers that are alike, library calls that do the work, odd outputs.

    These are signals and no verdicts: nothing here touches a point. The page signals.html in the results shows both
    places side by side. Nothing that students wrote is run.
    """
    from ..engine.course import CourseError, current
    from ..engine.grading.plan import Plan, RunError
    from ..engine.telling.pages.signals import write_signals_page
    from ..engine.telling.results import all_texts
    from ..engine.telling.signals.look import look_at_class, write_table

    try:
        plan = Plan(submitted, results, tuple(unit or ()), solutions=current().folder)
        with progress("looking") as tell:
            found = look_at_class(plan, tell)
        write_table(results, found)
        page = write_signals_page(results, found, all_texts(), lang.value)
    except (RunError, CourseError, ValueError, OSError) as error:
        raise fail(error) from None
    _show(found)
    counts = f"{len(found.pairs)} pairs alike, {len(found.calls)} library calls, {len(found.misfits)} outputs"
    told = f"{counts} in {found.notebooks} notebooks; for a person to look at, no points hang on them: {page}"
    console.print(told, markup=False, soft_wrap=True)


def _show(found: Signals) -> None:
    """Show the first rows of each kind."""
    alike = Table("exercise", "students", "own tokens shared", "have it", title="Answers that are alike")
    for pair in found.pairs[:SHOWN]:
        names = f"{on_one_line(pair.alike.first)} · {on_one_line(pair.alike.second)}"
        share = f"{pair.alike.tokens} ({pair.alike.share:.0%})"
        alike.add_row(pair.exercise or "own cells", Text(names), share, f"{pair.alike.holders} of {pair.answers}")
    calls = Table("exercise", "student", "call", title="Library calls that do the work")
    named = dict.fromkeys((call.mention.exercise, call.student, call.mention.call) for call in found.calls)
    for exercise, student, name in list(named)[:SHOWN]:
        calls.add_row(exercise, Text(on_one_line(student)), name)
    outputs = Table("kind", "student", "cell", "stored", title="Outputs that do not fit the code")
    for each in found.misfits[:SHOWN]:
        names = " · ".join(map(on_one_line, filter(None, (each.student, each.other))))
        stored = on_one_line(each.text[:MAX_TEXT])
        outputs.add_row(WORDS[each.kind], Text(names), f"{each.unit} {each.cell}", Text(stored))
    for table in (alike, calls, outputs):
        if table.row_count:
            console.print(table)
