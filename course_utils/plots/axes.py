"""Axes to draw on, and the colours and dashes of lines."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

# Okabe and Ito 2008, without yellow (too light for lines on white).
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)))


def new_axes(width: float = 7.0, height: float = 4.0) -> Axes:
    """The Axes of a new figure, width and height in inches."""
    _, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return axes


def panels(count: int, width: float = 10.0, height: float = 4.0, share_y: bool = False) -> list[Axes]:
    """The Axes of count panels side by side in a new figure, width and height in inches."""
    _, axes = plt.subplots(1, count, figsize=(width, height), layout="constrained", sharey=share_y, squeeze=False)
    return list(axes[0])


def mark_x(values: Sequence[float], axes: Axes) -> None:
    """Put the ticks of the x axis at these values, written as plain numbers: a logarithmic scale has few of its own."""
    axes.set_xticks(list(values), [f"{value:,g}" for value in values], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())


def mark_y(axes: Axes) -> None:
    """Write the ticks of a logarithmic y axis as plain numbers, at 1, 2 and 5 of each power of ten."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
