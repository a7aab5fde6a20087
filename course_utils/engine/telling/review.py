"""Free text marked by a person, criterion by criterion: what waits, what stands beside it, and where a mark goes.

A mark goes into `gradebook.db`, into the columns in which formgrader writes, so that both see the same; see
`hand_marks`. What each criterion got is appended to `reviews.jsonl`, and counts while the gradebook holds its sum.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..course import Course
from ..grading.log import append_line, read_log
from ..grading.record import Record
from ..making.units import Unit, find_units
from .hand_marks import GRADEBOOK, LOCK_SECONDS, REVIEWS, GradebookError, Hands, Mark, read_hands


@dataclass(frozen=True)
class Criterion:
    """A thing that a full answer says."""

    points: float
    text: str


@dataclass(frozen=True)
class Question:
    """A question in words, in one language."""

    unit: str
    name: str  # its grade id
    points: float
    asked: str  # as the notebook asks it
    criteria: tuple[Criterion, ...]
    model_answer: str
    typical_mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one student wrote."""

    student: str
    language: str
    text: str
    mark: Mark | None  # that stands already, of this answer or of one before it
    comment: str

    @property
    def digest(self) -> str:
        """A short hash of the text."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def find_question(course: Course, name: str) -> tuple[Unit, str]:
    """The unit that asks a question, by the question's grade id or its beginning. Raises ValueError for any other."""
    known = [(unit, question) for unit in find_units(course.folder) for question in unit.rubric]
    found = [pair for pair in known if pair[1] == name] or [pair for pair in known if pair[1].startswith(name)]
    if len(found) != 1:
        raise ValueError(f"QUESTION must be one of {', '.join(question for _, question in known)}; got {name!r}")
    return found[0]


def question_of(unit: Unit, name: str, language: str) -> Question:
    """A question with its rubric in a language of the course, the course's first one for any other."""
    languages = unit.course.languages
    language = language if language in languages else languages[0]
    rubric = unit.rubric[name]
    criteria = tuple(Criterion(float(each["points"]), str(each[language]).strip()) for each in rubric["criteria"])
    answer = str(rubric["model_answer"][language]).strip()
    mistakes = tuple(str(each[language]).strip() for each in rubric.get("typical_mistakes", ()))
    return Question(unit.name, name, float(rubric["points"]), _asked(unit, name, language), criteria, answer, mistakes)


def _asked(unit: Unit, name: str, language: str) -> str:
    """The prose above a question's cell in the released notebook; empty before the first build."""
    path = unit.course.notebooks / language / unit.name / f"{unit.name}.ipynb"
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return ""
    ids = [cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") for cell in cells]
    place = ids.index(name) if name in ids else 0
    return "".join(cells[place - 1]["source"]).strip() if place else ""


def waiting(results: Path, unit: str, question: str, everybody: bool = False, seed: str = "") -> list[Answer]:
    """The answers to a question that wait for a person, in an order that the seed decides.

    everybody: also those that a person has marked. Answers that say nothing wait for nobody: they are 0 by themselves.
    Raises ValueError where nothing was graded yet, GradebookError where the gradebook cannot be read.
    """
    records = [record for record in read_log(results).last.values() if record.unit == unit]
    if not records:
        raise ValueError(f"{results} holds no results of {unit}; grade first: course grade SUBMITTED")
    hands = read_hands(results)
    answers = [answer for record in records if (answer := _answer(record, question, hands, everybody))]
    answers.sort(key=lambda answer: answer.student)
    random.Random(f"{seed} {unit} {question}").shuffle(answers)
    return answers


def _answer(record: Record, question: str, hands: Hands, everybody: bool) -> Answer | None:
    """What a student wrote, if it waits."""
    row = next((score for score in record.scores if score.exercise == question), None)
    if row is None or row.outcome != "manual":
        return None
    place = (record.student, record.unit, question)
    mark = hands.marks.get(place)
    if mark and mark.score is not None and not mark.asks_again and not everybody:
        return None
    text = record.answers.get(question, "")
    return Answer(record.student, record.language, text, mark, hands.comments.get(place, ""))


def give_mark(
    results: Path, question: Question, answer: Answer, criteria: Sequence[float], comment: str, points: float
) -> None:
    """Write a person's mark where formgrader would, and what each criterion got beside it.

    points: the sum, or what the person made of it. Raises GradebookError where the gradebook cannot be written.
    """
    place = {"student": answer.student, "unit": question.unit, "question": question.name}
    path = results / GRADEBOOK
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=LOCK_SECONDS, uri=True)) as db, db:
            db.execute("BEGIN IMMEDIATE")
            done = db.execute(
                f"UPDATE grade SET manual_score = :points, needs_manual_grade = 0 {_CELL}", place | {"points": points}
            )
            if done.rowcount != 1:
                raise GradebookError(
                    f"{path} has no row of {question.name} for this student; grade again: course grade"
                )
            db.execute(f"UPDATE comment SET manual_comment = :comment {_CELL}", place | {"comment": comment or None})
    except (sqlite3.Error, OverflowError) as error:
        raise GradebookError(
            f"{path} could not be written ({error}); close the program that holds it, and mark this answer again"
        ) from error
    entry: dict[str, Any] = place | {
        "digest": answer.digest,
        "points": points,
        "criteria": [
            {"points": given, "max_points": each.points, "text": each.text}
            for given, each in zip(criteria, question.criteria, strict=True)
        ],
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    append_line(results / REVIEWS, entry)


_CELL = """
    WHERE cell_id IN (
        SELECT base_cell.id FROM base_cell
        JOIN notebook ON notebook.id = base_cell.notebook_id
        JOIN assignment ON assignment.id = notebook.assignment_id
        WHERE base_cell.name = :question AND assignment.name = :unit
    ) AND notebook_id IN (
        SELECT submitted_notebook.id FROM submitted_notebook
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        JOIN assignment ON assignment.id = submitted_assignment.assignment_id
        WHERE submitted_assignment.student_id = :student AND assignment.name = :unit
    )
"""
