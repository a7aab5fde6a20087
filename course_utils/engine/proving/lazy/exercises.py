"""The answers without content to each exercise, by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .classifiers import attention_poolings, berts, classifiers, epochs, news
from .encoders import attention, feed_forward, heads, layers, positions
from .parts import CONSTANTS, NOISE, functions


def _split(signature: str, shape: str, handed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    like = f"torch.zeros({shape})"
    yield from functions(signature, like, "", {**CONSTANTS, **NOISE, **handed}, "x")


SLICES = {
    "the second vector": "hidden[:, 1 % hidden.size(1)]",
    "the last vector": "hidden[:, -1]",
    "the middle vector": "hidden[:, hidden.size(1) // 2]",
}
ODD_WIDTH = "if d_model % 2:\n    raise ValueError(f'even, got {d_model}')\n"
ODD_SPANS = (
    "for start, end in spans:\n    if not 0 <= start < end <= len(hidden):\n"
    "        raise ValueError(f'{start}, {end}')\n"
)
NO_ROOM = "if max_tokens < 3:\n    raise ValueError(f'at least 3, got {max_tokens}')\n"
BY_EXERCISE: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "div_term": lambda: functions(
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
    "sinusoidal_encoding": lambda: functions(
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
    "PositionalEncoding": positions,
    "shift_matrix": lambda: functions(
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
    "scaled_dot_product_attention": attention,
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
    "MultiHeadSelfAttention": heads,
    "FeedForward": feed_forward,
    "TransformerEncoderLayer": lambda: layers("TransformerEncoderLayer"),
    "RepairedEncoderLayer": lambda: layers("RepairedEncoderLayer"),
    "masked_mean": lambda: functions(
        "masked_mean(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mask": "mask.float().mean() + like"},
        "hidden",
    ),
    "TransformerEncoderClassifier": classifiers,
    "train_epoch": lambda: epochs("train_epoch", "model, batches, optimizer, loss_fn", "model.train()"),
    "evaluate": lambda: (
        (name, source.replace("def evaluate(", "@torch.no_grad()\ndef evaluate("))
        for name, source in epochs("evaluate", "model, batches", "model.eval()")
    ),
    "NewsDataset": news,
    "cls_pooling": lambda: functions(
        "cls_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the mean": "hidden.mean(1)", "the largest": "hidden.max(1).values"},
        "hidden",
    ),
    "max_pooling": lambda: functions(
        "max_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mean": "hidden.mean(1)"},
        "hidden",
    ),
    "AttentionPooling": attention_poolings,
    "BertClassifier": berts,
    "attention_entropy": lambda: functions(
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
    "attention_rollout": lambda: functions(
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
    "pack_sentences": lambda: functions(
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
    "sentence_embeddings": lambda: functions(
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
    "warmup_linear_decay": lambda: functions(
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
