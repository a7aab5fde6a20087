"""The text classifiers that the studies compare, made of torch's own blocks.

Notable choices:
- `TextEncoder` is the classifier of unit 04 with every part that a study takes away or exchanges as an argument; it
  learns its positions, as BERT does, where a learner's own uses the sinusoids of unit 01
- a fixed table of positions may take their place: `sinusoids`, or those of the report's misplaced parenthesis
- the attention is torch's fused one, which never holds the weights: memory grows with seq, not with its square;
  `keep_weights` takes the plain one, to show the difference
- `word_dropout` takes whole words out of the text while training: a model cannot lean on single words, and half the
  words cost half the time and a quarter of the attention. The words that stay keep their positions, and all texts of
  a batch lose the same ones, so the batch stays a rectangle
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..models import random_waves

PARTS = ("positions", "mask", "residual", "norm")  # what may be left out
POOLINGS = ("mean", "max", "cls", "last")


@dataclass(frozen=True)
class EncoderSizes:
    """The sizes of an encoder, by the names of unit 04."""

    d_model: int = 128
    num_heads: int = 4
    d_ff: int = 256
    num_layers: int = 2
    max_len: int = 256  # the longest text in tokens
    dropout: float = 0.1
    word_scale: float = 1.0  # standard deviation of the first, random word vectors; that of positions is sqrt(1/2)
    wave_positions: bool = False  # positions start as smooth waves: learned sooner, which counts on few texts
    word_dropout: float = 0.0  # share of the words that are taken out while training (Iyyer et al. 2015, section 3.1)


class _Layer(nn.TransformerEncoderLayer):
    """Torch's encoder layer, post-LN, of which residual connections and norms can be left out."""

    def __init__(self, sizes: EncoderSizes, without: Collection[str], keep_weights: bool) -> None:
        super().__init__(sizes.d_model, sizes.num_heads, sizes.d_ff, sizes.dropout, batch_first=True)
        self.self_attn.dropout = 0.0  # dropout within the weights would keep torch from its fused attention
        self._residual, self._keep_weights = "residual" not in without, keep_weights
        if "norm" in without:
            self.norm1, self.norm2 = nn.Identity(), nn.Identity()  # type: ignore[assignment]

    def forward(self, x: Tensor, hidden_keys: Tensor | None) -> Tensor:  # type: ignore[override]
        if self._keep_weights:
            looked = self.self_attn(x, x, x, key_padding_mask=hidden_keys, average_attn_weights=False)[0]
        else:
            looked = self._sa_block(x, None, hidden_keys)
        x = self.norm1(looked + (x if self._residual else 0.0))
        return self.norm2(self._ff_block(x) + (x if self._residual else 0.0))


def sinusoids(max_len: int, d_model: int, misplaced: bool = False) -> Tensor:
    """The table of sines and cosines of unit 01, (max_len, d_model), for an even d_model.

    misplaced: take log(10000 / d_model) for log(10000) / d_model, as the laboratory report did: the frequencies fall so
        steeply that after the first pair of columns all that is left is nearly constant
    Source: Vaswani et al. 2017, section 3.5.
    """
    exponents = torch.arange(0, d_model, 2)
    rate = math.log(10_000 / d_model) if misplaced else math.log(10_000) / d_model
    angles = torch.arange(max_len)[:, None] * torch.exp(-exponents * rate)  # (max_len, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class TextEncoder(nn.Module):
    """An encoder over words with a linear head.

    input_ids:      (batch, seq), 0 = padding
    attention_mask: (batch, seq), 1 = token, 0 = padding
    Returns logits (batch, num_classes).
    Source: Vaswani et al. 2017, sections 3.1 to 3.4.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        sizes: EncoderSizes = EncoderSizes(),
        *,
        without: Collection[str] = (),
        pooling: str = "mean",
        keep_weights: bool = False,
        table: Tensor | None = None,
    ) -> None:
        """without: parts to leave out, of PARTS; pooling: one of POOLINGS; keep_weights: hold all attention weights.

        table: (max_len, d_model), positions that stay as they are; None learns them
        """
        super().__init__()
        if unknown := set(without) - set(PARTS):
            raise ValueError(f"without must name some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}.")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}.")
        self.embedding = nn.Embedding(vocab_size, sizes.d_model)
        # Where many words are rare, small ones: a word that was hardly ever seen then says hardly anything.
        nn.init.normal_(self.embedding.weight, std=sizes.word_scale)
        self.positions = None if "positions" in without else nn.Embedding(sizes.max_len, sizes.d_model)
        if self.positions is not None and table is not None:
            self.positions = nn.Embedding.from_pretrained(table)
        elif self.positions is not None:
            nn.init.normal_(self.positions.weight, std=0.5**0.5)  # as large as sines and cosines are on average
            if sizes.wave_positions:
                self.positions.weight.data.copy_(random_waves(sizes.max_len, sizes.d_model))
        self.dropout = nn.Dropout(sizes.dropout)
        self.layers = nn.ModuleList(_Layer(sizes, without, keep_weights) for _ in range(sizes.num_layers))
        self.out = nn.Linear(sizes.d_model, num_classes)
        self.word_dropout, self.pooling, self.masks = sizes.word_dropout, pooling, "mask" not in without

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        if self.training and self.word_dropout:
            places = self._draw_places(places)
            input_ids, attention_mask = input_ids[:, places], attention_mask[:, places]
        mask = attention_mask if self.masks else torch.ones_like(attention_mask)
        x = self.embedding(input_ids)  # (batch, seq) -> (batch, seq, d_model)
        x = self.dropout(x if self.positions is None else x + self.positions(places))
        hidden_keys = mask == 0 if self.masks else None
        for layer in self.layers:
            x = layer(x, hidden_keys)
        return self.out(pool(x, mask, self.pooling))

    def _draw_places(self, places: Tensor) -> Tensor:
        """The places whose words stay; the first one always does, so that no text is left without a token."""
        stays = torch.rand(places.shape) >= self.word_dropout  # drawn on the CPU: one stream of numbers on any device
        stays[0] = True
        return places[stays.to(places.device)]


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector for each text: (batch, seq, d_model) -> (batch, d_model)."""
    if pooling == "cls":
        return hidden.select(1, 0)
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), last_places(mask)]
    if pooling == "max":
        return hidden.masked_fill(mask.eq(0).unsqueeze(-1), -torch.inf).amax(1)
    shares = nn.functional.normalize(mask.float(), p=1.0, dim=1)  # each token's share of its text
    return torch.bmm(shares.unsqueeze(1), hidden.float()).squeeze(1)


def last_places(mask: Tensor) -> Tensor:
    """Where each text's last token stands, (batch,); 0 for a text without any."""
    return mask.sum(1).sub(1).clamp(min=0)


class TextLSTM(nn.Module):
    """A recurrent classifier: reads word by word, and answers from its state after the last word.

    Arguments and result as those of TextEncoder.
    Source: torch.nn.LSTM with torch's first weights; Hochreiter and Schmidhuber 1997, Gers et al. 2000.
    """

    def __init__(self, vocab_size: int, num_classes: int, d_model: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.lstm = nn.LSTM(d_model, d_model, batch_first=True)
        self.out = nn.Linear(d_model, num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(input_ids))  # (batch, seq, d_model)
        return self.out(pool(states, attention_mask, "last"))


class SteppedLSTM(nn.Module):
    """The LSTM with its loop over the tokens written out; or, for comparison, without the waiting.

    waits: each token takes the state that the one before has left, as in TextLSTM. Without it all tokens take an empty
        state: as many products, none of which needs another, so all are made at once. That is no LSTM any more.
    Arguments and result as those of TextLSTM.
    """

    def __init__(self, vocab_size: int, num_classes: int, d_model: int = 128, waits: bool = True) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.cell = nn.LSTMCell(d_model, d_model)
        self.out = nn.Linear(d_model, num_classes)
        self.waits = waits

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        words = self.embedding(input_ids)
        at_once = words.flatten(0, 1)  # (batch * seq, d_model)
        states = self._one_by_one(words) if self.waits else self.cell(at_once)[0].reshape(words.shape)
        return self.out(pool(states, attention_mask, "last"))

    def _one_by_one(self, words: Tensor) -> Tensor:
        state, states = None, []
        for token in words.unbind(1):  # (batch, d_model), one after the other
            state = self.cell(token, state)
            states.append(state[0])
        return torch.stack(states, dim=1)


class TextCNN(nn.Module):
    """A convolutional classifier: windows of words, then a pooling over all places of the text.

    Arguments and result as those of TextEncoder; width is the words of a window, at each of two layers.
    Source: Kim 2014 (with max pooling), with a second layer.
    """

    def __init__(
        self, vocab_size: int, num_classes: int, d_model: int = 128, width: int = 5, pooling: str = "max"
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.first = nn.Conv1d(d_model, d_model, width, padding=width // 2)
        self.second = nn.Conv1d(d_model, d_model, width, padding=width // 2)
        self.out = nn.Linear(d_model, num_classes)
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = self.embedding(input_ids).transpose(1, 2)  # (batch, seq, d_model) -> (batch, d_model, seq)
        x = self.second(self.first(x).relu()).relu()
        return self.out(pool(x.transpose(1, 2), attention_mask, self.pooling))
