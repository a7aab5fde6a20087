"""Where in a folder a corpus lies, however it was unpacked, and what was seen where none is found.

Nothing is opened but the first bytes of files, and no folder of reviews is listed: one half of IMDB has 25,000 files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MAX_DEPTH = 4  # of folders in each other: a data folder, an archive's name, aclImdb, aclImdb
MAX_FOLDERS = 200  # looked into
MAX_NAMES = 500  # read of each
MAX_TOLD = 6  # named in a sentence

_CLOSED = {"train", "test", "neg", "pos", "unsup", "__macosx", "__pycache__", "node_modules"}
_TAR_MARK = (257, b"ustar")

# What people have in place of the published files -> what to do
_REMEDIES = (
    (".zip", "unpack the zip archive and name the folder"),
    (".parquet", 'parquet files are those of the hub: take place "hub", or the published archive'),
    (".arrow", 'arrow files are those of the hub: take place "hub", or the published archive'),
    (".npz", "Keras' imdb.npz holds numbers in place of words: take the published archive aclImdb_v1.tar.gz"),
    (".rar", "unpack the archive and name the folder"),
    (".7z", "unpack the archive and name the folder"),
    (".crdownload", "the download has not ended"),
    (".part", "the download has not ended"),
    (".csv", "a table from another site has other columns: take the published archive"),
)


def folders(root: Path) -> Iterator[Path]:
    """A folder and those below it, the nearest first; links to folders are followed by name, and each is seen once."""
    waiting, seen = [(root, 0)], 0
    while waiting and seen < MAX_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        yield folder
        if depth < MAX_DEPTH:
            inner = (path for path in names(folder) if path.is_dir() and not path.name.startswith("."))
            waiting += [(path, depth + 1) for path in inner if path.name.casefold() not in _CLOSED]


def names(folder: Path) -> list[Path]:
    """What lies in a folder, in order; of very many names the first."""
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in islice(entries, MAX_NAMES))
    except OSError:
        return []


def packing(path: Path) -> str:
    """How a file is packed, by its first bytes: "gz", "xz", "bz2", "tar", "zip", or empty."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return ""
    for mark, kind in ((b"\x1f\x8b", "gz"), (b"\xfd7zXZ", "xz"), (b"BZh", "bz2"), (b"PK\x03\x04", "zip")):
        if start.startswith(mark):
            return kind
    at, mark = _TAR_MARK
    return "tar" if start[at : at + len(mark)] == mark else ""


def told(folder: Path) -> str:
    """What lies in a folder and what to do with it, as the end of a sentence; empty for an empty folder."""
    found = [path.name for path in names(folder) if not path.name.startswith(".")]
    if not found:
        return "; the folder is empty"
    more = f" and {len(found) - MAX_TOLD} more" if len(found) > MAX_TOLD else ""
    within = [path.name for place in islice(folders(folder), 20) for path in names(place)]
    endings = {ending for ending, _ in _REMEDIES for name in within if name.casefold().endswith(ending)}
    remedy = next((f"; {words}" for ending, words in _REMEDIES if ending in endings), "")
    return f"; it holds {', '.join(found[:MAX_TOLD])}{more}{remedy}"
