"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .report import Report, check_names
from .texts import LANGUAGES, language, unit_texts, units
from .workbench import Workbench, notebook_workbench

EXPERIMENT = "experiment"  # the tag of cells that only look; they may take minutes and define nothing


class NotebookError(ValueError):
    """A file that cannot be checked; one sentence says why and what to try."""


def check_notebook(path: Path) -> list[Report]:
    """A report on each exercise of a unit's notebook, after its cells have run in this process.

    Raises NotebookError for a file that is no notebook of this course.
    """
    notebook = read_notebook(path)
    unit = unit_of_notebook(path, notebook)
    wanted = _dict(_dict(notebook.get("metadata")).get("course")).get("language")
    bench = notebook_workbench()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for number, source in enumerate(_sources(notebook)):
            _run(bench, f"{path.name} {number}", source)
    chosen = wanted if wanted in LANGUAGES else language()
    return [check_names(name, bench.names, chosen) for name in unit_texts(unit)["exercises"]]


def _run(bench: Workbench, name: str, source: str) -> None:
    """Run a cell; one that raises leaves its exercise undefined, which the report says."""
    bench.perform({"do": "run", "name": name, "source": source})


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


def _sources(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        tags = _dict(cell.get("metadata")).get("tags")
        if EXPERIMENT not in (tags if isinstance(tags, list) else []) and text.strip():
            yield text


def _dict(value: Any) -> dict[str, Any]:
    """The value itself if it is a dict; whatever else a file holds in its place counts as empty."""
    return value if isinstance(value, dict) else {}
