"""What several of the instructor's commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..engine.course import current

ResultsFolder = Annotated[
    Path,
    typer.Option(
        "--results",
        help="The folder of results.",
        default_factory=lambda: current().build / "results",
        show_default="build/results",
    ),
]
