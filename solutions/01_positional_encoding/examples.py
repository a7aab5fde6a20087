"""Small calls of unit 01 to work out by hand."""

import torch

from course_utils.engine.asking.student import Student, as_tensor
from course_utils.engine.judging.example import Example

ROWS = torch.tensor([[0.0, 1.0], [0.841471, 0.540302], [0.909297, -0.416147]])  # of the table, positions 0, 1 and 2


def _moved_rows(student: Student) -> torch.Tensor:
    matrix = as_tensor(student.call("shift_matrix", 1, 2))
    return ROWS @ matrix.float() if list(matrix.shape) == [2, 2] else matrix


EXAMPLES = [
    Example("div_term", given={"d_model": 6}, gives={"": "pairs"}),
    Example("div_term", given={"d_model": 7}, gives={"": "pairs"}),
    Example(
        "sinusoidal_encoding",
        given={"max_len": 3, "d_model": 4},
        gives={"": "max_len d_model"},
    ),
    Example("sinusoidal_encoding", given={"max_len": 3, "d_model": 5}, gives={"": "max_len d_model"}, checks=("odd",)),
    Example(
        "PositionalEncoding",
        build={"d_model": 4, "dropout": 0.0, "max_len": 5},
        given={"x": torch.full((2, 3, 4), 10.0)},
        axes={"x": "batch seq d_model"},
        gives={"": "batch seq d_model"},
        checks=("values", "buffer", "gradient"),
    ),
    Example(
        "PositionalEncoding",
        given={"x": torch.ones(2, 6, 4)},
        axes={"x": "batch seq d_model"},
        checks=("errors",),
        ask=lambda student: student.build("PositionalEncoding", 4, max_len=5).error(torch.ones(2, 6, 4)),
        call="PositionalEncoding(d_model=4, max_len=5)(x)",
    ),
    Example(
        "shift_matrix",
        given={"rows": ROWS},
        axes={"rows": "rows d_model"},
        gives={"": "rows d_model"},
        checks=("values",),
        ask=_moved_rows,
        call="rows @ shift_matrix(1, 2)",
    ),
    Example(
        "shift_matrix",
        given={"offset": 1, "d_model": 5},
        checks=("errors",),
        ask=lambda student: student.error("shift_matrix", 1, 5),
        call="shift_matrix(1, 5)",
    ),
]
