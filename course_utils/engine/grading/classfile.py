"""`class.toml`: what a class has of its own. Roster, language, dates, the rule for late work, extensions, attempts.

    title = "Our course, autumn"
    roster = "roster.csv"            # beside this file
    language = "en"                  # of pages of those who handed in nothing, and of exports
    timezone = "Europe/Zurich"
    attempts = "latest"              # or "best"
    anonymous = false                # true: formgrader learns no names

    [late]
    rule = "per_day"                 # none, zero, per_day
    percent_per_day = 10             # of the points earned, for each day begun

    [units.02_vectors]
    opens = 2026-10-01
    due = 2026-10-08T18:00:00        # a day alone ends at midnight
    column = "Homework 2 (4711)"     # its header in the school's gradebook

    [[extensions]]
    student = "mueller"
    unit = "02_vectors"              # without it, for every unit
    days = 3                         # or until = 2026-10-15

A wrong key or value is one sentence with file and line.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..toml_lines import lines_of_keys, nearest_line
from .plan import RunError
from .roster import Person, Roster, read_roster

END_OF_DAY = time(23, 59, 59)


def _as_date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            pass
    if not isinstance(value, date):  # a datetime is one, too
        raise ValueError("must be a day or a time, such as 2026-10-08 or 2026-10-08T18:00:00")
    return value


Moment = Annotated[Any, BeforeValidator(_as_date)]  # a date or a datetime


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LateRule(_Table):
    """What late work costs."""

    rule: Literal["none", "zero", "per_day"] = "none"
    percent_per_day: float = Field(default=10.0, gt=0, le=100)  # of the points earned, for each day begun
    most_percent: float = Field(default=100.0, gt=0, le=100)  # of the points earned, in all
    grace_minutes: float = Field(default=0.0, ge=0)  # that are not yet late


class UnitDates(_Table):
    """A unit's dates, and what the school's system calls it."""

    opens: Moment | None = None
    due: Moment | None = None
    column: str = ""


class Extension(_Table):
    """More time for one student."""

    student: str
    unit: str = ""  # empty: every unit
    days: float | None = Field(default=None, gt=0)
    until: Moment | None = None


class _File(_Table):
    title: str = ""
    roster: str = ""
    language: Literal["en", "zh"] = "en"
    timezone: str = "UTC"
    attempts: Literal["latest", "best"] = "latest"
    anonymous: bool = False
    late: LateRule = LateRule()
    units: dict[str, UnitDates] = {}
    extensions: list[Extension] = []


@dataclass(frozen=True)
class Class:
    """A class as its file tells it."""

    path: Path
    title: str
    roster: Roster | None
    roster_path: Path | None
    language: str
    zone: ZoneInfo
    attempts: str  # "latest" or "best"
    anonymous: bool
    late: LateRule
    units: Mapping[str, UnitDates]
    extensions: Sequence[tuple[str, Extension]]  # with the id of the person

    def due(self, unit: str) -> datetime | None:
        """When a unit is due for all; None where the file does not say."""
        dates = self.units.get(unit)
        return self._moment(dates.due, END_OF_DAY) if dates and dates.due is not None else None

    def due_for(self, unit: str, person: Person | None) -> datetime | None:
        """When a unit is due for a person: the latest of all that was granted."""
        due = self.due(unit)
        if due is None or person is None:
            return due
        moments = [due, due + person.extension]
        for student, extension in self.extensions:
            if student == person.id and extension.unit in ("", unit):
                until = extension.until
                moments.append(
                    self._moment(until, END_OF_DAY) if until is not None else due + timedelta(days=extension.days or 0)
                )
        return max(moments)

    def is_open(self, unit: str, now: datetime) -> bool:
        """Whether a unit has opened."""
        dates = self.units.get(unit)
        return not dates or dates.opens is None or self._moment(dates.opens, time()) <= now

    def person(self, student: str) -> Person | None:
        """Who of the roster a folder belongs to."""
        return self.roster.match(student).person if self.roster else None

    def _moment(self, value: date | datetime, of_a_day: time) -> datetime:
        moment = value if isinstance(value, datetime) else datetime.combine(value, of_a_day)
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)


def read_class(path: Path, units: Iterable[str]) -> Class:
    """The class of a file. Raises RunError, with file and line, for a wrong key, value, roster or unit.

    units: those that there are
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); it is made as docs/teaching.md says") from None
    except UnicodeDecodeError:
        raise RunError(f"{path} is not in UTF-8; save it with that encoding") from None
    except tomllib.TOMLDecodeError as error:
        words, _, where = str(error).rstrip(")").partition(" (at ")
        raise RunError(f"{path}, {where or 'end'}: {words}; text stands in quotes, a date does not") from None
    lines = lines_of_keys(text)

    def wrong(place: tuple[str | int, ...], sentence: str) -> RunError:
        line = nearest_line(place, lines)
        return RunError(f"{path}, line {line}: {sentence}" if line else f"{path}: {sentence}")

    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise wrong(first["loc"], _sentence(first)) from None
    try:
        zone = ZoneInfo(file.timezone)
    except (OSError, ValueError, LookupError):
        raise wrong(("timezone",), f"no time zone {file.timezone!r}; try Europe/Zurich or Asia/Shanghai") from None
    roster = read_roster(path.parent / file.roster) if file.roster else None
    known = list(units)
    for place, unit in [
        *((("units", name), name) for name in file.units),
        *((("extensions", n, "unit"), item.unit) for n, item in enumerate(file.extensions) if item.unit),
    ]:
        if unit not in known:
            raise wrong(place, f"no unit {unit!r}; there are {', '.join(known)}{_near(unit, known)}")
    extensions = []
    for number, item in enumerate(file.extensions):
        if (item.days is None) == (item.until is None):
            raise wrong(("extensions", number), "an extension has days or until, one of the two")
        found = roster.match(item.student) if roster else None
        if found and not found.person:
            near = roster.similar(item.student) if roster else ""
            raise wrong(
                ("extensions", number, "student"), "; ".join(filter(None, [f"{item.student!r}: {found.note}", near]))
            )
        extensions.append((found.person.id if found and found.person else item.student, item))
    told = Class(
        path,
        file.title,
        roster,
        path.parent / file.roster if file.roster else None,
        file.language,
        zone,
        file.attempts,
        file.anonymous,
        file.late,
        file.units,
        extensions,
    )
    for name, dates in file.units.items():
        due = told.due(name)
        if due and dates.opens is not None and not told.is_open(name, due):
            raise wrong(("units", name, "opens"), f"{name} opens after it is due, at {dates.opens}")
    return told


def _sentence(error: Mapping[str, Any]) -> str:
    """What is wrong, of pydantic's report on it."""
    *table, key = error["loc"]
    where = f"[{'.'.join(str(part) for part in table if isinstance(part, str))}]" if table else "this file"
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(table))
        return f"{where} has no key {key!r}; there are {', '.join(known)}{_near(str(key), known)}"
    if error["type"] == "missing":
        return f"{where} needs {key}"
    words = error["msg"].removeprefix("Value error, ").replace("Input should", "must").replace("'", '"')
    name = ".".join(str(part) for part in error["loc"] if isinstance(part, str))
    return f"{name} {words}, got {error['input']!r}"


def _keys(table: Sequence[str | int]) -> Iterable[str]:
    models: dict[str, type[BaseModel]] = {"late": LateRule, "units": UnitDates, "extensions": Extension}
    return models[str(table[0])].model_fields if table else _File.model_fields


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f". Did you mean {near[0]}?" if near else ""
