"""Rules of 01_rows: what is looked at in a learner's answer. Students get this file; it holds no answer.

Properties, such as a refusal, are paid for where the answer does something: a constant has most of them, too.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Student, as_tensor, error_of
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

# the sizes at which the self-check looks, by exercise
VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "powers": [dict(count=5), dict(count=4)],
    "power_table": [dict(rows=4, columns=5), dict(rows=2, columns=8)],
    "AddTable": [dict(batch=2, seq=4, columns=6, rows=5, dropout=0.3)],
    "step_matrix": [dict(step=3, size=4), dict(step=1, size=5)],
}
ENTRIES = 12000  # that dropout is looked at with


@looks("powers", values=Check(constant=True))
def powers(student: Student, draw: Draw) -> Mapping[str, Part]:
    """As many powers as were asked for."""
    return {"values": {"powers": student.tensor("powers", draw.count)}}


@looks("power_table", values=Check(constant=True))
def power_table(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Each row of the table."""
    return {"values": {"table": student.tensor("power_table", draw.rows, draw.columns)}}


ONCE = Check(once=True, constant=True)


# Shares of 12,000 entries: the difference of two has a standard deviation below 0.007.
@looks("AddTable", values=Check(), buffer=ONCE, gradient=ONCE, dropout=Check(0.05, 0.0, True, True), errors=ONCE)
def add_table(student: Student, draw: Draw) -> Mapping[str, Part]:
    """What the module gives, keeps, drops and refuses, with a gain of our own."""
    x, gain = draw.normal(draw.batch, draw.seq, draw.columns), draw.uniform(draw.columns, low=0.5, high=2.0)
    settings = {"dropout": 0.0, "rows": draw.rows}
    module = student.build_loaded("AddTable", draw.columns, values={"gain": gain}, **settings)[0]
    first, again, zeros = student.try_all([module.request(x), module.request(x), module.request(0.0 * x)])
    adds = {CONTENT: _adds(first, again, zeros)}

    def buffer() -> Observations:
        parameters, buffers = module.state()
        return {"parameters": sorted(parameters), "table": buffers.get("table"), **adds}

    def errors() -> Observations:
        asked = [module.request(draw.normal(1, rows, draw.columns)) for rows in (draw.rows, draw.rows + 1)]
        full, longer = map(error_of, student.try_all(asked))
        return {"as many rows as the table": full == "ValueError", "one row more": longer, **adds}

    return {
        "values": lambda: {"sums": as_tensor(module(x))},
        "buffer": buffer,
        "gradient": lambda: {**module.slope(x), "silent": module.silent_parameters(x), **adds},
        "dropout": lambda: _dropout(student, draw) | adds,
        "errors": errors,
    }


def _adds(first: Any, again: Any, zeros: Any) -> bool:
    """Whether an answer depends on x, and is more than x alone: that to zeros is no constant."""
    if not all(isinstance(value, Tensor) and not value.is_complex() for value in (first, again, zeros)):
        return False
    if not first.shape == again.shape == zeros.shape or zeros.numel() < 2:
        return False
    varies = bool((zeros - zeros.reshape(-1)[0]).abs().max() > content.MOVED)
    return varies and torch.equal(first, again) and content.differ(first.double(), zeros.double())


def _dropout(student: Student, draw: Draw) -> Observations:
    """How much is dropped in training, by what what is kept grows, and that nothing is in use."""
    rows = ENTRIES // (draw.batch * draw.columns)
    module: Built = student.build("AddTable", draw.columns, dropout=draw.dropout, rows=rows)
    x = draw.normal(draw.batch, rows, draw.columns)
    run = module.request(x)
    answers = student.ask_all([module.switch(True), run, module.switch(False), run, run])
    train, calm, again = (as_tensor(answers[number]).double() for number in (1, 3, 4))
    if not train.shape == calm.shape == again.shape == x.shape:
        return {"shape": list(train.shape)}
    kept = (train != 0) & (calm != 0)
    factors = train[kept] / calm[kept] if kept.any() else torch.zeros(1)
    one_factor = torch.allclose(factors, factors[0], rtol=1e-3)
    return {
        "share of zeros in train mode": (train == 0).float().mean(),
        "factor on what is kept": factors[0] if one_factor else torch.zeros(()),
        "eval mode says the same twice": torch.equal(calm, again),
    }


@looks("step_matrix", values=Check(constant=True), errors=ONCE)
def step_matrix(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The matrix, and that a negative step is refused."""

    def ask(step: Tensor) -> Request:
        return student.request("step_matrix", int(step), draw.size)

    def errors() -> Observations:
        asked = [student.request("step_matrix", step, draw.size) for step in (-1, 0)]
        negative, zero = map(error_of, student.try_all(asked))
        first = 1 + draw.integers(3, 1)
        bends = content.curved(student, draw.seed_to_tell, ask, first, first + 2)
        return {"a negative step": negative, "no step": zero == "ValueError", CONTENT: bends}

    return {"values": lambda: {"matrix": student.tensor("step_matrix", draw.step, draw.size)}, "errors": errors}
