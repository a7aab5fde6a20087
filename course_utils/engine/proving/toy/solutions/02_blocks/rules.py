"""Rules of 02_blocks: what is looked at in a learner's answer. Students get this file; it holds no answer.

A block is looked at from inside: what goes into its parts is compared with what came out of those before them, whatever
their weights are.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Fault, Student, as_tensor
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

# the sizes at which the self-check looks, by exercise
VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "cut": [dict(batch=2, rows=3, columns=8, parts=2)],
    "join": [dict(batch=2, rows=3, width=4, parts=2)],
    "blend": [dict(batch=2, rows=5, means=3, columns=4)],
    "Mixer": [dict(batch=2, rows=5, columns=4)],
    "Block": [dict(batch=2, rows=5, columns=4)],
    "MendedBlock": [dict(batch=2, rows=5, columns=4)],
}
PARTS = ("mix", "norm", "map")  # of a block
SAME = 1e-4  # float32 sums of a few terms differ by 1e-6; a sum that is missing by over 1e-1
CONSTANT = Check(constant=True)


@looks("cut", values=Check(), gradient=CONSTANT)
def cut(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The parts, and whether a gradient comes back."""
    x = draw.normal(draw.batch, draw.rows, draw.columns)
    return {
        "values": lambda: {"parts": student.tensor("cut", x, draw.parts)},
        "gradient": lambda: student.slope("cut", x, draw.parts) | _arranges(student, draw, "cut", x, draw.parts),
    }


@looks("join", values=Check(), gradient=CONSTANT)
def join(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The whole, and whether a gradient comes back."""
    x = draw.normal(draw.batch, draw.parts, draw.rows, draw.width)
    return {
        "values": lambda: {"whole": student.tensor("join", x)},
        "gradient": lambda: student.slope("join", x) | _arranges(student, draw, "join", x),
    }


def _arranges(student: Student, draw: Draw, name: str, x: Tensor, *more: int) -> Observations:
    """Whether a single 1 comes out as a single 1, in the same row: an answer that only arranges keeps rows together."""
    zeros = torch.zeros_like(x)
    places = range(0, x.numel(), max(1, x.numel() // 7))
    others, rows = [], []
    for place in places:
        one = zeros.clone()
        one.view(-1)[place] = 1.0
        others.append(student.request(name, one, *more))
        rows.append(int(one.nonzero()[0, -2]))
    answers = content.answers_to(student, draw.seed_to_tell, [student.request(name, zeros, *more), *others])
    axis = 1 if name == "join" else 2  # of the rows in what comes out
    found = [
        int(answer.nonzero()[0, axis]) if answer.dim() > axis and answer.sum() == 1 else -1 for answer in answers[1:]
    ]
    return {CONTENT: found == rows and not answers[0].any()}


@looks("blend", shares=Check(), mean=CONSTANT, mask=Check(), gradient=CONSTANT)
def blend(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The shares of scores, the means by them, what a mask hides, and whether gradients come back."""
    values = draw.normal(draw.batch, draw.rows, draw.columns)
    scores = draw.normal(draw.batch, draw.means, draw.rows)
    mask = draw.mask(draw.batch, draw.rows)
    wanted = scores.softmax(dim=-1)
    plain, masked = student.try_all(
        [student.request("blend", values, scores), student.request("blend", values, scores, mask)]
    )

    def mean() -> Observations:
        means, shares = _pair(plain)
        # of other shapes nothing is computed: those that spread over each other fill any memory
        if shares.shape != scores.shape or means.shape != (*scores.shape[:2], values.shape[2]):
            return {"shape": list(means.shape)}
        apart = (means.double() - shares.double() @ values.double()).abs().max().item()
        return {"off": apart > SAME, CONTENT: torch.allclose(shares, wanted, atol=1e-4)}

    def gradient() -> Observations:
        _, shares = _pair(plain)
        return student.slope("blend", values, scores) | {CONTENT: not content.differ(shares.double(), wanted.double())}

    return {
        "shares": lambda: {"shares": _pair(plain)[1]},
        "mean": mean,
        "mask": lambda: {"shares": _pair(masked)[1]},
        "gradient": gradient,
    }


def _pair(answer: Any) -> tuple[Tensor, Tensor]:
    """Means and shares. Raises the error that was answered, and Fault for what is no pair of tensors."""
    if isinstance(answer, Exception):
        raise answer
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Fault("odd_value")
    return as_tensor(answer[0]), as_tensor(answer[1])


@looks("Mixer", output=Check(), shares=Check(), mask=Check(), gradient=Check(constant=True))
def mixer(student: Student, draw: Draw) -> Mapping[str, Part]:
    """What a mixer with given weights gives and keeps."""
    maps, columns = ("score", "value", "out"), draw.columns
    shapes: dict[str, tuple[int, ...]] = {f"{name}.weight": (columns, columns) for name in maps}
    shapes |= {f"{name}.bias": (columns,) for name in maps}
    module = student.build_loaded("Mixer", columns, values=draw.weights(shapes))[0]
    # small, as a softmax of large scores is 0 and 1, and hands no gradient on
    x, mask = draw.normal(draw.batch, draw.rows, columns, scale=0.5), draw.mask(draw.batch, draw.rows)
    still = [module.request(x), module.getting("shares"), module.request(x), module.request(2.0 * x)]
    first, shares, again, other = student.ask_all(still)

    def gradient() -> Observations:
        bends = all(isinstance(value, Tensor) for value in (first, again, other))
        bends = bends and content.differ(other.double(), 2.0 * first.double()) and torch.equal(first, again)
        return {**module.slope(x), "silent": module.silent_parameters(x), CONTENT: bends}

    return {
        "output": {"output": as_tensor(first)},
        "shares": lambda: {"shares": as_tensor(shares)},
        "mask": lambda: {"output": module.tensor(x, mask)},
        "gradient": gradient,
    }


def _block(name: str, student: Student, draw: Draw) -> Mapping[str, Part]:
    """What goes into each part of a block, and what comes out of all of it."""
    student.seed(draw.seed_to_tell)
    module = student.build(name, draw.columns)
    module.train(False)
    x, mask = draw.normal(draw.batch, draw.rows, draw.columns), draw.mask(draw.batch, draw.rows)
    output, calls, error = module.trace(PARTS, x, mask)
    if error is not None:
        raise error

    def inputs(part: str) -> list[list[Any]]:
        """The arguments of each call of a part, those by name behind the others."""
        return [[*args, *kwargs.values()] for args, kwargs, *_ in calls[part]]

    def outputs(part: str) -> list[Any]:
        return [given for _, _, given, *_ in calls[part]]

    def mix() -> Observations:
        takes = [len(args) == 2 and _same(args[0], x) and _same(args[1], mask) for args in inputs("mix")]
        return {"what goes in": any(takes)}

    def norm() -> Observations:
        sums = [x + given for given in outputs("mix")]
        takes = [_same(args[0], total) for args in inputs("norm") for total in sums]
        # raises for what no norm takes, such as complex numbers
        normed = [F.layer_norm(args[0], args[0].shape[-1:]) for args in inputs("norm")]
        return {"what goes in": any(takes), "a norm": any(map(_same, outputs("norm"), normed))}

    def map_() -> Observations:
        return {"what goes in": any(_same(args[0], given) for args in inputs("map") for given in outputs("norm"))}

    def whole() -> Observations:
        parts = [(state, mapped) for state in outputs("norm") for mapped in outputs("map")]
        sums = [_same(output, as_tensor(state) + as_tensor(mapped).relu()) for state, mapped in parts]
        return {"sum": any(sums), CONTENT: not _same(output, x)}

    return {"mix": mix, "norm": norm, "map": map_, "output": whole}


def _same(got: Any, wanted: Tensor) -> bool:
    return isinstance(got, Tensor) and got.shape == wanted.shape and bool(((got - wanted).abs() < SAME).all())


CHECKS = dict.fromkeys(("mix", "norm", "map", "output"), CONSTANT)
block = looks("Block", **CHECKS)(partial(_block, "Block"))
mended_block = looks("MendedBlock", **CHECKS)(partial(_block, "MendedBlock"))
