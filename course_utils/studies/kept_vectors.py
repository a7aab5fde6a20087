"""What an encoder's layers that do not learn make of every text, computed once.

- a frozen encoder's vectors are computed once, and then only pooling and classes learn from them: seconds a run
- where only the encoder's last layers learn, so are the vectors that go into the first of these
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from course_utils.batches import Batches
from course_utils.runtime import choose_device
from course_utils.studies.headlines import TEST_BATCH, PreparedNews
from course_utils.training import choose_precision

if TYPE_CHECKING:
    import torch

Vectors = dict[bytes, "torch.Tensor"]  # a text's token ids, as bytes -> (tokens, hidden_size) in float16


class KeptVectors:
    """What an encoder's layers that do not learn make of every text, computed once and only if it is asked for."""

    def __init__(
        self,
        ready: PreparedNews,
        learning_layers: int | None = None,
        device: str = "auto",
        encoder_dropout: float | None = None,
    ) -> None:
        """ready: whose texts; learning_layers, encoder_dropout: as in NewsPlan; device: where vectors are computed."""
        self._ready, self._device, self._dropout = ready, device, encoder_dropout
        self._model = ready.encoder.model
        layers = getattr(getattr(self._model, "encoder", None), "layer", None)  # where a BERT has them
        self._upper = None if learning_layers is None or layers is None else layers[-learning_layers:]
        self._below: Vectors | None = None
        self._above: Vectors | None = None

    def frozen(self) -> torch.nn.Module:
        """A module that answers as the encoder does and has nothing to learn."""
        if self._above is None:
            self._above = self._compute()
        return _from_kept(self._model.config, self._above, ())

    def to_fine_tune(self) -> torch.nn.Module:
        """A fresh copy of the encoder, or of the layers that learn on top of what was kept."""
        learning = copy.deepcopy(self._model if self._upper is None else self._upper)
        if self._dropout is not None:
            _set_dropout(learning, self._dropout)
        if self._upper is None:
            return cast("torch.nn.Module", learning)
        if self._below is None:
            self._below = self._compute_below(len(self._upper))
        return _from_kept(self._model.config, self._below, learning)

    def _compute_below(self, learning: int) -> Vectors:
        """What goes into the first layer that learns; the layers that learn do not run for it."""
        encoder, layers = self._model.encoder, self._model.encoder.layer
        encoder.layer = layers[: len(layers) - learning]
        try:
            return self._compute()
        finally:
            encoder.layer = layers

    def _compute(self) -> Vectors:
        """What comes out of the encoder's last layer, for every text."""
        import torch

        device, model = choose_device(self._device), self._model
        kept: Vectors = {}
        model.to(device).eval()
        fast = choose_precision("auto", device) == "bfloat16"
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
            for tokens in (self._ready.train_tokens, self._ready.test_tokens):
                for batch in Batches(tokens, [0] * len(tokens), TEST_BATCH, pad_id=self._ready.pad_id):
                    ids, mask = batch["input_ids"], batch["attention_mask"]
                    states = model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
                    for row, real, vectors in zip(ids, mask.bool(), states.half().cpu(), strict=True):
                        kept[row[real].numpy().tobytes()] = vectors[real].clone()
        model.to("cpu")
        return kept


def _set_dropout(model: torch.nn.Module, rate: float) -> None:
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate


def _from_kept(config: Any, vectors: Vectors, layers: Any) -> torch.nn.Module:
    """An encoder that begins with kept vectors, found by token ids, and goes on with some layers of a BERT."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from transformers.modeling_outputs import BaseModelOutput

    class FromKept(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = config
            self.layers = torch.nn.ModuleList(layers)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> BaseModelOutput:
            hidden = torch.zeros(*input_ids.shape, config.hidden_size)
            for row, (ids, real) in enumerate(zip(input_ids.cpu(), attention_mask.cpu().bool(), strict=True)):
                hidden[row, : int(real.sum())] = vectors[ids[real].numpy().tobytes()].float()
            hidden = hidden.to(input_ids.device)
            seen = attention_mask.bool()[:, None, None, :]  # (batch, 1, 1, seq), as torch's attention takes it
            # a CPU is slow on the way back through fused attention in bfloat16: 84 texts a second, plain products 113
            plain = sdpa_kernel(SDPBackend.MATH) if hidden.device.type == "cpu" else nullcontext()
            with plain:
                for layer in self.layers:
                    output = layer(hidden, seen)
                    hidden = output[0] if isinstance(output, tuple) else output
            return BaseModelOutput(last_hidden_state=hidden)

    return FromKept()
