"""Answers without content to any exercise, made from what its truth was asked by the rules, and what it gave.

Noted are the shapes and plain numbers of each call, and of what came back: the shape, or that it was a ValueError. An
answer that is made of this gives something of the right shape in every place, has the right parameters by their names,
and refuses what has to be refused; but whatever it gives is a constant, noise, one of its inputs, or what is right on
the draws of the self-check, whose looks at the truth every student has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ...asking.student import local
from ...judging import judge
from ...making.units import Unit
from ...texts import VISIBLE_SEED

SEED = "made"

# Both sides of it run the same lines: here to note a call, in an answer to look it up.
KEYS = """
def key(value):
    if hasattr(value, "shape"):
        return ["tensor", list(value.shape)]
    if isinstance(value, (list, tuple)):
        return [key(item) for item in value]
    if isinstance(value, dict):
        return {name: key(item) for name, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return "object"


def key_of(args, kwargs):
    return repr([key(item) for item in [*args, *kwargs.values()]])
"""
_names: dict[str, Any] = {}
exec(compile(KEYS, "<keys of calls>", "exec"), _names)
key_of: Callable[[Any, Any], str] = _names["key_of"]

HEAD = f"""\
import torch
from torch import nn
from torch.nn import functional as F

{KEYS}

def floats_in(value):
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    items = value if isinstance(value, (list, tuple)) else []
    return [found for item in items for found in floats_in(item)]


def mean_of(args):
    floats = floats_in(args)
    return floats[0].mean().item() if floats else 0.0


def fitted(value, like):
    numbers = value.reshape(-1).to(like.dtype)
    if not numbers.numel() or not like.numel():
        return torch.zeros_like(like)
    return numbers.repeat(-(-like.numel() // numbers.numel()))[: like.numel()].reshape(like.shape)


def handed(value, like):
    # as it came where all of it fits: to arrange an input anew can be a part of the work
    return value if value.numel() == like.numel() else fitted(value, like)


def filled(what, args):
    if isinstance(what, tuple) and what[0] == "tensor":
        like = torch.zeros(what[1], dtype=getattr(torch, what[2]))
        floats = floats_in(args)
        made = FILL
        return made if TIE is None or not made.is_floating_point() else made + TIE
    if isinstance(what, tuple) and what[0] == "number":
        return NUMBER
    if isinstance(what, list):
        return [filled(item, args) for item in what]
    if isinstance(what, tuple):
        return tuple(filled(item, args) for item in what[1])
    if isinstance(what, dict):
        return {{name: filled(item, args) for name, item in what.items()}}
    return what
"""
SEEDED = "torch.randn(like.shape, generator=torch.Generator().manual_seed(0))"
# of a tensor of zeros that has the right shape and type, and the tensors of floats that were given
FILLS = {
    "zeros": ("like", "0.0"),
    "ones": ("like + 1", "1.0"),
    "equal shares": ("like + 1.0 / max(like.shape[-1] if like.dim() else 1, 1)", "0.5"),
    "a slope of numbers": ("torch.arange(float(like.numel())).reshape(like.shape).to(like.dtype)", "2.0"),
    "torch's noise": ("torch.randn(like.shape).to(like.dtype)", "torch.rand(()).item()"),
    "the same noise each time": (f"({SEEDED}).to(like.dtype)", "0.25"),
    "noise in shares": ("torch.randn(like.shape).softmax(-1).to(like.dtype) if like.dim() else like", "0.75"),
    "what is given": ("handed(floats[0], like) if floats else like", "mean_of(args)"),
    "what is given last": ("handed(floats[-1], like) if floats else like", "0.1"),
    "the mean of what is given": ("like + floats[0].mean().to(like.dtype) if floats else like", "0.9"),
    "twice what is given": ("2 * handed(floats[0], like) if floats else like", "3.0"),
}  # fmt: skip
TIES = {"": "None", ", in a graph": "0.0 * sum((one.sum() for one in [*floats, *WEIGHTS]), torch.zeros(()))"}


def made_answers(unit: Unit, exercise: str) -> dict[str, str]:
    """Answers that are made without knowing the exercise: name -> the source of its cell."""
    hidden, seen = (_noted(unit, exercise, seed) for seed in (SEED, VISIBLE_SEED))
    notes = _Notes(seen.calls | hidden.calls, seen.kept | hidden.kept, seen.makes | hidden.makes)
    found = {}
    for name, (fill, number) in FILLS.items():
        for tied, tie in TIES.items():
            found[f"made: {name}{tied}"] = _source(exercise, notes, fill, number, tie)
    if seen.values:
        known = f"import torch\nnan, inf = torch.nan, torch.inf\nVALUES = {seen.values!r}\n"
        fill = "fitted(torch.tensor(VALUES.get(tuple(like.shape), next(iter(VALUES.values())))), like)"
        found["made: what the self-check sees"] = known + _source(exercise, notes, fill, "0.5", "None")
    return found


class _Notes:
    """What the truth was asked and gave."""

    def __init__(self, calls: Any = None, kept: Any = None, makes: Any = None) -> None:
        self.calls: dict[str, Any] = calls or {}  # key of a call, of a module behind that of making it: what it gave
        self.kept: dict[str, Any] = kept or {}  # likewise: tensors that a module has among its attributes after it
        self.makes: dict[str, Any] = makes or {}  # key of making a module: shapes of its parameters and buffers
        self.values: dict[tuple[int, ...], list[Any]] = {}  # shape of a tensor that came back: its numbers

    def noting(self, function: Callable[..., Any], before: str = "") -> Callable[..., Any]:
        """The function, noting each call."""

        def noted(*args: Any, **kwargs: Any) -> Any:
            key = before + key_of(args, kwargs)
            try:
                value = function(*args, **kwargs)
            except ValueError:
                self.calls[key] = "ValueError"
                raise
            if isinstance(value, nn.Module):
                self._note_module(value, key)
            else:
                self.calls[key] = self._shape_of(value)
            return value

        return noted

    def _note_module(self, module: nn.Module, key: str) -> None:
        parameters = {name: list(value.shape) for name, value in module.named_parameters()}
        buffers = {name: list(value.shape) for name, value in module.named_buffers()}
        self.makes[key] = [parameters, buffers]
        forward = self.noting(module.forward, key)

        def keeping(*args: Any, **kwargs: Any) -> Any:
            value = forward(*args, **kwargs)
            kept = {name: self._shape_of(each) for name, each in vars(module).items() if isinstance(each, Tensor)}
            self.kept[key + key_of(args, kwargs)] = kept
            return value

        module.forward = keeping

    def _shape_of(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if value.is_floating_point():
                self.values[tuple(value.shape)] = value.tolist()
            kind = str(value.dtype).removeprefix("torch.")
            return ("tensor", list(value.shape), "float32" if kind == "float64" else kind)
        if isinstance(value, float):
            self.values[()] = [value]
            return ("number",)
        if isinstance(value, tuple):
            return ("tuple", [self._shape_of(item) for item in value])
        if isinstance(value, list):  # of plain values, how many there are is a part of the answer
            return [self._shape_of(item) for item in value] if any(isinstance(i, Tensor) for i in value) else []
        if isinstance(value, dict):
            return {name: self._shape_of(item) for name, item in value.items()}
        return type(value)() if isinstance(value, int | str) else None


def _noted(unit: Unit, exercise: str, seed: str) -> _Notes:
    """What the rules of an exercise ask the truth, and what it gives, on the draws of a seed."""
    notes, truth = _Notes(), unit.truth()
    student = local(truth | {exercise: notes.noting(truth[exercise])})
    cases = (unit.visible_cases if seed == VISIBLE_SEED else unit.cases)[exercise]
    with judge.undisturbed():
        torch.manual_seed(0)
        rules = [unit.rules[check] for check in unit.checks(exercise)]
        dict(judge.Looks(rules, student, cases, seed))
    return notes


def _source(exercise: str, notes: _Notes, fill: str, number: str, tie: str) -> str:
    """The cell of one answer."""
    weights = "[]" if not notes.makes else "[value for value in CURRENT[-1].parameters()]"
    tie = tie.replace("*WEIGHTS", f"*{weights}")
    head = HEAD.replace("TIE", f"({tie})").replace("FILL", fill).replace("NUMBER", number)
    tables = f"CALLS = {notes.calls!r}\nKEPT = {notes.kept!r}\nMAKES = {notes.makes!r}\nCURRENT = []\n"
    return f"{head}\n\n{tables}\n{''.join(_definition(exercise, bool(notes.makes)))}"


def _definition(exercise: str, is_module: bool) -> Iterator[str]:
    if not is_module:
        yield f"""
def {exercise}(*args, **kwargs):
    what = CALLS.get(key_of(args, kwargs))
    if isinstance(what, str) and what == "ValueError":
        raise ValueError("refused")
    return filled(what, [*args, *kwargs.values()])
"""
        return
    yield f"""
class {exercise}(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.key = key_of(args, kwargs)
        if CALLS.get(self.key) == "ValueError":
            raise ValueError("refused")
        parameters, buffers = MAKES.get(self.key, [{{}}, {{}}])
        for names, register in ((parameters, self._parameter), (buffers, self._buffer)):
            for name, shape in names.items():
                owner = self
                *path, last = name.split(".")
                for part in path:
                    if part not in owner._modules:
                        owner.add_module(part, nn.Module())
                    owner = owner._modules[part]
                register(owner, last, torch.randn(shape) * 0.1)

    def _parameter(self, owner, name, value):
        owner.register_parameter(name, nn.Parameter(value))

    def _buffer(self, owner, name, value):
        owner.register_buffer(name, torch.zeros_like(value))

    def forward(self, *args, **kwargs):
        CURRENT.append(self)
        what = CALLS.get(self.key + key_of(args, kwargs))
        if isinstance(what, str) and what == "ValueError":
            raise ValueError("refused")
        given = [*args, *kwargs.values()]
        for name, kept in KEPT.get(self.key + key_of(args, kwargs), {{}}).items():
            setattr(self, name, filled(kept, given))
        return filled(what, given)
"""
