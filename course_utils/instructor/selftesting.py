"""What `course selftest` does: known notebooks graded and told, or the page on how often grading is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from ..engine.course import CourseError, current
from ..engine.grading.plan import RunError
from ..engine.walls.unavailable import SandboxUnavailable
from ..terminal import fail

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


def show_selftest(console: Console, progress: Progress, units: Sequence[str], sandbox: str) -> None:
    """Grade known notebooks, and tell of each kind how many are as they must be. Raises Exit where one is not."""
    from ..engine.proving.selftest import rows, run_selftest
    from ..engine.walls.proofs import find_mode

    try:
        mode = find_mode(sandbox)
        with progress("self-test") as tell:
            findings = run_selftest(units, mode, tell)
    except (RunError, CourseError, SandboxUnavailable) as error:
        raise fail(error) from None
    table = Table("unit", "kind", "notebooks", "as they must be", title="course selftest")
    for row in rows(findings):
        table.add_row(*row)
    console.print(table)
    wrong = [finding for finding in findings if not finding.good]
    for finding in wrong:
        console.print(f"{finding.unit} {finding.kind} {finding.name}: {finding.fault}", style="red", markup=False)
    if wrong:
        raise typer.Exit(1)


def write_report(
    console: Console,
    progress: Progress,
    units: Sequence[str],
    sandbox: str,
    draws: int,
    answers: Path | None,
    out: Path | None,
) -> None:
    """Grade all answers with a known verdict and write the page about it; of the whole course the README's line too.

    answers: a folder of more answers; out: where the page goes, by default the course's `docs/quality.md`.
    Raises Exit where something could not be graded or written; what was graded is kept in `build/quality.jsonl`.
    """
    from ..engine import files
    from ..engine.making.units import find_units
    from ..engine.proving.answer_files import answers_in
    from ..engine.proving.answers import NotGraded, grade_answers, known_answers
    from ..engine.walls.proofs import find_mode
    from .quality import Result, page, summary, with_summary

    course = current()
    place, readme = out or course.top / "docs" / "quality.md", course.top / "README.md"
    try:
        mode = find_mode(sandbox)
        chosen = find_units(course.folder, units)
        known = [*known_answers(chosen), *(answers_in(answers, chosen) if answers else [])]
        with progress("grading answers") as tell:
            found = grade_answers(known, draws, mode, course.build / "quality.jsonl", tell)
        results = [Result(answer, graded) for answer, graded in zip(known, found, strict=True)]
        day = datetime.now(UTC).date()
        files.write_whole(place, page(results, mode, day))
        if out is None and readme.is_file():
            text = readme.read_text(encoding="utf-8")
            if (changed := with_summary(text, summary(results, day))) != text:
                files.write_whole(readme, changed)
    except NotGraded as error:
        raise fail(f"{error}; run the same command again, and only these are graded") from None
    except (RunError, CourseError, SandboxUnavailable, OSError) as error:
        raise fail(error) from None
    except KeyboardInterrupt:
        raise fail("interrupted; what was graded is kept, run the same command again to go on") from None
    console.print(summary(results, day).replace("**", ""), markup=False)
    console.print(f"wrote {place}", markup=False)
