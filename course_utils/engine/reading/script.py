"""Cells of a script: jupytext's percent format, and what Jupyter, Spyder and Databricks write of a notebook.

A marker is a comment of its own line, and no cell holds one; so a script is cut without being read as Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_MARKER = re.compile(
    r"""^(?:
      \#[ ]?%%(?P<percent>.*)                    # jupytext, Spyder, VS Code, PyCharm
    | \#[ ]In[ ]?\[[\d *]*\]:?[ ]*               # jupyter nbconvert --to script
    | \#[ ]COMMAND[ ]-+[ ]*                      # Databricks
    | \#[ ]\+(?P<light>[ ].*)? | (?P<end>\#[ ]-) # jupytext's light format
    )$""",
    re.VERBOSE | re.MULTILINE,
)
_PYTHON = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+\w+[ \t]*[(:]", re.MULTILINE)
_HEADER = re.compile(
    r"\A(?:#!.*\n|#.*coding.*\n|# Databricks notebook source\s*\n|\s*\n)*(?:# ---\n(?:#.*\n)*?# ---\n)?"
)
_PROSE = re.compile(r"\[(?:markdown|md|raw)\]", re.IGNORECASE)
_GRADE_ID = re.compile(r'"grade_id"\s*:\s*"([^"\\]{1,200})"')
_TAGS = re.compile(r"tags\s*=\s*\[([^\]]*)\]")
_MAGIC = re.compile(r"^# MAGIC ?", re.MULTILINE)
_QUOTED = re.compile(r"""\A\s*[rR]?(\"{3}|'{3})([\s\S]*)\1\s*\Z""")


def is_script(text: str) -> bool:
    """Whether a text is a script: it has a marker of cells, or it defines something."""
    return has_cells(text) or _PYTHON.search(text) is not None


def has_cells(text: str) -> bool:
    """Whether a script has markers of cells."""
    return _MARKER.search(text) is not None


def notebook_of(text: str) -> dict[str, Any]:
    """A script as the content of a notebook."""
    return {"cells": list(_cells(text.replace("\r\n", "\n").replace("\r", "\n"))), "metadata": {}}


def _cells(text: str) -> Iterator[dict[str, Any]]:
    text = text[_HEADER.match(text).end() :]  # type: ignore[union-attr]  # it matches the empty text
    about, start = "", 0
    for marker in [*_MARKER.finditer(text), None]:
        source = text[start : marker.start() if marker else len(text)].strip("\n")
        if source.strip():
            yield _cell(source, about)
        if marker:
            about, start = marker["percent"] or marker["light"] or "", marker.end()


def _cell(source: str, about: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if found := _GRADE_ID.search(about):
        metadata["nbgrader"] = {"grade_id": found[1]}
    if found := _TAGS.search(about):
        metadata["tags"] = re.findall(r'"([^"]*)"', found[1])
    lines = source.split("\n")
    if lines[0].startswith("# MAGIC"):
        source = _MAGIC.sub("", source)
        if source.startswith("%md"):
            return {"cell_type": "markdown", "metadata": metadata, "source": source.partition("\n")[2]}
    elif _PROSE.search(about) or all(line.startswith("#") or not line.strip() for line in lines):
        return {"cell_type": "markdown", "metadata": metadata, "source": _said(source)}
    return {"cell_type": "code", "metadata": metadata, "source": source}


def _said(source: str) -> str:
    """The prose of a cell that is written as comments or as one string."""
    if found := _QUOTED.match(source):
        return found[2].strip("\n")
    return re.sub(r"^# ?", "", source, flags=re.MULTILINE)
