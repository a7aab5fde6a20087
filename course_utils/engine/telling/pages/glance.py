"""The class at a glance, as views of the class page: checks with their numbers, what fails together, the trend."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from markupsafe import Markup

from ...grading.record import Record, Score, in_language
from ...grading.terms import Terms
from ...harmless import tame
from .charts import trend_chart
from .hand_in_times import Span, hand_in_times
from .item_analysis import (
    Interval,
    Item,
    failing_together,
    holds_an_answer,
    mean_change,
    share_interval,
)
from .records import automatic_scores, by_exercise, points_earned, points_possible
from .text import breakable, display_name, percent, points, sentence, shorten

HARDEST = 6  # checks listed as hardest
MAX_COMMENT = 300  # characters of a comment here; the student's page holds all of it


def share_of(record: Record) -> float | None:
    """Share of the points settled so far that a notebook earned; None where none are settled."""
    settled = automatic_scores(record.scores)
    possible = points_possible(settled)
    return points_earned(settled) / possible if possible else None


def _percent_span(interval: Interval, t: Mapping[str, str]) -> str:
    return t["interval"].format(low=percent(interval.low), high=math.ceil(interval.high * 100 - 1e-9))


def _signed(value: float, digits: int = 2) -> str:
    """A number with a sign that cannot be taken for a hyphen."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _range(value: float, interval: Interval) -> dict[str, str]:
    """Where a value and its interval stand on a scale from 0 to 1, in percent of its width."""
    low, high = max(0.0, interval.low), min(1.0, interval.high)
    return {
        "value": f"{100 * min(1.0, max(0.0, value)):.0f}",
        "low": f"{100 * low:.0f}",
        "width": f"{100 * (high - low):.0f}",
    }


def items_view(
    items: Sequence[Item], texts: Mapping[str, Any], language: str, t: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The checks and questions of a unit with their numbers, in its order."""
    return [_item_view(item, texts, language, t) for item in items]


def _item_view(item: Item, texts: Mapping[str, Any], language: str, t: Mapping[str, str]) -> dict[str, Any]:
    view: dict[str, Any] = {
        "name": breakable(item.name),
        "rule": rule_of(item.name, texts, language),
        "most": points(item.most),
        "count": item.count,
        "share": None,
        "discrimination": None,
        "remarks": _remarks(item, t),
    }
    if item.count:
        view["share"] = {
            "text": f"{percent(item.share)}%",
            "interval": _percent_span(item.share_interval, t),
            "range": _range(item.share, item.share_interval),
        }
    if item.discrimination is not None and (found := item.discrimination_interval):
        view["discrimination"] = {
            "text": _signed(item.discrimination),
            "interval": t["interval"].format(low=_signed(found.low), high=_signed(found.high)),
            # from -1 to 1
            "range": _range((item.discrimination + 1) / 2, Interval((found.low + 1) / 2, (found.high + 1) / 2)),
        }
    return view


def _remarks(item: Item, t: Mapping[str, str]) -> list[str]:
    found = [
        (item.is_passed_by_all, "item_all"),
        (item.is_failed_by_all, "item_nobody"),
        (item.is_against, "item_against"),
        (item.is_weak, "item_weak"),
    ]
    told = [t[key] for holds, key in found if holds]
    told += [t["item_open"].format(count=item.open)] if item.open else []
    return told + ([t["item_waiting"].format(count=item.waiting)] if item.waiting else [])


def rule_of(name: str, texts: Mapping[str, Any], language: str) -> Markup:
    """The sentence that says what a check asks for; empty for a question."""
    return sentence(in_language(texts.get("rules", {}).get(name), language))


def told_first(items: Sequence[Item], t: Mapping[str, str]) -> list[dict[str, Any]]:
    """What an instructor should know before the table: checks that all have or none, and those that tell against."""
    kinds = (
        ("all", "found_all", [item.name for item in items if item.is_passed_by_all]),
        ("nobody", "found_nobody", [item.name for item in items if item.is_failed_by_all]),
        ("against", "found_against", [item.name for item in items if item.is_against]),
    )
    return [{"kind": kind, "word": t[word], "names": _names(names)} for kind, word, names in kinds if names]


def _names(names: Iterable[str]) -> list[Markup]:
    return [breakable(name) for name in names]


def hardest(items: Sequence[Item], texts: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """The checks that the class lost most of, hardest first; the order is the unit's where shares are equal."""
    lost = sorted((item for item in items if item.share < 1), key=lambda item: item.share)
    return [
        {
            "name": breakable(item.name),
            "percent": percent(item.share),
            "rule": rule_of(item.name, texts, language),
        }
        for item in lost[:HARDEST]
    ]


def together_view(records: Sequence[Record], t: Mapping[str, str]) -> list[dict[str, Any]]:
    """Checks that fail together, those that most students lost first."""
    return [
        {
            "names": _names(group.names),
            "told": t["together_told"].format(
                count=group.all_lost, any=group.any_lost, of=group.count, expected=points(round(group.expected, 1))
            ),
        }
        for group in failing_together(records)
    ]


def times_view(records: Sequence[Record], terms: Terms | None, t: Mapping[str, str]) -> list[dict[str, Any]]:
    """When a unit was handed in, with the mean share of the points by then."""
    spans = hand_in_times(records, [share_of(record) if record.is_read else None for record in records], terms)
    most = max((span.count for span in spans), default=0)
    return [_span_view(span, most, t) for span in spans]


def _span_view(span: Span, most: int, t: Mapping[str, str]) -> dict[str, Any]:
    return {
        "word": t.get(span.key, span.key),
        "count": span.count,
        "percent": round(100 * span.count / most) if most else 0,
        "share": "–" if span.share is None else f"{percent(span.share)}%",
    }


# by hand --------------------------------------------------------------------------------------------------------------


def by_hand_view(
    records: Sequence[Record], language: str, t: Mapping[str, str], *, names: bool
) -> list[dict[str, Any]]:
    """What people entered, for each exercise and question that anybody touched, in the unit's order.

    names: with what each student was told, and got
    """
    touched: dict[str, list[tuple[Record, list[Score]]]] = {}
    for record in records:
        for name, scores in by_exercise(record.scores).items():
            if any(score.by_hand or score.comment is not None for score in scores):
                touched.setdefault(name, []).append((record, scores))
    order = list(dict.fromkeys(score.exercise for record in records for score in record.scores))
    return [_touched_view(name, touched[name], language, t, names) for name in order if name in touched]


def _touched_view(
    name: str, touched: Sequence[tuple[Record, list[Score]]], language: str, t: Mapping[str, str], names: bool
) -> dict[str, Any]:
    marked = [scores for _, scores in touched if any(score.by_hand for score in scores)]
    again = sum(any(score.outcome == "manual" for score in scores) for scores in marked)
    earned, most = map(sum, (map(points_earned, marked), map(points_possible, marked)))
    told = [t["hand_marked"].format(count=len(marked))]
    if marked and most:
        mean, worth = points(earned / len(marked)), points(most / len(marked))
        told.append(t["hand_mean"].format(points=mean, most=worth))
    told += [t["hand_again"].format(count=again)] if again else []
    comments: dict[str, list[dict[str, str]]] = {}
    for record, scores in touched:
        for comment in dict.fromkeys(score.comment for score in scores if score.comment is not None):
            mark = f"{points(points_earned(scores))} / {points(points_possible(scores))}"
            comments.setdefault(comment, []).append({"name": display_name(record.student), "mark": mark})
    if comments:
        told.append(t["hand_comments"].format(count=sum(map(len, comments.values()))))
    commonest = sorted(comments, key=lambda comment: -len(comments[comment])) if names else []
    return {
        "name": breakable(name),
        "told": t["separator"].join(told),
        "criteria": _criteria(touched, language),
        "comments": [{"text": sentence(shorten(text, MAX_COMMENT)), "whose": comments[text]} for text in commonest],
    }


def _criteria(touched: Sequence[tuple[Record, list[Score]]], language: str) -> list[dict[str, str]]:
    """The mean of what each part of the rubric got, where it was given part by part.

    A part has its words in the language of each answer; those of the page's own are taken where there are any.
    """
    given: dict[int, list[tuple[float, float]]] = {}
    said: dict[int, str] = {}
    for _, scores in sorted(touched, key=lambda each: each[0].language != language):
        for score in scores:
            for place, each in enumerate(score.criteria if isinstance(score.criteria, list) else ()):
                if isinstance(each, dict) and {"points", "max_points", "text"} <= set(each):
                    given.setdefault(place, []).append((each["points"], each["max_points"]))
                    said.setdefault(place, str(each["text"]))
    return [
        {
            "text": tame(said[place]),
            "mark": f"{points(sum(got for got, _ in marks) / len(marks))} / {points(marks[0][1])}",
            "count": str(len(marks)),
        }
        for place, marks in sorted(given.items())
    ]


# trend ----------------------------------------------------------------------------------------------------------------


def trend_view(
    by_unit: Mapping[str, Sequence[Record]],
    views: Sequence[Mapping[str, Any]],
    terms: Terms | None,
    t: Mapping[str, str],
) -> dict[str, Any]:
    """How the class does from unit to unit: a chart, and a row for each unit."""
    rows: list[dict[str, Any]] = []
    means: list[tuple[float, Interval] | None] = []
    before: dict[str, float] = {}
    for (unit, records), view in zip(by_unit.items(), views, strict=True):
        own = {
            record.student: share
            for record in records
            if holds_an_answer(record) and (share := share_of(record)) is not None
        }
        shares = list(own.values())
        found = (sum(shares) / len(shares), share_interval(shares)) if shares else None
        means.append(found)
        both = [student for student in own if student in before]
        change = mean_change([before[student] for student in both], [own[student] for student in both])
        late = sum(
            terms.arrivals.get(record.student, {}).get(unit) is not None
            and terms.arrivals[record.student][unit].seconds_late > 0
            for record in records
        ) if terms else 0  # fmt: skip
        commonest = view["talk"][0] if view["talk"] else None
        rows.append(
            {
                "title": view["title"],
                "anchor": view["anchor"],
                "count": len(shares),
                "mean": found
                and {
                    "text": f"{percent(found[0])}%",
                    "interval": _percent_span(found[1], t),
                    "range": _range(*found),
                },
                "median": f"{percent(median(shares))}%" if shares else "–",
                "change": change and _change(change[0], change[1], len(both), t),
                "late": late,
                "talk": commonest and {"name": commonest["name"], "count": commonest["count"]},
            }
        )
        before = own
    return {"chart": trend_chart(means, t), "rows": rows}


def _change(mean: float, interval: Interval, students: int, t: Mapping[str, str]) -> dict[str, str]:
    low, high = _signed(100 * interval.low, 0), _signed(100 * interval.high, 0)
    sign = "+" if round(100 * mean) > 0 else ""
    return {
        "text": sign + _signed(100 * mean, 0),
        "interval": t["interval"].format(low=low, high=high),
        "count": t["students_count_one"] if students == 1 else t["students_count"].format(count=students),
    }


def problems_counted(problems: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Problems without the people who have them: how many of each kind at each place."""
    places = Counter((each["outcome"], each["word"], str(each["unit"]), Markup(each["exercise"])) for each in problems)
    return [
        {"outcome": outcome, "word": word, "unit": unit, "exercise": exercise, "count": count}
        for (outcome, word, unit, exercise), count in places.items()
    ]
