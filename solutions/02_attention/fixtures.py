"""What unit 02's rules ask attention with, and how its answers are read.

The scores of the inputs are known without computing any.
A query with two entries picks two columns of the keys: their sum, each times its part, is the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Fault, StudentError, answered, as_tensor
from course_utils.engine.judging.residuals import WRONG, has_shape, is_finite, size

HIDDEN_LIMIT = 1e-6  # a hidden key's weight stays below it
CLOSE = 1e-3  # float32 logarithms of weights are right to about 1e-5; classic mistakes are wrong by over 1e-2


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


# what attention answers ----------------------------------------------------------------------------------------------


def is_pair(value: Any) -> bool:
    """Whether there are two things."""
    return isinstance(value, list | tuple) and len(value) == 2


def pair(value: Any, probe: Probe) -> tuple[Any, Tensor]:
    """Context as it came back, and weights. Raises Fault unless there are two things, the second in the right shape."""
    if not is_pair(answered(value)):
        raise Fault("odd_value")
    attn = as_tensor(value[1])
    if attn.shape != probe.scores.shape or not attn.is_floating_point():
        raise Fault("odd_value")
    return value[0], attn.double()


def works(value: Any, probe: Probe) -> bool:
    """Whether a context and weights of the right shapes came back."""
    try:
        return has_shape(pair(value, probe)[0], probe.result)
    except (Fault, StudentError):
        return False


def behind(attn: Tensor, scores: Tensor) -> Tensor:
    """How far the scores behind the weights are from the probe's, in the reading that suits the learner best.

    Weights may be a softmax over the keys (their logarithm, but for a shift along the keys), a softmax of a softmax,
    a sigmoid, the scores themselves, or these divided by their sum. Weights of 0, such as dropout leaves, tell nothing.
    A shift along another axis is allowed to none but shares along that axis of which each is told: a softmax over the
    wrong axis, which is paid for in `weights`.
    """
    scores, logs, told = scores.double(), attn.log(), attn != 0
    every = torch.ones_like(told)
    # a line of which one entry is told fits any scores: there have to be lines of which more are told
    if (told.sum(-1) - 1).clamp(min=0).sum() < attn.numel() / 8:
        told = every
    right = _unshifted(logs - scores, -1, told)
    if size(right) < CLOSE:  # enough for the verdict, as with most learners
        return right
    twice = logs - logs.mean(-1, keepdim=True) + 1 / attn.shape[-1]
    stretch = (attn * scores).sum(-1, keepdim=True) / (attn * attn).sum(-1, keepdim=True)
    elsewhere = [axis for axis in range(-2, -1 - attn.dim(), -1) if size(attn.sum(axis) - 1) < CLOSE]
    readings = [(logs, axis) for axis in elsewhere]
    readings += [(reading, -1) for reading in (twice.log(), attn.logit(), attn, attn * stretch)]
    return min(right, *(_unshifted(reading - scores, axis, every) for reading, axis in readings), key=size)


def _unshifted(residual: Tensor, axis: int, told: Tensor) -> Tensor:
    """A residual without its mean along an axis, and 0 where nothing is told."""
    residual = residual.where(told, 0.0)
    mean = residual.sum(axis, keepdim=True) / told.sum(axis, keepdim=True).clamp(min=1)
    return (residual - mean).where(told, 0.0)


def row_sums(attn: Tensor) -> Tensor:
    """What the weights of each query sum to, less 1."""
    return attn.sum(-1) - 1


def shares(attn: Tensor) -> Tensor:
    """The weights that a context may be made with: those that came back, or the shares that a softmax makes of them."""
    return torch.nan_to_num(attn if size(row_sums(attn)) < CLOSE else attn.softmax(-1))


def unexplained(context: Tensor, attn: Tensor, v: Tensor) -> Tensor:
    """What is left of the context without the weighted values, relative to the weights: own ones, or shares of them."""

    def left(weights: Tensor) -> Tensor:
        weighted = weights.unsqueeze(-1) * v.double().unsqueeze(-3)  # (..., seq_q, seq_k, d_v)
        return (context.double() - weighted.sum(-2)) / weights.abs().sum(-1, keepdim=True).clamp(min=1)

    candidates = [attn] if size(row_sums(attn)) < CLOSE else [attn, attn.softmax(-1)]
    return min(map(left, candidates), key=size)


def explained(context: Any, attn: Tensor, probe: Probe) -> bool:
    """Whether the context is the weighted sum of the values."""
    return has_shape(context, probe.result) and size(unexplained(context, attn, probe.v)) < CLOSE


def above_limit(hidden: Tensor) -> Tensor:
    """0 where every hidden key's weight is below the limit, else 1 plus the largest weight."""
    largest = torch.nan_to_num(hidden, WRONG, WRONG, -WRONG).abs().max()
    return torch.where(largest < HIDDEN_LIMIT, torch.zeros_like(largest), 1 + largest)


def missing_from_highest(sharp: Tensor, sound: bool) -> Tensor:
    """What the highest weight of each query lacks of 1 where scores lie far apart; 0 where all are the same.

    A float32 softmax of scores in the thousands gives exact 0 and 1. Wrong scores need not lie far apart: of them is
    asked that they give numbers, and not those of a second softmax over one 1 and many 0.
    """
    highest = sharp.max(-1).values
    if bool((sharp == sharp[..., :1]).all()):
        return highest * 0
    second = math.e / (math.e + sharp.shape[-1] - 1)
    spoilt = sound or not is_finite(highest) or bool(((highest - second).abs() < CLOSE).all())
    return highest - 1 if spoilt else highest * 0
