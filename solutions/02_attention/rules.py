"""Rules of unit 02: attention judged part by part from (context, attn) alone, the heads, and the module.

Notable choices:
- `scores` looks at what lies behind the weights, whatever was done with them afterwards; `weights` at properties that
  hold for any scores; `context` at the values summed with the learner's own weights
- where a call raises with sizes that all differ, other probes find the part that is to blame, and only that one pays:
  equal sizes where axes are mixed up, two columns where d_k was taken for an axis, and fewer axes
- what a mask does wrong belongs to `weights`, also when it does not reach the context or when no mask makes the call
  raise; gradients to queries and keys belong to `weights`, gradients to values and through the weights to `context`;
  so do inputs with fewer axes, or with as many as heads need, unless the scores are made for keys of three axes alone
- wrong scores need not reach as far as right ones, nor depend on all inputs: what follows is paid for in `scores`
- properties are paid for where the weights depend on something, the module mixes, all numbers move: see `content`
- `MultiHeadSelfAttention`: kept weights, gradient and padding are judged against the learner's own output, so that a
  wrong value is paid for once, in `values`; where its forward raises, `errors` still asks what its layers are
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import Fault, Student, StudentError, answered, as_tensor, error_of, pulled
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import MASK_TYPES
from course_utils.engine.judging.residuals import WRONG, has_shape, is_finite, size, told
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

from . import fixtures
from .fixtures import CLOSE, Probe, explained, is_pair, pair, row_sums, shares, works

ATTENTION, MODULE = "scaled_dot_product_attention", "MultiHeadSelfAttention"


# attention ------------------------------------------------------------------------------------------------------------


class _Sight:
    """All that is asked of the learner's function on one probe, in one message, and what each check sees in it."""

    takes_keys_with_heads = True

    def __init__(self, student: Student, draw: Draw, probe: Probe, *rest: Tensor) -> None:
        """rest: the mask that has to be given where none makes the call raise; else nothing."""
        self.student, self.draw, self.probe, self.rest = student, draw, probe, rest
        self.masks = fixtures.masks(draw, probe)
        calls = {"plain": self._call(probe, *rest) | {"inputs": True}}
        calls |= {name: self._call(probe, mask) for name, mask in self.masks.items()}
        if draw.first:
            calls |= self._once()
            self.slope = self._slope(0.1 * probe.q, 0.3 * probe.k, None)
            calls |= {f"slope {number}": call for number, call in enumerate(self.slope.requests)}
        self.answers = dict(zip(calls, student.try_all(list(calls.values())), strict=True))
        value, after = answered(self.answers["plain"])
        self.context, self.attn = pair(value, probe)
        self.kept = [torch.equal(one, two) for one, two in zip((probe.q, probe.k, probe.v), after, strict=False)]
        self.distance = fixtures.behind(self.attn, probe.scores)
        self.sound = size(self.distance) < CLOSE  # the right scores lie behind the weights
        self.shared = size(row_sums(self.attn)) < CLOSE
        self.explained = explained(self.context, self.attn, probe)

    def _call(self, probe: Probe, *mask: Tensor) -> Request:
        """With the same random numbers each time, so that dropout at the wrong time looks the same each time."""
        return self.student.request(ATTENTION, probe.q, probe.k, probe.v, *mask) | {"seed": self.draw.seed_to_tell}

    def _once(self) -> dict[str, Request]:
        """What no size changes."""
        probe, rest = self.probe, self.rest
        loud, self.quiet = fixtures.shouting(self.draw, probe)
        self.fewer = {axes: probe.without(probe.scores.dim() - axes) for axes in range(2, probe.scores.dim())}
        self.empty = torch.ones_like(self.masks["int mask (batch, 1, 1, seq_k)"])
        self.empty[-1] = 0
        return {
            "far": self._call(fixtures.far_apart(self.draw, probe), *rest),
            "loud": self._call(loud, self.quiet),
            "single": self._call(probe.single(), *rest),
            "empty": self._call(probe, self.empty) | {"inputs": True},
            "empty, backward": self._call(probe, self.empty) | {"pull": {"seed": 0, "wants": "arguments"}},
            "again": self._call(probe, *rest),
            "other": self._call(probe.other(), *rest),
            **{f"{axes} axes": self._call(one, *rest) for axes, one in self.fewer.items()},
        }

    def _slope(self, q: Tensor, k: Tensor, *outputs: Sequence[int] | None) -> Slope:
        """Scores are small: their slope is the same along a step."""
        return Slope(self.student.request(ATTENTION, q, k, self.probe.v, *self.rest), (0, 1, 2), outputs)

    @cached_property
    def agreement(self) -> list[list[bool]]:
        """Whether autograd agrees with the own slope at q, k and v: of the context, and of the weights.

        The slope of a function that writes into its input means nothing; that is paid for where it is looked at.
        """
        answers = [self.answers[f"slope {number}"] for number in range(len(self.slope.requests))]
        if not all(self.kept) or all(self.slope.agreement(answers).values()):
            return [[True] * 3, [True] * 3]
        q, k, found = self.probe.q, self.probe.k, [[False] * 3, [False] * 3]
        picked = q.where(q == q.amax(-1, keepdim=True), 0.0)  # one column of the keys alone
        away = k.sign() * (0.5 + 0.1 * k.abs().clamp(max=1.0))
        # wrong scores may be so large that they bend along a step, or have a kink at 0
        others = [] if self.sound else [(0.03 * q, 0.09 * k), (0.3 * picked, away)]
        for near in [(0.1 * q, 0.3 * k), *others]:
            slope = self._slope(*near, (0,), (1,))
            answers = self.student.try_all(slope.requests)
            for number, known in enumerate(found):
                agrees = slope.agreement(answers, number).values()
                found[number] = [one or other for one, other in zip(known, agrees, strict=True)]
        return found

    def _unmoved(self) -> list[bool]:
        """For q and k, whether the weights stay as they are when it is another one."""
        found = self.student.ask_all([self._call(probe, *self.rest) for probe in self.probe.flipped()])
        return [torch.allclose(pair(value, self.probe)[1], self.attn, atol=1e-6) for value in found]

    def scores(self) -> Observations:
        """Behind the weights stand the dot products of queries and keys, divided by the square root of d_k."""
        seen: Observations = {"distance from the scores": told(self.distance), "q and k kept": self.kept[:2]}
        return seen | {"keys with an axis for the heads": self.takes_keys_with_heads}

    def weights(self) -> Observations:
        """Each query's weights are 0 or more and sum to 1 over the keys; hidden keys get none, nothing becomes NaN."""
        if all(isinstance(self.answers[name], StudentError) for name in self.masks):
            answered(self.answers[next(iter(self.masks))])
        seen: Observations = {
            "works without a mask": not self.rest,
            "row sums": told(row_sums(self.attn)),
            "below 0": told(self.attn.clamp(max=0)),
            "keys without a share": self.sound and bool((self.attn == 0).any()),
        }
        for name in self.masks:
            seen |= self._masked(name, self.answers[name])
        return seen | (self._weights_once() if self.draw.first else {})

    def _masked(self, name: str, answer: Any) -> Observations:
        """What a mask does, measured by the learner's own weights without one."""
        if isinstance(answer, StudentError):
            return {f"{name}: hidden keys": answer}
        context, attn = pair(answer, self.probe)
        visible = (self.masks[name] != 0).expand_as(attn)
        left = torch.where(visible, self.attn, 0.0)
        return {
            f"{name}: hidden keys": fixtures.above_limit(attn[~visible]),
            f"{name}: shares of the others": told(attn - left / left.sum(-1, keepdim=True)),
            # a context that is wrong without a mask has been paid for
            f"{name}: context follows": not self.explained or explained(context, attn, self.probe),
        }

    def _weights_once(self) -> Observations:
        sharp, single = pair(self.answers["far"], self.probe)[1], self.answers["single"]
        through, own = self.agreement
        # weights may come back detached, as long as the context is not
        agree = [one or other for one, other in zip(own[:2], through, strict=False)]
        if not all(agree) and not self.sound:  # what the scores do not depend on is paid for there
            agree = [one or other for one, other in zip(agree, self._unmoved(), strict=True)]
        fits = not is_pair(single) or has_shape(single[1], self.probe.single().scores.shape)
        seen: Observations = {
            "the highest of scores far apart takes all": told(fixtures.missing_from_highest(sharp, self.sound)),
            "a single sentence keeps its axes": fits,  # what raises, or gives no pair, is paid for in `context`
            "slope of q and k": agree,
        }
        loud, empty = self.answers["loud"], self.answers["empty"]
        if isinstance(loud, StudentError) or isinstance(empty, StudentError):
            return seen | {"hidden keys with high scores": loud, "row without keys: weights finite": empty}
        silenced = pair(loud, self.probe)[1]
        seen["hidden keys with high scores"] = fixtures.above_limit(silenced[(self.quiet == 0).expand_as(silenced)])
        return seen | self._empty_rows(*empty)

    def _empty_rows(self, value: Any, after: Sequence[Any]) -> Observations:
        """Whether rows that see no key stay finite, forward and backward, and let the mask be."""
        (context, attn), backward = pair(value, self.probe), self.answers["empty, backward"]
        if not self.explained:  # of the weights alone
            pull = {"seed": 0, "outputs": [1], "wants": "arguments"}
            (backward,) = self.student.try_all([self._call(self.probe, self.empty) | {"pull": pull}])
        found = pulled(backward) if all(self.kept) else []
        return {
            "row without keys: weights finite": is_finite(attn),
            "row without keys: context finite": not self.explained or is_finite(context),
            "row without keys: gradients finite": all(is_finite(item) for item in found if isinstance(item, Tensor)),
            "mask kept": isinstance(after[3], Tensor) and torch.equal(after[3], self.empty),
        }

    def values_summed(self) -> Observations:
        """The context is the sum of the values, each times the weight that came back with it."""
        probe, context = self.probe, as_tensor(self.context)
        seen: Observations = {"one row of d_v numbers for each query": has_shape(context, probe.result)}
        if not has_shape(context, probe.result):
            return seen | {"shape": list(context.shape)}
        seen["v kept"] = self.kept[2]
        seen["distance from the weighted sum"] = told(fixtures.unexplained(context, self.attn, probe.v))
        if not self.draw.first:
            return seen
        seen[CONTENT] = self._weights_move()
        (*through, seen["slope of v"]), own = self.agreement
        # a gradient that does not come out of the weights either has been paid for there
        seen["slope through the weights"] = all(through) or not all(own[:2])
        # axes that are mixed up have been paid for in scores or weights
        blamed, single = not (self.sound and self.shared and self.takes_keys_with_heads), self.answers["single"]
        seen["a single sentence"] = blamed or (is_pair(single) and has_shape(single[0], probe.single().result))
        for axes in (2, 3, 4):
            seen[f"inputs of {axes} axes"] = axes == probe.scores.dim() or not self.takes_keys_with_heads
            if axes in self.fewer:
                seen[f"inputs of {axes} axes"] = blamed or works(self.answers[f"{axes} axes"], self.fewer[axes])
        return seen

    def _weights_move(self) -> bool:
        """Whether the weights follow from the queries, or at least from the mask, as with scores that are still open.

        Constant weights make a mean of the values, which takes no weights; that the context is such a sum says nothing.
        """
        found = [self.answers[name] for name in ("again", "other", *self.masks)]
        # what has another shape under a mask is paid for in `weights`
        fits = [is_pair(value) and has_shape(value[1], self.attn.shape) for value in found]
        known, attns = shares(self.attn), [value[1].double() for value, fit in zip(found, fits, strict=True) if fit]
        moved = [content.differ(shares(attn), known) for attn in attns]
        return fits[0] and not moved[0] and any(moved)


def _sight(student: Student, draw: Draw) -> _Sight:
    """What is seen on the first probe that the learner's function takes. Raises what it raised on the first of all.

    Probes with equal sizes or two columns count where a part can be told that goes wrong on them.
    """
    usual, square, narrow = fixtures.generic(draw, draw.d_k), fixtures.equal_sizes(draw), fixtures.generic(draw, 2)
    troubles: list[StudentError | Fault] = []
    for probe in (usual, square, narrow, usual.without(1)):
        for rest in ((), (torch.ones(probe.scores.shape[-2:], dtype=torch.int64),)):
            try:
                found = _Sight(student, draw, probe, *rest)
            except (StudentError, Fault) as trouble:
                troubles.append(trouble)
                continue
            whole = found.sound and found.shared and found.explained
            if probe.scores.dim() == 3:  # keys of three axes tell whether theirs or those of the values are to blame
                shared = Probe(usual.q, usual.k[0], usual.v, usual.scores)
                (value,) = student.try_all([student.request(ATTENTION, shared.q, shared.k, shared.v, *rest)])
                found.takes_keys_with_heads = not works(value, shared)
            elif probe is not usual and (whole or not has_shape(found.context, probe.result)):
                continue
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
    seen = _sight(student, draw)
    return {"scores": seen.scores, "weights": seen.weights, "context": seen.values_summed}


# heads ----------------------------------------------------------------------------------------------------------------


def _moved(student: Student, draw: Draw, name: str, x: Tensor, width: int, *rest: int) -> Mapping[str, Part]:
    """All numbers of x stand where they belong, width of them in a row, and the gradient finds its way back."""
    slope = Slope(student.request(name, x, *rest))
    calls = [student.request(name, x, *rest) | {"inputs": True}]
    calls += [student.request(name, x[:1], *rest), *slope.requests] if draw.first else []
    first, *others = student.try_all(calls)
    moved, after = answered(first)

    def values() -> Observations:
        seen = {"moved": as_tensor(moved), "input kept": torch.equal(after[0], x)}
        return seen | ({"of a single sentence": as_tensor(answered(others[0]))} if draw.first else {})

    def gradient() -> Observations:  # nothing that is no tensor has a slope
        return {CONTENT: _same_numbers(as_tensor(moved), x, width), "slope": slope.agreement(others[1:])}

    return {"values": values, "gradient": gradient}


def _same_numbers(moved: Tensor, x: Tensor, width: int) -> bool:
    """Whether a result holds the numbers of x, each once and width of them in a row, wherever they stand.

    It does where all numbers of x are moved, and so gets all of the gradient back. A part of x has a slope as well.
    """
    if moved.numel() != x.numel() or width not in moved.shape[-1:]:
        return False
    one, other = (values.flatten().double().sort().values for values in (moved, x))
    return torch.allclose(one, other)


@looks("split_heads", values=Check(), gradient=Check(once=True, constant=True))
def split_heads(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Head h holds the h-th block of columns, for every token."""
    x = draw.normal(draw.batch, draw.seq, draw.num_heads * draw.d_head)
    return _moved(student, draw, "split_heads", x, draw.d_head, draw.num_heads)


@looks("merge_heads", values=Check(), gradient=Check(once=True, constant=True))
def merge_heads(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The blocks of all heads stand side by side again, head 0 first."""
    x = draw.normal(draw.batch, draw.num_heads, draw.seq, draw.d_head)
    return _moved(student, draw, "merge_heads", x, draw.num_heads * draw.d_head)


# the module -----------------------------------------------------------------------------------------------------------

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
WEIGHTS = [f"{name}.weight" for name in PROJECTIONS]


class _Layer:
    """A learner's module in eval mode with seeded weights, what it answers in one message, and what each check sees.

    Torch names a layer that stands under two names but once. It has been loaded under its first name; what it does
    under the other is a mistake of the values. Weights under other names stay fresh, which `values` pays for.
    """

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw, self.width = student, draw, draw.num_heads * draw.d_head
        self.weights = draw.weights(dict.fromkeys(WEIGHTS, (self.width, self.width)))
        self.weights |= draw.weights({f"{name}.bias": (self.width,) for name in PROJECTIONS})
        names, size = list(self.weights), (self.width, draw.num_heads)
        student.seed(draw.seed_to_tell)
        self.module, missing = student.build_loaded(MODULE, *size, values=self.weights, optional=names)
        found = student.try_all([self.module.getting(name) for name in missing]) if missing else []
        fits = [has_shape(value, self.weights[name].shape) for name, value in zip(missing, found, strict=True)]
        self.lacking = [name for name, under_another in zip(missing, fits, strict=True) if not under_another]
        self.x, self.mask = draw.normal(draw.batch, draw.seq, self.width), draw.mask(draw.batch, draw.seq)
        self.kinds = list(MASK_TYPES) if draw.first else ["int"]
        self.answers = dict(zip(calls := self._calls(), student.try_all(list(calls.values())), strict=True))

    def _call(self, x: Tensor, *mask: Tensor) -> Request:
        return self.module.request(x, *mask) | {"seed": self.draw.seed_to_tell}

    def _calls(self) -> dict[str, Request]:
        kept = self.module.getting("attn_weights")
        calls = {"output": self._call(self.x) | {"inputs": True}, "kept": kept}
        calls["in graph"] = kept | {"wants": "requires_grad"}
        for row, length in enumerate(self.mask.sum(1).tolist()[1:], start=1):  # the first one is full
            calls[f"row {row}"] = self._call(self.x[row : row + 1, :length])
        calls |= {kind: self._call(self.x, self.mask.to(MASK_TYPES[kind])) for kind in self.kinds}
        if self.draw.first:
            self.slope = Slope(self.module.request(self.x))
            calls |= {f"slope {number}": call for number, call in enumerate(self.slope.requests)}
            one, other = (self.draw.normal(*self.x.shape, scale=2.0) for _ in range(2))
            points = {"one": one, "other": other, "middle": (one + other) / 2, "again": (one + other) / 2}
            calls |= {name: self._call(point) for name, point in points.items()}
        return calls

    def _output(self) -> Tensor:
        """What the module made of x. Raises Fault where it lacks a matrix, under whatever name."""
        if lacking := [name for name in self.lacking if name in WEIGHTS]:
            raise Fault("no_parameter", name=lacking[0])
        return as_tensor(answered(self.answers["output"])[0])

    def _mixes(self) -> bool:
        """Whether the module does more than to map and to average its tokens: attention takes products of them."""
        answers = [self.answers[name] for name in ("one", "other", "middle", "again")]
        return all(isinstance(value, Tensor) for value in answers) and content.bends(*map(content.numbers, answers))

    def _repeats(self, *args: Tensor) -> bool:
        """Whether two equal calls give the same; what does not drops at the wrong time, and that `values` pays for."""
        one, other = self.student.ask_all([self.module.request(*args)] * 2)
        return torch.allclose(as_tensor(one), as_tensor(other), atol=CLOSE)

    def values(self) -> Observations:
        """With the same weights the output is that of torch.nn.MultiheadAttention, for a shorter sentence too."""
        return {
            "output": self._output(),
            "missing biases": self.lacking,
            "output for one shorter sentence": as_tensor(answered(self.answers["row 1"])),
            "input kept": torch.equal(answered(self.answers["output"])[1][0], self.x),
        }

    def kept_weights(self) -> Observations:
        """attn_weights keeps one map for each head, those that made the output, detached."""
        self._output()
        if isinstance(self.answers["kept"], StudentError):
            raise Fault("odd_value")
        kept, draw = as_tensor(self.answers["kept"]), self.draw
        fits = has_shape(kept, (draw.batch, draw.num_heads, draw.seq, draw.seq))
        seen: Observations = {
            "shape": list(kept.shape),
            "part of the graph": bool(answered(self.answers["in graph"])),
            "heads differ": fits and not torch.allclose(kept[:, 0], kept[:, 1], atol=1e-3),
        }
        return seen | ({CONTENT: self._mixes()} | (self._made_the_output() if fits else {}) if draw.first else {})

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
        others, mask = fixtures.padded_numbers(draw)
        tokens, padded = (one.unsqueeze(-1).expand(-1, -1, width).contiguous() for one in (numbers, others))
        keeps, restored = module.getting("attn_weights"), module.loading(self.weights)
        calls = [module.loading(plain), module.request(tokens), keeps, module.request(padded, mask), keeps, restored]
        _, output, kept, masked, kept_then, _ = self.student.try_all(calls)
        output, kept = as_tensor(answered(output)), as_tensor(answered(kept))
        seen: Observations = {}
        mixed = (kept * numbers[:, None, None, :]).sum(-1)  # (batch, num_heads, seq)
        # heads that are added up, not laid side by side, are paid for in `values`
        distance = min((output.mean((1, 2)) / n - mixed.mean((1, 2)) for n in (1, draw.num_heads)), key=size)
        if size(distance) > CLOSE:
            # free, and no part of the verdict; tells mistakes from each other
            seen["over the queries they sum to 1"] = size(kept.sum(-2) - 1) < CLOSE
            distance *= float(self._repeats(self.x))
        seen["distance from the output"] = distance
        with_mask = torch.full_like(distance, WRONG)
        if not has_shape(masked, padded.shape) or not is_finite(masked):  # paid for in `padding`
            with_mask = distance * 0
        elif has_shape(kept_then, kept.shape):
            there = mask.double()  # what stands at the padding is nobody's business
            mixed = (kept_then * others[:, None, None, :]).sum(-1).mean(1)  # (batch, seq)
            left = (((masked.mean(-1) / n - mixed) * there).sum(1) / there.sum(1) for n in (1, draw.num_heads))
            with_mask = min(left, key=size)
            with_mask *= float(size(with_mask) < CLOSE or self._repeats(self.x, self.mask))
        return seen | {"distance from the output with a mask": with_mask}

    def gradient(self) -> Observations:
        """The gradient reaches the tokens and every projection that changes the output."""
        output, cut = self._output(), []
        answers = [self.answers[f"slope {number}"] for number in range(len(self.slope.requests))]
        slope = self.slope.agreement(answers)
        for name in sorted(self.slope.silent(answers) & set(WEIGHTS)):  # an unused one is a mistake of the values
            values = self.module.parameters()[name]
            calls = [self.module.loading({name: values * 1.5}), self._call(self.x), self.module.loading({name: values})]
            cut += [] if torch.allclose(as_tensor(self.student.ask_all(calls)[1]), output, atol=1e-5) else [name]
        return {"projections cut off": cut, "slope": slope, CONTENT: self._mixes()}

    def padding(self) -> Observations:
        """A padded sentence gives the same as the sentence alone, whatever stands in the padding."""
        rows = [self.answers[f"row {row}"] for row in range(1, len(self.mask))]
        alone = torch.cat([self._output()[0], *(as_tensor(answered(row))[0] for row in rows)])
        there, seen = self.mask.bool(), {}
        if all(isinstance(self.answers[kind], StudentError) for kind in self.kinds):
            answered(self.answers["int"])
        for kind in self.kinds:
            got = self.answers[kind]
            seen[f"{kind} mask"] = got if isinstance(got, StudentError) else told(as_tensor(got)[there] - alone)
        if any(isinstance(value, Tensor) and size(value) > CLOSE for value in seen.values()):
            if not self._repeats(self.x, self.mask):
                seen |= self._padding_of_random(there)
            else:
                # free, and no part of the verdict; tells mistakes from each other
                twins = torch.where(there.unsqueeze(-1), self.x, self.x[:, :1])
                seen["rows of padding"] = told(self.module.tensor(twins, self.mask)[~there])
        return seen | ({CONTENT: self._mixes()} if self.draw.first else {})

    def _padding_of_random(self, there: Tensor) -> Observations:
        """Whether padding counts for a module that drops: of two outputs of one size and seed the same is dropped."""
        other, seen = torch.where(there.unsqueeze(-1), self.x, self.draw.normal(*self.x.shape)), {}
        for kind in self.kinds:
            mask = self.mask.to(MASK_TYPES[kind])
            one, two = self.student.ask_all([self._call(self.x, mask), self._call(other, mask)])
            seen[f"{kind} mask"] = told(as_tensor(one)[there] - as_tensor(two)[there])
        return seen

    def errors(self) -> Observations:
        """A num_heads that does not divide d_model is a ValueError; one that does has built the module."""
        heads = (self.draw.not_dividing, 2 * self.width)
        odd, more = map(error_of, self.student.try_all([self.student.request(MODULE, self.width, n) for n in heads]))
        # where forward raises, the layers still tell that something is made
        raises = isinstance(self.answers["output"], StudentError) and not self.lacking
        return {"does not divide": odd, "more heads than columns": more, CONTENT: self._mixes() or raises}


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
    seen: dict[str, Part] = {"values": layer.values, "weights": layer.kept_weights, "gradient": layer.gradient}
    return seen | {"padding": layer.padding, "errors": layer.errors}


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    ATTENTION: [dict(batch=2, num_heads=3, seq_q=5, seq_k=7, d_k=6, d_v=8, square=5)],
    "split_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    "merge_heads": [dict(batch=2, seq=4, num_heads=3, d_head=5)],
    MODULE: [dict(batch=3, seq=5, num_heads=3, d_head=6, not_dividing=4)],
}
