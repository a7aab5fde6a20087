"""Charts of any numbers: a heat map, curves, bars."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from course_utils.plots.axes import DASHES, OKABE_ITO, new_axes


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
    wider = min(2.5, 5 / max(1, len(lines) - 1)) if overlap else 0.0  # the first of many stays below 7 points
    for number, (name, y) in enumerate(lines.items()):
        axes.plot(
            np.asarray(x, dtype=float),
            np.asarray(y, dtype=float),
            color=OKABE_ITO[number % len(OKABE_ITO)],
            linestyle=DASHES[number % len(DASHES)],
            marker=marker,
            markersize=4,
            linewidth=1.5 + wider * (len(lines) - 1 - number),
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
