"""A study of unit 04: how far counted words and a linear model get on real film reviews, without any order of words.

Notable choices:
- each way is trained twice: without the reviews that other studies hold out, to stand beside these, and on all of
  them, as its authors did; nothing is chosen, so nothing is held out for it
- nothing here is random, so there are no seeds: intervals are Wilson's, over test reviews
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.corpora import Split, load_reviews
from course_utils.statistics import accuracy_interval
from course_utils.studies import baseline
from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT, hold_out_runs
from course_utils.studies.study import Findings, Study, register

WAYS: dict[str, Callable[[Split, Split], float]] = {
    baseline.TFIDF: baseline.tfidf_accuracy,
    baseline.NB_SVM: baseline.nb_svm_accuracy,
}


@register("counted_words", unit=UNIT)
def counted_words(asked: Study) -> Findings:
    """How far do counted words and a linear model get, without any order of words?"""
    import pandas as pd

    from course_utils import plots

    corpus = load_reviews(asked.place, asked.data_folder)
    rest, _ = hold_out_runs(corpus.train)
    rows = []
    for name, measure in WAYS.items():
        for given in (rest, corpus.train):
            key = f"{name}, {len(given)} reviews"

            def one(_: Any, measure: Callable[..., float] = measure, given: Split = given) -> dict[str, Any]:
                return {"accuracy": measure(given, corpus.test)}

            accuracy = asked.piece(key, one, source=corpus.source)["accuracy"]
            low, high = accuracy_interval(round(accuracy * len(corpus.test)), len(corpus.test))
            rows.append({"model": name, "train_size": len(given), "test_accuracy": accuracy, "low": low, "high": high})
            asked.say(f"{key}: test accuracy {accuracy:.4f}")
    told = {f"{row['model']} ({row['train_size']:,} reviews)": row for row in rows}
    axes = plots.whiskers(
        {name: row["test_accuracy"] for name, row in told.items()},
        {name: (row["low"], row["high"]) for name, row in told.items()},
        title=f"Words and pairs of words, counted\n({corpus.name}, 95% over {len(corpus.test):,} test reviews)",
        x_label="test accuracy",
        ax=plots.new_axes(10.0, 3.2),
    )
    head = asked.head(corpus) | {"seeds": [], "interval_kind": "Wilson, over test items", "models": rows}
    return Findings(head, pd.DataFrame(rows), figure_of(axes))
