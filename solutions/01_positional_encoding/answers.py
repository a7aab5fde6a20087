"""Answers of unit 01: sinusoidal positional encoding.

Notable choices:
- a position runs over the tokens of a sentence and starts at 0; i numbers the pairs of columns (2i, 2i + 1)
- an odd width has one cosine column fewer than sine columns
- rows stand left of the shift matrix, as in `x @ weight`: PE[pos + offset] = PE[pos] @ matrix
"""

import math

import torch
from torch import Tensor, nn


def div_term(d_model: int) -> Tensor:
    """Frequency of each pair of columns, in radians per position.

    frequency[i] = 1 / 10000^(2i / d_model), for i = 0, 1, 2, ...

    d_model: width of the table, at least 1
    Returns (ceil(d_model / 2),).
    Source: Vaswani et al. 2017, section 3.5.
    """
    frequencies = None  # TODO 1: the formula above as an exponential, with torch.exp
    ### BEGIN SOLUTION
    two_i = torch.arange(0, d_model, 2, dtype=torch.float32)
    frequencies = torch.exp(-two_i * math.log(10000.0) / d_model)
    ### END SOLUTION
    return frequencies


def sinusoidal_encoding(max_len: int, d_model: int) -> Tensor:
    """Table of position vectors: row pos belongs to position pos.

    PE[pos, 2i]     = sin(pos * frequency[i])
    PE[pos, 2i + 1] = cos(pos * frequency[i])

    max_len: number of positions, 0 to max_len - 1
    d_model: width of the table, at least 1, even or odd
    Returns (max_len, d_model).
    Source: Vaswani et al. 2017, section 3.5.
    """
    position = torch.arange(max_len, dtype=torch.float32).unsqueeze(1)  # (max_len, 1)
    frequencies = div_term(d_model)  # (ceil(d_model / 2),)
    pe = torch.zeros(max_len, d_model)
    # TODO 2: fill the even columns 0, 2, 4, ... with sines
    ### BEGIN SOLUTION
    pe[:, 0::2] = torch.sin(position * frequencies)
    ### END SOLUTION
    # TODO 3: fill the odd columns 1, 3, 5, ... with cosines; an odd width has one odd column fewer
    ### BEGIN SOLUTION
    pe[:, 1::2] = torch.cos(position * frequencies[: d_model // 2])
    ### END SOLUTION
    return pe


class PositionalEncoding(nn.Module):
    """Adds to each token the vector of its position, then applies dropout.

    d_model: width of tokens and table
    dropout: share of the entries of the sum that training sets to 0
    max_len: longest sentence that the table has positions for
    Source: Vaswani et al. 2017, sections 3.5 and 5.4.
    """

    pe: Tensor

    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 5000) -> None:
        super().__init__()
        # TODO 4, first half: keep the table of max_len positions as a buffer named pe, and a dropout layer
        ### BEGIN SOLUTION
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Tokens with their positions.

        x: (batch, seq, d_model)
        Returns (batch, seq, d_model).
        Raises ValueError if seq is larger than max_len.
        """
        encoded = None  # TODO 4, second half: refuse a seq that is too long, add the first seq rows, apply dropout
        ### BEGIN SOLUTION
        seq, max_len = x.size(1), self.pe.size(0)
        if seq > max_len:
            raise ValueError(f"seq must be at most max_len = {max_len}, got {seq}. Is x (batch, seq, d_model)?")
        encoded = self.dropout(x + self.pe[:seq])  # (batch, seq, d_model) + (seq, d_model), a row for each token
        ### END SOLUTION
        return encoded


def shift_matrix(offset: int, d_model: int) -> Tensor:
    """Matrix that moves every row of the table by offset positions.

    PE[pos + offset] = PE[pos] @ matrix, with one matrix for every pos.

    offset:  number of positions, also negative or 0
    d_model: width of the table, even
    Returns (d_model, d_model).
    Raises ValueError if d_model is odd: the last sine would have no cosine beside it.
    Source: Vaswani et al. 2017, section 3.5, "for any fixed offset k".
    """
    matrix = None  # TODO 5: refuse an odd width; then one 2 x 2 block for each pair of columns, zeros elsewhere
    ### BEGIN SOLUTION
    if d_model % 2:
        raise ValueError(f"d_model must be even, got {d_model}. Each sine needs the cosine of its pair.")
    angles = offset * div_term(d_model)  # (d_model / 2,)
    even = torch.arange(0, d_model, 2)
    odd = even + 1
    matrix = torch.zeros(d_model, d_model, dtype=angles.dtype)
    matrix[even, even] = torch.cos(angles)
    matrix[odd, even] = torch.sin(angles)
    matrix[even, odd] = -torch.sin(angles)
    matrix[odd, odd] = torch.cos(angles)
    ### END SOLUTION
    return matrix
