"""A unit's folder in `solutions/`, read as files: answers, truth, mistakes, hints, rubric.

One folder tells everything about a unit; this module gives it names. Nothing in `course_utils` imports `solutions`.
"""

from __future__ import annotations

import ast
import math
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ..course import FILE, CourseError, CourseUnit, check_by_language, line_of, load, open_course, read_toml
from ..judging.rule import Rule, rules_of
from .chinese import close_gaps_of

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# YOUR CODE HERE"


FILES = (
    "unit.toml", "lesson.py", "answers.py", "rules.py", "truth.py", "mutants.py", "alternatives.py", "hints.yml",
    "rubric.yml",
)  # fmt: skip
ALLOWED = {*FILES, "fixtures.py", "examples.py", "lazy.py", "recorded", "__pycache__"}
KEYS = {"title", "minutes", "learner_minutes", "points", "warm", "same_answer", "library_calls"}  # of unit.toml


@dataclass(frozen=True)
class Mutant:
    """A known wrong answer: a change to the reference, the hint that it draws, the checks that it loses."""

    name: str
    exercise: str
    hint: str  # id of a misconception in hints.yml
    loses: tuple[str, ...]  # grade ids of exactly those checks that it loses
    change: Sequence[tuple[str, str]] = ()  # (old, new); each old text occurs once in the exercise's cell
    source: str = ""  # the whole cell, where a change would not be clear


@dataclass(frozen=True)
class Alternative:
    """A right answer that is written in another way than the reference."""

    name: str
    exercise: str
    source: str  # the whole cell


@dataclass(frozen=True)
class Unit(CourseUnit):
    """Everything about one unit."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The content of unit.toml. Raises CourseError for an unknown or missing key, or a value of another kind.

        Raises it for a file too that no unit has: it would never be read, and most often its name is a slip.
        """
        path = self.folder / "unit.toml"
        if not self.folder.is_dir():
            place = f"{self.course.folder / FILE}, line {line_of(self.course.folder / FILE, 'units')}"
            raise CourseError(f"{place}: units names {self.name}, and there is no folder {self.folder}")
        names = {each.name for each in self.folder.iterdir() if not each.name.startswith(".")}  # of an editor's own
        if odd := sorted(names - ALLOWED):
            raise CourseError(f"{self.folder / odd[0]} is no file of a unit; a unit's folder holds {', '.join(FILES)}")
        found = read_toml(path)
        for key in found:
            if key not in KEYS:
                known = ", ".join(sorted(KEYS))
                raise CourseError(f"{path}, line {line_of(path, key)}: unknown key {key}; known are {known}")
        if missing := [key for key in ("title", "minutes", "points") if key not in found]:
            raise CourseError(f"{path}: {missing[0]} is missing")
        check_by_language(found["title"], self.course.languages, path, "title")
        for key, what, fits in (
            ("minutes", "a number such as 3", _is_amount),
            ("learner_minutes", "a number such as 60", _is_amount),
            ("points", "a table for each exercise, such as [points.my_function]", _is_table),
            ("warm", 'a list of modules, such as ["torch"]', _is_list_of_texts),
            ("same_answer", "a list of pairs of exercises", _is_list_of_pairs),
            (
                "library_calls",
                'a list of calls an exercise, such as my_function = ["torch.cumsum"]',
                _is_table_of_texts,
            ),
        ):
            if key in found and not fits(found[key]):
                raise CourseError(f"{path}, line {line_of(path, key)}: {key} must be {what}, got {found[key]!r}")
        for exercise in found.get("library_calls", ()):
            if exercise not in found["points"]:
                place = f"{path}, line {line_of(path, 'library_calls', exercise)}"
                known = ", ".join(found["points"])
                raise CourseError(f"{place}: library_calls names {exercise}, and the exercises are {known}")
        for exercise, checks in found["points"].items():
            for check, points in checks.items() if _is_table(checks) else [("", checks)]:
                if not check or not _is_amount(points):
                    place = f"{path}, line {line_of(path, 'points', exercise, check)}"
                    raise CourseError(f"{place}: points of {exercise} are a table such as values = 3, got {points!r}")
        return found

    @cached_property
    def all_points(self) -> dict[str, float]:
        """The points of each check by its grade id, in the order of unit.toml."""
        exercises = self.settings["points"].items()
        return {f"{name}-{check}": float(points) for name, checks in exercises for check, points in checks.items()}

    @property
    def cases(self) -> dict[str, Any]:
        """The hidden sizes at which each exercise is looked at."""
        return dict(self.truth_module.CASES)

    @cached_property
    def reference_source(self) -> str:
        """The text of answers.py."""
        return self._text("answers.py")

    @cached_property
    def reference_tree(self) -> ast.Module:
        """The syntax tree of answers.py."""
        return ast.parse(self.reference_source)

    @cached_property
    def truth_module(self) -> types.ModuleType:
        """The module truth.py: CASES and a truth for each exercise."""
        return load(self.folder, "truth")

    @property
    def warm(self) -> tuple[str, ...]:
        """Modules that a sandbox imports once for all submissions."""
        return tuple(self.settings.get("warm", ()))

    @property
    def library_calls(self) -> dict[str, tuple[str, ...]]:
        """The calls of libraries, as dotted paths, that do an exercise's work; see `telling.signals`."""
        return {name: tuple(calls) for name, calls in self.settings.get("library_calls", {}).items()}

    def units_before(self) -> list[Unit]:
        """The units before this one in the course's order."""
        names = self.course.unit_names
        return [Unit(self.folder.parent / name) for name in names[: names.index(self.name)]]

    @cached_property
    def mutants(self) -> list[Mutant]:
        """The known wrong answers. Raises CourseError where two have one name."""
        mutants = list(load(self.folder, "mutants").MUTANTS)
        names = [mutant.name for mutant in mutants]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CourseError(f"{self.folder / 'mutants.py'}: two mutants are called {', '.join(twice)}")
        return mutants

    @cached_property
    def alternatives(self) -> list[Alternative]:
        """The right answers that are written otherwise."""
        return list(load(self.folder, "alternatives").ALTERNATIVES)

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The content of hints.yml: misconceptions, rules, steps."""
        return self._yaml("hints.yml")

    @cached_property
    def rubric(self) -> dict[str, Any]:
        """The questions of rubric.yml, by their ids. Raises CourseError for typical mistakes that are no texts."""
        found = dict(self._yaml("rubric.yml")["questions"])
        for name, question in found.items():
            mistakes = question.get("typical_mistakes", [])
            if not isinstance(mistakes, list) or not all(map(self._is_text, mistakes)):
                wanted = f"a list in which each entry has a text for {', '.join(self.course.languages)}"
                raise CourseError(f"{self.folder / 'rubric.yml'}: typical_mistakes of {name} must be {wanted}")
        return found

    def _is_text(self, value: Any) -> bool:
        """Whether a value is a text in each of the course's languages."""
        return isinstance(value, dict) and all(isinstance(value.get(one), str) for one in self.course.languages)

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """The unit's rules by the grade ids of their checks. Raises CourseError where rules and points do not match."""
        found = {rule.name: rule for rule in rules_of(self.rules_module)}
        path = self.folder / "unit.toml"
        for check in self.all_points:
            if check not in found:
                line = line_of(path, "points", *check.split("-", 1))
                raise CourseError(f"{path}, line {line}: points for {check}, and rules.py has no such check")
        if lacking := [check for check in found if check not in self.all_points]:
            raise CourseError(f"{path}: no points for {', '.join(lacking)}, which rules.py has")
        return found

    @cached_property
    def exercises(self) -> list[str]:
        """The exercises, in the order of answers.py, which is the order of the notebook."""
        graded = set(self.settings["points"])
        names = [node.name for node in self.reference_tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        missing = graded - set(names)
        if missing:
            raise CourseError(f"{self.folder / 'answers.py'}: no definition of {', '.join(sorted(missing))}")
        return [name for name in names if name in graded]

    def checks(self, exercise: str) -> list[str]:
        """The grade ids of an exercise's checks."""
        return [name for name, rule in self.rules.items() if rule.exercise == exercise]

    def points(self, check: str) -> float:
        """The points of a check."""
        return self.all_points[check]

    def cell(self, exercise: str) -> str:
        """The text of an exercise's cell with the answer in it and nbgrader's markers round it."""
        lines = self.reference_source.splitlines()
        for node in self.reference_tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == exercise:
                first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
                last = node.end_lineno or node.lineno
                while last < len(lines) and (not lines[last].strip() or lines[last][0].isspace()):
                    last += 1  # a marker after the last statement belongs to the cell
                return "\n".join(lines[first - 1 : last]).rstrip()
        raise CourseError(f"{self.folder / 'answers.py'}: no definition of {exercise}")

    def answer(self, exercise: str) -> str:
        """The text of an exercise's cell with the answer and without markers."""
        return "\n".join(line for line in self.cell(exercise).splitlines() if line.strip() not in (BEGIN, END))

    def released(self, exercise: str) -> str:
        """The text of an exercise's cell as a student gets it."""
        kept, inside = [], False
        for line in self.cell(exercise).splitlines():
            if line.strip() == BEGIN:
                inside = True
                kept.append(line.replace(BEGIN, STUB))
            elif line.strip() == END:
                inside = False
            elif not inside:
                kept.append(line)
        return "\n".join(kept)

    def mutated(self, mutant: Mutant) -> str:
        """The text of a cell with a mutant's mistake in it. Raises CourseError where a change does not fit."""
        text = mutant.source or self.answer(mutant.exercise)
        for old, new in mutant.change:
            if text.count(old) != 1:
                raise CourseError(
                    f"{self.folder / 'mutants.py'}: {mutant.name}: {old!r} occurs {text.count(old)} times"
                )
            text = text.replace(old, new)
        return text

    def given_source(self) -> str:
        """The text of the definitions that answers.py gives to the learner beside the exercises."""
        kinds = ast.FunctionDef | ast.ClassDef
        nodes = [node for node in self.reference_tree.body if isinstance(node, kinds)]
        return "\n\n".join(self.cell(node.name) for node in nodes if node.name not in self.exercises)

    def preamble(self) -> str:
        """Everything of answers.py that is no exercise: imports and given definitions."""
        nodes = [node for node in self.reference_tree.body if getattr(node, "name", None) not in self.exercises]
        return "\n\n".join(ast.unparse(node) for node in nodes if not _is_docstring(node))

    @cached_property
    def provided(self) -> list[str]:
        """Names of earlier units' exercises that answers.py imports to build on."""
        names = [
            alias.asname or alias.name
            for node in self.reference_tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]
        earlier = [name for unit in self.units_before() for name in unit.exercises]
        return [name for name in names if name in earlier]

    def earlier(self, exercise: str) -> list[str]:
        """The exercises before an exercise whose reference may stand beside what a student wrote for it.

        Not among them is one that has the same answer: unit.toml names such pairs in same_answer.
        """
        same = [set(pair) for pair in self.settings.get("same_answer", ())]
        earlier = self.exercises[: self.exercises.index(exercise)]
        return [name for name in earlier if {name, exercise} not in same]

    def before(self, exercise: str) -> tuple[str, list[str]]:
        """A module with the reference answers to what comes before an exercise, and the names that it gives."""
        if exercise not in self._before:
            earlier = self.earlier(exercise)
            source = "\n\n".join([self.preamble(), *(self.answer(name) for name in earlier)])
            self._before[exercise] = source, self.provided + earlier
        return self._before[exercise]

    @cached_property
    def _before(self) -> dict[str, tuple[str, list[str]]]:
        """What `before` has told; each follow-through asks for it."""
        return {}

    def truth(self) -> dict[str, Any]:
        """The independent truths, by the exercises' names. Raises CourseError where one is missing."""
        names = {name: getattr(self.truth_module, name, None) for name in self.exercises}
        missing = [name for name, value in names.items() if value is None]
        if missing:
            raise CourseError(f"{self.folder / 'truth.py'}: no truth for {', '.join(missing)}")
        return names

    def namespace(self, changes: dict[str, str] | None = None) -> dict[str, Any]:
        """The names that answers.py defines, with other cells in the place of some exercises."""
        texts = [self.preamble()] + [(changes or {}).get(name, self.answer(name)) for name in self.exercises]
        module = types.ModuleType(f"answers_{self.name}")
        sys.modules[module.__name__] = module  # where a dataclass among the answers looks for its module
        for text in texts:
            try:
                exec(compile(text, f"<{self.name}>", "exec"), module.__dict__)
            except Exception as error:  # a wrong answer may fail as soon as it is defined
                module.__dict__.setdefault("__errors__", []).append(error)
        return module.__dict__

    def _text(self, file: str) -> str:
        try:
            return (self.folder / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CourseError(f"{self.folder / file} is missing; each unit's folder holds one") from None

    def _yaml(self, file: str) -> dict[str, Any]:
        try:
            return dict(close_gaps_of(yaml.safe_load(self._text(file))))
        except yaml.MarkedYAMLError as error:
            place = f"{self.folder / file}, line {error.problem_mark.line + 1}" if error.problem_mark else file
            raise CourseError(f"{place}: {error.problem}") from None


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_list_of_texts(each) for each in value.values())


def _is_list_of_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(_is_list_of_texts(pair) and len(pair) == 2 for pair in value)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def all_units(solutions: Path) -> list[Unit]:
    """All units of a course's folder, in their order. Raises CourseError where there is no course."""
    course = open_course(solutions)
    return [Unit(course.folder / name) for name in course.unit_names]


def find_units(solutions: Path, names: Sequence[str] = ()) -> list[Unit]:
    """The units of the given names, all of them for none.

    Raises CourseError for an unknown name or a course without units.
    """
    units = all_units(solutions)
    if not units:
        raise CourseError(f"no unit in {solutions}; begin one: course new unit NAME")
    known = {unit.name: unit for unit in units}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CourseError(f"no unit {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else units
