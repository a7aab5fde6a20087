"""Of an exception's words only those are told that stand, as code, in the line that is told."""

import pytest
import torch

from course_utils.engine.judging.claims import GPU, cause_of, stands_in_line, word_of
from course_utils.engine.judging.judge import Trouble, placed, told


@pytest.mark.parametrize(
    ("word", "line"),
    [("einops", 1), ("a", 2), ("a.b", 2), ("tokenizer", 4), ("encode_plus", 4), ("rearrange", 5), ("np", 7)],
)
def test_a_name_of_the_line_is_told(word, line):
    source = "from einops import rearrange\nimport a.b\n"
    source += "def f(x):\n    tokenizer.encode_plus(x)\n    rearrange(x)\n    (x +\n     np)"
    assert stands_in_line(word, source, line)


@pytest.mark.parametrize(
    ("word", "source"),
    [
        ("W18", "raise NameError  # W18"),
        ("W18", "'W18'"),
        ("W18", "x = 1\nW18"),
        ("W18", "; ".join(f"W{n}" for n in range(64))),
        ("W 18", "W"),
        ("W" * 100, "W" * 100),
        (18, "x"),
        (None, "x"),
        ("x", "this is no Python ("),
    ],
)
def test_no_other_word_is_told(word, source):
    assert not stands_in_line(word, source, 1)


def raised_by(code):
    try:
        exec(code, {"torch": torch})
    except Exception as error:
        return error
    raise ValueError(code)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("import no_such.thing", "no_such"),
        ("x = y", "y"),
        ("(3).z", "z"),
        ("1 / 0", None),
        ("raise NameError('x')", None),
    ],
)
def test_the_name_that_is_missing_is_known(code, word):
    assert word_of(raised_by(code)) == word


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(
    "code", ["torch.ones(1, device='cuda')", "torch.nn.Linear(1, 1).to('cuda')", "torch.ones(1).cuda()"]
)
def test_a_gpu_that_is_not_there_is_known(code):
    assert cause_of(raised_by(code)) == GPU


@pytest.mark.parametrize(
    "code", ["torch.ones(2) @ torch.ones(3)", "assert False", "raise ValueError('Torch not compiled with')"]
)
def test_other_errors_have_no_such_cause(code):
    assert cause_of(raised_by(code)) is None


def trouble(kind, word=None, **about):
    return Trouble("error", "raised", {"type": kind, "cell": "f", "line": 1, **about}, word=word)


@pytest.mark.parametrize(
    ("seen", "source", "sentence"),
    [
        (trouble("ModuleNotFoundError", "einops"), "import einops", "line 1 of this cell: einops cannot be imported"),
        (trouble("NameError", "x"), "x", "NameError in line 1 of this cell: the name x has no value there."),
        (trouble("AttributeError", "x"), "a.x", "has no x."),
        (trouble("NameError", "W18"), "y  # W18", "Your code raised NameError in line 1 of this cell."),
        (trouble("AssertionError", cause=GPU), "y", "Your code asked for a GPU in line 1 of this cell"),
    ],
)
def test_a_sentence_names_the_cause(seen, source, sentence):
    assert sentence in told(placed(seen, "f", source), "f")["en"]


def test_a_word_of_another_cell_is_not_told():
    seen = Trouble("error", "raised", {"type": "NameError", "cell": "g", "line": 1}, word="x")
    assert told(placed(seen, "f", "x"), "f")["en"] == "Your code raised NameError."


def test_a_reason_stands_behind_the_sentence_in_each_language():
    because = {"en": "So it is.", "zh": "就是这样。"}
    found = told(Trouble("error", "raised_elsewhere", {"type": "NameError", "because": because}), "f")
    assert found == {"en": "Your code raised NameError. So it is.", "zh": "你的代码抛出了 NameError。就是这样。"}
