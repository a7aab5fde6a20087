"""Recorded looks: equal when replayed, one line each, and a damaged file is told by its line."""

import json
import math
import shutil

import pytest
import torch

from course_utils.engine.asking.codec import Foreign, Reference
from course_utils.engine.course import LOOKS, CourseError, CourseUnit, current
from course_utils.engine.judging import recorded as recorded_module
from course_utils.engine.judging.judge import Fingerprint, Trouble, differs, recognise
from course_utils.engine.judging.recorded import (
    as_lines,
    recorded,
    recorded_looks,
    recorded_mistakes,
    replayed,
)
from course_utils.engine.judging.rule import AnyOf, Rule

UNITS = [pytest.param(unit, id=unit.name) for unit in current().units()]
TENSOR = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
RULE = Rule("double", "values", lambda student, draw: {}, 1e-4, 1e-4)


# values as JSON -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        TENSOR,
        torch.tensor([True, False]),
        torch.arange(6).reshape(2, 3),
        torch.empty(0, 3),
        torch.tensor(0.25),
        torch.tensor([math.inf, -math.inf]),
        0.5,
        3,
        True,
        "ValueError",
        None,
        [1, [TENSOR, "a"]],
        {"a": {"b": TENSOR}},
        AnyOf([TENSOR, TENSOR.T]),
    ],
    ids=str,
)
def test_a_recorded_look_is_json_and_equal_when_replayed(value):
    (again,) = replayed(json.loads(json.dumps(recorded([{"a": value}]))))
    assert differs([again], [{"a": value}], RULE) is None
    assert differs([{"a": value}], [again], RULE) is None


def test_a_recorded_nan_is_recognised_again():
    nan = [{"a": torch.tensor([math.nan])}]
    assert differs(nan, replayed(json.loads(json.dumps(recorded(nan)))), RULE, equal_nan=True) is None


def test_recorded_numbers_are_the_same_on_machines_that_round_differently():
    a, b = torch.tensor([0.1]).double(), torch.tensor([0.1]).double() * (1 + 1e-12)
    assert recorded(a) == recorded(b)
    assert recorded(torch.tensor([1e-12, -1e-13])) == recorded(torch.zeros(2))


def test_a_recorded_object_is_known_by_its_word_alone():
    assert recorded(Reference(3, "Secret")) == recorded(Foreign("Secret")) == {"foreign": "object"}


def test_a_recorded_value_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown kind: 'module'"):
        replayed({"module": 1})


def test_a_mistake_is_recognised_by_the_exception_that_it_raises():
    trouble = [Trouble("error", "raised", {"type": "TypeError", "cell": "double", "line": 4})]
    known = [Fingerprint("halved", {"double-values": replayed(json.loads(json.dumps(recorded(trouble))))})]
    assert recognise("double-values", {"double-values": trouble}, known, {"double-values": RULE}) == "halved"


# a line a look --------------------------------------------------------------------------------------------------------


def look_of(factor):
    return [{"values": TENSOR * factor}]


def mistake(hint, factor):
    return Fingerprint(hint, {"double-values": look_of(factor), "double-errors": look_of(factor + 0.1)})


TRUTHS = {"double-values": look_of(2.0), "double-errors": look_of(0.0)}
FIRST, SECOND, OTHER = mistake("halved", 0.5), mistake("halved", 0.25), mistake("squared", 4.0)


def lines_of(*known):
    return as_lines("solutions/00_toy", TRUTHS, {"double": known}).splitlines()


def test_the_first_line_says_where_the_looks_come_from_and_each_other_is_one_look():
    header, *others = map(json.loads, lines_of(FIRST, OTHER))
    assert header == {"generated_from": "solutions/00_toy"}
    assert [{key: line[key] for key in line if key != "look"} for line in others] == [
        {"check": "double-values"},
        {"check": "double-errors"},
        {"hint": "halved", "number": 1, "check": "double-values"},
        {"hint": "halved", "number": 1, "check": "double-errors"},
        {"hint": "squared", "number": 1, "check": "double-values"},
        {"hint": "squared", "number": 1, "check": "double-errors"},
    ]


def test_a_changed_mistake_changes_its_own_lines_alone():
    before, after = lines_of(FIRST, SECOND, OTHER), lines_of(mistake("halved", 0.6), SECOND, OTHER)
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [3, 4]


def test_a_new_mistake_leaves_the_lines_of_others_as_they_are():
    before, after = lines_of(FIRST, OTHER), lines_of(FIRST, SECOND, OTHER)
    assert after == before[:5] + after[5:7] + before[5:]


def test_numbers_are_as_short_as_they_can_be():
    text = as_lines("solutions/00_toy", {"double-values": [{"values": TENSOR / 3}]}, {})
    assert "[0.3333333, -0.6666667, 1.0, 0.1666667]" in text


# the files of the course ----------------------------------------------------------------------------------------------


@pytest.fixture
def unit(tmp_path):
    """A copy of a unit's texts and looks."""
    name = "01_positional_encoding"
    shutil.copytree(current().unit(name).folder / "recorded", tmp_path / name / "recorded")
    return CourseUnit(tmp_path / name)


@pytest.mark.parametrize("unit", UNITS)
def test_the_truth_of_every_check_is_recorded(unit):
    assert list(recorded_looks(unit)) == list(unit.texts["rules"])


@pytest.mark.parametrize("unit", UNITS)
def test_every_hint_has_a_mistake_that_draws_it(unit):
    known = {mistake.hint for mistakes in recorded_mistakes(unit).values() for mistake in mistakes}
    assert known == set(unit.texts["hints"])


@pytest.mark.parametrize("unit", UNITS)
def test_writing_what_was_read_gives_the_same_bytes(unit):
    text = (unit.folder / LOOKS).read_text(encoding="utf-8")
    origin = json.loads(text.partition("\n")[0])["generated_from"]
    assert as_lines(origin, recorded_looks(unit), recorded_mistakes(unit)) == text


@pytest.mark.parametrize("unit", UNITS)
def test_the_looks_of_a_unit_tell_nothing_of_a_mutant_but_its_hint(unit):
    """Names and sources of mutants stay with the instructor."""
    for line in (unit.folder / LOOKS).read_text(encoding="utf-8").splitlines()[1:]:
        assert set(json.loads(line)) - {"hint", "number"} == {"check", "look"}


def test_looks_at_the_truth_are_found_without_a_read_of_the_mistakes(unit, monkeypatch):
    """A right answer needs the lines of the truth, and the one behind them that says that there are no more."""
    replays = []
    monkeypatch.setattr(recorded_module, "replayed", lambda value: replays.append(value) or [])
    assert len(recorded_looks(unit)) == len(unit.texts["rules"]) == len(replays) - 1


def test_a_missing_file_is_told_by_its_name(unit):
    (unit.folder / LOOKS).unlink()
    with pytest.raises(CourseError, match=r"recorded/looks\.jsonl is missing; install the course again"):
        recorded_looks(unit)


DAMAGES = {
    "no JSON": ('{"check": "div_term-val', "Unterminated string"),
    "no text": (b"\xff", "invalid start byte"),
    "an empty line": ("", "Expecting value"),
    "no mapping": ("[]", "no mapping"),
    "brackets without an end": ("[" * 100_000, "nested too deeply|Expecting value"),
    "no check": ('{"look": []}', r"no look \(KeyError: 'check'\)"),
    "no look": ('{"check": "div_term-values"}', r"no look \(KeyError: 'look'\)"),
    "an unknown kind": ('{"check": "div_term-values", "look": {"module": 1}}', "no look .*unknown kind: 'module'"),
    "two kinds": ('{"check": "div_term-values", "look": {"float": 1, "dict": {}}}', "no look .*too many values"),
    "numbers that do not fit": (
        '{"check": "div_term-values", "look": {"tensor": ["int", [2], [1]]}}',
        "no look .*shape",
    ),
    "an unknown check": ('{"check": "div-values", "look": []}', "no look .*no check div-values"),
    "a check that is no word": ('{"check": [], "look": []}', "no look .*unhashable"),
    "an unknown hint": ('{"check": "div_term-values", "hint": "odd", "look": []}', "no look .*no hint odd"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_line_is_told_by_its_number(unit, damage, told):
    lines = (unit.folder / LOOKS).read_bytes().splitlines()
    lines[2] = damage if isinstance(damage, bytes) else damage.encode()
    (unit.folder / LOOKS).write_bytes(b"\n".join(lines))
    with pytest.raises(CourseError, match=rf"recorded/looks\.jsonl, line 3: ({told}).*; install the course"):
        recorded_looks(unit)


def test_a_check_without_a_look_at_the_truth_is_named(unit):
    lines = (unit.folder / LOOKS).read_text(encoding="utf-8").splitlines(keepends=True)
    (unit.folder / LOOKS).write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    with pytest.raises(CourseError, match=r"looks\.jsonl: no look at the truth for div_term-values; install"):
        recorded_looks(unit)


def test_a_damaged_look_of_a_mistake_is_told_when_mistakes_are_asked_for(unit):
    lines = (unit.folder / LOOKS).read_text(encoding="utf-8").splitlines()
    (unit.folder / LOOKS).write_text("\n".join([*lines[:-1], lines[-1][:-5]]), encoding="utf-8")
    recorded_looks(unit)
    with pytest.raises(CourseError, match=rf"looks\.jsonl, line {len(lines)}: Expecting"):
        recorded_mistakes(unit)
