"""What may be told at grading of an exception beside its class and line: a word of the student's own line.

The process in which the exception was raised is the student's, and can claim any word. So a word is told only where it
stands, as code, in the very line that is told: then it says no more of a hidden input than the choice of the line does.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Any

from ..reading.python import tree_of_cell

MAX_WORDS = 30  # names in one line; with more, the choice among them could say something
WORD = re.compile(r"[^\W\d]\w{0,59}(\.[^\W\d]\w{0,59}){0,5}")
MODULE_ERRORS = ("ModuleNotFoundError", "ImportError")
NAME_ERRORS = ("NameError", "UnboundLocalError")
GPU = "gpu"
CAUSES = (GPU,)  # what a workbench may say of an exception in one word of ours
# How torch says that there is no such device.
NO_GPU = re.compile(
    r"Torch not compiled with|Found no NVIDIA driver|No CUDA GPUs|CUDA driver|cuda.*not available|"
    r"Cannot access accelerator|no (available )?(accelerator|GPU)|MPS (backend|device)|deserialize object on a CUDA",
    re.IGNORECASE,
)


def cause_of(error: BaseException) -> str | None:
    """One of CAUSES, None where it is none of them."""
    try:
        return GPU if isinstance(error, RuntimeError | AssertionError) and NO_GPU.search(str(error)[:500]) else None
    except Exception:  # a class of the learner's own may fail to say its words
        return None


def word_of(error: BaseException) -> str | None:
    """The name that is missing: of a module, a variable or an attribute."""
    if isinstance(error, ImportError | NameError | AttributeError):
        name = getattr(error, "name", None)
        return name if isinstance(name, str) and WORD.fullmatch(name) else None
    return None


def stands_in_line(word: Any, source: str, line: int) -> bool:
    """Whether a word is a name, an attribute or a module in a line of a cell."""
    if not isinstance(word, str) or not WORD.fullmatch(word):
        return False
    words = words_by_line(source).get(line, frozenset())
    return word in words and len(words) <= MAX_WORDS


@lru_cache(maxsize=256)
def words_by_line(source: str) -> dict[int, frozenset[str]]:
    """The names, attributes and modules of a cell, by the line in which each stands; none where it is no Python.

    What an import names counts for the line in which its statement begins, as Python tells it.
    """
    tree = tree_of_cell(source)
    found: dict[int, set[str]] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Name):
            found.setdefault(node.lineno, set()).add(node.id)
        elif isinstance(node, ast.Attribute):
            for line in {node.lineno, node.end_lineno or node.lineno}:
                found.setdefault(line, set()).add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                found.setdefault(node.lineno, set()).update(".".join(parts[:n]) for n in range(1, len(parts) + 1))
    return {line: frozenset(words) for line, words in found.items()}
