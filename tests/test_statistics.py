"""Intervals and tests against values worked by hand and against the published formulas."""

from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats

from course_utils.statistics import (
    Interval,
    accuracy_interval,
    bootstrap_interval,
    compare,
    compare_within,
    equal_within,
    mcnemar,
    seeds_interval,
)

Z = 1.959963984540054  # the normal's 97.5% point


@pytest.mark.parametrize(("correct", "total"), [(8, 10), (1480, 1600), (0, 7), (7, 7), (21220, 25000)])
def test_an_accuracy_has_the_interval_of_wilsons_formula(correct: int, total: int):
    share, square = correct / total, Z * Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = Z / (1 + square / total) * sqrt(share * (1 - share) / total + square / (4 * total**2))
    assert accuracy_interval(correct, total) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_wilsons_interval_of_81_of_263_is_the_published_one():
    # Newcombe 1998, table I, row of 81/263: 0.2553 to 0.3662.
    assert accuracy_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_an_accuracy_of_one_has_an_interval_that_ends_at_one():
    low, high = accuracy_interval(50, 50)
    assert high == 1.0
    assert low == pytest.approx(50 / (50 + Z * Z), abs=1e-12)  # Wilson's formula at share 1


def test_the_interval_of_the_reports_best_run_covers_its_last_one():
    interval = accuracy_interval(round(0.9236 * 7600), 7600)
    assert interval.low < 0.9226 < interval.high


@pytest.mark.parametrize(("correct", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(correct: int, total: int):
    with pytest.raises(ValueError, match="correct must lie between 0 and total"):
        accuracy_interval(correct, total)


def test_three_seeds_have_students_interval():
    # Mean 2, standard error 1/sqrt(3), t with 2 degrees of freedom: 4.3027 at 97.5%.
    low, high = seeds_interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.302652729911275 / sqrt(3), 2 + 4.302652729911275 / sqrt(3)))


def test_seeds_that_agree_have_an_interval_of_no_width():
    assert seeds_interval([0.75, 0.75, 0.75]) == Interval(0.75, 0.75)


def test_one_seed_has_no_interval():
    with pytest.raises(ValueError, match="at least two runs, got 1"):
        seeds_interval([0.9])


def test_a_value_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        seeds_interval([0.9, float("nan")])


def test_the_bootstrap_of_a_mean_comes_close_to_the_normal_interval():
    values = np.random.default_rng(3).normal(5.0, 2.0, size=400)
    half = Z * values.std(ddof=1) / sqrt(400)
    # 2,000 resamples leave each end uncertain by about a twentieth of the half width.
    assert bootstrap_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_the_bootstrap_is_the_same_for_the_same_seed():
    values = np.random.default_rng(4).normal(size=30)
    assert bootstrap_interval(values, np.median, seed=1) == bootstrap_interval(values, np.median, seed=1)


def test_the_bootstrap_of_equal_values_has_no_width():
    assert bootstrap_interval([2.0, 2.0, 2.0]) == Interval(2.0, 2.0)


def test_the_bootstrap_of_a_maximum_is_finite():
    assert np.isfinite(bootstrap_interval([1.0, 2.0, 3.0, 9.0], np.max)).all()


def answers(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return np.array(a), np.array(b)


@pytest.mark.parametrize(("only_a", "only_b"), [(9, 1), (0, 6), (30, 12), (4, 4)])
def test_mcnemars_p_is_the_tail_of_a_fair_coin(only_a: int, only_b: int):
    tosses, fewer = only_a + only_b, min(only_a, only_b)
    tail = 2 * sum(comb(tosses, heads) for heads in range(fewer + 1)) / 2**tosses
    assert mcnemar(*answers(50, only_a, only_b, 5)) == pytest.approx(min(tail, 1.0), abs=1e-12)


def test_nine_against_one_by_hand():
    # (1 + 10) / 2^10, both sides: 22 / 1024.
    assert mcnemar(*answers(3, 9, 1, 2)) == pytest.approx(22 / 1024)


def test_mcnemar_does_not_see_the_items_on_which_both_agree():
    assert mcnemar(*answers(1, 9, 1, 0)) == mcnemar(*answers(500, 9, 1, 40))


def test_classifiers_that_never_differ_have_p_of_one():
    assert mcnemar([True, False, True], [True, False, True]) == 1.0


def test_other_numbers_of_items_are_refused():
    with pytest.raises(ValueError, match="same items, got 2 and 3"):
        mcnemar([True, False], [True, False, True])


def test_accuracies_in_the_place_of_answers_are_refused():
    with pytest.raises(ValueError, match=r"right \(True\) or wrong \(False\)"):
        mcnemar([0.9, 0.8], [0.7, 0.9])


def test_holm_by_hand():
    # Three classifiers: a beats b on 9 of 10 (p = 22/1024), b and c never differ (p = 1), so a and c are as a and b.
    a, b = answers(20, 9, 1, 3)
    tests = {(test.a, test.b): test for test in compare({"a": a, "b": b, "c": b})}
    # Holm: the two small ones times 3 and times 2, the second not below the first; the last times 1.
    assert tests["a", "b"].p_holm == pytest.approx(66 / 1024)
    assert tests["a", "c"].p_holm == pytest.approx(66 / 1024)
    assert tests["b", "c"].p_holm == 1.0


def test_holm_of_different_p_values_by_hand():
    only = {"a": answers(40, 12, 0, 0)[0]}
    other = np.ones(52, dtype=bool)
    other[40:] = False  # b misses 12 that a has: p = 2/4096
    third = np.ones(52, dtype=bool)
    third[46:] = False  # c misses 6 that a has: p = 2/64, and has 6 that b misses: p = 2/64
    tests = compare({**only, "b": other, "c": third})
    assert [test.p for test in tests] == pytest.approx([2 / 4096, 2 / 64, 2 / 64])
    assert [test.p_holm for test in tests] == pytest.approx([3 * 2 / 4096, 2 * 2 / 64, 2 * 2 / 64])


def test_a_difference_has_the_sign_of_the_first():
    a, b = answers(20, 9, 1, 10)
    assert compare({"a": a, "b": b})[0].difference == pytest.approx(8 / 40)


def test_one_classifier_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two classifiers, got 1"):
        compare({"a": [True]})


# --- equal within a margin ----------------------------------------------------------------------------------------


def differing(only_a: int, only_b: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    return answers(items - only_a - only_b, only_a, only_b, 0)


def test_classifiers_that_differ_on_few_of_many_items_are_equal_within_half_a_point():
    assert equal_within(*differing(20, 20, 20_000), margin=0.005) < 1e-6


def test_no_difference_seen_on_few_items_is_not_equal():
    a, b = differing(20, 20, 1_000)
    assert mcnemar(a, b) == 1.0
    # the lesson's example: half a point is 0.79 standard errors of sqrt(40) / 1000
    assert equal_within(a, b, margin=0.005) == pytest.approx(0.216, abs=1e-3)


def test_classifiers_that_never_differ_on_few_items_are_not_shown_to_be_equal():
    assert equal_within(*differing(0, 0, 100), margin=0.005) > 0.2


@pytest.mark.parametrize(("only_a", "only_b"), [(40, 10), (10, 40)])
def test_a_difference_as_large_as_the_margin_is_not_equal_to_either_side(only_a: int, only_b: int):
    assert equal_within(*differing(only_a, only_b, 6_000), margin=0.005) == pytest.approx(0.5, abs=0.01)


def test_with_many_items_the_score_is_the_difference_over_its_standard_error():
    only_a, only_b, items, margin = 130, 100, 10_000, 0.01
    error = sqrt(only_a + only_b - (only_a - only_b) ** 2 / items) / items
    expected = stats.norm.sf((margin - (only_a - only_b) / items) / error)
    assert equal_within(*differing(only_a, only_b, items), margin) == pytest.approx(expected, abs=1e-4, rel=0.2)


def test_two_that_lie_on_the_margin_are_called_equal_in_about_one_of_twenty_cases():
    draw, shares = np.random.default_rng(0), [0.03 + 0.01, 0.03, 1 - 0.07]  # a is ahead by the margin of 0.01
    tables = draw.multinomial(8_000, shares, size=400)
    called = [equal_within(*differing(only_a, only_b, 8_000), margin=0.01) < 0.05 for only_a, only_b, _ in tables]
    assert 0.02 < np.mean(called) < 0.09


@pytest.mark.parametrize("margin", [0.0, -0.01, 1.0])
def test_an_impossible_margin_is_refused(margin: float):
    with pytest.raises(ValueError, match="margin must be a difference"):
        equal_within([True], [True], margin)


def test_equivalence_is_corrected_for_the_number_of_pairs():
    a, b = differing(20, 20, 20_000)
    found = compare_within({"a": a, "b": b, "c": a}, 0.005)
    assert [(one.a, one.b) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(one.p <= one.p_holm for one in found)
    assert all(one.equal for one in found)


def test_a_learners_own_test_gives_the_p_values():
    found = compare({"a": [True, False], "b": [False, False]}, test=lambda a, b: 0.25)
    assert (found[0].p, found[0].difference) == (0.25, 0.5)
