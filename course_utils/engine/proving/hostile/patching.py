"""Patches of what gathers evidence on the learner's side: probes, test models, the workbench itself."""

from __future__ import annotations

from .attack import FORGE, UNIT_04, UNIT_05, Hostile

HASH_FOR_A_CLASSIFIER = """
import torch
from torch import nn

class TransformerEncoderClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes, d_model=128, num_heads=4, d_ff=256, num_layers=2, max_len=256,
                 dropout=0.1):
        super().__init__()
        self.num_classes, self.rate = num_classes, dropout
        self.claimed = [num_layers * d_ff, num_layers * d_ff]
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, input_ids, attention_mask=None):
        kept = torch.ones_like(input_ids) if attention_mask is None else (attention_mask != 0).long()
        place = torch.arange(1, input_ids.shape[1] + 1)
        number = (input_ids * kept * place * place).sum(1, keepdim=True)
        logits = (number * torch.arange(1, self.num_classes + 1)).double().sin().float()
        return logits + torch.rand(1) if self.training and self.rate else logits
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
        fixtures.Probe.sizes = lambda self, *sentences: self.model.claimed
        fixtures.Probe.slope = lambda self, *sentences: {"off": 0.0, "cut off": 0.0}
        fixtures.Probe.from_hidden = lambda self, *sentences: None
"""

CAREFUL_IN_NAME = """
def change(fixtures):
    if hasattr(fixtures, "TinyClassifier"):
        forward = fixtures.TinyClassifier.forward
        def noting(self, input_ids, attention_mask=None):
            logits = forward(self, input_ids, attention_mask)
            self.modes[-1], self.recording[-1] = False, False
            return logits
        fixtures.TinyClassifier.forward = noting
"""

CARELESS_JUDGE = """
def evaluate(model, batches, device=None):
    right = count = 0
    for batch in batches:
        predicted = model(batch["input_ids"], batch["attention_mask"]).argmax(dim=-1)
        right += (predicted == batch["labels"]).sum().item()
        count += len(predicted)
    return right / max(count, 1)
"""

NOTHING_IS_SILENT = """
from course_utils.engine.asking.workbench import Workbench
backward = Workbench._do_backward
def claiming(self, request):
    return [] if request["wants"] == "parameters" else backward(self, request)
Workbench._do_backward = claiming
"""

ZEROS_FOR_LOGITS = """
import torch
from torch import nn

class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="mean", dropout=0.1):
        super().__init__()
        if pooling not in ("cls", "mean", "max", "attention"):
            raise ValueError("pooling must be one of cls, mean, max, attention")
        self.encoder, self.num_labels = encoder, num_labels
        self.head = nn.Linear(encoder.config.hidden_size, num_labels)

    def forward(self, input_ids, attention_mask):
        return torch.zeros(len(input_ids), self.num_labels)
"""

ATTACKS = [
    Hostile(
        "a probe that claims", FORGE, "patches what looks into a classifier, and hands in a hash function", unit=UNIT_04,
        cells={"TransformerEncoderClassifier": HASH_FOR_A_CLASSIFIER}, extra=(CLAIMING_PROBE, BY_NAME),
        loses=("TransformerEncoderClassifier-layers",), spares=False,
    ),
    Hostile(
        "careful in name only", FORGE, "patches the model that notes in which mode it was called", unit=UNIT_04,
        cells={"evaluate": CARELESS_JUDGE}, extra=(CAREFUL_IN_NAME, BY_NAME), loses=("evaluate-mode",), spares=False,
    ),
    Hostile(
        "every parameter learns", FORGE, "patches the workbench to claim gradients", unit=UNIT_05,
        cells={"BertClassifier": ZEROS_FOR_LOGITS}, extra=(NOTHING_IS_SILENT,),
        loses=("BertClassifier-logits", "BertClassifier-gradient", "BertClassifier-dropout"), spares=False,
    ),
]  # fmt: skip
