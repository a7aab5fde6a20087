"""Hidden sizes and independent truths of unit 02: torch's own attention in float64."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models import keys_to_hide

# `square` is prime: see the keys of `_far_apart` in the rules.
CASES = {
    "scaled_dot_product_attention": [
        dict(batch=2, num_heads=3, seq_q=4, seq_k=6, d_k=10, d_v=8, square=5),
        dict(batch=3, num_heads=2, seq_q=7, seq_k=5, d_k=6, d_v=11, square=7),
    ],
    "split_heads": [
        dict(batch=2, seq=5, num_heads=3, d_head=4),
        dict(batch=3, seq=4, num_heads=2, d_head=7),
    ],
    "merge_heads": [
        dict(batch=2, seq=5, num_heads=3, d_head=4),
        dict(batch=3, seq=7, num_heads=5, d_head=2),
    ],
    "MultiHeadSelfAttention": [
        dict(batch=3, seq=5, num_heads=4, d_head=6, not_dividing=5),
        dict(batch=3, seq=7, num_heads=2, d_head=5, not_dividing=4),
    ],
}


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """torch's fused attention; its weights are what it makes of the identity as values."""
    visible = None if mask is None else mask != 0
    identity = torch.eye(k.shape[-2], dtype=torch.float64).expand(*k.shape[:-1], -1)
    q, k, v = q.double(), k.double(), v.double()
    context = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    return context, F.scaled_dot_product_attention(q, k, identity, attn_mask=visible)


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """The blocks of columns, stacked."""
    return torch.stack(x.chunk(num_heads, dim=2), dim=1)


def merge_heads(x: Tensor) -> Tensor:
    """The heads, one beside the other."""
    return torch.cat(x.unbind(dim=1), dim=2)


class MultiHeadSelfAttention(nn.Module):
    """torch.nn.MultiheadAttention's own forward function, fed with four linear layers."""

    attn_weights: Tensor

    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__()
        if d_model % num_heads:
            raise ValueError("num_heads does not divide d_model")
        self.num_heads = num_heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(d_model, d_model))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attention of x (batch, seq, d_model) over itself; mask (batch, seq), 0 hides."""
        q, k, v, out = self.q_proj, self.k_proj, self.v_proj, self.out_proj
        tokens = x.transpose(0, 1)
        output, weights = F.multi_head_attention_forward(
            tokens, tokens, tokens, x.shape[-1], self.num_heads,
            in_proj_weight=torch.cat([q.weight, k.weight, v.weight]),
            in_proj_bias=torch.cat([q.bias, k.bias, v.bias]),
            bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0,
            out_proj_weight=out.weight, out_proj_bias=out.bias, training=False,
            attn_mask=keys_to_hide(mask, self.num_heads),
            need_weights=True, average_attn_weights=False,
        )  # fmt: skip
        self.attn_weights = weights.detach()
        return output.transpose(0, 1)
