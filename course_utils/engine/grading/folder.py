"""What lies in a student's folder, in the folders below it, and in zip archives: names, kinds, times, and bytes.

Names and contents are hostile: no link is followed, nothing is opened that is not a regular file, an archive is read in
memory and never unpacked, and depth, numbers and sizes are capped.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..reading.decoding import HEAD, kind_of
from .intake import MAX_BYTES, IntakeError, open_folder, read_file, read_start

MAX_ENTRIES = 200  # names looked at in one folder or archive
MAX_ALL = 2000  # names looked at of one student
MAX_DEPTH = 6  # of folders within each other
MAX_STARTS = 60  # files of one student of which the start is read, since their name says nothing
MAX_ARCHIVES = 4  # of one student that are opened
MAX_DIRECTORY = 2**20  # bytes of an archive's own list: each name in it becomes an object
MAX_NAME = 60  # characters of a file's name in a sentence

_SYSTEM = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__pycache__", "$recycle.bin",
    "system volume information", "timestamp.txt", "submission_secret.txt",
}  # fmt: skip
ATTEMPTS, COLLECTED = ".attempts", "collect.csv"  # what `course collect` keeps beside the students' folders
OF_COLLECT = frozenset({ATTEMPTS, COLLECTED})
_KEPT = frozenset(" ._-()+,&#@'~")  # of a file's name, beside letters and digits: these mean nothing in Markdown or TeX
# What the standard library raises for an archive that somebody damaged on purpose.
UNZIPPING = (
    OSError, ValueError, LookupError, EOFError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
_END_OF_ZIP = struct.Struct("<4s4H2LH")


def is_system_file(name: str) -> bool:
    """Whether a file or folder is the work of an operating system, an editor or an exchange, and of no student."""
    return (name.startswith((".", "~$")) and not is_cloud_file(name)) or name.casefold() in _SYSTEM


def is_cloud_file(name: str) -> bool:
    """Whether a file stands for one that a cloud folder has not loaded yet."""
    return name.casefold().endswith((".icloud", ".gdoc", ".gcolab"))


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


@dataclass(frozen=True)
class Entry:
    """A name in a student's folder, in one of the folders below it, or in an archive."""

    parts: tuple[str, ...]  # below the student's folder
    kind: str  # "file", "folder", "link", "other", or "member" of an archive
    modified: int  # nanoseconds
    archive: tuple[str, ...] = ()  # where the archive lies
    member: str = ""  # by which name the archive knows it
    size: int = 0  # bytes, by its own word

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def is_system(self) -> bool:
        """Whether it, or a folder that it lies in, is the work of a system."""
        return any(map(is_system_file, self.parts))

    @property
    def is_file(self) -> bool:
        """Whether it holds something: a link stands for what nobody opens."""
        return self.kind != "folder"

    @property
    def may_be_notebook(self) -> bool:
        """Whether its name is one that a notebook has, also after a browser or a mail program saved it."""
        name = self.name.casefold()
        return self.is_file and not self.is_system and (".ipynb" in name or name.endswith(".json"))

    @property
    def is_script(self) -> bool:
        """Whether its name is that of a program, which a student may hand in beside a notebook."""
        return self.name.casefold().endswith(".py")


class Folder:
    """One student's folder, read once."""

    def __init__(self, submitted: Path, student: str, wanted: Iterable[str]) -> None:
        """wanted: names that are looked for where a folder holds more than can be looked at."""
        self._submitted, self.student, self._wanted = submitted, student, list(wanted)
        self._listings: dict[tuple[str, ...], list[Entry]] = {}
        self._starts: dict[tuple[str, ...], bytes] = {}
        self._archives: dict[tuple[str, ...], zipfile.ZipFile | str] = {}  # opened, or why not
        self._entries: list[Entry] | None = None
        self._whole: dict[tuple[str, ...], bytes] = {}
        self.cut: list[tuple[str, ...]] = []  # folders with more in them than was looked at

    def entries(self) -> list[Entry]:
        """All that lies in it, folder by folder, and in the archives there; what a system wrote is not looked into."""
        if self._entries is None:
            self._entries = list(self._walk())
        return self._entries

    def _walk(self) -> Iterator[Entry]:
        waiting: list[tuple[str, ...]] = [()]
        seen = 0
        while waiting:
            place = waiting.pop(0)
            for entry in self.listing(place):
                seen += 1
                if seen > MAX_ALL:
                    self.cut.append(place)
                    return
                yield entry
                if entry.is_system:
                    continue
                if entry.kind == "folder" and len(entry.parts) < MAX_DEPTH:
                    waiting.append(entry.parts)
                elif entry.kind == "folder":
                    self.cut.append(entry.parts)
                elif entry.kind == "file" and self._is_archive(entry):
                    yield from self._members(entry)

    def listing(self, parts: tuple[str, ...]) -> list[Entry]:
        """What lies in a folder, by names; nothing where it may not be looked into or is a link."""
        if parts not in self._listings:
            self._listings[parts] = sorted(self._scan(parts), key=lambda entry: entry.parts)
        return self._listings[parts]

    def _scan(self, parts: tuple[str, ...]) -> list[Entry]:
        found: list[Entry] = []
        try:
            with open_folder(self._submitted, (self.student, *parts)) as handle:
                with os.scandir(handle) as entries:
                    names = [entry.name for entry in islice(entries, MAX_ENTRIES)]
                if len(names) == MAX_ENTRIES:  # what is asked for may be among those that are not looked at
                    names += [f"{name}.ipynb" for name in parts] or self._wanted
                    self.cut.append(parts)
                for name in dict.fromkeys(names):
                    with suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                        found.append(
                            Entry((*parts, name), _kind(status.st_mode), status.st_mtime_ns, size=status.st_size)
                        )
        except (OSError, IntakeError):
            pass  # what cannot be looked into says so when the notebook in it is to be read
        return found

    # contents

    def read(self, entry: Entry) -> bytes:
        """The bytes of a file or of an archive's member. Raises IntakeError."""
        if is_cloud_file(entry.name):
            raise IntakeError("placeholder")
        if not entry.archive:
            return read_file(self._submitted, (self.student, *entry.parts))
        archive = self._archives[entry.archive]
        if isinstance(archive, str):
            raise IntakeError(archive)
        try:
            with archive.open(entry.member) as file:
                data = file.read(MAX_BYTES + 1)
        except UNZIPPING:
            raise IntakeError("unreadable") from None
        if len(data) > MAX_BYTES:
            raise IntakeError("too_large")
        return data

    def read_at(self, parts: tuple[str, ...]) -> bytes:
        """The bytes of a file at a place, looked at or not. Raises IntakeError."""
        if parts not in self._whole:
            self._whole = {parts: read_file(self._submitted, (self.student, *parts))}  # of one unit after the other
        return self._whole[parts]

    def start(self, entry: Entry) -> bytes:
        """The first bytes of a file; nothing where it cannot be read or too many were."""
        if entry.kind != "file" or (entry.parts not in self._starts and len(self._starts) >= MAX_STARTS):
            return b""
        if entry.parts not in self._starts:
            try:
                self._starts[entry.parts] = read_start(self._submitted, (self.student, *entry.parts), HEAD)
            except IntakeError:
                self._starts[entry.parts] = b""
        return self._starts[entry.parts]

    # archives

    def is_opened(self, entry: Entry) -> bool:
        """Whether a file is an archive that was looked into."""
        return isinstance(self._archives.get(entry.parts), zipfile.ZipFile)

    def why_closed(self, entry: Entry) -> str:
        """Why an archive was not looked into, as a key of intake.REASONS; empty for one that was, or for no archive."""
        state = self._archives.get(entry.parts, "")
        return state if isinstance(state, str) else ""

    def _is_archive(self, entry: Entry) -> bool:
        if is_cloud_file(entry.name) or entry.is_script:
            return False
        return entry.name.casefold().endswith(".zip") or kind_of(self.start(entry)) == "zip"

    def _members(self, entry: Entry) -> Iterator[Entry]:
        """The files in an archive; none where it is no zip, is locked, or is larger than a notebook may be."""
        archive = self._archives[entry.parts] = self._opened(entry)
        if isinstance(archive, str):
            return
        listed = [info for info in archive.infolist() if not info.is_dir()]
        if len(listed) > MAX_ENTRIES:
            self.cut.append(entry.parts)
        for info in listed[:MAX_ENTRIES]:
            if info.flag_bits & 1:
                self._archives[entry.parts] = "locked"
                return
            inside = tuple(part for part in _name_of(info).split("/") if part not in ("", ".", ".."))
            usable = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack without a limit
            if inside and usable and len(inside) <= MAX_DEPTH:
                place = (*entry.parts, *inside)
                yield Entry(place, "member", _time_of(info), entry.parts, info.filename, info.file_size)

    def _opened(self, entry: Entry) -> zipfile.ZipFile | str:
        if sum(isinstance(each, zipfile.ZipFile) for each in self._archives.values()) >= MAX_ARCHIVES:
            return "too_many_files"
        try:
            data = read_file(self._submitted, (self.student, *entry.parts))
        except IntakeError as error:
            return error.reason
        at = data.rfind(b"PK\x05\x06")
        end = data[at : at + _END_OF_ZIP.size] if at >= 0 else b""
        if len(end) < _END_OF_ZIP.size or _END_OF_ZIP.unpack(end)[5] > MAX_DIRECTORY:
            return "damaged_archive" if len(end) < _END_OF_ZIP.size else "too_many_files"
        try:
            return zipfile.ZipFile(io.BytesIO(data))
        except UNZIPPING:
            return "damaged_archive"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    return "file" if stat.S_ISREG(mode) else "other"


def _name_of(info: zipfile.ZipInfo) -> str:
    """A member's name; Windows writes Chinese ones without saying in which encoding."""
    name = info.filename.replace("\\", "/")
    if info.flag_bits & 0x800 or name.isascii():
        return name
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeError):
            return name.encode("cp437").decode(encoding)
    return name


def _time_of(info: zipfile.ZipInfo) -> int:
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0
