"""The library call that does an exercise's work, found in the syntax tree and not by its letters.

Which calls do an exercise's work is data of the unit: `[library_calls]` in its unit.toml. Looked for is any mention of
them in what an exercise's answer consists of: its own definition, and whatever else of the student's it builds on.

Notable choices:
- a name is followed to what it stands for: imports under any name, assignments, `getattr` and `import_module` with a
  constant text, `vars(F)[…]`, a star import, a text handed to `eval`; also where these stand inside a function;
- a mention is enough, since `f = F.softmax` is called elsewhere; what only says a type (an annotation) is none;
- a library's own other paths to a call (`torch.nn.modules.activation.MultiheadAttention`) count as the listed one: the
  package and the last name are compared;
- other exercises that an answer calls are looked at by themselves.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...grading.intake import CodeCell
from ...reading.python import UNREADABLE, tree_of_cell

ROUNDS = 4  # an alias of an alias of an alias
MAX_PATHS = 16  # that one name may stand for
MAX_DEPTH = 60  # of one expression that is followed
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Paths = frozenset[str]
_NOTHING: Paths = frozenset()


@dataclass(frozen=True)
class Mention:
    """A place where a listed call is named."""

    exercise: str
    call: str  # as unit.toml lists it
    cell: int  # its place among the cells
    line: int  # in that cell, from 1
    text: str  # of the line


@dataclass
class _Scope:
    """What names stand for."""

    paths: dict[str, Paths] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # names of constant texts
    stars: tuple[str, ...] = ()  # modules of which everything was imported
    own: frozenset[str] = frozenset()  # names that a student defines, which no such import means

    def inner(self) -> _Scope:
        return _Scope(dict(self.paths), dict(self.texts), self.stars, self.own)

    def learn(self, nodes: Sequence[ast.AST]) -> None:
        """Take in what statements bind, wherever in the nodes they stand; an alias may be bound behind its use."""
        binding = [node for top in nodes for node in ast.walk(top) if isinstance(node, _BINDING)]
        for _ in range(ROUNDS):
            before = dict(self.paths), dict(self.texts), self.stars
            for node in binding:
                self._bind(node)
            if before == (self.paths, self.texts, self.stars):
                break

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                self._add(alias.asname or path, frozenset({path}))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    self.stars = tuple(dict.fromkeys([*self.stars, node.module]))[:MAX_PATHS]
                else:
                    self._add(alias.asname or alias.name, frozenset({f"{node.module}.{alias.name}"}))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._assign(node.target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._assign(one, other)
        elif isinstance(target, ast.Name):
            self._add(target.id, self.stands_for(value))
            text = self.text(value)
            if text is not None:
                self.texts[target.id] = text

    def _add(self, name: str, paths: Paths) -> None:
        known = self.paths.get(name, _NOTHING)
        if paths and len(known) < MAX_PATHS:
            self.paths[name] = known | paths

    def text(self, node: ast.expr, depth: int = 0) -> str | None:
        """The constant text that an expression is; None for anything else."""
        if depth > MAX_DEPTH:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.texts.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                first, second = self.text(left, depth + 1), self.text(right, depth + 1)
                return None if first is None or second is None else first + second
            case ast.JoinedStr(values=values):
                parts = [self.text(each, depth + 1) for each in values]
                return None if None in parts else "".join(map(str, parts))
            case ast.FormattedValue(value=value):
                return self.text(value, depth + 1)
            case ast.Call(func=ast.Attribute(value=between, attr="join"), args=[ast.List() | ast.Tuple() as of]):
                parts = [self.text(each, depth + 1) for each in [between, *of.elts]]
                return None if None in parts else str(parts[0]).join(map(str, parts[1:]))
        return None

    def stands_for(self, node: ast.expr, depth: int = 0) -> Paths:
        """The dotted paths that an expression may stand for; none where that is not known."""
        if depth > MAX_DEPTH:
            return _NOTHING
        match node:
            case ast.Name(id=name):
                stars = () if name in self.own else self.stars
                return self.paths.get(name) or frozenset(f"{module}.{name}" for module in stars)
            case ast.Attribute(value=value, attr=attr):
                return self._parts_of(value, attr, depth)
            case ast.Call(func=ast.Name(id="getattr"), args=[value, name, *_]):
                return self._parts_of(value, self.text(name), depth)
            case ast.Call(func=ast.Attribute(value=value, attr="__getattribute__" | "__getattr__"), args=[name]):
                return self._parts_of(value, self.text(name), depth)
            case ast.Subscript(value=ast.Attribute(value=value, attr="__dict__"), slice=name):
                return self._parts_of(value, self.text(name), depth)
            case ast.Subscript(value=ast.Call(func=ast.Name(id="vars"), args=[value]), slice=name):
                return self._parts_of(value, self.text(name), depth)
            case (
                ast.Subscript(value=ast.Attribute(attr="modules"), slice=name)
                | ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"), args=[name, *_])
            ):
                text = self.text(name)
                return frozenset({text}) if text else _NOTHING
            case ast.Call(func=ast.Name(id="__import__"), args=[name, *rest], keywords=words):
                text = self.text(name)
                whole = len(rest) > 2 or any(word.arg == "fromlist" for word in words)
                return frozenset({text if whole else text.partition(".")[0]}) if text else _NOTHING
            case ast.Call(func=ast.Call(func=maker, args=[name]), args=[value]) if _last(maker) == "attrgetter":
                return self._parts_of(value, self.text(name), depth)
            case ast.Call(func=ast.Name(id="eval"), args=[code, *_]):
                text = self.text(code)
                tree = _expression(text) if text else None
                return self.stands_for(tree, depth + 1) if tree else _NOTHING
            case ast.IfExp(body=body, orelse=orelse):
                return self.stands_for(body, depth + 1) | self.stands_for(orelse, depth + 1)
            case ast.BoolOp(values=values):
                return _NOTHING.union(*(self.stands_for(each, depth + 1) for each in values))
            case ast.NamedExpr(value=value):
                return self.stands_for(value, depth + 1)
        return _NOTHING

    def _parts_of(self, value: ast.expr, name: str | None, depth: int) -> Paths:
        return frozenset(f"{path}.{name}" for path in self.stands_for(value, depth + 1)) if name else _NOTHING


_BINDING = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except UNREADABLE:
        return None


@dataclass(frozen=True)
class _Part:
    """Something that a name of the student's is made of."""

    cell: int
    node: ast.AST


def library_calls(
    cells: Sequence[CodeCell], listed: Mapping[str, Sequence[str]], exercises: Sequence[str]
) -> list[Mention]:
    """The mentions of listed calls in the answers of a notebook.

    cells: in their order; listed: exercise -> dotted paths; exercises: all of the unit
    """
    trees = {number: tree for number, cell in enumerate(cells) if (tree := tree_of_cell(cell.source))}
    try:
        parts = _parts(cells, trees)
        scope = _Scope(own=frozenset(parts))
        scope.learn(
            [node for tree in trees.values() for node in _top_level(tree) if not isinstance(node, _DEFINITIONS)]
        )
        found = []
        for exercise, calls in listed.items():
            own = _answer(exercise, parts, set(exercises))
            mentions = set(_mentions(exercise, calls, own, scope, cells))
            found += sorted(mentions, key=lambda mention: (mention.cell, mention.line, mention.call))
        return found
    except UNREADABLE:  # a tree that is deeper than Python itself can follow
        return []


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements at the top level, those in an `if`, a `try` or a loop there instead of it."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        inner = [] if isinstance(node, _DEFINITIONS) else list(ast.iter_child_nodes(node))
        nested = [each for each in inner if isinstance(each, ast.stmt | ast.ExceptHandler | ast.match_case)]
        if nested:
            waiting[:0] = nested
        elif isinstance(node, ast.stmt):
            yield node


def _parts(cells: Sequence[CodeCell], trees: Mapping[int, ast.Module]) -> dict[str, list[_Part]]:
    """What each name of the student's is made of: definitions, assignments to it or into it, `setattr` on it."""
    found: dict[str, list[_Part]] = defaultdict(list)
    for number, tree in trees.items():
        if cells[number].kind == "setup":
            continue
        for node in _top_level(tree):
            targets: list[ast.expr] = []
            if isinstance(node, _DEFINITIONS):
                found[node.name].append(_Part(number, node))
            elif isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign | ast.AugAssign):
                targets = [node.target]
            elif (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _last(node.value.func) == "setattr"
            ):
                targets = node.value.args[:1]
            for name in {name for target in targets for name in _roots(target)}:
                found[name].append(_Part(number, node))
    return found


def _roots(target: ast.expr) -> Iterator[str]:
    """The names that an assignment to a target changes."""
    waiting = [target]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Tuple | ast.List):
            waiting += node.elts
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            waiting.append(node.value)
        elif isinstance(node, ast.Name):
            yield node.id


def _answer(exercise: str, parts: Mapping[str, list[_Part]], exercises: set[str]) -> list[_Part]:
    """What an exercise's answer is made of, with what of the student's it builds on, but for other exercises."""
    seen, waiting, own = {exercise}, [exercise], []
    while waiting:
        for part in parts.get(waiting.pop(), ()):
            own.append(part)
            for node in ast.walk(part.node):
                name = node.id if isinstance(node, ast.Name) else ""
                if name and name not in seen and name not in exercises and name in parts:
                    seen.add(name)
                    waiting.append(name)
    return own


def _mentions(
    exercise: str, calls: Sequence[str], own: Sequence[_Part], outer: _Scope, cells: Sequence[CodeCell]
) -> Iterator[Mention]:
    scope = outer.inner()
    scope.learn([part.node for part in own])
    for part in own:
        lines = cells[part.cell].source.split("\n")
        for node in _expressions(part.node):
            for path in scope.stands_for(node):
                for call in calls:
                    if is_the_same(path, call):
                        line = node.lineno
                        yield Mention(exercise, call, part.cell, line, lines[line - 1] if line <= len(lines) else "")


def _expressions(top: ast.AST) -> Iterator[ast.expr]:
    """The expressions below a node that are read, annotations aside."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Attribute | ast.Call | ast.Subscript) or (
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        ):
            yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            waiting += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]


def is_the_same(path: str, call: str) -> bool:
    """Whether a dotted path leads to a listed call, by whichever of its package's ways."""
    parts, listed = path.split("."), call.split(".")
    return path == call or (len(parts) > 1 and parts[0] == listed[0] and listed[-1] in parts[1:])
