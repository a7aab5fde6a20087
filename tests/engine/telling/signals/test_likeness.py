"""Answers that are alike are found where they were copied, and hardly ever where they were written independently."""

import ast
from itertools import combinations

import pytest

from course_utils.engine.course import current
from course_utils.engine.making.units import all_units
from course_utils.engine.telling.signals.likeness import CODE_K, TEXT_K, Known, alike, shape, words, written
from course_utils.engine.telling.signals.look import FEWEST_SHARE, FEWEST_TOKENS, known_code

GIVEN = 'def total(values):\n    """The sum."""\n    result = 0.0  # TODO\n    return result\n'
REFERENCE = 'def total(values):\n    """The sum."""\n    result = 0.0\n    for value in values:\n        result += value\n    return result\n'  # noqa: E501
COPIED = """
def total(values):
    # walk backwards in pairs, so that small numbers meet first
    left, right = 0, len(values) - 1
    result = values[left] * 0.0
    while left < right:
        result = result + (values[left] + values[right])
        left, right = left + 1, right - 1
    if left == right:
        result = result + values[left]
    return result
"""
OTHERS = [
    "def total(values):\n    return sum(values, start=0.0)\n",
    "def total(values):\n    import numpy\n    return float(numpy.asarray(values).sum())\n",
    "def total(values):\n    from functools import reduce\n    return reduce(lambda a, b: a + b, values, 0.0)\n",
    "def total(values):\n    return 0.0 if not values else values[0] + total(values[1:])\n",
]


class Renamed(ast.NodeTransformer):
    def visit_Name(self, node):
        node.id = {"left": "i", "right": "j", "result": "acc", "values": "xs"}.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg = "xs"
        return node


def renamed(source):
    return ast.unparse(Renamed().visit(ast.parse(source)))


def pairs(answers, read=written, known=(GIVEN, REFERENCE), k=CODE_K):
    names = {f"s{n}": answer for n, answer in enumerate(answers)}
    found = alike(names, {n: read(a) for n, a in names.items()}, Known(map(read, known), k), FEWEST_TOKENS)
    return [pair for pair in found if pair.share >= FEWEST_SHARE]


def test_a_copy_is_found():
    assert [(pair.first, pair.second) for pair in pairs([COPIED, COPIED, *OTHERS])] == [("s0", "s1")]


def test_a_copy_with_other_names_and_no_comments_is_found_by_its_shape():
    assert pairs([COPIED, renamed(COPIED), *OTHERS]) == []
    assert [(pair.first, pair.second) for pair in pairs([COPIED, renamed(COPIED), *OTHERS], shape)] == [("s0", "s1")]


def test_the_lines_of_both_places_are_told():
    (pair,) = pairs([COPIED, "# mine\n" + COPIED, *OTHERS])
    assert pair.places[1] == tuple(line + 1 for line in pair.places[0])
    assert {6, 7, 8, 9} <= set(pair.places[0])


def test_how_rare_the_shared_part_is_is_told():
    assert pairs([COPIED, COPIED, *OTHERS])[0].holders == 2


def test_the_starter_code_is_nobodys():
    assert pairs([GIVEN, GIVEN, *OTHERS]) == []


@pytest.mark.parametrize("read", [written, shape])
def test_the_references_own_way_is_nobodys(read):
    assert pairs([REFERENCE, REFERENCE, *OTHERS], read) == []


def test_what_many_have_is_no_signal():
    assert pairs([COPIED] * 4 + OTHERS) == []  # the root of 8 is below 4


def test_answers_that_are_written_independently_are_no_signal():
    assert pairs([COPIED, *OTHERS], shape) == []


ENGLISH = "Scaling by the root keeps the spread of the products near one whatever the width, so softmax stays soft enough to learn from early in training."  # noqa: E501
CHINESE = "除以根号之后，不管头有多宽，点积的波动都保持在一左右，因此训练刚开始时归一化不会太尖锐，梯度才能传回查询。"


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_answers_in_words_are_compared_in_both_languages(text):
    others = ["Because the paper says so.", "因为论文里就是这样写的。"]
    assert [(pair.first, pair.second) for pair in pairs([text, text, *others], words, (), TEXT_K)] == [("s0", "s1")]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_the_model_answer_is_nobodys(text):
    assert pairs([text, text, "x", "y"], words, (text,), TEXT_K) == []


@pytest.mark.parametrize(
    "source",
    ["", "\n", "(" * 5000, "x = '" + "a " * 20_000 + "'", "\u202e" * 50, "def f(:\n\t\x00\ufffd", "a" * 50_000],
)
def test_whatever_was_written_is_compared(source):
    pairs([source, source, COPIED], written)
    pairs([source, source, COPIED], shape)


@pytest.fixture(scope="module")
def of_the_units():
    """(pairs of right answers that are written otherwise, those of them that are signalled): the false alarms."""
    compared, signalled = 0, []
    for unit in all_units(current().folder):
        for exercise in unit.exercises:
            answers = {each.name: each.source for each in unit.alternatives if each.exercise == exercise}
            compared += len(list(combinations(answers, 2)))
            known = known_code(unit, unit.folder.parent, exercise, alternatives=False)
            for read in (written, shape):
                rows = {name: read(source) for name, source in answers.items()}
                found = alike(answers, rows, Known(map(read, known), CODE_K), FEWEST_TOKENS)
                signalled += [(exercise, pair.first, pair.second) for pair in found if pair.share >= FEWEST_SHARE]
    return compared, set(signalled)


def test_of_right_answers_written_independently_hardly_any_pair_is_signalled(of_the_units):
    compared, signalled = of_the_units
    assert compared > 500
    assert len(signalled) <= compared / 200, signalled


def test_hardly_a_copy_of_such_an_answer_is_missed_if_it_has_enough_of_its_own():
    copies, missed = 0, []
    for unit in all_units(current().folder):
        for exercise in unit.exercises:
            known = Known(map(shape, known_code(unit, unit.folder.parent, exercise, alternatives=False)), CODE_K)
            for each in unit.alternatives:
                if each.exercise == exercise and len(known.own(shape(each.source))) >= FEWEST_TOKENS:
                    copies += 1
                    texts = {"one": each.source, "other": renamed(each.source)}
                    found = alike(texts, {name: shape(text) for name, text in texts.items()}, known, FEWEST_TOKENS)
                    missed += [] if found and found[0].share >= FEWEST_SHARE else [each.name]
    assert copies > 140
    assert len(missed) <= copies / 40, missed
