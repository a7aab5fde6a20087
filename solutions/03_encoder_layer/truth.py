"""Truths and hidden sizes of unit 03.

The truth of both layers is torch's own encoder layer in float64, run with whatever weights were loaded.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.models import keys_to_hide

# scale 1 is a layer as after training; in the quiet one, scale 0.02, the eps of a LayerNorm is felt
_LAYERS = [
    dict(batch=2, seq=7, d_model=18, num_heads=3, d_ff=31, scale=1.0),
    dict(batch=3, seq=5, d_model=14, num_heads=2, d_ff=10, scale=0.02),
]
CASES: dict[str, list[dict[str, Any]]] = {
    "FeedForward": [dict(batch=2, seq=5, d_model=18, d_ff=31), dict(batch=3, seq=7, d_model=13, d_ff=6)],
    "TransformerEncoderLayer": _LAYERS,
    "RepairedEncoderLayer": _LAYERS,
}


class FeedForward(nn.Module):
    """Equation 2 of the paper, max(0, x W1 + b1) W2 + b2, in float64."""

    def __init__(self, d_model: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        (w1, b1), (w2, b2) = ((m.weight.double(), m.bias.double()) for m in (self.linear1, self.linear2))
        hidden = torch.einsum("bsd,fd->bsf", x.double(), w1) + b1
        hidden = torch.where(hidden > 0, hidden, torch.zeros_like(hidden))
        output = torch.einsum("bsf,df->bsd", hidden, w2) + b2
        return F.dropout(output, self.dropout, self.training).to(x.dtype)


@cache  # it only lends its forward; the weights come with each call
def _layer(d_model: int, num_heads: int, d_ff: int) -> nn.Module:
    return nn.TransformerEncoderLayer(
        d_model, num_heads, d_ff, 0.0, batch_first=True, norm_first=False, dtype=torch.float64
    )


class TransformerEncoderLayer(nn.Module):
    """torch.nn.TransformerEncoderLayer(norm_first=False) in float64; the parts only hold the weights."""

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(d_model, num_heads)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.shape = (d_model, num_heads, d_ff)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        weights = {name.removeprefix("ff."): value.double() for name, value in self.named_parameters()}
        hidden = keys_to_hide(mask, self.self_attn.num_heads)
        output = torch.func.functional_call(_layer(*self.shape), weights, (x.double(),), {"src_mask": hidden})
        return output.to(x.dtype)


class RepairedEncoderLayer(TransformerEncoderLayer):
    """The mended layer is the encoder layer."""
