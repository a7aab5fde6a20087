"""The two ways to feed a model that the studies of data paths compare.

The report's way shuffles all texts, pads each to max_length and computes in float32. The course's way puts texts of
about one length into a batch, pads to the longest of it, and computes in bfloat16 where the processor is fast in it.
Tokens, model, recipe and seeds are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.batches import Batches
from course_utils.statistics import seeds_interval
from course_utils.studies.tables import of_seeds
from course_utils.training import Recipe

if TYPE_CHECKING:
    import torch

WAYS = ("report", "course")


@dataclass
class Padded:
    """Batches that are padded to one length, as the report pads."""

    batches: Batches
    length: int

    def __len__(self) -> int:
        return len(self.batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next walk."""
        self.batches.set_epoch(epoch)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        from torch.nn.functional import pad

        for batch in self.batches:
            missing = self.length - batch["input_ids"].size(1)
            yield {
                "input_ids": pad(batch["input_ids"], (0, missing), value=self.batches.pad_id),
                "attention_mask": pad(batch["attention_mask"], (0, missing)),
                "labels": batch["labels"],
            }


def training_of(way: str, given: Batches, recipe: Recipe, length: int) -> tuple[Batches | Padded, Recipe]:
    """Training batches and recipe of a way; the recipe's seed decides the order of the given texts."""
    labels = given.labels.tolist()
    batches = Batches(given.tokens, labels, given.batch_size, True, recipe.seed, way == "course", given.pad_id)
    if way == "course":
        return batches, recipe
    return Padded(batches, length), replace(recipe, precision="float32")


def accuracies(found: Mapping[str, Sequence[float]], test_size: int) -> dict[str, Any]:
    """What a result tells of the ways' test accuracies, seed by seed: means with intervals, and their difference."""
    differences = np.subtract(found["course"], found["report"]).tolist()
    return {
        "ways": {way: of_seeds(values, test_size) for way, values in found.items()},
        "difference": {
            "mean": float(np.mean(differences)),
            "interval": list(seeds_interval(differences)) if len(differences) > 1 else None,
            "interval_kind": "Student, over seeds, course minus report with the same seed",
        },
    }


def draw_ways(ways: Mapping[str, Mapping[str, Any]], title: str, ax: Any = None) -> Any:
    """The Axes with the mean test accuracy of each way and its interval."""
    from course_utils import plots

    return plots.whiskers(
        {f"the {way}'s way": ways[way]["mean"] for way in WAYS},
        {f"the {way}'s way": tuple(ways[way]["interval"]) for way in WAYS},
        title=title,
        x_label="test accuracy",
        ax=ax,
    )
