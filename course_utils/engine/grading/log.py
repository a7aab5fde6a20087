"""The log of a results folder: one line for every finished submission, only ever added to.

The last line of a student and unit counts. A run has the folder for itself while it adds lines; a line that a kill left
unfinished is cut off before the next one is added.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .plan import RunError
from .record import Record, grade_id

LOG = "log.jsonl"
PENDING = "regrade.jsonl"  # a regrade that has not replaced the scores yet


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


def read_log(results: Path, name: str = LOG) -> dict[tuple[str, str], Record]:
    """The last record of each student and unit."""
    last: dict[tuple[str, str], Record] = {}
    try:
        with (results / name).open("rb") as log:
            for line in log:
                try:
                    record = json.loads(line)
                    last[record["student"], record["unit"]] = record
                except (ValueError, KeyError, TypeError):
                    continue  # an unfinished line
    except FileNotFoundError:
        pass
    return last


def append(path: Path, record: Record) -> None:
    """Add a line in one write; a kill leaves a whole line or an unfinished last one, which the next run cuts off."""
    with path.open("ab", buffering=0) as log:
        log.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


Changes = list[tuple[str, str, str, float, float]]  # student, unit, check, points before, points now


def changes_between(before: Mapping[tuple[str, str], Record], fresh: Sequence[Record]) -> Changes:
    """The checks whose points differ between the last records and fresh ones, by student and unit."""
    changes = []
    for record in sorted(fresh, key=lambda item: (item["student"], item["unit"])):
        old = before.get((record["student"], record["unit"]))
        points = {grade_id(score): score["points"] for score in (old["scores"] if old else [])}
        for score in record["scores"]:
            name = grade_id(score)
            if old and points.get(name, 0.0) != score["points"]:
                changes.append((record["student"], record["unit"], name, points.get(name, 0.0), score["points"]))
    return changes
