"""Which file of a student's folder is read as which unit's notebook, and what is said of all others.

Notable choices:
- a notebook is known by its content, whatever it is called: by the cells' ids, by the names that its code defines, by
  headings, by the unit that its metadata name; so also one that lies a level too high or too deep, or in an archive;
- the file with the right name is taken unless another is newer and holds more answers, or it holds none itself, or it
  is another unit's;
- no file is passed over in silence: each has a row in `intake.csv`, and a student whose notebook was not found is told
  what was seen instead;
- contents are hostile: numbers and sizes are capped, and no code is parsed here, where a crash would end the whole run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from ..course import LANGUAGES
from ..judging.sentences import Text
from ..making.units import find_units
from ..reading import decoding, released, script
from ..reading.notebook import Notebook, read_notebook
from .beside import NOTE, Files, files_round, read_all
from .folder import OF_COLLECT, Entry, Folder, is_cloud_file, is_system_file, shown_file, shown_path
from .intake import MAX_BYTES, REASONS, IntakeError
from .intake_table import NOTEBOOK, SYSTEM_NOTE, Row
from .skeleton import Skeleton
from .task import skeleton

MAX_NOTEBOOKS = 24  # files of one student opened to see what they are
MAX_TOTAL = 2 * MAX_BYTES  # bytes of them all
MAX_NAMED = 8  # files named in a sentence

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
    "encoded": {
        "en": "The file is written in {encoding}, not in UTF-8; it was read all the same.",
        "zh": "文件的编码是 {encoding} 而不是 UTF-8；已照常读取。",
    },
    "other_unit": {
        "en": "'{file}' is a notebook of {other}; no notebook of this unit was found.",
        "zh": "“{file}”是 {other} 的 notebook；没有找到本单元的 notebook。",
    },
    "right_name": {"en": "Read from '{file}'.", "zh": "读取的是“{file}”。"},
    "others": {
        "en": "Another notebook of this unit was not read: {files}.",
        "zh": "还有本单元的其他 notebook 没有读取：{files}。",
    },
    "nothing_of_unit": {
        "en": "No notebook of this unit was found; the folder holds: {files}.",
        "zh": "没有找到本单元的 notebook；文件夹里有：{files}。",
    },
    "one_unreadable": {"en": "'{file}': {sentence}", "zh": "“{file}”：{sentence}"},
    "more": {"en": "and {count} more", "zh": "另有 {count} 个"},
}

_BESIDE = "beside the students' folders, nobody's; put it into STUDENT/UNIT, or gather a class with: course collect"


@dataclass(frozen=True)
class HandedIn:
    """What a student handed in for a unit."""

    data: bytes | None  # the notebook; None where there is none to read, for the reason below
    reason: str  # a key of intake.REASONS, empty where there are data
    note: Text | None = None  # how it was found, or what was seen instead of it
    read_from: str = ""  # where a notebook lay that was not at its place, under its name
    beside: Files = ()  # what lay beside it and is there when it runs


@dataclass(frozen=True)
class _Sight:
    """What a look into a file showed."""

    data: bytes | None
    reason: str  # a key of intake.REASONS, empty for a notebook
    unit: str = ""  # whose it is; empty for one of no known unit
    answers: int = 0  # exercises and questions that are not as they were given
    is_script: bool = False


def place_of(unit: str) -> tuple[str, ...]:
    """Where a unit's notebook belongs, below its student's folder."""
    return unit, f"{unit}.ipynb"


class Finder:
    """Looks into the folders of a class; remembers what it made of each file."""

    def __init__(
        self, submitted: Path, solutions: Path, instead: Mapping[tuple[str, str], bytes] = MappingProxyType({})
    ) -> None:
        """submitted: the folder with the students' folders; solutions: where the known units are.

        instead: (student, unit) -> what is read as the notebook at its place, whatever lies there by now
        """
        self._submitted, self._solutions, self._instead = submitted, solutions, instead
        self._student: _Files | None = None  # a run asks for one student's units after the other
        self._rows: dict[tuple[str, ...], Row] = {}  # by student and path

    def units(self, student: str) -> set[str]:
        """The known units of which a student's folder holds a folder or a notebook."""
        return self._files(student).units()

    def seen(self, student: str) -> list[str]:
        """The shown paths of whatever lies in a student's folder and is not a system's own."""
        return [shown_path((student, *entry.parts)) for entry in self._files(student).everything()]

    def handed_in(self, student: str, unit: str, shown: str) -> HandedIn:
        """What a student handed in for a unit; shown: how the student is called in the table."""
        folder = self._files(student)
        found, notes = folder.handed_in(unit)
        for place, (whose, note) in notes.items():
            row = Row(shown_path((student, *place)), shown, whose, "" if note else NOTEBOOK, note)
            if not note:
                row = replace(row, note=(found.note or {}).get("en", ""))
            known = self._rows.get((student, *place))
            best = note == NOTE and known is not None and not known.read_as
            if not note or known is None or best or (whose == unit and not known.read_as):  # its own unit knows best
                self._rows[student, *place] = row
        return found

    def table(self, unread: Mapping[tuple[str, str], str]) -> list[Row]:
        """The rows of all files seen so far, and of those that lie beside the students' folders.

        unread: (student as shown, unit) -> why a notebook that was taken turned out not to be one
        """
        rows = [
            replace(row, read_as="", note=unread[row.student, row.unit])
            if row.read_as and (row.student, row.unit) in unread
            else row
            for _, row in sorted(self._rows.items())
        ]
        return self._beside() + rows

    def look_into(self, data: bytes) -> tuple[str, int, str]:
        """What a file is by its content: its unit, how many answers it holds, and why it cannot be read."""
        sight = self._known.sight(data)
        return sight.unit, sight.answers, sight.reason

    def _beside(self) -> list[Row]:
        """The rows of what lies in the folder of a class, is no student's folder, and was not put there by collect."""
        try:
            with os.scandir(self._submitted) as entries:
                found = sorted((entry.name, entry.is_symlink() or entry.is_dir()) for entry in entries)
        except OSError:
            return []
        return [
            Row(shown_file(name), "", "", "", SYSTEM_NOTE if is_system_file(name) else _BESIDE)
            for name, is_folder in found
            if name not in OF_COLLECT and (is_system_file(name) or not is_folder)
        ]

    def _files(self, student: str) -> _Files:
        if self._student is None or self._student.student != student:
            own = {place_of(unit): data for (whose, unit), data in self._instead.items() if whose == student}
            self._student = _Files(self._submitted, student, self._known, own)
        return self._student

    @cached_property
    def _known(self) -> _Known:
        return _Known(self._solutions)


class _Known:
    """The units of a course, and by what a notebook of each can be known."""

    def __init__(self, solutions: Path) -> None:
        self._solutions = solutions
        self.names = [unit.name for unit in find_units(solutions)]
        self.folded = {name.casefold(): name for name in self.names}

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

    @cached_property
    def _marks(self) -> dict[str, released.Marks]:
        return {name: release.marks for name, release in self.skeletons.items()}

    def mentions(self, unit: str, data: bytes) -> bool:
        """Whether a file speaks of a unit's exercises: a quick look that nearly every notebook at its place passes."""
        try:
            names = skeleton(str(self._solutions), unit).names
        except FileNotFoundError:
            return True
        return any(name.encode() in data for name in names)

    def sight(self, data: bytes) -> _Sight:
        """What a file is."""
        try:
            notebook = read_notebook(data)
        except decoding.ReadError as error:
            return _Sight(None, error.reason)
        unit = released.unit_of(notebook, self._marks)
        if not unit:
            return _Sight(None if notebook.is_script else data, "not_a_notebook" if notebook.is_script else "")
        return _Sight(data, "", unit, self._answers(notebook, self.skeletons[unit]), notebook.is_script)

    def _answers(self, notebook: Notebook, release: Skeleton) -> int:
        """How many exercises and questions are not as they were given."""
        given = release.exercises() | release.questions()
        defines = [released.defined_names(cell) for cell in notebook.cells]
        return sum(
            any(
                (said := _words_of(cell.source)) and said != _words_of(text)
                for cell, own in zip(notebook.cells, defines, strict=True)
                if name in own or cell.grade_id == name
            )
            for name, text in given.items()
        )


class _Files:
    """One student's files."""

    def __init__(self, submitted: Path, student: str, known: _Known, instead: Mapping[tuple[str, ...], bytes]) -> None:
        self.student = student
        self._instead = instead
        self._known = known
        self._folder = Folder(submitted, student, known.names)
        self._sights: dict[tuple[str, ...], _Sight] = {}
        self._settled: dict[tuple[str, ...], bool] = {}
        self._left = MAX_TOTAL

    def units(self) -> set[str]:
        """The known units of which there is a folder or a notebook."""
        parts = {part.casefold() for entry in self._folder.entries() for part in entry.parts}
        named = {unit for unit in self._known.names if unit.casefold() in parts}
        unsettled = (entry for entry in self._candidates() if not self._is_settled(entry))
        return named | {unit for entry in unsettled if (unit := self._look(entry).unit)}

    def everything(self) -> list[Entry]:
        """The files, and the folders without any."""
        entries = [entry for entry in self._folder.entries() if not entry.is_system]
        full = {entry.parts[:depth] for entry in entries for depth in range(1, len(entry.parts))}
        return [entry for entry in entries if entry.parts not in full]

    def handed_in(self, unit: str) -> tuple[HandedIn, dict[tuple[str, ...], tuple[str, str]]]:
        """What was handed in for a unit, and of each file whose it is and why it was left aside; empty: it was not."""
        right = next((entry for entry in self._folder.entries() if entry.parts == (unit, f"{unit}.ipynb")), None)
        others = [entry for entry in self._candidates() if entry is not right and not self._is_settled(entry)]
        taken, found = self._choose(unit, right, [entry for entry in others if self._look(entry).unit == unit])
        if found.data is None:
            found = self._not_found(unit, found)
        beside = self._beside(taken) if taken is not None and found.data is not None else {}
        found = replace(found, beside=tuple(sorted(beside.values())))
        notes: dict[tuple[str, ...], tuple[str, str]] = {}
        for entry in self._folder.entries():
            if entry is taken:
                notes[entry.parts] = (unit, "")
            elif entry.parts in beside and not self._is_of_a_unit(entry):
                notes[entry.parts] = (self._whose(entry), NOTE)
            elif self._needs_row(entry) and not self._is_settled(entry, but=unit):
                notes[entry.parts] = (self._whose(entry), self._why_not(entry, unit, found))
        for place in self._folder.cut:
            notes[*place, "…"] = ("", "more names or folders than are looked at")
        return found, notes

    def _beside(self, taken: Entry) -> dict[tuple[str, ...], tuple[str, bytes]]:
        """What lay beside a notebook and is there when it runs, by where it lay; copies of notebooks are not."""
        with_notebooks = {entry.archive for entry in self._folder.entries() if entry.may_be_notebook}
        offered = (
            entry
            for entry in files_round(self._folder.entries(), taken, self._known.folded)
            if entry.parts not in with_notebooks and (entry.is_script or not self._is_of_a_unit(entry))
        )
        return read_all(self._folder, offered, len(taken.parts) - 1)

    def _choose(self, unit: str, right: Entry | None, of_unit: list[Entry]) -> tuple[Entry | None, HandedIn]:
        """The notebook that is read, and what it says about how it was found."""
        own = self._read_right(unit)
        if right is not None and own.data is not None and not self._known.mentions(unit, own.data):
            sight = self._look(right)
            if sight.unit and sight.unit != unit:
                other = _sentence("other_unit", file=self._path(right), other=sight.unit)
                right, own = None, HandedIn(None, "no_notebook", other)
        if not of_unit:
            return right, own
        best = max(of_unit, key=lambda entry: (self._look(entry).answers, entry.modified, entry.name))
        taken, key = (best, self._where(best, unit)) if right is None else self._better(right, best)
        data = self._look(taken).data
        others = [entry for entry in [right, *of_unit] if entry is not None and entry is not taken]
        others = [entry for entry in others if self._look(entry).data not in (None, data)]  # nor the same once more
        note: Text | None = None
        if key != "right_name" or others:
            note = _sentence(key, file=self._path(taken), unit=unit)
        if note and others:
            note = _joined(note, _sentence("others", files=[self._path(entry) for entry in others]))
        read_from = "" if taken is right else self._path(taken)
        return taken, _with_encoding(HandedIn(data, "", note, read_from))

    def _better(self, right: Entry, best: Entry) -> tuple[Entry, str]:
        """The one of two that is read: that with the right name, or the best of the others; and the sentence's key."""
        own, other = self._look(right), self._look(best)
        if own.data is None:
            return best, "replaced"
        newer = best.modified >= right.modified or own.answers == 0
        return (best, "preferred") if other.answers > own.answers and newer else (right, "right_name")

    def _where(self, entry: Entry, unit: str) -> str:
        return "renamed" if entry.parts[:-1] == (unit,) else "elsewhere"

    def _read_right(self, unit: str) -> HandedIn:
        try:
            place = place_of(unit)
            data = self._instead[place] if place in self._instead else self._folder.read_at(place)
            return _with_encoding(HandedIn(data, ""))
        except IntakeError as error:
            return HandedIn(None, error.reason)

    def _not_found(self, unit: str, found: HandedIn) -> HandedIn:
        """What a student is told whose notebook was not found, or could not be read."""
        if found.reason != "missing":
            return found
        files = [entry for entry in self.everything() if entry.is_file]
        inside = [entry for entry in files if self._unit_of_place(entry) == unit]
        # of files that lie in no unit's folder and that are no unit's notebook nobody knows the unit
        seen = inside or [entry for entry in files if not self._unit_of_place(entry) and not self._is_of_a_unit(entry)]
        if not seen:
            return found
        unreadable = [(entry, reason) for entry in seen if (reason := self._why_unread(entry))]
        if len(unreadable) == 1 and not any(entry.may_be_notebook for entry in seen if entry is not unreadable[0][0]):
            ((only, reason),) = unreadable
            text, told = SENTENCES["one_unreadable"], REASONS[reason]
            note = {key: text[key].format(file=self._path(only), sentence=told[key]) for key in LANGUAGES}
            return HandedIn(None, reason if inside else "missing", note)
        note = _sentence("nothing_of_unit", files=[self._path(entry) for entry in seen])
        return HandedIn(None, "no_notebook" if inside else "missing", note)

    def _why_not(self, entry: Entry, unit: str, found: HandedIn) -> str:
        """Why a file is left aside."""
        if entry.is_system:
            return SYSTEM_NOTE
        if entry.kind not in ("file", "member"):
            return "a link, not followed" if entry.kind == "link" else "not a regular file"
        if reason := self._folder.why_closed(entry):
            return REASONS[reason]["en"]
        if self._folder.is_opened(entry):
            return "an archive; what is in it has rows of its own"
        if not self._is_candidate(entry):
            return "not a notebook"
        sight = self._look(entry)
        if sight.reason:
            return "not a notebook" if entry.is_script else REASONS[sight.reason]["en"]
        if not sight.unit:
            return "a notebook of no known unit"
        if sight.unit != unit:
            return f"a notebook of {sight.unit}"
        same = found.data is not None and sight.data == found.data
        return "the same notebook once more" if same else "another notebook of this unit is read"

    # looking

    def _candidates(self) -> list[Entry]:
        """The files that may be notebooks, those first of which the name says so."""
        found = [entry for entry in self._folder.entries() if self._is_candidate(entry)]
        return sorted(found, key=lambda entry: (".ipynb" not in entry.name.casefold(), not entry.may_be_notebook))

    def _is_candidate(self, entry: Entry) -> bool:
        if entry.is_system or not entry.is_file or self._folder.is_opened(entry):
            return False
        return entry.may_be_notebook or is_cloud_file(entry.name) or self._starts_like_one(entry)

    def _starts_like_one(self, entry: Entry) -> bool:
        """Whether a file that is not called like a notebook begins like one, or like a script with cells."""
        if entry.kind == "member":
            return entry.is_script
        start = decoding.text_of(self._folder.start(entry))
        if entry.is_script:
            return script.has_cells(start) or self._is_in_place(entry)
        return start.lstrip().startswith("{") and '"' in start

    def _is_in_place(self, entry: Entry) -> bool:
        """Whether a script is called like a unit, so that it is no helper beside a notebook."""
        return entry.name.casefold().removesuffix(".py") in self._known.folded

    def _is_settled(self, entry: Entry, but: str = "") -> bool:
        """Whether a file lies at a unit's place, under its name, and speaks of it; but: a unit that is left out."""
        if len(entry.parts) != 2 or entry.kind == "folder":
            return False
        unit, name = entry.parts
        if unit == but or unit not in self._known.names or name != f"{unit}.ipynb":
            return False
        if entry.parts not in self._settled:
            data = self._read_right(unit).data
            self._settled[entry.parts] = data is not None and self._known.mentions(unit, data)
        return self._settled[entry.parts]

    def _needs_row(self, entry: Entry) -> bool:
        """A file does, and a folder that is a system's own."""
        inside_system = any(map(is_system_file, entry.parts[:-1]))
        return (entry.is_file or is_system_file(entry.name)) and not inside_system

    def _whose(self, entry: Entry) -> str:
        of_content = self._look(entry).unit if self._is_candidate(entry) else ""
        return of_content or self._unit_of_place(entry)

    def _unit_of_place(self, entry: Entry) -> str:
        """The unit whose folder a file lies in; empty for one that lies in none."""
        return next((unit for part in entry.parts[:-1] if (unit := self._known.folded.get(part.casefold()))), "")

    def _is_of_a_unit(self, entry: Entry) -> bool:
        return self._is_candidate(entry) and bool(self._look(entry).unit)

    def _why_unread(self, entry: Entry) -> str:
        """Why a file that may be a notebook or an archive could not be read, as a key of intake.REASONS."""
        if reason := self._folder.why_closed(entry):
            return reason
        if not self._is_candidate(entry) or entry.is_script:
            return ""
        return self._look(entry).reason

    def _path(self, entry: Entry) -> str:
        """How a file is named to its student: in its unit's folder by its name alone."""
        parts = entry.parts[1:] if len(entry.parts) > 1 and entry.parts[0] in self._known.names else entry.parts
        return shown_path(parts)

    def _look(self, entry: Entry) -> _Sight:
        """What a file is; the first look opens it."""
        if entry.parts not in self._sights:
            self._sights[entry.parts] = self._first_look(entry)
        return self._sights[entry.parts]

    def _first_look(self, entry: Entry) -> _Sight:
        if len(self._sights) >= MAX_NOTEBOOKS or self._left <= 0:
            return _Sight(None, "too_many_files")
        try:
            data = self._instead[entry.parts] if entry.parts in self._instead else self._folder.read(entry)
        except IntakeError as error:
            return _Sight(None, error.reason)
        self._left -= len(data)
        return self._known.sight(data)


_UNSAID = re.compile(r'"""[\s\S]*?"""|#[^\n]*|\s+')  # docstrings, comments and layout


def _words_of(source: str) -> str:
    return _UNSAID.sub("", source)


def _with_encoding(found: HandedIn) -> HandedIn:
    """The same, with a word about the encoding of a file that is not in UTF-8."""
    encoding = decoding.told_encoding(found.data) if found.data else ""
    if not encoding:
        return found
    word = _sentence("encoded", encoding=encoding)
    return replace(found, note=_joined(found.note, word) if found.note else word)


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
