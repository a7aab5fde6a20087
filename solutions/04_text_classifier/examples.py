"""Small calls of unit 04 to work out by hand."""

import torch

from course_utils.engine.asking.student import Student, as_tensor
from course_utils.engine.judging.example import Example

from .rules import CLASSIFIER, Runs

HIDDEN = torch.tensor([[[1.0, 2, 0, 0], [3, 6, 0, 2], [0, 1, 6, 4]], [[2, 2, 2, 2], [4, 0, 0, 8], [90, 90, 90, 90]]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
POOLED = {"hidden": "batch seq d_model", "mask": "batch seq"}
EMPTY = torch.tensor([[1, 1, 1], [0, 0, 0]])

IDS, PADDED = torch.tensor([[5, 3, 7, 2]]), torch.tensor([[5, 3, 7, 2, 9, 9]])
SHOWN = torch.tensor([[1, 1, 1, 1, 0, 0]])
SIZES = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1, "max_len": 10, "dropout": 0.0}


def _classifier(student: Student) -> object:
    built = student.build(CLASSIFIER, 11, 3, **SIZES)
    built.train(False)
    return built


def _shape(student: Student) -> torch.Tensor:
    """Zeros of the shape of what comes back: the numbers follow from weights that are drawn."""
    return torch.zeros_like(as_tensor(_classifier(student)(torch.cat([IDS, IDS + 1]))), dtype=torch.float32)


def _moved_by_padding(student: Student) -> torch.Tensor:
    """How far padding moves the logits, in steps of a thousandth."""
    built = _classifier(student)
    alone, padded = as_tensor(built(IDS, torch.ones_like(IDS))), as_tensor(built(PADDED, SHOWN))
    return (padded - alone).float().round(decimals=3) + 0.0 if padded.shape == alone.shape else padded


# A word a sentence: its vector is the logits. So each loss is log(1 + exp(-2)) where the larger one is right.
LOGITS = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
BATCHES = [
    {"input_ids": torch.tensor([[0], [1]]), "attention_mask": torch.ones(2, 1).long(), "labels": torch.tensor([0, 0])},
    {"input_ids": torch.tensor([[1]]), "attention_mask": torch.ones(1, 1).long(), "labels": torch.tensor([1])},
]
WEIGHTS = (LOGITS, torch.eye(2), torch.zeros(2))
OF_BATCHES = {
    "logits[0]": LOGITS,
    "labels[0]": BATCHES[0]["labels"],
    "logits[1]": LOGITS[1:],
    "labels[1]": BATCHES[1]["labels"],
}
BATCH_AXES = {name: "batch num_classes" if name.startswith("logits") else "batch" for name in OF_BATCHES}


def _result(student: Student, name: str, **settings: float) -> object:
    return Runs(student, name)((WEIGHTS, BATCHES, settings))[0].result


EXAMPLES = [
    Example("masked_mean", given={"hidden": HIDDEN, "mask": MASK}, axes=POOLED, gives={"": "batch d_model"}),
    Example(
        "masked_mean",
        given={"hidden": HIDDEN, "mask": MASK.bool()},
        axes=POOLED,
        gives={"": "batch d_model"},
        checks=("padding",),
    ),
    Example(
        "masked_mean",
        given={"hidden": HIDDEN, "mask": EMPTY},
        axes=POOLED,
        gives={"": "batch d_model"},
        checks=("empty",),
    ),
    Example(
        CLASSIFIER,
        given={"input_ids": torch.cat([IDS, IDS + 1])},
        axes={"input_ids": "batch seq"},
        gives={"": "batch num_classes"},
        checks=("output", "none_mask"),
        ask=_shape,
        call="0 * TransformerEncoderClassifier(vocab_size=11, num_classes=3, ...)(input_ids)",
    ),
    Example(
        CLASSIFIER,
        given={"input_ids": IDS, "padded": PADDED, "mask": SHOWN},
        axes={"input_ids": "batch seq", "padded": "batch padded", "mask": "batch padded"},
        gives={"": "batch num_classes"},
        checks=("padding",),
        ask=_moved_by_padding,
        call="model(padded, mask) - model(input_ids)",
    ),
    Example(
        "train_epoch",
        given=OF_BATCHES,
        axes=BATCH_AXES,
        checks=("loss",),
        ask=lambda student: _result(student, "train_epoch", rate=0.0),
        call="train_epoch(model, batches, optimizer, loss_fn)",
    ),
    Example(
        "evaluate",
        given=OF_BATCHES,
        axes=BATCH_AXES,
        checks=("accuracy",),
        ask=lambda student: _result(student, "evaluate"),
        call="evaluate(model, batches)",
    ),
]
