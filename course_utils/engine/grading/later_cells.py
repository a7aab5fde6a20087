"""Whether what stands below an exercise's cell may be part of its answer.

Each exercise is judged in the state that its own cell left. Where it is wrong there, it is looked at once more when all
cells have run, if a cell below could have mended it: one that binds a name which the cells above use, or that works on
the answer itself (`Layer.forward = forward`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cell_names import names_touched, names_used
from .intake import CodeCell


def may_mend(cells: Sequence[CodeCell], exercise: str) -> bool:
    """Whether a cell behind that of an exercise may be part of its answer."""
    place = next(number for number, cell in enumerate(cells) if cell.kind == "exercise" and cell.name == exercise)
    used = {exercise}.union(*(names_used(cell.source) for cell in cells[: place + 1] if cell.kind != "setup"))
    return any(_touches(cell, exercise, used) for cell in cells[place + 1 :])


def _touches(cell: CodeCell, exercise: str, used: set[str]) -> bool:
    binds, works_on = names_touched(cell.source)
    if cell.kind == "extra" and None in binds:  # magics: nobody can say what they do
        return True
    return bool(binds & used) or exercise in works_on
