"""The training loop, and all that its next step depends on.

Notable choices:
- a checkpoint holds all that the next step depends on (weights, optimizer, schedule, random numbers, place in the
  epoch), so a run that was stopped and taken up again ends bit for bit where an undisturbed one ends;
- each process walks through its share of the batches; the loss is summed where it is computed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from course_utils.runtime import seed_everything
from course_utils.training.checkpoint import (
    CHECKPOINT_FORMAT,
    CHECKPOINT_SECONDS,
    CheckpointError,
    Keeper,
    difference,
    random_state,
    set_random_state,
)
from course_utils.training.display import Display
from course_utils.training.hardware import Batch, autocast, choose_precision, find_accelerator, logits_of, move_batch
from course_utils.training.interruption import Stop
from course_utils.training.prediction import predict_with
from course_utils.training.recipe import Recipe, make_optimizer, make_schedule

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from accelerate import Accelerator


@dataclass
class History:
    """What happened, a row for each epoch."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False  # stopped before its last step; the last row may then be of a part of an epoch

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def train(
    model: torch.nn.Module,
    batches: Iterable[Batch],
    recipe: Recipe = Recipe(),
    *,
    validation: Iterable[Batch] | None = None,
    device: str = "auto",
    checkpoint: Path | str | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    optimizer: torch.optim.Optimizer | None = None,
    progress: bool = True,
) -> History:
    """The history of a training; the model holds what was learnt, on the device where it was before.

    model:      model(input_ids, attention_mask) -> logits (batch, classes), or an object that has `.logits`
    batches:    dicts of input_ids, attention_mask, labels; walked through once an epoch, after a call of `set_epoch`
    validation: batches whose accuracy and loss are told after each epoch; never learnt from
    checkpoint: a file to go on from if it is there, and to keep the state in; None keeps nothing
    optimizer:  default AdamW with the recipe's learning rate and weight decay; one that is given keeps its own
    Raises CheckpointError where the file is damaged, belongs to another training, or cannot be written.
    """
    import torch

    accelerator = find_accelerator(device)
    precision = choose_precision(recipe.precision, accelerator.device)
    steps = _count_steps(batches, accelerator.num_processes)
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    seed_everything((recipe.seed + 7919 * accelerator.process_index) % 2**32)
    own = optimizer is None
    run = _Run(
        accelerator=accelerator,
        model=model,
        optimizer=optimizer if optimizer is not None else make_optimizer(model, recipe),
        recipe=recipe,
        precision=precision,
        steps=steps,
        keeper=Keeper(Path(checkpoint), checkpoint_seconds) if checkpoint is not None else None,
        signature={"recipe": asdict(recipe) | {"precision": precision}, "steps": steps, "own_optimizer": own},
    )
    try:
        with Stop() as stop, Display(progress and accelerator.is_main_process, recipe.epochs, steps) as display:
            return run.go(batches, validation, stop, display)
    finally:
        accelerator.free_memory()
        model.to(home)


@dataclass
class _Run:
    """A training with all that its next step depends on."""

    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    precision: str
    steps: int  # of an epoch, on each process
    keeper: Keeper | None
    signature: dict[str, Any]
    epoch: int = 0  # epochs that are done
    step: int = 0  # steps of this epoch that are done
    loss_sum: float = 0.0  # over the examples of this epoch so far
    examples: int = 0  # of this epoch so far, on this process
    seconds: float = 0.0  # of this epoch so far
    rows: list[dict[str, Any]] = field(default_factory=list)

    def go(self, batches: Iterable[Batch], validation: Iterable[Batch] | None, stop: Stop, display: Display) -> History:
        import torch

        self.wrapped, self.stepper = self.accelerator.prepare(self.model, self.optimizer)
        self.schedule = make_schedule(self.optimizer, self.recipe, self.steps * self.recipe.epochs)
        self.loss_function = torch.nn.CrossEntropyLoss(label_smoothing=self.recipe.label_smoothing)
        if self.keeper is not None:
            self._take_up(self.keeper)
        while self.epoch < self.recipe.epochs:
            try:
                ended = self._epoch(batches, stop, display)
            except KeyboardInterrupt:
                # Not by our own handler: this thread has none, or it came a second time, perhaps within a step.
                ended = False
            if not ended:
                return self._interrupted(display)
            row = self._row(self.epoch + 1)
            if validation is not None:
                try:
                    found = predict_with(self.accelerator, self.wrapped, validation, self.precision)
                except KeyboardInterrupt:
                    return self._interrupted(display)
                row |= {"validation_accuracy": found.accuracy, "validation_loss": found.loss}
            self.rows.append(row)
            display.end_epoch(row)
            self.epoch, self.step, self.loss_sum, self.examples, self.seconds = self.epoch + 1, 0, 0.0, 0, 0.0
            self._keep()
            if stop.asked and self.epoch < self.recipe.epochs:
                return self._interrupted(display)
        return History(self.rows)

    def _epoch(self, batches: Iterable[Batch], stop: Stop, display: Display) -> bool:
        """Whether the epoch was walked through to its end."""
        import torch

        device = self.accelerator.device
        total = torch.zeros((), dtype=torch.float64, device="cpu" if device.type == "mps" else device)
        before, start = self.seconds, time.perf_counter()
        done, state = self.step, random_state()
        self.wrapped.train()
        display.begin_epoch(self.epoch, self.step)

        def settle() -> None:
            self.loss_sum += float(total)
            total.zero_()
            self.seconds = before + time.perf_counter() - start

        for number, batch in enumerate(_shares(batches, self.epoch, self.accelerator)):
            if number < done:
                continue
            if number == done:
                set_random_state(state)  # walking up to here may have drawn numbers
            if stop.asked:
                settle()
                self._keep()
                return False
            inputs = move_batch(batch, device)
            loss = self._step(inputs)
            total += loss.detach().double().to(total.device) * len(inputs["labels"])
            self.examples += len(inputs["labels"])
            self.step += 1
            if display.due():
                settle()
                rate = self.examples * self.accelerator.num_processes / max(self.seconds, 1e-9)
                display.show(self.epoch, self.step, self.loss_sum / self.examples, rate)
            if self.keeper is not None and self.step < self.steps and self.keeper.due():
                settle()
                self._keep()
        settle()
        if self.step != self.steps:
            raise ValueError(f"batches said that they are {self.steps} an epoch and gave {self.step}.")
        return True

    def _step(self, batch: Batch) -> torch.Tensor:
        with autocast(self.accelerator.device, self.precision):
            logits = logits_of(self.wrapped(batch["input_ids"], batch["attention_mask"]))
            loss = self.loss_function(logits.float(), batch["labels"])
        self.stepper.zero_grad()
        self.accelerator.backward(loss)
        if self.recipe.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self.wrapped.parameters(), self.recipe.clip_norm)
        self.stepper.step()
        self.schedule.step()
        return cast("torch.Tensor", loss)

    def _row(self, epoch: float) -> dict[str, Any]:
        shares = [(self.loss_sum, self.examples)]
        if self.accelerator.num_processes > 1:
            from accelerate.utils import gather_object

            shares = gather_object(shares)
        examples = sum(count for _, count in shares)
        return {
            "epoch": epoch,
            "loss": sum(loss for loss, _ in shares) / max(examples, 1),
            "validation_accuracy": None,
            "validation_loss": None,
            "examples_per_second": examples / max(self.seconds, 1e-9),
            "seconds": self.seconds,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
        }

    def _interrupted(self, display: Display) -> History:
        rows = list(self.rows)
        if self.step:
            rows.append(self._row(round(self.epoch + self.step / self.steps, 3)))
        display.say(
            f"Stopped in epoch {self.epoch + 1} of {self.recipe.epochs}, at step {self.step} of {self.steps}. "
            "The model keeps what it learnt" + (", and the same call goes on from here." if self.keeper else ".")
        )
        return History(rows, interrupted=True)

    # --- checkpoints

    def _keep(self) -> None:
        if self.keeper is None:
            return
        states = [random_state()]
        if self.accelerator.num_processes > 1:
            from accelerate.utils import gather_object

            states = gather_object(states)
        if self.accelerator.is_main_process:
            self.keeper.write(
                {
                    "format": CHECKPOINT_FORMAT,
                    "signature": self.signature,
                    "epoch": self.epoch,
                    "step": self.step,
                    "loss_sum": self.loss_sum,
                    "examples": self.examples,
                    "seconds": self.seconds,
                    "rows": self.rows,
                    "model": self.model.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "schedule": self.schedule.state_dict(),
                    "random": states,
                }
            )

    def _take_up(self, keeper: Keeper) -> None:
        kept = keeper.read()
        if kept is None:
            return
        if found := difference(kept["signature"], self.signature):
            raise CheckpointError(f"{keeper.path} belongs to another training: {found}. Name another file.")
        if len(kept["random"]) != self.accelerator.num_processes:
            raise CheckpointError(
                f"{keeper.path} was made with {len(kept['random'])} processes, there are "
                f"{self.accelerator.num_processes} now. Start as many, or name another file."
            )
        try:
            self.model.load_state_dict(kept["model"])
        except RuntimeError:
            raise CheckpointError(f"{keeper.path} belongs to another model. Name another file.") from None
        self.optimizer.load_state_dict(kept["optimizer"])
        self.schedule.load_state_dict(kept["schedule"])
        self.epoch, self.step, self.rows = kept["epoch"], kept["step"], kept["rows"]
        self.loss_sum, self.examples, self.seconds = kept["loss_sum"], kept["examples"], kept["seconds"]
        set_random_state(kept["random"][self.accelerator.process_index])


def _count_steps(batches: Iterable[Batch], processes: int) -> int:
    if not isinstance(batches, Sized):
        raise ValueError(
            f"batches must tell how many they are, got {type(batches).__name__} without a length. "
            "A list of batches does, and so do Batches and a DataLoader."
        )
    if not len(batches):
        raise ValueError("batches must hold at least one batch, got none.")
    return -(-len(batches) // processes)


def _shares(batches: Iterable[Batch], epoch: int, accelerator: Accelerator) -> Iterator[Batch]:
    """The batches of this process. Each process gets as many; where they do not divide, the first ones come again."""
    if callable(set_epoch := getattr(batches, "set_epoch", None)):
        set_epoch(epoch)
    count, own = accelerator.num_processes, accelerator.process_index
    if count == 1:
        yield from batches
        return
    first: list[Batch] = []
    number = -1
    for number, batch in enumerate(batches):
        if len(first) < count:
            first.append(batch)
        if number % count == own:
            yield batch
    if (number + 1) % count and own >= (number + 1) % count:
        yield first[own % len(first)]
