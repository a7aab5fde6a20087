"""Answers of unit 05: a data set of headlines, four ways to pool token vectors, a classifier on any encoder, a test.

Notable choices:
- the data set tokenises an item when it is asked for, as most tutorials do; the lesson measures what that costs
- max and attention pooling hide padding with -inf, which is exact, before the maximum or the softmax
- the classifier asks an encoder for nothing but `last_hidden_state` and `config.hidden_size`, so any encoder will do
- McNemar's test adds whole numbers, and divides once: exact for any number of texts
"""

# a learner meets no type argument and no cast
# mypy: disable-error-code="arg-type, type-arg, union-attr"

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from course_utils.models import mean_of_tokens as masked_mean

POOLINGS = ("cls", "mean", "max", "attention")


class NewsDataset(Dataset):
    """Headlines with their labels, as token ids of one length.

    Item i is a dict of three int64 tensors:
        input_ids      (max_length,)  [CLS] text [SEP], cut or padded to max_length by the tokenizer
        attention_mask (max_length,)  1 = token, 0 = padding
        labels         ()             the class of text i
    len(dataset) is the number of texts.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[int], tokenizer: Any, max_length: int = 50) -> None:
        self.texts, self.labels = texts, labels
        self.tokenizer, self.max_length = tokenizer, max_length

    def __len__(self) -> int:
        length = 0  # replace: how many items there are
        ### BEGIN SOLUTION
        length = len(self.texts)
        ### END SOLUTION
        return length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item: dict[str, Tensor] = {}  # replace: the three tensors of this item
        ### BEGIN SOLUTION
        encoding = self.tokenizer(
            self.texts[index],
            truncation=True,
            padding="max_length",
            max_length=self.max_length,
            return_tensors="pt",
        )
        item = {
            "input_ids": encoding["input_ids"].squeeze(0),  # (1, max_length) -> (max_length,)
            "attention_mask": encoding["attention_mask"].squeeze(0),
            "labels": torch.tensor(self.labels[index], dtype=torch.long),
        }
        ### END SOLUTION
        return item


def cls_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """The vector at position 0 of each sentence, where BERT puts its [CLS] token.

    hidden: (batch, seq, hidden_size)
    mask:   (batch, seq), 1 = token, 0 = padding, as int, bool or float
    Returns (batch, hidden_size).
    Source: Devlin et al. 2019, section 3.
    """
    pooled = None  # replace
    ### BEGIN SOLUTION
    pooled = hidden[:, 0]  # (batch, seq, hidden_size) -> (batch, hidden_size)
    ### END SOLUTION
    return pooled


def max_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """The largest value of each feature over the tokens of a sentence; padding never wins.

    hidden: (batch, seq, hidden_size)
    mask:   (batch, seq), 1 = token, 0 = padding, as int, bool or float; at least one token a row
    Returns (batch, hidden_size).
    """
    pooled = None  # replace
    ### BEGIN SOLUTION
    hidden = hidden.masked_fill(mask[..., None] == 0, float("-inf"))  # (batch, seq, 1) spreads over hidden_size
    pooled = hidden.max(dim=1).values  # (batch, seq, hidden_size) -> (batch, hidden_size)
    ### END SOLUTION
    return pooled


class AttentionPooling(nn.Module):
    """A weighted mean of token vectors, with weights that are learned.

    score_t = v . tanh(W h_t + b) + c      one score per token, W: hidden_size -> attention_size
    weights = softmax(score) over the tokens of the sentence
    pooled  = sum over t of weights_t h_t

    hidden: (batch, seq, hidden_size)
    mask:   (batch, seq), 1 = token, 0 = padding, as int, bool or float; at least one token a row
    Returns (batch, hidden_size). Keeps `weights` (batch, seq), 0 at padding.
    Source: Yang et al. 2016, section 2.2.
    """

    def __init__(self, hidden_size: int, attention_size: int = 128) -> None:
        super().__init__()
        self.weights: Tensor | None = None
        # Make the two linear maps; their names are up to you.
        ### BEGIN SOLUTION
        self.inner = nn.Linear(hidden_size, attention_size)
        self.score = nn.Linear(attention_size, 1)
        ### END SOLUTION

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        pooled = None  # replace; also keep the weights in self.weights
        ### BEGIN SOLUTION
        scores = self.score(torch.tanh(self.inner(hidden))).squeeze(-1)  # (batch, seq, 1) -> (batch, seq)
        scores = scores.masked_fill(mask == 0, float("-inf"))
        weights = torch.softmax(scores, dim=1)
        self.weights = weights.detach()
        pooled = (weights[..., None] * hidden).sum(dim=1)  # (batch, seq, hidden_size) -> (batch, hidden_size)
        ### END SOLUTION
        return pooled


class BertClassifier(nn.Module):
    """An encoder, a pooling, dropout and one linear map to the classes.

    encoder: any encoder of the transformers library: `encoder(input_ids=..., attention_mask=...)` gives an object with
        `last_hidden_state` (batch, seq, hidden_size), and `encoder.config.hidden_size` is that width
    pooling: cls, mean, max or attention
    forward: input_ids (batch, seq), attention_mask (batch, seq) with 1 = token -> logits (batch, num_labels)
    Padding changes no logit: the mask goes to the encoder and to the pooling.
    Raises ValueError, naming the four, for another pooling.
    """

    def __init__(self, encoder: nn.Module, num_labels: int, pooling: str = "cls", dropout: float = 0.1) -> None:
        super().__init__()
        # Check the pooling, keep the encoder, make the parts; their names are up to you.
        ### BEGIN SOLUTION
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}; got {pooling!r}")
        hidden_size = encoder.config.hidden_size
        pool = {"cls": cls_pooling, "mean": masked_mean, "max": max_pooling}
        self.encoder = encoder
        self.pool = AttentionPooling(hidden_size) if pooling == "attention" else pool[pooling]
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, num_labels)
        ### END SOLUTION

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits = None  # replace
        ### BEGIN SOLUTION
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = self.pool(hidden, attention_mask)  # (batch, seq, hidden_size) -> (batch, hidden_size)
        logits = self.head(self.dropout(pooled))  # (batch, hidden_size) -> (batch, num_labels)
        ### END SOLUTION
        return logits


def mcnemar(correct_a: Sequence[bool], correct_b: Sequence[bool]) -> float:
    """The p-value of McNemar's test: two-sided and exact.

    Only the items count on which exactly one of two classifiers is right. Were both equally good, each of these n items
    would be a toss of a coin. p is the chance that n tosses fall as unevenly as they did, or more so, to either side.

    correct_a, correct_b: (n_items,), whether each was right on each item, in the same order: bool tensors, arrays or
        lists
    Returns a float in [0, 1]; 1.0 where there is no item to count.
    Raises ValueError for unequal lengths.
    Source: McNemar 1947; Dietterich 1998, section 3.1.
    """
    p = None  # replace
    ### BEGIN SOLUTION
    if len(correct_a) != len(correct_b):
        raise ValueError(f"both must be about the same items; got {len(correct_a)} and {len(correct_b)} of them")
    a, b = torch.as_tensor(correct_a), torch.as_tensor(correct_b)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, few) for few in range(min(only_a, only_b) + 1))  # as few heads, or fewer
    p = min(1.0, 2 * tail / 2**tosses)  # either side; where both are as large, the middle was counted twice
    ### END SOLUTION
    return p
