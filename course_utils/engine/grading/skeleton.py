"""A released notebook: which cells there are, in which order, and by what a student's cell is known for one of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..reading.notebook import grade_id
from ..reading.released import EXPERIMENT, SETUP, Looks, Marks, headings_of
from ..texts import fingerprint_of_source


@dataclass(frozen=True)
class Skeleton:
    """A released notebook: which cells there are, in which order."""

    unit: str
    cells: tuple[Mapping[str, Any], ...]
    translations: tuple[tuple[Mapping[str, Any], ...], ...] = ()  # the cells in other languages, one by one the same

    @classmethod
    def of(cls, unit: str, notebook: Mapping[str, Any], *translated: Mapping[str, Any]) -> Skeleton:
        """The skeleton of a released notebook; translated: the same in other languages, for its prose and words."""
        cells = tuple(notebook["cells"])
        others = tuple(tuple(other["cells"]) for other in translated)
        return cls(unit, cells, tuple(other for other in others if _kinds(other) == _kinds(cells)))

    def exercises(self) -> dict[str, str]:
        """The released source of each exercise."""
        return {grade_id(cell): cell["source"] for cell in self.cells if is_exercise(cell)}

    def imports(self) -> list[str]:
        """The modules that the release's own set-up cells import, and the names that they import from modules."""
        found: list[str] = []
        for node in (node for cell in self.cells if is_setup(cell) for node in ast.parse(cell["source"]).body):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        return list(dict.fromkeys(found))

    def questions(self) -> dict[str, str]:
        """The released text of each free-text answer."""
        return {grade_id(cell): cell["source"] for cell in self.cells if is_question(cell)}

    def meaning(self) -> list[list[Any]]:
        """What intake reads of the release, in plain data: of prose that a cell is there, of code what it says."""
        return [[cell["cell_type"], cell["id"], grade_id(cell), *_role(cell), _said(cell)] for cell in self.cells]

    # by what a student's cell can be known for one of the release's

    @cached_property
    def by_grade_id(self) -> dict[str, Mapping[str, Any]]:
        """The cells that nbgrader knows."""
        return {name: cell for cell in self.cells if (name := grade_id(cell))}

    @cached_property
    def by_identity(self) -> dict[str, Mapping[str, Any]]:
        """The other cells, by the notebook format's own ids."""
        return {cell["id"]: cell for cell in self.cells if not grade_id(cell)}

    @cached_property
    def by_source(self) -> dict[str, Mapping[str, Any]]:
        """The code cells, by their code in any language, however it is laid out."""
        return {said: self.cells[number] for said, number in self.number_by_source.items()}

    @cached_property
    def number_by_source(self) -> dict[str, int]:
        """The numbers of the code cells in the release, by their code in any language."""
        code = [
            (fingerprint_of_source(version[number]["source"]), number)
            for version in (*self.translations, self.cells)
            for number, cell in enumerate(self.cells)
            if cell["cell_type"] == "code"
        ]
        return {said: number for said, number in code if said}

    @cached_property
    def looks(self) -> Looks:
        """The cells that only look at something."""
        numbers = [number for number, cell in enumerate(self.cells) if is_experiment(cell)]
        first, *others = (
            [version[number]["source"] for number in numbers] for version in (self.cells, *self.translations)
        )
        return Looks(first, *others)

    def look(self, number: int) -> Mapping[str, Any]:
        """The released cell of that number among those that only look at something."""
        return [cell for cell in self.cells if is_experiment(cell)][number]

    @cached_property
    def names(self) -> frozenset[str]:
        """Of its exercises and questions."""
        return frozenset({*self.exercises(), *self.questions()})

    @cached_property
    def marks(self) -> Marks:
        """By what a notebook of this unit is known."""
        return Marks(self.names, frozenset().union(*map(headings_of, self.prose.values())))

    @cached_property
    def prose(self) -> dict[int, str]:
        """The text of each cell of prose in all languages, by its number in the release."""
        versions = (self.cells, *self.translations)
        return {
            number: "\n".join(cells[number]["source"] for cells in versions)
            for number, cell in enumerate(self.cells)
            if cell["cell_type"] == "markdown"
        }


def _kinds(cells: tuple[Mapping[str, Any], ...]) -> list[tuple[str, str]]:
    return [(cell["cell_type"], grade_id(cell)) for cell in cells]


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) else {}


def _role(cell: Mapping[str, Any]) -> tuple[bool, ...]:
    return is_exercise(cell), is_question(cell), is_setup(cell), is_experiment(cell)


def _said(cell: Mapping[str, Any]) -> str:
    if cell["cell_type"] == "code":
        return fingerprint_of_source(cell["source"]) or str(cell["source"])  # a cell of magics is no Python
    return str(cell["source"]).strip() if is_question(cell) else ""


def is_exercise(cell: Mapping[str, Any]) -> bool:
    """Whether a released cell is answered in code."""
    return bool(_nbgrader(cell).get("solution")) and not _nbgrader(cell).get("grade")


def is_question(cell: Mapping[str, Any]) -> bool:
    """Whether a released cell is answered in words."""
    return bool(_nbgrader(cell).get("solution")) and bool(_nbgrader(cell).get("grade"))


def is_setup(cell: Mapping[str, Any]) -> bool:
    """Whether a released cell gives what the unit builds on."""
    return cell.get("metadata", {}).get("course", {}).get("role") == SETUP


def is_experiment(cell: Mapping[str, Any]) -> bool:
    """Whether a released cell only looks at something."""
    return EXPERIMENT in cell.get("metadata", {}).get("tags", [])
