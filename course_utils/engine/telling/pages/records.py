"""The records of a results folder as pages tell them: with marks by hand, and counted."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ...grading.log import LOG, read_log
from ...grading.record import Place, Reading, Record, Score
from ...grading.scores import SCORES, read_scores
from ..hand_marks import read_hands, with_hands

_QUESTION = re.compile(r"q\d+_")


# scores ---------------------------------------------------------------------------------------------------------------


def by_exercise(scores: Iterable[Score]) -> dict[str, list[Score]]:
    """Scores by their exercise, in the order in which these come."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.exercise, []).append(score)
    return groups


def is_unread_answer(score: Score) -> bool:
    """Whether this is a free-text question (named `q1_…`) that was left empty or could not be read."""
    judged = score.outcome in ("manual", "passed", "partial", "failed")
    return bool(_QUESTION.match(score.exercise)) and not judged


def automatic_scores(scores: Iterable[Score]) -> list[Score]:
    """The scores that are settled: everything but free text that nobody has read."""
    return [score for score in scores if score.outcome != "manual" and not is_unread_answer(score)]


def is_written_answer(score: Score) -> bool:
    """Whether this is a free-text question; one of a course that names them otherwise shows it by its outcome."""
    return bool(_QUESTION.match(score.exercise)) or (score.outcome == "manual" and not score.check)


def points_lost(scores: Iterable[Score]) -> float:
    """Points that could have been had; extra credit on one check makes up for nothing on another."""
    return sum(max(0.0, score.max_points - score.points) for score in scores)


def points_earned(scores: Iterable[Score]) -> float:
    """Points that scores hold."""
    return sum(score.points for score in scores)


def points_possible(scores: Iterable[Score]) -> float:
    """Points that scores could hold."""
    return sum(score.max_points for score in scores)


# records --------------------------------------------------------------------------------------------------------------


def read_records(results: Path, tell: Callable[[str], None] = lambda sentence: None) -> list[Record]:
    """The last record of each student and unit in a results folder, ordered by student and unit.

    They come from `log.jsonl`, with what people entered in `gradebook.db`. A student and unit that stand in
    `scores.json` alone get a record made from their scores, without code.
    tell: is told of each line that cannot be read, as a sentence with its file and number.
    Raises ValueError if the folder or both files are absent, GradebookError if the gradebook cannot be read.
    """
    results = Path(results)
    if not results.is_dir():
        raise ValueError(
            f"results must be a folder that `course grade` wrote, got {results}, which is not a folder. "
            "Run `course grade` first?"
        )
    if not (results / LOG).is_file() and not (results / SCORES).is_file():
        raise ValueError(
            f"results must hold log.jsonl or scores.json, got {results}, which holds neither. Run `course grade` first?"
        )
    log, table = read_log(results), read_scores(results)
    for sentence in (*log.damaged, *table.damaged):
        tell(sentence)
    merged = with_hands(list(log.last.values()), read_hands(results)) if log.last else []
    alone: dict[Place, list[Score]] = {}
    for score in table.scores:
        if (place := (score.student, score.unit)) not in log.last:
            alone.setdefault(place, []).append(score)
    merged += [Record(*place, _reading(scores), tuple(scores)) for place, scores in alone.items()]
    return sorted(merged, key=lambda record: (by_name(record.student), record.unit))


def _reading(scores: Iterable[Score]) -> Reading:
    """What became of a notebook of which only the scores are known."""
    found = {score.outcome for score in scores}
    return "missing" if found <= {"missing", "manual"} else "error" if found == {"error"} else "graded"


def by_name(student: str) -> tuple[bytes, str]:
    """A key that sorts students by name, capitals or not, and Chinese ones by pinyin behind the others.

    GB 18030 holds the 3,755 most common characters in the order of their pinyin; of two readings it knows one.
    """
    return student.casefold().encode("gb18030", "replace"), student
