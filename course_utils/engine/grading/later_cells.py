"""Whether what stands below an exercise's cell may be part of its answer.

Each exercise is judged in the state that its own cell left. Where it is wrong there, it is looked at once more when all
cells have run, if a cell below could have mended it: one that binds a name which the cells above use, or that works on
the answer itself (`PositionalEncoding.forward = forward`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..magics import tree_of_cell
from ..texts import tree_of
from .intake import CodeCell

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def may_mend(cells: Sequence[CodeCell], exercise: str) -> bool:
    """Whether a cell behind that of an exercise may be part of its answer."""
    place = next(number for number, cell in enumerate(cells) if cell.kind == "exercise" and cell.name == exercise)
    used = {exercise}.union(*(names_used(cell.source) for cell in cells[: place + 1] if cell.kind != "setup"))
    return any(_touches(cell, exercise, used) for cell in cells[place + 1 :])


def _touches(cell: CodeCell, exercise: str, used: set[str]) -> bool:
    binds, works_on = names_touched(cell.source)
    if cell.kind == "extra" and None in binds:  # magics: nobody can say what they do
        return True
    return bool(binds & used) or exercise in works_on


@lru_cache(maxsize=4096)
def names_used(source: str) -> frozenset[str]:
    """All names that a cell reads; none where it is no Python."""
    try:
        tree = tree_of_cell(source)
    except UNREADABLE:
        return frozenset()
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


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
    try:
        binds, works_on = names_touched_by(tree_of_cell(source))
    except UNREADABLE:
        return frozenset([None]), frozenset()
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
