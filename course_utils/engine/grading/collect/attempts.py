"""All that a class has handed in, kept: `SUBMITTED/.attempts/`, and which of it is graded.

Notable choices:
- every attempt is kept under its student, unit and time; what stands in `SUBMITTED/<student>/<unit>/` is a copy of one;
- an attempt is what its cells say: the same notebook run again, or in a second download, is no new one, and counts as
  handed in when it first was;
- the last attempt is graded, but no blank or unreadable one before one with answers in it; `best` lets `course grade`
  grade them all and takes the one with most points;
- what lies in `SUBMITTED` by hand becomes an attempt before anything is put in its place.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ...files import write_whole
from ...reading.notebook import read_notebook
from ..folder import ATTEMPTS
from ..intake import IntakeError, read_file
from ..plan import RunError

FOLDER = ATTEMPTS  # in the folder of submissions, where grading passes over it
LEDGER = "ledger.json"
TIMESTAMP = "timestamp.txt"  # nbgrader's own name for the file with the time of handing in
_FORMAT = 1


@dataclass(frozen=True)
class Attempt:
    """A file that somebody handed in."""

    student: str  # the folder's name
    unit: str  # empty where neither content nor name told it
    file: str  # how it is called where it is graded
    identity: str  # hash of what its cells say, or of the file
    digest: str  # hash of the file
    path: str  # where it is kept, below FOLDER
    source: str  # where it came from, the first time
    platform: str
    answers: int  # exercises and questions that are not as they were given
    is_readable: bool  # whether it is a notebook
    seen: str  # when it came to the platform, at the latest, the last time; ISO, UTC
    first: str = ""  # when it was first handed in, where the platform tells it
    last: str = ""  # and last
    first_seen: str = ""  # when it came, at the latest, the first time
    is_late: bool | None = None  # as the platform says
    sequence: int | None = None
    number: str = ""  # the platform's of the person
    full_name: str = ""

    @property
    def slot(self) -> tuple[str, str, str]:
        """What an attempt competes for: a student's unit, or a file of which nobody knows the unit."""
        return self.student, self.unit, "" if self.unit and self.is_readable else self.file


def identity_of(data: bytes) -> str:
    """A hash of what a notebook's cells say and show, whatever they put out; of the bytes of what is no notebook."""
    try:
        notebook = read_notebook(data)
    except IntakeError:
        return hashlib.sha256(data).hexdigest()
    if notebook.is_script:  # it has no outputs that could differ
        return hashlib.sha256(data).hexdigest()
    said = [[cell.kind, cell.source, cell.pictures_digest] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "replace")).hexdigest()


class Ledger:
    """The attempts of a folder of submissions, and the lines on what was collected."""

    def __init__(
        self, submitted: Path, attempts: Iterable[Attempt] = (), lines: Iterable[Mapping[str, str]] = ()
    ) -> None:
        """submitted: the folder; attempts, lines: what is known so far."""
        self._folder = submitted / FOLDER
        self.attempts = list(attempts)
        self.lines = [dict(line) for line in lines]

    @classmethod
    def read(cls, submitted: Path) -> Ledger:
        """The ledger of a folder, without attempts whose files somebody has deleted; empty where nothing was collected.

        Raises RunError for a damaged one.
        """
        path = submitted / FOLDER / LEDGER
        try:
            content = json.loads(path.read_bytes())
            attempts = (Attempt(**item) for item in content["attempts"])
            kept = [attempt for attempt in attempts if (path.parent / attempt.path).is_file()]
            return cls(submitted, kept, content["lines"])
        except FileNotFoundError:
            return cls(submitted)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{path} cannot be read ({type(error).__name__}); put a whole copy in its place, or move {FOLDER} "
                "elsewhere and collect again from the downloads"
            ) from None

    def write(self) -> None:
        """Write the ledger, whole or not at all."""
        attempts = [asdict(attempt) for attempt in self.attempts]
        content = {"format": _FORMAT, "attempts": attempts, "lines": self.lines}
        write_whole(self._folder / LEDGER, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def tell(self, lines: Iterable[Mapping[str, str]]) -> None:
        """Take lines in, each in the place of an earlier one on the same file."""
        known = {(line["source"], line["digest"]): dict(line) for line in [*self.lines, *lines]}
        self.lines = [known[key] for key in sorted(known)]

    def add(self, new: Attempt, data: bytes, is_packed: bool) -> Attempt:
        """Keep an attempt; one that is known already learns what else is known of it. Returns the one that is kept.

        is_packed: whether `seen` does not change when files are copied, so that it may bring an attempt up to date
        """
        for place, known in enumerate(self.attempts):
            if (known.slot, known.identity) == (new.slot, new.identity):
                self.attempts[place] = merged = _merged(known, new, is_packed)
                return merged
        time = (new.last or new.seen)[:19].replace(":", "").replace("-", "")
        folder = Path(new.student, new.unit) if new.unit else Path(new.student)
        kept = replace(new, path=str(folder / f"{time}-{new.digest[:8]}-{new.file}"))
        write_whole(self._folder / kept.path, data)
        self.attempts.append(kept)
        return kept

    def knows(self, attempt: Attempt, identity: str) -> bool:
        """Whether there is an attempt that says this where another is to be put."""
        place = attempt.student, attempt.unit, attempt.file
        known = (own for own in self.attempts if own.identity == identity)
        return any((own.student, own.unit, own.file) == place for own in known)

    def data(self, attempt: Attempt) -> bytes:
        """The file of an attempt. Raises RunError where it is gone."""
        try:
            return (self._folder / attempt.path).read_bytes()
        except OSError as error:
            raise RunError(f"{self._folder / attempt.path} cannot be read ({error.strerror}); collect again") from None

    def by_slot(self) -> dict[tuple[str, str, str], list[Attempt]]:
        """The attempts by what they compete for, each best last."""
        slots: dict[tuple[str, str, str], list[Attempt]] = {}
        for attempt in self.attempts:
            slots.setdefault(attempt.slot, []).append(attempt)
        return {slot: in_order(attempts) for slot, attempts in sorted(slots.items())}


def _merged(known: Attempt, new: Attempt, is_packed: bool) -> Attempt:
    firsts, lasts = [t for t in (known.first, new.first) if t], [t for t in (known.last, new.last) if t]
    lates = [late for late in (known.is_late, new.is_late) if late is not None]
    sequences = [number for number in (known.sequence, new.sequence) if number is not None]
    return replace(
        known,
        first=min(firsts, default=""),
        last=max(lasts, default=""),
        first_seen=min(known.first_seen, new.first_seen),
        seen=max(known.seen, new.seen) if is_packed else known.seen,
        is_late=min(lates, default=None),
        sequence=max(sequences, default=None),
        number=new.number or known.number,
        full_name=new.full_name or known.full_name,
        answers=max(known.answers, new.answers),
    )


def in_order(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Attempts of one slot, the one that counts last: the latest of those that can be read and hold answers."""
    numbered = all(attempt.sequence is not None for attempt in attempts)

    def key(attempt: Attempt) -> tuple[bool, bool, int, str, int]:
        order = attempt.sequence or 0 if numbered else 0
        return attempt.is_readable, attempt.answers > 0, order, attempt.last or attempt.seen, attempt.answers

    return sorted(attempts, key=key)


@contextmanager
def locked(submitted: Path) -> Iterator[None]:
    """The attempts of a class for this process alone. Raises RunError where it cannot be had."""
    try:
        (submitted / FOLDER).mkdir(parents=True, exist_ok=True)
        handle = (submitted / FOLDER / ".lock").open("ab")
    except OSError as error:
        raise RunError(
            f"{submitted} cannot hold submissions ({error.strerror}); make it one that can be written to, "
            "or take another folder"
        ) from None
    with handle as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another command collects into {submitted}; wait for it") from None
        yield


def place(submitted: Path, attempt: Attempt, data: bytes) -> None:
    """Put an attempt where grading looks for it, with its time beside it; a file that is there so stays."""
    folder = submitted / attempt.student / attempt.unit if attempt.unit else submitted / attempt.student
    path = folder / attempt.file
    if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)
    with suppress(OSError):
        moment = datetime.fromisoformat(attempt.last or attempt.seen).timestamp()
        os.utime(path, (moment, moment))
    if attempt.unit and attempt.is_readable:
        told = folder / TIMESTAMP
        if attempt.first:
            write_whole(told, f"{datetime.fromisoformat(attempt.first):%Y-%m-%d %H:%M:%S} UTC")
        else:
            told.unlink(missing_ok=True)


def lying_there(submitted: Path, attempt: Attempt) -> tuple[bytes, str] | None:
    """What lies by hand where an attempt is to be put, with its time; None for nothing that can be read."""
    parts = [part for part in (attempt.student, attempt.unit, attempt.file) if part]
    try:
        data = read_file(submitted, parts)
        modified = datetime.fromtimestamp(submitted.joinpath(*parts).stat().st_mtime, UTC)
    except (IntakeError, OSError):
        return None
    return data, modified.isoformat(timespec="seconds")


def take_away(submitted: Path, attempt: Attempt) -> None:
    """Take the copy of an attempt from where it is graded, with the folders that this leaves empty; it stays kept."""
    folder = submitted / attempt.student / attempt.unit if attempt.unit else submitted / attempt.student
    (folder / attempt.file).unlink(missing_ok=True)
    (folder / TIMESTAMP).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()
