"""What may take the place of marks that stand: why a record is made anew, what somebody is asked, where it waits.

Notable choices:
- a new hand-in replaces its student's mark without a word. All else that can move a mark is asked about: a notebook
  that was graded before and now meets other points, rules or versions; one that is gone or can no longer be read; an
  earlier attempt that has become the best one;
- while a question is open nothing of it stands in the log: records wait in a file of their own, by their keys, so that
  a run that goes on grades nothing twice;
- of all that decides a mark a short hash is kept by its name (`checks.json`), so that a reason can say what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..files import write_whole
from .record import Place, Record
from .task import Task

CHECKS = "checks.json"  # in the results folder: unit -> hash of all that decides its marks -> name -> hash
SHOWN = 3  # names of what changed

ASKED = "graded again, as asked"
GONE = "the notebook that was graded is not there any more"
BROKEN = "the notebook cannot be read any more"
EARLIER = "an earlier attempt is the best one now"
UNKNOWN = "points, rules or versions changed"


class Unanswered(Exception):
    """The question whether marks may change has no answer; the message says how to give one."""


@dataclass(frozen=True)
class Rivals:
    """The attempts at a unit of a student in a class where the best one counts."""

    data: bytes  # of the one that is the best now
    order: tuple[str, ...]  # digests of all, the latest last
    graded: frozenset[str]  # digests of those that an earlier run has graded


@dataclass(frozen=True)
class Proposal:
    """The marks that stand, and those that are to stand."""

    before: Mapping[Place, Record]
    after: Mapping[Place, Record]
    reasons: Mapping[Place, str] = field(default_factory=dict)  # of those that are no new hand-in: why they are new
    new: tuple[Place, ...] = ()  # hand-ins that no mark was given for


class Asker:
    """Is asked before marks change; this one agrees to everything and has nothing to do."""

    def holds(self, standing: Mapping[Place, Record]) -> bool:
        """Whether marks that stand change by what the run itself does not know, such as another rule for late work.

        standing: the records that stand and for which nothing new was handed in
        """
        return False

    def confirm(self, proposal: Proposal) -> bool:
        """Whether marks may change so. Raises Unanswered where nobody can say."""
        return True

    def accept(self) -> None:
        """Write what belongs to the marks that are taken over now; called once, before the first of them stands."""


# keys -----------------------------------------------------------------------------------------------------------------


def key_of(task: Task, checks: str, language: str, note: str, beside: str) -> str:
    """What a record is known by: with another of these, a notebook is graded again."""
    return "/".join(filter(None, [task.digest, checks, language, note, beside]))


def checks_of(key: str) -> str:
    """The hash of all that decides a mark, of a record's key."""
    return key.split("/")[1] if "/" in key else ""


def why_again(record: Record, task: Task, key: str, beside: str, rivals: Rivals | None, unreadable: bool) -> str | None:
    """Why a record is made anew of what has been graded; empty: checks changed; None: it is a new hand-in.

    key: of the new record; beside: hash of the files beside the notebook; unreadable: whether there is none to read
    """
    if record.digest == task.digest:
        had = next((part for part in record.key.split("/")[2:] if len(part) == BESIDE), "")
        if had != beside:
            return None
        return ASKED if checks_of(record.key) == checks_of(key) else ""
    if record.is_read and task.data is None:
        return GONE
    if record.is_read and unreadable:
        return BROKEN
    if rivals and record.digest in rivals.order and task.digest in rivals.order:
        is_older = rivals.order.index(task.digest) < rivals.order.index(record.digest)
        return EARLIER if is_older or task.digest in rivals.graded else None
    return None


BESIDE = 12  # characters of the hash of files beside a notebook; see `beside.digest_of`


# what decided marks ---------------------------------------------------------------------------------------------------


def read_checks(results: Path) -> dict[str, dict[str, dict[str, str]]]:
    """What `checks.json` holds; nothing where it is absent or damaged, for it only explains."""
    try:
        found = json.loads((results / CHECKS).read_bytes())
        return {unit: {digest: dict(facts) for digest, facts in digests.items()} for unit, digests in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_checks(
    results: Path, known: Mapping[str, Mapping[str, Mapping[str, str]]], records: Iterable[Record]
) -> None:
    """Keep of all that is known what records still rest on; a file that holds just that stays."""
    used = {(record.unit, checks_of(record.key)) for record in records}
    kept = {
        unit: {digest: facts for digest, facts in digests.items() if (unit, digest) in used}
        for unit, digests in known.items()
    }
    kept = {unit: digests for unit, digests in sorted(kept.items()) if digests}
    if kept != read_checks(results):
        write_whole(results / CHECKS, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def told_difference(old: Mapping[str, str] | None, new: Mapping[str, str]) -> str:
    """What changed of all that decides a mark, as words; old: None where nobody knows."""
    if old is None:
        return UNKNOWN
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    words = [_told(name, old.get(name, ""), new.get(name, "")) for name in names]
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"changed: {', '.join(words[:SHOWN])}{more}" if words else UNKNOWN


def _told(name: str, old: str, new: str) -> str:
    if name.startswith("version of "):
        return f"{name.removeprefix('version of ')} {old or 'not there'} to {new or 'not there'}"
    if name == "unit, points":
        return "points (unit.toml)"
    if name == "unit, points of questions":
        return "points of questions (rubric.yml)"
    return name.removeprefix("unit, ")
