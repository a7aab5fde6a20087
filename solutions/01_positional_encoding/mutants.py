"""Known wrong answers of unit 01: each draws its hint and loses exactly the checks that it names."""

from course_utils.engine.making.units import Mutant

EXPONENTIAL = "frequencies = torch.exp(-two_i * math.log(10000.0) / d_model)"
TWO_I = "two_i = torch.arange(0, d_model, 2, dtype=torch.float32)"
EVEN = "pe[:, 0::2] = torch.sin(position * frequencies)"
ODD = "pe[:, 1::2] = torch.cos(position * frequencies[: d_model // 2])"
POSITION = "position = torch.arange(max_len, dtype=torch.float32).unsqueeze(1)"
LAST = "if d_model % 2:\n        pe[:, -1] = "
SLOWEST = "position[:, 0] * frequencies[-1]"
TABLE = 'self.register_buffer("pe", sinusoidal_encoding(max_len, d_model), persistent=False)'
DROPOUT = "self.dropout = nn.Dropout(dropout)"
SUM = "encoded = self.dropout(x + self.pe[:seq])"
TOO_LONG = "if seq > max_len:"
ODD_WIDTH = "if d_model % 2:"
ANGLES = "angles = offset * div_term(d_model)"


def _div_term(name: str, hint: str, *change: tuple[str, str]) -> Mutant:
    return Mutant(name=name, exercise="div_term", change=change, hint=hint, loses=("div_term-values",))


def _table(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"sinusoidal_encoding-{check}" for check in loses.split())
    return Mutant(name=name, exercise="sinusoidal_encoding", change=change, hint=hint, loses=checks)


def _layer(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"PositionalEncoding-{check}" for check in loses.split())
    return Mutant(name=name, exercise="PositionalEncoding", change=change, hint=hint, loses=checks)


def _shift(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"shift_matrix-{check}" for check in loses.split())
    return Mutant(name=name, exercise="shift_matrix", change=change, hint=hint, loses=checks)


MUTANTS = [
    # TODO 1 -----------------------------------------------------------------------------------------------------------
    _div_term(
        "report",  # as the laboratory report has it, letter by letter
        "misplaced_parenthesis",
        (
            EXPONENTIAL,
            "frequencies = torch.exp(torch.mul(torch.arange(0,d_model,2),-torch.log(torch.tensor(10000)/d_model)))",
        ),
    ),
    _div_term(
        "misplaced_math_log",
        "misplaced_parenthesis",
        (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log(10000.0 / d_model))"),
    ),
    _div_term(
        "i_for_2i",
        "step_of_exponent",
        (EXPONENTIAL, "frequencies = torch.exp(-two_i / 2 * math.log(10000.0) / d_model)"),
    ),
    _div_term(
        "4i_for_2i",
        "step_of_exponent",
        (EXPONENTIAL, "frequencies = torch.exp(-2 * two_i * math.log(10000.0) / d_model)"),
    ),
    _div_term(
        "missing_minus", "missing_minus", (EXPONENTIAL, "frequencies = torch.exp(two_i * math.log(10000.0) / d_model)")
    ),
    _div_term("power_without_reciprocal", "missing_minus", (EXPONENTIAL, "frequencies = 10000.0 ** (two_i / d_model)")),
    _div_term(
        "integer_division",
        "integer_division",
        (EXPONENTIAL, "frequencies = torch.exp(-(two_i // d_model) * math.log(10000.0))"),
    ),
    _div_term(
        "rate_rounded_down",
        "rate_rounded_down",
        (EXPONENTIAL, "frequencies = torch.exp(two_i / 2 * (-math.log(10000.0) / d_model // 2))"),
    ),
    _div_term(
        "rate_of_2i_rounded_down",
        "rate_rounded_down",
        (EXPONENTIAL, "frequencies = torch.exp(two_i * (-math.log(10000.0) // d_model))"),
    ),
    _div_term("base_1000", "wrong_base", (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log(1000.0) / d_model)")),
    _div_term(
        "log10", "wrong_logarithm", (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log10(10000.0) / d_model)")
    ),
    _div_term(
        "log2", "wrong_logarithm", (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log2(10000.0) / d_model)")
    ),
    _div_term("no_logarithm", "missing_logarithm", (EXPONENTIAL, "frequencies = torch.exp(-two_i / d_model)")),
    _div_term(
        "no_exponential", "missing_exponential", (EXPONENTIAL, "frequencies = -two_i * math.log(10000.0) / d_model")
    ),
    _div_term("not_divided", "missing_division", (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log(10000.0))")),
    _div_term(
        "last_is_1_over_10000",
        "last_frequency",
        (EXPONENTIAL, "frequencies = torch.exp(-two_i * math.log(10000.0) / max(two_i[-1].item(), 1.0))"),
    ),
    _div_term("one_per_column", "one_per_column", (TWO_I, "two_i = torch.arange(d_model, dtype=torch.float32)")),
    _div_term(
        "odd_width_cut", "odd_width_cut", (TWO_I, "two_i = torch.arange(0, d_model - 1, 2, dtype=torch.float32)")
    ),
    _div_term(
        "starts_at_2", "first_frequency", (TWO_I, "two_i = torch.arange(0, d_model, 2, dtype=torch.float32) + 2")
    ),
    # TODO 2 and 3 -----------------------------------------------------------------------------------------------------
    # a mistake in one gap comes before its namesake in both: of equal ones the first is recognised
    _table("both_sine", "odd_also_sine", "odd", (ODD, ODD.replace("cos", "sin"))),
    _table("both_cosine", "even_also_cosine", "even", (EVEN, EVEN.replace("sin", "cos"))),
    _table(
        "sine_and_cosine_swapped",
        "sine_cosine_swapped",
        "even odd",
        (EVEN, EVEN.replace("sin", "cos")),
        (ODD, ODD.replace("cos", "sin")),
    ),
    _table(
        "misplaced_written_inline",
        "misplaced_parenthesis",
        "even odd",
        (
            "frequencies = div_term(d_model)",
            "frequencies = torch.exp(torch.arange(0, d_model, 2) * -math.log(10000.0 / d_model))",
        ),
    ),
    _table("starts_at_1", "positions_start", "even odd", (POSITION, POSITION.replace("max_len", "1, max_len + 1"))),
    _table(
        "halves_of_table",
        "halves",
        "even odd",
        (EVEN, "pe[:, : len(frequencies)] = torch.sin(position * frequencies)"),
        (ODD, "pe[:, len(frequencies) :] = torch.cos(position * frequencies[: d_model // 2])"),
    ),
    _table("odd_width_forgotten", "odd_width", "odd", (ODD, "pe[:, 1::2] = torch.cos(position * frequencies)")),
    _table("narrower_by_one", "last_column_lost", "odd", ("return pe", "return pe[:, : d_model // 2 * 2]")),
    _table(
        "last_column_a_cosine",
        "last_column_differs",
        "odd",
        ("return pe", LAST + f"torch.cos({SLOWEST})\n    return pe"),
    ),
    _table(
        "last_column_too_fast",
        "last_column_differs",
        "odd",
        ("return pe", LAST + "torch.sin(position[:, 0])\n    return pe"),
    ),
    _table("odd_columns_empty", "columns_left_empty", "odd", (ODD, "pass")),
    _table("even_columns_empty", "columns_left_empty", "even", (EVEN, "pass")),
    _table(
        "own_frequency_of_odd",
        "own_frequency",
        "odd",
        (ODD, "pe[:, 1::2] = torch.cos(position * frequencies[: d_model // 2] / 10000 ** (1 / d_model))"),
    ),
    _table(
        "exponent_counted_twice",
        "exponent_counted_twice",
        "even odd",
        (EVEN, "pe[:, 0::2] = torch.sin(position * frequencies**2)"),
        (ODD, "pe[:, 1::2] = torch.cos(position * frequencies[: d_model // 2] ** 2 / 10000 ** (2 / d_model))"),
    ),
    _table(
        "exponent_of_pairs_counted_twice",
        "exponent_counted_twice",
        "even odd",
        ("frequencies = div_term(d_model)", "frequencies = div_term(d_model) ** 2"),
    ),
    _table("first_row_left_zero", "first_row_left_zero", "odd", ("return pe", "pe[0] = 0\n    return pe")),
    _table("divided", "divided_by_frequency", "even odd", ("= div_term(d_model)", "= 1 / div_term(d_model)")),
    _table("share_of_length", "share_of_length", "even odd", (POSITION, f"{POSITION} / max_len")),
    _table(
        "frequency_in_degrees", "degrees", "even odd", ("= div_term(d_model)", "= torch.deg2rad(div_term(d_model))")
    ),
    _table("table_transposed", "table_transposed", "even odd", ("return pe", "return pe.T")),
    # TODO 4 -----------------------------------------------------------------------------------------------------------
    _layer(
        "parameter",
        "table_is_trained",
        "buffer",
        (TABLE, "self.pe = nn.Parameter(sinusoidal_encoding(max_len, d_model))"),
    ),
    _layer(
        "frozen_parameter",
        "table_is_trained",
        "buffer",
        (TABLE, "self.pe = nn.Parameter(sinusoidal_encoding(max_len, d_model), requires_grad=False)"),
    ),
    _layer("plain_attribute", "not_registered", "buffer", (TABLE, "self.pe = sinusoidal_encoding(max_len, d_model)")),
    _layer("no_dropout", "no_dropout", "dropout", (SUM, "encoded = x + self.pe[:seq]")),
    _layer(
        "dropout_on_table",
        "dropout_before_sum",
        "dropout",
        (SUM, "encoded = x + self.dropout(self.pe[:seq].expand_as(x))"),
    ),
    _layer("dropout_on_rows", "dropout_before_sum", "dropout", (SUM, "encoded = x + self.dropout(self.pe[:seq])")),
    _layer("dropout_on_tokens", "dropout_before_sum", "dropout", (SUM, "encoded = self.dropout(x) + self.pe[:seq]")),
    _layer(
        "dropout_in_eval_mode",
        "dropout_in_eval",
        "dropout",
        (DROPOUT, "self.p = dropout"),
        (SUM, "encoded = nn.functional.dropout(x + self.pe[:seq], self.p)"),
    ),
    _layer("dropout_of_tokens", "whole_tokens_dropped", "dropout", (DROPOUT, "self.dropout = nn.Dropout1d(dropout)")),
    _layer("dropout_share_fixed", "dropout_share", "dropout", (DROPOUT, "self.dropout = nn.Dropout(0.1)")),
    _layer("keeps_share", "dropout_share_kept", "dropout", (DROPOUT, "self.dropout = nn.Dropout(1 - dropout)")),
    _layer("one_row_for_all", "one_row_for_all", "values", (SUM, "encoded = self.dropout(x + self.pe[x.size(1)])")),
    _layer("last_row_for_all", "one_row_for_all", "values", (SUM, "encoded = self.dropout(x + self.pe[seq - 1])")),
    _layer(
        "row_per_sentence",
        "batch_axis",
        "values",
        (SUM, "encoded = self.dropout(x + self.pe[: x.size(0)].unsqueeze(1))"),
    ),
    _layer("rows_by_the_batch", "batch_axis", "values", (SUM, "encoded = self.dropout(x + self.pe[: x.size(0)])")),
    _layer("whole_table", "table_not_cut", "values", (SUM, "encoded = self.dropout(x + self.pe)")),
    _layer("last_rows", "last_rows", "values", (SUM, "encoded = self.dropout(x + self.pe[-seq:])")),
    _layer(
        "scaled_tokens",
        "scaled_tokens",
        "values",
        (SUM, "encoded = self.dropout(x * x.size(-1) ** 0.5 + self.pe[:seq])"),
    ),
    _layer(
        "position_alone",
        "tokens_lost",
        "values buffer gradient dropout errors",
        (SUM, "encoded = self.dropout(self.pe[:seq].expand_as(x))"),
    ),
    _layer(
        "tokens_alone",
        "positions_lost",
        "values buffer gradient dropout errors",
        (SUM, "encoded = self.dropout(x)"),
    ),
    _layer("multiplied", "multiplied", "values", (SUM, "encoded = self.dropout(x * self.pe[:seq])")),
    _layer("in_place", "input_changed", "gradient", (SUM, "x += self.pe[:seq]\n        encoded = self.dropout(x)")),
    _layer("detached", "gradient_cut", "gradient", (SUM, "encoded = self.dropout(x.detach() + self.pe[:seq])")),
    _layer(
        "no_grad",
        "gradient_cut",
        "gradient",
        (SUM, "with torch.no_grad():\n            encoded = self.dropout(x + self.pe[:seq])"),
    ),
    _layer("no_length_error", "no_length_error", "errors", (TOO_LONG, "if False:")),
    _layer("full_length_refused", "full_length_refused", "errors", (TOO_LONG, "if seq >= max_len:")),
    _layer("index_error", "kind_of_error", "errors", ("raise ValueError", "raise IndexError")),
    _layer("runtime_error", "no_length_error", "errors", ("raise ValueError", "raise RuntimeError")),
    _layer("assertion_error", "kind_of_error", "errors", ("raise ValueError", "raise AssertionError")),
    _layer(
        "table_of_5000_rows",
        "long_text_cut",
        "errors",
        (TABLE, 'self.register_buffer("pe", sinusoidal_encoding(5000, d_model), persistent=False)'),
    ),
    _layer("cut_to_length", "long_text_cut", "errors", (TOO_LONG, "x = x[:, :max_len]\n        if False:")),
    # TODO 5 -----------------------------------------------------------------------------------------------------------
    _shift("shift_transposed", "moves_back", "values", ("return matrix", "return matrix.T")),
    _shift("negative_offset", "moves_back", "values", (ANGLES, "angles = -offset * div_term(d_model)")),
    _shift(
        "wrong_sign",
        "moves_back",
        "values",
        ("matrix[odd, even] = torch.sin(angles)", "matrix[odd, even] = -torch.sin(angles)"),
        ("matrix[even, odd] = -torch.sin(angles)", "matrix[even, odd] = torch.sin(angles)"),
    ),
    _shift(
        "no_minus",
        "block_signs",
        "values",
        ("matrix[even, odd] = -torch.sin(angles)", "matrix[even, odd] = torch.sin(angles)"),
    ),
    _shift(
        "sine_cosine_exchanged",
        "block_corners",
        "values",
        ("matrix[even, even] = torch.cos(angles)", "matrix[even, even] = torch.sin(angles)"),
        ("matrix[odd, even] = torch.sin(angles)", "matrix[odd, even] = torch.cos(angles)"),
        ("matrix[even, odd] = -torch.sin(angles)", "matrix[even, odd] = torch.cos(angles)"),
        ("matrix[odd, odd] = torch.cos(angles)", "matrix[odd, odd] = -torch.sin(angles)"),
    ),
    _shift("one_frequency", "one_frequency", "values", (ANGLES, "angles = offset * torch.ones(d_model // 2)")),
    _shift("without_offset", "offset_unused", "values errors", (ANGLES, "angles = div_term(d_model)")),
    _shift("size_of_offset", "negative_offset", "values", (ANGLES, "angles = abs(offset) * div_term(d_model)")),
    _shift(
        "blocks_in_halves",
        "blocks_in_halves",
        "values",
        ("even = torch.arange(0, d_model, 2)", "even = torch.arange(d_model // 2)"),
        ("odd = even + 1", "odd = even + d_model // 2"),
    ),
    _shift("identity", "identity", "values errors", ("return matrix", "return torch.eye(d_model)")),
    _shift(
        "moves_rows_of_table",
        "permutes_rows",
        "values",
        ("return matrix", "return torch.roll(torch.eye(d_model), offset, dims=1)"),
    ),
    _shift("no_width_error", "no_width_error", "errors", (ODD_WIDTH, "d_model -= d_model % 2\n    if False:")),
    _shift("natural_error", "kind_of_width_error", "errors", (ODD_WIDTH, "if False:")),
    _shift("assert", "kind_of_width_error", "errors", ("raise ValueError", "raise AssertionError")),
    _shift("even_refused", "even_refused", "values errors", (ODD_WIDTH, "if d_model % 2 == 0:")),
    # as people write them too -----------------------------------------------------------------------------------------
    _div_term("base_100000", "wrong_base", (EXPONENTIAL, EXPONENTIAL.replace("10000.0", "100000.0"))),
    _div_term(
        "half_of_the_width", "step_of_exponent", (EXPONENTIAL, EXPONENTIAL.replace("d_model)", "(d_model // 2))"))
    ),
    _table(
        "divided_by_the_frequencies",
        "divided_by_frequency",
        "even odd",
        (EVEN, "pe[:, 0::2] = torch.sin(position / frequencies)"),
        (ODD, "pe[:, 1::2] = torch.cos(position / frequencies[: d_model // 2])"),
    ),
    _table("batch_axis_in_front", "batch_axis_of_the_table", "even odd", ("return pe", "return pe.unsqueeze(0)")),
    _table(
        "batch_axis_and_rows_exchanged",
        "batch_axis_of_the_table",
        "even odd",
        ("torch.zeros(max_len, d_model)", "torch.zeros(1, max_len, d_model)"),
        (EVEN, "pe[:, 0, 0::2] = torch.sin(position * frequencies)"),
        (ODD, "pe[:, 0, 1::2] = torch.cos(position * frequencies[: d_model // 2])"),
    ),
]
