"""One function per exercise: what its run, its parts and their inputs share, and what they do not."""

import types

import pytest
import torch

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import StudentError, local
from course_utils.engine.judging import judge
from course_utils.engine.judging.judge import Trouble
from course_utils.engine.judging.rule import Check, looks, rules_of

NAMES = {"double": lambda x: 2 * x}
CASES = [dict(seq=3), dict(seq=5)]


def seen_of(look, cases=CASES, names=NAMES, seed="seed", only=None):
    rules = [one for one in look.rules if only is None or one.check in only]
    return judge.Looks(rules, local(names), cases, seed)


def test_the_function_runs_once_for_all_checks_of_a_case():
    runs = []

    @looks("double", values=Check(), gradient=Check())
    def double(student, draw):
        runs.append(draw.seq)
        return {"values": {}, "gradient": dict}

    assert dict(seen_of(double)) == {"double-values": [{}, {}], "double-gradient": [{}, {}]}
    assert runs == [3, 5]


def test_a_part_that_is_a_function_is_called_for_its_own_check_alone():
    called = []

    @looks("double", values=Check(), gradient=Check())
    def double(student, draw):
        return {"values": {"a": 1}, "gradient": lambda: called.append(draw.seq) or {"b": 2}}

    assert seen_of(double)["double-values"] == [{"a": 1}, {"a": 1}]
    assert called == []


def test_what_the_function_raises_is_the_trouble_of_every_check():
    @looks("double", values=Check(), gradient=Check())
    def double(student, draw):
        raise StudentError(["KeyError"], "double", 2)

    troubles = [case for look in seen_of(double).values() for case in look]
    assert [(case.outcome, case.about["type"]) for case in troubles] == [("error", "KeyError")] * 4


def test_what_a_part_raises_is_the_trouble_of_its_check():
    @looks("double", values=Check(), gradient=Check())
    def double(student, draw):
        return {"values": {"a": 1}, "gradient": lambda: dict(next(iter([])))}

    found = seen_of(double, CASES[:1])
    assert (found["double-values"], found["double-gradient"]) == ([{"a": 1}], [Trouble("failed", "odd_value")])


def test_what_a_part_draws_moves_no_other_part():
    @looks("double", first=Check(), second=Check())
    def double(student, draw):
        draw.normal(4)
        return {name: lambda: {"x": draw.normal(draw.seq)} for name in ("first", "second")}

    together = seen_of(double)
    backwards = {check: together[check] for check in reversed(list(together))}
    alone = seen_of(double, only=["second"])["double-second"]
    assert all(torch.equal(one["x"], other["x"]) for one, other in zip(backwards["double-second"], alone, strict=True))
    assert not torch.equal(backwards["double-first"][0]["x"], alone[0]["x"])


def test_a_check_that_no_size_changes_is_looked_at_on_the_first_case_alone():
    runs = []

    @looks("double", errors=Check(once=True))
    def double(student, draw):
        runs.append(draw.seq)
        return {"errors": {"a": 1}}

    assert seen_of(double)["double-errors"] == [{"a": 1}, {}]
    assert runs == [3]


def test_rules_are_told_in_the_order_in_which_they_are_written():
    @looks("double", values=Check(atol=1e-3), gradient=Check(constant=True))
    def double(student, draw):
        return {}

    @looks("half", values=Check())
    def half(student, draw):
        return {}

    found = rules_of(types.SimpleNamespace(double=double, half=half))
    assert [one.name for one in found] == ["double-values", "double-gradient", "half-values"]
    assert [(one.atol, one.constant) for one in found[:2]] == [(1e-3, False), (2e-5, True)]


def test_a_check_that_the_function_leaves_out_is_the_rules_own_mistake():
    @looks("double", values=Check())
    def double(student, draw):
        return {}

    with pytest.raises(KeyError, match="values"):
        seen_of(double)["double-values"]


def test_a_draw_beside_another_has_its_sizes_and_inputs_of_its_own():
    draw, alone = Draw(1, seq=4), Draw(1, seq=4)
    other = draw.beside("content")
    assert other.seq == 4
    assert not torch.equal(other.normal(4), draw.normal(4))
    assert torch.equal(draw.normal(4), (alone.normal(4), alone.normal(4))[1])


def test_an_exception_beside_other_observations_is_told_with_its_line():
    @looks("double", values=Check())
    def double(student, draw):
        return {"values": {"whole": StudentError(["TypeError"], "double", 2), "half": 1.0}}

    (seen,) = seen_of(double, CASES[:1])["double-values"]
    difference = judge.differs([seen], [{"whole": 2.0, "half": 1.0}], double.rules[0])
    assert (difference.outcome, difference.about["type"], difference.about["line"]) == ("error", "TypeError", 2)


def test_two_answers_that_raise_the_same_beside_equal_numbers_are_equal():
    one, other = (Trouble("error", "raised", {"type": "TypeError", "line": line}) for line in (2, 5))
    rule_of_values = looks("double", values=Check())(lambda student, draw: {}).rules[0]
    assert judge.differs([{"a": one, "b": 1.0}], [{"a": other, "b": 1.0}], rule_of_values) is None
    assert judge.differs([{"a": one, "b": 1.0}], [{"a": other, "b": 2.0}], rule_of_values).observation == "b"


def test_a_line_that_is_none_of_the_cells_own_is_not_told_beside_other_observations_either():
    told = Trouble("error", "raised", {"type": "TypeError", "cell": "double", "line": 400})
    seen = judge.placed({"a": told, "b": 1.0}, "double", "def double(x):\n    return x")
    assert (seen["a"].reason, "line" in seen["a"].about, seen["b"]) == ("raised_elsewhere", False, 1.0)
