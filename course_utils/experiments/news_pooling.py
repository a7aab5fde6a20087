"""Studies of unit 05: four ways to pool a pretrained encoder's token vectors, and what a data path costs.

Notable choices:
- nothing is chosen on the test set: recipe and number of epochs are fixed beforehand and the last epoch counts; the
  accuracy after each epoch is shown as a curve, as the report shows it, and is used for nothing
- poolings are compared text by text: for each pooling the seeds' probabilities are averaged, and every pair of these
  is tested by McNemar with Holm's correction; the spread over seeds is told beside it, since it is another question
- the frozen encoder's vectors are computed once, and then only pooling and classes learn from them: seconds a run
- where only the encoder's last layers learn, so are the vectors that go into the first of these: for AG News on a CPU,
  three layers where twelve encoders are trained, five where one is trained as fast as goes without losing accuracy; on
  a GPU all layers learn, and results say which
- results hold numbers of texts, never a text: corpora stay where they are
- pooling and seed are a piece that is kept when it is finished, seeds in the outer loop (see study.py)
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils import models
from course_utils.batches import Batches
from course_utils.corpora import Corpus, Split, load_headlines
from course_utils.experiments.data_paths import WAYS, accuracies, draw_ways, training_of
from course_utils.experiments.film_reviews import TFIDF, mean_and_interval, tfidf_accuracy
from course_utils.experiments.study import Findings, Study, finished, study
from course_utils.statistics import compare
from course_utils.tokens import Tokens, tokenize
from course_utils.training import Recipe, choose_precision, predict, train

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

UNIT = "05_bert_pooling"
POOLINGS = ("cls", "mean", "max", "attention")

# The laboratory report that the course grew from: bert-base-uncased on 36,000 texts of AG News, one run each; test
# accuracy on the 7,600 test texts after epochs 1 to 3.
REPORT = {
    "cls": (0.9149, 0.9221, 0.9226),
    "mean": (0.9180, 0.9203, 0.9236),
    "attention": (0.9186, 0.9243, 0.9137),
}
REPORT_TEST_SIZE = 7_600
REPORT_LENGTH = 50  # tokens of a text

TEST_BATCH = 64

# classifier(encoder, num_labels, pooling=..., dropout=...) -> a module: (input_ids, attention_mask) -> logits
Classifier = Callable[..., "torch.nn.Module"]


FINE_TUNING = Recipe(epochs=3, learning_rate=1e-4)  # MiniLM is small: it wants more than BERT's 2e-5
HEAD_ONLY = Recipe(epochs=8, learning_rate=2e-3)  # where only pooling and classes learn


@dataclass(frozen=True)
class Plan:
    """All that decides how the poolings are compared; results are kept under it."""

    train_size: int | None = None  # texts to train on, None for all
    test_size: int | None = None  # texts to test on, None for all
    max_length: int = 64  # tokens of a text; seven of eight of AG News' are no longer
    batch_size: int = 32
    dropout: float = 0.1  # before the classes
    learning_layers: int | None = None  # how many of the encoder's last layers are fine-tuned, None for all of it
    encoder_dropout: float | None = None  # within the encoder while it learns, None for its own
    recipe: Recipe = FINE_TUNING
    frozen_recipe: Recipe = HEAD_ONLY


# For the embedded headlines on two cores, some minutes in all; and for AG News.
QUICK = Plan(train_size=320, test_size=240, max_length=32, batch_size=16, recipe=Recipe(epochs=2, learning_rate=2e-4))
FULL = Plan()
ON_CPU = replace(FULL, learning_layers=3)
# As many layers as can learn 2.5 times as fast as the report's way. To draw the dropout within them would take a sixth
# of the time; held-out accuracy was no lower without it.
FAST_ON_CPU = replace(FULL, learning_layers=5, encoder_dropout=0.0)


@dataclass(frozen=True)
class Prepared:
    """A corpus as token ids of an encoder."""

    corpus: Corpus
    encoder: models.Encoder
    train: Split
    test: Split
    train_tokens: Tokens
    test_tokens: Tokens
    pad_id: int

    def train_batches(self, plan: Plan, seed: int) -> Batches:
        """Training batches in the order of a seed, each padded to its longest text."""
        return Batches(
            self.train_tokens, self.train.labels, plan.batch_size, shuffle=True, seed=seed, pad_id=self.pad_id
        )

    def test_batches(self) -> Batches:
        """Test batches."""
        return Batches(self.test_tokens, self.test.labels, TEST_BATCH, pad_id=self.pad_id)


@dataclass
class Comparison:
    """All runs of a comparison: for each pooling a result for each seed."""

    ready: Prepared
    plan: Plan
    fine_tuned: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    frozen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    baseline: float = 0.0

    def probabilities(self, pooling: str) -> NDArray[np.float64]:
        """(texts, classes), of the seeds together: the mean of their probabilities."""
        return np.mean([run["probabilities"] for run in self.fine_tuned[pooling]], axis=0, dtype=np.float64)

    def correct(self, pooling: str) -> NDArray[np.bool_]:
        """(texts,), whether the seeds together are right."""
        return np.asarray(self.probabilities(pooling).argmax(axis=1) == np.asarray(self.ready.test.labels))


# --- the comparison -----------------------------------------------------------------------------------------------


@study("pooling", unit=UNIT)
def pooling_comparison(asked: Study) -> Findings:
    """Which pooling of a pretrained encoder classifies headlines best, and do the data allow one to say so?"""
    corpus = load_headlines(asked.place, asked.data_folder)
    plan = QUICK if asked.quick else full_plan(asked)
    return findings(asked, run_comparison(asked, prepare(corpus, encoder_for(asked), plan), plan))


@study("ag_news_pooling", unit=UNIT)
def ag_news_pooling(asked: Study) -> Findings:
    """Which pooling classifies AG News best, on all the texts that are at hand?"""
    corpus = load_headlines(asked.place if asked.place != "auto" else "local", asked.data_folder)
    if corpus.name != "AG News":
        raise ValueError(f"This study is about AG News, got {corpus.name}. Take pooling for another corpus.")
    plan = full_plan(asked)
    return findings(asked, run_comparison(asked, prepare(corpus, encoder_for(asked), plan), plan))


def full_plan(asked: Study) -> Plan:
    """The plan of a real result: on a CPU the last three layers learn, elsewhere all."""
    return ON_CPU if _on_cpu(asked) else FULL


def fast_plan(asked: Study) -> Plan:
    """The plan by which one encoder is fine-tuned fast: on a CPU the last five layers learn, elsewhere all."""
    return replace(FAST_ON_CPU if _on_cpu(asked) else FULL, max_length=REPORT_LENGTH)


def _on_cpu(asked: Study) -> bool:
    from course_utils.runtime import choose_device

    return choose_device(asked.device).type == "cpu"


def encoder_for(asked: Study) -> models.Encoder:
    """The encoder of a study: that of its place; for a local corpus a local one if one is named, else the package's."""
    place = asked.place
    if place == "local" and not os.environ.get(models.ENCODER_VARIABLE, "").strip():
        place = "embedded"
    return models.load_encoder(place)


def prepare(corpus: Corpus, encoder: models.Encoder, plan: Plan) -> Prepared:
    """The corpus as the encoder's token ids; where the plan wants fewer texts, the first ones of each class."""
    train_split, test_split = take(corpus.train, plan.train_size), take(corpus.test, plan.test_size)
    return Prepared(
        corpus,
        encoder,
        train_split,
        test_split,
        tokenize(train_split.texts, encoder.tokenizer, plan.max_length),
        tokenize(test_split.texts, encoder.tokenizer, plan.max_length),
        int(encoder.tokenizer.pad_token_id),
    )


def take(split: Split, size: int | None) -> Split:
    """The split with about `size` texts, the first ones of each class, in their order."""
    if size is None or size >= len(split):
        return split
    labels = np.asarray(split.labels)
    classes = np.unique(labels)
    each = -(-size // len(classes))
    kept = np.sort(np.concatenate([np.flatnonzero(labels == label)[:each] for label in classes]))
    return Split([split.texts[number] for number in kept], labels[kept].tolist())


def run_comparison(
    asked: Study, ready: Prepared, plan: Plan, classifier: Classifier | None = None, with_frozen: bool = True
) -> Comparison:
    """Every pooling with every seed, fine-tuned and (unless told otherwise) on the frozen encoder.

    classifier: a learner's own; default the stand-in of `models`
    """
    made: Classifier = classifier if classifier is not None else models.PooledClassifier
    found = Comparison(ready, plan, {name: [] for name in POOLINGS}, {name: [] for name in POOLINGS})
    about = {"source": ready.corpus.source, "encoder": ready.encoder.name, "plan": asdict(plan)}
    found.baseline = asked.piece("baseline", lambda _: {"accuracy": tfidf_accuracy(ready.train, ready.test)}, **about)[
        "accuracy"
    ]
    asked.say(f"{TFIDF}: test accuracy {found.baseline:.4f}")
    kept = KeptVectors(ready, plan.learning_layers, asked.device, plan.encoder_dropout)
    for seed in asked.seed_numbers:
        for frozen in (True, False) if with_frozen else (False,):
            for name in POOLINGS:
                key = f"{'frozen' if frozen else 'fine-tuned'} {name}, seed {seed}"

                def one(_: Any, name: str = name, seed: int = seed, frozen: bool = frozen) -> dict[str, Any]:
                    return train_one(asked, ready, plan, made, name, seed, kept, frozen)

                result = asked.piece(key, one, **about)
                asked.say(f"{key}: test accuracy {result['test_accuracy']:.4f}")
                (found.frozen if frozen else found.fine_tuned)[name].append(result)
    return found


def train_one(
    asked: Study,
    ready: Prepared,
    plan: Plan,
    classifier: Classifier,
    pooling: str,
    seed: int,
    kept: KeptVectors,
    frozen: bool = False,
) -> dict[str, Any]:
    """One pooling with one seed: test accuracy, probabilities on the test texts, and the history."""
    import torch

    torch.manual_seed(seed)
    model = classifier(
        kept.frozen() if frozen else kept.to_fine_tune(),
        len(ready.corpus.classes),
        pooling=pooling,
        dropout=plan.dropout,
    )
    test = ready.test_batches()
    history = finished(
        train(
            model,
            ready.train_batches(plan, seed),
            replace(plan.frozen_recipe if frozen else plan.recipe, seed=seed),
            validation=None if frozen else test,
            device=asked.device,
            progress=asked.progress and not frozen and not asked.quick,  # a quick run takes seconds
        )
    )
    found = predict(model, test, asked.device)
    powers = np.exp(found.logits.astype(np.float64) - found.logits.max(axis=1, keepdims=True))
    return {
        "test_accuracy": found.accuracy,
        "test_loss": found.loss,
        "probabilities": np.round(powers / powers.sum(axis=1, keepdims=True), 5),
        "history": history.rows,
    }


Vectors = dict[bytes, "torch.Tensor"]  # a text's token ids, as bytes -> (tokens, hidden_size) in float16


class KeptVectors:
    """What an encoder's layers that do not learn make of every text, computed once and only if it is asked for."""

    def __init__(
        self,
        ready: Prepared,
        learning_layers: int | None = None,
        device: str = "auto",
        encoder_dropout: float | None = None,
    ) -> None:
        """ready: whose texts; learning_layers, encoder_dropout: as in Plan; device: where the vectors are computed."""
        self._ready, self._device, self._dropout = ready, device, encoder_dropout
        self._model = ready.encoder.model
        layers = getattr(getattr(self._model, "encoder", None), "layer", None)  # where a BERT has them
        self._upper = None if learning_layers is None or layers is None else layers[-learning_layers:]
        self._below: Vectors | None = None
        self._above: Vectors | None = None

    def frozen(self) -> torch.nn.Module:
        """A module that answers as the encoder does and has nothing to learn."""
        if self._above is None:
            self._above = self._compute()
        return _from_kept(self._model.config, self._above, ())

    def to_fine_tune(self) -> torch.nn.Module:
        """A fresh copy of the encoder, or of the layers that learn on top of what was kept."""
        learning = copy.deepcopy(self._model if self._upper is None else self._upper)
        if self._dropout is not None:
            _set_dropout(learning, self._dropout)
        if self._upper is None:
            return cast("torch.nn.Module", learning)
        if self._below is None:
            self._below = self._compute_below(len(self._upper))
        return _from_kept(self._model.config, self._below, learning)

    def _compute_below(self, learning: int) -> Vectors:
        """What goes into the first layer that learns; the layers that learn do not run for it."""
        encoder, layers = self._model.encoder, self._model.encoder.layer
        encoder.layer = layers[: len(layers) - learning]
        try:
            return self._compute()
        finally:
            encoder.layer = layers

    def _compute(self) -> Vectors:
        """What comes out of the encoder's last layer, for every text."""
        import torch

        from course_utils.runtime import choose_device

        device, model = choose_device(self._device), self._model
        kept: Vectors = {}
        model.to(device).eval()
        fast = choose_precision("auto", device) == "bfloat16"
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
            for tokens in (self._ready.train_tokens, self._ready.test_tokens):
                for batch in Batches(tokens, [0] * len(tokens), TEST_BATCH, pad_id=self._ready.pad_id):
                    ids, mask = batch["input_ids"], batch["attention_mask"]
                    states = model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
                    for row, real, vectors in zip(ids, mask.bool(), states.half().cpu(), strict=True):
                        kept[row[real].numpy().tobytes()] = vectors[real].clone()
        model.to("cpu")
        return kept


def _set_dropout(model: torch.nn.Module, rate: float) -> None:
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate


def _from_kept(config: Any, vectors: Vectors, layers: Any) -> torch.nn.Module:
    """An encoder that begins with kept vectors, found by token ids, and goes on with some layers of a BERT."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from transformers.modeling_outputs import BaseModelOutput

    class FromKept(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = config
            self.layers = torch.nn.ModuleList(layers)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> BaseModelOutput:
            hidden = torch.zeros(*input_ids.shape, config.hidden_size)
            for row, (ids, real) in enumerate(zip(input_ids.cpu(), attention_mask.cpu().bool(), strict=True)):
                hidden[row, : int(real.sum())] = vectors[ids[real].numpy().tobytes()].float()
            hidden = hidden.to(input_ids.device)
            seen = attention_mask.bool()[:, None, None, :]  # (batch, 1, 1, seq), as torch's attention takes it
            # a CPU is slow on the way back through fused attention in bfloat16: 84 texts a second, plain products 113
            plain = sdpa_kernel(SDPBackend.MATH) if hidden.device.type == "cpu" else nullcontext()
            with plain:
                for layer in self.layers:
                    output = layer(hidden, seen)
                    hidden = output[0] if isinstance(output, tuple) else output
            return BaseModelOutput(last_hidden_state=hidden)

    return FromKept()


# --- what was found -----------------------------------------------------------------------------------------------


def findings(asked: Study, found: Comparison) -> Findings:
    """The comparison as files: the contract's JSON, a table with a row for each epoch, a figure."""
    import pandas as pd

    ready, plan = found.ready, found.plan
    test_size = len(ready.test)
    head = asked.head(ready.corpus, epochs=plan.recipe.epochs, encoder=ready.encoder.name)
    head |= {
        "train_size": len(ready.train),
        "test_size": test_size,
        "encoder_source": ready.encoder.source,
        "fine_tuned_layers": "all" if plan.learning_layers is None else f"the last {plan.learning_layers}",
        "poolings": {name: _told(runs, test_size) for name, runs in found.fine_tuned.items()},
        "frozen": {name: _told(runs, test_size) for name, runs in found.frozen.items() if runs},
        "interval_kind": "Student, over seeds" if asked.seeds > 1 else "Wilson, over test items",
        "paired_tests": [asdict(test) for test in paired_tests(found)],
        "paired_tests_kind": "McNemar on the seeds' mean probabilities, p_holm corrected for all pairs",
        "baseline": {TFIDF: found.baseline},
        "confusion": {name: confusion(found, name).tolist() for name in POOLINGS},
        "classes": list(ready.corpus.classes),
        "worst_texts": [number for number, _ in worst(found, 20)],
        "plan": asdict(plan),
        "report": {"test_accuracy": {name: list(values) for name, values in REPORT.items()}},
    }
    rows = [
        {"pooling": name, "seed": seed, **row}
        for name, runs in found.fine_tuned.items()
        for seed, run in zip(asked.seed_numbers, runs, strict=True)
        for row in run["history"]
    ]
    return Findings(head, pd.DataFrame(rows), draw(found))


def _told(runs: Sequence[Mapping[str, Any]], test_size: int) -> dict[str, Any]:
    accuracies = [float(run["test_accuracy"]) for run in runs]
    mean, interval = mean_and_interval(accuracies, test_size)
    return {"test_accuracy": accuracies, "mean": mean, "interval": list(interval)}


def paired_tests(found: Comparison) -> list[Any]:
    """McNemar's test of every pair of poolings, with Holm's correction."""
    return compare({name: found.correct(name) for name in POOLINGS})


def table(found: Comparison) -> Any:
    """A row for each pooling: mean and 95% interval, fine-tuned and frozen, beside the report's last epoch."""
    import pandas as pd

    test_size = len(found.ready.test)
    rows = []
    for name in POOLINGS:
        row: dict[str, Any] = {"pooling": name}
        for kind, runs in (("fine-tuned", found.fine_tuned[name]), ("frozen", found.frozen[name])):
            if runs:
                told = _told(runs, test_size)
                low, high = told["interval"]
                row |= {f"{kind}: mean": told["mean"], f"{kind}: 95% interval": f"{low:.4f} to {high:.4f}"}
        row["the report (one run)"] = REPORT[name][-1] if name in REPORT else float("nan")
        rows.append(row)
    return pd.DataFrame(rows).set_index("pooling").round(4)


def pairs_table(found: Comparison) -> Any:
    """A row for each pair of poolings: difference in accuracy, p-value, and p after Holm's correction."""
    import pandas as pd

    rows = [
        {
            "pair": f"{test.a} - {test.b}",
            "difference": round(test.difference, 4),
            "p": round(test.p, 4),
            "p after Holm": round(test.p_holm, 4),
            "may be called different": "yes" if test.p_holm < 0.05 else "no",
        }
        for test in paired_tests(found)
    ]
    return pd.DataFrame(rows).set_index("pair")


def confusion(found: Comparison, pooling: str) -> NDArray[np.int64]:
    """(true class, predicted class): how many test texts, by the seeds together."""
    classes = len(found.ready.corpus.classes)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (np.asarray(found.ready.test.labels), found.probabilities(pooling).argmax(axis=1)), 1)
    return counts


def worst(found: Comparison, count: int) -> list[tuple[int, float]]:
    """(number of a test text, mean probability of its own class over poolings and seeds), the lowest first."""
    labels = np.asarray(found.ready.test.labels)
    own = np.mean([found.probabilities(name)[np.arange(len(labels)), labels] for name in POOLINGS], axis=0)
    return [(int(number), float(own[number])) for number in np.argsort(own, kind="stable")[:count]]


def standard_error(accuracy: float, texts: int) -> float:
    """The standard error of an accuracy that was measured on so many texts: sqrt(p (1 - p) / n)."""
    return float(np.sqrt(accuracy * (1 - accuracy) / texts))


def draw(found: Comparison) -> Any:
    """The figure: accuracy after each epoch on the left, means with intervals on the right."""
    from course_utils import plots

    corpus, encoder = found.ready.corpus.name, found.ready.encoder.name
    left, right = plots.panels(2, width=12.0, height=4.6)
    epochs = range(1, found.plan.recipe.epochs + 1)
    lines = {
        name: np.mean([[row["validation_accuracy"] for row in run["history"]] for run in runs], axis=0)
        for name, runs in found.fine_tuned.items()
    }
    plots.curves(
        list(epochs),
        lines,
        title="Test accuracy after each epoch, mean over seeds",
        x_label="epoch",
        y_label="test accuracy",
        marker="o",
        ax=left,
    )
    left.axhline(found.baseline, color="black", linestyle=":", linewidth=1, label="TF-IDF")
    left.set_xticks(list(epochs))
    left.legend()
    draw_means(found, right)
    left.figure.suptitle(f"Poolings on {corpus} ({len(found.ready.train)} texts to train on), encoder {encoder}")
    return left.figure


def draw_means(found: Comparison, ax: Any) -> Any:
    """The Axes with each pooling's runs, mean and interval, fine-tuned and frozen."""
    from course_utils.plots import OKABE_ITO

    test_size = len(found.ready.test)
    for number, (kind, results) in enumerate({"fine-tuned": found.fine_tuned, "frozen": found.frozen}.items()):
        if not all(results.values()):
            continue
        places = np.arange(len(POOLINGS)) + (-0.15, 0.15)[number]
        told = [_told(results[name], test_size) for name in POOLINGS]
        means = np.array([each["mean"] for each in told])
        spread = np.abs(np.array([each["interval"] for each in told]).T - means)
        ax.errorbar(
            places, means, yerr=spread, fmt="os"[number], capsize=4, color=OKABE_ITO[number], label=f"{kind}, mean"
        )
        for place, each in zip(places, told, strict=True):
            values = each["test_accuracy"]
            ax.scatter([place + 0.06] * len(values), values, s=12, color=OKABE_ITO[number], alpha=0.5)
    ax.axhline(found.baseline, color="black", linestyle=":", linewidth=1, label="TF-IDF")
    ax.set_xticks(range(len(POOLINGS)), POOLINGS)
    ax.set(title="Means over seeds with 95% intervals", xlabel="pooling", ylabel="test accuracy")
    ax.grid(axis="y", alpha=0.3)
    ax.legend()
    return ax


# --- the data path ------------------------------------------------------------------------------------------------


@study("news_data_path", unit=UNIT)
def news_data_path(asked: Study) -> Findings:
    """How much faster is fine-tuning in the course's way than in the report's, and does that cost accuracy?"""
    import pandas as pd

    from course_utils import plots

    corpus, encoder = load_headlines(asked.place, asked.data_folder), encoder_for(asked)
    plan = replace(QUICK, max_length=REPORT_LENGTH) if asked.quick else fast_plan(asked)
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
    return Findings(head, pd.DataFrame(rows), cast("Figure", left.figure))


def accuracies_of_paths(asked: Study, ready: Prepared, plan: Plan) -> dict[str, list[float]]:
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
                finished(train(model, batches, recipe, device=asked.device, progress=asked.progress))
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


def measure_paths(
    corpus: Corpus,
    encoder: models.Encoder,
    plan: Plan,
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
    from course_utils.runtime import choose_device

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
        ready: Prepared,
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


def _tokenised_again(ready: Prepared, plan: Plan) -> Iterator[dict[str, torch.Tensor]]:
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
