"""Small calls of unit 02 to work out by hand: the root of d_k is 2, and the scores are 1 and 0."""

from typing import Any

import torch

from course_utils.engine.asking.student import Student
from course_utils.engine.judging.example import Example

ATTENTION, MODULE = "scaled_dot_product_attention", "MultiHeadSelfAttention"
PAIR = {"context": "batch seq_q d_v", "attn": "batch seq_q seq_k"}
AXES = {"q": "batch seq_q d_k", "k": "batch seq_k d_k", "v": "batch seq_k d_v"}
QKV = {
    "q": torch.tensor([[[2.0, 0, 0, 0], [0, 2, 0, 0]]]),
    "k": torch.tensor([[[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]]),
    "v": torch.tensor([[[10.0, 0, 0, 0, 1], [0, 10, 0, 0, 2], [0, 0, 10, 0, 3]]]),
}
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
# each projection gives back what it gets
PLAIN = {f"{name}.weight": torch.eye(6) for name in PROJECTIONS} | {
    f"{name}.bias": torch.zeros(6) for name in PROJECTIONS
}
TOKENS = torch.tensor(
    [
        [[1.0, 0, 0, 2, 0, 1], [0, 1, 0, 0, 2, 0], [0, 0, 1, 0, 0, 2]],
        [[1.0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 0, 0], [9, 9, 9, 9, 9, 9]],
    ]
)


def _kept(student: Student) -> Any:
    layer, _ = student.build_loaded(MODULE, 6, 2, values=PLAIN)
    layer(TOKENS)
    return layer.get("attn_weights")


EXAMPLES = [
    Example(ATTENTION, given=QKV, axes=AXES, gives=PAIR),
    Example(
        ATTENTION,
        given=QKV | {"mask": torch.tensor([[[1, 1, 0]]])},
        axes=AXES | {"mask": "batch 1 seq_k"},
        gives=PAIR,
        checks=("weights", "context"),
    ),
    Example(
        "split_heads",
        given={"x": torch.arange(24.0).reshape(1, 3, 8), "num_heads": 2},
        axes={"x": "batch seq d_model"},
        gives={"": "batch num_heads seq d_head"},
    ),
    Example(
        "merge_heads",
        given={"x": torch.arange(24.0).reshape(1, 2, 3, 4)},
        axes={"x": "batch num_heads seq d_head"},
        gives={"": "batch seq d_model"},
    ),
    Example(
        MODULE,
        build={"d_model": 6, "num_heads": 2},
        weights=PLAIN,
        given={"x": TOKENS},
        axes={"x": "batch seq d_model"},
        gives={"": "batch seq d_model"},
        checks=("values", "gradient"),
    ),
    Example(
        MODULE,
        build={"d_model": 6, "num_heads": 2},
        weights=PLAIN,
        given={"x": TOKENS[1:], "mask": torch.tensor([[1, 1, 0]])},
        axes={"x": "batch seq d_model", "mask": "batch seq"},
        gives={"": "batch seq d_model"},
        checks=("padding",),
        ask=lambda student: student.build_loaded(MODULE, 6, 2, values=PLAIN)[0].tensor(
            TOKENS[1:], torch.tensor([[1, 1, 0]])
        )[:, :2],
        call="MultiHeadSelfAttention(d_model=6, num_heads=2)(x, mask)[:, :2]",
    ),
    Example(
        MODULE,
        given={"x": TOKENS},
        axes={"x": "batch seq d_model"},
        gives={"": "batch num_heads seq seq"},
        checks=("weights",),
        ask=_kept,
        call="layer = MultiHeadSelfAttention(d_model=6, num_heads=2); layer(x); layer.attn_weights",
    ),
    Example(
        MODULE,
        given={},
        checks=("errors",),
        ask=lambda student: student.error(MODULE, 6, 4),
        call="MultiHeadSelfAttention(6, 4)",
    ),
]
