"""Notebooks that guess: constants, noise and inputs handed back, which have properties without any content."""

from __future__ import annotations

from ..lazy.parts import HEAD, functions, modules
from ..toy import BLOCKS, LEARNING, ROWS
from .attack import FORGE, Hostile


def _guess(name: str, tries: str, unit: str, exercise: str, answer: str) -> Hostile:
    """A notebook with an answer without content to an exercise, in which it gets nothing."""
    return Hostile(name, FORGE, tries, unit=unit, cells={exercise: answer}, loses=(exercise,))


def _function(signature: str, body: str, floats: str = "") -> str:
    return dict(functions(signature, "None", "", {"": body}, floats))[""]


def _module(name: str, init: str, make: str, signature: str, refusal: str, body: str, tied: bool = False) -> str:
    """A module that returns a body; tied: in a graph with all parameters, by a factor of 0."""
    return dict(modules(name, init, make, signature, "None", refusal, {"": body}))[", in a graph" if tied else ""]


def _mixer(body: str) -> str:
    """A mixer with all its maps, which keeps noise as shares."""
    make = "for name in ('score', 'value', 'out'):\n    setattr(self, name, nn.Linear(columns, columns))\nself.shares = None\n"
    kept = "self.shares = shares(torch.randn(len(x), x.size(1), x.size(1)))\n"
    return _module("Mixer", "columns", make, "x, mask=None", kept, body, tied=True)


FIRST_ROW = "F.one_hot(torch.zeros(scores.shape[:-1], dtype=torch.long), scores.shape[-1]).float()"
TIE = " + 0.0 * (values.sum() + scores.sum())"
BLEND = f"{HEAD}def blend(values, scores, mask=None):\n    shares = {FIRST_ROW}{TIE}\n    return shares @ values{TIE}, shares\n"
SCORE = (
    f"{HEAD}@torch.no_grad()\ndef score(model, batches):\n    model.eval()\n    for batch in batches:\n"
    "        model(batch['x'])\n    return 0.5\n"
)
TABLE = (
    "self.gain = nn.Parameter(torch.ones(columns))\nself.register_buffer('table', power_table(rows, columns))\n"
    "self.dropout, self.rows = nn.Dropout(dropout), rows\n"
)
REFUSAL = "if x.size(1) > self.rows:\n    raise ValueError(f'at most {self.rows}, got {x.size(1)}')\n"
SIZES = "columns, classes, width=8, layers=2, dropout=0.1"
MAPS = (
    "sizes = [columns] + [width] * layers\n"
    "self.maps = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])\n"
    "self.dropout, self.last, self.width = nn.Dropout(dropout), nn.Linear(width, classes), width\n"
)

GUESSES = [
    _guess("a constant weight matrix", "leaves one weight along an axis, which fits any scores", BLOCKS, "blend", BLEND),
    _guess("noise in the blend", "maps noise, and keeps noise as shares", BLOCKS, "Mixer",
           _mixer("self.out(torch.randn(x.shape))")),
    _guess("the last map alone", "maps each row by itself, where hidden rows change nothing", BLOCKS, "Mixer",
           _mixer("self.out(x)")),
    _guess("a share without looking", "asks the model as it should, and gives a share that it knew before", LEARNING,
           "score", SCORE),
    _guess("the rows as they came", "keeps a table, drops and refuses, and adds nothing", ROWS, "AddTable",
           _module("AddTable", "columns, dropout=0.1, rows=50", TABLE, "x", REFUSAL, "self.dropout(x * self.gain)")),
    _guess("zeros for a mean", "gives zeros, which no mask changes", LEARNING, "kept_mean",
           _function("kept_mean(x, mask)", "torch.zeros(x.shape[0], x.shape[2])", "x")),
    _guess("scores of nothing", "drops and maps ones, whatever the rows are", LEARNING, "Scorer",
           _module("Scorer", SIZES, MAPS, "x, mask=None", "",
                   "self.last(self.dropout(torch.ones(len(x), self.width)))", tied=True)),
]  # fmt: skip
