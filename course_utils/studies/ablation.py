"""A study of unit 04: the encoder's parts one by one.

Batches hold texts of mixed lengths: where little is padded, a padding mask has nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.corpora import Corpus, load_reviews
from course_utils.statistics import seeds_interval
from course_utils.studies import reviews
from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT, ReviewPlan, describe, make_optimizer, prepare, seeded, with_seed
from course_utils.studies.study import Findings, Study, finished, register, stoppable
from course_utils.studies.tables import mean_and_interval
from course_utils.training import predict, train

if TYPE_CHECKING:
    import torch

WHOLE = "the whole encoder"
# What is changed, by name: sizes, or arguments of the encoder.
VARIANTS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "no positions": {"without": ("positions",)},
    "no padding mask": {"without": ("mask",)},
    "one head": {"sizes": {"num_heads": 1}},
    "no residual": {"without": ("residual",)},
    "no LayerNorm": {"without": ("norm",)},
    "max pooling": {"pooling": "max"},
    "CLS pooling": {"pooling": "cls"},
    "1 layer": {"sizes": {"num_layers": 1}},
    "2 layers": {"sizes": {"num_layers": 2}},
    "4 layers": {"sizes": {"num_layers": 4}},
}
# What a lesson has the time for.
SHORT = (WHOLE, "no positions", "no padding mask", "no residual", "CLS pooling")


@register("ablation", unit=UNIT)
@stoppable
def ablation(asked: Study, variants: Sequence[str] = tuple(VARIANTS)) -> Findings:
    """Which part of the encoder is worth how much, each taken away by itself?"""
    plan = replace(reviews.QUICK, group_by_length=False)
    if not asked.quick:
        sizes = dict(d_model=64, num_heads=2, d_ff=128, num_layers=2, dropout=0.0, word_scale=0.1, word_dropout=0.5)
        plan = replace(reviews.FULL, max_length=256, sizes=sizes, group_by_length=False)
    corpus = load_reviews(asked.place, asked.data_folder)
    ready = prepare(corpus, plan)
    same = f"{plan.encoder_sizes().num_layers} layer"  # another name of the whole encoder
    variants = [name for name in variants if not name.startswith(same)]
    accuracies: dict[str, list[float]] = {name: [] for name in variants}
    asked.expect(asked.seeds * len(variants))
    for seed in asked.seed_numbers:
        for name in variants:

            def one(checkpoint: Path | None, name: str = name, seed: int = seed) -> dict[str, Any]:
                model = seeded(seed, lambda: make_variant(name, ready.vocab_size, len(corpus.classes), plan))
                recipe = replace(plan.recipe, seed=seed)
                batches = with_seed(ready, seed)
                history = train(
                    model,
                    batches,
                    recipe,
                    device=asked.device,
                    checkpoint=checkpoint,
                    optimizer=make_optimizer(model, plan),
                    progress=asked.shows_training and not asked.quick,
                )
                return {
                    "test_accuracy": predict(model, ready.test, asked.device).accuracy,
                    "loss": finished(history).rows[-1]["loss"],
                    "seconds": sum(row["seconds"] for row in history.rows),
                }

            found = asked.piece(f"{name} seed {seed}", one, plan=asdict(plan), source=corpus.source)
            accuracies[name].append(found["test_accuracy"])
            asked.say(f"seed {seed}, {name}: test accuracy {found['test_accuracy']:.4f}")
    return _ablation_findings(asked, corpus, plan, accuracies)


def make_variant(name: str, vocab_size: int, classes: int, plan: ReviewPlan) -> torch.nn.Module:
    """An encoder in which one thing is changed."""
    from course_utils.studies.classifier import TextEncoder

    change = dict(VARIANTS[name])
    sizes = replace(plan.encoder_sizes(), **change.pop("sizes", {}))
    return TextEncoder(vocab_size, classes, sizes, **change)


def _ablation_findings(asked: Study, corpus: Corpus, plan: ReviewPlan, accuracies: dict[str, list[float]]) -> Findings:
    import pandas as pd

    from course_utils import plots

    whole = accuracies.get(WHOLE)
    rows: list[dict[str, Any]] = []
    for name, values in accuracies.items():
        mean, (low, high) = mean_and_interval(values, len(corpus.test))
        row: dict[str, Any] = {"variant": name, "mean": mean, "low": low, "high": high}
        if whole and name != WHOLE:
            # The same seed gives both the same order of batches: the difference within a seed varies less.
            lost = [a - b for a, b in zip(values, whole, strict=True)]
            row["difference"] = float(np.mean(lost))
            if len(lost) > 1:
                row["difference_low"], row["difference_high"] = seeds_interval(lost)
        rows.append(row)
    encoder = describe(plan.encoder_sizes())
    head = asked.head(corpus, epochs=plan.recipe.epochs, encoder=encoder) | {
        "plan": asdict(plan),
        "test_accuracy": accuracies,
        "variants": rows,
    }
    axes = plots.whiskers(
        {row["variant"]: row["mean"] for row in rows},
        {row["variant"]: (row["low"], row["high"]) for row in rows},
        title=f"What each part is worth: {corpus.name}, encoder from random weights\n({encoder}; "
        f"{asked.seeds} seeds, 95% interval)",
        x_label="test accuracy",
        level=rows[0]["mean"] if whole else None,
    )
    return Findings(head, pd.DataFrame(rows), figure_of(axes))
