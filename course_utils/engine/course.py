"""A course on disk: the folder with `course.toml` and a folder for each unit.

    solutions/                       course.toml names title, languages and order
      01_first_steps/                all of a unit; rules, fixtures, examples and what is recorded go to students
    notebooks/<language>/            beside it: what students work on
    build/                           beside it: what is made and may be deleted

Notable choices:
- a course is found, not assumed: COURSE_DIR names it, else it is the nearest one upwards, else the one that this
  package came with (beside it in a clone, in it in a bundle);
- a student's bundle is a course too, of the same layout with fewer files;
- a unit's Python files are the modules of a package made for its folder, so that `rules.py` may take its own
  `fixtures.py` with a dot in front, and two courses in one process never mix.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .toml_lines import lines_of_keys, nearest_line

PACKAGE = Path(__file__).resolve().parents[1]
FILE = "course.toml"
IN_A_CLONE, IN_A_BUNDLE = "solutions", f"{PACKAGE.name}/units"  # where a course lies below its top folder
VARIABLE = "COURSE_DIR"
LANGUAGES = ("en", "zh")  # that the engine has sentences in
TEXTS, LOOKS = "recorded/texts.json", "recorded/looks.jsonl"  # of a unit's folder: what `course build` records
EXAMPLES = "recorded/examples.jsonl"  # recorded too, where a unit has examples: what they have to give
SOLUTIONS = "recorded/solutions.json"  # recorded too; who learns alone has it, a class has not
REMEDY = "install the course again, or make its files: course build"
KEYS = {"id", "title", "languages", "units"}
OPTIONAL = {"commands", "doctor"}  # what the course adds to the command `course`, each as module:name


class CourseError(ValueError):
    """A course that is not there or does not say what it has to say; the message names file and place."""


@dataclass(frozen=True)
class Course:
    """A course on disk."""

    folder: Path  # that of course.toml and of the units' folders

    @property
    def settings(self) -> dict[str, Any]:
        """The content of course.toml. Raises CourseError."""
        return _settings(self.folder / FILE)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its lessons, the one that is written first in front."""
        return tuple(self.settings["languages"])

    @property
    def unit_names(self) -> list[str]:
        """The ids of its units, in the order in which they are taught."""
        return list(self.settings["units"])

    def units(self) -> list[CourseUnit]:
        """What students have of each unit, in order."""
        return [CourseUnit(self.folder / name) for name in self.unit_names]

    def unit(self, name: str) -> CourseUnit:
        """What students have of a unit. Raises CourseError for one that the course has not."""
        if name not in self.unit_names:
            raise CourseError(f"no unit {name} in this course; its units are {_listed(self.unit_names)}")
        return CourseUnit(self.folder / name)

    @property
    def top(self) -> Path:
        """The folder round the course: that of notebooks/ and build/."""
        inside = Path(IN_A_BUNDLE)
        return self.folder.parents[len(inside.parts) - 1 if self.folder.parts[-2:] == inside.parts else 0]

    @property
    def notebooks(self) -> Path:
        """The folder of released notebooks, one folder a language."""
        return self.top / "notebooks"

    @property
    def build(self) -> Path:
        """The folder of what is made and may be deleted."""
        return self.top / "build"

    @property
    def nbgrader(self) -> Path:
        """nbgrader's course folder: source, release, gradebook of the release."""
        return self.build / "nbgrader"

    def added(self, key: str) -> Any:
        """What the course adds, None if it adds nothing: `doctor`, a function whose rows `course doctor` shows beside
        its own, or `commands`, a Typer app whose commands `course` has beside its own.

        Raises CourseError where course.toml names something that is not there.
        """
        named = self.settings.get(key)
        if named is None:
            return None
        module, _, name = named.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            path = self.folder / FILE
            place = f"{path}, line {line_of(path, key)}"
            told = f"{type(error).__name__}: {error}"
            raise CourseError(f"{place}: {key} names {named}, but {told}; mend it, or take the line away") from None

    def unit_of(self, exercise: str) -> CourseUnit | None:
        """The unit that holds an exercise, None if there is none."""
        return next((unit for unit in self.units() if exercise in unit.texts["exercises"]), None)

    def all_exercises(self) -> list[str]:
        """The names of all exercises, in order."""
        return [name for unit in self.units() for name in unit.texts["exercises"]]


@cache
def _settings(path: Path) -> dict[str, Any]:
    settings = read_toml(path)
    for key in settings:
        if key not in KEYS | OPTIONAL:
            known = _listed(KEYS | OPTIONAL)
            raise CourseError(f"{path}, line {line_of(path, key)}: unknown key {key}; known are {known}")
    for key in sorted(KEYS):
        if key not in settings:
            raise CourseError(f"{path}: {key} is missing")
    places = {key: f"{path}, line {line_of(path, key)}" for key in KEYS}
    if not isinstance(settings["id"], str) or not NAME.fullmatch(settings["id"]):
        raise CourseError(f"{places['id']}: id must be letters, digits and _ or -, got {settings['id']!r}")
    languages = settings["languages"]
    if not _are_texts(languages) or not languages or not set(languages) <= set(LANGUAGES) or _twice(languages):
        known = _listed(LANGUAGES)
        raise CourseError(f"{places['languages']}: languages must be one or both of {known}, got {languages!r}")
    check_by_language(settings["title"], languages, path, "title")
    for key in OPTIONAL & settings.keys():
        if not isinstance(settings[key], str) or not re.fullmatch(r"[\w.]+:\w+", settings[key]):
            place = f"{path}, line {line_of(path, key)}"
            raise CourseError(f"{place}: {key} must be such as package.module:name, got {settings[key]!r}")
    names = settings["units"]
    if not _are_texts(names) or not all(map(NAME.fullmatch, names)):
        raise CourseError(f"{places['units']}: units must be a list of folders' names, got {names!r}")
    if twice := _twice(names):
        raise CourseError(f"{places['units']}: {_listed(twice)} stands in units twice")
    return settings


def forget_settings() -> None:
    """Read course.toml anew when it is asked for next: this process has changed one."""
    _settings.cache_clear()


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a course and of a unit; nbgrader forbids more, also in a path


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


@dataclass(frozen=True)
class CourseUnit:
    """What students have of a unit: rules, fixtures, texts and recorded looks."""

    folder: Path

    @property
    def name(self) -> str:
        """The unit's id, which is nbgrader's assignment id too."""
        return self.folder.name

    @property
    def course(self) -> Course:
        """The course that the unit belongs to."""
        return Course(self.folder.parent)

    @property
    def texts(self) -> dict[str, Any]:
        """Titles, rules, hints, steps of help. Raises CourseError where the file is missing or damaged."""
        return _texts(self.folder / TEXTS)

    @property
    def rules_module(self) -> types.ModuleType:
        """The module `rules.py`."""
        return load(self.folder, "rules")

    @property
    def examples_module(self) -> types.ModuleType | None:
        """The module `examples.py`; None where the unit has none."""
        return load(self.folder, "examples") if (self.folder / "examples.py").is_file() else None

    @property
    def visible_cases(self) -> Mapping[str, Any]:
        """The sizes at which the self-check looks, by exercise."""
        cases: Mapping[str, Any] = self.rules_module.VISIBLE_CASES
        return cases


@cache
def _texts(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"{path} is missing; {REMEDY}") from None
    return read_json(data, path)


# where it is ---------------------------------------------------------------------------------------------------------


def open_course(folder: Path) -> Course:
    """The course of a folder: that of its course.toml, or the one round it. Raises CourseError where there is none."""
    found = _course_in(folder.absolute())
    if found is None:
        places = _listed((FILE, f"{IN_A_CLONE}/{FILE}", f"{IN_A_BUNDLE}/{FILE}"))
        raise CourseError(f"{folder} holds no course (none of {places}); to begin one: course new course {folder}")
    return found


def current() -> Course:
    """The course at hand: COURSE_DIR's, else the nearest upwards, else the one that this package came with.

    Raises CourseError where there is none.
    """
    return _current(os.environ.get(VARIABLE, ""), Path.cwd())


@cache
def _current(wanted: str, here: Path) -> Course:
    if wanted:
        return open_course(Path(wanted))
    for folder in (here, *here.parents):
        if found := _course_in(folder):
            return found
    if found := _course_in(PACKAGE.parent):
        return found
    raise CourseError(f"no course here or above {here}; name its folder: --course DIR, or in {VARIABLE}")


def _course_in(folder: Path) -> Course | None:
    for place in (".", IN_A_CLONE, IN_A_BUNDLE):
        if (folder / place / FILE).is_file():
            return Course((folder / place).resolve())
    return None


# modules --------------------------------------------------------------------------------------------------------------


def package_of(folder: Path) -> str:
    """The name of the package that a unit's folder is: another for each folder on this machine."""
    return f"unit_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}_{folder.name}"


def load(folder: Path, name: str) -> types.ModuleType:
    """A file of a unit's folder as a module, loaded once. Raises CourseError where it is missing."""
    package = package_of(folder)
    if package not in sys.modules:
        module = types.ModuleType(package, "A unit's folder.")
        module.__path__ = [str(folder)]
        sys.modules[package] = module
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":
            raise
        raise CourseError(f"{folder / name}.py is missing; each unit's folder holds one") from None


# files ---------------------------------------------------------------------------------------------------------------


def read_toml(path: Path) -> dict[str, Any]:
    """What a data file says. Raises CourseError with the line of what is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{path} is missing") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{path}: {error}") from None


def line_of(path: Path, *keys: str) -> int:
    """The line on which a data file sets a key, named with the tables round it from the outermost on.

    Of a key that does not stand by itself it is the line of the innermost table round it that does, else 1.
    """
    return max(1, nearest_line(keys, lines_of_keys(path.read_text(encoding="utf-8"))))


def check_by_language(value: Any, languages: Any, path: Path, key: str) -> None:
    """Raise CourseError unless a value is a text in each of the course's languages."""
    missing = [one for one in languages if not (isinstance(value, dict) and isinstance(value.get(one), str))]
    if missing:
        raise CourseError(f"{path}, line {line_of(path, key)}: {key} needs a text in {_listed(missing)}, got {value!r}")


def read_json(data: bytes, path: Path, first: int = 1) -> dict[str, Any]:
    """The mapping that a generated file, or its lines from the first given on, holds as JSON. Raises CourseError."""
    try:
        found = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line, what = first + data.count(b"\n", 0, error.start), error.reason
    except json.JSONDecodeError as error:
        line, what = first + error.lineno - 1, error.msg
    except RecursionError:
        line, what = first, "nested too deeply"
    else:
        if isinstance(found, dict):
            return found
        line, what = first, "no mapping"
    raise CourseError(f"{path}, line {line}: {what}; {REMEDY}")


def _listed(names: Any) -> str:
    return ", ".join(sorted(names) if isinstance(names, set) else names)
