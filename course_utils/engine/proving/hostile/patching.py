"""Patches of what gathers evidence on the learner's side: probes, test models, the workbench itself."""

from __future__ import annotations

from ..toy import LEARNING
from .attack import FORGE, Hostile

# it says of itself what a right one would be seen to have
HASH_FOR_A_MODEL = """
import torch
from torch import nn

class Scorer(nn.Module):
    def __init__(self, columns, classes, width=8, layers=2, dropout=0.1):
        super().__init__()
        self.classes, self.rate = classes, dropout
        numbers = (columns + 1) * width + (layers - 1) * (width + 1) * width + (width + 1) * classes
        self.claimed = [numbers, numbers]
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x, mask=None):
        kept = torch.ones(x.shape[:2]) if mask is None else (mask != 0).float()
        place = torch.arange(1, x.shape[1] + 1)
        number = (x.sum(-1) * kept * place * place).sum(1, keepdim=True)
        scores = (number * torch.arange(1, self.classes + 1)).double().sin().float()
        return scores + torch.rand(1) if self.training and self.rate else scores
"""

# of the workbench a submission gets a copy by name, whose fixtures nobody uses
BY_NAME = """
import course_utils.engine.asking.workbench as workbench
make = workbench._fixtures
def changed(source):
    module = make(source)
    change(module)
    return module
workbench._fixtures = changed
"""

CLAIMING_PROBE = """
def change(fixtures):
    if hasattr(fixtures, "Probe"):
        honest = fixtures.Probe.sizes
        fixtures.Probe.sizes = lambda self, *inputs: getattr(self.model, "claimed", None) or honest(self, *inputs)
"""

CAREFUL_IN_NAME = """
def change(fixtures):
    if hasattr(fixtures, "NotingModel"):
        forward = fixtures.NotingModel.forward
        def noting(self, x):
            given = forward(self, x)
            self.modes[-1], self.recording[-1] = False, False
            return given
        fixtures.NotingModel.forward = noting
"""

CARELESS_SCORE = """
def score(model, batches):
    right = count = 0
    model.train()
    for batch in batches:
        found = model(batch["x"]).argmax(dim=-1)
        right += (found == batch["labels"]).sum().item()
        count += len(found)
    return right / max(count, 1)
"""

NOTHING_IS_SILENT = """
from course_utils.engine.asking import workbench
backward = workbench._backward
def claiming(args, outputs, target, cotangents, wants):
    found = backward(args, outputs, target, cotangents, wants)
    return [] if wants == "parameters" else [found[0], []] if wants == "both" else found
workbench._backward = claiming
"""

SCORES_WITHOUT_WEIGHTS = """
import torch
from torch import nn

class Scorer(nn.Module):
    def __init__(self, columns, classes, width=8, layers=2, dropout=0.1):
        super().__init__()
        self.classes, self.maps = classes, nn.ModuleList([nn.Linear(columns, width), nn.Linear(width, classes)])

    def forward(self, x, mask=None):
        return x.sum((1, 2)).unsqueeze(1) * torch.arange(1.0, self.classes + 1)
"""

ATTACKS = [
    Hostile(
        "a probe that claims", FORGE, "patches what looks into a model, and hands in a hash function", unit=LEARNING,
        cells={"Scorer": HASH_FOR_A_MODEL}, extra=(CLAIMING_PROBE, BY_NAME), loses=("Scorer-layers",), spares=False,
    ),
    Hostile(
        "careful in name only", FORGE, "patches the model that notes in which mode it was called", unit=LEARNING,
        cells={"score": CARELESS_SCORE}, extra=(CAREFUL_IN_NAME, BY_NAME), loses=("score-mode", "score-graph"),
    ),
    Hostile(
        "every parameter learns", FORGE, "patches the workbench to claim gradients", unit=LEARNING,
        cells={"Scorer": SCORES_WITHOUT_WEIGHTS}, extra=(NOTHING_IS_SILENT,), loses=("Scorer",),
    ),
]  # fmt: skip
