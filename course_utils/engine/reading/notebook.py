"""A notebook and its cells, from the bytes of a file that anyone may have written.

Read are notebooks of every version of the format, in any encoding, and scripts with marked cells; what is neither gets
a reason. What it costs to read is capped: bytes by the caller, lists, dicts, cells and their text here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..course import LANGUAGES
from . import python, script
from .decoding import ReadError, kind_of, kind_of_text, text_of

MAX_CELLS = 2000
MAX_PARTS = 500_000  # lists and dicts: 32 MiB of empty ones would take a GiB to read
MAX_SOURCE = 2**18  # characters of one cell: as JSON, at 12 bytes each, they fit into one message to the sandbox
BRACE = 16  # an opening brace costs as much as so many characters: Python looks for each in an f-string from its start

# Such a line is a comment or part of a string, and is read quickly either way: an f-string would need its brace.
_COMMENT_LINE = re.compile(r"^[ \t]*#[^\n{]*$", re.MULTILINE)
_PROSE_KINDS = ("markdown", "raw", "heading", "html")
_EMBEDDED = re.compile(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]*")
_PICTURE = re.compile(r"!\[[^\]\n]{0,200}\]\(\s*attachment:([^)\n]{0,200})\)|<img\b[^>\n]{0,500}>", re.IGNORECASE)
_CHINESE, _LETTERS = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z\u4e00-\u9fff]")


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell, with whatever could be read of it."""

    kind: str
    source: str
    grade_id: str
    identity: str
    tags: tuple[str, ...] = ()
    role: str = ""  # what the course's own metadata say that it is
    pictures: int = 0  # that are attached to it, or stand in its text
    pictures_digest: str = ""  # a hash of these, of whose data `source` holds nothing

    @classmethod
    def of(cls, cell: Any) -> Cell:
        """What there is of a cell, whatever was handed in as one."""
        cell = cell if isinstance(cell, dict) else {}
        text = _text(cell.get("source", cell.get("input", "")))
        kind, identity = cell.get("cell_type"), cell.get("id")
        kind = kind if isinstance(kind, str) else ""
        pictures, shows = 0, ""
        if kind in _PROSE_KINDS:
            attached = _dict(cell.get("attachments"))
            embedded = _EMBEDDED.findall(text)
            text = _EMBEDDED.sub("data:", text)
            pictures = max(len(attached), len(_PICTURE.findall(text)), len(embedded))
            if attached or embedded:
                data = [_text(picture) for forms in attached.values() for picture in _dict(forms).values()]
                shows = hashlib.sha256("\0".join(data + embedded).encode("utf-8", "replace")).hexdigest()
            text = text[:MAX_SOURCE]
            level = cell.get("level")
            if kind == "heading" and isinstance(level, int):  # of the format before 2014
                text = f"{'#' * min(max(level, 1), 6)} {text}"
        tags = _dict(cell.get("metadata")).get("tags")
        role = _dict(_dict(cell.get("metadata")).get("course")).get("role")
        return cls(
            kind,
            (text if len(text) <= MAX_SOURCE else "").encode("utf-8", "replace").decode(),
            grade_id(cell),
            identity if isinstance(identity, str) else "",
            tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            role if isinstance(role, str) else "",
            pictures,
            shows,
        )

    @property
    def is_prose(self) -> bool:
        """Whether it holds text for a reader."""
        return self.kind in _PROSE_KINDS

    def cost(self) -> int:
        """What it takes to read the cell as Python, in characters."""
        code = _COMMENT_LINE.sub("", self.source)
        return len(code) + BRACE * code.count("{") + (len(self.source) - len(code)) // 8

    def defines(self) -> frozenset[str]:
        """The names that the cell binds at its top level; none where it is no Python."""
        return python.defined(self.source)


@dataclass(frozen=True)
class Notebook:
    """A notebook as far as it is read."""

    cells: Sequence[Cell]
    language: str  # of what the learner reads
    unit: str  # that its own metadata name; empty where they do not
    is_script: bool = False


def read_notebook(data: bytes) -> Notebook:
    """A notebook from its bytes. Raises ReadError for what is none."""
    content, is_script = raw_content(data)
    cells = [Cell.of(cell) for cell in raw_cells(content)]
    course = _dict(_dict(content.get("metadata")).get("course"))
    language, unit = course.get("language"), course.get("unit")
    return Notebook(
        cells,
        language if language in LANGUAGES else _language_of(cells),
        unit if isinstance(unit, str) else "",
        is_script,
    )


def raw_content(data: bytes) -> tuple[dict[str, Any], bool]:
    """What a notebook's file holds, with all that is not read of it, and whether it is a script. Raises ReadError."""
    if kind := kind_of(data):
        raise ReadError(kind)
    if data.count(b"[") + data.count(b"{") > MAX_PARTS and _parts(data) > MAX_PARTS:
        raise ReadError("too_many_parts")
    return _content(text_of(data))


def _parts(data: bytes) -> int:
    """How many lists and dicts a file holds: brackets inside strings, as of a script in an output, are none."""
    outside = re.sub(rb'"[^"]*"', b"", data.replace(b"\\\\", b"").replace(b'\\"', b""))
    return outside.count(b"[") + outside.count(b"{")


def _content(text: str) -> tuple[dict[str, Any], bool]:
    """What a text holds as JSON, or as a script, and whether it is one."""
    text = text.strip("\0 \t\r\n")
    if not text.startswith(("{", "[")) and kind_of_text(text) == "not_json" and script.is_script(text):
        return script.notebook_of(text), True
    try:
        content = json.loads(text, strict=False)  # some editors leave a line break inside a string
    except (ValueError, RecursionError, MemoryError):
        raise ReadError(kind_of_text(text)) from None
    if not isinstance(content, dict):
        raise ReadError("not_a_notebook")
    return content, False


def raw_cells(notebook: Mapping[str, Any]) -> list[Any]:
    """The cells of a notebook's content, whatever each of them is. Raises ReadError where there is no list of them."""
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # the format before 2014
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise ReadError("placeholder" if {"doc_id", "url"} & set(notebook) else "not_a_notebook")
    if len(cells) > MAX_CELLS:
        raise ReadError("too_many_cells")
    return cells


def grade_id(cell: Mapping[str, Any]) -> str:
    """The name by which nbgrader knows a cell; empty where it knows none."""
    name = _dict(_dict(cell.get("metadata")).get("nbgrader")).get("grade_id")
    return name if isinstance(name, str) else ""


def _language_of(cells: Sequence[Cell]) -> str:
    """The language that most of a notebook's prose is in."""
    prose = "".join(cell.source[:MAX_SOURCE] for cell in cells if cell.is_prose)[:MAX_SOURCE]
    letters = len(_LETTERS.findall(prose))
    return "zh" if letters and len(_CHINESE.findall(prose)) > letters / 4 else "en"


def _text(value: Any) -> str:
    """A text that may stand as a list of its parts; whatever else a file holds in its place counts as empty."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    """The value itself if it is a dict; whatever else a file holds in its place counts as empty."""
    return value if isinstance(value, dict) else {}
