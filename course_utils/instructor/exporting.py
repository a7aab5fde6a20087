"""What `course export` shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ..engine.harmless import on_one_line
from ..engine.telling.exported import Difference
from ..terminal import console


def show_differences(differences: Sequence[Difference], since: str) -> None:
    """Show what has changed since the last export of a format, all of it: it is what a school has to be told."""
    if not differences:
        console.print(f"nothing has changed since the last export of this format ({since})", markup=False)
        return
    table = Table("student", "unit", "then", "now", title=f"Changed since the last export of this format ({since})")
    for one in differences:
        table.add_row(*(Text(on_one_line(cell)) for cell in (one.student, one.unit, one.before, one.now)))
    console.print(table)
