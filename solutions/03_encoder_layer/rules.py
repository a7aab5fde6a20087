"""Rules of unit 03: what is looked at in the feed-forward block, the encoder layer and the mended layer.

The encoder layer has four TODOs, and each is paid for by itself. A layer whose output is right passes all four,
however it is written, if its gradient is right too. Otherwise each TODO is judged by what goes in and out of the
layer's own parts, given whatever the TODOs before it made: so one mistake costs one check.

- padding is nobody's business: values are compared where tokens stand
- a part that raises lends its input to what comes after it; a mask that makes the layer raise is paid for in
  `attention`, and the other TODOs are then looked at without it
- a gradient that gets lost is paid for where it gets lost, not by all that lies before it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Student, StudentError, as_tensor, refuse_missing
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, AnyOf, Observations, rule
from course_utils.models import keys_to_hide

PARTS = ("self_attn", "norm1", "ff", "norm2")
FOLLOWS = {"self_attn": "norm1", "norm1": "norm2", "ff": "norm2"}  # what a part's result goes into in the end
PROJECTIONS = 4  # numbers that are compared of each output vector
KEPT = 4  # runs kept for a learner: one for each case of the exercise at hand, and some to spare
LAYER = 2e-4  # float32 through a whole layer, whose outputs are near 1
SAME = 1e-3  # relative to the largest value; a forgotten or doubled part differs by over 1e-1, a wrong eps by 1e-2

Call = tuple[Any, ...]  # args, kwargs, output, whether it raised


# the feed-forward block -------------------------------------------------------------------------------------------


BIASES = ("linear1.bias", "linear2.bias")
SENTENCES = 32  # a thousand values or more: a low rate is sure to drop some, and the share that is kept is within 0.1


def _loaded_block(student: Student, draw: Draw, *dropout: float) -> tuple[Built, list[str]]:
    """A block in eval mode with seeded weights, and the names of biases that it lacks."""
    shapes = {
        "linear1.weight": (draw.d_ff, draw.d_model),
        "linear1.bias": (draw.d_ff,),
        "linear2.weight": (draw.d_model, draw.d_ff),
        "linear2.bias": (draw.d_model,),
    }
    weights = draw.weights(shapes)
    return student.build_loaded("FeedForward", draw.d_model, draw.d_ff, *dropout, values=weights, optional=BIASES)


def _far_from_zero(draw: Draw, size: int) -> Tensor:
    """Values of size 2 to 3 with alternating signs, so that every second ReLU is open."""
    signs = 1.0 - 2.0 * (torch.arange(size) % 2)
    return signs * draw.uniform(size, low=2.0, high=3.0)


@rule("FeedForward", "values")
def feed_forward_values(student: Student, draw: Draw) -> Observations:
    """The block's output for given weights, and that its input is left as it was."""
    block, lacking = _loaded_block(student, draw, 0.0)
    # larger values in one case: there an activation with a ceiling is no ReLU
    x = draw.normal(draw.batch, draw.seq, draw.d_model, scale=1.0 if draw.first else 5.0)
    output, after = block.call_and_inputs(x)
    seen = {
        "missing biases": lacking,
        "output": as_tensor(output),
        "input unchanged": torch.equal(after[0], x),
    }
    if draw.first:
        seen["output for a single sentence"] = block.tensor(x[:1])
    return seen


@rule("FeedForward", "gradient", constant=True)
def feed_forward_gradient(student: Student, draw: Draw) -> Observations:
    """Autograd agrees with the block's own slope, and each parameter gets a gradient.

    A slope is measured over a small step, so no ReLU may bend within it: biases are large, all the rest is small.
    """
    if not draw.first:
        return {}
    block, lacking = _loaded_block(student, draw, 0.0)
    values = {
        "linear1.bias": _far_from_zero(draw, draw.d_ff),
        "linear2.weight": draw.normal(draw.d_model, draw.d_ff, scale=0.3 * draw.d_ff**-0.5),
        "linear2.bias": _far_from_zero(draw, draw.d_model),
    }
    block.load({name: value for name, value in values.items() if name not in lacking})
    x = draw.normal(draw.batch, draw.seq, draw.d_model, scale=0.1)
    if not torch.equal(block.inputs_after(x)[0], x):  # that has been paid for in `values`; its slope means nothing
        return {"slope": True, "silent parameters": []}
    if lacking:  # paid for in `values` too, and without it a ReLU may bend within the step
        return {"slope": True, "silent parameters": block.silent_parameters(x)}
    return {"slope": block.slope(x)["slope of argument 0"], "silent parameters": block.silent_parameters(x)}


@rule("FeedForward", "dropout", constant=True)
def feed_forward_dropout(student: Student, draw: Draw) -> Observations:
    """Dropout acts in train mode only, at the rate that was given, and a rate of 0 switches it off."""
    if not draw.first:
        return {}
    x = draw.normal(SENTENCES, draw.seq, draw.d_model)
    seen: Observations = {}
    for name, rate in {"default rate": (), "rate 0.5": (0.5,), "rate 0": (0.0,)}.items():
        block = student.build("FeedForward", draw.d_model, draw.d_ff, *rate)
        runs = [block.request(x), block.request(x)]
        requests = [block.switch(True), *runs, block.switch(False), *runs]
        if name == "rate 0.5":
            requests += _handing_on(block, draw)
        answers = student.ask_all(requests)
        train, again, calm, still = (as_tensor(answers[number]) for number in (1, 2, 4, 5))
        seen[f"{name}, train: equal outputs"] = torch.allclose(train, again, atol=1e-6)
        seen[f"{name}, eval: equal outputs"] = torch.allclose(calm, still, atol=1e-6)
        if name == "rate 0":
            seen["rate 0: train equals eval"] = torch.allclose(train, calm, atol=1e-6)
        if name == "rate 0.5":
            seen |= _kept_at_half(draw, answers[6], as_tensor(answers[8]), as_tensor(answers[10]))
            names_fit = isinstance(answers[6], list) and not answers[6]
            silenced = as_tensor(answers[12])
            seen[CONTENT] = (
                content.differ(as_tensor(answers[10]).double(), silenced.double())
                if names_fit
                else _answers_to_weights(student, block, x)
            )
    return seen


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


# the encoder layer: weights ---------------------------------------------------------------------------------------


def canonical_weights(draw: Draw) -> dict[str, Tensor]:
    """Weights by the names of torch's own encoder layer; draw.scale makes a quiet layer, in which eps is felt."""
    d_model, d_ff = draw.d_model, draw.d_ff
    shapes: dict[str, tuple[int, ...]] = {
        "self_attn.in_proj_weight": (3 * d_model, d_model),
        "self_attn.in_proj_bias": (3 * d_model,),
        "self_attn.out_proj.weight": (d_model, d_model),
        "self_attn.out_proj.bias": (d_model,),
        "linear1.weight": (d_ff, d_model),
        "linear1.bias": (d_ff,),
        "linear2.weight": (d_model, d_ff),
        "linear2.bias": (d_model,),
        "norm1.weight": (d_model,),
        "norm1.bias": (d_model,),
        "norm2.weight": (d_model,),
        "norm2.bias": (d_model,),
    }
    weights = draw.weights(shapes)
    for name in weights:
        if name.startswith(("self_attn.out_proj", "linear2", "norm1")):
            weights[name] = weights[name] * draw.scale
    return weights


def named_as(shapes: Mapping[str, torch.Size], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Canonical weights under the names that a layer's own parts use, by the shapes of its parameters.

    Attention may hold q_proj, k_proj, v_proj or one in_proj; the feed-forward block's maps are told by their shapes.
    A parameter that has no counterpart is left as it is.
    """
    values = {}
    for name, shape in shapes.items():
        part, _, inner = name.partition(".")
        value = None
        if part == "self_attn":
            value = _attention_weight(inner, weights)
        elif part == "ff":
            value = next((weights[n] for n in weights if n.startswith("linear") and weights[n].shape == shape), None)
        elif part in ("norm1", "norm2"):
            value = weights.get(name)
        if value is not None and value.shape == shape:
            values[name] = value
    return values


def _attention_weight(inner: str, weights: Mapping[str, Tensor]) -> Tensor | None:
    kind = "weight" if inner.endswith("weight") else "bias"
    for number, projection in enumerate(("q_proj", "k_proj", "v_proj")):
        if f"{projection}." in inner:
            return weights[f"self_attn.in_proj_{kind}"].chunk(3)[number]
    for ending in ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"):
        if inner.endswith(ending):
            return weights[f"self_attn.{ending}"]
    return None


# the encoder layer: one look at it --------------------------------------------------------------------------------


def same(a: Any, b: Any) -> bool:
    """Whether two tensors hold the same values, up to rounding."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
        return False
    size = b.abs().max().item() if b.numel() else 0.0
    return bool(((a - b).abs() <= SAME * size + 1e-7).all())


def _entry(call: Call) -> Any:
    """What a part was given: its first argument."""
    args, kwargs = call[0], call[1]
    return args[0] if args else next(iter(kwargs.values()), None)


def _exit(call: Call) -> Any:
    """What a part gave back; of several values the first."""
    output = call[2]
    return output[0] if isinstance(output, list | tuple) and output else output


@dataclass(frozen=True)
class Sight:
    """One run of a layer on x and a mask, and what can be told of its parts."""

    x: Tensor  # (batch, seq, d_model)
    mask: Tensor | None  # (batch, seq)
    output: Any
    calls: Mapping[str, list[Call]]
    expected: Tensor  # (batch, seq, d_model), of torch's own layer with the same weights
    attention: nn.MultiheadAttention  # torch's own, with the same weights
    weights: Mapping[str, Tensor]
    fits: bool  # the feed-forward block has maps of the width d_ff
    silent: frozenset[str]  # parts of which a weight gets no gradient
    repeats: bool  # two runs in eval mode agree
    error: StudentError | None  # what ended the run; parts that were reached before it can still be judged

    def at_tokens(self, value: Any) -> Any:
        """A value with zeros at the padding, where nothing is asked for."""
        if self.mask is None or not isinstance(value, Tensor) or value.shape != self.x.shape:
            return value
        return value.masked_fill((self.mask == 0)[..., None], 0.0)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two values are the same where tokens stand."""
        return same(self.at_tokens(a), self.at_tokens(b))

    def among(self, value: Any, candidates: list[Tensor]) -> bool:
        """Whether a value is one of some."""
        return any(self.same(value, candidate) for candidate in candidates)

    @property
    def right(self) -> bool:
        """Whether the whole layer gives what torch's own gives."""
        return self.same(self.output, self.expected)

    def raised(self, part: str) -> bool:
        """Whether a call of a part raised."""
        return any(True in call[3:] for call in self.calls[part])

    def given(self, part: str) -> list[Any]:
        """What each call of a part was given."""
        return [_entry(call) for call in self.calls[part]]

    def made(self, part: str) -> list[Tensor]:
        """What each call of a part gave, where that has the layer's shape; also when its axes stand turned."""
        values = [_exit(call) for call in self.calls[part]]
        tensors = [value for value in values if isinstance(value, Tensor) and value.dim() == 3]
        turned = [value.transpose(*axes) for axes in ((1, 2), (0, 1)) for value in tensors]
        return [value for value in (*tensors, *turned) if value.shape == self.x.shape]

    def made_or_nothing(self, part: str) -> list[Tensor]:
        """What a part gave; zeros for a part that was never called."""
        return self.made(part) or [torch.zeros_like(self.x)]

    def is_layer_norm(self, part: str) -> bool:
        """Whether each call of a part does what torch's LayerNorm does to the same input."""
        gain, shift = self.weights[f"{part}.weight"], self.weights[f"{part}.bias"]
        return not self.raised(part) and all(
            isinstance(_entry(call), Tensor)
            and _entry(call).shape == self.x.shape
            and self.same(_exit(call), F.layer_norm(_entry(call), gain.shape, gain, shift))
            for call in self.calls[part]
        )

    def is_feed_forward(self) -> bool:
        """Whether each call of ff does what torch's layer does between its norms to the same input."""
        inner, outer = ((self.weights[f"linear{n}.weight"], self.weights[f"linear{n}.bias"]) for n in (1, 2))
        return all(
            same_shape(_entry(call), self.x)
            and self.same(_exit(call), F.linear(F.linear(_entry(call), *inner).relu(), *outer))
            for call in self.calls["ff"]
        )

    def gained(self, value: Any, start: Tensor, gains: list[Tensor]) -> bool:
        """Whether a value went up from its start by one of the gains."""
        if not same_shape(value, start):
            return False
        size = max(value.abs().max().item(), start.abs().max().item())
        rests = [self.at_tokens(value - start - gain) for gain in gains]
        return any(bool((rest.abs() <= SAME * size + 1e-7).all()) for rest in rests)

    def first_norm(self) -> list[Tensor]:
        """What norm1 gave where it was given the first residual sum."""
        entries, gains = self.given("norm1"), self.made_or_nothing("self_attn")
        exits = [_exit(call) for call in self.calls["norm1"]]
        return [e for v, e in zip(entries, exits, strict=True) if self.gained(v, self.x, gains) and same_shape(e, v)]

    def normed_again(self) -> bool:
        """Whether norm1 was given what it had made itself."""
        return any(self.among(entry, self.made("norm1")) for entry in self.given("norm1"))

    def right_states(self) -> list[Tensor]:
        """The result of TODO 2, where it is right."""
        return self.first_norm() if self.is_layer_norm("norm1") and not self.normed_again() else []

    def taken(self) -> tuple[list[Tensor], list[Tensor]]:
        """What TODO 3 and TODO 4 took for the result of TODO 2: what ff was given, and what norm2 was beside ff's."""
        to_ff = [value for value in self.given("ff") if same_shape(value, self.x)]
        sums = [value for value in self.given("norm2") if same_shape(value, self.x)]
        return to_ff, [value - gain for value in sums for gain in self.made_or_nothing("ff")]

    def agreed(self) -> Tensor | None:
        """What TODO 3 and TODO 4 both took for the result of TODO 2, None where they took different things."""
        to_ff, to_sum = self.taken()
        return next((value for value in to_ff if self.among(value, to_sum)), None)

    def state(self) -> Tensor | None:
        """What counts as the result of TODO 2: what both others took; else the farthest on its way that one took."""
        agreed, (to_ff, to_sum) = self.agreed(), self.taken()
        if agreed is not None:
            return agreed
        used, right = [*to_ff, *to_sum], self.right_states()
        attended, normed = self.made_or_nothing("self_attn"), self.made("norm1")
        made = [*normed, *(self.x + n for n in normed), *(a + n for a in attended for n in normed)]
        for entry, value in zip(self.given("norm2"), self.made("norm2"), strict=False):
            if self.gained(entry, self.x, attended):
                made.append(value)  # norm2 in the place of norm1, or in front of the feed-forward block
        made += [*(self.x + a for a in attended), *attended]
        untouched = not self.calls["norm1"] and (not self.calls["self_attn"] or "self_attn" in self.silent)
        made = [value for value in made if not self.same(value, self.x)] + ([self.x] if untouched else [])
        found = [value for value in right or made if self.among(value, used)]
        # whatever else it is, TODO 2 pays for it
        return next(iter((*found, *right, *(value for value in to_ff if not self.same(value, self.x)))), None)


def same_shape(a: Any, b: Any) -> bool:
    """Whether both are tensors of one shape."""
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape


class _Twin:
    """Torch's own layer, one for all looks at layers of its size."""

    def __init__(self, d_model: int, num_heads: int, d_ff: int) -> None:
        self._layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, 0.0, batch_first=True)
        self._weights: dict[str, Tensor] | None = None

    def with_weights(self, weights: dict[str, Tensor]) -> nn.TransformerEncoderLayer:
        """The layer with these weights, until the next look puts in its own."""
        if weights is not self._weights:
            self._layer.load_state_dict(weights)
            self._weights = weights
        return self._layer


_twin_of_size = cache(_Twin)


class _Bench:
    """A learner's layer with drawn weights, beside torch's own with the same."""

    def __init__(self, student: Student, draw: Draw, exercise: str) -> None:
        self.draw = draw
        self._sights: dict[torch.dtype | None, Sight] = {}
        self._outputs: dict[bool, Tensor] = {}
        self._silences: dict[bool, frozenset[str]] = {}
        self._lost: str | None = None
        self.unchanged = True  # what was handed in, after all runs so far
        self.backward_error: StudentError | None = None
        # in eval mode already; its weights come when their names are known
        self.layer, _ = student.build_loaded(exercise, draw.d_model, draw.num_heads, draw.d_ff, values={})
        self.weights, self.shapes = canonical_weights(draw), self.layer.parameter_shapes()
        self.twin = _twin_of_size(draw.d_model, draw.num_heads, draw.d_ff)
        self.x = draw.normal(draw.batch, draw.seq, draw.d_model, scale=draw.scale)
        self.mask = draw.mask(draw.batch, draw.seq)
        kinds = (torch.int64, torch.bool, torch.float32) if draw.first else (torch.int64,)
        self.kinds: tuple[torch.dtype | None, ...] = (*kinds, None)
        requests = [self.layer.request(self.x, self.mask.to(dtype)) for dtype in kinds]
        requests.append(self.layer.request(self.x))
        own = named_as(self.shapes, self.weights)
        loaded, *answers = student.try_all(
            [self.layer.loading(own), *(request | {"inputs": True} for request in requests)]
        )
        refuse_missing(loaded, own)
        self._answers = dict(zip(self.kinds, answers, strict=True))
        self.directions = draw.normal(draw.d_model, PROJECTIONS, scale=draw.d_model**-0.5)

    def _weights(self, *without: str) -> dict[str, Tensor]:
        """The drawn weights, with zeros for some."""
        return {name: value * 0 if name in without else value for name, value in self.weights.items()}

    def _load(self, *without: str) -> None:
        """Put the drawn weights into the learner's layer, with zeros for some."""
        self.layer.load(named_as(self.shapes, self._weights(*without)))

    @property
    def plain(self) -> torch.dtype | None:
        """The kind of mask with which all but the attention is looked at: the first with which the layer runs."""
        ran = (kind for kind in self.kinds if not isinstance(self._answers[kind], StudentError))
        return next(ran, self.kinds[0])

    def sight(self, dtype: torch.dtype | None) -> Sight:
        """One run of the layer, with a mask of some dtype or with none; of its parts nothing is told yet."""
        if dtype not in self._sights:
            self._sights[dtype] = self._run(dtype)
        return self._sights[dtype]

    def _run(self, dtype: torch.dtype | None) -> Sight:
        mask, output, error = None if dtype is None else self.mask.to(dtype), None, None
        answer = self._answers[dtype]
        if isinstance(answer, StudentError):  # the parts say who raised it
            error = answer
        else:
            output, after = answer
            self.unchanged &= isinstance(after[0], Tensor) and torch.equal(after[0], self.x)
        attention, expected = self.twin.with_weights(self.weights).self_attn, self._expected(mask is not None)
        fits = (self.draw.d_ff, self.draw.d_model) in self.shapes.values()
        return Sight(self.x, mask, output, {}, expected, attention, self.weights, fits, frozenset(), True, error)

    def _expected(self, masked: bool) -> Tensor:
        """What torch's own layer gives, with the mask, of whatever type it is, or with none."""
        if masked not in self._outputs:
            twin = self.twin.with_weights(self.weights)
            hidden = keys_to_hide(self.mask if masked else None, self.draw.num_heads)
            with torch.no_grad():
                self._outputs[masked] = twin(self.x, src_mask=hidden)
        return self._outputs[masked]

    def looked_into(self, sight: Sight) -> Sight:
        """The same run once more, with what went in and out of the layer's parts."""
        self.twin.with_weights(self.weights)  # the sight's attention is the twin's
        output, calls, error = self.layer.trace(PARTS, self.x, *([] if sight.mask is None else [sight.mask]))
        repeats = not isinstance(output, Tensor) or sight.error is not None or same(output, sight.output)
        silent = self.silent(sight.mask is not None) if isinstance(sight.output, Tensor) else frozenset()
        return replace(sight, output=output, calls=calls, silent=silent, repeats=repeats, error=sight.error or error)

    def silent(self, masked: bool) -> frozenset[str]:
        """Parts of which a weight gets no gradient, with a mask or without.

        It is no matter of the mask's type, so one run tells it.
        """
        if masked not in self._silences:
            self._silences[masked] = self._look_for_silence(self._mask() if masked else [])
        return self._silences[masked]

    def _mask(self) -> list[Tensor]:
        """The mask of a kind with which the layer runs; none where it runs only without."""
        return [] if self.plain is None else [self.mask.to(self.plain)]

    def _look_for_silence(self, mask: list[Tensor]) -> frozenset[str]:
        try:
            names = self.layer.silent_parameters(self.x, *mask)
        except StudentError as raised:  # a backward pass that raises is paid for at norm2, where the layer ends
            self.backward_error = raised
            return frozenset()
        return frozenset(name.partition(".")[0] for name in names if name.endswith("weight"))

    @property
    def lost(self) -> str:
        """The part in front of which, or in whose sum, some of a right layer's gradient gets lost; empty for none.

        A part whose weights are 0 gives nothing on, so that it does not matter whether the gradient gets back to it.
        """
        if self._lost is None:
            self._lost = "" if self._gradient_is_right() else self._where_it_gets_lost()
        return self._lost

    def _where_it_gets_lost(self) -> str:
        without_ff, without_both = ["linear2.weight"], ["linear2.weight", "self_attn.out_proj.weight"]
        try:
            for part, weights in (("ff", without_ff), ("self_attn", without_both)):
                self._load(*weights)
                if self._gradient_is_right(*weights):
                    return part
            return "norm2" if "norm1" in self._look_for_silence(self._mask()) else "norm1"
        finally:
            self._load()

    def _gradient_is_right(self, *without: str) -> bool:
        """Whether the gradient at x is that of torch's own layer, with zeros for some weights."""
        twin = self.twin.with_weights(self._weights(*without))
        mask = next(iter(self._mask()), None)
        pull = self.directions[:, 0].expand_as(self.x) * (1.0 if mask is None else (mask != 0)[..., None].float())
        x = self.x.clone().requires_grad_()
        output = twin(x, src_mask=keys_to_hide(mask, self.draw.num_heads))
        (expected,) = torch.autograd.grad((output * pull).sum(), x)
        return same(self.layer.gradient(pull.contiguous(), self.x, *self._mask()), expected)

    def residual(self, sight: Sight) -> Tensor:
        """An output's distance from that of torch's own layer: some projections of each token's vector."""
        if not sight.repeats:  # differs from run to run: no single value would tell it
            return torch.full((*self.x.shape[:2], PROJECTIONS), 12345.0)
        if not sight.fits:  # some weights are fresh ones, so that it differs from layer to layer
            return torch.full((*self.x.shape[:2], PROJECTIONS), 54321.0)
        if not isinstance(sight.output, Tensor) or sight.output.shape != self.x.shape or sight.output.is_complex():
            return torch.full((*self.x.shape[:2], PROJECTIONS), -12345.0)
        return (sight.at_tokens(sight.output).float() - sight.at_tokens(sight.expected)) @ self.directions


# the four checks of a layer look at the same runs, so they are made once for each learner and draw
_benches: WeakKeyDictionary[Student, dict[tuple[str, int], _Bench]] = WeakKeyDictionary()


def _bench(student: Student, draw: Draw, exercise: str) -> _Bench:
    known = _benches.setdefault(student, {})
    if (exercise, draw.seed) not in known:
        if len(known) >= KEPT:
            known.clear()
        known[exercise, draw.seed] = _Bench(student, draw, exercise)
    return known[exercise, draw.seed]


def _judged(bench: _Bench, sights: list[Sight], part: str, holds: Callable[[Sight], bool]) -> Observations:
    """How far the layer's output is from that of torch's own; or, where only other TODOs spoil it, none at all."""
    distance = torch.cat([bench.residual(sight) for sight in sights])
    # both: small inputs can leave a wrong layer near torch's own, but farther than the verdict allows
    right = all(sight.right for sight in sights) and bool((distance.abs() <= LAYER).all())
    if not right:  # most layers are right, and then nobody asks about their parts
        sights = [bench.looked_into(sight) for sight in sights]
        distance = torch.cat([bench.residual(sight) for sight in sights])
    views = [distance]
    if not right and all(holds(sight) for sight in sights):
        views.append(torch.zeros_like(views[0]))
    elif error := next((sight.error for sight in sights if sight.error is not None), None):
        raise error
    return {"distance from torch's own layer": AnyOf(views), "gradient gets back": not right or _learns(bench, part)}


def _learns(bench: _Bench, part: str) -> bool:
    """Whether the gradient of a right layer gets back to a part, and through it, unless it was lost farther on."""
    if not bench.draw.first:  # no matter of sizes
        return True
    silent = bench.silent(bench.plain is not None)
    if silent or bench.backward_error is not None:
        return not _cut(silent, part)
    return bench.lost != part


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
    hidden = keys_to_hide(sight.mask, sight.attention.num_heads)
    wanted, _ = sight.attention(entry, entry, entry, attn_mask=hidden)
    return sight.same(made[0], wanted.detach()) and not (first and _cut(sight.silent, "self_attn"))


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
    ends = bool(made) and sight.same(sight.output, _exit(sight.calls["norm2"][-1]))
    return ends and "norm2" not in sight.silent and sight.gained(entry, state, sight.made_or_nothing("ff"))


def _attention(student: Student, draw: Draw, exercise: str) -> Observations:
    bench = _bench(student, draw, exercise)
    sights = [bench.sight(dtype) for dtype in bench.kinds]
    return _judged(bench, sights, "self_attn", _attention_holds)


def _norm1(student: Student, draw: Draw, exercise: str) -> Observations:
    bench = _bench(student, draw, exercise)
    judged = _judged(bench, [bench.sight(bench.plain)], "norm1", _norm1_holds)
    return {**judged, "input unchanged": bench.unchanged}


def _feed_forward(student: Student, draw: Draw, exercise: str) -> Observations:
    bench = _bench(student, draw, exercise)
    return _judged(bench, [bench.sight(bench.plain)], "ff", _feed_forward_holds)


def _norm2(student: Student, draw: Draw, exercise: str) -> Observations:
    bench = _bench(student, draw, exercise)
    sight = bench.sight(bench.plain)
    if sight.error is None:
        as_tensor(sight.output)
    judged = _judged(bench, [sight], "norm2", _norm2_holds)
    if bench.backward_error is not None and bench.unchanged:
        raise bench.backward_error
    return judged


@rule("TransformerEncoderLayer", "attention", atol=LAYER, constant=True)
def encoder_layer_attention(student: Student, draw: Draw) -> Observations:
    """Self-attention sees the layer's input, and the mask reaches it."""
    return _attention(student, draw, "TransformerEncoderLayer")


@rule("TransformerEncoderLayer", "norm1", atol=LAYER, draws="attention", constant=True)
def encoder_layer_norm1(student: Student, draw: Draw) -> Observations:
    """The first residual sum goes through norm1."""
    return _norm1(student, draw, "TransformerEncoderLayer")


@rule("TransformerEncoderLayer", "feed_forward", atol=LAYER, draws="attention", constant=True)
def encoder_layer_feed_forward(student: Student, draw: Draw) -> Observations:
    """The feed-forward block sees the result of TODO 2."""
    return _feed_forward(student, draw, "TransformerEncoderLayer")


@rule("TransformerEncoderLayer", "norm2", atol=LAYER, draws="attention", constant=True)
def encoder_layer_norm2(student: Student, draw: Draw) -> Observations:
    """The second residual sum goes through norm2, and that is the layer's output."""
    return _norm2(student, draw, "TransformerEncoderLayer")


@rule("RepairedEncoderLayer", "attention", atol=LAYER, constant=True)
def repaired_layer_attention(student: Student, draw: Draw) -> Observations:
    """The bug at the attention is mended."""
    return _attention(student, draw, "RepairedEncoderLayer")


@rule("RepairedEncoderLayer", "norm1", atol=LAYER, draws="attention", constant=True)
def repaired_layer_norm1(student: Student, draw: Draw) -> Observations:
    """The bug at the first residual sum is mended."""
    return _norm1(student, draw, "RepairedEncoderLayer")


@rule("RepairedEncoderLayer", "feed_forward", atol=LAYER, draws="attention", constant=True)
def repaired_layer_feed_forward(student: Student, draw: Draw) -> Observations:
    """The bug at the feed-forward block is mended."""
    return _feed_forward(student, draw, "RepairedEncoderLayer")


@rule("RepairedEncoderLayer", "norm2", atol=LAYER, draws="attention", constant=True)
def repaired_layer_norm2(student: Student, draw: Draw) -> Observations:
    """The bug at the second LayerNorm is mended."""
    return _norm2(student, draw, "RepairedEncoderLayer")


_LAYERS = [
    dict(batch=2, seq=5, d_model=12, num_heads=3, d_ff=20, scale=1.0),
    dict(batch=3, seq=4, d_model=10, num_heads=2, d_ff=14, scale=0.02),
]
VISIBLE_CASES = {
    "FeedForward": [dict(batch=2, seq=5, d_model=6, d_ff=11), dict(batch=3, seq=2, d_model=7, d_ff=4)],
    "TransformerEncoderLayer": _LAYERS,
    "RepairedEncoderLayer": _LAYERS,
}
