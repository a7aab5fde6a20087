"""What a student handed in, rebuilt from the release: nothing is taken over but the source of cells.

The release skeleton says which cells there are and in which order. Of the submission only these are taken: the source
of solution cells (by `grade_id`, by the name that they define where ids were lost), the text of answers, and the
student's own extra code cells, each behind the cell that it followed. So duplicated, deleted, reordered and retyped
cells cost nobody anything, and what a submission says about its own points is never read.
"""

from __future__ import annotations

import ast
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..course import LANGUAGES
from ..judging.sentences import Text
from ..making.units import EXPERIMENT
from ..texts import fingerprint_of_source, tree_of

MAX_BYTES = 32 * 2**20  # a notebook full of plots has a few MiB
MAX_CELLS = 2000
MAX_PARTS = 500_000  # lists and dicts: 32 MiB of empty ones would take a GiB to read
MAX_SOURCE = 2**18  # characters of one cell: as JSON, at 12 bytes each, they fit into one message to the sandbox
# Characters of code in all cells together, of comments an eighth: Python reads the worst of them in some seconds. An
# opening brace counts as BRACE of them, since Python looks for each in an f-string from the start of that string.
MAX_CODE, BRACE = 2**18, 16
MAX_ANSWER = 100_000  # characters of one free-text answer

_NO_LINK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
# Such a line is a comment or part of a string, and is read quickly either way: an f-string would need its brace.
_COMMENT_LINE = re.compile(r"^[ \t]*#[^\n{]*$", re.MULTILINE)

REASONS: dict[str, Text] = {
    "missing": {"en": "No notebook was handed in for this unit.", "zh": "这个单元没有提交笔记本。"},
    "link": {
        "en": "The notebook or its folder is a link; hand in the file itself.",
        "zh": "笔记本或其所在文件夹是一个链接；请提交文件本身。",
    },
    "not_a_file": {
        "en": "What was handed in is not a regular file; hand in the notebook itself.",
        "zh": "提交的不是普通文件；请提交笔记本文件本身。",
    },
    "unreadable": {
        "en": "The notebook's file could not be opened for reading.",
        "zh": "笔记本文件无法打开读取。",
    },
    "too_large": {
        "en": "The notebook is larger than 32 MiB; clear its outputs and hand it in again.",
        "zh": "笔记本超过 32 MiB；请清除输出后重新提交。",
    },
    "not_json": {
        "en": "The file is not a notebook (not JSON); save it in Jupyter and hand it in again.",
        "zh": "这个文件不是笔记本（不是 JSON 格式）；请在 Jupyter 中保存后重新提交。",
    },
    "not_a_notebook": {
        "en": "The file is JSON but not a notebook with cells; save it in Jupyter and hand it in again.",
        "zh": "这个文件是 JSON，但不是带单元格的笔记本；请在 Jupyter 中保存后重新提交。",
    },
    "too_many_parts": {
        "en": "The notebook holds far more data than a notebook does; clear its outputs and hand it in again.",
        "zh": "笔记本里的数据远多于正常的笔记本；请清除输出后重新提交。",
    },
    "no_notebook": {
        "en": "No notebook of this unit was found among the files that were handed in.",
        "zh": "提交的文件中没有找到本单元的笔记本。",
    },
    "too_many_files": {
        "en": "There are more notebooks than can be looked at; hand in the one that counts.",
        "zh": "笔记本太多，无法全部查看；请只提交需要评分的那一个。",
    },
    "too_many_cells": {
        "en": "The notebook has more than 2000 cells; remove those that are not needed.",
        "zh": "笔记本的单元格超过 2000 个；请删除不需要的单元格。",
    },
}


class IntakeError(Exception):
    """A submission that cannot be read; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        """reason: a key of REASONS."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class CodeCell:
    """A cell to run: `kind` is "setup" (the release's), "exercise" or "extra" (the student's)."""

    kind: str
    name: str  # grade id, or a number for an extra cell
    source: str


@dataclass(frozen=True)
class Skeleton:
    """A released notebook: which cells there are, in which order."""

    unit: str
    cells: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, unit: str, notebook: Mapping[str, Any]) -> Skeleton:
        """The skeleton of a released notebook."""
        return cls(unit, tuple(notebook["cells"]))

    def exercises(self) -> dict[str, str]:
        """The released source of each exercise."""
        return {_grade_id(cell): cell["source"] for cell in self.cells if _is_exercise(cell)}

    def imports(self) -> list[str]:
        """The modules that the release's own set-up cells import, and the names that they import from modules."""
        found: list[str] = []
        for node in (node for cell in self.cells if _is_setup(cell) for node in ast.parse(cell["source"]).body):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        return list(dict.fromkeys(found))

    def questions(self) -> dict[str, str]:
        """The released text of each free-text answer."""
        return {_grade_id(cell): cell["source"] for cell in self.cells if _is_question(cell)}

    def meaning(self) -> list[list[Any]]:
        """What intake reads of the release, in plain data: of prose that a cell is there, of code what it says."""
        return [[cell["cell_type"], cell["id"], _grade_id(cell), *_role(cell), _said(cell)] for cell in self.cells]

    # by what a student's cell can be known for one of the release's

    @cached_property
    def by_grade_id(self) -> dict[str, Mapping[str, Any]]:
        """The cells that nbgrader knows."""
        return {name: cell for cell in self.cells if (name := _grade_id(cell))}

    @cached_property
    def by_identity(self) -> dict[str, Mapping[str, Any]]:
        """The other cells, by the notebook format's own ids."""
        return {cell["id"]: cell for cell in self.cells if not _grade_id(cell)}

    @cached_property
    def by_source(self) -> dict[str, Mapping[str, Any]]:
        """The code cells, by their code however it is laid out."""
        return {fingerprint_of_source(cell["source"]): cell for cell in self.cells if cell["cell_type"] == "code"}


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
    with open_folder(folder, parts[:-1]) as parent:
        handle = -1
        try:
            handle = os.open(parts[-1], _NO_LINK | os.O_NONBLOCK, dir_fd=parent)  # a FIFO must not block
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise IntakeError("not_a_file")
            if status.st_size > MAX_BYTES:
                raise IntakeError("too_large")
            with os.fdopen(os.dup(handle), "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise IntakeError(_reason(error, folder, parts)) from None
        finally:
            if handle >= 0:
                os.close(handle)
    if len(data) > MAX_BYTES:
        raise IntakeError("too_large")
    return data


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
    """What counts of a notebook's bytes. Raises IntakeError for what is no notebook."""
    notebook, cells = read_cells(data)
    exercises = skeleton.exercises()
    cells = _readable(cells, exercises)
    chosen = {name: _solution(name, exercises, cells) for name in exercises}
    blank = tuple(
        name
        for name, released in exercises.items()
        if chosen[name] is None or _same_code(chosen[name].source, released)  # type: ignore[union-attr]
    )
    extras = _extra_cells(cells, skeleton, {id(cell) for cell in chosen.values()})
    ordered = list(extras.get(None, []))
    for cell in skeleton.cells:
        name = _grade_id(cell)
        if _is_setup(cell):
            ordered.append(CodeCell("setup", name, cell["source"]))
        elif _is_exercise(cell):
            own = chosen[name]
            ordered.append(CodeCell("exercise", name, own.source if own else exercises[name]))
        ordered += extras.get(cell["id"], [])
    return Submission(
        tuple(ordered),
        dict(_answers(cells, skeleton)),
        blank,
        _language(notebook),
        {name: cell.source for name, cell in chosen.items() if cell},
    )


def read_cells(data: bytes) -> tuple[Mapping[str, Any], list[Cell]]:
    """A notebook and its cells, from its bytes. Raises IntakeError for what is no notebook."""
    notebook = _parsed(data)
    return notebook, [Cell.of(cell) for cell in _raw_cells(notebook)]


@dataclass(frozen=True, eq=False)
class Cell:
    """A student's cell, with whatever could be read of it."""

    kind: str
    source: str
    grade_id: str
    identity: str

    @classmethod
    def of(cls, cell: Any) -> Cell:
        """What there is of a cell, whatever was handed in as one."""
        cell = cell if isinstance(cell, dict) else {}
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        text = source if isinstance(source, str) and len(source) <= MAX_SOURCE else ""
        kind, identity = cell.get("cell_type"), cell.get("id")
        return cls(
            kind if isinstance(kind, str) else "",
            text.encode("utf-8", "replace").decode(),
            _grade_id(cell),
            identity if isinstance(identity, str) else "",
        )

    def cost(self) -> int:
        """What it takes to read the cell as Python: MAX_CODE is as much as a notebook may."""
        code = _COMMENT_LINE.sub("", self.source)
        return len(code) + BRACE * code.count("{") + (len(self.source) - len(code)) // 8

    def defines(self) -> frozenset[str]:
        """The names that the cell binds at its top level; none where it is no Python."""
        return _defined(self.source)


def _parsed(data: bytes) -> dict[str, Any]:
    if data.count(b"[") + data.count(b"{") > MAX_PARTS:
        raise IntakeError("too_many_parts")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):
        raise IntakeError("not_json") from None
    if not isinstance(notebook, dict):
        raise IntakeError("not_a_notebook")
    return notebook


def _raw_cells(notebook: Mapping[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # the format before 2014
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise IntakeError("not_a_notebook")
    if len(cells) > MAX_CELLS:
        raise IntakeError("too_many_cells")
    return cells


def _readable(cells: list[Cell], exercises: Mapping[str, str]) -> list[Cell]:
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


def _solution(name: str, released: Mapping[str, str], cells: list[Cell]) -> Cell | None:
    """The cell that holds a student's answer to an exercise: the last that says anything, by id or else by name.

    released: the text of every exercise as it was given; a cell that says no more than one of them is no answer.
    """
    labelled = [cell for cell in cells if cell.grade_id == name]
    defining = [cell for cell in cells if cell.kind == "code" and name in cell.defines()]
    answered = [cell for cell in labelled if cell.source.strip() and not _is_blank(cell, released)]
    good = [cell for cell in answered if name in cell.defines()]
    elsewhere = [cell for cell in defining if not _is_blank(cell, released)]
    for candidates in (good, elsewhere, answered, defining, labelled):
        if candidates:
            return candidates[-1]
    return None


def _is_blank(cell: Cell, released: Mapping[str, str]) -> bool:
    return any(_same_code(cell.source, text) for text in released.values())


def _extra_cells(cells: list[Cell], skeleton: Skeleton, taken: set[int]) -> dict[str | None, list[CodeCell]]:
    """The student's own code cells, by the id of the skeleton's cell that each of them follows."""
    extras: dict[str | None, list[CodeCell]] = {}
    place: str | None = None
    for number, cell in enumerate(cells):
        known = skeleton.by_grade_id.get(cell.grade_id) or skeleton.by_identity.get(cell.identity)
        same = skeleton.by_source.get(fingerprint_of_source(cell.source)) if cell.kind == "code" else None
        if id(cell) in taken:
            place = known["id"] if known else place
            continue
        source = _own_part(cell, known, same)
        if known is not None and _is_exercise(known) and source:
            pass  # half of a split cell: it belongs before the half that defines the exercise
        elif known is not None or same is not None:
            place = (known or same or {})["id"]
        if source:
            extras.setdefault(place, []).append(CodeCell("extra", str(number), source))
    return extras


def _own_part(cell: Cell, known: Mapping[str, Any] | None, same: Mapping[str, Any] | None) -> str:
    """The source of a cell that was not taken as a solution, as far as it is the student's own and has to run."""
    if cell.kind != "code" or same is not None or not cell.source.strip():
        return ""
    if known is None or _is_setup(known):  # a new cell, or something added to the given imports
        return cell.source
    if _is_exercise(known):  # another cell of the same exercise: a helper, unless it is an older try
        return "" if _grade_id(known) in cell.defines() else cell.source
    return _definitions(cell.source) if EXPERIMENT in _tags(known) else ""  # a look cell that now holds a helper


def _definitions(source: str) -> str:
    """The imports, functions, classes and constants of a cell, without what it does."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    try:
        kept = [node for node in tree_of(source).body if isinstance(node, kinds) or _is_constant(node)]
        return "\n".join(ast.unparse(node) for node in kept)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _answers(cells: list[Cell], skeleton: Skeleton) -> Iterator[tuple[str, str]]:
    identities = {_grade_id(cell): cell["id"] for cell in skeleton.cells if _is_question(cell)}
    for name, released in skeleton.questions().items():
        texts = [cell.source.strip() for cell in cells if cell.grade_id == name]
        texts = texts or [cell.source.strip() for cell in cells if cell.identity == identities[name]]
        written = [text for text in texts if text and text != released.strip()]
        if written:
            yield name, written[-1][:MAX_ANSWER]


@lru_cache(maxsize=4096)
def _defined(source: str) -> frozenset[str]:
    try:
        tree = tree_of(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {
                item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            }
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def _same_code(source: str, released: str) -> bool:
    if source.strip() == released.strip():
        return True
    own = fingerprint_of_source(source)
    return own != "" and own == fingerprint_of_source(released)


def _language(notebook: Mapping[str, Any]) -> str:
    metadata = notebook.get("metadata")
    course = metadata.get("course") if isinstance(metadata, dict) else None
    language = course.get("language") if isinstance(course, dict) else None
    return language if language in LANGUAGES else "en"


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) else {}


def _grade_id(cell: Mapping[str, Any]) -> str:
    name = _nbgrader(cell).get("grade_id")
    return name if isinstance(name, str) else ""


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _role(cell: Mapping[str, Any]) -> tuple[bool, ...]:
    return _is_exercise(cell), _is_question(cell), _is_setup(cell), EXPERIMENT in _tags(cell)


def _said(cell: Mapping[str, Any]) -> str:
    if cell["cell_type"] == "code":
        return fingerprint_of_source(cell["source"]) or str(cell["source"])  # a cell of magics is no Python
    return str(cell["source"]).strip() if _is_question(cell) else ""


def _is_exercise(cell: Mapping[str, Any]) -> bool:
    return bool(_nbgrader(cell).get("solution")) and not _nbgrader(cell).get("grade")


def _is_question(cell: Mapping[str, Any]) -> bool:
    return bool(_nbgrader(cell).get("solution")) and bool(_nbgrader(cell).get("grade"))


def _is_setup(cell: Mapping[str, Any]) -> bool:
    return cell.get("metadata", {}).get("course", {}).get("role") == "setup"


def digest(data: bytes) -> str:
    """The hash by which a submission is known in the log."""
    return hashlib.sha256(data).hexdigest()
