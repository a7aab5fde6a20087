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
    # as people write them too
    _div_term(
        "powers_of_one_ratio",
        """    ratio = 10000.0 ** (-2 / d_model)
    return ratio ** torch.arange((d_model + 1) // 2)
""",
    ),
    _div_term(
        "running_product",
        """    count = (d_model + 1) // 2
    steps = torch.full((count,), 10000.0 ** (-2 / d_model), dtype=torch.float64)
    steps[0] = 1
    return torch.cumprod(steps, dim=0).float()
""",
    ),
    _div_term(
        "base_two",
        """    return torch.exp2(-torch.arange(0, d_model, 2) * (math.log2(10000.0) / d_model))
""",
    ),
    _div_term(
        "every_second_of_all_columns",
        """    columns = torch.arange(d_model, dtype=torch.float32)
    return torch.pow(10000.0, -columns / d_model)[::2]
""",
    ),
    _div_term(
        "list_comprehension_of_roots",
        """    return torch.tensor([1 / (10000 ** (2 * i / d_model)) for i in range((d_model + 1) // 2)], dtype=torch.float32)
""",
    ),
    _div_term(
        "logspace",
        """    count = math.ceil(d_model / 2)
    return torch.logspace(0, -4 * 2 * (count - 1) / d_model, count)
""",
    ),
    _div_term(
        "square_root_of_a_hundred_million",
        """    i = torch.arange(0, d_model, 2).div(d_model)
    return torch.rsqrt(torch.tensor(1e8)).pow(i)
""",
    ),
    Alternative(
        name="real_and_imaginary_parts",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    angles = torch.outer(torch.arange(max_len, dtype=torch.float32), div_term(d_model))
    turned = torch.polar(torch.ones_like(angles), angles)  # cos + i sin
    pairs = torch.view_as_real(turned).flip(-1)
    return pairs.flatten(1)[:, :d_model]
""",
    ),
    Alternative(
        name="where_over_column_parity",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    position = torch.arange(max_len)[:, None]
    column = torch.arange(d_model)[None, :]
    angles = position / torch.pow(10000.0, (2 * torch.div(column, 2, rounding_mode="floor")) / d_model)
    return torch.where(column % 2 == 0, torch.sin(angles), torch.cos(angles))
""",
    ),
    Alternative(
        name="columns_appended_one_by_one",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    position = torch.arange(0, max_len, dtype=torch.float)
    columns = []
    for frequency in div_term(d_model):
        columns += [torch.sin(position * frequency), torch.cos(position * frequency)]
    return torch.stack(columns[:d_model], dim=1)
""",
    ),
    Alternative(
        name="index_add_of_two_halves",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    angles = torch.arange(max_len, dtype=torch.float32).unsqueeze(1) @ div_term(d_model).unsqueeze(0)
    table = torch.empty((max_len, d_model))
    table.index_copy_(1, torch.arange(0, d_model, 2), angles.sin())
    table.index_copy_(1, torch.arange(1, d_model, 2), angles[:, : d_model // 2].cos())
    return table
""",
    ),
    Alternative(
        name="rows_by_turning_the_row_before",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    rates = div_term(d_model).double()
    sine, cosine = torch.zeros_like(rates), torch.ones_like(rates)
    rows = []
    for _ in range(max_len):
        rows.append(torch.stack([sine, cosine], dim=1).flatten()[:d_model])
        sine, cosine = (
            sine * rates.cos() + cosine * rates.sin(),
            cosine * rates.cos() - sine * rates.sin(),
        )
    return torch.stack(rows).float()
""",
    ),
    Alternative(
        name="even_width_then_cut",
        exercise="sinusoidal_encoding",
        source="""
def sinusoidal_encoding(max_len, d_model):
    width = d_model + d_model % 2
    pe = torch.zeros(max_len, width // 2, 2)
    angles = torch.arange(max_len).float()[:, None] * div_term(d_model)[None]
    pe[..., 0] = angles.sin()
    pe[..., 1] = angles.cos()
    return pe.view(max_len, width)[:, :d_model].contiguous()
""",
    ),
    Alternative(
        name="embedding_lookup_of_the_buffer",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model), persistent=False)

    def forward(self, x):
        batch, seq, _ = x.size()
        if seq > self.pe.size(0):
            raise ValueError(f"{seq} tokens, and the table has {self.pe.size(0)} rows")
        places = torch.arange(seq, device=x.device).expand(batch, seq)
        return self.dropout(x + nn.functional.embedding(places, self.pe))
""",
    ),
    Alternative(
        name="dropout_by_a_random_mask",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.rate = dropout
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model))

    def forward(self, x):
        if x.shape[1] > self.pe.shape[0]:
            raise ValueError("the sequence is longer than max_len")
        total = self.pe.narrow(0, 0, x.shape[1]) + x
        if not self.training or self.rate == 0:
            return total
        kept = torch.bernoulli(torch.full_like(total, 1 - self.rate))
        return total * kept / (1 - self.rate)
""",
    ),
    Alternative(
        name="sequential_behind_the_sum",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.max_len = max_len
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model).unsqueeze(0))
        self.after = nn.Sequential(nn.Identity(), nn.Dropout(dropout))

    def forward(self, x):
        seq = x.size(-2)
        if self.max_len < seq:
            raise ValueError("max_len=%d, seq=%d" % (self.max_len, seq))
        return self.after(torch.stack([sentence + self.pe[0, :seq] for sentence in x]))
""",
    ),
    Alternative(
        name="padded_table_and_cat",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        even = sinusoidal_encoding(max_len, d_model)
        self.register_buffer("pe", torch.cat([even[None]], dim=0), persistent=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        allowed = self.pe.shape[1]
        if not 0 <= x.shape[1] <= allowed:
            raise ValueError(f"seq={x.shape[1]} > max_len={allowed}")
        rows, _ = torch.split(self.pe, [x.shape[1], allowed - x.shape[1]], dim=1)
        return self.dropout(torch.add(x, rows))
""",
    ),
    Alternative(
        name="table_counted_anew_at_each_call",
        exercise="PositionalEncoding",
        source="""
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=5000):
        super().__init__()
        self.d_model, self.max_len, self.dropout = d_model, max_len, nn.Dropout(dropout)
        self.register_buffer("pe", sinusoidal_encoding(max_len, d_model), persistent=False)

    def forward(self, x):
        if x.size(1) > self.max_len:
            raise ValueError("too many tokens")
        with torch.no_grad():
            table = sinusoidal_encoding(x.size(1), self.d_model)
        return self.dropout(x + table.to(x))
""",
    ),
    Alternative(
        name="kronecker_products",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("an odd width has a sine without its cosine")
    angles = offset * div_term(d_model)
    same, turn = torch.eye(2), torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    return torch.kron(torch.diag(angles.cos()), same) + torch.kron(torch.diag(angles.sin()), turn)
""",
    ),
    Alternative(
        name="diagonals_above_and_below",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2 != 0:
        raise ValueError(f"even d_model wanted, got {d_model}")
    angles = (offset * div_term(d_model)).repeat_interleave(2)
    sines = angles.sin()[:-1] * (torch.arange(d_model - 1) % 2 == 0)
    return torch.diag(angles.cos()) + torch.diag(sines, -1) - torch.diag(sines, 1)
""",
    ),
    Alternative(
        name="four_axes_then_reshaped",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2 == 1:
        raise ValueError("d_model is odd")
    pairs = d_model // 2
    angles = div_term(d_model) * offset
    blocks = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], dim=-1).view(pairs, 2, 2)
    matrix = torch.zeros(pairs, 2, pairs, 2)
    for pair in range(pairs):
        matrix[pair, :, pair] = blocks[pair]
    return matrix.reshape(d_model, d_model)
""",
    ),
    Alternative(
        name="images_of_the_unit_vectors",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("odd")
    cosine, sine = torch.cos(offset * div_term(d_model)), torch.sin(offset * div_term(d_model))

    def moved(row):
        even, odd = row[0::2], row[1::2]
        return torch.stack([even * cosine + odd * sine, odd * cosine - even * sine], dim=1).flatten()

    return torch.stack([moved(row) for row in torch.eye(d_model)])
""",
    ),
    Alternative(
        name="numpy_block_by_block",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    import numpy as np

    if d_model & 1:
        raise ValueError("d_model has to be even")
    out = np.zeros((d_model, d_model))
    for i in range(d_model // 2):
        a = offset / np.power(10000.0, 2 * i / d_model)
        out[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return torch.from_numpy(out).float()
""",
    ),
    Alternative(
        name="steps_multiplied",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("odd width")
    angle = div_term(d_model).double()
    blocks = [torch.stack([torch.stack([a.cos(), -a.sin()]), torch.stack([a.sin(), a.cos()])]) for a in angle]
    one_step = torch.block_diag(*blocks)
    return torch.linalg.matrix_power(one_step, offset).float()
""",
    ),
    Alternative(
        name="scattered_into_a_flat_matrix",
        exercise="shift_matrix",
        source="""
def shift_matrix(offset, d_model):
    if d_model % 2:
        raise ValueError("d_model must be even")
    angles = offset * div_term(d_model)
    even = torch.arange(0, d_model, 2)
    flat = torch.zeros(d_model * d_model)
    for row, column, values in (
        (even, even, angles.cos()),
        (even + 1, even + 1, angles.cos()),
        (even + 1, even, angles.sin()),
        (even, even + 1, -angles.sin()),
    ):
        flat.scatter_(0, row * d_model + column, values)
    return flat.view(d_model, d_model)
""",
    ),
]
