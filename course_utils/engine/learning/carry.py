"""A learner's notebook is carried into a newer release: answers, texts and own cells go along, none is lost.

The release gives the order and its own cells, the learner's notebook the answers. A cell of the learner's own stands
behind the cell that it stood behind. What has no place any more goes to the end under a heading that says so.
A released cell that the learner changed stays changed, unless the release changed it too: then both stand.
Carrying twice is carrying once, so a run that was killed is simply run again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..judging.sentences import Text
from .cells import (
    Raw,
    answer_names,
    as_own,
    filled_from,
    find_answers,
    is_code,
    is_filled,
    is_test,
    same_cells,
    says,
    text_of,
    with_outputs,
)

MARK = (
    "<!-- course update: {what} -->"  # stands in cells that the update wrote; editors keep it where they lose metadata
)
_NOTE = re.compile(r"<!-- course update: changed (\w+) -->")
LEFT_OVER = MARK.format(what="left over")

WORDS: dict[str, Text] = {
    "left over": {
        "en": "## Kept from the older release\n\nThe cells below are yours. The new release has no place for them: "
        "move what you want to keep, delete the rest.",
        "zh": "## 旧版中保留下来的内容\n\n下面这些单元格是你自己的，新版里已经没有它们的位置："
        "需要的请移到别处，不需要的可以删除。",
    },
    "changed": {
        "en": "**The text of `{name}` has changed since you answered it.** Your answer stands below as it was. Read "
        "it again beside the new text, then delete this cell.",
        "zh": "**`{name}` 的题目在你作答之后有改动。** 你的回答原样保留在下面。"
        "请对照新的题目再看一遍，然后删除本单元格。",
    },
}


@dataclass(frozen=True)
class Carried:
    """A notebook's cells after an update, and what is to be said about them."""

    cells: tuple[Raw, ...]
    answers: tuple[str, ...] = ()  # exercises and questions that the learner had answered
    changed: tuple[str, ...] = ()  # of them, those whose text is another now
    left_over: tuple[str, ...] = ()  # of them, those that the release has no more
    own: int = 0  # cells of the learner's own
    edited: int = 0  # released cells that the learner had changed
    at_the_end: int = 0  # of all of them, those without a place
    new_exercises: tuple[str, ...] = ()
    lesson_cells: int = 0  # of the release that are new or say something else


def carry(mine: Sequence[Raw], new: Sequence[Raw], base: Sequence[Raw] | None, language: str) -> Carried:
    """The cells of a release with a learner's work in them.

    base: the cells of the release that the learner began with; None where nobody knows them. Then each cell that the
    release does not hold counts as the learner's.
    """
    return _Carrying(mine, new, base, language).result()


def is_note_of(cell: Raw, name: str) -> bool:
    """Whether a cell is what an update wrote about an exercise whose text has changed."""
    note = _NOTE.match(text_of(cell).lstrip())
    return note is not None and note[1] == name


class _Carrying:
    def __init__(self, mine: Sequence[Raw], new: Sequence[Raw], base: Sequence[Raw] | None, language: str) -> None:
        self.mine, self.new, self.language = list(mine), list(new), language
        self.is_sure = base is not None
        self.base = list(new if base is None else base)
        self.slots, self.old_slots = answer_names(self.new), answer_names(self.base)
        self.released = {
            name: [
                text_of(cells[slots[name]])
                for cells, slots in ((self.new, self.slots), (self.base, self.old_slots))
                if name in slots
            ]
            for name in {**self.slots, **self.old_slots}
        }
        self.in_place: dict[int, Raw] = {}
        self.notes: dict[str, Raw] = {}
        self.behind: dict[int, list[Raw]] = {}
        self.end: list[Raw] = []
        self.told: dict[str, list[str]] = {"answers": [], "changed": [], "left_over": []}
        self.own = self.edited = 0

    def result(self) -> Carried:
        answers = find_answers(self.mine, self.released)
        to_base = same_cells(self.mine, self.base, answers)
        old_names = {place: name for name, place in self.old_slots.items()}
        for place, found in to_base.items():  # a text that is known as an answer by where it stands
            if found in old_names and place not in answers and old_names[found] not in answers.values():
                answers[place] = old_names[found]
        to_new = same_cells(self.mine, self.new, answers)
        base_to_new = same_cells(self.base, self.new, {place: name for name, place in self.old_slots.items()})
        anchor: int | None = -1  # the released cell that the learner's own ones stand behind; None: none any more
        for place, cell in enumerate(self.mine):
            text = text_of(cell)
            if text.lstrip().startswith(LEFT_OVER):
                anchor = None
                continue
            if note := _NOTE.match(text.lstrip()):
                self.notes[note[1]] = as_own(cell)
                continue
            if place in answers:
                anchor = self._place_answer(cell, answers[place], anchor)
                continue
            direct = to_new.get(place)
            if direct is not None and says(cell) == says(self.new[direct]):
                anchor = direct
                self.in_place.setdefault(direct, with_outputs(self.new[direct], cell))
                continue
            old = to_base.get(place)
            if old is None:
                self._place_own(cell, anchor)
                continue
            target = base_to_new.get(old) if self.is_sure else old
            anchor = self._place_given(cell, old, target, anchor)
        return self._joined(base_to_new)

    def _place_answer(self, cell: Raw, name: str, anchor: int | None) -> int | None:
        is_answered = is_filled(cell, self.released[name])
        if name not in self.slots:
            if is_answered:
                self.told["answers"].append(name)
                self.told["left_over"].append(name)
                self.end.append(as_own(cell))
            return None  # what stood behind it has no place either
        place = self.slots[name]
        if is_answered:
            self.in_place[place] = filled_from(self.new[place], cell)
            self.told["answers"].append(name)
            if self.is_sure and self._text_changed(name):
                self.told["changed"].append(name)
                self.notes[name] = self._note(name)
        else:
            self.notes.pop(name, None)
        return place

    def _text_changed(self, name: str) -> bool:
        """Whether an exercise says something else than when it was answered; of a question, the prose in front."""
        if name not in self.old_slots:
            return False
        old, new = self.old_slots[name], self.slots[name]
        if is_code(self.new[new]):
            return says(self.base[old]) != says(self.new[new])
        return says(_in_front(self.base, old)) != says(_in_front(self.new, new))

    def _note(self, name: str) -> Raw:
        said = WORDS["changed"][self.language].format(name=name)
        new = self.new[self.slots[name]]
        shown = f"\n\n```python\n{text_of(new).strip()}\n```" if is_code(new) else ""
        source = f"{MARK.format(what=f'changed {name}')}\n{said}{shown}"
        return {"cell_type": "markdown", "metadata": {}, "source": source}

    def _place_own(self, cell: Raw, anchor: int | None) -> None:
        if text_of(cell).strip() or cell.get("attachments"):
            self.own += 1
            self._behind(anchor).append(as_own(cell))

    def _behind(self, anchor: int | None) -> list[Raw]:
        return self.end if anchor is None else self.behind.setdefault(anchor, [])

    def _place_given(self, cell: Raw, old: int, target: int | None, anchor: int | None) -> int | None:
        """Place a released cell that the release does not hold so: an older one, or one that the learner changed."""
        is_changed = says(cell) != says(self.base[old])
        if not is_changed:
            return anchor if target is None else target
        self.edited += 1
        if target is None or not self.is_sure:
            self.end.append(as_own(cell))
            return anchor if target is None else target
        if says(self.base[old]) == says(self.new[target]) and not is_test(self.new[target]):
            self.in_place[target] = filled_from(self.new[target], cell)
        else:
            self._behind(target).append(as_own(cell))
        return target

    def _joined(self, base_to_new: Mapping[int, int]) -> Carried:
        names = {place: name for name, place in self.slots.items()}
        cells = list(self.behind.get(-1, []))
        for place, cell in enumerate(self.new):
            name = names.get(place, "")
            if name in self.notes and name in self.told["answers"]:
                cells.append(self.notes[name])
            cells += [self.in_place.get(place, cell), *self.behind.get(place, [])]
        if self.end:
            source = f"{LEFT_OVER}\n{WORDS['left over'][self.language]}"
            cells += [{"cell_type": "markdown", "metadata": {}, "source": source}, *self.end]
        kept = {new for old, new in base_to_new.items() if says(self.base[old]) == says(self.new[new])}
        answers = dict.fromkeys(self.told["answers"])
        return Carried(
            tuple(_with_ids(cells, self.new)),
            tuple(answers),
            tuple(self.told["changed"]),
            tuple(self.told["left_over"]),
            self.own,
            self.edited,
            len(self.end),
            tuple(name for name in self.slots if name not in self.old_slots),
            len(self.new) - len(kept) if self.is_sure else 0,
        )


def _in_front(cells: Sequence[Raw], place: int) -> Raw:
    """The cell before a place, which asks the question; an empty one where there is none."""
    return cells[place - 1] if place else {}


def _with_ids(cells: Sequence[Raw], new: Sequence[Raw]) -> list[Raw]:
    """The cells, each with an id of its own; those of the release keep theirs."""
    used: set[Any] = {cell.get("id") for cell in new}
    given = {id(cell) for cell in new}
    found: list[Raw] = []
    seen: set[Any] = set()
    for cell in cells:
        own = cell.get("id")
        is_released = id(cell) in given or bool(cell.get("metadata", {}).get("nbgrader"))
        if not own or own in seen or (own in used and not is_released and not _is_the_same(cell, new)):
            start = "own-" + hashlib.sha256(text_of(cell).encode("utf-8", "replace")).hexdigest()[:12]
            own = next(name for number in range(len(cells) + 1) if (name := f"{start}-{number}") not in seen | used)
        seen.add(own)
        found.append({**cell, "id": own})
    return found


def _is_the_same(cell: Raw, new: Sequence[Raw]) -> bool:
    return any(each.get("id") == cell.get("id") and each.get("metadata") == cell.get("metadata") for each in new)
