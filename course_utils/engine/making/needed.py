"""Which exercises the cells of a lesson build on, told by the names that they read and bind.

A cell that runs with a learner's answers has to say so with `needs(...)`: without that line it stops Run All in a
notebook that is not finished.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from ..cell_names import names_touched_by
from ..learning.wrapping import CALL
from ..reading.python import tree_of_cell

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def lacking(
    sources: Iterable[str], exercises: Sequence[str], calls: Mapping[str, Set[str]]
) -> Iterator[tuple[str, list[str]]]:
    """The cells that run with answers and do not say so: a cell's source, and the exercises that it should name.

    sources: of the cells in their order, without those of exercises and checks; calls: exercise -> the exercises that
    its right answer calls.
    """
    values = _Values(exercises)
    for source in sources:
        tree = tree_of_cell(source)
        if tree is None:
            continue
        runs_with, said = values.of_cell(tree)
        missing = runs_with - said.union(*(_called(name, calls) for name in said))
        if missing:
            known = set[str]().union(*(_called(name, calls) for name in missing | said))
            yield source, [name for name in exercises if name in (missing | said) - known]


def _called(name: str, calls: Mapping[str, Set[str]]) -> set[str]:
    """The exercises that an answer calls, and those that these call."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = calls.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


class _Values:
    """Names of a notebook, and the exercises that their values rest on."""

    def __init__(self, exercises: Sequence[str]) -> None:
        self._behind: dict[str, set[str]] = {name: {name} for name in exercises}
        self._runs_with: set[str] = set()
        self._imported: set[str] = set()

    def of_cell(self, tree: ast.Module) -> tuple[set[str], set[str]]:
        """The exercises that a cell runs with, and those that it says it needs."""
        calls = [node for node in tree.body if _is_needs(node)]
        said = {each.value for node in calls for each in ast.walk(node) if isinstance(each, ast.Constant)}
        self._runs_with = set()
        self._run([node for node in tree.body if node not in calls])
        waits_for = self._runs_with | {str(name) for name in said}
        for name in names_touched_by(tree)[0] - {None}:
            self._behind[str(name)] = self._behind.get(str(name), set()) | waits_for  # a cell left out binds nothing
        return self._runs_with, {str(name) for name in said}

    def _rests_on(self, *nodes: ast.AST | None) -> set[str]:
        names = set[str]().union(*(free_names(node) for node in nodes if node is not None))
        return set[str]().union(*(self._behind.get(name, set()) for name in names))

    def _run(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._behind[node.name] = self._rests_on(node)
                parts = [*node.decorator_list, node.returns, *node.args.defaults, *node.args.kw_defaults]
                parts += [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg)]
                self._runs_with |= self._rests_on(*parts)
            elif isinstance(node, ast.ClassDef):
                self._behind[node.name] = self._rests_on(node)
                self._runs_with |= self._rests_on(*node.decorator_list, *node.bases)
            elif isinstance(node, ast.For | ast.AsyncFor):
                self._bind(node.target, self._reads(node.iter))
                self._run([*node.body, *node.orelse])
            elif isinstance(node, ast.While | ast.If):
                self._reads(node.test)
                self._run([*node.body, *node.orelse])
            elif isinstance(node, ast.With | ast.AsyncWith):
                for item in node.items:
                    self._bind(item.optional_vars, self._reads(item.context_expr))
                self._run(node.body)
            elif isinstance(node, ast.Try):
                self._run([*node.body, *(each for one in node.handlers for each in one.body)])
                self._run([*node.orelse, *node.finalbody])
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._imported |= {(each.asname or each.name).partition(".")[0] for each in node.names}
            else:
                self._plain(node)

    def _plain(self, node: ast.stmt) -> None:
        rests_on = self._reads(node)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, rests_on)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            self._bind(node.target, rests_on)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if isinstance(node.value.func, ast.Attribute):
                self._bind(node.value.func, rests_on)  # losses.append(...) changes losses

    def _reads(self, node: ast.AST) -> set[str]:
        found = self._rests_on(node)
        self._runs_with |= found
        return found

    def _bind(self, target: ast.AST | None, rests_on: set[str]) -> None:
        """A name takes a new value; of what has parts, a part does."""
        if isinstance(target, ast.Name):
            self._behind[target.id] = rests_on
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._bind(each, rests_on)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, rests_on)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            name = target.value
            while isinstance(name, ast.Attribute | ast.Subscript):
                name = name.value
            if isinstance(name, ast.Name) and name.id not in self._imported:  # a call changes no module
                self._behind[name.id] = self._behind.get(name.id, set()) | rests_on


def _is_needs(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == CALL


def free_names(node: ast.AST) -> set[str]:
    """The names that some code reads and does not bind itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    found = set[str]().union(*(free_names(child) for child in ast.iter_child_nodes(node)))
    if isinstance(node, _COMPREHENSIONS):
        return found - {name for each in node.generators for name in _stored(each.target)}
    if isinstance(node, _FUNCTIONS):
        return found - _stored(node) - {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    return found


def _stored(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
