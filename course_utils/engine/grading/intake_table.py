"""The table `intake.csv`: each file that was found, and what was made of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..harmless import cell_of_name

TABLE = "intake.csv"
COLUMNS = ("source", "student", "unit", "read_as", "note")
NOTEBOOK = "notebook"  # what `read_as` says of a file that is graded; it is empty for one that was left aside
SYSTEM_NOTE = "written by a system, nobody's work"


@dataclass(frozen=True)
class Row:
    """A row of `intake.csv`: a file that was found, and what was made of it."""

    source: str  # below the folder that was graded
    student: str
    unit: str  # empty where nobody can say
    read_as: str  # NOTEBOOK, or empty
    note: str

    @property
    def is_system(self) -> bool:
        """Whether nobody need hear of it."""
        return self.note == SYSTEM_NOTE


def write_table(results: Path, rows: Sequence[Row]) -> Path:
    """Write `intake.csv` into the results folder, names as `harmless.cell_of_name` gives them; returns its path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([*map(cell_of_name, (row.source, row.student)), row.unit, row.read_as, row.note])
    return files.write_whole(results / TABLE, text.getvalue())
