"""The kernel's words, and calls that Python does not offer: prctl, mount, clone with namespaces.

Stops nothing of itself; what is made of these calls does. A call that fails raises an OSError that names it, so that a
wall that could not be put up is never taken for one that stands. `libc` itself raises nothing: it is for calls whose
failure is an answer.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from typing import Any

from .system_calls import MACHINES, X86_64, number_of

MIB = 1 << 20

PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 4, 24, 36
PR_SET_NO_NEW_PRIVS, PR_GET_TID_ADDRESS, PR_CAP_AMBIENT = 38, 40, 47
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 1, 0x1000, 0x4000, 0x40000
MS_REMOUNT, MNT_DETACH = 0x20, 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x200000, 0x1000000
ANY_NAMESPACE = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
ANY_NAMESPACE |= CLONE_NEWNET

# PyDLL keeps the interpreter's lock over the call: a clone must not come back in a child that waits for it.
libc = ctypes.PyDLL(None, use_errno=True)
if sys.platform == "linux":
    libc.syscall.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def checked(result: int, what: str) -> int:
    """The result of a system call; OSError that names the call where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """What prctl(2) answers; OSError where it failed."""
    return checked(libc.prctl(option, a, b, c, d), f"prctl {option}")


def syscall(number: int, *arguments: Any) -> int:
    """What a system call answers, by number; OSError where it failed."""
    words = [a if not isinstance(a, int) else ctypes.c_ulong(a) for a in arguments]
    return checked(libc.syscall(ctypes.c_long(number), *words), f"system call {number}")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mounts, or raises an OSError that names the target."""
    words = [None if w is None else w.encode() for w in (source, target, kind)]
    checked(libc.mount(*words, flags, None if options is None else options.encode()), f"mount {target}")


def thread_id_address() -> int:
    """Where the C library keeps this thread's id.

    A raw clone must update it, or recursive locks take a thread of the child (numbered from 2 in its own namespace) for
    the main one.
    """
    address = ctypes.c_ulong()
    prctl(PR_GET_TID_ADDRESS, ctypes.addressof(address))
    return address.value


def clone(flags: int, tid_address: int) -> int:
    """Fork with namespaces: 0 in the child, its pid in the parent. Python's own fork hooks run as in os.fork()."""
    machine = MACHINES[platform.machine()]
    flags |= signal.SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
    # the order of the last two words differs: (tid, tls) on x86_64, (tls, tid) on aarch64
    tail = map(ctypes.c_ulong, (tid_address, 0) if machine == X86_64 else (0, tid_address))
    number = ctypes.c_long(number_of("clone", machine))
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = libc.syscall(number, ctypes.c_ulong(flags), None, None, *tail)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    return checked(pid, "clone")
