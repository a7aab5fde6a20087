"""Hidden sizes and independent truths of 03_learning: row by row, and gradients by formulas."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

# the sizes at which grading looks, by exercise: others than the visible ones, all of them different
CASES: dict[str, list[dict[str, Any]]] = {
    "kept_mean": [dict(batch=3, rows=7, columns=5)],
    "Scorer": [dict(batch=3, rows=7, columns=5, classes=4, width=6, layers=3)],
    "learn": [dict(rows=(6, 6, 4), columns=5, classes=2)],
    "score": [dict(rows=(7, 5, 9), columns=6, classes=3)],
}


def kept_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Row by row, those that count alone."""
    means = [
        row[keep != 0].mean(0) if bool((keep != 0).any()) else row[0] * 0.0 for row, keep in zip(x, mask, strict=True)
    ]
    return torch.stack(means)


class Scorer(nn.Module):
    """Each step by its formula."""

    def __init__(self, columns: int, classes: int, width: int = 8, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Linear(columns, width)
        self.others = nn.ModuleList([nn.Linear(width, width) for _ in range(layers - 1)])
        self.last, self.rate = nn.Linear(width, classes), dropout

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.first(x).clamp(min=0)
        for other in self.others:
            x = other(x).clamp(min=0)
        mean = kept_mean(x, torch.ones(x.shape[:2]) if mask is None else mask)
        if self.training:
            mean = mean * (torch.rand(mean.shape) >= self.rate) / (1 - self.rate)
        return self.last(mean)


def learn(model: nn.Module, batches: Iterable[dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> float:
    """The gradient by its formula, put where the optimizer looks for it."""
    model.train()
    total, count, (weight, bias) = 0.0, 0, model.parameters()
    for batch in batches:
        apart = (model(batch["x"]) - batch["y"]).detach()
        weight.grad = 2 * apart.T @ batch["x"] / apart.numel()
        bias.grad = 2 * apart.sum(0) / apart.numel()
        optimizer.step()
        total, count = total + float((apart**2).mean()), count + 1
    return total / count


def score(model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> float:
    """Row by row."""
    model.train(False)
    with torch.no_grad():
        pairs = [(row, label) for b in batches for row, label in zip(model(b["x"]), b["labels"], strict=True)]
    return sum(float(max(row) == row[label]) for row, label in pairs) / len(pairs)
