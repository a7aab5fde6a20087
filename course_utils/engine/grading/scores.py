"""scores.json and scores.csv: the points of every check as rows, made from records."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from ..judging.sentences import Text
from ..making import files
from ..telling.harmless import cell_of_name
from .record import Record
from .terms import read_terms


def score_rows(records: Sequence[Record]) -> list[Record]:
    """The rows of scores.json: those of records, with messages in the language of each."""
    return [
        score | {"message": _in_language(score["message"], record["language"])}
        for record in records
        for score in record["scores"]
    ]


def _in_language(message: Text | str | None, language: str) -> str | None:
    """A message in one language; one that came from scores.json is in a single one."""
    return message[language] if isinstance(message, dict) else message


def write_scores(results: Path, records: Sequence[Record]) -> None:
    """Write scores.json and scores.csv; records: with what people entered, where there is a gradebook.

    scores.csv is for spreadsheets: a student whose name would be a formula has an apostrophe in front of it there,
    which `harmless.name_of_cell` takes off; scores.json holds each name as it is. In a class with a rule for late work
    a column tells what that took off, and the points are those that are left; scores.json holds what each check gave.
    """
    rows, terms = score_rows(records), read_terms(results)
    has_penalties = terms is not None and terms.late.rule != "none"
    files.write_whole(results / "scores.json", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    header = ["student", "unit", "points", "max_points", "manual_points_open", "outcome"]
    writer.writerow([*header, "late_penalty"] if has_penalties else header)
    for record in records:
        points = sum(score["points"] for score in record["scores"])
        most = sum(score["max_points"] for score in record["scores"])
        manual = sum(score["max_points"] for score in record["scores"] if score["outcome"] == "manual")
        student = cell_of_name(record["student"])
        late = terms.late_of_record(record) if terms else None
        penalty = late.penalty if late else 0.0
        row = [student, record["unit"], f"{points - penalty:g}", f"{most:g}", f"{manual:g}", record["outcome"]]
        writer.writerow([*row, f"{penalty:g}"] if has_penalties else row)
    files.write_whole(results / "scores.csv", table.getvalue())
