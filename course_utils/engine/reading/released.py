"""By what a cell or a notebook is known to be the course's own, where an editor kept no metadata.

Notable choices:
- a released cell that only looks at something is known by its text, also where a few lines were changed: it may train
  for minutes, and nothing that is asked of a learner depends on it;
- how alike two cells are is counted in triples of neighbouring words, which takes time in proportion to their length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..texts import fingerprint_of_source
from .notebook import Cell, Notebook

EXPERIMENT = "experiment"  # the tag of cells that only look; they may take minutes and define nothing
SETUP = "setup"  # the role of the cells that a unit begins with
TRANSLATED = "translated"  # of the given cells: those that only look, in the other languages of the course

SHARE_OF_RELEASED = 0.5  # of a released cell's triples that an edited copy still has
SHARE_OF_OWN = 0.25  # of a cell's triples that come from the released one
FEW = 8  # triples: a cell with fewer is known only where it has all of them
MAX_COMPARED = 20_000  # characters of a cell: no released one has a tenth of them

_WORD = re.compile(r"\w+|[^\w\s]")
_COMMENT = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+)$", re.MULTILINE)
_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


def triples(source: str) -> frozenset[tuple[str, ...]]:
    """The triples of neighbouring words and signs of a text, comments aside."""
    words = _WORD.findall(_COMMENT.sub("", source[:MAX_COMPARED]))
    return frozenset(zip(words, words[1:], words[2:], strict=False))


class Looks:
    """The cells of a release that only look at something."""

    def __init__(self, sources: Iterable[str], *translated: Iterable[str]) -> None:
        """sources: of those cells; translated: the same cells in other languages, in which they print other words."""
        self._sources = tuple(sources)
        versions = [self._sources, *map(tuple, translated)]
        self._known = [(number, source) for version in versions for number, source in enumerate(version)]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Looks:
        """The looks among what a unit's texts say of its given cells."""
        return cls(given[EXPERIMENT], *given.get(TRANSLATED, {}).values())

    @cached_property
    def _triples(self) -> list[tuple[int, frozenset[tuple[str, ...]]]]:
        return [(number, triples(source)) for number, source in dict.fromkeys(self._known)]

    @cached_property
    def _exact(self) -> dict[str, int]:
        found = {fingerprint_of_source(source): number for number, source in self._known}
        return {source: number for source, number in found.items() if source}

    def place(self, source: str) -> int | None:
        """Which of them a cell is, as it was or with some lines changed; None for a cell that is none of them."""
        if len(source) > MAX_COMPARED:
            return None
        if (exact := self._exact.get(fingerprint_of_source(source))) is not None:
            return exact
        own = triples(source)
        shared = [(len(own & known), -number) for number, known in self._triples if _is_copy(own, known)]
        return -max(shared)[1] if shared else None

    def lost_marks(self, cells: Iterable[Cell]) -> bool:
        """Whether most of them have lost their tags in a notebook, so that they must be known by their text.

        Where they have not, a cell without one that is like them is the learner's own and runs as it stands.
        """
        return 2 * sum(EXPERIMENT in cell.tags for cell in cells) < len(self._sources)

    def is_given(self, source: str) -> bool:
        """Whether a cell says just what one of them says, so that nothing in it is the learner's own."""
        return fingerprint_of_source(source) in self._exact


def _is_copy(own: frozenset[tuple[str, ...]], released: frozenset[tuple[str, ...]]) -> bool:
    shared = len(own & released)
    wanted = len(released) if len(released) < FEW else SHARE_OF_RELEASED * len(released)
    return shared > 0 and shared >= wanted and shared >= SHARE_OF_OWN * len(own)


def answer_cell(name: str, cells: Sequence[Cell], is_blank: Callable[[Cell], bool]) -> Cell | None:
    """The cell that holds a learner's answer to an exercise: the last that says anything, by id or else by name.

    is_blank: whether a cell says no more than one that was given, so that it is no answer.
    """
    labelled = [cell for cell in cells if cell.grade_id == name]
    defining = [cell for cell in cells if cell.kind == "code" and name in cell.defines()]
    answered = [cell for cell in labelled if cell.source.strip() and not is_blank(cell)]
    good = [cell for cell in answered if name in cell.defines()]
    elsewhere = [cell for cell in defining if not is_blank(cell)]
    begun = [cell for cell in cells if name in defined_names(cell) and not is_blank(cell)]  # what is no Python
    for candidates in (good, elsewhere, answered, begun, defining, labelled):
        if candidates:
            return candidates[-1]
    return None


@dataclass(frozen=True)
class Marks:
    """By what a notebook of a unit can be known."""

    names: frozenset[str]  # of its exercises and questions
    headings: frozenset[str] = frozenset()  # in all languages


def headings_of(text: str) -> frozenset[str]:
    """The headings of a text of Markdown."""
    return frozenset(found.strip(" \t\r#").casefold() for found in _HEADING.findall(text))


def defined_names(cell: Cell) -> frozenset[str]:
    """The functions and classes that a cell defines, found without reading it as Python."""
    return frozenset(_DEFINED.findall(cell.source)) if cell.kind == "code" else frozenset()


def unit_of(notebook: Notebook, units: Mapping[str, Marks]) -> str:
    """The unit that a notebook is of, by ids, by names that it defines, by headings; empty where nothing tells.

    An id says more than a definition, which may have been copied from an earlier unit.
    """
    ids = {cell.grade_id for cell in notebook.cells}
    defines: set[str] = set().union(*map(defined_names, notebook.cells))
    headings: set[str] = set().union(*(headings_of(cell.source) for cell in notebook.cells if cell.is_prose))
    alone = _own_headings(units)
    weights = {
        unit: (2 * len(ids & marks.names) + len(defines & marks.names), len(headings & alone[unit]))
        for unit, marks in units.items()
    }
    known = {unit: names + heads for unit, (names, heads) in weights.items() if names or heads > 1}
    if known:
        return max(known, key=lambda unit: (known[unit], unit == notebook.unit))
    return notebook.unit if notebook.unit in units else ""


def _own_headings(units: Mapping[str, Marks]) -> dict[str, frozenset[str]]:
    """The headings of each unit that no other unit has."""
    found = {}
    for unit, marks in units.items():
        others: Sequence[frozenset[str]] = [other.headings for name, other in units.items() if name != unit]
        found[unit] = marks.headings.difference(*others)
    return found
