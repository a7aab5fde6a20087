"""What unit 03's rules lay beside a learner's layer, torch's own with the same drawn weights, and one run of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import StudentError
from course_utils.models import keys_to_hide

SAME = 1e-3  # relative to the largest value; a forgotten or doubled part differs by over 1e-1, a wrong eps by 1e-2

Call = tuple[Any, ...]  # args, kwargs, output, whether it raised


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


class Twin:
    """Torch's own layer, one for all looks at layers of its size."""

    def __init__(self, d_model: int, num_heads: int, d_ff: int) -> None:
        self._layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, 0.0, batch_first=True)
        self._num_heads, self._weights = num_heads, dict[str, Tensor]()

    def _with(self, weights: dict[str, Tensor]) -> nn.TransformerEncoderLayer:
        if weights is not self._weights:
            self._layer.load_state_dict(weights)
            self._weights = weights
        return self._layer

    def output(self, weights: dict[str, Tensor], x: Tensor, mask: Tensor | None) -> Tensor:
        """What the layer makes of x (batch, seq, d_model) under a mask (batch, seq) with given weights."""
        output: Tensor = self._with(weights)(x, src_mask=keys_to_hide(mask, self._num_heads))
        return output

    def attended(self, weights: dict[str, Tensor], x: Tensor, mask: Tensor | None) -> Tensor:
        """What the layer's attention alone makes of x."""
        attention = self._with(weights).self_attn
        attended: Tensor = attention(x, x, x, attn_mask=keys_to_hide(mask, self._num_heads))[0]
        return attended.detach()


twin_of_size = cache(Twin)


def same(a: Any, b: Any) -> bool:
    """Whether two tensors hold the same values, up to rounding."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
        return False
    size = b.abs().max().item() if b.numel() else 0.0
    return bool(((a - b).abs() <= SAME * size + 1e-7).all())


def entry_of(call: Call) -> Any:
    """What a part was given: its first argument."""
    args, kwargs = call[0], call[1]
    return args[0] if args else next(iter(kwargs.values()), None)


def exit_of(call: Call) -> Any:
    """What a part gave back; of several values the first."""
    output = call[2]
    return output[0] if isinstance(output, list | tuple) and output else output


@dataclass
class Sight:
    """One run of a layer on x and a mask, and what can be told of its parts."""

    x: Tensor  # (batch, seq, d_model)
    mask: Tensor | None  # (batch, seq)
    answer: Any  # the output, or the error that ended the run
    expected: Tensor  # (batch, seq, d_model), of torch's own layer with the same weights
    twin: Twin
    weights: dict[str, Tensor]
    fits: bool  # the feed-forward block has maps of the width d_ff
    calls: Mapping[str, list[Call]] = field(default_factory=dict)  # of each part, once it has been looked into
    silent: frozenset[str] = frozenset()  # parts of which a weight gets no gradient
    repeats: bool = True  # two runs in eval mode agree
    output: Any = None
    error: StudentError | None = None  # what ended the run; parts that were reached before it can still be judged

    def __post_init__(self) -> None:
        if isinstance(self.answer, StudentError):  # the parts say who raised it
            self.error = self.answer
        else:
            self.output = self.answer

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
        return [entry_of(call) for call in self.calls[part]]

    def made(self, part: str) -> list[Tensor]:
        """What each call of a part gave, where that has the layer's shape; also when its axes stand turned."""
        values = [exit_of(call) for call in self.calls[part]]
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
            isinstance(entry_of(call), Tensor)
            and entry_of(call).shape == self.x.shape
            and self.same(exit_of(call), F.layer_norm(entry_of(call), gain.shape, gain, shift))
            for call in self.calls[part]
        )

    def is_feed_forward(self) -> bool:
        """Whether each call of ff does what torch's layer does between its norms to the same input."""
        inner, outer = ((self.weights[f"linear{n}.weight"], self.weights[f"linear{n}.bias"]) for n in (1, 2))
        return all(
            same_shape(entry_of(call), self.x)
            and self.same(exit_of(call), F.linear(F.linear(entry_of(call), *inner).relu(), *outer))
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
        exits = [exit_of(call) for call in self.calls["norm1"]]
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
