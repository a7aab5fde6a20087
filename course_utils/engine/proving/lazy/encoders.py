"""Answers without content to the exercises of an encoder: positions, attention, heads, layers."""

from __future__ import annotations

from collections.abc import Iterator

from .parts import CONSTANTS, HEAD, NOISE, modules


def positions() -> Iterator[tuple[str, str]]:
    """Tokens handed back, through dropout or not, constants and noise."""
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
            yield from modules(
                "PositionalEncoding", "d_model, dropout=0.1, max_len=5000", make, "x", "x", refusal, {title: text}
            )


def heads() -> Iterator[tuple[str, str]]:
    """Attention in several heads that hands back maps of the tokens, with weights known without looking."""
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
        for name, source in modules(
            "MultiHeadSelfAttention", "d_model, num_heads", make, "x, mask=None", "x", refusal, bodies
        ):
            yield f"{name}; kept: {title}", source


def attention() -> Iterator[tuple[str, str]]:
    """Attention whose context and weights are constants, noise or inputs, in a graph or not."""
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


def layers(name: str) -> Iterator[tuple[str, str]]:
    """Encoder layers that hand back tokens, constants or noise."""
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
    yield from modules(name, signature, make, "x, mask=None", "x", "", bodies)
    if name == "RepairedEncoderLayer":
        yield "the broken one", f"class {name}(BrokenEncoderLayer):\n    pass\n"


def feed_forward() -> Iterator[tuple[str, str]]:
    """Feed-forward parts that hand back tokens, constants or noise, through dropout or not."""
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
    yield from modules("FeedForward", "d_model, d_ff, dropout=0.1", make, "x", "x", "", bodies)
