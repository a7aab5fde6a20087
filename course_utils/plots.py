"""Figures of the course: arrays in, matplotlib Axes out.

Notable choices:
- every function draws on the Axes it is given, or makes a new figure, and returns the Axes; none calls `plt.show`
- the text of a figure is English in both languages, because code cells are the same in both
- colours are viridis for amounts and Okabe-Ito for categories, which colour-blind readers tell apart;
  lines also differ in dash, so that a grey print can be read
"""

from collections.abc import Mapping, Sequence
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

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


def points_by_group(
    groups: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str,
    point_label: str,
    lines: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The Axes with a column of points for each group and a line through the groups' means.

    groups:      name -> (points,)
    point_label: what one point is
    lines:       name -> height of a horizontal line for comparison
    """
    axes = ax if ax is not None else new_axes()
    places = np.arange(len(groups))
    for place, values in zip(places, groups.values(), strict=True):
        heights = np.asarray(values, dtype=float)
        beside = np.linspace(-0.18, 0.18, len(heights)) if len(heights) > 1 else np.zeros(1)
        label = point_label if place == 0 else None
        axes.scatter(place + beside, heights, s=22, color=OKABE_ITO[0], alpha=0.8, label=label, zorder=2)
    means = [float(np.mean(np.asarray(values, dtype=float))) for values in groups.values()]
    axes.plot(places, means, color=OKABE_ITO[1], marker="D", markersize=4, label="mean", zorder=3)
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
