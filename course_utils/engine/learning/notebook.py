"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..asking.workbench import in_shell
from ..cell_names import lines_that_bind
from ..judging.raised import Raised
from ..judging.sentences import filled
from ..texts import LANGUAGES, fingerprint_of_source, language, unit_texts, units
from .interrupts import end_if_stopped, stoppable
from .own import OwnWorkbench
from .report import Report, check_names, missing, names_missing

CELL_SECONDS = 60  # after which a statement of a cell is interrupted, so that an endless one costs only itself
EXPERIMENT = "experiment"  # the tag of cells that only look; they may take minutes and define nothing


class NotebookError(ValueError):
    """A file that cannot be checked; one sentence says why and what to try."""


def check_notebook(path: Path) -> list[Report]:
    """A report on each exercise of a unit's notebook, after its cells have run in this process.

    Raises NotebookError for a file that is no notebook of this course, and CheckStopped when it is interrupted.
    """
    notebook = read_notebook(path)
    unit = unit_of_notebook(path, notebook)
    wanted = _dict(_dict(notebook.get("metadata")).get("course")).get("language")
    chosen = wanted if wanted in LANGUAGES else language()
    cells = list(_cells(notebook))
    places = {name: _own_cell(name, entry["released"], cells) for name, entry in unit_texts(unit)["exercises"].items()}
    search, bench = list(sys.path), in_shell(OwnWorkbench)
    run = _Run(bench, chosen)
    try:
        with stoppable(bench.names, chosen), contextlib.chdir(path.parent), _silence():
            for number, cell in enumerate(cells):
                run.cell(f"{path.name} {number}", cell.source)
                for name in (name for name, place in places.items() if place == number):
                    run.look(name, cell.source)
            for name, place in places.items():
                if place is None or not run.reports[name].passed:
                    run.look(name, cells[place].source if place is not None else "")
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


def _own_cell(exercise: str, released: str, cells: list[_Cell]) -> int | None:
    """The cell in which an exercise is answered, as grading finds it: the last that says anything, by id or by name."""
    labelled = [n for n, cell in enumerate(cells) if cell.grade_id == exercise]
    defining = [n for n, cell in enumerate(cells) if cell.defines(exercise)]
    answered = [n for n in {*labelled, *defining} if fingerprint_of_source(cells[n].source) != released]
    good = [n for n in answered if n in labelled and n in defining]
    elsewhere = [n for n in answered if n in defining]
    for candidates in (good, elsewhere, [n for n in answered if n in labelled], defining, labelled):
        if candidates:
            return max(candidates)
    return None


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook's content. Raises NotebookError."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotebookError(
            f"there is no file {path}; give the path of a notebook such as {units()[0]}.ipynb"
        ) from None
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror}; check the file's permissions") from None
    except (ValueError, RecursionError):
        raise NotebookError(f"{path} is not a notebook (not JSON); save it in Jupyter and try again") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise NotebookError(f"{path} is JSON but not a notebook with cells; save it in Jupyter and try again")
    return notebook


def unit_of_notebook(path: Path, notebook: dict[str, Any]) -> str:
    """The unit that a notebook belongs to, by its file's name or by what it says itself. Raises NotebookError."""
    for name in (path.stem, _dict(_dict(notebook.get("metadata")).get("course")).get("unit")):
        if name in units():
            return str(name)
    raise NotebookError(f"{path} is no unit of this course; its name should be one of {', '.join(units())}")


@dataclass(frozen=True)
class _Cell:
    """A code cell of a notebook."""

    source: str
    grade_id: str  # "" for a cell that has none, as after an editor that keeps no metadata

    def defines(self, exercise: str) -> bool:
        """Whether the cell gives an exercise's name to something, by how its lines begin."""
        pattern = rf"^(def|class)\s+{exercise}\b|^{exercise}\s*(:[^=\n]*)?=(?!=)"
        return re.search(pattern, self.source, re.MULTILINE) is not None


def _cells(notebook: dict[str, Any]) -> Iterator[_Cell]:
    """The cells to run."""
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        metadata = _dict(cell.get("metadata"))
        tags = metadata.get("tags")
        if EXPERIMENT not in (tags if isinstance(tags, list) else []) and text.strip():
            yield _Cell(text, str(_dict(metadata.get("nbgrader")).get("grade_id", "")))


def _dict(value: Any) -> dict[str, Any]:
    """The value itself if it is a dict; whatever else a file holds in its place counts as empty."""
    return value if isinstance(value, dict) else {}
