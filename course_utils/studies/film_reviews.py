"""Studies of unit 04: an encoder from random weights learns film reviews, beside the report and TF-IDF.

Every seed is a piece that is kept when it is finished (see study.py); what is held out, `reviews` tells.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.corpora import Corpus, load_reviews
from course_utils.statistics import accuracy_interval
from course_utils.studies import reviews
from course_utils.studies.baseline import TFIDF, tfidf_accuracy
from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import (
    UNIT,
    PreparedReviews,
    ReviewPlan,
    describe,
    make_optimizer,
    prepare,
    seeded,
    with_seed,
)
from course_utils.studies.study import Findings, Study, finished, register
from course_utils.studies.tables import interval_kind, of_seeds
from course_utils.training import predict, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Test accuracy and training loss of the laboratory report that the course grew from, epochs 1 to 5 of one run.
REPORT_ACCURACY = (0.8268, 0.8255, 0.8488, 0.8478, 0.8432)
REPORT_LOSS = (0.5853, 0.3723, 0.3083, 0.2682, 0.2421)
REPORT_NAME = "the report (test, one run)"


@register("learning_curves", unit=UNIT)
def learning_curves(asked: Study) -> Findings:
    """How does an encoder from random weights learn film reviews, beside the report and TF-IDF?"""
    return _curves(asked, load_reviews(asked.place, asked.data_folder), reviews.QUICK if asked.quick else reviews.FULL)


@register("imdb_from_scratch", unit=UNIT)
def imdb_from_scratch(asked: Study) -> Findings:
    """How good is an encoder from random weights on the whole IMDB set?"""
    corpus = load_reviews(asked.place if asked.place != "auto" else "local", asked.data_folder)
    if corpus.name != "IMDB":
        raise ValueError(f"This study is about IMDB, got {corpus.name}. Take learning_curves for another corpus.")
    return _curves(asked, corpus, reviews.FULL)


def _curves(asked: Study, corpus: Corpus, plan: ReviewPlan) -> Findings:
    from course_utils.studies.classifier import TextEncoder

    ready = prepare(corpus, plan)
    sizes = plan.encoder_sizes()
    asked.expect(1 + asked.seeds)
    baseline = asked.piece(
        "baseline", lambda _: {"accuracy": tfidf_accuracy(ready.rest, corpus.test)}, source=corpus.source
    )["accuracy"]
    asked.say(f"{TFIDF}: test accuracy {baseline:.4f}")
    runs = []
    for seed in asked.seed_numbers:

        def one(checkpoint: Path | None, seed: int = seed) -> dict[str, Any]:
            asked.say(f"seed {seed}: training")
            model = seeded(seed, lambda: TextEncoder(ready.vocab_size, len(corpus.classes), sizes))
            history = finished(
                train(
                    model,
                    with_seed(ready, seed),
                    replace(plan.recipe, seed=seed),
                    validation=ready.validation,
                    device=asked.device,
                    checkpoint=checkpoint,
                    optimizer=make_optimizer(model, plan),
                    progress=asked.shows_training,
                )
            )
            found = predict(model, ready.test, asked.device)
            asked.say(f"seed {seed}: test accuracy {found.accuracy:.4f}")
            return {"test_accuracy": found.accuracy, "test_loss": found.loss, "history": history.rows}

        runs.append(asked.piece(f"seed {seed}", one, plan=asdict(plan), source=corpus.source))
    return _curve_findings(asked, ready, plan, runs, baseline)


def _curve_findings(
    asked: Study, ready: PreparedReviews, plan: ReviewPlan, runs: list[dict[str, Any]], baseline: float
) -> Findings:
    import pandas as pd

    corpus = ready.corpus
    told = of_seeds([run["test_accuracy"] for run in runs], len(corpus.test))
    head = asked.head(corpus, epochs=plan.recipe.epochs, encoder=describe(plan.encoder_sizes())) | {
        "train_size": len(ready.rest),
        "validation_size": len(ready.held),
        **told,
        "interval_kind": interval_kind(len(runs)),
        "wilson_interval_of_mean": list(accuracy_interval(round(told["mean"] * len(corpus.test)), len(corpus.test))),
        "baseline": {TFIDF: baseline},
        "plan": asdict(plan),
        "curves": [
            {"seed": seed, "test_loss": run["test_loss"], "epochs": run["history"]}
            for seed, run in zip(asked.seed_numbers, runs, strict=True)
        ],
    }
    if corpus.name == "IMDB":
        head["baseline"] |= {
            "the report, best epoch": max(REPORT_ACCURACY),
            "the report, last epoch": REPORT_ACCURACY[-1],
        }
        head["report"] = {"test_accuracy": list(REPORT_ACCURACY), "loss": list(REPORT_LOSS)}
    rows = [{"seed": seed, **row} for seed, run in zip(asked.seed_numbers, runs, strict=True) for row in run["history"]]
    return Findings(head, pd.DataFrame(rows), draw_curves(head))


def draw_curves(head: dict[str, Any]) -> Figure:
    """The figure of the learning curves: loss on the left, accuracy on the right."""
    from course_utils import plots

    title = f"{head['corpus']}, encoder from random weights ({head['encoder']})"
    left, right = plots.panels(2, width=11.0, height=4.4)
    losses = {f"seed {run['seed']}": [row["loss"] for row in run["epochs"]] for run in head["curves"]}
    accuracies = {
        f"seed {run['seed']} (held out)": [row["validation_accuracy"] for row in run["epochs"]]
        for run in head["curves"]
    }
    report = head.get("report", {})
    plots.histories(
        losses | ({"the report": report["loss"]} if report else {}),
        title="The training loss falls",
        y_label="cross-entropy (nats)",
        ax=left,
    )
    plots.histories(
        accuracies | ({REPORT_NAME: report["test_accuracy"]} if report else {}),
        title="Accuracy, and where the test set puts it",
        y_label="accuracy",
        levels={f"{TFIDF} (test)": head["baseline"][TFIDF]},
        final=(f"test, mean of {len(head['curves'])}", head["mean"], tuple(head["interval"])),
        ax=right,
    )
    left.figure.suptitle(title, fontsize=11)
    return figure_of(left)
