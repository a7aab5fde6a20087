"""What a student handed in, rebuilt from the release: nothing is taken over but the source of cells.

The release skeleton says which cells there are and in which order. Of the submission only these are taken: the source
of solution cells (by `grade_id`, by the name that they define where ids were lost), the text of answers, and the
student's own extra code cells, each behind the cell that it followed. So duplicated, deleted, reordered and retyped
cells cost nobody anything, and what a submission says about its own points is never read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..judging.sentences import Text
from ..reading import decoding
from ..reading.decoding import ReadError
from ..reading.notebook import Cell, grade_id, read_notebook
from ..reading.python import as_python, definitions
from ..reading.released import EXPERIMENT, answer_cell
from ..texts import fingerprint_of_source
from . import free_text
from .skeleton import Skeleton, is_exercise, is_experiment, is_setup

MAX_BYTES = 32 * 2**20  # a notebook full of plots has a few MiB
# Characters of code in all cells together, of comments an eighth: Python reads the worst of them in some seconds.
MAX_CODE = 2**18

_NO_LINK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

REASONS: dict[str, Text] = {
    **decoding.REASONS,
    "missing": {"en": "No notebook was handed in for this unit.", "zh": "这个单元没有提交 notebook。"},
    "link": {
        "en": "The notebook or its folder is a link; hand in the file itself.",
        "zh": "notebook 或其所在文件夹是一个链接；请提交文件本身。",
    },
    "not_a_file": {
        "en": "What was handed in is not a regular file; hand in the notebook itself.",
        "zh": "提交的不是普通文件；请提交 notebook 文件本身。",
    },
    "unreadable": {
        "en": "The notebook's file could not be opened for reading.",
        "zh": "notebook 文件无法打开读取。",
    },
    "too_large": {
        "en": "The notebook is larger than 32 MiB; clear its outputs and hand it in again.",
        "zh": "notebook 超过 32 MiB；请清除输出后重新提交。",
    },
    "damaged_archive": {
        "en": "The archive is damaged or ends in the middle; hand in the .ipynb file itself.",
        "zh": "压缩包已损坏或不完整；请直接提交 .ipynb 文件。",
    },
    "locked": {
        "en": "The archive is locked with a password; hand in the .ipynb file itself.",
        "zh": "压缩包设有密码，无法打开；请直接提交 .ipynb 文件。",
    },
    "no_notebook": {
        "en": "No notebook of this unit was found among the files that were handed in.",
        "zh": "提交的文件中没有找到本单元的 notebook。",
    },
    "too_many_files": {
        "en": "There are more notebooks than can be looked at; hand in the one that counts.",
        "zh": "notebook 太多，无法全部查看；请只提交需要评分的那一个。",
    },
}


IntakeError = ReadError  # one exception for what cannot be read, be it the file or what it holds


@dataclass(frozen=True)
class CodeCell:
    """A cell to run: `kind` is "setup" (the release's), "exercise" or "extra" (the student's)."""

    kind: str
    name: str  # grade id, or a number for an extra cell
    source: str


@dataclass(frozen=True)
class Submission:
    """A submission as far as it counts."""

    cells: tuple[CodeCell, ...]
    answers: Mapping[str, str]  # question -> text; absent where it is as released
    blank: tuple[str, ...]  # exercises that are as released or not there
    language: str
    sources: Mapping[str, str] = field(default_factory=dict)  # exercise -> the student's source


def read_bytes(folder: Path, student: str, unit: str) -> bytes:
    """The bytes of `folder/student/unit/unit.ipynb`, a regular file reached through no link. Raises IntakeError."""
    return read_file(folder, (student, unit, f"{unit}.ipynb"))


def read_file(folder: Path, parts: Sequence[str]) -> bytes:
    """The bytes of a regular file below a folder, reached through no link; parts: its path, name by name.

    Raises IntakeError.
    """
    data = _read(folder, parts, MAX_BYTES + 1, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise IntakeError("too_large")
    return data


def read_start(folder: Path, parts: Sequence[str], size: int) -> bytes:
    """The first bytes of such a file, however large it is. Raises IntakeError."""
    return _read(folder, parts, size)


def _read(folder: Path, parts: Sequence[str], size: int, largest: int | None = None) -> bytes:
    with open_folder(folder, parts[:-1]) as parent:
        handle = -1
        try:
            handle = os.open(parts[-1], _NO_LINK | os.O_NONBLOCK, dir_fd=parent)  # a FIFO must not block
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise IntakeError("not_a_file")
            if largest is not None and status.st_size > largest:
                raise IntakeError("too_large")
            with os.fdopen(os.dup(handle), "rb") as file:
                return file.read(size)
        except OSError as error:
            raise IntakeError(_reason(error, folder, parts)) from None
        finally:
            if handle >= 0:
                os.close(handle)


@contextmanager
def open_folder(folder: Path, parts: Sequence[str]) -> Iterator[int]:
    """A handle on a folder below a folder, which itself may be a link, reached through no other. Raises IntakeError."""
    handles: list[int] = []
    try:
        try:
            handles.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
            for part in parts:
                handles.append(os.open(part, _NO_LINK | os.O_DIRECTORY, dir_fd=handles[-1]))
        except OSError as error:
            raise IntakeError(_reason(error, folder, parts)) from None
        yield handles[-1]
    finally:
        for handle in handles:
            os.close(handle)


def _reason(error: OSError, folder: Path, parts: Sequence[str]) -> str:
    # os.path: a link may lead to where nobody may look, for which pathlib raises
    ways = [folder.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and any(map(os.path.islink, ways))):
        return "link"
    if error.errno == errno.ENOENT:
        return "missing"
    if error.errno in (errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.ENOTDIR):
        return "not_a_file"
    return "unreadable"


def rebuild(data: bytes, skeleton: Skeleton) -> Submission:
    """What counts of a notebook's bytes. Raises ReadError for what is no notebook."""
    notebook = read_notebook(data)
    exercises = skeleton.exercises()
    cells = _readable(notebook.cells, exercises)
    chosen = {name: answer_cell(name, cells, partial(_is_blank, released=exercises)) for name in exercises}
    blank = tuple(
        name
        for name, released in exercises.items()
        if chosen[name] is None or _same_code(chosen[name].source, released)  # type: ignore[union-attr]
    )
    extras = _extra_cells(cells, skeleton, {id(cell): name for name, cell in chosen.items()})
    ordered = list(extras.get(None, []))
    for cell in skeleton.cells:
        name = grade_id(cell)
        if is_setup(cell):
            ordered.append(CodeCell("setup", name, cell["source"]))
        elif is_exercise(cell):
            own = chosen[name]
            ordered.append(CodeCell("exercise", name, own.source if own else exercises[name]))
        ordered += extras.get(cell["id"], [])
    return Submission(
        tuple(ordered),
        free_text.answers(notebook, skeleton),
        blank,
        notebook.language,
        {name: cell.source for name, cell in chosen.items() if cell},
    )


def _readable(cells: Sequence[Cell], exercises: Mapping[str, str]) -> list[Cell]:
    """The cells, those without text whose code would take too long to read; cells of exercises are read first."""
    left, known, kept = MAX_CODE, {""}, list(cells)
    for number in sorted(range(len(cells)), key=lambda number: cells[number].grade_id not in exercises):
        cell = cells[number]
        if cell.source in known or (cell.kind != "code" and cell.grade_id not in exercises):
            continue
        if (cost := cell.cost()) > left:
            kept[number] = replace(cell, source="")
        else:
            left -= cost
            known.add(cell.source)
    return kept


def _is_blank(cell: Cell, released: Mapping[str, str]) -> bool:
    """Whether a cell says no more than an exercise as it was given."""
    return any(_same_code(cell.source, text) for text in released.values())


def _extra_cells(cells: list[Cell], skeleton: Skeleton, taken: Mapping[int, str]) -> dict[str | None, list[CodeCell]]:
    """The student's own code cells, by the id of the skeleton's cell that each of them follows.

    taken: the cells that hold an answer, by their identity in memory -> the last exercise that each answers
    """
    extras: dict[str | None, list[CodeCell]] = {}
    place: str | None = None
    order = {cell["id"]: number for number, cell in enumerate(skeleton.cells)}
    lost = skeleton.looks.lost_marks(cells)
    for number, cell in enumerate(cells):
        known = skeleton.by_grade_id.get(cell.grade_id) or skeleton.by_identity.get(cell.identity)
        if id(cell) in taken:
            own = known or skeleton.by_grade_id[taken[id(cell)]]
            if known is not None or place is None or order[place] < order[own["id"]]:
                place = own["id"]  # what comes behind an answer may build on it, also where its id is lost
            continue
        same = _released(cell, skeleton)
        tagged = EXPERIMENT in cell.tags
        if (lost or tagged) and same is None and known is None and cell.kind == "code":
            look = skeleton.looks.place(cell.source)
            known = skeleton.look(look) if look is not None else None  # edited, and its id is lost
        source = _own_part(cell, known, same)
        if tagged and known is None:
            source = "\n".join(definitions(source))
        if known is not None and is_exercise(known) and source:
            pass  # half of a split cell: it belongs before the half that defines the exercise
        elif known is not None or same is not None:
            place = (known or same or {})["id"]
        if source:
            extras.setdefault(place, []).append(CodeCell("extra", str(number), source))
    return extras


def _released(cell: Cell, skeleton: Skeleton) -> Mapping[str, Any] | None:
    """The cell of the release that says the same, if there is one."""
    source = as_python(cell.source) if cell.kind == "code" else ""
    if not source.strip():  # nothing, or what no Python is, as under %%writefile
        return None
    return skeleton.by_source.get(fingerprint_of_source(source))


def _own_part(cell: Cell, known: Mapping[str, Any] | None, same: Mapping[str, Any] | None) -> str:
    """The source of a cell that was not taken as a solution, as far as it is the student's own and has to run."""
    if cell.kind != "code" or same is not None or not cell.source.strip():
        return ""
    if known is None or is_setup(known):  # a new cell, or something added to the given imports
        return cell.source
    if is_exercise(known):  # another cell of the same exercise: a helper, unless it is an older try
        return "" if grade_id(known) in cell.defines() else cell.source
    return "\n".join(definitions(cell.source)) if is_experiment(known) else ""  # a look cell that now holds a helper


def _same_code(source: str, released: str) -> bool:
    if source.strip() == released.strip():
        return True
    own = fingerprint_of_source(as_python(source))
    return own != "" and own == fingerprint_of_source(released)


def digest(data: bytes) -> str:
    """The hash by which a submission is known in the log."""
    return hashlib.sha256(data).hexdigest()
