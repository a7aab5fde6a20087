"""Studies of unit 04: what long texts cost an LSTM, a CNN and a Transformer, and who still sees a word far away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT, seeded
from course_utils.studies.study import Findings, Study, register

if TYPE_CHECKING:
    import torch

    from course_utils.studies.reviews import Maker

# --- what length costs --------------------------------------------------------------------------------------------

LENGTHS = (64, 128, 256, 512, 1024, 2048)
TOKENS_A_STEP = 4096  # the batch shrinks as the texts grow: each step sees as many tokens
COST_REPEATS = 5  # the fastest counts: all else is the machine doing other things
COST_WIDTH = 64


def length_models(length: int, vocab_size: int = 1_000) -> dict[str, Maker]:
    """The classifiers that are compared, by name; all as wide, the Transformer with and without a table of weights."""
    from course_utils.studies import classifier

    sizes = classifier.EncoderSizes(
        d_model=COST_WIDTH, num_heads=2, d_ff=2 * COST_WIDTH, num_layers=1, max_len=length, dropout=0.0
    )
    return {
        "LSTM": lambda: classifier.TextLSTM(vocab_size, 2, COST_WIDTH),
        "CNN": lambda: classifier.TextCNN(vocab_size, 2, COST_WIDTH),
        "Transformer, weights kept": lambda: classifier.TextEncoder(vocab_size, 2, sizes, keep_weights=True),
        "Transformer, fused attention": lambda: classifier.TextEncoder(vocab_size, 2, sizes),
    }


@register("cost_of_length", unit=UNIT)
def cost_of_length(asked: Study) -> Findings:
    """What do long texts cost an LSTM, a CNN and a Transformer, in time and in memory?"""
    import pandas as pd

    from course_utils import plots

    lengths = LENGTHS[:-1] if asked.quick else LENGTHS
    rows = []
    asked.expect(len(lengths) * len(length_models(64)))
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
    return Findings(head, table, figure_of(left))


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


@register("far_word", unit=UNIT)
def far_word(asked: Study) -> Findings:
    """Who still sees a word that decides from far away: an LSTM, a CNN or a Transformer?"""
    import pandas as pd

    from course_utils import plots

    distances = DISTANCES[:-2] if asked.quick else DISTANCES
    steps = FAR_STEPS if asked.quick else 3 * FAR_STEPS
    rows = []
    asked.expect(3 * asked.seeds)
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
    return Findings(head, table, figure_of(axes))


def far_word_accuracies(
    name: str, seed: int, steps: int, distances: Sequence[int] = DISTANCES, device: str = "auto"
) -> list[float]:
    """Accuracy on fresh texts of each distance, after so many steps on texts of all distances up to the largest.

    The short ones show what is asked for; the long ones ask whether it is still seen from far away. CNN and Transformer
    pool by the mean, as unit 04 does: a mean is a sum of what each place says, so the two words have to meet before it.
    """
    import torch

    from course_utils.runtime import choose_device
    from course_utils.studies import classifier

    place = choose_device(device)
    words, longest = 8 + FILLERS, max(distances)
    sizes = classifier.EncoderSizes(FAR_WIDTH, 2, 2 * FAR_WIDTH, 2, longest + 2, 0.0)
    makers: dict[str, Maker] = {
        "LSTM": lambda: classifier.TextLSTM(words, 2, FAR_WIDTH),
        "CNN": lambda: classifier.TextCNN(words, 2, FAR_WIDTH, pooling="mean"),
        "Transformer": lambda: classifier.TextEncoder(words, 2, sizes),
    }
    model = seeded(seed, makers[name]).to(place)
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
