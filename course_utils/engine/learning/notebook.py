"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..asking.workbench import in_shell
from ..judging.raised import Raised
from ..reading.decoding import REASONS, ReadError
from ..reading.notebook import Cell, Notebook, read_notebook
from ..reading.python import definitions
from ..reading.released import EXPERIMENT, Looks, Marks, unit_of
from ..texts import unit_texts, units
from .interrupts import end_if_stopped, stoppable
from .own import OwnWorkbench
from .report import Report, check_names, missing


class NotebookError(ValueError):
    """A file that cannot be checked; one sentence says why and what to try."""


def check_notebook(path: Path) -> list[Report]:
    """A report on each exercise of a unit's notebook, after its cells have run in this process.

    Raises NotebookError for a file that is no notebook of this course, and CheckStopped when it is interrupted.
    """
    notebook = read_file(path)
    unit = unit_of_notebook(path, notebook)
    chosen = notebook.language
    exercises = list(unit_texts(unit)["exercises"])
    bench = in_shell(OwnWorkbench)
    stopped: dict[str, Raised] = {}  # exercise -> what its cell raised
    with stoppable(bench.names, chosen):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for number, (cell, source) in enumerate(cells_to_run(notebook, unit)):
                raised = _run(bench, f"{path.name} {number}", source)
                if raised is not None:
                    stopped |= {name: raised for name in exercises if _is_of(cell, name)}
        return [
            missing(name, stopped[name].told(name, "cell_failed"), chosen)
            if name in stopped and name not in bench.names
            else check_names(name, bench.names, chosen)
            for name in exercises
        ]


def _run(bench: OwnWorkbench, name: str, source: str) -> Raised | None:
    """Run a cell; what it raised, if it did."""
    answer = bench.perform({"do": "run", "name": name, "source": source})
    end_if_stopped()  # the cell may have caught the interrupt
    return bench.raised(answer.get("error"))


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
    looks = Looks(unit_texts(unit)["cells"][EXPERIMENT])
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
