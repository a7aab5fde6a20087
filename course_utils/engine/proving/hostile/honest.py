"""Right answers that look odd: they print, warn, log, use magics or stand among failing cells, and lose nothing."""

from __future__ import annotations

from ...grading.task import Patience
from ..toy import ROWS
from .attack import Hostile

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
    "shadows names": "list_of_names = ['table']\ncount = 4\nrows = 2\nx = None\nscores = 3",
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
def powers(count):
    return 0.8 ** torch.arange(count)
"""

HELPERS = "import math as m\nBASE = 0.8\n\ndef power(exponent):\n    return m.pow(BASE, exponent)\n"
HELPED_ANSWER = "def powers(count):\n    return torch.tensor([power(number) for number in range(count)])\n"

ANSWERS = [
    Hostile(f"a cell that {name}", HONEST, "is right", ROWS, {}, (source,), loses=(), walls=name.startswith("dies"))
    for name, source in NOISE.items()
] + [
    Hostile("answers that are loud", HONEST, "is right", ROWS, {"powers": LOUD_ANSWER}, (LOUD,), loses=(), walls=False),
    Hostile("helpers in a cell of their own", HONEST, "is right", ROWS, {"powers": HELPED_ANSWER}, (HELPERS,), loses=(),
            walls=False),
    Hostile("experiments that take too long", HONEST, "is right", ROWS, {},
            tuple(f"for step in range(10**12):\n    loss = 1 / (step + {n})" for n in range(1, 10)), loses=(), walls=False,
            patience=Patience(cell_seconds=2.0, exercise_seconds=8.0, submission_seconds=16.0)),
    Hostile("all of it at once", HONEST, "is right", ROWS, {"powers": LOUD_ANSWER},
            (LOUD, *(source for name, source in NOISE.items() if not name.startswith(("dies", "turns")))), loses=(), walls=False),
]  # fmt: skip
