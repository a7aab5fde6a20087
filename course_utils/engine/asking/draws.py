"""The random inputs of a check: equal seeds and sizes give equal inputs, for the learner and for the truth."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch
from torch import Tensor


class Draw:
    """Sizes of one case as attributes, and seeded inputs in the order in which they are asked for."""

    def __init__(self, seed: int, first: bool = True, **sizes: Any) -> None:
        """seed: start of the stream of inputs; sizes: whatever the rule reads, such as columns=18.

        first: whether this is the first of the exercise's cases; what no size changes is looked at there alone.
        """
        self.seed, self.first = seed, first
        self._generator = torch.Generator().manual_seed(seed % 2**63)
        self.__dict__.update(sizes)

    @property
    def seed_to_tell(self) -> int:
        """A seed for the learner's side, such as that of fresh weights; no input of this draw follows from it."""
        return int.from_bytes(hashlib.sha256(f"told {self.seed}".encode()).digest()[:7], "big")

    def restart(self, part: str) -> None:
        """Start the stream of inputs anew, at a seed of a part of this draw's own."""
        digest = hashlib.sha256(f"{part} of {self.seed}".encode()).digest()
        self._generator.manual_seed(int.from_bytes(digest[:7], "big"))

    def beside(self, part: str) -> Draw:
        """A draw of the same sizes with inputs of its own: whatever is asked of it moves no input of this one."""
        sizes = {name: value for name, value in vars(self).items() if name not in ("seed", "first", "_generator")}
        other = Draw(self.seed, self.first, **sizes)
        other.restart(f"beside {part}")
        return other

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this case has no size {name!r}; it has {sorted(vars(self))}")

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Standard normal values times scale, float32, of the given shape."""
        return torch.randn(*shape, generator=self._generator) * scale

    def apart(self, *shape: int) -> Tensor:
        """Values of both signs of which no two are within 0.2, so that a small step changes no maximum."""
        ranks = self.normal(math.prod(shape)).argsort().float()
        return 0.2 * (ranks - ranks.mean()).reshape(shape)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform values between low and high, float32, of the given shape."""
        return torch.rand(*shape, generator=self._generator) * (high - low) + low

    def integers(self, high: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to high - 1, int64, of the given shape."""
        return torch.randint(high, shape, generator=self._generator)

    def mask(self, batch: int, seq: int, dtype: torch.dtype = torch.int64) -> Tensor:
        """A ragged mask (batch, seq): row 0 is all ones, every other row has 1 to seq - 1 of them, then zeros."""
        lengths = torch.randint(1, max(seq, 2), (batch,), generator=self._generator)
        lengths[0] = seq
        return (torch.arange(seq) < lengths[:, None]).to(dtype)

    def weights(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """Values for parameters by name: matrices of a trained size, vectors far from the 0 and 1 of a fresh layer."""
        values = {}
        for name, shape in sorted(shapes.items()):
            if len(shape) >= 2:
                values[name] = self.normal(*shape, scale=shape[-1] ** -0.5)
            else:
                offset = 1.0 if name.endswith("weight") else 0.2
                values[name] = offset + self.uniform(*shape, low=-0.4, high=0.4)
        return values
