"""What the self-check tells of an exception: class, words, line and the line itself; in grading a class and a line."""

import json
import linecache

import pytest
import torch

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student, StudentError, local
from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.judging import judge
from course_utils.engine.judging.raised import MAX_CODE, MAX_WORDS, Place, raised_by
from course_utils.engine.judging.recorded import recorded
from course_utils.engine.learning import report
from course_utils.engine.learning.own import OwnWorkbench, own
from course_utils.engine.learning.report import check_names
from course_utils.engine.making.units import Unit

UNIT = Unit(current().folder / "01_positional_encoding")
RULE = UNIT.rules["div_term-values"]


def names_of(*cells):
    """The names of a notebook whose cells have run."""
    bench = Workbench({})
    for number, source in enumerate(cells):
        answer = bench.perform({"do": "run", "name": f"raised {number}", "source": source})
        assert "error" not in answer, answer
    return bench.names


def messages(*cells, language="en"):
    return check_names("div_term", names_of(*cells), language).messages()


def test_an_exception_is_told_with_class_words_line_and_the_line_itself():
    cell = "import math\n\ndef div_term(d_model):\n    half = d_model // 2\n    return mth.exp(half)"
    assert messages(cell) == [
        "Your code raised NameError in line 5: name 'mth' is not defined. Did you mean math?"
        "\n    5 | return mth.exp(half)"
    ]
    assert messages(cell, language="zh") == [
        "你的代码在第 5 行抛出了 NameError：name 'mth' is not defined。"
        "你想写的是 math 吗？\n    5 | return mth.exp(half)"
    ]


def test_a_line_of_another_function_is_told_with_its_name():
    helper = "def helper(x):\n    return x['a']"
    assert messages(helper, "def div_term(d_model):\n    return helper({})") == [
        "Your code raised KeyError in helper, line 2 of its cell: 'a'\n    2 | return x['a']"
    ]


def test_a_line_below_the_exercise_itself_is_its_own():
    cell = "def div_term(d_model):\n    def inner():\n        raise OSError\n    return inner()"
    assert messages(cell) == ["Your code raised OSError in line 3.\n    3 | raise OSError"]


def test_the_line_is_the_learners_where_torch_raised():
    cell = "import torch\n\ndef div_term(d_model):\n    return torch.nn.Linear(2, 3)(torch.ones(5))"
    assert messages(cell) == [
        "Your code raised RuntimeError in line 4: mat1 and mat2 shapes cannot be multiplied (1x5 and 2x3)\n"
        "    4 | return torch.nn.Linear(2, 3)(torch.ones(5))"
    ]


def test_a_call_that_never_reached_the_code_has_no_line():
    assert messages("def div_term():\n    return 3") == [
        "Your code raised TypeError: div_term() takes 0 positional arguments but 1 was given"
    ]


def test_lines_are_those_of_the_cell_in_a_kernel_too():
    """There a cell's file has a name of the kernel's own; that the code runs in the notebook's namespace tells it."""
    names, file = {}, "/tmp/ipykernel_7/123456.py"
    source = "\ndef div_term(d_model):\n    return 1 / 0\n"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    assert check_names("div_term", names, "en").messages() == [
        "Your code raised ZeroDivisionError in line 3: division by zero\n    3 | return 1 / 0"
    ]


def test_a_class_of_the_learners_own_is_told_by_its_name():
    cell = "class Own(Exception):\n    pass\n\ndef div_term(d_model):\n    raise Own('why')"
    assert messages(cell) == ["Your code raised Own in line 5: why\n    5 | raise Own('why')"]


def test_a_named_mistake_that_raises_is_told_with_what_was_raised():
    mutant = next(
        mutant
        for mutant in UNIT.mutants
        for names in [UNIT.namespace({mutant.exercise: UNIT.mutated(mutant)})]
        for verdict in check_names(mutant.exercise, names, "en").verdicts
        if verdict.outcome == "error" and verdict.hint
    )
    cells = {name: UNIT.answer(name) for name in UNIT.exercises} | {mutant.exercise: UNIT.mutated(mutant)}
    found = check_names(mutant.exercise, names_of(UNIT.preamble(), *cells.values()), "en")
    told = [verdict for verdict in found.verdicts if verdict.outcome == "error" and verdict.hint]
    assert told
    for verdict in told:
        question, raised, *_ = verdict.message["en"].split("\n")
        assert question == UNIT.hints["misconceptions"][verdict.hint]["en"]
        assert raised.startswith("Your code raised ")


# words ------------------------------------------------------------------------------------------------------------


class Mute(Exception):
    """Cannot say its words."""

    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError(""), ""),
        (ValueError("one\n\ttwo\n  three"), "one two three"),
        (Mute(), ""),
        (ValueError("a\x1b[31m\u202eb\udc80"), "a [31m b"),
        (ValueError("x" * 1000), "x" * (MAX_WORDS - 1) + "…"),
        (RuntimeError("CUDA error: bad\nException raised from f at a.cpp:1\nframe #0: g"), "CUDA error: bad"),
        (SyntaxError("invalid syntax", ("<cell x>", 3, 1, "x")), "invalid syntax"),
    ],
    ids=["none", "several lines", "fails to speak", "control characters", "long", "traces of C++", "syntax"],
)
def test_words_are_one_printable_line_of_a_bearable_length(error, words):
    assert raised_by(error, {}).words == words


def test_of_torchs_list_of_signatures_nothing_is_told():
    with pytest.raises(TypeError, match="invalid combination") as caught:
        torch.arange("x", 3)
    words = raised_by(caught.value, {}).words
    assert words == "arange() received an invalid combination of arguments - got (str, int)"


def test_a_long_line_of_code_is_cut():
    shown = messages(f"def div_term(d_model):\n    raise OSError({'1 + ' * 100}1)")[0].splitlines()[-1]
    assert shown.endswith("…")
    assert len(shown) == MAX_CODE + len("    2 | ")


def test_no_text_of_an_exception_is_live_in_a_notebook():
    names = names_of("def div_term(d_model):\n    raise OSError('<script>1</script>') # <b>")
    shown = check_names("div_term", names, "en")._repr_html_()
    assert "<script>" not in shown
    assert "# <b>" not in shown
    assert "&lt;script&gt;1&lt;/script&gt;" in shown


def test_the_text_of_a_report_shows_the_line_below_the_sentence():
    shown = repr(check_names("div_term", names_of("def div_term(d_model):\n    raise OSError"), "en"))
    assert "\n  → Your code raised OSError in line 2.\n        2 | raise OSError\n" in shown


# in grading -------------------------------------------------------------------------------------------------------

HIDING = "def div_term(d_model):\n    raise ValueError(f'the hidden input {d_model}')"


def test_an_answer_carries_no_word_of_an_exception_not_even_in_the_self_check():
    bench = OwnWorkbench(names_of(HIDING))
    answer = bench.perform({"do": "call", "name": "div_term", "args": [22], "kwargs": {}})
    assert "22" not in json.dumps(answer)
    assert bench.raised(answer["error"]).words == "the hidden input 22"


def test_a_handle_as_the_grader_has_it_tells_no_words():
    with pytest.raises(StudentError, match=r"^ValueError$") as caught:
        local(names_of(HIDING)).call("div_term", 22)
    assert caught.value.raised is None


@pytest.mark.parametrize(
    "more", [{"raised": 0}, {"raised": {"words": "22"}}, {"words": "22"}, {"raised": "22"}], ids=json.dumps
)
def test_a_forged_answer_brings_no_words_to_the_grader(more):
    told = {"types": ["ValueError"], "cell": "div_term", "line": 2, **more}
    (seen,) = judge.look(RULE, Student(lambda request: {"error": told}), [dict(d_model=22)], "seed")
    assert seen.raised is None
    assert "22" not in json.dumps(judge.explain(RULE, seen, {}, show_values=True))


def test_what_was_raised_is_shown_only_where_values_are():
    draw = Draw(1, first=True, d_model=22)
    with pytest.raises(StudentError, match="ValueError") as caught:
        RULE.look(own(names_of(HIDING)), draw)
    trouble = judge.trouble_of(caught.value)
    assert "22" in judge.explain(RULE, trouble, {}, show_values=True)["en"]
    assert "22" not in json.dumps(judge.explain(RULE, trouble, {}, show_values=False))


def test_what_was_raised_is_no_part_of_a_mistakes_fingerprint():
    (seen,) = report.looks(UNIT, "div_term", names_of(HIDING))[1]["div_term-values"][:1]
    assert seen.raised is not None
    assert recorded(seen) == {"trouble": ["error", seen.reason, {"type": "ValueError", "cell": seen.about["cell"]}]}
    assert seen == judge.Trouble(seen.outcome, seen.reason, seen.about)


@pytest.mark.parametrize(("function", "here"), [("f", True), ("f.inner", True), ("<module>", True), ("fg", False)])
def test_a_place_knows_whether_it_lies_in_the_exercise(function, here):
    assert (Place(3, function, "").named("f")[0] == "_here") == here
