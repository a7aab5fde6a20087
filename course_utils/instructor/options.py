"""What several of the instructor's commands take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..engine.course import current


class Language(StrEnum):
    """The course's languages."""

    en = "en"
    zh = "zh"


ResultsFolder = Annotated[
    Path,
    typer.Option(
        "--results",
        help="The folder of results.",
        default_factory=lambda: current().build / "results",
        show_default="build/results",
    ),
]
