"""One training loop: any classifier, any number of devices, and nothing lost when it is stopped.

Notable choices:
- `accelerate` finds the devices: the same call trains on a CPU, on one GPU, or under `accelerate launch` on several;
- a checkpoint holds all that the next step depends on (weights, optimizer, schedule, random numbers, place in the
  epoch), so a run that was stopped and taken up again ends bit for bit where an undisturbed one ends;
- it is written beside its place and then renamed: after a kill there is the whole old one or the whole new one;
- an interrupted cell stops between two steps and the model keeps what it learnt; a second interrupt stops at once;
- the loss stays on the device until it is shown, so that a GPU is never made to wait for it;
- float32 weights; where the hardware is fast in bfloat16, the forward pass runs in it (no scaling of the loss needed).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from course_utils.runtime import choose_device, seed_everything

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from accelerate import Accelerator
    from numpy.typing import NDArray

__all__ = ["CheckpointError", "History", "Predictions", "Recipe", "choose_precision", "predict", "train"]

SCHEDULES = ("linear", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")

# Raise this when a checkpoint's content changes its meaning.
CHECKPOINT_FORMAT = 1
CHECKPOINT_SECONDS = 60.0  # between two checkpoints within an epoch
SHOW_SECONDS = 0.5  # between two looks at the loss
LINE_SECONDS = 30.0  # between two lines where no progress bar can be shown
_WRITING = ".writing-"  # how the name of a file begins that is not yet whole
_STALE_SECONDS = 3600.0  # an older one belongs to a process that was killed


class CheckpointError(ValueError):
    """A checkpoint cannot be written, read, or used for this run. The message is one sentence or two."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. The defaults suit a small encoder that starts from random weights."""

    epochs: int = 3  # how often every example is seen
    learning_rate: float = 1e-3  # the highest of the schedule; a pretrained encoder wants about 2e-5
    weight_decay: float = 0.01  # of AdamW, on matrices only
    warmup_share: float = 0.1  # share of all steps over which the learning rate rises
    schedule: str = "linear"  # after the warm-up: "linear" falls to 0 at the last step, "constant" stays
    clip_norm: float | None = 1.0  # longer gradients are shortened to this; None leaves them
    precision: str = "auto"  # "float32", "bfloat16", or "auto": bfloat16 where the hardware is fast in it
    label_smoothing: float = 0.0  # share of the target that is spread over all classes
    seed: int = 0  # of dropout and all else that is drawn during training

    def __post_init__(self) -> None:
        rules: list[tuple[bool, str, object]] = [
            (self.epochs >= 1, "epochs must be at least 1", self.epochs),
            (self.learning_rate > 0, "learning_rate must be positive", self.learning_rate),
            (self.weight_decay >= 0, "weight_decay must not be negative", self.weight_decay),
            (0 <= self.warmup_share <= 1, "warmup_share must lie between 0 and 1", self.warmup_share),
            (self.schedule in SCHEDULES, f"schedule must be one of {', '.join(SCHEDULES)}", self.schedule),
            (self.clip_norm is None or self.clip_norm > 0, "clip_norm must be positive or None", self.clip_norm),
            (self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}", self.precision),
            (0 <= self.label_smoothing < 1, "label_smoothing must lie in [0, 1)", self.label_smoothing),
        ]
        for holds, rule, got in rules:
            if not holds:
                raise ValueError(f"{rule}, got {got!r}.")


@dataclass
class History:
    """What happened, a row for each epoch."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False  # stopped before its last step; the last row may then be of a part of an epoch

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says about each example, in the corpus's order."""

    logits: NDArray[np.float32]  # (examples, classes)
    labels: NDArray[np.int64]  # (examples,)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(examples,), the class with the largest logit."""
        return self.logits.argmax(axis=1).astype(np.int64)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(examples,), whether that is the label."""
        return self.predicted == self.labels

    @property
    def accuracy(self) -> float:
        """Share of the examples that are right, in [0, 1]."""
        return float(self.correct.mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        logits = self.logits.astype(np.float64)
        top = logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
        return float((log_sum - logits[np.arange(len(logits)), self.labels]).mean())


Batch = dict[str, Any]


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

    accelerator = _accelerator(device)
    precision = choose_precision(recipe.precision, accelerator.device)
    steps = _count_steps(batches, accelerator.num_processes)
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    seed_everything((recipe.seed + 7919 * accelerator.process_index) % 2**32)
    own = optimizer is None
    run = _Run(
        accelerator=accelerator,
        model=model,
        optimizer=optimizer if optimizer is not None else _make_optimizer(model, recipe),
        recipe=recipe,
        precision=precision,
        steps=steps,
        keeper=_Keeper(Path(checkpoint), checkpoint_seconds) if checkpoint is not None else None,
        signature={"recipe": asdict(recipe) | {"precision": precision}, "steps": steps, "own_optimizer": own},
    )
    try:
        with _Stop() as stop, _Display(progress and accelerator.is_main_process, recipe.epochs, steps) as display:
            return run.go(batches, validation, stop, display)
    finally:
        accelerator.free_memory()
        model.to(home)


def predict(
    model: torch.nn.Module, batches: Iterable[Batch], device: str = "auto", precision: str = "auto"
) -> Predictions:
    """The model's predictions for all examples, in the order of the corpus, whatever the order of the batches.

    Eval mode and no gradients while it runs; afterwards the model's mode and device are what they were.
    """
    import torch

    accelerator = _accelerator(device)
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    model.to(accelerator.device)
    try:
        return _predict(accelerator, model, batches, choose_precision(precision, accelerator.device))
    finally:
        accelerator.free_memory()
        model.to(home)


# --- one run ------------------------------------------------------------------------------------------------------


@dataclass
class _Run:
    """A training with all that its next step depends on."""

    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    precision: str
    steps: int  # of an epoch, on each process
    keeper: _Keeper | None
    signature: dict[str, Any]
    epoch: int = 0  # epochs that are done
    step: int = 0  # steps of this epoch that are done
    loss_sum: float = 0.0  # over the examples of this epoch so far
    examples: int = 0  # of this epoch so far, on this process
    seconds: float = 0.0  # of this epoch so far
    rows: list[dict[str, Any]] = field(default_factory=list)

    def go(
        self, batches: Iterable[Batch], validation: Iterable[Batch] | None, stop: _Stop, display: _Display
    ) -> History:
        import torch

        self.wrapped, self.stepper = self.accelerator.prepare(self.model, self.optimizer)
        self.schedule = _make_schedule(self.optimizer, self.recipe, self.steps * self.recipe.epochs)
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
                    found = _predict(self.accelerator, self.wrapped, validation, self.precision)
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

    def _epoch(self, batches: Iterable[Batch], stop: _Stop, display: _Display) -> bool:
        """Whether the epoch was walked through to its end."""
        import torch

        device = self.accelerator.device
        total = torch.zeros((), dtype=torch.float64, device="cpu" if device.type == "mps" else device)
        before, start = self.seconds, time.perf_counter()
        done, state = self.step, _random_state()
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
                _set_random_state(state)  # walking up to here may have drawn numbers
            if stop.asked:
                settle()
                self._keep()
                return False
            inputs = _to_device(batch, device)
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
        with _autocast(self.accelerator.device, self.precision):
            logits = _logits(self.wrapped(batch["input_ids"], batch["attention_mask"]))
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

    def _interrupted(self, display: _Display) -> History:
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
        states = [_random_state()]
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

    def _take_up(self, keeper: _Keeper) -> None:
        kept = keeper.read()
        if kept is None:
            return
        if difference := _difference(kept["signature"], self.signature):
            raise CheckpointError(f"{keeper.path} belongs to another training: {difference}. Name another file.")
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
        _set_random_state(kept["random"][self.accelerator.process_index])


def _predict(accelerator: Accelerator, model: torch.nn.Module, batches: Iterable[Batch], precision: str) -> Predictions:
    import torch

    training = model.training
    logits: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    order = getattr(batches, "order", None)
    order = None if order is None else np.array(order)
    model.eval()
    try:
        with torch.no_grad(), _autocast(accelerator.device, precision):
            for number, batch in enumerate(batches):
                if number % accelerator.num_processes == accelerator.process_index:
                    inputs = _to_device(batch, accelerator.device)
                    found = _logits(model(inputs["input_ids"], inputs["attention_mask"]))
                    logits.append(found.float().cpu().numpy())
                    labels.append(batch["labels"].cpu().numpy())
    finally:
        model.train(training)
    if accelerator.num_processes > 1:
        logits, labels = _interleave(logits), _interleave(labels)
    if not logits:
        raise ValueError("batches must hold at least one example to predict, got none.")
    all_logits, all_labels = np.concatenate(logits), np.concatenate(labels)
    if order is not None and len(order) == len(all_labels):
        place = np.argsort(order)
        all_logits, all_labels = all_logits[place], all_labels[place]
    return Predictions(all_logits, all_labels)


def _interleave(own: list[Any]) -> list[Any]:
    """What all processes hold, in the order of the batches: batch i came from process i modulo their number."""
    from accelerate.utils import gather_object

    shares = gather_object([own])
    return [share[turn] for turn in range(len(shares[0])) for share in shares if turn < len(share)]


# --- parts of a step ----------------------------------------------------------------------------------------------


def _accelerator(device: str) -> Accelerator:
    """Accelerate's view of the machine. Its state is one for the process, so another device wants a fresh one."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    launched = int(os.environ.get("WORLD_SIZE", "1")) > 1
    wanted = None if launched and device == "auto" else choose_device(device)
    if PartialState._shared_state and wanted is not None and PartialState().device != wanted:
        if launched:
            raise ValueError(f'device must be "auto" under accelerate launch, got "{device}".')
        AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(mixed_precision="no", cpu=wanted is not None and wanted.type == "cpu")
    if wanted is not None and wanted.index is not None and accelerator.device != wanted:
        accelerator.state.device = wanted
    return accelerator


def choose_precision(name: str, device: torch.device) -> str:
    """ "float32" or "bfloat16"; auto takes bfloat16 where the hardware multiplies faster in it."""
    import torch

    if name not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {name!r}.")
    if name != "auto":
        return name
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device)[0] >= 8
    elif device.type == "cpu":
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # names of torch 2.13
        fast = any(getattr(torch.cpu, question, bool)() for question in asked)
    else:
        fast = False
    return "bfloat16" if fast else "float32"


@contextlib.contextmanager
def _autocast(device: torch.device, precision: str) -> Iterator[None]:
    import torch

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def _logits(output: Any) -> torch.Tensor:
    return cast("torch.Tensor", getattr(output, "logits", output))


def _to_device(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    if device.type == "cuda":
        return {name: value.pin_memory().to(device, non_blocking=True) for name, value in batch.items()}
    return {name: value.to(device) for name, value in batch.items()}


def _make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW that pulls matrices towards zero, and leaves gammas and biases alone."""
    import torch

    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not learnt:
        raise ValueError("model must have a parameter that can be learnt, got none with requires_grad.")
    groups = [
        {"params": [parameter for parameter in learnt if parameter.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [parameter for parameter in learnt if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=recipe.learning_rate, fused=learnt[0].device.type != "mps"
    )


def _make_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each step as a share of its highest: up, then down to 0 or level."""
    from torch.optim.lr_scheduler import ConstantLR, LinearLR, LRScheduler, SequentialLR

    warmup = min(round(recipe.warmup_share * steps), steps)
    after: LRScheduler
    if recipe.schedule == "linear":
        after = LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=max(steps - warmup, 1))
    else:
        after = ConstantLR(optimizer, factor=1.0, total_iters=1)
    if not warmup:
        return after
    # The first step is one that learns: factors 1/(w+1), 2/(w+1), ..., then 1 when the warm-up is over.
    rise = LinearLR(optimizer, start_factor=1 / (warmup + 1), end_factor=1.0, total_iters=warmup)
    return SequentialLR(optimizer, [rise, after], milestones=[warmup])


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


# --- random numbers -----------------------------------------------------------------------------------------------


def _random_state() -> dict[str, Any]:
    """The states of every generator that a step may draw from, as tensors and plain numbers."""
    import torch

    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, float(cached)],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    import torch

    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])


# --- checkpoints --------------------------------------------------------------------------------------------------


class _Keeper:
    """A checkpoint's file: whole or not there."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self._seconds, self._last = path, seconds, time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def write(self, content: dict[str, Any]) -> None:
        import torch

        writing: Path | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._clear_stale()
            with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=self._prefix(), delete=False) as file:
                writing = Path(file.name)
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(writing, self.path)
            writing = None
        except (OSError, RuntimeError) as error:  # torch tells a full disk as RuntimeError
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise CheckpointError(f"The checkpoint {self.path} cannot be written: {reason}.") from error
        finally:
            if writing is not None:
                with contextlib.suppress(OSError):
                    writing.unlink()
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        import torch

        if not self.path.exists():
            return None
        try:
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            if kept["format"] != CHECKPOINT_FORMAT:
                raise CheckpointError(f"{self.path} was made by another version of the course. Name another file.")
        except CheckpointError:
            raise
        except Exception as error:  # torch raises what the damage happens to hit
            raise CheckpointError(
                f"{self.path} is not a whole checkpoint ({type(error).__name__}). Delete it to start again."
            ) from error
        return cast("dict[str, Any]", kept)

    def _prefix(self) -> str:
        return f"{_WRITING}{self.path.name}-"

    def _clear_stale(self) -> None:
        for path in self.path.parent.glob(f"{self._prefix()}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


def _difference(kept: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two trainings, empty for nothing."""
    for name, value in now["recipe"].items():
        if kept["recipe"].get(name) != value:
            return f"its {name} was {kept['recipe'].get(name)!r} and is {value!r} now"
    if kept["steps"] != now["steps"]:
        return f"its epoch had {kept['steps']} steps and has {now['steps']} now"
    if kept["own_optimizer"] != now["own_optimizer"]:
        return "its optimizer was another"
    return ""


# --- interruption and display -------------------------------------------------------------------------------------


class _Stop:
    """Turns the first interrupt into a wish, so that it takes effect between two steps; the second one raises."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None
        self._holds = False

    def __enter__(self) -> _Stop:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is not None and before is not signal.SIG_IGN:
                self._before, self._holds = before, True
                signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class _Display:
    """A progress bar where somebody looks, now and then a line where the output goes to a file."""

    def __init__(self, wanted: bool, epochs: int, steps: int) -> None:
        self._wanted, self._epochs, self._steps = wanted, epochs, steps
        self._bar: Any = None
        self._last = self._last_line = time.monotonic()

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin_epoch(self, epoch: int, step: int) -> None:
        if self._wanted and _is_watched():
            from tqdm.std import tqdm

            what = f"epoch {epoch + 1}/{self._epochs}"
            self._bar = tqdm(
                total=self._steps, initial=step, desc=what, file=sys.stdout, leave=False, mininterval=SHOW_SECONDS
            )

    def due(self) -> bool:
        return self._wanted and time.monotonic() - self._last >= SHOW_SECONDS

    def show(self, epoch: int, step: int, loss: float, rate: float) -> None:
        self._last = time.monotonic()
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix(loss=f"{loss:.4f}", per_second=f"{rate:.0f}", refresh=False)
        elif self._last - self._last_line >= LINE_SECONDS:
            self._last_line = self._last
            share = f"epoch {epoch + 1}/{self._epochs}, step {step}/{self._steps}"
            print(f"{share}: loss {loss:.4f}, {rate:.0f} examples/s", flush=True)

    def end_epoch(self, row: dict[str, Any]) -> None:
        text = f"epoch {row['epoch']}/{self._epochs}: loss {row['loss']:.4f}"
        if row["validation_accuracy"] is not None:
            text += f", validation accuracy {row['validation_accuracy']:.4f}"
        self.say(f"{text}, {row['examples_per_second']:.0f} examples/s, {row['seconds']:.1f} s")

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._wanted:
            self._last_line = time.monotonic()
            print(text, flush=True)


def _is_watched() -> bool:
    """Whether the output goes to a terminal or into a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stdout.isatty() or type(shell).__name__ == "ZMQInteractiveShell"
