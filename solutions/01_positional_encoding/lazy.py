"""Answers of 01_positional_encoding without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, NOISE, functions, modules

ODD_WIDTH = "if d_model % 2:\n    raise ValueError(f'even, got {d_model}')\n"


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


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
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
}
