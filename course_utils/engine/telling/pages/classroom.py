"""The page of a class: every unit as a table and a chart, what was hardest, what a person has to look at.

There is one without names for the lecture hall: it holds no student, no comment and no link, only what is counted.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

from ...course import LANGUAGES
from ...files import write_whole
from ...grading.record import Record, Score, in_language
from ...grading.terms import Terms, read_terms
from ...harmless import tame
from ...judging.marks import OUTCOMES, STOPS, Outcome
from .charts import distribution_chart
from .glance import (
    by_hand_view,
    hardest,
    items_view,
    problems_counted,
    share_of,
    times_view,
    together_view,
    told_first,
    trend_view,
)
from .item_analysis import analyse
from .records import (
    automatic_scores,
    by_exercise,
    by_name,
    points_earned,
    points_possible,
    read_records,
)
from .script import table_script
from .text import breakable, date_line, display_name, percent, points, render, sentence, title_of, words

PAGE, PAGE_WITHOUT_NAMES = "class.html", "class-without-names.html"
# An exercise's cell in the class table shows the worst thing that happened in it.
TROUBLE: tuple[Outcome, ...] = (*STOPS, "error")


def feedback_href(student: str, unit: str) -> str:
    """The address of a feedback page relative to the results folder, quoted for a link."""
    return "/".join(quote(os.fsencode(part), safe="") for part in ("feedback", student, f"{unit}.html"))


def _person(record: Record) -> dict[str, str]:
    return {"name": display_name(record.student), "href": feedback_href(record.student, record.unit)}


def _cell(scores: list[Score]) -> dict[str, Any]:
    """One student's exercise in the class table: the worst state, and the points."""
    outcomes = {score.outcome for score in scores}
    earned, possible = points_earned(automatic_scores(scores)), points_possible(automatic_scores(scores))
    if outcomes == {"manual"}:
        outcome, text = "manual", f"({points(points_possible(scores))})"
    else:
        trouble = next((kind for kind in TROUBLE if kind in outcomes), None)
        text = points(earned)
        if trouble:
            outcome = trouble
        elif outcomes <= {"missing", "manual"}:
            outcome = "missing"
        elif earned >= possible:
            outcome = "passed"
        else:
            outcome = "partial" if earned > 0 else "failed"
    return {"outcome": outcome, "text": text, "by_hand": any(score.by_hand for score in scores)}


def _misconceptions(
    records: Sequence[Record], texts: Mapping[str, Any], language: str, t: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Misconceptions by number of students, commonest first, then by name."""
    holders: dict[str, dict[str, str]] = defaultdict(dict)
    checks: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for score in record.scores:
            if score.hint:
                holders[score.hint].setdefault(record.student, display_name(record.student))
                checks[score.hint][score.grade_id] += 1
    found = []
    for hint in sorted(holders, key=lambda name: (-len(holders[name]), name)):
        question = sentence(in_language(texts.get("hints", {}).get(hint), language))
        plain = tame(str(hint).replace("_", " ")).capitalize()
        name, below = (question, "") if language == "zh" and question else (plain, question)
        count = len(holders[hint])
        found.append(
            {
                "name": name,
                "question": below,
                "count": t["students_count_one"] if count == 1 else t["students_count"].format(count=count),
                "share": t["of_notebooks"].format(percent=percent(count / len(records)), count=len(records)),
                "checks": breakable(", ".join(sorted(checks[hint]))),
                "students": list(holders[hint].values()),
            }
        )
    return found


def _unit_view(
    unit: str,
    records: list[Record],
    texts: Mapping[str, Any],
    language: str,
    t: Mapping[str, str],
    terms: Terms | None,
    names: bool,
) -> dict[str, Any]:
    """Everything that the class page says about one unit; names: as in `class_page`."""
    grouped = [by_exercise(record.scores) for record in records]
    columns = list(dict.fromkeys(name for groups in grouped for name in groups))
    rows, seen = [], set()
    for record, groups in zip(records, grouped, strict=True):
        cells = [_cell(groups[name]) if name in groups else None for name in columns]
        seen |= {cell["outcome"] for cell in cells if cell}
        rows.append(_person(record) | {"cells": cells, "sum": points(_sum(record, terms))})

    read = [record for record in records if record.is_read]
    means, possible = [], []
    for name in columns:
        of_read = [by_exercise(record.scores).get(name, []) for record in read]
        automatic = [points_earned(automatic_scores(group)) for group in of_read if automatic_scores(group)]
        means.append(points(mean(automatic)) if automatic else t["not_in_class"])
        possible.append(max((points_possible(groups[name]) for groups in grouped if name in groups), default=0.0))
    sums = [points_earned(automatic_scores(record.scores)) for record in read]
    automatic_possible = max((points_possible(automatic_scores(record.scores)) for record in records), default=0.0)
    out = len(records) - len(read)
    items = analyse(records)
    return {
        "name": tame(unit),
        "title": title_of(texts, unit, language),
        "columns": [breakable(name) for name in columns],
        "rows": rows,
        "means": [*means, points(mean(sums)) if sums else t["not_in_class"]],
        "possible": [*map(points, possible), points(automatic_possible)],
        "legend": [{"outcome": outcome, "word": t[f"state_{outcome}"]} for outcome in OUTCOMES if outcome in seen],
        "chart": distribution_chart([share for record in read if (share := share_of(record)) is not None], t),
        "out": t["distribution_out"].format(count=out) if out else "",
        "found": told_first(items, t),
        "checks": items_view(items, texts, language, t),
        "hardest": hardest(items, texts, language),
        "together": together_view(records, t),
        "times": times_view(records, terms, t),
        "talk": _misconceptions(read, texts, language, t),
        "by_hand": by_hand_view(records, language, t, names=names),
        "automatic_possible": automatic_possible,
    }


def _sum(record: Record, terms: Terms | None) -> float:
    """The points of a submission that are settled, without those that being late took off."""
    earned = points_earned(automatic_scores(record.scores))
    late = terms.late_of(record.student, record.unit, earned) if terms else None
    return late.left if late else earned


def _overview(by_unit: Mapping[str, list[Record]], views: list[dict[str, Any]], terms: Terms | None) -> dict[str, Any]:
    """Students against units, for a class that worked on several."""
    found = {(record.student, unit): record for unit, records in by_unit.items() for record in records}
    rows = []
    for student in sorted({student for student, _ in found}, key=by_name):
        own = [found.get((student, unit)) for unit in by_unit]
        earned = {record.unit: _sum(record, terms) for record in own if record}
        cells = [record and {"text": points(earned[record.unit]), "href": _person(record)["href"]} for record in own]
        total = sum(earned.values())
        rows.append({"name": display_name(student), "cells": cells, "sum": points(total)})
    possible = [view["automatic_possible"] for view in views]
    return {"rows": rows, "possible": [*map(points, possible), points(sum(possible))]}


def _open_answers(by_unit: Mapping[str, list[Record]], views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Free-text questions with the number of answers that a person has to read."""
    found = []
    for (_, records), view in zip(by_unit.items(), views, strict=True):
        waiting: Counter[str] = Counter()
        worth: dict[str, float] = {}
        for record in records:
            for score in record.scores:
                if score.outcome == "manual" and record.is_read:
                    waiting[score.exercise] += 1
                    worth[score.exercise] = score.max_points
        found += [
            {"question": breakable(name), "unit": view["title"], "count": waiting[name], "points": points(worth[name])}
            for name in waiting
        ]
    return found


def _problems(
    by_unit: Mapping[str, list[Record]], titles: Mapping[str, str], language: str, t: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Submissions and exercises that an instructor should look at, by unit and student."""
    found = []
    for unit, records in by_unit.items():
        for record in records:
            if not record.is_read:
                kind = "missing" if record.outcome == "missing" else "error"
                message = sentence(in_language(record.message, language) or t[f"{kind}_body"])
                found.append(
                    _person(record)
                    | {
                        "outcome": kind,
                        "word": t[f"problem_{kind}"],
                        "unit": titles[unit],
                        "exercise": "",
                        "message": message,
                    }
                )
                continue
            told = set()
            for score in record.scores:
                key = score.exercise, score.outcome
                if score.outcome in STOPS and key not in told:
                    told.add(key)
                    message = sentence(in_language(score.message, language))
                    word, exercise = t[f"state_{score.outcome}"], breakable(score.exercise)
                    found.append(
                        _person(record)
                        | {
                            "outcome": score.outcome,
                            "word": word,
                            "unit": titles[unit],
                            "exercise": exercise,
                            "message": message,
                        }
                    )
    return found


def class_page(
    records: Iterable[Record],
    texts_by_unit: Mapping[str, Mapping[str, Any]],
    language: str,
    terms: Terms | None = None,
    *,
    names: bool = True,
) -> str:
    """The class's page over every unit in the records, as one HTML file.

    records: lines of `log.jsonl`, one per student and unit.
    texts_by_unit: unit -> title, rules, hints and steps in both languages.
    terms: what is known of the class; sums are without what being late took off.
    names: False leaves out everything about single students, for the lecture hall.
    Raises ValueError for a language that is neither "en" nor "zh".
    """
    t = words(language)
    by_unit: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.unit, by_name(record.student))):
        by_unit.setdefault(record.unit, []).append(record)
    views = [
        _unit_view(unit, group, texts_by_unit.get(unit, {}), language, t, terms, names)
        for unit, group in by_unit.items()
    ]
    views = [view | {"anchor": f"unit-{i}"} for i, view in enumerate(views, start=1)]

    everything = [record for group in by_unit.values() for record in group]
    read = [record for record in everything if record.is_read]
    shares = [share for record in read if (share := share_of(record)) is not None]
    manual = _open_answers(by_unit, views)
    problems = _problems(by_unit, dict(zip(by_unit, (view["title"] for view in views), strict=True)), language, t)
    tiles = [
        (str(len({record.student for record in everything})), "tile_students"),
        (f"{len(read)} / {len(everything)}", "tile_handed_in"),
        (f"{mean(shares):.0%}" if shares else "–", "tile_mean"),
        (f"{median(shares):.0%}" if shares else "–", "tile_median"),
        (str(sum(item["count"] for item in manual)), "tile_manual"),
        (str(len(problems)), "tile_problems"),
    ]
    dates = [record.date for record in everything]
    several = len(views) > 1
    heading = t["class_all_units"] if several or not views else views[0]["title"]
    page = {
        "title": t["class_title"].format(units=heading),
        "heading": heading,
        "date": date_line(max(dates, default=""), t),
        "tiles": [{"value": value, "word": t[word]} for value, word in tiles],
        "units": views,
        "names": names,
        "several": several,
        "trend": trend_view(by_unit, views, terms, t) if several else None,
        "overview": _overview(by_unit, views, terms) if several and names else None,
        "manual": manual,
        "problems": problems if names else problems_counted(problems),
        "times_none": sentence(t["times_none"]),
        "script": table_script(),
        "states": OUTCOMES,
    }
    return render("class.html.j2", page, t)


def write_class_page(
    results: Path,
    texts_by_unit: Mapping[str, Mapping[str, Any]],
    language: str | None = None,
    *,
    names: bool = True,
) -> Path:
    """Writes `class.html` in the results folder, or without names `class-without-names.html`; returns its path.

    language: None takes the one that most submissions are written in.
    """
    results = Path(results)
    records = read_records(results)
    if language is None:
        counted = Counter(record.language for record in records)
        language = max(LANGUAGES, key=lambda name: counted[name])
    page = class_page(records, texts_by_unit, language, read_terms(results), names=names)
    return write_whole(results / (PAGE if names else PAGE_WITHOUT_NAMES), page)
