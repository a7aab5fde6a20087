"""The log of a results folder: one line for every finished submission, only ever added to.

The last line of a student and unit counts. A run has the folder for itself while it adds lines; a line that a kill left
unfinished is cut off before the next one is added. A line that cannot be read is passed over and told.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .plan import RunError
from .record import Place, Record, RecordError

LOG = "log.jsonl"
WAITING = "waiting.jsonl"  # what has been graded and changes marks, until somebody has agreed to it
REGRADE = "regrade.jsonl"  # the same of a run that grades everything again


@contextmanager
def locked(results: Path) -> Iterator[None]:
    """The results folder for this process alone. Raises RunError where another run holds it or it cannot be."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        handle = (results / ".lock").open("ab")
    except OSError as error:
        raise RunError(f"{results} cannot hold results ({error.strerror}); take another folder: --results") from None
    with handle as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another run is grading into {results}; wait for it or take another --results") from None
        yield


def cut_broken_end(path: Path) -> None:
    """Take away a last line that a kill left unfinished."""
    if not path.exists():
        return
    with path.open("rb+") as log:
        size = end = log.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 2**16)
            log.seek(start)
            cut = log.read(end - start).rfind(b"\n")
            if cut >= 0:
                end = start + cut + 1
                break
            end = start
        if end != size:
            log.truncate(end)


@dataclass(frozen=True)
class Log:
    """What stands in a log."""

    last: dict[Place, Record] = field(default_factory=dict)  # of each student and unit
    damaged: list[str] = field(default_factory=list)  # a sentence for each line that was passed over


def read_log(results: Path, name: str = LOG) -> Log:
    """What stands in the log of a results folder; nothing where there is none.

    An unfinished last line is what a kill leaves, and not worth a word.
    """
    found, path = Log(), results / name
    try:
        with path.open("rb") as log:
            for number, line in enumerate(log, start=1):
                if not line.strip():
                    continue
                try:
                    record = Record.of(json.loads(line))
                except (ValueError, RecursionError) as error:
                    if line.endswith(b"\n"):
                        found.damaged.append(_told(path, number, error))
                else:
                    found.last[record.place] = record
    except FileNotFoundError:
        pass
    return found


def _told(path: Path, number: int, error: Exception) -> str:
    match error:
        case RecordError():
            what = str(error)
        case json.JSONDecodeError():
            what = f"JSON must stand here, got none that can be read ({error.msg} at character {error.colno})"
        case UnicodeDecodeError():
            what = f"the text must be UTF-8, got bytes that are not ({error.reason} at byte {error.start + 1})"
        case _:
            what = "JSON must stand here, got some that is nested too deeply or holds too long a number"
    return (
        f"{path} line {number}: {what}; it is passed over. Was the file edited? Mend or delete the line; "
        "`course grade` grades again what no other line speaks of."
    )


def append(path: Path, record: Record) -> None:
    """Add a record's line; see `append_line`."""
    append_line(path, record.as_json())


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a line in one write; a kill leaves a whole line or an unfinished last one, which the next run cuts off.

    Raises OSError where the disk has no room for all of it; then nothing of it stays.
    """
    line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    with path.open("ab", buffering=0) as log:
        end = os.fstat(log.fileno()).st_size
        try:
            if log.write(line) != len(line):  # a disk takes what it has room for, and says nothing
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError as error:
            with suppress(OSError):
                log.truncate(end)
            error.filename = error.filename or str(path)  # a failed write does not know whose it was
            raise
