"""Files that lie beside a notebook and are there when it runs: a student's own modules, small data.

Names and contents are hostile: no link is followed, nothing is opened that is not a regular file, and numbers, sizes
and depth are capped. Where they are laid out nothing else lies, and no module of a library is hidden by one of them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from .intake import IntakeError, open_folder, read_file

MAX_FILES = 20
MAX_FILE = 2 * 2**20  # bytes of one
MAX_TOTAL = 4 * 2**20  # bytes of all: every task of a class holds its own
MAX_DEPTH = 3  # folders below the notebook's
MAX_ENTRIES = 200  # names looked at in one folder
MAX_NAME = 100  # characters of a name

NOTE = "there when the notebook runs"  # what `intake.csv` says of them
# What nobody's code reads, however often it is handed in.
UNREAD = (".doc", ".docx", ".htm", ".html", ".mov", ".mp4", ".pdf", ".ppt", ".pptx")

Files = tuple[tuple[str, bytes], ...]  # path below the notebook's folder -> content


def read_beside(submitted: Path, folder: Sequence[str], left_out: Collection[str]) -> Files:
    """The files beside a notebook, modules first and then the smallest, as many as there is room for.

    folder: that of the notebook, name by name below `submitted`; left_out: names in it that are no part of it, folded.
    """
    sizes: dict[tuple[str, ...], int] = {}
    waiting: list[tuple[str, ...]] = [()]
    for inside in waiting:
        for name, mode, size in _listing(submitted, (*folder, *inside)):
            if name.casefold() in left_out and not inside:
                continue
            if stat.S_ISDIR(mode) and len(inside) < MAX_DEPTH and len(waiting) < MAX_FILES:
                waiting.append((*inside, name))
            elif stat.S_ISREG(mode) and size <= MAX_FILE and _may_be_read(name):
                sizes[*inside, name] = size
    found: list[tuple[str, bytes]] = []
    total = 0
    for parts in sorted(sizes, key=lambda parts: (not parts[-1].endswith(".py"), sizes[parts], parts)):
        if len(found) < MAX_FILES and total + sizes[parts] <= MAX_TOTAL:
            try:
                content = read_file(submitted, (*folder, *parts))
            except IntakeError:
                continue
            if len(content) <= sizes[parts]:  # it may have grown since
                total += len(content)
                found.append((str(PurePosixPath(*parts)), content))
    return tuple(sorted(found))


def digest_of(beside: Files) -> str:
    """A short hash of the files; empty where there are none."""
    digest = hashlib.sha256()
    for path, content in beside:
        digest.update(f"{len(path)} {len(content)} {path} ".encode("utf-8", "surrogatepass") + content)
    return digest.hexdigest()[:12] if beside else ""


def _may_be_read(name: str) -> bool:
    folded = name.casefold()
    return ".ipynb" not in folded and not folded.endswith(UNREAD)


def _listing(submitted: Path, folder: Sequence[str]) -> list[tuple[str, int, int]]:
    """Names in a folder with their modes and sizes, those of systems and editors left out."""
    found = []
    try:
        with open_folder(submitted, folder) as handle, os.scandir(handle) as entries:
            for entry in islice(entries, MAX_ENTRIES):
                status = os.stat(entry.name, dir_fd=handle, follow_symlinks=False)
                found.append((entry.name, status.st_mode, status.st_size))
    except (OSError, IntakeError):
        return []
    return sorted(row for row in found if _is_plain(row[0]))


def _is_plain(name: str) -> bool:
    """Whether a name is an ordinary one, and not that of a hidden file or of what Python or a system leaves behind."""
    return name.isprintable() and len(name) <= MAX_NAME and not name.startswith((".", "~$", "__MACOSX", "__pycache__"))
