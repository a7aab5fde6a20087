"""The command line of bubblewrap: the walls around the zygote, and the only variables that it sees.

Stops: the network, other processes, the instructor's variables, every file that `shown_paths` does not show, writing to
those that it does. Does not stop: what a child could do to the zygote or to another child within the same walls; each
child goes behind walls of its own, see `zygote/confinement.py`. The kernel itself is shared with the machine.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from .shown_paths import INSIDE, Layout, Secret, SecretShown, lay_out
from .unavailable import HOW_TO_INSTALL, SandboxUnavailable


def variables(package_parent: Path, home: str | None = None) -> dict[str, str]:
    """All the variables that the zygote sees; none of the instructor's."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home or "/tmp",
        "TMPDIR": home or "/tmp",
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(package_parent),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # huge pages for all that is allocated, from the start: to make them of small ones later takes 0.3 seconds
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "PYTHONMALLOC": "malloc",
        "MALLOC_ARENA_MAX": "2",  # each arena of a thread reserves 64 MiB of address space
        "MPLBACKEND": "Agg",
        "HF_HUB_OFFLINE": "1",
        "TORCHDYNAMO_DISABLE": "1",  # what is compiled runs eagerly: a compiler takes seconds, and is not here
        "TORCH_COMPILE_DISABLE": "1",
    }


def bwrap_command(arguments: list[str], secrets: Sequence[Secret] = ()) -> list[str]:
    """The walls. Nothing is there but what is named here. Raises SandboxUnavailable where they cannot be had."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(f"bubblewrap (the program bwrap) is not on this machine: {HOW_TO_INSTALL}")
    words = [bwrap, "--new-session", "--hostname", "sandbox"]
    words += ["--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # a user namespace made by root would map to root: stay without, and let the zygote become nobody
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        words += ["--unshare-user"]
    if threading.current_thread() is threading.main_thread():
        # "parent" is the thread, and a pool's thread may end before its process: there the control socket alone tells
        words += ["--die-with-parent"]
    for name, value in variables(INSIDE / "lib").items():
        words += ["--setenv", name, value]

    words += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]
    layout = hide_or_refuse(secrets)
    words += layout.words
    # an ordinary user's zygote owns what bubblewrap made: what is written there would last until the next child
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    return [*words, "--", str(layout.python), str(INSIDE / "zygote" / "__main__.py"), *arguments]


def hide_or_refuse(secrets: Sequence[Secret]) -> Layout:
    """The files that are shown. Raises SandboxUnavailable for a secret that cannot be hidden."""
    try:
        return lay_out(secrets)
    except SecretShown as error:
        raise SandboxUnavailable(str(error)) from None
