"""Figures of the course: arrays in, matplotlib Axes out.

Notable choices:
- every function draws on the Axes it is given, or makes a new figure, and returns the Axes; none calls `plt.show`
- the text of a figure is English in both languages, because code cells are the same in both
- colours are viridis for amounts and Okabe-Ito for categories, which colour-blind readers tell apart;
  lines also differ in dash, so that a grey print can be read
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

# Okabe and Ito 2008, without yellow (too light for lines on white).
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


def new_axes(width: float = 7.0, height: float = 4.0) -> Axes:
    """The Axes of a new figure, width and height in inches."""
    _, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return axes


def panels(count: int, width: float = 10.0, height: float = 4.0, share_y: bool = False) -> list[Axes]:
    """The Axes of count panels side by side in a new figure, width and height in inches."""
    _, axes = plt.subplots(1, count, figsize=(width, height), layout="constrained", sharey=share_y, squeeze=False)
    return list(axes[0])


def heat_map(
    values: ArrayLike,
    *,
    title: str,
    x_label: str,
    y_label: str,
    value_label: str,
    x_names: Sequence[str] | None = None,
    y_names: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    write_values: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a matrix as colours, row 0 on top.

    values:           (rows, columns)
    x_names, y_names: a name for each column or row; None numbers them
    limits:           smallest and largest value of the colour scale; None takes them from the data
    write_values:     a format such as ".2f" writes each number into its cell; None leaves cells plain
    """
    matrix = np.asarray(values, dtype=float)
    axes = ax if ax is not None else new_axes()
    low, high = limits if limits is not None else (None, None)
    image = axes.imshow(matrix, cmap="viridis", aspect="auto", interpolation="nearest", vmin=low, vmax=high)
    axes.figure.colorbar(image, ax=axes, label=value_label)
    if x_names is not None:
        axes.set_xticks(range(len(x_names)), x_names, rotation=45 if max(map(len, x_names)) > 3 else 0)
    if y_names is not None:
        axes.set_yticks(range(len(y_names)), y_names)
    if write_values is not None:
        for row, column in np.ndindex(*matrix.shape):
            value = matrix[row, column]
            text = format(value, write_values)
            if float(text) == 0:
                text = text.lstrip("-")
            dark = np.interp(value, image.get_clim(), (0, 1)) < 0.6
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    return axes


def curves(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_log: bool = False,
    y_log: bool = False,
    marker: str | None = None,
    legend_title: str | None = None,
    overlap: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with one line for each name, all over the same x.

    x:       (points,)
    lines:   name -> (points,)
    overlap: draw earlier lines wider, so that lines which lie on each other can all be seen
    """
    axes = ax if ax is not None else new_axes()
    for number, (name, y) in enumerate(lines.items()):
        axes.plot(
            np.asarray(x, dtype=float),
            np.asarray(y, dtype=float),
            color=OKABE_ITO[number % len(OKABE_ITO)],
            linestyle=DASHES[number % len(DASHES)],
            marker=marker,
            markersize=4,
            linewidth=1.5 + 2.5 * (len(lines) - 1 - number) * overlap,
            label=name,
        )
    if x_log:
        axes.set_xscale("log")
    if y_log:
        axes.set_yscale("log")
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend(title=legend_title)
    return axes


def bars(
    heights: Mapping[str, float],
    *,
    title: str,
    x_label: str,
    y_label: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
    write_values: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with one bar for each name.

    intervals:    name -> (low, high), drawn as a whisker
    write_values: a format such as ".2f" writes each height above its bar
    """
    axes = ax if ax is not None else new_axes()
    names = list(heights)
    tall = np.array([heights[name] for name in names], dtype=float)
    spread = None
    if intervals is not None:
        spread = np.array([[heights[n] - intervals[n][0], intervals[n][1] - heights[n]] for n in names]).T
    drawn = axes.bar(names, tall, yerr=spread, capsize=4, color=OKABE_ITO[0])
    if write_values is not None:
        axes.margins(y=0.12)
        axes.bar_label(drawn, labels=[format(height, write_values) for height in tall], padding=2)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.3)
    return axes


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
