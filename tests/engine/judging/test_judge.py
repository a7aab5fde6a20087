"""Verdicts: what counts as equal, what is recognised as a known mistake, and what is said, without a hidden value."""

import json
import math
import re

import pytest
import torch

from course_utils.engine.asking.codec import Foreign
from course_utils.engine.asking.student import Fault, StudentError, local
from course_utils.engine.judging import judge
from course_utils.engine.judging.judge import Difference, Fingerprint, Trouble, differs, recognise
from course_utils.engine.judging.rule import CONTENT, AnyOf, Rule
from course_utils.engine.judging.sentences import SENTENCES, filled

TENSOR = torch.tensor([[1.0, -2.0], [3.0, 0.5]])


def rule_of(look=lambda student, draw: {}, exercise="double", check="values", atol=1e-4, rtol=1e-4):
    return Rule(exercise, check, lambda student, draw: {check: look(student, draw)}, atol, rtol)


RULE = rule_of()
TEXTS = {
    "rules": {"double-values": {"en": "Every value is doubled.", "zh": "每个值都翻倍。"}},
    "hints": {"halved": {"en": "Is it half?", "zh": "是一半吗？"}},
}


# equal and different ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (TENSOR, TENSOR),
        (TENSOR.double(), TENSOR),
        (TENSOR.half(), TENSOR),
        (TENSOR + 5e-5, TENSOR),
        (torch.tensor([1, 0]), torch.tensor([True, False])),
        (1.00001, 1.0),
        (1, 1.0),
        ([1, [TENSOR, "a"]], [1, (TENSOR, "a")]),
        ("ValueError", "ValueError"),
        (None, None),
        (torch.empty(0, 3), torch.empty(0, 3)),
    ],
    ids=str,
)
def test_these_count_as_equal(got, wanted):
    assert differs([{"a": got}], [{"a": wanted}], RULE) is None


@pytest.mark.parametrize(
    ("got", "wanted", "reason"),
    [
        (TENSOR + 1e-2, TENSOR, "value"),
        (TENSOR.T, TENSOR, "value"),
        (TENSOR[:1], TENSOR, "shape"),
        (TENSOR[None], TENSOR, "shape"),
        (TENSOR.tolist(), TENSOR, "kind"),
        (None, TENSOR, "kind"),
        (TENSOR.to(torch.complex64), TENSOR, "kind"),
        (torch.full((2, 2), math.nan), TENSOR, "value"),
        (torch.full((2, 2), math.nan), torch.full((2, 2), math.nan), "value"),
        (torch.full((2, 2), math.inf), TENSOR, "value"),
        (1.1, 1.0, "value"),
        (True, 1.0, "value"),
        ("1.0", 1.0, "value"),
        (math.nan, math.nan, "value"),
        (1, True, "value"),
        (True, 1, "value"),
        ([1, 2], [1, 2, 3], "value"),
        ("IndexError", "ValueError", "value"),
        ("", "ValueError", "value"),
        ({"a": TENSOR}, {"a": True}, "value"),
        ({"a": TENSOR + 1}, {"a": TENSOR}, "value"),
        ({"b": 1}, {"a": 1}, "value"),
        (TENSOR, {"a": 1}, "value"),
    ],
    ids=str,
)
def test_these_count_as_different(got, wanted, reason):
    found = differs([{"a": got}], [{"a": wanted}], RULE)
    assert isinstance(found, Difference)
    assert (found.observation, found.reason) == ("a", reason)


class Pretender:
    """Says that it equals everything."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize("wanted", [3, "ValueError", True, None, TENSOR, [1], 1.0], ids=str)
def test_an_object_that_equals_everything_equals_nothing_here(wanted):
    assert differs([{"a": Pretender()}], [{"a": wanted}], RULE) is not None


def test_a_missing_observation_is_a_difference_and_one_more_is_none():
    assert differs([{}], [{"a": 1}], RULE).observation == "a"
    assert differs([{"a": 1, "b": 2}], [{"a": 1}], RULE) is None


def test_the_first_difference_is_told():
    found = differs([{"a": 1, "b": 2}, {"a": 9}], [{"a": 1, "b": 3}, {"a": 1}], RULE)
    assert (found.observation, found.got, found.expected) == ("b", 2, 3)


def test_a_number_that_is_not_a_number_equals_itself_only_among_mistakes():
    nan = [{"a": torch.tensor([math.nan])}]
    assert differs(nan, nan, RULE) is not None
    assert differs(nan, nan, RULE, equal_nan=True) is None


def test_the_tolerance_is_the_rules_own():
    got, wanted = [{"a": torch.tensor([1.0])}], [{"a": torch.tensor([1.05])}]
    assert differs(got, wanted, rule_of(atol=0.1, rtol=0.0)) is None
    assert differs(got, wanted, rule_of(atol=0.01, rtol=0.0)) is not None


@pytest.mark.parametrize("views", [[TENSOR, TENSOR.T], [TENSOR.T, TENSOR], [TENSOR]])
def test_one_of_several_views_has_to_be_the_truths_first(views):
    assert differs([{"a": AnyOf(views)}], [{"a": AnyOf([TENSOR])}], RULE) is None


def test_a_wrong_shape_of_several_views_is_told_like_any_other():
    seen, expected = [{"a": AnyOf([TENSOR[:1], TENSOR[0]])}], [{"a": AnyOf([TENSOR])}]
    message = judge.verdict(RULE, seen, expected, str, TEXTS, show_values=True).message
    assert message["en"] == "The shape should be (2, 2), and (1, 2) came back."


def test_none_of_several_views_is_a_difference():
    assert differs([{"a": AnyOf([TENSOR + 1, TENSOR.T])}], [{"a": AnyOf([TENSOR])}], RULE).reason == "value"
    assert differs([{"a": AnyOf([])}], [{"a": AnyOf([TENSOR])}], RULE) is not None


def test_different_numbers_of_cases_are_no_comparison():
    with pytest.raises(ValueError, match="zip"):
        differs([{}], [{}, {}], RULE)


# trouble ----------------------------------------------------------------------------------------------------------


def raising(error):
    def look(student, draw):
        raise error

    return look


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (StudentError(["KeyError", "LookupError"], "double", 3), "error", "raised"),
        (StudentError(["KeyError"]), "error", "raised_elsewhere"),
        (StudentError(["MemoryError"], "double", 3), "memory", "memory"),
        (Fault("no_tensor", type="list"), "failed", "no_tensor"),
        (judge.CodecError("too large"), "failed", "unreadable_value"),
        (IndexError("a rule met something odd"), "failed", "odd_value"),
        (RuntimeError("shapes"), "failed", "odd_value"),
    ],
)
def test_a_case_that_cannot_be_looked_at_becomes_trouble(error, outcome, reason):
    (seen,) = judge.look(rule_of(raising(error)), local({}), [{}], "seed")
    assert (seen.outcome, seen.reason) == (outcome, reason)


def test_trouble_where_the_truth_has_none_is_told_itself():
    trouble = Trouble("error", "raised", {"type": "KeyError", "cell": "double", "line": 2})
    assert differs([trouble], [{"a": 1}], RULE) is trouble


def test_the_same_trouble_on_both_sides_is_no_difference_and_another_one_is():
    first = Trouble("error", "raised", {"type": "KeyError", "line": 2})
    assert differs([first], [Trouble("error", "raised", {"type": "KeyError", "line": 7})], RULE) is None
    assert differs([first], [Trouble("error", "raised", {"type": "TypeError"})], RULE) is first


# draws ------------------------------------------------------------------------------------------------------------


def test_each_check_and_case_and_student_has_its_own_seed():
    seeds = [judge.case_seed(s, c, n) for s in ("anna", "li") for c in ("a-x", "a-y") for n in range(3)]
    assert len(set(seeds)) == len(seeds)
    assert judge.case_seed("anna", "a-x", 0) == judge.case_seed("anna", "a-x", 0)


def test_learner_and_truth_get_the_same_inputs():
    rule = rule_of(lambda student, draw: {"x": student.call("double", draw.normal(draw.seq))})
    names = {"double": lambda x: x}
    first, second = (judge.look(rule, local(names), [dict(seq=3), dict(seq=5)], "seed") for _ in "ab")
    assert differs(first, second, RULE) is None
    assert not torch.equal(first[0]["x"], first[1]["x"][:3])


def test_looking_on_one_thread_leaves_threads_and_random_state_as_they_were():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    with judge.undisturbed():
        torch.rand(3)
        assert torch.get_num_threads() == 1
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


# names of mistakes ------------------------------------------------------------------------------------------------


def look_of(value):
    return [{"a": torch.tensor([value])}]


RULES = {"double-values": RULE, "double-errors": rule_of(check="errors")}


def test_a_known_mistake_is_recognised_by_equal_looks_at_a_lost_check():
    known = [
        Fingerprint("tripled", {"double-values": look_of(3.0)}),
        Fingerprint("halved", {"double-values": look_of(0.5)}),
    ]
    assert recognise("double-values", {"double-values": look_of(0.5)}, known, RULES) == "halved"
    assert recognise("double-values", {"double-values": look_of(9.0)}, known, RULES) == ""


def test_a_mistake_that_does_not_lose_the_check_is_not_its_name():
    known = [Fingerprint("kind_of_error", {"double-errors": look_of(0.5)})]
    assert recognise("double-values", {"double-values": look_of(0.5)}, known, RULES) == ""


def test_of_two_equal_mistakes_the_one_that_agrees_elsewhere_too_is_named():
    seen = {"double-values": look_of(0.5), "double-errors": look_of(1.0)}
    known = [
        Fingerprint("first", {"double-values": look_of(0.5), "double-errors": look_of(7.0)}),
        Fingerprint("second", {"double-values": look_of(0.5), "double-errors": look_of(1.0)}),
    ]
    assert recognise("double-values", seen, known, RULES) == "second"


def test_a_mistake_that_would_lose_another_check_too_is_not_the_name_of_one_that_does_not():
    seen = {"double-values": look_of(0.5), "double-errors": look_of(1.0)}
    known = [
        Fingerprint("larger", {"double-values": look_of(0.5), "double-errors": look_of(7.0)}),
        Fingerprint("fitting", {"double-values": look_of(0.5)}),
    ]
    assert recognise("double-values", seen, known, RULES) == "fitting"


def test_a_mistake_that_would_lose_a_check_that_the_answer_passes_is_not_its_name():
    seen = {"double-values": look_of(0.5), "double-errors": look_of(1.0)}
    known = [Fingerprint("larger", {"double-values": look_of(0.5), "double-errors": look_of(7.0)})]
    assert recognise("double-values", seen, known, RULES, lost=["double-values"]) == ""
    assert recognise("double-values", seen, known, RULES, lost=list(RULES)) == "larger"


def test_an_exception_that_is_raised_everywhere_is_not_the_name_of_a_mistake_at_one_check():
    raised = [Trouble("error", "raised", {"type": "AttributeError", "cell": "double", "line": 4})]
    known = [Fingerprint("none_not_thought_of", {"double-errors": raised})]
    assert recognise("double-errors", dict.fromkeys(RULES, raised), known, RULES) == ""
    seen = {"double-values": look_of(2.0), "double-errors": raised}
    assert recognise("double-errors", seen, known, RULES) == "none_not_thought_of"


def test_of_mistakes_that_agree_alike_the_first_is_named():
    known = [Fingerprint(name, {"double-values": look_of(0.5)}) for name in ("first", "second")]
    assert recognise("double-values", {"double-values": look_of(0.5)}, known, RULES) == "first"


def test_an_exception_alone_is_no_sign_of_a_mistake_that_gives_something_else_elsewhere():
    trouble = [Trouble("error", "raised", {"type": "RuntimeError", "cell": "double", "line": 4})]
    known = [Fingerprint("in_place", {"double-values": trouble, "double-errors": look_of(0.5)})]
    seen = {"double-values": trouble, "double-errors": look_of(0.5)}
    assert recognise("double-values", seen, known, RULES) == "in_place"
    assert recognise("double-values", {**seen, "double-errors": look_of(1.0)}, known, RULES) == ""
    assert recognise("double-values", {**seen, "double-errors": trouble}, known, RULES) == ""


# what is said -----------------------------------------------------------------------------------------------------


def said(seen, expected=None, hint="", show_values=False):
    return judge.verdict(RULE, seen, expected or look_of(2.0), lambda: hint, TEXTS, show_values)


def test_a_right_answer_passes_without_a_word():
    assert said(look_of(2.0)) == judge.Verdict("double-values", "passed")


def test_a_known_mistake_gets_its_question():
    verdict = said(look_of(0.5), hint="halved")
    assert (verdict.outcome, verdict.hint, verdict.message) == ("failed", "halved", TEXTS["hints"]["halved"])


def test_an_unknown_mistake_is_told_by_the_rules_line_in_both_languages():
    assert said(look_of(7.0)).message == {
        "en": "Not yet so: Every value is doubled.",
        "zh": "还不满足：每个值都翻倍。",
    }


@pytest.mark.parametrize("show_values", [True, False])
def test_only_the_self_check_tells_shapes(show_values):
    verdict = said([{"a": torch.zeros(3, 7)}], [{"a": torch.zeros(5, 11)}], show_values=show_values)
    assert ("(5, 11)" in verdict.message["en"]) is show_values
    assert ("(3, 7)" in verdict.message["zh"]) is show_values


def test_no_sentence_holds_an_expected_value():
    hidden = 0.8414709848
    for seen in (look_of(7.0), [{"a": torch.zeros(2)}], [{"a": [1]}], [Trouble("failed", "odd_value")], [{}]):
        message = said(seen, [{"a": torch.tensor([hidden])}]).message
        assert "0.84" not in json.dumps(message)


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"type": "KeyError", "cell": "double", "line": 3}, "Your code raised KeyError in line 3 of this cell."),
        ({"type": "KeyError", "cell": "half", "line": 3}, "Your code raised KeyError."),
    ],
)
def test_an_exception_is_told_with_a_line_only_if_the_line_is_of_this_cell(about, sentence):
    verdict = said([Trouble("error", "raised", about)])
    assert verdict.outcome == "error"
    assert verdict.message["en"] == sentence


def test_a_result_of_another_kind_is_told_by_a_known_word():
    assert said([{"a": Foreign("Secret")}]).message == filled("no_tensor", type="object")


@pytest.mark.parametrize("key", SENTENCES)
def test_every_sentence_stands_in_both_languages_with_the_same_gaps(key):
    gaps = {language: sorted(set(re.findall(r"{(\w+)}", text))) for language, text in SENTENCES[key].items()}
    assert set(gaps) == {"en", "zh"}
    assert gaps["en"] == gaps["zh"]


# where the learner's process says that it raised ----------------------------------------------------------------------

CELL = "def double(x):\n    raise KeyError\n\n\n"


def raised(cell, line, outcome="error"):
    about = {"type": "KeyError", "cell": cell, "line": line}
    return Trouble(outcome, "raised" if outcome == "error" else outcome, about)


@pytest.mark.parametrize("line", [1, 2])
def test_a_line_of_the_cell_is_kept(line):
    assert judge.placed(raised("double", line), "double", CELL) == raised("double", line)


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("double", 3),
        ("double", 1018),
        ("double", 0),
        ("double", -1),
        ("double", None),
        ("half", 2),
        ("Secret18", 2),
        (None, 2),
    ],
)
@pytest.mark.parametrize("outcome", ["error", "memory"])
def test_a_line_that_the_cell_does_not_have_is_told_nowhere(cell, line, outcome):
    placed = judge.placed(raised(cell, line, outcome), "double", CELL)
    assert placed.about == {"type": "KeyError"}
    assert placed.outcome == outcome
    message = judge.verdict(RULE, [placed], [{"a": 1}], lambda: "", TEXTS).message
    assert not re.search(r"\d|Secret", json.dumps(message, ensure_ascii=False))


@pytest.mark.parametrize("source", ["a\nb\nc", "a\r\nb\r\nc\r\n", "a\rb\x0c\u2028\rc\n\n", "\n\nc"])
def test_lines_are_counted_as_python_counts_them(source):
    assert judge.count_lines(source) == 3


@pytest.mark.parametrize(
    "seen", [{"a": 1}, Trouble("failed", "odd_value"), Trouble("failed", "no_tensor", {"type": "int"})]
)
def test_what_names_no_line_stays_as_it_is(seen):
    assert judge.placed(seen, "double", CELL) == seen


def test_a_lack_of_content_names_a_mistake_only_where_all_else_agrees_too():
    rules = {f"double-{check}": rule_of(check=check) for check in ("values", "errors")}
    hollow = [{"refused": "ValueError", CONTENT: False}]
    known = [Fingerprint("constant", {"double-values": [{"x": 1.0}], "double-errors": hollow})]
    for value, hint in ((1.0, "constant"), (2.0, "")):
        seen = {"double-values": [{"x": value}], "double-errors": hollow}
        assert recognise("double-errors", seen, known, rules, rules) == hint


def test_a_lack_of_content_has_a_sentence_of_its_own():
    missing = Difference(CONTENT, "value", True, False)
    assert judge.explain(RULE, missing, TEXTS, show_values=True) == filled("no_content")
