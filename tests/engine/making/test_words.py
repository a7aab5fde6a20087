"""The words of a cell in another language: all of them, nothing but them, and keyed to what they translate."""

import ast

import pytest

from course_utils.engine.making.words import WordsError, code_of, read_words, translated, wanted, words_of

EXERCISE = '''
class Layer:
    """A layer that does it.

    x: (batch, seq)
    """

    def forward(self, x):
        # TODO 1: refuse an odd width; then
        # one block for each pair
        ### BEGIN SOLUTION
        length = x.sum()  # the secret step
        ### END SOLUTION
        length = None  # TODO 2: add them up
        # YOUR CODE HERE
        return length
'''.strip("\n")

IN_CHINESE = {
    "A layer that does it.": "完成这件事的层。\n\nx: (batch, seq)",
    "TODO 1: refuse an odd width; then": "TODO 1：宽度为奇数就报错；然后\n每一对列一个块",
    "TODO 2: add them up": "TODO 2：加起来",
}


def keys(source):
    return [word.key for word in words_of(source) if word.wanted]


# which they are -----------------------------------------------------------------------------------------------------


def test_words_are_docstrings_comments_and_what_is_printed():
    source = '"""A cell."""\nx = 1  # a number\nprint("the sum is", x, f"or {x} again")\n'
    assert keys(source) == ["A cell.", "a number", "the sum is", "or {x} again"]


@pytest.mark.parametrize(
    "source",
    [
        "x = y  # (batch, seq) -> (batch, num_heads, seq, d_head)",
        "x = y  # (ceil(d_model / 2),)",
        "# YOUR CODE HERE",
        "### BEGIN SOLUTION\nx = 1  # the secret step\n### END SOLUTION",
        'print(f"{x:.3f}   {y}", " ", sep="")',
        'print(batch["attention_mask"])',
        "print(f\"{ours['corpus']}\")",
        'title = "A title of a figure"',
        "%%bash\nls # all files",
    ],
)
def test_shapes_marks_answers_keys_and_figures_need_no_translation(source):
    assert keys(source) == []


def test_a_line_of_ipython_hides_no_word_of_the_cell():
    assert keys('%time x = 1\nprint("the sum is", x)  # a number') == ["the sum is", "a number"]


def test_lines_of_comment_below_each_other_are_one_text():
    assert [word.text for word in words_of(EXERCISE) if word.key.startswith("TODO 1")] == [
        "TODO 1: refuse an odd width; then\none block for each pair"
    ]


def test_what_is_wanted_changes_with_each_line_of_each_text_and_not_with_the_answer():
    assert wanted(EXERCISE.replace("one block for", "two blocks for")) != wanted(EXERCISE)
    assert wanted(EXERCISE.replace("x: (batch, seq)", "x: (seq, batch)")) != wanted(EXERCISE)
    assert wanted(EXERCISE.replace("the secret step", "another step")) == wanted(EXERCISE)


def test_a_text_that_is_printed_in_pieces_is_refused():
    with pytest.raises(WordsError, match="line 1 prints a text in pieces; write it as one"):
        words_of('print("the sum " "is", x)')


# in another language ------------------------------------------------------------------------------------------------


def test_a_cell_gets_its_words_with_hashes_quotes_and_indentation_and_keeps_its_answer():
    made = translated(EXERCISE, IN_CHINESE)
    assert '    """完成这件事的层。\n\n    x: (batch, seq)\n    """\n' in made
    assert "        # TODO 1：宽度为奇数就报错；然后\n        # 每一对列一个块\n        ### BEGIN" in made
    assert "length = None  # TODO 2：加起来\n        # YOUR CODE HERE" in made
    assert "length = x.sum()  # the secret step" in made


def test_the_code_is_the_same_in_both_languages():
    made = translated(EXERCISE, IN_CHINESE)
    assert code_of(made, set(IN_CHINESE.values())) == code_of(EXERCISE, set(IN_CHINESE))
    assert ast.dump(ast.parse(made)) != ast.dump(ast.parse(EXERCISE))


def test_a_docstring_of_one_line_stays_on_one_line():
    assert translated('def f():\n    """The sum."""\n', {"The sum.": "和。"}) == 'def f():\n    """和。"""\n'


def test_spaces_at_the_ends_of_a_printed_text_stay():
    assert translated('print("  mean  ", x)', {"mean": "均值"}) == 'print("  均值  ", x)'


def test_characters_of_several_bytes_in_front_do_not_shift_a_text():
    source = 'print("√d_k 与", "the sum")'
    assert translated(source, {"√d_k 与": "√d_k 和", "the sum": "和"}) == 'print("√d_k 和", "和")'


def test_words_in_braces_may_be_translated_and_their_width_changed():
    source = "print(f\"{'':40}{'your layer':>12}   broken layer {x:.2f}\")"
    key = "{'':40}{'your layer':>12}   broken layer {x:.2f}"
    made = translated(source, {key: "{'':36}{'你的层':>9}   坏掉的层 {x:.2f}"})
    assert made == "print(f\"{'':36}{'你的层':>9}   坏掉的层 {x:.2f}\")"


def test_what_stands_in_braces_may_change_places():
    source = 'print(f"{a} of {b}")'
    assert translated(source, {"{a} of {b}": "{b} 中的 {a}"}) == 'print(f"{b} 中的 {a}")'


@pytest.mark.parametrize("chinese", ["{b} 个", "{a:.3f} 个", "个", "{a} {a} 个", "{a + 1} 个"])
def test_a_translation_that_changes_what_stands_in_braces_is_refused(chinese):
    with pytest.raises(WordsError, match="what stands in braces must be the same"):
        translated('print(f"{a} of them")', {"{a} of them": chinese})


@pytest.mark.parametrize("chinese", ['个", x, "', "个\\", "{"])
def test_a_translation_that_breaks_out_of_its_quotes_is_refused(chinese):
    with pytest.raises(WordsError, match=r"the cell is no Python|changes the code"):
        translated('print(f"{a} of them")', {"{a} of them": "{a}" + chinese})


def test_a_comment_cannot_become_code():
    made = translated("x = 1  # a number", {"a number": "一个数\nx = 2"})
    assert code_of(made, set()) == code_of("x = 1", set())


def test_any_other_text_is_translated_where_it_is_named():
    source = 'rows = {"the first": 1}\nprint("the sum")'
    assert keys(source) == ["the sum"]
    made = translated(source, {"the first": "第一个", "the sum": "和"})
    assert made == 'rows = {"第一个": 1}\nprint("和")'


def test_a_text_without_a_translation_is_told():
    with pytest.raises(WordsError, match="no translation of 'TODO 2: add them up'"):
        translated(EXERCISE, {key: text for key, text in IN_CHINESE.items() if "TODO 2" not in key})


def test_a_translation_of_what_the_cell_does_not_say_is_told():
    with pytest.raises(WordsError, match=r"'A layer that did it\.' is no text of the cell"):
        translated(EXERCISE, IN_CHINESE | {"A layer that did it.": "层"})


def test_two_texts_with_one_beginning_are_told_apart_by_nobody():
    source = 'def f():\n    """One.\n\n    a\n    """\ndef g():\n    """One.\n\n    b\n    """\n'
    with pytest.raises(WordsError, match=r"two texts of the cell begin with 'One\.'"):
        translated(source, {"One.": "一。"})


# as they are written ------------------------------------------------------------------------------------------------


def test_a_raw_cell_is_read_as_texts_and_what_stands_below_them():
    raw = "The sum.\n    和。\n\n    x: (seq,)\nTODO: add\n    TODO：加\n"
    assert read_words(raw) == {"The sum.": "和。\n\nx: (seq,)", "TODO: add": "TODO：加"}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("    和。", "'和。' stands below no text"),
        ("The sum.\n", "no translation stands below 'The sum.'"),
        ("The sum.\n    和\nThe sum.\n    和", "'The sum.' is translated twice"),
    ],
)
def test_a_raw_cell_that_cannot_be_read_is_a_sentence(raw, told):
    with pytest.raises(WordsError, match=told):
        read_words(raw)
