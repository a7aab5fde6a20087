"""Whose a file is, for which unit and since when, told from its path as platforms write it.

What each writes was read in its own source or manual:
- Moodle (mod/assign/classes/downloader.php): `Full Name_12345_assignsubmission_file/name.ipynb`, before 4.1
  with another `_` at its end; without folders `Full Name_12345_assignsubmission_file_name.ipynb`. The number is the
  participant's in this assignment;
- Canvas (lib/content_zipper.rb): `lastfirst_LATE_12345_67890_name.ipynb`, the sortable name without blanks and signs in
  small letters, `LATE` or nothing, the number of the user and that of the file, which grows;
- nbgrader's exchange (exchange/default/submit.py): `user+unit+2026-11-30 12:00:00.123456 UTC+random/`;
- Blackboard, as nbgrader's zip_collect takes it apart: `unit_user_attempt_2026-11-30-12-00-00_name.ipynb`;
- GitHub Classroom, classroom50 and whoever clones repositories: a folder `unit-user` or `class-unit-user`;
- anybody: folders or files that are called like a student, with the unit's name before, behind or above it.

The first part of a path that a platform wrote decides; what a student calls a file inside decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from ...course import current
from ..roster import KINDS, UNKNOWN, Match, Roster, header_key

MOODLE, CANVAS, NBGRADER, BLACKBOARD, LOOSE = "Moodle", "Canvas", "nbgrader", "Blackboard", "name"

_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
_CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)", re.DOTALL)
_ANONYMOUS_CANVAS = re.compile(
    r"(?P<name>anon_[0-9A-Za-z]+)(?P<late>)(?P<user>)_(?P<number>\d+)_(?P<file>.+)", re.DOTALL
)
# a program that unpacks on Windows puts another sign in the place of a colon
_NBGRADER = re.compile(
    r"(?P<name>[^+]+)\+(?P<unit>[^+]+)\+(?P<day>\d{4}-\d\d-\d\d)[ _T](?P<clock>\d\d[:_.-]\d\d[:_.-]\d\d)(?:\.\d+)?"
    r"(?: ?(?P<zone>[A-Za-z/_]+|[+-]\d\d:?\d\d))?(?:\+.*)?"
)
_BLACKBOARD = re.compile(
    r"(?P<unit>.+)_(?P<name>[^_]+)_attempt_(?P<time>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(?P<file>.+)|\.txt)?", re.DOTALL
)
_ACCOUNTS = ("id", "login", "e-mail", "SIS id", "alias")  # what a system knows its users by
_NAMES_NOBODY = set(
    "submissions submission submitted inbound download downloads files file notebooks notebook homework assignment "
    "assignments answers solution solutions en zh src work home desktop documents courseutils "
    "untitled 作业 提交 下载".split()
)


@dataclass(frozen=True)
class Origin:
    """What a path says of a file."""

    platform: str
    name: str  # under which it is kept where it is nobody's of the roster
    match: Match  # whose it is
    unit: str = ""  # empty where no name says it
    number: str = ""  # Moodle's of the participant, Canvas's of the user
    full_name: str = ""  # as Moodle writes it, for sending feedback back
    time: datetime | None = None  # when it was handed in
    is_late: bool | None = None  # None: the platform does not say
    sequence: int | None = None  # grows with each file that a platform takes


def origin_of(parts: Sequence[str], shared: int, units: Sequence[str], roster: Roster | None, zone: tzinfo) -> Origin:
    """What a path says of a file.

    parts: from the source's name on; shared: how many of them all files of the source share
    units: the known ones; zone: in which a time without one is told
    """
    names = [*parts[:-1], _stem(parts[-1])]
    unit = next((found for part in reversed(names) if (found := unit_in(part, units))), "")
    for part in (*parts[:-1], parts[-1]):
        if origin := _platform(part, units, roster, zone):
            return replace(origin, unit=origin.unit or unit)
    match, name = _loose(names, shared, units, roster)
    return Origin(LOOSE, name, match, unit)


def _platform(part: str, units: Sequence[str], roster: Roster | None, zone: tzinfo) -> Origin | None:
    """What a part of a path says, if a platform wrote it."""

    def who(*candidates: tuple[str, Sequence[str]]) -> Match:
        tried = [roster.match(text, kinds) for text, kinds in candidates if text] if roster else [Match(None)]
        return next((match for match in tried if match.person), tried[-1])

    if found := _MOODLE.fullmatch(part):
        name, number = found["name"].strip(), found["number"]
        match = who((f"Participant {number}", ["alias", "id"]), (name, ["alias", "name"]))
        blind = header_key(name) in ("participant", "teilnehmerin", "teilnehmer", "参与者", "参加者")
        return Origin(MOODLE, f"{name} {number}" if blind else name, match, "", number, name)
    if found := _NBGRADER.fullmatch(part):
        time = _moment(
            f"{found['day']} {re.sub('[_.-]', ':', found['clock'])}", "%Y-%m-%d %H:%M:%S", zone, found["zone"]
        )
        unit = unit_in(found["unit"], units)
        return Origin(NBGRADER, found["name"], who((found["name"], _ACCOUNTS)), unit, time=time)
    if found := _BLACKBOARD.fullmatch(part):
        time, unit = _moment(found["time"], "%Y-%m-%d-%H-%M-%S", zone), unit_in(found["unit"], units)
        return Origin(BLACKBOARD, found["name"], who((found["name"], _ACCOUNTS)), unit, time=time)
    if found := _ANONYMOUS_CANVAS.fullmatch(part) or _CANVAS.fullmatch(part):
        match = who((found["user"], ["Canvas id"]), (found["name"], ["name"]))
        late, sequence = bool(found["late"]), int(found["number"])
        return Origin(CANVAS, found["name"], match, "", found["user"], "", None, late, sequence)
    return None


def _moment(text: str, form: str, zone: tzinfo, named: str | None = None) -> datetime | None:
    """A time as UTC; named: its zone, where one stands beside it. None for a day that there is not."""
    try:
        return datetime.strptime(text, form).replace(tzinfo=_zone(named, zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(named: str | None, otherwise: tzinfo) -> tzinfo:
    if named and (offset := re.fullmatch(r"([+-])(\d\d):?(\d\d)", named)):
        minutes = 60 * int(offset[2]) + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(named) if named else otherwise
    except (OSError, ValueError, LookupError):
        return otherwise


# names that nobody but people wrote -----------------------------------------------------------------------------------


def _loose(names: Sequence[str], shared: int, units: Sequence[str], roster: Roster | None) -> tuple[Match, str]:
    """Who is meant by the names of folders and of a file, and how that person is called where it is nobody."""
    own, stem, above = names[shared:-1], names[-1], list(reversed(names[:shared]))
    order = [*own, stem, *above]
    first: Match | None = None
    if roster:
        for name in order:
            for candidate, kinds in _candidates(name, units):
                match = roster.match(candidate, kinds)
                if match.person:
                    return match, ""
                first = first or match
    kept = next((text for name in order if (text := _person_in(name, units))), names[0])
    return first or Match(None, "", UNKNOWN if roster else ""), kept


def _candidates(name: str, units: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """The texts in a name that may mean a person, and what they may be."""
    bare = _person_in(name, units)
    yield from (
        (text, KINDS) for text in dict.fromkeys((name.strip(), bare)) if text and not _names_nobody(text, units)
    )
    if behind := _behind_unit(name, units):
        yield behind, KINDS
    for cut in (found.start() for found in re.finditer(r"[-_ ]", name)):  # a user's name may have hyphens itself
        if _tells_work(name[:cut], units):
            yield name[cut + 1 :], ("id", "login", "repository", "alias")
        if _tells_work(name[cut + 1 :], units):
            yield name[:cut], KINDS


def _tells_work(text: str, units: Sequence[str]) -> bool:
    """Whether a part of a name tells of the work handed in, so that the rest is the person: hw2, week-3, vectors.

    Without this the folder of a Wang Li who is on no roster would be that of a `li` who is.
    """
    words = {word for unit in units for word in re.split(r"[\W_]+", unit.casefold())}
    return (
        _names_nobody(text, units)
        or any(character.isdigit() for character in text)
        or bool(words & set(re.split(r"[\W_]+", text.casefold())))
    )


def _person_in(name: str, units: Sequence[str]) -> str:
    """A name without the unit's in it; empty where nothing is left that could be a person's."""
    left = _behind_unit(name, units)
    if not left:
        left = name
        for unit in units:
            left = _pattern(unit).sub(" ", left)
    left = left.strip(" -_()[].,+")
    return "" if _names_nobody(left, units) else left


def _behind_unit(name: str, units: Sequence[str]) -> str:
    for unit in units:
        if found := _pattern(unit).search(name):
            return name[found.end() :].strip(" -_()[].,+")
    return ""


def _names_nobody(text: str, units: Sequence[str]) -> bool:
    key, unit = header_key(text), unit_in(text, units)
    if unit:
        return not header_key(_pattern(unit).sub("", text))
    own = header_key(current().settings["id"])  # the folder that a bundle unpacks to
    return not key or re.sub(r"\d+$", "", key) in {*_NAMES_NOBODY, own}


def unit_in(text: str, units: Iterable[str]) -> str:
    """The unit that a text names, whatever stands between its words; empty for none."""
    return next((unit for unit in units if _pattern(unit).search(text)), "")


@cache
def _pattern(unit: str) -> re.Pattern[str]:
    words = r"[\W_]*".join(re.escape(word) for word in re.split(r"[\W_]+", unit) if word)
    return re.compile(rf"(?<![^\W_]){words}(?![^\W_])", re.IGNORECASE)


def _stem(name: str) -> str:
    """A file's name without what says of which kind it is, and without the number of a copy."""
    stem = re.sub(r"(\.ipynb|\.json|\.zip|\.txt|\.py|\.pdf|\.html)+$", "", name, flags=re.IGNORECASE)
    return re.sub(r"(?: ?\(\d+\)|-\d{1,2})$", "", stem) or name
