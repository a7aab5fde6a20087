"""Hidden sizes and independent truths of 02_blocks: sums and loops in the place of what the reference calls."""

from typing import Any

import torch
from torch import Tensor, nn

# the sizes at which grading looks, by exercise: others than the visible ones, all of them different
CASES: dict[str, list[dict[str, Any]]] = {
    "cut": [dict(batch=2, rows=5, columns=12, parts=3), dict(batch=3, rows=4, columns=10, parts=2)],
    "join": [dict(batch=2, rows=5, width=4, parts=3), dict(batch=3, rows=4, width=5, parts=2)],
    "blend": [dict(batch=3, rows=7, means=4, columns=5), dict(batch=2, rows=6, means=6, columns=3)],
    "Mixer": [dict(batch=3, rows=7, columns=6)],
    "Block": [dict(batch=3, rows=7, columns=6)],
    "MendedBlock": [dict(batch=2, rows=8, columns=5)],
}


def cut(x: Tensor, parts: int) -> Tensor:
    """One part after the other."""
    width = x.shape[-1] // parts
    return torch.stack([x[..., part * width : (part + 1) * width] for part in range(parts)], dim=1)


def join(x: Tensor) -> Tensor:
    """One part after the other."""
    return torch.cat([x[:, part] for part in range(x.shape[1])], dim=-1)


def blend(values: Tensor, scores: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Exponentials and their sums in float64."""
    counts = (torch.ones(scores.shape[0], scores.shape[2]) if mask is None else mask != 0).double()
    weights = (scores.double() - scores.double().amax(-1, keepdim=True)).exp() * counts[:, None, :]
    shares = weights / weights.sum(-1, keepdim=True)
    return torch.einsum("bmr,brc->bmc", shares, values.double()).float(), shares.float()


class Mixer(nn.Module):
    """The formula with sums over axes."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.score, self.value, self.out = (nn.Linear(columns, columns) for _ in range(3))
        self.shares: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        means, self.shares = blend(self.value(x), torch.einsum("brc,bsc->brs", self.score(x), x), mask)
        return self.out(means)


class Block(nn.Module):
    """Each step by its formula."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.mix, self.norm, self.map = Mixer(columns), nn.LayerNorm(columns), nn.Linear(columns, columns)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        state = self.norm(self.mix(x, mask) + x)
        mapped = self.map(state)
        return torch.where(mapped > 0, state + mapped, state)


class MendedBlock(Block):
    """The same."""
