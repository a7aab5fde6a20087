"""Answers of 01_rows: a function, two that build on it, and a module with a parameter and a buffer."""

import torch
from torch import Tensor, nn


def powers(count: int) -> Tensor:
    """The first powers of 0.8, beginning with 1.

    Returns (count,).
    """
    found = None  # TODO: 0.8 to the power of 0, 1, 2, ...
    ### BEGIN SOLUTION
    found = 0.8 ** torch.arange(count)
    ### END SOLUTION
    return found


def power_table(rows: int, columns: int) -> Tensor:
    """Row r holds r times the powers.

    Returns (rows, columns).
    """
    table = None  # TODO: one row for each number from 0 on
    ### BEGIN SOLUTION
    table = torch.arange(rows).unsqueeze(1) * powers(columns)
    ### END SOLUTION
    return table


class AddTable(nn.Module):
    """Scales each column by a gain that is learnt, adds the first rows of a fixed table, and drops some of the sums.

    buffer `table`: (rows, columns), the power table; parameter `gain`: (columns,), ones at first
    forward: x (batch, at most rows, columns) -> the same shape; ValueError for more rows
    """

    def __init__(self, columns: int, dropout: float = 0.1, rows: int = 50) -> None:
        super().__init__()
        # Make self.gain, the buffer `table` and a dropout.
        ### BEGIN SOLUTION
        self.gain = nn.Parameter(torch.ones(columns))
        self.register_buffer("table", power_table(rows, columns))
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        output = x  # replace: scale, add, drop
        ### BEGIN SOLUTION
        if x.size(1) > self.table.size(0):
            raise ValueError(f"at most {self.table.size(0)} rows, got {x.size(1)}")
        output = self.dropout(x * self.gain + self.table[: x.size(1)])
        ### END SOLUTION
        return output


def step_matrix(step: int, size: int) -> Tensor:
    """A diagonal matrix with the powers, each to the power of step.

    Returns (size, size); ValueError for a negative step.
    """
    matrix = None  # TODO: refuse a negative step; then fill the diagonal
    ### BEGIN SOLUTION
    if step < 0:
        raise ValueError(f"step must not be negative, got {step}")
    matrix = torch.diag(powers(size) ** step)
    ### END SOLUTION
    return matrix
