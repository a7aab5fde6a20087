"""`course note` and `course give-back`: a note by hand, and the pages on their way back to students."""

from __future__ import annotations

import difflib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..engine.harmless import on_one_line
from ..terminal import app, console, fail, warn
from .options import ResultsFolder


class Form(StrEnum):
    """How pages are given back."""

    folder = "folder"
    zip = "zip"
    links = "links"
    moodle = "moodle"


@app.command()
def note(
    student: Annotated[str, typer.Argument(help="The student, as the results call them.")],
    text: Annotated[str, typer.Argument(help="What you write; an empty text takes the note away.")],
    results: ResultsFolder,
    unit: Annotated[str, typer.Option("--unit", help="For this unit's page alone; else for all of them.")] = "",
) -> None:
    """Write a note to a student by hand, in the place of an earlier one.

    Notes stand in notes.csv of the results, which you can also edit as a table (student, unit, note); then run
    course feedback or course give-back.
    """
    from ..engine.grading.log import LOG, read_log
    from ..engine.telling.notes import write_note
    from ..engine.telling.pages.feedback import write_page
    from ..engine.telling.pages.records import read_records
    from ..engine.telling.results import all_texts

    places = read_log(results).last
    if not places:
        raise fail(f"{results} holds no results ({LOG}); grade first: course grade SUBMITTED --results {results}")
    students = sorted({name for name, _ in places})
    if student not in students:
        near = difflib.get_close_matches(student, students, 3, 0.5)
        hint = f"; do you mean {' or '.join(map(on_one_line, near))}?" if near else ""
        raise fail(f"the results know no student {on_one_line(student)}{hint}")
    own = sorted(name for who, name in places if who == student)
    if unit and unit not in own:
        raise fail(f"{on_one_line(student)} has no results in {on_one_line(unit)}; there are {', '.join(own)}")
    try:
        write_note(results, student, unit, text)
        texts = all_texts()
        for record in read_records(results):
            if record.student == student and unit in ("", record.unit):
                write_page(results, record, texts.get(record.unit, {}))
    except (ValueError, RuntimeError, OSError) as error:
        raise fail(error) from None
    console.print(f"{'wrote' if text.strip() else 'took away'} the note to {on_one_line(student)}", markup=False)


@app.command("give-back")
def give_back(
    results: ResultsFolder,
    form: Annotated[Form, typer.Option("--as", help="A folder or a zip file a student, links, Moodle's feedback.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write into.")],
    address: Annotated[str, typer.Option("--address", help="What OUT is called on the web, for links: https://…")] = "",
) -> None:
    """Write each student's pages, with an overview and your notes, as they are given back.

    With links, OUT holds a folder a student whose name nobody can guess; which is whose, and each link, stands in
    links.csv of the results. With moodle it holds a zip file a unit, for "Upload multiple feedback files in a zip".
    """
    from ..engine.telling import giving_back
    from ..engine.telling.export import FEEDBACK, export
    from ..engine.telling.hand_marks import GradebookError
    from ..engine.telling.pages.feedback import write_feedback
    from ..engine.telling.results import all_texts

    if not (results / "log.jsonl").is_file():
        raise fail(f"{results} holds no results; grade first: course grade SUBMITTED --results {results}")
    if address and form is not Form.links:
        raise typer.BadParameter("an address is for --as links alone", param_hint="--address")
    try:
        if form is Form.moodle:
            write_feedback(results, all_texts())
            export(results, FEEDBACK, out, warn, note=_tell)
            console.print(f"wrote {out}", markup=False)
            return
        done = giving_back.give_back(results, form.value, out, address, warn)
    except (GradebookError, ValueError, OSError) as error:
        raise fail(error) from None
    table = f"; who has which link stands in {done.table}, which stays with you" if done.table else ""
    console.print(f"wrote {done.pages} pages of {done.students} students into {out}{table}", markup=False)


def _tell(sentence: str) -> None:
    console.print(on_one_line(sentence), markup=False)
