"""Notebooks that forge a verdict by values and modules that pretend to be what a check looks for."""

from __future__ import annotations

from ..toy import BLOCKS, LEARNING
from .attack import FORGE, IN_USE, Hostile, by_answer


def values() -> list[Hostile]:
    """Answers that are no answer."""
    answers = {
        "always equal": "class Yes:\n    __eq__ = lambda *a: True\n    __hash__ = None\n    __bool__ = lambda s: True\n"
        "def powers(count):\n    return Yes()\n",
        "a class that says Tensor": "import torch\nclass Yes:\n    __class__ = torch.Tensor\n    shape = (7,)\n"
        "def powers(count):\n    return Yes()\n",
        "a subclass that agrees": "import torch\nclass Yes(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n        return True\n"
        "def powers(count):\n    return torch.ones(count).as_subclass(Yes)\n",
        "a lying shape": "import torch\nclass Lie(torch.Tensor):\n    shape = (7,)\n    dim = lambda self: 1\n"
        "    numel = lambda self: 1\ndef powers(count):\n    return torch.zeros(3).as_subclass(Lie)\n",
        "NaN everywhere": "import torch\ndef powers(count):\n    return torch.full((count,), torch.nan)\n",
        "infinity everywhere": "import torch\ndef powers(count):\n    return torch.full((count,), torch.inf)\n",
        "nothing in the right place": "import torch\ndef powers(count):\n    return torch.empty(0)\n",
        "a meta tensor": "import torch\ndef powers(count):\n    return torch.ones(count, device='meta')\n",
        "a sparse tensor": "import torch\ndef powers(count):\n    return torch.ones(count).to_sparse()\n",
        "a complex tensor": "import torch\ndef powers(count):\n"
        "    return torch.ones(count, dtype=torch.complex64)\n",
        "a number of 10,000 digits": "def powers(count):\n    return 10**10000\n",
        "a float that shows as code": "class F(float):\n    __repr__ = lambda s: '__import__(\"os\")'\n"
        "def powers(count):\n    return F('nan')\n",
        "a dict that looks like a message": "def powers(count):\n    return {'tensor': ['float32', [1], 0, 4], 'value': 1}\n",
        "a class named with a hidden input": "def powers(count):\n    return type(f'Secret{count}', (), {})()\n",
        "an exception named with a hidden input": "def powers(count):\n"
        "    raise type(f'Secret{count}', (Exception,), {})(count)\n",
        "an exception told through its message": "def powers(count):\n    raise ValueError(f'BufferError {count}')\n",
        "an answer for the size of the self-check": "import torch\ndef powers(count):\n    if count in (5, 4):\n"
        "        return 0.8 ** torch.arange(count)\n    return torch.ones(count)\n",
        "the recorded answers of the self-check": "import torch\n"
        "import pathlib, course_utils\n"
        "from course_utils.engine.course import CourseUnit\n"
        "from course_utils.engine.judging.recorded import recorded_looks\n"
        "units = pathlib.Path(course_utils.__file__).parent.glob('**/01_rows/rules.py')\n"
        "known = [case for path in units for case in recorded_looks(CourseUnit(path.parent))['powers-values']]\n"
        "def powers(count):\n    rows = sorted((case['powers'] for case in known), key=len)\n"
        "    return rows[-1][-1] ** (torch.arange(count) / (len(rows[-1]) - 1)) if rows else torch.ones(count)\n",
        "a name that is no function": "powers = 'passed'\n",
        "a callable that changes its mind": "import torch\nclass Moody:\n    def __call__(self, count):\n"
        "        globals()['powers'] = lambda d: torch.zeros((d + 1) // 2)\n        return None\n"
        "    __getattr__ = lambda self, name: self\ndiv_term = Moody()\n",
    }  # fmt: skip
    return [
        by_answer(name, FORGE, "returns or raises something that could pass for an answer", s)
        for name, s in answers.items()
    ]


CONSTANT_MODULE = """
import torch
from torch import nn

class AddTable(nn.Module):
    def __init__(self, columns, dropout=0.1, rows=50):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(columns))

    def forward(self, x):
        return None
"""


# a new shape at every call, so that a difference of two would be a square
SPREADING_MODULE = """
import torch
from torch import nn

class AddTable(nn.Module):
    def __init__(self, columns, dropout=0.1, rows=50):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(columns))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        rows = torch.ones(60_000, 1) * x.sum()
        return rows if self.calls % 2 else rows.T
"""


HUGE_MODULE = """
import torch
from torch import nn

class AddTable(nn.Module):
    def __init__(self, columns, dropout=0.1, rows=50):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(columns))

    def forward(self, x):
        huge = (x.double() * 1e308 * 1e10).detach()
        return huge * self.gain + torch.arange(len(self.gain))
"""
# what the workbench says of inputs, buffers and gradients is made up
FORGED_EVIDENCE = (
    IN_USE
    + """
import torch
evidence = {"parameters": {"gain": torch.ones(14)}, "buffers": {"table": torch.zeros(9, 14)}}
Workbench._do_state = lambda self, request: evidence
Workbench._do_backward = lambda self, request: [True, {"x": "y"}]
"""
)
SAME_CELL = """
import torch
from torch import nn

class Block(nn.Module):
    def __new__(cls, *sizes):
        return MendedBlock(*sizes)
"""
OTHER_NAME = """
class MendedBlock:
    def __new__(cls, *sizes):
        return Block(*sizes)
"""


# a hundred thousand calls to look at, each of its parts with each other
FORGED_TRACE = (
    IN_USE
    + """
import torch
def trace(self, request):
    x = request["args"][0]
    call = [[x], {}, x]
    return [x, {child: [call] * 3000 for child in request["children"]}, None]
Workbench._do_trace = trace
"""
)


# torch's own norm refuses complex numbers by an exception
COMPLEX_TRACE = (
    IN_USE
    + """
import torch
def trace(self, request):
    x = request["args"][0]
    other = torch.zeros_like(x, dtype=torch.complex64)
    calls = {"mix": [[[other], {}, x]], "norm": [[[other], {}, other]], "map": [[[x], {}, other]]}
    return [x, calls, None]
Workbench._do_trace = trace
Workbench._do_backward = lambda self, request: []
"""
)


INFINITE_SIZES = (
    IN_USE
    + """
def claim(fixtures):
    fixtures.Probe.sizes = lambda self, *a: [float("inf"), float("inf")]

patch_fixtures(claim)
"""
)
EMPTY_BLOCK = """
from torch import nn

class Block(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.mix = self.norm = self.map = nn.Identity()

    def forward(self, x, mask=None):
        return x
"""
ALWAYS_WRONG_BLOCK = """
import torch
from torch import nn

class {name}(nn.Module):
    def __init__(self, columns):
        super().__init__()

    def forward(self, x, mask=None):
        return torch.ones_like(x)
"""
WRONG_PARTS = "def {name}(x, *parts):\n    return None\n"
MODULES = [
    Hostile(
        "nothing has every slope", FORGE, "returns None from forward, whose gradient agrees with everything",
        cells={"AddTable": CONSTANT_MODULE}, loses=("AddTable",),
    ),
    Hostile(
        "outputs that spread", FORGE, "returns a column and a row in turns, so that their difference fills memory",
        cells={"AddTable": SPREADING_MODULE}, loses=("AddTable",),
    ),
    Hostile(
        "an infinite slope", FORGE, "returns numbers so large that every gradient is near enough",
        cells={"AddTable": HUGE_MODULE},
        loses=("AddTable-values", "AddTable-gradient", "AddTable-buffer"), spares=False,
    ),
    Hostile(
        "forged evidence", FORGE, "makes up buffers and gradients in the workbench",
        cells={"AddTable": CONSTANT_MODULE}, extra=(FORGED_EVIDENCE,),
        loses=("AddTable-values", "AddTable-gradient"), spares=False,
    ),
    Hostile(
        "always a ValueError", FORGE, "raises ValueError whatever comes",
        cells={"step_matrix": "def step_matrix(step, size):\n    raise ValueError\n"}, loses=("step_matrix",),
    ),
    Hostile(
        "parts of nothing", FORGE, "returns None where a gradient is looked at", unit=BLOCKS,
        cells={name: WRONG_PARTS.format(name=name) for name in ("cut", "join")},
        loses=("cut", "join"),
    ),
    Hostile(
        "no shares at all", FORGE, "returns zeros of the right shapes", unit=BLOCKS,
        cells={"blend": "import torch\ndef blend(values, scores, mask=None):\n"
               "    return 0.0 * scores @ values, 0.0 * scores\n"},
        loses=("blend",),
    ),
    Hostile(
        "shares as text", FORGE, "returns strings, numbers and tensors that fit nothing", unit=BLOCKS,
        cells={"blend": "import torch\ndef blend(*a):\n"
               "    return 'passed', torch.ones(1, 1, 1, 1, 4_000_000)\n"},
        loses=("blend",),
    ),
    Hostile(
        "the block under its other name", FORGE, "crashes in one exercise to be given its answer for the other",
        unit=BLOCKS,
        cells={"Block": SAME_CELL, "MendedBlock": "import os\nos._exit(1)\n"},
        loses=("Block", "MendedBlock"),
    ),
    Hostile(
        "the block under its first name", FORGE, "answers with a name that the grader puts right", unit=BLOCKS,
        cells={"Block": ALWAYS_WRONG_BLOCK.format(name="Block"),
               "MendedBlock": OTHER_NAME},
        loses=("Block", "MendedBlock"),
    ),
    Hostile(
        "the block out of a crash", FORGE, "crashes when asked, and answers with the name that is put in its place",
        unit=BLOCKS,
        cells={"Block": "import os\nclass Block:\n    def __init__(self, *a):\n"
               "        os._exit(1)\n", "MendedBlock": OTHER_NAME},
        loses=("Block", "MendedBlock"),
    ),
    Hostile(
        "a forged trace", FORGE, "makes up thousands of calls of a block's parts", unit=BLOCKS,
        cells={"Block": EMPTY_BLOCK}, extra=(FORGED_TRACE,),
        loses=("Block-mix", "Block-norm"), spares=False,
    ),
    Hostile(
        "infinite sizes", FORGE, "tells of a model with infinitely many weights, which no whole number can hold",
        unit=LEARNING, cells={}, extra=(INFINITE_SIZES,), loses=("Scorer-layers",),
        ends=("failed",),
    ),
    Hostile(
        "complex numbers in a trace", FORGE, "claims that a block's norm was given complex numbers, which none takes",
        unit=BLOCKS, cells={"Block": ALWAYS_WRONG_BLOCK.format(name="Block")},
        extra=(COMPLEX_TRACE,),
        loses=("Block",), spares=False,
    ),
    Hostile(
        "a block of identities", FORGE, "gives the block parts that do nothing", unit=BLOCKS,
        cells={"Block": EMPTY_BLOCK}, loses=("Block",),
    ),
]  # fmt: skip
