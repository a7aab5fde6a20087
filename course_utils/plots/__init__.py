"""Figures of the course: arrays in, matplotlib Axes out.

    heat_map, curves, bars                                           any numbers (`charts`)
    histories, whiskers, points_by_group, points_over, bands         runs with their spread (`runs`)
    attention_map, attention_grid, token_bars, check_rows            what looks at what (`attention`)
    coloured_text                                                    a text whose words carry weights (`words`)

Notable choices:
- every function draws on the Axes it is given, or makes a new figure, and returns the Axes; none calls `plt.show`
- the text of a figure is English in both languages, because code cells are the same in both
- colours are viridis for amounts and Okabe-Ito for categories, which colour-blind readers tell apart;
  lines also differ in dash, so that a grey print can be read
"""

from course_utils.plots.attention import (
    PADDING_COLOUR,
    SPECIAL_COLOUR,
    attention_grid,
    attention_map,
    check_rows,
    mark_tokens,
    token_bars,
)
from course_utils.plots.axes import DASHES, OKABE_ITO, mark_x, mark_y, new_axes, panels
from course_utils.plots.charts import bars, curves, heat_map
from course_utils.plots.runs import bands, histories, points_by_group, points_over, whiskers
from course_utils.plots.words import ColouredText, coloured_text

__all__ = [
    "DASHES",
    "OKABE_ITO",
    "PADDING_COLOUR",
    "SPECIAL_COLOUR",
    "ColouredText",
    "attention_grid",
    "attention_map",
    "bands",
    "bars",
    "check_rows",
    "coloured_text",
    "curves",
    "heat_map",
    "histories",
    "mark_tokens",
    "mark_x",
    "mark_y",
    "new_axes",
    "panels",
    "points_by_group",
    "points_over",
    "token_bars",
    "whiskers",
]
