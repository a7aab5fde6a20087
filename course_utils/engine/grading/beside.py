"""Files that lie beside a notebook and are there when it runs: a student's own modules, small data.

Names and contents are hostile: no link is followed, nothing is opened that is not a regular file or an archive's
member, and numbers, sizes and depth are capped. Where they are laid out nothing else lies, and no module of a library
is hidden by one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from .folder import Entry, Folder
from .intake import IntakeError

MAX_FILES = 20
MAX_FILE = 2 * 2**20  # bytes of one
MAX_TOTAL = 4 * 2**20  # bytes of all: every task of a class holds its own
MAX_DEPTH = 3  # folders below the notebook's
MAX_FOLDERS = 20
MAX_NAME = 100  # characters of a name

NOTE = "there when the notebook runs"  # what `intake.csv` says of them
# What nobody's code reads, however often it is handed in.
UNREAD = (".doc", ".docx", ".htm", ".html", ".mov", ".mp4", ".pdf", ".ppt", ".pptx")

Files = tuple[tuple[str, bytes], ...]  # path below the notebook's folder -> content


def files_round(entries: Iterable[Entry], notebook: Entry, left_out: Collection[str]) -> Iterator[Entry]:
    """The files in the folder of a notebook, or in its archive's, and below, that code may read.

    left_out: names in that folder which are no part of it, folded.
    """
    place = notebook.parts[:-1]
    folders: set[tuple[str, ...]] = {place}
    for entry in entries:
        if entry.kind not in ("file", "member") or entry.archive != notebook.archive or entry.size > MAX_FILE:
            continue
        if entry is notebook or entry.is_system or entry.parts[: len(place)] != place:
            continue
        inside = entry.parts[len(place) :]
        if inside[0].casefold() in left_out or len(inside) > MAX_DEPTH + 1 or not all(map(_is_plain, inside)):
            continue
        folders.add(entry.parts[:-1])
        if len(folders) <= MAX_FOLDERS and _may_be_read(entry.name):
            yield entry


def read_all(folder: Folder, files: Iterable[Entry], depth: int) -> dict[tuple[str, ...], tuple[str, bytes]]:
    """Files by where they lay: path below a folder and content; modules first, then the smallest, as many as fit.

    depth: of that folder.
    """
    found: dict[tuple[str, ...], tuple[str, bytes]] = {}
    total = 0
    for entry in sorted(files, key=lambda entry: (not entry.is_script, entry.size, entry.parts)):
        if len(found) < MAX_FILES and total + entry.size <= MAX_TOTAL and entry.parts not in found:
            try:
                content = folder.read(entry)
            except IntakeError:
                continue
            if len(content) <= entry.size:  # it may have grown since
                total += len(content)
                found[entry.parts] = str(PurePosixPath(*entry.parts[depth:])), content
    return found


def digest_of(beside: Files) -> str:
    """A short hash of the files; empty where there are none."""
    digest = hashlib.sha256()
    for path, content in beside:
        digest.update(f"{len(path)} {len(content)} {path} ".encode("utf-8", "surrogatepass") + content)
    return digest.hexdigest()[:12] if beside else ""


def _may_be_read(name: str) -> bool:
    folded = name.casefold()
    return ".ipynb" not in folded and not folded.endswith(UNREAD)


def _is_plain(name: str) -> bool:
    """Whether a name is an ordinary one: it shows as it is, and is not long."""
    return name.isprintable() and len(name) <= MAX_NAME
