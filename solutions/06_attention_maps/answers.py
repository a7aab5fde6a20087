"""Answers of unit 06: how far attention is spread, and what reaches the last layer.

Notable choices:
- entropy is measured in nats; p ln p is 0 at p = 0, its limit, through torch.xlogy
- padded queries are left out of the mean; padded keys have weight 0 and add nothing
- rollout starts at the first layer and puts each later layer on the left, as tokens are rows
"""

# a learner begins with None
# mypy: disable-error-code="return-value"

from collections.abc import Sequence

import torch
from torch import Tensor


def attention_entropy(attn: Tensor, mask: Tensor) -> Tensor:
    """How far each head spreads its attention: the mean entropy of its queries, in nats.

    H(query) = -sum over keys of p ln p, where p = 0 adds 0. Between 0 (one key gets all) and ln(number of keys).

    attn: (batch, heads, seq, seq), weights of queries over keys, rows sum to 1
    mask: (batch, seq), 1 = token, 0 = padding, as int, bool or float; each sentence has a token.
          A padded key has weight 0 already; a padded query has weights, and no part in the mean.
    Returns (batch, heads).
    """
    entropy = None  # TODO 1: the entropy of each query, (batch, heads, seq); mind weights of exactly 0
    ### BEGIN SOLUTION
    entropy = -torch.xlogy(attn, attn).sum(dim=-1)  # (batch, heads, seq, seq) -> (batch, heads, seq)
    ### END SOLUTION
    mean = None  # TODO 2: its mean over the queries that are tokens, (batch, heads)
    ### BEGIN SOLUTION
    is_token = (mask != 0).to(entropy.dtype).unsqueeze(1)  # (batch, seq) -> (batch, 1, seq)
    mean = (entropy * is_token).sum(dim=-1) / is_token.sum(dim=-1)
    ### END SOLUTION
    return mean


def attention_rollout(attentions: Sequence[Tensor]) -> Tensor:
    """How much of each input token has reached each place after the last layer, if attention alone carried it.

    Per layer A = mean over heads + identity (the residual path), each row divided by its sum; then A_L ... A_2 A_1.

    attentions: one (batch, heads, seq, seq) for each layer, the first layer first; rows sum to 1
    Returns (batch, seq, seq); row i tells where place i has its content from, and sums to 1.
    Source: Abnar and Zuidema 2020, section 3, attention rollout.
    """
    rollout = None
    for attn in attentions:
        layer = None  # TODO 3: the mean over the heads plus the identity, in rows that sum to 1
        ### BEGIN SOLUTION
        layer = attn.mean(dim=1)  # (batch, heads, seq, seq) -> (batch, seq, seq)
        layer = layer + torch.eye(layer.size(-1), dtype=layer.dtype)
        layer = layer / layer.sum(dim=-1, keepdim=True)
        ### END SOLUTION
        # TODO 4: put this layer on top of those before it; in the end `rollout` is the product of all layers
        ### BEGIN SOLUTION
        rollout = layer if rollout is None else layer @ rollout
        ### END SOLUTION
    return rollout
