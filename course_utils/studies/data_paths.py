"""A study of unit 04: does the course's data path cost accuracy? How much faster it is, `make bench` measures."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from course_utils.corpora import load_reviews
from course_utils.studies import reviews
from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT, make_optimizer, prepare
from course_utils.studies.study import Findings, Study, finished, register
from course_utils.studies.ways import WAYS, accuracies, draw_ways, training_of
from course_utils.training import predict, train


@register("data_path", unit=UNIT)
def data_path(asked: Study) -> Findings:
    """Does the course's data path cost accuracy, beside the report's?"""
    import pandas as pd
    import torch

    from course_utils.studies.classifier import TextEncoder

    corpus = load_reviews(asked.place, asked.data_folder)
    plan = reviews.QUICK if asked.quick else reviews.FULL
    ready = prepare(corpus, plan)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    asked.expect(asked.seeds * len(WAYS))
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
                        progress=asked.shows_training,
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
    return Findings(head, pd.DataFrame(rows), figure_of(axes))
