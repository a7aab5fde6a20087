"""Answers of unit 02: scaled dot-product attention and its many heads.

Notable choices:
- a mask is 1 or True where a key may be seen and 0 where it is hidden, and is compared with 0, so that int, bool and
  float masks all work
- hidden scores become the smallest number of their dtype: -1e9 does not fit into float16, and -inf would make a row
  that sees no key NaN
- head h is the h-th block of neighbouring columns, as in torch.nn.MultiheadAttention
"""

import math

import torch
from torch import Tensor, nn


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Weighted sums of the values, and the weights of each query over all keys.

    attn = softmax(Q K^T / sqrt(d_k)), where each row sums to 1; context = attn V

    q:    (..., seq_q, d_k), one query a row
    k:    (..., seq_k, d_k), one key a row
    v:    (..., seq_k, d_v), one value for each key
    mask: broadcasts to (..., seq_q, seq_k), 0 hides a key from a query; None hides none.
          A query that sees no key at all gets finite weights, no NaN.
    Returns context (..., seq_q, d_v) and attn (..., seq_q, seq_k).
    Source: Vaswani et al. 2017, section 3.2.1, equation 1.
    """
    scores = q.new_zeros(*q.shape[:-1], k.size(-2))  # TODO 1: put the scaled dot products in place of these zeros
    ### BEGIN SOLUTION
    d_k = q.size(-1)
    scores = q @ k.transpose(-2, -1) / math.sqrt(d_k)  # (..., seq_q, d_k) -> (..., seq_q, seq_k)
    ### END SOLUTION
    attn = scores  # TODO 2: weights in place of scores; where there is a mask, first see to the hidden keys
    ### BEGIN SOLUTION
    if mask is not None:
        scores = scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)
    attn = torch.softmax(scores, dim=-1)
    ### END SOLUTION
    context = None  # TODO 3: for each query the sum of the values, each times its weight
    ### BEGIN SOLUTION
    context = attn @ v  # (..., seq_q, seq_k) -> (..., seq_q, d_v)
    ### END SOLUTION
    return context, attn


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """The columns of every token dealt out to the heads.

    Head h gets the h-th block of d_model / num_heads neighbouring columns.

    x: (batch, seq, d_model), where num_heads divides d_model
    Returns (batch, num_heads, seq, d_model // num_heads).
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    heads = None  # TODO 4: first give the blocks of columns an axis of their own, then move that axis
    ### BEGIN SOLUTION
    batch, seq, d_model = x.shape
    heads = x.reshape(batch, seq, num_heads, d_model // num_heads)
    heads = heads.transpose(1, 2)  # (batch, seq, num_heads, d_head) -> (batch, num_heads, seq, d_head)
    ### END SOLUTION
    return heads


def merge_heads(x: Tensor) -> Tensor:
    """The blocks of all heads side by side again: the inverse of split_heads.

    x: (batch, num_heads, seq, d_head)
    Returns (batch, seq, num_heads * d_head).
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    merged = None  # TODO 5: the steps of split_heads backwards
    ### BEGIN SOLUTION
    batch, num_heads, seq, d_head = x.shape
    merged = x.transpose(1, 2)  # (batch, num_heads, seq, d_head) -> (batch, seq, num_heads, d_head)
    merged = merged.reshape(batch, seq, num_heads * d_head)
    ### END SOLUTION
    return merged


class MultiHeadSelfAttention(nn.Module):
    """Several attentions side by side over the same tokens, each with columns of its own.

    attn_weights keeps the weights of the latest call, (batch, num_heads, seq, seq), detached from the gradient.

    d_model:   width of a token
    num_heads: number of heads; has to divide d_model
    Raises ValueError if it does not.
    Source: Vaswani et al. 2017, section 3.2.2.
    """

    attn_weights: Tensor | None

    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__()
        self.attn_weights = None
        # TODO 6: refuse a num_heads that does not divide d_model; then the four linear layers, d_model to d_model
        # (with bias), named q_proj, k_proj, v_proj and out_proj
        ### BEGIN SOLUTION
        if d_model % num_heads:
            raise ValueError(f"num_heads must divide d_model = {d_model}, got {num_heads}. All heads are equally wide.")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Each token as a mix of what its heads found.

        x:    (batch, seq, d_model)
        mask: (batch, seq), 1 = token, 0 = padding; hides padding from every query in every head
        Returns (batch, seq, d_model).
        """
        output = None  # TODO 7: project, split, attend, keep the weights in self.attn_weights, merge, project
        ### BEGIN SOLUTION
        q = split_heads(self.q_proj(x), self.num_heads)  # (batch, seq, d_model) -> (batch, num_heads, seq, d_head)
        k = split_heads(self.k_proj(x), self.num_heads)
        v = split_heads(self.v_proj(x), self.num_heads)
        if mask is not None:
            mask = mask[:, None, None, :]  # (batch, seq) -> (batch, 1, 1, seq): the keys stand on the last axis
        context, attn = scaled_dot_product_attention(q, k, v, mask)
        self.attn_weights = attn.detach()
        output = self.out_proj(merge_heads(context))
        ### END SOLUTION
        return output
