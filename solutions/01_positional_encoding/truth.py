"""Hidden sizes and independent truths of unit 01: the paper's formula in float64, one number at a time."""

import math
from functools import cache

import torch
from torch import Tensor, nn


def _angle(pos: int, column: int, d_model: int) -> float:
    return pos / 10000 ** (column // 2 * 2 / d_model)


def _row(pos: int, d_model: int) -> list[float]:
    """Row of the table at one position: sine in even, cosine in odd columns."""
    return [(math.cos if j % 2 else math.sin)(_angle(pos, j, d_model)) for j in range(d_model)]


# Positions are chosen so that position + offset is never negative: a matrix may be fitted to rows of a table.
CASES = {
    "div_term": [dict(d_model=22), dict(d_model=9), dict(d_model=64)],
    "sinusoidal_encoding": [
        dict(max_len=11, d_model=22),
        dict(max_len=7, d_model=9),
        dict(max_len=61, d_model=12),
        dict(max_len=5, d_model=3),
        dict(max_len=4, d_model=1),
    ],
    "PositionalEncoding": [
        dict(batch=2, seq=6, d_model=14, max_len=9, dropout=0.4),
        dict(batch=3, seq=4, d_model=15, max_len=11, dropout=0.2),
        dict(batch=4, seq=8, d_model=10, max_len=13, dropout=0.5),
    ],
    "shift_matrix": [
        dict(offset=4, d_model=8, rows=[_row(pos, 8) for pos in range(2, 9)]),
        dict(offset=-3, d_model=6, rows=[_row(pos, 6) for pos in range(3, 12)]),
        dict(offset=0, d_model=4, rows=[_row(pos, 4) for pos in range(5)]),
        dict(offset=17, d_model=10, rows=[_row(pos, 10) for pos in range(20)]),
    ],
}


def div_term(d_model: int) -> Tensor:
    """Frequencies (ceil(d_model / 2),) as the paper writes them: 1 / 10000^(2i / d_model)."""
    return torch.tensor([_angle(1, column, d_model) for column in range(0, d_model, 2)], dtype=torch.float64)


@cache  # long tables are asked for again and again; nobody writes into one
def _table(max_len: int, d_model: int) -> Tensor:
    return torch.tensor([_row(pos, d_model) for pos in range(max_len)], dtype=torch.float64)


def sinusoidal_encoding(max_len: int, d_model: int) -> Tensor:
    """Table (max_len, d_model), row by row."""
    return _table(max_len, d_model)


class PositionalEncoding(nn.Module):
    """The table goes through an embedding with the positions as its indices, then torch's dropout."""

    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 5000) -> None:
        super().__init__()
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (batch, seq, d_model) with their positions. Raises ValueError if seq is too long."""
        positions = torch.arange(x.shape[1]).expand(x.shape[:2])
        if x.shape[1] > len(self.pe):
            raise ValueError("seq is larger than max_len")
        return self.dropout(nn.functional.embedding(positions, self.pe) + x)


def shift_matrix(offset: int, d_model: int) -> Tensor:
    """Real form of the diagonal matrix of exp(1j * frequency * offset), for z = cos + 1j * sin of each pair."""
    if d_model % 2:
        raise ValueError("d_model is odd")
    blocks = []
    for frequency in div_term(d_model):
        turn = torch.polar(torch.ones((), dtype=torch.float64), offset * frequency)
        # sine is the imaginary, cosine the real part: images of the row (1, 0) = 1j and of the row (0, 1) = 1
        images = [1j * turn, turn]
        blocks.append(torch.stack([torch.stack([image.imag, image.real]) for image in images]))
    return torch.block_diag(*blocks)
