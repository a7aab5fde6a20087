"""What tests of the engine share: a way to be an ordinary user."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
