"""Answers of 03_encoder_layer without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, NOISE, modules


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


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "FeedForward": feed_forward,
    "TransformerEncoderLayer": lambda: layers("TransformerEncoderLayer"),
    "RepairedEncoderLayer": lambda: layers("RepairedEncoderLayer"),
}
