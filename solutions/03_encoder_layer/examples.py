"""Small calls of unit 03 to work out by hand: the maps copy or double what they get, and attention takes the mean."""

from functools import partial

import torch

from course_utils.engine.asking.student import Student
from course_utils.engine.judging.example import Example

from . import fixtures

# q and k are 0, so every token gets the same weight; v and both outer maps copy; the inner ones copy, then double
LAYER = {
    "self_attn.in_proj_weight": torch.cat([torch.zeros(4, 4), torch.zeros(4, 4), torch.eye(4)]),
    "self_attn.in_proj_bias": torch.zeros(12),
    "self_attn.out_proj.weight": torch.eye(4),
    "self_attn.out_proj.bias": torch.zeros(4),
    "linear1.weight": torch.eye(6, 4),
    "linear1.bias": torch.zeros(6),
    "linear2.weight": 2 * torch.eye(4, 6),
    "linear2.bias": torch.zeros(4),
    "norm1.weight": torch.ones(4),
    "norm1.bias": torch.zeros(4),
    "norm2.weight": torch.full((4,), 2.0),
    "norm2.bias": torch.ones(4),
}
TOKENS = torch.tensor([[[4.0, 0, 0, 0], [0, 8, 0, 0], [0, 0, 6, 6]]])
MASK = torch.tensor([[1, 1, 0]])


def _output(exercise: str, student: Student, *mask: torch.Tensor) -> torch.Tensor:
    """What a layer makes of the tokens that a mask shows."""
    built, shapes = student.build_shaped(exercise, 4, 2, 6, 0.0)
    built.load(fixtures.named_as(shapes, LAYER))
    output = built.tensor(TOKENS, *mask)
    return output[:, :2] if mask else output


def _of_layer(exercise: str) -> list[Example]:
    built, axes = f"{exercise}(d_model=4, num_heads=2, d_ff=6)", "batch seq d_model"
    return [
        Example(
            exercise,
            given={"x": TOKENS},
            axes={"x": axes},
            gives={"": axes},
            ask=partial(_output, exercise),
            call=f"{built}(x)",
        ),
        Example(
            exercise,
            given={"x": TOKENS, "mask": MASK},
            axes={"x": axes, "mask": "batch seq"},
            gives={"": axes},
            ask=lambda student: _output(exercise, student, MASK),
            call=f"{built}(x, mask)[:, :2]",
        ),
    ]


EXAMPLES = [
    Example(
        "FeedForward",
        build={"d_model": 3, "d_ff": 4, "dropout": 0.0},
        weights={
            "linear1.weight": torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]]),
            "linear1.bias": torch.tensor([0.0, 0, 0, 1]),
            "linear2.weight": torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 10]]),
            "linear2.bias": torch.tensor([0.0, 0, 5]),
        },
        given={"x": torch.tensor([[[1.0, -2, 3], [-4, 5, -6]]])},
        axes={"x": "batch seq d_model"},
        gives={"": "batch seq d_model"},
        checks=("values", "gradient"),
    ),
    *_of_layer("TransformerEncoderLayer"),
    *_of_layer("RepairedEncoderLayer"),
]
