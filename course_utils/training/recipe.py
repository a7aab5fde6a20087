"""How a model is trained: a recipe, and the optimizer and the schedule of learning rates that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_utils.training.hardware import PRECISIONS

if TYPE_CHECKING:
    import torch

SCHEDULES = ("linear", "constant")


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


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
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


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
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
