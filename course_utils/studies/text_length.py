"""Studies of unit 04: what long texts cost an LSTM, a CNN and a Transformer, and what it costs to wait for a token."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.studies.figures import figure_of
from course_utils.studies.reviews import UNIT
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
        (right, "mebibytes", "MiB kept per 1,000 tokens", "memory"),
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
        plots.mark_x(lengths, axes)
        plots.mark_y(axes)
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
    best = _fastest(model, ids, COST_REPEATS)
    thousands = batch * length / 1_000
    return {"milliseconds": 1_000 * best / thousands, "mebibytes": sum(kept.values()) / 2**20 / thousands}


# --- all tokens at once, or one after the other ---------------------------------------------------------------------

STEP_LENGTHS = (16, 32, 64, 128, 256, 512)
STEP_BATCH = 1  # so that there is little to do at once but the tokens themselves
STEP_REPEATS = 3  # the fastest counts


@register("at_once", unit=UNIT)
def at_once(asked: Study) -> Findings:
    """What does it cost in time where each token has to wait for the one before?"""
    import pandas as pd

    from course_utils import plots

    lengths = STEP_LENGTHS if asked.quick else (*STEP_LENGTHS, 1024)
    rows = []
    asked.expect(len(lengths) * len(step_models(64)))
    for length in lengths:
        for name, make in step_models(length).items():

            def one(_: Path | None, make: Maker = make, length: int = length) -> dict[str, Any]:
                return {"milliseconds": measure_whole_step(make(), length, asked.device)}

            rows.append({"model": name, "length": length, **asked.piece(f"{name} {length}", one)})
        asked.say(f"length {length}: measured")
    table = pd.DataFrame(rows)
    axes = plots.curves(
        lengths,
        {name: table.loc[table["model"] == name, "milliseconds"] for name in step_models(64)},
        ax=plots.new_axes(9.0, 4.0),
        title="Where a step costs something by itself, tokens that wait pay it each\n"
        f"(a text of random words, width {COST_WIDTH}, forward and backward)",
        x_label="length of a text (tokens)",
        y_label="milliseconds for a step of training",
        x_log=True,
        y_log=True,
        marker="o",
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    plots.mark_x(lengths, axes)
    plots.mark_y(axes)
    head = asked.head(None) | {"corpus": "random words", "batch": STEP_BATCH, "rows": rows}
    return Findings(head, table, figure_of(axes))


def step_models(length: int, vocab_size: int = 1_000) -> dict[str, Maker]:
    """What is compared, by name: an LSTM in a loop of Python's, in torch's, and without its waiting."""
    from course_utils.studies import classifier

    both = length_models(length, vocab_size)
    return {
        "LSTM, a loop in Python": lambda: classifier.SteppedLSTM(vocab_size, 2, COST_WIDTH),
        "LSTM, torch's compiled loop": both["LSTM"],
        "as many products, none waits": lambda: classifier.SteppedLSTM(vocab_size, 2, COST_WIDTH, waits=False),
        "Transformer, none waits": both["Transformer, fused attention"],
    }


def measure_whole_step(model: torch.nn.Module, length: int, device: str = "auto") -> float:
    """Milliseconds of a forward and backward pass of a batch of texts of that length."""
    import torch

    from course_utils.runtime import choose_device

    place = choose_device(device)
    model.to(place).train()
    ids = torch.randint(4, 1_000, (STEP_BATCH, length), generator=torch.Generator().manual_seed(length)).to(place)
    return 1_000 * _fastest(model, ids, STEP_REPEATS)


def _fastest(model: torch.nn.Module, ids: torch.Tensor, repeats: int) -> float:
    """Seconds of the fastest of some forward and backward passes, after one that is not counted."""
    import torch

    mask = torch.ones_like(ids)
    best = float("inf")
    for number in range(repeats + 1):
        start = time.perf_counter()
        model(ids, mask).sum().backward()
        if ids.device.type == "cuda":
            torch.cuda.synchronize()
        if number:
            best = min(best, time.perf_counter() - start)
    return best
