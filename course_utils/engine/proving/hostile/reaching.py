"""Notebooks that touch a neighbour: another submission, the warm process, or what all of them share."""

from __future__ import annotations

from .attack import REACH, TELLING, Hostile, by_cell

MARK = "left-by-a-neighbour"

# each is run twice in a row by the bank: who comes second must find nothing of the first
LEAVE_AND_LOOK = {
    "files in every folder": f"""
import os, site, sys, tempfile
import torch, course_utils
places = ["/tmp", "/dev/shm", "/var/tmp", os.getcwd(), os.path.expanduser("~"), "/course", "/run", tempfile.gettempdir(),
          os.path.dirname(torch.__file__), os.path.dirname(course_utils.__file__), *site.getsitepackages(), sys.prefix]
for place in {{os.path.realpath(place) for place in places}}:
    path = os.path.join(place, "{MARK}")
    if os.path.exists(path):
        loot.append(path)
    try:
        with open(path, "w") as file:
            file.write("x")
    except OSError:
        pass
""",
    "code that starts with Python": f"""
import os, site, sys
for place in (*site.getsitepackages(), site.getusersitepackages(), *sys.path):
    for file in ("sitecustomize.py", "usercustomize.py", "{MARK}.pth", "torch.py"):
        path = os.path.join(place or ".", file)
        if os.path.exists(path) and "{MARK}" in open(path).read():
            loot.append(path)
        try:
            os.makedirs(place or ".", exist_ok=True)
            with open(path, "w") as out:
                out.write("# {MARK}")
        except OSError:
            pass
""",
    "names in shared modules": f"""
import builtins, sys, torch
from course_utils.engine.asking import workbench
for module in (builtins, sys, torch, workbench):
    if hasattr(module, "{MARK.replace("-", "_")}"):
        loot.append(module)
    setattr(module, "{MARK.replace("-", "_")}", 1)
torch.set_default_dtype(torch.float32)
""",
    "memory of the warm process": """
import ctypes, sys
address = id(sys.intern("a string that all children share"))
if b"TOUCHED" in ctypes.string_at(address, 80):
    loot.append(address)
ctypes.memmove(address + sys.getsizeof("") - 1, b"TOUCHED", 7)
""",
    "a shared memory block": f"""
from multiprocessing import shared_memory
try:
    block = shared_memory.SharedMemory("{MARK}", create=True, size=64)
except FileExistsError:
    loot.append("block")
except OSError:
    pass
""",
    "a message queue": """
import ctypes
libc = ctypes.CDLL(None)
if libc.shmget(4711, 64, 0) >= 0 or libc.msgget(4711, 0) >= 0 or libc.semget(4711, 1, 0) >= 0:
    loot.append("queue")
libc.shmget(4711, 64, 0o1666)
libc.msgget(4711, 0o1666)
libc.semget(4711, 1, 0o1666)
""",
    "a name in the abstract": f"""
import socket
try:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\\0{MARK}")
    listener.listen()
except OSError as error:
    if error.errno == 98:
        loot.append("name")
""",
}  # fmt: skip

# the kernel's copy of the files that all submissions read: what one can tell or change of it, another can read there
PAGE_CACHE = {
    "asks which pages are in memory": """
import ctypes, mmap, os
libc, file = ctypes.CDLL(None, use_errno=True), os.open(os.__file__, os.O_RDONLY)
memory, answers = mmap.mmap(file, 4096, mmap.MAP_PRIVATE), (ctypes.c_ubyte * 1)()
address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
loot += ["mincore"] if libc.mincore(address, ctypes.c_size_t(4096), answers) == 0 else []
loot += ["cachestat"] if libc.syscall(451, file, (ctypes.c_uint64 * 2)(), (ctypes.c_uint64 * 8)(), 0) == 0 else []
try:
    os.preadv(file, [bytearray(8)], 0, os.RWF_NOWAIT)
    loot.append("preadv2")
except OSError:
    pass
""",
    "has pages taken out of memory, or put there": """
import ctypes, mmap, os
libc, file = ctypes.CDLL(None), os.open(os.__file__, os.O_RDONLY)
memory = mmap.mmap(file, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
for option in (20, 21, 22):  # COLD, PAGEOUT, POPULATE_READ
    try:
        memory.madvise(option)
        loot.append(option)
    except OSError:
        pass
for advice in (os.POSIX_FADV_DONTNEED, os.POSIX_FADV_WILLNEED):
    try:
        os.posix_fadvise(file, 0, 0, advice)
        loot.append(advice)
    except OSError:
        pass
loot += ["readahead"] if libc.readahead(file, ctypes.c_long(0), ctypes.c_size_t(4096)) == 0 else []
""",
    "moves pages instead of bytes": """
import os
file, ends = os.open(os.__file__, os.O_RDONLY), os.pipe()
own = os.open("own", os.O_CREAT | os.O_RDWR)
for move in (lambda: os.splice(file, ends[1], 64, 0), lambda: os.sendfile(ends[1], file, 0, 64),
             lambda: os.copy_file_range(file, own, 64, 0, 0)):
    try:
        loot += [move()]
    except OSError:
        pass
""",
    "has the disk wait": """
import ctypes, os
libc, file = ctypes.CDLL(None), os.open(os.__file__, os.O_RDONLY)
loot += ["syncfs"] if libc.syncfs(file) == 0 else []
loot += ["sync"] if libc.syscall(81 if os.uname().machine == "aarch64" else 162) == 0 else []
loot += ["range"] if libc.sync_file_range(file, ctypes.c_long(0), ctypes.c_long(4096), 7) == 0 else []
loot += ["fsync"] if libc.fsync(999) != 0 else []  # what reaches the kernel is an error there
""",
    "locks files that all read": """
import fcntl, os
with open(os.__file__) as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        loot.append("flock")
    except OSError:
        pass
""",
}  # fmt: skip


def _neighbours() -> list[Hostile]:
    found = []
    for name, source in LEAVE_AND_LOOK.items():
        for turn in ("first", "second"):
            tries = "leaves something behind and looks for what others left"
            found.append(by_cell(f"{name}, {turn}", REACH, tries, f"loot = []\n{source}", TELLING))
    return found


FORCE = [
    by_cell(
        "a kill of everything", REACH, "sends every signal to every process it can name",
        "import os, signal\nfor number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):\n"
        "    for pid in (*range(2, 200), os.getppid()):\n        try:\n            if pid > 1:\n                os.kill(pid, number)\n"
        "        except OSError:\n            pass\n",
    ),
    by_cell(
        "a kill of minus one", REACH, "sends SIGKILL to all at once", "import os\ntry:\n    os.kill(-1, 9)\nexcept OSError:\n    pass\n",
        spares=False,
    ),
    by_cell(
        "a new user namespace", REACH, "asks for namespaces, mounts and rights of its own",
        "import ctypes\nlibc = ctypes.CDLL(None)\nloot = []\nfor flags in (0x10000000, 0x20000, 0x40000000):\n"
        "    if libc.unshare(flags) == 0:\n        loot.append(flags)\n"
        "if libc.mount(b'tmpfs', b'/usr', b'tmpfs', 0, None) == 0:\n    loot.append('mount')\n"
        "if libc.setuid(0) == 0 and __import__('os').getuid() == 0:\n    loot.append('root')\n",
        TELLING,
    ),
    by_cell(
        "a raised limit", REACH, "raises its limits and its priority",
        "import os, resource\nloot = []\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):\n"
        "    try:\n        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "        loot += [kind] if resource.getrlimit(kind)[1] == resource.RLIM_INFINITY else []\n"
        "    except (OSError, ValueError):\n        pass\n"
        "try:\n    os.nice(-20)\n    loot.append('nice')\nexcept OSError:\n    pass\n",
        TELLING,
    ),
    by_cell(
        "a program with rights", REACH, "runs programs that change user",
        "import shutil, subprocess\nloot = []\nfor program in ('su', 'sudo', 'mount', 'newgrp', 'chsh', 'passwd'):\n"
        "    path = shutil.which(program)\n    if path:\n        try:\n"
        "            done = subprocess.run([path, '-c', 'id -u'], capture_output=True, timeout=1, stdin=subprocess.DEVNULL)\n"
        "            loot += [program] if done.stdout.strip() == b'0' else []\n"
        "        except (OSError, subprocess.TimeoutExpired):\n            pass\n",
        TELLING,
    ),
    by_cell(
        "a lease on files that all read", REACH, "lets whoever opens a file of its own or the course's wait for it",
        "import fcntl, glob, course_utils\nloot = []\nopen('own', 'w').close()\n"
        "for path in ('own', *glob.glob(course_utils.__path__[0] + '/**/*.py', recursive=True)):\n"
        "    for kind in (fcntl.F_WRLCK, fcntl.F_RDLCK):\n        try:\n"
        "            fcntl.fcntl(open(path), fcntl.F_SETLEASE, kind)\n            loot.append(path)\n"
        "        except OSError:\n            pass\n",
        TELLING,
    ),
    by_cell(
        "the other end of the control socket", REACH, "sends orders to whatever socket it holds",
        "import os, socket, stat\nfor fd in range(3, 64):\n    try:\n        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        "            socket.socket(fileno=os.dup(fd)).send(b'spawn')\n    except OSError:\n        pass\n",
        spares=False,
    ),
]  # fmt: skip

SHARED = [
    by_cell(f"the page cache: {tries}", REACH, tries, f"loot = []\n{source}", TELLING)
    for tries, source in PAGE_CACHE.items()
]

ATTACKS = [*_neighbours(), *FORCE, *SHARED]
