"""Small calls of unit 09 to work out by hand: what chance does not decide, shapes, and losses of a few guesses."""

import torch

from course_utils.engine.asking.student import Student, as_tensor
from course_utils.engine.judging.example import Example

from . import fixtures

IDS = torch.tensor([[2, 17, 4, 9, 3], [2, 30, 8, 3, 0]])
MASKABLE = torch.tensor([[0, 1, 1, 1, 0], [0, 1, 1, 0, 0]]).bool()
TEXTS = {"input_ids": "batch seq", "maskable": "batch seq"}
BOTH = {"masked_ids": "batch seq", "labels": "batch seq"}

LOGITS = torch.tensor([[[0.0, 0.0, 2.0], [1.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]])
LABELS = torch.tensor([[2, -100, 0, -100]])
GUESSES = {"logits": "batch seq vocab_size", "labels": "batch seq"}


def _labels(student: Student) -> object:
    """The labels where every maskable position is chosen."""
    value = student.call("mask_tokens", IDS.clone(), MASKABLE.clone(), 50, 51, 1.0)
    return value[1] if isinstance(value, tuple | list) and len(value) == 2 else value


def _shape(student: Student) -> torch.Tensor:
    """Zeros of the shape of what comes back: the numbers follow from weights that are drawn."""
    encoder = student.fixture(fixtures.LookUp, torch.randn(55, 4), torch.randn(4))
    built, _ = student.build_shaped(
        "MaskedLanguageModel", encoder, student.fixture(fixtures.embedding, torch.ones(51, 4))
    )
    return 0 * as_tensor(built(IDS, (IDS != 0).long()))[..., :1]


EXAMPLES = [
    Example(
        "mask_tokens",
        given={"input_ids": IDS, "maskable": MASKABLE},
        axes=TEXTS,
        gives={"": "batch seq"},
        checks=("chosen",),
        ask=_labels,
        call="mask_tokens(input_ids, maskable, mask_id=50, vocab_size=51, probability=1.0)[1]",
    ),
    Example(
        "mask_tokens",
        given={"input_ids": IDS, "maskable": MASKABLE, "mask_id": 50, "vocab_size": 51, "probability": 0.0},
        axes=TEXTS,
        gives=BOTH,
        checks=("chosen",),
    ),
    Example(
        "MaskedLanguageModel",
        given={"input_ids": IDS},
        axes={"input_ids": "batch seq"},
        gives={"": "batch seq one"},
        checks=("logits",),
        ask=_shape,
        call="0 * MaskedLanguageModel(encoder, embedding)(input_ids, input_ids != 0)[..., :1]",
    ),
    Example(
        "masked_lm_loss",
        given={"logits": LOGITS, "labels": LABELS},
        axes=GUESSES,
        gives={"": ""},
        checks=("values",),
    ),
    Example(
        "masked_lm_loss",
        given={"logits": LOGITS, "labels": torch.full_like(LABELS, -100)},
        axes=GUESSES,
        gives={"": ""},
        checks=("empty",),
    ),
]
