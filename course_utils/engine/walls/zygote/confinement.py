"""What a child goes through before it serves: namespaces of its own, limits, no rights, and no files for a blind one.

Stops: files of others and of earlier children, other processes (their names, their memory, their signals), the network,
new rights, system calls that no submission needs, more memory, processes, open files and time than one may use.
Does not stop: what a child does inside its own namespaces and limits; it may wreck its own Python, lie in every answer,
and read what the layout shows. Memory of a whole tree is not the kernel's to limit here: `forking` watches it. For a
child that is not blind, which pages of a shown file lie in memory still tells of others. In mode "none" the limits
alone are set.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys

from .kernel import (
    MIB,
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_CAP_AMBIENT,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    checked,
    libc,
    mount,
    prctl,
    syscall,
)
from .system_calls import MACHINES, kernel_program, number_of

STRANGER = 65534  # the uid that root becomes in the sandbox: "nobody" everywhere, owner of nothing
STUDENT = 1000  # what the child sees as its own uid


def become_nobody() -> None:
    """Root inside bubblewrap is root outside: leave it before anything is imported."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(STRANGER, STRANGER, STRANGER)
        os.setresuid(STRANGER, STRANGER, STRANGER)


def filter_system_calls() -> None:
    """Puts the filter over this process and all that it will start, for good."""
    machine = MACHINES[platform.machine()]
    set_mode_filter, spec_allow = 1, 4  # no slow-down against speculation, which a child's threads need not fear
    syscall(number_of("seccomp", machine), set_mode_filter, spec_allow, ctypes.byref(kernel_program(machine)))


def drop_capabilities() -> None:
    """Gives up every capability, and the way to get one back by running a program."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # past the kernel's last one
    prctl(PR_CAP_AMBIENT, 4)  # clear all
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    syscall(number_of("capset", MACHINES[platform.machine()]), header, nothing)


def isolate(uid: int, gid: int, limits: dict[str, int]) -> None:
    """Own uid, own /tmp, /dev/shm and no /proc; only in namespaces of one's own."""
    prctl(PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root and the maps cannot be written
    maps = {"setgroups": "deny", "gid_map": f"{STUDENT} {gid} 1", "uid_map": f"{STUDENT} {uid} 1"}
    for name, text in {**maps, "oom_score_adj": "1000"}.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    furnish("", limits)
    mount("/dev/null", "/dev/zero", None, MS_BIND)  # the other door to memory that is counted nowhere
    mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=0555")


def furnish(root: str, limits: dict[str, int]) -> None:
    """Mounts what a child may write to, below a root: /tmp, /dev/shm and terminals of its own."""
    sized = f"size={limits['tmp_mib']}m,nr_inodes=8192"
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"{sized},mode=1777")
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, f"{sized},mode=1777")
    # few terminals: those of all children together would be one another's to read and to use up
    terminals = "newinstance,ptmxmode=0666,mode=0600,max=16"
    mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, terminals)


def cover_files(limits: dict[str, int], kept: dict[str, bytes]) -> None:
    """Leaves this process no file but an empty /tmp, /dev/shm, a few devices, and copies of what is kept (path: bytes).

    What can be read by several processes can carry a message from one to the next: which pages of it lie in memory
    is enough. So whoever holds an answer reads nothing that another will read. Needs the rights of `isolate`.
    """
    root, devices = "/course", ("null", "full", "random", "urandom")
    mount("tmpfs", root, "tmpfs", MS_NOSUID, "size=16m,nr_inodes=256,mode=0755")
    for folder in ("tmp", "proc", "dev", "dev/shm", "dev/pts", "old"):
        os.mkdir(f"{root}/{folder}")
    furnish(root, limits)
    for name in (*devices, "zero"):
        with open(f"{root}/dev/{name}", "x"):
            mount("/dev/null" if name == "zero" else f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    for path, content in kept.items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        with open(root + path, "xb") as file:
            file.write(content)
    words = [ctypes.c_char_p(folder.encode()) for folder in (root, f"{root}/old")]
    syscall(number_of("pivot_root", MACHINES[platform.machine()]), *words)
    os.chdir("/tmp")
    checked(libc.umount2(b"/old", MNT_DETACH), "umount /old")
    os.rmdir("/old")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)
    expected = {"dev", "proc", "tmp", *(path.split("/")[1] for path in kept)}
    if set(os.listdir("/")) != expected:
        raise RuntimeError(f"files are still in sight: {sorted(set(os.listdir('/')) - expected)}")


def set_limits(limits: dict[str, int], own_address_space: int, count_processes: bool) -> None:
    """Sets the kernel's limits, soft and hard alike, so that they cannot be raised."""

    def hard(kind: int, value: int) -> None:
        ceiling = resource.getrlimit(kind)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))

    # the kernel writes no dump below a page, and of 1 (not of 0) it hands none to a program either (core(5))
    hard(resource.RLIMIT_CORE, 1 if sys.platform == "linux" else 0)
    hard(resource.RLIMIT_CPU, limits["cpu_seconds"])
    hard(resource.RLIMIT_FSIZE, limits["file_mib"] * MIB)
    hard(resource.RLIMIT_NOFILE, limits["open_files"])
    if count_processes:
        hard(resource.RLIMIT_NPROC, limits["processes"])
    if sys.platform == "linux":
        hard(resource.RLIMIT_MEMLOCK, 0)
        hard(resource.RLIMIT_MSGQUEUE, 0)
        hard(resource.RLIMIT_SIGPENDING, limits["queued_signals"])
        hard(resource.RLIMIT_RTPRIO, 0)
        hard(resource.RLIMIT_NICE, 0)
        hard(resource.RLIMIT_AS, own_address_space + limits["memory_mib"] * MIB)


def counts_processes_per_namespace() -> bool:
    """Whether RLIMIT_NPROC counts anew in each user namespace (Linux 5.14), not all that the user runs."""
    release = platform.release().split("-")[0].split(".")
    return sys.platform == "linux" and tuple(int(part) for part in release[:2] if part.isdigit()) >= (5, 14)
