"""`course grade` on the terminal: what is read, which marks change and whether they may, what came of it.

A mark that stands is never replaced in silence: the table of changes is shown and somebody is asked, and until the
answer is yes nothing of the results is written. What was graded for it is kept aside, so that going on is quick.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engine.course import CourseError
from ..engine.grading.log import locked
from ..engine.grading.plan import Plan, RunError, secrets_of
from ..engine.grading.record import Place, Record
from ..engine.grading.replacing import Asker, Proposal, Unanswered
from ..engine.harmless import on_one_line
from ..engine.walls.unavailable import SandboxUnavailable
from ..terminal import console, fail, warn
from .class_files import Meeting, find_class, meet_class
from .progress import progress

if TYPE_CHECKING:
    from ..engine.grading.intake_table import Row
    from ..engine.grading.run import Outcome
    from ..engine.telling.changes import Change

logger = logging.getLogger(__name__)

SHOWN_FILES = 20  # on the terminal; all of them stand in intake.csv
SHOWN_CHANGES = 60  # to somebody who is asked; a pipe and a dry run get all of them
SHOWN_NAMES = 12  # of those who would be graded
NEW = "a new hand-in"
ASIDE = "nothing was changed, and what was graded is kept aside"


@dataclass
class TerminalAsker(Asker):
    """Shows which marks change, and asks."""

    plan: Plan
    meeting: Meeting
    accept_changes: bool
    pause: Callable[[], None] = lambda: None  # stops what moves on the terminal
    changes: Sequence[Change] = field(default_factory=tuple)  # those that were asked about

    def holds(self, standing: Mapping[Place, Record]) -> bool:
        """Whether being late costs something else by the class file as it is now."""
        from ..engine.telling.changes import penalties_change
        from ..engine.telling.hand_marks import read_hands

        if self.meeting.old == self.meeting.terms:
            return False
        return penalties_change(standing, read_hands(self.plan.results), self.meeting.old, self.meeting.terms)

    def confirm(self, proposal: Proposal) -> bool:
        """Whether marks may change so. Raises Unanswered where nobody can be asked, or nobody answers."""
        from ..engine.telling.changes import changes_of, told_in_short
        from ..engine.telling.hand_marks import read_hands

        hands = read_hands(self.plan.results)
        self.changes = changes = changes_of(proposal, hands, self.meeting.old, self.meeting.terms)
        self.pause()
        if self.plan.dry:
            _show_work(proposal)
        if not changes:
            console.print("no mark that stands changes")
            return True
        is_asked = is_terminal() and not self.accept_changes and not self.plan.dry
        _show_changes(changes, SHOWN_CHANGES if is_asked else len(changes))
        if self.accept_changes or self.plan.dry:
            return True
        short = told_in_short(changes)
        if not is_asked:
            raise Unanswered(
                f"{short}, and there is no terminal to ask at; {ASIDE}: --accept-changes takes these marks over, "
                "--dry-run only shows them"
            )
        try:
            return typer.confirm(f"{short}. Take them over?", default=False)
        except typer.Abort:  # Ctrl-C, or the end of what can be read
            raise Unanswered(f"no answer; {ASIDE}: run the same command again to be asked again") from None

    def accept(self) -> None:
        """Write what is known of the class, and put the best attempts in their places."""
        self.meeting.settle(self.plan)


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def grade_class(
    plan: Plan, class_file: Path | None, accept_changes: bool, sandbox: Literal["auto", "bwrap", "none"]
) -> None:
    """Grade a class, and tell about it.

    plan: but for what the class file and the machine decide; sandbox: "auto", "bwrap" or "none"
    Raises typer.Exit where it could not be done.
    """
    from ..engine.grading.workers import nursery
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.walls.proofs import find_mode

    if os.path.isdir(plan.submitted) and not plan.dask:
        nursery()  # torch loads there while the sandbox is put to the proof here
    try:
        class_ = find_class(plan.submitted, class_file)
        mode: str = "bwrap" if sandbox == "auto" else sandbox
        if not plan.dask:
            mode = find_mode(sandbox, secrets_of(plan.submitted, plan.results))
        if mode == "none":
            console.print("Warning: --sandbox none runs what students wrote with your own rights.", style="bold red")
        with nullcontext() if plan.dry else locked(plan.results):
            plan, meeting = meet_class(replace(plan, sandbox=mode), class_, console, progress)
            asker = TerminalAsker(plan, meeting, accept_changes)
            outcome = _graded(plan, asker)
    except Unanswered as error:
        logger.error("marks would change, and nobody agreed")
        raise fail(error) from None
    except (RunError, CourseError, SandboxUnavailable, GradebookError, OSError) as error:
        logger.error("the run ended: %s", error)
        raise fail(error) from None
    except KeyboardInterrupt:
        logger.error("the run was interrupted")
        raise fail("interrupted; what was graded is kept, run the same command again to go on") from None
    _tell(plan, outcome, asker)


def _graded(plan: Plan, asker: TerminalAsker) -> Outcome:
    """What a run did; its files are written."""
    from ..engine.grading.run import run_alone
    from ..engine.telling.results import Writer

    writer = Writer(plan)
    with progress("grading") as bar:
        asker.pause = bar.stop
        outcome = run_alone(plan, tell=bar, asker=asker, writer=writer)
    if outcome.accepted:
        with progress("writing pages") as bar:
            writer.finish(outcome.records, bar)
    return outcome


# telling --------------------------------------------------------------------------------------------------------------


def _tell(plan: Plan, outcome: Outcome, asker: TerminalAsker) -> None:
    """Say what a run did. Raises typer.Exit where not all of it could be done."""
    from ..engine.telling.changes import told_in_short

    logger.info("run ends: %s; not graded: %d", outcome.told(), len(outcome.failures))
    _show_intake(outcome.seen, plan.results, plan.dry)
    for sentence in outcome.damaged:
        warn(sentence)
    if outcome.gone:
        names = on_one_line(", ".join(outcome.gone))
        warn(f"no folder, and not on a roster: {names}; the marks that they have stay in the results")
    for failure in outcome.failures:
        console.print(f"not graded: {on_one_line(failure)}", style="red", markup=False)
    if plan.dry:
        short = told_in_short(asker.changes) if asker.changes else "no mark that stands would change"
        console.print(f"dry run: {short}; nothing was written", markup=False)
    elif outcome.accepted:
        console.print(f"{outcome.told()}; results in {plan.results}", markup=False)
    else:
        again = "" if plan.regrade else "; what was graded is kept aside for a run with --accept-changes"
        console.print(f"no mark was changed{again}", markup=False)
    if outcome.failures or not (outcome.accepted or plan.dry):
        raise typer.Exit(1)


def _show_changes(changes: Sequence[Change], most: int) -> None:
    table = Table("student", "unit", "exercise", "old", "new", "why", title="Marks that change")
    for change in changes[:most]:
        cells = (change.student, change.unit, change.exercise, change.before, change.now, change.why)
        table.add_row(*(Text(on_one_line(cell)) for cell in cells))
    _print(table)
    if len(changes) > most:
        console.print(f"and {len(changes) - most} more; all of them: the same command with --dry-run")


def _show_work(proposal: Proposal) -> None:
    """Show what would be graded, and why."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for student, unit in sorted({*proposal.new, *proposal.reasons}):
        groups[unit, proposal.reasons.get((student, unit), NEW)].append(student)
    if not groups:
        console.print("nothing would be graded: nothing has changed")
        return
    table = Table("unit", "why", "notebooks", "whose", title="What would be graded")
    for (unit, why), who in groups.items():
        more = f" and {len(who) - SHOWN_NAMES} more" if len(who) > SHOWN_NAMES else ""
        names = on_one_line(", ".join(who[:SHOWN_NAMES]))
        table.add_row(*map(Text, (unit, why, str(len(who)), names + more)))
    _print(table)


def _show_intake(seen: Sequence[Row], results: Path, everything: bool) -> None:
    """Show what was read as what, those at their places counted, and what was left aside and why.

    everything: with all rows, where no file holds them
    """
    from ..engine.grading.intake_table import TABLE

    table = Table(title="What was read as what", show_lines=False)
    for name, share in (("file", 5), ("unit", 3), ("read as", 2), ("note", 8)):
        table.add_column(name, ratio=share, overflow="fold")
    at_place = Counter(row.unit for row in seen if row.read_as and not row.note)
    for unit, count in sorted(at_place.items()):
        table.add_row(f"STUDENT/{unit}/{unit}.ipynb", unit, "notebook", f"{count} at this place")
    rows = [row for row in seen if row.note and not row.is_system]
    shown = rows if everything else rows[:SHOWN_FILES]
    for row in shown:
        table.add_row(*map(Text, (on_one_line(row.source), row.unit, row.read_as or "–", row.note)))
    console.print(table)
    if len(rows) > len(shown):
        console.print(f"and {len(rows) - len(shown)} more, in {results / TABLE}", markup=False)
    if system := sum(row.is_system for row in seen):
        where = "" if everything else f"; each is in {results / TABLE}"
        console.print(f"{system} left aside that a system wrote, such as .DS_Store{where}")


def _print(table: Table) -> None:
    """Print a table whose cells hold a word each on a line wide enough for all of them, where nobody reads it."""
    if console.is_terminal:
        console.print(table)
    else:
        Console(file=console.file, width=max(console.width, 160), highlight=False).print(table)
