"""What the figures of studies have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure_of(axes: Axes) -> Figure:
    """The figure that the Axes stand in."""
    return cast("Figure", axes.get_figure(root=True))
