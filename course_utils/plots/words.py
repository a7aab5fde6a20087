"""A text whose words are coloured by their weights: safe HTML in a notebook, plain text in a terminal.

Notable choices:
- every piece of text is escaped, and nothing of it can become markup: no script, no style sheet, nothing fetched
- the colours are viridis, as in all figures of amounts; black or white letters, whichever can be read on them
- the weight stands beside each word in plain text, and on the word as its title, so that nothing rests on colour alone
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from numpy.typing import ArrayLike

from course_utils.plots.attention import check_rows

BRIGHT = 0.45  # relative luminance from which black letters read better than white ones
WORD_STYLE = "padding:1px 4px;margin:1px;border-radius:3px;display:inline-block"
MARKED = "border:1px dashed #D55E00;font-style:italic"


@dataclass(frozen=True)
class ColouredText:
    """Words with weights. A notebook shows it in colours; `print` gives the weights as numbers."""

    words: tuple[str, ...]
    weights: tuple[float, ...]  # sum to 1
    caption: str  # which corpus, encoder, layer and head
    special: tuple[str, ...] = ("[CLS]", "[SEP]")

    def _repr_html_(self) -> str:
        largest = max(self.weights, default=0.0) or 1.0
        pieces = [self._word(word, weight, largest) for word, weight in zip(self.words, self.weights, strict=True)]
        caption = html.escape(self.caption)
        scale = f"dark: 0, bright: {largest:.2f}; dashed: special tokens"
        return (
            f'<div style="line-height:2;max-width:60em"><div><em>{caption}</em> ({scale})</div>'
            f"<div>{' '.join(pieces)}</div></div>"
        )

    def _word(self, word: str, weight: float, largest: float) -> str:
        red, green, blue = colour(weight / largest)
        letters = "#000000" if luminance(red, green, blue) > BRIGHT else "#ffffff"
        style = f"{WORD_STYLE};background-color:#{red:02x}{green:02x}{blue:02x};color:{letters}"
        if word in self.special:
            style += f";{MARKED}"
        return f'<span style="{style}" title="{weight:.3f}">{html.escape(word)}</span>'

    def __str__(self) -> str:
        pairs = [f"{word} ({weight:.2f})" for word, weight in zip(self.words, self.weights, strict=True)]
        return f"{self.caption}: {' '.join(pairs)}"

    __repr__ = __str__


def coloured_text(
    words: Sequence[str], weights: ArrayLike, *, caption: str, special: Sequence[str] = ("[CLS]", "[SEP]")
) -> ColouredText:
    """The words of one text, each coloured by its share.

    words:   the text's tokens; pieces that begin with ## are joined to the word before them, with their shares
    weights: (words,), 0 or more, sum to 1
    caption: which corpus, encoder, layer and head the weights belong to
    Raises ValueError for weights that are no shares, or not one for each word.
    """
    shares = check_rows(weights)
    if shares.shape != (len(words),):
        raise ValueError(f"weights must be one for each of {len(words)} words, got {shares.shape}. Is padding cut off?")
    joined: list[str] = []
    sums: list[float] = []
    for word, share in zip(words, shares.tolist(), strict=True):
        if word.startswith("##") and joined:
            joined[-1] += word.removeprefix("##")
            sums[-1] += share
        else:
            joined.append(word)
            sums.append(share)
    return ColouredText(tuple(joined), tuple(sums), caption, tuple(special))


def colour(share: float) -> tuple[int, int, int]:
    """Red, green and blue, each 0 to 255, of a share from 0 to 1 in viridis."""
    red, green, blue, _ = (round(255 * part) for part in colormaps["viridis"](share))
    return red, green, blue


def luminance(red: int, green: int, blue: int) -> float:
    """How bright a colour looks, from 0 to 1."""
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
