"""The zygote: a warm process that forks a child per submission, watches it, and outlives whatever the child does.

Stops: a child that lives on after its end (it is pid 1 of its namespace, and nothing in there survives it), descriptors
that lead to the trusted side, and the memory of a tree of processes, looked at every tenth of a second.
Does not stop: what two cores fill in a tenth of a second; a child that lies about itself, which is why nothing that is
said here decides about points. In mode "none" there is no namespace: what a child starts outside its own group is found
and ended on Linux only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from typing import Any, NoReturn

from .confinement import (
    counts_processes_per_namespace,
    cover_files,
    drop_capabilities,
    filter_system_calls,
    isolate,
    set_limits,
)
from .kernel import ANY_NAMESPACE, MIB, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, clone, prctl, thread_id_address
from .processes import descendants, is_exiting, proportional, read_numbers, read_status, resident
from .warmth import KEPT, Serve

WATCH_SECONDS = 0.1  # how often memory is looked at; two cores fill some 400 MiB in that time


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
