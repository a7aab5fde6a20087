"""Rules of unit 02: attention judged part by part from (context, attn) alone, the heads, and the module.

Notable choices:
- queries are made so that the scores are known without computing any: a query with two entries picks two columns of
  the keys. `scores` looks at what lies behind the weights, whatever was done with them afterwards; `weights` at
  properties that hold for any scores; `context` at the values summed with the learner's own weights
- where a call raises with sizes that all differ, other probes find the part that is to blame, and only that one pays:
  equal sizes where axes are mixed up, two columns where d_k was taken for an axis, and fewer axes
- what a mask does wrong belongs to `weights`, also when it does not reach the context or when no mask makes the call
  raise; gradients to queries and keys belong to `weights`, gradients to values and through the weights to `context`;
  so do inputs with fewer axes, or with as many as heads need, unless the scores are made for keys of three axes alone
- scores that are wrong need not reach as far as right ones, nor depend on all inputs: what follows from that is paid
  for in `scores`
- residuals are told as smallest, largest and mean size, so that they have one shape whatever the probe was
- the context is paid for where the weights depend on something; the module's properties where it mixes its tokens by
  products of them; gradients of heads where all numbers are moved: see `content`
- `MultiHeadSelfAttention`: kept weights, gradient and padding are judged against the learner's own output, so that a
  wrong value is paid for once, in `values`; where its forward raises, `errors` still asks what its layers are
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import (
    Fault,
    Student,
    StudentError,
    answered,
    as_tensor,
    error_of,
    pulled,
    refuse_missing,
    silent_names,
)  # fmt: skip
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import MASK_TYPES
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

HIDDEN_LIMIT = 1e-6  # a hidden key's weight stays below it
CLOSE = 1e-3  # float32 logarithms of weights are right to about 1e-5; classic mistakes are wrong by over 1e-2
WRONG = 1e6  # stands for nan and inf in what is told
ATTENTION = "scaled_dot_product_attention"


def _told(residual: Tensor) -> Tensor:
    """Smallest, largest and mean size of a residual, (3,)."""
    flat = _numbers(residual).reshape(-1)
    return torch.stack([flat.min(), flat.max(), flat.abs().mean()])


def _size(residual: Tensor) -> float:
    return _numbers(residual).abs().max().item()


def _numbers(residual: Tensor) -> Tensor:
    return torch.nan_to_num(residual.detach().double(), WRONG, WRONG, -WRONG)


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


def _has_shape(value: Any, shape: Sequence[int]) -> bool:
    return isinstance(value, Tensor) and value.shape == tuple(shape)


# probes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Inputs of one call, and the scores that they have."""

    q: Tensor  # (..., seq_q, d_k)
    k: Tensor  # (..., seq_k, d_k)
    v: Tensor  # (..., seq_k, d_v)
    scores: Tensor  # (..., seq_q, seq_k)

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


def _generic(draw: Draw, d_k: int) -> Probe:
    """All sizes differ, scores are near 1."""
    lead = (draw.batch, draw.num_heads)
    k, v = draw.normal(*lead, draw.seq_k, d_k), draw.normal(*lead, draw.seq_k, draw.d_v)
    return _picking(draw, k, v, draw.seq_q, 0.7)


def _equal_sizes(draw: Draw) -> Probe:
    """All sizes are the same, so that hardly a mistake with axes raises."""
    n = draw.square
    return _picking(draw, draw.normal(n, n, n, n), draw.normal(n, n, n, n), n, 0.7)


def _far_apart(draw: Draw, like: Probe) -> Probe:
    """The scores of each query are multiples of 300, each another, also where keys or scores are read across."""
    seq_q, (seq_k, d_k) = like.q.shape[-2], like.k.shape[-2:]
    prime = next(p for p in range(max(seq_k, d_k, 3), 200) if all(p % i for i in range(2, p)))
    axes = torch.meshgrid(*(torch.arange(size) for size in like.k.shape), indexing="ij")
    steps = (axes[-2] + 2 * axes[-1] + sum(axes[:-2])) % prime
    first = (torch.arange(seq_q) % d_k).expand(*like.q.shape[:-1])
    return _picking(draw, 300.0 * (steps - prime // 2), like.v, seq_q, 0.0, first)


def _shouting(draw: Draw, like: Probe) -> tuple[Probe, Tensor]:
    """Keys of score 0 where hidden, of -95 elsewhere, and the mask: nothing but a full mask silences them."""
    hidden = torch.zeros(like.k.shape[:-1], dtype=torch.bool)
    hidden[..., 1::2] = True
    k = torch.where(hidden.unsqueeze(-1), 0.0, -95.0).expand(like.k.shape).contiguous()
    return _picking(draw, k, like.v, like.q.shape[-2], 0.0), (~hidden).long().unsqueeze(-2)


def _masks(draw: Draw, probe: Probe) -> dict[str, Tensor]:
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


# what was answered ---------------------------------------------------------------------------------------------------


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _pair(value: Any, probe: Probe) -> tuple[Any, Tensor]:
    """Context as it came back, and weights. Raises Fault unless there are two things, the second in the right shape."""
    if not _is_pair(answered(value)):
        raise Fault("odd_value")
    attn = as_tensor(value[1])
    if attn.shape != probe.scores.shape or not attn.is_floating_point():
        raise Fault("odd_value")
    return value[0], attn.double()


def _behind(attn: Tensor, scores: Tensor) -> Tensor:
    """How far the scores behind the weights are from the probe's, in the reading that suits the learner best.

    Weights may be a softmax over the keys (their logarithm, but for a shift along the keys), a softmax of a softmax,
    a sigmoid, the scores themselves, or these divided by their sum. Weights of 0, such as dropout leaves, tell nothing.
    A shift along another axis is allowed to none but shares along that axis of which each is told: a softmax over the
    wrong axis, which is paid for in `weights`.
    """
    scores, attn = scores.double(), attn.double()
    logs = attn.log()
    all_told = torch.ones_like(attn, dtype=torch.bool)
    told = attn != 0
    # a line of which one entry is told fits any scores: there have to be lines of which more are told
    if (told.sum(-1) - 1).clamp(min=0).sum() < attn.numel() / 8:
        told = all_told
    right = _unshifted(logs - scores, -1, told)
    if _size(right) < CLOSE:  # enough for the verdict, as with most learners
        return right
    twice = logs - logs.mean(-1, keepdim=True) + 1 / attn.shape[-1]
    stretch = (attn * scores).sum(-1, keepdim=True) / (attn * attn).sum(-1, keepdim=True)
    elsewhere = [axis for axis in range(-2, -1 - attn.dim(), -1) if _size(attn.sum(axis) - 1) < CLOSE]
    readings = [(logs, axis, all_told) for axis in elsewhere]
    readings += [(twice.log(), -1, all_told), (attn.logit(), -1, all_told)]
    readings += [(attn, -1, all_told), (attn * stretch, -1, all_told)]
    others = (_unshifted(reading - scores, axis, where) for reading, axis, where in readings)
    return min(right, *others, key=_size)


def _unshifted(residual: Tensor, axis: int, told: Tensor) -> Tensor:
    """A residual without its mean along an axis, and 0 where nothing is told."""
    residual = residual.where(told, 0.0)
    mean = residual.sum(axis, keepdim=True) / told.sum(axis, keepdim=True).clamp(min=1)
    return (residual - mean).where(told, 0.0)


def _row_sums(attn: Tensor) -> Tensor:
    return attn.sum(-1) - 1


def _shares(attn: Tensor) -> Tensor:
    """The weights that a context may be made with: those that came back, or the shares that a softmax makes of them."""
    return torch.nan_to_num(attn if _size(_row_sums(attn)) < CLOSE else attn.softmax(-1))


def _unexplained(context: Tensor, attn: Tensor, v: Tensor) -> Tensor:
    """What is left of the context without the values, weighted with the learner's own weights, relative to these.

    Where no shares came back, the values may have been weighted with the shares that a softmax makes of it.
    """
    candidates = [attn] if _size(_row_sums(attn)) < CLOSE else [attn, attn.softmax(-1)]
    return min((_without_values(context, weights, v) for weights in candidates), key=_size)


def _without_values(context: Tensor, weights: Tensor, v: Tensor) -> Tensor:
    weighted = weights.unsqueeze(-1) * v.double().unsqueeze(-3)  # (..., seq_q, seq_k, d_v)
    return (context.double() - weighted.sum(-2)) / weights.abs().sum(-1, keepdim=True).clamp(min=1)


def _explained(context: Any, attn: Tensor, v: Tensor) -> bool:
    return _has_shape(context, (*attn.shape[:-1], v.shape[-1])) and _size(_unexplained(context, attn, v)) < CLOSE


class _Sight:
    """All that is asked of the learner's function on one probe, and its answers by name.

    rest: the mask that has to be given where none makes the call raise; else nothing.
    """

    def __init__(self, student: Student, draw: Draw, probe: Probe, *rest: Tensor) -> None:
        self.student, self.draw, self.probe, self.rest = student, draw, probe, rest
        self.masks = _masks(draw, probe)
        start = student.restart(draw.seed_to_tell)
        calls = {"plain": self._call(probe, *rest) | {"inputs": True}}
        calls |= {name: self._call(probe, mask) for name, mask in self.masks.items()}
        self.slope = Slope(self._near_0(0.1, 0.3), (0, 1, 2), [(0,), (1,)])
        if draw.first:
            calls |= self._once()
        # the same random numbers each time, so that dropout at the wrong time looks the same each time
        requests = [request for call in calls.values() for request in (start, call)]
        answers = student.try_all([*requests, *(self.slope.requests if draw.first else [])])
        self.answers = dict(zip(calls, answers[1 : len(requests) : 2], strict=True))
        self.slopes = answers[len(requests) :]
        value, after = answered(self.answers["plain"])
        self.context, self.attn = _pair(value, probe)
        self.kept = [torch.equal(one, two) for one, two in zip((probe.q, probe.k, probe.v), after, strict=False)]

    def _call(self, probe: Probe, *mask: Tensor) -> Request:
        return self.student.request(ATTENTION, probe.q, probe.k, probe.v, *mask)

    def _once(self) -> dict[str, Request]:
        """What no size changes."""
        probe, rest = self.probe, self.rest
        loud, hidden = _shouting(self.draw, probe)
        batch, *between, _, seq_k = probe.scores.shape
        self.empty = torch.ones(batch, *(1 for _ in between), 1, seq_k, dtype=torch.int64)
        self.empty[-1] = 0
        no_keys = self._call(probe, self.empty)
        calls = {
            "far": self._call(_far_apart(self.draw, probe), *rest),
            "loud": self._call(loud, hidden),
            "single": self._call(probe.single(), *rest),
            "empty": no_keys | {"inputs": True},
            "empty, backward": no_keys | {"pull": {"seed": 0, "wants": "arguments"}},
            "again": self._call(probe, *rest),
            "other": self._call(Probe(1.5 * probe.q.roll(1, -1), probe.k, probe.v, probe.scores), *rest),
        }
        self.fewer = {axes: probe.without(probe.scores.dim() - axes) for axes in range(2, probe.scores.dim())}
        return calls | {f"{axes} axes": self._call(one, *rest) for axes, one in self.fewer.items()}

    @cached_property
    def distance(self) -> Tensor:
        """How far the scores behind the weights are from the probe's."""
        return _behind(self.attn, self.probe.scores)

    @cached_property
    def sound(self) -> bool:
        """Whether the right scores lie behind the weights."""
        return _size(self.distance) < CLOSE

    @cached_property
    def shared(self) -> bool:
        """Whether the weights sum to 1 over the keys."""
        return _size(_row_sums(self.attn)) < CLOSE

    @cached_property
    def explained(self) -> bool:
        """Whether the context is the sum of the values."""
        return _explained(self.context, self.attn, self.probe.v)

    # gradients ---------------------------------------------------------------------------------------------------

    def _near_0(self, of_q: float, of_k: float) -> Request:
        """Scores are small: their slope is the same along a step."""
        probe = self.probe
        return self.student.request(ATTENTION, probe.q * of_q, probe.k * of_k, probe.v, *self.rest)

    @cached_property
    def agreement(self) -> tuple[list[bool], list[bool]]:
        """Whether autograd agrees with the learner's own slope at q, k and v: for the context, and for the weights.

        The slope of a function that writes into its input means nothing; that is paid for where it is looked at.
        """
        if not all(self.kept):
            return [True] * 3, [True] * 3
        found = self._read(self.slope, self.slopes)
        q, k = self.probe.q, self.probe.k
        picked = q.where(q == q.amax(-1, keepdim=True), 0.0)  # one column of the keys alone
        away = k.sign() * (0.5 + 0.1 * k.abs().clamp(max=1.0))
        # wrong scores may be so large that they bend along a step, or have a kink at 0
        for call in (self._near_0(0.03, 0.09), self.student.request(ATTENTION, picked * 0.3, away, self.probe.v)):
            if not self.sound and not all(found[0] + found[1][:2]):
                slope = Slope(call | {"args": [*call["args"][:3], *self.rest]}, (0, 1, 2), [(0,), (1,)])
                other = self._read(slope, self.student.try_all(slope.requests))
                found = tuple([a or b for a, b in zip(*pair, strict=True)] for pair in zip(found, other, strict=True))
        return found[0], found[1]

    @staticmethod
    def _read(slope: Slope, answers: Sequence[Any]) -> tuple[list[bool], ...]:
        return tuple(list(slope.agreement(answers, number).values()) for number in (0, 1))

    def unmoved(self) -> list[bool]:
        """For q and k, whether the weights stay as they are when it is another one."""
        q, k, v = self.probe.q, self.probe.k, self.probe.v
        calls = [
            self.student.request(ATTENTION, *args, *self.rest) for args in ((q.flip(-1), k, v), (q, k.flip(-1), v))
        ]
        found = self.student.ask_all(calls)
        return [torch.allclose(_pair(value, self.probe)[1], self.attn, atol=1e-6) for value in found]

    # the three checks --------------------------------------------------------------------------------------------

    def scores(self) -> Observations:
        """Behind the weights stand the dot products of queries and keys, divided by the square root of d_k."""
        return {
            "distance from the scores": _told(self.distance),
            "q and k kept": self.kept[:2],
            "keys with heads": not self.keys_of_three_axes,
        }

    def weights(self) -> Observations:
        """Each query's weights are 0 or more and sum to 1 over the keys; hidden keys get none, nothing becomes NaN."""
        seen: Observations = {
            "works without a mask": not self.rest,
            "row sums": _told(_row_sums(self.attn)),
            "below 0": _told(self.attn.clamp(max=0)),
            "keys without a share": self.sound and bool((self.attn == 0).any()),
        }
        masked = {name: self.answers[name] for name in self.masks}
        if all(isinstance(answer, StudentError) for answer in masked.values()):
            answered(next(iter(masked.values())))
        for name, answer in masked.items():
            seen |= self._masked(name, answer)
        return seen | (self._weights_once() if self.draw.first else {})

    def _masked(self, name: str, answer: Any) -> Observations:
        """What a mask does, measured by the learner's own weights without one."""
        if isinstance(answer, StudentError):
            return {f"{name}: hidden keys": answer}
        context, attn = _pair(answer, self.probe)
        visible = (self.masks[name] != 0).expand_as(attn)
        left = torch.where(visible, self.attn, 0.0)
        return {
            f"{name}: hidden keys": _above_limit(attn[~visible]),
            f"{name}: shares of the others": _told(attn - left / left.sum(-1, keepdim=True)),
            # a context that is wrong without a mask has been paid for
            f"{name}: context follows": not self.explained or _explained(context, attn, self.probe.v),
        }

    def _weights_once(self) -> Observations:
        sharp, alone = _pair(self.answers["far"], self.probe)[1], self.answers["single"]
        through, own = self.agreement
        # weights may come back detached, as long as the context is not
        agree = [one or other for one, other in zip(own[:2], through, strict=False)]
        if not all(agree) and not self.sound:  # what the scores do not depend on is paid for there
            agree = [one or other for one, other in zip(agree, self.unmoved(), strict=True)]
        seen: Observations = {
            "the highest of scores far apart takes all": _told(_missing_from_highest(sharp, self.sound)),
            # what raises, or gives no pair, is paid for in `context`
            "a single sentence keeps its axes": not _is_pair(alone)
            or _has_shape(alone[1], self.probe.single().scores.shape),
            "slope of q and k": agree,
        }
        loud, empty = self.answers["loud"], self.answers["empty"]
        if isinstance(loud, StudentError) or isinstance(empty, StudentError):
            # told by the masks; what else makes it raise is an error of this check
            return seen | {"hidden keys with high scores": loud, "row without keys: weights finite": empty}
        silenced = _pair(loud, self.probe)[1]
        hidden = _shouting(self.draw, self.probe)[1] == 0
        seen["hidden keys with high scores"] = _above_limit(silenced[hidden.expand_as(silenced)])
        return seen | self._empty_rows(empty)

    def _empty_rows(self, answer: Any) -> Observations:
        """Whether rows that see no key stay finite, forward and backward, and let the mask be."""
        value, after = answer
        context, attn = _pair(value, self.probe)
        found = []
        if all(self.kept):
            backward = self.answers["empty, backward"]
            if not self.explained:  # of the weights alone
                call = self._call(self.probe, self.empty)
                pull = {"seed": 0, "outputs": [1], "wants": "arguments"}
                (backward,) = self.student.try_all([call | {"pull": pull}])
            found = pulled(backward)
        return {
            "row without keys: weights finite": _finite(attn),
            "row without keys: context finite": not self.explained or _finite(context),
            "row without keys: gradients finite": all(_finite(item) for item in found if isinstance(item, Tensor)),
            "mask kept": isinstance(after[3], Tensor) and torch.equal(after[3], self.empty),
        }

    keys_of_three_axes = False

    def values_summed(self) -> Observations:
        """The context is the sum of the values, each times the weight that came back with it."""
        probe, context = self.probe, as_tensor(self.context)
        wide = context.shape == (*probe.scores.shape[:-1], probe.v.shape[-1])
        seen: Observations = {"one row of d_v numbers for each query": wide, "v kept": self.kept[2]}
        if not wide:
            return seen | {"shape": list(context.shape)}
        seen["distance from the weighted sum"] = _told(_unexplained(context, self.attn, probe.v))
        if not self.draw.first:
            return seen
        seen[CONTENT] = self._weights_move()
        (*through, seen["slope of v"]), own = self.agreement
        # a gradient that does not come out of the weights either has been paid for there
        seen["slope through the weights"] = all(through) or not all(own[:2])
        # axes that are mixed up have been paid for in scores or weights
        blamed, single = not (self.sound and self.shared), self.answers["single"]
        shape = (*probe.single().scores.shape[:-1], probe.v.shape[-1])
        seen["a single sentence"] = blamed or (_is_pair(single) and _has_shape(single[0], shape))
        for axes in (2, 3, 4):
            works = axes == probe.scores.dim() or (axes == 4 and self.keys_of_three_axes)
            if axes in self.fewer:
                works = blamed or _works(self.answers[f"{axes} axes"], self.fewer[axes])
            seen[f"inputs of {axes} axes"] = works
        return seen

    def _weights_move(self) -> bool:
        """Whether the weights follow from the queries, or at least from the mask, as with scores that are still open.

        Constant weights make a mean of the values, which takes no weights; that the context is such a sum says nothing.
        """
        first = _shares(self.attn)
        again, *others = (self.answers[name] for name in ("again", "other", *self.masks))
        pairs = [_pair(value, self.probe)[1] for value in others if _is_pair(value)]
        repeated = _is_pair(again) and not content.differ(_shares(_pair(again, self.probe)[1]), first)
        return repeated and any(content.differ(_shares(attn), first) for attn in pairs)


def _missing_from_highest(sharp: Tensor, sound: bool) -> Tensor:
    """What the highest weight of each query lacks of 1 where scores lie far apart; 0 where all are the same.

    A float32 softmax of scores in the thousands gives exact 0 and 1. Wrong scores need not lie far apart: of them is
    asked that they give numbers, and not those of a second softmax over one 1 and many 0.
    """
    highest = sharp.max(-1).values
    if bool((sharp == sharp[..., :1]).all()):
        return highest * 0
    second = math.e / (math.e + sharp.shape[-1] - 1)
    spoilt = sound or not _finite(highest) or bool(((highest - second).abs() < CLOSE).all())
    return highest - 1 if spoilt else highest * 0


def _above_limit(hidden: Tensor) -> Tensor:
    """0 where every hidden key's weight is below the limit, else 1 plus the largest weight."""
    largest = torch.nan_to_num(hidden, WRONG, WRONG, -WRONG).abs().max()
    return torch.where(largest < HIDDEN_LIMIT, torch.zeros_like(largest), 1 + largest)


def _works(value: Any, probe: Probe) -> bool:
    try:
        context, attn = _pair(value, probe)
    except (Fault, StudentError):
        return False
    return _has_shape(context, (*attn.shape[:-1], probe.v.shape[-1]))


def _sight(student: Student, draw: Draw) -> _Sight:
    """What is seen on the first probe that the learner's function takes. Raises what it raised on the first of all.

    Probes with other sizes or fewer axes count where a part can be told that goes wrong on them.
    """
    generic, square, narrow = _generic(draw, draw.d_k), _equal_sizes(draw), _generic(draw, 2)
    troubles: list[StudentError | Fault] = []
    for probe in (generic, square, narrow, generic.without(1)):
        for rest in ((), (torch.ones(probe.scores.shape[-2:], dtype=torch.int64),)):
            try:
                found = _Sight(student, draw, probe, *rest)
            except (StudentError, Fault) as trouble:
                troubles.append(trouble)
                continue
            to_blame = not (found.sound and found.shared and found.explained)
            if probe.scores.dim() == 3:  # is it the keys' axes, or those of the values?
                shared = Probe(generic.q, generic.k[0], generic.v, generic.q @ generic.k[0].mT)
                (value,) = student.try_all([student.request(ATTENTION, shared.q, shared.k, shared.v, *rest)])
                found.keys_of_three_axes = _works(value, shared)
                return found
            if probe is generic or (to_blame and _has_shape(found.context, (*probe.q.shape[:-1], probe.v.shape[-1]))):
                return found
    raise troubles[0]


# Scores are near 1 and float32 logarithms are right to about 1e-5.
@looks(
    ATTENTION,
    scores=Check(atol=CLOSE, rtol=0.0, constant=True),
    weights=Check(atol=1e-4, rtol=1e-4, constant=True),
    context=Check(atol=1e-4, rtol=1e-4, constant=True),
)
def attention(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Scores, weights and context of one function, each judged by itself."""
    sight = _sight(student, draw)
    return {"scores": sight.scores, "weights": sight.weights, "context": sight.values_summed}


# heads ----------------------------------------------------------------------------------------------------------------


def _moved(student: Student, draw: Draw, name: str, x: Tensor, *rest: int) -> Mapping[str, Part]:
    """All numbers of x stand where they belong, and the gradient finds its way back."""
    slope = Slope(student.request(name, x, *rest))
    calls = [student.request(name, x, *rest) | {"inputs": True}]
    calls += [student.request(name, x[:1], *rest), *slope.requests] if draw.first else []
    first, *others = student.try_all(calls)
    moved, after = answered(first)

    def values() -> Observations:
        seen = {"moved": as_tensor(moved), "input kept": torch.equal(after[0], x)}
        return seen | ({"of a single sentence": as_tensor(answered(others[0]))} if draw.first else {})

    def gradient() -> Observations:  # nothing that is no tensor has a slope
        return {CONTENT: _same_numbers(as_tensor(moved), x), "slope": slope.agreement(others[1:])}

    return {"values": values, "gradient": gradient}


def _same_numbers(moved: Tensor, x: Tensor) -> bool:
    """Whether a result holds the numbers of x, each once and in a shape with heads or without, wherever they stand.

    It does where all numbers of x are moved, and so gets all of the gradient back. A part of x has a slope as well.
    """
    other_axes = moved.squeeze().dim() != x.squeeze().dim()
    if not other_axes or moved.numel() != x.numel():
        return False
    one, other = (values.flatten().double().sort().values for values in (moved, x))
    return torch.allclose(one, other)


@looks("split_heads", values=Check(), gradient=Check(once=True, constant=True))
def split_heads(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Head h holds the h-th block of columns, for every token."""
    x = draw.normal(draw.batch, draw.seq, draw.num_heads * draw.d_head)
    return _moved(student, draw, "split_heads", x, draw.num_heads)


@looks("merge_heads", values=Check(), gradient=Check(once=True, constant=True))
def merge_heads(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The blocks of all heads stand side by side again, head 0 first."""
    return _moved(student, draw, "merge_heads", draw.normal(draw.batch, draw.num_heads, draw.seq, draw.d_head))


# the module -----------------------------------------------------------------------------------------------------------

MODULE = "MultiHeadSelfAttention"
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
WEIGHTS = [f"{name}.weight" for name in PROJECTIONS]


class _Layer:
    """A learner's module in eval mode with seeded weights, and what it answers.

    Torch names a layer that stands under two names but once. It has been loaded under its first name; what it does
    under the other is a mistake of the values. Weights under other names stay fresh, which `values` pays for.
    """

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw, self.width = student, draw, draw.num_heads * draw.d_head
        self.weights = draw.weights(dict.fromkeys(WEIGHTS, (self.width, self.width)))
        self.weights |= draw.weights({f"{name}.bias": (self.width,) for name in PROJECTIONS})
        student.seed(draw.seed_to_tell)
        names = list(self.weights)
        self.module, missing = student.build_loaded(
            MODULE, self.width, draw.num_heads, values=self.weights, optional=names
        )
        found = student.try_all([self.module.getting(name) for name in missing]) if missing else []
        self.lacking = [
            n for n, v in zip(missing, found, strict=True) if not _has_shape(v, self.weights[n].shape)
        ]  # under no name at all
        self.x, self.mask = self._tokens(draw.batch), draw.mask(draw.batch, draw.seq)
        calls = self._calls()
        self.answers = dict(zip(calls, student.try_all(list(calls.values())), strict=True))

    def _tokens(self, batch: int, scale: float = 1.0) -> Tensor:
        return self.draw.normal(batch, self.draw.seq, self.width, scale=scale)

    def _calls(self) -> dict[str, Request]:
        call, start = self.module.request, self.student.restart(self.draw.seed_to_tell)
        calls = {"start": start, "output": call(self.x) | {"inputs": True}}
        calls["kept"] = self.module.getting("attn_weights")
        calls["in graph"] = self.module.getting("attn_weights", wants="requires_grad")
        calls["shorter"] = call(self.draw.normal(1, self.draw.seq - 1, self.width))
        for row, length in enumerate(self.mask.sum(1).tolist()):
            calls[f"row {row}"] = call(self.x[row : row + 1, :length])
        self.kinds = list(MASK_TYPES) if self.draw.first else ["int"]
        calls |= {kind: call(self.x, self.mask.to(MASK_TYPES[kind])) for kind in self.kinds}
        if self.draw.first:
            self.slope = Slope(call(self.x))
            calls |= {f"slope {number}": request for number, request in enumerate(self.slope.requests)}
            calls["silent"] = self.module.pulling(self.x)
            one, other = self._tokens(self.draw.batch, 2.0), self._tokens(self.draw.batch, 2.0)
            middle = (one + other) / 2
            for name, point in {"one": one, "other": other, "middle": middle, "again": middle}.items():
                calls |= {f"before {name}": start, name: call(point)}
        return calls

    def refuse_unnamed(self) -> None:
        """Raise Fault where the module lacks a matrix, under whatever name."""
        refuse_missing([name for name in self.lacking if name in WEIGHTS], self.weights)

    def mixes(self) -> bool:
        """Whether the module does more than to map and to average its tokens: attention takes products of them."""
        try:
            points = [content.numbers(answered(self.answers[name])) for name in ("one", "other", "middle", "again")]
        except (StudentError, Fault):
            return False
        one, other, middle, again = points
        return (
            len({point.shape for point in points}) == 1
            and content.repeats(middle, again)
            and content.differ(middle, (one + other) / 2)
        )

    def repeats(self, x: Tensor, *mask: Tensor) -> bool:
        """Whether two equal calls give the same; one that does not drops at the wrong time, paid for in `values`."""
        one, other = self.student.ask_all([self.module.request(x, *mask)] * 2)
        return torch.allclose(as_tensor(one), as_tensor(other), atol=CLOSE)

    # the checks ------------------------------------------------------------------------------------------------------

    def values(self) -> Observations:
        """With the same weights the output is that of torch.nn.MultiheadAttention."""
        self.refuse_unnamed()
        output, after = answered(self.answers["output"])
        return {
            "missing biases": self.lacking,
            "output": as_tensor(output),
            "output for one shorter sentence": as_tensor(answered(self.answers["shorter"])),
            "input kept": torch.equal(after[0], self.x),
        }

    def kept_weights(self) -> Observations:
        """attn_weights keeps one map for each head, those that made the output, detached."""
        self.refuse_unnamed()
        as_tensor(answered(self.answers["output"])[0])
        kept = self.answers["kept"]
        if isinstance(kept, StudentError):
            raise Fault("odd_value")
        kept, shape = as_tensor(kept), [self.draw.batch, self.draw.num_heads, self.draw.seq, self.draw.seq]
        fits = list(kept.shape) == shape
        seen: Observations = {
            "shape": list(kept.shape),
            "part of the graph": bool(answered(self.answers["in graph"])),
            "heads differ": fits and not torch.allclose(kept[:, 0], kept[:, 1], atol=1e-3),
        }
        if not self.draw.first:
            return seen
        return seen | {CONTENT: self.mixes()} | (self._made_the_output() if fits else {})

    def _made_the_output(self) -> Observations:
        """How far the output is from what the kept weights make of the tokens.

        Every column of a token and of its projections is one number, and these sum to 0 over a sentence: the mean
        output tells what the weights were, whatever was done with the projections or added to the output.
        """
        width, draw, module = self.width, self.draw, self.module
        row = draw.normal(width, scale=0.5 / width)
        row += (1 - row.sum()) / width
        plain = {f"{name}.weight": row.expand(width, width).contiguous() for name in PROJECTIONS[:3]}
        plain |= {f"{name}.bias": torch.zeros(width) for name in PROJECTIONS} | {"out_proj.weight": torch.eye(width)}
        numbers = draw.normal(draw.batch, draw.seq)
        numbers -= numbers.mean(1, keepdim=True)
        others, mask = _padded_numbers(draw)
        tokens, padded = (one.unsqueeze(-1).expand(-1, -1, width).contiguous() for one in (numbers, others))
        kept = module.getting("attn_weights")
        calls = [module.loading(plain), module.request(tokens), kept, module.request(padded, mask), kept]
        again = [module.request(tokens), module.request(padded, mask), module.loading(self.weights)]
        _, output, kept_now, masked, kept_then, output_again, masked_again, _ = self.student.try_all([*calls, *again])
        output, kept_now = as_tensor(answered(output)), as_tensor(answered(kept_now))
        seen: Observations = {}
        mixed = (kept_now * numbers[:, None, None, :]).sum(-1)  # (batch, num_heads, seq)
        distance = output.mean((1, 2)) - mixed.mean((1, 2))
        if _size(distance) > CLOSE:
            # free, and no part of the verdict; tells mistakes from each other
            seen["over the queries they sum to 1"] = _size(kept_now.sum(-2) - 1) < CLOSE
            if not _equal(output, output_again):
                distance *= 0  # dropout at the wrong time has been paid for in `values`
        seen["distance from the output"] = distance
        name = "distance from the output with a mask"
        if not _has_shape(masked, padded.shape) or not _finite(masked):  # paid for in `padding`
            return seen | {name: distance * 0}
        if not _has_shape(kept_then, kept_now.shape):
            return seen | {name: torch.full_like(distance, WRONG)}
        there = mask.double()  # what stands at the padding is nobody's business
        mixed = (kept_then * others[:, None, None, :]).sum(-1).mean(1)  # (batch, seq)
        distance = ((masked.mean(-1) - mixed) * there).sum(1) / there.sum(1)
        return seen | {name: distance * (1.0 if _equal(masked, masked_again) else 0.0)}

    def gradient(self) -> Observations:
        """The gradient reaches the tokens and every projection that changes the output."""
        self.refuse_unnamed()
        output = as_tensor(answered(self.answers["output"])[0])
        slope = self.slope.agreement([self.answers[f"slope {n}"] for n in range(len(self.slope.requests))])
        cut = []
        for name in set(silent_names(self.answers["silent"])) & set(WEIGHTS):
            # an unused projection is a mistake of the values
            values = self.module.parameters()[name]
            calls = [self.module.loading({name: values * 1.5}), self.module.request(self.x)]
            _, moved, _ = self.student.ask_all([*calls, self.module.loading({name: values})])
            cut += [] if torch.allclose(as_tensor(moved), output, atol=1e-5) else [name]
        return {"projections cut off": sorted(cut), "slope": slope, CONTENT: self.mixes()}

    def padding(self) -> Observations:
        """A padded sentence gives the same as the sentence alone, whatever stands in the padding."""
        self.refuse_unnamed()
        there = self.mask.bool()
        alone = torch.cat([as_tensor(answered(self.answers[f"row {row}"]))[0] for row in range(len(self.mask))])
        answers = {kind: self.answers[kind] for kind in self.kinds}
        if all(isinstance(answer, StudentError) for answer in answers.values()):
            answered(answers["int"])
        seen: Observations = {
            f"{kind} mask": answer if isinstance(answer, StudentError) else _told(as_tensor(answer)[there] - alone)
            for kind, answer in answers.items()
        }
        if any(isinstance(told, Tensor) and _size(told) > CLOSE for told in seen.values()):
            if not self.repeats(self.x, self.mask):
                seen |= self._padding_of_random()
            else:
                # free, and no part of the verdict; tells mistakes from each other
                twins = torch.where(self.mask.unsqueeze(-1) == 0, self.x[:, :1], self.x)
                seen["rows of padding"] = _told(self.module.tensor(twins, self.mask)[self.mask == 0])
        return seen | ({CONTENT: self.mixes()} if self.draw.first else {})

    def _padding_of_random(self) -> Observations:
        """Whether padding counts for a module that drops values at the wrong time, which is paid for in `values`.

        Sizes and seed are the same for both outputs, and so is what is dropped.
        """
        other = torch.where(self.mask.unsqueeze(-1) == 0, self.draw.normal(*self.x.shape), self.x)
        start, seen = self.student.restart(self.draw.seed_to_tell), {}
        for kind in self.kinds:
            mask = self.mask.to(MASK_TYPES[kind])
            calls = [call for tokens in (self.x, other) for call in (start, self.module.request(tokens, mask))]
            one, two = (as_tensor(value)[self.mask.bool()] for value in self.student.ask_all(calls)[1::2])
            seen[f"{kind} mask"] = _told(one - two)
        return seen

    def errors(self) -> Observations:
        """A num_heads that does not divide d_model is a ValueError; one that does is none."""
        heads = (self.draw.not_dividing, 2 * self.width)
        odd, more = map(error_of, self.student.try_all([self.student.request(MODULE, self.width, n) for n in heads]))
        # where forward raises, the layers still tell that something is made
        raises = isinstance(self.answers["output"], StudentError) and not self.lacking
        return {"does not divide": odd, "more heads than columns": more, CONTENT: self.mixes() or raises}


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, Tensor) and _has_shape(other, one.shape) and torch.allclose(one, other, atol=CLOSE)


def _padded_numbers(draw: Draw) -> tuple[Tensor, Tensor]:
    """A number for each token, and a mask (batch, seq) that hides one or two of each sentence.

    The numbers of a sentence sum to 0. Hidden ones are 0: so a mask that sets them to 0 changes nothing. Of the others
    the first is large, so that the mean over a sentence tells whether the hidden ones have got a share.
    """
    lengths = draw.seq - 1 - torch.arange(draw.batch) % 2
    mask = (torch.arange(draw.seq) < lengths[:, None]).to(torch.int64)
    numbers = -draw.uniform(draw.batch, draw.seq, low=0.8, high=1.2) * mask
    numbers[:, 0] = -numbers[:, 1:].sum(1)
    return numbers, mask


# Float32 against float32 through four matrices.
@looks(
    MODULE,
    values=Check(atol=1e-4, rtol=1e-3),
    weights=Check(atol=1e-4, rtol=1e-3, constant=True),
    gradient=Check(once=True, constant=True),
    padding=Check(atol=1e-4, rtol=0.0, constant=True),  # the same sums in another order differ by about 1e-6
    errors=Check(once=True, constant=True),
)
def multi_head_self_attention(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The module beside torch's own with the same weights."""
    layer = _Layer(student, draw)
    return {
        "values": layer.values,
        "weights": layer.kept_weights,
        "gradient": layer.gradient,
        "padding": layer.padding,
        "errors": layer.errors,
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    ATTENTION: [dict(batch=2, num_heads=3, seq_q=5, seq_k=7, d_k=6, d_v=4, square=5)],
    "split_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    "merge_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    MODULE: [dict(batch=3, seq=5, num_heads=3, d_head=6, not_dividing=4)],
}
