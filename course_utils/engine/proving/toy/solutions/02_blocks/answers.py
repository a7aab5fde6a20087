"""Answers of 02_blocks: shapes, shares, two modules, and a broken one mended.

It builds on a module of the unit before it, in whose place one of torch's own can stand.
"""

import torch
from torch import Tensor, nn
from torch.nn import Identity as AddTable


def cut(x: Tensor, parts: int) -> Tensor:
    """The columns in parts of one width, beside each other.

    x: (batch, rows, columns)
    Returns (batch, parts, rows, columns / parts).
    """
    pieces = None  # TODO: give the columns two axes, then move one
    ### BEGIN SOLUTION
    pieces = x.unflatten(-1, (parts, -1)).transpose(1, 2)
    ### END SOLUTION
    return pieces


def join(x: Tensor) -> Tensor:
    """What cut has parted.

    x: (batch, parts, rows, width)
    Returns (batch, rows, parts * width).
    """
    whole = None  # TODO: move the axis back, then make one of two
    ### BEGIN SOLUTION
    whole = x.transpose(1, 2).flatten(2)
    ### END SOLUTION
    return whole


def blend(values: Tensor, scores: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Means of the rows of values by shares, which are the softmax of each row of scores.

    values: (batch, rows, columns); scores: (batch, means, rows); mask: (batch, rows), 0 hides a row
    Returns the means (batch, means, columns) and the shares (batch, means, rows).
    """
    shares = torch.ones_like(scores) / scores.size(-1)  # TODO: shares from the scores; a hidden row gets none
    ### BEGIN SOLUTION
    if mask is not None:
        scores = scores.masked_fill(mask.unsqueeze(1) == 0, float("-inf"))
    shares = scores.softmax(dim=-1)
    ### END SOLUTION
    means = None  # TODO
    ### BEGIN SOLUTION
    means = shares @ values
    ### END SOLUTION
    return means, shares


class Mixer(nn.Module):
    """Blends mapped rows by scores of each row with each other, and keeps the shares.

    score, value, out: linear maps from columns to columns; shares: those of the latest call
    forward: x (batch, rows, columns), mask (batch, rows) -> (batch, rows, columns)
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        # Make self.score, self.value and self.out.
        ### BEGIN SOLUTION
        self.score = nn.Linear(columns, columns)
        self.value = nn.Linear(columns, columns)
        self.out = nn.Linear(columns, columns)
        ### END SOLUTION
        self.shares: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        output = x  # replace: blend, keep the shares, map
        ### BEGIN SOLUTION
        scores = self.score(x) @ x.transpose(1, 2)
        means, self.shares = blend(self.value(x), scores, mask)
        output = self.out(means)
        ### END SOLUTION
        return output


class Block(nn.Module):
    """A mixer and a norm, then a map; what goes into each is added to what comes out.

    state = norm(x + mix(x, mask)), output = state + relu(map(state))
    forward: x (batch, rows, columns), mask (batch, rows) -> (batch, rows, columns)
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.start = AddTable(columns)
        self.mix = Mixer(columns)
        self.norm = nn.LayerNorm(columns)
        self.map = nn.Linear(columns, columns)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        output = x  # replace
        ### BEGIN SOLUTION
        state = self.norm(x + self.mix(x, mask))
        output = state + self.map(state).relu()
        ### END SOLUTION
        return output


class BrokenBlock(nn.Module):
    """A block with a mistake in each line. It runs, and its shapes are right."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.start = AddTable(columns)
        self.mix = Mixer(columns)
        self.norm = nn.LayerNorm(columns)
        self.map = nn.Linear(columns, columns)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        mixed = self.mix(x)
        state = self.norm(mixed)
        return state + self.map(x)


class MendedBlock(nn.Module):
    """BrokenBlock with its mistakes mended: the same names and the same interface."""

    # Copy the body of BrokenBlock to here, then mend it.
    ### BEGIN SOLUTION
    def __init__(self, columns: int) -> None:
        super().__init__()
        self.start = AddTable(columns)
        self.mix = Mixer(columns)
        self.norm = nn.LayerNorm(columns)
        self.map = nn.Linear(columns, columns)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        mixed = self.mix(x, mask)
        state = self.norm(x + mixed)
        return state + self.map(state).relu()

    ### END SOLUTION
