"""Notebooks that forge a verdict: by patches of what compares, by words on the wire, by values that pretend."""

from __future__ import annotations

from .attack import FORGE, IN_USE, TELLING, UNIT_02, UNIT_03, UNIT_04, Hostile, by_answer, by_cell

# a descriptor of the channel, found like a thief would
CHANNEL = """
import os, socket, stat
channels = []
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            channels.append(fd)
    except OSError:
        pass
"""

# frames of the protocol, made with the course's own codec
FRAME = (
    CHANNEL
    + """
import torch
from course_utils.engine.asking import codec
right_looking = codec.encode({"value": torch.tensor([1.0, 0.1, 0.01])})
"""
)

PATCHES = [
    by_cell(
        "patched comparisons",
        FORGE,
        "makes torch's comparisons say yes",
        """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.isclose = lambda a, b, **k: torch.ones_like(a, dtype=torch.bool)
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.allclose = lambda *a, **k: True
""",
    ),
    by_cell(
        "patched Tensor methods",
        FORGE,
        "makes every tensor equal to every other",
        """
import torch
torch.Tensor.__eq__ = lambda a, b: torch.ones(1, dtype=torch.bool)
torch.Tensor.__ne__ = lambda a, b: torch.zeros(1, dtype=torch.bool)
torch.Tensor.all = torch.Tensor.any = lambda *a, **k: torch.tensor(True)
""",
        spares=False,
    ),
    by_cell(
        "patched numpy and math",
        FORGE,
        "makes numpy's and math's comparisons say yes",
        """
import math, numpy
math.isclose = lambda *a, **k: True
numpy.allclose = numpy.array_equal = lambda *a, **k: True
numpy.testing.assert_allclose = lambda *a, **k: None
""",
    ),
    by_cell(
        "patched builtins",
        FORGE,
        "replaces zip, all, any, abs and isinstance",
        """
import builtins
builtins.all = lambda *a: True
builtins.any = lambda *a: False
builtins.abs = lambda value: 0
""",
        spares=False,
    ),
    by_cell(
        "patched judge",
        FORGE,
        "replaces the judge's functions in its own process",
        """
from course_utils.engine.judging import judge
from course_utils.engine.learning import report
judge.differs = lambda *a, **k: None
judge._unequal = lambda *a, **k: ""
judge.verdict = lambda rule, *a, **k: judge.Verdict(rule.name, "passed")
""",
    ),
    by_cell(
        "patched rules",
        FORGE,
        "replaces the rules' functions in its own process",
        """
from course_utils.selfcheck.rules import positional_encoding
positional_encoding.div_term_values.rule = None
positional_encoding.div_term_values = lambda student, draw: {}
positional_encoding.VISIBLE_CASES["div_term"] = []
""",
    ),
    by_cell(
        "replaced perform",
        FORGE,
        "lets the workbench answer every request with True",
        IN_USE
        + """
Workbench.perform = lambda self, request: {"value": True}
""",
        spares=False,
    ),
    by_cell(
        "a verdict as the answer",
        FORGE,
        "lets the workbench answer with a verdict",
        IN_USE
        + """
honest = Workbench.perform
def perform(self, request):
    if request.get("name") == "div_term" and request["do"] == "call":
        return {"value": {"outcome": "passed", "points": 3, "check": "div_term-values"}}
    return honest(self, request)
Workbench.perform = perform
""",
    ),
    by_cell(
        "value and error at once",
        FORGE,
        "answers with a value and an error together",
        IN_USE
        + """
honest = Workbench.perform
def perform(self, request):
    answer = honest(self, request)
    return answer | {"error": None, "passed": True} if request.get("name") == "div_term" else answer
Workbench.perform = perform
""",
        ends=("failed",),
        spares=False,
    ),
    by_cell(
        "an error told with markup",
        FORGE,
        "tells of exceptions whose names are a script, a path and a format",
        IN_USE
        + """
names = ["<script>alert(1)</script>", "{type}{0.__class__}", "../../../etc/passwd", "ValueError" * 1000]
in_use["describe"] = lambda error: {"types": names, "cell": "div_term", "line": 10**30}
""",
        "def div_term(d_model):\n    raise RuntimeError\n",
        spares=False,
    ),
    by_cell(
        "a line number as a channel",
        FORGE,
        "tells of an exception in a line that is a hidden input and a thousand",
        IN_USE
        + """
honest = in_use["describe"]
def describe(error):
    told = honest(error)
    if isinstance(error, LookupError):
        told |= {"cell": "div_term", "line": 1000 + error.args[0]}
    return told
in_use["describe"] = describe
""",
        "def div_term(d_model):\n    raise LookupError(d_model)\n",
        ends=("error",),
    ),
    by_answer(
        "a line of a cell that is not there",
        FORGE,
        "raises in code of its own that claims to be the exercise's cell and has a thousand lines more",
        "def div_term(d_model):\n"
        "    exec(compile('\\n' * (1000 + d_model) + 'raise LookupError', '<cell div_term>', 'exec'))\n",
        ends=("error",),
    ),
    by_answer(
        "a cell's name as a channel",
        FORGE,
        "raises in code that claims to be of a cell named by a hidden input",
        "def div_term(d_model):\n    exec(compile('raise LookupError', f'<cell Secret{d_model}>', 'exec'))\n",
        ends=("error",),
    ),
    by_cell(
        "replaced codec",
        FORGE,
        "encodes every answer as a frame of its own making",
        IN_USE
        + """
codec.encode = lambda value: codec.LENGTHS.pack(4, 0) + b"true"
""",
        spares=False,
    ),
    by_cell(
        "pickle on the wire",
        FORGE,
        "sends a pickle that would run code where it is read",
        FRAME
        + """
import pickle
class Bomb:
    def __reduce__(self):
        return (os.system, ("touch /tmp/was-here",))
body = pickle.dumps(Bomb())
codec.encode = lambda value: codec.LENGTHS.pack(len(body), 0) + body
""",
        spares=False,
    ),
    by_cell(
        "points in the output",
        FORGE,
        "prints points and shows 5.0 as a result, as nbgrader counts it",
        'import sys\nprint(\'{"points": 3, "outcome": "passed"}\')\nsys.displayhook(5.0)\n5.0',
    ),
    by_cell(
        "a transformer of cells",
        FORGE,
        "rewrites later cells through IPython's transformers",
        """
import ast
class Yes(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
shell = get_ipython()
shell.ast_transformers.append(Yes())
shell.input_transformers_post.append(lambda lines: [line.replace("10000", "1") for line in lines])
""",
        spares=False,
    ),
    by_cell(
        "stubbed modules",
        FORGE,
        "puts modules that say yes into sys.modules",
        """
import sys, types
class Yes(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: True
for name in ("torch.testing", "course_utils.engine.judging.judge", "course_utils.engine.grading.grader", "nbgrader"):
    sys.modules[name] = Yes(name)
""",
    ),
    by_cell(
        "an import hook",
        FORGE,
        "watches imports to get hold of hidden tests",
        """
import sys
loot = []
class Hook:
    def find_spec(self, name, path=None, target=None):
        if "hidden" in name or "solutions" in name or "reference" in name:
            loot.append(name)
sys.meta_path.insert(0, Hook())
""",
        TELLING,
    ),
    by_cell(
        "a trace of every frame",
        FORGE,
        "traces the process and takes what is called expected",
        """
import sys, torch
loot = []
def spy(frame, event, argument):
    for name in ("expected", "wanted", "truth", "hidden"):
        if isinstance(frame.f_locals.get(name), torch.Tensor):
            loot.append(frame.f_locals[name])
    return spy
sys.settrace(spy)
""",
        TELLING,
    ),
    by_cell(
        "a namespace that lies",
        FORGE,
        "puts the names of truths and rules over its own",
        "POINTS = {'div_term-values': 3}\nCASES = {'div_term': []}\n__name__ = 'hidden_tests'\n",
    ),
]

WIRE = [
    by_cell(
        "an answer ahead of the request",
        FORGE,
        "writes an answer into the channel before anything is asked",
        FRAME + "for fd in channels:\n    os.write(fd, right_looking)\n",
        spares=False,
    ),
    by_cell(
        "many answers ahead",
        FORGE,
        "fills the channel with answers",
        FRAME
        + """
for fd in channels:
    os.set_blocking(fd, False)
    try:
        for _ in range(500):
            os.write(fd, right_looking)
    except BlockingIOError:
        pass
    os.set_blocking(fd, True)
""",
        spares=False,
    ),
    by_cell(
        "a promise of bytes",
        FORGE,
        "announces 2^63 bytes that never come",
        FRAME + "for fd in channels:\n    os.write(fd, codec.LENGTHS.pack(2**63, 2**63))\n",
        spares=False,
    ),
    by_answer(
        "an answer from inside the call",
        FORGE,
        "writes the answer itself and then leaves",
        FRAME + "def div_term(d_model):\n    os.write(channels[0], right_looking)\n    os._exit(0)\n",
    ),
    by_cell(
        "a server of its own",
        FORGE,
        "takes the workbench's place and answers everything",
        FRAME
        + """
channel = socket.socket(fileno=channels[0])
channel.sendall(codec.encode({"value": None}))
while True:
    request = codec.receive(channel)
    channel.sendall(codec.encode({"value": torch.ones(11)}))
""",
        spares=False,
    ),
    by_cell(
        "noise in the channel",
        FORGE,
        "writes bytes that are no message",
        FRAME + "for fd in channels:\n    os.write(fd, bytes(range(256)) * 8)\n",
        spares=False,
    ),
    by_cell(
        "deep JSON on the wire",
        FORGE,
        "answers with ten thousand nested lists",
        IN_USE
        + """
header = b'{"list":[' * 10000 + b']}' * 10000
codec.encode = lambda value: codec.LENGTHS.pack(len(header), 0) + header
""",
        spares=False,
    ),
    by_cell(
        "impossible shapes on the wire",
        FORGE,
        "claims tensors of other shapes than their bytes",
        IN_USE
        + """
claims = [["float32", [11], 0, 0], ["float32", [0, 2**62], 0, 0], ["float32", [-1], 0, 4], ["float32", [2**70], 0, 4],
          ["float32", [True], 0.0, 4], ["object", [1], 0, 8], ["float32", ["11"], 0, 44], "abcd", [[], {}, None, 1]]
honest, state = codec._pack, [0]
def pack(value, raw, depth):
    if depth == 1 and getattr(value, "shape", None) is not None:
        state[0] += 1
        return {"tensor": claims[state[0] % len(claims)]}
    return honest(value, raw, depth)
codec._pack = pack
""",
        spares=False,
    ),
    by_cell(
        "a gradient that fills memory",
        FORGE,
        "answers a gradient whose shape spreads over the direction's",
        IN_USE
        + """
import torch
honest = Workbench._do_backward
def backward(self, request):
    return [torch.ones(4_000_000, 1, 1, 1) for _ in honest(self, request)]
Workbench._do_backward = backward
""",
        loses=("div_term", "PositionalEncoding-gradient"),
    ),
]


def _values() -> list[Hostile]:
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
training.Probe.sizes = lambda self, *a: [float("inf"), float("inf")]
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

ATTACKS = [*PATCHES, *WIRE, *_values(), *MODULES]
