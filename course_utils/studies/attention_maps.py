"""The study of unit 06: does attention explain the prediction?

Notable choices:
- a classifier with attention pooling is trained on a frozen encoder; then words are hidden from a test text (from the
  encoder and from the pooling alike), and what happens to the probability of the class that was predicted is measured
- the words with the largest weights are compared with words drawn at random and with those of the smallest weights:
  were weights an explanation, hiding the first should hurt most, hiding the last not at all
- for each text, weights are also compared with what hiding each single word really does, by rank correlation
- special tokens are never hidden: that would tell about the encoder's habits, not about words
- the unit of every interval is the text: means over seeds and draws are taken first
Sources: Jain and Wallace 2019; Serrano and Smith 2019; Wiegreffe and Pinter 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils import models
from course_utils.corpora import load_headlines
from course_utils.statistics import accuracy_interval, bootstrap_interval
from course_utils.studies import headlines
from course_utils.studies.figures import figure_of
from course_utils.studies.headlines import HEAD_ONLY, NewsPlan, PreparedNews
from course_utils.studies.kept_vectors import KeptVectors
from course_utils.studies.study import Findings, Study, fingerprint_of_maker, finished, register, stoppable
from course_utils.studies.tables import write_interval
from course_utils.training import Recipe, train

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

UNIT = "06_attention_maps"
CHOICES = ("most attended", "random", "least attended")


@dataclass(frozen=True)
class ErasurePlan:
    """All that decides how words are hidden; results are kept under it."""

    train_size: int | None = 240  # texts to train on, None for all
    test_size: int | None = 48  # texts whose words are hidden, None for all
    max_length: int = 32  # tokens of a text
    batch_size: int = 32
    hidden_words: tuple[int, ...] = (1, 2, 4, 8)  # how many words are hidden at once
    draws: int = 3  # of random words, for each text
    recipe: Recipe = HEAD_ONLY


QUICK = ErasurePlan()
FULL = ErasurePlan(train_size=4_000, test_size=500, max_length=50, draws=5)


@dataclass
class Watched:
    """One test text: its words, their weights, and what hiding did to the probability of the predicted class."""

    tokens: list[str]
    weights: list[float]  # of all tokens, sum to 1
    predicted: int
    probability: float  # of the predicted class, with nothing hidden
    drops: dict[str, list[float]]  # choice of words -> how far the probability fell, for each number of words
    flips: dict[str, list[float]]  # the same -> share of the draws in which another class came out
    effects: list[float]  # of each token: how far the probability falls when it alone is hidden; 0 for special ones


@dataclass
class Erasure:
    """Everything that was found, for each seed a list of texts."""

    ready: PreparedNews
    plan: ErasurePlan
    accuracy: list[float]
    texts: list[list[Watched]]


@register("attention_erasure", unit=UNIT)
def attention_erasure(asked: Study) -> Findings:
    """Does attention explain the prediction: what happens when the most attended words are hidden?"""
    import pandas as pd

    found = run_erasure(asked)
    told = rows(found)
    head = asked.head(found.ready.corpus, epochs=found.plan.recipe.epochs, encoder=found.ready.encoder.name) | {
        "train_size": len(found.ready.train),
        "test_size": len(found.ready.test),
        "encoder_source": found.ready.encoder.source,
        "test_accuracy": found.accuracy,
        "results": told,
        "interval_kind": "bootstrap over texts, means over seeds first",
        "rank_correlation": dict(zip(("mean", "low", "high"), correlation(found), strict=True)),
        "plan": asdict(found.plan),
    }
    return Findings(head, pd.DataFrame(told), draw(found))


@stoppable
def run_erasure(asked: Study, plan: ErasurePlan | None = None, classifier: Any = None) -> Erasure:
    """A classifier for each seed, and every test text with words hidden.

    classifier: a learner's own, made as classifier(encoder, num_labels, pooling="attention"), with the weights of its
        latest call in the attribute `weights` of one of its modules; default the stand-in of `models`
    """
    chosen = plan if plan is not None else QUICK if asked.quick else FULL
    corpus = load_headlines(asked.place, asked.data_folder)
    sizes = NewsPlan(
        train_size=chosen.train_size,
        test_size=chosen.test_size,
        max_length=chosen.max_length,
        batch_size=chosen.batch_size,
    )
    ready = headlines.prepare(corpus, headlines.encoder_for(asked), sizes)
    about = {"source": corpus.source, "encoder": ready.encoder.name, "plan": asdict(chosen)}
    if classifier is not None:
        about["classifier"] = fingerprint_of_maker(classifier)
    asked.expect(asked.seeds)
    kept: list[KeptVectors] = []  # computed once, and only if a piece is missing
    found = Erasure(ready, chosen, [], [])
    for seed in asked.seed_numbers:

        def one(_: Any, seed: int = seed) -> dict[str, Any]:
            asked.say(f"seed {seed}: training attention pooling on the frozen encoder")
            if not kept:
                kept.append(KeptVectors(ready, device=asked.device))
            model = train_pooling(ready, chosen, seed, kept[0], classifier or models.PooledClassifier, asked.device)
            asked.say(f"seed {seed}: hiding words of {len(ready.test)} texts")
            return {"texts": [asdict(watch(model, ready, chosen, number, seed)) for number in range(len(ready.test))]}

        texts = [Watched(**each) for each in asked.piece(f"seed {seed}", one, **about)["texts"]]
        right = [each.predicted == label for each, label in zip(texts, ready.test.labels, strict=True)]
        found.accuracy.append(float(np.mean(right)))
        found.texts.append(texts)
        asked.say(f"seed {seed}: test accuracy {found.accuracy[-1]:.3f}")
    return found


def train_pooling(
    ready: PreparedNews,
    plan: ErasurePlan,
    seed: int,
    kept: KeptVectors,
    classifier: Any,
    device: str = "auto",
) -> torch.nn.Module:
    """A classifier with attention pooling, trained on the vectors that were kept, then put on the encoder itself."""
    import torch

    torch.manual_seed(seed)
    frozen = kept.frozen()
    model = classifier(frozen, len(ready.corpus.classes), pooling="attention")
    sizes = NewsPlan(batch_size=plan.batch_size)
    recipe = replace(plan.recipe, seed=seed)
    finished(train(model, ready.train_batches(sizes, seed), recipe, device=device, progress=False))
    for holder in model.modules():
        for name, part in holder.named_children():
            if part is frozen:
                setattr(holder, name, ready.encoder.model)
    return cast("torch.nn.Module", model.eval())


def pooling_weights(model: torch.nn.Module) -> torch.Tensor:
    """The weights (batch, seq) that a classifier's attention pooling kept of its latest call.

    Raises ValueError where no module of it keeps any.
    """
    import torch

    for module in model.modules():
        weights = getattr(module, "weights", None)
        if isinstance(weights, torch.Tensor) and weights.dim() == 2:
            return weights.detach()
    raise ValueError("no module of the classifier keeps its pooling weights in `weights`. Is its pooling attention?")


def watch(model: torch.nn.Module, ready: PreparedNews, plan: ErasurePlan, number: int, seed: int = 0) -> Watched:
    """One test text: its weights, and what hiding words does to the prediction."""
    import torch

    ids = torch.as_tensor(np.asarray(ready.test_tokens[number]), dtype=torch.int64)
    names = ready.encoder.tokenizer.convert_ids_to_tokens(ids.tolist())
    special = set(ready.encoder.tokenizer.all_special_tokens)
    words = np.array([place for place, name in enumerate(names) if name not in special])
    before = _probabilities(model, ids, [()])[0]
    weights = pooling_weights(model)[0].double().numpy()
    predicted = int(before.argmax())
    by_weight = words[np.argsort(-weights[words], kind="stable")]
    random = np.random.default_rng([seed, number])
    drops: dict[str, list[float]] = {name: [] for name in CHOICES}
    flips: dict[str, list[float]] = {name: [] for name in CHOICES}
    for count in plan.hidden_words:
        draws = [random.permutation(words)[:count] for _ in range(plan.draws)]
        after = _probabilities(model, ids, [by_weight[:count], by_weight[-count:], *draws])
        for name, found in zip(
            ("most attended", "least attended", "random"), (after[:1], after[1:2], after[2:]), strict=True
        ):
            drops[name].append(float((before[predicted] - found[:, predicted]).mean()))
            flips[name].append(float((found.argmax(axis=1) != predicted).mean()))
    alone = _probabilities(model, ids, [(place,) for place in words])
    effects = np.zeros(len(names))
    effects[words] = before[predicted] - alone[:, predicted]
    return Watched(names, weights.tolist(), predicted, float(before[predicted]), drops, flips, effects.tolist())


def _probabilities(model: torch.nn.Module, ids: torch.Tensor, hidden: Sequence[Any]) -> NDArray[np.float64]:
    """(versions, classes): the classes' probabilities of one text, each time with other places hidden."""
    import torch

    mask = torch.ones(len(hidden), len(ids), dtype=torch.int64)
    for version, places in enumerate(hidden):
        mask[version, torch.as_tensor(np.asarray(places, dtype=np.int64))] = 0
    with torch.no_grad():
        logits = model(ids.expand(len(hidden), -1), mask)
    return cast("NDArray[np.float64]", torch.softmax(logits.double(), dim=-1).numpy())


# --- what was found -----------------------------------------------------------------------------------------------


def _of_texts(found: Erasure, measure: str, choice: str, place: int) -> NDArray[np.float64]:
    """(texts,): a measure of each text, its mean over seeds."""
    return np.mean([[getattr(text, measure)[choice][place] for text in texts] for texts in found.texts], axis=0)


def rows(found: Erasure) -> list[dict[str, Any]]:
    """A row for each choice of words and number of hidden words."""
    told = []
    for choice in CHOICES:
        for place, count in enumerate(found.plan.hidden_words):
            row: dict[str, Any] = {"hidden": choice, "words": count}
            for measure, name in (("drops", "probability_drop"), ("flips", "changed_predictions")):
                values = _of_texts(found, measure, choice, place)
                low, high = bootstrap_interval(values)
                row |= {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
            told.append(row)
    return told


def correlation(found: Erasure) -> tuple[float, float, float]:
    """Kendall's rank correlation between a text's weights and the effects of its words: mean over texts, interval."""
    from scipy import stats

    values = []
    for versions in zip(*found.texts, strict=True):
        each = []
        for text in versions:
            words = [place for place, effect in enumerate(text.effects) if effect != 0.0]
            if len(words) > 2:
                weights = [text.weights[place] for place in words]
                each.append(float(stats.kendalltau(weights, [text.effects[place] for place in words]).statistic))
        if each:
            values.append(float(np.mean(each)))
    low, high = bootstrap_interval(values)
    return float(np.mean(values)), float(low), float(high)


def difference(found: Erasure, words: int) -> tuple[float, float, float]:
    """How much more hiding the most attended words hurts than hiding random ones: mean over texts, interval."""
    place = found.plan.hidden_words.index(words)
    values = _of_texts(found, "drops", "most attended", place) - _of_texts(found, "drops", "random", place)
    low, high = bootstrap_interval(values)
    return float(values.mean()), float(low), float(high)


def changed_interval(found: Erasure, choice: str, words: int, seed: int = 0) -> tuple[float, float]:
    """Wilson's interval of the share of texts whose prediction changes, for one seed."""
    place = found.plan.hidden_words.index(words)
    changed = [text.flips[choice][place] >= 0.5 for text in found.texts[seed]]
    low, high = accuracy_interval(sum(changed), len(changed))
    return float(low), float(high)


def table(found: Erasure) -> Any:
    """A row for each number of hidden words: how far the probability falls, with intervals, by choice of words."""
    import pandas as pd

    frame = pd.DataFrame(rows(found))
    frame["fall"] = [
        write_interval(row.probability_drop, row.probability_drop_low, row.probability_drop_high, digits=3)
        for row in frame.itertuples(index=False)
    ]
    return frame.pivot(index="words", columns="hidden", values="fall")[list(CHOICES)]


def draw(found: Erasure) -> Figure:
    """The figure: fall of the probability on the left, changed predictions on the right, both with intervals."""
    from course_utils import plots

    panels = plots.panels(2, width=12.0, height=4.4)
    told = rows(found)
    for axes, name, title, label in zip(
        panels,
        ("probability_drop", "changed_predictions"),
        ("How far the predicted class falls", "How often another class comes out"),
        ("fall of the probability", "share of the texts"),
        strict=True,
    ):
        lines = {}
        for choice in CHOICES:
            mine = [row for row in told if row["hidden"] == choice]
            lines[choice] = tuple([row[name + end] for row in mine] for end in ("", "_low", "_high"))
        plots.bands(
            found.plan.hidden_words,
            cast(Any, lines),
            title=title,
            x_label="words hidden",
            y_label=label,
            legend_title="which words (95% intervals)",
            ax=axes,
        )
        axes.set_xticks(list(found.plan.hidden_words))
    panels[0].figure.suptitle(
        f"Hiding words from attention pooling ({found.ready.corpus.name}, {len(found.ready.test)} texts, "
        f"frozen encoder {found.ready.encoder.name}, {len(found.texts)} seed{'s' * (len(found.texts) != 1)})"
    )
    return figure_of(panels[0])


def draw_effects(found: Erasure, seed: int = 0, ax: Axes | None = None) -> Axes:
    """The Axes with a dot for each word of all texts: its weight, and what hiding it alone does."""
    from course_utils import plots

    axes = ax if ax is not None else plots.new_axes(7.0, 4.4)
    weights, effects = [], []
    for text in found.texts[seed]:
        for weight, effect in zip(text.weights, text.effects, strict=True):
            if effect != 0.0:
                weights.append(weight)
                effects.append(effect)
    axes.scatter(weights, effects, s=8, alpha=0.35, color=plots.OKABE_ITO[0])
    axes.axhline(0.0, color="black", linewidth=1)
    middle, low, high = correlation(found)
    axes.set(
        title=f"Do weights rank the words by effect?\nRank correlation {middle:.2f} ({low:.2f} to {high:.2f})",
        xlabel=f"pooling weight of a word ({found.ready.corpus.name}, encoder {found.ready.encoder.name})",
        ylabel="fall of the probability\nwhen this word alone is hidden",
        xscale="log",
    )
    axes.grid(alpha=0.3)
    return axes
