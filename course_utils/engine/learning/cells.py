"""Cells of notebooks as their files hold them: their text, the answers among them, and which are the same cells.

Cells are matched by the names of answers, by their text, then by place, id and likeness: editors lose ids (Colab),
releases number them anew, and learners move cells.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ..reading.notebook import Cell, grade_id
from ..reading.released import defined_names, triples

Raw = dict[str, Any]  # a cell, with whatever an editor wrote into it

ALIKE = 0.5  # of the triples of words of two cells: as many are shared where one is an edited copy of the other
ALIKE_WITH_ID = 0.2  # where both have the same id, too


def text_of(cell: Raw) -> str:
    """The whole text of a cell, whatever its length."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n") if isinstance(source, str) else ""


def is_code(cell: Raw) -> bool:
    """Whether a cell is one of code."""
    return cell.get("cell_type") == "code"


def says(cell: Raw) -> tuple[bool, str]:
    """What decides whether two cells are the same: kind, and text without the space round it."""
    lines = [line.rstrip() for line in text_of(cell).strip().split("\n")]
    return is_code(cell), "\n".join(lines)


def answer_names(cells: Sequence[Raw]) -> dict[str, int]:
    """Exercises and questions of a released notebook: the name, and the place of the cell that is to be filled."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        marks = cell.get("metadata", {}).get("nbgrader", {})
        if marks.get("solution") and (name := grade_id(cell)):
            found[name] = place
    return found


def is_test(cell: Raw) -> bool:
    """Whether a cell is a locked one that graded tests fill."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return isinstance(marks, dict) and bool(marks.get("grade")) and not marks.get("solution")


def find_answers(mine: Sequence[Raw], names: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """The places of a learner's cells that answer something: place -> name; at most one place a name.

    names: exercise or question -> the texts that its cell was released with. Of several cells with one name the last
    that was filled counts, since it was run last. Where ids were lost, a cell of code is known by what it defines.
    """
    by_id: dict[str, list[int]] = {}
    by_definition: dict[str, list[int]] = {}
    for place, cell in enumerate(mine):
        if (name := grade_id(cell)) in names:
            by_id.setdefault(name, []).append(place)
        elif not name:
            for defined in defined_names(Cell.of(cell)) & names.keys():
                by_definition.setdefault(defined, []).append(place)
    found: dict[int, str] = {}
    for name, released in names.items():
        places = by_id.get(name) or [place for place in by_definition.get(name, []) if place not in found]
        if places:
            found[max(places, key=lambda place: (is_filled(mine[place], released), place))] = name
    return found


def is_filled(cell: Raw, released: Sequence[str]) -> bool:
    """Whether a cell holds an answer: a text, and none that it was released with."""
    text = says(cell)[1]
    return bool(text) and text not in {says({**cell, "source": each})[1] for each in released}


def likeness(a: Raw, b: Raw) -> float:
    """The share of triples of words that two cells have in common, 0 to 1."""
    one, other = triples(text_of(a)), triples(text_of(b))
    return len(one & other) / max(len(one), len(other), 1)


def same_cells(mine: Sequence[Raw], given: Sequence[Raw], answers: Mapping[int, str]) -> dict[int, int]:
    """For the places of a learner's cells the places of the released cells that they are, as released or edited.

    answers: place -> name, of the learner's cells; it is completed by answers to questions that are known by their
    place alone.
    """
    slots = answer_names(given)
    found = {place: slots[name] for place, name in answers.items() if name in slots}
    taken = set(found.values())
    keys_mine: list[Any] = [("answer", answers[i]) if i in found else says(cell) for i, cell in enumerate(mine)]
    names = {place: name for name, place in slots.items()}
    keys_given: list[Any] = [("answer", names[j]) if j in taken else says(cell) for j, cell in enumerate(given)]
    matcher = difflib.SequenceMatcher(None, keys_mine, keys_given, autojunk=False)
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            if block.a + step not in found and block.b + step not in taken:
                found[block.a + step] = block.b + step
                taken.add(block.b + step)
    by_text: dict[Any, list[int]] = {}  # cells that stand elsewhere now
    for j, key in enumerate(keys_given):
        if j not in taken:
            by_text.setdefault(key, []).append(j)
    for i, key in enumerate(keys_mine):
        if i not in found and by_text.get(key):
            found[i] = by_text[key].pop(0)
            taken.add(found[i])
    _match_edited(mine, given, found, taken, set(names))
    return found


def _match_edited(
    mine: Sequence[Raw], given: Sequence[Raw], found: dict[int, int], taken: set[int], slots: set[int]
) -> None:
    """Match cells between the same neighbours that are alike; a text where an answer is to stand is that answer."""
    for i, cell in enumerate(mine):
        if i in found or not text_of(cell).strip():
            continue
        before = max((found[k] for k in range(i) if k in found), default=-1)
        after = min((found[k] for k in range(i + 1, len(mine)) if k in found and found[k] > before), default=len(given))
        free = [j for j in range(before + 1, after) if j not in taken and is_code(given[j]) == is_code(cell)]
        likely = [j for j in free if j not in slots and _is_edited(cell, given[j])]
        texts = [j for j in free if j in slots and not is_code(cell) and not grade_id(cell)]
        if chosen := max(likely, key=lambda j: likeness(cell, given[j]), default=None) if likely else None:
            found[i] = chosen
            taken.add(chosen)
        elif texts and not likely:
            found[i] = texts[0]
            taken.add(texts[0])


def _is_edited(cell: Raw, released: Raw) -> bool:
    same_id = bool(cell.get("id")) and cell.get("id") == released.get("id")
    return likeness(cell, released) >= (ALIKE_WITH_ID if same_id else ALIKE)


def filled_from(released: Raw, mine: Raw) -> Raw:
    """A released cell with a learner's text, outputs and pictures in it."""
    cell = copy.deepcopy(released)
    cell["source"] = text_of(mine)
    if isinstance(mine.get("attachments"), dict) and not is_code(cell):
        cell["attachments"] = mine["attachments"]
    return with_outputs(cell, mine)


def with_outputs(cell: Raw, mine: Raw) -> Raw:
    """A cell of code with what a learner's run of it showed."""
    if is_code(cell) and is_code(mine):
        cell = cell | {"outputs": mine.get("outputs") if isinstance(mine.get("outputs"), list) else []}
        cell["execution_count"] = mine.get("execution_count")
    return cell


OF_THE_COURSE = ("nbgrader", "course", "deletable", "editable")  # metadata that only a released cell has


def as_own(cell: Raw) -> Raw:
    """A learner's cell without marks of the course, as a notebook of version 4 has it."""
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    own: Raw = {
        "cell_type": kind,
        "source": text_of(cell),
        "metadata": {key: value for key, value in metadata.items() if key not in OF_THE_COURSE},  # type: ignore[union-attr]
    }
    if isinstance(cell.get("id"), str):
        own["id"] = cell["id"]
    if kind == "code":
        return with_outputs(own | {"outputs": [], "execution_count": None}, cell)
    return own | ({"attachments": cell["attachments"]} if isinstance(cell.get("attachments"), dict) else {})
