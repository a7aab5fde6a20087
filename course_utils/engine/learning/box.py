"""A small box in a notebook, one sentence or a few lines of text in a terminal; it takes the colours of the theme."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

_CODE = re.compile(r"`([^`]+)`")
# Colours of the theme: text in the page's own, the bar in one that stands out from white and from black.
STYLE = "border-left:4px solid #8a8f98;padding:.3em .8em;max-width:46em;line-height:1.5;color:inherit"


@dataclass(frozen=True)
class Box:
    """Lines of text with names and code between backticks."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        lines = [_CODE.sub(r"<code>\1</code>", html.escape(line, quote=False)) for line in self.text.split("\n")]
        return f'<div style="{STYLE}">{"<br>".join(lines)}</div>'


def show(value: Any) -> None:
    """Show a value below the cell that runs, or print it where no cell does."""
    from IPython.display import display

    display(value)  # type: ignore[no-untyped-call]
