"""What a cell says as Python, with what only IPython understands taken out.

Nothing is run here, and whoever reads hostile cells caps them first: Python reads the worst in some seconds.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from ..texts import tree_of

MAX_TRIES = 12  # lines taken out one after the other; after that all that look like magics at once
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

# Cell magics below which the cell is Python as before; below all others it is something else.
_TRANSPARENT = {"time", "timeit", "capture", "prun", "memit", "mprun", "snakeviz", "python", "python3", "debug"}
_CELL_MAGIC = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*%%(\w+)[^\n]*")
_COMMANDS = "pip|pip3|conda|mamba|uv|apt|apt-get|cd|ls|ll|pwd|mkdir|cat|rm|cp|mv|wget|curl|git|nvidia-smi|clear|history"
_MAGIC_LINE = re.compile(
    rf"""^(?P<indent>[ \t]*)(?:
      (?P<kept>[\w.,() \t]+=[ \t]*)[!%].*     # files = !ls
    | [!%?].*
    | [^#'"]*\?{{1,2}}[ \t]*                     # torch.exp?
    | (?:{_COMMANDS})(?:[ \t]+[^=(\n].*)?      # without its percent sign
    )$""",
    re.VERBOSE,
)


# A line of code in a cell that is no Python as a whole; a sentence may begin with a keyword, and with a formula.
_CODE_LINE = re.compile(
    r"""^[ \t]*(?:
      (?:def|class)[ ]\w+.*: | (?:if|while|with|elif|except)\b.*:[ \t]* | (?:else|try):.* | for[ ].+[ ]in[ ].+:.*
    | import[ ][\w., ]+ | from[ ][\w.]+[ ]import[ ].* | return\b.* | @\w.*
    | [\w.\[\], ]+[-+*/]?=[^=].* | [\w.]+\(.*\)[ \t]* | [!%].*
    )$""",
    re.VERBOSE | re.MULTILINE,
)


def as_python(source: str) -> str:
    """The source of a cell without magics, shell commands and questions, each line at its place.

    Empty for a cell that is not Python; as it is where something else than those is wrong with it.
    """
    return _as_python(source)[0]


@lru_cache(maxsize=4096)
def _as_python(source: str) -> tuple[str, ast.Module | None]:
    text = source
    if magic := _CELL_MAGIC.match(text):
        if magic[1] not in _TRANSPARENT:
            return "", None
        start = text.index("%%")
        text = text[:start] + text[magic.end() :]
    lines = text.split("\n")
    for attempt in range(MAX_TRIES + 2):
        try:
            return "\n".join(lines), tree_of("\n".join(lines))
        except SyntaxError as error:
            number = (error.lineno or 0) - 1
            if attempt == MAX_TRIES:
                lines = [_without_magic(line) for line in lines]
            elif not (0 <= number < len(lines)) or (changed := _without_magic(lines[number])) == lines[number]:
                break
            else:
                lines[number] = changed
        except UNREADABLE:
            break
    return source, None


def _without_magic(line: str) -> str:
    if (found := _MAGIC_LINE.match(line)) is None:
        return line
    return f"{found['indent']}{found['kept']}None" if found["kept"] else f"{found['indent']}pass"


def tree_of_cell(source: str) -> ast.Module | None:
    """The syntax tree of a cell without its magics, not to be changed; None for what is no Python."""
    return _as_python(source)[1]


@lru_cache(maxsize=4096)
def defined(source: str) -> frozenset[str]:
    """The names that a cell binds at its top level; none where it is no Python."""
    tree = tree_of_cell(source)
    names: set[str] = set()
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {
                item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            }
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def definitions(source: str) -> list[str]:
    """The imports, functions, classes and constants of a cell, one statement each, without what the cell does."""
    tree = tree_of_cell(source)
    try:
        return [ast.unparse(node) for node in (tree.body if tree else ()) if _is_definition(node)]
    except UNREADABLE:
        return []


_CHEAP_ROOTS = {"math", "np", "numpy", "torch", "float", "int", "str", "bool", "tuple", "list", "dict", "set", "range"}
_HEAVY = {"load", "rand", "randn", "randint", "from_pretrained", "empty", "ones", "zeros", "full", "arange", "compile"}


def _is_definition(node: ast.stmt) -> bool:
    """Whether a statement only gives names to things, and takes no time."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Pass):
        return not isinstance(node, ast.Pass)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name | ast.Tuple | ast.Attribute) for target in node.targets) and (
            _is_plain(node.value)
        )
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and isinstance(node.target, ast.Name) and _is_plain(node.value)
    if isinstance(node, ast.Try):
        parts = [*node.body, *node.orelse, *node.finalbody, *(item for each in node.handlers for item in each.body)]
        kept = [each for each in parts if not isinstance(each, ast.Pass)]
        return bool(kept) and all(map(_is_definition, kept))
    return False


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression is a constant, another name for something, or a quick sum of such."""
    if isinstance(node, ast.Constant | ast.Name | ast.Lambda):
        return True
    if isinstance(node, ast.Attribute):
        return _is_plain(node.value)
    if isinstance(node, ast.UnaryOp):
        return _is_plain(node.operand)
    if isinstance(node, ast.BinOp):
        quick = not isinstance(node.op, ast.Pow | ast.LShift | ast.Mult) or _is_number(node.left, node.right)
        return quick and _is_plain(node.left) and _is_plain(node.right)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(_is_plain, node.elts))
    if isinstance(node, ast.Dict):
        return all(key is not None and _is_plain(key) for key in node.keys) and all(map(_is_plain, node.values))
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        cheap = name.partition(".")[0] in _CHEAP_ROOTS and name.rpartition(".")[2] not in _HEAVY
        return cheap and all(map(_is_plain, [*node.args, *(word.value for word in node.keywords)]))
    return False


def _is_number(*nodes: ast.expr) -> bool:
    """Whether all are numbers of an ordinary size: a power of large ones never ends."""
    for node in nodes:
        inner = node.operand if isinstance(node, ast.UnaryOp) else node
        if not (isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and abs(inner.value) < 1e4):
            return False
    return True


def is_prose(source: str) -> bool:
    """Whether a code cell holds words for a reader: comments, a string, Markdown, or what no Python is."""
    if source.lstrip().startswith("%md"):  # of Databricks
        return True
    if magic := _CELL_MAGIC.match(source):
        return magic[1] in ("markdown", "html", "latex")
    tree = tree_of_cell(source)
    if tree is None:
        return not _CODE_LINE.search(source)
    if not tree.body:
        return bool(source.strip())
    if source.isascii() and source.strip().isidentifier():
        return False  # a look at a value
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name) for node in tree.body)
