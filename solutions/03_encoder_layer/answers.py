"""Answers of unit 03: the feed-forward block, the encoder layer, and a broken layer mended.

Notable choices:
- the layer is post-LN, as in the paper: LayerNorm comes after each residual sum
- dropout stands inside the feed-forward block only; after each sub-layer would be as right
- each gap starts from a value that leaves the layer runnable, so that an open TODO does not hide the others
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.models import SelfAttention as MultiHeadSelfAttention


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between them, applied to each position by itself.

    FeedForward(x) = linear2(ReLU(linear1(x))), with dropout somewhere inside, active in train mode only.

    linear1: d_model -> d_ff
    linear2: d_ff -> d_model
    forward: x (batch, seq, d_model) -> (batch, seq, d_model)
    Source: Vaswani et al. 2017, section 3.3, equation 2.
    """

    def __init__(self, d_model: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        # Make self.linear1, self.linear2 and a dropout.
        ### BEGIN SOLUTION
        self.linear1 = nn.Linear(d_model, d_ff)
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(d_ff, d_model)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        output = x  # replace: the block's answer to x
        ### BEGIN SOLUTION
        hidden = F.relu(self.linear1(x))  # (batch, seq, d_model) -> (batch, seq, d_ff)
        output = self.linear2(self.dropout(hidden))  # (batch, seq, d_ff) -> (batch, seq, d_model)
        ### END SOLUTION
        return output


class TransformerEncoderLayer(nn.Module):
    """Self-attention, then the feed-forward block; a residual sum and a LayerNorm after each (post-LN).

    x:    (batch, seq, d_model)
    mask: (batch, seq), 1 = token, 0 = padding; None hides nothing
    Returns (batch, seq, d_model).
    Equal to torch.nn.TransformerEncoderLayer(norm_first=False) with the same weights, in eval mode or with dropout 0.
    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.self_attn = MultiHeadSelfAttention(d_model, num_heads)
        self.norm1 = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended = torch.zeros_like(x)  # TODO 1: what self-attention makes of x; think of the mask
        ### BEGIN SOLUTION
        attended = self.self_attn(x, mask)
        ### END SOLUTION
        state = x  # TODO 2: first residual sum, then norm1
        ### BEGIN SOLUTION
        state = self.norm1(x + attended)
        ### END SOLUTION
        forwarded = torch.zeros_like(x)  # TODO 3: what the feed-forward block makes of the state
        ### BEGIN SOLUTION
        forwarded = self.ff(state)
        ### END SOLUTION
        output = state  # TODO 4: second residual sum, then norm2
        ### BEGIN SOLUTION
        output = self.norm2(state + forwarded)
        ### END SOLUTION
        return output


class BrokenEncoderLayer(nn.Module):
    """An encoder layer with four planted bugs. It runs, its shapes are right, and it trains badly.

    x: (batch, seq, d_model), mask: (batch, seq) with 1 = token. Returns (batch, seq, d_model).
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.self_attn = MultiHeadSelfAttention(d_model, num_heads)
        self.norm1 = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        query = x
        attended = self.self_attn(query)
        residual = attended
        state = self.norm1(residual + attended)
        forwarded = self.ff(query)
        return self.norm1(state + forwarded)


class RepairedEncoderLayer(nn.Module):
    """BrokenEncoderLayer with its four bugs mended: same names, same interface, trains well.

    x: (batch, seq, d_model), mask: (batch, seq) with 1 = token. Returns (batch, seq, d_model).
    """

    # Copy the body of BrokenEncoderLayer to here, then mend it.
    ### BEGIN SOLUTION
    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.self_attn = MultiHeadSelfAttention(d_model, num_heads)
        self.norm1 = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended = self.self_attn(x, mask)
        state = self.norm1(x + attended)
        forwarded = self.ff(state)
        return self.norm2(state + forwarded)

    ### END SOLUTION
