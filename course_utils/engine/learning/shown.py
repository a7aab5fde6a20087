"""What stands below an unnamed mistake: one small case, with what was expected and what came back.

Best is an example of the unit, which a learner can work out by hand; else the observation in which the answer differs
is told in words. Both are of the self-check's visible inputs, and what was expected is what `course build` recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..asking.student import Student
from ..course import CourseUnit
from ..judging.example import CLOSE, Example, examples_of, first_wrong, has_tensors
from ..judging.judge import Difference, Trouble, unequal
from ..judging.recorded import recorded_examples
from ..judging.rule import CONTENT, Rule
from ..judging.sentences import SENTENCES, Text

Axes = tuple[str, ...]  # names, an empty one where a size tells none


@dataclass(frozen=True)
class Piece:
    """A value with its name, and the names of its axes."""

    name: str
    value: Any
    axes: Axes = ()


@dataclass(frozen=True)
class Shown:
    """A case: what was given, what was expected, what came back."""

    code: str  # the call, "" where an observation is told
    looked_at: Text  # the observation in words, empty where a call is told
    given: tuple[Piece, ...]
    expected: Piece
    got: Piece
    words: Mapping[str, Text] = field(default_factory=dict)  # of the unit, for texts and names within values

    @property
    def sentence(self) -> Text:
        """What introduces it."""
        if self.code:
            return SENTENCES["see_example"]
        sizes = ", ".join(f"{piece.name} {piece.value}" for piece in self.given)
        return {
            language: sentence.format(what=self.looked_at[language], sizes=f" ({sizes})" if sizes else "")
            for language, sentence in SENTENCES["see_observation"].items()
        }


def show(unit: CourseUnit, rule: Rule, difference: Difference | Trouble, student: Student, source: str) -> Shown | None:
    """The case that shows a difference; None where an exception is told, which shows itself.

    source: of the answer; of the sizes of a case those are told that it names.
    """
    if isinstance(difference, Trouble) and difference.outcome != "failed":
        return None
    found = _example(unit, rule, student)
    if found is None and isinstance(difference, Difference) and difference.observation != CONTENT:
        return _observation(unit, rule, difference, source)
    return found or _example(unit, rule, student, any_check=True)


def _example(unit: CourseUnit, rule: Rule, student: Student, any_check: bool = False) -> Shown | None:
    """The first of the exercise's examples of this check, or of any, that comes out otherwise."""
    examples = examples_of(unit.examples_module, rule.exercise)
    expected = recorded_examples(unit)[rule.exercise]
    words = unit.texts.get("observations", {})
    for example, wanted in zip(examples, expected, strict=False):
        if example.checks and rule.check not in example.checks and not any_check:
            continue
        seen = example.seen(student)
        name = first_wrong(seen, wanted)
        if name is not None:
            return _of_example(example, wanted, seen, name, words)
    return None


def _of_example(example: Example, wanted: Mapping[str, Any], seen: Any, name: str, words: Mapping[str, Text]) -> Shown:
    given = tuple(
        Piece(key, value, tuple(example.axes.get(key, "").split()))
        for key, value in example.given.items()
        if has_tensors(value) or example.ask
    )
    name = name or next(iter(wanted))
    axes = example.axes_of(name)
    sizes = example.sizes()
    if isinstance(wanted[name], Tensor):
        sizes |= dict(zip(axes, wanted[name].shape, strict=False))
    got = seen if isinstance(seen, Trouble) else seen.get(name)
    label = name if len(wanted) > 1 else ""
    same = isinstance(got, Tensor) and isinstance(wanted[name], Tensor) and got.shape == wanted[name].shape
    names = axes if same else _names(got, sizes)
    expected, other = narrowed(Piece(label, wanted[name], axes), Piece(label, got, names))
    return Shown(example.code, {}, given, expected, other, words)


def _observation(unit: CourseUnit, rule: Rule, difference: Difference, source: str) -> Shown:
    words = unit.texts.get("observations", {})
    name = difference.observation
    label = words.get(f"{rule.name}: {name}") or words.get(name) or dict.fromkeys(("en", "zh"), name)
    case = unit.visible_cases[rule.exercise][difference.case]
    sizes = {key: value for key, value in case.items() if isinstance(value, int) and re.search(rf"\b{key}\b", source)}
    expected, got = narrowed(
        Piece("", difference.expected, _names(difference.expected, sizes)),
        Piece("", difference.got, _names(difference.got, sizes)),
    )
    return Shown("", label, tuple(Piece(key, value) for key, value in sizes.items()), expected, got, words)


def _names(value: Any, sizes: Mapping[str, int]) -> Axes:
    """The names of a tensor's axes, as far as their sizes tell them: of each size that one known axis alone has."""
    if not isinstance(value, Tensor):
        return ()
    of: dict[int, list[str]] = {}
    for name, size in sizes.items():
        of.setdefault(size, []).append(name)
    return tuple(of[size][0] if len(of.get(size, ())) == 1 and size > 1 else "" for size in value.shape)


def narrowed(expected: Piece, got: Piece) -> tuple[Piece, Piece]:
    """Of long lists and dicts the first entry that differs, if both have the same entries."""
    one, other = expected.value, got.value
    entries: Sequence[Any] = ()
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        entries = [key for key in one if unequal(other[key], one[key], CLOSE, equal_nan=True)]
        if (len(entries) == 1 and not isinstance(one[entries[0]], Tensor)) or len(entries) > 1:
            return (
                Piece(expected.name, {key: one[key] for key in entries}),
                Piece(got.name, {key: other[key] for key in entries}),
            )
    elif _are_lists(one, other) and len(one) == len(other):
        entries = [place for place in range(len(one)) if unequal(other[place], one[place], CLOSE, equal_nan=True)]
    if entries and isinstance(one[entries[0]], Tensor):
        name = f"{expected.name}[{entries[0]}]"
        return Piece(name, one[entries[0]]), Piece(name, other[entries[0]])
    return expected, got


def _are_lists(one: Any, other: Any) -> bool:
    return isinstance(one, list | tuple) and isinstance(other, list | tuple)
