"""Right answers that look odd: they print, warn, log, use magics or stand among failing cells, and lose nothing."""

from __future__ import annotations

from ...grading.task import Patience
from .attack import UNIT_01, Hostile

HONEST = "honest among hostile"

NOISE = {
    "prints": "print('hello', 1, 2.5, ['a'] * 100)",
    "prints a hundred kilobytes": "print('x' * 100_000)",
    "writes to stderr": "import sys\nprint('careful!', file=sys.stderr)",
    "warns": "import warnings\nwarnings.warn('this is deprecated', DeprecationWarning)\nwarnings.warn('and this')",
    "turns warnings into errors": "import warnings\nwarnings.simplefilter('error')",
    "logs": "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.error('all well')",
    "uses magics": "%matplotlib inline\n%time sum(range(10))\n%config InlineBackend.figure_format = 'svg'\n!echo hello",
    "uses a cell magic": "%%time\nx = 1",
    "plots": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "displays": "from IPython.display import Markdown, display\ndisplay(Markdown('**hello**'))",
    "fails": "1 / 0",
    "fails to parse": "this is no Python (",
    "asks for input": "name = input('your name? ')",
    "leaves by sys.exit": "import sys\nsys.exit(0)",
    "imports what is not there": "import no_such_module",
    "interrupts": "raise KeyboardInterrupt",
    "sets a seed": "import torch, random, numpy\ntorch.manual_seed(0)\nrandom.seed(0)\nnumpy.random.seed(0)",
    "writes a file": "open('notes.txt', 'w').write('hello')\nprint(open('notes.txt').read())",
    "switches the gradient off": "import torch\ntorch.set_grad_enabled(False)",
    "starts a thread": "import threading\nthreading.Thread(target=print, args=('hello',)).start()",
    "dies in a cell of its own": "import os\nos._exit(1)",
    "shadows names": "list_of_names = ['pe']\nd_model = 4\nmax_len = 2\nx = None\nscores = 3",
}

LOUD = """
import logging
import sys
import warnings

def loud(function):
    def wrapper(*args, **kwargs):
        print("asked with", len(args), "arguments")
        print("careful", file=sys.stderr)
        warnings.warn("old")
        logging.warning("logged")
        return function(*args, **kwargs)
    return wrapper
"""

LOUD_ANSWER = """
import torch

@loud
def div_term(d_model):
    return 10000 ** (-torch.arange(0, d_model, 2) / d_model)
"""

HELPERS = "import math as m\nBASE = 10_000\n\ndef power(share):\n    return BASE ** -share\n"
HELPED_ANSWER = (
    "def div_term(d_model):\n    return torch.tensor([power(2 * i / d_model) for i in range(m.ceil(d_model / 2))])\n"
)

BESIDE = "def power(share):\n    return 10_000 ** -share\n"
BESIDE_ANSWER = "import torch\nfrom utils import power\n" + HELPED_ANSWER.replace(
    "m.ceil(d_model / 2)", "(d_model + 1) // 2"
)

ANSWERS = [
    Hostile(f"a cell that {name}", HONEST, "is right", UNIT_01, {}, (source,), loses=(), walls=name.startswith("dies"))
    for name, source in NOISE.items()
] + [
    Hostile("answers that are loud", HONEST, "is right", UNIT_01, {"div_term": LOUD_ANSWER}, (LOUD,), loses=(), walls=False),
    Hostile("helpers in a cell of their own", HONEST, "is right", UNIT_01, {"div_term": HELPED_ANSWER}, (HELPERS,), loses=(),
            walls=False),
    Hostile("experiments that take too long", HONEST, "is right", UNIT_01, {},
            tuple(f"for step in range(10**12):\n    loss = 1 / (step + {n})" for n in range(1, 10)), loses=(), walls=False,
            patience=Patience(cell_seconds=2.0, exercise_seconds=8.0, submission_seconds=16.0)),
    Hostile("modules called like those of others", HONEST, "is right", UNIT_01, {"div_term": BESIDE_ANSWER}, loses=(), walls=False,
            beside={"utils.py": BESIDE, "torch.py": "", "math.py": "1 / 0", "course_utils/__init__.py": "", "data/x.csv": "1"}),
    Hostile("all of it at once", HONEST, "is right", UNIT_01, {"div_term": LOUD_ANSWER},
            (LOUD, *(source for name, source in NOISE.items() if not name.startswith(("dies", "turns")))), loses=(), walls=False),
]  # fmt: skip
