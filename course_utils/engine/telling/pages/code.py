"""A student's code on a page: numbered, coloured, harmless to the eye; huge lines and files are cut, with a note."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # pygments ships no types
from pygments.token import Comment, Keyword, Name, Number, String  # type: ignore[import-untyped]

from ...harmless import tame
from .text import BREAKS

MAX_LINE = 300  # characters of a code line shown
MAX_LINES = 400  # lines of an exercise shown
MAX_COLOURED = 20_000  # characters of code up to which it is coloured
_LINE_IN_MESSAGE = re.compile(r"\blines? (\d{1,6})|第\s*(\d{1,6})\s*行")
_SHOWN_CONTROL = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")


@lru_cache(maxsize=256)  # a page has thousands of tokens of a few dozen kinds
def _css(kind: Any) -> str:
    """The css class of a kind of token, "" for a plain one."""
    if kind in Comment:
        return "c"
    if kind in String:
        return "s"
    if kind in Keyword:
        return "k"
    if kind in Number:
        return "m"
    return "f" if kind in Name.Function or kind in Name.Class else ""


def _colours(program: str) -> Iterator[tuple[str, str]]:
    """(css class or "", text) for each token of a program."""
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(program):
        yield _css(kind), text


def _coloured(text: str, css: str) -> str:
    escaped = _SHOWN_CONTROL.sub(lambda found: f'<span class="control">{found[0]}</span>', str(escape(text)))
    return f'<span class="{css}">{escaped}</span>' if css and escaped else escaped


def code_lines(source: str, marked: Iterable[int], t: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Numbered lines of a student's cell as HTML, and a note on what was cut ("" if nothing).

    marked: numbers of the lines that a message speaks of.
    """
    lines = BREAKS.split(source.rstrip("\n\r"))
    cut = t["more_lines"].format(count=len(lines) - MAX_LINES) if len(lines) > MAX_LINES else ""
    shown = []
    for line in lines[:MAX_LINES]:
        rest = len(line) - MAX_LINE
        note = " " + t["more_characters"].format(count=rest) if rest > 0 else ""
        shown.append(tame(line[:MAX_LINE]) + note)

    program = "\n".join(shown)
    html = [""]
    for css, text in _colours(program) if len(program) <= MAX_COLOURED else [("", program)]:
        first, *others = text.split("\n")
        html[-1] += _coloured(first, css)
        html.extend(_coloured(other, css) for other in others)
    chosen = set(marked)
    return [{"number": i, "html": Markup(line), "marked": i in chosen} for i, line in enumerate(html, start=1)], cut


def lines_named(message: str) -> list[int]:
    """Line numbers that a message speaks of, in either language."""
    return [int(a or b) for a, b in _LINE_IN_MESSAGE.findall(message)]
