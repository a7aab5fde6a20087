"""Truths and hidden sizes of unit 05.

Independent of the reference: items are padded by hand from the tokenizer's own ids, poolings work one sentence at a
time on its tokens only, in float64, so no mask can go wrong in them. McNemar's test is asked of the definition: all
outcomes that are no likelier than the one that was seen.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import comb
from typing import Any

import torch
from torch import Tensor, nn

CASES: dict[str, list[dict[str, Any]]] = {
    "NewsDataset": [dict(num_texts=5, max_length=9), dict(num_texts=4, max_length=14)],
    "cls_pooling": [dict(batch=3, seq=7, hidden_size=10), dict(batch=2, seq=5, hidden_size=13)],
    "max_pooling": [dict(batch=3, seq=7, hidden_size=10), dict(batch=4, seq=5, hidden_size=13)],
    "AttentionPooling": [
        dict(batch=3, seq=7, hidden_size=10, attention_size=17),
        dict(batch=4, seq=5, hidden_size=14, attention_size=11),
    ],
    # maps are told by their shapes: num_labels is no width that somebody may give an attention, no half, third, quarter
    "BertClassifier": [
        dict(encoder="bert", batch=3, seq=7, hidden_size=10, num_labels=4),
        dict(encoder="bert_with_pooler", batch=4, seq=6, hidden_size=14, num_labels=5),
        dict(encoder="distilbert", batch=2, seq=5, hidden_size=12, num_labels=7),
    ],
    "mcnemar": [dict(few=3, more=8, alike=40), dict(few=5, more=13, alike=90)],
}


class NewsDataset:
    """Ids of a text one by one: the first max_length - 2 pieces between [CLS] and [SEP], then padding."""

    def __init__(self, texts: list[str], labels: list[int], tokenizer: Any, max_length: int = 50) -> None:
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        known = self.tokenizer
        words = [_pieces(word, known.get_vocab()) for word in self.texts[index].split()]
        ids = known.convert_tokens_to_ids([piece for pieces in words for piece in pieces])
        tokens = [known.cls_token_id, *ids[: self.max_length - 2], known.sep_token_id]
        empty = self.max_length - len(tokens)
        return {
            "input_ids": torch.tensor(tokens + [known.pad_token_id] * empty),
            "attention_mask": torch.tensor([1] * len(tokens) + [0] * empty),
            "labels": torch.tensor(self.labels[index]),
        }


def _pieces(word: str, vocabulary: Mapping[str, int], start: str = "") -> list[str]:
    """The longest known beginning of a word, then the pieces of the rest; [UNK] for a word with an unknown rest."""
    for end in range(len(word), 0, -1):
        if start + word[:end] in vocabulary:
            rest = _pieces(word[end:], vocabulary, "##")
            return ["[UNK]"] if "[UNK]" in rest else [start + word[:end], *rest]
    return ["[UNK]"] if word else []


def _tokens(hidden: Tensor, mask: Tensor) -> list[Tensor]:
    """The vectors of each sentence's tokens, in float64, without any padding."""
    return [row[keep != 0].double() for row, keep in zip(hidden, mask, strict=True)]


def cls_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """Sentence by sentence, the first of its vectors, also where the mask hides it."""
    return torch.stack([row[0] for row in hidden])


def max_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """Sentence by sentence, the largest of its values."""
    return torch.stack([tokens.amax(dim=0) for tokens in _tokens(hidden, mask)]).to(hidden.dtype)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    return torch.stack([tokens.mean(dim=0) for tokens in _tokens(hidden, mask)]).to(hidden.dtype)


class AttentionPooling(nn.Module):
    """Yang et al. 2016, equations 5 to 7, sentence by sentence."""

    def __init__(self, hidden_size: int, attention_size: int = 128) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(hidden_size, attention_size), nn.Linear(attention_size, 1)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        w, b, v = self.first.weight.double(), self.first.bias.double(), self.second.weight.double()[0]
        self.weights = torch.zeros(mask.shape, dtype=hidden.dtype)
        pooled = []
        for row, tokens in enumerate(_tokens(hidden, mask)):
            scores = torch.tanh(tokens @ w.T + b) @ v + self.second.bias.double()
            shares = torch.exp(scores - scores.max())
            shares = shares / shares.sum()
            self.weights[row, mask[row] != 0] = shares.detach().to(hidden.dtype)
            pooled.append(shares @ tokens)
        return torch.stack(pooled).to(hidden.dtype)


class BertClassifier(nn.Module):
    """The encoder asked for one sentence at a time, without padding; then pooling, dropout and a linear map."""

    def __init__(self, encoder: Any, num_labels: int, pooling: str = "cls", dropout: float = 0.1) -> None:
        super().__init__()
        if pooling not in ("cls", "mean", "max", "attention"):
            raise ValueError("the poolings are cls, mean, max and attention")
        self.inner = encoder
        width = encoder.config.hidden_size
        self.attention = AttentionPooling(width) if pooling == "attention" else None
        self.function = {"cls": cls_pooling, "mean": _mean, "max": max_pooling}.get(pooling)
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_labels)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        vectors = []
        for ids, keep in zip(input_ids, attention_mask, strict=True):
            ids = ids[keep != 0][None]
            mask = torch.ones_like(ids)
            hidden = self.inner(input_ids=ids, attention_mask=mask).last_hidden_state
            pool = self.attention if self.attention is not None else self.function
            vectors.append(pool(hidden, mask)[0])
        return self.linear(self.drop(torch.stack(vectors)))


def mcnemar(correct_a: Iterable[bool], correct_b: Iterable[bool]) -> float:
    """The chance of all outcomes that are no likelier than the one that was seen, as an exact fraction."""
    pairs = [(bool(a), bool(b)) for a, b in zip(correct_a, correct_b, strict=True)]
    heads, tails = pairs.count((True, False)), pairs.count((False, True))
    ways = [comb(heads + tails, number) for number in range(heads + tails + 1)]
    return float(Fraction(sum(way for way in ways if way <= ways[heads]), sum(ways)))
