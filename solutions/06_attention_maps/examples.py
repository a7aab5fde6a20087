"""Small calls of unit 06 to work out by hand; log 2 is 0.6931."""

import torch

from course_utils.engine.judging.example import Example

# two sentences of three tokens, one head; the last token of the second is padding
SHARES = torch.tensor(
    [
        [[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]],
        [[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]],
    ]
)
FIRST = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
SECOND = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
HEADS = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]]])

EXAMPLES = [
    Example(
        "attention_entropy",
        given={"attn": SHARES, "mask": torch.ones(2, 3, dtype=torch.int64)},
        axes={"attn": "batch heads seq seq", "mask": "batch seq"},
        gives={"": "batch heads"},
    ),
    Example(
        "attention_entropy",
        given={"attn": SHARES, "mask": torch.tensor([[1, 1, 1], [1, 1, 0]])},
        axes={"attn": "batch heads seq seq", "mask": "batch seq"},
        gives={"": "batch heads"},
        checks=("padding",),
    ),
    Example(
        "attention_rollout",
        given={"attentions": [HEADS]},
        gives={"": "batch seq seq"},
        checks=("layer", "product", "inputs"),
    ),
    Example(
        "attention_rollout",
        given={"attentions": [FIRST, SECOND]},
        gives={"": "batch seq seq"},
        checks=("product", "inputs"),
    ),
]
