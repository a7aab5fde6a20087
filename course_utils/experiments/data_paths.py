"""A study of unit 04: does the course's data path cost accuracy?

The report's way shuffles all reviews, pads each to max_length and computes in float32. The course's way puts reviews
of about one length into a batch, pads to the longest of it, and computes in bfloat16 where the processor is fast in
it. Tokens, model, recipe and seeds are the same. How much faster that is, `make bench` measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils.batches import Batches
from course_utils.corpora import load_reviews
from course_utils.experiments.film_reviews import (
    FULL,
    QUICK,
    UNIT,
    make_optimizer,
    mean_and_interval,
    prepare,
)
from course_utils.experiments.study import Findings, Study, finished, study
from course_utils.statistics import seeds_interval
from course_utils.training import Recipe, predict, train

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

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
    told = {way: mean_and_interval(values, test_size) for way, values in found.items()}
    differences = np.subtract(found["course"], found["report"]).tolist()
    return {
        "ways": {
            way: {"test_accuracy": list(found[way]), "mean": mean, "interval": list(interval)}
            for way, (mean, interval) in told.items()
        },
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


@study("data_path", unit=UNIT)
def data_path(asked: Study) -> Findings:
    """Does the course's data path cost accuracy, beside the report's?"""
    import pandas as pd
    import torch

    from course_utils.experiments.classifier import TextEncoder

    corpus = load_reviews(asked.place, asked.data_folder)
    plan = QUICK if asked.quick else FULL
    ready = prepare(corpus, plan)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in asked.seed_numbers:
        for way in WAYS:

            def one(checkpoint: Path | None, seed: int = seed, way: str = way) -> dict[str, Any]:
                batches, recipe = training_of(way, ready.train, replace(plan.recipe, seed=seed), plan.max_length)
                torch.manual_seed(seed)
                model = TextEncoder(ready.vocab_size, len(corpus.classes), plan.encoder_sizes())
                finished(
                    train(
                        model,
                        batches,
                        recipe,
                        device=asked.device,
                        checkpoint=checkpoint,
                        optimizer=make_optimizer(model, plan),
                        progress=asked.progress,
                    )
                )
                return {"test_accuracy": predict(model, ready.test, asked.device).accuracy}

            result = asked.piece(f"{way}'s way, seed {seed}", one, plan=asdict(plan), source=corpus.source)
            asked.say(f"the {way}'s way, seed {seed}: test accuracy {result['test_accuracy']:.4f}")
            found[way].append(result["test_accuracy"])
    head = asked.head(corpus, epochs=plan.recipe.epochs) | accuracies(found, len(corpus.test)) | {"plan": asdict(plan)}
    axes = draw_ways(head["ways"], f"The data path on {corpus.name}: mean over {asked.seeds} seeds with 95% interval")
    rows = [
        {"way": way, "seed": seed, "test_accuracy": found[way][seed]} for way in WAYS for seed in asked.seed_numbers
    ]
    return Findings(head, pd.DataFrame(rows), cast("Figure", axes.figure))
