"""What a rule of unit 09 hands to the learner's code: a generator, an encoder that only looks up, word vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def generator(seed: int) -> torch.Generator:
    """A generator in the state of a seed."""
    return torch.Generator().manual_seed(seed % 2**63)


class LookUp(nn.Module):
    """An encoder whose vectors are rows of a table, moved where the mask is 0; it notes what it was given last."""

    shift: Tensor

    def __init__(self, table: Tensor, shift: Tensor) -> None:
        """table: (rows, d_model), more rows than words have; shift: (d_model,)."""
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.register_buffer("shift", shift.clone())
        self.noted: list[Any] = [None, None]

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        self.noted = [input_ids, None if attention_mask is None else attention_mask.float()]
        hidden = 1.0 - self.noted[1] if attention_mask is not None else torch.zeros(input_ids.shape)
        return self.table[input_ids] + hidden.unsqueeze(-1) * self.shift

    def last(self) -> list[Any]:
        """The ids and the mask that it was given last, None for one that it was not given."""
        return self.noted


def embedding(weight: Tensor) -> nn.Embedding:
    """An embedding with this matrix."""
    made = nn.Embedding(*weight.shape)
    made.weight.data.copy_(weight)
    return made
