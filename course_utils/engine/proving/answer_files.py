"""Answers in a folder: a folder per exercise, a file per answer, with what is known of it in comments at its head.

    # verdict: wrong            right, wrong or doubtful; what follows the first word is for people
    # loses: values, gradient   of a wrong one: the checks that must be lost; `any`, or no such line, asks for one
    # misconception: half_rate  of a wrong one: the id of its hint, where the course knows the mistake

Other words with a colon at the head (`why`, `source`, `unit`) are for people too. The head ends with the first line
that is no comment, and is not part of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..course import CourseError
from ..making.units import Unit
from .answers import ELSEWHERE, Answer

VERDICTS = ("right", "wrong", "doubtful")
ANY = "any"


def answers_in(folder: Path, units: Sequence[Unit]) -> list[Answer]:
    """The answers in a folder to exercises of some units, in the order of the exercises and of the files' names.

    Exercises of other units of the course are passed over. Raises CourseError for a folder without answers, one that no
    exercise is called like, and a head that says something else than what is meant.
    """
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder; name one that holds EXERCISE/ANSWER.py")
    exercises = {name for unit in units for other in (*unit.units_before(), unit) for name in other.exercises}
    known = exercises | set(units[0].course.all_exercises()) if units else exercises
    names = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith((".", "__")))
    if odd := [name for name in names if name not in known]:
        raise CourseError(f"{folder / odd[0]}: no exercise is called {odd[0]}; the folders of answers are exercises")
    found = [
        _answer(path, unit, exercise)
        for unit in units
        for exercise in unit.exercises
        for path in sorted((folder / exercise).glob("*.py"))
    ]
    if not found:
        raise CourseError(f"{folder} holds no answer to an exercise of these units; they lie in EXERCISE/ANSWER.py")
    return found


def _answer(path: Path, unit: Unit, exercise: str) -> Answer:
    """The answer in a file. Raises CourseError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read as UTF-8 text ({type(error).__name__})") from None
    length = next((number for number, line in enumerate(lines) if line.strip()[:1] not in ("", "#")), len(lines))
    head = dict(found.groups() for line in lines[:length] if (found := re.match(r"#\s*(\w+):\s*(.*?)\s*$", line)))
    verdict = re.match(r"\w*", head.get("verdict", ""))
    if not verdict or verdict[0] not in VERDICTS:
        came = f"got {head['verdict']!r}" if "verdict" in head else "there is no such line"
        raise CourseError(f"{path}: its head needs a line '# verdict: ' with {', '.join(VERDICTS)}; {came}")
    named = [] if head.get("loses", ANY) == ANY else re.split(r"\s*,\s*", head["loses"])
    loses = tuple(f"{exercise}-{check}" for check in named)
    if odd := [check for check in loses if check not in unit.rules]:
        known = ", ".join(check.removeprefix(f"{exercise}-") for check in unit.checks(exercise))
        raise CourseError(f"{path}: {exercise} has no check {odd[0].removeprefix(f'{exercise}-')!r}; it has {known}")
    hint = head.get("misconception", "")
    if hint and hint not in unit.texts["hints"]:
        raise CourseError(f"{path}: {unit.name} has no hint {hint!r} in hints.yml")
    return Answer(unit, exercise, path.stem, verdict[0], ELSEWHERE, "\n".join(lines[length:]), loses, hint)
