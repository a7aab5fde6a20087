"""Hidden sizes and independent truths of unit 06: scipy's entropy and a chain of float64 products in numpy."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import entr
from torch import Tensor

# `shares`: a sentence of `padding` has seq / share tokens, so that its queries can be repeated to fill seq
CASES = {
    "attention_entropy": [
        dict(batch=3, heads=2, seq=8, shares=(4, 1, 2)),
        dict(batch=2, heads=5, seq=12, shares=(3, 1)),
    ],
    "attention_rollout": [
        dict(batch=2, heads=4, seq=7, layers=3),
        dict(batch=3, heads=2, seq=5, layers=4),
    ],
}


def attention_entropy(attn: Tensor, mask: Tensor) -> Tensor:
    """scipy's entropy of each real query, averaged sentence by sentence."""
    entropy = entr(attn.double().numpy()).sum(axis=-1)  # (batch, heads, seq)
    rows = [sentence[:, tokens].mean(axis=1) for sentence, tokens in zip(entropy, mask.numpy() != 0, strict=True)]
    return torch.from_numpy(np.stack(rows)).to(attn.dtype)


def attention_rollout(attentions: Sequence[Tensor]) -> Tensor:
    """The chain of (A + I) / 2: rows of A sum to 1, so those of A + I sum to 2."""
    matrices = [(layer.double().numpy().mean(axis=1) + np.eye(layer.shape[-1])) / 2 for layer in attentions]
    sentences = [
        np.linalg.multi_dot([matrix[i] for matrix in reversed(matrices)]) if len(matrices) > 1 else matrices[0][i]
        for i in range(len(matrices[0]))
    ]
    return torch.from_numpy(np.stack(sentences)).to(attentions[0].dtype)
