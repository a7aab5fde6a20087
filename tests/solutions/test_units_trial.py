"""Every unit against the contract, in pytest and without a kernel: points, mistakes, other right answers.

The numbers of the contract stand here as data, so that a point that moves in `truth.py` is noticed.
"""

import warnings

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading.assess import trial
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
SEEDS = ["first student", "第二个学生"]
# mutant -> a seed on which it once lost more than its own: scores that bend along a step, a layer that is nearly right,
# two largest values that changed places along a step
UNLUCKY = {
    "scale_upside_down": "05d62100fd3a8d9829218cad297a7929",
    "attention_without_heads": "dbg9",
    "largest_for_mean": "student 23",
}
MANY = 30

# exercise -> points in all, and the checks and their points where the contract names them
CONTRACT = {
    "01_positional_encoding": {
        "div_term": (3, {"values": 3}),
        "sinusoidal_encoding": (4, {"even": 2, "odd": 2}),
        "PositionalEncoding": (3, None),
        "shift_matrix": (3, None),
    },
    "02_attention": {
        "scaled_dot_product_attention": (8, {"scores": 3, "weights": 3, "context": 2}),
        "split_heads": (2, None),
        "merge_heads": (2, None),
        "MultiHeadSelfAttention": (4, None),
    },
    "03_encoder_layer": {
        "FeedForward": (2, None),
        "TransformerEncoderLayer": (8, {"attention": 2, "norm1": 2, "feed_forward": 2, "norm2": 2}),
        "RepairedEncoderLayer": (4, None),
    },
    "04_text_classifier": {
        "masked_mean": (3, None),
        "TransformerEncoderClassifier": (4, None),
        "train_epoch": (4, None),
        "evaluate": (3, None),
    },
    "05_bert_pooling": {
        "NewsDataset": (3, None),
        "cls_pooling": (2, None),
        "max_pooling": (2, None),
        "AttentionPooling": (4, None),
        "BertClassifier": (4, None),
        "mcnemar": (3, None),
    },
    "06_attention_maps": {"attention_entropy": (3, None), "attention_rollout": (4, None)},
    "07_sentence_embeddings": {"pack_sentences": (4, None), "sentence_embeddings": (3, None)},
    "08_learning_rate": {"warmup_linear_decay": (3, None)},
    "09_pretraining": {"mask_tokens": (5, None), "MaskedLanguageModel": (4, None), "masked_lm_loss": (3, None)},
}
QUESTIONS = {
    "01_positional_encoding": {"q1_sin_cos": 4},
    "02_attention": {"q2_multiple_heads": 4, "q3_scaling": 4},
    "03_encoder_layer": {"q4_residual_norm": 4},
    "04_text_classifier": {"q5_pooling": 4, "q6_versus_rnn_cnn": 4},
    "05_bert_pooling": {"q7_best_pooling": 6},
    "06_attention_maps": {"q10_explanation": 4},
    "07_sentence_embeddings": {"q8_document": 4},
    "08_learning_rate": {"q9_reflection": 4},
    "09_pretraining": {"q11_pretraining": 4},
}
LARGER = 3  # points from which on an exercise has at least six known mistakes

EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in CONTRACT.get(unit.name, ())]
MUTANTS = [
    pytest.param(unit, mutant, id=f"{mutant.exercise}-{mutant.name}") for unit in UNITS for mutant in unit.mutants
]
ALTERNATIVES = [
    pytest.param(unit, answer, id=f"{answer.exercise}-{answer.name}") for unit in UNITS for answer in unit.alternatives
]
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def tried(judge_of, unit, answers, seed):
    """Verdicts on answers; they may warn, as students' answers may."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trial(judge_of(unit, seed), answers, seed)


def lost(verdicts):
    return {check for check, verdict in verdicts.items() if verdict.outcome != "passed"}


# the contract -----------------------------------------------------------------------------------------------------


def test_every_unit_is_in_the_contract_and_every_unit_of_it_is_there():
    assert [unit.name for unit in UNITS] == list(CONTRACT) == list(QUESTIONS)


@of_units
def test_exercises_are_those_of_the_contract_in_its_order(unit):
    assert unit.exercises == list(CONTRACT[unit.name])


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_the_points_of_an_exercise_are_those_of_the_contract(unit, exercise):
    total, checks = CONTRACT[unit.name][exercise]
    points = {name.removeprefix(f"{exercise}-"): unit.points(name) for name in unit.checks(exercise)}
    assert sum(points.values()) == total
    assert checks is None or points == checks


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_a_check_is_called_by_its_exercise_and_a_short_name(unit, exercise):
    for name in unit.checks(exercise):
        assert name.startswith(f"{exercise}-")
        assert name.removeprefix(f"{exercise}-").replace("_", "").isalnum()


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_every_check_gives_points(unit, exercise):
    assert all(unit.points(name) > 0 for name in unit.checks(exercise))


@of_units
def test_questions_and_their_points_are_those_of_the_contract(unit):
    assert {name: question["points"] for name, question in unit.rubric.items()} == QUESTIONS[unit.name]


# fair hidden inputs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_more_than_one_hidden_size_is_tried(unit, exercise):
    assert len(unit.cases[exercise]) > 1


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_hidden_sizes_are_none_of_the_visible_ones(unit, exercise):
    visible = unit.visible_cases[exercise]
    assert [case for case in unit.cases[exercise] if case in visible] == []


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_the_axes_of_a_hidden_case_differ_in_size(unit, exercise):
    """A swapped axis cannot pass by luck. Repeated sizes would be seq == d_model and the like."""
    axes = ("batch", "seq", "seq_q", "seq_k", "num_heads", "d_head", "d_k", "d_v", "d_model", "d_ff", "max_len")
    for case in unit.cases[exercise]:
        sizes = [case[name] for name in axes if name in case]
        assert len(set(sizes)) == len(sizes), case


# answers ----------------------------------------------------------------------------------------------------------


# on the last seed each tanh of a right attention pooling was once exactly 1, and nothing before it learnt
@pytest.mark.parametrize("seed", [*SEEDS, "a third seed", "22768f340f6493ac"])
@of_units
def test_the_reference_gets_full_marks(unit, seed, judge_of):
    assert {check: v.message for check, v in tried(judge_of, unit, {}, seed).items() if v.outcome != "passed"} == {}


@of_units
def test_the_blank_release_gets_nothing_and_a_message_for_each_check(unit, judge_of):
    blank = {name: unit.released(name) for name in unit.exercises}
    verdicts = tried(judge_of, unit, blank, SEEDS[0])
    assert lost(verdicts) == set(unit.rules)
    assert all(verdict.message["en"] and verdict.message["zh"] for verdict in verdicts.values())


@pytest.mark.parametrize(("unit", "mutant"), MUTANTS)
def test_a_mutant_loses_exactly_its_checks_and_draws_its_hint(unit, mutant, judge_of, quiet):
    for seed in [*SEEDS, *([UNLUCKY[mutant.name]] if mutant.name in UNLUCKY else [])]:
        verdicts = tried(judge_of, unit, {mutant.exercise: unit.mutated(mutant)}, seed)
        assert lost(verdicts) == set(mutant.loses)
        assert mutant.hint in {verdicts[check].hint for check in mutant.loses}
        assert all(verdicts[check].hint for check in mutant.loses)


@pytest.mark.long
@pytest.mark.parametrize(("unit", "mutant"), MUTANTS)
def test_a_mutant_loses_exactly_its_checks_whatever_is_drawn(unit, mutant, judge_of, quiet):
    for number in range(MANY):
        verdicts = tried(judge_of, unit, {mutant.exercise: unit.mutated(mutant)}, f"student {number}")
        assert lost(verdicts) == set(mutant.loses), number


@pytest.mark.parametrize(("unit", "mutant"), MUTANTS)
def test_a_mutant_loses_checks_of_its_own_exercise_only(unit, mutant):
    assert mutant.loses
    assert set(mutant.loses) <= set(unit.checks(mutant.exercise))
    assert mutant.hint in unit.hints["misconceptions"]


@pytest.mark.parametrize(("unit", "answer"), ALTERNATIVES)
def test_an_alternative_loses_nothing(unit, answer, judge_of, quiet):
    for seed in SEEDS:
        verdicts = tried(judge_of, unit, {answer.exercise: answer.source}, seed)
        assert {check: v.message for check, v in verdicts.items() if v.outcome != "passed"} == {}


@pytest.mark.long
@pytest.mark.parametrize(("unit", "answer"), ALTERNATIVES)
def test_an_alternative_loses_nothing_whatever_is_drawn(unit, answer, judge_of, quiet):
    for number in range(MANY):
        verdicts = tried(judge_of, unit, {answer.exercise: answer.source}, f"student {number}")
        assert lost(verdicts) == set(), number


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_every_exercise_has_three_alternatives_and_a_larger_one_six_mutants(unit, exercise):
    total, _ = CONTRACT[unit.name][exercise]
    alternatives = [answer.name for answer in unit.alternatives if answer.exercise == exercise]
    mutants = [mutant.name for mutant in unit.mutants if mutant.exercise == exercise]
    assert len(set(alternatives)) == len(alternatives) >= 3
    assert len(mutants) >= (6 if total >= LARGER else 2)


@of_units
def test_every_check_is_lost_by_some_mutant(unit):
    assert {check for mutant in unit.mutants for check in mutant.loses} == set(unit.rules)


@of_units
def test_every_mutant_differs_from_the_reference(unit):
    assert [m.name for m in unit.mutants if unit.mutated(m).strip() == unit.answer(m.exercise).strip()] == []


@of_units
def test_a_mistake_in_the_first_exercise_is_paid_for_once(unit, judge_of, quiet):
    """Every mistake of the first exercise, with a reference after it, costs later exercises nothing."""
    first = unit.exercises[0]
    for mutant in [m for m in unit.mutants if m.exercise == first][:4]:
        verdicts = tried(judge_of, unit, {first: unit.mutated(mutant)}, SEEDS[1])
        assert {check for check in lost(verdicts) if not check.startswith(f"{first}-")} == set()


def test_the_laboratory_report_loses_the_frequencies_alone_and_hears_of_the_parenthesis(judge_of, quiet):
    from course_utils.engine.proving import sample

    lines = {}
    for unit in UNITS:
        verdicts = tried(judge_of, unit, sample.report(unit), SEEDS[0])
        lines |= {check: verdicts[check] for check in lost(verdicts)}
    assert list(lines) == ["div_term-values"]
    assert lines["div_term-values"].hint == "misplaced_parenthesis"
    assert "log(10000 / d_model)" in lines["div_term-values"].message["en"]
