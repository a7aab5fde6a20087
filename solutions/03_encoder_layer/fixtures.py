"""What unit 03's rules lay beside a learner's layer: torch's own, with the same drawn weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor, nn

from course_utils.engine.asking.draws import Draw
from course_utils.models import keys_to_hide


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


class _Twin:
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


twin_of_size = cache(_Twin)
