"""What the course at hand says to a learner, in which language, and what a cell says, apart from its layout."""

from __future__ import annotations

import ast
import hashlib
import json
import linecache
import locale
import os
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

from .course import LANGUAGES, CourseError, current

VISIBLE_SEED = "visible"  # the draws of the self-check are the same for everybody
MARKER_FILE = "course.json"  # lies beside the notebooks of one language and says which it is


def unit_texts(unit: str) -> dict[str, Any]:
    """The texts of a unit of the course at hand. Raises CourseError for an unknown unit, or where they are damaged."""
    return current().unit(unit).texts


def units() -> list[str]:
    """The ids of all units of the course at hand, in order."""
    return current().unit_names


def tree_of(source: str) -> ast.Module:
    """The syntax tree of a cell, read without the warnings that Python has about it. Raises what ast.parse raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd backslash in a string, as in LaTeX, is nobody's concern here
        return ast.parse(source)


@lru_cache(maxsize=4096)  # the same cells come with every submission
def fingerprint_of_source(source: str) -> str:
    """A short hash of what a cell's code says: comments, blank lines and docstring edits change nothing."""
    try:
        return fingerprint_of_tree(tree_of(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # ValueError: a number of more than 4300 digits
        return ""


def fingerprint_of_tree(tree: ast.Module) -> str:
    """A short hash of a syntax tree, from which its docstrings are taken away. Raises what ast.dump would raise."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            del body[0]
    return hashlib.sha256(_dump(tree).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _dump(node: Any) -> str:
    """`ast.dump` as Python 3.11 writes it: fingerprints are recorded, and a later Python adds or drops empty fields."""
    if isinstance(node, ast.AST):
        said = [
            f"{name}={_dump(value)}"
            for name, value in ast.iter_fields(node)
            if not (value is None and getattr(type(node), name, ...) is None)
            and not (name == "type_params" and not value)
        ]
        return f"{type(node).__name__}({', '.join(said)})"
    return f"[{', '.join(map(_dump, node))}]" if isinstance(node, list) else repr(node)


def source_of(value: Any) -> str:
    """The text of the cell or file that defined a function or class; empty where it cannot be told."""
    functions = [value, *(vars(value).values() if isinstance(value, type) else ())]
    for function in functions:
        code = getattr(function, "__code__", None)
        if code is None:
            continue
        try:
            tree = tree_of("".join(linecache.getlines(code.co_filename)))
        except (SyntaxError, ValueError):
            return ""
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == getattr(value, "__name__", ""):
                return ast.unparse(node)
    return ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def language() -> str:
    """The learner's language: COURSE_LANG, else what the notebooks' folder says, else the system's locale."""
    known = _languages()
    wanted = os.environ.get("COURSE_LANG", "")[:2].lower()
    if wanted in known:
        return wanted
    for folder in (Path.cwd(), *Path.cwd().parents):
        try:
            found = json.loads((folder / MARKER_FILE).read_text(encoding="utf-8")).get("language")
        except (OSError, ValueError, AttributeError):
            continue
        if found in known:
            return str(found)
    own = "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
    return own if own in known else known[0]


def _languages() -> tuple[str, ...]:
    """The languages of the course at hand; all where there is none, as in the sandbox of a grading."""
    try:
        return current().languages
    except CourseError:
        return LANGUAGES
