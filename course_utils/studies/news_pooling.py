"""Studies of unit 05: four ways to pool a pretrained encoder's token vectors.

Notable choices:
- nothing is chosen on the test set: recipe and number of epochs are fixed beforehand and the last epoch counts; the
  accuracy after each epoch is shown as a curve, as the report shows it, and is used for nothing
- poolings are compared text by text: for each pooling the seeds' probabilities are averaged, and every pair of these
  is tested by McNemar with Holm's correction; the spread over seeds is told beside it, since it is another question
- vectors that nothing learns are computed once (`kept_vectors`): for AG News on a CPU the last three layers learn where
  twelve encoders are trained, five where one is trained as fast as goes without losing accuracy; on a GPU all layers
  learn, and results say which
- results hold numbers of texts, never a text: corpora stay where they are
- pooling and seed are a piece that is kept when it is finished, seeds in the outer loop (see study.py)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import models
from course_utils.corpora import load_headlines
from course_utils.statistics import compare
from course_utils.studies import headlines
from course_utils.studies.baseline import TFIDF, tfidf_accuracy
from course_utils.studies.headlines import UNIT, NewsPlan, PreparedNews, encoder_for, full_plan, prepare
from course_utils.studies.kept_vectors import KeptVectors
from course_utils.studies.study import Findings, Study, fingerprint_of_maker, finished, register, stoppable
from course_utils.studies.tables import interval_kind, of_seeds
from course_utils.training import predict, train

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

POOLINGS = ("cls", "mean", "max", "attention")

# The laboratory report that the course grew from: bert-base-uncased on 36,000 texts of AG News, one run each; test
# accuracy on the 7,600 test texts after epochs 1 to 3.
REPORT = {
    "cls": (0.9149, 0.9221, 0.9226),
    "mean": (0.9180, 0.9203, 0.9236),
    "attention": (0.9186, 0.9243, 0.9137),
}
REPORT_TEST_SIZE = 7_600

# classifier(encoder, num_labels, pooling=..., dropout=...) -> a module: (input_ids, attention_mask) -> logits
Classifier = Callable[..., "torch.nn.Module"]


@dataclass
class Comparison:
    """All runs of a comparison: for each pooling a result for each seed."""

    ready: PreparedNews
    plan: NewsPlan
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


@register("pooling", unit=UNIT)
def pooling_comparison(asked: Study) -> Findings:
    """Which pooling of a pretrained encoder classifies headlines best, and do the data allow one to say so?"""
    corpus = load_headlines(asked.place, asked.data_folder)
    plan = headlines.QUICK if asked.quick else full_plan(asked)
    return findings(asked, run_comparison(asked, prepare(corpus, encoder_for(asked), plan), plan))


@register("ag_news_pooling", unit=UNIT)
def ag_news_pooling(asked: Study) -> Findings:
    """Which pooling classifies AG News best, on all the texts that are at hand?"""
    corpus = load_headlines(asked.place if asked.place != "auto" else "local", asked.data_folder)
    if corpus.name != "AG News":
        raise ValueError(f"This study is about AG News, got {corpus.name}. Take pooling for another corpus.")
    plan = full_plan(asked)
    return findings(asked, run_comparison(asked, prepare(corpus, encoder_for(asked), plan), plan))


@stoppable
def run_comparison(
    asked: Study, ready: PreparedNews, plan: NewsPlan, classifier: Classifier | None = None, with_frozen: bool = True
) -> Comparison:
    """Every pooling with every seed, fine-tuned and (unless told otherwise) on the frozen encoder.

    classifier: a learner's own; default the stand-in of `models`
    """
    made: Classifier = classifier if classifier is not None else models.PooledClassifier
    found = Comparison(ready, plan, {name: [] for name in POOLINGS}, {name: [] for name in POOLINGS})
    about = {"source": ready.corpus.source, "encoder": ready.encoder.name, "plan": asdict(plan)}
    if classifier is not None:
        about["classifier"] = fingerprint_of_maker(classifier)
    asked.expect(1 + asked.seeds * len(POOLINGS) * (2 if with_frozen else 1))
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
    ready: PreparedNews,
    plan: NewsPlan,
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
            progress=asked.shows_training and not frozen and not asked.quick,  # a quick run takes seconds
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
        "interval_kind": interval_kind(asked.seeds),
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
    return of_seeds([float(run["test_accuracy"]) for run in runs], test_size)


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
