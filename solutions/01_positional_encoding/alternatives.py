"""Right answers of unit 01 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative


def _div_term(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="div_term", source=f"def div_term(d_model: int) -> Tensor:\n{body}")


ALTERNATIVES = [
    # TODO 1 -----------------------------------------------------------------------------------------------------------
    _div_term("power", "    return 10000.0 ** (-torch.arange(0, d_model, 2) / d_model)\n"),
    _div_term(
        "reciprocal_in_float64",
        "    i = torch.arange((d_model + 1) // 2).double()\n    return 1 / 10000 ** (2 * i / d_model)\n",
    ),
    _div_term(
        "whole_division_where_it_belongs",
        "    i = torch.arange((d_model + 1) // 2).float()\n    return torch.exp(i * (-math.log(10000.0) / d_model * 2))\n",
    ),
    _div_term(
        "the_report_mended",
        "    return torch.exp(torch.mul(torch.arange(0,d_model,2),-torch.log(torch.tensor(10000))/d_model))\n",
    ),
    _div_term(
        "loop_that_prints_and_warns",
        "    import warnings\n"
        "    warnings.warn('a warning costs nothing')\n"
        "    values = []\n"
        "    for column in range(0, d_model, 2):\n"
        "        values.append(math.exp(-math.log(10000) * column / d_model))\n"
        "        print('frequency of column', column)\n"
        "    return torch.tensor(values)\n",
    ),
    _div_term(
        "numpy_inside",
        "    import numpy as np\n"
        "    return torch.from_numpy(np.power(1e4, -np.arange(0, d_model, 2) / d_model)).float()\n",
    ),
    # TODO 2 and 3 -----------------------------------------------------------------------------------------------------
    Alternative(
        name="loops_in_python",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    pe = torch.zeros(max_len, d_model)
    for pos in range(max_len):
        for column in range(d_model):
            angle = pos / 10000 ** ((column - column % 2) / d_model)
            pe[pos, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return pe
""",
    ),
    Alternative(
        name="numpy_table_with_pairs_of_columns",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    import numpy as np
    table = np.array([[pos / 10000 ** (2 * (j // 2) / d_model) for j in range(d_model)] for pos in range(max_len)])
    table[:, 0::2], table[:, 1::2] = np.sin(table[:, 0::2]), np.cos(table[:, 1::2])
    return torch.tensor(table, dtype=torch.float32)
""",
    ),
    Alternative(
        name="cosine_as_shifted_sine",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    column = torch.arange(d_model)
    frequencies = div_term(d_model).repeat_interleave(2)[:d_model]
    return torch.sin(torch.outer(torch.arange(max_len).float(), frequencies) + column % 2 * math.pi / 2)
""",
    ),
    Alternative(
        name="stacked_in_float64",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64)
    angles = torch.arange(max_len, dtype=torch.float64)[:, None] * torch.exp(-two_i / d_model * math.log(10000))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(max_len, -1)[:, :d_model]
""",
    ),
    Alternative(
        name="einsum_with_a_leftover_column_cut",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    angles = torch.einsum("p,f->pf", torch.arange(max_len, dtype=torch.float32), div_term(d_model))
    pe = torch.zeros(max_len, 2 * angles.size(1))
    pe[:, 0::2] = torch.sin(angles)
    pe[:, 1::2] = torch.cos(angles)
    return pe[:, :d_model]
""",
    ),
    # TODO 4 -----------------------------------------------------------------------------------------------------------
    Alternative(
        name="table_with_the_sequence_first",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model).unsqueeze(1))  # (max_len, 1, d_model)

    def forward(self, x):
        if x.size(1) > self.pe.size(0):
            raise ValueError(f"at most {self.pe.size(0)} tokens, got {x.size(1)}")
        x = x.transpose(0, 1)  # (seq, batch, d_model)
        return self.dropout(x + self.pe[: x.size(0)]).transpose(0, 1)
""",
    ),
    Alternative(
        name="batch_axis_and_persistent",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model).unsqueeze(0))

    def forward(self, x):
        if x.shape[1] > self.pe.shape[1]:
            raise ValueError("too long")
        x = x + self.pe[:, : x.shape[1]].requires_grad_(False)
        return self.dropout(x)
""",
    ),
    Alternative(
        name="table_written_in_the_constructor",
        exercise="PositionalEncoding",
        source="""
class TooLong(ValueError):
    pass


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.p, self.max_len = dropout, max_len
        position = torch.arange(max_len).unsqueeze(1)
        frequencies = 1 / 10000 ** (torch.arange(0, d_model, 2) / d_model)
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(position * frequencies)
        pe[:, 1::2] = torch.cos(position * frequencies)[:, : d_model // 2]
        self.register_buffer("pe", pe)

    def forward(self, x):
        batch, seq, d_model = x.shape
        if seq > self.max_len:
            raise TooLong(f"at most {self.max_len}, got {seq}")
        return nn.functional.dropout(torch.add(x, self.pe[:seq].expand(batch, -1, -1)), self.p, self.training)
""",
    ),
    Alternative(
        name="float64_table_and_index",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model).double(), persistent=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        print("shape", x.shape)
        if not x.size(1) <= len(self.pe):
            raise ValueError(x.size(1))
        return self.drop(x + self.pe.index_select(0, torch.arange(x.size(1))))
""",
    ),
    Alternative(
        name="clone_then_in_place",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model))

    def forward(self, x):
        try:
            rows = torch.stack([self.pe[place] for place in range(x.size(1))])
        except IndexError:
            raise ValueError("seq is larger than max_len") from None
        out = x.clone()
        out += rows
        return self.dropout(out)
""",
    ),
    Alternative(
        name="table_made_at_the_first_call",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.register_buffer("pe", None)
        self.sizes, self.dropout = (max_len, d_model), nn.Dropout(dropout)

    def forward(self, x):
        if x.size(1) > self.sizes[0]:
            raise ValueError(f"at most {self.sizes[0]} tokens, got {x.size(1)}")
        if self.pe is None:
            self.pe = sinusoidal_encoding(*self.sizes)
        return self.dropout(x + self.pe[: x.size(1)])
""",
    ),
    Alternative(
        name="rows_to_spare",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Dropout):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__(dropout)
        self.max_len = max_len
        self.register_buffer("pe", sinusoidal_encoding(max(max_len, 600), d_model)[None])

    def forward(self, x):
        if x.size(1) > self.max_len:
            raise ValueError(f"{x.size(1)} tokens for {self.max_len} positions")
        return super().forward(x + self.pe[:, : x.size(1)])
""",
    ),
    # TODO 5 -----------------------------------------------------------------------------------------------------------
    Alternative(
        name="block_diag",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2 != 0:
        raise ValueError(d_model)
    blocks = []
    for angle in (offset * div_term(d_model)).tolist():
        sine, cosine = math.sin(angle), math.cos(angle)
        blocks.append(torch.tensor([[cosine, -sine], [sine, cosine]]))
    return torch.block_diag(*blocks)
""",
    ),
    Alternative(
        name="fitted_by_least_squares",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("odd")
    table = sinusoidal_encoding(60 + abs(offset), d_model).double()
    before, after = table[: 60], table[abs(offset) :]
    if offset < 0:
        before, after = after, before
    return torch.linalg.lstsq(before, after).solution
""",
    ),
    Alternative(
        name="fitted_in_float32",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("odd")
    table = sinusoidal_encoding(2000, d_model)
    start = max(0, -offset)
    stop = 2000 - max(0, offset)
    return torch.linalg.pinv(table[start:stop]) @ table[start + offset : stop + offset]
""",
    ),
    Alternative(
        name="matrix_exponential",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2 == 1:
        raise ValueError(f"d_model must be even, got {d_model}")
    turn = torch.zeros(d_model, d_model, dtype=torch.float64)
    for pair, frequency in enumerate(div_term(d_model)):
        turn[2 * pair + 1, 2 * pair] = frequency
        turn[2 * pair, 2 * pair + 1] = -frequency
    return torch.matrix_exp(offset * turn).float()
""",
    ),
    Alternative(
        name="loop_over_pairs_in_place",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model & 1:
        raise ValueError("needs pairs")
    matrix = torch.eye(d_model)
    for i in range(0, d_model, 2):
        angle = torch.tensor(offset / 10000 ** (i / d_model))
        matrix[i : i + 2, i : i + 2] = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    return matrix
""",
    ),
]
