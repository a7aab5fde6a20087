"""Small calls of unit 05 to work out by hand."""

from functools import partial
from typing import Any

import torch

from course_utils.engine.asking.student import Built, Fault, Student, as_tensor
from course_utils.engine.judging.example import Example

from . import fixtures
from .rules import build_shaped, field_of

HIDDEN = torch.tensor(
    [[[1.0, -2, 0, 5], [3, -6, 4, -1], [-4, -1, 2, 0]], [[-2, 2, -5, -3], [-4, 0, -7, -8], [90, 90, 90, 90]]]
)
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
AXES, POOLED = {"hidden": "batch seq hidden_size", "mask": "batch seq"}, {"": "batch hidden_size"}

WORDS, TEXTS, LABELS = ("oil", "price", "bank"), ["oil price", "bank"], [2, 0]


def _even_pooling(student: Student) -> Built:
    """Attention pooling of which all parameters are 0, and so all scores the same."""
    small = (torch.zeros(1, 1, 4), torch.ones(1, 1))
    built, shapes = build_shaped(student, "AttentionPooling", 4, 5, inputs=small)
    built.load({name: torch.zeros(shape) for name, shape in shapes.items()})
    return built


def _kept(student: Student) -> Any:
    """The weights that are kept, as (batch, seq): some answers keep an axis of one more."""
    pooling = _even_pooling(student)
    pooling(HIDDEN, MASK)
    kept = pooling.get("weights")
    return kept.reshape(MASK.shape) if isinstance(kept, torch.Tensor) and kept.numel() == MASK.numel() else kept


def _item(key: str, student: Student) -> Any:
    dataset = student.build("NewsDataset", TEXTS, LABELS, student.fixture(fixtures.tokenizer, WORDS), 6)
    return as_tensor(field_of(student, dataset.method("__getitem__", 0), key))


def _shape_of_logits(student: Student) -> torch.Tensor:
    """Zeros of the shape of what comes back: the numbers follow from weights that are drawn."""
    encoder = student.fixture(fixtures.encoder, "bert", 9, 4)
    built = student.build("BertClassifier", encoder, 5, "mean")
    built.train(False)
    return 0 * as_tensor(built(torch.tensor([[1, 4, 2], [1, 2, 3]]), MASK))


def _classifier_error(student: Student) -> str:
    """The error of making one, or of its first use."""
    encoder = student.fixture(fixtures.encoder, "bert", 9, 4)
    error = student.error("BertClassifier", encoder, 5, "sum")
    return error or student.build("BertClassifier", encoder, 5, "sum").error(torch.tensor([[1, 4, 2]]), MASK[:1])


def _moved_by_padding(pooling: str, student: Student) -> torch.Tensor:
    """How far the token id under the padding moves the logits, in steps of a thousandth."""
    encoder = student.fixture(fixtures.encoder, "bert", 9, 4)
    built = student.build("BertClassifier", encoder, 5, pooling)
    built.train(False)
    one, other = (as_tensor(built(torch.tensor([[1, 4, 2, 5, hidden]]), PADDED)) for hidden in (3, 8))
    if one.shape != other.shape:
        raise Fault("odd_value")
    return (one - other).float().round(decimals=3) + 0.0


PADDED = torch.tensor([[1, 1, 1, 1, 0]])

EXAMPLES = [
    *(
        Example(
            "NewsDataset",
            given={"texts": TEXTS, "labels": LABELS, "max_length": 6},
            gives={"": axes},
            checks=(key,),
            ask=partial(_item, key),
            call=f'NewsDataset(texts, labels, tokenizer, max_length=6)[0]["{key}"]',
        )
        for key, axes in {"input_ids": "max_length", "attention_mask": "max_length", "labels": ""}.items()
    ),
    Example("cls_pooling", given={"hidden": HIDDEN, "mask": MASK}, axes=AXES, gives=POOLED),
    Example("max_pooling", given={"hidden": HIDDEN, "mask": MASK}, axes=AXES, gives=POOLED),
    Example("max_pooling", given={"hidden": HIDDEN, "mask": MASK.bool()}, axes=AXES, gives=POOLED, checks=("padding",)),
    Example(
        "AttentionPooling",
        given={"hidden": HIDDEN, "mask": MASK},
        axes=AXES,
        gives=POOLED,
        checks=("pooled", "padding"),
        ask=lambda student: _even_pooling(student).tensor(HIDDEN, MASK),
        call="AttentionPooling(hidden_size=4, attention_size=5)(hidden, mask)  # scores: 0",
    ),
    Example(
        "AttentionPooling",
        given={"hidden": HIDDEN, "mask": MASK},
        axes=AXES,
        gives={"": "batch seq"},
        checks=("weights",),
        ask=_kept,
        call="pooling = AttentionPooling(hidden_size=4, attention_size=5); pooling(hidden, mask); pooling.weights"
        "  # scores: 0",
    ),
    Example(
        "BertClassifier",
        given={"input_ids": torch.tensor([[1, 4, 2], [1, 2, 3]]), "mask": MASK},
        axes={"input_ids": "batch seq", "mask": "batch seq"},
        gives={"": "batch num_labels"},
        checks=("logits", "dropout"),
        ask=_shape_of_logits,
        call='0 * BertClassifier(encoder, num_labels=5, pooling="mean")(input_ids, mask)',
    ),
    *(
        Example(
            "BertClassifier",
            given={
                "one": torch.tensor([[1, 4, 2, 5, 3]]),
                "other": torch.tensor([[1, 4, 2, 5, 8]]),
                "mask": PADDED,
            },
            axes={"one": "batch seq", "other": "batch seq", "mask": "batch seq"},
            gives={"": "batch num_labels"},
            checks=("padding",),
            ask=partial(_moved_by_padding, pooling),
            call=f'model(one, mask) - model(other, mask)  # pooling="{pooling}"',
        )
        for pooling in ("cls", "mean", "max", "attention")
    ),
    Example(
        "BertClassifier",
        given={},
        checks=("errors",),
        ask=_classifier_error,
        call='BertClassifier(encoder, num_labels=5, pooling="sum")',
    ),
    Example("mcnemar", given={"correct_a": [True] * 5 + [False], "correct_b": [False] * 5 + [True]}),
    Example("mcnemar", given={"correct_a": [True, True, False], "correct_b": [True, True, False]}),
    Example("mcnemar", given={"correct_a": [True, True, False, False], "correct_b": [False, False, True, True]}),
    Example(
        "mcnemar",
        given={},
        checks=("types",),
        ask=lambda student: student.call(
            "mcnemar", torch.tensor([True] * 5 + [False]), torch.tensor([False] * 5 + [True])
        ),
        call="mcnemar(torch.tensor([True] * 5 + [False]), torch.tensor([False] * 5 + [True]))",
    ),
    Example(
        "mcnemar",
        given={},
        checks=("errors",),
        ask=lambda student: student.error("mcnemar", [True, False], [True, False, True]),
        call="mcnemar([True, False], [True, False, True])",
    ),
]
