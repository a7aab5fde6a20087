"""Notebooks that steal: the reference, hidden tests, other submissions, the gradebook, secrets of the machine."""

from __future__ import annotations

from ..toy import BLOCKS
from .attack import STEAL, TELLING, Hostile, by_answer, by_cell
from .following import FOLLOWED

# answers with any function of the right name that it can find in a text
USING = """
import torch
def use(text):
    names = {}
    try:
        exec(text, names)
        return names.get("powers")
    except BaseException:
        return None
"""


# the exercise as the loot says, if there is any
ANSWER = """
def powers(count):
    for function in stolen:
        if function is not None:
            return function(count)
    return torch.ones(count)
"""


def _stolen(name: str, tries: str, source: str) -> Hostile:
    """Fills `stolen` with functions, in the answer's own cell."""
    return by_answer(name, STEAL, tries, f"{USING}\nstolen = []\n{source}\n{ANSWER}")


def _looted(name: str, tries: str, source: str) -> Hostile:
    """Fills `loot` with whatever should not be there."""
    return by_cell(name, STEAL, tries, f"loot = []\n{source}", TELLING)


# all folders below the places that Python itself needs, but for the inside of packages, which are many and public
BELOW = """
import os, sys, time, course_utils

def folders_below(*more):
    starts = [*more, "/usr/src", "/usr/local/share", "/usr/local", "/course", "/opt", "/srv", sys.prefix, sys.base_prefix, *sys.path]
    starts += [sys.prefix + "/..", sys.base_prefix + "/..", os.path.realpath(sys.executable) + "/../.."]
    above = os.path.realpath(course_utils.__file__)
    while above != "/":
        above = os.path.dirname(above)
        starts.append(above)
    starts += ["/usr/lib", "/usr/share", "/usr"]
    seen, end = set(), time.monotonic() + 3
    for start in starts:
        for folder, folders, files in os.walk(start):
            place = os.path.realpath(folder)
            if place in seen or place.startswith(("/proc", "/sys", "/dev")) or time.monotonic() > end:
                folders.clear()
                continue
            seen.add(place)
            if "__init__.py" in files and "course_utils" not in folder:
                folders.clear()
            yield folder, files
"""


# folders that the environment's own files tell of: where it was made, from which checkout packages were installed
TOLD = """
import glob, re

def told_folders():
    names = ["*.pth", "*finder.py", "*.egg-link", "*.dist-info/direct_url.json"]
    files = [sys.prefix + "/pyvenv.cfg", *(f for p in sys.path for name in names for f in glob.glob(f"{p}/{name}"))]
    told = set()
    for file in files:
        for path in re.findall(r"/[^'\\" \\n:;,]+", open(file, errors="replace").read()):
            while path.strip("/"):
                told.add("/" + path.strip("/"))
                path = os.path.dirname(path)
    return sorted(told)
"""


FILES = [
    _looted(
        "solutions below what Python needs",
        "looks for solutions and the instructor's part below the system, the environment and its base, by every name",
        f"""{BELOW}
for folder, files in folders_below():
    if {{"answers.py", "truth.py"}} <= set(files) or folder.endswith("course_utils/instructor") and files:
        loot.append(folder)
""",
    ),
    _looted(
        "a class below what Python needs",
        "looks for other students' work and for marks below the system, the environment and its base, by every name",
        f"""{BELOW}
for folder, files in folders_below():
    if os.path.basename(folder) + ".ipynb" in files or {{"log.jsonl", "gradebook.db", "scores.json"}} & set(files):
        loot.append(folder)
""",
    ),
    _looted(
        "a checkout that the environment tells of",
        "reads in the environment's own files where the course and the environment come from, and looks there",
        f"""{BELOW}{TOLD}
for folder in told_folders():
    for name in ("solutions", "build", ".git", "submitted", "results"):
        if os.path.isdir(f"{{folder}}/{{name}}") and os.listdir(f"{{folder}}/{{name}}"):
            loot.append(f"{{folder}}/{{name}}")
""",
    ),
    _stolen(
        "the reference beside the notebook",
        "reads answers.py from where it lies in the repository",
        """
import pathlib, course_utils
roots = [pathlib.Path.cwd(), pathlib.Path(course_utils.__file__).parents[1], pathlib.Path.home(), pathlib.Path("/course")]
for root in roots:
    toys = [root / place / "course_utils/engine/proving/toy" for place in (".", "lib")]
    for path in (root, root / "lib", *toys):
        stolen += [use(file.read_text()) for name in ("answers", "truth") for file in path.glob(f"solutions/*/{name}.py")]
""",
    ),
    _stolen(
        "a walk over the whole disk",
        "looks for answers.py and truth.py everywhere",
        """
import os
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "site-packages", "share", "include", "python3")][:200]
    for file in files:
        if file in ("answers.py", "truth.py", "mutants.py", "alternatives.py"):
            stolen.append(use(open(os.path.join(folder, file)).read()))
""",
    ),
    _stolen(
        "the instructor's modules",
        "imports the rooms of the engine that are the instructor's, to ask them for the reference",
        """
try:
    from course_utils.engine import course
    from course_utils.engine.making.units import all_units
    from course_utils.engine.proving import toy
    stolen += [use(unit.reference_source) for unit in all_units(toy.course().folder)]
    stolen += [use(unit.reference_source) for unit in all_units(course.current().folder)]
except (ImportError, ValueError):
    pass
""",
    ),
    _stolen(
        "the plain grader's hidden cell",
        "decodes what plain nbgrader's hidden cells would hold",
        """
from course_utils.engine.learning import plain_cell
for value in vars(plain_cell).values():
    if isinstance(value, str):
        stolen.append(use(value))
""",
    ),
    _looted(
        "another student's notebook",
        "looks for notebooks, scores and gradebooks",
        """
import os
for root in ("/", "/home", "/root", "/tmp", "/var", "/srv", "/opt", "/mnt", "/course"):
    for folder, folders, files in os.walk(root):
        if folder.count("/") > 4 or "site-packages" in folder or folder.startswith(("/usr", "/proc", "/sys")):
            folders.clear()
            continue
        loot += [f for f in files if f.endswith((".ipynb", ".db", ".jsonl")) or f == "scores.json"]
""",
    ),
    _looted(
        "a path out of the sandbox",
        "tries links, device files and a chroot upwards",
        """
import os
for path in ("/etc/shadow", "/etc/passwd", "/dev/mem", "/dev/sda", "/dev/kmsg", "/proc/1/root", "/proc/self/root",
             "/proc/kcore", "../../../../etc/passwd", "/run/docker.sock", "/var/run"):
    try:
        os.symlink(path, "/tmp/way-out")
        loot += [open("/tmp/way-out", "rb").read(1)]
    except OSError:
        pass
    finally:
        if os.path.islink("/tmp/way-out"):
            os.unlink("/tmp/way-out")
try:
    os.chroot("/tmp")
    loot.append("chroot")
except OSError:
    pass
""",
    ),
    _looted(
        "a handle on a file by number",
        "opens files past the walls with open_by_handle_at",
        "import ctypes\nif ctypes.CDLL(None).syscall(304, -100, 0, 0) >= 0:\n    loot.append('handle')\n",
    ),
]
MACHINE = [
    _looted(
        "secrets in the environment",
        "looks at all variables it can see",
        """
import os
known = {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "LANG", "LC_CTYPE", "PYTHONPATH", "PYTHONHASHSEED", "PWD",
         "PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX",
         "MPLBACKEND", "HF_HUB_OFFLINE", "OLDPWD", "SHLVL"}
strange = set(os.environ) - known
loot += [name for name in strange if not name.startswith(("KMP_", "TORCH", "PYDEVD"))]
""",
    ),
    _looted(
        "another process's environment",
        "reads /proc of its parents and siblings",
        """
import os
for pid in ["self", "thread-self", *range(1, 60)]:
    for file in ("environ", "cmdline", "maps", "mem", "root/etc/passwd", "cwd/solutions"):
        try:
            loot += [open(f"/proc/{pid}/{file}", "rb").read(10)]
        except OSError:
            pass
""",
    ),
    _looted(
        "memory of the parent",
        "attaches to its parent and reads its memory",
        """
import ctypes, os
libc = ctypes.CDLL(None)
for pid in (os.getppid(), 1, 2, 3):
    if pid > 0 and pid != os.getpid():
        if libc.ptrace(16, pid, 0, 0) == 0:
            loot.append(pid)
        buffer = ctypes.create_string_buffer(64)
        vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
        if libc.process_vm_readv(pid, vector, 1, vector, 1, 0) > 0:
            loot.append(pid)
""",
    ),
    _looted(
        "the network",
        "calls home by TCP, UDP, DNS and an abstract socket",
        """
import socket
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 53)), (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 22)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)), (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 631)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "\\0/tmp/.X11-unix/X0"), (socket.AF_UNIX, socket.SOCK_STREAM, "/run/dbus/socket"),
):
    try:
        with socket.socket(family, kind) as way:
            way.settimeout(0.5)
            way.connect(address)
            loot.append(address)
    except OSError:
        pass
try:
    loot += socket.getaddrinfo("example.org", 80)
except OSError:
    pass
""",
    ),
    _looted(
        "descriptors left open",
        "reads from every descriptor that it did not open",
        """
import os, stat
for fd in range(3, 256):
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        continue
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISFIFO(mode):
        loot.append(fd)
""",
    ),
    _looted(
        "a debugger in the warm process",
        "looks through all objects for a judge, a truth or a seed",
        """
import gc, sys
loot += [name for name in sys.modules if name.startswith(("course_utils.instructor", "course_utils.engine.grading", "course_utils.engine.making", "_solutions", "before_"))]
for thing in gc.get_objects():
    if type(thing).__name__ in ("UnitJudge", "Task", "Unit", "Skeleton", "Submission"):
        loot.append(type(thing))
""",
    ),
]
# what stands in a later unit in the place of a learner's own answer, and what may pass for a part of one
STAND_INS = [
    Hostile(
        "the stand-in of a module", STEAL, "hands in what later units take for its own module",
        cells={"AddTable": "from torch.nn import Identity as AddTable\n"}, loses=("AddTable",),
    ),
    Hostile(
        "what is given for what is asked", STEAL, "hands in the broken block that it was given to mend", unit=BLOCKS,
        cells={"MendedBlock": "class MendedBlock(BrokenBlock):\n    pass\n"}, loses=("MendedBlock",),
    ),
]  # fmt: skip
ATTACKS = [*FILES, *MACHINE, *FOLLOWED, *STAND_INS]
