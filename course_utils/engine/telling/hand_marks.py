"""What a person entered in nbgrader's gradebook, and the records of a run with it.

`gradebook.db` is the one place where hands write: formgrader does, and whatever writes as it does. Grading never puts
anything into those columns, so that what is read here survives a second `grade`, a regrade and a resubmission.

Notable choices:
- points are nbgrader's own: the score by hand, else the automatic one, and the extra credit on top;
- a grade that nbgrader shows as waiting for a person although it has a score by hand is one whose answer changed after
  it was marked: its row asks again, and the old points stand until somebody looks;
- rows that nobody touched are left as they are, key by key;
- the file is read by SQL alone: nbgrader takes seconds to import, and a page should not wait for it.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..grading.record import Record, Score
from ..judging.marks import Outcome
from ..judging.sentences import Text

GRADEBOOK = "gradebook.db"
REVIEWS = "reviews.jsonl"  # what each criterion got, one line a mark, only ever added to
LOCK_SECONDS = 60.0  # how long to wait for formgrader, which writes for milliseconds

Place = tuple[str, str, str]  # student, unit, grade id

SENTENCES: dict[str, Text] = {
    "marked": {
        "en": "A person marked this: {points} of {most} points.",
        "zh": "老师已批阅：{most} 分中得 {points} 分。",
    },
    "asks_again": {
        "en": "This changed after a person had marked it with {points} of {most} points; "
        "these stand until a person has looked again.",
        "zh": "老师批阅后内容有改动；原来的得分（{most} 分中得 {points} 分）暂时保留，等老师重新批阅。",
    },
}

_MARKS = """
    SELECT submitted_assignment.student_id, assignment.name, base_cell.name,
           grade.manual_score, grade.extra_credit, grade.needs_manual_grade
    FROM grade
    JOIN base_cell ON base_cell.id = grade.cell_id
    JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    WHERE grade.manual_score IS NOT NULL OR grade.extra_credit IS NOT NULL
"""
_COMMENTS = """
    SELECT submitted_assignment.student_id, assignment.name, base_cell.name, comment.manual_comment
    FROM comment
    JOIN base_cell ON base_cell.id = comment.cell_id
    JOIN submitted_notebook ON submitted_notebook.id = comment.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    WHERE comment.manual_comment IS NOT NULL
"""


class GradebookError(RuntimeError):
    """The gradebook cannot be read or written; the message says why and what to try."""


@dataclass(frozen=True)
class Mark:
    """What a person entered at one grade."""

    score: float | None  # in the place of the automatic one; None: that one counts
    extra: float  # on top of either
    asks_again: bool  # the answer, or its automatic points, changed since

    def points(self, automatic: float | None) -> float | None:
        """The points of a grade with this mark, as nbgrader counts them; None where nobody has given any yet."""
        base = automatic if self.score is None else self.score
        return None if base is None else base + self.extra


@dataclass(frozen=True)
class Hands:
    """All that people entered in a gradebook."""

    marks: Mapping[Place, Mark] = field(default_factory=dict)
    comments: Mapping[Place, str] = field(default_factory=dict)  # by the grade ids of solution cells
    criteria: Mapping[Place, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # of marks that still stand


def read_hands(results: Path) -> Hands:
    """What people entered in the gradebook of a results folder; nothing where there is none yet.

    Raises GradebookError for a gradebook that is damaged or that another program keeps locked.
    """
    path = Path(results) / GRADEBOOK
    if not path.exists():
        return Hands()
    try:
        # "rw" makes no file, and may undo what a killed program left half written, which "ro" may not
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=LOCK_SECONDS, uri=True)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():  # made, and not written to yet
                return Hands()
            db.execute("BEGIN")  # marks and comments of one moment
            marks, comments = db.execute(_MARKS).fetchall(), db.execute(_COMMENTS).fetchall()
    except (sqlite3.Error, OverflowError) as error:
        raise GradebookError(
            f"{path} could not be read ({error}), so scores and pages stay as they are. Is another program writing to "
            "it, or is it damaged? Close that program, or put a whole copy in its place, and try again."
        ) from error
    found = {
        (student, unit, name): Mark(_number(score), _number(extra) or 0.0, bool(waits))
        for student, unit, name, score, extra, waits in marks
    }
    return Hands(
        found,
        {
            (student, unit, name): text.strip()
            for student, unit, name, text in comments
            if isinstance(text, str) and text.strip()
        },
        _read_criteria(Path(results) / REVIEWS, found),
    )


def _read_criteria(path: Path, marks: Mapping[Place, Mark]) -> dict[Place, Sequence[Mapping[str, Any]]]:
    """What each criterion got, by the last review of each answer; a mark that was changed since has none.

    A line that cannot be read is passed over: its points stand in the gradebook all the same.
    """
    last: dict[Place, Mapping[str, Any]] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            entry = json.loads(line)
            last[entry["student"], entry["unit"], entry["question"]] = entry
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
    return {
        place: entry["criteria"]
        for place, entry in last.items()
        if place in marks and marks[place].score == entry.get("points") and isinstance(entry.get("criteria"), list)
    }


def _number(value: Any) -> float | None:
    """A usable number: SQLite keeps whatever a program wrote, also text and infinity."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def with_hands(records: Sequence[Record], hands: Hands) -> list[Record]:
    """The records with what people entered: points, outcomes and comments; the given ones stay as they are.

    A row that a person touched has `by_hand` (whether the points are a person's), `comment` and `criteria`, and
    `automatic_points` where a person's points stand in the place of automatic ones.
    """
    return [replace(record, scores=tuple(_touched(score, hands) for score in record.scores)) for record in records]


def _touched(score: Score, hands: Hands) -> Score:
    """A score with what a person entered at it; as it is where nobody did."""
    place = (score.student, score.unit, score.grade_id)
    mark = hands.marks.get(place)
    comment = hands.comments.get((score.student, score.unit, score.exercise))
    automatic = None if score.outcome == "manual" else score.points
    points = mark.points(automatic) if mark else None
    if mark and points is not None:
        score = replace(_marked(score, mark, points, automatic), criteria=hands.criteria.get(place))
    return score if comment is None else replace(score, comment=comment)


def _marked(score: Score, mark: Mark, points: float, automatic: float | None) -> Score:
    """A score with a person's points."""
    most = score.max_points
    asks_again = mark.asks_again and mark.score is not None
    outcome: Outcome = "manual" if asks_again else "passed" if points >= most else "partial" if points > 0 else "failed"
    # the automatic sentence on a check stays; of a question it says that a person will read it, or that it is empty
    told = score.message if score.check else None
    if asks_again or (told is None and outcome != "passed"):
        told = _sentence("asks_again" if asks_again else "marked", points, most)
    return replace(score, points=points, outcome=outcome, message=told, by_hand=True, automatic_points=automatic)


def _sentence(key: str, points: float, most: float) -> Text:
    return {language: text.format(points=f"{points:g}", most=f"{most:g}") for language, text in SENTENCES[key].items()}
