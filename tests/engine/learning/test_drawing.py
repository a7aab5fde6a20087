"""A case that shows a mistake, as text and as HTML: named axes, marked numbers, words in both languages."""

import re

import pytest
import torch

from course_utils.engine.asking.codec import Foreign
from course_utils.engine.judging.judge import Trouble
from course_utils.engine.learning.drawing import COLUMNS, ROWS, Drawing, window
from course_utils.engine.learning.shown import Piece, Shown, narrowed


def drawn(expected, got, axes=(), got_axes=(), language="en", given=(), words=None):
    """A drawing of a call that should give one value and gave another."""
    pieces = Piece("", expected, axes), Piece("", got, got_axes)
    return Drawing(Shown("f(x)", {}, tuple(given), *pieces, words or {}), language)


def test_a_wrong_shape_is_drawn_as_named_axes_with_their_places():
    found = drawn(torch.zeros(2, 4), torch.zeros(2, 3, 4), ("batch", "d_model"), ("batch", "seq", "d_model"))
    assert found.lines() == [
        "f(x)",
        "expected  batch ▪▪ 2 × d_model ▪▪▪▪ 4",
        "yours     batch ▪▪ 2 × seq ▪▪▪ 3 × d_model ▪▪▪▪ 4",
    ]


def test_wrong_values_stand_in_a_table_in_which_they_are_marked():
    found = drawn(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.5], [3.0, 4.0]]), ("batch", "d_model"))
    assert found.lines()[1:] == [
        "expected (batch 2, d_model 2)",
        "  1  2",
        "  3  4",
        "yours (2, 2)",
        "  1  ≠2.5",
        "  3     4",
    ]


def test_the_html_has_the_same_numbers_and_marks_and_neither_script_nor_address():
    found = drawn(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.5]]), ("batch", "d_model")).html()
    assert "≠2.5" in found
    assert found.count("≠") == 1
    assert found.count("color-mix(in srgb, #e5342b") == 1
    assert not re.search(r"script|https?:|url\(", found)


def test_the_further_off_a_number_is_the_redder_it_stands():
    shares = window(torch.zeros(3), torch.tensor([0.0, 1.0, 2.0]), ("n",)).differs[0]
    assert shares == [0.0, 0.5, 1.0]


def test_of_a_large_tensor_the_part_round_the_first_difference_is_shown_and_named():
    got = torch.zeros(3, 40, 50)
    got[1, 20, 30] = 7.0
    found = window(torch.zeros(3, 40, 50), got, ("batch", "seq", "d_model"))
    assert found.place == "batch 1, seq 17–22, d_model 26–33"
    assert (len(found.got), len(found.got[0])) == (ROWS, COLUMNS)
    assert sum(cell == "7" for row in found.got for cell in row) == 1


def test_numbers_that_differ_late_are_written_with_more_digits():
    found = window(torch.tensor([0.0, 100.0]), torch.tensor([0.0, 100.2]), ("n",))
    assert found.expected[0][1] != found.got[0][1]
    found = window(torch.tensor([1000.1]), torch.tensor([1000.3]), ("n",))
    assert found.expected != found.got


@pytest.mark.parametrize(
    "got",
    [
        torch.tensor([float("nan"), 1.0]), torch.tensor([float("inf"), 1.0]), torch.tensor([True, False]),
        torch.tensor([1, 2]), torch.tensor([1e30, -1e-30]), torch.zeros(2, dtype=torch.float64), torch.zeros(0),
        torch.zeros(0, 3), torch.tensor(3.0), torch.tensor([1 + 2j, 0]), torch.zeros(1, 1, 1, 1, 2), None, 3, 2.5,
        "text", "", [], [1.0], (1.0, 2.0), {}, {"a": torch.zeros(2)}, Foreign("ndarray"), Foreign("Secret"), object(),
        Trouble("failed", "odd_value"), Trouble("failed", "no_tensor", {"type": "list"}),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "expected", [torch.tensor([0.5, 1.0]), torch.tensor(1.0), 1.0, [1, 2], True, "ValueError", {"a": 1}]
)
def test_whatever_came_back_can_be_drawn(expected, got, language):
    found = drawn(expected, got, language=language)
    assert len(found.lines()) >= 3
    assert found.html()


def test_words_of_what_came_back_are_no_markup():
    found = drawn("ValueError", "<b>x</b>", given=[Piece("<i>", "<u>")])
    assert "<b>x" not in found.html()
    assert "<i>" not in found.html()
    assert "&lt;b&gt;x" in found.html()


@pytest.mark.parametrize(
    ("got", "line"),
    [
        (None, "yours: None"),
        (Foreign("ndarray"), "yours: ndarray"),
        ([1.0, 2.0], "yours: list: [1, 2]"),
        (0.5, "yours: float: 0.5"),
    ],
)
def test_another_type_than_a_tensor_is_named(got, line):
    assert drawn(torch.tensor([0.5, 1.0]), got).lines()[-1] == line


def test_numbers_of_another_type_are_told_though_they_are_the_same():
    assert drawn(torch.tensor([1.0, 2.0]), torch.tensor([1, 2])).lines()[1:] == [
        "expected float (2)", "  1  2", "yours int (2)", "  1  2",
    ]  # fmt: skip


def test_yes_no_and_an_exception_that_did_not_come_are_told_in_both_languages():
    assert drawn(True, False).lines()[1:] == ["expected: yes", "yours: no"]
    assert drawn(True, False, language="zh").lines()[1:] == ["应为：是", "你的：否"]
    assert drawn("ValueError", "").lines()[1:] == ["expected: ValueError", "yours: nothing was raised"]
    assert drawn("ValueError", "", language="zh").lines()[1:] == ["应为：ValueError", "你的：没有抛出异常"]


def test_words_of_the_unit_stand_for_its_own_texts():
    words = {"curve": {"en": "a curve", "zh": "曲线"}}
    assert drawn("curve", {"curve": True}, words=words, language="zh").lines()[1:] == ["应为：曲线", "你的：曲线：是"]


def test_of_a_dict_the_entries_that_differ_are_told():
    pieces = narrowed(Piece("", {"0": 0.0, "1": 0.5, "2": 1.0}), Piece("", {"0": 0.0, "1": 0.7, "2": 1.0}))
    assert [piece.value for piece in pieces] == [{"1": 0.5}, {"1": 0.7}]


def test_of_a_list_of_tensors_the_first_that_differs_is_drawn():
    one, other = [torch.zeros(2), torch.ones(2)], [torch.zeros(2), torch.zeros(2)]
    pieces = narrowed(Piece("", one), Piece("", other))
    assert [piece.name for piece in pieces] == ["[1]", "[1]"]
    assert torch.equal(pieces[0].value, torch.ones(2))


def test_a_long_input_is_told_by_its_axes_alone():
    given = [Piece("x", torch.zeros(40, 50), ("seq", "d_model"))]
    assert drawn(1.0, 2.0, given=given).lines()[1] == "  x (seq 40, d_model 50)"
