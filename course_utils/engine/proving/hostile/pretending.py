"""Notebooks that forge a verdict by values and modules that pretend to be what a check looks for."""

from __future__ import annotations

from .attack import FORGE, IN_USE, UNIT_02, UNIT_03, UNIT_04, Hostile, by_answer


def values() -> list[Hostile]:
    """Answers that are no answer."""
    answers = {
        "always equal": "class Yes:\n    __eq__ = lambda *a: True\n    __hash__ = None\n    __bool__ = lambda s: True\n"
        "def div_term(d_model):\n    return Yes()\n",
        "a class that says Tensor": "import torch\nclass Yes:\n    __class__ = torch.Tensor\n    shape = (11,)\n"
        "def div_term(d_model):\n    return Yes()\n",
        "a subclass that agrees": "import torch\nclass Yes(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n        return True\n"
        "def div_term(d_model):\n    return torch.ones((d_model + 1) // 2).as_subclass(Yes)\n",
        "a lying shape": "import torch\nclass Lie(torch.Tensor):\n    shape = (11,)\n    dim = lambda self: 1\n"
        "    numel = lambda self: 1\ndef div_term(d_model):\n    return torch.zeros(3).as_subclass(Lie)\n",
        "NaN everywhere": "import torch\ndef div_term(d_model):\n    return torch.full(((d_model + 1) // 2,), torch.nan)\n",
        "infinity everywhere": "import torch\ndef div_term(d_model):\n    return torch.full(((d_model + 1) // 2,), torch.inf)\n",
        "nothing in the right place": "import torch\ndef div_term(d_model):\n    return torch.empty(0)\n",
        "a meta tensor": "import torch\ndef div_term(d_model):\n    return torch.ones((d_model + 1) // 2, device='meta')\n",
        "a sparse tensor": "import torch\ndef div_term(d_model):\n    return torch.ones((d_model + 1) // 2).to_sparse()\n",
        "a complex tensor": "import torch\ndef div_term(d_model):\n"
        "    return torch.ones((d_model + 1) // 2, dtype=torch.complex64)\n",
        "a number of 10,000 digits": "def div_term(d_model):\n    return 10**10000\n",
        "a float that shows as code": "class F(float):\n    __repr__ = lambda s: '__import__(\"os\")'\n"
        "def div_term(d_model):\n    return F('nan')\n",
        "a dict that looks like a message": "def div_term(d_model):\n    return {'tensor': ['float32', [1], 0, 4], 'value': 1}\n",
        "a class named with a hidden input": "def div_term(d_model):\n    return type(f'Secret{d_model}', (), {})()\n",
        "an exception named with a hidden input": "def div_term(d_model):\n"
        "    raise type(f'Secret{d_model}', (Exception,), {})(d_model)\n",
        "an exception told through its message": "def div_term(d_model):\n    raise ValueError(f'BufferError {d_model}')\n",
        "an answer for the size of the self-check": "import torch\ndef div_term(d_model):\n    if d_model in (18, 7):\n"
        "        return 10000 ** (-torch.arange(0, d_model, 2) / d_model)\n    return torch.ones((d_model + 1) // 2)\n",
        "the recorded answers of the self-check": "import torch\n"
        "from course_utils.engine.judging.recorded import recorded_looks\n"
        "known = recorded_looks('01_positional_encoding')['div_term-values']\n"
        "def div_term(d_model):\n    return next((t for c in known for t in c.values() if len(t) == (d_model + 1) // 2),"
        " known[0]['frequencies'])\n",
        "a name that is no function": "div_term = 'passed'\n",
        "a callable that changes its mind": "import torch\nclass Moody:\n    def __call__(self, d_model):\n"
        "        globals()['div_term'] = lambda d: torch.zeros((d + 1) // 2)\n        return None\n"
        "    __getattr__ = lambda self, name: self\ndiv_term = Moody()\n",
    }  # fmt: skip
    return [
        by_answer(name, FORGE, "returns or raises something that could pass for an answer", s)
        for name, s in answers.items()
    ]


CONSTANT_MODULE = """
import torch
from torch import nn

class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()

    def forward(self, x):
        return None
"""


# a new shape at every call, so that a difference of two would be a square
SPREADING_MODULE = """
import torch
from torch import nn

class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        rows = torch.ones(60_000, 1) * x.sum()
        return rows if self.calls % 2 else rows.T
"""


HUGE_MODULE = """
import torch
from torch import nn

class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()

    def forward(self, x):
        return (x.double() * 1e308 * 1e10).detach()
"""
# what the workbench says of inputs, buffers and gradients is made up
FORGED_EVIDENCE = (
    IN_USE
    + """
import torch
Workbench._do_state = lambda self, request: {"parameters": {}, "buffers": {"pe": torch.zeros(9, 14)}}
Workbench._do_backward = lambda self, request: [True, {"x": "y"}]
"""
)
SAME_CELL = """
import torch
from torch import nn

class TransformerEncoderLayer(nn.Module):
    def __new__(cls, *sizes):
        return RepairedEncoderLayer(*sizes)
"""
OTHER_NAME = """
class RepairedEncoderLayer:
    def __new__(cls, *sizes):
        return TransformerEncoderLayer(*sizes)
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


# torch's own attention refuses complex numbers by an assertion
COMPLEX_TRACE = (
    IN_USE
    + """
import torch
def trace(self, request):
    x = request["args"][0]
    other = torch.zeros_like(x, dtype=torch.complex64)
    calls = {"norm1": [[[x], {}, other]], "self_attn": [[[other], {}, x]], "ff": [], "norm2": []}
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
EMPTY_LAYER = """
from torch import nn

class TransformerEncoderLayer(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.self_attn = self.norm1 = self.ff = self.norm2 = nn.Identity()

    def forward(self, x, mask=None):
        return x
"""
ALWAYS_WRONG_LAYER = """
import torch
from torch import nn

class {name}(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()

    def forward(self, x, mask=None):
        return torch.ones_like(x)
"""
WRONG_HEADS = "def {name}(x, *num_heads):\n    return None\n"
MODULES = [
    Hostile(
        "nothing has every slope", FORGE, "returns None from forward, whose gradient agrees with everything",
        cells={"PositionalEncoding": CONSTANT_MODULE}, loses=("PositionalEncoding",),
    ),
    Hostile(
        "outputs that spread", FORGE, "returns a column and a row in turns, so that their difference fills memory",
        cells={"PositionalEncoding": SPREADING_MODULE}, loses=("PositionalEncoding",),
    ),
    Hostile(
        "an infinite slope", FORGE, "returns numbers so large that every gradient is near enough",
        cells={"PositionalEncoding": HUGE_MODULE},
        loses=("PositionalEncoding-values", "PositionalEncoding-gradient", "PositionalEncoding-buffer"), spares=False,
    ),
    Hostile(
        "forged evidence", FORGE, "makes up buffers and gradients in the workbench",
        cells={"PositionalEncoding": CONSTANT_MODULE}, extra=(FORGED_EVIDENCE,),
        loses=("PositionalEncoding-values", "PositionalEncoding-gradient"), spares=False,
    ),
    Hostile(
        "always a ValueError", FORGE, "raises ValueError whatever comes",
        cells={"shift_matrix": "def shift_matrix(offset, d_model):\n    raise ValueError\n"}, loses=("shift_matrix",),
    ),
    Hostile(
        "heads of nothing", FORGE, "returns None where a gradient is looked at", unit=UNIT_02,
        cells={name: WRONG_HEADS.format(name=name) for name in ("split_heads", "merge_heads")},
        loses=("split_heads", "merge_heads"),
    ),
    Hostile(
        "uniform attention", FORGE, "returns zeros of the right shapes", unit=UNIT_02,
        cells={"scaled_dot_product_attention": "import torch\ndef scaled_dot_product_attention(q, k, v, mask=None):\n"
               "    return q.new_zeros(*q.shape[:-1], v.size(-1)), q.new_zeros(*q.shape[:-1], k.size(-2))\n"},
        loses=("scaled_dot_product_attention",),
    ),
    Hostile(
        "attention as text", FORGE, "returns strings, numbers and tensors that fit nothing", unit=UNIT_02,
        cells={"scaled_dot_product_attention": "import torch\ndef scaled_dot_product_attention(*a):\n"
               "    return 'passed', torch.ones(1, 1, 1, 1, 4_000_000)\n"},
        loses=("scaled_dot_product_attention",),
    ),
    Hostile(
        "the layer under its other name", FORGE, "crashes in one exercise to be given its answer for the other",
        unit=UNIT_03,
        cells={"TransformerEncoderLayer": SAME_CELL, "RepairedEncoderLayer": "import os\nos._exit(1)\n"},
        loses=("TransformerEncoderLayer", "RepairedEncoderLayer"),
    ),
    Hostile(
        "the layer under its first name", FORGE, "answers with a name that the grader puts right", unit=UNIT_03,
        cells={"TransformerEncoderLayer": ALWAYS_WRONG_LAYER.format(name="TransformerEncoderLayer"),
               "RepairedEncoderLayer": OTHER_NAME},
        loses=("TransformerEncoderLayer", "RepairedEncoderLayer"),
    ),
    Hostile(
        "the layer out of a crash", FORGE, "crashes when asked, and answers with the name that is put in its place",
        unit=UNIT_03,
        cells={"TransformerEncoderLayer": "import os\nclass TransformerEncoderLayer:\n    def __init__(self, *a):\n"
               "        os._exit(1)\n", "RepairedEncoderLayer": OTHER_NAME},
        loses=("TransformerEncoderLayer", "RepairedEncoderLayer"),
    ),
    Hostile(
        "a forged trace", FORGE, "makes up thousands of calls of a layer's parts", unit=UNIT_03,
        cells={"TransformerEncoderLayer": EMPTY_LAYER}, extra=(FORGED_TRACE,),
        loses=("TransformerEncoderLayer-norm1", "TransformerEncoderLayer-norm2"), spares=False,
    ),
    Hostile(
        "infinite sizes", FORGE, "tells of a model with infinitely many weights, which no whole number can hold",
        unit=UNIT_04, cells={}, extra=(INFINITE_SIZES,), loses=("TransformerEncoderClassifier-layers",),
        ends=("failed",),
    ),
    Hostile(
        "complex numbers in a trace", FORGE, "claims that a layer's attention was given complex numbers, which none takes",
        unit=UNIT_03, cells={"TransformerEncoderLayer": ALWAYS_WRONG_LAYER.format(name="TransformerEncoderLayer")},
        extra=(COMPLEX_TRACE,),
        loses=("TransformerEncoderLayer",), spares=False,
    ),
    Hostile(
        "a layer of identities", FORGE, "gives the layer parts that do nothing", unit=UNIT_03,
        cells={"TransformerEncoderLayer": EMPTY_LAYER}, loses=("TransformerEncoderLayer",),
    ),
]  # fmt: skip
