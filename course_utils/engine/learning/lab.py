"""`course lab`: JupyterLab on the learner's own notebooks."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from ..course import current
from ..files import write_whole
from ..texts import MARKER_FILE
from ..texts import language as own_language
from .folder import (
    FolderError,
    OwnNotebooks,
    as_bytes,
    find_notebooks,
    newest_release,
    read_own,
    released_cells,
    released_name,
)
from .status import answers_in


class LabError(RuntimeError):
    """JupyterLab that cannot be opened; one sentence says what to do."""


def notebooks_to_open(folder: Path | None, language: str | None) -> tuple[OwnNotebooks, bool]:
    """The learner's notebooks, and whether they were made just now: a folder that is not there becomes a copy.

    Raises FolderError, CourseError and OSError.
    """
    if folder is None or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        own = find_notebooks(folder, language)
        remember_release(own)
        return own, False
    try:
        language = language or find_notebooks(None, None).language
    except FolderError:
        language = own_language()
    return copy_release(folder, language), True


def remember_release(own: OwnNotebooks) -> None:
    """Keep notebooks in which nothing is answered yet as the release that they are, where no release is at hand.

    So it is where a course came without Git and without a bundle's copies. Where it cannot be kept, nothing happens.
    """
    for unit in current().units():
        try:
            data, _, cells = read_own(own.path(unit.name))
            if released_cells(own, unit.name, cells) is None and not unit.texts["exercises"].keys() & answers_in(
                cells, unit, own
            ):
                write_whole(own.beside / released_name(unit.name, own.language), data)
        except (FolderError, OSError):
            continue


def copy_release(folder: Path, language: str) -> OwnNotebooks:
    """The notebooks of the course at hand as released, in a folder of the learner's own.

    Raises FolderError and OSError.
    """
    course = current()
    own = OwnNotebooks(Path(os.path.abspath(folder)), language)
    found = {}
    for unit in course.unit_names:
        content, cells = newest_release(own, unit)
        found[unit] = as_bytes({}, cells, content)
    for unit, data in found.items():
        write_whole(own.folder / unit / f"{unit}.ipynb", data)
        write_whole(own.beside / released_name(unit, language), data)
    write_whole(own.folder / MARKER_FILE, json.dumps({"language": language}) + "\n")
    return own


def open_lab(own: OwnNotebooks, browser: bool = True) -> int:
    """Run JupyterLab on some notebooks until it is stopped; its exit status. Raises LabError where it is missing."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise LabError(
            "JupyterLab is not installed here; in the course's folder run: pip install -e . (or open the notebooks in "
            f"another program, they are in {own.folder})"
        )
    environment = {**os.environ, "COURSE_LANG": own.language}
    words = [sys.executable, "-m", "jupyterlab", *([] if browser else ["--no-browser"])]
    try:
        return subprocess.run([*words, f"--ServerApp.root_dir={own.folder}"], env=environment, check=False).returncode
    except KeyboardInterrupt:  # Ctrl-C goes to JupyterLab too, which has asked and ended
        return 0
