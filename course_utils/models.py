"""Encoders to build on, made of torch's own blocks; never an exercise's answer.

`SelfAttention` stands in for a learner's own attention while that one is not written or not yet right.
"""

from __future__ import annotations

from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention of torch, with this course's mask.

    x:    (batch, seq, d_model)
    mask: (batch, seq), 1 = token, 0 = padding, as int, bool or float; None hides nothing
    Returns (batch, seq, d_model). Keeps `attn_weights` (batch, num_heads, seq, seq), detached.
    Raises ValueError unless num_heads divides d_model.
    Source: torch.nn.MultiheadAttention; Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model: int, num_heads: int) -> None:
        if num_heads < 1 or d_model % num_heads:
            raise ValueError(
                f"num_heads must divide d_model, got d_model={d_model} and num_heads={num_heads}. "
                "Try a number of heads that leaves no remainder."
            )
        super().__init__()
        self.attention = nn.MultiheadAttention(d_model, num_heads, batch_first=True)
        self.attn_weights: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        # Torch's argument marks the keys to leave out; our mask marks the tokens to keep. It goes in as attn_mask,
        # since the first key_padding_mask makes torch import half a second of symbolic algebra.
        padding = mask.eq(0) if mask is not None else None
        if padding is not None:
            # A row of padding only would give softmax nothing to divide by: let it see all, and stay finite.
            padding = padding & ~padding.all(dim=1, keepdim=True)
            batch, seq, _ = x.shape
            heads = self.attention.num_heads
            padding = padding[:, None, None, :].expand(batch, heads, seq, seq).reshape(batch * heads, seq, seq)
        context, per_head = self.attention(x, x, x, attn_mask=padding, average_attn_weights=False)
        self.attn_weights = per_head.detach()
        return context
