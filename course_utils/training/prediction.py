"""What a model says about each example, whatever the order of the batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.training.hardware import Batch, autocast, choose_precision, find_accelerator, logits_of, move_batch

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from numpy.typing import NDArray


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


def predict(
    model: torch.nn.Module, batches: Iterable[Batch], device: str = "auto", precision: str = "auto"
) -> Predictions:
    """The model's predictions for all examples, in the order of the corpus, whatever the order of the batches.

    Eval mode and no gradients while it runs; afterwards the model's mode and device are what they were.
    """
    import torch

    accelerator = find_accelerator(device)
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    model.to(accelerator.device)
    try:
        return predict_with(accelerator, model, batches, choose_precision(precision, accelerator.device))
    finally:
        accelerator.free_memory()
        model.to(home)


def predict_with(
    accelerator: Accelerator, model: torch.nn.Module, batches: Iterable[Batch], precision: str
) -> Predictions:
    """As predict, on the accelerator's device, where the model already is; each process takes its share."""
    import torch

    training = model.training
    logits: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    order = getattr(batches, "order", None)
    order = None if order is None else np.array(order)
    model.eval()
    try:
        with torch.no_grad(), autocast(accelerator.device, precision):
            for number, batch in enumerate(batches):
                if number % accelerator.num_processes == accelerator.process_index:
                    inputs = move_batch(batch, accelerator.device)
                    found = logits_of(model(inputs["input_ids"], inputs["attention_mask"]))
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
