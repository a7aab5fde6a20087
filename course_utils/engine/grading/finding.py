"""What lies in a student's folder, and which of its files is read as which unit's notebook.

Notable choices:
- a notebook is known by its content, whatever it is called: by the cells' ids, by the names that its code defines, by
  the unit that its metadata name; so also one that lies a level too high, beside the units' folders;
- the file with the right name is taken unless another is newer and holds more answers, or it holds none itself;
- no file is passed over in silence: each has a row in `intake.csv`, and a student whose notebook was not found is told
  what was seen instead;
- names and contents are hostile: no link is followed, nothing is opened that is not a regular file, sizes and numbers
  are capped, and no code is parsed here, where a crash would end the whole run.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ..judging.sentences import Text
from ..making import files
from ..making.units import find_units
from ..telling.harmless import cell_of_name
from ..texts import LANGUAGES
from .beside import NOTE, Files, read_beside
from .intake import MAX_BYTES, REASONS, Cell, IntakeError, Skeleton, open_folder, read_cells, read_file
from .task import skeleton

MAX_ENTRIES = 200  # names looked at in one folder
MAX_NOTEBOOKS = 24  # files of one student opened to see what they are
MAX_TOTAL = 2 * MAX_BYTES  # bytes of them all
MAX_NAMED = 8  # files named in a sentence
MAX_NAME = 60  # characters of a file's name in a sentence

TABLE = "intake.csv"
COLUMNS = ("source", "student", "unit", "read_as", "note")
NOTEBOOK = "notebook"  # what `read_as` says of a file that is graded; it is empty for one that was left aside

SENTENCES: dict[str, Text] = {
    "renamed": {
        "en": "Read from '{file}', since there is no {unit}.ipynb; please hand it in under that name.",
        "zh": "读取的是“{file}”，因为没有名为 {unit}.ipynb 的文件；以后请用这个文件名提交。",
    },
    "elsewhere": {
        "en": "Read from '{file}', since there is no {unit}/{unit}.ipynb; please hand it in there.",
        "zh": "读取的是“{file}”，因为没有找到 {unit}/{unit}.ipynb；以后请提交到那里。",
    },
    "preferred": {
        "en": "Read from '{file}', which holds more answers than {unit}.ipynb.",
        "zh": "读取的是“{file}”，其中的作答比 {unit}.ipynb 多。",
    },
    "replaced": {
        "en": "Read from '{file}', since {unit}.ipynb could not be read.",
        "zh": "读取的是“{file}”，因为 {unit}.ipynb 无法读取。",
    },
    "right_name": {"en": "Read from '{file}'.", "zh": "读取的是“{file}”。"},
    "others": {
        "en": "Another notebook of this unit was not read: {files}.",
        "zh": "还有本单元的其他笔记本没有读取：{files}。",
    },
    "nothing_of_unit": {
        "en": "No notebook of this unit was found; the folder holds: {files}.",
        "zh": "没有找到本单元的笔记本；文件夹里有：{files}。",
    },
    "one_unreadable": {"en": "'{file}': {sentence}", "zh": "“{file}”：{sentence}"},
    "more": {"en": "and {count} more", "zh": "另有 {count} 个"},
}

_SYSTEM_NOTE = "written by a system, nobody's work"
_SYSTEM = {"__macosx", "thumbs.db", "desktop.ini", "icon\r"}
_KEPT = frozenset(" ._-()+,&#@'~")  # of a file's name, beside letters and digits: these mean nothing in Markdown or TeX
_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_UNSAID = re.compile(r'"""[\s\S]*?"""|#[^\n]*|\s+')  # docstrings, comments and layout


@dataclass(frozen=True)
class Row:
    """A row of `intake.csv`: a file that was found, and what was made of it."""

    source: str  # below the folder that was graded
    student: str
    unit: str  # empty where nobody can say
    read_as: str  # NOTEBOOK, or empty
    note: str

    @property
    def is_system(self) -> bool:
        """Whether nobody need hear of it."""
        return self.note == _SYSTEM_NOTE


@dataclass(frozen=True)
class HandedIn:
    """What a student handed in for a unit."""

    data: bytes | None  # the notebook; None where there is none to read, for the reason below
    reason: str  # a key of intake.REASONS, empty where there are data
    note: Text | None = None  # how it was found, or what was seen instead of it
    read_from: str = ""  # where a notebook lay that was not at its place, under its name
    folder: tuple[str, ...] | None = field(
        default=None, compare=False
    )  # in which it lay, below the student's; None where there is none to read
    beside: Files = ()  # what lay beside it and is there when it runs


@dataclass(frozen=True)
class _Entry:
    """A name in a student's folder or in one of its folders."""

    parts: tuple[str, ...]  # below the student's folder
    kind: str  # "file", "folder", "link" or "other"
    modified: int  # nanoseconds

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def is_system(self) -> bool:
        return is_system_file(self.name)

    @property
    def may_be_notebook(self) -> bool:
        """Whether its name is one that a notebook has, also after a browser or a mail program saved it."""
        name = self.name.casefold()
        return self.kind != "folder" and not self.is_system and (".ipynb" in name or name.endswith(".json"))


@dataclass(frozen=True)
class _Sight:
    """What a look into a file showed."""

    data: bytes | None
    reason: str  # a key of intake.REASONS, empty for a notebook
    unit: str = ""  # whose it is; empty for one of no known unit
    answers: int = 0  # exercises and questions that are not as they were given


def is_system_file(name: str) -> bool:
    """Whether a file or folder is the work of an operating system or an editor, and of no student."""
    return name.startswith((".", "~$")) or name.casefold() in _SYSTEM


def shown_file(name: str) -> str:
    """A file's name as text that does nothing wherever it is shown, cut where it is long."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    text = text if len(text) <= MAX_NAME else text[: MAX_NAME // 2] + "…" + text[1 - MAX_NAME // 2 :]
    return "".join(c if c in _KEPT or c == "…" or _is_letter(c) else f"⟨U+{ord(c):04X}⟩" for c in text)


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def shown_path(parts: Iterable[str]) -> str:
    """A path as such text."""
    return "/".join(map(shown_file, parts))


class Finder:
    """Looks into the folders of a class; remembers what it made of each file."""

    def __init__(self, submitted: Path, solutions: Path) -> None:
        """submitted: the folder with the students' folders; solutions: where the known units are."""
        self._submitted, self._solutions = submitted, solutions
        self._student: _Folder | None = None  # a run asks for one student's units after the other
        self._rows: dict[tuple[str, ...], Row] = {}  # by student and path

    def units(self, student: str) -> set[str]:
        """The known units of which a student's folder holds a folder or a notebook."""
        return self._folder(student).units()

    def seen(self, student: str) -> list[str]:
        """The shown paths of whatever lies in a student's folder and is not a system's own."""
        return [shown_path((student, *entry.parts)) for entry in self._folder(student).everything()]

    def handed_in(self, student: str, unit: str, shown: str) -> HandedIn:
        """What a student handed in for a unit; shown: how the student is called in the table."""
        folder = self._folder(student)
        found, notes = folder.handed_in(unit)
        beside: set[tuple[str, ...]] = set()
        if (place := found.folder) is not None:
            found = replace(found, beside=read_beside(self._submitted, (student, *place), self._known.folded))
            beside = {(*place, path.partition("/")[0]) for path, _ in found.beside}
        for entry, (whose, note) in notes.items():
            taken, note = note is None, NOTE if entry.parts in beside else note
            row = Row(shown_path((student, *entry.parts)), shown, whose, NOTEBOOK if taken else "", note or "")
            if taken:
                row = replace(row, note=(found.note or {}).get("en", ""))
            place = (student, *entry.parts)
            known = self._rows.get(place)
            if taken or known is None or note == NOTE or (whose == unit and not known.read_as):  # its unit knows best
                self._rows[place] = row
        return found

    def table(self, unread: Mapping[tuple[str, str], str]) -> list[Row]:
        """The rows of all files seen so far.

        unread: (student as shown, unit) -> why a notebook that was taken turned out not to be one
        """
        return [
            replace(row, read_as="", note=unread[row.student, row.unit])
            if row.read_as and (row.student, row.unit) in unread
            else row
            for _, row in sorted(self._rows.items())
        ]

    def _folder(self, student: str) -> _Folder:
        if self._student is None or self._student.student != student:
            self._student = _Folder(self._submitted, student, self._known)
        return self._student

    @cached_property
    def _known(self) -> _Known:
        return _Known(self._solutions)


class _Known:
    """The units of a course, and by what a notebook of each can be known."""

    def __init__(self, solutions: Path) -> None:
        self._solutions = solutions
        self.names = [unit.name for unit in find_units(solutions)]
        self.folded = {name.casefold() for name in self.names}

    @cached_property
    def skeletons(self) -> dict[str, Skeleton]:
        """The units that have been built; read when a notebook is to be recognised, and no sooner."""
        found = {}
        for name in self.names:
            try:
                found[name] = skeleton(str(self._solutions), name)
            except FileNotFoundError:
                continue
        return found

    def sight(self, data: bytes) -> _Sight:
        """What a file is."""
        try:
            notebook, cells = read_cells(data)
        except IntakeError as error:
            return _Sight(None, error.reason)
        defined = [frozenset(_DEFINED.findall(cell.source)) if cell.kind == "code" else frozenset() for cell in cells]
        names = frozenset(cell.grade_id for cell in cells).union(*defined)
        unit = self._unit_of(notebook, names)
        if not unit:
            return _Sight(data, "")
        given = self.skeletons[unit].exercises() | self.skeletons[unit].questions()
        answered = {name for name, text in given.items() if _is_answered(name, text, cells, defined)}
        return _Sight(data, "", unit, len(answered))

    def _unit_of(self, notebook: Mapping[str, Any], names: frozenset[str]) -> str:
        """The unit most of whose exercises and questions are there, else the one that the metadata name."""
        matches = {
            unit: len(names & {*release.exercises(), *release.questions()}) for unit, release in self.skeletons.items()
        }
        best = max(matches, key=lambda unit: matches[unit], default="")
        if best and matches[best]:
            return best
        metadata = notebook.get("metadata")
        course = metadata.get("course") if isinstance(metadata, dict) else None
        named = course.get("unit") if isinstance(course, dict) else None
        return named if isinstance(named, str) and named in self.skeletons else ""


def _is_answered(name: str, given: str, cells: Sequence[Cell], defined: Sequence[frozenset[str]]) -> bool:
    texts = (cell.source for cell, own in zip(cells, defined, strict=True) if name in own or cell.grade_id == name)
    return any((said := _UNSAID.sub("", text)) and said != _UNSAID.sub("", given) for text in texts)


class _Folder:
    """One student's folder."""

    def __init__(self, submitted: Path, student: str, known: _Known) -> None:
        self.student = student
        self._submitted, self._known = submitted, known
        self._sights: dict[tuple[str, ...], _Sight] = {}
        self._left = MAX_TOTAL
        self._listings: dict[tuple[str, ...], list[_Entry]] = {}

    def units(self) -> set[str]:
        loose = {self._look(entry).unit for entry in self._loose()}
        return {unit for unit in self._known.names if unit in loose or self._folders(unit)}

    def everything(self) -> list[_Entry]:
        """What lies in the folder, one level down too."""
        found: list[_Entry] = []
        for entry in self._listing(()):
            inside = self._listing(entry.parts) if entry.kind == "folder" and not entry.is_system else []
            found += inside or [entry]
        return [entry for entry in found if not entry.is_system]

    def handed_in(self, unit: str) -> tuple[HandedIn, dict[_Entry, tuple[str, str | None]]]:
        """What was handed in for a unit, and of each file whose it is and why it was left aside; None: it was not."""
        inside = [entry for folder in self._folders(unit) for entry in self._listing(folder)]
        candidates = [entry for entry in inside if entry.may_be_notebook]
        candidates += [entry for entry in self._loose() if self._look(entry).unit == unit]
        right = next((entry for entry in inside if entry.parts == (unit, f"{unit}.ipynb")), None)
        taken, found = self._choose(unit, right, candidates)
        if found.data is not None and taken is not None:
            found = replace(found, folder=taken.parts[:-1])
        if found.data is None:
            found = self._not_found(unit, found, inside, candidates)
        notes: dict[_Entry, tuple[str, str | None]] = {}
        for entry in [*inside, *self._listing(())]:
            if entry is taken:
                notes[entry] = (unit, None)
            elif len(entry.parts) > 1:
                notes[entry] = (unit, self._why_not(entry, unit))
            elif not self._is_unit(entry):
                notes[entry] = (self._sight_unit(entry), self._why_not(entry, unit))
        for folder in [(), *self._folders(unit)]:
            if len(self._listing(folder)) >= MAX_ENTRIES:
                notes[_Entry((*folder, "…"), "other", 0)] = ("", f"more than {MAX_ENTRIES} names, not looked at")
        return found, notes

    def _choose(self, unit: str, right: _Entry | None, candidates: list[_Entry]) -> tuple[_Entry | None, HandedIn]:
        """The notebook that is read, and what it says about how it was found."""
        others = [entry for entry in candidates if entry is not right]
        if not others:
            return right, self._read_right(unit)
        of_unit = [entry for entry in others if self._look(entry).unit == unit]
        if not of_unit:
            return right, self._read_right(unit)
        best = max(of_unit, key=lambda entry: (self._look(entry).answers, entry.modified, entry.name))
        taken, key = self._better(unit, right, best)
        seen = [entry for entry in [right, *of_unit] if entry is not None and entry is not taken]
        readable = [entry for entry in seen if self._look(entry).data is not None]
        note = _sentence(key, file=self._path(taken), unit=unit)
        if readable:
            note = _joined(note, _sentence("others", files=[self._path(entry) for entry in readable]))
        read_from = "" if taken is right else self._path(taken)
        return taken, HandedIn(self._look(taken).data, "", note, read_from)

    def _better(self, unit: str, right: _Entry | None, best: _Entry) -> tuple[_Entry, str]:
        """The one of two that is read: that with the right name, or the best of the others; and the sentence's key."""
        if right is None:
            return best, "renamed" if best.parts[:-1] == (unit,) else "elsewhere"
        own, other = self._look(right), self._look(best)
        if own.data is None:
            return best, "replaced"
        newer = best.modified >= right.modified or own.answers == 0
        return (best, "preferred") if other.answers > own.answers and newer else (right, "right_name")

    def _read_right(self, unit: str) -> HandedIn:
        try:
            return HandedIn(read_file(self._submitted, (self.student, unit, f"{unit}.ipynb")), "")
        except IntakeError as error:
            return HandedIn(None, error.reason)

    def _not_found(self, unit: str, found: HandedIn, inside: list[_Entry], candidates: list[_Entry]) -> HandedIn:
        """What a student is told whose notebook was not found, or could not be read."""
        if found.reason != "missing":
            return found
        seen = [entry for entry in inside if not entry.is_system]
        unreadable = [entry for entry in candidates if self._look(entry).reason]
        if len(candidates) == len(unreadable) == 1:
            (only,) = unreadable
            reason = self._look(only).reason
            sentence = {language: REASONS[reason][language] for language in LANGUAGES}
            text = SENTENCES["one_unreadable"]
            return HandedIn(
                None,
                reason,
                {key: text[key].format(file=self._path(only), sentence=sentence[key]) for key in LANGUAGES},
            )
        reason = "no_notebook" if seen else "missing"  # of files beside the units' folders nobody knows the unit
        seen = seen or [
            entry
            for entry in self._listing(())
            if entry.kind != "folder" and not entry.is_system and not self._sight_unit(entry)
        ]
        if not seen:
            return found
        return HandedIn(None, reason, _sentence("nothing_of_unit", files=[self._path(entry) for entry in seen]))

    def _why_not(self, entry: _Entry, unit: str) -> str:
        """Why a file is left aside."""
        if entry.is_system:
            return _SYSTEM_NOTE
        if entry.kind != "file":
            return {"folder": "a folder, not looked into", "link": "a link, not followed"}.get(
                entry.kind, "not a regular file"
            )
        if not entry.may_be_notebook:
            return "not a notebook"
        sight = self._look(entry)
        if sight.reason:
            return REASONS[sight.reason]["en"]
        if not sight.unit:
            return "a notebook of no known unit"
        return "another notebook of this unit is read" if sight.unit == unit else f"a notebook of {sight.unit}"

    # looking

    def _folders(self, unit: str) -> list[tuple[str, ...]]:
        """The folders that are called like a unit, in whatever case; that with the right name first."""
        found = [entry for entry in self._listing(()) if entry.kind in ("folder", "link")]
        found = [entry for entry in found if entry.name.casefold() == unit.casefold()]
        return [entry.parts for entry in sorted(found, key=lambda entry: (entry.name != unit, entry.name))]

    def _is_unit(self, entry: _Entry) -> bool:
        return entry.kind in ("folder", "link") and entry.name.casefold() in self._known.folded

    def _loose(self) -> list[_Entry]:
        """Files beside the units' folders that may be notebooks."""
        return [entry for entry in self._listing(()) if entry.may_be_notebook and not self._is_unit(entry)]

    def _sight_unit(self, entry: _Entry) -> str:
        return self._look(entry).unit if entry.may_be_notebook else ""

    def _path(self, entry: _Entry) -> str:
        """How a file is named to its student: in its unit's folder by its name alone."""
        parts = entry.parts[1:] if len(entry.parts) > 1 and entry.parts[0] in self._known.names else entry.parts
        return shown_path(parts)

    def _listing(self, parts: tuple[str, ...]) -> list[_Entry]:
        """What lies in a folder, by names; nothing where it may not be looked into or is a link."""
        if parts not in self._listings:
            self._listings[parts] = sorted(self._scan(parts), key=lambda entry: entry.parts)
        return self._listings[parts]

    def _scan(self, parts: tuple[str, ...]) -> list[_Entry]:
        found: list[_Entry] = []
        try:
            with open_folder(self._submitted, (self.student, *parts)) as handle:
                with os.scandir(handle) as entries:
                    names = [entry.name for entry in islice(entries, MAX_ENTRIES)]
                if len(names) == MAX_ENTRIES:  # what is asked for may be among those that are not looked at
                    names += [f"{name}.ipynb" for name in parts] or self._known.names
                for name in dict.fromkeys(names):
                    with suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                        found.append(_Entry((*parts, name), _kind(status.st_mode), status.st_mtime_ns))
        except (OSError, IntakeError):
            pass  # what cannot be looked into says so when the notebook in it is to be read
        return found

    def _look(self, entry: _Entry) -> _Sight:
        """What a file is; the first look opens it."""
        if entry.parts not in self._sights:
            self._sights[entry.parts] = self._first_look(entry)
        return self._sights[entry.parts]

    def _first_look(self, entry: _Entry) -> _Sight:
        if len(self._sights) >= MAX_NOTEBOOKS or self._left <= 0:
            return _Sight(None, "too_many_files")
        try:
            data = read_file(self._submitted, (self.student, *entry.parts))
        except IntakeError as error:
            return _Sight(None, error.reason)
        self._left -= len(data)
        return self._known.sight(data)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    return "file" if stat.S_ISREG(mode) else "other"


def _sentence(key: str, files: Sequence[str] = (), **words: str) -> Text:
    """A sentence in both languages; of many files the first are named and the others counted."""
    found = {}
    for language, text in SENTENCES[key].items():
        named = list(files[:MAX_NAMED])
        if len(files) > MAX_NAMED:
            named.append(SENTENCES["more"][language].format(count=len(files) - MAX_NAMED))
        found[language] = text.format(files=(", " if language == "en" else "、").join(named), **words)
    return found


def _joined(first: Text, second: Text) -> Text:
    return {language: first[language] + (" " if language == "en" else "") + second[language] for language in first}


def write_table(results: Path, rows: Sequence[Row]) -> Path:
    """Write `intake.csv` into the results folder, names as `harmless.cell_of_name` gives them; returns its path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([*map(cell_of_name, (row.source, row.student)), row.unit, row.read_as, row.note])
    return files.write_whole(results / TABLE, text.getvalue())
