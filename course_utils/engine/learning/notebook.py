"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..asking.workbench import in_shell
from ..cell_names import lines_that_bind
from ..judging.raised import Raised
from ..judging.sentences import filled
from ..reading.decoding import REASONS, ReadError
from ..reading.notebook import Cell, Notebook, read_notebook
from ..reading.python import as_python, definitions
from ..reading.released import EXPERIMENT, Looks, Marks, answer_cell, unit_of
from ..texts import fingerprint_of_source, unit_texts, units
from .interrupts import end_if_stopped, stoppable
from .own import OwnWorkbench
from .report import Report, check_names, missing, names_missing

CELL_SECONDS = 60  # after which a statement of a cell is interrupted, so that an endless one costs only itself


class NotebookError(ValueError):
    """A file that cannot be checked; one sentence says why and what to try."""


def check_notebook(path: Path) -> list[Report]:
    """A report on each exercise of a unit's notebook, after its cells have run in this process.

    Raises NotebookError for a file that is no notebook of this course, and CheckStopped when it is interrupted.
    """
    notebook = read_file(path)
    unit = unit_of_notebook(path, notebook)
    cells = list(cells_to_run(notebook, unit))
    places = _places([cell for cell, _ in cells], unit_texts(unit)["exercises"])
    search, bench = list(sys.path), in_shell(OwnWorkbench)
    run = _Run(bench, notebook.language)
    try:
        with stoppable(bench.names, notebook.language), contextlib.chdir(path.parent), _silence():
            for number, (_, source) in enumerate(cells):
                run.cell(f"{path.name} {number}", source)
                for name in (name for name, place in places.items() if place == number):
                    run.look(name, source)
            for name, place in places.items():
                if place is None or not run.reports[name].passed:
                    run.look(name, cells[place][1] if place is not None else "")
    finally:
        sys.path[:] = search
    return [run.told(name) for name in places]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


class _Run:
    """The run of a notebook's cells, and what was seen of its exercises on the way.

    Each exercise is looked at in the state that its own cell left, and once more at the end if it is not right there:
    what stands below takes nothing away, and an answer that only stands below counts.
    """

    def __init__(self, bench: OwnWorkbench, language: str) -> None:
        """language: of the reports."""
        self.reports: dict[str, Report] = {}
        self._bench, self._language = bench, language
        self._failed: dict[str, list[tuple[int, Raised]]] = {}  # by source: lines of statements, what they raised

    def cell(self, name: str, source: str) -> None:
        """Run a cell."""
        request = {"do": "run", "name": name, "source": source, "seconds": CELL_SECONDS}
        error = self._bench.perform(request).get("error")
        end_if_stopped()  # the cell may have caught the interrupt
        told = error.get("failed", [error]) if error else []
        found = [(each.get("statement", 1), self._bench.raised(each)) for each in told]
        self._failed[source] = [(line, raised) for line, raised in found if raised is not None]

    def look(self, exercise: str, source: str) -> None:
        """Look at an exercise as it is now, and keep the better of what was seen of it; source: of its own cell."""
        if exercise in self._bench.names:
            report = check_names(exercise, self._bench.names, self._language)
        elif (raised := self._behind(exercise, source, self._failed.get(source, []))) is not None:
            report = missing(exercise, raised.told(exercise, "cell_failed"), self._language)
        else:
            report = missing(exercise, filled("undefined", name=exercise), self._language)
        before = self.reports.get(exercise)
        if before is None or before.held() < report.held():
            self.reports[exercise] = report

    def told(self, exercise: str) -> Report:
        """The report on an exercise, with a word about a line above it that failed and that it needs."""
        report = self.reports[exercise]
        for name in names_missing(report):
            for source, failed in self._failed.items():
                lines = set(lines_that_bind(name, source))
                for line, raised in failed:
                    if line in lines:
                        return report.because(name, raised)
        return report

    def _behind(self, name: str, source: str, failed: list[tuple[int, Raised]]) -> Raised | None:
        """Of what a cell's statements raised, that of the one which should have defined a name, or else the first."""
        lines = set(lines_that_bind(name, source))
        return next((raised for line, raised in failed if line in lines), failed[0][1] if failed else None)


def _places(cells: list[Cell], exercises: Mapping[str, Any]) -> dict[str, int | None]:
    """Which of some cells holds the answer to each exercise, as grading finds it; None where none does."""
    given = {entry["released"] for entry in exercises.values()}
    found = {name: answer_cell(name, cells, lambda cell: _says(cell) in given) for name in exercises}
    return {name: cells.index(cell) if cell is not None else None for name, cell in found.items()}


def _says(cell: Cell) -> str:
    return fingerprint_of_source(as_python(cell.source))


def read_file(path: Path) -> Notebook:
    """A notebook from its file, as grading reads it. Raises NotebookError."""
    try:
        return read_notebook(path.read_bytes())
    except FileNotFoundError:
        raise NotebookError(
            f"there is no file {path}; give the path of a notebook such as {units()[0]}.ipynb"
        ) from None
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror}; check the file's permissions") from None
    except ReadError as error:
        raise NotebookError(f"{path} cannot be checked. {REASONS[error.reason]['en']}") from None


def unit_of_notebook(path: Path, notebook: Notebook) -> str:
    """The unit that a notebook belongs to, by its file's name, by what it says, or by its content.

    Raises NotebookError.
    """
    for name in (path.stem, notebook.unit):
        if name in units():
            return name
    marks = {
        unit: Marks(frozenset({*texts["exercises"], *texts["questions"]}), frozenset(texts["cells"]["headings"]))
        for unit in units()
        for texts in [unit_texts(unit)]
    }
    if found := unit_of(notebook, marks):
        return found
    raise NotebookError(f"{path} is no unit of this course; its name should be one of {', '.join(units())}")


def cells_to_run(notebook: Notebook, unit: str) -> Iterator[tuple[Cell, str]]:
    """The code cells with the source to run of each: of one that only looks at something, what it defines."""
    looks = Looks.of(unit_texts(unit)["cells"])
    by_text = looks.lost_marks(notebook.cells)
    for cell in notebook.cells:
        if cell.kind != "code" or not cell.source.strip():
            continue
        is_look = EXPERIMENT in cell.tags or looks.is_given(cell.source)
        is_look |= by_text and not cell.grade_id and looks.place(cell.source) is not None
        if not is_look or any(_is_of(cell, name) for name in unit_texts(unit)["exercises"]):
            yield cell, cell.source
        elif not looks.is_given(cell.source) and (own := "\n".join(definitions(cell.source))):
            yield cell, own


def _is_of(cell: Cell, exercise: str) -> bool:
    """Whether the cell is where an exercise is answered."""
    defines = re.search(rf"^(def|class)\s+{exercise}\b", cell.source, re.MULTILINE)
    return cell.grade_id == exercise or defines is not None
