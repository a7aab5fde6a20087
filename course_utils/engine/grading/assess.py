"""The verdicts on one submission of one unit, wherever its code runs.

`first_pass` asks a bench for handles on the learner's names, as they stand, and compares what the rules see with what
they see on the truth. Where an exercise is wrong and so is one before it, the question stays open, and `follow_through`
asks again with the reference in the place of what comes before. It knows nothing of processes: the engine's bench
lives in a sandbox, that of a trial in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Protocol

from ..asking.student import Student, local
from ..judging import judge
from ..judging.claims import NAME_ERRORS
from ..judging.judge import Look, Seen, Trouble, Verdict
from ..judging.marks import Stop
from ..judging.recorded import recorded_mistakes
from ..judging.rule import Rule
from ..judging.sentences import Text, filled
from ..making.units import Unit
from ..texts import VISIBLE_SEED

NO_SOURCES: Mapping[str, str] = MappingProxyType({})


class Stopped(Exception):
    """The learner's process had to be stopped, or stopped by itself, while it worked for an exercise."""

    def __init__(self, outcome: Stop, message: Text) -> None:
        """message: the sentence about it."""
        super().__init__(outcome)
        self.outcome, self.message = outcome, message


class Bench(Protocol):
    """Gives handles on a learner's names. Handles raise `Stopped` when the process behind them ends."""

    def own(self, exercise: str, at_end: bool = False) -> Student:
        """The names as the exercise's own cell left them, to ask about it; without what was given up.

        at_end: as all cells have left them.
        """

    def followed(self, exercise: str, at_end: bool = False) -> Student:
        """The same with the reference in the place of all that comes before an exercise."""

    def may_be_mended(self, exercise: str) -> bool:
        """Whether what stands below an exercise's cell may be part of its answer."""

    def why_missing(self, name: str) -> Text | None:
        """Why a name of the learner's has no value, None where that is not known."""

    def give_up(self, exercise: str) -> None:
        """Start again without an exercise that stopped the process: what builds on it will not find it."""

    def trouble(self, exercise: str) -> Trouble | Stopped | None:
        """What happened when the exercise's own cell ran for the latest handle, None if all went well."""


@dataclass(frozen=True)
class FirstPass:
    """What the learner's names as they stand have shown."""

    verdicts: Mapping[str, Verdict]  # by grade ids
    # wrong exercises after one that lost points: the checks that were wrong, or None where it stopped the process.
    # With the reference before them they may hold.
    open: Mapping[str, tuple[str, ...] | None]


@dataclass(frozen=True)
class _Answer:
    """What was seen of an exercise: looks by check, and the checks at which they differ from the truth's."""

    rules: Mapping[str, Rule]
    seen: Mapping[str, Look]
    expected: Mapping[str, Look]
    wrong: set[str]
    again: Mapping[str, Look]  # looks on the draws of the self-check, on which known mistakes are recorded


def _stopped(checks: Sequence[str], stop: Stopped) -> dict[str, Verdict]:
    return {check: Verdict(check, stop.outcome, stop.message) for check in checks}


class _Placed(Mapping[str, Look]):
    """Looks at an exercise, each with lines of its own cell only; looked at when first asked for."""

    def __init__(self, looks: Mapping[str, Look], exercise: str, source: str, bench: Bench) -> None:
        """source: the exercise's cell as handed in; bench: is asked why a name has no value."""
        self._looks, self._exercise, self._source, self._bench = looks, exercise, source, bench

    def __getitem__(self, check: str) -> Look:
        placed = (judge.placed(case, self._exercise, self._source) for case in self._looks[check])
        return [_with_reason(case, self._bench) for case in placed]

    def __iter__(self) -> Iterator[str]:
        return iter(self._looks)

    def __len__(self) -> int:
        return len(self._looks)


class UnitJudge:
    """A unit made ready for many submissions: truths and known mistakes are built once."""

    def __init__(self, unit: Unit, texts: Mapping[str, Any]) -> None:
        """texts: the unit's texts, of which `rules` and `hints` are told."""
        self.unit, self.texts = unit, texts
        self._remembered: tuple[str, dict[str, judge.Looks]] = ("", {})  # by exercise, at the truth on one seed
        self._constant: dict[str, Look] = {}  # looks at the truth that are the same on every seed

    @cached_property
    def truth(self) -> Student:
        """A handle on the independent truths."""
        return local(self.unit.truth())

    def assess(
        self,
        bench: Bench,
        seed: str,
        blank: Sequence[str],
        doubtful: bool = False,
        sources: Mapping[str, str] = NO_SOURCES,
    ) -> dict[str, Verdict]:
        """The verdict on each check of the unit, by grade ids: the first pass, and at once what it leaves open."""
        first = self.first_pass(bench, seed, blank, doubtful, sources)
        found = {**first.verdicts, **self.follow_through(bench, seed, first.open, sources)}
        return {check: found[check] for check in self.unit.rules}

    def first_pass(
        self,
        bench: Bench,
        seed: str,
        blank: Sequence[str],
        doubtful: bool = False,
        sources: Mapping[str, str] = NO_SOURCES,
    ) -> FirstPass:
        """The verdicts on the learner's names as they stand, and the questions that they leave open.

        seed: start of the hidden draws of this student and unit; blank: exercises that are as released.
        doubtful: the learner's own cells redefine what the unit builds on, so that a failed check is run again with
        the reference in its place even where no earlier exercise lost a point.
        sources: the cells of exercises as handed in; a message names no line that is not one of them.
        """
        found: dict[str, Verdict] = {}
        open_questions: dict[str, tuple[str, ...] | None] = {}
        wrong: dict[str, set[str]] = {}  # exercises that lost points in the state that their own cells left
        lost = doubtful
        for exercise in self.unit.exercises:
            checks = self.unit.checks(exercise)
            if exercise in blank:
                verdicts = {check: Verdict(check, "missing", filled("blank")) for check in checks}
            else:
                try:
                    answer = self._seen(exercise, bench, partial(bench.own, exercise), seed, sources)
                except Stopped as stop:
                    verdicts = _stopped(checks, stop)
                    bench.give_up(exercise)
                    wrong[exercise] = set(checks)
                    if lost:
                        open_questions[exercise] = None
                else:
                    if answer.wrong:
                        wrong[exercise] = answer.wrong
                    if answer.wrong and lost:
                        open_questions[exercise] = tuple(sorted(answer.wrong))
                        continue  # told when it is followed through
                    verdicts = self._told(exercise, answer, bench)
            lost |= any(verdict.outcome != "passed" for verdict in verdicts.values())
            found |= verdicts
        for exercise, mistakes in wrong.items():
            better = self._mended(exercise, bench, partial(bench.own, exercise, at_end=True), seed, sources, mistakes)
            if better is not None and (not better.wrong or exercise not in open_questions):
                open_questions.pop(exercise, None)
                found |= self._told(exercise, better, bench)
            elif better is not None and open_questions[exercise] is not None:
                open_questions[exercise] = tuple(sorted(better.wrong))
        return FirstPass(found, open_questions)

    def _mended(
        self,
        exercise: str,
        bench: Bench,
        handle: Callable[[], Student],
        seed: str,
        sources: Mapping[str, str],
        wrong: set[str],
    ) -> _Answer | None:
        """What is seen of a wrong exercise once all cells have run, if it loses less then; None if not.

        An answer that stands only in a later cell counts, such as a method that is put into its class there.
        """
        if not bench.may_be_mended(exercise):
            return None
        try:
            answer = self._seen(exercise, bench, handle, seed, sources)
        except Stopped:
            bench.give_up(exercise)
            return None
        return answer if self._points(answer.wrong) < self._points(wrong) else None

    def _points(self, checks: Iterable[str]) -> float:
        return sum(self.unit.points(check) for check in checks)

    def follow_through(
        self,
        bench: Bench,
        seed: str,
        questions: Mapping[str, tuple[str, ...] | None],
        sources: Mapping[str, str] = NO_SOURCES,
    ) -> dict[str, Verdict]:
        """The verdicts on open questions, each with the reference in the place of what comes before it.

        questions: exercises in their order, see FirstPass; seed, sources: those of the first pass.
        """
        found: dict[str, Verdict] = {}
        for exercise, first in questions.items():
            try:
                answer = self._seen(exercise, bench, partial(bench.followed, exercise), seed, sources)
            except Stopped as stop:
                found |= _stopped(self.unit.checks(exercise), stop)
                bench.give_up(exercise)
            else:
                wrong = answer.wrong if first is None else answer.wrong & set(first)
                told = self._told(exercise, replace(answer, wrong=wrong), bench)  # while the process is as it was asked
                if wrong:
                    again = partial(bench.followed, exercise, at_end=True)
                    better = self._mended(exercise, bench, again, seed, sources, wrong)
                    told = self._told(exercise, better, bench) if better is not None else told
                found |= told
        return found

    def _seen(
        self, exercise: str, bench: Bench, handle: Callable[[], Student], seed: str, sources: Mapping[str, str]
    ) -> _Answer:
        """What the rules of an exercise see on the learner's names and on the truth. Raises Stopped."""
        student = handle()
        trouble = bench.trouble(exercise)
        if isinstance(trouble, Stopped):
            raise trouble
        rules = {name: self.unit.rules[name] for name in self.unit.checks(exercise)}
        expected = {name: self._true(rule, seed) for name, rule in rules.items()}

        def looks(cases: Sequence[Mapping[str, Any]], seed: str) -> Mapping[str, Look]:
            found: Mapping[str, Look] = judge.Looks(rules.values(), student, cases, seed)
            if trouble is not None:  # where the cell itself failed nothing of it can be looked at
                found = {name: [trouble] * len(cases) for name in rules}
            return _Placed(found, exercise, sources.get(exercise, ""), bench)

        seen = dict(looks(self.unit.cases[exercise], seed))
        again = looks(self.unit.visible_cases[exercise], VISIBLE_SEED)  # a right answer needs none of them
        return _Answer(rules, seen, expected, _wrong(seen, expected, rules), again)

    def _told(self, exercise: str, answer: _Answer, bench: Bench) -> dict[str, Verdict]:
        """The verdicts on what was seen, with the names of the mistakes."""
        stopped = False

        def find_hint(check: str) -> str:
            nonlocal stopped
            if not stopped:
                try:
                    known = recorded_mistakes(self.unit)[exercise]
                    return judge.recognise(check, answer.again, known, answer.rules, answer.wrong)
                except Stopped:
                    bench.give_up(exercise)
                    stopped = True
            return ""

        verdicts = {name: Verdict(name, "passed") for name in answer.rules}
        for name in answer.wrong:
            rule, hint = answer.rules[name], partial(find_hint, name)
            verdicts[name] = judge.verdict(rule, answer.seen[name], answer.expected[name], hint, self.texts)
        return verdicts

    def _true(self, rule: Rule, seed: str) -> Look:
        """What a rule sees on the truth; kept while the seed is the same, and for good where no seed matters."""
        if rule.name in self._constant:
            return self._constant[rule.name]
        if self._remembered[0] != seed:
            self._remembered = (seed, {})
        looks = self._remembered[1]
        if rule.exercise not in looks:
            rules = [self.unit.rules[name] for name in self.unit.checks(rule.exercise)]
            looks[rule.exercise] = judge.Looks(rules, self.truth, self.unit.cases[rule.exercise], seed)
        seen = looks[rule.exercise][rule.name]
        judge.refuse_trouble(self.unit.folder, rule, seen)
        if rule.constant:
            self._constant[rule.name] = seen
        return seen


def _with_reason(seen: Seen, bench: Bench) -> Seen:
    """What was seen, with the reason why a name has no value where it is known."""
    if not isinstance(seen, Trouble):
        hidden = {name: _with_reason(value, bench) for name, value in seen.items() if isinstance(value, Trouble)}
        return {**seen, **hidden} if hidden else seen
    if seen.about.get("type") not in NAME_ERRORS or not seen.about.get("word"):
        return seen
    because = bench.why_missing(str(seen.about["word"]))
    return replace(seen, about={**seen.about, "because": because}) if because else seen


def _wrong(seen: Mapping[str, Look], expected: Mapping[str, Look], rules: Mapping[str, Rule]) -> set[str]:
    return {name for name, rule in rules.items() if judge.differs(seen[name], expected[name], rule) is not None}


class TrialBench:
    """A bench in this very process, for answers that are trusted: reference, mutants, alternatives."""

    def __init__(self, unit: Unit, answers: Mapping[str, str]) -> None:
        """answers: an exercise's name -> the source of its cell; the reference stands for all others."""
        self._unit, self._answers = unit, dict(answers)

    def own(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on the given answers."""
        return local(self._unit.namespace(self._answers))

    def followed(self, exercise: str, at_end: bool = False) -> Student:
        """A handle on one of the given answers with the reference round it."""
        kept = {name: text for name, text in self._answers.items() if name == exercise}
        return local(self._unit.namespace(kept))

    def may_be_mended(self, exercise: str) -> bool:
        """There are no other cells here."""
        return False

    def why_missing(self, name: str) -> Text | None:
        """Of trusted answers nobody asks."""
        return None

    def give_up(self, exercise: str) -> None:
        """Take the reference for an exercise: nothing here builds on what stopped a process."""
        self._answers.pop(exercise, None)

    def trouble(self, exercise: str) -> Trouble | None:
        """Trusted answers are judged by what their names do."""
        return None


def trial(judge_of_unit: UnitJudge, answers: Mapping[str, str], seed: str = "trial") -> dict[str, Verdict]:
    """The verdicts on trusted answers, without a kernel or a sandbox."""
    return judge_of_unit.assess(TrialBench(judge_of_unit.unit, answers), seed, blank=())
