"""`course update NEW`: a newer release without losing work.

Notable choices:
- notebooks first, each written beside and renamed, with what it held kept beside it; then the student's part of the
  package; so a run that was killed, or that a full disk stopped, leaves every file whole, and the same command goes on;
- the release that was taken last is kept in `.course/`: the next update knows by it what is the learner's own;
- in a bundle the package is replaced as a whole, by renaming; in a clone Git does it, and only forward.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..course import IN_A_BUNDLE, PACKAGE, Course, current
from ..files import write_whole
from ..judging.sentences import Text
from .carry import Carried, carry
from .cells import Raw, says
from .folder import FolderError, OwnNotebooks, as_bytes, git, keep_copy, read_own, released_cells, released_name
from .release import Release, ReleaseError, open_release

KEPT = "before-update"  # in the name of what was kept
STAGE = ".course-new"  # the folder in which a new package stands until it is whole

WORDS: dict[str, Text] = {
    "new_unit": {"en": "{unit}: new in this release", "zh": "{unit}：新版新增的单元"},
    "gone": {
        "en": "{unit}: the release has it no more; your notebook stays as it is",
        "zh": "{unit}：新版里已经没有这个单元；你的 notebook 原样保留",
    },
    "same": {"en": "{unit}: nothing new", "zh": "{unit}：没有变化"},
    "updated": {
        "en": "{unit}: updated; {answers} of your answers and {own} cells of your own came along; "
        "the old file is {kept}",
        "zh": "{unit}：已更新；带过来你的 {answers} 个回答和 {own} 个自己的单元格；旧文件保存为 {kept}",
    },
    "lesson": {
        "en": "  {count} cells of the lesson are new or say something else",
        "zh": "  课文中有 {count} 个单元格是新的或有改动",
    },
    "new_exercises": {"en": "  new to solve: {names}", "zh": "  新的练习：{names}"},
    "changed": {
        "en": "  changed since you answered: {names}; look at them again, the new text stands above your answer",
        "zh": "  你作答之后题目有改动：{names}；请再看一遍，新的题目就在你的回答上方",
    },
    "left_over": {
        "en": "  the release has no more: {names}; your answer stands at the end",
        "zh": "  新版里没有了：{names}；你的回答放在末尾",
    },
    "edited": {
        "en": "  {count} cells of the lesson that you had changed are kept as you wrote them",
        "zh": "  你改动过的 {count} 个课文单元格按你写的样子保留",
    },
    "at_the_end": {
        "en": "  {count} cells had no place any more; they stand at the end under a heading",
        "zh": "  有 {count} 个单元格找不到位置，放在了末尾的标题下面",
    },
    "unsure": {
        "en": "  which release you began with is not known here, so no change of an exercise's text can be told",
        "zh": "  无法得知你当初用的是哪一版，因此看不出题目有没有改动",
    },
    "package": {
        "en": "course_utils, with rules and hints: updated; the old files are in {kept}",
        "zh": "course_utils（规则和提示）：已更新；旧文件在 {kept}",
    },
    "install": {
        "en": "the release needs other packages; in this folder run: pip install -e .",
        "zh": "新版需要的软件包有变化；请在本文件夹运行：pip install -e .",
    },
    "commit": {"en": "all else: now at {name}, by Git", "zh": "其余文件：已由 Git 更新到 {name}"},
    "by_hand": {
        "en": "rules and hints came with the course in {top}; to renew them, in the folder of the new release run: "
        "pip install -e .",
        "zh": "规则和提示属于 {top} 里的课程；要更新它们，请在新版的文件夹里运行：pip install -e .",
    },
    "restart": {
        "en": "Close open notebooks without saving and open them again, then restart their kernels.",
        "zh": "请关闭已打开的 notebook（不要保存），重新打开并重启内核。",
    },
}


class UpdateError(ValueError):
    """An update that could not go to its end; one sentence says why and what to try. What was done stays whole."""

    done: tuple[str, ...] = ()  # what was done before, line by line


@dataclass(frozen=True)
class Step:
    """A notebook that is to be written."""

    unit: str
    path: Path
    old: bytes  # empty for a new one
    new: bytes
    released: bytes  # the release's own file
    carried: Carried
    is_sure: bool  # whether the release that the learner began with is known


@dataclass
class Told:
    """What an update says, line by line, and what it could not do."""

    language: str
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def say(self, word: str, **about: object) -> None:
        """Add a line of WORDS."""
        self.lines.append(WORDS[word][self.language].format(**about))


def update(named: str, own: OwnNotebooks) -> Told:
    """Take a newer release into a learner's notebooks; returns what is to be said.

    named: a zip file, a folder, or a commit of the clone at hand. Raises ReleaseError before anything was changed,
    UpdateError where it could not go to its end.
    """
    course = current()
    release = open_release(named, course.top)
    if _lies_in(own.folder, named) and not release.is_bundle:
        raise ReleaseError(f"{named} is where your own notebooks are; give the new release, such as bundle.zip")
    if (other := release.course_id()) not in ("", course.settings["id"]):
        raise ReleaseError(f"{named} is a release of another course, {other}; this one is {course.settings['id']}")
    told = Told(own.language)
    if release.commit:
        _refuse_unclean(course, release, own)
    steps = _steps(release, own, course, told)
    try:
        is_changed = _take(steps, release, own, course, told)
    except UpdateError as error:
        error.done = tuple(told.lines)
        raise
    if is_changed:
        told.say("restart")
    return told


def _take(steps: list[Step], release: Release, own: OwnNotebooks, course: Course, told: Told) -> bool:
    """Write the notebooks, then take the rest; whether anything changed. Raises UpdateError."""
    is_changed = False
    for step in steps:
        is_changed |= _write(step, own, told)
    if release.commit:
        _go_forward(course, release, own, told)
    elif release.is_bundle and course.top != Path(release.name).expanduser().resolve():
        is_changed |= _take_package(course, release, told)
    return is_changed


def _lies_in(folder: Path, named: str) -> bool:
    place = Path(named).expanduser()
    return place.is_dir() and place.resolve() in (folder.resolve(), *folder.resolve().parents)


# notebooks ------------------------------------------------------------------------------------------------------------


def _steps(release: Release, own: OwnNotebooks, course: Course, told: Told) -> list[Step]:
    """What is to be written; all of it is known before the first file is touched."""
    notebooks = release.notebooks()
    languages = {language for _, language in notebooks}
    if own.language not in languages:
        raise ReleaseError(
            f"{release.name} is in {', '.join(sorted(languages))}, and your notebooks are in {own.language}; "
            "take the release in your language"
        )
    steps = []
    for unit, language in sorted(notebooks):
        if language == own.language:
            try:
                steps.append(_step(unit, notebooks[unit, language], own))
            except FolderError as error:
                told.problems.append(str(error))
    for unit in own.units(course.unit_names):
        if (unit, own.language) not in notebooks:
            told.say("gone", unit=unit)
    return steps


def _step(unit: str, released: tuple[Raw, list[Raw]], own: OwnNotebooks) -> Step:
    """How the notebook of a unit is to be. Raises FolderError for one that cannot be read."""
    path, (content, new) = own.path(unit), released
    pristine = as_bytes({}, new, content)
    if not path.exists():
        return Step(unit, path, b"", pristine, pristine, Carried(tuple(new)), True)
    old, mine_content, mine = read_own(path)
    base = released_cells(own, unit, mine)
    carried = carry(mine, new, base, own.language)
    cells = list(carried.cells)
    is_same = [says(cell) for cell in cells] == [says(cell) for cell in mine]
    made = old if is_same else as_bytes(mine_content, cells, content)
    return Step(unit, path, old, made, pristine, carried, base is not None)


def _write(step: Step, own: OwnNotebooks, told: Told) -> bool:
    """Write a notebook, what it held before beside it, and the release that it is of; whether anything changed."""
    carried, kept = step.carried, None
    try:
        if step.new != step.old:
            if step.old:
                kept = keep_copy(step.path, step.old, KEPT)
            write_whole(step.path.resolve(), step.new)  # where it is a link, what it leads to
        write_whole(own.beside / released_name(step.unit, own.language), step.released)
    except OSError as error:
        raise UpdateError(
            f"{step.path} could not be written ({error.strerror or error}); no file is lost or half-written. Make "
            "room, or see to the folder's permissions, and run the same command again: it goes on from here"
        ) from None
    if step.new == step.old:
        told.say("same", unit=step.unit)
        return False
    if kept is None:
        told.say("new_unit", unit=step.unit)
        return True
    told.say("updated", unit=step.unit, answers=len(carried.answers), own=carried.own, kept=kept.name)
    for word, count in (
        ("lesson", carried.lesson_cells),
        ("edited", carried.edited),
        ("at_the_end", carried.at_the_end),
    ):
        if count:
            told.say(word, count=count)
    for word, names in (
        ("new_exercises", carried.new_exercises),
        ("changed", carried.changed),
        ("left_over", carried.left_over),
    ):
        if names:
            told.say(word, names=", ".join(names))
    if not step.is_sure:
        told.say("unsure")
    return True


# the package of a bundle ----------------------------------------------------------------------------------------------


def _take_package(course: Course, release: Release, told: Told) -> bool:
    """Put a release's package into the place of the one at hand, which is kept; whether anything changed."""
    top = course.top
    if course.folder != (top / IN_A_BUNDLE).resolve() or not (top / "pyproject.toml").is_file():
        told.say("by_hand", top=top)
        return False
    new = release.package()
    if all(_content(top / path) == data for path, data in new.items()) and not _surplus(top, new):
        return False
    dependencies = _content(top / "pyproject.toml") != new.get("pyproject.toml", b"")
    try:
        kept = _replace(top, new)
    except OSError as error:
        raise UpdateError(
            f"your notebooks are updated, course_utils is not ({error.strerror or error}); nothing is lost. Make room, "
            "or see to the folder's permissions, and run the same command again"
        ) from None
    told.say("package", kept=kept.name)
    if dependencies:
        told.say("install")
    return True


def _surplus(top: Path, new: dict[str, bytes]) -> list[Path]:
    """Files of the package that the release has no more."""
    files = (path for path in (top / PACKAGE.name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path for path in files if path.relative_to(top).as_posix() not in new]


def _replace(top: Path, new: dict[str, bytes]) -> Path:
    """Write a package beside, then rename: the old one into a folder of its own. Returns that folder."""
    stage = top / STAGE
    shutil.rmtree(stage, ignore_errors=True)  # of a run that was killed
    try:
        for path, data in new.items():
            write_whole(stage / path, data)
    except OSError:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    kept = next(_free_folders(top))
    kept.mkdir()
    os.rename(top / PACKAGE.name, kept / PACKAGE.name)
    try:
        os.rename(stage / PACKAGE.name, top / PACKAGE.name)
    except OSError:
        os.rename(kept / PACKAGE.name, top / PACKAGE.name)
        raise
    for path in new:
        if not path.startswith(f"{PACKAGE.name}/"):
            if (top / path).exists():
                (kept / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(top / path, kept / path)
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(stage / path, top / path)
    shutil.rmtree(stage, ignore_errors=True)
    return kept


def _free_folders(top: Path) -> Iterator[Path]:
    number = 1
    while True:
        if not (top / f"{KEPT}-{number}").exists():
            yield top / f"{KEPT}-{number}"
        number += 1


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


# a clone --------------------------------------------------------------------------------------------------------------


def _refuse_unclean(course: Course, release: Release, own: OwnNotebooks) -> None:
    """Raise ReleaseError where Git could not go forward to a commit, before anything was changed."""
    try:
        git(course.top, "merge-base", "--is-ancestor", "HEAD", release.commit)
    except (OSError, subprocess.CalledProcessError):
        raise ReleaseError(
            f"{release.name} does not follow on what this clone has, which holds commits of its own; merge it by Git"
        ) from None
    coming = _paths(git(course.top, "diff", "--name-only", "-z", "HEAD", release.commit))
    changed = _paths(git(course.top, "diff", "--name-only", "-z", "HEAD"))
    new = _paths(git(course.top, "ls-files", "--others", "--exclude-standard", "-z"))
    if both := sorted((coming & (changed | new)) - _tracked_notebooks(course, own)):
        raise ReleaseError(
            f"you have changed {', '.join(both[:3])}, and so has {release.name}; commit it or set it aside by Git first"
        )


def _tracked_notebooks(course: Course, own: OwnNotebooks) -> set[str]:
    """The paths of the learner's notebooks in the clone, where they lie in it."""
    top = course.top.resolve()
    paths = [own.folder.resolve() / unit / f"{unit}.ipynb" for unit in course.unit_names]
    return {path.relative_to(top).as_posix() for path in paths if top in path.parents}


def _paths(listed: bytes) -> set[str]:
    return {path for path in listed.decode("utf-8", "replace").split("\0") if path}


def _go_forward(course: Course, release: Release, own: OwnNotebooks, told: Told) -> None:
    """Take all else of a commit by Git; the notebooks, which are written already, stay as they are.

    Git leaves a file alone whose entry in the index is that of the commit already, whatever the file itself holds.
    """
    place = own.folder.resolve()
    try:
        coming = _paths(git(course.top, "diff", "--name-only", "-z", "HEAD", release.commit))
        mine = sorted(path for path in coming if place in (course.top.resolve() / path).parents)
        if mine:
            git(course.top, "reset", "--quiet", release.commit, "--", *mine)
        git(course.top, "merge", "--quiet", "--ff-only", release.commit)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        raise UpdateError(
            f"your notebooks are updated, the rest is not; Git says: {said.decode('utf-8', 'replace').strip()}"
        ) from None
    told.say("commit", name=release.name)
