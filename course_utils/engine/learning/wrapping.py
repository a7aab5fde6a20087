"""How a notebook runs a cell that begins with `needs("div_term")`: the call holds for all that stands below it.

Notable choices:
- the cell stays plain Python, in every editor and as a script; only the shell of a kernel runs what stands below the
  call inside a `with`, which may leave it out or tell of an exception in a small box;
- this is done to the syntax tree of that cell alone: there is no magic to load, no cell without the call is touched,
  and lines keep their numbers;
- a cell that ends in a box has ended well, so Run All goes on; in grading and in a script the call does nothing.
"""

from __future__ import annotations

import ast
import sys
from typing import Any

CALL = "needs"
_WAITING = "__import__('course_utils.engine.learning.waiting', fromlist=['waiting']).waiting(globals())"
_DISPLAY = "__import__('sys').displayhook"


class NeedsWrapper(ast.NodeTransformer):
    """Puts what stands below a cell's `needs(...)`, and the call itself, inside a `with`."""

    def __init__(self, shell: Any, function: Any) -> None:
        """shell: IPython's; function: what the name `needs` must stand for in it."""
        self._shell, self._function = shell, function

    def visit(self, node: ast.AST) -> ast.AST:
        """The tree of a cell, as IPython asks for it."""
        if not isinstance(node, ast.Module) or self._shell.user_ns.get(CALL) is not self._function:
            return node
        place = next((number for number, part in enumerate(node.body) if _is_call(part)), None)
        if place is None:
            return node
        inside = node.body[place:]
        first, last = inside[0], inside[-1]
        if last is not first and isinstance(last, ast.Expr):  # a notebook shows the value of its last line
            shown = ast.Expr(ast.Call(_expression(_DISPLAY), [last.value], []))
            inside[-1] = ast.fix_missing_locations(ast.copy_location(shown, last))
        wrapped = ast.With([ast.withitem(_expression(_WAITING))], inside)
        node.body[place:] = [ast.fix_missing_locations(ast.copy_location(wrapped, first))]
        return node


def _expression(source: str) -> ast.expr:
    """An expression without a place of its own; it takes that of what it is put into."""
    found = ast.parse(source, mode="eval").body
    for node in ast.walk(found):
        for place in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, place):
                delattr(node, place)
    return found


def _is_call(node: ast.stmt) -> bool:
    """Whether a statement is a call of `needs`."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == CALL
    )


def prepare_shell(function: Any) -> None:
    """Let the shell of this kernel, where there is one, run cells as `needs` wants; again only replaces the former."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    known = getattr(shell, "ast_transformers", None)
    if known is not None:
        known[:] = [each for each in known if type(each).__name__ != NeedsWrapper.__name__]
        known.append(NeedsWrapper(shell, function))
