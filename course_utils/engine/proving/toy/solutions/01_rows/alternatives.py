"""Right answers of 01_rows that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

ALTERNATIVES = [
    Alternative(
        name="powers_by_products",
        exercise="powers",
        source="import torch\n\ndef powers(count):\n    return torch.full((count,), 0.8).cumprod(0) / 0.8\n",
    ),
    Alternative(
        name="table_by_outer_product",
        exercise="power_table",
        source="import torch\n\ndef power_table(rows, columns):\n"
        "    return torch.outer(torch.arange(float(rows)), powers(columns))\n",
    ),
    Alternative(
        name="table_made_anew",
        exercise="AddTable",
        source="""
import torch
from torch import nn
from torch.nn import functional as F

class AddTable(nn.Module):
    def __init__(self, columns, dropout=0.1, rows=50):
        super().__init__()
        self.gain, self.rate = nn.Parameter(torch.ones(columns)), dropout
        self.register_buffer("table", torch.zeros(rows, columns) + power_table(rows, columns))

    def forward(self, x):
        if len(self.table) < x.shape[1]:
            raise ValueError("too many rows")
        return F.dropout(self.table[: x.shape[1]] + self.gain * x, self.rate, self.training)
""",
    ),
    Alternative(
        name="step_by_step",
        exercise="step_matrix",
        source="import torch\n\ndef step_matrix(step, size):\n    if step < 0:\n        raise ValueError(step)\n"
        "    return torch.eye(size) * powers(size).pow(step)\n",
    ),
]
