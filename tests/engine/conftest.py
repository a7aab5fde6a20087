"""What tests of the engine share: a way to be an ordinary user, and an instructor's desk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from course_utils import terminal

from .desk import Desk, Here

# Where Python itself lies in a closed home folder, an open one with nothing but Python in it is mounted over it.
AS_USER = """
set -e
closed="$1" base="$2" user="$3"
shift 3
if [ -n "$closed" ]; then
    spare=$(mktemp -d)
    mount --bind "$base" "$spare"
    mount -t tmpfs -o mode=755 tmpfs "$closed"
    mkdir -p "$base"
    mount --bind "$spare" "$base"
    umount "$spare"
    rmdir "$spare"
fi
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"""


@pytest.fixture(scope="session")
def as_user() -> Callable[[int, list[str], dict[str, str]], list[str]]:
    """A function: the command that runs words as an ordinary user; it sets HOME in the environment."""

    def command(user: int, words: list[str], environment: dict[str, str]) -> list[str]:
        """A command that runs words as an ordinary user."""
        environment["HOME"] = "/nonexistent"
        base = Path(sys.base_prefix)
        closed = [str(folder) for folder in reversed(base.parents) if not folder.stat().st_mode & 1]
        return ["unshare", "-m", "sh", "-c", AS_USER, "sh", "".join(closed[:1]), str(base), str(user), *words]

    return command


@contextmanager
def at_once() -> Iterator[None]:
    """Commands that run their tasks at once, in this process, on a broad terminal."""
    from course_utils.engine.grading import run

    @contextmanager
    def here(plan, given, tasks):
        yield Here()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "task_executor", here)
        patch.setenv("COLUMNS", "300")
        yield


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An instructor's folder: a roster, a class file beside `submitted`, and commands that work on them at once."""
    monkeypatch.setattr(terminal.console, "width", 300)  # of a terminal that breaks no sentence
    with at_once():
        yield Desk(tmp_path)


@pytest.fixture(scope="module")
def graded_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a class that the module's `grade_class` has graded."""
    root = tmp_path_factory.mktemp("class")
    with at_once():
        request.module.grade_class(Desk(root))
    return root


@pytest.fixture
def graded(graded_once: Path, desk: Desk) -> Desk:
    """That class, in a folder of the test's own."""
    shutil.copytree(graded_once, desk.root, dirs_exist_ok=True)
    return desk
