"""How panels look: text in the reader's own theme, light or dark, and on paper. No script, nothing from a network.

A colour is mixed from the text colour around it, so it is dark on a light page and light on a dark one. JupyterLab
names that colour; elsewhere it is the one that the page has. Measured against the themes of JupyterLab, VS Code and
Colab, light and dark, every mix has a contrast of 4.5 and more (a test computes them).
"""

from __future__ import annotations

import html

TEXT = "var(--jp-content-font-color1, currentColor)"
SHARE = 45  # per cent of the text colour in a coloured text
GREEN_OF, RED_OF, GREY_OF = "#0a9d4c", "#e5342b", "#808080"
GREEN, RED, GREY = (
    f"color-mix(in srgb, {TEXT} {share}%, {hue})" for share, hue in ((SHARE, GREEN_OF), (SHARE, RED_OF), (75, GREY_OF))
)
PALE, STRONG = 12, 38  # per cent of red behind the cells that differ least and most; text on it keeps its contrast
# On paper there is no dark page: what the mixes start from is black there, and backgrounds are printed.
PRINT = (
    "<style>@media print{.course-panel{--jp-content-font-color1:#000;color:#000!important;background:#fff;"
    "break-inside:avoid;-webkit-print-color-adjust:exact;print-color-adjust:exact}}</style>"
)
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:.92em"


def panel(colour: str, body: str) -> str:
    """A box with a border in a colour; body: HTML."""
    return (
        f'{PRINT}<div class="course-panel" style="border:1px solid {colour};border-radius:6px;padding:.5em .9em;'
        f'max-width:46em;line-height:1.5;color:{TEXT}">{body}</div>'
    )


def coloured(colour: str, text: str, element: str = "span", style: str = "") -> str:
    """An element with a text, which is escaped, in a colour."""
    return f'<{element} style="color:{colour}{";" + style if style else ""}">{html.escape(text)}</{element}>'


def heat(share: float) -> str:
    """The style of a cell that differs; share: of the largest difference, 0 to 1."""
    return f"background:color-mix(in srgb, {RED_OF} {PALE + (STRONG - PALE) * share:.0f}%, transparent)"
