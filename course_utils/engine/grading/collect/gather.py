"""Collecting: from sources to attempts to `submitted/`, with a line on everything.

A source is read as a whole before anything of it is kept, for only then it shows which folders all its files share, and
whether two people in it are called alike. What it brings lies in a folder of its own until then. Its ledger is written
before the copies that are graded: a kill in between is mended by the next run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from ... import files
from ...course import current
from ...harmless import cell_of_name, on_one_line, shown_name
from ...making.units import find_units
from ...reading.decoding import HEAD, text_of
from ..classfile import Class
from ..finding import Finder
from ..folder import COLLECTED, is_cloud_file
from ..intake import REASONS
from ..intake_table import NOTEBOOK
from ..roster import MAX_ID, UNKNOWN
from . import worksheet
from .attempts import FOLDER, Attempt, Ledger, identity_of, locked, lying_there, place, take_away
from .layouts import LOOSE, MOODLE, Origin, origin_of
from .sources import Item, check_source, read_source

TABLE = COLLECTED
COLUMNS = ("source", "student", "unit", "read_as", "note", "handed_in", "known_by")
ATTEMPT = "attempt"  # what `read_as` says of one that is kept and not graded
FILE = "file"  # and of what is no notebook, brought since there is none
MISSING = "nothing handed in"
WAITING = ".incoming-"  # begins the name of the folder in which files wait


@dataclass(frozen=True)
class Collected:
    """What collecting has done."""

    lines: Sequence[Mapping[str, str]]  # a row of the table for each file of these sources
    missing: Sequence[tuple[str, str]]  # (id, unit) of people on the roster, for units that have opened
    unknown: Mapping[str, str]  # folder of somebody who is not on the roster -> why
    files: int  # that were read
    new: int  # attempts that were not known
    replaced: int  # attempts that took another's place
    systems: int  # files and folders of systems, which nobody need hear of


@dataclass
class _Found:
    """A file of a source, set aside until the source has been read."""

    item: Item
    place: Path  # where its content waits
    unit: str  # by its content
    answers: int
    reason: str  # a key of intake.REASONS, empty for a notebook
    is_notebook: bool  # by its name or its content
    identity: str = ""
    digest: str = ""
    origin: Origin | None = None
    student: str = ""
    why_unknown: str = ""

    def data(self) -> bytes:
        """Its content."""
        return self.place.read_bytes()


@dataclass
class _Run:
    submitted: Path
    ledger: Ledger
    finder: Finder
    units: list[str]
    class_: Class | None
    zone: tzinfo
    tell: Callable[[int], None]
    lines: list[dict[str, str]] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    times: dict[str, worksheet.Line] = field(default_factory=dict)
    touched: dict[tuple[str, str, str], list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    files: int = 0
    systems: int = 0


def collect(
    sources: Sequence[Path],
    into: Path,
    class_: Class | None = None,
    solutions: Path | None = None,
    tell: Callable[[int], None] = lambda files: None,
) -> Collected:
    """Bring what sources hold into a folder of submissions; what it holds already is never lost.

    solutions: where the units are, by default those of the course at hand; tell: is told how many files have been read
    Raises RunError for a source that cannot be read, or a folder that cannot be written to.
    """
    for source in sources:
        check_source(source)
    zone = class_.zone if class_ else UTC
    solutions = solutions or current().folder
    units = [unit.name for unit in find_units(solutions)]
    with locked(into):
        ledger = Ledger.read(into)
        run = _Run(into, ledger, Finder(into, solutions), units, class_, zone, tell)
        known = len(ledger.attempts)
        for left in (into / FOLDER).glob(f"{WAITING}*"):  # by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=WAITING, dir=into / FOLDER) as waiting:
            rest = [source for source in sources if not _read_times(run, source)]
            for number, source in enumerate(rest):
                _read(run, source, Path(waiting) / str(number))
        new = len(ledger.attempts) - known
        ledger.write()
        replaced = _place(run)
        ledger.tell(run.lines)
        ledger.write()
        missing = _missing(run)
        _write_table(into / TABLE, ledger.lines, missing)
    return Collected(run.lines, missing, run.unknown, run.files, new, replaced, run.systems)


# reading a source -----------------------------------------------------------------------------------------------------


def _read(run: _Run, source: Path, waiting: Path) -> None:
    waiting.mkdir()
    found: list[_Found] = []
    files_of_class = (run.class_.path, run.class_.roster_path) if run.class_ else ()
    own = (run.submitted, *(path for path in files_of_class if path))
    for item in read_source(source, run.zone, own):
        run.files += not item.is_system
        run.tell(run.files)
        if item.data is None:
            run.systems += item.is_system
            _line(run, item, note=item.note)
        else:
            found.append(_set_aside(run, item, waiting / str(len(found))))
    _tell_people(run, found)
    _keep(run, found)
    shutil.rmtree(waiting)


def _read_times(run: _Run, source: Path) -> bool:
    """Whether a source is Moodle's grading worksheet, and the times of its participants.

    Only a file that was named itself: one among what students handed in could tell any time of anybody.
    """
    if source.suffix.casefold() != ".csv" or not source.is_file():
        return False
    (item,) = read_source(source, run.zone)
    sheet = worksheet.read_worksheet(item.data or b"", run.zone)
    if sheet:
        run.files += 1
        run.times |= sheet
        _line(run, item, note="Moodle's grading worksheet: when its participants handed in")
    return bool(sheet)


def _set_aside(run: _Run, item: Item, place: Path) -> _Found:
    data = item.data or b""
    name = item.parts[-1].casefold()
    named = ".ipynb" in name or name.endswith((".json", ".py"))
    looked = named or text_of(data[:HEAD]).lstrip().startswith("{")
    unit, answers, reason = run.finder.look_into(data) if looked else ("", 0, "not_json")
    place.write_bytes(data)
    is_notebook = (bool(unit) or ".ipynb" in name) and not name.endswith(".py") and not is_cloud_file(name)
    return _Found(
        replace(item, data=None),
        place,
        unit,
        answers,
        reason,
        is_notebook,
        identity_of(data),
        hashlib.sha256(data).hexdigest(),
    )


def _tell_people(run: _Run, found: Sequence[_Found]) -> None:
    """Say of each file whose it is."""
    roster = run.class_.roster if run.class_ else None
    shared = _shared([one.item.parts for one in found])
    for one in found:
        one.origin = origin = origin_of(one.item.parts, shared, run.units, roster, run.zone)
        if origin.platform == MOODLE and (told := run.times.get(origin.number)):
            match = roster.match(told.email, ["e-mail"]) if roster and told.email else origin.match
            one.origin = replace(origin, time=told.time, match=match if match.person else origin.match)
    numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        numbers[_called(one.origin)].add(one.origin.number if one.origin else "")
    for one in found:
        _name(run, one, len(numbers[_called(one.origin)]) > 1)


def _shared(paths: Sequence[tuple[str, ...]]) -> int:
    """How many parts from the source's name on all paths share, their files' names left out."""
    if not paths:
        return 1
    first, last = min(paths), max(paths)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return max(1, min(same, *(len(path) - 1 for path in paths)))


def _called(origin: Origin | None) -> tuple[str, str]:
    person = origin.match.person if origin else None
    return (person.id, "") if person else ("", origin.name.casefold() if origin else "")


def _name(run: _Run, one: _Found, has_namesake: bool) -> None:
    """Give a file to its student; has_namesake: whether this source has two people of that name."""
    origin = one.origin
    if origin is None:
        return
    person, note = origin.match.person, origin.match.note
    sure = origin.match.how not in ("name", "")
    if person and (sure or not has_namesake):
        one.student = person.id
        return
    if person:
        note = f"two people in one download are called as {person.full_name} ({person.id}) is"
    ambiguous = has_namesake or note.startswith("could be")
    name = _folder_name(f"{origin.name or origin.full_name} {origin.number}" if ambiguous else origin.name)
    if run.class_ and run.class_.roster and run.class_.roster.match(name).person:
        name = f"{name} (unknown)"  # or it would be read as somebody's of the roster by and by
    one.student, one.why_unknown = name, note
    if run.class_ and run.class_.roster:
        if name not in run.unknown and note == UNKNOWN:
            note = "; ".join(filter(None, [note, run.class_.roster.similar(origin.name)]))
        run.unknown.setdefault(name, note)


def _folder_name(name: str) -> str:
    """A name as that of a folder."""
    plain = " ".join(name.replace("/", "_").split()).lstrip(".~ ") or "unknown"
    return shown_name(plain.encode("utf-8", "replace")[:MAX_ID].decode("utf-8", "ignore"))


# keeping what it holds ------------------------------------------------------------------------------------------------


def _keep(run: _Run, found: Sequence[_Found]) -> None:
    notebooks = {(one.student, one.unit) for one in found if one.is_notebook}
    with_notebook = {student for student, _ in notebooks}
    for one in found:
        only = one.unit and (one.student, one.unit) not in notebooks  # a script, of a unit of which nothing else came
        if not one.is_notebook and one.student in with_notebook and not only:
            _line(run, one.item, one, note="not a notebook; a notebook that came with it is read")
            continue
        attempt = _attempt(one)
        lying = lying_there(run.submitted, attempt)
        if lying and not run.ledger.knows(attempt, identity_of(lying[0])):
            _adopt(run, attempt, *lying)
        _bring_home(run, attempt)
        kept = run.ledger.add(attempt, one.data(), one.item.is_packed)
        note = REASONS[one.reason]["en"] if one.reason and one.is_notebook else ""
        run.touched[kept.slot].append((len(run.lines), kept.identity))
        _line(run, one.item, one, FILE if not one.is_notebook else ATTEMPT, note, kept.first, kept.unit)


def _attempt(one: _Found) -> Attempt:
    origin, name = one.origin, one.item.parts[-1]
    if origin is None:
        raise ValueError("a file needs an origin, got none")
    unit = one.unit or origin.unit
    is_readable = one.is_notebook and not one.reason
    seen = (one.item.modified or datetime.now(UTC)).isoformat(timespec="seconds")
    time = origin.time.isoformat(timespec="seconds") if origin.time else ""
    return Attempt(
        student=one.student,
        unit=unit,
        file=f"{unit}.ipynb" if unit and one.is_notebook else _folder_name(name),
        identity=one.identity,
        digest=one.digest,
        path="",
        source=_source(one.item),
        platform=origin.platform,
        answers=one.answers,
        is_readable=is_readable,
        seen=seen,
        first=time,
        last=time,
        first_seen=seen,
        is_late=origin.is_late,
        sequence=origin.sequence,
        number=origin.number,
        full_name=origin.full_name,
    )


def _bring_home(run: _Run, attempt: Attempt) -> None:
    """Give what was collected for somebody unknown to the person of the roster whose it turns out to be."""
    roster = run.class_.roster if run.class_ else None
    if not roster or not roster.match(attempt.student, ["id"]).person:
        return
    for number, known in enumerate(run.ledger.attempts):
        same = (known.source, known.digest) == (attempt.source, attempt.digest)
        if not same or known.student == attempt.student or roster.match(known.student, ["id"]).person:
            continue
        lying = lying_there(run.submitted, known)
        if lying and lying[0] == run.ledger.data(known):
            take_away(run.submitted, known)
        run.ledger.attempts[number] = replace(known, student=attempt.student)


def _adopt(run: _Run, attempt: Attempt, data: bytes, modified: str) -> None:
    """Make an attempt of what somebody put there by hand."""
    _, answers, reason = run.finder.look_into(data)
    own = replace(
        attempt,
        identity=identity_of(data),
        digest=hashlib.sha256(data).hexdigest(),
        source="lay there",
        platform=LOOSE,
        answers=answers,
        is_readable=not reason,
        **dict.fromkeys(("seen", "first_seen"), modified),
        **dict.fromkeys(("first", "last", "number", "full_name"), ""),
        is_late=None,
        sequence=None,
    )
    run.ledger.add(own, data, is_packed=True)


def _place(run: _Run) -> int:
    """Put the attempts that count where they are graded; returns how many took the place of another."""
    replaced = 0
    for slot, attempts in run.ledger.by_slot().items():
        touched = run.touched.get(slot)
        if not touched:
            continue
        chosen = attempts[-1]
        if (
            chosen.unit
            and not chosen.is_readable
            and any(
                other.is_readable and (other.student, other.unit) == (chosen.student, chosen.unit)
                for other in run.ledger.attempts
            )
        ):
            continue  # a notebook of this unit can be read
        lying = lying_there(run.submitted, chosen)
        data = run.ledger.data(chosen)
        replaced += lying is not None and lying[0] != data
        place(run.submitted, chosen, data)
        for number, identity in touched:
            line = run.lines[number]
            if identity == chosen.identity:
                line["read_as"] = FILE if line["read_as"] == FILE else NOTEBOOK
            elif line["read_as"] == ATTEMPT and not line["note"]:
                line["note"] = "kept; another attempt is graded"
    return replaced


# telling --------------------------------------------------------------------------------------------------------------


def _line(
    run: _Run, item: Item, one: _Found | None = None, read_as: str = "", note: str = "", time: str = "", unit: str = ""
) -> None:
    origin = one.origin if one else None
    known = ""
    if origin:
        how = origin.match.how if origin.match.person else ""
        known = f"{origin.platform}: {how}" if how and origin.platform != LOOSE else how or ""
        if one and one.why_unknown:
            note = f"{note}; {one.why_unknown}" if note else one.why_unknown
        if origin.is_late:
            note = f"{note}; late, says {origin.platform}" if note else f"late, says {origin.platform}"
    row = [
        _source(item),
        one.student if one else "",
        unit or (one.unit if one else ""),
        read_as,
        note,
        time,
        known,
    ]
    run.lines.append({**dict(zip(COLUMNS, row, strict=True)), "digest": one.digest if one else ""})


def _source(item: Item) -> str:
    return on_one_line("/".join(item.parts))


def _missing(run: _Run) -> list[tuple[str, str]]:
    """Who of the roster has handed in nothing for which unit; of units that have opened, or that anybody handed in."""
    if not run.class_ or not run.class_.roster:
        return []
    there = {(attempt.student, attempt.unit) for attempt in run.ledger.attempts}
    # what lies there without having been collected counts as well
    for person in run.class_.roster.people:
        there |= {(person.id, unit) for unit in run.finder.units(person.id)}
    now = datetime.now(UTC)
    dated = [unit for unit in run.units if unit in run.class_.units and run.class_.is_open(unit, now)]
    asked = [unit for unit in run.units if unit in dated or any(unit == own for _, own in there)]
    return [
        (person.id, unit) for unit in asked for person in run.class_.roster.people if (person.id, unit) not in there
    ]


def _write_table(path: Path, lines: Sequence[Mapping[str, str]], missing: Sequence[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in sorted(lines, key=lambda line: line["source"]):
        cells = {**line, "source": cell_of_name(line["source"]), "student": cell_of_name(line["student"])}
        writer.writerow([cells[column] for column in COLUMNS])
    for student, unit in missing:
        writer.writerow(["", cell_of_name(student), unit, "", MISSING, "", ""])
    files.write_whole(path, text.getvalue().encode("utf-8-sig"))
