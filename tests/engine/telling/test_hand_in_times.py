"""When a class handed in: counted by the time that was left, by days where nothing was due."""

import pytest

from course_utils.engine.grading.record import Record
from course_utils.engine.grading.terms import Arrival, Terms
from course_utils.engine.telling.pages.classroom import class_page
from course_utils.engine.telling.pages.hand_in_times import hand_in_times

from .test_pages import TEXTS, UNIT, body, make_record

DUE = "2026-10-08T18:00:00+00:00"


def at(moment, due=DUE, **more):
    return Arrival(first=f"{moment}+00:00", due=due, **more)


def counted(arrivals, shares=None, outcome="graded"):
    """Key -> number of notebooks."""
    records = [Record(f"s{number}", UNIT, outcome, ()) for number in range(len(arrivals))]
    terms = Terms(arrivals={f"s{number}": {UNIT: each} for number, each in enumerate(arrivals) if each})
    return hand_in_times(records, shares or [None] * len(records), terms)


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        ("2026-10-01T18:00:00", "early_week"),
        ("2026-10-01T18:00:01", "early_days"),
        ("2026-10-07T18:00:00", "early_days"),
        ("2026-10-07T18:00:01", "early_day"),
        ("2026-10-08T17:30:00", "early_hour"),
        ("2026-10-08T18:00:00", "early_hour"),
        ("2026-10-08T18:00:01", "late_day"),
        ("2026-10-09T18:00:00", "late_day"),
        ("2026-10-09T18:00:01", "late_more"),
    ],
)
def test_a_notebook_is_counted_by_the_time_that_was_left(moment, key):
    assert {span.key for span in counted([at(moment)]) if span.count} == {key}


def test_an_extension_moves_the_date_for_its_person():
    more = at("2026-10-09T12:00:00", due="2026-10-10T18:00:00+00:00", extension=172_800.0)
    assert {span.key for span in counted([more]) if span.count} == {"early_days"}


@pytest.mark.parametrize(
    ("arrival", "key"),
    [
        (Arrival(due=DUE, is_late=True, seconds_late=1.0, is_counted=False), "late_unknown"),
        (Arrival(due=DUE, is_late=False), "early_unknown"),
        (Arrival(due=DUE, first_seen="2026-10-02T00:00:00+00:00"), "early_unknown"),
        (Arrival(due=DUE, is_known=False), "time_unknown"),
        (None, "time_unknown"),
    ],
)
def test_where_the_time_is_not_known_what_is_known_is_told(arrival, key):
    spans = counted([at("2026-10-01T00:00:00"), arrival])
    assert {span.key: span.count for span in spans if span.count} == {"early_week": 1, key: 1}


def test_the_mean_share_of_the_points_stands_beside_the_count():
    spans = counted([at("2026-10-08T12:00:00"), at("2026-10-08T13:00:00"), at("2026-10-08T14:00:00")], [0.5, 1.0, None])
    assert [(span.count, span.share) for span in spans if span.count] == [(3, 0.75)]


def test_without_a_date_days_are_counted():
    spans = counted([at(f"2026-10-0{day}T12:00:00", due="") for day in (3, 1, 3)])
    assert [(span.key, span.count) for span in spans] == [("2026-10-01", 1), ("2026-10-03", 2)]


def test_many_days_are_counted_by_weeks():
    spans = counted([at(f"2026-10-{day:02d}T12:00:00", due="") for day in range(5, 31)])
    assert [(span.key, span.count) for span in spans] == [
        ("2026-10-05", 7),
        ("2026-10-12", 7),
        ("2026-10-19", 7),
        ("2026-10-26", 5),
    ]


@pytest.mark.parametrize("terms", [None, Terms(), Terms(arrivals={"anna": {UNIT: Arrival()}})])
def test_where_nobody_knows_the_page_says_how_to_know(terms):
    shown = body(class_page([make_record("anna")], {UNIT: TEXTS}, "en", terms))
    assert "Not known. course collect notes it where the school's system tells it." in shown


def test_people_who_handed_in_nothing_are_not_counted():
    assert counted([at("2026-10-01T00:00:00")], outcome="missing") == []


def test_the_page_tells_the_times():
    terms = Terms(arrivals={"anna": {UNIT: at("2026-10-08T12:00:00")}, "bob": {UNIT: at("2026-10-09T12:00:00")}})
    records = [make_record("anna"), make_record("bob", div_term_values="failed")]
    shown = body(class_page(records, {UNIT: TEXTS}, "en", terms))
    assert "On the last day (points: 100%)1" in shown
    assert "Late by up to a day (points: 57%)1" in shown
