"""The study of unit 08: at which learning rates a pretrained encoder learns, and what rescues it where it does not.

Notable choices:
- three questions, each over several seeds: a sweep of the learning rate; warm-up and clipping where the sweep begins to
  fail; and whether a model that has failed can be brought back by a good learning rate
- the first question is asked without warm-up and clipping, so that the second one can say what they add
- "does not learn" is told by the test loss beside ln(classes), which is what equal probabilities give, and by the
  likeness of the texts' vectors: 1 means that the encoder gives every text the same vector
- every run is a piece that is kept when it is finished (see study.py)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils import models
from course_utils.corpora import load_headlines
from course_utils.statistics import seeds_interval
from course_utils.studies import headlines
from course_utils.studies.figures import figure_of
from course_utils.studies.headlines import NewsPlan, PreparedNews
from course_utils.studies.study import Findings, Study, finished, register, stoppable
from course_utils.training import Recipe, predict, train

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNIT = "08_learning_rate"

PLAIN = Recipe(epochs=3, warmup_share=0.0, schedule="linear", clip_norm=None)
HELP: dict[str, dict[str, float]] = {
    "neither": {},
    "warm-up": {"warmup_share": 0.25},
    "clipping": {"clip_norm": 1.0},
    "both": {"warmup_share": 0.25, "clip_norm": 1.0},
}  # what is changed of the plain recipe


@dataclass(frozen=True)
class RatePlan:
    """All that decides how the rates are compared; results are kept under it."""

    train_size: int | None = 128  # texts to train on, None for all
    test_size: int | None = 160  # texts to test on, None for all
    max_length: int = 32  # tokens of a text
    batch_size: int = 16
    pooling: str = "mean"
    rates: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    border: tuple[float, ...] = (1e-3, 3e-3)  # where warm-up and clipping are tried
    too_high: float = 1e-2  # spoils a model, which then goes on with `good`
    good: float = 1e-4
    likeness_texts: int = 64  # texts whose vectors are compared with each other
    recipe: Recipe = PLAIN


QUICK = RatePlan()
FULL = RatePlan(
    train_size=4_000,
    test_size=None,
    batch_size=32,
    rates=(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    border=(3e-4, 1e-3, 3e-3, 1e-2),
)


@register("learning_rates", unit=UNIT)
def learning_rates(asked: Study) -> Findings:
    """From which learning rate on does a pretrained encoder learn nothing, and what rescues it?"""
    import pandas as pd

    rates = Rates(asked)
    ready, plan = rates.ready, rates.plan
    parts = {"sweep": rates.sweep(), "rescue": rates.rescue(), "recovery": rates.recovery()}
    head = asked.head(ready.corpus, epochs=plan.recipe.epochs, encoder=ready.encoder.name) | {
        "train_size": len(ready.train),
        "test_size": len(ready.test),
        "encoder_source": ready.encoder.source,
        "chance_loss": rates.chance_loss,
        **{part: [summary(runs) for runs in groups(found).values()] for part, found in parts.items()},
        "plan": asdict(plan),
    }
    rows = [
        {"part": part, **{name: value for name, value in run.items() if name != "history"}, **row}
        for part, found in parts.items()
        for run in found
        for row in run["history"]
    ]
    return Findings(head, pd.DataFrame(rows), draw(rates))


class Rates:
    """The runs of the three questions, each trained once; the corpus and the encoder behind them."""

    def __init__(self, asked: Study, plan: RatePlan | None = None) -> None:
        """asked: place, seeds and where results are kept; plan: default the quick or the full one."""
        self.asked = asked
        self.plan = plan if plan is not None else QUICK if asked.quick else FULL
        small = self.plan
        sizes = NewsPlan(train_size=small.train_size, test_size=small.test_size, max_length=small.max_length)
        corpus = load_headlines(asked.place, asked.data_folder)
        self.ready = headlines.prepare(corpus, headlines.encoder_for(asked), sizes)
        self._runs: dict[str, dict[str, Any]] = {}

    @property
    def chance_loss(self) -> float:
        """The loss of equal probabilities for all classes, ln(classes)."""
        return math.log(len(self.ready.corpus.classes))

    @stoppable
    def sweep(self) -> list[dict[str, Any]]:
        """A run for each learning rate and seed, with neither warm-up nor clipping."""
        self.asked.expect(self.asked.seeds * len(self.plan.rates))
        return [self._rate(rate, "neither", seed) for seed in self.asked.seed_numbers for rate in self.plan.rates]

    @stoppable
    def rescue(self) -> list[dict[str, Any]]:
        """A run for each rate at the border, each help and seed."""
        wanted = [(rate, name) for rate in self.plan.border for name in HELP]
        self.asked.expect(self.asked.seeds * len(wanted))
        return [self._rate(rate, name, seed) for seed in self.asked.seed_numbers for rate, name in wanted]

    @stoppable
    def recovery(self) -> list[dict[str, Any]]:
        """Runs with the good rate: from the pretrained weights, and on from a run with a rate that was too high."""
        self.asked.expect(self.asked.seeds * 2)
        found = []
        for seed in self.asked.seed_numbers:
            for start in ("pretrained", "spoiled"):
                key = f"rate {self.plan.good:g} from {start} weights, seed {seed}"
                run = self._once(key, partial(self._go_on, seed, start))
                found.append({"start": start, "learning_rate": self.plan.good, "seed": seed, **run})
        return found

    def _rate(self, rate: float, name: str, seed: int) -> dict[str, Any]:
        recipe = replace(self.plan.recipe, learning_rate=rate, seed=seed, **cast(Any, HELP[name]))
        run = self._once(f"rate {rate:g}, {name}, seed {seed}", lambda: self._train(self._model(seed), recipe))
        return {"learning_rate": rate, "help": name, "seed": seed, **run}

    def _go_on(self, seed: int, start: str) -> dict[str, Any]:
        model, recipe = self._model(seed), replace(self.plan.recipe, learning_rate=self.plan.good, seed=seed + 1)
        if start == "spoiled":
            self._train(model, replace(recipe, learning_rate=self.plan.too_high, seed=seed))
        return self._train(model, recipe)

    def _once(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` gives, from memory or from the folder of results where it was made before."""
        if key in self._runs:
            self.asked.line.skip()
        else:
            about = {"source": self.ready.corpus.source, "encoder": self.ready.encoder.name, "plan": asdict(self.plan)}
            run = self.asked.piece(key, lambda _: make(), **about)
            self._runs[key] = run
            loss, right, alike = (run[name] for name in ("test_loss", "test_accuracy", "likeness"))
            self.asked.say(f"{key}: test loss {loss:.3f}, accuracy {right:.3f}, likeness of the vectors {alike:.2f}")
        return self._runs[key]

    def _model(self, seed: int) -> models.PooledClassifier:
        """A classifier on a fresh copy of the pretrained encoder, its head drawn from the seed."""
        import torch

        torch.manual_seed(seed)
        classes = len(self.ready.corpus.classes)
        return models.PooledClassifier(copy.deepcopy(self.ready.encoder.model), classes, pooling=self.plan.pooling)

    def _train(self, model: models.PooledClassifier, recipe: Recipe) -> dict[str, Any]:
        """Train the model and test it: numbers only, the model is not kept."""
        sizes = NewsPlan(batch_size=self.plan.batch_size)
        batches = self.ready.train_batches(sizes, recipe.seed)
        history = finished(train(model, batches, recipe, device=self.asked.device, progress=False))
        found = predict(model, self.ready.test_batches(), self.asked.device)
        return {
            "test_loss": found.loss if np.isfinite(found.loss) else float("nan"),
            "test_accuracy": found.accuracy,
            "likeness": likeness(model, self.ready, self.plan.likeness_texts),
            "history": history.rows,
        }


def likeness(model: models.PooledClassifier, ready: PreparedNews, texts: int = 64) -> float:
    """Mean cosine between the vectors of different test texts; 1 where all texts look the same to the model."""
    import torch

    vectors: list[torch.Tensor] = []
    watch = model.head.register_forward_pre_hook(lambda _, inputs: vectors.append(inputs[0]))
    model.eval()
    try:
        with torch.no_grad():
            for batch in ready.test_batches():
                model(batch["input_ids"], batch["attention_mask"])
                if sum(map(len, vectors)) >= texts:
                    break
    finally:
        watch.remove()
    unit = torch.nn.functional.normalize(torch.cat(vectors)[:texts].double(), dim=1)
    others = ~torch.eye(len(unit), dtype=torch.bool)
    return float((unit @ unit.T)[others].mean())


# --- what was found -----------------------------------------------------------------------------------------------

MEASURES = ("test_loss", "test_accuracy", "likeness")


def groups(runs: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The runs that differ in nothing but their seed, together, in the order of their first run."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        key = tuple(run.get(name) for name in ("learning_rate", "help", "start"))
        found.setdefault(key, []).append(run)
    return found


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds with intervals, for runs that differ in nothing but their seed."""
    told: dict[str, Any] = {name: runs[0][name] for name in ("learning_rate", "help", "start") if name in runs[0]}
    for name in MEASURES:
        values = [float(run[name]) for run in runs]
        told[name] = {"values": values, "mean": float(np.mean(values)), "interval": list(_interval(values))}
    return told


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The interval over seeds; of one run there is none but the value itself."""
    if len(values) < 2 or not np.isfinite(values).all():
        return float(np.min(values)), float(np.max(values))
    low, high = seeds_interval(values)
    return float(low), float(high)


def table(rates: Rates, runs: Sequence[dict[str, Any]]) -> Any:
    """A row for each setting: mean over seeds, and the runs one by one."""
    import pandas as pd

    rows = []
    for each in map(summary, groups(runs).values()):
        row: dict[str, Any] = {"learning rate": f"{each['learning_rate']:g}"}
        row |= {name: each[name] for name in ("help", "start") if name in each}
        row |= {
            "test loss": round(each["test_loss"]["mean"], 3),
            "above ln(classes)": "yes" if each["test_loss"]["mean"] > rates.chance_loss - 0.02 else "no",
            "accuracy": round(each["test_accuracy"]["mean"], 3),
            "accuracy of each seed": ", ".join(f"{value:.2f}" for value in each["test_accuracy"]["values"]),
            "likeness": round(each["likeness"]["mean"], 2),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def draw(rates: Rates) -> Figure:
    """The figure: sweep, likeness of the vectors, and what helps at the border."""
    from course_utils import plots

    axes = plots.panels(3, width=16.0, height=4.6)
    draw_sweep(rates, axes[0], axes[1])
    draw_rescue(rates, axes[2])
    axes[0].figure.suptitle(_title("Learning rates", rates))
    return figure_of(axes[0])


def _title(what: str, rates: Rates) -> str:
    ready, seeds = rates.ready, rates.asked.seeds
    runs = f"{seeds} seed{'s' * (seeds != 1)}"
    return f"{what} ({ready.corpus.name}, {len(ready.train)} texts, encoder {ready.encoder.name}, {runs})"


def draw_sweep(rates: Rates, left: Axes | None = None, right: Axes | None = None) -> Figure:
    """Test loss by learning rate on the left, likeness of the texts' vectors on the right; a dot for each run."""
    from course_utils import plots

    alone = left is None or right is None
    if left is None or right is None:
        left, right = plots.panels(2, width=12.0, height=4.4)
    told = [summary(runs) for runs in groups(rates.sweep()).values()]
    places = [each["learning_rate"] for each in told]
    panels = {
        "test_loss": (left, "Too small learns little, too large nothing", "test loss (nats)"),
        "likeness": (right, "Where it fails, all texts get one vector", "mean cosine between texts"),
    }
    for number, (name, (axes, title, label)) in enumerate(panels.items()):
        plots.curves(
            places, {"mean": [each[name]["mean"] for each in told]}, title=title, x_label="learning rate",
            y_label=label, x_log=True, marker="D", ax=axes,
        )  # fmt: skip
        for each in told:
            values = each[name]["values"]
            axes.scatter([each["learning_rate"]] * len(values), values, s=18, color=plots.OKABE_ITO[5], zorder=3)
        if number == 0:
            level = f"ln {len(rates.ready.corpus.classes)}: all classes equally likely"
            axes.axhline(rates.chance_loss, color="black", linestyle=":", label=level)
            axes.legend()
    if alone:
        left.figure.suptitle(_title("Sweep without warm-up and clipping, a dot for each seed", rates))
    return figure_of(left)


def draw_rescue(rates: Rates, ax: Axes | None = None) -> Figure:
    """Test accuracy at the rates of the border with warm-up, clipping, both or neither; a dot for each run."""
    from course_utils import plots

    alone = ax is None
    axes = ax if ax is not None else plots.new_axes(9.0, 4.4)
    found = groups(rates.rescue())
    for number, name in enumerate(HELP):
        mine = [summary(runs) for (_, help_, _), runs in found.items() if help_ == name]
        places = np.arange(len(mine)) + (number - 1.5) * 0.18
        means = [each["test_accuracy"]["mean"] for each in mine]
        axes.bar(places, means, width=0.16, color=plots.OKABE_ITO[number], alpha=0.75, label=name)
        for place, each in zip(places, mine, strict=True):
            values = each["test_accuracy"]["values"]
            axes.scatter([place] * len(values), values, s=14, color="black", zorder=3)
    chance = 1 / len(rates.ready.corpus.classes)
    axes.axhline(chance, color="black", linestyle=":", label="equal chance")
    axes.set_xticks(range(len(rates.plan.border)), [f"{rate:g}" for rate in rates.plan.border])
    axes.set(title="What warm-up and clipping rescue", xlabel="learning rate", ylabel="test accuracy", ylim=(0, 1.0))
    axes.legend(ncols=3, loc="upper center")
    if alone:
        axes.figure.suptitle(_title("Bars: means; dots: single runs", rates))
    return figure_of(axes)


def draw_recovery(rates: Rates, ax: Axes | None = None) -> Axes:
    """The training loss after each epoch with the good rate, from pretrained and from spoiled weights."""
    from course_utils import plots

    axes = ax if ax is not None else plots.new_axes(7.0, 4.2)
    lines = {}
    for (_, _, start), runs in groups(rates.recovery()).items():
        losses = [[row["loss"] for row in run["history"]] for run in runs]
        lines[f"{start} weights"] = np.mean(losses, axis=0)
    epochs = range(1, rates.plan.recipe.epochs + 1)
    plots.curves(
        list(epochs), lines, title=f"A rate of {rates.plan.good:g} does not mend what {rates.plan.too_high:g} spoiled",
        x_label="epoch", y_label="training loss (nats)", marker="o", ax=axes,
    )  # fmt: skip
    axes.axhline(rates.chance_loss, color="black", linestyle=":", label="ln(classes)")
    axes.set_xticks(list(epochs))
    axes.legend()
    axes.figure.suptitle(_title("Means over seeds", rates))
    return axes
