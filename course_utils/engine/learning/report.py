"""What `check` and `hint` show, in a notebook and in a terminal."""

from __future__ import annotations

import contextlib
import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import nn

from ..course import LANGUAGES, SOLUTIONS, CourseUnit, current
from ..judging import judge
from ..judging.judge import Difference, Look, Trouble, Verdict
from ..judging.marks import Outcome
from ..judging.raised import CODE, Raised
from ..judging.recorded import recorded_looks, recorded_mistakes
from ..judging.rule import CONTENT, Rule, rules_of
from ..judging.sentences import SENTENCES, Text, filled
from ..texts import VISIBLE_SEED, fingerprint_of_source, source_of
from ..texts import language as own_language
from .drawing import Drawing
from .interrupts import CheckTooLong, stoppable, timed
from .nearby import nearest, nearest_defined, unreadable_cell
from .own import own
from .panel import GREEN, GREY, RED, coloured, panel
from .shown import Shown, show

WORDS: dict[str, Text] = {
    "all": {"en": "All rules hold.", "zh": "全部通过。"},
    "some": {"en": "{passed} of {total} rules hold.", "zh": "{total} 条规则中通过了 {passed} 条。"},
    "earlier": {
        "en": "{names} above is not right yet; repair it first, this exercise builds on it.",
        "zh": "前面的 {names} 还不对；这道练习要用到它，请先修好它。",
    },
    "above": {
        "en": "{names} comes from a cell above; run that one first.",
        "zh": "{names} 来自上面的单元格；请先运行那个单元格。",
    },
    "failed_above": {
        "en": "{name} has no value because the line that should define it stopped with {type}{words}",
        "zh": "{name} 没有值，因为本该定义它的那一行在运行时抛出了 {type}{words}",
    },
    "more": {"en": 'More help: hint("{name}")', "zh": '需要更多提示：hint("{name}")'},
    "step": {"en": "Hint {step} of {total}", "zh": "提示 {step}/{total}"},
    "next": {
        "en": 'Still stuck? hint("{name}") once more.',
        "zh": '还是没思路？再运行一次 hint("{name}")。',
    },
    "then_solution": {
        "en": 'That was the last step. solution("{name}") shows how the course answers it; hint("{name}", 1) shows the '
        "first step again.",
        "zh": '提示到此为止。solution("{name}") 会给出课程的参考答案；想从头再看，运行 hint("{name}", 1)。',
    },
    "last": {
        "en": 'That was the last step; hint("{name}", 1) shows the first again.',
        "zh": '提示到此为止；想从头再看，运行 hint("{name}", 1)。',
    },
}
# What set-up cells of the units import under these names.
GIVEN = ("F", "Tensor", "math", "nn", "np", "plt", "torch")
_NOT_DEFINED = re.compile(r"name '(\w+)' is not defined")  # Python's own words


@dataclass(frozen=True)
class Report:
    """The verdicts on an exercise. In a notebook it shows itself; `passed` is for programs."""

    exercise: str
    language: str
    verdicts: tuple[Verdict, ...]
    rules: Mapping[str, str]  # check -> the rule's line in the report's language
    note: str = ""
    shown: Mapping[str, Shown] = field(default_factory=dict)  # check -> the case that shows a mistake without a name

    @property
    def passed(self) -> bool:
        """Whether all rules hold."""
        return all(verdict.outcome == "passed" for verdict in self.verdicts)

    @property
    def summary(self) -> str:
        """One sentence about all rules."""
        sentence = WORDS["all" if self.passed else "some"][self.language]
        return sentence.format(passed=self.held(), total=len(self.verdicts))

    def held(self) -> int:
        """How many rules hold."""
        return sum(verdict.outcome == "passed" for verdict in self.verdicts)

    def because(self, name: str, raised: Raised) -> Report:
        """The same with a note of why a name has no value."""
        ends = {"en": (": ", "."), "zh": ("：", "。")}[self.language]
        words = ends[0] + raised.words if raised.words else ends[1]
        note = WORDS["failed_above"][self.language].format(name=name, type=raised.type, words=words)
        return replace(self, note=note)

    def messages(self) -> list[str]:
        """What is said about the rules that do not hold, each sentence once."""
        return list(dict.fromkeys(sentence for sentence, _ in self.told()))

    def told(self) -> list[tuple[str, Drawing | None]]:
        """What is said about the rules that do not hold, each once, and the case that shows it.

        First comes what the rest may follow from: what keeps values from coming at all, then what breaks most rules.
        A check without content comes last: it counts once the answer works.
        """
        said: dict[str, tuple[str, Drawing | None]] = {}
        seen: set[str] = set()
        for verdict in sorted(self.verdicts, key=self._rank):
            if verdict.message is None:
                continue
            sentence, drawing = verdict.message[self.language], self._drawing(verdict.check)
            case = "\n".join([*drawing.lines(), "" if drawing.is_example else sentence]) if drawing else ""
            key = verdict.hint or f"{sentence}\n{case}"
            if key not in said or len(said[key][0]) < len(sentence):  # of one hint the words with the exception below
                said[key] = sentence, drawing if case not in seen else None
            seen.add(case)
        return list(said.values())

    def _drawing(self, check: str) -> Drawing | None:
        return Drawing(self.shown[check], self.language) if check in self.shown else None

    def _rank(self, verdict: Verdict) -> tuple[bool, bool, int]:
        """Sorts verdicts by how much may follow from them; equal ones stay in the order of the rules."""
        share = sum(other.hint == verdict.hint for other in self.verdicts) if verdict.hint else 0
        message = (verdict.message or {}).get(self.language)
        return message == SENTENCES["no_content"][self.language], verdict.outcome not in ("error", "memory"), -share

    def __repr__(self) -> str:
        lines = [f"{self.exercise}: {self.summary}"]
        lines += [
            f"  {'✓' if verdict.outcome == 'passed' else '✗'} {self.rules[verdict.check]}" for verdict in self.verdicts
        ]
        lines += [f"  → {self.note}"] if self.note and not self.passed else []
        for message, drawing in self.told():
            first, *others = [*message.split("\n"), *(drawing.lines() if drawing else [])]
            lines += [f"  → {first}", *(f"    {line}" for line in others)]
        lines += [f"  {self.note}"] if self.note and self.passed else []
        if not self.passed:
            lines.append("  " + WORDS["more"][self.language].format(name=self.exercise))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for verdict in self.verdicts:
            good = verdict.outcome == "passed"
            mark = coloured(GREEN if good else RED, "✓" if good else "✗", "b")
            rows.append(f'<div style="margin:.15em 0">{mark} {html.escape(self.rules[verdict.check])}</div>')
        bodies = [_in_html(self.note)] if self.note and not self.passed else []
        bodies += [_in_html(message) + (drawing.html() if drawing else "") for message, drawing in self.told()]
        rows += [f'<div style="margin:.4em 0;padding:.3em .7em;border-left:4px solid {RED}">{b}</div>' for b in bodies]
        more = [self.note] if self.note and self.passed else []
        more += [] if self.passed else [WORDS["more"][self.language].format(name=self.exercise)]
        rows += [coloured(GREY, line, "div") for line in more]
        head = f"<b>{html.escape(self.exercise)}</b> · {html.escape(self.summary)}"
        return panel(GREEN if self.passed else RED, head + "".join(rows))


def _in_html(message: str) -> str:
    """A message's lines, those with code in a typewriter's letters."""
    lines = []
    for line in message.split("\n"):
        style = "font-family:monospace;white-space:pre-wrap" if line.startswith(CODE) else ""
        lines.append(f'<div style="{style}">{html.escape(line)}</div>' if style else f"<div>{html.escape(line)}</div>")
    return "".join(lines)


@dataclass(frozen=True)
class Help:
    """One step of help."""

    exercise: str
    step: int
    total: int
    text: str
    language: str
    has_solution: bool = False  # whether the course at hand can show one

    def _lines(self) -> list[str]:
        head = WORDS["step"][self.language].format(step=self.step, total=self.total)
        lines = [f"{self.exercise} · {head}", self.text]
        follows = "next" if self.step < self.total else "then_solution" if self.has_solution else "last"
        lines.append(WORDS[follows][self.language].format(name=self.exercise))
        return lines

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_markdown_(self) -> str:
        return "\n\n".join(self._lines())


def looks(unit: CourseUnit, exercise: str, names: dict[str, Any]) -> tuple[dict[str, Rule], dict[str, Look]]:
    """The rules of an exercise and what they see on the visible draws; prints and warnings are kept still."""
    chosen = {rule.name: rule for rule in rules_of(unit.rules_module) if rule.exercise == exercise}
    cases = unit.visible_cases[exercise]
    with quiet():
        return chosen, dict(judge.Looks(chosen.values(), own(names), cases, VISIBLE_SEED))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep prints and warnings still, and torch's random state and threads as they were."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(judge.undisturbed())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


def check_names(name: str, names: dict[str, Any], language: str | None = None) -> Report:
    """The report on an exercise in a namespace. Raises ValueError for an unknown exercise or language."""
    unit = _unit(name)
    language = chosen_language(language)
    if unreadable := unreadable_cell(name, names):
        return missing(name, unreadable.told(name, "cell_failed"), language)
    if name not in names and (other := nearest_defined(name, names, current().all_exercises())):
        return missing(name, filled("renamed", name=name, other=other), language)
    if name not in names or is_blank(names[name], unit.texts["exercises"][name]["released"]):
        return missing(name, filled("blank" if name in names else "not_run", name=name), language)
    _ = unit.rules_module, recorded_looks(unit)  # what is read once is no time of the answer's
    try:
        with stoppable(names, language, name), timed():
            return _judged(unit, name, names, language)
    except CheckTooLong as ended:
        return missing(name, ended.told, language, "timeout")


def missing(name: str, sentence: Text, language: str, outcome: Outcome = "missing") -> Report:
    """The report on an exercise of which there is nothing to look at; the sentence says why."""
    rules = _unit(name).texts["rules"]
    checks = _unit(name).texts["exercises"][name]["checks"]
    lines = {check: rules[check][language] for check in checks}
    return Report(name, language, tuple(Verdict(check, outcome, sentence) for check in checks), lines)


def _judged(unit: CourseUnit, name: str, names: dict[str, Any], language: str) -> Report:
    """The report on an answer. Raises CheckStopped."""
    texts = unit.texts
    lines = {check: texts["rules"][check][language] for check in texts["exercises"][name]["checks"]}
    chosen, seen = looks(unit, name, names)
    expected = recorded_looks(unit)
    found = {check: judge.differs(seen[check], expected[check], rule) for check, rule in chosen.items()}
    lost = {check: difference for check, difference in found.items() if difference}

    def verdict(rule: Rule) -> Verdict:
        def find_hint() -> str:
            return judge.recognise(rule.name, seen, recorded_mistakes(unit)[name], chosen, lost)

        return judge.verdict(rule, seen[rule.name], expected[rule.name], find_hint, texts, show_values=True)

    verdicts = tuple(map(verdict, chosen.values()))
    report = Report(name, language, verdicts, lines)
    if report.passed:
        return report
    report = _with_cases(report, unit, chosen, lost, names)
    above = [word for word in names_missing(report) if word in (*GIVEN, *current().all_exercises())]
    note = WORDS["above"][language].format(names=", ".join(above)) if above else _note(unit, name, names, language)
    return replace(report, note=note)


def _with_cases(
    report: Report,
    unit: CourseUnit,
    rules: Mapping[str, Rule],
    lost: Mapping[str, Difference | Trouble],
    names: dict[str, Any],
) -> Report:
    """A report with a case for each mistake that has no name."""
    source = source_of(names[report.exercise])
    with quiet():
        student = own(names)
        unnamed = [verdict.check for verdict in report.verdicts if verdict.message and not verdict.hint]
        cases = {
            check: judge.tried(partial(show, unit, rules[check], lost[check], student, source)) for check in unnamed
        }
    shown = {check: case for check, case in cases.items() if isinstance(case, Shown)}
    verdicts = tuple(
        replace(verdict, message=shown[verdict.check].sentence)
        if verdict.check in shown and _repeats_the_rule(lost[verdict.check])
        else verdict
        for verdict in report.verdicts
    )
    return replace(report, verdicts=verdicts, shown=shown)


def _repeats_the_rule(difference: Difference | Trouble) -> bool:
    """Whether what is said of a difference alone would be no more than the rule, or than what the case shows."""
    return isinstance(difference, Difference) and difference.observation != CONTENT


def names_missing(report: Report) -> list[str]:
    """The names that have no value, by what a report tells of exceptions."""
    return list(dict.fromkeys(name for message in report.messages() for name in _NOT_DEFINED.findall(message)))


def _note(unit: CourseUnit, name: str, names: dict[str, Any], language: str) -> str:
    """A word about earlier exercises of the unit that the answer calls and that are not right yet."""
    source = source_of(names[name])
    exercises = list(unit.texts["exercises"])
    wrong = []
    for earlier in exercises[: exercises.index(name)]:
        if earlier in source and earlier in names:
            chosen, seen = looks(unit, earlier, names)
            if any(judge.differs(seen[check], recorded_looks(unit)[check], rule) for check, rule in chosen.items()):
                wrong.append(earlier)
    return WORDS["earlier"][language].format(names=", ".join(wrong)) if wrong else ""


def is_blank(value: Any, released: str) -> bool:
    """Whether an answer is one that nobody has begun; released: fingerprint of the cell as it was given."""
    if isinstance(value, type) and not any(callable(member) for member in vars(value).values()):
        # a class without a single method is one that nobody has begun, unless it takes another's
        return all(base in (object, nn.Module) for base in value.__bases__)
    source = source_of(value)
    return bool(source) and fingerprint_of_source(source) == released


_steps_seen: dict[str, int] = {}  # exercise -> the step that was shown last


def help_step(name: str, step: int | None = None, language: str | None = None) -> Help:
    """A step of help with an exercise: a given one, or the next after the one shown last; after the last it stays.

    Raises ValueError for an unknown exercise, step or language.
    """
    language = chosen_language(language)
    unit = _unit(name)
    steps = unit.texts["exercises"][name]["steps"]
    if step is None:
        step = min(_steps_seen.get(name, 0) + 1, len(steps))
    if not 1 <= step <= len(steps):
        raise ValueError(f"step must be 1 to {len(steps)}, got {step}")
    _steps_seen[name] = step
    return Help(name, step, len(steps), steps[step - 1][language], language, (unit.folder / SOLUTIONS).is_file())


class UnknownExercise(ValueError):
    """A name that no exercise has; the message says which there are, and which is nearest."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self._near = nearest(name, known)
        guess = f" {filled('did_you_mean', name=self._near)['en']}" if self._near else ""
        super().__init__(f"exercise must be one of {', '.join(known)}; got {name!r}.{guess}")
        self._name = name

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: no more than what to write."""
        if self._near:
            sentence = filled("no_exercise", name=self._name)
            return [f"{sentence[own_language()]} {filled('did_you_mean', name=self._near)[own_language()]}"]
        return [str(self)]


def _unit(name: str) -> CourseUnit:
    course = current()
    unit = course.unit_of(name)
    if unit is None:
        raise UnknownExercise(name, course.all_exercises())
    return unit


def chosen_language(wanted: str | None) -> str:
    """A language that was asked for, else the learner's. Raises ValueError for one that the engine has not."""
    if wanted is not None and wanted not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {wanted!r}")
    return wanted or own_language()
