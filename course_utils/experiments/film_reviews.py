"""Studies of unit 04: an encoder from random weights on film reviews, its parts one by one, and what length costs.

Notable choices:
- what is chosen (recipe, epochs, which model) is chosen on reviews held out of the training set; the test set is
  looked at once, when training is over
- reviews of one film stand together in IMDB's numbering, and its test set has other films than its training set; so
  whole runs of consecutive reviews are held out, not single ones, which would share their films with the rest
- every seed is a piece that is kept when it is finished (see study.py)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils.batches import Batches
from course_utils.corpora import Corpus, Split, load_reviews
from course_utils.experiments.study import Findings, Study, finished, study
from course_utils.statistics import accuracy_interval, seeds_interval
from course_utils.tokens import learn_tokenizer, tokenize
from course_utils.training import Recipe, predict, train

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_utils.experiments.classifier import EncoderSizes

    Maker = Callable[[], torch.nn.Module]

UNIT = "04_text_classifier"

# Test accuracy and training loss of the laboratory report that the course grew from, epochs 1 to 5 of one run.
REPORT_ACCURACY = (0.8268, 0.8255, 0.8488, 0.8478, 0.8432)
REPORT_LOSS = (0.5853, 0.3723, 0.3083, 0.2682, 0.2421)
REPORT_NAME = "the report (test, one run)"
TFIDF = "TF-IDF, 1-2-grams, logistic regression"

RUN_OF_REVIEWS = 250  # consecutive reviews that are held out together; a film has at most 30
TEST_BATCH = 128


@dataclass(frozen=True)
class Plan:
    """All that decides how a text classifier is made; results are kept under it."""

    vocab_size: int = 8_000  # words that have an id of their own
    max_length: int = 128  # tokens of a text
    keep: str = "both"  # what stays of a longer text, as in tokens.tokenize
    batch_size: int = 32
    group_by_length: bool = True
    sizes: dict[str, Any] | None = None  # of the encoder, as EncoderSizes; None takes its defaults
    recipe: Recipe = field(default_factory=Recipe)
    # AdamW's memory of squared gradients, that of Vaswani et al. 2017, section 5.3. A longer one lets each sight of a
    # rare word move its vector far, and the encoder learns rare words by heart.
    beta2: float = 0.98

    def encoder_sizes(self) -> EncoderSizes:
        """The sizes of the encoder."""
        from course_utils.experiments.classifier import EncoderSizes

        return EncoderSizes(**{"max_len": self.max_length, **(self.sizes or {})})


# For the embedded reviews, on two cores: seconds for each seed.
QUICK = Plan(
    vocab_size=4_000,
    max_length=96,
    sizes=dict(d_model=64, num_heads=4, d_ff=128, num_layers=1, dropout=0.1, wave_positions=True),
    recipe=Recipe(epochs=8, learning_rate=4e-3),
)
# For IMDB, chosen on reviews held out of its training set; docs/results.md tells how.
FULL = Plan(
    vocab_size=30_000,
    max_length=400,
    sizes=dict(d_model=64, num_heads=2, d_ff=256, num_layers=1, dropout=0.0, word_scale=0.1, word_dropout=0.5),
    recipe=Recipe(epochs=4, learning_rate=2e-3),
)


def hold_out_runs(split: Split, share: float = 0.1, run: int = RUN_OF_REVIEWS) -> tuple[Split, Split]:
    """(rest, held): runs of consecutive texts of each class are held out, spread evenly over the split.

    The runs are shortened where a class is so small that the share would not fill one.
    Raises ValueError unless the share leaves texts of each class on both sides.
    """
    labels = np.asarray(split.labels)
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        numbers = np.flatnonzero(labels == label)
        length = max(min(run, round(share * len(numbers))), 1)
        turn = max(round(1 / share), 2)
        held[numbers[(np.arange(len(numbers)) // length) % turn == turn // 2]] = True
        if not 0 < held[numbers].sum() < len(numbers):
            raise ValueError(f"A share of {share} of {len(numbers)} texts of class {label} leaves one side empty.")

    def pick(chosen: np.ndarray) -> Split:
        numbers = np.flatnonzero(chosen).tolist()
        return Split([split.texts[number] for number in numbers], [int(labels[number]) for number in numbers])

    return pick(~held), pick(held)


@dataclass(frozen=True)
class Prepared:
    """A corpus as batches."""

    corpus: Corpus
    vocab_size: int
    rest: Split
    held: Split
    train: Batches
    validation: Batches
    test: Batches


def prepare(corpus: Corpus, plan: Plan, seed: int = 0) -> Prepared:
    """The corpus as batches; words and what is learnt come from the training set without what is held out."""
    rest, held = hold_out_runs(corpus.train)
    tokenizer = learn_tokenizer(rest.texts, plan.vocab_size)

    def batches(split: Split, size: int, shuffle: bool) -> Batches:
        tokens = tokenize(split.texts, tokenizer, plan.max_length, plan.keep)
        return Batches(tokens, split.labels, size, shuffle, seed, plan.group_by_length)

    return Prepared(
        corpus=corpus,
        vocab_size=tokenizer.get_vocab_size(),
        rest=rest,
        held=held,
        train=batches(rest, plan.batch_size, True),
        validation=batches(held, TEST_BATCH, False),
        test=batches(corpus.test, TEST_BATCH, False),
    )


def with_seed(ready: Prepared, seed: int) -> Batches:
    """The training batches in the order of another seed."""
    old = ready.train
    return Batches(old.tokens, old.labels.tolist(), old.batch_size, True, seed, old.group_by_length, old.pad_id)


def tfidf_accuracy(train_split: Split, test_split: Split) -> float:
    """Test accuracy of logistic regression on TF-IDF of words and pairs of words: order beyond a pair is not seen."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32)
    model = LogisticRegression(C=10.0, max_iter=1_000)
    model.fit(words.fit_transform(train_split.texts), train_split.labels)
    return float(model.score(words.transform(test_split.texts), test_split.labels))


def mean_and_interval(values: Sequence[float], test_size: int) -> tuple[float, tuple[float, float]]:
    """Mean over seeds with its interval; of a single seed, the interval over test items."""
    mean = float(np.mean(values))
    if len(values) > 1:
        return mean, tuple(seeds_interval(values))  # type: ignore[return-value]
    return mean, tuple(accuracy_interval(round(mean * test_size), test_size))  # type: ignore[return-value]


# --- learning curves ----------------------------------------------------------------------------------------------


@study("learning_curves", unit=UNIT)
def learning_curves(asked: Study) -> Findings:
    """How does an encoder from random weights learn film reviews, beside the report and TF-IDF?"""
    return _curves(asked, load_reviews(asked.place, asked.data_folder), QUICK if asked.quick else FULL)


@study("imdb_from_scratch", unit=UNIT)
def imdb_from_scratch(asked: Study) -> Findings:
    """How good is an encoder from random weights on the whole IMDB set?"""
    corpus = load_reviews(asked.place if asked.place != "auto" else "local", asked.data_folder)
    if corpus.name != "IMDB":
        raise ValueError(f"This study is about IMDB, got {corpus.name}. Take learning_curves for another corpus.")
    return _curves(asked, corpus, FULL)


def _curves(asked: Study, corpus: Corpus, plan: Plan) -> Findings:
    from course_utils.experiments.classifier import TextEncoder

    ready = prepare(corpus, plan)
    sizes = plan.encoder_sizes()
    baseline = asked.piece(
        "baseline", lambda _: {"accuracy": tfidf_accuracy(ready.rest, corpus.test)}, source=corpus.source
    )["accuracy"]
    asked.say(f"{TFIDF}: test accuracy {baseline:.4f}")
    runs = []
    for seed in asked.seed_numbers:

        def one(checkpoint: Path | None, seed: int = seed) -> dict[str, Any]:
            asked.say(f"seed {seed}: training")
            model = _seeded(seed, lambda: TextEncoder(ready.vocab_size, len(corpus.classes), sizes))
            history = finished(
                train(
                    model,
                    with_seed(ready, seed),
                    replace(plan.recipe, seed=seed),
                    validation=ready.validation,
                    device=asked.device,
                    checkpoint=checkpoint,
                    optimizer=make_optimizer(model, plan),
                    progress=asked.progress,
                )
            )
            found = predict(model, ready.test, asked.device)
            asked.say(f"seed {seed}: test accuracy {found.accuracy:.4f}")
            return {"test_accuracy": found.accuracy, "test_loss": found.loss, "history": history.rows}

        runs.append(asked.piece(f"seed {seed}", one, plan=asdict(plan), source=corpus.source))
    return _curve_findings(asked, ready, plan, runs, baseline)


def _curve_findings(asked: Study, ready: Prepared, plan: Plan, runs: list[dict[str, Any]], baseline: float) -> Findings:
    import pandas as pd

    corpus = ready.corpus
    accuracies = [run["test_accuracy"] for run in runs]
    mean, interval = mean_and_interval(accuracies, len(corpus.test))
    head = asked.head(corpus, epochs=plan.recipe.epochs, encoder=describe(plan.encoder_sizes())) | {
        "train_size": len(ready.rest),
        "validation_size": len(ready.held),
        "test_accuracy": accuracies,
        "mean": mean,
        "interval": list(interval),
        "interval_kind": "Student, over seeds" if len(runs) > 1 else "Wilson, over test items",
        "wilson_interval_of_mean": list(accuracy_interval(round(mean * len(corpus.test)), len(corpus.test))),
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
    return _figure(left)


def _figure(axes: Axes) -> Figure:
    return cast("Figure", axes.get_figure(root=True))


def describe(sizes: EncoderSizes) -> str:
    """An encoder's sizes in a few words."""
    return f"{sizes.num_layers} layer{'s' * (sizes.num_layers > 1)}, d_model {sizes.d_model}, {sizes.num_heads} heads"


def _seeded(seed: int, make: Maker) -> torch.nn.Module:
    """A model whose first weights follow from the seed."""
    import torch

    torch.manual_seed(seed)
    return make()


def make_optimizer(model: torch.nn.Module, plan: Plan) -> torch.optim.Optimizer:
    """AdamW as the plan wants it."""
    import torch

    return torch.optim.AdamW(
        model.parameters(),
        lr=plan.recipe.learning_rate,
        betas=(0.9, plan.beta2),
        weight_decay=plan.recipe.weight_decay,
        fused=True,
    )


# --- ablation -----------------------------------------------------------------------------------------------------

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


@study("ablation", unit=UNIT)
def ablation(asked: Study, variants: Sequence[str] = tuple(VARIANTS)) -> Findings:
    """Which part of the encoder is worth how much, each taken away by itself?"""
    plan = replace(QUICK, group_by_length=False)  # batches of mixed lengths: with little padding a mask has no work
    if not asked.quick:
        sizes = dict(d_model=64, num_heads=2, d_ff=128, num_layers=2, dropout=0.0, word_scale=0.1, word_dropout=0.5)
        plan = replace(FULL, max_length=256, sizes=sizes, group_by_length=False)
    corpus = load_reviews(asked.place, asked.data_folder)
    ready = prepare(corpus, plan)
    same = f"{plan.encoder_sizes().num_layers} layer"  # another name of the whole encoder
    variants = [name for name in variants if not name.startswith(same)]
    accuracies: dict[str, list[float]] = {name: [] for name in variants}
    for seed in asked.seed_numbers:
        for name in variants:

            def one(checkpoint: Path | None, name: str = name, seed: int = seed) -> dict[str, Any]:
                model = _seeded(seed, lambda: make_variant(name, ready.vocab_size, len(corpus.classes), plan))
                recipe = replace(plan.recipe, seed=seed)
                batches = with_seed(ready, seed)
                history = train(
                    model,
                    batches,
                    recipe,
                    device=asked.device,
                    checkpoint=checkpoint,
                    optimizer=make_optimizer(model, plan),
                    progress=not asked.quick,
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


def make_variant(name: str, vocab_size: int, classes: int, plan: Plan) -> torch.nn.Module:
    """An encoder in which one thing is changed."""
    from course_utils.experiments.classifier import TextEncoder

    change = dict(VARIANTS[name])
    sizes = replace(plan.encoder_sizes(), **change.pop("sizes", {}))
    return TextEncoder(vocab_size, classes, sizes, **change)


def _ablation_findings(asked: Study, corpus: Corpus, plan: Plan, accuracies: dict[str, list[float]]) -> Findings:
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
    return Findings(head, pd.DataFrame(rows), _figure(axes))


# --- what length costs --------------------------------------------------------------------------------------------

LENGTHS = (64, 128, 256, 512, 1024, 2048)
TOKENS_A_STEP = 4096  # the batch shrinks as the texts grow: each step sees as many tokens
COST_REPEATS = 5  # the fastest counts: all else is the machine doing other things
COST_WIDTH = 64


def length_models(length: int, vocab_size: int = 1_000) -> dict[str, Maker]:
    """The classifiers that are compared, by name; all as wide, the Transformer with and without a table of weights."""
    from course_utils.experiments import classifier

    sizes = classifier.EncoderSizes(
        d_model=COST_WIDTH, num_heads=2, d_ff=2 * COST_WIDTH, num_layers=1, max_len=length, dropout=0.0
    )
    return {
        "LSTM": lambda: classifier.TextLSTM(vocab_size, 2, COST_WIDTH),
        "CNN": lambda: classifier.TextCNN(vocab_size, 2, COST_WIDTH),
        "Transformer, weights kept": lambda: classifier.TextEncoder(vocab_size, 2, sizes, keep_weights=True),
        "Transformer, fused attention": lambda: classifier.TextEncoder(vocab_size, 2, sizes),
    }


@study("cost_of_length", unit=UNIT)
def cost_of_length(asked: Study) -> Findings:
    """What do long texts cost an LSTM, a CNN and a Transformer, in time and in memory?"""
    import pandas as pd

    from course_utils import plots

    lengths = LENGTHS[:-1] if asked.quick else LENGTHS
    rows = []
    for length in lengths:
        for name, make in length_models(length).items():

            def one(_: Path | None, make: Maker = make, length: int = length) -> dict[str, Any]:
                return measure_step(make(), length, asked.device)

            found = asked.piece(f"{name} {length}", one)
            rows.append({"model": name, "length": length, **found})
        asked.say(f"length {length}: measured")
    table = pd.DataFrame(rows)
    names = list(length_models(64))
    left, right = plots.panels(2, width=11.0, height=4.4)
    for axes, column, label, what in (
        (left, "milliseconds", "ms per 1,000 tokens", "time"),
        (right, "mebibytes", "MiB kept for the backward pass, per 1,000 tokens", "memory"),
    ):
        plots.curves(
            lengths,
            {name: table.loc[table["model"] == name, column] for name in names},
            title=f"What a token costs in {what} as texts grow",
            x_label="length of a text (tokens)",
            y_label=label,
            x_log=True,
            y_log=True,
            marker="o",
            ax=axes,
        )
    left.figure.suptitle(
        f"Random words, models of width {COST_WIDTH} from random weights, forward and backward", fontsize=11
    )
    head = asked.head(None) | {"corpus": "random words", "tokens_a_step": TOKENS_A_STEP, "rows": rows}
    return Findings(head, table, _figure(left))


def measure_step(model: torch.nn.Module, length: int, device: str = "auto") -> dict[str, float]:
    """Milliseconds and mebibytes of a forward and backward pass, each per 1,000 tokens.

    The memory is what autograd keeps from the forward for the backward pass: the same on every machine, and what
    decides whether a batch fits. Weights are not counted.
    """
    import torch

    from course_utils.runtime import choose_device

    place = choose_device(device)
    model.to(place).train()
    batch = max(TOKENS_A_STEP // length, 1)
    draw = torch.Generator().manual_seed(length)
    ids = torch.randint(4, 1_000, (batch, length), generator=draw).to(place)
    mask = torch.ones_like(ids)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(ids, mask).sum()
    loss.backward()
    best = float("inf")
    for _ in range(COST_REPEATS):
        start = time.perf_counter()
        model(ids, mask).sum().backward()
        if place.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    thousands = batch * length / 1_000
    return {"milliseconds": 1_000 * best / thousands, "mebibytes": sum(kept.values()) / 2**20 / thousands}


# --- a far-away word decides --------------------------------------------------------------------------------------

DISTANCES = (4, 8, 16, 32, 64, 128, 256)
FILLERS = 20  # words that say nothing
FAR_BATCH, FAR_STEPS, FAR_TEST, FAR_WIDTH = 64, 300, 1_024, 32


def far_word_texts(count: int, distance: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts in which two words decide together, and their labels.

    A text is [CLS], an early word (one of two), `distance - 1` fillers, a late word (one of two). The label says
    whether early and late word belong together; each alone says nothing, as in "not ... good" and "not ... bad".
    Returns ids (count, distance + 2) and labels (count,).
    """
    draw = np.random.default_rng(seed)
    early, late = draw.integers(0, 2, size=(2, count))
    fillers = draw.integers(8, 8 + FILLERS, size=(count, distance - 1))
    ids = np.concatenate([np.full((count, 1), 2), 4 + early[:, None], fillers, 6 + late[:, None]], axis=1)
    return ids.astype(np.int64), (early == late).astype(np.int64)


@study("far_word", unit=UNIT)
def far_word(asked: Study) -> Findings:
    """Who still sees a word that decides from far away: an LSTM, a CNN or a Transformer?"""
    import pandas as pd

    from course_utils import plots

    distances = DISTANCES[:-2] if asked.quick else DISTANCES
    steps = FAR_STEPS if asked.quick else 3 * FAR_STEPS
    rows = []
    for seed in asked.seed_numbers:
        for name in ("LSTM", "CNN", "Transformer"):

            def one(_: Path | None, name: str = name, seed: int = seed) -> dict[str, Any]:
                return {"accuracy": far_word_accuracies(name, seed, steps, distances, asked.device)}

            found = asked.piece(f"{name} seed {seed}", one, steps=steps, distances=distances)["accuracy"]
            rows += [
                {"model": name, "seed": seed, "distance": distance, "accuracy": accuracy}
                for distance, accuracy in zip(distances, found, strict=True)
            ]
            asked.say(f"seed {seed}, {name}: " + ", ".join(f"{accuracy:.2f}" for accuracy in found))
    table = pd.DataFrame(rows)
    axes = plots.new_axes()
    for number, (name, group) in enumerate(table.groupby("model", sort=False)):
        plots.points_over(group["distance"], group["accuracy"], label=str(name), number=number, ax=axes)
    axes.axhline(0.5, color="black", linestyle=":", linewidth=1, label="chance")
    axes.set_xscale("log", base=2)
    axes.set(
        title=f"A far-away word decides: made-up texts, models of width {FAR_WIDTH}\n"
        f"from random weights, {steps} steps, {asked.seeds} seeds",
        xlabel="distance between the two words (tokens)",
        ylabel="accuracy",
    )
    axes.legend()
    head = asked.head(None) | {"corpus": "made-up texts of two deciding words", "steps": steps, "rows": rows}
    return Findings(head, table, _figure(axes))


def far_word_accuracies(
    name: str, seed: int, steps: int, distances: Sequence[int] = DISTANCES, device: str = "auto"
) -> list[float]:
    """Accuracy on fresh texts of each distance, after so many steps on texts of all distances up to the largest.

    The short ones show what is asked for; the long ones ask whether it is still seen from far away. CNN and Transformer
    pool by the mean, as unit 04 does: a mean is a sum of what each place says, so the two words have to meet before it.
    """
    import torch

    from course_utils.experiments import classifier
    from course_utils.runtime import choose_device

    place = choose_device(device)
    words, longest = 8 + FILLERS, max(distances)
    sizes = classifier.EncoderSizes(FAR_WIDTH, 2, 2 * FAR_WIDTH, 2, longest + 2, 0.0)
    makers: dict[str, Maker] = {
        "LSTM": lambda: classifier.TextLSTM(words, 2, FAR_WIDTH),
        "CNN": lambda: classifier.TextCNN(words, 2, FAR_WIDTH, pooling="mean"),
        "Transformer": lambda: classifier.TextEncoder(words, 2, sizes),
    }
    model = _seeded(seed, makers[name]).to(place)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    draw = np.random.default_rng(seed)
    for step in range(steps):
        # As many short texts as long ones on a scale of doublings.
        distance = round(2 ** draw.uniform(1, np.log2(longest)))
        ids, labels = _far_batch(FAR_BATCH, distance, 1 + step, place)
        loss = torch.nn.functional.cross_entropy(model(ids, torch.ones_like(ids)), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
    model.eval()
    found = []
    with torch.no_grad():
        for distance in distances:
            ids, labels = _far_batch(FAR_TEST, distance, 0, place)
            parts = zip(ids.split(FAR_BATCH), labels.split(FAR_BATCH), strict=True)
            right = sum(int((model(part, torch.ones_like(part)).argmax(1) == answer).sum()) for part, answer in parts)
            found.append(right / FAR_TEST)
    return found


def _far_batch(count: int, distance: int, seed: int, place: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    ids, labels = far_word_texts(count, distance, seed)
    return torch.from_numpy(ids).to(place), torch.from_numpy(labels).to(place)
