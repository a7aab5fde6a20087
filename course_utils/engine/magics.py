"""IPython's magics in a cell's source: which of them only look on, and the cell as Python without them."""

from __future__ import annotations

import ast
import re

from .texts import tree_of

# Magics in a cell's first line that only look at what the cell does; its other lines are Python as in any cell.
_LOOKING = re.compile(r"\A(\s*)%%(time|capture)\b[^\n]*")
_LINE = re.compile(r"^([ \t]*)(!|%(?!%)|\?)[^\n]*$", re.MULTILINE)


def without_looking(source: str) -> str:
    """A cell without a magic in its first line that only looks on; its lines keep their numbers."""
    return _LOOKING.sub(r"\1", source)


def tree_of_cell(source: str) -> ast.Module:
    """The syntax tree of a cell in which lines may be magics: those say nothing in it. Raises what ast.parse raises."""
    try:
        return tree_of(source)
    except SyntaxError:
        return tree_of(_LINE.sub(r"\1pass", without_looking(source)))
