"""A library call that does an exercise's work is found under any name, and nothing else is taken for one."""

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading.intake import CodeCell
from course_utils.engine.making.units import all_units
from course_utils.engine.telling.signals.calls import is_the_same, library_calls

SDPA = "torch.nn.functional.scaled_dot_product_attention"
SETUP = CodeCell("setup", "setup", "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n")
LISTED = {"attention": [SDPA, "torch.nn.MultiheadAttention"]}


def found(answer, *own, exercises=("attention",)):
    cells = [SETUP, *(CodeCell("extra", str(n), source) for n, source in enumerate(own))]
    mentions = library_calls([*cells, CodeCell("exercise", "attention", answer)], LISTED, exercises)
    return [(mention.call, mention.line) for mention in mentions]


def body(*lines):
    return "def attention(q, k, v):\n" + "".join(f"    {line}\n" for line in lines)


HIDDEN = {
    "plain": body("return torch.nn.functional.scaled_dot_product_attention(q, k, v)"),
    "by the short name of its module": body("return F.scaled_dot_product_attention(q, k, v)"),
    "by a name of one's own": body("f = F.scaled_dot_product_attention", "return f(q, k, v)"),
    "imported inside": body("from torch.nn.functional import scaled_dot_product_attention as g", "return g(q, k, v)"),
    "module renamed inside": body("import torch.nn as n", "return n.functional.scaled_dot_product_attention(q, k, v)"),
    "getattr": body("return getattr(F, 'scaled_dot_product_attention')(q, k, v)"),
    "getattr in pieces": body("return getattr(F, 'scaled_dot' + '_product_' + f'attention')(q, k, v)"),
    "getattr by a named text": body("name = 'scaled_dot_product_attention'", "return getattr(F, name)(q, k, v)"),
    "joined": body("return getattr(F, '_'.join(['scaled', 'dot', 'product', 'attention']))(q, k, v)"),
    "import_module": body(
        "import importlib",
        "return importlib.import_module('torch.nn.functional').scaled_dot_product_attention(q, k, v)",
    ),
    "__import__": body("return __import__('torch').nn.functional.scaled_dot_product_attention(q, k, v)"),
    "vars": body("return vars(F)['scaled_dot_product_attention'](q, k, v)"),
    "__dict__": body("return F.__dict__['scaled_dot_product_attention'](q, k, v)"),
    "sys.modules": body(
        "import sys", "return sys.modules['torch.nn.functional'].scaled_dot_product_attention(q, k, v)"
    ),
    "star": body("return scaled_dot_product_attention(q, k, v)"),
    "eval": body("return eval('F.scaled_dot_product_attention')(q, k, v)"),
    "attrgetter": body(
        "import operator", "return operator.attrgetter('functional.scaled_dot_product_attention')(nn)(q, k, v)"
    ),
    "several at once": body("f, g = F.softmax, F.scaled_dot_product_attention", "return g(q, k, v)"),
    "where it may be": body("f = F.scaled_dot_product_attention if q.is_cuda else None", "return f(q, k, v)"),
    "partial": body("from functools import partial", "return partial(F.scaled_dot_product_attention, q, k)(v)"),
    "walrus": body("return (f := F.scaled_dot_product_attention)(q, k, v)"),
    "another path": body("from torch._C._nn import scaled_dot_product_attention as g", "return g(q, k, v)"),
    "base class": "class attention(nn.MultiheadAttention):\n    pass\n",
    "default": "def attention(q, k, v, f=F.scaled_dot_product_attention):\n    return f(q, k, v)\n",
    "lambda": "attention = lambda q, k, v: F.scaled_dot_product_attention(q, k, v)\n",
    "set afterwards": "class attention:\n    pass\nattention.forward = F.scaled_dot_product_attention\n",
    "set by name": "class attention:\n    pass\nsetattr(attention, 'forward', F.scaled_dot_product_attention)\n",
}


@pytest.mark.parametrize("way", HIDDEN)
def test_the_call_is_found(way):
    own = ["from torch.nn.functional import *"] if way == "star" else []
    assert len({call for call, _ in found(HIDDEN[way], *own)}) == 1


@pytest.mark.parametrize(
    "own",
    [
        "def helper(q, k, v):\n    return F.scaled_dot_product_attention(q, k, v)\n",
        "helper = F.scaled_dot_product_attention\n",
        "if True:\n    from torch.nn.functional import scaled_dot_product_attention as helper\n",
        "inner = F.scaled_dot_product_attention\ndef helper(*words):\n    return inner(*words)\n",
    ],
)
def test_it_is_found_in_a_cell_of_ones_own(own):
    assert {call for call, _ in found(body("return helper(q, k, v)"), own)} == {SDPA}


def test_each_line_is_told_once_in_order():
    lines = ["f = F.scaled_dot_product_attention", "f(q, k, v)", "return f(q, k, v)[0], f(q, k, v)[1]"]
    assert found(body(*lines)) == [(SDPA, 2), (SDPA, 3), (SDPA, 4)]


def test_its_line_is_told():
    assert found(body("# a comment", "return F.scaled_dot_product_attention(q, k, v)")) == [(SDPA, 3)]


INNOCENT = {
    "its own name": "def scaled_dot_product_attention(q, k, v):\n    return q\n" + body("return q @ k @ v"),
    "a docstring": body('"""As F.scaled_dot_product_attention."""', "return q @ k @ v"),
    "a comment": body("# F.scaled_dot_product_attention(q, k, v) does the same", "return q @ k @ v"),
    "a test below it": body("return q @ k @ v") + "assert F.scaled_dot_product_attention(q, k, v) is not None\n",
    "a type": "def attention(q, k, v, other: nn.MultiheadAttention = None) -> nn.MultiheadAttention:\n    return q\n",
    "an attribute of something else": body("return q.scaled_dot_product_attention(k, v)"),
    "another call": body("return F.softmax(q @ k, -1) @ v"),
    "text": body("return 'F.scaled_dot_product_attention'"),
    "no Python": "def attention(q, k, v)\n    return F.scaled_dot_product_attention(q, k, v)\n",
}


@pytest.mark.parametrize("way", INNOCENT)
def test_nothing_else_is_taken_for_it(way):
    assert found(INNOCENT[way]) == []


def test_an_own_cell_that_only_compares_is_none():
    assert found(body("return q @ k @ v"), "print(F.scaled_dot_product_attention(torch.ones(1, 1, 1)))") == []


def test_another_exercise_is_looked_at_by_itself():
    own = "def other(q):\n    return F.scaled_dot_product_attention(q, q, q)\n"
    assert found(body("return other(q)"), own, exercises=("attention", "other")) == []


def test_a_star_import_does_not_mean_what_a_student_defined():
    own = "from torch.nn.functional import *\ndef scaled_dot_product_attention(q, k, v):\n    return q\n"
    assert found(body("return scaled_dot_product_attention(q, k, v)"), own) == []


def test_a_variable_that_is_called_like_a_method_leads_nowhere():
    own = "class Other:\n    def mask(self):\n        return F.scaled_dot_product_attention\n"
    assert found(body("mask = q", "return mask @ k @ v"), own) == []


@pytest.mark.parametrize(
    "source",
    [
        "attention = " + "(" * 3000 + "q" + ")" * 3000,
        "attention = " + ".".join(["q"] * 5000),
        "attention = " + "-" * 5000 + "q",
        "attention = " + " + ".join(["'a'"] * 5000),
        "attention = getattr(" * 90 + "F" + ", 'x')" * 90,
    ],
)
def test_code_that_is_made_to_be_deep_ends_nothing(source):
    assert found(source) == []


def test_a_package_of_the_same_last_name_is_another():
    assert not is_the_same("mine.scaled_dot_product_attention", SDPA)


@pytest.mark.parametrize("unit", all_units(current().folder), ids=lambda unit: unit.name)
def test_no_reference_uses_what_the_unit_lists(unit):
    cells = [CodeCell("extra", "0", unit.preamble())]
    cells += [CodeCell("exercise", name, unit.answer(name)) for name in unit.exercises]
    assert library_calls(cells, unit.library_calls, unit.exercises) == []
