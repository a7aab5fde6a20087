"""Answers without content: constants, noise, and inputs handed back, with the right names, signatures and refusals.

They do whatever can be done without doing the exercise: they have the right shapes and parameters, refuse what has to
be refused, and tie what they return to the inputs and weights with a factor of 0, so that a graph is there. None may
earn more than `MOST` of its exercise's points. Every exercise of every unit has some; a new one needs some too.

What a part of the work has in it is no answer of this kind, as a mean that forgets the mask for `masked_mean`, or
weights that are uniform because the scores are still open, but that follow the mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import indent

MOST = 0.1  # of an exercise's points

HEAD = """\
import math
import random
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset


def seeded(like):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(0))


def fresh(like):
    return torch.from_numpy(np.random.default_rng().standard_normal(tuple(like.shape))).float()


def shares(values):
    return torch.softmax(values, dim=-1)


"""

# of any tensor of floats `like` that has the right shape
CONSTANTS = {
    "zeros": "torch.zeros(like.shape)",
    "ones": "torch.ones(like.shape)",
    "equal shares": "torch.full(like.shape, 1.0 / max(like.shape[-1], 1))",
    "a slope of numbers": "torch.arange(float(like.numel())).reshape(like.shape)",
}
NOISE = {
    "torch's noise": "torch.randn(like.shape)",
    "fresh noise": "fresh(like)",
    "the same noise each time": "seeded(like)",
    "noise in shares": "shares(torch.randn(like.shape))",
}


def _function(
    signature: str, like: str, refusal: str, bodies: Mapping[str, str], floats: str = ""
) -> Iterator[tuple[str, str]]:
    """Functions that return each body; with the refusal and, where floats go in, as part of their graph.

    like: an expression of the right shape; floats: a tensor of floats among the arguments.
    """
    tail = f" + 0.0 * {floats}.sum()" if floats else ""
    for name, body in bodies.items():
        yield name, f"{HEAD}def {signature}:\n{indent(refusal, '    ')}    like = {like}\n    return {body}{tail}\n"


def _module(
    name: str, init: str, make: str, signature: str, like: str, refusal: str, bodies: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Modules with all parameters that return each body, as they are, and tied to the parameters with a factor of 0."""
    tied = " + 0.0 * sum(p.sum() for p in self.parameters())"
    for kind, tail in (("", ""), (", in a graph", tied)):
        for title, body in bodies.items():
            yield (
                title + kind,
                f"{HEAD}class {name}(nn.Module):\n    def __init__(self, {init}):\n        super().__init__()\n"
                f"{indent(make, ' ' * 8)}\n    def forward(self, {signature}):\n{indent(refusal, ' ' * 8)}"
                f"        like = {like}\n        return {body}{tail}\n",
            )


def _positions() -> Iterator[tuple[str, str]]:
    make = (
        "self.register_buffer('pe', torch.zeros(max_len, d_model))\n"
        "self.dropout, self.max_len = nn.Dropout(dropout), max_len\n"
    )
    refusal = "if x.size(1) > self.max_len:\n    raise ValueError(f'at most {self.max_len}, got {x.size(1)}')\n"
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the tokens": "x",
        "twice the tokens": "2 * x",
        "the tokens and 1": "x + 1",
        "the first token": "x[:, :1].expand_as(x)",
        "the mean": "x.mean(1, keepdim=True).expand_as(x)",
        "the table alone": "self.pe[: x.size(1)].expand_as(x)",
        "the tokens and noise": "x + torch.randn(x.shape)",
    }
    for name, body in bodies.items():
        for title, text in ((name, body), (f"{name}, through dropout", f"self.dropout({body})")):
            yield from _module(
                "PositionalEncoding", "d_model, dropout=0.1, max_len=5000", make, "x", "x", refusal, {title: text}
            )


def _heads() -> Iterator[tuple[str, str]]:
    make = (
        "if d_model % num_heads:\n    raise ValueError(f'{num_heads} does not divide {d_model}')\n"
        "self.num_heads, self.attn_weights = num_heads, None\n"
        "for name in ('q_proj', 'k_proj', 'v_proj', 'out_proj'):\n"
        "    setattr(self, name, nn.Linear(d_model, d_model))\n"
    )
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the tokens": "x",
        "the last map alone": "self.out_proj(x)",
        "two maps": "self.out_proj(self.v_proj(x))",
        "all maps": "self.out_proj(self.v_proj(x) + self.q_proj(x) + self.k_proj(x))",
        "the mean": "x.mean(1, keepdim=True).expand_as(x)",
        "the mean, mapped": "self.out_proj(self.v_proj(x).mean(1, keepdim=True)).expand_as(x)",
        "the mean of what counts": "self.out_proj((x * there).sum(1, True) / there.sum(1, True)).expand_as(x)",
        "tokens and mean": "x + self.out_proj((x * there).sum(1, True) / there.sum(1, True))",
        "the map of noise": "self.out_proj(torch.randn(x.shape))",
        "the map of fresh noise": "self.out_proj(fresh(x))",
    }
    kept = {
        "equal shares": "torch.full((len(x), self.num_heads, x.size(1), x.size(1)), 1.0 / x.size(1))",
        "noise": "shares(torch.randn(len(x), self.num_heads, x.size(1), x.size(1)))",
    }
    for title, weights in kept.items():
        refusal = (
            "there = torch.ones(x.shape[:2]).unsqueeze(-1) if mask is None else (mask != 0).float().unsqueeze(-1)\n"
            f"self.attn_weights = {weights}\n"
        )
        for name, source in _module(
            "MultiHeadSelfAttention", "d_model, num_heads", make, "x, mask=None", "x", refusal, bodies
        ):
            yield f"{name}; kept: {title}", source


def _attention() -> Iterator[tuple[str, str]]:
    weights = {
        "zeros": "torch.zeros(shape)",
        "ones": "torch.ones(shape)",
        "equal shares": "torch.full(shape, 1.0 / shape[-1])",
        "one key": "F.one_hot(torch.zeros(shape[:-1], dtype=torch.long), shape[-1]).float()",
        "the diagonal": "torch.eye(shape[-2], shape[-1]).expand(shape).clone()",
        "noise": "shares(torch.randn(shape))",
        "fresh noise": "shares(fresh(torch.zeros(shape)))",
        "the same noise each time": "shares(seeded(torch.zeros(shape)))",
        "raw noise": "torch.randn(shape)",
        "a slope of numbers": "shares(torch.arange(float(math.prod(shape))).reshape(shape))",
        "the queries": "q.mean(-1, keepdim=True).expand(shape).clone()",
        "the keys": "k.mean(-1).unsqueeze(-2).expand(shape).clone()",
    }
    # zeros tell nothing of the scores behind them: a constant that leaves one entry along some axis
    for axis in (-2, -3, -4):
        weights[f"one entry along axis {axis}"] = f"first({axis})"
    contexts = {
        "zeros": "torch.zeros(*q.shape[:-1], v.shape[-1])",
        "noise": "torch.randn(*q.shape[:-1], v.shape[-1])",
        "the first value": "v[..., :1, :].expand(*q.shape[:-1], v.shape[-1])",
        "the mean of the values": "v.mean(-2, keepdim=True).expand(*q.shape[:-1], v.shape[-1])",
        "the sum of the values": "v.sum(-2, keepdim=True).expand(*q.shape[:-1], v.shape[-1])",
        "no context": "None",
    }
    for name, text in weights.items():
        for other, context in contexts.items():
            for tie in ("", " + 0.0 * (q.sum() + k.sum() + v.sum())"):
                tied = tie if context != "None" else ""
                yield (
                    f"weights: {name}; context: {other}{', in a graph' if tie else ''}",
                    f"{HEAD}def scaled_dot_product_attention(q, k, v, mask=None):\n"
                    "    shape = (*q.shape[:-1], k.shape[-2])\n\n"
                    "    def first(axis):\n"
                    "        made = torch.zeros(shape)\n"
                    "        made.narrow(max(axis, -len(shape)), 0, 1).fill_(1.0)\n"
                    "        return made\n\n"
                    f"    return {context}{tied}, {text}{tie}\n",
                )


def _layers(name: str) -> Iterator[tuple[str, str]]:
    make = (
        "self.self_attn = MultiHeadSelfAttention(d_model, num_heads)\nself.norm1 = nn.LayerNorm(d_model)\n"
        "self.ff = FeedForward(d_model, d_ff, dropout)\nself.norm2 = nn.LayerNorm(d_model)\n"
    )
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the tokens": "x",
        "twice the tokens": "x + x",
        "the mean": "x.mean(1, keepdim=True).expand_as(x)",
        "normed elsewhere": "F.layer_norm(x, x.shape[-1:])",
    }
    signature = "d_model, num_heads, d_ff, dropout=0.1"
    yield from _module(name, signature, make, "x, mask=None", "x", "", bodies)
    if name == "RepairedEncoderLayer":
        yield "the broken one", f"class {name}(BrokenEncoderLayer):\n    pass\n"


def _feed_forward() -> Iterator[tuple[str, str]]:
    make = (
        "self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)\n"
        "self.dropout = nn.Dropout(dropout)\n"
    )
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the tokens": "x",
        "twice the tokens": "x + x",
        "the tokens through a ReLU": "F.relu(x)",
        "the mean": "x.mean(-1, keepdim=True).expand_as(x)",
    }
    bodies |= {f"{title}, through dropout": f"self.dropout({body})" for title, body in bodies.items()}
    yield from _module("FeedForward", "d_model, d_ff, dropout=0.1", make, "x", "x", "", bodies)


def _classifier() -> Iterator[tuple[str, str]]:
    make = (
        "self.embedding, self.head = nn.Embedding(vocab_size, d_model), nn.Linear(d_model, num_classes)\n"
        "self.layers = nn.ModuleList([nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, batch_first=True)\n"
        "                             for _ in range(num_layers)])\n"
        "self.dropout, self.num_classes = nn.Dropout(dropout), num_classes\n"
    )
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the map of nothing": "self.head(torch.zeros(len(input_ids), self.head.in_features))",
        "the map of nothing, through dropout": "self.head(self.dropout(torch.ones(len(input_ids), "
        "self.head.in_features)))",
        "the map of noise": "self.head(torch.randn(len(input_ids), self.head.in_features))",
        "the first token": "self.head(self.dropout(self.embedding(input_ids[:, 0])))",
        "the numbers of the words": "input_ids.float().mean(1, keepdim=True).expand(-1, self.num_classes)",
        "the first word's number": "input_ids[:, :1].float().expand(-1, self.num_classes)",
    }
    init = "vocab_size, num_classes, d_model=128, num_heads=4, d_ff=256, num_layers=2, max_len=256, dropout=0.1"
    like = "torch.zeros(len(input_ids), self.num_classes)"
    name = "TransformerEncoderClassifier"
    yield from _module(name, init, make, "input_ids, attention_mask=None", like, "", bodies)


def _epochs(name: str, signature: str, mode: str) -> Iterator[tuple[str, str]]:
    values = {
        "0": "0.0",
        "a half": "0.5",
        "1": "1.0",
        "chance": "random.random()",
        "the share that was public": "0.0 if not count else public / count",
        "how many": "float(count)",
        "the mean label": "labels / max(count, 1)",
    }
    calls = {
        "not asked": "",
        "asked": "        model(batch['input_ids'], batch['attention_mask'])\n",
    }
    for asked, call in calls.items():
        for title, value in values.items():
            yield (
                f"{title}, the model {asked}",
                f"{HEAD}def {name}({signature}):\n"
                f"    count = public = labels = 0\n    {mode}\n"
                "    for number, batch in enumerate(batches):\n"
                f"{call}"
                "        size = len(batch['labels'])\n        count += size\n"
                "        labels += int(batch['labels'].sum())\n"
                "        public += size - (number + 1) % size\n"
                f"    return {value}\n",
            )


def _news() -> Iterator[tuple[str, str]]:
    for title, (ids, mask, label) in {
        "zeros": ("torch.zeros", "torch.zeros", "torch.tensor(0)"),
        "ones": ("torch.ones", "torch.ones", "torch.tensor(1)"),
        "noise": ("noise", "noise", "torch.randint(0, 4, ())"),
    }.items():
        yield (
            title,
            f"{HEAD}def noise(size, dtype=None):\n    return torch.randint(0, 2, (size,))\n\n\n"
            "class NewsDataset(Dataset):\n"
            "    def __init__(self, texts, labels, tokenizer, max_length=50):\n        self.max_length = max_length\n\n"
            "    def __len__(self):\n        return 4\n\n    def __getitem__(self, index):\n        return {\n"
            f"            'input_ids': {ids}(self.max_length, dtype=torch.long),\n"
            f"            'attention_mask': {mask}(self.max_length, dtype=torch.long),\n"
            f"            'labels': {label}}}\n",
        )


SLICES = {
    "the second vector": "hidden[:, 1 % hidden.size(1)]",
    "the last vector": "hidden[:, -1]",
    "the middle vector": "hidden[:, hidden.size(1) // 2]",
}


def _attention_pooling() -> Iterator[tuple[str, str]]:
    make = (
        "self.inner, self.score = nn.Linear(hidden_size, attention_size), nn.Linear(attention_size, 1)\n"
        "self.weights = None\n"
    )
    one = "F.one_hot(torch.zeros(len(hidden), dtype=torch.long), hidden.size(1)).float()"
    kept = {
        "equal shares": "torch.full(hidden.shape[:2], 1.0 / hidden.size(1))",
        "shares of what counts": "(mask != 0).float() / (mask != 0).sum(1, keepdim=True)",
        "noise": "shares(torch.randn(hidden.shape[:2]))",
        "the same noise each time": "shares(seeded(hidden[:, :, 0]))",
        "the first vector": one,
    }
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the first vector": "hidden[:, 0]",
        "the mean": "hidden.mean(1)",
        "as kept": "(self.weights.unsqueeze(-1) * hidden).sum(1)",
        "the largest": "hidden.max(1).values",
    }
    for title, weights in kept.items():
        refusal = f"self.weights = {weights}\n"
        for name, source in _module(
            "AttentionPooling", "hidden_size, attention_size=128", make, "hidden, mask", "hidden[:, 0]", refusal, bodies
        ):
            yield f"{name}; kept: {title}", source


def _bert() -> Iterator[tuple[str, str]]:
    make = (
        "if pooling not in ('cls', 'mean', 'max', 'attention'):\n"
        "    raise ValueError(f'one of cls, mean, max, attention; got {pooling}')\n"
        "size = encoder.config.hidden_size\n"
        "self.encoder, self.dropout, self.head = encoder, nn.Dropout(dropout), nn.Linear(size, num_labels)\n"
        "self.num_labels = num_labels\n"
        "if pooling == 'attention':\n    self.inner, self.score = nn.Linear(size, 128), nn.Linear(128, 1)\n"
    )
    nothing = "torch.zeros(len(input_ids), self.head.in_features)"
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the map of nothing": f"self.head({nothing})",
        "the map of ones, through dropout": f"self.head(self.dropout(1 + {nothing}))",
        "the map of noise": f"self.head(torch.randn_like({nothing}))",
        "the numbers of the words": "input_ids.float().mean(1, keepdim=True).expand(-1, self.num_labels)",
        "the first word's number": "input_ids[:, :1].float().expand(-1, self.num_labels)",
        "the first word's number, mapped": f"self.head(self.dropout(input_ids[:, :1].float() + {nothing}))",
    }
    init = "encoder, num_labels, pooling='cls', dropout=0.1"
    like = "torch.zeros(len(input_ids), self.num_labels)"
    yield from _module("BertClassifier", init, make, "input_ids, attention_mask", like, "", bodies)


def _split(signature: str, shape: str, handed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    like = f"torch.zeros({shape})"
    yield from _function(signature, like, "", {**CONSTANTS, **NOISE, **handed}, "x")


def answers(exercise: str) -> dict[str, str]:
    """Answers without content to an exercise: name -> the source of its cell. Raises KeyError where there are none."""
    return dict(_BY_EXERCISE[exercise]())


ODD_WIDTH = "if d_model % 2:\n    raise ValueError(f'even, got {d_model}')\n"
ODD_SPANS = (
    "for start, end in spans:\n    if not 0 <= start < end <= len(hidden):\n"
    "        raise ValueError(f'{start}, {end}')\n"
)
NO_ROOM = "if max_tokens < 3:\n    raise ValueError(f'at least 3, got {max_tokens}')\n"

_BY_EXERCISE: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "div_term": lambda: _function(
        "div_term(d_model)",
        "torch.zeros((d_model + 1) // 2)",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the width": "torch.full_like(like, float(d_model))",
            "the columns": "torch.arange(0, d_model, 2).float()",
        },
    ),
    "sinusoidal_encoding": lambda: _function(
        "sinusoidal_encoding(max_len, d_model)",
        "torch.zeros(max_len, d_model)",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the positions": "torch.arange(float(max_len)).unsqueeze(1).expand_as(like).clone()",
            "the columns": "torch.arange(float(d_model)).expand_as(like).clone()",
        },
    ),
    "PositionalEncoding": _positions,
    "shift_matrix": lambda: _function(
        "shift_matrix(offset, d_model)",
        "torch.zeros(d_model, d_model)",
        ODD_WIDTH,
        {
            **CONSTANTS,
            **NOISE,
            "the identity": "torch.eye(d_model)",
            "the offset": "torch.full_like(like, float(offset))",
            "the offset on the diagonal": "offset * torch.eye(d_model)",
        },
    ),
    "scaled_dot_product_attention": _attention,
    "split_heads": lambda: _split(
        "split_heads(x, num_heads)",
        "x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads",
        {
            "the first columns": "x[..., : like.shape[-1]].unsqueeze(1).expand(like.shape)",
            "the mean": "x.mean(-1)[:, None, :, None].expand(like.shape)",
            "x itself": "x",
        },
    ),
    "merge_heads": lambda: _split(
        "merge_heads(x)",
        "x.shape[0], x.shape[2], x.shape[1] * x.shape[3]",
        {
            "the first head": "torch.cat([x[:, 0]] * x.shape[1], dim=-1)",
            "the mean of the heads": "torch.cat([x.mean(1)] * x.shape[1], dim=-1)",
            "x itself": "x",
        },
    ),
    "MultiHeadSelfAttention": _heads,
    "FeedForward": _feed_forward,
    "TransformerEncoderLayer": lambda: _layers("TransformerEncoderLayer"),
    "RepairedEncoderLayer": lambda: _layers("RepairedEncoderLayer"),
    "masked_mean": lambda: _function(
        "masked_mean(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mask": "mask.float().mean() + like"},
        "hidden",
    ),
    "TransformerEncoderClassifier": _classifier,
    "train_epoch": lambda: _epochs("train_epoch", "model, batches, optimizer, loss_fn", "model.train()"),
    "evaluate": lambda: (
        (name, source.replace("def evaluate(", "@torch.no_grad()\ndef evaluate("))
        for name, source in _epochs("evaluate", "model, batches", "model.eval()")
    ),
    "NewsDataset": _news,
    "cls_pooling": lambda: _function(
        "cls_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the mean": "hidden.mean(1)", "the largest": "hidden.max(1).values"},
        "hidden",
    ),
    "max_pooling": lambda: _function(
        "max_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mean": "hidden.mean(1)"},
        "hidden",
    ),
    "AttentionPooling": _attention_pooling,
    "BertClassifier": _bert,
    "attention_entropy": lambda: _function(
        "attention_entropy(attn, mask)",
        "torch.zeros(attn.shape[:2])",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the first weight": "attn[..., 0, 0]",
            "the mean": "attn.mean((-2, -1))",
            "the first column": "attn[..., 0].mean(-1)",
        },
    ),
    "attention_rollout": lambda: _function(
        "attention_rollout(attentions)",
        "torch.zeros(attentions[0].mean(1).shape)",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the identity": "torch.eye(like.shape[-1]).expand(like.shape).clone()",
            "the first layer": "attentions[0].mean(1)",
            "the last layer": "attentions[-1].mean(1)",
            "a head of the last layer": "attentions[-1][:, 0]",
        },
    ),
    "pack_sentences": lambda: _function(
        "pack_sentences(lengths, max_tokens)",
        "None",
        NO_ROOM,
        {
            "nothing": "[]",
            "an empty block": "[[]]",
            "each alone": "[[i] for i in range(len(lengths))]",
            "all together": "[list(range(len(lengths)))] if lengths else []",
            "pairs": "[list(range(len(lengths)))[i : i + 2] for i in range(0, len(lengths), 2)]",
            "the lengths": "[lengths]",
            "chance": "[[i] if random.random() < 0.5 else [i, i] for i in range(len(lengths))]",
        },
    ),
    "sentence_embeddings": lambda: _function(
        "sentence_embeddings(hidden, spans)",
        "torch.zeros(len(spans), hidden.shape[1])",
        ODD_SPANS,
        {
            **CONSTANTS,
            **NOISE,
            "the first tokens": "hidden[: len(spans)]",
            "the first token of each": "hidden[[start for start, _ in spans]]",
            "the last token of each": "hidden[[end - 1 for _, end in spans]]",
            "the mean of all": "hidden.mean(0).expand(len(spans), -1)",
        },
        "hidden",
    ),
    "warmup_linear_decay": lambda: _function(
        "warmup_linear_decay(step, warmup_steps, total_steps)",
        "None",
        "",
        {
            "0": "0.0",
            "a half": "0.5",
            "1": "1.0",
            "1 until the end": "1.0 if step < total_steps else 0.0",
            "chance": "random.random()",
            "the step": "float(step)",
            "the share of the run": "step / total_steps",
        },
    ),
}
