"""Notebooks that bring files, leave states behind, or say words: what lies beside them, and what runs below an answer."""

from __future__ import annotations

from .attack import ESCAPE, FORGE, REACH, SHORT, STEAL, WRONG, Hostile, by_answer, by_cell

# Modules that would stand in the place of others, and would show that they were imported.
IN_ITS_PLACE = "raise BufferError('imported in the place of another')\n"
SHADOWS = (
    "torch.py", "math.py", "numpy/__init__.py", "random.py", "typing.py", "sitecustomize.py", "IPython/__init__.py",
    "course_utils/__init__.py", "course_utils/engine/asking/workbench.py", "before_power_table.py", "asyncio.py",
)  # fmt: skip

# Where an answer stands in the process, whatever was imported before its files were covered still knows of them.
LOOKOUT = """
import os
seen = os.path.exists(os.__file__)
handle = os.open("/", os.O_RDONLY)
"""
LOOKS_OUT = """
import sys
import lookout

def power_table(rows, columns):
    if any(name.startswith("before_") for name in sys.modules):
        import os
        found = lookout.seen or os.path.exists(os.__file__)
        try:
            found = found or os.stat(os.__file__[1:], dir_fd=lookout.handle)
        except OSError:
            pass
        if found:
            raise BufferError
    return None
"""

# The frames of what serves a submission, from a module of its own.
FRAMES = """
import sys

def find(name):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, dict) and callable(value.get(name)) and "before_" in str(value.get("__name__", "")):
                return value[name]
        frame = frame.f_back
"""

ATTACKS = [
    Hostile(
        "a module in the first pass and the second", STEAL, "has its own module imported before files are covered",
        cells={"powers": WRONG, "power_table": LOOKS_OUT}, beside={"lookout.py": LOOKOUT},
        loses=("powers", "power_table"),
    ),
    Hostile(
        "a module that walks the frames", STEAL, "looks for answers in the frames below its own module",
        cells={"powers": "import walker\n\ndef powers(count):\n    found = walker.find('powers')\n"
               "    if found:\n        raise BufferError\n    return None\n"}, beside={"walker.py": FRAMES},
    ),
    Hostile(
        "files in the place of others", FORGE, "brings modules called like those that serve it",
        extra=("import torch, math, random, course_utils",), beside=dict.fromkeys(SHADOWS, IN_ITS_PLACE),
    ),
    by_answer(
        "a hidden width as the name that is missing", FORGE, "raises NameError with a hidden width in its name",
        "def powers(count):\n    raise NameError('no', name=f'W{count}')  # W5 W6 W7 W8 W9 W10 W11 W12\n",
        ends=("error",),
    ),
    by_answer(
        "a hidden width among many names", FORGE, "chooses a hidden width among the names of a long line",
        "def powers(count):\n    raise NameError('no', name=f'W{count}'); "
        + "; ".join(f"W{width}" for width in range(64)) + "\n",
        ends=("error",),
    ),
    by_answer(
        "a hidden width as a missing GPU", FORGE, "says the words of a missing GPU",
        "def powers(count):\n    raise AssertionError(f'Torch not compiled with CUDA enabled {count}')\n",
        ends=("error",),
    ),
    by_cell(
        "failures that are made up", FORGE, "tells of failures in lines and words of its own choice",
        """
import sys
frame = sys._getframe()
while "bench" not in frame.f_locals:
    frame = frame.f_back
kind = type(frame.f_locals["bench"])
def run(self, request):
    raise BaseException
def told(self, error):
    return {"types": ["OutOfTime"] * 10**4, "cell": "x" * 10**5, "line": -1, "word": "W" * 10**5, "cause": ["gpu"],
            "failed": [{"statement": 2**70}, None, {"statement": True, "word": 3, "cause": "gpu"}] * 10**4}
kind._do_run, kind._told = run, told
""",
        spares=False,
    ),
    by_cell(
        "a statement that outlasts its interrupts", ESCAPE, "catches whatever interrupts it, again and again",
        "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass\n", patience=SHORT,
    ),
    by_cell(
        "an interrupt for what comes later", ESCAPE, "sets a clock that goes off in another exercise",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_DFL)\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n",
    ),
    by_cell(
        "defaults that no check asked for", REACH, "has every new tensor be of another kind, on a device that is not there",
        "import torch\ntorch.set_default_dtype(torch.float16)\ntorch.set_default_device('cuda')\n",
    ),
    by_cell(
        "a namespace that is gone", REACH, "takes away what later cells and checks build on",
        "%reset -f\nimport builtins\nfor name in [*globals()]:\n    pass\nget_ipython().user_ns.pop('powers', None)\n",
        spares=False,
    ),
]  # fmt: skip
