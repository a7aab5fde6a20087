"""The zip file that a student gets. Equal sources give equal bytes."""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import INSTRUCTORS_ROOMS, files
from ..course import EXAMPLES, FILE, IN_A_BUNDLE, LOOKS, PACKAGE, SOLUTIONS, TEXTS, Course, CourseError, current
from ..learning.folder import PRISTINE
from ..texts import MARKER_FILE
from .chinese import typeset

DATE = (2020, 1, 1, 0, 0, 0)  # of every file in the zip, so that equal contents give equal bytes
SUFFIXES = (".py", ".typed")  # of the package's files
OF_A_UNIT = (
    "rules.py",
    "fixtures.py",
    "examples.py",
    TEXTS,
    LOOKS,
    EXAMPLES,
)  # all that a student gets of a unit's folder
SCRIPT = "course_utils.__main__:main"


def is_instructors(inside: Path) -> bool:
    """Whether a file of the package, by its place in it, belongs to the instructor alone."""
    return inside.parts[0] == "instructor" or (inside.parts[0] == "engine" and inside.parts[1] in INSTRUCTORS_ROOMS)


def bundle_files(language: str, self_study: bool = False) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file of a student's bundle. Raises CourseError where nothing has been built.

    self_study: whether solutions, model answers and criteria are in it, for someone without a teacher.
    """
    course = current()
    if language not in course.languages:
        raise CourseError(f"this course is in {', '.join(course.languages)}; it has no bundle in {language}")
    notebooks = course.notebooks / language
    places = {unit.name: notebooks / unit.name / f"{unit.name}.ipynb" for unit in course.units()}
    found = {unit: path for unit, path in places.items() if path.is_file()}
    if not found:
        raise CourseError(f"{notebooks} holds no notebook; run: course build")
    for path in [notebooks / MARKER_FILE, *found.values()]:
        yield f"notebooks/{path.relative_to(notebooks).as_posix()}", path.read_bytes()
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE)
        if path.is_file() and not is_instructors(inside) and path.suffix in SUFFIXES:
            yield f"{PACKAGE.name}/{inside.as_posix()}", path.read_bytes()
    for name in course_files(course, self_study):
        yield f"{IN_A_BUNDLE}/{name}", (course.folder / name).read_bytes()
    for unit, path in found.items():  # once more: by them an update and a reset know what is the learner's own
        yield f"{IN_A_BUNDLE}/{unit}/{PRISTINE.format(language=language)}", path.read_bytes()
    yield "pyproject.toml", student_pyproject().encode()
    yield "environment.yml", student_environment(top_of(course)).encode()
    yield "README.md", readme(course, language).encode()
    for name in ("LICENSE", "LICENSE-prose"):
        yield name, (PACKAGE.parent / name).read_bytes()


def top_of(course: Course) -> str:
    """The name of the folder that a bundle unpacks to."""
    return str(course.settings["id"]).replace("_", "-")


def readme(course: Course, language: str) -> str:
    """What a student reads first: the course's own `bundle.<language>.md`, else the engine's."""
    own, name = course.folder / f"bundle.{language}.md", f"bundle.{language}.md"
    text = (own if own.is_file() else Path(__file__).with_name("templates") / name).read_text(encoding="utf-8")
    text = text.replace("@TITLE@", course.settings["title"][language]).replace("@UNIT@", course.unit_names[0])
    return typeset(text, language)


def course_files(course: Course, self_study: bool = False) -> Iterator[str]:
    """The files of a course's folder that a student gets, by an allow list: never truth or mistakes.

    Answers and rubric are in none of them but the recorded solutions, which self-study alone brings.
    """
    wanted = (*OF_A_UNIT, SOLUTIONS) if self_study else OF_A_UNIT
    yield FILE
    for unit in course.units():
        yield from (f"{unit.name}/{name}" for name in wanted if (unit.folder / name).is_file())


def write_bundle(language: str, out: Path, self_study: bool = False) -> int:
    """Write the zip file of one language; the number of files in it."""
    content = io.BytesIO()
    count, top = 0, top_of(current())
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in bundle_files(language, self_study):
            entry = zipfile.ZipInfo(f"{top}/{name}", DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
            count += 1
    files.write_whole(out, content.getvalue())
    return count


def _project() -> dict[str, Any]:
    with (PACKAGE.parent / "pyproject.toml").open("rb") as file:
        return dict(tomllib.load(file)["project"])


def student_pyproject() -> str:
    """A pyproject.toml with the student core, which holds all that the units need without a network."""
    project = _project()
    lines = ["# Generated from the course's pyproject.toml: the student core.", "[build-system]"]
    lines += ['requires = ["setuptools>=77"]', 'build-backend = "setuptools.build_meta"', "", "[project]"]
    lines += [
        'name = "course_utils"',
        'dynamic = ["version"]',
        f"requires-python = {json.dumps(project['requires-python'])}",
    ]
    lines += [f"dependencies = {json.dumps(project['dependencies'], indent=2)}", ""]
    lines += ["[project.scripts]"]
    lines += [f'course = "{SCRIPT}"', "", "[tool.setuptools.dynamic]"]
    lines += ['version = { attr = "course_utils.__version__" }', "", "[tool.setuptools.packages.find]"]
    lines += ['include = ["course_utils*"]', "", "[tool.setuptools.package-data]"]
    lines += ['"course_utils" = ["py.typed", "units/**"]', ""]
    return "\n".join(lines)


def student_environment(name: str) -> str:
    """A conda environment of some name with the student core."""
    return "\n".join(
        [
            f"# Generated. conda env create -f environment.yml, then: conda activate {name}",
            f"name: {name}",
            "channels: [conda-forge]",
            "dependencies:",
            "  - python=3.11",
            "  - pip",
            "  - pip:",
            "      - -e .",
            "",
        ]
    )
