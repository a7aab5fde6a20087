"""Truths and hidden sizes of unit 04.

The truth of the classifier is torch's own encoder; an epoch of training is gradient descent by hand in float64.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

CASES: dict[str, list[dict[str, Any]]] = {
    "masked_mean": [dict(batch=3, seq=7, d_model=5), dict(batch=4, seq=5, d_model=3)],
    "TransformerEncoderClassifier": [
        dict(
            batch=5, seq=7, vocab_size=31, num_classes=4, d_model=18, num_heads=3, d_ff=26, num_layers=2, max_len=10,
            long=260,
        ),
        dict(
            batch=3, seq=5, vocab_size=19, num_classes=5, d_model=14, num_heads=2, d_ff=11, num_layers=2, max_len=6,
        ),
    ],
    "train_epoch": [
        dict(batches=(5, 5, 2), seq=3, vocab_size=17, num_classes=3, d_model=6, rate=2.0, smoothing=0.15),
        dict(batches=(3, 1), seq=5, vocab_size=12, num_classes=5, d_model=4, rate=2.5, smoothing=0.05),
    ],
    "evaluate": [
        dict(batches=(7, 7, 1), seq=3, vocab_size=17, num_classes=7, d_model=6),
        dict(batches=(5, 1, 5), seq=5, vocab_size=12, num_classes=5, d_model=4),
    ],
}  # fmt: skip


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Row by row and number by number, in float64."""
    rows = []
    for vectors, kept in zip(hidden.double(), mask, strict=True):
        tokens = [vector for vector, one in zip(vectors, kept.tolist(), strict=True) if one]
        rows.append(sum(tokens) / len(tokens) if tokens else torch.zeros_like(vectors[0]))
    return torch.stack(rows).to(hidden.dtype)


class _Sines(nn.Module):
    """Section 3.5 of Vaswani et al. 2017, number by number."""

    def __init__(self, d_model: int, max_len: int) -> None:
        super().__init__()
        angles = [[t / 10000 ** (2 * (i // 2) / d_model) for i in range(d_model)] for t in range(max_len)]
        table = [[(math.sin, math.cos)[i % 2](angle) for i, angle in enumerate(row)] for row in angles]
        self.register_buffer("table", torch.tensor(table))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.size(1)]


class TransformerEncoderClassifier(nn.Module):
    """torch.nn.TransformerEncoder between an embedding and a linear map."""

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        d_model: int = 128,
        num_heads: int = 4,
        d_ff: int = 256,
        num_layers: int = 2,
        max_len: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.sines = _Sines(d_model, max_len)
        layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = self.encoder(self.sines(self.embedding(input_ids)), src_key_padding_mask=mask == 0)
        return self.head(masked_mean(hidden, mask))


def train_epoch(model: nn.Module, batches: Any, optimizer: torch.optim.Optimizer, loss_fn: nn.Module) -> float:
    """Gradient descent by hand: w <- w - rate * d(mean loss of the batch)/dw, in float64."""
    model.train()
    rate = optimizer.param_groups[0]["lr"]
    weights = {name: value.detach().double() for name, value in model.named_parameters()}
    losses: list[float] = []
    for batch in batches:
        variables = {name: value.clone().requires_grad_() for name, value in weights.items()}
        inputs = (batch["input_ids"], batch["attention_mask"])
        scores = torch.func.functional_call(model, variables, inputs).log_softmax(dim=-1)
        label = torch.nn.functional.one_hot(batch["labels"], scores.size(-1)).double()
        wanted = label * (1 - loss_fn.label_smoothing) + loss_fn.label_smoothing / scores.size(-1)
        each = -(wanted * scores).sum(dim=-1)
        gradients = torch.autograd.grad(each.mean(), list(variables.values()))
        weights = {name: w - rate * g for (name, w), g in zip(weights.items(), gradients, strict=True)}
        losses += each.tolist()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(weights[name])
    return math.fsum(losses) / len(losses)


def evaluate(model: nn.Module, batches: Any) -> float:
    """Examples counted one by one."""
    model.eval()
    right = []
    for batch in batches:
        with torch.no_grad():
            logits = model(batch["input_ids"], batch["attention_mask"]).tolist()
        for scores, label in zip(logits, batch["labels"].tolist(), strict=True):
            right.append(all(score < scores[label] for i, score in enumerate(scores) if i != label))
    return sum(right) / len(right)
