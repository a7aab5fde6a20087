"""Rules of unit 01: the table, the module that adds it, and the matrix that moves it.

Notable choices:
- the even columns are looked at in even widths only, so that a mistake with odd widths is paid for once, in `odd`
- how wide the table is belongs to `odd`: only there is an odd width asked for
- values and gradient are looked at with dropout 0, so that a mistake with dropout is paid for once, in `dropout`
- a layer that takes no sentence shorter than its table pays in `values`; gradient and dropout then ask for a full one
- a table may be made at the first call, and may have rows to spare: `errors` asks for the length that is refused
- that the input stays as it was belongs to `gradient`: a write into it also spoils what flows back
- what the module keeps, drops and refuses is paid for where it adds something to tokens, and a refused width where
  the matrix depends on the offset: a constant has all of these properties
- a shift matrix is judged by what it does to rows, never by its entries: a fitted one may differ in directions in
  which the rows hardly differ
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Student, StudentError, as_tensor, error_of
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Observations, rule

ENTRIES = 16000  # that dropout is looked at with


# The smallest frequency is near 1e-4, so that the comparison is relative; float32 exponentials are right to about
# 2e-6 of the value. The small absolute part forgives what is as good as 0.
@rule("div_term", "values", atol=1e-9, rtol=2e-4, constant=True)
def div_term_values(student: Student, draw: Draw) -> Observations:
    """There is one frequency for each pair of columns, and each has the right size."""
    return {"frequencies": student.tensor("div_term", draw.d_model)}


# Positions stay below 100: there float32 angles are right to about 1e-5, classic mistakes differ by over 1e-1.
@rule("sinusoidal_encoding", "even", atol=1e-4, rtol=0.0, constant=True)
def sinusoidal_encoding_even(student: Student, draw: Draw) -> Observations:
    """The even columns hold sines."""
    width = draw.d_model + draw.d_model % 2
    table = student.tensor("sinusoidal_encoding", draw.max_len, width)
    if table.dim() != 2:
        return {"shape": list(table.shape)}
    return {"rows": table.size(0), "even columns": table[:, 0::2]}


@rule("sinusoidal_encoding", "odd", atol=1e-4, rtol=0.0, constant=True)
def sinusoidal_encoding_odd(student: Student, draw: Draw) -> Observations:
    """The odd columns hold cosines of the same angles, also where the width is odd."""
    table = student.tensor("sinusoidal_encoding", draw.max_len, draw.d_model)
    if table.dim() != 2:
        return {"shape": list(table.shape)}
    seen: Observations = {"rows": table.size(0), "columns": table.size(1), "odd columns": table[:, 1::2]}
    if draw.d_model % 2:
        # an odd width ends with an even column: filled if the even columns of the next width are filled
        wider = student.tensor("sinusoidal_encoding", draw.max_len, draw.d_model + 1)
        filled = _changes(table[:, -1])
        seen["last column filled"] = filled == _changes(wider[:, -2])
        seen["last column goes on"] = _goes_on(table) or not filled or not _goes_on(wider)
    return seen


def _goes_on(table: torch.Tensor) -> bool:
    """Whether the last even column is a sine, as much slower than the one before as that is than its own."""
    even = table[:2, 0::2].double()
    if even.shape[0] < 2 or even.shape[1] < 3:
        return True
    before, previous, last = even[1, -3:].clamp(-1, 1).asin().tolist()
    return abs(even[0, -1].item()) < 1e-4 and math.isclose(last * before, previous * previous, rel_tol=1e-2)


def _changes(column: torch.Tensor) -> bool:
    return bool((column != column[0]).any())


def _build(student: Student, draw: Draw, **changes: Any) -> Built:
    """A module in eval mode."""
    settings = {"dropout": 0.0, "max_len": draw.max_len} | changes
    return student.build_loaded("PositionalEncoding", draw.d_model, values={}, **settings)[0]


# Sums of two numbers near 1 in float32: the table's own error counts, see above.
@rule("PositionalEncoding", "values", atol=1e-4, rtol=0.0)
def positional_encoding_values(student: Student, draw: Draw) -> Observations:
    """In eval mode every token gets the row of its own position, whatever sentence it stands in."""
    module = _build(student, draw)
    x, shorter = draw.normal(draw.batch, draw.seq, draw.d_model), draw.normal(1, draw.seq - 1, draw.d_model)
    sums = student.ask_all([module.request(x), module.request(shorter)])
    return {"sum": as_tensor(sums[0]), "sum for one shorter sentence": as_tensor(sums[1])}


@rule("PositionalEncoding", "buffer", constant=True)
def positional_encoding_buffer(student: Student, draw: Draw) -> Observations:
    """The table is a buffer named pe with a row for each position, and nothing in the module is trained."""
    module = _build(student, draw)
    parameters, buffers = module.state()
    if buffers.get("pe") is None:  # it may be made when it is first needed
        student.try_all([module.request(draw.normal(draw.batch, draw.seq, draw.d_model))])
        parameters, buffers = module.state()
    table = buffers.get("pe")
    shape = [] if table is None else list(table.shape)
    if len(shape) == 3 and 1 in shape[:2]:  # the axis of the sentences, first or second
        shape.remove(1)
    rows, *columns = shape or [0]
    return {
        "parameters": len(parameters),
        "columns of the buffer": columns,
        "a row for each position": rows >= draw.max_len,
        CONTENT: _adds_positions(student, draw),
    }


def _adds_positions(student: Student, draw: Draw) -> bool:
    """Whether the module's answer is made of both: it depends on the tokens, and equal tokens get a table.

    Sentences of two lengths are asked for, as a module may take only one of them: `values` and `errors` pay for that.
    """

    def find(draw: Draw) -> bool:
        module, found = _build(student, draw), []
        for seq in (draw.seq, draw.max_len):
            equal, tokens = torch.ones(1, seq, draw.d_model), draw.normal(1, seq, draw.d_model)
            found += [module.request(x) for x in (equal, equal, tokens)]
        values = [value if isinstance(value, torch.Tensor) else None for value in student.try_all(found)]
        return any(_is_a_sum(*values[start : start + 3]) for start in (0, 3))

    return content.has_content(student, draw, "PositionalEncoding", find)


def _is_a_sum(equal: Any, again: Any, tokens: Any) -> bool:
    if equal is None or again is None or tokens is None or not equal.shape == again.shape == tokens.shape:
        return False
    varies = equal.numel() > 1 and bool((equal - equal.reshape(-1)[0]).abs().max() > content.MOVED)
    return varies and torch.equal(equal, again) and content.differ(equal, tokens)


Looker = Callable[[Student, Draw, Built, int], Observations]


def _where_it_runs(looker: Looker, student: Student, draw: Draw, seq: int, **changes: Any) -> Observations:
    """A look at a module with sentences of seq tokens; where it raises, at one whose table is as short as they are."""
    try:
        return looker(student, draw, _build(student, draw, **changes), seq)
    except StudentError:
        return looker(student, draw, _build(student, draw, **changes | {"max_len": draw.seq}), draw.seq)


@rule("PositionalEncoding", "gradient", constant=True)
def positional_encoding_gradient(student: Student, draw: Draw) -> Observations:
    """The gradient reaches the tokens, and the tensor that was handed in stays as it was."""
    if not draw.first:
        return {}
    adds = {CONTENT: _adds_positions(student, draw)}
    return _where_it_runs(_gradient, student, draw, draw.seq) | adds


def _gradient(student: Student, draw: Draw, module: Built, seq: int) -> Observations:
    x = draw.normal(draw.batch, seq, draw.d_model)
    (after,) = module.inputs_after(x)
    unchanged = torch.equal(after, x)
    return {
        "input unchanged": unchanged,
        # the slope of a function that writes into its input means nothing
        "slope": module.slope(x) if unchanged else {},
    }


# Shares of about 16,000 entries: the difference of two has a standard deviation below 0.006.
@rule("PositionalEncoding", "dropout", atol=0.04, rtol=0.0, constant=True)
def positional_encoding_dropout(student: Student, draw: Draw) -> Observations:
    """Training sets a share of the sums to 0 and enlarges the others; eval mode does neither."""
    if not draw.first:
        return {}
    seq = ENTRIES // (draw.batch * draw.d_model)
    adds = {CONTENT: _adds_positions(student, draw)}
    return _where_it_runs(_dropout, student, draw, seq, dropout=draw.dropout, max_len=1024) | adds


def _dropout(student: Student, draw: Draw, module: Built, seq: int) -> Observations:
    x = draw.normal(ENTRIES // (seq * draw.d_model), seq, draw.d_model)
    requests = [module.request(x), module.request(x), module.request(torch.zeros_like(x)), module.switch(True)]
    calm, again, table, _, train = student.ask_all([*requests, module.request(x)])
    calm, again, table, train = map(as_tensor, (calm, again, table, train))
    if not x.shape == calm.shape == train.shape:
        return {"shape": list(train.shape)}
    kept = (train != 0) & (calm != 0)
    factors = train[kept] / calm[kept] if kept.any() else torch.zeros(1)
    one_factor = torch.allclose(factors, factors[0], rtol=1e-3)
    return {
        "share of zeros in train mode": _share(train == 0),
        "share of tokens dropped as a whole": _share((train == 0).all(-1)),
        "factor on what is kept": factors[0] if one_factor else torch.zeros(()),
        "share that is the token alone": _share((train == x) & (x != 0)),
        "share that is the position alone": _share((train == table) & (table != 0)),
        "share of zeros in eval mode": _share(calm == 0),
        "eval mode says the same twice": torch.equal(calm, again),
    }


def _share(hits: torch.Tensor) -> torch.Tensor:
    return hits.float().mean()


@rule("PositionalEncoding", "errors", constant=True)
def positional_encoding_errors(student: Student, draw: Draw) -> Observations:
    """A sentence as long as the table is welcome; a longer one is a ValueError."""
    if not draw.first:
        return {}
    module = _build(student, draw)
    lengths = (draw.max_len, draw.max_len + 1, 2 * draw.max_len)
    requests = [module.request(draw.normal(draw.batch, length, draw.d_model)) for length in lengths]
    full, longer, twice = map(error_of, student.try_all(requests))
    return {
        "as long as the table": full == "ValueError",
        "one token longer": longer,
        "twice as long": twice,
        CONTENT: _adds_positions(student, draw),
    }


# The tolerance has room for a matrix that was fitted to rows in float32; classic mistakes move a row by over 1e-1.
@rule("shift_matrix", "values", atol=2e-3, rtol=0.0, constant=True)
def shift_matrix_values(student: Student, draw: Draw) -> Observations:
    """Rows of the table, times the matrix, are the rows that stand offset positions further on."""
    rows = torch.tensor(draw.rows, dtype=torch.float64)
    matrix = student.tensor("shift_matrix", draw.offset, draw.d_model)
    if list(matrix.shape) != [draw.d_model, draw.d_model]:
        return {"shape": list(matrix.shape)}
    return {"moved rows": rows @ matrix.double()}


@rule("shift_matrix", "errors", constant=True)
def shift_matrix_errors(student: Student, draw: Draw) -> Observations:
    """An odd width is a ValueError; an even one is not."""
    widths = (draw.d_model + 1, 1, draw.d_model)
    answers = student.try_all([student.request("shift_matrix", draw.offset, width) for width in widths])
    odd, one, even = map(error_of, answers)
    return {
        "odd width": odd,
        "width 1": one,
        "even width": even == "ValueError",
        CONTENT: _turns_with_the_offset(student, draw),
    }


def _turns_with_the_offset(student: Student, draw: Draw) -> bool:
    """Whether the matrix of the middle one of three offsets is another one than the mean of the others'.

    A matrix that turns does so by angles; one that holds the offset itself does not.
    """

    def ask(offset: torch.Tensor) -> Request:
        return student.request("shift_matrix", int(offset), draw.d_model)

    def find(draw: Draw) -> bool:
        first, step = 1 + draw.integers(6, 1), 1 + draw.integers(2, 1)
        return content.curved(student, draw.seed_to_tell, ask, first, first + 2 * step)

    return content.has_content(student, draw, "shift_matrix", find)


# Some rows of the tables of width 6 and 4, as numbers to be moved.
ROWS_6 = [
    [-0.756802, -0.653644, 0.184599, 0.982814, 0.008618, 0.999963],
    [-0.958924, 0.283662, 0.230002, 0.973190, 0.010772, 0.999942],
    [-0.279415, 0.960170, 0.274909, 0.961470, 0.012926, 0.999916],
    [0.656987, 0.753902, 0.319225, 0.947679, 0.015080, 0.999886],
]
ROWS_4 = [
    [0.656987, 0.753902, 0.069943, 0.997551],
    [0.989358, -0.145500, 0.079915, 0.996802],
    [0.412118, -0.911130, 0.089879, 0.995953],
]

VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "div_term": [dict(d_model=18), dict(d_model=7)],
    "sinusoidal_encoding": [dict(max_len=9, d_model=18), dict(max_len=6, d_model=7)],
    "PositionalEncoding": [dict(batch=2, seq=5, d_model=18, max_len=7, dropout=0.3)],
    "shift_matrix": [dict(offset=3, d_model=6, rows=ROWS_6), dict(offset=-2, d_model=4, rows=ROWS_4)],
}
