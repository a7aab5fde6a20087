"""Batches of a corpus: texts of about one length, padded to the longest of the batch.

They follow from (seed, epoch) alone. Torch is imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils.corpora import DataError
from course_utils.tokens import Tokens

if TYPE_CHECKING:
    import torch

# Texts whose lengths are sorted together; more sorts better, fewer mixes better.
POOL_BATCHES = 50


class Batches:
    """Batches of a corpus, to be walked through as often as one likes.

    Each is a dict of int64 tensors: input_ids and attention_mask (batch, longest of the batch), labels (batch,).
    The order follows from (seed, epoch) alone; `set_epoch` gives the next one, `order` tells it.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: Sequence[int],
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        group_by_length: bool = True,
        pad_id: int = 0,
    ) -> None:
        """shuffle: another order each epoch; group_by_length: texts of about one length share a batch.

        Raises DataError where labels and tokens do not fit together.
        """
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1, got {batch_size}.")
        if len(tokens) != len(labels):
            raise DataError(f"There are {len(tokens)} texts but {len(labels)} labels; one label belongs to each text.")
        self.labels = np.array(labels, dtype=np.int64)
        if len(labels) and self.labels.min() < 0:
            raise DataError(f"The label {self.labels.min()} is out of range, labels go from 0.")
        self.tokens = tokens
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.group_by_length = group_by_length
        self.pad_id = pad_id
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.tokens) / self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next walk."""
        self.epoch = epoch

    @property
    def order(self) -> np.ndarray:
        """The numbers of the texts, in the order in which this epoch yields them."""
        plan = self._plan()
        return np.concatenate(plan) if plan else np.zeros(0, dtype=np.int64)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for numbers in self._plan():
            yield self._collate(numbers)

    def _plan(self) -> list[np.ndarray]:
        """The numbers of the texts of each batch."""
        count, size = len(self.tokens), self.batch_size
        lengths = self.tokens.lengths
        if not self.shuffle:
            # The longest first, so that a batch that does not fit into memory fails at once.
            order = np.argsort(-lengths, kind="stable") if self.group_by_length else np.arange(count)
            return [order[start : start + size] for start in range(0, count, size)]
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(count)
        if not self.group_by_length:
            return [order[start : start + size] for start in range(0, count, size)]
        plan: list[np.ndarray] = []
        for start in range(0, count, size * POOL_BATCHES):
            pool = order[start : start + size * POOL_BATCHES]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            plan += [pool[first : first + size] for first in range(0, len(pool), size)]
        return [plan[number] for number in random.permutation(len(plan))]

    def _collate(self, numbers: np.ndarray) -> dict[str, torch.Tensor]:
        import torch

        starts = self.tokens.offsets[numbers]
        lengths = self.tokens.offsets[numbers + 1] - starts
        columns = np.arange(max(int(lengths.max()), 1))  # (longest,)
        real = columns < lengths[:, None]  # (batch, longest)
        input_ids = np.full(real.shape, self.pad_id, dtype=np.int64)
        input_ids[real] = self.tokens.ids[(starts[:, None] + columns)[real]]
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(real.astype(np.int64)),
            "labels": torch.from_numpy(self.labels[numbers]),
        }
