"""Hidden sizes and independent truths of unit 09: one position after the other, in float64."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

CASES: dict[str, list[dict[str, Any]]] = {
    "mask_tokens": [
        dict(batch=60, seq=55, vocab_size=37, probability=0.35),
        dict(batch=52, seq=63, vocab_size=44, probability=0.4),
    ],
    "MaskedLanguageModel": [
        dict(batch=3, seq=7, vocab_size=13, d_model=8),
        dict(batch=3, seq=4, vocab_size=17, d_model=6),
    ],
    "masked_lm_loss": [dict(batch=3, seq=7, vocab_size=9), dict(batch=5, seq=4, vocab_size=12)],
}


def mask_tokens(
    input_ids: Tensor,
    maskable: Tensor,
    mask_id: int,
    vocab_size: int,
    probability: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """What becomes of each position is one draw among four: not chosen, hidden, exchanged, kept."""
    shares = torch.tensor([1 - probability, 0.8 * probability, 0.1 * probability, 0.1 * probability])
    fates = torch.multinomial(shares, input_ids.numel(), replacement=True, generator=generator).tolist()
    words = torch.randint(vocab_size, (input_ids.numel(),), generator=generator).tolist()
    masked, labels = [], []
    for old, allowed, fate, word in zip(
        input_ids.flatten().tolist(), maskable.flatten().tolist(), fates, words, strict=True
    ):
        fate = fate if allowed else 0
        masked.append({0: old, 1: mask_id, 2: word, 3: old}[fate])
        labels.append(old if fate else -100)
    return torch.tensor(masked).view_as(input_ids), torch.tensor(labels).view_as(input_ids)


class MaskedLanguageModel(nn.Module):
    """Word by word, with the formulas of GELU and LayerNorm in float64."""

    def __init__(self, encoder: nn.Module, embedding: nn.Embedding) -> None:
        super().__init__()
        words, d_model = embedding.weight.shape
        self.scale, self.shift = nn.Parameter(torch.ones(d_model)), nn.Parameter(torch.zeros(d_model))
        self.matrix, self.move = nn.Parameter(torch.eye(d_model)), nn.Parameter(torch.zeros(d_model))
        self.words, self.bias = embedding, nn.Parameter(torch.zeros(words))
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = self.encoder(input_ids, attention_mask).double()
        x = torch.einsum("bsi,oi->bso", x, self.matrix.double()) + self.move.double()
        x = x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * self.scale.double() + self.shift.double()
        logits = torch.einsum("bsi,vi->bsv", x, self.words.weight.double()) + self.bias.double()
        return logits.float()


def masked_lm_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the logarithm of the probability of each word that was hidden, one after the other."""
    parts = []
    for row, words in zip(logits.double(), labels.tolist(), strict=True):
        for scores, word in zip(row, words, strict=True):
            if word != -100:
                parts.append(scores.exp().sum().log() - scores[word])
    return (torch.stack(parts).mean() if parts else 0.0 * logits.double().sum()).float()
