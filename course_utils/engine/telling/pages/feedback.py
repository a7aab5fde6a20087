"""The page of one student on one unit: what was earned, each check with its message and hint, the code, the answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_whole
from ...grading.record import Record, Score, in_language
from ...grading.terms import Late, read_terms
from ...harmless import tame
from ..notes import note_to
from .code import code_lines, lines_named
from .records import (
    automatic_scores,
    by_exercise,
    is_unread_answer,
    is_written_answer,
    points_earned,
    points_lost,
    points_possible,
    read_records,
)
from .text import (
    date_line,
    display_name,
    folder_part,
    help_text,
    late_sentence,
    note_text,
    points,
    render,
    sentence,
    title_of,
    words,
)


def _check_view(score: Score, texts: Mapping[str, Any], language: str, t: Mapping[str, str]) -> dict[str, Any]:
    name, outcome, most = score.grade_id, score.outcome, points(score.max_points)
    rule = in_language(texts.get("rules", {}).get(name), language)
    message = in_language(score.message, language)
    hint = in_language(texts.get("hints", {}).get(score.hint), language) if score.hint else ""
    if not message and outcome not in ("passed", "manual"):
        message = t["no_message"]
    by_hand = ""
    if score.by_hand and outcome != "manual" and score.automatic_points is not None:
        given, checked = points(score.points), points(score.automatic_points)
        by_hand = t["points_by_hand"].format(points=given, automatic=checked)
    return {
        "outcome": outcome,
        "word": t[f"state_{outcome}"],
        "name": tame(score.check or ""),
        "rule": sentence(rule),
        "message": "" if message.strip() == hint.strip() else sentence(message),
        "hint": sentence(hint),
        "by_hand": by_hand,
        "mark": most if outcome == "manual" else f"{points(score.points)} / {most}",
    }


def _steps(texts: Mapping[str, Any], exercise: str) -> Sequence[Any]:
    """Further help of an exercise, from `steps` or, as a unit's generated file has it, from `exercises`."""
    own = texts.get("exercises", {}).get(exercise, {})
    return texts.get("steps", {}).get(exercise) or own.get("steps") or []


def _exercise_view(
    name: str,
    scores: list[Score],
    record: Record,
    texts: Mapping[str, Any],
    language: str,
    t: Mapping[str, str],
) -> dict[str, Any]:
    checks = [_check_view(score, texts, language, t) for score in scores]
    read = record.is_read
    if not read:  # nothing ran, so an error of the file is no error of the check
        checks = [check | {"word": t["problem_error"]} if check["outcome"] == "error" else check for check in checks]
    # One sentence said by every check (the cell is as released, say) is said once, above them.
    said = {check["message"] for check in checks}
    once = next(iter(said)) if len(checks) > 1 and len(said) == 1 else ""
    if once:
        checks = [check | {"message": ""} for check in checks]
    record_message = sentence(in_language(record.message, language))
    if record_message:
        once = "" if once == record_message else once
        checks = [
            check | {"message": "" if check["message"] == record_message else check["message"]} for check in checks
        ]

    written = all(map(is_written_answer, scores))
    waiting = all(score.outcome == "manual" for score in scores)
    settled = [score for score in scores if score.outcome != "manual"]
    lost = points_lost(settled)
    comment = next((score.comment for score in scores if score.comment is not None), "")
    source = record.sources.get(name)
    answer = record.answers.get(name)
    lines: list[dict[str, Any]] = []
    cut = ""
    if read and not written and source and source.strip():
        named = [number for score in scores for number in lines_named(in_language(score.message, language))]
        lines, cut = code_lines(source, named, t)
    steps = _steps(texts, name)
    first = in_language(steps[0], language) if steps and lost > 0 and read else ""
    total = f"{points(points_earned(settled))} / {points(points_possible(settled))} {t['points_word']}"
    if waiting:
        total = f"{points(points_possible(scores))} {t['points_word']}"
    shown_answer = None
    if read and written:
        shown_answer = note_text(answer) if answer else ""
    return {
        "name": tame(name),
        "checks": checks,
        "once": once,
        "lost": lost,
        "sum": f"{t['question']} · {total}" if written else total,
        "step": help_text(first) if first else "",
        "lines": lines,
        "cut": cut,
        "open": lost > 0,
        "criteria": _criteria(scores),
        "comment": note_text(comment),
        "answer": shown_answer,
        "no_code": read and not written and not lines,
    }


def _criteria(scores: Sequence[Score]) -> list[dict[str, str]]:
    """What a person gave for each criterion of an answer; none where only a sum was given."""
    given = next((score.criteria for score in scores if isinstance(score.criteria, list)), [])
    return [
        {"mark": f"{points(each['points'])} / {points(each['max_points'])}", "text": tame(str(each["text"]))}
        for each in given
        if isinstance(each, dict) and {"points", "max_points", "text"} <= set(each)
    ]


def _bar(earned: float, lost: float, still_open: float, t: Mapping[str, str]) -> list[dict[str, Any]]:
    parts = [
        ("b-pass", earned, "legend_earned"),
        ("b-fail", lost, "legend_lost"),
        ("b-hand", still_open, "legend_open"),
    ]
    return [
        {"css": css, "size": points(size), "points": points(size), "word": t[word]}
        for css, size, word in parts
        if size > 0
    ]


def feedback_page(
    record: Record,
    texts: Mapping[str, Any],
    language: str | None = None,
    late: Late | None = None,
    note: str = "",
) -> str:
    """A student's page on one unit, as one HTML file.

    record: one line of `log.jsonl`.
    texts: the unit's title, rules, hints and steps in both languages; what is absent is left out.
    language: "en" or "zh"; None takes that of the submission.
    late: what being late has cost.
    note: what a person wrote to the student.
    Raises ValueError for another language.
    """
    language = language or record.language
    t = words(language)
    unit = record.unit
    scores = record.scores
    automatic = automatic_scores(scores)
    earned, graded = points_earned(automatic), points_possible(automatic)
    still_open = points_possible(score for score in scores if score.outcome == "manual")
    lost = points_lost(automatic)

    exercises = [_exercise_view(name, group, record, texts, language, t) for name, group in by_exercise(scores).items()]
    exercises = [view | {"anchor": f"exercise-{i}"} for i, view in enumerate(exercises, start=1)]
    outcome = record.outcome
    notice = None
    if outcome != "graded":
        kind = outcome if outcome == "missing" else "error"
        message = sentence(in_language(record.message, language))
        notice = {"kind": kind, "heading": t[f"{kind}_heading"], "body": t[f"{kind}_body"], "message": message}
    to_look_at = [view for view in exercises if view["lost"] > 0] if notice is None else []

    unit_title = title_of(texts, unit, language)
    notes = []
    if still_open or notice is None:
        notes.append(t["points_open"].format(points=points(still_open)) if still_open else t["points_none_open"])
    empty = points_possible(score for score in scores if is_unread_answer(score))
    if empty and notice is None:
        notes.append(t["points_empty"].format(points=points(empty)))
    if record.is_read and (found := in_language(record.note, language)):
        notes.insert(0, sentence(found))
    if late:
        notes.append(sentence(late_sentence(late, t)))
    page = {
        "title": f"{t['feedback_title'].format(unit=unit_title)} · {display_name(record.student)}",
        "unit": tame(unit),
        "unit_title": unit_title,
        "student": display_name(record.student),
        "notice": notice,
        "by_hand": note_text(note),
        "earned_text": points(earned),
        "graded_text": points(graded),
        "graded_max": graded,
        "graded_word": t["points_graded_too" if any(score.by_hand for score in automatic) else "points_graded"],
        "open": still_open,
        "notes": notes,
        "bar": _bar(earned, lost, still_open, t),
        "bar_label": t["bar_label"].format(earned=points(earned), lost=points(lost), open=points(still_open)),
        "all_right": notice is None and graded > 0 and lost <= 0 and not empty,
        "next": [
            {
                "anchor": view["anchor"],
                "name": view["name"],
                "to_gain": t["to_gain"].format(points=points(view["lost"])),
            }
            for view in to_look_at
        ],
        "exercises": exercises,
        "date": date_line(record.date, t),
    }
    return render("feedback.html.j2", page, t)


# files ----------------------------------------------------------------------------------------------------------------


def write_page(results: Path, record: Record, texts: Mapping[str, Any], language: str | None = None) -> Path:
    """Writes `feedback/<student>/<unit>.html` in the results folder for one record; returns its path.

    texts, language: as in `feedback_page`.
    """
    unit, student = folder_part(record.unit, "unit"), folder_part(record.student, "student")
    terms = read_terms(results)
    late = terms.late_of_record(record) if terms else None
    notes = note_to(results, record.student), note_to(results, record.student, record.unit)
    page = feedback_page(record, texts, language, late, "\n\n".join(filter(None, notes)))
    return write_whole(results / "feedback" / student / f"{unit}.html", page)


def write_feedback(
    results: Path, texts_by_unit: Mapping[str, Mapping[str, Any]], language: str | None = None
) -> list[Path]:
    """Writes the page of every record of a results folder; returns the paths.

    language: None gives each student the language of the submission.
    """
    records = read_records(Path(results))
    return [write_page(Path(results), record, texts_by_unit.get(record.unit, {}), language) for record in records]
