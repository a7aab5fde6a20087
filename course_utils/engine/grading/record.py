"""What grading a notebook gives: a record with a score for each check. Both are made here of JSON, and turned into it.

Whoever reads `log.jsonl` or `scores.json` goes through `Record.of` and `Score.of`, so that past the border of a file
every field is there and of its type; what the grader makes itself is held by mypy.

Notable choices:
- dataclasses and a check by hand: pydantic takes 0.2 to 0.4 seconds to import, in a run that takes less than one to
  start and in each worker, and these have to be there before torch is; dataclasses are imported anyway;
- a field that an older release did not write has a default, one that a newer release writes is passed over;
- the mappings in a record are plain: records cross the borders of processes by pickle.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from ..course import LANGUAGES
from ..judging import marks
from ..judging.marks import OUTCOMES, Outcome
from ..judging.sentences import Text

Reading = Literal["graded", "missing", "error"]  # what became of a notebook as a whole
READINGS: tuple[Reading, ...] = get_args(Reading)
Place = tuple[str, str]  # student, unit

Word = TypeVar("Word", bound=str)


class RecordError(ValueError):
    """What stands in a file is no record or score of ours; the message names the field, the rule and what came."""


@dataclass(frozen=True)
class Score:
    """The mark of one check or question: a row of `scores.json`."""

    student: str
    unit: str
    exercise: str  # or the question
    check: str | None  # its short name, None at a question
    points: float
    max_points: float
    outcome: Outcome
    message: Text | str | None  # in each language; a row of scores.json has it in one
    hint: str | None = None  # its id
    # what a person entered; see telling.hand_marks
    by_hand: bool = False  # the points are a person's
    comment: str | None = None
    criteria: Any = None
    automatic_points: float | None = None  # where a person's stand in their place

    @property
    def grade_id(self) -> str:
        """The `grade_id` of the cell that carries these points."""
        return marks.grade_id(self.exercise, self.check)

    def as_json(self) -> dict[str, Any]:
        """The score as files hold it; what no person has touched has no fields about that."""
        found: dict[str, Any] = {
            "student": self.student,
            "unit": self.unit,
            "exercise": self.exercise,
            "check": self.check,
            "points": self.points,
            "max_points": self.max_points,
            "outcome": self.outcome,
            "message": self.message,
            "hint": self.hint,
        }
        if self.by_hand or self.comment is not None:
            found |= {"by_hand": self.by_hand, "comment": self.comment, "criteria": self.criteria}
        if self.automatic_points is not None:
            found["automatic_points"] = self.automatic_points
        return found

    @classmethod
    def of(cls, found: Any, place: Place | None = None) -> Score:
        """The score that a file holds. Raises RecordError.

        place: student and unit of the record that it stands in; without one, it has to say them itself.
        """
        fields = _Fields(found)
        student, unit = fields.text("student", place and place[0]), fields.text("unit", place and place[1])
        if place and (student, unit) != place:
            raise RecordError(f"a score must be of the record's {place}, got one of {_shown((student, unit))}")
        return cls(
            student,
            unit,
            fields.text("exercise"),
            fields.text("check", "") or None,
            fields.number("points"),
            fields.number("max_points"),
            fields.one_of("outcome", OUTCOMES),
            fields.sentence("message"),
            fields.text("hint", "") or None,
            fields.flag("by_hand"),
            fields.optional_text("comment"),
            fields.get("criteria"),
            fields.optional_number("automatic_points"),
        )


@dataclass(frozen=True)
class Record:
    """What grading one notebook gave: a line of `log.jsonl`."""

    student: str
    unit: str
    outcome: Reading
    scores: tuple[Score, ...]
    message: Text | str | None = None  # why it was not graded
    digest: str = ""  # of the notebook, or the reason why there is none
    seed: str = ""  # start of the hidden draws
    note: Text | str | None = None  # how it was found, where it did not lie at its place
    read_from: str = ""  # where that was
    language: str = LANGUAGES[0]  # of the notebook
    sources: Mapping[str, str] = field(default_factory=dict)  # by exercises
    answers: Mapping[str, str] = field(default_factory=dict)  # by questions
    seconds: float = 0.0
    # facts of the run, which the grader does not know
    key: str = ""  # with another one it is graded again
    sandbox: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""  # with its zone, ISO 8601

    @property
    def place(self) -> Place:
        """Student and unit: the last record with these counts."""
        return self.student, self.unit

    @property
    def is_read(self) -> bool:
        """Whether the notebook could be read and was graded."""
        return self.outcome == "graded"

    def as_json(self) -> dict[str, Any]:
        """The record as files hold it."""
        found: dict[str, Any] = {
            "student": self.student,
            "unit": self.unit,
            "digest": self.digest,
            "seed": self.seed,
            "outcome": self.outcome,
            "message": self.message,
        }
        if self.note is not None:
            found |= {"note": self.note, "read_from": self.read_from}
        return found | {
            "language": self.language,
            "scores": [score.as_json() for score in self.scores],
            "sources": dict(self.sources),
            "answers": dict(self.answers),
            "seconds": self.seconds,
            "key": self.key,
            "sandbox": self.sandbox,
            "versions": dict(self.versions),
            "date": self.date,
        }

    @classmethod
    def of(cls, found: Any) -> Record:
        """The record that a file holds. Raises RecordError."""
        fields = _Fields(found)
        place = fields.text("student"), fields.text("unit")
        scores = []
        for number, score in enumerate(fields.array("scores"), start=1):
            try:
                scores.append(Score.of(score, place))
            except RecordError as error:
                raise RecordError(f"score {number}: {error}") from None
        return cls(
            *place,
            outcome=fields.one_of("outcome", READINGS),
            scores=tuple(scores),
            message=fields.sentence("message"),
            digest=fields.text("digest", ""),
            seed=fields.text("seed", ""),
            note=fields.sentence("note"),
            read_from=fields.text("read_from", ""),
            language=fields.one_of("language", LANGUAGES, LANGUAGES[0]),
            sources=fields.texts("sources"),
            answers=fields.texts("answers"),
            seconds=fields.number("seconds", 0.0),
            key=fields.text("key", ""),
            sandbox=fields.text("sandbox", ""),
            versions=fields.texts("versions"),
            date=fields.text("date", ""),
        )


def in_language(text: Any, language: str) -> str:
    """A text in one language, from a plain string or from {"en", "zh"}; the other language where one is missing."""
    if isinstance(text, Mapping):
        text = text.get(language) or next((text[other] for other in LANGUAGES if text.get(other)), "")
    return text if isinstance(text, str) else ""


# the border of a file -------------------------------------------------------------------------------------------------


def _shown(value: Any) -> str:
    return reprlib.repr(value)  # short, and without characters that move a cursor


class _Fields:
    """The fields of a JSON object, each asked for with its type; one that is null is as good as absent."""

    def __init__(self, found: Any) -> None:
        """Raises RecordError for what is no object."""
        if not isinstance(found, Mapping):
            raise RecordError(f"an object must stand here, got {_shown(found)}")
        self.get = found.get

    def _must(self, name: str, rule: str) -> RecordError:
        value = self.get(name)
        return RecordError(f"{name} must be {rule}, {'and is missing' if value is None else f'got {_shown(value)}'}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.get(name)
        value = default if value is None else value
        if not isinstance(value, str):
            raise self._must(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.get(name) is None else self.text(name)

    def number(self, name: str, default: float | None = None) -> float:
        value = self.get(name)
        value = default if value is None else value
        try:
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
                raise self._must(name, "a finite number")
        except OverflowError:  # a whole number past what a float holds
            raise self._must(name, "a finite number") from None
        return float(value)

    def optional_number(self, name: str) -> float | None:
        return None if self.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._must(name, "true or false")
        return bool(value)

    def one_of(self, name: str, words: Sequence[Word], default: Word | None = None) -> Word:
        value = self.get(name)
        value = default if value is None else value
        for word in words:
            if word == value:
                return word
        raise self._must(name, f"one of {', '.join(words)}")

    def sentence(self, name: str) -> Text | str | None:
        return self.get(name) if isinstance(self.get(name), str) else self.texts(name) or None

    def texts(self, name: str) -> dict[str, str]:
        value = self.get(name)
        value = {} if value is None else value
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            raise self._must(name, "an object that holds texts")
        return dict(value)

    def array(self, name: str) -> Sequence[Any]:
        value = self.get(name)
        if not isinstance(value, list):
            raise self._must(name, "a list")
        return value
