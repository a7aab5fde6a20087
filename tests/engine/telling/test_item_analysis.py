"""Difficulty, discrimination and what fails together, against classes of which these are known."""

from dataclasses import replace

import numpy as np
import pytest

from course_utils.engine.grading.record import Record
from course_utils.engine.telling.pages.item_analysis import (
    Interval,
    analyse,
    failing_together,
    item_rest,
    mean_change,
    share_interval,
)

from .simulated import CLASS, WORTH, drawn, known, records_of

CLASSES = 60  # with these seeds, 0 to 59


@pytest.fixture(scope="module")
def analysed():
    """The items of each simulated class."""
    return [analyse(records_of(drawn(seed))) for seed in range(CLASSES)]


def covered(truths, intervals):
    """How often each value lies in its interval, over classes.

    truths: (values,); intervals: (classes, values, 2)
    Returns (values,).
    """
    low, high = np.moveaxis(np.array(intervals), -1, 0)
    return ((low <= truths) & (truths <= high)).mean(axis=0)


# known classes of 300 -------------------------------------------------------------------------------------------------
# 95% of 480 intervals: 456, give or take 4.8, so 94.0% to 96.0% is one standard error; each check alone has 60, where
# 95% is 57, give or take 1.7, and 51 of 60 is four standard errors below


def test_the_known_difficulty_lies_in_95_of_100_intervals(analysed):
    found = covered(known()[0], [[item.share_interval for item in items] for items in analysed])
    assert 0.92 <= found.mean() <= 0.98
    assert found.min() >= 51 / 60


def test_the_known_discrimination_lies_in_95_of_100_intervals(analysed):
    found = covered(known()[1], [[item.discrimination_interval for item in items] for items in analysed])
    assert 0.92 <= found.mean() <= 0.98
    assert found.min() >= 51 / 60


def test_an_interval_says_something(analysed):
    widths = [
        (item.share_interval.high - item.share_interval.low, np.ptp(item.discrimination_interval))
        for items in analysed
        for item in items
    ]
    # of 300: 2 * 1.96 * sqrt(0.25 / 300) = 0.113, and 2 * 1.96 / sqrt(297) = 0.227 before the curve of Fisher's z
    assert np.max(widths, axis=0) == pytest.approx([0.113, 0.227], abs=0.003)


def test_a_check_that_tells_more_has_the_higher_discrimination(analysed):
    mean = np.mean([[item.discrimination for item in items] for items in analysed], axis=0)
    assert mean == pytest.approx(known()[1], abs=0.03)


def test_a_check_is_not_compared_with_itself():
    # checks that have nothing in common: with itself in the sum, each would correlate at 1 / sqrt(5)
    passed = (np.random.default_rng(0).random((20_000, 5)) < 0.5).astype(float)
    assert [item.discrimination for item in analyse(records_of(passed, np.ones(5)))] == pytest.approx(5 * [0], abs=0.02)


def test_marks_in_steps_have_an_interval_that_covers_and_is_narrower():
    chance = np.random.default_rng(1)
    hits, widths, classes = 0, [], 400
    for _ in range(classes):
        shares = chance.binomial(4, 0.7, size=CLASS) / 4  # a question of four points
        low, high = share_interval(shares)
        hits += low <= 0.7 <= high
        widths.append(high - low)
    assert 0.93 <= hits / classes <= 0.97
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(0.7 * 0.3 / 4 / CLASS), rel=0.05)


# single values --------------------------------------------------------------------------------------------------------


def test_the_interval_of_all_or_nothing_is_wilsons():
    # 7 of 10, worked by hand: (0.7 + 0.19208 +- 1.96 sqrt(0.021 + 0.0096)) / 1.38416
    assert share_interval([1] * 7 + [0] * 3) == pytest.approx(Interval(0.3968, 0.8922), abs=2e-3)


@pytest.mark.parametrize(("shares", "low", "high"), [([1.0] * 30, 0.88, 1.0), ([0.0] * 30, 0.0, 0.12)])
def test_a_check_that_all_pass_or_fail_has_an_interval_too(shares, low, high):
    assert share_interval(shares) == pytest.approx(Interval(low, high), abs=0.01)


def test_shares_that_are_all_alike_are_not_certain():
    low, high = share_interval([0.5] * 20)
    assert high - low > 0.3


def test_nobody_says_nothing():
    assert share_interval([]) == (0.0, 1.0)


def test_extra_credit_does_not_lead_out_of_the_scale():
    assert share_interval([1.5] * 10).high == pytest.approx(1)


@pytest.mark.parametrize(
    ("shares", "rest"), [([1, 0, 1], [0.2, 0.4, 0.1]), ([1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4]), ([1, 0, 1, 0], [0.5] * 4)]
)
def test_without_spread_or_students_there_is_no_discrimination(shares, rest):
    assert item_rest(np.array(shares, dtype=float), np.array(rest, dtype=float)) is None


def test_two_checks_that_always_agree_correlate_at_1():
    row = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    assert item_rest(row, row) == (pytest.approx(1), (pytest.approx(1), pytest.approx(1)))


def test_the_change_is_that_of_the_same_students():
    mean, interval = mean_change([0.5, 0.6, 0.7, 0.4], [0.6, 0.8, 0.7, 0.5])
    assert mean == pytest.approx(0.1)
    assert interval == pytest.approx(Interval(0.1 - 0.1299, 0.1 + 0.1299), abs=1e-3)  # t(3) = 3.182, s = 0.0816


@pytest.mark.parametrize(("before", "after", "found"), [([], [], None), ([0.5], [0.6], None)])
def test_one_student_makes_no_change_of_a_class(before, after, found):
    assert mean_change(before, after) is found


# who is counted -------------------------------------------------------------------------------------------------------


def changed(record, place, **fields):
    """A record with one of its scores changed."""
    scores = list(record.scores)
    scores[place] = replace(scores[place], **fields)
    return replace(record, scores=tuple(scores))


def test_missing_unreadable_and_blank_notebooks_are_not_counted():
    records = records_of(drawn(0, students=20))
    blank = records_of(np.zeros((3, len(WORTH))))
    blank = [replace(r, scores=tuple(replace(s, outcome="missing") for s in r.scores)) for r in blank]
    others = [replace(records[0], outcome="missing"), replace(records[1], outcome="error")]
    assert analyse([*records, *blank, *others]) == analyse(records)


def test_an_exercise_left_open_in_an_answered_notebook_counts_as_lost():
    records = records_of(np.ones((10, 3)), np.ones(3))
    item = analyse([*records[1:], changed(records[0], 0, outcome="missing", points=0.0)])[0]
    assert (item.share, item.open) == (0.9, 1)


def question(record, outcome, points=0.0):
    return changed(record, 0, exercise="q1_why", check=None, outcome=outcome, points=points, max_points=4.0)


def test_answers_that_wait_or_are_empty_are_counted_beside_a_questions_marks():
    records = records_of(np.ones((6, 3)), np.ones(3))
    states = [("manual", 0.0), ("manual", 0.0), ("missing", 0.0), ("partial", 2.0), ("passed", 4.0), ("failed", 0.0)]
    item = analyse([question(record, *state) for record, state in zip(records, states, strict=True)])[0]
    assert (item.name, item.count, item.waiting, item.open) == ("q1_why", 3, 2, 1)
    assert item.share == pytest.approx(0.5)


def test_an_answer_that_waits_leaves_the_other_checks_their_rest():
    passed = drawn(3, students=50)
    waiting = [question(record, "manual") for record in records_of(passed)]
    without = records_of(passed[:, 1:], WORTH[1:])
    assert [item.discrimination for item in analyse(waiting)[1:]] == pytest.approx(
        [item.discrimination for item in analyse(without)]
    )


@pytest.mark.parametrize("records", [[], [Record("a", "u", "graded", ())], [Record("a", "u", "missing", ())]])
def test_a_class_without_marks_has_no_items(records):
    assert analyse(records) == []
    assert failing_together(records) == []


# remarks --------------------------------------------------------------------------------------------------------------


def test_checks_that_all_pass_or_all_fail_are_known():
    passed = drawn(0, students=30)
    passed[:, 0], passed[:, 1] = 1.0, 0.0
    items = analyse(records_of(passed))
    assert [item.is_passed_by_all for item in items] == [True] + [False] * 7
    assert [item.is_failed_by_all for item in items] == [False, True] + [False] * 6


def test_a_check_that_the_strong_lose_is_known():
    passed = drawn(0)
    passed[:, 0] = 1 - passed[:, 7]
    assert [item.is_against for item in analyse(records_of(passed))] == [True] + [False] * 7


def test_a_check_that_tells_nothing_is_known_and_is_not_against():
    passed = drawn(0)
    passed[np.argsort(passed[:, 1:] @ WORTH[1:]), 0] = np.arange(CLASS) % 2
    item = analyse(records_of(passed))[0]
    assert (item.is_weak, item.is_against) == (True, False)


# what fails together --------------------------------------------------------------------------------------------------


def names(groups):
    return [group.names for group in groups]


@pytest.mark.parametrize("seed", range(5))
def test_checks_with_one_slip_behind_them_fail_together(seed):
    passed = drawn(seed)
    slipped = np.random.default_rng(seed + 1_000).random(CLASS) < 0.25
    passed[:, [1, 4, 6]] = np.where(slipped[:, None], 0.0, np.maximum(passed[:, [1, 4, 6]], drawn(seed + 500)[:, [5]]))
    groups = failing_together(records_of(passed))
    assert ("exercise_1-values", "exercise_4-values", "exercise_6-values") in names(groups)
    group = groups[0]
    assert group.all_lost >= slipped.sum()
    assert group.any_lost >= group.all_lost > 3 * group.expected


def test_checks_that_fail_apart_are_no_group():
    chance = np.random.default_rng(7)
    classes = [(chance.random((CLASS, 12)) < 0.6).astype(float) for _ in range(20)]
    # a pair needs a phi of 0.4 as well, which chance does not give 300 students
    assert sum(bool(failing_together(records_of(passed, np.ones(12)))) for passed in classes) == 0


@pytest.mark.parametrize("seed", range(20))
def test_few_students_make_no_group_by_chance(seed):
    passed = (np.random.default_rng(seed).random((6, 8)) < 0.6).astype(float)
    assert failing_together(records_of(passed)) == []


def test_exercises_left_open_together_are_not_failed_together():
    records = records_of(np.ones((40, 3)), np.ones(3))
    for number in range(15):  # they stopped after the first exercise
        for place in (1, 2):
            records[number] = changed(records[number], place, outcome="missing", points=0.0)
    assert failing_together(records) == []
