"""Runs with their spread: points, means, intervals and bands."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from course_utils.plots.axes import DASHES, OKABE_ITO, new_axes
from course_utils.plots.charts import curves


def points_by_group(
    groups: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str,
    point_label: str,
    lines: Mapping[str, float] | None = None,
    join: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a column of points for each group and the groups' means.

    groups:      name -> (points,)
    point_label: what one point is
    lines:       name -> height of a horizontal line for comparison
    join:        draw a line through the means; not where nothing lies between two groups
    """
    axes = ax if ax is not None else new_axes()
    places = np.arange(len(groups))
    for place, values in zip(places, groups.values(), strict=True):
        heights = np.asarray(values, dtype=float)
        beside = np.linspace(-0.18, 0.18, len(heights)) if len(heights) > 1 else np.zeros(1)
        label = point_label if place == 0 else None
        axes.scatter(place + beside, heights, s=22, color=OKABE_ITO[0], alpha=0.8, label=label, zorder=2)
    means = [float(np.mean(np.asarray(values, dtype=float))) for values in groups.values()]
    line = "-" if join else "none"
    axes.plot(places, means, color=OKABE_ITO[1], marker="D", markersize=6, linestyle=line, label="mean", zorder=3)
    for number, (name, height) in enumerate((lines or {}).items()):
        axes.axhline(height, color="black", linestyle=DASHES[1 + number % 3], linewidth=1, label=name)
    axes.set_xticks(places, list(groups))
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    return axes


def bands(
    x: ArrayLike,
    lines: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_log: bool = False,
    levels: Mapping[str, float] | None = None,
    legend_title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a line and its interval for each name, all over the same x.

    x:      (points,)
    lines:  name -> (middle, low, high), each (points,)
    levels: name -> height of a horizontal line for comparison
    """
    axes = ax if ax is not None else new_axes()
    middles = {name: middle for name, (middle, _, _) in lines.items()}
    curves(x, middles, title=title, x_label=x_label, y_label=y_label, x_log=x_log, marker="o", ax=axes)
    for number, (_, low, high) in enumerate(lines.values()):
        colour = OKABE_ITO[number % len(OKABE_ITO)]
        places = np.asarray(x, dtype=float)
        axes.fill_between(places, np.asarray(low, dtype=float), np.asarray(high, dtype=float), color=colour, alpha=0.15)
    for name, height in (levels or {}).items():
        axes.axhline(height, color="black", linestyle=":", linewidth=1, label=name)
    if len(lines) > 1 or levels:
        axes.legend(title=legend_title)
    return axes


def histories(
    lines: Mapping[str, Sequence[float]],
    *,
    title: str,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    final: tuple[str, float, tuple[float, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a line over the epochs 1, 2, ... for each name; lines may differ in length.

    levels: name -> height of a horizontal line for comparison
    final:  name, value and interval of a result that is drawn as a point with a whisker, after the last epoch
    """
    axes = ax if ax is not None else new_axes()
    for number, (name, values) in enumerate(lines.items()):
        colour, dash = OKABE_ITO[number % len(OKABE_ITO)], DASHES[number % len(DASHES)]
        axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dash, marker="o", markersize=4, label=name)
    last = max((len(values) for values in lines.values()), default=1)
    for number, (name, height) in enumerate((levels or {}).items()):
        axes.axhline(height, color="black", linestyle=DASHES[1 + number % 3], linewidth=1, label=name)
    if final is not None:
        name, value, (low, high) = final
        axes.errorbar(
            [last + 0.4],
            [value],
            yerr=[[value - low], [high - value]],
            color="black",
            marker="D",
            capsize=4,
            label=name,
        )
    axes.set_xticks(range(1, last + 1))
    axes.set(title=title, xlabel="epoch", ylabel=y_label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return axes


def whiskers(
    middles: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    *,
    title: str,
    x_label: str,
    level: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a point and its interval for each name, one below the other.

    middles:   name -> value
    intervals: name -> (low, high)
    level:     value of a vertical line for comparison
    """
    axes = ax if ax is not None else new_axes(7.5, 1.4 + 0.36 * len(middles))
    places = range(len(middles), 0, -1)
    for place, (name, middle) in zip(places, middles.items(), strict=True):
        low, high = intervals[name]
        axes.errorbar(
            [middle], [place], xerr=[[middle - low], [high - middle]], color=OKABE_ITO[0], marker="o", capsize=4
        )
    if level is not None:
        axes.axvline(level, color="black", linestyle=":", linewidth=1)
    axes.set_yticks(list(places), list(middles))
    axes.set_ylim(0.4, len(middles) + 0.6)  # the first and the last stand clear of the frame
    axes.set(title=title, xlabel=x_label)
    axes.grid(axis="x", alpha=0.3)
    return axes


def points_over(x: ArrayLike, y: ArrayLike, *, label: str, number: int = 0, ax: Axes | None = None) -> Axes:
    """The Axes with every point of one kind and a line through the means at each x.

    x, y:   (points,)
    number: which colour and dash of the palette
    """
    axes = ax if ax is not None else new_axes()
    places, heights = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    colour = OKABE_ITO[number % len(OKABE_ITO)]
    axes.scatter(places, heights, s=14, color=colour, alpha=0.5)
    grid = np.unique(places)
    means = [float(heights[places == place].mean()) for place in grid]
    axes.plot(grid, means, color=colour, linestyle=DASHES[number % len(DASHES)], marker="o", markersize=4, label=label)
    axes.grid(alpha=0.3)
    return axes
