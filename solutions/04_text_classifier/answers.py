"""Answers of unit 04: pooling, the classifier, one epoch of training, and evaluation.

Notable choices:
- the classifier stacks the layers of unit 03 on the positions of unit 01; grading puts its own in their place
- token vectors are not scaled by sqrt(d_model): a fresh embedding is already as large as a row of positions
- padding is kept out at two places: attention gets the mask, and pooling gets it again
- losses are weighted by the size of their batch, since the last batch of an epoch is often a small one
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from course_utils.models import EncoderLayer as TransformerEncoderLayer
from course_utils.models import LearnedPositions as PositionalEncoding


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean vector of each sentence's tokens.

    mean[b] = sum over the tokens t of sentence b of hidden[b, t], divided by the number of its tokens

    hidden: (batch, seq, d_model), one vector a position
    mask:   (batch, seq), 1 = token, 0 = padding, as int, bool or float
    Returns (batch, d_model); zeros for a row without tokens.
    """
    mean = None  # TODO 1: sum the tokens' vectors, count the tokens, divide; think of a row without tokens
    ### BEGIN SOLUTION
    kept = (mask != 0).to(hidden.dtype).unsqueeze(-1)  # (batch, seq) -> (batch, seq, 1)
    total = (hidden * kept).sum(dim=1)  # (batch, seq, d_model) -> (batch, d_model)
    count = kept.sum(dim=1).clamp(min=1)  # (batch, 1)
    mean = total / count
    ### END SOLUTION
    return mean


class TransformerEncoderClassifier(nn.Module):
    """Token ids in, one logit per class out.

    embedding, positions, num_layers encoder layers, masked mean over the tokens, one linear map

    input_ids:      (batch, seq), whole numbers below vocab_size, seq at most max_len
    attention_mask: (batch, seq), 1 = token, 0 = padding; None means that every position is a token
    Returns logits (batch, num_classes), before any softmax.
    Source: Vaswani et al. 2017, section 3.1, the encoder; pooling as in section 3 of Reimers and Gurevych 2019.
    """

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
        # TODO 2: make the parts; several layers belong in an nn.ModuleList, so that their weights are found.
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model, dropout, max_len)
        self.layers = nn.ModuleList(
            [TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)]
        )
        self.head = nn.Linear(d_model, num_classes)
        ### END SOLUTION

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        logits = None  # TODO 3: embed, add positions, go through the layers, pool, classify
        ### BEGIN SOLUTION
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        x = self.positions(self.embedding(input_ids))  # (batch, seq) -> (batch, seq, d_model)
        for layer in self.layers:
            x = layer(x, attention_mask)
        pooled = masked_mean(x, attention_mask)  # (batch, seq, d_model) -> (batch, d_model)
        logits = self.head(pooled)  # (batch, d_model) -> (batch, num_classes)
        ### END SOLUTION
        return logits


def train_epoch(
    model: nn.Module, batches: Iterable[dict[str, Tensor]], optimizer: torch.optim.Optimizer, loss_fn: nn.Module
) -> float:
    """The mean loss per example over one pass through the batches, with one step of the optimizer after each batch.

    model:   called with input_ids and attention_mask, gives logits (batch, num_classes)
    batches: dicts of input_ids (batch, seq), attention_mask (batch, seq), labels (batch,); the last may be smaller
    loss_fn: (logits, labels) -> mean loss of the batch
    Returns a float. Gradients that were there before do not matter. The batches stay as they were.
    """
    total, count = 0.0, 0
    # TODO 4: train mode; for each batch: logits, loss, fresh gradients, a step; add up the loss of the examples.
    ### BEGIN SOLUTION
    model.train()
    for batch in batches:
        logits = model(batch["input_ids"], batch["attention_mask"])
        loss = loss_fn(logits, batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch["labels"])
        count += len(batch["labels"])
    ### END SOLUTION
    return total / max(count, 1)


def evaluate(model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> float:
    """The share of examples whose largest logit is that of their label, from 0 to 1.

    model, batches: as in train_epoch
    Works in eval mode and without gradients; leaves the weights, the batches and the program's gradient mode
    as they were.
    """
    right, count = 0, 0
    # TODO 5: eval mode, no gradients; count the right predictions and the examples.
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        for batch in batches:
            logits = model(batch["input_ids"], batch["attention_mask"])
            predicted = logits.argmax(dim=-1)  # (batch, num_classes) -> (batch,)
            right += (predicted == batch["labels"]).sum().item()
            count += len(batch["labels"])
    ### END SOLUTION
    return right / max(count, 1)
