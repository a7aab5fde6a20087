"""Notebooks that break out of a limit: of time, memory, processes, file size, output, or of Python itself."""

from __future__ import annotations

from ..toy import BLOCKS, ROWS
from .attack import ESCAPE, SHORT, TELLING, Hostile, by_answer, by_cell

PLAIN = "\nimport torch\n\ndef powers(count):\n    {body}\n"


def _ends(name: str, body: str, *ends: str, head: str = "", short: bool = False) -> Hostile:
    """An answer whose call does something that ends its process."""
    patience = {"patience": SHORT} if short else {}
    return by_answer(
        name, ESCAPE, "is asked, and does not come back", head + PLAIN.format(body=body), ends=ends, **patience
    )


def _cell_ends(name: str, source: str, *ends: str, short: bool = False) -> Hostile:
    """A cell of an answer that ends its process before anything is asked."""
    patience = {"patience": SHORT} if short else {}
    return by_answer(name, ESCAPE, "does not come to the end of its cell", source, ends=ends, **patience)


TIME = [
    _cell_ends("a loop in the cell", "while True:\n    pass\n", "timeout", short=True),
    _ends("a loop in the call", "while True: pass", "timeout", short=True),
    _ends("a loop in C", "return 7 ** (7 ** 9)", "timeout", short=True),
    _ends("a loop in a regular expression", "import re; return re.match('(a+)+$', 'a' * 40 + 'b')", "timeout", short=True),
    _ends(
        "a loop that holds off interrupts", "while True: pass", "timeout", short=True,
        head="import signal\nfor number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\n",
    ),
    _ends(
        "a loop in what it returns", "return Slow()", short=True,
        head="class Slow(list):\n    def __iter__(self):\n        while True:\n            yield 1\n    __len__ = lambda s: 1\n",
    ),
    _ends(
        "a loop where it is freed", "return Slow()", short=True,
        head="class Slow:\n    def __del__(self):\n        while True: pass\n    def __reduce__(self):\n"
        "        while True: pass\n    __repr__ = __str__ = __reduce__\n",
    ),
    _ends(
        "a loop in the type's name", "return Slow()", short=True,
        head="class Meta(type):\n    @property\n    def __name__(cls):\n        while True: pass\n"
        "class Slow(metaclass=Meta):\n    pass\n",
    ),
    _ends(
        "a loop in an exception", "raise Slow()", short=True,
        head="class Slow(RuntimeError):\n    def __str__(self):\n        while True: pass\n",
    ),
    _ends("a little too slow each time", "import time; time.sleep(0.9); return torch.ones(3)", "timeout", "failed", short=True),
    _ends("sleeps for good", "import time; time.sleep(10**6)", "timeout", short=True),
    _ends("stops itself", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); signal.pause()", "timeout", short=True),
    _ends("waits for a word", "return float(input('count? '))", "error"),
    _ends("waits for a pipe", "import os; r, w = os.pipe(); os.read(r, 1)", "timeout", short=True),
    by_cell(
        "a slow cell of its own", ESCAPE, "keeps the time of all cells by an endless extra cell",
        "while True:\n    pass\n", patience=SHORT,
    ),
    by_cell(
        "an answer never read", ESCAPE, "reads no more requests, so that the sender waits",
        "import os, socket, stat, time\nfor fd in range(3, 64):\n    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n            os.set_blocking(fd, True)\n"
        "            while os.read(fd, 2**16):\n                pass\n    except OSError:\n        pass\n",
        patience=SHORT, spares=False,
    ),
    Hostile(
        "a loop in every exercise", ESCAPE, "costs the time of each exercise",
        cells={n: f"def {n}(*a, **k):\n    while True: pass\n"
               for n in ("powers", "power_table", "AddTable", "step_matrix")},
        loses=("powers", "power_table", "AddTable", "step_matrix"), patience=SHORT,
    ),
    Hostile(
        "a loop in a forward", ESCAPE, "does not come back from forward", unit=ROWS,
        cells={"AddTable": "import torch\nfrom torch import nn\nclass AddTable(nn.Module):\n"
               "    def __init__(self, *a, **k):\n        super().__init__()\n        self.gain = nn.Parameter(torch.ones(a[0]))\n    def forward(self, x):\n"
               "        while True: pass\n"},
        loses=("AddTable",), ends=("timeout",), patience=SHORT,
    ),
    Hostile(
        "a loop in an attribute", ESCAPE, "does not come back when its parameters are asked for", unit=BLOCKS,
        cells={"Mixer": "from torch import nn\nclass Mixer(nn.Module):\n"
               "    def __init__(self, *a):\n        super().__init__()\n    def named_parameters(self, *a, **k):\n"
               "        while True: pass\n"},
        loses=("Mixer",), ends=("timeout",), patience=SHORT,
    ),
    Hostile(
        "a loop in train()", ESCAPE, "does not come back when its mode is set", unit=BLOCKS,
        cells={"Block": "from torch import nn\nclass Block(nn.Module):\n    def __init__(self, *a):\n"
               "        super().__init__()\n    def train(self, mode=True):\n        while True: pass\n"},
        loses=("Block",), patience=SHORT,
    ),
]  # fmt: skip

MEMORY = [
    _ends("a list without end", "x = []\n    while True: x.append(bytearray(2**24))", "memory", "timeout", short=True),
    _ends("a tensor of a terabyte", "return torch.ones(2**38)", "memory", "error"),
    _ends("a tensor that claims a terabyte", "return torch.ones(1).expand(2**38)", "failed", "error", "memory"),
    _ends("a tensor past the message", "return torch.ones(2**25)", "failed", "error", "memory", "timeout", short=True),
    _ends("a string past the message", "return 'x' * 2**23", "failed", "error", "memory"),
    _ends("a list past the message", "return list(range(2**20))", "failed", "error", "timeout", short=True),
    _ends("a list in itself", "x = []; x.append(x); return x", "failed", "error"),
    _ends("a very deep list", "x = []\n    for _ in range(10**5): x = [x]\n    return x", "failed", "error", "crashed"),
    _ends(
        "a list that doubles thirty times", "x = [1.0]\n    for _ in range(30): x = [x, x]\n    return x",
        short=True,
    ),
    _ends("a dict without end", "return Endless()", short=True,
          head="class Endless(dict):\n    def items(self):\n        while True: yield 'key', 1.0\n"
          "    __iter__ = lambda s: iter(['key'])\n    __len__ = lambda s: 1\n"),
    _ends("a generator without end", "import itertools; return itertools.count()", "failed", "error"),
    _ends("memory in many processes", "import os\n    for _ in range(8):\n        if not os.fork():\n"
          "            x = bytearray(2**29); import time\n            for i in range(0, 2**29, 4096): x[i] = 1\n"
          "            time.sleep(100)\n    import time; time.sleep(100)", "memory", "timeout", short=True),
]  # fmt: skip

DEATH = [
    _ends("leaves", "import os; os._exit(0)", "crashed"),
    _cell_ends("leaves in the cell", "import os\nos._exit(0)\n", "crashed"),
    _ends("sys.exit", "import sys; sys.exit('passed')", "error"),
    _ends("an interrupt of its own", "raise KeyboardInterrupt", "error"),
    _ends("a generator's exit", "raise GeneratorExit", "error"),
    _ends("a segmentation fault", "import ctypes; ctypes.string_at(0)", "crashed"),
    _ends("an abort", "import os; os.abort()", "crashed"),
    _ends("a kill", "import os, signal; os.kill(os.getpid(), signal.SIGKILL); os._exit(9)", "crashed", "memory"),
    _ends("recursion", "return powers(count)", "error", "crashed"),
    _ends("recursion past C's stack", "import sys; sys.setrecursionlimit(10**8); return powers(count)",
          "crashed", "memory", "error", "timeout", short=True),
    _ends("recursion in what it returns", "return Deep()", "failed", "error", "crashed",
          head="class Deep(list):\n    def __iter__(self):\n        yield Deep()\n    __len__ = lambda s: 1\n"),
    by_cell(
        "a process that dies later", ESCAPE, "sets an alarm that ends it in the middle of another exercise",
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\n", spares=False,
    ),
    by_cell(
        "an exit handler that stays", ESCAPE, "registers exit handlers that never end",
        "import atexit, threading, time\natexit.register(time.sleep, 10**6)\n"
        "threading.Thread(target=time.sleep, args=(10**6,)).start()\n",
    ),
    by_cell(
        "a profile that raises", ESCAPE, "lets every call in the process fail",
        "import sys\ndef fail(*a):\n    raise RuntimeError\nsys.setprofile(fail)\n", spares=False,
    ),
    by_cell(
        "a hook on every exception", ESCAPE, "ends the process in excepthook and unraisablehook",
        "import sys, os\nsys.excepthook = sys.unraisablehook = lambda *a: os._exit(1)\n",
    ),
    by_cell(
        "a frozen interpreter", ESCAPE, "starts threads that never let go of the interpreter",
        "import sys, threading\nsys.setswitchinterval(10**3)\ndef spin():\n    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()\n",
        patience=SHORT, spares=False,
    ),
]  # fmt: skip

PROCESSES = [
    by_cell(
        "a fork bomb",
        ESCAPE,
        "forks without end",
        "import os\ntry:\n    for _ in range(40):\n        os.fork()\nexcept OSError:\n    pass\n",
        patience=SHORT,
        spares=False,
    ),
    by_cell(
        "children that answer too",
        ESCAPE,
        "forks, so that two processes answer on one channel",
        "import os\nos.fork()\n",
        patience=SHORT,
        spares=False,
    ),
    by_cell(
        "a child that outlives",
        ESCAPE,
        "leaves a process of its own session behind",
        "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n        time.sleep(10**6)\n    os._exit(0)\n",
    ),
    by_cell(
        "a thousand threads",
        ESCAPE,
        "starts threads until none can be started",
        "import threading, time\ntry:\n    for _ in range(1000):\n"
        "        threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()\nexcept RuntimeError:\n    pass\n",
    ),
    by_cell(
        "a shell",
        ESCAPE,
        "starts programs by magics and by subprocess",
        "%%bash\ncurl -s https://example.org || wget https://example.org\nls / /course\nsleep 0.01\n",
    ),
    by_cell(
        "a shell in every line",
        ESCAPE,
        "uses ! and autoreload and the kernel that is not there",
        "!id; ls -la /\n%load_ext autoreload\n%autoreload 2\nget_ipython().kernel.do_shutdown(False)\n",
    ),
]

OUTPUT = [
    _ends("a hundred megabytes printed", "print('x' * 10**8); return torch.ones(3)", "crashed", "failed"),
    _ends("a line without end", "import sys\n    while True: sys.stderr.write('x' * 4096)", "crashed", "timeout", short=True),
    _ends("bytes past Python", "import os\n    while True: os.write(1, bytes(65536))", "crashed", "timeout", short=True),
    _cell_ends("a hundred megabytes in the cell", "import os\nfor _ in range(1600):\n    os.write(2, bytes(65536))\n", "crashed"),
    by_cell(
        "a closed output", ESCAPE, "closes stdout and stderr, by Python and by number",
        "import os, sys\nsys.stdout.close()\nsys.stderr.close()\nos.close(1)\nos.close(2)\n",
    ),
    by_cell(
        "no output at all", ESCAPE, "sets stdout to None and to an object that raises",
        "import sys\nsys.stdout = None\nsys.stderr = object()\n", spares=False,
    ),
    by_cell(
        "a closed channel", ESCAPE, "closes every descriptor", "import os\nos.closerange(0, 256)\n", spares=False,
    ),
    by_cell(
        "a full disk", ESCAPE, "fills /tmp and shared memory, and writes a file past every limit",
        "for folder in ('/tmp', '/dev/shm', '.'):\n    for number in range(40):\n        try:\n"
        "            with open(f'{folder}/full-{number}', 'wb') as file:\n                file.write(bytes(2**23))\n"
        "        except OSError:\n            break\n",
    ),
    by_cell(
        "a zip bomb", ESCAPE, "unpacks a gigabyte of zeros from a few kilobytes, and shows it",
        "import zlib\npacked = zlib.compress(bytes(2**26))\nbombs = [zlib.decompress(packed) for _ in range(4)]\nprint(bombs[0][:10**6])\n",
        patience=SHORT, spares=False,
    ),
    by_cell(
        "escape codes", ESCAPE, "prints codes that clear a terminal and set its title",
        "print('\\x1b[2J\\x1b]0;owned\\x07' * 100, '\\x00\\ud800'.encode('utf-8', 'surrogatepass'))\n",
    ),
]  # fmt: skip

# memory that no process has in its tables is counted by nobody, however much of it there is
UNCOUNTED = {
    "shared memory that is in no table": """
import mmap, os
for where in (-1, os.open("/dev/zero", os.O_RDWR)):
    try:
        memory = mmap.mmap(where, 2**24, flags=mmap.MAP_SHARED)
        memory[:] = bytes(2**24)
        memory.madvise(mmap.MADV_DONTNEED)
        loot.append(memory)
    except (OSError, ValueError):
        pass
""",
    "memory in semaphores": """
import ctypes
if ctypes.CDLL(None).semget(0, 32_000, 0o600) >= 0:
    loot.append("two MiB of the kernel's")
""",
    "huge pages held by a pipe": """
import ctypes, os
libc = ctypes.CDLL(None)
page = ctypes.create_string_buffer(2**22)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(page), 4096)
if libc.vmsplice(os.pipe()[1], vector, ctypes.c_ulong(1), 2) > 0:
    loot.append("a page that stays when it is given back")
""",
    "sockets full of letters": """
import socket
pairs, held = [], 0
try:
    while True:
        pairs.append(socket.socketpair())
        for end in pairs[-1]:
            end.setblocking(False)
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30)
            except OSError:
                pass
            try:
                while True:
                    held += end.send(bytes(2**12))
            except BlockingIOError:
                pass
except OSError:
    pass
if held > 2**27:
    loot.append(held)
del pairs
""",
    "the cores of other workers": """
import os
before = os.sched_getaffinity(0)
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
    loot.append(before)
except OSError:
    pass
""",
    "a neighbour's terminal": """
import os
loot = [name for name in os.listdir("/dev/pts") if name.isdigit()]
try:
    pairs = [os.openpty() for _ in range(40)]
    loot.append(len(pairs))
except OSError:
    pass
""",
    "all watches of the user": """
import ctypes
loot += [fd for fd in (ctypes.CDLL(None).inotify_init() for _ in range(200)) if fd >= 0]
""",
    "a hundred thousand record locks": """
import fcntl, struct
files = [open(f"locked{number}", "w+b") for number in range(100)]  # of one file alone, the kernel looks at each for each
try:
    for file in files:
        for place in range(2000, 0, -2):
            fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
except OSError:
    pass
with open("locked99", "rb") as other:
    asked = fcntl.fcntl(other, 36, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_GETLK: who is in the way?
if struct.unpack("hhqqi4x", asked)[0] != fcntl.F_UNLCK:
    loot.append("locks in the kernel's memory")
for file in files:
    file.close()
""",
    "all timers of the user": """
import ctypes
libc, timers = ctypes.CDLL(None), [ctypes.c_void_p() for _ in range(1000)]
loot += [timer for timer in timers if libc.timer_create(1, None, ctypes.byref(timer)) == 0]
""",
    "all queued signals of the user": """
import ctypes, os, signal
libc, pid = ctypes.CDLL(None), os.getpid()
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
if sum(libc.tgkill(pid, pid, 40) == 0 for _ in range(5000)) > 1000:
    loot.append("signals")
information = (ctypes.c_int * 32)(40, 0, -1)  # as sigqueue() sends it
if libc.syscall(138 if os.uname().machine == "aarch64" else 129, pid, 40, information) == 0:
    loot.append("a signal with a letter")
""",
    "all bytes in message queues of the user": """
import ctypes, os
libc = ctypes.CDLL(None)
for number in range(50):
    queue = libc.mq_open(b"/queue%d" % number, os.O_CREAT | os.O_RDWR, 0o600, None)
    loot += [queue] if queue >= 0 else []
""",
    "all pages in pipes of the user": """
import fcntl, os
pipes = [os.pipe() for _ in range(16)]
for _, end in pipes:
    try:
        loot.append(fcntl.fcntl(end, 1031, 2**20))  # F_SETPIPE_SZ
    except OSError:
        pass
for ends in pipes:
    for end in ends:
        os.close(end)
""",
    "a core dump": """
import ctypes, resource
try:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # where a program gets the dumps, the kernel spares it those of 1 alone
    loot.append("limit")
except (OSError, ValueError):
    pass
loot += ["dumpable"] if ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0 else []
""",
}  # fmt: skip

HELD = [
    by_cell(name, ESCAPE, "holds what no limit counts, or what others need", f"loot = []\n{source}", TELLING)
    for name, source in UNCOUNTED.items()
]

ATTACKS = [*TIME, *MEMORY, *DEATH, *PROCESSES, *OUTPUT, *HELD]
