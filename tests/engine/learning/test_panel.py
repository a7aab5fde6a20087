"""The colours of panels: contrast of 4.5 and more in light and dark themes, and on paper."""

import re

import pytest

from course_utils.engine.learning import panel
from course_utils.engine.learning.report import Report

# text and page of themes: JupyterLab and Notebook 7 (0.87 of black; white), VS Code, Colab, a plain page
THEMES = {
    "lab light": ((33, 33, 33), (255, 255, 255)),
    "lab dark": ((255, 255, 255), (17, 17, 17)),
    "code light": ((59, 59, 59), (255, 255, 255)),
    "code dark": ((204, 204, 204), (31, 31, 31)),
    "colab dark": ((227, 227, 227), (30, 30, 30)),
    "paper": ((0, 0, 0), (255, 255, 255)),
}
MIX = re.compile(r"color-mix\(in srgb, (.+) (\d+)%, (.+)\)$")


def rgb(colour, text, page):
    """The numbers of a colour: of a mix, of the text's or the page's own, or written as #rrggbb."""
    if mix := MIX.match(colour):
        share = int(mix[2]) / 100
        pair = zip(rgb(mix[1], text, page), rgb(mix[3], text, page), strict=True)
        return tuple(share * one + (1 - share) * other for one, other in pair)
    if colour == panel.TEXT:
        return text
    if colour == "transparent":
        return page
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def luminance(colour):
    parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    """WCAG 2.2, 1.4.3."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", ["GREEN", "RED", "GREY"])
def test_a_coloured_text_has_contrast_on_the_page_of_each_theme(colour, theme):
    text, page = THEMES[theme]
    assert contrast(rgb(getattr(panel, colour), text, page), page) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_number_has_contrast_on_the_heat_behind_it(share, theme):
    text, page = THEMES[theme]
    behind = rgb(panel.heat(share).removeprefix("background:"), text, page)
    assert contrast(text, behind) >= 4.5


def test_black_on_white_has_the_contrast_that_the_norm_gives():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


def test_a_panel_names_no_colour_of_one_theme_alone():
    """Each colour of a panel follows from the text's: none is a fixed one of light pages."""
    shown = Report("double", "en", (), {}, "note")._repr_html_().replace(panel.PRINT, "")
    colours = re.findall(r"(?:color|solid|background)[: ]+([^;\"]+)", shown)
    assert colours
    assert all(panel.TEXT in colour for colour in colours)


def test_a_panel_is_black_on_white_on_paper_and_no_page_ends_within_it():
    for rule in ("@media print", "--jp-content-font-color1:#000", "background:#fff", "break-inside:avoid"):
        assert rule in panel.panel(panel.RED, "")
