"""Inputs of unit 02's rules, made so that the scores are known without computing any.

A query with two entries picks two columns of the keys: their sum, each times its part, is the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw


@dataclass(frozen=True)
class Probe:
    """Inputs of one call, and the scores that they have."""

    q: Tensor  # (..., seq_q, d_k)
    k: Tensor  # (..., seq_k, d_k)
    v: Tensor  # (..., seq_k, d_v)
    scores: Tensor  # (..., seq_q, seq_k)

    @property
    def result(self) -> tuple[int, ...]:
        """The shape of the context, (..., seq_q, d_v)."""
        return (*self.scores.shape[:-1], self.v.shape[-1])

    def other(self) -> Probe:
        """Other queries with the same keys and values."""
        return Probe(1.5 * self.q.roll(1, -1), self.k, self.v, self.scores)

    def flipped(self) -> list[Probe]:
        """With other queries, and with other keys."""
        q, k = self.q.flip(-1), self.k.flip(-1)
        return [Probe(q, self.k, self.v, self.scores), Probe(self.q, k, self.v, self.scores)]

    def without(self, axes: int) -> Probe:
        """The first part along some axes in front."""
        at = (0,) * axes
        return Probe(self.q[at], self.k[at], self.v[at], self.scores[at])

    def single(self) -> Probe:
        """The first part along the first axis, which stays."""
        return Probe(self.q[:1], self.k[:1], self.v[:1], self.scores[:1])


def _picking(draw: Draw, k: Tensor, v: Tensor, seq_q: int, second_part: float, first: Tensor | None = None) -> Probe:
    """A probe whose queries pick one column of the keys, and a second one times second_part."""
    d_k = k.shape[-1]
    if first is None:
        first = draw.integers(d_k, *k.shape[:-2], seq_q)
    second = (first + 1 + draw.integers(d_k - 1, *first.shape)) % d_k
    columns = k.transpose(-2, -1)  # (..., d_k, seq_k)
    q, scores = torch.zeros(*first.shape, d_k), torch.zeros(*first.shape, k.shape[-2])
    for column, part in ((first, 1.0), (second, second_part)):
        index = column.unsqueeze(-1)
        q.scatter_(-1, index, part * math.sqrt(d_k))
        scores += part * columns.gather(-2, index.expand_as(scores))
    return Probe(q, k, v, scores)


def generic(draw: Draw, d_k: int) -> Probe:
    """All sizes differ, scores are near 1."""
    lead = (draw.batch, draw.num_heads)
    k, v = draw.normal(*lead, draw.seq_k, d_k), draw.normal(*lead, draw.seq_k, draw.d_v)
    return _picking(draw, k, v, draw.seq_q, 0.7)


def equal_sizes(draw: Draw) -> Probe:
    """All sizes are the same, so that hardly a mistake with axes raises."""
    n = draw.square
    return _picking(draw, draw.normal(n, n, n, n), draw.normal(n, n, n, n), n, 0.7)


def far_apart(draw: Draw, like: Probe) -> Probe:
    """The scores of each query are multiples of 300, each another, also where keys or scores are read across."""
    seq_q, (seq_k, d_k) = like.q.shape[-2], like.k.shape[-2:]
    prime = next(p for p in range(max(seq_k, d_k, 3), 200) if all(p % i for i in range(2, p)))
    axes = torch.meshgrid(*(torch.arange(size) for size in like.k.shape), indexing="ij")
    steps = (axes[-2] + 2 * axes[-1] + sum(axes[:-2])) % prime
    first = (torch.arange(seq_q) % d_k).expand(*like.q.shape[:-1])
    return _picking(draw, 300.0 * (steps - prime // 2), like.v, seq_q, 0.0, first)


def shouting(draw: Draw, like: Probe) -> tuple[Probe, Tensor]:
    """Keys of score 0 where hidden, of -95 elsewhere, and the mask: nothing but a full mask silences them."""
    hidden = torch.zeros(like.k.shape[:-1], dtype=torch.bool)
    hidden[..., 1::2] = True
    k = torch.where(hidden.unsqueeze(-1), 0.0, -95.0).expand(like.k.shape).contiguous()
    return _picking(draw, k, like.v, like.q.shape[-2], 0.0), (~hidden).long().unsqueeze(-2)


def masks(draw: Draw, probe: Probe) -> dict[str, Tensor]:
    """Masks of three dtypes and four shapes; each row sees a key, no row but of the first sees all."""
    batch, *between, seq_q, seq_k = probe.scores.shape
    ones = [1 for _ in between]

    def scattered(*lead: int) -> Tensor:
        seen = draw.uniform(*lead, seq_k) < 0.5
        one = draw.integers(seq_k, *lead).unsqueeze(-1)
        return seen.scatter(-1, one, True).scatter(-1, (one + 1) % seq_k, False)

    return {
        "int mask (batch, 1, 1, seq_k)": draw.mask(batch, seq_k).reshape(batch, *ones, 1, seq_k),
        "bool mask (batch, 1, seq_q, seq_k)": scattered(batch, *ones, seq_q),
        "float mask (seq_q, seq_k)": scattered(seq_q).float(),
        "bool mask (batch, num_heads, seq_q, seq_k)": scattered(batch, *between, seq_q),
    }


def padded_numbers(draw: Draw) -> tuple[Tensor, Tensor]:
    """A number for each token, and a mask (batch, seq) that hides one or two of each sentence.

    The numbers of a sentence sum to 0. Hidden ones are 0: so a mask that sets them to 0 changes nothing. Of the others
    the first is large, so that the mean over a sentence tells whether the hidden ones have got a share.
    """
    lengths = draw.seq - 1 - torch.arange(draw.batch) % 2
    mask = (torch.arange(draw.seq) < lengths[:, None]).to(torch.int64)
    numbers = -draw.uniform(draw.batch, draw.seq, low=0.8, high=1.2) * mask
    numbers[:, 0] = -numbers[:, 1:].sum(1)
    return numbers, mask
