"""Answers without content earn next to nothing: constants, noise, and inputs handed back, whatever is drawn.

`engine/proving/lazy/` makes some for any exercise, and a unit's `lazy.py` has those that only who knows it would try.
Weights that are uniform because the scores are still open are none of these where the two other TODOs are done: they
keep their points.
"""

import warnings
from functools import cache

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading.assess import trial
from course_utils.engine.making.units import all_units
from course_utils.engine.proving import lazy

UNITS = all_units(current().folder)
EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
MANY = 10
QUICK = 24  # answers to an exercise that are tried where the test is not a long one


@cache
def answers(unit, exercise):
    """Lazy answers to an exercise, by name."""
    return lazy.answers(unit, exercise)


def earned(unit, judge, exercise, source, seed):
    """The points of an answer in its own exercise, with the reference round it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdicts = trial(judge, {exercise: source}, seed)
    return sum(unit.points(check) for check in unit.checks(exercise) if verdicts[check].outcome == "passed")


def table(unit, judge_of, exercise, names, seeds):
    """Lazy answer -> the most points that it earns, where that is more than it may."""
    most = lazy.MOST * sum(unit.points(check) for check in unit.checks(exercise)) + 1e-9
    known, found = answers(unit, exercise), {}
    for seed in seeds:
        for name in names:
            points = earned(unit, judge_of(unit, seed), exercise, known[name], seed)
            found[name] = max(points, found.get(name, 0.0))
    for name, points in found.items():
        print(f"{exercise:30} {points:4g}  {name}")
    return {name: points for name, points in found.items() if points > most}


def spread(names, count):
    """So many of the names, from the first to the last."""
    step = max(1, -(-len(names) // count))
    return names[::step]


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_answer_without_content_earns_a_tenth_at_most(unit, exercise, judge_of, quiet):
    names = spread(list(answers(unit, exercise)), QUICK)
    assert table(unit, judge_of, exercise, names, ["a secret seed"]) == {}


@pytest.mark.long
@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_answer_without_content_earns_a_tenth_at_most_whatever_is_drawn(unit, exercise, judge_of, quiet):
    seeds = [f"secret {number}" for number in range(MANY)]
    assert table(unit, judge_of, exercise, list(answers(unit, exercise)), seeds) == {}


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_every_lazy_answer_has_the_exercises_name(unit, exercise):
    for source in answers(unit, exercise).values():
        names = {}
        exec(compile(source, exercise, "exec"), unit.namespace() if "Broken" in source else names)
        assert "Broken" in source or exercise in names


UNIFORM = """
import torch

def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q.new_zeros(*q.shape[:-1], k.size(-2))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)
    attn = torch.softmax(scores, dim=-1)
    return attn @ v, attn
"""


def test_uniform_weights_that_follow_the_mask_keep_the_points_of_the_two_todos_behind_them(judge_of):
    unit = next(unit for unit in UNITS if unit.name == "02_attention")
    for number in range(MANY):
        seed = f"secret {number}"
        assert earned(unit, judge_of(unit, seed), "scaled_dot_product_attention", UNIFORM, seed) == 5


BY_ONE_NUMBER = """
import torch

def evaluate(model, batches):
    model.eval()
    with torch.no_grad():
        for batch in batches:
            model(batch["input_ids"], batch["attention_mask"])
    return {share}
"""


@pytest.mark.parametrize("share", [number / 22 for number in (0, 3, 11, 16, 19, 22)])
def test_no_share_is_right_for_all_students(share, judge_of):
    unit = next(unit for unit in UNITS if unit.name == "04_text_classifier")
    for number in range(MANY):
        seed = f"secret {number}"
        assert earned(unit, judge_of(unit, seed), "evaluate", BY_ONE_NUMBER.format(share=share), seed) == 0


def test_a_lost_property_of_an_answer_without_content_is_told_by_its_own_sentence(judge_of):
    unit = next(unit for unit in UNITS if unit.name == "01_positional_encoding")
    source = answers(unit, "shift_matrix")["the offset"]
    verdicts = trial(judge_of(unit, "told"), {"shift_matrix": source}, "told")
    assert "counts once the answer works" in verdicts["shift_matrix-errors"].message["en"]
