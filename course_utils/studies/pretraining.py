"""What unit 09 trains with: how long, on how many labels, and one loop for filling in gaps and for classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_utils.batches import Batches

if TYPE_CHECKING:
    import torch

    LossOf = Callable[[torch.nn.Module, dict[str, torch.Tensor]], torch.Tensor]


@dataclass(frozen=True)
class PretrainingPlan:
    """All that decides how an encoder is pretrained, and what it is then compared on."""

    seeds: tuple[int, ...] = (1, 2)
    epochs: int = 20  # of pretraining
    batch_size: int = 64
    learning_rate: float = 5e-3  # the loss of the gaps was 3.0 after 5 epochs, 1.7 after 10, 1.1 after 20
    counts: tuple[int, ...] = (64, 256, 1_024, 3_600)  # labelled reviews to learn from
    tuning_steps: int = 300
    tuning_batch_size: int = 32
    tuning_rate: float = 3e-3


# For the embedded reviews, on two cores: half a minute for each seed, and some seconds for each count.
QUICK = PretrainingPlan()


def learn(model: torch.nn.Module, batches: Batches, steps: int, rate: float, loss_of: LossOf) -> list[float]:
    """The loss of each of so many steps, epoch after epoch; the rate rises over the first tenth of them, then falls.

    loss_of: (model, batch) -> the loss of a batch, a scalar
    Raises ValueError for ten steps or fewer: their first tenth has no room for a rise.
    """
    import torch

    if steps <= 10:
        raise ValueError(f"steps must be more than 10, got {steps}. Take more epochs.")
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    model.train()
    told: list[float] = []
    while len(told) < steps:
        batches.set_epoch(len(told) // len(batches))
        for batch in batches:
            if len(told) == steps:
                break
            loss = loss_of(model, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            told.append(loss.item())
    return told
