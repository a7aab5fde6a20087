"""Zip files that somebody else made, read without trusting what they say of themselves.

Stopped here: a path that leaves its folder, links and devices, encrypted members, members that are larger than they may
be or than they say, or that pack far better than a notebook does, and directories of a million names, whose size is
read before zipfile builds a list of them. Nothing is ever written under a name that a zip file gives.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from stat import S_ISDIR, S_ISREG
from typing import IO

from ..lettering import decoded

MAX_DIRECTORY = 16 * 2**20  # bytes of a list of members, about 100,000 of them
MAX_RATIO = 200  # plain zlib packs text at most a tenth, and zeros a thousandth
MAX_PARTS, MAX_NAME = 40, 255  # folders in each other, characters of a name
RATIO_FROM = 2**20  # bytes below which the ratio does not matter

_END = struct.Struct("<4s4H2LH")  # the end of central directory record
_END64_PLACE = struct.Struct("<4sLQL")  # where its 64-bit form lies
_END64 = struct.Struct("<4sQ2H2L4Q")
_UNICODE_PATH = 0x7075  # the extra field in which some programs keep a name in UTF-8
_UTF8, _ENCRYPTED = 0x800, 0x1


class ZipError(ValueError):
    """Why a zip file, or a member, is not read; a few words."""


@dataclass(frozen=True)
class Member:
    """A file in a zip file."""

    parts: tuple[str, ...]
    info: zipfile.ZipInfo
    modified: datetime | None  # in the time of wherever it was packed
    fault: str = ""  # why it is not read


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """A zip file, once its directory is known to be of a usable size. Raises ZipError for none."""
    try:
        size = _directory_size(file)
        if size > MAX_DIRECTORY:
            raise ZipError(f"a zip file with a list of {size / 2**20:.0f} MiB of names, not opened")
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError, EOFError) as error:
        if isinstance(error, ZipError):
            raise
        raise ZipError("not a zip file, or a damaged one") from None


def _directory_size(file: IO[bytes]) -> int:
    end = file.seek(0, 2)
    start = max(0, end - 2**16 - _END.size - _END64_PLACE.size)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0:
        raise ZipError("not a zip file, or a damaged one")
    size: int = _END.unpack_from(tail, place)[5]
    before = place - _END64_PLACE.size
    if before >= 0 and tail[before : before + 4] == b"PK\6\7":
        file.seek(_END64_PLACE.unpack_from(tail, before)[2])
        size = max(size if size != 2**32 - 1 else 0, _END64.unpack(file.read(_END64.size))[8])
    file.seek(0)
    return size


def members(archive: zipfile.ZipFile, max_bytes: int) -> Iterator[Member]:
    """The members that are no folders; max_bytes: that one may have unpacked."""
    for info in archive.infolist():
        if info.is_dir() or S_ISDIR(info.external_attr >> 16):
            continue
        name = _name(info)
        parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        yield Member(parts or ("?",), info, _modified(info), _fault(info, name, parts, max_bytes))


def read_member(archive: zipfile.ZipFile, member: Member, max_bytes: int) -> bytes:
    """A member's content. Raises ZipError where it cannot be had, or is larger than it said or than max_bytes."""
    if member.fault:
        raise ZipError(member.fault)
    try:
        with archive.open(member.info) as file:
            data = file.read(max_bytes + 1)
    except NotImplementedError:
        raise ZipError("packed in a way that cannot be read here; pack it as a plain zip") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        raise ZipError("damaged in its zip file") from None
    if len(data) > max_bytes:
        raise ZipError(f"larger than {max_bytes / 2**20:.0f} MiB")
    return data


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name; one without a flag may be in the encoding of whatever packed it."""
    if info.flag_bits & _UTF8:
        return decoded(info.filename.encode("utf-8", "replace"))
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == _UNICODE_PATH and 5 < size <= len(extra) - 4:
            return decoded(extra[9 : 4 + size])  # after a version and a checksum of the other name
        extra = extra[4 + size :]
    try:
        return decoded(info.orig_filename.encode("cp437"), ("cp437", "cp1252"))
    except UnicodeEncodeError:
        return info.filename


def _modified(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time)
    except ValueError:
        return None


def _fault(info: zipfile.ZipInfo, name: str, parts: tuple[str, ...], max_bytes: int) -> str:
    mode = info.external_attr >> 16
    if ".." in parts or name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
        return "its path leads out of its folder"
    if len(parts) > MAX_PARTS or any(len(part) > MAX_NAME for part in parts):
        return "a path that is longer than a file's may be"
    if mode and not S_ISREG(mode) and mode & 0o170000:
        return "a link or another thing that is no regular file"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted; ask for it without a password"
    if info.file_size > max_bytes:
        return f"larger than {max_bytes / 2**20:.0f} MiB"
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return f"packed {info.file_size // max(1, info.compress_size)} to 1, as no notebook is"
    return ""
