"""Recorded looks of a unit: what its rules see on the truth and on known mistakes, on the draws of the self-check.

They lie in the unit's folder, in `recorded/looks.jsonl`: a line that says what they are made from, then a line a
look, first the truth's at each check, then those of mistakes. The truth is read at the first check, which stops there;
mistakes are read when something is wrong.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..asking.codec import Foreign, Reference
from ..asking.student import kind_of
from ..course import EXAMPLES, LOOKS, REMEDY, CourseError, CourseUnit, read_json
from .judge import Fingerprint, Look, Trouble
from .rule import AnyOf

SIGNIFICANT_DIGITS = 7  # of recorded numbers: float32 has no more

# what replaying a line raises that holds JSON, but no look
DAMAGE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@cache
def recorded_looks(unit: CourseUnit) -> dict[str, Look]:
    """What the rules see on the truth, by check. Raises CourseError where the file is missing or damaged."""
    found: dict[str, Look] = {}
    for line in _lines(unit):
        if line.hint:
            break
        found[line.check] = line.look
    missing = [check for check in unit.texts["rules"] if check not in found]
    if missing:
        raise CourseError(f"{unit.folder / LOOKS}: no look at the truth for {', '.join(missing)}; {REMEDY}")
    return found


@cache
def recorded_mistakes(unit: CourseUnit) -> dict[str, list[Fingerprint]]:
    """The known mistakes by exercise, in the order of the unit's mutants.

    Raises CourseError where the file is missing or damaged.
    """
    exercises = unit.texts["exercises"]
    exercise_of = {check: name for name, about in exercises.items() for check in about["checks"]}
    found: dict[str, dict[tuple[str, int], dict[str, Look]]] = {name: {} for name in exercises}
    for line in _lines(unit):
        if line.hint:
            found[exercise_of[line.check]].setdefault((line.hint, line.number), {})[line.check] = line.look
    return {
        name: [Fingerprint(hint, looks) for (hint, _), looks in mistakes.items()] for name, mistakes in found.items()
    }


@cache
def recorded_examples(unit: CourseUnit) -> dict[str, list[Mapping[str, Any]]]:
    """What the examples of each exercise have to give, by the names of the results, in the order of the examples.

    Raises CourseError where the file is damaged; a unit without one has no examples.
    """
    path, found = unit.folder / EXAMPLES, {name: list[Mapping[str, Any]]() for name in unit.texts["exercises"]}
    if not path.is_file():
        return found
    for number, data in enumerate(path.read_bytes().splitlines(), 1):
        entry = read_json(data, path, number)
        if number == 1 and "generated_from" in entry:
            continue
        try:
            found[entry["example"]].append(replayed(entry["look"]))
        except DAMAGE as error:
            raise CourseError(f"{path}, line {number}: no example ({type(error).__name__}); {REMEDY}") from None
    return found


def examples_as_lines(generated_from: str, examples: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The content of a unit's file of examples: a line each; examples: what each has to give, by exercise."""
    entries: list[dict[str, Any]] = [{"generated_from": generated_from}]
    for name, given in examples.items():
        entries += [{"example": name, "number": n, "look": recorded(dict(one))} for n, one in enumerate(given, 1)]
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def as_lines(generated_from: str, truths: Mapping[str, Look], mistakes: Mapping[str, Sequence[Fingerprint]]) -> str:
    """The content of a unit's file of looks.

    truths: by check; mistakes: by exercise. Mistakes are numbered among those of one exercise and hint, so that a new
    one leaves the lines of all others as they are.
    """
    entries: list[dict[str, Any]] = [{"generated_from": generated_from}]
    entries += [{"check": check, "look": recorded(look)} for check, look in truths.items()]
    for known in mistakes.values():
        numbers: Counter[str] = Counter()
        for mistake in known:
            numbers[mistake.hint] += 1
            about = {"hint": mistake.hint, "number": numbers[mistake.hint]}
            entries += [about | {"check": check, "look": recorded(look)} for check, look in mistake.looks.items()]
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


@dataclass(frozen=True)
class _Line:
    """A look, and what it is of."""

    check: str
    hint: str  # of the mistake, empty for the truth
    number: int  # of the mistake among those of its exercise and hint
    look: Look


def _lines(unit: CourseUnit) -> Iterator[_Line]:
    """The looks of a unit, each read when it is asked for. Raises CourseError."""
    path, about = unit.folder / LOOKS, unit.texts
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise CourseError(f"{path} is missing; {REMEDY}") from None
    with file:
        for number, data in enumerate(file, 1):
            entry = read_json(data.rstrip(b"\n"), path, number)
            if number == 1 and "generated_from" in entry:
                continue
            try:
                line = _Line(entry["check"], entry.get("hint", ""), entry.get("number", 0), replayed(entry["look"]))
                if line.check not in about["rules"]:
                    raise LookupError(f"the unit has no check {line.check}")
                if line.hint and line.hint not in about["hints"]:
                    raise LookupError(f"the unit has no hint {line.hint}")
            except DAMAGE as error:
                what = f"no look ({type(error).__name__}: {error})"
                raise CourseError(f"{path}, line {number}: {what}; {REMEDY}") from None
            yield line


# values as JSON -----------------------------------------------------------------------------------------------------


def recorded(value: Any) -> Any:
    """Looks and observations as JSON, numbers rounded so that they are the same on every machine."""
    if isinstance(value, Trouble):
        return {"trouble": [value.outcome, value.reason, {k: v for k, v in value.about.items() if k != "line"}]}
    if isinstance(value, AnyOf):
        return {"any": [recorded(view) for view in value.views]}
    if isinstance(value, Tensor):
        kind = "bool" if value.dtype is torch.bool else "float" if value.is_floating_point() else "int"
        numbers = value.reshape(-1).tolist()
        return {"tensor": [kind, list(value.shape), [_rounded(n) if kind == "float" else n for n in numbers]]}
    if isinstance(value, float):
        return {"float": _rounded(value)}
    if isinstance(value, Foreign | Reference):
        return {"foreign": kind_of(value)}
    if isinstance(value, list | tuple):
        return [recorded(item) for item in value]
    if isinstance(value, dict):
        return {"dict": {key: recorded(item) for key, item in value.items()}}
    return value


def _rounded(number: float) -> Any:
    if not math.isfinite(number):
        return repr(number)
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") if abs(number) > 1e-9 else 0.0


def replayed(value: Any) -> Any:
    """The looks and observations that `recorded` wrote."""
    if isinstance(value, list):
        return [replayed(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, body),) = value.items()
    match kind:
        case "trouble":
            return Trouble(body[0], body[1], body[2])
        case "any":
            return AnyOf([replayed(view) for view in body])
        case "tensor":
            dtype = {"bool": torch.bool, "int": torch.int64, "float": torch.float64}[body[0]]
            return torch.tensor([float(n) if body[0] == "float" else n for n in body[2]], dtype=dtype).reshape(body[1])
        case "float":
            return float(body)
        case "foreign":
            return Foreign(body)
        case "dict":
            return {key: replayed(item) for key, item in body.items()}
    raise ValueError(f"a recorded value is of an unknown kind: {kind!r}")
