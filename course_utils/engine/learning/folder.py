"""The learner's own notebooks: the folder that holds a folder for each unit, and what is kept beside them.

notebooks/                       course.json says in which language
  UNIT/                          UNIT.ipynb
  .course/                       progress.json, and the released text of each notebook after an update
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..course import LANGUAGES, Course, CourseError, current, open_course
from ..files import write_whole
from ..reading.decoding import REASONS, ReadError
from ..reading.notebook import raw_cells, raw_content, read_notebook
from ..texts import MARKER_FILE
from ..texts import language as own_language
from .cells import Raw, says

BESIDE = ".course"  # the folder of what is kept beside the notebooks
PRISTINE = "recorded/released.{language}.json"  # in a unit's folder of a bundle: the notebook as released


class FolderError(ValueError):
    """Notebooks that are not there or cannot be read; one sentence says what to try."""


@dataclass(frozen=True)
class OwnNotebooks:
    """A learner's notebooks in one language."""

    folder: Path
    language: str

    @property
    def beside(self) -> Path:
        """The folder of what is kept beside the notebooks."""
        return self.folder / BESIDE

    def path(self, unit: str) -> Path:
        """Where the notebook of a unit is, or would be."""
        flat = self.folder / f"{unit}.ipynb"
        return flat if flat.is_file() else self.folder / unit / f"{unit}.ipynb"

    def units(self, names: list[str]) -> list[str]:
        """Those of some units that have a notebook here."""
        return [name for name in names if self.path(name).is_file()]


def find_notebooks(folder: Path | None = None, language: str | None = None) -> OwnNotebooks:
    """The learner's notebooks: those of a folder, else those round the present one, else those of the course at hand.

    Raises FolderError and CourseError.
    """
    course = current()
    if folder is not None:
        found = Path(os.path.abspath(folder))
        if not _holds_units(found, course):
            inner = [found / "notebooks", *(found / language for language in ([language] if language else LANGUAGES))]
            found = next((each for each in inner if _holds_units(each, course)), found)
        if not _holds_units(found, course):
            raise FolderError(f"{folder} holds no notebook of this course, such as {_example(course)}")
        return OwnNotebooks(found, language_of(found, course))
    if (near := notebooks_near(Path.cwd())) is not None and language in (None, near.language):
        return near
    own = course.notebooks
    if not _holds_units(own, course):
        chosen = language or own_language()
        own = own / chosen
        if not _holds_units(own, course):
            raise FolderError(f"{own} holds no notebook; name the folder of yours: --folder DIR")
    found_language = language_of(own, course)
    if language not in (None, found_language):
        raise FolderError(f"the notebooks in {own} are in {found_language}, not in {language}; take the bundle in it")
    return OwnNotebooks(own, found_language)


def notebooks_near(place: Path) -> OwnNotebooks | None:
    """The notebooks that a place lies in, known by what stands beside them; None where it lies in none."""
    for folder in (place, *place.parents):
        if (folder / MARKER_FILE).is_file() or (folder / BESIDE).is_dir():
            try:
                return OwnNotebooks(folder, language_of(folder, current()))
            except CourseError:
                return None
    return None


def language_of(folder: Path, course: Course) -> str:
    """The language of notebooks: that of their marker, else that of the first that can be read."""
    try:
        found = json.loads((folder / MARKER_FILE).read_text(encoding="utf-8")).get("language")
    except (OSError, ValueError, AttributeError):
        found = None
    if found in LANGUAGES:
        return str(found)
    own = OwnNotebooks(folder, "")
    for unit in own.units(course.unit_names):
        try:
            return read_notebook(own.path(unit).read_bytes()).language
        except (OSError, ReadError):
            continue
    return own_language()


def _holds_units(folder: Path, course: Course) -> bool:
    return bool(OwnNotebooks(folder, "").units(course.unit_names))


def _example(course: Course) -> str:
    name = next(iter(course.unit_names), "unit")
    return f"{name}/{name}.ipynb"


# notebooks as files ---------------------------------------------------------------------------------------------------


def read_raw(data: bytes) -> tuple[Raw, list[Raw]]:
    """A notebook's content, and its cells. Raises ReadError for what is no notebook."""
    content, is_script = raw_content(data)
    if is_script:
        raise ReadError("not_json")
    return content, [cell for cell in raw_cells(content) if isinstance(cell, dict)]


def read_own(path: Path) -> tuple[bytes, Raw, list[Raw]]:
    """A learner's notebook: bytes, content, cells. Raises FolderError with a sentence."""
    try:
        data = path.read_bytes()
        return data, *read_raw(data)
    except FileNotFoundError:
        raise FolderError(f"there is no file {path}") from None
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror}") from None
    except ReadError as error:
        raise FolderError(f"{path} is left as it is: {REASONS[error.reason]['en']}") from None


def as_bytes(content: Raw, cells: list[Raw], released: Raw) -> bytes:
    """The file of a notebook with other cells: the release's marks, and what else the learner's editor noted."""
    metadata = {**_dict(released.get("metadata")), **_dict(content.get("metadata"))}
    if "course" in _dict(released.get("metadata")):
        metadata["course"] = released["metadata"]["course"]
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return text.encode("utf-8", "replace")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def keep_copy(path: Path, data: bytes, word: str) -> Path:
    """Write what a notebook held beside it, under a name of its own; a copy with these very bytes serves.

    Returns the copy's path. Raises OSError.
    """
    number = 1
    while True:
        kept = path.with_name(f"{path.stem}.{word}-{number}.ipynb")
        if not kept.exists():
            return write_whole(kept, data)
        if kept.read_bytes() == data:
            return kept
        number += 1


# the release that a learner began with --------------------------------------------------------------------------------


def released_cells(own: OwnNotebooks, unit: str, cells: list[Raw]) -> list[Raw] | None:
    """The cells of the release that a learner's notebook was begun with; None where nothing tells.

    Of the releases at hand it is the one with most cells in the notebook.
    """
    known = {says(cell) for cell in cells}
    found = [given for _, given in _releases_at_hand(own, unit)]
    return max(found, key=lambda given: sum(says(cell) in known for cell in given), default=None)


def newest_release(own: OwnNotebooks, unit: str) -> tuple[Raw, list[Raw]]:
    """Content and cells of a notebook as it was released last. Raises FolderError where no release is at hand."""
    found = next(_releases_at_hand(own, unit), None)
    if found is None:
        raise FolderError(
            f"no release of {unit} in {own.language} is here; unpack the course again and name its folder: --course"
        )
    return found


def _releases_at_hand(own: OwnNotebooks, unit: str) -> Iterator[tuple[Raw, list[Raw]]]:
    """A notebook as released: what is kept beside it, then that of the folder's own course and of the one at hand."""
    texts = [_text(own.beside / released_name(unit, own.language))]
    for course in _courses_of(own.folder):
        texts.append(_text(course.folder / unit / PRISTINE.format(language=own.language)))
        place = course.notebooks / own.language / unit / f"{unit}.ipynb"
        texts.append(_committed(place))
        if own.path(unit).resolve() != place.resolve():
            texts.append(_text(place))
    for data in texts:
        try:
            yield read_raw(data)
        except ReadError:
            continue


def released_name(unit: str, language: str) -> str:
    """The name, in the folder beside the notebooks, of a notebook as it was released."""
    return f"{unit}.{language}.json"


def _courses_of(folder: Path) -> list[Course]:
    found: list[Course] = []
    finders: list[Callable[[], Course]] = [lambda: open_course(_course_above(folder)), current]
    for find in finders:
        with suppress(CourseError):
            if (course := find()) not in found:
                found.append(course)
    return found


def _course_above(folder: Path) -> Path:
    """The folder round some notebooks that may hold their course."""
    return next((each for each in folder.parents if (each / "course_utils").is_dir()), folder)


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _committed(path: Path) -> bytes:
    """What a file holds in the last commit of the clone that it lies in; empty where there is none."""
    try:
        return git(path.parent, "show", f"HEAD:./{path.name}")
    except (OSError, subprocess.CalledProcessError):
        return b""


def git(folder: Path, *words: str) -> bytes:
    """What Git says in a folder. Raises OSError where there is no Git, and CalledProcessError where it refuses."""
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True)
    return done.stdout
