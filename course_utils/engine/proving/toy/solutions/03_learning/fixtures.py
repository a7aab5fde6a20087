"""What a learner's code is given in 03_learning, and what watches it: a small model that takes notes, and a probe."""

import torch
from torch import Tensor, nn


class NotingModel(nn.Module):
    """A linear map that notes of each call its mode, and whether what it gives is part of a graph."""

    def __init__(self, weight: Tensor) -> None:
        """weight: (classes, columns)."""
        super().__init__()
        self.map = nn.Linear(weight.shape[1], weight.shape[0])
        self.map.load_state_dict({"weight": weight, "bias": torch.zeros(weight.shape[0])})
        self.modes: list[bool] = []  # True for train mode, one for each call
        self.recording: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        given: Tensor = self.map(x)
        self.modes.append(self.training)
        self.recording.append(given.requires_grad)
        return given


def descent(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Plain gradient descent on a model's weights."""
    return torch.optim.SGD(model.parameters(), lr=rate)


class Probe:
    """A model in eval mode, and what can be told of it by watching its weights, whatever their names are."""

    def __init__(self, model: nn.Module, seed: int) -> None:
        """seed: of what weights are moved by."""
        self.model, self.seed = model.eval(), seed

    def sizes(self, x: Tensor) -> list[int]:
        """How many numbers the model's weights hold, and how many of them lie in weights that its answer depends on."""
        generator = torch.Generator().manual_seed(self.seed % 2**63)
        held = used = 0
        with torch.no_grad():
            before = self.model(x)
            for weight in self.model.parameters():
                kept = weight.clone()
                weight.add_(torch.randn(weight.shape, generator=generator))
                held += weight.numel()
                used += weight.numel() if (self.model(x) - before).abs().max() > 1e-4 else 0
                weight.copy_(kept)
        return [held, used]
