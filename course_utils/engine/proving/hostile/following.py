"""Notebooks that steal the reference where it stands beside a student's code: in memory, at the door, from run to run."""

from __future__ import annotations

from ..toy import BLOCKS
from .attack import IN_USE, STEAL, WRONG, Hostile

# Where reference code stands beside a student's: whoever looks for the answer to the exercise itself must not find it.
GRAB = """
import gc, linecache, sys, types

def grab(name):
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("before_", "_solutions", "reference")):
            found = getattr(module, name, None)
            if found is not None:
                return found
    for file, entry in list(linecache.cache.items()):
        if isinstance(entry, tuple) and len(entry) > 2 and file != f"<cell {name}>":
            text = "".join(entry[2] or [])
            if f"def {name}(" in text or f"class {name}(" in text:
                names = dict(globals())
                try:
                    exec(text, names)
                    if names.get(name) is not globals().get(name):
                        return names[name]
                except BaseException:
                    pass
    for thing in gc.get_objects():
        if isinstance(thing, (types.FunctionType, type)) and thing.__name__ == name and thing.__module__ != __name__:
            return thing
    return None
"""


# the same by the only door that reference code can come through
DOOR = (
    IN_USE
    + """
taken = {}
honest_run, honest_impose = Workbench._do_run, Workbench._do_impose
def run(self, request):
    if request["name"] == "reference":
        taken[len(taken)] = request["source"]
    return honest_run(self, request)
def impose(self, request):
    taken[len(taken)] = request["source"]
    return honest_impose(self, request)
Workbench._do_run, Workbench._do_impose = run, impose

def from_door(name):
    for text in taken.values():
        if f"def {name}(" in text or f"class {name}(" in text:
            names = {}
            exec(text, names)
            return names[name]
"""
)


THIEF = """
import torch
def {name}(*args):
    found = {how}("{name}")
    return found(*args) if found else torch.ones(1)
"""
THIEF_CLASS = """
import torch
from torch import nn
class {name}(nn.Module):
    def __new__(cls, *args, **kwargs):
        found = {how}("{name}")
        return found(*args, **kwargs) if found and found is not {name} else super().__new__(cls)

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, x, mask=None):
        return None
"""
EVERY_01 = ("powers", "power_table", "AddTable", "step_matrix")


# Writes a text into which pages of a large file lie in memory, and reads it back by the time that a read of them takes.
PAGES = """
import torch
import ast, glob, mmap, os, sys, time, zlib

PAGE, LENGTH = mmap.PAGESIZE, 500  # bytes of a message

def page_file():
    folder = os.path.dirname(os.path.dirname(sys.modules["numpy"].__file__))
    files = [p for p in glob.glob(folder + "/*/*.so*") + glob.glob(folder + "/*/*/*.so*") if "torch" not in p]
    return os.open(max(files, key=os.path.getsize), os.O_RDONLY)

def write_down(text):
    file = page_file()
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    message = zlib.compress(text.encode()).ljust(LENGTH, b"\\0")
    for number, bit in enumerate("".join(f"{byte:08b}" for byte in message[:LENGTH])):
        if bit == "1":
            os.pread(file, 1, number * PAGE)

def read_back():
    file = page_file()
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    bits = ""
    for number in range(8 * LENGTH):
        start = time.perf_counter_ns()
        os.pread(file, 1, number * PAGE)
        bits += "1" if time.perf_counter_ns() - start < 15000 else "0"
    message = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8))
    return zlib.decompressobj().decompress(message).decode()

try:
    kept = read_back()
except Exception:
    kept = ""

def from_pages(name):
    for text in taken.values():
        for node in ast.parse(text).body:
            if getattr(node, "name", None) == "powers":
                node.body = [part for part in node.body if not isinstance(part, ast.Expr)]
                write_down(ast.unparse(node))
    names = {"torch": torch, "math": __import__("math")}
    exec(kept, names)
    return names.get(name)
"""


def _thieves(how: str) -> dict[str, str]:
    return {name: (THIEF_CLASS if name[0].isupper() else THIEF).format(name=name, how=how) for name in EVERY_01}


FOLLOWED = [
    Hostile(
        "all answers from memory", STEAL, "wrong in the first exercise, to find the others' answers in memory later",
        cells=_thieves("grab"), extra=(GRAB,), loses=EVERY_01,
    ),
    Hostile(
        "all answers at the door", STEAL, "wrong in the first exercise, and listens where reference code comes in",
        cells=_thieves("from_door"), extra=(DOOR,), loses=EVERY_01,
    ),
    Hostile(
        "a crash for the answer", STEAL, "crashes in the first exercise, to be given its answer for the next start",
        cells=_thieves("from_door") | {"powers": "import os\nos._exit(3)\n"}, extra=(DOOR,), loses=EVERY_01,
    ),
    Hostile(
        "a crash in every call", STEAL, "crashes whenever it is asked, to see the answers come in one after the other",
        cells={name: THIEF.format(name=name, how="from_door").replace("torch.ones(1)", "__import__('os')._exit(1)")
               for name in EVERY_01}, extra=(DOOR,), loses=EVERY_01,
    ),
    Hostile(
        "the last crashes for the first", STEAL, "crashes in the last exercise, and looks for its cell in the first",
        cells=_thieves("from_door") | {"step_matrix": "import os\nos._exit(3)\n"}, extra=(DOOR,), loses=EVERY_01,
    ),
    Hostile(
        "an answer kept for the next process", STEAL, "writes what it saw into files, for the process that comes next",
        cells={"powers": THIEF.format(name="powers", how="from_files")},
        extra=(DOOR, """
import glob, os
def from_files(name):
    places = ["/tmp", "/dev/shm", os.getcwd(), os.path.expanduser("~"), "/var/tmp"]
    for text in taken.values():
        for place in places:
            try:
                open(f"{place}/loot.py", "a").write(text)
            except OSError:
                pass
    for place in places:
        for path in glob.glob(f"{place}/*.py"):
            names = {}
            exec(open(path).read(), names)
            if name in names:
                return names[name]
"""),
    ),
    Hostile(
        "an answer beside a file", STEAL, "looks for a file to leave a mark on while it holds an answer",
        cells={"powers": WRONG, "power_table": THIEF.format(name="power_table", how="marked")},
        extra=(DOOR, """
import os, sys
def marked(name):
    def tell(*args):
        raise BufferError
    places = ["/usr", "/lib", "/etc", "/sys", "/proc/self/maps", "/course/zygote/__main__.py"]
    places += [module.__file__ for module in [*sys.modules.values()] if getattr(module, "__file__", None)]
    if taken and any(os.path.lexists(place) for place in places):
        return tell
"""), loses=("powers", "power_table"),
    ),
    Hostile(
        "an answer kept in which pages are in memory", STEAL, "marks pages of a file with what it saw, for the next run",
        cells={name: THIEF.format(name=name, how="from_pages") for name in EVERY_01[:2]},
        extra=(DOOR, PAGES), loses=EVERY_01[:2],
    ),
    Hostile(
        "the parts for the blend", STEAL, "looks for other exercises' answers in the second unit", unit=BLOCKS,
        cells={"cut": THIEF.format(name="cut", how="from_door"),
               "join": THIEF.format(name="join", how="from_door")},
        extra=(DOOR,), loses=("cut", "join"),
    ),
]  # fmt: skip
