"""Answers of 03_learning: a mean under a mask, a model on top of it, one round of learning, and a share."""

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn


def kept_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of the rows that count.

    x: (batch, rows, columns); mask: (batch, rows), 0 hides a row
    Returns (batch, columns); zeros where no row counts.
    """
    mean = None  # TODO: sum what counts, count it, divide
    ### BEGIN SOLUTION
    kept = (mask != 0).to(x.dtype).unsqueeze(-1)
    mean = (x * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
    ### END SOLUTION
    return mean


class Scorer(nn.Module):
    """Scores of classes: linear maps with a ReLU behind each, the mean of the rows that count, dropout, a last map.

    The first map goes from columns to width, each later one from width to width, the last one to classes.
    forward: x (batch, rows, columns), mask (batch, rows) or None -> (batch, classes)
    """

    def __init__(self, columns: int, classes: int, width: int = 8, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        # Make the maps.
        ### BEGIN SOLUTION
        sizes = [columns] + [width] * layers
        self.maps = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, classes)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        scores = x  # replace
        ### BEGIN SOLUTION
        for one in self.maps:
            x = one(x).relu()
        mask = torch.ones(x.shape[:2]) if mask is None else mask
        scores = self.last(self.dropout(kept_mean(x, mask)))
        ### END SOLUTION
        return scores


def learn(model: nn.Module, batches: Iterable[dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> float:
    """One step on each batch, in train mode; the loss is the mean of squared differences.

    batches: dicts of x and y, with which model(x) is compared
    Returns the mean loss of all batches.
    """
    losses: list[float] = []
    # TODO: for each batch: forget old gradients, loss, new gradients, step
    ### BEGIN SOLUTION
    model.train()
    for batch in batches:
        optimizer.zero_grad()
        loss = (model(batch["x"]) - batch["y"]).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ### END SOLUTION
    return sum(losses) / max(len(losses), 1)


def score(model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> float:
    """The share of rows whose largest number stands at its label, in eval mode and without a graph.

    batches: dicts of x and labels
    """
    right, count = 0, 0
    # TODO
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        for batch in batches:
            found = model(batch["x"]).argmax(dim=-1)
            right += int((found == batch["labels"]).sum())
            count += len(found)
    ### END SOLUTION
    return right / max(count, 1)
