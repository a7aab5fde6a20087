"""Chinese text as it is set: lines that are broken in a source join without a gap.

Markdown shows the end of a line inside a paragraph as a space. Between English words that is right; between Chinese
characters it is a hole. Sources stay short-lined and readable, and what is built from them has no holes.
"""

from __future__ import annotations

import re
from typing import Any

LANGUAGE = "zh"

HAN = "\u3400-\u9fff\uf900-\ufaff"
MARKS = "\u3001-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65“”‘’…—"  # full-width ones
_EDGE = re.compile(rf"[{HAN}{MARKS}]")
_MARK = re.compile(rf"[{MARKS}]")
_GAP = re.compile(rf"(?<=[{HAN}{MARKS}]) +(?=[{HAN}{MARKS}])")
# a line that begins something new, so that the line before it does not run on into it
_BEGINS = re.compile(r"\s*(?:$|#{1,6} |[-*+] |\d+[.)] |\||>|```|~~~|\$\$|<|    )")
_STANDS_ALONE = re.compile(r"\s*(?:$|#{1,6} |\||```|~~~|<)|.*(?:  |\\|\$\$)$")  # a line that nothing runs on from
_FENCE = re.compile(r"\s*(```|~~~)")


def typeset(markdown: str, language: str | None) -> str:
    """A text of Markdown as it is built: in Chinese, lines join without a gap; other languages need nothing."""
    return close_up(markdown) if language == LANGUAGE else markdown


def close_gaps_of(texts: Any) -> Any:
    """What a file of YAML holds, with no gaps in all that stands under the key of the language."""
    if isinstance(texts, dict):
        return {
            key: close_gaps(value) if key == LANGUAGE and isinstance(value, str) else close_gaps_of(value)
            for key, value in texts.items()
        }
    return [close_gaps_of(each) for each in texts] if isinstance(texts, list) else texts


def close_up(markdown: str) -> str:
    """A text of Markdown, in which a line of a paragraph that is broken between Chinese joins the next without a gap.

    Headings, tables, code, formulas on lines of their own and forced breaks stay as they are; so does all else that is
    not Chinese.
    """
    joined: list[str] = []
    inside = False  # a block of code, fenced
    for line in markdown.split("\n"):
        if joined and not inside and _runs_on(joined[-1], line):
            joined[-1] += line.lstrip()
        else:
            joined.append(line)
        if _FENCE.match(line):
            inside = not inside
    return "\n".join(joined)


def close_gaps(text: str) -> str:
    """A text that is close_up, and has no space between Chinese on one line either: YAML makes one of a line's end."""
    return _GAP.sub("", close_up(text))


def _runs_on(line: str, following: str) -> bool:
    """Whether a line goes on with the following one, and no space belongs between the two."""
    if _STANDS_ALONE.match(line) or _BEGINS.match(following):
        return False
    left, right = line.rstrip("*"), following.lstrip().lstrip("*")
    if not left or not right:
        return False
    # `**...。**后` is not bold to CommonMark: a closing mark behind punctuation needs a space or another mark behind it
    starred = (left[-1] if left != line else "", right[0] if right != following.lstrip() else "")
    if any(map(_MARK.match, starred)):
        return False
    both = bool(_EDGE.match(left[-1]) and _EDGE.match(right[0]))
    return both or bool(_MARK.match(left[-1]) or _MARK.match(right[0]))
