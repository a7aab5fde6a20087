"""The answers in words: whatever a student wrote about a question, wherever it stands, so that a person sees it all.

An answer stands in its own cell, where that can be known, and in all that the student wrote between the question and
the next cell of the release: a cell that was split, replaced, retyped, added below, or the question's own text with
more in it. Where a question has none of these, what was written at the notebook's end counts for it.

Notable choices:
- too much is shown rather than too little: a person skips what is no answer, and cannot mark what is not there;
- the words of the release are no answer, also where a few of them were changed or another release had others;
- a picture is told of in words, since a page shows nothing that could load or run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from ..reading import python
from ..reading.notebook import Cell, Notebook, grade_id
from ..reading.released import headings_of
from ..texts import fingerprint_of_source
from .skeleton import Skeleton, is_experiment, is_question

MAX_ANSWER = 100_000  # characters of one free-text answer
RUN = 4  # pairs of words on end that are new: a line of the question with so many holds a student's own words
SHARE_OF_PROSE = 0.6  # of a released cell's pairs that a cell must hold to be known for it
MAX_COMPARED = 20_000  # characters of a cell: no released one has a tenth of them

PICTURES = {
    "en": "[{count} picture(s) attached here: see the notebook that was handed in.]",
    "zh": "[此处附有 {count} 张图片：请查看提交的 notebook。]",
}

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_EDITORS_LINE = re.compile(r"^\s*(?:#\s?%%.*|%md\b.*)$")  # PyCharm and Databricks put them into cells of prose


def answers(notebook: Notebook, skeleton: Skeleton) -> dict[str, str]:
    """The text of each question that was answered, absent where it is as released."""
    places = _Places(skeleton).of(notebook.cells)
    questions = {number: _Question(number) for number, cell in enumerate(skeleton.cells) if is_question(cell)}
    loose = _sort(notebook, skeleton, places, questions)
    found = {}
    for number, name in enumerate(map(grade_id, skeleton.cells)):
        if number in questions:
            question = questions[number]
            texts = next((said for said in map(_without_empty, (question.said, question.behind, loose)) if said), [])
            if texts:
                found[name] = "\n\n".join(texts)[:MAX_ANSWER]
    return found


def _without_empty(said: list[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, said)))


@dataclass
class _Question:
    """What was found about a question, in the order of the notebook."""

    number: int  # of its answer's cell in the release
    said: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)  # added to the lesson's next cell; counts where nothing else is


def _sort(
    notebook: Notebook, skeleton: Skeleton, places: Sequence[int | None], questions: dict[int, _Question]
) -> list[str]:
    """Give what the student wrote to the questions; returns what was written behind the last cell of the release."""
    asked = {number - 1: number for number in questions if number - 1 in skeleton.prose}
    behind = {number + 1: number for number in questions if number + 1 in skeleton.prose and number + 1 not in asked}
    there = {place for place in places if place is not None}
    loose: list[str] = []
    before: int | None = None
    for at, (cell, place) in enumerate(zip(notebook.cells, places, strict=True)):
        if place is not None:
            before = place
            if place in questions:
                questions[place].said.append(_answer(cell, skeleton.prose.get(place, ""), notebook.language))
            elif place in asked or place in behind:
                added = _with_pictures(_added(cell.source, skeleton.prose[place]), cell, notebook.language)
                wanted = questions[asked[place]].said if place in asked else questions[behind[place]].behind
                wanted.append(added)
        elif cell.is_prose or python.is_prose(cell.source):
            text = _with_pictures(_without_editors_lines(cell.source), cell, notebook.language)
            after = next((number for number in places[at:] if number is not None), None)
            number = _question_between(before, after, there, asked, questions)
            if number is not None:
                questions[number].said.append(text)
            elif after is None:
                loose.append(text)
    return loose


def _question_between(
    before: int | None, after: int | None, there: set[int], asked: dict[int, int], questions: dict[int, _Question]
) -> int | None:
    """The question that is answered by a cell between two of the release's."""
    if before is not None and (before in questions or before in asked):
        return asked.get(before, before)
    if after in questions:
        return after
    for number in questions:  # neither the question nor the place for its answer is there any more
        gone = number not in there and number - 1 not in there
        if gone and (before is None or before < number) and (after is None or number < after):
            return number
    return None


def _answer(cell: Cell, released: str, language: str) -> str:
    text = _without_editors_lines(cell.source)
    return _with_pictures("" if _same(text, _lines(released)) else text, cell, language)


def _same(text: str, lines: frozenset[str]) -> bool:
    """Whether a cell is as released, in one of the languages; lines: of the released cell in all of them."""
    return all(line.strip() in lines for line in text.splitlines() if line.strip())


def _lines(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.splitlines())


def _with_pictures(text: str, cell: Cell, language: str) -> str:
    text = text.strip()
    if not cell.pictures:
        return text
    return f"{text}\n\n{PICTURES[language].format(count=cell.pictures)}".strip()


def _without_editors_lines(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not _EDITORS_LINE.match(line)).strip()


def _added(text: str, released: str) -> str:
    """What a student wrote into a cell of the release: the lines, and the ends of lines, that are not its own."""
    known, words = _pairs(released), set(_words(released))
    starts = sorted((line.strip() for line in released.splitlines() if line.strip()), key=len, reverse=True)
    return "\n".join(filter(None, (_own_part(line, starts, known, words) for line in text.splitlines()))).strip()


def _own_part(line: str, starts: list[str], known: frozenset[tuple[str, str]], words: set[str]) -> str:
    said = line.strip()
    if not said or _EDITORS_LINE.match(line):
        return ""
    start = next((start for start in starts if said.startswith(start)), "")
    if start:
        return said[len(start) :].strip()
    words_said = _words(said)
    new = [pair not in known for pair in pairwise(words_said)]
    if not new:
        return "" if set(words_said) <= words else said
    longest = max(len(run) for run in "".join("x" if each else " " for each in new).split(" "))
    return said if longest >= RUN or all(new) else ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:MAX_COMPARED].casefold())


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    words = _words(text)
    return frozenset(pairwise(words))


class _Places:
    """Which cell of the release a student's cell is."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton

    def of(self, cells: Sequence[Cell]) -> list[int | None]:
        """The number of each cell in the release; None for one of the student's own."""
        found: list[int | None] = []
        last = -1
        for cell in cells:
            candidates = sorted(self._candidates(cell))
            place = next((number for number in candidates if number > last), candidates[0] if candidates else None)
            last = last if place is None else place
            found.append(place)
        return found

    def _candidates(self, cell: Cell) -> Iterator[int]:
        """The cells of the release that it may be: of equal texts, such as two empty answers, several."""
        number = self._by_grade_id.get(cell.grade_id, self._by_identity.get(cell.identity))
        if number is not None:
            yield number
        elif cell.is_prose:
            yield from self._of_prose(cell.source)
        elif cell.source.strip():
            number = self._skeleton.number_by_source.get(fingerprint_of_source(python.as_python(cell.source)))
            names = sorted(number for name, number in self._by_grade_id.items() if name in cell.defines())
            look = self._skeleton.looks.place(cell.source) if number is None and not names else None
            yield from (number,) if number is not None else names[:1]
            if look is not None:
                yield self._looks[look]

    def _of_prose(self, source: str) -> Iterator[int]:
        text = _without_editors_lines(source)
        if not text:
            return
        heads, own = headings_of(text), _pairs(text)
        for number, lines in self._lines.items():
            if _same(text, lines) or heads & self._headings[number]:
                yield number
            elif any(_holds(own, known) for known in self._prose_pairs[number]):
                yield number

    @cached_property
    def _by_grade_id(self) -> dict[str, int]:
        return {name: number for number, cell in enumerate(self._skeleton.cells) if (name := grade_id(cell))}

    @cached_property
    def _by_identity(self) -> dict[str, int]:
        versions = (*self._skeleton.translations, self._skeleton.cells)
        return {cell["id"]: number for cells in versions for number, cell in enumerate(cells)}

    @cached_property
    def _looks(self) -> list[int]:
        return [number for number, cell in self._code() if is_experiment(cell)]

    def _code(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return ((number, cell) for number, cell in enumerate(self._skeleton.cells) if cell["cell_type"] == "code")

    @cached_property
    def _lines(self) -> dict[int, frozenset[str]]:
        return {number: _lines(text) for number, text in self._skeleton.prose.items()}

    @cached_property
    def _headings(self) -> dict[int, frozenset[str]]:
        return {number: headings_of(text) for number, text in self._skeleton.prose.items()}

    @cached_property
    def _prose_pairs(self) -> dict[int, list[frozenset[tuple[str, str]]]]:
        versions = (self._skeleton.cells, *self._skeleton.translations)
        return {number: [_pairs(cells[number]["source"]) for cells in versions] for number in self._skeleton.prose}


def _holds(own: frozenset[tuple[str, str]], known: frozenset[tuple[str, str]]) -> bool:
    return len(known) > 2 and len(own & known) >= SHARE_OF_PROSE * len(known)
