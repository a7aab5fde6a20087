"""Hidden sizes and independent truths of 01_rows: each exercise once more, number by number."""

from typing import Any

import torch
from torch import Tensor, nn

# the sizes at which grading looks, by exercise: others than the visible ones, all of them different
CASES: dict[str, list[dict[str, Any]]] = {
    "powers": [dict(count=7), dict(count=11)],
    "power_table": [dict(rows=6, columns=9), dict(rows=10, columns=3)],
    "AddTable": [dict(batch=3, seq=6, columns=14, rows=9, dropout=0.4)],
    "step_matrix": [dict(step=2, size=7), dict(step=5, size=3)],
}


def powers(count: int) -> Tensor:
    """Each power from the one before it, in float64."""
    found, power = [], 1.0
    for _ in range(count):
        found.append(power)
        power *= 0.8
    return torch.tensor(found, dtype=torch.float64)


def power_table(rows: int, columns: int) -> Tensor:
    """Entry by entry."""
    return torch.tensor([[row * 0.8**column for column in range(columns)] for row in range(rows)])


class AddTable(nn.Module):
    """Sums entry by entry; dropout by hand."""

    def __init__(self, columns: int, dropout: float = 0.1, rows: int = 50) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(columns))
        self.register_buffer("table", power_table(rows, columns))
        self.rate = dropout

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > len(self.table):
            raise ValueError("too many rows")
        total = torch.einsum("brc,c->brc", x, self.gain) + self.table[: x.shape[1]].unsqueeze(0)
        if not self.training:
            return total
        return total * (torch.rand(total.shape) >= self.rate) / (1.0 - self.rate)


def step_matrix(step: int, size: int) -> Tensor:
    """Entry by entry."""
    if step < 0:
        raise ValueError("a negative step")
    return torch.tensor([[0.8 ** (i * step) if i == j else 0.0 for j in range(size)] for i in range(size)])
