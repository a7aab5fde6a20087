"""The figures: they draw what they are given, say what is asked, and leave no window and no global behind."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils import plots

WORDS = dict(title="what to see", x_label="position", y_label="value (radians)")


def drawn(axes):
    axes.figure.canvas.draw()
    return axes


def words_of(axes):
    return axes.get_title(), axes.get_xlabel(), axes.get_ylabel()


FIGURES = {
    "heat_map": lambda ax: plots.heat_map(np.arange(6).reshape(2, 3), value_label="amount", ax=ax, **WORDS),
    "curves": lambda ax: plots.curves([1, 2], {"a": [1, 2], "b": [2, 1]}, ax=ax, **WORDS),
    "bars": lambda ax: plots.bars({"a": 1.0, "b": 2.0}, ax=ax, **WORDS),
    "attention_map": lambda ax: plots.attention_map(
        np.eye(3), names=["not", "very", "good"], title="what to see", ax=ax
    ),
    "token_bars": lambda ax: plots.token_bars([0.4, 0.6], names=["not", "good"], title="what to see", ax=ax),
    "points_by_group": lambda ax: plots.points_by_group({"1": [1, 2]}, point_label="head", ax=ax, **WORDS),
    "bands": lambda ax: plots.bands([1, 2], {"a": ([1, 2], [0, 1], [2, 3])}, ax=ax, **WORDS),
}
of_figures = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())


@of_figures
def test_a_figure_draws_on_the_axes_it_is_given(figure):
    _, axes = plt.subplots()
    opened = plt.get_fignums()
    assert figure(axes) is axes
    assert plt.get_fignums() == opened


@of_figures
def test_a_figure_makes_its_own_axes_where_none_is_given(figure):
    axes = drawn(figure(None))
    assert axes.has_data()


@of_figures
def test_a_figure_has_a_title_and_both_labels(figure):
    assert all(words_of(figure(None)))
    assert figure(None).get_title() == "what to see"


@of_figures
def test_a_figure_changes_no_setting_of_matplotlib(figure):
    before = dict(plt.rcParams)
    drawn(figure(None))
    assert dict(plt.rcParams) == before


# heat maps --------------------------------------------------------------------------------------------------------


def heat_map(values, **settings):
    return drawn(plots.heat_map(values, value_label="amount", **WORDS, **settings))


def test_a_heat_map_shows_the_matrix_with_row_0_on_top_and_a_named_scale():
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    axes = heat_map(values)
    (image,) = axes.images
    assert np.array_equal(image.get_array(), values)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert image.cmap.name == "viridis"
    assert axes.figure.axes[1].get_ylabel() == "amount"


def test_a_heat_map_names_its_columns_and_rows():
    axes = heat_map(np.zeros((1, 2)), x_names=["a", "b"], y_names=["row"])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["row"]


def test_the_limits_of_a_scale_are_those_asked_for():
    assert heat_map(np.eye(2), limits=(-1.0, 3.0)).images[0].get_clim() == (-1.0, 3.0)


def test_numbers_in_cells_can_be_read_on_their_colour_and_show_no_minus_zero():
    axes = heat_map(np.array([[0.0, 1.0], [-0.001, 0.5]]), write_values=".2f")
    texts = {text.get_text(): text.get_color() for text in axes.texts}
    assert texts == {"0.00": "white", "1.00": "black", "0.50": "white"}


# curves -----------------------------------------------------------------------------------------------------------


def curves(lines, **settings):
    return drawn(plots.curves([1, 10, 100], lines, **WORDS, **settings))


def dash(line):
    """A line's dash; get_linestyle calls every dash that has no name of its own "--"."""
    return line._unscaled_dash_pattern


def test_each_curve_is_drawn_with_its_own_colour_and_dash():
    axes = curves({name: [1, 2, 3] for name in "abcdef"})
    assert [line.get_label() for line in axes.lines] == list("abcdef")
    assert len({line.get_color() for line in axes.lines}) == 6
    assert len({str(dash(line)) for line in axes.lines}) == 6


def test_more_curves_than_colours_still_differ_in_colour_or_dash():
    axes = curves({str(number): [1, 2, 3] for number in range(14)})
    assert len({(line.get_color(), str(dash(line))) for line in axes.lines}) == 14


def test_curves_that_lie_on_each_other_get_thinner_so_that_all_are_seen():
    widths = [line.get_linewidth() for line in curves({name: [1, 2, 3] for name in "abc"}, overlap=True).lines]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3


def test_many_curves_that_lie_on_each_other_stay_lines():
    widths = [line.get_linewidth() for line in curves({name: [1, 2, 3] for name in "abcdef"}, overlap=True).lines]
    assert len(set(widths)) == 6
    assert max(widths) < 7


@pytest.mark.parametrize("name", ["x", "y"])
def test_an_axis_is_logarithmic_where_it_is_asked_for(name):
    axes = curves({"a": [1, 2, 3]}, **{f"{name}_log": True})
    assert getattr(axes, f"get_{name}scale")() == "log"


def test_one_curve_needs_no_legend_and_two_have_one():
    assert curves({"a": [1, 2, 3]}).get_legend() is None
    legend = curves({"a": [1, 2, 3], "b": [3, 2, 1]}, legend_title="d_k").get_legend()
    assert legend.get_title().get_text() == "d_k"


# bars -------------------------------------------------------------------------------------------------------------


def test_bars_have_their_heights_whiskers_and_numbers():
    axes = drawn(
        plots.bars({"a": 1.0, "b": 2.5}, intervals={"a": (0.5, 1.2), "b": (2.4, 3.0)}, write_values=".1f", **WORDS)
    )
    assert [bar.get_height() for bar in axes.patches] == [1.0, 2.5]
    assert [text.get_text() for text in axes.texts] == ["1.0", "2.5"]
    (whiskers,) = [c for c in axes.collections if hasattr(c, "get_segments")]
    assert [segment[:, 1].tolist() for segment in whiskers.get_segments()] == [[0.5, 1.2], [2.4, 3.0]]


# attention maps ---------------------------------------------------------------------------------------------------


def attention_map(weights, **settings):
    return drawn(plots.attention_map(weights, names=["not", "good", "[PAD]"], title="one head", **settings))


def test_an_attention_map_has_a_row_for_each_query_and_a_scale_from_0_to_1():
    axes = attention_map(np.full((3, 3), 1 / 3))
    assert axes.images[0].get_clim() == (0.0, 1.0)
    assert axes.get_xlabel().startswith("key")
    assert axes.get_ylabel().startswith("query")


def test_padding_is_grey():
    axes = attention_map(np.array([[0.5, 0.5, 0], [0.4, 0.6, 0], [0.5, 0.5, 0]]), mask=[1, 1, 0])
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert np.array_equal(np.isnan(shown), [[False, False, True], [False, False, True], [True, True, True]])


def test_a_hidden_key_that_gets_weight_keeps_its_colour():
    """Grey would hide the very mistake that the figure is there to show."""
    axes = attention_map(np.full((3, 3), 1 / 3), mask=[1, 1, 0])
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert not np.isnan(shown[:2]).any()


def test_only_what_is_no_padding_is_written():
    axes = attention_map(np.eye(3), mask=[1, 1, 0], write_values=".1f")
    assert [text.get_text() for text in axes.texts] == ["1.0", "0.0", "0.0", "1.0"]


# maps of all heads ------------------------------------------------------------------------------------------------


def maps_of(layers, heads, seq):
    weights = np.random.default_rng(0).random((layers, heads, seq, seq))
    return weights / weights.sum(-1, keepdims=True)


def grid_of(weights, **settings):
    names = ["[CLS]", "not", "good", "[PAD]"]
    panels = plots.attention_grid(weights, names=names, title="all heads (corpus, encoder)", **settings)
    drawn(panels[0])
    return panels


def test_a_grid_has_a_panel_for_each_head_of_each_layer_on_one_scale():
    weights = maps_of(2, 3, 4)
    panels = grid_of(weights)
    assert len(panels) == 6
    assert np.allclose(panels[4].images[0].get_array(), weights[1, 1])
    assert {panel.images[0].get_clim() for panel in panels} == {(0.0, 1.0)}
    assert [panel.get_title() for panel in panels[:3]] == ["head 0", "head 1", "head 2"]
    assert [panel.get_ylabel() for panel in panels[::3]] == ["layer 1", "layer 2"]
    assert panels[0].figure.get_suptitle() == "all heads (corpus, encoder)"


def test_a_grid_greys_padding_and_marks_special_tokens():
    weights = maps_of(2, 2, 4)
    weights[..., 3] = 0
    weights /= weights.sum(-1, keepdims=True)
    first = grid_of(weights, mask=[1, 1, 1, 0])[0]
    shown = np.ma.filled(first.images[0].get_array(), np.nan)
    assert np.array_equal(np.isnan(shown), (np.arange(4)[:, None] == 3) | (np.arange(4) == 3))
    assert to_rgb(first.get_facecolor()[:3]) == to_rgb(plots.PADDING_COLOUR)
    colours = [to_rgb(label.get_color()) for label in first.get_yticklabels()]
    assert colours[0] == to_rgb(plots.SPECIAL_COLOUR)
    assert len(set(colours)) == 3


@pytest.mark.parametrize(
    "weights",
    [np.full((1, 1, 4, 4), 0.3), np.zeros((1, 1, 4, 4)), np.full((1, 1, 4, 4), np.nan), -np.eye(4)[None, None]],
)
def test_a_grid_refuses_rows_that_do_not_sum_to_1(weights):
    with pytest.raises(ValueError, match=r"must be 0 or more and sum to 1, got .* Are these scores"):
        grid_of(weights)


def test_rows_of_padded_queries_may_hold_anything():
    weights = maps_of(1, 1, 4)
    weights[..., 3, :] = 0
    assert plots.check_rows(weights, [1, 1, 1, 0]).shape == (1, 1, 4, 4)
    with pytest.raises(ValueError, match="sum to 1"):
        plots.check_rows(weights)


def test_token_bars_show_shares_and_mark_special_tokens():
    axes = drawn(plots.token_bars([0.2, 0.7, 0.1], names=["[CLS]", "good", "[SEP]"], title="one text"))
    assert [bar.get_height() for bar in axes.patches] == [0.2, 0.7, 0.1]
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] == colours[2] != colours[1]
    with pytest.raises(ValueError, match="sum to 1"):
        plots.token_bars([0.2, 0.7, 0.2], names=["a", "b", "c"], title="no shares")


def test_points_by_group_show_each_point_the_means_and_lines_for_comparison():
    axes = plots.points_by_group(
        {"1": [1.0, 3.0], "2": [5.0]},
        title="t",
        x_label="layer",
        y_label="nats",
        point_label="head",
        lines={"all": 6.0},
    )
    drawn(axes)
    assert [len(points.get_offsets()) for points in axes.collections] == [2, 1]
    assert axes.lines[0].get_ydata().tolist() == [2.0, 5.0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["head", "mean", "all"]


def test_bands_show_a_line_its_interval_and_levels():
    axes = plots.bands(
        [1e-3, 1e-2], {"a": ([1, 2], [0, 1], [2, 3]), "b": ([2, 2], [2, 2], [2, 2])}, levels={"ln 4": 1.39}, x_log=True,
        **WORDS,
    )  # fmt: skip
    drawn(axes)
    assert len(axes.collections) == 2
    assert axes.collections[0].get_paths()[0].get_extents().y0 == 0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "ln 4"]
    assert axes.get_xscale() == "log"


# colours ----------------------------------------------------------------------------------------------------------


def luminance(colour):
    return float(np.dot(to_rgb(colour), [0.2126, 0.7152, 0.0722]))


def test_the_colours_are_different_and_dark_enough_for_lines_on_white():
    assert len(set(plots.OKABE_ITO)) == len(plots.OKABE_ITO)
    assert max(map(luminance, plots.OKABE_ITO)) < 0.75


@pytest.mark.parametrize(("count", "share_y"), [(1, False), (3, True)])
def test_panels_stand_side_by_side_in_one_figure(count, share_y):
    axes = plots.panels(count, share_y=share_y)
    assert len(axes) == count
    assert len({id(ax.figure) for ax in axes}) == 1
