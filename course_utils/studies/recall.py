"""A study of unit 04: who still finds one of many things that were said, an LSTM, a CNN or a Transformer?

A text tells pairs of a name and a colour and then asks for one of the names, so a model that reads word by word has to
carry all pairs along until it hears which one is meant, and the more pairs there are, the more it has to carry.

Notable choices:
- a pair is one word ("anna:red"), so that a single layer of attention can find it: with name and colour as two words
  two layers need far more steps than a lesson has the time for (0.34 to 0.61 of 4 to 32 pairs after 1,000 steps)
- all three models have the same width, see the same texts in the same order and take as many steps; each answers from
  its last place but for the CNN, whose maximum over all places lets it see every pair
- no two texts of training and test are drawn from one seed; a text has far more forms than training has texts
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT, seeded
from course_utils.studies.study import Findings, Study, register
from course_utils.studies.tables import mean_and_interval, write_interval

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from course_utils.studies.reviews import Maker

PAIRS = (2, 4, 8, 16, 32)
KEYS, VALUES = 32, 4  # names, and colours: who guesses is right in one of four
CLS, FIRST_KEY = 2, 4
FIRST_PAIR = FIRST_KEY + KEYS
WORDS = FIRST_PAIR + KEYS * VALUES
WIDTH, BATCH, STEPS, TEST = 64, 64, 600, 1_024
MODELS = ("LSTM", "CNN", "Transformer")


def recall_texts(count: int, pairs: int, seed: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Texts that tell pairs and ask for one of them, and their labels.

    A text is [CLS], `pairs` words that each join a key and its value, no key twice, and the word of one of these keys.
    The label is this key's value.
    Returns ids (count, pairs + 2) and labels (count,).
    Source: after the associative recall of Graves et al. 2014, section 4.3, with each pair as one word.
    """
    draw = np.random.default_rng(seed)
    keys = draw.permuted(np.tile(np.arange(KEYS), (count, 1)), axis=1)[:, :pairs]
    values = draw.integers(0, VALUES, size=keys.shape)
    told, asked = FIRST_PAIR + keys * VALUES + values, draw.integers(0, pairs, size=count)
    rows = np.arange(count)
    ids = np.column_stack([np.full(count, CLS), told, FIRST_KEY + keys[rows, asked]])
    return ids.astype(np.int64), values[rows, asked].astype(np.int64)


@register("recall", unit=UNIT)
def recall(asked: Study) -> Findings:
    """Who still finds one of many things that a text has told: an LSTM, a CNN or a Transformer?"""
    import pandas as pd

    from course_utils import plots

    steps = STEPS if asked.quick else 5 * STEPS
    rows = []
    for seed in asked.seed_numbers:
        for name in MODELS:

            def one(_: Path | None, name: str = name, seed: int = seed) -> dict[str, Any]:
                return {"accuracy": recall_accuracies(name, seed, steps, PAIRS, asked.device)}

            found = asked.piece(f"{name} seed {seed}", one, steps=steps, pairs=PAIRS)["accuracy"]
            rows += [
                {"model": name, "seed": seed, "pairs": pairs, "accuracy": accuracy}
                for pairs, accuracy in zip(PAIRS, found, strict=True)
            ]
            asked.say(f"seed {seed}, {name}: " + ", ".join(f"{accuracy:.2f}" for accuracy in found))
    table = pd.DataFrame(rows)
    intervals = {
        name: [mean_and_interval(values["accuracy"].tolist(), TEST) for _, values in group.groupby("pairs")]
        for name, group in table.groupby("model", sort=False)
    }
    axes = plots.bands(
        PAIRS,
        {
            str(name): ([mean for mean, _ in told], [low for _, (low, _) in told], [high for _, (_, high) in told])
            for name, told in intervals.items()
        },
        title=f"One of many pairs is asked for: who still knows it?\n(made-up texts, width {WIDTH}, {steps} steps, "
        f"{asked.seeds} seed{'s' * (asked.seeds > 1)}, 95% intervals)",
        x_label="pairs that the text has told",
        y_label="accuracy",
        x_log=True,
        levels={"chance": 1 / VALUES},
    )
    plots.mark_x(PAIRS, axes)
    head = asked.head(None) | {"corpus": "made-up pairs", "steps": steps, "models": by_pairs(table)}
    return Findings(head, table, figure_of(axes))


def by_pairs(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """What a result tells of each model: for each number of pairs the mean accuracy over seeds, with its interval."""
    told: dict[str, list[dict[str, Any]]] = {}
    for (name, pairs), group in table.groupby(["model", "pairs"], sort=False):
        mean, interval = mean_and_interval(group["accuracy"].tolist(), TEST)
        told.setdefault(str(name), []).append({"pairs": int(pairs), "mean": mean, "interval": list(interval)})
    return told


def recall_table(found: Findings) -> pd.DataFrame:
    """A row for each model, a column for each number of pairs: mean accuracy over seeds with its 95% interval."""
    import pandas as pd

    rows = {
        name: {f"{one['pairs']} pairs": write_interval(one["mean"], *one["interval"]) for one in told}
        for name, told in found.head["models"].items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def recall_models(longest: int) -> dict[str, Maker]:
    """The models that are compared, by name; longest: pairs of the longest text."""
    from course_utils.studies import classifier

    sizes = classifier.EncoderSizes(WIDTH, 2, 2 * WIDTH, 1, longest + 2, 0.0)
    return {
        "LSTM": lambda: classifier.TextLSTM(WORDS, VALUES, WIDTH),
        "CNN": lambda: classifier.TextCNN(WORDS, VALUES, WIDTH),
        "Transformer": lambda: classifier.TextEncoder(WORDS, VALUES, sizes, pooling="last"),
    }


def recall_accuracies(
    name: str, seed: int, steps: int, pairs: Sequence[int] = PAIRS, device: str = "auto"
) -> list[float]:
    """Test accuracy for each number of pairs, of a model that was trained on texts of all these numbers."""
    import torch

    from course_utils.runtime import choose_device

    place = choose_device(device)
    model = seeded(seed, recall_models(max(pairs))[name]).to(place)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    draw = np.random.default_rng(seed)
    for step in range(steps):
        ids, labels = _batch(BATCH, int(draw.choice(pairs)), (seed, 1 + step), place)
        loss = torch.nn.functional.cross_entropy(model(ids, torch.ones_like(ids)), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
    model.eval()
    found = []
    with torch.no_grad():
        for number in pairs:
            ids, labels = _batch(TEST, number, (seed, 0), place)
            found.append(float((model(ids, torch.ones_like(ids)).argmax(1) == labels).float().mean()))
    return found


def _batch(count: int, pairs: int, seed: Sequence[int], place: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    ids, labels = recall_texts(count, pairs, seed)
    return torch.from_numpy(ids).to(place), torch.from_numpy(labels).to(place)
