"""scores.json and scores.csv: the points of every check as rows, made from records, and read back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import files
from ..harmless import cell_of_name
from .record import Record, RecordError, Score, in_language
from .terms import read_terms

SCORES = "scores.json"
_BETWEEN = re.compile(r"[\s,]*")


def score_rows(records: Sequence[Record]) -> list[Score]:
    """The rows of scores.json: those of records, with messages in the language of each."""
    return [
        replace(score, message=None if score.message is None else in_language(score.message, record.language))
        for record in records
        for score in record.scores
    ]


def write_scores(results: Path, records: Sequence[Record]) -> None:
    """Write scores.json and scores.csv; records: with what people entered, where there is a gradebook.

    scores.csv is for spreadsheets: a student whose name would be a formula has an apostrophe in front of it there,
    which `harmless.name_of_cell` takes off; scores.json holds each name as it is. In a class with a rule for late work
    a column tells what that took off, and the points are those that are left; scores.json holds what each check gave.
    """
    rows, terms = [score.as_json() for score in score_rows(records)], read_terms(results)
    has_penalties = terms is not None and terms.late.rule != "none"
    files.write_whole(results / SCORES, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    header = ["student", "unit", "points", "max_points", "manual_points_open", "outcome"]
    writer.writerow([*header, "late_penalty"] if has_penalties else header)
    for record in records:
        points = sum(score.points for score in record.scores)
        most = sum(score.max_points for score in record.scores)
        manual = sum(score.max_points for score in record.scores if score.outcome == "manual")
        student = cell_of_name(record.student)
        late = terms.late_of_record(record) if terms else None
        penalty = late.penalty if late else 0.0
        row = [student, record.unit, f"{points - penalty:g}", f"{most:g}", f"{manual:g}", record.outcome]
        writer.writerow([*row, f"{penalty:g}"] if has_penalties else row)
    files.write_whole(results / "scores.csv", table.getvalue())


@dataclass(frozen=True)
class Rows:
    """What stands in a scores.json."""

    scores: list[Score] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # a sentence for each row that was passed over


def read_scores(results: Path) -> Rows:
    """The rows of the scores.json of a results folder; none where there is none.

    A row that cannot be read costs no other. Where the file is no JSON, the rows before that place are kept.
    """
    found, path = Rows(), results / SCORES
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows' editors write the mark
        for start, row in _objects(text):
            try:
                found.scores.append(Score.of(row))
            except RecordError as error:
                found.damaged.append(_told(path, 1 + text.count("\n", 0, start), f"{error}; the row is passed over"))
    except FileNotFoundError:
        pass
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        found.damaged.append(_told(path, line, "the text must be UTF-8, got bytes that are not; it is passed over"))
    except json.JSONDecodeError as error:
        what = (
            f"a list of rows in JSON must stand here, got none that can be read ({error.msg}); the rest is passed over"
        )
        found.damaged.append(_told(path, error.lineno, what))
    return found


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    """The items of a list in JSON, each with the place where it begins. Raises JSONDecodeError where there is no more.

    `json.loads` would give all of it or nothing, and no places.
    """
    decoder = json.JSONDecoder()
    place = len(text) - len(text.lstrip())
    if not text.startswith("[", place):
        raise json.JSONDecodeError("no list", text, place)
    place = _BETWEEN.match(text, place + 1).end()  # type: ignore[union-attr]  # it matches nothing, too
    while not text.startswith("]", place):
        try:
            item, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("nested too deeply, or too long a number", text, place) from None
        yield place, item
        place = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]


def _told(path: Path, line: int, what: str) -> str:
    return f"{path} line {line}: {what}. The file is made anew from log.jsonl; what that lacks is graded again."
