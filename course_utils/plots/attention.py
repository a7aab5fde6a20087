"""What looks at what: attention maps, grids of heads, shares of tokens."""

from collections.abc import Sequence
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

from course_utils.plots.axes import OKABE_ITO, new_axes


def attention_map(
    weights: ArrayLike,
    *,
    names: Sequence[str],
    title: str,
    mask: ArrayLike | None = None,
    write_values: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with one head's attention weights: a row for each query, a column for each key, padding in grey.

    weights: (seq, seq), each row sums to 1
    names:   a name for each token
    mask:    (seq,), 1 = token, 0 = padding; None greys nothing. A hidden key that gets weight keeps its colour
    """
    shares = np.asarray(weights, dtype=float)
    axes = ax if ax is not None else new_axes(5.0, 4.2)
    seen = np.ones(len(names), dtype=bool) if mask is None else np.asarray(mask) != 0
    real = seen[:, None] & (seen[None, :] | (shares > 1e-6))
    image = axes.imshow(np.where(real, shares, np.nan), cmap="viridis", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_facecolor("#bdbdbd")  # shows where the image is empty
    axes.figure.colorbar(image, ax=axes, label="weight", shrink=0.8)
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(len(names)), names)
    if write_values is not None:
        for row, column in np.argwhere(real):
            value = shares[row, column]
            colour = "white" if value < 0.6 else "black"
            axes.text(column, row, format(value, write_values), ha="center", va="center", color=colour)
    axes.set(title=title, xlabel="key: looked at", ylabel="query: looks")
    return axes


# Vermilion, the colour by which special tokens are told from words; padding is grey.
SPECIAL_COLOUR, PADDING_COLOUR = OKABE_ITO[1], "#bdbdbd"
ROW_TOLERANCE = 1e-3  # of float16 rows of a few hundred weights


def check_rows(weights: ArrayLike, mask: ArrayLike | None = None) -> NDArray[np.float64]:
    """The weights as an array of float64, once it is sure that they are shares.

    weights: (..., seq, seq) or (..., seq); what lies along the last axis has to sum to 1 and be 0 or more
    mask:    (seq,), 1 = token, 0 = padding; the rows of padded queries may hold anything; None looks at all
    Raises ValueError for weights that are no shares: a figure of them would mislead.
    """
    shares = np.asarray(weights, dtype=float)
    rows = shares if mask is None or shares.ndim < 2 else shares[..., np.asarray(mask) != 0, :]
    sums = rows.sum(axis=-1)
    if rows.size and not (rows.min() >= -ROW_TOLERANCE and np.allclose(sums, 1.0, atol=ROW_TOLERANCE)):
        raise ValueError(
            f"attention weights of a query must be 0 or more and sum to 1, got a smallest weight of {rows.min():.3g} "
            f"and sums from {sums.min():.3g} to {sums.max():.3g}. Are these scores, or did padding take a share?"
        )
    return shares


def attention_grid(
    weights: ArrayLike,
    *,
    names: Sequence[str],
    title: str,
    mask: ArrayLike | None = None,
    special: Sequence[str] = ("[CLS]", "[SEP]"),
    panel: float = 1.5,
) -> list[Axes]:
    """The Axes of all heads of all layers, row by row: a row of panels for each layer, a column for each head.

    Padding is grey, special tokens are named in another colour, and all panels share one scale from 0 to 1.

    weights: (layers, heads, seq, seq), rows sum to 1
    names:   a name for each token
    mask:    (seq,), 1 = token, 0 = padding; None greys nothing
    panel:   width of a panel in inches
    Raises ValueError for weights whose rows do not sum to 1.
    """
    shares = check_rows(weights, mask)
    layers, heads, seq, _ = shares.shape
    seen = np.ones(seq, dtype=bool) if mask is None else np.asarray(mask) != 0
    real = seen[:, None] & (seen[None, :] | (shares > 1e-6))
    size = (panel * heads + 2.2, panel * layers + 1.3)
    figure, grid = plt.subplots(layers, heads, figsize=size, layout="constrained", squeeze=False)
    for layer, head in np.ndindex(layers, heads):
        axes = cast(Axes, grid[layer, head])
        picture = np.where(real[layer, head], shares[layer, head], np.nan)
        image = axes.imshow(picture, cmap="viridis", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="equal")
        axes.set_facecolor(PADDING_COLOUR)
        axes.set(xticks=[], yticks=[])
        if layer == 0:
            axes.set_title(f"head {head}", fontsize=9)
        if head == 0:
            axes.set_ylabel(f"layer {layer + 1}", fontsize=9)
            axes.set_yticks(range(seq), names, fontsize=min(8.0, 62 * panel / seq))
            mark_tokens(axes.get_yticklabels(), names, seen, special)
        if layer == layers - 1:
            axes.set_xticks(range(seq), names, fontsize=min(8.0, 62 * panel / seq), rotation=90)
            mark_tokens(axes.get_xticklabels(), names, seen, special)
    figure.colorbar(image, ax=grid, label="weight", shrink=0.6)
    figure.supxlabel("key: looked at", fontsize=10)
    figure.supylabel("query: looks", fontsize=10)
    figure.suptitle(title)
    return list(grid.flat)


def mark_tokens(labels: Sequence[Text], names: Sequence[str], seen: ArrayLike, special: Sequence[str]) -> None:
    """Nothing; the labels of special tokens get a colour of their own, those of padding become grey."""
    for label, name, is_token in zip(labels, names, np.asarray(seen), strict=True):
        if not is_token:
            label.set_color("#8a8a8a")
        elif name in special:
            label.set_color(SPECIAL_COLOUR)
            label.set_fontweight("bold")


def token_bars(
    weights: ArrayLike,
    *,
    names: Sequence[str],
    title: str,
    value_label: str = "weight",
    special: Sequence[str] = ("[CLS]", "[SEP]"),
    ax: Axes | None = None,
) -> Axes:
    """The Axes with the share of each token of one text, special tokens in another colour.

    weights: (seq,), sum to 1
    Raises ValueError for weights that do not sum to 1.
    """
    shares = check_rows(weights)
    axes = ax if ax is not None else new_axes(max(6.0, 0.4 * len(names)), 3.2)
    colours = [SPECIAL_COLOUR if name in special else OKABE_ITO[0] for name in names]
    axes.bar(range(len(names)), shares, color=colours)
    axes.axhline(1 / len(names), color="black", linestyle=":", linewidth=1, label="equal shares")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    mark_tokens(axes.get_xticklabels(), names, np.ones(len(names)), special)
    axes.set(title=title, xlabel="token", ylabel=value_label)
    axes.legend()
    return axes
