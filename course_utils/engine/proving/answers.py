"""Answers whose verdict is known, each graded on several draws: what grading made of them is kept as it comes.

The course's own are the references, the alternatives and the mutants; others lie in a folder, see `answer_files`.
Each is graded by the real engine, in a notebook of its own, on hidden draws from a fresh seed: before it stand the
references, behind it what was released, as with someone who got that far. What came out is one line of a file, known
by the answer's text and by all that decides a mark on its unit: a run that was stopped goes on where it was, and what
has not changed is not graded again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from ..course import CourseError
from ..grading.intake import digest
from ..grading.plan import Plan
from ..grading.provenance import checks_digest
from ..grading.record import Record
from ..grading.run import grade_all
from ..grading.task import Patience, Task
from ..making.units import Unit
from . import sample

OWN, ELSEWHERE = "the course's own", "from elsewhere"
# What else this machine does must not decide whether an answer is right; a class waits a quarter as long.
PATIENCE = Patience(cell_seconds=32.0, exercise_seconds=32.0, submission_seconds=240.0)
Verdict = Literal["right", "wrong", "doubtful"]


@dataclass(frozen=True)
class Answer:
    """An answer to one exercise, and what is known of it."""

    unit: Unit
    exercise: str
    name: str
    verdict: Verdict
    origin: str  # OWN or ELSEWHERE
    source: str  # its cell
    loses: tuple[str, ...] = ()  # of a wrong one: the grade ids that it must lose; none of them: one or more of any
    hint: str = ""  # of a wrong one: the id of its true name; empty where nobody has said it


@dataclass(frozen=True)
class Graded:
    """What one draw made of an answer."""

    seed: str  # of the draw, so that it can be had again
    lost: Mapping[str, str]  # grade ids of lost checks, of its exercise and those before -> the hint told, or nothing


class NotGraded(ValueError):
    """Some answers could not be graded, and the first fault of the grader."""


def known_answers(units: Sequence[Unit]) -> list[Answer]:
    """The course's own answers to the exercises of some units."""
    found = []
    for unit in units:
        for name in unit.exercises:
            found.append(Answer(unit, name, "reference", "right", OWN, unit.answer(name)))
        for other in unit.alternatives:
            found.append(Answer(unit, other.exercise, other.name, "right", OWN, other.source))
        for mutant in unit.mutants:
            source, loses = unit.mutated(mutant), tuple(mutant.loses)
            found.append(Answer(unit, mutant.exercise, mutant.name, "wrong", OWN, source, loses, mutant.hint))
    return found


def state_of(unit: Unit) -> str:
    """A short hash of all that decides a mark on a unit."""
    return checks_digest(unit.folder.parent, unit.name)


def keys_of(answers: Sequence[Answer], mode: str) -> list[str]:
    """What the results of answers are known by: the text, where it stands, and all that decides a mark on it."""
    states = {unit.name: state_of(unit) for unit in {answer.unit.name: answer.unit for answer in answers}.values()}
    told = ["\n".join([states[a.unit.name], mode, a.unit.name, a.exercise, a.source]) for a in answers]
    return [hashlib.sha256(text.encode()).hexdigest()[:24] for text in told]


def grade_answers(
    answers: Sequence[Answer],
    draws: int,
    mode: str,
    kept: Path,
    tell: Callable[[int, int], None] = lambda done, total: None,
    executor: Executor | None = None,
) -> list[list[Graded]]:
    """What grading makes of answers, each on so many draws; in the answers' order.

    mode: "bwrap" or "none"; kept: the file of results, read and appended to; tell: is told how many of how many results
    are there. Raises CourseError for a unit that is not built, NotGraded where the grader failed.
    """
    keys = keys_of(answers, mode)
    known = _read(kept)
    found = {key: known.get(key, [])[:draws] for key in keys}
    total = draws * len(found)
    done = sum(map(len, found.values()))
    tell(done, total)
    faults: list[str] = []
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a", encoding="utf-8") as file:
        file.write("\n" if _ends_within_a_line(kept) else "")
        for unit in {answer.unit.name: answer.unit for answer in answers}.values():
            once = {key: answer for key, answer in zip(keys, answers, strict=True) if answer.unit.name == unit.name}
            lacking = [(key, answer) for key, answer in once.items() for _ in range(draws - len(found[key]))]
            with closing(_graded(unit, [answer for _, answer in lacking], mode, executor)) as results:
                for number, result in results:
                    key, answer = lacking[number]
                    if isinstance(result, str):
                        faults.append(f"{unit.name}, {answer.exercise}, {answer.name}: {result}")
                        continue
                    line = {"key": key, "seed": result.seed, "lost": dict(result.lost)}
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    found[key].append(result)
                    done += 1
                    tell(done, total)
    if faults:
        raise NotGraded(f"{len(faults)} of {total} could not be graded; the first, {faults[0]}")
    return [found[key] for key in keys]


def _read(kept: Path) -> dict[str, list[Graded]]:
    """The results of a file by their keys; lines that a kill has cut off are passed over."""
    found: dict[str, list[Graded]] = {}
    try:
        lines = kept.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            entry = json.loads(line)
            found.setdefault(entry["key"], []).append(Graded(entry["seed"], dict(entry["lost"])))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _ends_within_a_line(kept: Path) -> bool:
    """Whether a kill has cut off the last line of a file."""
    return kept.read_bytes()[-1:] not in (b"", b"\n")


def _graded(
    unit: Unit, answers: Sequence[Answer], mode: str, executor: Executor | None
) -> Iterator[tuple[int, Graded | str]]:
    """What becomes of answers to a unit's exercises: the number of one, and its result or the fault of the grader."""
    if not answers:
        return
    try:
        tasks = [_task(answer, mode) for answer in answers]
    except FileNotFoundError:
        told = f"{unit.name} has no released notebook; build it first: course build {unit.name}"
        raise CourseError(told) from None
    with tempfile.TemporaryDirectory() as folder:  # nothing is handed in or written: these tasks bring their notebooks
        plan = Plan(Path(folder), Path(folder), (unit.name,), solutions=unit.course.folder, sandbox=mode)
        with closing(cast("Iterator", grade_all(tasks, plan, executor))) as results:
            for number, record, failure in results:
                yield number, failure if record is None else _of(record, answers[number], tasks[number].seed)


def _task(answer: Answer, mode: str) -> Task:
    sources = {name: answer.unit.answer(name) for name in _so_far(answer)} | {answer.exercise: answer.source}
    data = json.dumps(sample.filled(answer.unit, sources)).encode()
    student = f"{answer.exercise}: {answer.name}"
    solutions, seed = str(answer.unit.folder.parent), secrets.token_hex(16)
    return Task(student, answer.unit.name, data, "", digest(data), seed, mode, solutions, PATIENCE)


def _so_far(answer: Answer) -> list[str]:
    """The exercises up to that of an answer."""
    exercises = answer.unit.exercises
    return exercises[: exercises.index(answer.exercise) + 1]


def _of(record: Record, answer: Answer, seed: str) -> Graded:
    looked_at = {check for name in _so_far(answer) for check in answer.unit.checks(name)}
    lost = [score for score in record.scores if score.grade_id in looked_at and score.outcome != "passed"]
    return Graded(seed, {score.grade_id: score.hint or "" for score in lost})
