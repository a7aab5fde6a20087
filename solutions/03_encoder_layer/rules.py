"""Rules of unit 03: what is looked at in the feed-forward block, the encoder layer and the mended layer.

The encoder layer has four TODOs, and each is paid for by itself. A layer whose output is right passes all four,
however it is written, if its gradient is right too. Otherwise each TODO is judged by what goes in and out of the
layer's own parts, given whatever the TODOs before it made: so one mistake costs one check.

- padding is nobody's business: values are compared where tokens stand
- a part that raises lends its input to what comes after it; a mask that makes the layer raise is paid for in
  `attention`, and the other TODOs are then looked at without it
- a gradient that gets lost is paid for where it gets lost, not by all that lies before it
- the kinds of masks are spread over the cases, as no kind has to do with a size
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import Built, Student, StudentError, answered, as_tensor, pulled, refuse_missing
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import MASK_TYPES
from course_utils.engine.judging.rule import CONTENT, AnyOf, Check, Observations, Part, looks

from .fixtures import Sight, canonical_weights, entry_of, exit_of, named_as, same, twin_of_size

PARTS = ("self_attn", "norm1", "ff", "norm2")
FOLLOWS = {"self_attn": "norm1", "norm1": "norm2", "ff": "norm2"}  # what a part's result goes into in the end
SILENCED = ("self_attn.out_proj", "linear2")  # without these a sub-layer adds nothing
PROJECTIONS = 4  # numbers that are compared of each output vector
LAYER = 2e-4  # float32 through a whole layer, whose outputs are near 1


# the feed-forward block -------------------------------------------------------------------------------------------


BIASES = ("linear1.bias", "linear2.bias")
SENTENCES = 32  # a thousand values or more: a low rate is sure to drop some, and the share that is kept is within 0.1
RATES: dict[str, tuple[float, ...]] = {"default rate": (), "rate 0.5": (0.5,), "rate 0": (0.0,)}


def _far_from_zero(draw: Draw, size: int) -> Tensor:
    """Values of size 2 to 3 with alternating signs, so that every second ReLU is open."""
    return (1.0 - 2.0 * (torch.arange(size) % 2)) * draw.uniform(size, low=2.0, high=3.0)


@looks("FeedForward", values=Check(), gradient=Check(once=True, constant=True), dropout=Check(once=True, constant=True))
def feed_forward(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The block with given weights: its output, its slope, and where it drops."""
    shapes = {"linear1": (draw.d_ff, draw.d_model), "linear2": (draw.d_model, draw.d_ff)}
    weights = draw.weights({f"{name}.weight": shape for name, shape in shapes.items()})
    weights |= draw.weights({f"{name}.bias": shape[:1] for name, shape in shapes.items()})
    size = (draw.d_model, draw.d_ff)
    block, lacking = student.build_loaded("FeedForward", *size, 0.0, values=weights, optional=BIASES)
    # far larger values in one case: there an activation with a ceiling is no ReLU, whatever is drawn
    x = draw.normal(draw.batch, draw.seq, draw.d_model, scale=1.0 if draw.first else 20.0)
    calls = [block.request(x) | {"inputs": True}]
    if draw.first:
        # a slope is measured over a small step, so no ReLU may bend within it: biases are large, all the rest is small
        near = draw.normal(draw.batch, draw.seq, draw.d_model, scale=0.1)
        steady = dict(zip(BIASES, (_far_from_zero(draw, draw.d_ff), _far_from_zero(draw, draw.d_model)), strict=True))
        steady["linear2.weight"] = draw.normal(draw.d_model, draw.d_ff, scale=0.3 * draw.d_ff**-0.5)
        steady = {name: value for name, value in steady.items() if name not in lacking}
        slope = Slope(block.request(near))
        calls += [block.request(x[:1]), block.loading(steady), *slope.requests]
    answers = student.try_all(calls)

    def values() -> Observations:
        output, after = answered(answers[0])
        seen = {"output": as_tensor(output), "input unchanged": torch.equal(after[0], x), "missing biases": lacking}
        return seen | ({"output for a single sentence": as_tensor(answered(answers[1]))} if draw.first else {})

    def gradient() -> Observations:
        changed = not torch.equal(answered(answers[0])[1][0], x)
        if changed:  # that is paid for in `values`; its slope means nothing
            return {"slope": True, "silent parameters": []}
        # a missing bias is paid for in `values` too, and without it a ReLU may bend within the step
        agrees = bool(lacking) or slope.agreement(answers[3:])["slope of argument 0"]
        pulled(answers[3])
        return {"slope": agrees, "silent parameters": sorted(slope.silent(answers[3:]))}

    return {"values": values, "gradient": gradient, "dropout": lambda: _dropout(student, draw)}


def _dropout(student: Student, draw: Draw) -> Observations:
    """Dropout acts in train mode only, at the rate that was given, and a rate of 0 switches it off."""
    x, seen = draw.normal(SENTENCES, draw.seq, draw.d_model), Observations()
    blocks = {name: student.build("FeedForward", draw.d_model, draw.d_ff, *rate) for name, rate in RATES.items()}
    calls: list[Request] = []
    for block in blocks.values():
        calls += [block.switch(True), block.request(x), block.request(x)]
    default, half, none = blocks.values()
    calls += [call for block in (default, none) for call in (block.switch(False), *[block.request(x)] * 2)]
    answers = student.ask_all(calls + _handing_on(half, draw))
    runs = [as_tensor(answers[place]) for place in range(15) if place % 3]
    names = [*(f"{name}, train" for name in blocks), "default rate, eval", "rate 0, eval"]
    pairs = zip(names, runs[::2], runs[1::2], strict=True)
    seen |= {f"{name}: equal outputs": torch.allclose(one, other, atol=1e-6) for name, one, other in pairs}
    seen["rate 0: train equals eval"] = torch.allclose(runs[4], runs[8], atol=1e-6)
    missing, _, train, _, calm, _, silenced = answers[15:]
    seen |= _kept_at_half(draw, missing, as_tensor(train), as_tensor(calm))
    if isinstance(missing, list) and not missing:
        return seen | {CONTENT: content.differ(as_tensor(calm).double(), as_tensor(silenced).double())}
    return seen | {CONTENT: _answers_to_weights(student, half, x)}


def _answers_to_weights(student: Student, block: Built, x: Tensor) -> bool:
    """Whether other weights, by whatever names, make another answer: dropout alone is no block."""
    other = block.loading({name: 1.5 * value + 0.1 for name, value in block.parameters().items()})
    before, again, _, after = student.ask_all([block.request(x), block.request(x), other, block.request(x)])
    first, second, third = (as_tensor(value).double() for value in (before, again, after))
    return not content.differ(first, second) and content.differ(second, third)


def _handing_on(block: Built, draw: Draw) -> list[dict[str, Any]]:
    """Requests for a block that hands on each 1 that it gets: in train mode, then in eval mode; then hands on nothing.

    Wherever in such a block values are dropped, one that is kept comes out as a multiple of what it was.
    """
    eye = {"linear1.weight": torch.eye(draw.d_ff, draw.d_model), "linear2.weight": torch.eye(draw.d_model, draw.d_ff)}
    zeros = dict(zip(BIASES, (torch.zeros(draw.d_ff), torch.zeros(draw.d_model)), strict=True))
    ones = block.request(torch.ones(SENTENCES, draw.seq, draw.d_model))
    silent = block.loading({"linear2.weight": torch.zeros(draw.d_model, draw.d_ff)})
    return [block.loading(eye | zeros), block.switch(True), ones, block.switch(False), ones, silent, ones]


def _kept_at_half(draw: Draw, missing: Any, train: Tensor, calm: Tensor) -> Observations:
    """How much what is kept grows at a rate of 0.5, and whether the mean stays; seen at a thousand values or more.

    It is told by how far kept and dropped values are apart, so that what else is added, such as x, does not matter.
    """
    shape = (SENTENCES, draw.seq, draw.d_model)
    columns = min(draw.d_model, draw.d_ff)
    train, calm = train[..., :columns].double(), calm[..., :columns].double()
    names_are_right = isinstance(missing, list) and all(name in BIASES for name in missing)
    shapes_are_right = train.shape == calm.shape == (*shape[:-1], columns)
    # other names, shapes, maps and a dropout in eval mode have been paid for
    if not names_are_right or not shapes_are_right or not torch.allclose(calm, calm.mean(), atol=1e-4):
        return {"growth of what is kept": 2.0, "the mean stays": True}
    low, high, gain = train.min().item(), train.max().item(), (calm.mean() - train.min()).item()
    growth = (high - low) / gain if gain > 1e-6 else 0.0
    share = (train > (low + high) / 2).double().mean().item()
    # the share of a thousand values is within 0.1; with two dropouts, one behind the other, a quarter is kept
    twice = abs(growth - 4.0) < 1e-3
    return {"growth of what is kept": 2.0 if twice else growth, "the mean stays": abs(share * growth - 1) < 0.2}


# the encoder layer ----------------------------------------------------------------------------------------------


class _Layer:
    """A learner's layer with drawn weights, beside torch's own with the same."""

    def __init__(self, student: Student, draw: Draw, exercise: str) -> None:
        self.student, self.draw = student, draw
        self.layer, self.shapes = student.build_shaped(exercise, draw.d_model, draw.num_heads, draw.d_ff)
        self.weights = canonical_weights(draw)
        self.twin = twin_of_size(draw.d_model, draw.num_heads, draw.d_ff)
        self.x = draw.normal(draw.batch, draw.seq, draw.d_model, scale=draw.scale)
        tokens = draw.mask(draw.batch, draw.seq)
        self.masks = {kind: tokens.to(dtype) for kind, dtype in MASK_TYPES.items()} | {"none": None}
        self.directions = draw.normal(draw.d_model, PROJECTIONS, scale=draw.d_model**-0.5)
        self.kinds = ["int", "none"] if draw.first else ["bool", "float"]
        self.unchanged, self.sights = True, dict[str, Sight]()  # unchanged: what was handed in, after all runs
        self._look(self.kinds)

    def _look(self, kinds: Sequence[str]) -> None:
        """Run the layer with masks of some kinds; the first run on the first case pulls a gradient back, too."""
        own = named_as(self.shapes, self.weights)
        calls = [self.layer.request(*self._inputs(kind)) | {"inputs": True} for kind in kinds]
        pulls = self.draw.first and kinds == self.kinds
        if pulls:
            calls[0] = self._pulling(self._inputs(kinds[0])[1:])
        train = self._in_train_mode([self.layer.request(*self._inputs(kinds[0]))]) if pulls else []
        loaded, *answers = self.student.try_all([self.layer.loading(own), *calls, *train])
        refuse_missing(loaded, own)
        if pulls:
            self.trained, answers = answers[-3], answers[: len(kinds)]
        for answer in answers[pulls:]:
            if not isinstance(answer, StudentError):
                self.unchanged &= isinstance(answer[1][0], Tensor) and torch.equal(answer[1][0], self.x)
        if pulls:
            self.first_pull = answers[0]
            if isinstance(answers[0], StudentError) and not self.unchanged:  # autograd forbids to change its inputs
                answers[0] = self.student.try_all([self.layer.request(*self._inputs(kinds[0])) | {"inputs": True}])[0]
        fits = (self.draw.d_ff, self.draw.d_model) in self.shapes.values()
        for kind, answer in zip(kinds, answers, strict=True):
            with torch.no_grad():
                expected = self.twin.output(self.weights, self.x, self.masks[kind])
            output = answer if isinstance(answer, StudentError) else answer[0]
            self.sights[kind] = Sight(self.x, self.masks[kind], output, expected, self.twin, self.weights, fits)

    def _inputs(self, kind: str) -> list[Tensor]:
        mask = self.masks[kind]
        return [self.x] if mask is None else [self.x, mask]

    @cached_property
    def plain(self) -> Sight:
        """The run in which all but the attention is looked at: the first that did not end in an error."""
        ran = [sight for sight in self.sights.values() if sight.error is None]
        if not ran and "none" not in self.sights:
            self._look(["none"])
            ran = [self.sights["none"]] if self.sights["none"].error is None else []
        return next(iter(ran), self.sights[self.kinds[0]])

    def look_into(self) -> None:
        """The same runs once more, with what went in and out of the layer's parts."""
        silent = self.silent if isinstance(self.plain.output, Tensor) else frozenset()
        for sight in [sight for sight in self.sights.values() if not sight.calls]:
            mask = [] if sight.mask is None else [sight.mask]
            output, sight.calls, error = self.layer.trace(PARTS, self.x, *mask)
            sight.repeats = not isinstance(output, Tensor) or sight.error is not None or same(output, sight.output)
            sight.output, sight.error, sight.silent = output, sight.error or error, silent

    # gradients ---------------------------------------------------------------------------------------------------

    def _cotangent(self, mask: Sequence[Tensor]) -> Tensor:
        there = (mask[0] != 0)[..., None].float() if mask else 1.0
        return (self.directions[:, 0].expand_as(self.x) * there).contiguous()

    def _pulling(self, mask: Sequence[Tensor]) -> Request:
        pull = {"cotangents": [self._cotangent(mask)], "wants": "both"}
        return self.layer.request(self.x, *mask) | {"pull": pull}

    @cached_property
    def _pulled(self) -> tuple[Any, StudentError | None]:
        """The gradients and silent parameters of the plain run, and what pulling them back raised."""
        if self.plain.error is not None:
            return None, None
        known = self.draw.first and self.plain is self.sights[self.kinds[0]]
        mask = [] if self.plain.mask is None else [self.plain.mask]
        answer = self.first_pull if known else self.student.try_all([self._pulling(mask)])[0]
        try:
            return pulled(answer), None
        except StudentError as raised:  # a backward pass that raises is paid for at norm2, where the layer ends
            return None, raised

    @property
    def backward_error(self) -> StudentError | None:
        """What a backward pass raised."""
        return self._pulled[1]

    @property
    def silent(self) -> frozenset[str]:
        """Parts of which a weight gets no gradient; no matter of the mask."""
        names = self._pulled[0][1] if self._pulled[0] else []
        return frozenset(name.partition(".")[0] for name in names if name.endswith("weight"))

    @cached_property
    def lost(self) -> str:
        """The part in front of which, or in whose sum, some of a right layer's gradient gets lost; empty for none.

        A part whose weights are 0 gives nothing on, so that it does not matter whether the gradient gets back to it.
        """
        mask = [] if self.plain.mask is None else [self.plain.mask]
        if self._is_right(self.weights, mask, self._pulled[0][0]):
            return ""
        zeros: list[str] = []
        try:
            for part, name in (("ff", "linear2.weight"), ("self_attn", "self_attn.out_proj.weight")):
                zeros.append(name)
                weights = {key: value * 0 if key in zeros else value for key, value in self.weights.items()}
                loading = self.layer.loading(named_as(self.shapes, weights))
                gradients, silent = pulled(self.student.try_all([loading, self._pulling(mask)])[1])
                if self._is_right(weights, mask, gradients):
                    return part
            return "norm2" if any(name.startswith("norm1") and name.endswith("weight") for name in silent) else "norm1"
        finally:
            self.layer.load(named_as(self.shapes, self.weights))

    def _is_right(self, weights: dict[str, Tensor], mask: Sequence[Tensor], gradients: Sequence[Any]) -> bool:
        """Whether the gradient at x is that of torch's own layer."""
        x = self.x.clone().requires_grad_()
        output = self.twin.output(weights, x, next(iter(mask), None))
        (expected,) = torch.autograd.grad((output * self._cotangent(mask)).sum(), x)
        return same(gradients[0], expected)

    def _learns(self, part: str) -> bool:
        """Whether the gradient of a right layer gets back to a part, and through it, unless it was lost farther on."""
        if not self.draw.first:  # no matter of sizes
            return True
        if self.silent or self.backward_error is not None:
            return not _cut(self.silent, part)
        return self.lost != part

    # the checks --------------------------------------------------------------------------------------------------

    def _residual(self, sight: Sight) -> Tensor:
        """An output's distance from that of torch's own layer: some projections of each token's vector."""
        output = sight.output
        fits = isinstance(output, Tensor) and output.shape == self.x.shape and not output.is_complex()
        # what differs from run to run, or by fresh weights from layer to layer, is told by no single value
        number = 12345.0 if not sight.repeats else 54321.0 if not sight.fits else None if fits else -12345.0
        if number is not None:
            return torch.full((*self.x.shape[:2], PROJECTIONS), number)
        return (sight.at_tokens(output).float() - sight.at_tokens(sight.expected)) @ self.directions

    def judged(self, sights: Sequence[Sight], part: str, holds: Callable[[Sight], bool]) -> Observations:
        """How far the output is from that of torch's own layer; or, where only other TODOs spoil it, none at all."""
        distance = torch.cat([self._residual(sight) for sight in sights])
        # both: small inputs can leave a wrong layer near torch's own, but farther than the verdict allows
        right = all(sight.right for sight in sights) and bool((distance.abs() <= LAYER).all())
        if not right:  # most layers are right, and then nobody asks about their parts
            self.look_into()
            distance = torch.cat([self._residual(sight) for sight in sights])
        views = [distance]
        if not right and all(holds(sight) for sight in sights):
            views.append(torch.zeros_like(distance))
        elif error := next((sight.error for sight in sights if sight.error is not None), None):
            raise error
        return {"distance from torch's own layer": AnyOf(views), "gradient gets back": not right or self._learns(part)}

    @cached_property
    def drops_residual(self) -> str:
        """The norm round which a right layer drops, in train mode, what goes past its sub-layers; empty for none.

        The sub-layers are silenced, so that they add nothing, dropped or not.
        """
        if not self.draw.first or not self.plain.right or not isinstance(self.trained, Tensor):
            return ""
        expected = self.x
        for part in ("norm1", "norm2"):
            gain = self.weights[f"{part}.weight"]
            expected = F.layer_norm(expected, gain.shape, gain, self.weights[f"{part}.bias"])
        if self.plain.same(self.trained, expected):
            return ""
        trace = self.layer.tracing(PARTS, *self._inputs(self.kinds[0]))
        _, notes, _ = self.student.ask_all(self._in_train_mode([trace]))[2]
        (first, *_), (block, *_) = (notes.get(part) or [([None], {}, None)] for part in ("norm1", "ff"))
        return "norm2" if same(entry_of(first), self.x) and same(entry_of(block), exit_of(first)) else "norm1"

    def _in_train_mode(self, calls: list[Request]) -> list[Request]:
        """Calls of the layer in train mode with silent sub-layers, and what puts it back."""
        silent = {name: value * (not name.startswith(SILENCED)) for name, value in self.weights.items()}
        zeros, own = (self.layer.loading(named_as(self.shapes, weights)) for weights in (silent, self.weights))
        return [zeros, self.layer.switch(True), *calls, self.layer.switch(False), own]

    def attention(self) -> Observations:
        """Self-attention sees the layer's input, and the mask reaches it."""
        return self.judged([self.sights[kind] for kind in self.kinds], "self_attn", _attention_holds)

    def norm1(self) -> Observations:
        """The first residual sum goes through norm1."""
        judged = self.judged([self.plain], "norm1", _norm1_holds) | {"input unchanged": self.unchanged}
        return judged | {"residual passes whole in train mode": self.drops_residual != "norm1"}

    def feed_forward(self) -> Observations:
        """The feed-forward block sees the result of TODO 2."""
        return self.judged([self.plain], "ff", _feed_forward_holds)

    def norm2(self) -> Observations:
        """The second residual sum goes through norm2, and that is the layer's output."""
        if self.plain.error is None:
            as_tensor(self.plain.output)
        judged = self.judged([self.plain], "norm2", _norm2_holds)
        if self.draw.first and self.unchanged and self.backward_error is not None:
            raise self.backward_error
        return judged | {"residual passes whole in train mode": self.drops_residual != "norm2"}


def _cut(silent: frozenset[str], part: str) -> bool:
    """Whether the gradient gets lost between a part and what follows it."""
    return part in silent and FOLLOWS.get(part) not in silent


# the encoder layer: one relation per TODO ---------------------------------------------------------------------------


def _attention_holds(sight: Sight) -> bool:
    """Self-attention was asked once, about x, and hid what the mask hides."""
    if len(sight.calls["self_attn"]) != 1 or sight.raised("self_attn"):
        return False
    ((entry,), made) = sight.given("self_attn"), sight.made("self_attn")
    entries, first = [sight.x], sight.first_norm()
    if not first:  # norm1 in front of the attention instead of behind it is paid for at norm1
        entries += [n for n, e in zip(sight.made("norm1"), sight.given("norm1"), strict=False) if same(e, sight.x)]
    if not made or not sight.among(entry, entries):
        return False
    wanted = sight.twin.attended(sight.weights, entry, sight.mask)
    return sight.same(made[0], wanted) and not (first and _cut(sight.silent, "self_attn"))


def _norm1_holds(sight: Sight) -> bool:
    """norm1 was given the first residual sum, is a LayerNorm, and its result is used as it is."""
    right, agreed = sight.right_states(), sight.agreed()
    if not right or (agreed is not None and not sight.among(agreed, right)):
        return False
    used = any(sight.among(value, right) for taken in sight.taken() for value in taken)
    return not (used and _cut(sight.silent, "norm1"))


def _feed_forward_holds(sight: Sight) -> bool:
    """The feed-forward block, as wide as it has to be, was asked once, about the state that TODO 2 left, and is one."""
    if len(sight.calls["ff"]) != 1 or not sight.made("ff") or sight.raised("ff") or not sight.fits:
        return False
    if not sight.is_feed_forward():
        return False
    cut_off = "ff" in sight.silent and _norm2_holds(sight)
    state = sight.state()
    return state is not None and sight.same(sight.given("ff")[0], state) and not cut_off


def _norm2_holds(sight: Sight) -> bool:
    """norm2 was given the second residual sum, is a LayerNorm, and its result is the layer's."""
    state = sight.state()
    if not sight.calls["norm2"] or not sight.is_layer_norm("norm2") or state is None:
        return False
    entry, made = sight.given("norm2")[-1], sight.made("norm2")
    ends = bool(made) and sight.same(sight.output, exit_of(sight.calls["norm2"][-1]))
    return ends and "norm2" not in sight.silent and sight.gained(entry, state, sight.made_or_nothing("ff"))


CHECKS = dict.fromkeys(("attention", "norm1", "feed_forward", "norm2"), Check(atol=LAYER, constant=True))


@looks("TransformerEncoderLayer", **CHECKS)
def encoder_layer(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The layer's four TODOs."""
    layer = _Layer(student, draw, "TransformerEncoderLayer")
    return {check: getattr(layer, check) for check in CHECKS}


@looks("RepairedEncoderLayer", **CHECKS)
def repaired_layer(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The same four places, at each of which a bug was planted."""
    layer = _Layer(student, draw, "RepairedEncoderLayer")
    return {check: getattr(layer, check) for check in CHECKS}


_LAYERS = [
    dict(batch=2, seq=5, d_model=12, num_heads=3, d_ff=20, scale=1.0),
    dict(batch=3, seq=4, d_model=10, num_heads=2, d_ff=14, scale=0.02),
]
VISIBLE_CASES = {
    "FeedForward": [dict(batch=2, seq=5, d_model=6, d_ff=11), dict(batch=3, seq=2, d_model=7, d_ff=4)],
    "TransformerEncoderLayer": _LAYERS,
    "RepairedEncoderLayer": _LAYERS,
}
