"""What a cell's source says of names, magics among its lines or not: which it reads, binds, works on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from .reading.python import UNREADABLE, tree_of_cell
from .texts import tree_of

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

# Magics in a cell's first line that only look at what the cell does; its other lines are Python as in any cell.
_LOOKING = re.compile(r"\A(\s*)%%(time|capture)\b[^\n]*")


def without_looking(source: str) -> str:
    """A cell without a magic in its first line that only looks on; its lines keep their numbers."""
    return _LOOKING.sub(r"\1", source)


@lru_cache(maxsize=4096)
def names_used(source: str) -> frozenset[str]:
    """All names that a cell reads; none where it is no Python."""
    tree = tree_of_cell(source)
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) if tree else frozenset()


@lru_cache(maxsize=4096)
def names_touched(source: str) -> tuple[frozenset[str | None], frozenset[str]]:
    """The names that a cell binds outside of functions, and those on which it works there.

    It works on a name that it hands to a call, or of which it sets an attribute. None is among the names that it binds
    where it could bind any: magics stand in it, or it imports a module's every name.
    """
    try:
        return names_touched_by(tree_of(source))
    except UNREADABLE:
        pass
    tree = tree_of_cell(source)
    binds, works_on = names_touched_by(tree) if tree else (frozenset(), frozenset())
    return binds | {None}, works_on


def names_touched_by(tree: ast.Module) -> tuple[frozenset[str | None], frozenset[str]]:
    """The same of a cell's syntax tree."""
    binds: set[str | None] = set()
    works_on: set[str] = set()
    for node in _outside_functions(tree):
        if isinstance(node, SCOPES) and not isinstance(node, ast.Lambda):
            binds.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
            binds |= {None if name == "*" else name for name in names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            binds.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            works_on |= _names_in(node.value)
        elif isinstance(node, ast.Call):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                works_on |= {argument.id} if isinstance(argument, ast.Name) else set()
    return frozenset(binds), frozenset(works_on)


def _outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a cell that run when it does; a function or class counts, and its decorators, but not its body."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, SCOPES):
            waiting += getattr(node, "decorator_list", [])
        else:
            waiting += ast.iter_child_nodes(node)


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def lines_that_bind(name: str, source: str) -> Iterator[int]:
    """The lines in which a cell's statements begin that bind a name."""
    tree = tree_of_cell(source)
    if tree is None:  # line by line, what can be read
        for number, line in enumerate(source.split("\n"), start=1):
            if name in names_touched(line)[0]:
                yield number
        return
    for node in tree.body:
        if name in names_touched_by(ast.Module([node], []))[0]:
            first = [node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]
            yield min(first)
