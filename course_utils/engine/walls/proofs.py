"""What the sandbox's self-test runs inside: by claim, a source whose `answer` lists what contradicts it.

BLIND_PROBES are for a child that is to hold answers.

HIDDEN, the names that no file may have there, and VARIABLES, the only ones of the environment, stand before each.
"""

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

PROBES = {
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

BLIND_PROBES = {
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
