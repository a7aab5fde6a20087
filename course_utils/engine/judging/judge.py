"""Verdicts: observations made on a learner's answer against those made on the truth, and the name of the mistake.

`Looks` runs an exercise's rules on several cases, `differs` compares two looks at a check, `recognise` finds the mutant
that gives the same. What is said about an outcome is composed here too, always in both languages.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..asking.codec import CodecError
from ..asking.draws import Draw
from ..asking.student import Fault, Student, StudentError, kind_of, known_type
from ..course import CourseError
from .claims import GPU, MODULE_ERRORS, NAME_ERRORS, stands_in_line
from .marks import Outcome
from .raised import Raised
from .rule import CONTENT, AnyOf, Check, Part, Rule
from .sentences import SENTENCES, Text, filled, joined

# What arithmetic on a value of a form that a rule does not expect may raise. A rule's own bug would show on the
# reference's tests; past this list it would stop the grader for the whole notebook.
ODD = (
    ArithmeticError, AssertionError, AttributeError, BufferError, LookupError, MemoryError, RuntimeError, StopIteration,
    TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """A case that could not be looked at: the learner's code raised, or what it gave has the wrong form."""

    outcome: Outcome  # "error", "failed" or "memory"
    reason: str  # key of a sentence
    about: Mapping[str, Any] = field(default_factory=dict)
    raised: Raised | None = field(default=None, compare=False)  # the exception in full, in the self-check alone
    word: str | None = field(default=None, compare=False)  # a name that is missing, as claimed; `placed` proves it

    def kind(self) -> str:
        """What two troubles have to share to be the same one."""
        reason = "raised" if self.reason == "raised_elsewhere" else self.reason  # where it raised is a matter of words
        return f"{self.outcome} {reason} {self.about.get('type', '')}"


Seen = dict[str, Any] | Trouble
Look = Sequence[Seen]  # one entry per case
Case = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check, with a sentence in each language unless it passed."""

    check: str
    outcome: Outcome
    message: Text | None = None
    hint: str | None = None


def case_seed(seed: str, check: str, number: int) -> int:
    """The seed of a check's case: different for each, the same for the learner and for the truth."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{check}/{number}".encode()).digest()[:7], "big")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let torch work on one thread, and leave its random state as it was.

    On tensors as small as these, threads take up to ten times as long as one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def look(rule: Rule, student: Student, cases: Sequence[Case], seed: str) -> Look:
    """What a rule sees on each case."""
    return Looks([rule], student, cases, seed)[rule.name]


class Looks(Mapping[str, Look]):
    """What rules of one exercise see on each case, by grade ids; each is looked at when it is first asked for.

    Rules of one function share one run of it on each case.
    """

    def __init__(self, rules: Iterable[Rule], student: Student, cases: Sequence[Case], seed: str) -> None:
        """cases: the sizes of the exercise's cases; seed: start of the seeds of their inputs."""
        self._rules = {rule.name: rule for rule in rules}
        self._student, self._cases, self._seed = student, cases, seed
        self._looks: dict[str, Look] = {}
        self._runs: dict[int, tuple[Draw, Mapping[str, Part] | Trouble]] = {}  # by number of the case

    def __getitem__(self, check: str) -> Look:
        if check not in self._looks:
            rule = self._rules[check]
            self._looks[check] = [self._seen(rule, number) for number in range(len(self._cases))]
        return self._looks[check]

    def __contains__(self, check: object) -> bool:
        return check in self._rules

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def _seen(self, rule: Rule, number: int) -> Seen:
        if rule.once and number:
            return {}
        if number not in self._runs:
            draw = self._draw(rule.exercise, number)
            self._runs[number] = draw, tried(lambda: rule.look(self._student, draw))
        draw, parts = self._runs[number]
        if isinstance(parts, Trouble):
            return parts
        part = parts[rule.check]
        if not callable(part):
            return told_of(part)
        draw.restart(rule.check)
        return tried(lambda: told_of(part()))

    def _draw(self, of: str, number: int) -> Draw:
        return Draw(case_seed(self._seed, of, number), first=number == 0, **self._cases[number])


def told_of(part: Mapping[str, Any]) -> dict[str, Any]:
    """Observations, with what is told of an exception in the place of one that a rule has found."""
    return {name: trouble_of(value) if isinstance(value, StudentError) else value for name, value in part.items()}


def tried(see: Callable[[], T]) -> T | Trouble:
    """What is seen, or the trouble that a learner's code or its value makes."""
    try:
        return see()
    except StudentError as error:
        return trouble_of(error)
    except Fault as fault:
        return Trouble("failed", fault.reason, fault.about)
    except CodecError:
        return Trouble("failed", "unreadable_value")
    except ODD:
        return Trouble("failed", "odd_value")


def trouble_of(error: StudentError) -> Trouble:
    """What is told of an exception of the learner's code: a class of Python's own and a line, never its text."""
    about = {"type": known_type(error.types), "cell": error.cell, "line": error.line}
    about |= {"cause": error.cause} if error.cause else {}
    if about["type"] == "MemoryError":
        return Trouble("memory", "memory", about, error.raised)
    return Trouble("error", "raised" if error.line else "raised_elsewhere", about, error.raised, error.word)


def count_lines(source: str) -> int:
    """How many lines a cell has, as Python numbers them, without empty ones at its end."""
    return len(re.split(r"\r\n|\r|\n", source.rstrip("\r\n")))


def placed(seen: Seen, exercise: str, source: str) -> Seen:
    """What was seen, with a line only if it is one of the exercise's own cell, a word only if it stands there.

    source: the cell as handed in. Cell and line come from the learner's process, which can name any: past the cell's
    end a number could carry a hidden input, and so could a cell's name.
    """
    if not isinstance(seen, Trouble):
        hidden = {name: placed(value, exercise, source) for name, value in seen.items() if isinstance(value, Trouble)}
        return {**seen, **hidden} if hidden else seen
    if "line" not in seen.about:
        return seen
    cell, line = seen.about.get("cell"), seen.about["line"]
    if cell == exercise and isinstance(line, int) and 1 <= line <= count_lines(source):
        if stands_in_line(seen.word, source, line):
            return replace(seen, about={**seen.about, "word": seen.word}, word=None)
        return replace(seen, word=None)
    reason = "raised_elsewhere" if seen.reason == "raised" else seen.reason
    return Trouble(seen.outcome, reason, {key: seen.about[key] for key in ("type", "cause") if key in seen.about})


def refuse_trouble(folder: Path, rule: Rule, seen: Look) -> None:
    """Raise CourseError where a rule could not look at the truth: whoever met the same trouble would seem right.

    folder: the unit's.
    """
    for trouble in seen:
        if isinstance(trouble, Trouble):
            raise CourseError(f"{folder / 'truth.py'}: {rule.name} cannot look at the truth: {trouble.kind()}")


@dataclass(frozen=True)
class Difference:
    """The first observation that is not as it should be."""

    observation: str
    reason: str  # "shape", "kind" or "value"
    expected: Any
    got: Any
    case: int = 0  # the number of the case in which it was seen


def differs(seen: Look, expected: Look, rule: Rule, equal_nan: bool = False) -> Difference | Trouble | None:
    """The first difference between two looks at the same cases, None where there is none."""
    for case, (got, wanted) in enumerate(zip(seen, expected, strict=True)):
        if isinstance(got, Trouble) or isinstance(wanted, Trouble):
            if isinstance(got, Trouble) and isinstance(wanted, Trouble) and got.kind() == wanted.kind():
                continue
            return got if isinstance(got, Trouble) else Trouble("failed", "odd_value")
        for name in wanted:
            if isinstance(trouble := got.get(name), Trouble):
                if isinstance(other := wanted[name], Trouble) and other.kind() == trouble.kind():
                    continue
                return trouble
            reason = unequal(got.get(name), wanted[name], rule, equal_nan)
            if reason:
                return Difference(name, reason, _first_view(wanted[name]), _first_view(got.get(name)), case)
    return None


def _first_view(value: Any) -> Any:
    return value.views[0] if isinstance(value, AnyOf) and value.views else value


def unequal(got: Any, wanted: Any, rule: Rule | Check, equal_nan: bool) -> str:
    """Why a value is not the wanted one; empty where it is."""
    if isinstance(wanted, AnyOf):
        views = got.views if isinstance(got, AnyOf) else [got]
        reasons = [unequal(view, wanted.views[0], rule, equal_nan) for view in views]
        return "" if "" in reasons else (reasons[0] if reasons else "kind")
    if isinstance(wanted, Tensor):
        if not isinstance(got, Tensor):
            return "kind"
        if got.shape != wanted.shape:
            return "shape"
        if got.dtype.is_complex:
            return "kind"
        a, b = got.double(), wanted.double()
        return "" if torch.allclose(a, b, rtol=rule.rtol, atol=rule.atol, equal_nan=equal_nan) else "value"
    if isinstance(wanted, float) and isinstance(got, float | int) and not isinstance(got, bool):
        close = math.isclose(got, wanted, rel_tol=rule.rtol, abs_tol=rule.atol)
        return "" if close or (equal_nan and math.isnan(got) and math.isnan(wanted)) else "value"
    if isinstance(wanted, list | tuple):
        if not isinstance(got, list | tuple) or len(got) != len(wanted):
            return "value"
        return next(filter(None, (unequal(g, w, rule, equal_nan) for g, w in zip(got, wanted, strict=True))), "")
    if isinstance(wanted, dict):  # entry by entry: tensors in it cannot be compared with ==
        if not isinstance(got, dict) or set(got) != set(wanted):
            return "value"
        return next(filter(None, (unequal(got[key], wanted[key], rule, equal_nan) for key in wanted)), "")
    return "" if type(got) is type(wanted) and got == wanted else "value"


# mistakes with a name ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fingerprint:
    """What a known mistake gives: its hint, and its looks at those checks that it loses."""

    hint: str
    looks: Mapping[str, Look]


def recognise(
    check: str,
    seen: Mapping[str, Look],
    known: Iterable[Fingerprint],
    rules: Mapping[str, Rule],
    lost: Collection[str] | None = None,
) -> str:
    """The hint of the known mistake that looks most like this answer at a lost check; empty where none is equal.

    seen: looks of all the exercise's checks; lost: the checks that the answer loses, None where that is not known.
    A mistake counts when it is equal at `check` and loses no check that the answer passes. An exception, which many
    mistakes raise, counts only where the mistake agrees at all that it loses, and the answer raises it nowhere else.
    So does a lack of content, which many answers share: where the mistake agrees at all that it loses.
    Of several such mistakes the one that agrees at most and disagrees at fewest of the checks that it loses itself.
    """
    best, most = "", -math.inf
    raised, hollow = _raised(seen[check]), _is_hollow(seen[check])
    for mistake in known:
        if check not in mistake.looks or (lost is not None and not set(mistake.looks) <= set(lost)):
            continue
        if differs(seen[check], mistake.looks[check], rules[check], equal_nan=True):
            continue
        if raised and any(raised & _raised(seen[name]) for name in seen if name not in mistake.looks):
            continue
        agrees = [
            differs(seen[name], other, rules[name], equal_nan=True) is None
            for name, other in mistake.looks.items()
            if name in seen
        ]
        nothing_else = raised and all(isinstance(case, Trouble) or not case for case in seen[check])
        if (nothing_else or hollow) and not all(agrees):
            continue
        agree = 2 * sum(agrees) - len(agrees)
        if agree > most:
            best, most = mistake.hint, agree
    return best


def _raised(seen: Look) -> set[str]:
    """The kinds of exceptions among what was seen of a check."""
    return {case.kind() for case in seen if isinstance(case, Trouble) and case.outcome == "error"}


def _is_hollow(seen: Look) -> bool:
    """Whether an answer was seen to have no content."""
    return any(not isinstance(case, Trouble) and case.get(CONTENT) is False for case in seen)


def verdict(
    rule: Rule,
    seen: Look,
    expected: Look,
    find_hint: Callable[[], str],
    texts: Mapping[str, Any],
    show_values: bool = False,
) -> Verdict:
    """The verdict on one check, with the hint of the mistake where it is a known one.

    find_hint: asked only where the check is lost; texts: the unit's texts.
    show_values: tell shapes and exceptions, as the self-check does; the grader never shows what it expected.
    """
    difference = differs(seen, expected, rule)
    if difference is None:
        return Verdict(rule.name, "passed")
    outcome = difference.outcome if isinstance(difference, Trouble) else "failed"
    hint = find_hint()
    if not hint:
        return Verdict(rule.name, outcome, explain(rule, difference, texts, show_values))
    named: Text = texts["hints"][hint]
    if show_values and isinstance(difference, Trouble) and difference.raised:  # the question, and what it is about
        told = difference.raised.told(rule.exercise)
        named = {language: f"{sentence}\n{told[language]}" for language, sentence in named.items()}
    return Verdict(rule.name, outcome, named, hint)


def told(trouble: Trouble, exercise: str) -> Text:
    """A sentence about a trouble, where nothing of an exception's text may be told."""
    about, here = dict(trouble.about), trouble.reason == "raised" and trouble.about.get("cell") == exercise
    if trouble.reason not in ("raised", "raised_elsewhere"):
        return no_tensor(about["type"]) if trouble.reason == "no_tensor" else filled(trouble.reason, **about)
    if about.get("cause") == GPU:
        sentence = filled("raised_gpu" if here else "raised_gpu_elsewhere", **about)
    elif here and about.get("word"):
        kinds = dict.fromkeys(MODULE_ERRORS, "raised_module") | dict.fromkeys(NAME_ERRORS, "raised_name")
        sentence = filled(kinds.get(str(about["type"]), "raised_attribute"), **about)
    else:
        sentence = filled("raised" if here else "raised_elsewhere", **about)
    return joined(sentence, about["because"]) if about.get("because") else sentence


def no_tensor(kind: str) -> Text:
    """A sentence about a value that is no tensor, with what to try by its type."""
    remedy = {"int": "float", "bool": "float"}.get(kind, kind)
    sentence = filled("no_tensor", type=kind)
    return joined(sentence, SENTENCES[f"instead_{remedy}"]) if f"instead_{remedy}" in SENTENCES else sentence


def explain(rule: Rule, difference: Difference | Trouble, texts: Mapping[str, Any], show_values: bool) -> Text:
    """A sentence about a difference that has no name of its own."""
    if isinstance(difference, Trouble):
        if show_values and difference.raised:
            return difference.raised.told(rule.exercise)
        return told(difference, rule.exercise)
    if difference.observation == CONTENT:
        return filled("no_content")
    rule_text = texts["rules"][rule.name]
    claim = {language: rule_text[language].rstrip(".。") for language in rule_text}
    pair = difference.expected, difference.got
    if difference.reason == "shape" and show_values and all(isinstance(value, Tensor) for value in pair):
        return filled("wrong_shape_shown", expected=tuple(pair[0].shape), got=tuple(pair[1].shape))
    if difference.reason == "kind":
        return no_tensor(kind_of(difference.got))
    sentence = SENTENCES["wrong_shape" if difference.reason == "shape" else "wrong_value"]
    return {language: sentence[language].format(rule=claim[language]) for language in sentence}
