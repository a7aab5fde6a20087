"""The verdicts on one submission of one unit, wherever its code runs.

`assess` asks a bench for handles on the learner's names and compares what the rules see with what they see on the
truth. It knows nothing of processes: the engine's bench lives in a sandbox, that of a trial in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

from ..selfcheck import judge
from ..selfcheck.judge import Fingerprint, Look, Seen, Trouble, Verdict
from ..selfcheck.rules import Rule
from ..selfcheck.sentences import Text, filled
from ..selfcheck.student import Student, local
from .units import Unit, UnitError


class Stopped(Exception):
    """The learner's process had to be stopped, or stopped by itself, while it worked for an exercise."""

    def __init__(self, outcome: str, message: Text) -> None:
        """outcome: "timeout", "memory", "crashed"; message: the sentence about it."""
        super().__init__(outcome)
        self.outcome, self.message = outcome, message


class Bench(Protocol):
    """Gives handles on a learner's names. Handles raise `Stopped` when the process behind them ends."""

    def own(self, exercise: str) -> Student:
        """The names as the learner's cells define them, to ask about an exercise.

        Of the exercises before it, those given up by `replace` are the reference's.
        """

    def followed(self, exercise: str) -> Student:
        """The same with the reference in the place of all that comes before an exercise."""

    def replace(self, exercise: str) -> None:
        """Put the reference in the place of an exercise that stopped the process, and start again."""

    def trouble(self, exercise: str) -> Trouble | Stopped | None:
        """What happened when the exercise's own cell ran, None if all went well."""


@dataclass(frozen=True)
class _Answer:
    """What was seen of an exercise: looks by check, and the checks at which they differ from the truth's."""

    rules: Mapping[str, Rule]
    seen: Mapping[str, Look]
    expected: Mapping[str, Look]
    wrong: set[str]


def _stopped(checks: Sequence[str], stop: Stopped) -> dict[str, Verdict]:
    return {check: Verdict(check, stop.outcome, stop.message) for check in checks}


class _WhenAsked(Mapping[str, Look]):
    """Looks by check, made when they are asked for: most mistakes differ at the lost check, and that is the end."""

    def __init__(self, look: Callable[[str], Look], checks: Sequence[str]) -> None:
        """look: gives the look at a check."""
        self._look, self._checks = look, checks

    def __getitem__(self, check: str) -> Look:
        if check not in self._checks:
            raise KeyError(check)
        return self._look(check)

    def __contains__(self, check: object) -> bool:
        return check in self._checks

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)


class _LookWhenAsked(Sequence[Seen]):
    """A look whose cases are seen when they are asked for, and then kept: most mistakes differ at the first case."""

    def __init__(self, see: Callable[[int], Seen], cases: int) -> None:
        """see: what is seen on a case, by its number."""
        self._see = see
        self._seen: list[Seen | None] = [None] * cases

    def __getitem__(self, number: Any) -> Any:
        if self._seen[number] is None:
            self._seen[number] = self._see(number)
        return self._seen[number]

    def __len__(self) -> int:
        return len(self._seen)


class UnitJudge:
    """A unit made ready for many submissions: truths and known mistakes are built once."""

    def __init__(self, unit: Unit, texts: Mapping[str, Any]) -> None:
        """texts: the unit's texts, `titles`, `rules`, `hints`."""
        self.unit, self.texts = unit, texts
        self._mistakes: dict[str, Student] = {}
        self._remembered: tuple[str, dict[tuple[str, str], Look]] = ("", {})  # looks at trusted answers on one seed
        self._constant: dict[str, Look] = {}  # looks at the truth that are the same on every seed

    @cached_property
    def truth(self) -> Student:
        """A handle on the independent truths."""
        return local(self.unit.truth())

    def mistake(self, name: str) -> Student:
        """A handle on a known mistake, made when it is first asked for."""
        if name not in self._mistakes:
            mutant = next(mutant for mutant in self.unit.mutants if mutant.name == name)
            self._mistakes[name] = local(self.unit.namespace({mutant.exercise: self.unit.mutated(mutant)}))
        return self._mistakes[name]

    def assess(self, bench: Bench, seed: str, blank: Sequence[str], doubtful: bool = False) -> dict[str, Verdict]:
        """The verdict on each check of the unit, by grade ids.

        seed: start of the hidden draws of this student and unit; blank: exercises that are as released.
        doubtful: the learner's own cells redefine what the unit builds on, so that a failed check is run again with
        the reference in its place even where no earlier exercise lost a point.
        """
        found: dict[str, dict[str, Verdict]] = {}
        # wrong as they stand, or None where they stopped the process; they may hold with the reference before them
        open_questions: dict[str, _Answer | None] = {}
        lost = doubtful
        for exercise in self.unit.exercises:
            checks = self.unit.checks(exercise)
            if exercise in blank:
                found[exercise] = {check: Verdict(check, "missing", filled("blank")) for check in checks}
            else:
                try:
                    answer = self._seen(exercise, bench, partial(bench.own, exercise), seed)
                except Stopped as stop:
                    found[exercise] = _stopped(checks, stop)
                    bench.replace(exercise)
                    if lost:
                        open_questions[exercise] = None
                else:
                    if answer.wrong and lost:
                        open_questions[exercise] = answer
                    found[exercise] = self._told(exercise, answer, seed)
            lost |= any(verdict.outcome != "passed" for verdict in found[exercise].values())
        for exercise, first in open_questions.items():
            try:
                again = self._seen(exercise, bench, partial(bench.followed, exercise), seed)
            except Stopped as stop:
                found[exercise] = _stopped(self.unit.checks(exercise), stop)
                bench.replace(exercise)
            else:
                wrong = again.wrong & first.wrong if first else again.wrong
                both = _Answer(again.rules, again.seen, again.expected, wrong)
                found[exercise] = self._told(exercise, both, seed)
        return {check: verdict for verdicts in found.values() for check, verdict in verdicts.items()}

    def _seen(self, exercise: str, bench: Bench, handle: Callable[[], Student], seed: str) -> _Answer:
        """What the rules of an exercise see on the learner's names and on the truth. Raises Stopped."""
        trouble = bench.trouble(exercise)
        if isinstance(trouble, Stopped):
            raise trouble
        rules = {name: self.unit.rules[name] for name in self.unit.checks(exercise)}
        expected = {name: self._trusted("", rule, seed) for name, rule in rules.items()}
        seen = self._looks(rules, handle(), seed, trouble)
        return _Answer(rules, seen, expected, _wrong(seen, expected, rules))

    def _told(self, exercise: str, answer: _Answer, seed: str) -> dict[str, Verdict]:
        """The verdicts on what was seen, with the names of the mistakes."""
        verdicts = {name: Verdict(name, "passed") for name in answer.rules}
        for name in answer.wrong:
            known = self._known(exercise, name, seed)
            rule, expected = answer.rules[name], answer.expected[name]
            verdicts[name] = judge.verdict(rule, answer.seen, expected, known, answer.rules, self.texts)
        return verdicts

    def _looks(
        self, rules: Mapping[str, Rule], student: Student, seed: str, trouble: Trouble | None
    ) -> dict[str, Look]:
        if trouble is not None:  # the cell itself failed: nothing of it can be looked at
            return {name: [trouble] * len(self._cases(rule)) for name, rule in rules.items()}
        return {name: self._look(rule, student, seed) for name, rule in rules.items()}

    def _look(self, rule: Rule, student: Student, seed: str) -> Look:
        return judge.look(rule, student, self._cases(rule), seed)

    def _trusted(self, mutant: str, rule: Rule, seed: str) -> Look:
        """What a rule sees on a mutant, or on the truth for no name; kept while the seed is the same."""
        if self._remembered[0] != seed:
            self._remembered = (seed, {})
        looks = self._remembered[1]
        if (mutant, rule.name) not in looks:
            looks[mutant, rule.name] = self._mistaken(mutant, rule, seed) if mutant else self._true(rule, seed)
        return looks[mutant, rule.name]

    def _true(self, rule: Rule, seed: str) -> Look:
        if rule.name in self._constant:
            return self._constant[rule.name]
        seen = self._look(rule, self.truth, seed)
        refuse_trouble(self.unit, rule, seen)
        if rule.constant:
            self._constant[rule.name] = seen
        return seen

    def _mistaken(self, mutant: str, rule: Rule, seed: str) -> Look:
        cases, student = self._cases(rule), self.mistake(mutant)
        return _LookWhenAsked(lambda number: judge.look_at(rule, student, cases[number], seed, number), len(cases))

    def _known_look(self, mutant: str, seed: str, check: str) -> Look:
        return self._trusted(mutant, self.unit.rules[check], seed)

    def _cases(self, rule: Rule) -> Sequence[Mapping[str, Any]]:
        return list(self.unit.hidden.CASES[rule.exercise])

    def _known(self, exercise: str, check: str, seed: str) -> list[Fingerprint]:
        """The exercise's known mistakes that lose a check, looked at on the draws of this very submission."""
        return [
            Fingerprint(mutant.hint, _WhenAsked(partial(self._known_look, mutant.name, seed), mutant.loses))
            for mutant in self.unit.mutants
            if mutant.exercise == exercise and check in mutant.loses
        ]


def refuse_trouble(unit: Unit, rule: Rule, seen: Look) -> None:
    """Raise UnitError where a rule could not look at the truth: whoever met the same trouble would seem right."""
    for trouble in seen:
        if isinstance(trouble, Trouble):
            raise UnitError(
                f"{unit.folder / 'hidden_tests.py'}: {rule.name} cannot look at the truth: {trouble.kind()}"
            )


def _wrong(seen: Mapping[str, Look], expected: Mapping[str, Look], rules: Mapping[str, Rule]) -> set[str]:
    return {name for name, rule in rules.items() if judge.differs(seen[name], expected[name], rule) is not None}


class TrialBench:
    """A bench in this very process, for answers that are trusted: reference, mutants, alternatives."""

    def __init__(self, unit: Unit, answers: Mapping[str, str]) -> None:
        """answers: an exercise's name -> the source of its cell; the reference stands for all others."""
        self._unit, self._answers = unit, dict(answers)

    def own(self, exercise: str) -> Student:
        """A handle on the given answers."""
        return local(self._unit.namespace(self._answers))

    def followed(self, exercise: str) -> Student:
        """A handle on one of the given answers with the reference round it."""
        kept = {name: text for name, text in self._answers.items() if name == exercise}
        return local(self._unit.namespace(kept))

    def replace(self, exercise: str) -> None:
        """Take the reference for an exercise."""
        self._answers.pop(exercise, None)

    def trouble(self, exercise: str) -> Trouble | None:
        """Trusted answers are judged by what their names do."""
        return None


def trial(judge_of_unit: UnitJudge, answers: Mapping[str, str], seed: str = "trial") -> dict[str, Verdict]:
    """The verdicts on trusted answers, without a kernel or a sandbox."""
    return judge_of_unit.assess(TrialBench(judge_of_unit.unit, answers), seed, blank=())
