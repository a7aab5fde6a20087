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
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, answered, as_tensor, error_of
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

ENTRIES = 16000  # that dropout is looked at with


# The smallest frequency is near 1e-4, so that the comparison is relative; float32 exponentials are right to about
# 2e-6 of the value. The small absolute part forgives what is as good as 0.
@looks("div_term", values=Check(atol=1e-9, rtol=2e-4, constant=True))
def div_term(student: Student, draw: Draw) -> Mapping[str, Part]:
    """There is one frequency for each pair of columns, and each has the right size."""
    return {"values": {"frequencies": student.tensor("div_term", draw.d_model)}}


# Positions stay below 100: there float32 angles are right to about 1e-5, classic mistakes differ by over 1e-1.
@looks(
    "sinusoidal_encoding", even=Check(atol=1e-4, rtol=0.0, constant=True), odd=Check(atol=1e-4, rtol=0.0, constant=True)
)
def sinusoidal_encoding(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The even columns hold sines, the odd ones cosines of the same angles, also where the width is odd."""
    odd_width, width = draw.d_model % 2, draw.d_model + draw.d_model % 2
    asked = [student.request("sinusoidal_encoding", draw.max_len, size) for size in {width: 0, draw.d_model: 0}]
    answers = student.try_all(asked)

    def even() -> Observations:
        table = as_tensor(answered(answers[0]))
        if table.dim() != 2:
            return {"shape": list(table.shape)}
        return {"rows": table.size(0), "even columns": table[:, 0::2]}

    def odd() -> Observations:
        table = as_tensor(answered(answers[-1]))
        if table.dim() != 2:
            return {"shape": list(table.shape)}
        seen: Observations = {"rows": table.size(0), "columns": table.size(1), "odd columns": table[:, 1::2]}
        if odd_width:
            # an odd width ends with an even column: filled if the even columns of the next width are filled
            wider = as_tensor(answered(answers[0]))
            filled = _changes(table[:, -1])
            seen["last column filled"] = filled == _changes(wider[:, -2])
            seen["last column goes on"] = _goes_on(table) or not filled or not _goes_on(wider)
        return seen

    return {"even": even, "odd": odd}


def _goes_on(table: torch.Tensor) -> bool:
    """Whether the last even column is a sine, as much slower than the one before as that is than its own."""
    even = table[:2, 0::2].double()
    if even.shape[0] < 2 or even.shape[1] < 3:
        return True
    before, previous, last = even[1, -3:].clamp(-1, 1).asin().tolist()
    return abs(even[0, -1].item()) < 1e-4 and math.isclose(last * before, previous * previous, rel_tol=1e-2)


def _changes(column: torch.Tensor) -> bool:
    return bool((column != column[0]).any())


class _Layer:
    """A module in eval mode without dropout, and what it answers to sentences of several lengths."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw = student, draw
        self.module = self._build()
        self.x = draw.normal(draw.batch, draw.seq, draw.d_model)
        lengths = {"longer": draw.max_len + 1, "twice": 2 * draw.max_len}
        inputs = {"sum": self.x, "one shorter": draw.normal(1, draw.seq - 1, draw.d_model)}
        if draw.first:
            inputs |= {"full": draw.normal(draw.batch, draw.max_len, draw.d_model)}
            inputs |= {"square": draw.normal(draw.seq, draw.seq, draw.d_model)}
        calls = {name: self.module.request(x) | {"inputs": True} for name, x in inputs.items()}
        if draw.first:
            calls |= {
                name: self.module.request(draw.normal(draw.batch, n, draw.d_model)) for name, n in lengths.items()
            }
            for name, seq in {"tokens": draw.seq, "full tokens": draw.max_len}.items():
                equal, tokens = torch.ones(1, seq, draw.d_model), draw.normal(1, seq, draw.d_model)
                calls |= {f"{name} {n}": self.module.request(x) for n, x in enumerate((equal, equal, tokens))}
        calls["state"] = self.module.stating()
        self.answers = dict(zip(calls, student.try_all(list(calls.values())), strict=True))

    def _build(self, **changes: Any) -> Built:
        settings = {"dropout": 0.0, "max_len": self.draw.max_len} | changes
        return self.student.build_loaded("PositionalEncoding", self.draw.d_model, values={}, **settings)[0]

    def values(self) -> Observations:
        """In eval mode every token gets the row of its own position, whatever sentence it stands in.

        Where one makes the module raise, others tell mistakes from each other.
        """
        names = [name for name in ("sum", "one shorter", "full", "square") if name in self.answers]
        answers = {name: self.answers[name] for name in names}
        raised = [answer for answer in answers.values() if isinstance(answer, StudentError)]
        if len(raised) == len(answers):
            raise raised[0]
        told = names if any(isinstance(answers[name], StudentError) for name in names[:2]) else names[:2]
        return {
            f"sum, {name}": answer if isinstance(answer := answers[name], StudentError) else as_tensor(answer[0])
            for name in told
        }

    def buffer(self) -> Observations:
        """The table is a buffer named pe with a row for each position, and nothing in the module is trained."""
        told = answered(self.answers["state"])  # the table may be made when it is first needed
        table = told["buffers"].get("pe")
        shape = [] if table is None else list(table.shape)
        if len(shape) == 3 and 1 in shape[:2]:  # the axis of the sentences, first or second
            shape.remove(1)
        rows, *columns = shape or [0]
        seen = {"parameters": len(told["parameters"]), "columns of the buffer": columns}
        return seen | {"a row for each position": rows >= self.draw.max_len} | self._content()

    def _content(self) -> Observations:
        """Whether the answer is made of both: it depends on the tokens, and equal tokens get a table.

        Sentences of two lengths are asked for, as a module may take only one of them: `values` and `errors` pay for it.
        """
        if not self.draw.first:
            return {}
        sentences = [[self.answers[f"{name} {n}"] for n in range(3)] for name in ("tokens", "full tokens")]
        return {CONTENT: any(_is_a_sum(*answers) for answers in sentences)}

    def gradient(self) -> Observations:
        """The gradient reaches the tokens, and the tensor that was handed in stays as it was."""
        return self._content() | self._where_it_runs(self._slope, self.draw.seq)

    def dropout(self) -> Observations:
        """Training sets a share of the sums to 0 and enlarges the others; eval mode does neither."""
        seq = ENTRIES // (self.draw.batch * self.draw.d_model)
        settings = {"dropout": self.draw.dropout, "max_len": 1024}
        return self._content() | self._where_it_runs(self._dropped, seq, **settings)

    def _where_it_runs(self, see: Callable[[Built, Tensor], Observations], seq: int, **settings: Any) -> Observations:
        """What is seen with sentences of seq tokens; where that raises, with a table as short and a batch as large."""
        rows, width, short = max(1, ENTRIES // (seq * self.draw.d_model)), self.draw.d_model, self.draw.seq
        rows = rows if settings else self.draw.batch
        try:
            return see(self._build(**settings), self.draw.normal(rows, seq, width))
        except StudentError:
            rows = ENTRIES // (short * width) if settings else short
            return see(self._build(**settings | {"max_len": short}), self.draw.normal(rows, short, width))

    def _slope(self, module: Built, x: Tensor) -> Observations:
        slope = Slope(module.request(x))
        plain, *answers = self.student.try_all([module.request(x) | {"inputs": True}, *slope.requests])
        unchanged = torch.equal(answered(plain)[1][0], x)
        # the slope of a function that writes into its input means nothing
        return {"input unchanged": unchanged, "slope": slope.agreement(answers) if unchanged else {}}

    def _dropped(self, module: Built, x: Tensor) -> Observations:
        calls = [module.request(x), module.request(x), module.request(torch.zeros_like(x)), module.switch(True)]
        calm, again, table, _, train = self.student.ask_all([*calls, module.request(x)])
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

    def errors(self) -> Observations:
        """A sentence as long as the table is welcome; a longer one is a ValueError."""
        full, longer, twice = (error_of(self.answers[name]) for name in ("full", "longer", "twice"))
        seen = {"as long as the table": full == "ValueError", "one token longer": longer, "twice as long": twice}
        return seen | self._content()


def _is_a_sum(equal: Any, again: Any, tokens: Any) -> bool:
    if not all(isinstance(value, Tensor) and value.shape == equal.shape for value in (equal, again, tokens)):
        return False
    varies = equal.numel() > 1 and bool((equal - equal.reshape(-1)[0]).abs().max() > content.MOVED)
    return varies and torch.equal(equal, again) and content.differ(equal, tokens)


def _share(hits: Tensor) -> Tensor:
    return hits.float().mean()


@looks(
    "PositionalEncoding",
    # sums of two numbers near 1 in float32: the table's own error counts, see above
    values=Check(atol=1e-4, rtol=0.0),
    buffer=Check(constant=True),
    gradient=Check(once=True, constant=True),
    # shares of about 16,000 entries: the difference of two has a standard deviation below 0.006
    dropout=Check(atol=0.04, rtol=0.0, once=True, constant=True),
    errors=Check(once=True, constant=True),
)
def positional_encoding(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The module adds its table to tokens, and keeps, drops and refuses what it should."""
    layer = _Layer(student, draw)
    seen: dict[str, Part] = {"values": layer.values, "buffer": layer.buffer, "gradient": layer.gradient}
    return seen | {"dropout": layer.dropout, "errors": layer.errors}


# The tolerance has room for a matrix that was fitted to rows in float32; classic mistakes move a row by over 1e-1.
@looks("shift_matrix", values=Check(atol=2e-3, rtol=0.0, constant=True), errors=Check(once=True, constant=True))
def shift_matrix(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Rows of the table, times the matrix, are the rows offset positions further on; an odd width is a ValueError."""

    def ask(offset: Tensor) -> Request:
        return student.request("shift_matrix", int(offset), draw.d_model)

    def values() -> Observations:
        rows = torch.tensor(draw.rows, dtype=torch.float64)
        matrix = student.tensor("shift_matrix", draw.offset, draw.d_model)
        if list(matrix.shape) != [draw.d_model, draw.d_model]:
            return {"shape": list(matrix.shape)}
        return {"moved rows": rows @ matrix.double()}

    def errors() -> Observations:
        widths = (draw.d_model + 1, 1, draw.d_model)
        answers = student.try_all([student.request("shift_matrix", draw.offset, width) for width in widths])
        odd, one, even = map(error_of, answers)
        # the middle one of three offsets is another matrix than the mean of the others': a matrix that turns does so
        # by angles; one that holds the offset itself does not
        first, step = 1 + draw.integers(6, 1), 1 + draw.integers(2, 1)
        try:
            turns = content.curved(student, draw.seed_to_tell, ask, first, first + 2 * step)
        except (StudentError, Fault):
            turns = False
        return {"odd width": odd, "width 1": one, "even width": even == "ValueError", CONTENT: turns}

    return {"values": values, "errors": errors}


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
