"""A newer release, wherever it comes from: a zip file, a folder, a notebook, or a commit of the clone at hand."""

from __future__ import annotations

import os
import subprocess
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..course import FILE, IN_A_BUNDLE, IN_A_CLONE
from ..reading.decoding import ReadError
from .cells import Raw
from .folder import git, read_raw

MAX_FILES, MAX_BYTES = 20_000, 2**28  # of a release that is a zip file
OTHERS = {"__pycache__", "node_modules", "build", "dist", "tests", "submitted"}  # folders that hold no release
IN_THE_NAME = "recorded/released."  # of a notebook as released in a unit's folder of a bundle


class ReleaseError(ValueError):
    """What was named is no release; one sentence says why and what to try."""


@dataclass(frozen=True)
class Release:
    """Files of a release by their paths in it, each with a way to read it."""

    name: str
    files: dict[str, Callable[[], bytes]]
    commit: str = ""  # of a clone
    _notebooks: dict[tuple[str, str], tuple[Raw, list[Raw]]] = field(default_factory=dict)

    @property
    def is_bundle(self) -> bool:
        """Whether it holds the student's part of the package with its course, and not a clone's."""
        return f"{IN_A_BUNDLE}/{FILE}" in self.files

    def course_id(self) -> str:
        """The id of its course; empty where it does not say."""
        for folder in (IN_A_BUNDLE, IN_A_CLONE):
            if read := self.files.get(f"{folder}/{FILE}"):
                try:
                    return str(tomllib.loads(read().decode("utf-8")).get("id", ""))
                except (OSError, ValueError):
                    return ""
        return ""

    def package(self) -> dict[str, bytes]:
        """All of a bundle but the notebooks: path -> content."""
        return {path: read() for path, read in self.files.items() if not path.startswith(("notebooks/", "."))}

    def notebooks(self) -> dict[tuple[str, str], tuple[Raw, list[Raw]]]:
        """Content and cells of each released notebook, by unit and language. Raises ReleaseError."""
        if not self._notebooks:
            for path in sorted(self.files, key=lambda path: (IN_THE_NAME not in path, path)):
                if _may_be_a_notebook(path):
                    self._read(path)
            if not self._notebooks:
                raise ReleaseError(f"{self.name} holds no notebook of a course; give a bundle (zip or folder)")
        return self._notebooks

    def _read(self, path: str) -> None:
        try:
            content, cells = read_raw(self.files[path]())
        except ReadError:
            return
        about = content.get("metadata", {}).get("course", {})
        if isinstance(about, dict) and isinstance(about.get("unit"), str) and isinstance(about.get("language"), str):
            self._notebooks.setdefault((about["unit"], about["language"]), (content, cells))


def _may_be_a_notebook(path: str) -> bool:
    inside = PurePosixPath(path)
    if IN_THE_NAME in path:
        return path.endswith(".json")
    return inside.suffix == ".ipynb" and (inside.parent.name in (inside.stem, "") or len(inside.parts) == 1)


def open_release(named: str, top: Path) -> Release:
    """The release that a path or a commit names.

    top: the folder of the clone at hand, in which commits are looked for. Raises ReleaseError.
    """
    path = Path(named).expanduser()
    try:
        if path.is_dir():
            return Release(named, _files_of_folder(path))
        if path.is_file():
            return Release(named, _files_of_file(path))
    except OSError as error:
        raise ReleaseError(f"{named} cannot be read: {error.strerror or error}") from None
    return _commit(named, top)


def _files_of_folder(folder: Path) -> dict[str, Callable[[], bytes]]:
    found: dict[str, Callable[[], bytes]] = {}
    top = folder.resolve()
    for place, folders, names in os.walk(top):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in OTHERS)
        for name in names:
            path = Path(place) / name
            inside = path.relative_to(top).as_posix()
            if not name.startswith(".") and path.is_file():
                found[inside] = path.read_bytes
    return _below_one_top(found)


def _files_of_file(path: Path) -> dict[str, Callable[[], bytes]]:
    if path.suffix == ".ipynb":
        return {path.name: path.read_bytes}
    try:
        archive = zipfile.ZipFile(path)
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise ReleaseError(f"{path} holds far more than a release does; take the zip that you were given")
        found: dict[str, Callable[[], bytes]] = {}
        for entry in entries:
            inside = PurePosixPath(entry.filename.replace("\\", "/"))
            if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0]:
                raise ReleaseError(f"{path} holds a path that leads out of it: {entry.filename}; it is no release")
            content = archive.read(entry)
            found[inside.as_posix()] = lambda content=content: content  # type: ignore[misc]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        raise ReleaseError(f"{path} is no zip file, or a damaged one; download it again") from None
    return _below_one_top(found)


def _below_one_top(files: dict[str, Callable[[], bytes]]) -> dict[str, Callable[[], bytes]]:
    """The files without the one folder that all of them lie in, as a zip file has one."""
    tops = {PurePosixPath(path).parts[0] for path in files if not path.startswith("__MACOSX/")}
    inner = next(iter(tops), "")
    is_top = any(path.startswith((f"{inner}/notebooks/", f"{inner}/{IN_A_BUNDLE}/")) for path in files)
    if len(tops) != 1 or not is_top:
        return files
    return {path.removeprefix(f"{inner}/"): read for path, read in files.items() if path.startswith(f"{inner}/")}


def _commit(named: str, top: Path) -> Release:
    """The release that a commit of the clone at hand holds. Raises ReleaseError."""
    wanted = f"there is no file, folder or commit {named}; give the new release, such as bundle.zip"
    if named.startswith("-") or not named:
        raise ReleaseError(wanted)
    try:
        commit = git(top, "rev-parse", "--verify", "--quiet", f"{named}^{{commit}}").decode().strip()
        listed = git(top, "ls-tree", "-r", "-z", "--name-only", commit).decode("utf-8", "replace")
    except (OSError, subprocess.CalledProcessError):
        raise ReleaseError(wanted) from None
    paths = [path for path in listed.split("\0") if path]
    return Release(named, {path: _show(top, commit, path) for path in paths}, commit)


def _show(top: Path, commit: str, path: str) -> Callable[[], bytes]:
    return lambda: git(top, "show", f"{commit}:{path}")
