"""`course selftest`: grades what has a known outcome with the real engine, and says what is not as it must be.

Of each unit: the reference, the released notebook, every mutant and every alternative; where no unit is named, then the
bank of hostile notebooks, with honest ones among them, on the engine's own toy course: it holds for any course. Without
a sandbox the hostile notebooks that need its walls are left out.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..asking.student import KNOWN_ERRORS, KNOWN_KINDS
from ..course import LANGUAGES, CourseError, current
from ..grading.intake import REASONS, IntakeError, digest, read_bytes
from ..grading.plan import Plan
from ..grading.record import Record, Score, in_language
from ..grading.run import grade_all
from ..grading.task import Task
from ..judging.claims import stands_in_line
from ..judging.judge import count_lines
from ..judging.marks import OUTCOMES
from ..judging.sentences import SENTENCES
from ..making.units import Mutant, Unit, find_units
from . import sample, toy
from .hostile import BANK, TELLTALE, Hostile, Notebook

Scores = Mapping[str, Score]  # by grade id


@dataclass(frozen=True)
class Finding:
    """What became of one notebook."""

    unit: str  # its name, that of a toy unit behind "toy"
    kind: str  # "reference", "blank", "mutant", "alternative", or a kind of the bank
    name: str
    good: bool
    fault: str  # what is not as it must be; empty where all is


@dataclass(frozen=True)
class Trial:
    """A notebook to grade, and what is wrong with the record of it, "" for nothing."""

    unit: Unit
    kind: str
    name: str
    task: Task
    fault: Callable[[Scores], str]


def run_selftest(
    units: Sequence[str], mode: str, tell: Callable[[int, int], None] = lambda done, total: None
) -> list[Finding]:
    """The findings on all notebooks of the given units; for none on those of all units, and on the bank.

    mode: "bwrap" or "none"; tell: is told how many of how many are done.
    Raises CourseError for a unit that is not known or not built.
    """
    with tempfile.TemporaryDirectory() as folder:
        trials = list(make_trials(find_units(current().folder, units), mode))
        trials += [] if units else bank_trials(mode, Path(folder))
        return run_trials(trials, mode, tell)


def make_trials(units: Sequence[Unit], mode: str) -> Iterator[Trial]:
    """The trials of known answers to some units. Raises CourseError for one that is not built."""
    for unit in units:
        try:
            yield from _known_answers(unit, mode)
        except FileNotFoundError:
            raise CourseError(
                f"{unit.name} has no released notebook; build it first: course build {unit.name}"
            ) from None


def bank_trials(mode: str, folder: Path) -> Iterator[Trial]:
    """The trials of the bank. folder: an empty one, for what is handed in as something else than a file."""
    units = {unit.name: unit for unit in find_units(toy.course().folder)}
    for number, attack in enumerate(BANK):
        if mode != "none" or not attack.walls:
            unit = units[attack.unit]
            data, reason = _handed_in(attack, unit, folder / str(number))
            task = _task(unit, data, mode, reason, f"{attack.kind}: {attack.name}")
            beside = tuple((path, text.encode()) for path, text in sorted(attack.beside.items()))
            task = replace(task, patience=attack.patience, beside=beside)
            yield Trial(unit, attack.kind, attack.name, task, _expecting(attack, unit))


def run_trials(
    trials: Sequence[Trial],
    mode: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
    executor: Executor | None = None,
) -> list[Finding]:
    """The findings on some trials, in their order. executor: where they run, by default all cores of this machine."""
    findings: dict[int, Finding] = {}
    with tempfile.TemporaryDirectory() as folder:  # nothing is handed in or written: these tasks bring their notebooks
        for solutions in dict.fromkeys(trial.unit.course.folder for trial in trials):
            numbers = [number for number, trial in enumerate(trials) if trial.unit.course.folder == solutions]
            units = tuple(sorted({trials[number].unit.name for number in numbers}))  # what they import is warm
            plan = Plan(Path(folder), Path(folder), units, solutions=solutions, sandbox=mode)
            for place, record, failure in grade_all([trials[number].task for number in numbers], plan, executor):
                trial = trials[numbers[place]]
                fault = f"the grader failed: {failure}" if record is None else _fault(trial, record)
                findings[numbers[place]] = Finding(_shown(trial.unit), trial.kind, trial.name, not fault, fault)
                tell(len(findings), len(trials))
    return [findings[number] for number in range(len(trials))]


def _shown(unit: Unit) -> str:
    return f"toy {unit.name}" if unit.course == toy.course() else unit.name


def rows(findings: Sequence[Finding]) -> list[tuple[str, str, str, str]]:
    """A row per unit and kind: unit, kind, how many notebooks, and how many of them are as they must be."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.unit, finding.kind), []).append(finding)
    return [
        (unit, kind, str(len(group)), f"{sum(finding.good for finding in group)} of {len(group)}")
        for (unit, kind), group in groups.items()
    ]


# the notebooks ------------------------------------------------------------------------------------------------------


def _known_answers(unit: Unit, mode: str) -> Iterator[Trial]:
    def trial(kind: str, name: str, notebook: Notebook, fault: Callable[[Scores], str]) -> Trial:
        return Trial(unit, kind, name, _task(unit, _bytes(notebook), mode, "", f"{kind}: {name}"), fault)

    yield trial("reference", "reference", sample.filled(unit, sample.reference(unit)), _losing(unit, ()))
    yield trial("blank", "blank", sample.released(unit), _blank)
    for mutant in unit.mutants:
        notebook = sample.filled(unit, sample.with_answer(unit, mutant))
        yield trial("mutant", mutant.name, notebook, _losing(unit, mutant.loses, mutant))
    for alternative in unit.alternatives:
        notebook = sample.filled(unit, sample.with_answer(unit, alternative))
        yield trial("alternative", alternative.name, notebook, _losing(unit, ()))


def _handed_in(attack: Hostile, unit: Unit, folder: Path) -> tuple[bytes | None, str]:
    """The bytes of a hostile notebook, or why there are none."""
    if attack.place is not None:
        path = folder / "student" / unit.name / f"{unit.name}.ipynb"
        path.parent.mkdir(parents=True)
        attack.place(path)
        try:
            return read_bytes(folder, "student", unit.name), ""
        except IntakeError as error:
            return None, error.reason
    notebook = sample.filled(unit, sample.reference(unit) | dict(attack.cells))
    first = next(n for n, cell in enumerate(notebook["cells"]) if cell["source"] in _answers(unit, attack))
    notebook["cells"][first:first] = [
        {
            "cell_type": "code",
            "id": f"own-{n}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for n, source in enumerate(attack.extra)
    ]
    damaged = attack.damage(notebook) if attack.damage else notebook
    return (damaged if isinstance(damaged, bytes) else _bytes(damaged)), ""


def _answers(unit: Unit, attack: Hostile) -> set[str]:
    return set((sample.reference(unit) | dict(attack.cells)).values())


def _bytes(notebook: Notebook) -> bytes:
    return json.dumps(notebook).encode()  # halves of characters too, as \ud800


def _task(unit: Unit, data: bytes | None, mode: str, reason: str, student: str) -> Task:
    known = digest(data) if data is not None else reason
    return Task(student, unit.name, data, reason, known, secrets.token_hex(16), mode, str(unit.folder.parent))


# what must become of them ---------------------------------------------------------------------------------------------


def _fault(trial: Trial, record: Record) -> str:
    for score in record.scores:
        source = record.sources.get(score.exercise, "")
        fault = _odd_score(score, trial.unit) or _odd_line(score, source) or _odd_word(score, source)
        if fault:
            return fault
    return trial.fault({score.grade_id: score for score in record.scores})


def _odd_score(score: Score, unit: Unit) -> str:
    """What no score may be, whatever was handed in."""
    name, message = f"{score.exercise} {score.check}", score.message
    if score.outcome not in OUTCOMES:
        return f"{name} has the outcome {score.outcome!r}"
    if (score.outcome == "passed") != (score.points == score.max_points):
        return f"{name} is {score.outcome} with {score.points:g} of {score.max_points:g} points"
    if score.outcome == "passed":
        return "" if message is None else f"{name} has passed and says {message!r}"
    if not isinstance(message, dict) or not all(_is_ours(message.get(language, ""), unit) for language in LANGUAGES):
        return f"{name} says something that is none of our sentences: {str(message)[:200]}"
    told = " ".join(message.values())
    return f"{name} shows that it found what it looked for: {told}" if TELLTALE in told else ""


def _odd_line(score: Score, source: str) -> str:
    """A line that the exercise's cell does not have; its number could carry anything."""
    message = in_language(score.message, "en")
    named = [int(number) for number in re.findall(r"\bline ([0-9]+) of this cell", message)]
    if all(1 <= line <= count_lines(source) for line in named):
        return ""
    return f"{score.exercise} {score.check} names a line outside its cell: {message}"


def _odd_word(score: Score, source: str) -> str:
    """A word that the told line of the exercise's cell does not have; it could carry anything."""
    message = in_language(score.message, "en")
    for key in ("raised_module", "raised_name", "raised_attribute"):
        pattern = re.escape(SENTENCES[key]["en"])
        for gap, values in {"type": r"\w+", "line": "(?P<line>[0-9]+)", "word": r"(?P<word>[\w.]+)"}.items():
            pattern = pattern.replace(re.escape(f"{{{gap}}}"), values)
        found = re.match(pattern, message)
        if found and not stands_in_line(found["word"], source, int(found["line"])):
            return f"{score.exercise} {score.check} tells a word that does not stand in its line: {message}"
    return ""


BEHIND = ("because_", "instead_")  # how the names of sentences begin that stand behind another: reasons, remedies


@cache
def _sentences(folder: Path) -> tuple[frozenset[str], re.Pattern[str]]:
    """All that may be said about the unit of a folder: fixed sentences, and a pattern of those with gaps."""
    texts = Unit(folder).texts
    fixed = [*texts["hints"].values(), *REASONS.values()]
    gaps = {
        "type": "|".join([*sorted(KNOWN_ERRORS), *KNOWN_KINDS, "None", "object"]),
        "line": "[0-9]{1,4}",
        "rule": "|".join(re.escape(rule[la].rstrip(".。")) for rule in texts["rules"].values() for la in LANGUAGES),
        "name": r"[A-Za-z_][\w.]{0,60}",
        "word": r"[^\W\d][\w.]{0,60}",
    }
    patterns: dict[bool, list[str]] = {False: [], True: []}  # True: what stands behind another sentence
    for key, sentence in SENTENCES.items():
        for text in sentence.values():
            pattern = re.escape(text)
            for gap, values in gaps.items():
                pattern = pattern.replace(re.escape(f"{{{gap}}}"), f"(?:{values})")
            patterns[key.startswith(BEHIND)].append(pattern)
    whole = f"(?:{'|'.join(patterns[False])})(?: ?(?:{'|'.join(patterns[True])}))?"
    return frozenset(text for sentence in fixed for text in sentence.values()), re.compile(whole)


def _is_ours(text: str, unit: Unit) -> bool:
    fixed, pattern = _sentences(unit.folder)
    return text in fixed or pattern.fullmatch(text) is not None


def _losing(unit: Unit, loses: Sequence[str], mutant: Mutant | None = None) -> Callable[[Scores], str]:
    """Exactly some checks are lost, and a mutant draws its hint at one of them."""

    def fault(scores: Scores) -> str:
        lost = {check for check in unit.rules if scores[check].outcome != "passed"}
        if lost != set(loses):
            return f"it loses {', '.join(sorted(lost)) or 'nothing'}, not {', '.join(sorted(loses)) or 'nothing'}"
        if mutant and mutant.hint not in {scores[check].hint for check in loses}:
            return f"it does not draw the hint {mutant.hint}"
        return ""

    return fault


def _blank(scores: Scores) -> str:
    odd = [check for check, score in scores.items() if score.outcome != "missing" or score.points]
    return f"{', '.join(odd)} should be missing" if odd else ""


def _expecting(attack: Hostile, unit: Unit) -> Callable[[Scores], str]:
    """Nothing is got in what is attacked; all other checks keep their points where the notebook spares them."""
    checks = list(unit.rules)
    attacked = [check for check in checks if check in attack.loses or unit.rules[check].exercise in attack.loses]

    def fault(scores: Scores) -> str:
        got = [check for check in attacked if scores[check].points]
        if got:
            return f"it gets points in {', '.join(got)}"
        odd = sorted({scores[check].outcome for check in attacked} - set(attack.ends)) if attack.ends else []
        if odd:
            return f"it ends as {', '.join(odd)}, not as {' or '.join(attack.ends)}"
        lost = [check for check in checks if check not in attacked and not scores[check].points]
        if attack.spares and lost:
            return f"it loses {', '.join(lost)}: {scores[lost[0]].message}"
        return ""

    return fault
