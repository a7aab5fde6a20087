"""Where submissions run: one bubblewrap per grading worker, in it a warm Python, from it a forked child per submission.

    with Sandbox(find_mode("auto")) as sandbox:
        child = sandbox.spawn()
        child.channel.sendall(...)      # what the serve function understands
        child.kill()

Notable choices:
- what a child may not do is refused twice: by namespaces (there is nothing to reach), and by limits and a filter of
  system calls (there is no way to reach it);
- no sandbox, no grading: `find_mode("auto")` proves the walls by running against them, and raises where one is missing;
- bubblewrap starts with an empty environment: its own first process keeps that readable for as long as it lives;
- inside, everything of the course stands under /course, whatever its path outside: a repository below /tmp or with a
  space in its path works, and of the instructor's paths only those are told that the environment's own files hold;
- the zygote decides nothing about points: what it says of a child (how it ended) only chooses the words of a message.

One thread at a time may use a Sandbox. See `zygote.py` for the inside.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
import logging
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Literal

from .proofs import BLIND_PROBES, PROBES
from .shown_paths import INSIDE, PACKAGE, Layout, Secret, SecretShown, lay_out

Mode = Literal["bwrap", "none"]

logger = logging.getLogger(__name__)

ZYGOTE = Path(__file__).resolve().with_name("zygote.py")
# what nearly every notebook imports
WARM_IMPORTS = ("torch", "numpy", "IPython.core.interactiveshell", "matplotlib.pyplot")
WARM_SECONDS = 180  # importing torch on a cold disk and a busy machine
ANSWER_SECONDS = 20  # fork or kill on a busy machine; past that the whole sandbox is ended
HOW_TO_INSTALL = (
    "install it with `sudo apt install bubblewrap` (Debian, Ubuntu) or `sudo dnf install bubblewrap` (Fedora), "
    "or grade without protection with --sandbox none"
)


class SandboxUnavailable(RuntimeError):
    """One sentence: what is missing, and how to get it."""


class ZygoteDied(RuntimeError):
    """The warm process went away or did not answer; the next spawn starts another."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one submission may use; the time that a check may take is the engine's to measure."""

    memory_mib: int = 2048  # beyond the warm imports: address space of each process, pages in use of all together
    cpu_seconds: int = 300  # of each process
    processes: int = 32  # processes and threads at once
    file_mib: int = 16  # the largest file
    tmp_mib: int = 64  # all files: once in /tmp, once in /dev/shm
    open_files: int = 128  # descriptors of each process; up to 208 KiB wait in each socket, counted by nobody
    queued_signals: int = 64  # that wait, of all processes together; kill() needs none of them


class Child:
    """One submission's process tree, from a fork to its certain death."""

    def __init__(self, sandbox: Sandbox, channel: socket.socket, output: IO[bytes]) -> None:
        self.channel = channel  # the other end is what the serve function got
        self.cause: Literal["memory", "cpu", None] = None  # why it was ended, where that can be told
        self._sandbox = sandbox
        self._output = output
        self._exit: str | None = None
        self._dead = False

    @property
    def output(self) -> int:
        """A non-blocking descriptor with the child's stdout and stderr, readable until close(), after the death too."""
        return self._output.fileno()

    def kill(self) -> None:
        """Ends the child and everything that it started; returns when they are dead. May be called again."""
        if not self._dead:
            self._note(self._sandbox._end_child())
            self._dead = True

    def exit(self) -> str | None:
        """How the child ended of itself: "exit:N" or "signal:N"; None while it lives, or if kill() ended it."""
        if not self._dead and self._exit is None:
            self._note(self._sandbox._look())
        return self._exit

    def close(self) -> None:
        """Kills, and lets go of channel and output."""
        self.kill()
        self.channel.close()
        self._output.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # a child that nobody closed; the sandbox ends it
            self.channel.close()
            self._output.close()

    def _note(self, answer: dict[str, Any]) -> None:
        self._exit = answer.get("exit") or self._exit
        self.cause = answer.get("cause") or self.cause

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sandbox:
    """A warm process behind walls, which forks one child at a time.

    Raises SandboxUnavailable if it cannot be started.
    """

    def __init__(
        self,
        mode: Mode,
        limits: Limits | None = None,
        serve: str = "course_utils.engine.asking.workbench:serve",
        imports: Sequence[str] = WARM_IMPORTS,
        host: str = "",
        secrets: Sequence[Secret] = (),
    ) -> None:
        """serve: what a child runs; imports: what is warm; host: the address of a SandboxHost that has both ready;
        secrets: what no child may read beside the course's own, where there is no host.
        """
        if mode not in ("bwrap", "none"):
            raise ValueError(f'mode must be "bwrap" or "none", got {mode!r}; find_mode("auto") chooses')
        self.mode: Mode = mode
        self.limits = limits or Limits()
        self.serve = serve
        self.imports = imports
        self.secrets = tuple(secrets)
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        # a pipe, as a child's output will be: Python's streams remember what they were opened on
        self._errors: IO[bytes] | None = None
        self._last_words = b""
        self._home: str | None = None
        self._child: Child | None = None
        self._start()

    def spawn(self, blind: bool = False) -> Child:
        """A fresh child; the one before it is killed. Starts the warm process again if it has died.

        blind: it will see no file but its own; its `serve` function gets what covers them, to be called before a
        line of a submission runs.
        Raises SandboxUnavailable if the child could not be shut in: then nothing of it has run.
        """
        if self._child is not None:
            self._child.kill()
        try:
            self._child = self._fork(blind)
        except ZygoteDied:
            self._stop()
            self._start()
            try:
                self._child = self._fork(blind)
            except ZygoteDied as error:
                raise SandboxUnavailable(f"the sandbox died as it started a submission: {error}") from error
        return self._child

    def close(self) -> None:
        """Ends everything inside."""
        self._stop()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._stop()

    @property
    def pid(self) -> int | None:
        """The process to ask for the memory of, with its descendants; None when closed, or when a host has it."""
        return self._process.pid if self._process else None

    # -- the other side ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._host:
            self._attach_to_host()
        else:
            self._start_alone()

    def _attach_to_host(self) -> None:
        self._control = socket.socket(socket.AF_UNIX)
        try:
            self._control.connect(self._host)
            answer = self._answer(WARM_SECONDS)
        except (OSError, ZygoteDied) as error:
            self._stop()
            raise SandboxUnavailable(f"the sandbox that all workers share has gone ({error})") from error
        if "unavailable" in answer:
            self._stop()
            raise SandboxUnavailable(answer["unavailable"])
        if answer["core"] >= 0:
            os.sched_setaffinity(0, {answer["core"]})

    def attach(self, control: socket.socket, core: int = -1) -> None:
        """Gives another control socket a zygote of its own, which shares the memory of this one.

        core: where it, its children and the worker at the other end will run; -1 leaves that to the system.
        Raises SandboxUnavailable if that fails twice.
        """
        for _ in range(2):
            try:
                self._ask(f"attach {core}".encode(), [control.fileno()])
                return
            except ZygoteDied as error:
                self._stop()
                self._start()
                reason = error
        raise SandboxUnavailable(f"the sandbox died as it made room for a worker: {reason}")

    def _start_alone(self) -> None:
        ours, theirs = socket.socketpair()
        errors, far_errors = os.pipe()
        os.set_blocking(errors, False)
        self._errors, self._last_words = open(errors, "rb", buffering=0), b""
        self._home = tempfile.mkdtemp(prefix="course-") if self.mode == "none" else None
        config = {
            "mode": self.mode,
            "serve": self.serve,
            "imports": list(self.imports),
            "limits": dataclasses.asdict(self.limits),
        }
        arguments = [str(theirs.fileno()), json.dumps(config)]
        try:
            if self.mode == "bwrap":
                command, environment = _bwrap_command(arguments, self.secrets), {}
            else:
                command, environment = (
                    [sys.executable, str(ZYGOTE), *arguments],
                    _environment(PACKAGE.parent, self._home),
                )
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=far_errors, stderr=far_errors,
                pass_fds=[theirs.fileno()], cwd="/", start_new_session=True,
            )  # fmt: skip
        except SandboxUnavailable:
            ours.close()
            self._stop()
            raise
        except OSError as error:
            ours.close()
            self._stop()
            raise SandboxUnavailable(f"the sandbox could not be started ({error}); {HOW_TO_INSTALL}") from error
        finally:
            theirs.close()
            os.close(far_errors)
        self._control = ours
        try:
            self._answer(WARM_SECONDS)
        except ZygoteDied:
            self._process.kill()
            self._process.wait()
            reason = self._last_error()
            self._stop()
            raise SandboxUnavailable(_explained(reason)) from None

    def _stop(self) -> None:
        """Ends the zygote and all below it: it leaves when its control socket closes, and is killed if it does not."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def _fork(self, blind: bool) -> Child:
        channel, far_channel = socket.socketpair()
        output, far_output = os.pipe()
        os.set_blocking(output, False)
        stream = open(output, "rb", buffering=0)
        try:
            trouble = self._ask(b"spawn blind" if blind else b"spawn", [far_channel.fileno(), far_output])["trouble"]
        except ZygoteDied:
            channel.close()
            stream.close()
            raise
        finally:
            far_channel.close()
            os.close(far_output)
        if trouble:
            channel.close()
            stream.close()
            raise SandboxUnavailable(_explained(trouble))
        return Child(self, channel, stream)

    def _end_child(self) -> dict[str, Any]:
        self._child = None
        try:
            return self._ask(b"kill")
        except ZygoteDied:
            self._stop()  # the child dies with it
            return {}

    def _look(self) -> dict[str, Any]:
        try:
            return self._ask(b"look")
        except ZygoteDied:
            self._stop()
            return {}

    def _ask(self, order: bytes, descriptors: list[int] | None = None) -> dict[str, Any]:
        if self._control is None:
            raise ZygoteDied("it is closed")
        try:
            socket.send_fds(self._control, [order], descriptors or [])
        except OSError as error:
            raise ZygoteDied(str(error)) from error
        return self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> Any:
        """The next line of the zygote's; nothing of a submission's making stands in it."""
        if self._control is None:
            raise ZygoteDied("it is closed")
        line, deadline = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            poll = select.poll()  # not select(): a busy cluster's worker has descriptors past its 1024
            poll.register(self._control, select.POLLIN)
            if self._errors is not None:
                poll.register(self._errors, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll(1000 * max(0.0, deadline - time.monotonic()))}
            if not ready:
                raise ZygoteDied(f"no answer within {seconds} seconds")
            if ready != {self._control.fileno()}:
                self._listen()
            if self._control.fileno() not in ready:
                continue
            try:
                more = self._control.recv(65536)
            except OSError as error:
                raise ZygoteDied(str(error)) from error
            if not more:
                raise ZygoteDied("it has ended")
            line += more
        return json.loads(line)

    def _listen(self) -> None:
        """Takes what the zygote says on stderr, so that it never waits for a reader."""
        words = self._errors.read(65536) if self._errors is not None else None
        if words:
            self._last_words = (self._last_words + words)[-8192:]
        elif words == b"" and self._errors is not None:
            self._errors.close()
            self._errors = None

    def _last_error(self) -> str:
        self._listen()
        lines = [line for line in self._last_words.decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it ended without a word"


class SandboxHost:
    """One warm sandbox for all workers of this machine: importing torch once takes less time and memory than twice.

    It starts in the background; a worker's `Sandbox(mode, host=address)` waits for it. Where each worker can have a
    core to itself, it gets one: worker and child take turns, and to wake each other on another core takes long (an
    empty question and its answer took 80 instead of 140 microseconds on a virtual machine with two cores).
    """

    def __init__(self, mode: Mode, workers: int, **settings: Any) -> None:
        """workers: how many will come; settings: of the Sandbox."""
        self._make = functools.partial(Sandbox, mode, **settings)
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._cores = itertools.cycle(cores if 0 < workers <= len(cores) else [-1])
        self._folder = tempfile.mkdtemp(prefix="course-")  # nobody else may enter it
        self.address = str(Path(self._folder) / "sandbox")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        sandbox: Sandbox | None = None
        try:
            with contextlib.suppress(SandboxUnavailable):  # tried again, and told, when a worker comes
                sandbox = self._make()
            while True:
                try:
                    worker, _ = self._listener.accept()
                except OSError:  # closed
                    return
                with worker:
                    try:
                        sandbox = sandbox or self._make()
                        sandbox.attach(worker, next(self._cores))
                    except SandboxUnavailable as error:
                        with contextlib.suppress(OSError):
                            worker.sendall(json.dumps({"unavailable": str(error)}).encode() + b"\n")
        finally:
            if sandbox is not None:
                sandbox.close()

    def close(self) -> None:
        """Ends the sandbox, and with it whatever still runs in it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread; close() alone does not
        self._listener.close()
        self._thread.join(WARM_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> SandboxHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _explained(reason: str) -> str:
    """One sentence of why, and what to do about it."""
    if "Permission denied" in reason and ("/course" in reason or "execvp" in reason):
        return (
            f"the sandbox cannot read the course or its environment ({reason}); "
            "as root, submissions run as nobody: make both readable with `chmod -R a+rX`"
        )
    refusals = ("Permission denied", "Operation not permitted", "No permissions", "clone:", "uid map")
    if any(words in reason for words in refusals):
        return (
            f"bubblewrap is installed, but this machine does not let it make its namespaces ({reason}): allow "
            "unprivileged user namespaces (on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
            "in Docker `--security-opt seccomp=unconfined`), or grade without protection with --sandbox none"
        )
    return f"the sandbox did not start: {reason}"


def _environment(package_parent: Path, home: str | None = None) -> dict[str, str]:
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
    }


def _bwrap_command(arguments: list[str], secrets: Sequence[Secret] = ()) -> list[str]:
    """The walls. Nothing is there but what is named here."""
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
    for name, value in _environment(INSIDE / "lib").items():
        words += ["--setenv", name, value]

    words += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]
    layout = _lay_out(secrets)
    words += layout.words
    # an ordinary user's zygote owns what bubblewrap made: what is written there would last until the next child
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    return [*words, "--", str(layout.python), str(INSIDE / "zygote.py"), *arguments]


def _lay_out(secrets: Sequence[Secret]) -> Layout:
    try:
        return lay_out(secrets)
    except SecretShown as error:
        raise SandboxUnavailable(str(error)) from None


# -------------------------------------------------------------------------------------------------------- the self-test


def ask_sources(child: Child, source: str, seconds: float = 20) -> Any:
    """What `answer` is after a child that serves `run_sources` ran the source; RuntimeError with the child's error."""
    child.channel.settimeout(seconds)
    child.channel.sendall((json.dumps(source) + "\n").encode())
    line = b""
    while not line.endswith(b"\n"):
        more = child.channel.recv(65536)
        if not more:
            raise RuntimeError(f"the child ended ({child.exit()})")
        line += more
    answer = json.loads(line)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["answer"]


def self_test(secrets: Sequence[Secret] = ()) -> int:
    """Starts a sandbox and runs against its walls; how many names of secret files it tried.

    secrets: what no submission may read beside the course's own; one that is not there yet is left out.
    Raises SandboxUnavailable that names the first wall that is missing.
    """
    there = [secret for secret in secrets if os.path.exists(secret.path)]
    with tempfile.NamedTemporaryFile(prefix="course-canary-") as canary:
        names = {str(name) for names in _lay_out(there).proofs().values() for name in names}
        hidden = sorted({canary.name, "/etc/passwd", "/etc/shadow", *names})
        known = [*_environment(INSIDE), "PWD", "OLDPWD", "SHLVL", "LC_CTYPE"]
        preamble = f"HIDDEN = {hidden!r}\nVARIABLES = {known!r}\n"
        with Sandbox(
            "bwrap", Limits(cpu_seconds=30), serve="__main__:run_sources", imports=(), secrets=there
        ) as sandbox:
            for _ in range(2):  # the second child must find nothing of the first
                with sandbox.spawn() as child:
                    for claim, source in PROBES.items():
                        _prove(claim, child, preamble + source)
            with sandbox.spawn(blind=True) as child:
                for claim, source in BLIND_PROBES.items():
                    _prove(claim, child, preamble + source)
    return len(names)


def _prove(claim: str, child: Child, source: str) -> None:
    try:
        broken = ask_sources(child, source)
    except (RuntimeError, OSError) as error:
        raise SandboxUnavailable(f"the sandbox's self-test could not show that {claim}: {error}") from error
    if broken:
        counterexamples = ", ".join(map(str, broken))[:300]
        raise SandboxUnavailable(f"the sandbox's self-test failed: it is not so that {claim} ({counterexamples})")


def find_mode(wanted: Literal["auto", "bwrap", "none"] = "auto", secrets: Sequence[Secret] = ()) -> Mode:
    """How submissions can be run here: "bwrap" where its self-test passes, "none" only where that was asked for.

    secrets: what no submission may read beside the course's own.
    Raises SandboxUnavailable, never falls back.
    """
    if wanted == "none":
        return "none"
    if wanted not in ("auto", "bwrap"):
        raise ValueError(f'the sandbox must be "auto", "bwrap" or "none", got {wanted!r}')
    tried = self_test(secrets)
    logger.info("the sandbox passed its own test: its walls hold, and none of %d names of secrets opens a file", tried)
    return "bwrap"
