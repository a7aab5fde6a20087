"""A working start: `course new course|unit|exercise` writes files that build, check and grade as they stand.

Notable choices:
- an exercise is written as a part of each file of its unit, appended, so that a later one is added in the same way;
- texts stand in all of the engine's languages in the templates; what the course is not in is left out.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..course import FILE, IN_A_CLONE, LANGUAGES, Course, CourseError, forget_settings, open_course
from ..files import write_whole
from .lesson import stamp
from .units import FILES, Unit

TEMPLATES = Path(__file__).with_name("templates") / "new"
UNIT_NAME = re.compile(r"[0-9]{2}_[a-z][a-z0-9_]*")
SECTIONS = ("misconceptions", "rules", "steps")  # of hints.yml


def new_course(folder: Path, languages: Sequence[str] = LANGUAGES[:1], title: str = "") -> list[Path]:
    """Write a course with one unit of one exercise into a folder that is empty or not there; the files.

    title: its name, by default that of the folder. Raises CourseError for a folder with something in it or a language
    that the engine has not.
    """
    if unknown := [language for language in languages if language not in LANGUAGES]:
        raise CourseError(f"languages must be among {', '.join(LANGUAGES)}, got {', '.join(unknown)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} is not empty; name a new folder")
    stem = re.sub(r"[^a-z0-9]+", "_", folder.absolute().name.lower()).strip("_") or "course"
    words = {"ID": stem, "TITLE": title or folder.absolute().name, "UNIT": "01_first_steps"}
    words["LANGUAGES"] = ", ".join(f'"{language}"' for language in languages)
    with _made_beside(folder) as made:
        course = Course(made / IN_A_CLONE)
        write_whole(course.folder / FILE, _filled(FILE, words, languages))
        write_whole(made / "nbgrader_config.py", _filled("nbgrader_config.py", words, languages))
        write_whole(made / ".gitignore", "build/\n__pycache__/\n")
        _write_unit(course.folder, words["UNIT"], "First steps", languages, ["row_lengths"])
    return sorted(path for path in folder.rglob("*") if path.is_file())


def new_unit(course: Course, name: str, title: str = "", exercise: str = "") -> Path:
    """Write a unit of one exercise behind the others of a course; its folder.

    name: two digits and a noun, such as 02_vectors. Raises CourseError for another name or one that is taken.
    """
    if not UNIT_NAME.fullmatch(name):
        raise CourseError(f"a unit's name is two digits and a noun, such as 02_vectors; got {name}")
    if (course.folder / name).exists():
        raise CourseError(f"{course.folder / name} is there already; choose another name")
    exercise = exercise or f"{name[3:]}_lengths"
    _check_exercise(course, exercise)
    _write_unit(course.folder, name, title or name[3:].replace("_", " ").capitalize(), course.languages, [exercise])
    return course.folder / name


def new_exercise(unit: Unit, name: str) -> list[Path]:
    """Add an exercise to a unit's files; the files that changed. Raises CourseError for a name that is taken."""
    _check_exercise(unit.course, name)
    words, languages = {"NAME": name, "UNIT": unit.name}, unit.course.languages
    changed = {path: _with_exercise(path, words, languages) for path in (unit.folder / file for file in FILES)}
    changed = {path: text for path, text in changed.items() if text}
    for path, text in changed.items():
        write_whole(path, text)
    stamp(Unit(unit.folder))
    return list(changed)


def _check_exercise(course: Course, name: str) -> None:
    """Raise CourseError unless a name can be that of a new exercise."""
    if not name.isidentifier():
        raise CourseError(f"an exercise's name is that of a function, such as row_lengths; got {name}")
    for other in course.unit_names:
        if name in Unit(course.folder / other).settings["points"]:
            raise CourseError(f"there is an exercise {name} in {other} already; choose another name")


def _write_unit(solutions: Path, name: str, title: str, languages: Sequence[str], exercises: Sequence[str]) -> None:
    """Write a unit's folder and put it at the end of the course's order."""
    words = {"UNIT": name, "STEM": name[3:], "TITLE": title}
    with _made_beside(solutions / name) as made:
        for file in FILES:
            text = _filled(f"unit/{file}", words, languages)
            write_whole(made / file, text)
        for exercise in exercises:
            for file in FILES:
                if text := _with_exercise(made / file, words | {"NAME": exercise}, languages):
                    write_whole(made / file, text)
    path = solutions / FILE
    names = [*open_course(solutions).unit_names, name]
    block = "units = [\n" + "".join(f'    "{each}",\n' for each in names) + "]"
    write_whole(path, re.sub(r"(?ms)^units = \[.*?\]", lambda _: block, path.read_text(encoding="utf-8"), count=1))
    forget_settings()
    stamp(Unit(solutions / name))


@contextmanager
def _made_beside(folder: Path) -> Iterator[Path]:
    """A folder that takes another's place when all is written: whoever is interrupted leaves nothing half-made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield made
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _with_exercise(path: Path, words: Mapping[str, str], languages: Sequence[str]) -> str:
    """A unit's file with an exercise's part in it; empty for a file that has no such part."""
    if not (TEMPLATES / "exercise" / f"{path.name}.in").is_file():
        return ""
    part, text = _filled(f"exercise/{path.name}", words, languages), path.read_text(encoding="utf-8")
    if path.name == "hints.yml":
        for section in SECTIONS:
            text = _into_section(text, section, _section(part, section))
        return text
    if path.name == "lesson.py":
        question = re.search(r"^# %% .*question=", text, re.MULTILINE)
        place = question.start() if question else len(text)
        return f"{text[:place].rstrip()}\n{part}\n{text[place:]}".rstrip() + "\n"
    return text.rstrip("\n") + "\n" + part


def _section(text: str, name: str) -> str:
    """The lines below a key of the first level, with the key itself left out."""
    found = re.search(rf"(?ms)^{name}:\n(.*?)(?=^\S|\Z)", text)
    return found.group(1).rstrip() + "\n" if found else ""


def _into_section(text: str, name: str, lines: str) -> str:
    """A text with lines at the end of a section; a section that is not there comes behind all others."""
    if not re.search(rf"^{name}:", text, re.MULTILINE):
        text = f"{text.rstrip()}\n\n{name}:\n"
    found = re.search(rf"(?ms)^{name}:\n(.*?)(?=^\S|\Z)", text)
    if found is None:
        raise CourseError(f"hints.yml: {name} must be followed by lines of its own")
    own = found.group(1).rstrip()
    kept = f"{name}:\n{own}\n{lines}" if own else f"{name}:\n{lines}"
    return f"{text[: found.start()]}{kept}\n{text[found.end() :]}".rstrip() + "\n"


def _filled(name: str, words: Mapping[str, str], languages: Sequence[str]) -> str:
    """A template with its words in it, in the languages of the course and in their order.

    Code is written in the first of them: a template of its own, as `answers.zh.py.in`, where there is one.
    """
    stem, _, suffix = name.rpartition(".")
    own = TEMPLATES / f"{stem}.{languages[0]}.{suffix}.in"
    text = (own if own.is_file() else TEMPLATES / f"{name}.in").read_text(encoding="utf-8")
    for gap, word in words.items():
        text = text.replace(f"@{gap}@", word)
    for language in (each for each in LANGUAGES if each not in languages):
        if name.endswith(".py"):  # a cell of a lesson
            text = re.sub(rf'(?ms)^# %% \[markdown\] lang="{language}".*?(?=^# %%|\Z)', "", text)
        elif name.endswith(".toml"):  # title = {{ en = "...", zh = "..." }}
            text = re.sub(rf',? ?{language} = "[^"]*"(?=[,}} ])', "", text).replace("{,", "{")
        else:  # a key of YAML, at the head of an item of a list or not, with the deeper lines below it
            text = re.sub(rf"(?m)^( *)- {language}: .*\n\1  ", r"\1- ", text)
            text = re.sub(rf"(?m)^( *){language}: .*\n(?:\1  .*\n)*", "", text)
    for language in (each for each in LANGUAGES if name.endswith(".py") and each not in languages[1:]):
        text = re.sub(rf'(?ms)^# %% \[raw\] lang="{language}".*?(?=^# %%|\Z)', "", text)  # words of what the code says
    if name.endswith(".py") and list(languages) == [*reversed(LANGUAGES)]:
        cell = r'(^# %% \[markdown\] lang="{}".*?(?=^# %%|\Z))'
        text = re.sub("(?ms)" + "".join(map(cell.format, LANGUAGES)), r"\2\1", text)
    return text
