"""Rules of unit 02: attention judged part by part from (context, attn) alone, the heads, and the module.

Notable choices:
- queries are made so that the scores are known without computing any: a query with two entries picks two columns of
  the keys. `scores` looks at what lies behind the weights, whatever was done with them afterwards; `weights` at
  properties that hold for any scores; `context` at the values summed with the learner's own weights
- where a call raises with sizes that all differ, a probe with equal sizes finds the part whose axes are mixed up,
  and only that part pays
- what a mask does wrong belongs to `weights`, also when it does not reach the context or when no mask makes the call
  raise; gradients to queries and keys belong to `weights`, gradients to values and through the weights to `context`;
  so do inputs with fewer axes, or with as many as heads need
- scores that are wrong need not reach as far as right ones, nor depend on all inputs: what follows from that is paid
  for in `scores`
- residuals are told as smallest, largest and mean size, so that they have one shape whatever the probe was
- the context is paid for where the weights depend on something; the module's properties where it mixes its tokens by
  products of them; gradients of heads where all numbers are moved: see `content`
- `MultiHeadSelfAttention`: kept weights, gradient and padding are judged against the learner's own output, so that a
  wrong value is paid for once, in `values`
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, as_tensor, error_of, refuse_missing
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Observations, rule

HIDDEN_LIMIT = 1e-6  # a hidden key's weight stays below it
CLOSE = 1e-3  # float32 logarithms of weights are right to about 1e-5; classic mistakes are wrong by over 1e-2
WRONG = 1e6  # stands for nan and inf in what is told


def _told(residual: Tensor) -> Tensor:
    """Smallest, largest and mean size of a residual, (3,)."""
    flat = _numbers(residual).reshape(-1)
    return torch.stack([flat.min(), flat.max(), flat.abs().mean()])


def _size(residual: Tensor) -> float:
    return _numbers(residual).abs().max().item()


def _numbers(residual: Tensor) -> Tensor:
    return torch.nan_to_num(residual.detach().double(), WRONG, WRONG, -WRONG)


# scaled dot-product attention -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Inputs of one call, and the scores that they have."""

    q: Tensor  # (..., seq_q, d_k)
    k: Tensor  # (..., seq_k, d_k)
    v: Tensor  # (..., seq_k, d_v)
    scores: Tensor  # (..., seq_q, seq_k)


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


def _generic(draw: Draw) -> Probe:
    """All sizes differ, scores are near 1."""
    lead = (draw.batch, draw.num_heads)
    k, v = draw.normal(*lead, draw.seq_k, draw.d_k), draw.normal(*lead, draw.seq_k, draw.d_v)
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


def _shouting(draw: Draw, like: Probe, hidden: Tensor) -> Probe:
    """Keys of score 0 where hidden (..., seq_k), of score -95 elsewhere: nothing but a full mask silences them."""
    k = torch.where(hidden.unsqueeze(-1), 0.0, -95.0).expand(like.k.shape).contiguous()
    return _picking(draw, k, like.v, like.q.shape[-2], 0.0)


def _single(probe: Probe) -> Probe:
    """The first part of a probe along its first axis, which stays."""
    return Probe(probe.q[:1], probe.k[:1], probe.v[:1], probe.scores[:1])


def _call(student: Student, probe: Probe, *mask: Tensor) -> dict[str, Any]:
    return student.request("scaled_dot_product_attention", probe.q, probe.k, probe.v, *mask)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, Tensor) and value.shape == shape


def _pair(value: Any, probe: Probe) -> tuple[Any, Tensor]:
    """Context as it came back, and weights. Raises Fault unless there are two things, the second in the right shape."""
    if not _is_pair(value):
        raise Fault("odd_value")
    attn = as_tensor(value[1])
    if attn.shape != probe.scores.shape or not attn.is_floating_point():
        raise Fault("odd_value")
    return value[0], attn.double()


@dataclass(frozen=True)
class FirstLook:
    """What the learner's function does without a mask, or with one that hides nothing where none makes it raise."""

    probe: Probe
    context: Any  # as it came back
    attn: Tensor  # (..., seq_q, seq_k)
    kept: list[bool]  # for each of q, k and v, whether it is after the call what it was before
    rest: tuple[Tensor, ...]  # the mask that had to be given

    @cached_property
    def distance(self) -> Tensor:
        """How far the scores behind the weights are from the probe's."""
        return _behind(self.attn, self.probe.scores)

    @cached_property
    def sound(self) -> bool:
        """Whether the right scores lie behind the weights."""
        return _size(self.distance) < CLOSE


# the three checks of the function look at the same inputs, so the first look is made once for each learner and draw
_looks: WeakKeyDictionary[Student, dict[int, FirstLook]] = WeakKeyDictionary()
KEPT = 4  # looks kept for a learner: one for each case, and some to spare


def _first_look(student: Student, draw: Draw) -> FirstLook:
    """A probe, and what the learner's function gives for it without a mask.

    Where that raises, a mask that hides nothing, equal sizes, and inputs without a heads axis tell what is to blame;
    where they blame nothing, the exception stands for all parts.
    """
    generic, square = _generic(draw), _equal_sizes(draw)
    known = _looks.setdefault(student, {})
    if draw.seed not in known:
        if len(known) >= KEPT:
            known.clear()
        known[draw.seed] = _looked(student, draw.seed_to_tell, generic, square)
    return known[draw.seed]


def _looked(student: Student, seed: int, generic: Probe, square: Probe) -> FirstLook:
    troubles: list[StudentError | Fault] = []
    for probe in (generic, square, _without(generic, 1)):
        for rest in ((), (torch.ones(probe.scores.shape[-2:], dtype=torch.int64),)):
            try:
                found = _observed(student, seed, probe, *rest)
            except (StudentError, Fault) as trouble:
                troubles.append(trouble)
            else:
                if probe is not square or _is_to_blame(found):
                    return found
    raise troubles[0]


def _without(probe: Probe, axes: int) -> Probe:
    """The first part of a probe along some axes in front."""
    at = (0,) * axes
    return Probe(probe.q[at], probe.k[at], probe.v[at], probe.scores[at])


def _observed(student: Student, seed: int, probe: Probe, *rest: Tensor) -> FirstLook:
    before = [probe.q, probe.k, probe.v]
    call = _call(student, probe, *rest) | {"inputs": True}
    value, after = student.ask_all([student.restart(seed), call])[1]
    kept = [torch.equal(one, other) for one, other in zip(before, after, strict=False)]
    return FirstLook(probe, *_pair(value, probe), kept, rest)


def _is_to_blame(found: FirstLook) -> bool:
    """Whether a part can be told that goes wrong with equal sizes too."""
    context, attn, v = found.context, found.attn, found.probe.v
    if not isinstance(context, Tensor) or context.shape != v.shape:
        return False
    return not (found.sound and _size(_row_sums(attn)) < CLOSE and _explained(context, attn, v))


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
    fits = isinstance(context, Tensor) and context.shape == (*attn.shape[:-1], v.shape[-1])
    return fits and _size(_unexplained(context, attn, v)) < CLOSE


@dataclass(frozen=True)
class Slopes:
    """Whether autograd agrees with the learner's own slope. Scores are small: their slope is the same along a step."""

    student: Student
    look: FirstLook

    def _of(self, values: Tensor, arguments: tuple[int, ...], outputs: tuple[int, ...] | None) -> list[bool]:
        """The slope of a function that writes into its input means nothing; that is paid for where it is looked at."""
        if not all(self.look.kept):
            return [True] * len(arguments)
        q, k = self.look.probe.q, self.look.probe.k
        picked = q.where(q == q.amax(-1, keepdim=True), 0.0)  # one column of the keys alone
        away = k.sign() * (0.5 + 0.1 * k.abs().clamp(max=1.0))
        agree = self._along_a_step(q * 0.1, k * 0.3, values, arguments, outputs)
        # wrong scores may be so large that they bend along a step, or have a kink at 0
        for other_q, other_k in ((q * 0.03, k * 0.09), (picked * 0.3, away)):
            if not all(agree) and not self.look.sound:
                found = self._along_a_step(other_q, other_k, values, arguments, outputs)
                agree = [one or other for one, other in zip(agree, found, strict=True)]
        return agree

    def _along_a_step(
        self, q: Tensor, k: Tensor, values: Tensor, arguments: tuple[int, ...], outputs: tuple[int, ...] | None
    ) -> list[bool]:
        args = [q, k, values, *self.look.rest]
        slope = self.student.slope("scaled_dot_product_attention", *args, of=arguments, outputs=outputs)
        return [slope[f"slope of argument {position}"] for position in arguments]

    def weights(self) -> list[bool]:
        """From the weights to q and k: the context is 0, so that only the weights count."""
        return self._of(torch.zeros_like(self.look.probe.v), (0, 1), None)

    def context(self) -> list[bool]:
        """From the context to q, k and v."""
        return self._of(self.look.probe.v, (0, 1, 2), (0,))

    def unmoved(self) -> list[bool]:
        """For q and k, whether the weights stay as they are when it is another one."""
        q, k, v = self.look.probe.q, self.look.probe.k, self.look.probe.v
        found = []
        for args in ((q.flip(-1), k, v), (q, k.flip(-1), v)):
            value = self.student.call("scaled_dot_product_attention", *args, *self.look.rest)
            found.append(torch.allclose(_pair(value, self.look.probe)[1], self.look.attn, atol=1e-6))
        return found


# Scores are near 1 and float32 logarithms are right to about 1e-5.
@rule("scaled_dot_product_attention", "scores", atol=CLOSE, rtol=0.0, constant=True)
def scaled_dot_product_attention_scores(student: Student, draw: Draw) -> Observations:
    """Behind the weights stand the dot products of queries and keys, divided by the square root of d_k."""
    look = _first_look(student, draw)
    return {
        "distance from the scores": _told(look.distance),
        "q and k kept": look.kept[:2],
    }


@rule("scaled_dot_product_attention", "weights", atol=1e-4, rtol=1e-4, draws="scores", constant=True)
def scaled_dot_product_attention_weights(student: Student, draw: Draw) -> Observations:
    """Each query's weights are 0 or more and sum to 1 over the keys; hidden keys get none, and nothing becomes NaN."""
    look = _first_look(student, draw)
    probe, context, attn = look.probe, look.context, look.attn
    seen: Observations = {
        "works without a mask": not look.rest,
        "row sums": _told(_row_sums(attn)),
        "below 0": _told(attn.clamp(max=0)),
        "keys without a share": look.sound and bool((attn == 0).any()),
    }

    hidden = torch.zeros(probe.k.shape[:-1], dtype=torch.bool)
    hidden[..., 1::2] = True
    far, shouting, masks = _far_apart(draw, probe), _shouting(draw, probe, hidden), _masks(draw, probe)
    # the same random numbers each time, so that dropout at the wrong time looks the same each time
    calls = [student.restart(draw.seed_to_tell), _call(student, far, *look.rest)]
    calls += [_call(student, shouting, (~hidden).long().unsqueeze(-2))]
    calls += [_call(student, probe, mask) for mask in masks.values()]
    single = _single(probe)
    if draw.first:
        calls.append(_call(student, single, *look.rest))
    answers = student.try_all(calls)
    alone: Any = answers.pop() if draw.first else None
    if error := next((answer for answer in answers if isinstance(answer, StudentError)), None):
        raise error
    (_, sharp), (_, silenced), *masked = (_pair(value, probe) for value in answers[1:])

    seen["the highest of scores far apart takes all"] = _told(_missing_from_highest(sharp, look.sound))
    for (name, mask), found in zip(masks.items(), masked, strict=True):
        seen |= {f"{name}: {key}": value for key, value in _masked(look, mask, *found).items()}
    seen["hidden keys with high scores"] = _above_limit(silenced[hidden.unsqueeze(-2).expand_as(silenced)])

    if draw.first:
        # what raises, or gives no pair, is paid for in `context`
        seen["a single sentence keeps its axes"] = not _is_pair(alone) or _has_shape(alone[1], single.scores.shape)
        seen |= _empty_rows(student, probe, all(look.kept), _explained(context, attn, probe.v))
        slopes = Slopes(student, look)
        agree = slopes.weights()
        if not all(agree):  # weights may come back detached, as long as the context is not
            agree = [one or other for one, other in zip(agree, slopes.context(), strict=False)]
        if not all(agree) and not look.sound:  # what the scores do not depend on is paid for there
            agree = [one or other for one, other in zip(agree, slopes.unmoved(), strict=True)]
        seen["slope of q and k"] = agree
    return seen


def _missing_from_highest(sharp: Tensor, sound: bool) -> Tensor:
    """What the highest weight of each query lacks of 1 where scores lie far apart; 0 where all are the same.

    A float32 softmax of scores in the thousands gives exact 0 and 1. Wrong scores need not lie far apart: of them is
    asked that they give numbers, and not those of a second softmax over one 1 and many 0.
    """
    highest = sharp.max(-1).values
    if bool((sharp == sharp[..., :1]).all()):
        return highest * 0
    second = math.e / (math.e + sharp.shape[-1] - 1)
    spoilt = sound or not bool(torch.isfinite(highest).all()) or bool(((highest - second).abs() < CLOSE).all())
    return highest - 1 if spoilt else highest * 0


def _masks(draw: Draw, probe: Probe) -> dict[str, Tensor]:
    """Masks of three dtypes and shapes; each row sees a key, no row of the last two sees all."""
    batch, *between, seq_q, seq_k = probe.scores.shape
    between = [1 for _ in between]

    def scattered(*lead: int) -> Tensor:
        seen = draw.uniform(*lead, seq_k) < 0.5
        one = draw.integers(seq_k, *lead).unsqueeze(-1)
        return seen.scatter(-1, one, True).scatter(-1, (one + 1) % seq_k, False)

    return {
        "int mask (batch, 1, 1, seq_k)": draw.mask(batch, seq_k).reshape(batch, *between, 1, seq_k),
        "bool mask (batch, 1, seq_q, seq_k)": scattered(batch, *between, seq_q),
        "float mask (seq_q, seq_k)": scattered(seq_q).float(),
    }


def _masked(look: FirstLook, mask: Tensor, masked_context: Any, masked: Tensor) -> Observations:
    """What a mask does, measured by the learner's own weights without one."""
    probe, context, attn = look.probe, look.context, look.attn
    visible = (mask != 0).expand_as(masked)
    left = torch.where(visible, attn, 0.0)
    return {
        "hidden keys": _above_limit(masked[~visible]),
        "shares of the others": _told(masked - left / left.sum(-1, keepdim=True)),
        # a context that is wrong without a mask has been paid for
        "context follows": not _explained(context, attn, probe.v) or _explained(masked_context, masked, probe.v),
    }


def _above_limit(hidden: Tensor) -> Tensor:
    """0 where every hidden key's weight is below the limit, else 1 plus the largest weight."""
    largest = torch.nan_to_num(hidden, WRONG, WRONG, -WRONG).abs().max()
    return torch.where(largest < HIDDEN_LIMIT, torch.zeros_like(largest), 1 + largest)


def _empty_rows(student: Student, probe: Probe, kept: bool, explained: bool) -> Observations:
    """Whether rows that see no key stay finite, forward and backward, and let the mask be.

    kept: no input is changed; explained: the context is right without a mask. Where not, less is looked at.
    """
    batch, *between, _, seq_k = probe.scores.shape
    mask = torch.ones(batch, *(1 for _ in between), 1, seq_k, dtype=torch.int64)
    mask[-1] = 0
    name, args = "scaled_dot_product_attention", [probe.q, probe.k, probe.v, mask]
    value, after = student.call_and_inputs(name, *args)
    (context, attn), after_mask = _pair(value, probe), after[3]
    found = []
    if kept:
        number, value = student.ask("call", name=name, args=args, kwargs={}, gradient=True)
        outputs = [item for item in value if isinstance(item, Tensor) and item.is_floating_point()]
        pulls = [torch.ones_like(item).cumsum(-1) for item in outputs]
        if not explained and len(pulls) == 2:
            pulls[0].zero_()
        found = student.ask("backward", call=number, cotangents=pulls, wants="arguments")
    return {
        "row without keys: weights finite": _finite(attn),
        "row without keys: context finite": not explained or _finite(context),
        "row without keys: gradients finite": all(_finite(item) for item in found if isinstance(item, Tensor)),
        "mask kept": isinstance(after_mask, Tensor) and torch.equal(after_mask, mask),
    }


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


@rule("scaled_dot_product_attention", "context", atol=1e-4, rtol=1e-4, draws="scores", constant=True)
def scaled_dot_product_attention_context(student: Student, draw: Draw) -> Observations:
    """The context is the sum of the values, each times the weight that came back with it."""
    look = _first_look(student, draw)
    probe, context, attn = look.probe, as_tensor(look.context), look.attn
    wide = context.shape == (*probe.scores.shape[:-1], probe.v.shape[-1])
    seen: Observations = {"one row of d_v numbers for each query": wide}
    if not wide:
        return seen | {"shape": list(context.shape)}
    seen["distance from the weighted sum"] = _told(_unexplained(context, attn, probe.v))
    if draw.first:
        slopes = Slopes(student, look)
        seen[CONTENT] = _weights_move(student, draw, look)
        *through, seen["slope of v"] = slopes.context()
        # a gradient that does not come out of the weights either has been paid for there
        seen["slope through the weights"] = all(through) or not all(slopes.weights())
    seen["v kept"] = look.kept[2]
    # axes that are mixed up have been paid for in scores or weights
    sound = look.sound and _size(_row_sums(attn)) < CLOSE
    places, axes = {4: "with heads", 3: "without heads", 2: "one sentence without heads"}, probe.scores.dim()
    fewer = {number: _without(probe, axes - number) for number in places if number < axes}
    single = _single(probe)
    probes = [*fewer.values(), single] if draw.first else list(fewer.values())
    values = student.try_all([_call(student, one, *look.rest) for one in probes])
    if draw.first:
        alone, shape = values.pop(), (*single.scores.shape[:-1], probe.v.shape[-1])
        seen["a single sentence"] = not sound or (_is_pair(alone) and _has_shape(alone[0], shape))
    works = {
        number: not sound or _works(value, one) for (number, one), value in zip(fewer.items(), values, strict=True)
    }
    return seen | {name: works.get(number, number == axes) for number, name in places.items()}


def _weights_move(student: Student, draw: Draw, look: FirstLook) -> bool:
    """Whether the weights follow from the queries, or at least from the mask, as with scores that are still open.

    Constant weights make a mean of the values, which takes no weights; that the context is such a sum says nothing.
    """
    probe = look.probe
    other = Probe(1.5 * probe.q.roll(1, -1), probe.k, probe.v, probe.scores)
    mask = (torch.arange(probe.scores.shape[-1]) % 2).expand(probe.scores.shape[-2:]).contiguous()
    calls = [_call(student, probe, *look.rest), _call(student, other, *look.rest), _call(student, probe, mask)]
    start = student.restart(draw.seed_to_tell)
    again, *values = student.try_all([request for call in calls for request in (start, call)])[1::2]
    first = _shares(look.attn)
    moved_again, *others = [
        _is_pair(v) and content.differ(_shares(_pair(v, probe)[1]), first) for v in (again, *values)
    ]
    return _is_pair(again) and not moved_again and any(others)


def _shares(attn: Tensor) -> Tensor:
    """The weights that a context may be made with: those that came back, or the shares that a softmax makes of them."""
    return torch.nan_to_num(attn if _size(_row_sums(attn)) < CLOSE else attn.softmax(-1))


def _works(value: Any, probe: Probe) -> bool:
    try:
        context, attn = _pair(value, probe)
    except Fault:  # also where the call raised
        return False
    return isinstance(context, Tensor) and context.shape == (*attn.shape[:-1], probe.v.shape[-1])


# heads ----------------------------------------------------------------------------------------------------------------


@rule("split_heads", "values")
def split_heads_values(student: Student, draw: Draw) -> Observations:
    """Head h holds the h-th block of columns, for every token."""
    x = draw.normal(draw.batch, draw.seq, draw.num_heads * draw.d_head)
    heads, after = student.call_and_inputs("split_heads", x, draw.num_heads)
    seen = {"heads": as_tensor(heads), "input kept": torch.equal(after[0], x)}
    if draw.first:
        seen["heads of a single sentence"] = student.tensor("split_heads", x[:1], draw.num_heads)
    return seen


@rule("split_heads", "gradient", constant=True)
def split_heads_gradient(student: Student, draw: Draw) -> Observations:
    """The gradient of every head reaches the tokens."""
    if not draw.first:
        return {}
    x = draw.normal(draw.batch, draw.seq, draw.num_heads * draw.d_head)
    heads = student.tensor("split_heads", x, draw.num_heads)  # nothing that is no tensor has a slope
    return {"slope": student.slope("split_heads", x, draw.num_heads), CONTENT: _same_numbers(heads, x)}


def _same_numbers(moved: Tensor, x: Tensor) -> bool:
    """Whether a result holds the numbers of x, each once and in a shape with heads or without, wherever they stand.

    It does where all numbers of x are moved, and so gets all of the gradient back. A part of x has a slope as well.
    """
    other_axes = moved.squeeze().dim() != x.squeeze().dim()
    if not other_axes or moved.numel() != x.numel():
        return False
    one, other = (values.flatten().double().sort().values for values in (moved, x))
    return torch.allclose(one, other)


@rule("merge_heads", "values")
def merge_heads_values(student: Student, draw: Draw) -> Observations:
    """The blocks of all heads stand side by side again, head 0 first."""
    x = draw.normal(draw.batch, draw.num_heads, draw.seq, draw.d_head)
    tokens, after = student.call_and_inputs("merge_heads", x)
    seen = {"tokens": as_tensor(tokens), "input kept": torch.equal(after[0], x)}
    if draw.first:
        seen["tokens of a single sentence"] = student.tensor("merge_heads", x[:1])
    return seen


@rule("merge_heads", "gradient", constant=True)
def merge_heads_gradient(student: Student, draw: Draw) -> Observations:
    """The gradient of every token reaches its heads."""
    if not draw.first:
        return {}
    x = draw.normal(draw.batch, draw.num_heads, draw.seq, draw.d_head)
    tokens = student.tensor("merge_heads", x)  # nothing that is no tensor has a slope
    return {"slope": student.slope("merge_heads", x), CONTENT: _same_numbers(tokens, x)}


# the module -----------------------------------------------------------------------------------------------------------

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
KINDS = {"int": torch.int64, "bool": torch.bool, "float": torch.float32}  # of masks


def _build(student: Student, draw: Draw, lenient: bool = False, **changes: Tensor) -> tuple[Built, list[str]]:
    """A module in eval mode with seeded weights, and the names of biases that it lacks.

    Torch names a layer that stands under two names but once. It has been loaded under its first name; what it does
    under the other is a mistake of the values.
    lenient: go on with weights under other names, fresh as they are; else raises Fault.
    """
    width = draw.num_heads * draw.d_head
    weights = draw.weights({f"{name}.weight": (width, width) for name in PROJECTIONS})
    weights |= draw.weights({f"{name}.bias": (width,) for name in PROJECTIONS})
    weights |= {name.replace("__", "."): value for name, value in changes.items()}
    module, missing = student.build_loaded(
        "MultiHeadSelfAttention", width, draw.num_heads, values=weights, optional=list(weights)
    )
    if lenient:
        return module, missing
    found = student.try_all([module.getting(name) for name in missing]) if missing else []
    lacking = [n for n, value in zip(missing, found, strict=True) if not _has_shape(value, weights[n].shape)]
    refuse_missing([name for name in lacking if name.endswith(".weight")], weights)
    return module, lacking


def _mixes(student: Student, draw: Draw) -> bool:
    """Whether the module does more than to map and to average its tokens: attention takes products of them.

    Where weights have other names, which `values` pays for, the fresh ones will do.
    """

    def find(draw: Draw) -> bool:
        student.seed(draw.seed_to_tell)
        module, _ = _build(student, draw, True)
        one, other = _tokens(draw), _tokens(draw)
        return content.curved(student, draw.seed_to_tell, module.request, 2 * one, 2 * other)

    return content.has_content(student, draw, "MultiHeadSelfAttention", find)


def _tokens(draw: Draw) -> Tensor:
    return draw.normal(draw.batch, draw.seq, draw.num_heads * draw.d_head)


# Float32 against float32 through four matrices.
@rule("MultiHeadSelfAttention", "values", atol=1e-4, rtol=1e-3)
def multi_head_self_attention_values(student: Student, draw: Draw) -> Observations:
    """With the same weights the output is that of torch.nn.MultiheadAttention."""
    module, lacking = _build(student, draw)
    x = _tokens(draw)
    shorter = draw.normal(1, draw.seq - 1, x.shape[-1])
    calls = [student.restart(draw.seed_to_tell), module.request(x) | {"inputs": True}, module.request(shorter)]
    _, (output, after), output_of_one = student.ask_all(calls)
    return {
        "missing biases": lacking,
        "output": as_tensor(output),
        "output for one shorter sentence": as_tensor(output_of_one),
        "input kept": torch.equal(after[0], x),
    }


@rule("MultiHeadSelfAttention", "weights", atol=1e-4, rtol=1e-3, constant=True)
def multi_head_self_attention_weights(student: Student, draw: Draw) -> Observations:
    """attn_weights keeps one map for each head, those that made the output, detached."""
    module, _ = _build(student, draw)
    x = _tokens(draw)
    _, kept, in_graph = _output_and_kept(student, module, x)
    shape = [draw.batch, draw.num_heads, draw.seq, draw.seq]
    seen: Observations = {
        "shape": list(kept.shape),
        "part of the graph": in_graph,
        "heads differ": list(kept.shape) == shape and not torch.allclose(kept[:, 0], kept[:, 1], atol=1e-3),
        CONTENT: _mixes(student, draw),
    }
    if list(kept.shape) != shape or not draw.first:
        return seen

    # Every column of a token and of its projections is one number, and these sum to 0 over a sentence: the mean output
    # tells what the weights were, whatever was done with the projections or added to the output.
    width = x.shape[-1]
    row = draw.normal(width, scale=0.5 / width)
    row += (1 - row.sum()) / width
    plain: dict[str, Tensor] = {f"{name}__weight": row.expand(width, width) for name in PROJECTIONS[:3]}
    plain |= {f"{name}__bias": torch.zeros(width) for name in PROJECTIONS}
    module, _ = _build(student, draw, False, **plain, out_proj__weight=torch.eye(width))
    numbers = draw.normal(draw.batch, draw.seq)
    numbers -= numbers.mean(1, keepdim=True)
    tokens = numbers.unsqueeze(-1).expand(-1, -1, width).contiguous()
    others, mask = _padded_numbers(draw)
    padded = others.unsqueeze(-1).expand(-1, -1, width).contiguous()
    later = [module.request(padded, mask), module.getting("attn_weights")]
    output, kept, _, masked, kept_then = _output_and_kept(student, module, tokens, *later)
    mixed = (kept * numbers[:, None, None, :]).sum(-1)  # (batch, num_heads, seq)
    distance = output.mean((1, 2)) - mixed.mean((1, 2))
    if _size(distance) > CLOSE:
        if not _repeats(module, tokens):
            distance *= 0  # dropout at the wrong time has been paid for in `values`
        # free, and no part of the verdict; tells mistakes from each other
        seen["over the queries they sum to 1"] = _size(kept.sum(-2) - 1) < CLOSE
    seen["distance from the output"] = distance
    if not _has_shape(masked, padded.shape) or not _finite(masked):  # paid for in `padding`
        return seen | {"distance from the output with a mask": distance * 0}
    if not _has_shape(kept_then, kept.shape):
        return seen | {"distance from the output with a mask": torch.full_like(distance, WRONG)}
    there = mask.double()  # what stands at the padding is nobody's business
    mixed = (kept_then * others[:, None, None, :]).sum(-1).mean(1)  # (batch, seq)
    distance = ((masked.mean(-1) - mixed) * there).sum(1) / there.sum(1)
    if _size(distance) > CLOSE and not _repeats(module, padded, mask):
        distance *= 0
    return seen | {"distance from the output with a mask": distance}


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


def _repeats(module: Built, x: Tensor, *mask: Tensor) -> bool:
    """Whether two equal calls give the same."""
    return torch.allclose(module.tensor(x, *mask), module.tensor(x, *mask), atol=CLOSE)


def _output_and_kept(student: Student, module: Built, x: Tensor, *later: dict[str, Any]) -> tuple[Any, ...]:
    """What a module makes of tokens, the attn_weights that it then holds, and whether they are part of a graph.

    later: what is asked for after that; the answers come last.
    """
    kept = [module.getting("attn_weights"), module.getting("attn_weights", wants="requires_grad")]
    output, weights, in_graph, *rest = student.try_all([module.request(x), *kept, *later])
    if isinstance(output, StudentError):
        raise output
    output = as_tensor(output)
    if isinstance(weights, StudentError):
        raise Fault("odd_value")
    weights = as_tensor(weights)
    if isinstance(in_graph, StudentError):
        raise in_graph
    return output, weights, bool(in_graph), *rest


@rule("MultiHeadSelfAttention", "gradient", constant=True)
def multi_head_self_attention_gradient(student: Student, draw: Draw) -> Observations:
    """The gradient reaches the tokens and every projection that changes the output."""
    if not draw.first:
        return {}
    module, _ = _build(student, draw)
    x = _tokens(draw)
    silent = [name for name in module.silent_parameters(x) if name in {f"{p}.weight" for p in PROJECTIONS}]
    slope = module.slope(x)
    output, cut = module.tensor(x), []
    for name in silent:  # an unused projection is a mistake of the values
        values = module.parameters()[name]
        module.load({name: values * 1.5})
        if not torch.allclose(module.tensor(x), output, atol=1e-5):
            cut.append(name)
        module.load({name: values})
    return {"projections cut off": cut, "slope": slope, CONTENT: _mixes(student, draw)}


# The same sums in another order: float32 differs by about 1e-6.
@rule("MultiHeadSelfAttention", "padding", atol=1e-4, rtol=0.0, constant=True)
def multi_head_self_attention_padding(student: Student, draw: Draw) -> Observations:
    """A padded sentence gives the same as the sentence alone, whatever stands in the padding."""
    module, _ = _build(student, draw)
    x, mask = _tokens(draw), draw.mask(draw.batch, draw.seq)
    lengths = mask.sum(1).tolist()
    requests = [module.request(x[i : i + 1, :length]) for i, length in enumerate(lengths)]
    requests += [module.request(x, mask.to(dtype)) for dtype in KINDS.values()]
    outputs = [as_tensor(value) for value in student.ask_all(requests)]
    alone = torch.cat([output[0] for output in outputs[: len(lengths)]])
    mixes: Observations = {CONTENT: _mixes(student, draw)}
    seen: Observations = {}
    for name, padded in zip(KINDS, outputs[len(lengths) :], strict=True):
        seen[f"{name} mask"] = _told(padded[mask.bool()] - alone)
    if any(_size(residual) > CLOSE for residual in seen.values()):
        if not _repeats(module, x, mask):
            return _padding_of_random(student, module, draw, x, mask) | mixes
        # free, and no part of the verdict; tells mistakes from each other
        twins = torch.where(mask.unsqueeze(-1) == 0, x[:, :1], x)
        seen["rows of padding"] = _told(module.tensor(twins, mask)[mask == 0])
    return seen | mixes


def _padding_of_random(student: Student, module: Built, draw: Draw, x: Tensor, mask: Tensor) -> Observations:
    """Whether padding counts for a module that drops values at the wrong time, which is paid for in `values`.

    Sizes and seed are the same for both outputs, and so is what is dropped.
    """
    other = torch.where(mask.unsqueeze(-1) == 0, draw.normal(*x.shape), x)
    start = student.restart(draw.seed_to_tell)
    seen: Observations = {}
    for name, dtype in KINDS.items():
        requests = [request for tokens in (x, other) for request in (start, module.request(tokens, mask.to(dtype)))]
        one, two = (as_tensor(value)[mask.bool()] for value in student.ask_all(requests)[1::2])
        seen[f"{name} mask"] = _told(one - two)
    return seen


@rule("MultiHeadSelfAttention", "errors", constant=True)
def multi_head_self_attention_errors(student: Student, draw: Draw) -> Observations:
    """A num_heads that does not divide d_model is a ValueError; one that does is none."""
    width, name = draw.num_heads * draw.d_head, "MultiHeadSelfAttention"
    heads = (draw.not_dividing, 2 * width, draw.num_heads)
    odd, more, fits = map(error_of, student.try_all([student.request(name, width, number) for number in heads]))
    return {
        "does not divide": odd,
        "more heads than columns": more,
        "divides": fits == "ValueError",
        CONTENT: _mixes(student, draw),
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "scaled_dot_product_attention": [dict(batch=2, num_heads=3, seq_q=5, seq_k=7, d_k=6, d_v=4, square=5)],
    "split_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    "merge_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    "MultiHeadSelfAttention": [dict(batch=3, seq=5, num_heads=3, d_head=6, not_dividing=4)],
}
