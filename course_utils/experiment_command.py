"""`course experiment`, which this course adds to the commands: course.toml names `app`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .terminal import console, fail

app = typer.Typer()


class Place(StrEnum):
    """Where corpora and encoders come from."""

    auto = "auto"
    local = "local"
    hub = "hub"
    embedded = "embedded"


@app.command()
def experiment(
    name: Annotated[str | None, typer.Argument(help="The study; without it, the studies are listed.")] = None,
    place: Annotated[Place, typer.Option(help="Where the corpus comes from; auto takes the first that is there.")] = (
        Place.auto
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Runs that differ in nothing but their seed.")] = 3,
    out: Annotated[Path, typer.Option(help="The folder of results.")] = Path("build/experiments"),
    quick: Annotated[bool, typer.Option("--quick/--full", help="Minutes on two cores, or a real result.")] = True,
    data_folder: Annotated[
        Path | None, typer.Option("--data", help="The folder of public corpora; default COURSE_DATA_DIR.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
) -> None:
    """Repeat a unit's study; write its results as JSON, CSV and PNG. A stopped one goes on where it was."""
    from .studies import Study, StudyStopped, find_study, list_studies, run

    if name is None:
        table = Table("study", "unit", "what it asks")
        for found in list_studies():
            table.add_row(found.name, found.unit, found.about)
        console.print(table)
        return
    try:
        find_study(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    try:
        run(name, Study(place.value, seeds, quick, out, data_folder, device))
    except (ValueError, OSError, ImportError, StudyStopped) as error:
        raise fail(error) from None
