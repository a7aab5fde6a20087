"""`course reset EXERCISE NOTEBOOK`: a gap as it was released, and the answer that stood in it in a file beside.

The answer goes into a file and not into a cell: a cell would be run, and whoever looks for an answer would find two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..course import current
from ..files import write_whole
from ..reading.notebook import read_notebook
from .carry import is_note_of
from .cells import Raw, answer_names, find_answers, is_code, is_filled, same_cells, text_of
from .folder import FolderError, OwnNotebooks, as_bytes, newest_release, read_own


def reset(name: str, path: Path) -> Path | None:
    """Give the gap of an exercise or a question back; where the answer is kept, None where there was none.

    Raises FolderError and OSError; then the notebook is as it was.
    """
    data, content, mine = read_own(path)
    language = read_notebook(data).language
    place_of_all = path.absolute().parent
    own = OwnNotebooks(place_of_all.parent if place_of_all.name == path.stem else place_of_all, language)
    unit = _unit_that_asks(name, own)
    released, given = newest_release(own, unit)
    slots = answer_names(given)
    if name not in slots:
        raise FolderError(f"{unit} as released has no cell for {name}; take the newest release: course update")
    new = given[slots[name]]
    place = next(iter(find_answers(mine, {name: [text_of(new)]})), None)
    if place is None:
        place = _place_of_a_text(mine, given, name)
    cells, kept = list(mine), None
    if place is None:
        matched = same_cells(mine, given, {})
        before = [at for at, found in matched.items() if found < slots[name]]
        cells.insert(max(before, default=-1) + 1, new)
    else:
        if is_filled(mine[place], [text_of(new)]):
            kept = _keep(path, name, text_of(mine[place]), ".py" if is_code(new) else ".md")
        cells[place] = new
    cells = [cell for cell in cells if not is_note_of(cell, name)]
    if cells != mine:
        write_whole(path, as_bytes(content, cells, released))
    return kept


def _unit_that_asks(name: str, own: OwnNotebooks) -> str:
    """The unit that holds an exercise or a question. Raises FolderError for a name that no unit knows."""
    course = current()
    for unit in course.units():
        if name in unit.texts["exercises"] or name in unit.texts["questions"]:
            return unit.name
    known = [*course.all_exercises(), *(name for unit in course.units() for name in unit.texts["questions"])]
    raise FolderError(f"EXERCISE must be one of {', '.join(known)}; got {name}")


def _place_of_a_text(mine: Sequence[Raw], given: Sequence[Raw], name: str) -> int | None:
    """Where a text stands that answers a question by its place alone, where an editor lost the ids."""
    matched = same_cells(mine, given, {})
    slot = answer_names(given)[name]
    return next((place for place, found in matched.items() if found == slot), None)


def _keep(path: Path, name: str, text: str, suffix: str) -> Path:
    """Write an answer beside its notebook, under a name that no file has."""
    number = 1
    while (kept := path.with_name(f"{name}.before-reset-{number}{suffix}")).exists():
        if kept.read_bytes() == (text + "\n").encode("utf-8", "replace"):
            return kept
        number += 1
    return write_whole(kept, (text + "\n").encode("utf-8", "replace"))
