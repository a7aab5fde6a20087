"""What a results folder knows of its class: `class.json`, written by `course grade`, read by pages, scores and exports.

The roster, the dates, the rule for late work, and of each notebook when it was handed in. So `feedback`, `report` and
`export` need no class file, and say what `grade` said. Without a class file and without collected attempts there is no
`class.json`, and nothing is late.

Notable choices:
- a time counts where the platform tells it; one that is only known to be before the download proves that something was
  on time, never that it was late;
- where a platform says late and not since when (Canvas), one day counts;
- the penalty is counted from the points as they stand, with marks by hand, each time that they are told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..files import write_whole
from ..harmless import shown_name
from .collect.attempts import TIMESTAMP, Attempt, Ledger
from .intake import IntakeError, read_file
from .record import Record
from .roster import Person, Roster

if TYPE_CHECKING:
    from .classfile import Class

FILE = "class.json"
CLASS_FILE = "class.toml"
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class LateRule:
    """What late work costs; as `classfile.LateRule`."""

    rule: str = "none"  # "none", "zero", "per_day"
    percent_per_day: float = 10.0
    most_percent: float = 100.0
    grace_minutes: float = 0.0

    def penalty(self, points: float, seconds_late: float) -> float:
        """How many of the points are taken off."""
        if points <= 0 or self.rule == "none" or seconds_late <= 60 * self.grace_minutes:
            return 0.0
        if self.rule == "zero":
            return points
        percent = min(self.most_percent, self.percent_per_day * math.ceil(seconds_late / DAY))
        return min(points, round(points * percent / 100, 2))


@dataclass(frozen=True)
class Arrival:
    """When a notebook was handed in, as far as anybody knows."""

    first: str = ""  # when it was handed in; ISO, UTC
    first_seen: str = ""  # else when it was there at the latest
    is_late: bool | None = None  # as the platform says
    platform: str = ""
    number: str = ""  # the platform's of the person
    full_name: str = ""
    due: str = ""  # for this person
    extension: float = 0.0  # seconds of it that were granted
    seconds_late: float = 0.0
    is_counted: bool = True  # whether it is known how late it was; else at least so late
    is_known: bool = True  # whether it is known that it was, or was not, late


@dataclass(frozen=True)
class Late:
    """What being late has cost a notebook."""

    seconds: float
    is_counted: bool
    points: float  # before
    penalty: float

    @property
    def left(self) -> float:
        """The points that count."""
        return self.points - self.penalty


@dataclass(frozen=True)
class Terms:
    """What results are told by."""

    language: str = "en"
    anonymous: bool = False
    late: LateRule = field(default_factory=LateRule)
    roster: Roster | None = None
    due: Mapping[str, str] = field(default_factory=dict)  # unit -> ISO, UTC
    columns: Mapping[str, str] = field(default_factory=dict)  # unit -> its header in the school's gradebook
    arrivals: Mapping[str, Mapping[str, Arrival]] = field(default_factory=dict)  # student -> unit

    def late_of(self, student: str, unit: str, points: float) -> Late | None:
        """What being late costs a notebook with so many points; None where it costs nothing."""
        arrival = self.arrivals.get(student, {}).get(unit)
        if arrival is None or arrival.seconds_late <= 0:
            return None
        # no grace where nobody knows since when: the platform has its own
        rule = self.late if arrival.is_counted else replace(self.late, grace_minutes=0.0)
        penalty = rule.penalty(points, arrival.seconds_late)
        return Late(arrival.seconds_late, arrival.is_counted, points, penalty) if penalty else None

    def late_of_record(self, record: Record) -> Late | None:
        """The same for a record, with the points that its scores hold now."""
        return self.late_of(record.student, record.unit, sum(score.points for score in record.scores))

    def after(self, before: Terms | None, graded: Sequence[str]) -> Terms:
        """These terms, with the earlier arrivals of units that are not graded now, and of folders that are gone."""
        if before is None:
            return self
        arrivals = {student: dict(units) for student, units in self.arrivals.items()}
        for student, units in before.arrivals.items():
            own = arrivals.setdefault(student, {})
            own |= {unit: arrival for unit, arrival in units.items() if unit not in graded or unit not in own}
        return replace(self, arrivals=arrivals)

    def untold(self) -> list[tuple[str, str]]:
        """(student, unit) of notebooks of which nobody knows whether they were late."""
        own = ((student, unit, arrival) for student, units in self.arrivals.items() for unit, arrival in units.items())
        return [(student, unit) for student, unit, arrival in own if not arrival.is_known]

    def write(self, results: Path) -> None:
        """Write `class.json`. It holds names and e-mail addresses: it is private, as the whole folder is."""
        content = {
            **asdict(replace(self, roster=None, arrivals={})),
            "roster": self.roster.plain() if self.roster else None,
            "arrivals": {
                student: {unit: asdict(arrival) for unit, arrival in units.items()}
                for student, units in sorted(self.arrivals.items())
            },
        }
        write_whole(results / FILE, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def find_class_file(submitted: Path, given: Path | None = None) -> Path | None:
    """The class file that is meant: the given one, else that beside the folder of submissions, where there is one."""
    beside = submitted.absolute().parent / CLASS_FILE
    return given or (beside if beside.is_file() else None)


def read_terms(results: Path) -> Terms | None:
    """What a results folder knows of its class; None where it has none. Raises ValueError for a damaged file."""
    path = Path(results) / FILE
    try:
        status = path.stat()
    except OSError:
        return None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, *_: int) -> Terms:
    try:
        content = json.loads(path.read_bytes())
        roster = content.pop("roster")
        arrivals = {
            student: {unit: Arrival(**arrival) for unit, arrival in units.items()}
            for student, units in content.pop("arrivals").items()
        }
        late = LateRule(**content.pop("late"))
        return Terms(
            **content, late=late, arrivals=arrivals, roster=None if roster is None else Roster.of_plain(roster)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__}); grade again to write it anew") from None


def make_terms(
    class_: Class | None, submitted: Path, students: Sequence[str], units: Sequence[str], chosen: Mapping[Any, Attempt]
) -> Terms | None:
    """What is known of a class; None where it has no file and nothing was collected.

    students: the folders; chosen: (student, unit) -> the attempt that is graded, where that is not the last
    """
    slots = Ledger.read(submitted).by_slot()
    if class_ is None and not slots:
        return None
    arrivals: dict[str, dict[str, Arrival]] = {}
    for student in students:
        person = class_.person(student) if class_ else None
        own: dict[str, Arrival] = {}
        for unit in units:
            attempts = slots.get((student, unit, ""))
            attempt = chosen.get((student, unit)) or (attempts[-1] if attempts else None)
            arrival = arrival_of(attempt) if attempt else _lying(submitted, student, unit)
            if arrival:
                own[unit] = judged(arrival, class_, unit, person)
        if own:
            arrivals[shown_name(student)] = own
    if class_ is None:
        return Terms(arrivals=arrivals)
    dues = {unit: due.isoformat() for unit in units if (due := class_.due(unit))}
    columns = {unit: dates.column for unit, dates in class_.units.items() if dates.column}
    late = LateRule(**class_.late.model_dump())
    return Terms(class_.language, class_.anonymous, late, class_.roster, dues, columns, arrivals)


def arrival_of(attempt: Attempt) -> Arrival:
    """When an attempt was handed in, not yet compared with a date."""
    return Arrival(
        attempt.first,
        attempt.first_seen,
        attempt.is_late,
        attempt.platform,
        attempt.number,
        attempt.full_name,
    )


def judged(arrival: Arrival, class_: Class | None, unit: str, person: Person | None) -> Arrival:
    """An arrival with how late it was."""
    due = class_.due_for(unit, person) if class_ else None
    plain = class_.due(unit) if class_ else None
    if due is None or plain is None:
        return arrival
    told = replace(arrival, due=due.isoformat(), extension=(due - plain).total_seconds())
    if arrival.first:
        return replace(told, seconds_late=max(0.0, (datetime.fromisoformat(arrival.first) - due).total_seconds()))
    if arrival.is_late is False or (arrival.first_seen and datetime.fromisoformat(arrival.first_seen) <= due):
        return told
    if arrival.is_late and due == plain:
        return replace(told, seconds_late=1.0, is_counted=False)
    return replace(told, is_known=False)


def _lying(submitted: Path, student: str, unit: str) -> Arrival | None:
    """When something that was not collected was handed in, by nbgrader's file beside it."""
    try:
        text = read_file(submitted, (student, unit, TIMESTAMP)).decode("utf-8", "replace").strip()
        found = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ?(\S*)", text)
        if not found:
            return None
        zone = ZoneInfo(found[2]) if found[2] and found[2] != "UTC" else UTC
        moment = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    except (IntakeError, OSError, ValueError, LookupError):
        return None
    return Arrival(first=moment.astimezone(UTC).isoformat(), platform="nbgrader")
