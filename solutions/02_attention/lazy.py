"""Answers of 02_attention without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator, Mapping

from course_utils.engine.proving.lazy.parts import CONSTANTS, HEAD, NOISE, functions, modules


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


def _split(signature: str, shape: str, handed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    like = f"torch.zeros({shape})"
    yield from functions(signature, like, "", {**CONSTANTS, **NOISE, **handed}, "x")


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
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
}
