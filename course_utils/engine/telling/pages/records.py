"""The records of a results folder as pages tell them: read with care, with marks by hand, and counted.

Only named fields of a record reach a page, so that a field added to the log later can never be published by accident.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..hand_marks import read_hands, with_hands
from .text import LANGUAGES

OUTCOMES = ("passed", "partial", "failed", "error", "timeout", "memory", "crashed", "missing", "manual")
_QUESTION = re.compile(r"q\d+_")


# scores ---------------------------------------------------------------------------------------------------------------


def finite_number(value: Any) -> float:
    """A finite number as it stands; 0 for anything else."""
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else 0.0


def _outcome(score: Mapping[str, Any]) -> str:
    outcome = score.get("outcome")
    return outcome if outcome in OUTCOMES else "error"


def scores_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The record's scores with every field present and of the right type."""
    return [
        {
            "exercise": str(score.get("exercise") or "?"),
            "check": score.get("check") or None,
            "points": finite_number(score.get("points")),
            "max": finite_number(score.get("max_points")),
            "outcome": _outcome(score),
            "message": score.get("message"),
            "hint": score.get("hint") or None,
            "by_hand": score.get("by_hand") is True,
            "automatic": score.get("automatic_points"),
            "comment": score.get("comment"),
        }
        for score in record.get("scores") or []
    ]


def full_name(score: Mapping[str, Any]) -> str:
    """The name of a score's check with its exercise, as the grade id has it."""
    return f"{score['exercise']}-{score['check']}" if score["check"] else score["exercise"]


def by_exercise(scores: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Scores by their exercise, in the order in which these come."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for score in scores:
        groups.setdefault(score["exercise"], []).append(score)
    return groups


def is_unread_answer(score: Mapping[str, Any]) -> bool:
    """Whether this is a free-text question (named `q1_…`) that was left empty or could not be read."""
    judged = score["outcome"] in ("manual", "passed", "partial", "failed")
    return bool(_QUESTION.match(score["exercise"])) and not judged


def automatic_scores(scores: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The scores that are settled: everything but free text that nobody has read."""
    return [score for score in scores if score["outcome"] != "manual" and not is_unread_answer(score)]


def is_written_answer(score: Mapping[str, Any]) -> bool:
    """Whether this is a free-text question; one of a course that names them otherwise shows it by its outcome."""
    return bool(_QUESTION.match(score["exercise"])) or (score["outcome"] == "manual" and not score["check"])


def points_lost(scores: Iterable[dict[str, Any]]) -> float:
    """Points that could have been had; extra credit on one check makes up for nothing on another."""
    return sum(max(0.0, score["max"] - score["points"]) for score in scores)


def points_earned(scores: Iterable[dict[str, Any]]) -> float:
    """Points that scores hold."""
    return sum(score["points"] for score in scores)


def points_possible(scores: Iterable[dict[str, Any]]) -> float:
    """Points that scores could hold."""
    return sum(score["max"] for score in scores)


# records --------------------------------------------------------------------------------------------------------------


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON lines file; a line that a killed run left half written is passed over."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def read_records(results: Path) -> list[dict[str, Any]]:
    """The last record of each student and unit in a results folder, ordered by student and unit.

    They come from `log.jsonl`, with what people entered in `gradebook.db`. A student and unit that stand in
    `scores.json` alone get a record made from their scores, without code.
    Raises ValueError if the folder or both files are absent, GradebookError if the gradebook cannot be read.
    """
    results = Path(results)
    log, table = results / "log.jsonl", results / "scores.json"
    if not results.is_dir():
        raise ValueError(
            f"results must be a folder that `course grade` wrote, got {results}, which is not a folder. "
            "Run `course grade` first?"
        )
    if not log.is_file() and not table.is_file():
        raise ValueError(
            f"results must hold log.jsonl or scores.json, got {results}, which holds neither. Run `course grade` first?"
        )

    logged: dict[tuple[str, str], dict[str, Any]] = {}
    for record in _json_lines(log) if log.is_file() else ():
        student, unit = record.get("student"), record.get("unit")
        if isinstance(student, str) and isinstance(unit, str):
            logged[student, unit] = record
    merged = with_hands(list(logged.values()), read_hands(results)) if logged else []
    records = {(record["student"], record["unit"]): record for record in merged}
    if table.is_file():
        alone: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for score in json.loads(table.read_text(encoding="utf-8")):
            if (score["student"], score["unit"]) not in records:
                alone[score["student"], score["unit"]].append(score)
        for (student, unit), scores in alone.items():
            found = {score.get("outcome") for score in scores}
            outcome = "missing" if found <= {"missing", "manual"} else "error" if found == {"error"} else "graded"
            records[student, unit] = {
                "student": student,
                "unit": unit,
                "outcome": outcome,
                "language": LANGUAGES[0],
                "scores": scores,
            }
    return sorted(records.values(), key=lambda record: (by_name(record["student"]), record["unit"]))


def is_read(record: Mapping[str, Any]) -> bool:
    """Whether a record's notebook could be read and was graded."""
    return record.get("outcome", "graded") == "graded"


def by_name(student: str) -> tuple[str, str]:
    """A key that sorts students by name, capitals or not."""
    return student.casefold(), student


def record_language(record: Mapping[str, Any]) -> str:
    """The language of a submission, English where the record does not say."""
    language = record.get("language")
    return language if language in LANGUAGES else LANGUAGES[0]
