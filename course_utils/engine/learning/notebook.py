"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..asking.workbench import in_shell
from ..course import LANGUAGES
from ..judging.raised import Raised
from ..texts import language, unit_texts, units
from .interrupts import end_if_stopped, stoppable
from .own import OwnWorkbench
from .report import Report, check_names, missing

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
    exercises = list(unit_texts(unit)["exercises"])
    bench = in_shell(OwnWorkbench)
    stopped: dict[str, Raised] = {}  # exercise -> what its cell raised
    with stoppable(bench.names, chosen):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for number, cell in enumerate(_cells(notebook)):
                raised = _run(bench, f"{path.name} {number}", cell.source)
                if raised is not None:
                    stopped |= {name: raised for name in exercises if cell.is_of(name)}
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

    def is_of(self, exercise: str) -> bool:
        """Whether the cell is where an exercise is answered."""
        defines = re.search(rf"^(def|class)\s+{exercise}\b", self.source, re.MULTILINE)
        return self.grade_id == exercise or defines is not None


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
