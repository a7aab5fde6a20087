"""When a class handed in a unit: counted by the time that was left, or by days where nothing was due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean

from ...grading.record import Record
from ...grading.terms import DAY, Arrival, Terms

HOUR = 60 * 60
# Keys of strings.yml, each with the seconds before the person's own date from which on it holds.
SPANS = (
    ("early_week", 7 * DAY),
    ("early_days", DAY),
    ("early_day", HOUR),
    ("early_hour", 0),
    ("late_day", -DAY),
    ("late_more", -float("inf")),
)
IN_TIME, LATE, UNKNOWN = "early_unknown", "late_unknown", "time_unknown"  # where the time itself is not known
MOST_DAYS = 14  # rows; where there are more days, weeks are counted


@dataclass
class Span:
    """Notebooks that were handed in at about one time."""

    key: str  # of strings.yml, or the day
    count: int = 0
    shares: list[float] = field(default_factory=list)  # of the points, of those that could be read

    @property
    def share(self) -> float | None:
        """The mean share of the points."""
        return mean(self.shares) if self.shares else None


def hand_in_times(records: Sequence[Record], shares: Sequence[float | None], terms: Terms | None) -> list[Span]:
    """One unit's notebooks by the time when they were handed in; none where nobody knows of any.

    shares: of the points, for each record; None where there are none
    """
    arrivals = terms.arrivals if terms else {}
    found = [
        (arrivals.get(record.student, {}).get(record.unit, Arrival()), share)
        for record, share in zip(records, shares, strict=True)
        if record.outcome != "missing"
    ]
    has_due = any(arrival.due for arrival, _ in found)
    days = _days([arrival for arrival, _ in found]) if not has_due else {}
    keys = [_key(arrival) or days.get(arrival.first, UNKNOWN) for arrival, _ in found]
    if set(keys) <= {UNKNOWN}:
        return []
    order = [key for key, _ in SPANS] if has_due else sorted(set(days.values()))
    spans = {key: Span(key) for key in (*order, IN_TIME, LATE, UNKNOWN)}
    for key, (_, share) in zip(keys, found, strict=True):
        span = spans[key]
        span.count += 1
        if share is not None:
            span.shares.append(share)
    return [span for span in spans.values() if span.count or span.key in order]


def _key(arrival: Arrival) -> str:
    """The span that an arrival falls into; empty where only its day can be told."""
    if arrival.first and arrival.due:
        left = (datetime.fromisoformat(arrival.due) - datetime.fromisoformat(arrival.first)).total_seconds()
        return next(key for key, least in SPANS if left >= least)
    if arrival.first:
        return ""
    if arrival.seconds_late > 0 or arrival.is_late:
        return LATE
    return IN_TIME if arrival.is_late is False or (arrival.due and arrival.is_known) else UNKNOWN


def _days(arrivals: Sequence[Arrival]) -> Mapping[str, str]:
    """Time of handing in -> its day, in UTC, or the Monday of its week where there are many days."""
    moments = {arrival.first: datetime.fromisoformat(arrival.first).date() for arrival in arrivals if arrival.first}
    if len(set(moments.values())) > MOST_DAYS:
        moments = {first: day - timedelta(days=day.weekday()) for first, day in moments.items()}
    return {first: day.isoformat() for first, day in moments.items()}
