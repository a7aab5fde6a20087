"""A study of unit 05: how much faster is fine-tuning in the course's way, and does that cost accuracy?"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import models
from course_utils.batches import Batches
from course_utils.corpora import Corpus, load_headlines
from course_utils.runtime import choose_device
from course_utils.studies import headlines
from course_utils.studies.figures import figure_of
from course_utils.studies.headlines import REPORT_LENGTH, UNIT, NewsPlan, PreparedNews, fast_plan, prepare, take
from course_utils.studies.kept_vectors import KeptVectors
from course_utils.studies.study import Findings, Study, finished, register, stoppable
from course_utils.studies.ways import WAYS, accuracies, draw_ways, training_of
from course_utils.training import Recipe, predict, train

if TYPE_CHECKING:
    import torch


@register("news_data_path", unit=UNIT)
def news_data_path(asked: Study) -> Findings:
    """How much faster is fine-tuning in the course's way than in the report's, and does that cost accuracy?"""
    import pandas as pd

    from course_utils import plots

    corpus, encoder = load_headlines(asked.place, asked.data_folder), headlines.encoder_for(asked)
    plan = replace(headlines.QUICK, max_length=REPORT_LENGTH) if asked.quick else fast_plan(asked)
    asked.expect(1 + asked.seeds * len(WAYS))
    speeds = asked.piece(
        "speeds",
        lambda _: measure_paths(corpus, encoder, plan, steps=4 if asked.quick else 20, device=asked.device),
        plan=asdict(plan),
        encoder=encoder.name,
    )
    found = accuracies_of_paths(asked, prepare(corpus, encoder, plan), plan)
    head = asked.head(corpus, epochs=plan.recipe.epochs, encoder=encoder.name)
    head |= {"pooling": "mean", "speeds": speeds, "plan": asdict(plan)}
    head |= accuracies(found, len(take(corpus.test, plan.test_size)))
    left, right = plots.panels(2, width=11.0, height=4.2)
    plots.bars(
        {name: speeds[f"{key}_per_second"] for key, name in PATHS.items()},
        title=f"{speeds['ratio']:.1f} times as fast",
        x_label="",
        y_label="texts per second",
        write_values=".1f",
        ax=left,
    )
    draw_ways(head["ways"], f"Mean over {asked.seeds} seeds with 95% interval", ax=right)
    left.figure.suptitle(f"Fine-tuning {encoder.name} on {corpus.name}, mean pooling")
    rows = [
        {"way": way, "seed": seed, "test_accuracy": found[way][seed]} for way in WAYS for seed in asked.seed_numbers
    ]
    return Findings(head, pd.DataFrame(rows), figure_of(left))


def accuracies_of_paths(asked: Study, ready: PreparedNews, plan: NewsPlan) -> dict[str, list[float]]:
    """Test accuracy of mean pooling after training in either way, seed by seed.

    As in `measure_paths` every layer learns in the report's way, with its own dropout, and in the course's as the plan
    says.
    """
    import torch

    kept = KeptVectors(ready, plan.learning_layers, asked.device, plan.encoder_dropout)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in asked.seed_numbers:
        for way in WAYS:

            def one(_: Any, way: str = way, seed: int = seed) -> dict[str, Any]:
                recipe = replace(plan.recipe, seed=seed)
                batches, recipe = training_of(way, ready.train_batches(plan, seed), recipe, plan.max_length)
                torch.manual_seed(seed)
                encoder = copy.deepcopy(ready.encoder.model) if way == "report" else kept.to_fine_tune()
                classes = len(ready.corpus.classes)
                model = models.PooledClassifier(encoder, classes, pooling="mean", dropout=plan.dropout)
                finished(train(model, batches, recipe, device=asked.device, progress=asked.shows_training))
                return {"test_accuracy": predict(model, ready.test_batches(), asked.device).accuracy}

            # in the report's way all layers learn, whatever the plan says of that
            own = plan if way == "course" else replace(plan, learning_layers=None, encoder_dropout=None)
            about = {"source": ready.corpus.source, "encoder": ready.encoder.name, "plan": asdict(own)}
            result = asked.piece(f"{way}'s way, seed {seed}", one, **about)
            asked.say(f"the {way}'s way, seed {seed}: test accuracy {result['test_accuracy']:.4f}")
            found[way].append(result["test_accuracy"])
    return found


# What measure_paths compares: key of a speed -> name in figures.
PATHS = {
    "report": "report's way",
    "all_layers": "course's way,\nall layers learn",
    "course": "course's way,\nas its plan says",
}


@stoppable
def measure_paths(
    corpus: Corpus,
    encoder: models.Encoder,
    plan: NewsPlan,
    steps: int = 6,
    turns: int = 2,
    device: str = "auto",
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """Texts a second of fine-tuning, in the report's way and in the course's, on equal models that take turns.

    The report's way: each text is tokenised when it is asked for, all are padded to max_length, float32; every layer
    learns. The course's way: tokens made once, batches of like length padded to their longest, bfloat16 where it is
    fast, as many layers learn as the plan says, and with its dropout; "all_layers" is the same with every layer and the
    encoder's own dropout. Where not all learn, the vectors below them are computed once a run, and each of its epochs
    bears its part of that time.

    steps: batches of a turn; the first turn, of one batch, warms up and is not counted
    tell: called after each turn with how many are done, and of how many
    """
    where = choose_device(device)
    length = min(plan.max_length, REPORT_LENGTH)
    plan = replace(plan, train_size=steps * plan.batch_size, test_size=1, max_length=length)
    ready = prepare(corpus, encoder, plan)
    kept = KeptVectors(ready, plan.learning_layers, device, plan.encoder_dropout)
    start = time.perf_counter()
    upper = kept.to_fine_tune()
    once = (time.perf_counter() - start) / len(ready.train) if plan.learning_layers is not None else 0.0
    whole = encoder.model
    ways = {
        "report": _Way.of(copy.deepcopy(whole), ready, _tokenised_again(ready, plan), where, fused=False),
        "all_layers": _Way.of(copy.deepcopy(whole), ready, _for_ever(ready.train_batches(plan, 0)), where),
        "course": _Way.of(upper, ready, _for_ever(ready.train_batches(plan, 0)), where),
    }
    for turn in range(turns + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            texts = (way.as_the_report if name == "report" else way.as_the_course)(steps if turn else 1)
            if turn:
                way.seconds += time.perf_counter() - start
                way.texts += texts
        tell(turn + 1, turns + 1)
    seconds = {name: way.seconds / way.texts for name, way in ways.items()}
    seconds["course"] += once / plan.recipe.epochs
    return {f"{name}_per_second": 1 / value for name, value in seconds.items()} | {
        "ratio": seconds["report"] / seconds["course"],
        "all_layers_ratio": seconds["report"] / seconds["all_layers"],
    }


@dataclass
class _Way:
    """A model that learns, and how many texts it learnt from in how many seconds."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    batches: Iterator[dict[str, torch.Tensor]]
    device: torch.device
    texts: int = 0
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        encoder: torch.nn.Module,
        ready: PreparedNews,
        batches: Iterator[dict[str, torch.Tensor]],
        device: torch.device,
        fused: bool = True,
    ) -> _Way:
        """A classifier on an encoder, and the optimizer of whatever learns in it."""
        import torch

        torch.manual_seed(0)
        model = models.PooledClassifier(encoder, len(ready.corpus.classes), pooling="mean").to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=fused and device.type != "mps")
        return cls(model, optimizer, batches, device)

    def as_the_report(self, steps: int) -> int:
        """The report's loop; how many texts it took."""
        import torch

        self.model.train()
        count = 0
        for _ in range(steps):
            batch = {name: value.to(self.device) for name, value in next(self.batches).items()}
            self.optimizer.zero_grad()
            logits = self.model(batch["input_ids"], batch["attention_mask"])
            loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
            loss.backward()
            self.optimizer.step()
            loss.item()
            count += len(batch["labels"])
        return count

    def as_the_course(self, steps: int) -> int:
        """The course's loop; how many texts it took."""
        batches = [next(self.batches) for _ in range(steps)]
        recipe = Recipe(epochs=1, learning_rate=2e-5, warmup_share=0.0)
        train(self.model, batches, recipe, device=str(self.device), optimizer=self.optimizer, progress=False)
        return sum(len(batch["labels"]) for batch in batches)


def _tokenised_again(ready: PreparedNews, plan: NewsPlan) -> Iterator[dict[str, torch.Tensor]]:
    """Batches in the report's way, for ever: a tokenizer's call for each text, all padded to max_length."""
    import torch

    order = np.random.default_rng(0)
    settings: dict[str, Any] = dict(truncation=True, padding="max_length", max_length=plan.max_length)
    while True:
        chosen = order.permutation(len(ready.train))[: plan.batch_size]
        rows = [
            ready.encoder.tokenizer(ready.train.texts[number], return_tensors="pt", **settings) for number in chosen
        ]
        yield {
            "input_ids": torch.cat([row["input_ids"] for row in rows]),
            "attention_mask": torch.cat([row["attention_mask"] for row in rows]),
            "labels": torch.tensor([ready.train.labels[number] for number in chosen]),
        }


def _for_ever(batches: Batches) -> Iterator[dict[str, torch.Tensor]]:
    epoch = 0
    while True:
        batches.set_epoch(epoch)
        yield from batches
        epoch += 1
