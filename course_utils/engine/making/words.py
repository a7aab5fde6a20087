"""The words in a cell of code: what of it speaks to a learner, and the same cell with them in another language.

Words are docstrings, comments and what the cell prints. They stand in the course's first language in the code; a raw
cell right behind it, in `lesson.py`, holds them in another one. Each text there begins with the first line of what it
translates, and the translation stands below it, indented:

    # %% exercise="row_lengths"

    # %% [raw] lang="zh" of="0b5e1f3a"
    # The length of each row: the root of the sum of its squares.
    #     每一行的长度：各数平方和的平方根。
    #
    #     x：(rows, columns)
    # TODO: square, add up along a row, take the root
    #     TODO：平方，沿行相加，再开方

Notable choices:
- nothing but words can change: the code of both cells is compared, and only words may differ;
- a comment of shapes alone, as in `# (batch, seq)`, speaks no language and needs no translation;
- any other text in the code may be translated too where the raw cell names it, such as the name of a printed row.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .units import BEGIN, END, STUB

INDENT = "    "
_LITERAL = re.compile(r"(?P<prefix>[a-zA-Z]*)(?P<quote>\"\"\"|'''|\"|')(?P<body>.*)(?P=quote)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_CODE = re.compile(r"`[^`]*`|\([^()]*,[^()]*\)|\b\w+(?=\()|\b\w*[_\d]\w*\b")  # names, and shapes such as (batch, seq)
_MAGIC = re.compile(r"^([ \t]*)([%!].*)$", re.MULTILINE)
_SPEAKS = re.compile(r"[^\W\d_]{2,}")


class WordsError(ValueError):
    """A translation of a cell's words that does not fit the cell; the message says which text."""


@dataclass(frozen=True)
class Word:
    """A text of a cell that speaks to a learner."""

    kind: str  # "docstring", "comment" or "literal"
    text: str  # without quotes, hashes and indentation
    start: int  # where it stands in the cell's source, with quotes or hashes
    end: int
    wanted: bool  # whether each language needs it

    @property
    def key(self) -> str:
        """Its first line, by which a translation names it."""
        return self.text.strip().split("\n")[0].strip()


def words_of(source: str) -> list[Word]:
    """The texts of a cell that may be translated, in order; those between nbgrader's markers are no learner's.

    A cell that is no Python, as under %%bash, has none.
    """
    if source.lstrip().startswith("%%"):
        return []
    source = _without_magics(source)
    places = _Places(source)
    try:
        found = [*_literals(source, places), *_comments(source, places)]
    except SyntaxError:
        return []
    hidden = list(_solutions(source))
    return sorted(
        (word for word in found if not any(start <= word.start < end for start, end in hidden)),
        key=lambda word: word.start,
    )


def wanted(source: str) -> str:
    """All texts of a cell that each language needs, as one text to take a fingerprint of."""
    return "\n".join(word.text for word in words_of(source) if word.wanted)


def read_words(raw: str) -> dict[str, str]:
    """The translations that a raw cell holds, by the first lines of what they translate. Raises WordsError."""
    found: dict[str, list[str]] = {}
    key = ""
    for line in raw.split("\n"):
        if line.strip() and not line.startswith(" "):
            key = line.strip()
            if key in found:
                raise WordsError(f"{key!r} is translated twice")
            found[key] = []
        elif key:
            found[key].append(line.removeprefix(INDENT).rstrip())
        elif line.strip():
            raise WordsError(f"{line.strip()!r} stands below no text; what it translates comes first, not indented")
    for key, lines in found.items():
        if not any(lines):
            raise WordsError(f"no translation stands below {key!r}; it stands on lines indented by four spaces")
    return {key: "\n".join(lines).strip("\n") for key, lines in found.items()}


def translated(source: str, translations: Mapping[str, str]) -> str:
    """A cell with its words in another language. Raises WordsError for a text that is lacking, odd or in pieces."""
    words = words_of(source)
    known = {word.key for word in words}
    if odd := [key for key in translations if key not in known]:
        raise WordsError(f"{odd[0]!r} is no text of the cell; each begins with the first line of what it translates")
    if lacking := [word.key for word in words if word.wanted and word.key not in translations]:
        raise WordsError(f"no translation of {lacking[0]!r}")
    if twice := [word.key for word in words if len({other.text for other in words if other.key == word.key}) > 1]:
        raise WordsError(f"two texts of the cell begin with {twice[0]!r}; give one of them another beginning")
    if not translations:
        return source
    text = source
    for word in reversed(words):
        if word.key in translations:
            text = text[: word.start] + _written(word, source, translations[word.key]) + text[word.end :]
    try:
        same = code_of(text, set(translations.values())) == code_of(source, set(translations))
    except SyntaxError as error:
        raise WordsError(f"with its translations the cell is no Python: {error.msg}") from None
    if not same:
        raise WordsError("a translation changes the code: what stands in braces must be the same in both languages")
    return text


def code_of(source: str, marked: set[str]) -> str:
    """What a cell says to Python: its tree without docstrings, and of marked texts what they hold in braces alone."""
    source = _without_magics(source)
    tree = ast.parse(source)
    keys = {text.strip().split("\n")[0].strip() for text in marked}
    docstrings = set(map(id, _docstrings(tree)))
    bodies = {id(node): _body(source, node) for node in ast.walk(tree) if _is_text(node)}

    def said(node: object) -> str:
        if isinstance(node, ast.AST):
            if id(node) in docstrings:
                return "docstring"
            if _is_text(node) and (bodies.get(id(node)) or "").strip().split("\n")[0].strip() in keys:
                inside = node.values if isinstance(node, ast.JoinedStr) else []
                held = [
                    said(part) for part in inside if isinstance(part, ast.FormattedValue) and not _is_word(part.value)
                ]
                return f"text({', '.join(sorted(held))})"
            fields = [f"{name}={said(value)}" for name, value in ast.iter_fields(node) if value is not None]
            return f"{type(node).__name__}({', '.join(fields)})"
        return f"[{', '.join(map(said, node))}]" if isinstance(node, list) else repr(node)

    return said(tree)


def _without_magics(source: str) -> str:
    """A source of the same length in which lines of IPython's own, as %time or !ls, are Python that says nothing."""
    return _MAGIC.sub(lambda found: found[1] + "0".ljust(len(found[2])), source)


# where they stand ---------------------------------------------------------------------------------------------------


class _Places:
    """Offsets into a source by line and column: Python's syntax trees count columns in bytes."""

    def __init__(self, source: str) -> None:
        self.lines = source.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def of(self, line: int, column: int) -> int:
        """The offset of a character."""
        return self.starts[line - 1] + column

    def of_byte(self, line: int, column: int) -> int:
        """The offset of a character whose column is counted in bytes."""
        return self.of(line, len(self.lines[line - 1].encode()[:column].decode()))


def _comments(source: str, places: _Places) -> Iterator[Word]:
    """Comments; lines of comment one below the other are one."""
    block: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        alone = not token.line[: token.start[1]].strip()
        below = block and alone and block[-1].start == (token.start[0] - 1, token.start[1])
        if below and not block[-1].line[: token.start[1]].strip() and not _is_mark(token.string):
            block.append(token)
            continue
        yield from _comment(block, places)
        block = [] if _is_mark(token.string) else [token]
    yield from _comment(block, places)


def _comment(block: list[tokenize.TokenInfo], places: _Places) -> Iterator[Word]:
    if block:
        text = "\n".join(token.string.lstrip("#").strip() for token in block)
        yield Word("comment", text, places.of(*block[0].start), places.of(*block[-1].end), _speaks(_CODE.sub("", text)))


def _is_mark(comment: str) -> bool:
    """Whether a comment is one of nbgrader's, which speaks to programs too."""
    return comment.strip() in (BEGIN, END, STUB)


def _literals(source: str, places: _Places) -> Iterator[Word]:
    """Docstrings, what is printed, and any other text in the code."""
    tree = ast.parse(source)
    docstrings = {id(node): inspect.cleandoc(str(node.value)) for node in _docstrings(tree)}
    keys = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Subscript) for part in _texts(node.slice, True)}
    printed = {id(part) for node in ast.walk(tree) if _is_print(node) for part in _texts(node)} - keys
    for node in _texts(tree):
        start = places.of_byte(node.lineno, node.col_offset)
        end = places.of_byte(node.end_lineno or node.lineno, node.end_col_offset or 0)
        if id(node) in docstrings:
            yield Word("docstring", docstrings[id(node)], start, end, _speaks(docstrings[id(node)]))
        elif (body := _body(source, node)) is not None:
            speaks = id(node) in printed and _speaks(_PLACEHOLDER.sub("", body.replace("\\n", " ")))
            if body.strip():
                yield Word("literal", body.strip(), start, end, speaks)
        elif id(node) in printed:
            raise WordsError(f"line {node.lineno} prints a text in pieces; write it as one")


def _texts(tree: ast.AST, itself: bool = False) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts in a piece of code, those within the braces of another one left out; itself: it may be one."""
    for node in [tree] if itself else ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            yield node
        else:
            yield from _texts(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_word(value: ast.expr) -> bool:
    """Whether what stands in braces is words again, as in {'your layer':>12}."""
    if isinstance(value, ast.IfExp):
        return _is_word(value.body) and _is_word(value.orelse)
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def _body(source: str, node: ast.AST) -> str | None:
    """What stands between the quotes of a text; None for one in pieces."""
    literal = _LITERAL.fullmatch(ast.get_source_segment(source, node) or "")
    if literal is None:
        return None
    quote, body = literal["quote"], literal["body"]
    return None if re.search(rf"(?<!\\){re.escape(quote)}", body) else body


def _docstrings(tree: ast.AST) -> list[ast.Constant]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    firsts = [node.body[0] for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    values = [first.value for first in firsts if isinstance(first, ast.Expr)]
    return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def _solutions(source: str) -> Iterator[tuple[int, int]]:
    """From where to where the answers reach."""
    for found in re.finditer(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", source, re.DOTALL):
        yield found.span()


def _speaks(text: str) -> bool:
    """Whether a text holds a word of a language, and not only names, numbers and signs."""
    return bool(_SPEAKS.search(text))


# as they are written ------------------------------------------------------------------------------------------------


def _written(word: Word, source: str, text: str) -> str:
    """A translation in the place of a text, with the quotes, the hashes and the indentation that it had."""
    before = source[source.rfind("\n", 0, word.start) + 1 : word.start]
    indent = before[: len(before) - len(before.lstrip())]
    if word.kind == "comment":
        return f"\n{indent}".join(f"# {line}".rstrip() for line in text.split("\n"))
    literal = _LITERAL.fullmatch(source[word.start : word.end])
    if literal is None:
        raise WordsError(f"{word.key!r} is written in pieces; write it as one text")
    prefix, quote, body = literal["prefix"], literal["quote"], literal["body"]
    if word.kind == "literal":
        return f"{prefix}{quote}{body.replace(body.strip(), text)}{quote}"
    lines = [f"{indent}{line}".rstrip() for line in text.split("\n")]
    return f"{prefix}{quote}" + "\n".join(lines).lstrip() + (f"\n{indent}" if len(lines) > 1 else "") + quote
