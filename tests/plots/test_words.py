"""Coloured text: nothing in it can become markup, weights are shares, and it can be read without colours."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from course_utils.plots.words import ColouredText, colour, coloured_text, luminance

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "</span></div><style>*{display:none}</style>",
    "javascript:alert(1)",
]


class Reader(HTMLParser):
    """What a browser would make of a text: its tags, their attributes, its words."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.words = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words.append(data)


def shares(count):
    return np.full(count, 1 / count)


def read(text):
    reader = Reader()
    reader.feed(text._repr_html_())
    return reader


@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_becomes_markup(word):
    found = read(coloured_text([word, "good"], shares(2), caption="a caption"))
    assert found.tags == {"div", "em", "span"}
    assert found.attributes == {"style", "title"}
    assert word in found.words


@pytest.mark.parametrize("caption", HOSTILE)
def test_no_caption_becomes_markup(caption):
    found = read(coloured_text(["good"], [1.0], caption=caption))
    assert found.tags == {"div", "em", "span"}
    assert caption in found.words


def test_nothing_is_fetched_and_nothing_runs():
    shown = coloured_text(["a", "b"], shares(2), caption="c")._repr_html_()
    assert not re.search(r"https?:|url\(|<script|<link|<img|\bon\w+=", shown)


def test_pieces_of_a_word_are_joined_with_their_shares():
    text = coloured_text(["[CLS]", "token", "##is", "##ation", "[SEP]"], [0.1, 0.2, 0.3, 0.3, 0.1], caption="c")
    assert text.words == ("[CLS]", "tokenisation", "[SEP]")
    assert text.weights == pytest.approx((0.1, 0.8, 0.1))


def test_a_piece_at_the_very_start_stays_as_it_is():
    assert coloured_text(["##ing", "good"], shares(2), caption="c").words == ("##ing", "good")


def test_special_tokens_are_marked():
    shown = coloured_text(["[CLS]", "good"], shares(2), caption="c")._repr_html_()
    marked, plain = re.findall(r'<span style="([^"]*)"', shown)
    assert "dashed" in marked
    assert "dashed" not in plain


def test_in_a_terminal_the_weights_are_numbers():
    assert str(coloured_text(["good", "fun"], [0.25, 0.75], caption="one head")) == "one head: good (0.25) fun (0.75)"


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0]])
def test_weights_that_are_no_shares_are_refused(weights):
    with pytest.raises(ValueError, match=r"sum to 1.*Are these scores"):
        coloured_text(["a", "b"], weights, caption="c")


def test_padding_that_was_not_cut_off_is_refused():
    with pytest.raises(ValueError, match=r"one for each of 2 words, got \(3,\). Is padding cut off\?"):
        coloured_text(["a", "b"], [0.5, 0.5, 0.0], caption="c")


def test_no_word_at_all_is_an_empty_line():
    assert read(ColouredText((), (), "nothing")).tags == {"div", "em"}


@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_letters_stand_out_from_their_ground(share):
    """Contrast of at least 3 to 1, by WCAG's formula for large text."""
    shown = ColouredText(("a", "b"), (share, 1.0), "c")._repr_html_()
    ground, letters = re.search(r"background-color:#(\w{6});color:#(\w{6})", shown).groups()

    def relative(code):
        parts = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    bright, dark = sorted([relative(ground), relative(letters)], reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 3


def test_the_colours_run_from_dark_to_bright():
    brightness = [luminance(*colour(share)) for share in np.linspace(0, 1, 30)]
    assert brightness == sorted(brightness)
