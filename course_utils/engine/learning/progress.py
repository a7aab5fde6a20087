"""What was checked and how it came out: one small file beside the notebooks, `.course/progress.json`.

Notable choices:
- a mark holds for one answer under one set of rules: an answer that was changed since counts as not checked, and where
  a release changed the rules, or the file is missing or damaged, the answers in the notebooks are checked anew;
- the file is written whole or not at all, and a disk that is full or a folder that may not be written to costs only the
  memory of it: no check fails for it;
- only notebooks in a folder of the course's kind (course.json beside them) get one: no check writes anywhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..course import LOOKS, CourseUnit
from ..files import write_whole
from ..texts import fingerprint_of_source, source_of
from .folder import notebooks_near

NAME = "progress.json"


@dataclass(frozen=True)
class Mark:
    """How an exercise came out."""

    answer: str  # fingerprint of the answer's code; empty where it cannot be told
    rules: str  # fingerprint of the unit's rules
    passed: tuple[str, ...]  # grade ids of checks


@dataclass
class Progress:
    """Marks and steps of help by exercise. Without a path it lasts as long as this process."""

    path: Path | None = None
    marks: dict[str, Mark] = field(default_factory=dict)
    hints: dict[str, list[int]] = field(default_factory=dict)  # the steps of help that were shown

    def save(self) -> None:
        """Write the file; where it cannot be written, this process remembers it."""
        if self.path is not None:
            content = {"marks": {name: asdict(mark) for name, mark in self.marks.items()}, "hints": self.hints}
            try:
                write_whole(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
                _unsaved.pop(self.path, None)
            except OSError:
                _unsaved[self.path] = self


_of_this_process = Progress()
_unsaved: dict[Path, Progress] = {}


def progress_here() -> Progress:
    """The progress kept beside the notebooks that this process works in, else that of this process."""
    try:
        own = notebooks_near(Path.cwd())
    except OSError:  # the folder is gone
        own = None
    return _of_this_process if own is None else read_progress(own.beside)


def read_progress(beside: Path) -> Progress:
    """The progress kept in a folder; an empty one where there is no file, or a damaged one."""
    found = Progress(beside / NAME)
    if beside / NAME in _unsaved:
        return _unsaved[beside / NAME]
    try:
        content = json.loads((beside / NAME).read_text(encoding="utf-8"))
        found.marks = {
            str(name): Mark(str(mark["answer"]), str(mark["rules"]), tuple(map(str, mark["passed"])))
            for name, mark in content["marks"].items()
        }
        found.hints = {str(name): list(map(int, steps)) for name, steps in content["hints"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Progress(beside / NAME)
    return found


def fingerprint_of_rules(unit: CourseUnit) -> str:
    """A short hash of what decides how an answer of a unit comes out."""
    return _fingerprint(tuple(unit.folder / name for name in ("rules.py", "fixtures.py", LOOKS)))


@cache
def _fingerprint(paths: tuple[Path, ...]) -> str:
    seen = hashlib.sha256()
    for path in paths:
        with suppress(OSError):
            seen.update(path.read_bytes())
        seen.update(b"\0")
    return seen.hexdigest()[:16]


def fingerprint_of_answer(value: Any) -> str:
    """A short hash of the code of a function or class; empty where it cannot be told."""
    source = source_of(value)
    return fingerprint_of_source(source) if source else ""


def note_check(unit: CourseUnit, name: str, names: Mapping[str, Any], passed: tuple[str, ...]) -> Progress:
    """Keep how an exercise came out; returns the progress with it."""
    progress = progress_here()
    if name in names:
        progress.marks[name] = Mark(fingerprint_of_answer(names[name]), fingerprint_of_rules(unit), passed)
        progress.save()
    return progress


def note_hint(name: str, step: int) -> None:
    """Keep that a step of help was shown."""
    progress = progress_here()
    if step not in progress.hints.get(name, ()):
        progress.hints[name] = sorted([*progress.hints.get(name, ()), step])
        progress.save()


def is_done(unit: CourseUnit, name: str, names: Mapping[str, Any], progress: Progress) -> bool:
    """Whether an exercise's present answer passed all of its checks; one that is not run yet counts as it was."""
    mark = progress.marks.get(name)
    if mark is None or mark.rules != fingerprint_of_rules(unit):
        return False
    if not set(unit.texts["exercises"][name]["checks"]) <= set(mark.passed):
        return False
    return name not in names or fingerprint_of_answer(names[name]) == mark.answer
