"""The start of the zygote: from the command line to the first order.

Stops: root, which becomes nobody before anything is imported, and memory in core dumps. Where a network interface is
seen, the processor has no list of system calls or a warm import left a thread, the start ends with an error.
Does not stop: the sight of files that the layout shows, and what a child does, see `confinement`.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import resource
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from .confinement import become_nobody
from .forking import Zygote
from .kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, prctl
from .system_calls import MACHINES, kernel_program
from .warmth import fill_holes, fold_into_huge_pages, keep_fonts, make_libraries_resident, warm

READY = b'"ready"\n'


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
