"""What lies in the sources: each file of folders, zip files, and zip files in these, as bytes with its path.

Notable choices:
- a zip file is a folder with another face: its name without `.zip` stands in the path;
- no link is followed, and nothing is opened that is not a regular file;
- everything has a limit (files, bytes of one and of all, depth), and what a limit leaves aside has its line;
- work of systems and tools (`.git`, `__MACOSX`, environments) has one line a folder, none of what lies in it.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from pathlib import Path
from typing import IO

from ..folder import is_system_file
from ..intake import MAX_BYTES
from ..intake_table import SYSTEM_NOTE
from ..plan import RunError
from . import zips
from .zips import ZipError

MAX_FILES = 100_000  # of one source
MAX_TOTAL = 16 * 2**30  # bytes of one source, unpacked
MAX_DEPTH = 4  # zip files in each other
MAX_FOLDERS = 40  # folders in each other
MAX_ZIP = 512 * 2**20  # bytes of a zip file inside another, which lies in memory
_NO_LINK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
TOOLS = "a folder of a system or a tool, not looked into"
_TOOLS = {"__pycache__", "node_modules", "site-packages", "venv", "__macosx"}
_OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".tbz2", ".zst")


@dataclass(frozen=True)
class Item:
    """A file that was found, or a line on what was not read."""

    parts: tuple[str, ...]  # from the source's own name on, in normal form C
    data: bytes | None  # None where it was left aside
    modified: datetime | None = None  # when it was last written or packed, after it was handed in
    is_packed: bool = False  # whether a zip file says so; copying does not change that
    note: str = ""  # why it was left aside
    is_system: bool = False  # nobody's work, of which nobody need hear


@dataclass
class _Left:
    """What may still be read of a source."""

    files: int = MAX_FILES
    size: int = MAX_TOTAL
    own: tuple[Path, ...] = ()  # the folder of submissions and the class's files, which are no sources


def check_source(source: Path) -> None:
    """Raise RunError for a source that is not there, or is neither a folder nor a file."""
    try:
        mode = source.stat().st_mode
    except OSError as error:
        raise RunError(f"{source} cannot be read ({error.strerror}); name what the school's system sent") from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise RunError(f"{source} is neither a folder nor a file; name what the school's system sent")


def read_source(source: Path, zone: tzinfo, own: tuple[Path, ...] = ()) -> Iterator[Item]:
    """All files of a source, a folder, a zip file or a single file, in the order of their paths.

    zone: in which zip files tell the time; own: what in it is passed over
    Raises RunError where there is no such source.
    """
    check_source(source)
    left, name = _Left(), _plain(source.resolve().name)
    left.own = own
    if source.is_dir():
        yield from _folder(source, (name,), left, zone, 0)
    else:
        yield from _file(source.resolve(), (name,), left, zone)


def _folder(folder: Path, parts: tuple[str, ...], left: _Left, zone: tzinfo, depth: int) -> Iterator[Item]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Item(parts, None, note=f"a folder that cannot be looked into ({error.strerror})")
        return
    for entry in listed:
        place = (*parts, _plain(entry.name))
        if entry.is_symlink():
            yield Item(place, None, note="a link, not followed")
        elif entry.is_dir(follow_symlinks=False):
            if _is_one_of(entry.path, left.own):
                yield Item(place, None, note="the folder of submissions itself")
            elif _is_tools(entry.name) or (Path(entry.path) / "pyvenv.cfg").is_file():
                yield Item(place, None, note=TOOLS, is_system=True)
            elif depth >= MAX_FOLDERS:
                yield Item(place, None, note=f"more than {MAX_FOLDERS} folders in each other, not looked into")
            else:
                yield from _folder(Path(entry.path), place, left, zone, depth + 1)
        elif not entry.is_file(follow_symlinks=False):
            yield Item(place, None, note="not a regular file")
        elif _is_one_of(entry.path, left.own):
            yield Item(place, None, note="the class's own file")
        else:
            yield from _file(Path(entry.path), place, left, zone)


def _is_one_of(path: str, others: tuple[Path, ...]) -> bool:
    return any(other.exists() and os.path.samefile(path, other) for other in others)


def _is_tools(name: str) -> bool:
    """Whether a folder is none in which people work; a name that a platform wrote is a person's, dots and all."""
    hidden = bool(re.fullmatch(r"\.[A-Za-z][\w.-]*", name)) and "_assignsubmission_" not in name
    return hidden or name.casefold() in _TOOLS


def _file(path: Path, parts: tuple[str, ...], left: _Left, zone: tzinfo) -> Iterator[Item]:
    if fault := _count(parts, left):
        yield fault
        return
    try:
        handle = os.open(path, _NO_LINK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                yield Item(parts, None, note="not a regular file")
            elif parts[-1].casefold().endswith(".zip"):
                yield from _zip(file, (*parts[:-1], _stem(parts[-1])), left, zone, 1)
            elif status.st_size > MAX_BYTES:
                yield Item(parts, None, note=f"larger than {MAX_BYTES // 2**20} MiB")
            else:
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                yield _item(parts, file.read(MAX_BYTES), modified, left)
    except OSError as error:
        yield Item(parts, None, note=f"cannot be read ({error.strerror})")


def _zip(file: IO[bytes], parts: tuple[str, ...], left: _Left, zone: tzinfo, depth: int) -> Iterator[Item]:
    """What lies in a zip file; depth: its own among zip files in each other, from 1."""
    try:
        archive = zips.open_zip(file)
    except ZipError as error:
        yield Item(parts, None, note=str(error))
        return
    tools: set[tuple[str, ...]] = set()
    with archive:
        for member in sorted(zips.members(archive, MAX_ZIP), key=lambda member: member.parts):
            place = (*parts, *map(_plain, member.parts))
            tool = next((number for number, part in enumerate(member.parts[:-1]) if _is_tools(part)), None)
            if tool is not None and not member.fault:
                tools.add(place[: len(parts) + tool + 1])
            elif fault := _count(place, left):
                yield fault
                break
            else:
                yield from _member(archive, member, place, left, zone, depth)
    for folder in sorted(tools):
        yield Item(folder, None, note=TOOLS, is_system=True)


def _member(
    archive: zipfile.ZipFile, member: zips.Member, place: tuple[str, ...], left: _Left, zone: tzinfo, depth: int
) -> Iterator[Item]:
    inner = place[-1].casefold().endswith(".zip")
    modified = member.modified.replace(tzinfo=zone).astimezone(UTC) if member.modified else None
    try:
        if inner and depth >= MAX_DEPTH:
            raise ZipError(f"more than {MAX_DEPTH} zip files in each other, not opened")
        size = MAX_ZIP if inner else MAX_BYTES
        if not inner and member.info.file_size > size:
            raise ZipError(f"larger than {size // 2**20} MiB")
        if member.info.file_size > left.size:
            raise ZipError("the source holds more than can be read")
        data = zips.read_member(archive, member, size)
    except ZipError as error:
        yield Item(place, None, note=str(error))
        return
    if inner:
        left.size -= len(data)
        yield from _zip(BytesIO(data), (*place[:-1], _stem(place[-1])), left, zone, depth + 1)
    else:
        yield _item(place, data, modified, left, is_packed=True)


def _item(parts: tuple[str, ...], data: bytes, modified: datetime | None, left: _Left, is_packed: bool = False) -> Item:
    """A file that has been read, unless it is one of a system or of a kind that cannot be opened."""
    left.size -= len(data)
    if is_system_file(parts[-1]):
        return Item(parts, None, note=SYSTEM_NOTE, is_system=True)
    if parts[-1].casefold().endswith(_OTHER_ARCHIVES):
        return Item(parts, None, note="an archive that is no zip file, not opened; ask for a zip file")
    return Item(parts, data, modified, is_packed)


def _count(parts: tuple[str, ...], left: _Left) -> Item | None:
    """Count a file; the line on the one at which a limit is reached."""
    left.files -= 1
    if left.files < 0 or left.size <= 0:
        limit = f"{MAX_FILES} files" if left.files < 0 else f"{MAX_TOTAL // 2**30} GiB"
        return Item(parts, None, note=f"the source holds more than {limit}; this and what follows was not read")
    return None


def _stem(name: str) -> str:
    return name[: -len(".zip")] or name


def _plain(name: str) -> str:
    """A name that can be read, in normal form C."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
