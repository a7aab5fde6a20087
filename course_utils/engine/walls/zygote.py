"""The inside of the sandbox: a warm process that forks a child per submission and outlives whatever the child does.

Started by `sandbox.py` as `python zygote.py CONTROL_FD CONFIG`, in bubblewrap or plainly; of the course it imports
nothing but the `serve` function that it is told. Notable choices:

- one warm process serves all workers of a machine: for each it forks a zygote, which shares its memory and obeys that
  worker alone;
- a child is made by one raw `clone(2)`, as pid 1 of its own pid namespace: one fork of a large process, and a kill that
  no descendant survives;
- the child gives up every right before the first line of a submission runs, and dies if one step of that fails;
- a child that will hold answers is blind: before it gives up its rights, all files but its own go out of its sight;
- /proc is needed to write the uid map and covered after it: parent and siblings have no name in the child's world;
- the warm heap is folded into huge pages, which makes a fork 5 times cheaper (8 -> 1.5 ms) and a kill 3 times, and its
  holes are filled, so that a child copies a third fewer pages;
- address space is limited per process by the kernel, memory of the whole tree by the zygote, which looks every tenth
  of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import platform
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING or __package__:
    from .system_calls import MACHINES, X86_64, kernel_program, number_of
else:  # run as a script: from the folder that it stands in, before anything that a submission could touch
    from system_calls import MACHINES, X86_64, kernel_program, number_of

MIB = 1 << 20
STRANGER = 65534  # the uid that root becomes in the sandbox: "nobody" everywhere, owner of nothing
STUDENT = 1000  # what the child sees as its own uid
READY = b'"ready"\n'
HOLES_MIB = 16  # at most; the imports of units 01 to 03 leave 3
WATCH_SECONDS = 0.1  # how often memory is looked at; two cores fill some 400 MiB in that time

# --------------------------------------------------------------------------------------------------- the kernel's words

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


# ----------------------------------------------------------------------------------- what a child does before it serves


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


# ----------------------------------------------------------------------------------------------------------- the zygote

# runs in a child: the channel to the trusted side, and for a blind child what covers its files
Serve = Callable[[socket.socket, "Callable[[], None] | None"], None]
KEPT: dict[str, bytes] = {}  # files that a blind child has a copy of, by their paths


class Zygote:
    """Forks, watches, kills and reaps children, one at a time, as the control socket says; or makes more zygotes."""

    def __init__(self, control: socket.socket, mode: str, limits: dict[str, int], serve: Serve) -> None:
        self.control, self.mode, self.limits, self.serve = control, mode, limits, serve
        self.pid = 0  # the child's, 0 for none
        self.ended: tuple[int, float] | None = None  # wait status and CPU seconds, once reaped
        self.memory = False  # killed here for the memory of its whole tree
        self.folder = ""  # where a child of mode "none" works
        self.uid, self.gid = os.getuid(), os.getgid()
        self.others: set[int] = set()  # zygotes made for other workers
        self.own_address_space = self.own_memory = self.tid_address = 0
        if sys.platform == "linux":
            own = read_status("self")
            self.own_address_space, self.own_memory = own["VmSize"] * 1024, resident(own)
            self.tid_address = thread_id_address() if mode == "bwrap" else 0

    def run(self) -> None:
        """Obeys until the other side closes the control socket or dies."""
        while True:
            watching = self.pid and not self.ended
            if not select.select([self.control], [], [], WATCH_SECONDS if watching else None)[0]:
                self.watch_memory()
                continue
            order, descriptors, _, _ = socket.recv_fds(self.control, 64, 2)
            if not order:
                self.kill()
                return
            if order in (b"spawn", b"spawn blind"):
                self.kill()
                answer = self.spawn(descriptors[0], descriptors[1], blind=order == b"spawn blind")
            elif order.startswith(b"attach"):
                answer = self.attach(int(order.split()[1]), *descriptors)
            elif order == b"kill":
                answer = self.kill()
            else:
                self.reap(os.WNOHANG)
                answer = self.report(by_us=False)
            self.control.sendall(json.dumps(answer).encode() + b"\n")

    def attach(self, core: int, control: int) -> dict[str, Any]:
        """Makes a zygote that obeys another control socket, until that one closes; on one core, or on all for -1."""
        self.others = {pid for pid in self.others if os.waitpid(pid, os.WNOHANG)[0] == 0}
        pid = os.fork()
        if pid == 0:
            try:
                self.control.close()
                if self.mode == "none" and sys.platform == "linux":
                    prctl(PR_SET_CHILD_SUBREAPER, 1)  # is not handed down
                own = socket.socket(fileno=control)
                if core >= 0:
                    os.sched_setaffinity(0, {core})
                own.sendall(json.dumps({"core": core}).encode() + b"\n")
                Zygote(own, self.mode, self.limits, self.serve).run()
            finally:
                os._exit(0)
        os.close(control)
        self.others.add(pid)
        return {}

    def spawn(self, channel: int, output: int, blind: bool) -> dict[str, Any]:
        self.ended, self.memory = None, False
        if self.mode == "none":
            self.folder = tempfile.mkdtemp(prefix="course-")
        news, tell = os.pipe()
        pid = clone(ANY_NAMESPACE, self.tid_address) if self.mode == "bwrap" else os.fork()
        if pid == 0:
            self.live(channel, output, tell, blind)
        self.pid = pid
        for descriptor in (channel, output, tell):
            os.close(descriptor)
        with open(news, "rb") as pipe:  # closed by the child once it is shut in
            trouble = pipe.read().decode(errors="replace")
        if trouble:
            self.kill()
        return {"trouble": trouble}

    def live(self, channel: int, output: int, tell: int, blind: bool) -> NoReturn:
        """A child's whole life. A blind one's files are covered when `serve` says so, and its rights given up then."""
        code = 1
        try:
            try:
                self.shut_in(channel, output, tell)
                if not blind:
                    self.give_up_rights()
            except BaseException as error:
                os.write(tell, f"{type(error).__name__}: {error}".encode()[:4000])
                os._exit(1)
            os.close(tell)
            # kept open to the end: the other side takes its closing for the death
            self.channel = socket.socket(fileno=channel)
            self.serve(self.channel, self.cover if blind else None)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code & 255)

    def shut_in(self, channel: int, output: int, tell: int) -> None:
        """Lets go of everything but a socket, a pipe, a small /tmp and the read-only environment."""
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        if sys.platform == "linux":
            for name in os.listdir("/proc/self/fd"):
                if int(name) not in (0, 1, 2, channel, tell):
                    with contextlib.suppress(OSError):  # the listing's own
                        os.close(int(name))
        else:
            for descriptor in set(range(3, 256)) - {channel, tell}:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self.control.detach()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGPIPE else signal.SIG_IGN)
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
        if self.mode == "bwrap":
            isolate(self.uid, self.gid, self.limits)
            os.chdir("/tmp")
        else:
            os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = self.folder
            os.chdir(self.folder)
        set_limits(self.limits, self.own_address_space, self.mode == "bwrap" and counts_processes_per_namespace())

    def give_up_rights(self) -> None:
        """The last step, after which nothing can be mounted or opened that was not there."""
        if self.mode == "bwrap":
            drop_capabilities()
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            filter_system_calls()

    def cover(self) -> None:
        """Makes this child blind, for good."""
        if self.mode == "bwrap":
            cover_files(self.limits, KEPT)
        self.give_up_rights()

    def reap(self, flags: int = 0) -> None:
        if self.pid and not self.ended:
            pid, status, usage = os.wait4(self.pid, flags)
            if pid:
                self.ended = (status, usage.ru_utime + usage.ru_stime)

    def kill(self) -> dict[str, Any]:
        """Ends the child and all that it started; returns when they are gone."""
        if self.mode == "none" and self.pid and not self.ended:
            self.reap(os.WNOHANG)
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        self.reap(os.WNOHANG)
        if self.pid and not self.ended and is_exiting(self.pid):
            self.reap()  # its socket closes before it can be waited for; what ended it was not us
        by_us = bool(self.pid) and not self.ended
        if by_us:
            os.kill(self.pid, signal.SIGKILL)  # of pid 1: the kernel ends the whole namespace before it lets us reap
            self.reap()
        if self.mode == "none":
            self.end_orphans()
            shutil.rmtree(self.folder, ignore_errors=True)
        answer = self.report(by_us)
        self.pid = 0
        return answer

    def end_orphans(self) -> None:
        """Mode "none": ends what left the child's group and became ours, by PR_SET_CHILD_SUBREAPER."""
        if sys.platform != "linux":
            return
        own = f"/proc/self/task/{os.getpid()}/children"
        while pids := read_numbers(own) if os.path.exists(own) else descendants(os.getpid()):
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    def report(self, by_us: bool) -> dict[str, Any]:
        """How the child ended: of itself, or (None) not before we killed it; and whether memory or CPU time was why."""
        if not self.pid or not self.ended:
            return {"exit": None, "cause": None}
        status, cpu_seconds = self.ended
        if os.WIFEXITED(status):
            return {"exit": f"exit:{os.WEXITSTATUS(status)}", "cause": None}
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and by_us and not self.memory:
            return {"exit": None, "cause": None}
        cause = None
        if self.memory:
            cause = "memory"
        elif number in (signal.SIGKILL, signal.SIGXCPU):  # else only the kernel's own memory killer sends that
            cause = "cpu" if cpu_seconds >= self.limits["cpu_seconds"] - 1 else "memory"
        return {"exit": f"signal:{number}", "cause": cause}

    def watch_memory(self) -> None:
        """Kills the child when its tree holds more than the limit: RLIMIT_AS counts each process alone."""
        self.reap(os.WNOHANG)
        if self.ended or sys.platform != "linux":
            return
        allowed, pids = self.limits["memory_mib"] * MIB, descendants(os.getpid())
        if sum(max(0, resident(read_status(pid)) - self.own_memory) for pid in pids) <= allowed:
            return  # an upper bound that is cheap to have: pages that two processes share count twice
        if sum(proportional(pid) for pid in pids) > allowed + self.own_memory:
            self.memory = True
            os.kill(self.pid, signal.SIGKILL)
            self.reap()


def read_status(pid: int | str) -> dict[str, int]:
    """The numbers of /proc/<pid>/status (memory in KiB); empty for a process that has gone."""
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            pairs = (line.split(":", 1) for line in file)
            return {name: int(words[0]) for name, value in pairs if (words := value.split()) and words[0].isdigit()}
    except OSError:
        return {}


def is_exiting(pid: int) -> bool:
    """Whether a process is past its last instruction and only being cleared away (PF_EXITING, proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return bool(int(file.read().rpartition(")")[2].split()[6]) & 0x4)
    except OSError:
        return False


def read_numbers(path: str) -> list[int]:
    """The whole numbers in a file."""
    with open(path) as file:
        return [int(word) for word in file.read().split()]


def resident(status: dict[str, int]) -> int:
    """Bytes that the process has written to, shared ones and those that were swapped out too."""
    return (status.get("RssAnon", 0) + status.get("RssShmem", 0) + status.get("VmSwap", 0)) * 1024


def proportional(pid: int) -> int:
    """Bytes of a process, each shared page divided by its sharers; the upper bound where the process hides it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            pss = {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith("Pss")}
        swapped = read_status(pid).get("VmSwap", 0)
        return (pss.get("Pss_Anon", pss.get("Pss", 0)) + pss.get("Pss_Shmem", 0) + swapped) * 1024
    except OSError:
        return resident(read_status(pid))


def descendants(root: int) -> list[int]:
    """Pids of all that a process started, directly or not."""
    parents = {int(name): read_status(name).get("PPid", 0) for name in os.listdir("/proc") if name.isdigit()}
    found, seen = [root], {root}
    for parent in found:
        new = [pid for pid, ppid in parents.items() if ppid == parent and pid not in seen]
        found += new
        seen.update(new)
    return found[1:]


# ------------------------------------------------------------------------------------------------------------- start-up


def run_sources(channel: socket.socket, cover: Callable[[], None] | None = None) -> None:
    """A serve function for the self-test: runs each source (a line of JSON), answers its `answer` or its error."""
    if cover is not None:
        cover()
    stream = channel.makefile("rw", encoding="utf-8", newline="\n")
    for line in stream:
        names: dict[str, Any] = {"channel": channel}
        try:
            exec(json.loads(line), names)
            answer = {"answer": names.get("answer")}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        stream.write(json.dumps(answer) + "\n")
        stream.flush()


def become_nobody() -> None:
    """Root inside bubblewrap is root outside: leave it before anything is imported."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(STRANGER, STRANGER, STRANGER)
        os.setresuid(STRANGER, STRANGER, STRANGER)


def warm(imports: list[str], serve: str) -> Serve:
    """Imports what submissions import, once, modules or names in them; returns the function that serves them.

    A submission that imports what that function is made of gets a second copy: what it changes there is not used.
    """
    module_name, function_name = serve.split(":")
    course, _, inside = module_name.partition(".")
    ours = [name for name in imports if inside and name.partition(".")[0] == course]
    for name in imports:
        if name not in ours:
            load(name)
    function: Serve = getattr(warmed(module_name), function_name)
    if inside:
        for name in [name for name in sys.modules if name.startswith(f"{course}.")]:
            del sys.modules[name]
        warmed(module_name)
    for name in ours:
        load(name)
    return function


def load(name: str) -> None:
    """Imports a module, or the module that a name stands in."""
    parent, _, last = name.rpartition(".")
    if parent in sys.modules and hasattr(sys.modules[parent], last):
        return
    module = importlib.import_module(name)
    if name == "torch":
        module.set_num_threads(1)  # before any parallel work: its threads would not survive a fork


def warmed(name: str) -> Any:
    """The imported module, after it has done what it does once."""
    module = importlib.import_module(name)
    if hasattr(module, "warm_up"):
        module.warm_up()
    return module


def keep_fonts() -> None:
    """Keeps the fonts that a plot needs: one in a learner's own cell draws in a blind child too."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        for name in ("DejaVuSans", "DejaVuSans-Bold", "LastResortHE-Regular"):
            path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
            with contextlib.suppress(OSError), open(path, "rb") as file:
                KEPT[path] = file.read()


def make_libraries_resident() -> None:
    """Has the kernel read all of the libraries that are mapped here.

    Touching a page that is not in memory yet is the one mark that a blind child could leave on them. What a run before
    this one left there is gone when every page is in memory; nobody reads there while another may write, see
    `runner.grade_all`.
    """
    piece = 128 * 1024  # the kernel reads no more at one wish than its read-ahead allows
    with open("/proc/self/maps") as file:
        paths = {line.split(maxsplit=5)[5].strip() for line in file if "/" in line}
    for path in sorted(paths):
        with contextlib.suppress(OSError), open(path, "rb") as library:
            for start in range(0, os.fstat(library.fileno()).st_size, piece):
                os.posix_fadvise(library.fileno(), start, piece, os.POSIX_FADV_WILLNEED)


def fill_holes() -> None:
    """Has children allocate behind the warm heap, on fresh huge pages: there one fault brings 2 MiB.

    malloc takes a hole first, and those that the imports left lie on a thousand pages, each one for a child to copy.
    They are filled from the largest to the smallest, by asking for one size until it comes from behind them all.
    """
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    behind = max(libc.malloc(120_000) or 0 for _ in range(8))  # still below what malloc takes from elsewhere
    size, left = 60_000, HOLES_MIB * MIB
    while size >= 16 and left > 0:  # another malloc than glibc's may never go behind
        left -= size
        if (libc.malloc(size) or behind + 1) > behind:
            size = size * 7 // 8 if size > 1024 else size - 16


def fold_into_huge_pages() -> None:
    """Makes the fork cheap, where the kernel can (Linux 6.1): it copies one entry for 2 MiB instead of 512."""
    huge, wish, collapse = 2 * MIB, 14, 25  # MADV_HUGEPAGE, MADV_COLLAPSE
    libc.madvise.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_int]
    with open("/proc/self/maps") as file:
        regions = [line.split() for line in file]
    for span, rights, _, _, _, *name in regions:
        if rights != "rw-p" or name not in ([], ["[heap]"]):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        for address in range(-(-start // huge) * huge, end // huge * huge, huge):
            libc.madvise(address, huge, wish)
            libc.madvise(address, huge, collapse)


def main() -> None:
    """Warms up, then obeys the control socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    config = json.loads(sys.argv[2])
    sys.argv[1:] = []
    for name in ("GLIBC_TUNABLES", "PYTHONMALLOC"):  # they have been read, and no submission needs to see them
        os.environ.pop(name, None)
    os.set_inheritable(control.fileno(), False)
    if sys.platform == "linux":
        # handed down to all that is forked or started here, and nobody has a /proc to change it: whatever takes core
        # dumps on this machine (since Linux 6.16 a socket may, which asks for no limit) gets one without memory in it
        with open("/proc/self/coredump_filter", "w") as file:
            file.write("0")
        # a worker's own limit is none for what it starts
        ceiling = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c is for the trusted side, which then closes the control socket
    if config["mode"] == "bwrap":
        become_nobody()
        interfaces = {name for _, name in socket.if_nameindex()}
        if interfaces - {"lo"}:
            raise RuntimeError(f"the sandbox sees the network interfaces {sorted(interfaces - {'lo'})}")
        if platform.machine() not in MACHINES:
            raise RuntimeError(f"the sandbox knows the processors {sorted(MACHINES)}, this is {platform.machine()}")
        kernel_program(MACHINES[platform.machine()])
    elif sys.platform == "linux":
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    gc.disable()  # imports make no garbage to speak of, and looking for it is an eighth of their time
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        serve = warm(config["imports"], config["serve"])
    threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()
    if threads > 1:
        names = sorted(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"the warm process must have one thread before it forks, it has {threads}: {names}")
    if sys.platform == "linux":
        prctl(PR_SET_DUMPABLE, 0)
    gc.freeze()  # without a collection before it, which takes longer than its garbage is worth
    gc.enable()
    if sys.platform == "linux":
        keep_fonts()
        make_libraries_resident()
        fill_holes()
        fold_into_huge_pages()
    zygote = Zygote(control, config["mode"], config["limits"], serve)
    control.sendall(READY)
    zygote.run()
    os._exit(0)  # without the second that an interpreter full of torch takes to tidy up


if __name__ == "__main__":
    main()
