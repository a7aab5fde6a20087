"""The self-test: children run against each wall before the first submission does; without one there is no grading.

Stops: grading behind a wall that this machine, or a mistake of ours, has taken away. Does not stop: what no claim below
speaks of. A claim is tried from inside, by a source whose `answer` lists what contradicts it; HIDDEN, the names that no
file may have there, and VARIABLES, the only ones of the environment, stand before each. BLIND_CLAIMS are for a child
that is to hold answers.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Sequence
from typing import Any, Literal

from .bubblewrap import hide_or_refuse, variables
from .sandbox import Child, Limits, Mode, Sandbox
from .shown_paths import INSIDE, Secret
from .unavailable import SandboxUnavailable

logger = logging.getLogger(__name__)

_RIGHTS = """
import ctypes, os
libc = ctypes.CDLL(None)
caps = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), caps)
answer = ["capabilities"] if any(caps) else []
answer += ["uid %d" % os.getuid()] if 0 in os.getresuid() else []
answer += ["new privileges"] if libc.prctl(39, 0, 0, 0, 0) != 1 else []
answer += ["no filter"] if libc.prctl(21, 0, 0, 0, 0) != 2 else []
answer += ["a user namespace"] if libc.unshare(0x10000000) == 0 else []
"""

CLAIMS = {
    "the network is unreachable": """
import socket
reached = []
for address in (("1.1.1.1", 53), ("127.0.0.1", 22), ("::1", 22)):
    try:
        socket.create_connection(address, timeout=1).close()
        reached.append(address)
    except OSError:
        pass
try:
    reached += [name for _, name in socket.if_nameindex() if name != "lo"]
except OSError:
    pass
answer = reached
""",
    "the instructor's files are invisible": """
import os
def seen(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return os.path.lexists(path)  # also what may not be opened
answer = [path for path in HIDDEN if seen(path)]
""",
    "the environment is scrubbed": """
import os
answer = [name for name in os.environ if name not in VARIABLES]
for path in ("/proc/1/environ", "/proc/self/environ", "/proc/2/environ"):
    try:
        answer += [path] if open(path, "rb").read() else []
    except OSError:
        pass
""",
    "/tmp is private and writable": """
import os
answer = os.listdir("/tmp") + os.listdir("/dev/shm")
for folder in ("/tmp", "/dev/shm"):
    open(folder + "/left-behind", "w").write("x")
""",
    "the environment is read-only": """
import os, sys
answer = []
library = os.path.dirname(os.__file__)
folders = ["/", "/dev", "/usr", "/course", "/course/lib/course_utils", "/proc", sys.prefix, sys.base_prefix, library]
for folder in folders:
    try:
        open(folder + "/left-behind", "w")
        answer.append(folder)
    except OSError:
        pass
""",
    "the warm parent is out of reach": """
import ctypes, os
answer = os.listdir("/proc") + ([] if os.getpid() == 1 else ["pid %d" % os.getpid()])
for pid in range(2, 50):
    try:
        os.kill(pid, 0)
        answer.append("kill %d" % pid)
    except OSError:
        pass
if ctypes.CDLL(None).ptrace(16, 2, 0, 0) == 0:
    answer.append("ptrace")
""",
    "all rights are given up": _RIGHTS,
}

BLIND_CLAIMS = {
    "a process that holds answers sees no file": """
import os, sys
answer = [name for name in os.listdir("/") if name not in ("dev", "proc", "tmp")]
files = [getattr(module, "__file__", None) for module in [*sys.modules.values()]]
answer += [file for file in files if file and os.path.lexists(file)]
for number in range(64):
    try:
        answer += os.listdir(number)
    except OSError:
        pass
""",
    "all rights of such a process are given up": _RIGHTS,
}


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
        names = {str(name) for names in hide_or_refuse(there).proofs().values() for name in names}
        hidden = sorted({canary.name, "/etc/passwd", "/etc/shadow", *names})
        known = [*variables(INSIDE), "PWD", "OLDPWD", "SHLVL", "LC_CTYPE"]
        preamble = f"HIDDEN = {hidden!r}\nVARIABLES = {known!r}\n"
        with Sandbox(
            "bwrap", Limits(cpu_seconds=30), serve="__main__:run_sources", imports=(), secrets=there
        ) as sandbox:
            for _ in range(2):  # the second child must find nothing of the first
                with sandbox.spawn() as child:
                    for claim, source in CLAIMS.items():
                        _prove(claim, child, preamble + source)
            with sandbox.spawn(blind=True) as child:
                for claim, source in BLIND_CLAIMS.items():
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
