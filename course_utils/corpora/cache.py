"""A cache of arrays on disk: written whole or not at all, and never in the way.

Notable choices:
- a file is written under another name and renamed, so a kill or a full disk leaves nothing half-written behind;
- a cache that cannot be written costs time, not the run: one line says so, once for each reason;
- `.npz` carries a check sum for each array, so a file that rotted is found, thrown away and made again;
- a key is a hash of everything that the content depends on, so nothing here is ever out of date.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Where a reader wants the cache to be; without it, the platform's own folder for such files.
CACHE_VARIABLE = "COURSE_CACHE_DIR"

# Left by a process that was killed while it wrote; younger ones may belong to a process that still writes.
STALE_SECONDS = 24 * 3600

_PREFIX = ".writing-"
_reported: set[str] = set()


def cache_folder() -> Path:
    """The folder of cached files; it need not be there yet."""
    named = os.environ.get(CACHE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "course_utils"


def make_key(*parts: str | bytes | int) -> str:
    """A name that two sets of inputs share only if they are equal, part by part."""
    return digest(part if isinstance(part, bytes) else f"{type(part).__name__}:{part}".encode() for part in parts)


def digest(parts: Iterable[bytes]) -> str:
    """The hash of a row of byte strings; where one ends and the next begins counts too."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Where each of so many pieces begins in one flat array, and where the last one ends."""
    import numpy as np

    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def load_arrays(name: str) -> dict[str, np.ndarray] | None:
    """The arrays that were kept under a name, or None where there are none or they are damaged."""
    import numpy as np

    path = cache_folder() / f"{name}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return {array: kept[array] for array in kept.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def save_arrays(name: str, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays were kept; where they could not be, one line says why and the run goes on."""
    import numpy as np

    folder = cache_folder()
    writing: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear_stale(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, suffix=".npz", delete=False) as file:
            writing = Path(file.name)
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(writing, folder / f"{name}.npz")
    except OSError as error:
        if writing is not None:
            with contextlib.suppress(OSError):
                writing.unlink()
        reason = error.strerror or str(error) or type(error).__name__
        if reason not in _reported:
            _reported.add(reason)
            print(f"Nothing is cached in {folder}: {reason}. The course works on, more slowly.", file=sys.stderr)
        return False
    except BaseException:  # an interrupted notebook cell, most of all
        if writing is not None:
            with contextlib.suppress(OSError):
                writing.unlink()
        raise
    return True


def _clear_stale(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()
