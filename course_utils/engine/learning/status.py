"""`course status` and `status()`: what is done, points by self-check, what comes next, minutes left."""

from __future__ import annotations

import ast
import contextlib
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..course import Course, CourseUnit, current
from ..judging.sentences import Text
from ..reading.python import as_python
from ..texts import fingerprint_of_source, tree_of
from .cells import Raw, answer_names, find_answers, is_filled, same_cells, text_of
from .folder import FolderError, OwnNotebooks, newest_release, notebooks_near, read_own
from .panel import GREEN, GREY, PRINT, RED, TEXT
from .portfolio import run_cells
from .progress import Mark, Progress, fingerprint_of_answer, fingerprint_of_rules, is_done, note_check, read_progress
from .report import Report, check_names

DONE, WRONG, UNCHECKED, OPEN, WRITTEN = "done", "wrong", "unchecked", "open", "written"

WORDS: dict[str, Text] = {
    DONE: {"en": "done", "zh": "完成"},
    WRONG: {"en": "not right yet", "zh": "还不对"},
    UNCHECKED: {"en": "changed since its check", "zh": "改动后还没有自测"},
    OPEN: {"en": "open", "zh": "未做"},
    WRITTEN: {"en": "written", "zh": "已作答"},
    "no_notebook": {"en": "no notebook here", "zh": "这里没有 notebook"},
    "all": {
        "en": "{done} of {total} exercises done, {points:g} of {of:g} points by self-check, {written} of {questions} "
        "questions written",
        "zh": "练习完成 {done}/{total}，自测得分 {points:g}/{of:g}，思考题已作答 {written}/{questions}",
    },
    "next": {"en": "next: {name} in {unit}", "zh": "接下来：{unit} 的 {name}"},
    "minutes": {"en": "about {minutes} minutes left", "zh": "大约还需 {minutes} 分钟"},
    "finished": {"en": "All done. Well worked!", "zh": "全部完成，辛苦了！"},
    "recomputed": {
        "en": "checked anew, since no record of it was here: {names}",
        "zh": "没有找到记录，已重新自测：{names}",
    },
    "after": {"en": "{done} of {total} done, next: {name}", "zh": "完成 {done}/{total}，接下来：{name}"},
    "after_unit": {
        "en": "{done} of {total} done: all exercises of this unit",
        "zh": "完成 {done}/{total}：本单元的练习都做完了",
    },
    "then_question": {"en": ", next: the question {name}", "zh": "，接下来：思考题 {name}"},
    "then_unit": {"en": ", next unit: {name}", "zh": "，下一单元：{name}"},
}


@dataclass(frozen=True)
class Item:
    """An exercise or a question."""

    name: str
    state: str  # "done", "wrong", "unchecked", "open"; of a question "written" or "open"
    points: float  # by self-check; of a question 0
    max_points: float


@dataclass(frozen=True)
class UnitStatus:
    """How far a unit is."""

    unit: str
    title: str
    has_notebook: bool
    exercises: tuple[Item, ...]
    questions: tuple[Item, ...]
    minutes: float  # of a learner's, for the whole unit; 0 where the course does not say

    @property
    def minutes_left(self) -> float:
        """The share of the minutes that is left, by exercises and questions."""
        items = [*self.exercises, *self.questions]
        open_ones = [item for item in items if item.state not in (DONE, WRITTEN)]
        return self.minutes * len(open_ones) / max(len(items), 1)


@dataclass(frozen=True)
class Status:
    """How far a learner is. In a notebook it shows itself."""

    folder: str
    language: str
    units: tuple[UnitStatus, ...]
    recomputed: tuple[str, ...] = ()  # exercises that had to be checked for this

    @property
    def next(self) -> tuple[str, str] | None:
        """Unit and name of what comes next: exercises in their order, then questions; None where all is done."""
        for kind in ("exercises", "questions"):
            for unit in self.units:
                for item in getattr(unit, kind):
                    if item.state not in (DONE, WRITTEN):
                        return unit.unit, item.name
        return None

    def as_json(self) -> dict[str, Any]:
        """All of it for a program."""
        items = [item for unit in self.units for item in unit.exercises]
        questions = [item for unit in self.units for item in unit.questions]
        found = self.next
        return {
            "folder": self.folder,
            "language": self.language,
            "units": [asdict(unit) | {"minutes_left": unit.minutes_left} for unit in self.units],
            "done": sum(item.state == DONE for item in items),
            "total": len(items),
            "points": sum(item.points for item in items),
            "max_points": sum(item.max_points for item in items),
            "questions_written": sum(item.state == WRITTEN for item in questions),
            "questions": len(questions),
            "next": {"unit": found[0], "name": found[1]} if found else None,
            "minutes_left": math.ceil(sum(unit.minutes_left for unit in self.units)),
            "recomputed": list(self.recomputed),
        }

    def summary(self) -> list[str]:
        """The lines under the table."""
        about = self.as_json()
        words = {name: text[self.language] for name, text in WORDS.items()}
        lines = [
            words["all"].format(
                done=about["done"],
                total=about["total"],
                points=about["points"],
                of=about["max_points"],
                written=about["questions_written"],
                questions=about["questions"],
            )
        ]
        if self.next is None:
            lines.append(words["finished"])
        else:
            lines.append(words["next"].format(unit=self.next[0], name=self.next[1]))
            if about["minutes_left"]:
                lines.append(words["minutes"].format(minutes=about["minutes_left"]))
        if self.recomputed:
            lines.append(words["recomputed"].format(names=", ".join(self.recomputed)))
        return lines

    def _unit_lines(self) -> list[tuple[UnitStatus, str]]:
        found = []
        for unit in self.units:
            done = sum(item.state == DONE for item in unit.exercises)
            said = f"{done}/{len(unit.exercises)}"
            if not unit.has_notebook:
                said += " · " + WORDS["no_notebook"][self.language]
            found.append((unit, said))
        return found

    def _mark(self, item: Item) -> str:
        return {DONE: "✓", WRITTEN: "✓", WRONG: "✗", UNCHECKED: "?"}.get(item.state, "·")

    def __repr__(self) -> str:
        lines = []
        for unit, said in self._unit_lines():
            lines.append(f"{unit.title}  {said}")
            for item in (*unit.exercises, *unit.questions):
                lines.append(f"  {self._mark(item)} {item.name}: {WORDS[item.state][self.language]}")
        return "\n".join([*lines, *self.summary()])

    def _repr_html_(self) -> str:
        rows = []
        colours = {DONE: GREEN, WRITTEN: GREEN, WRONG: RED}
        for unit, said in self._unit_lines():
            items = [
                f'<span style="color:{colours.get(item.state, GREY)}">{self._mark(item)} '
                f"{html.escape(item.name)}</span>"
                for item in (*unit.exercises, *unit.questions)
            ]
            rows.append(
                f'<div style="margin:.3em 0"><b>{html.escape(unit.title)}</b> · {html.escape(said)}<br>'
                f"{' &nbsp; '.join(items)}</div>"
            )
        rows += [f"<div>{html.escape(line)}</div>" for line in self.summary()]
        style = f"max-width:46em;line-height:1.5;color:{TEXT}"
        return f'{PRINT}<div class="course-panel" style="{style}">{"".join(rows)}</div>'


def status_of(own: OwnNotebooks, names: Mapping[str, Any] | None = None) -> Status:
    """How far a learner is, by the saved notebooks and the record of checks beside them.

    names: of a running notebook, which count before what is saved. What has no record is checked now, which runs the
    cells of those notebooks in this process.
    """
    course, progress = current(), read_progress(own.beside)
    found, recomputed = [], []
    # of the names of a notebook those that its own cells defined: an earlier unit's may be a stand-in
    running = {name: value for name, value in (names or {}).items() if getattr(value, "__module__", "") == "__main__"}
    for unit in course.units():
        status, anew = _status_of_unit(unit, own, progress, running)
        found.append(status)
        recomputed += anew
    if recomputed:
        progress.save()
    return Status(str(own.folder), own.language, tuple(found), tuple(recomputed))


def _status_of_unit(
    unit: CourseUnit, own: OwnNotebooks, progress: Progress, names: Mapping[str, Any]
) -> tuple[UnitStatus, list[str]]:
    texts = unit.texts
    try:
        _, _, cells = read_own(own.path(unit.name))
        has_notebook = True
    except FolderError:
        cells, has_notebook = [], False
    answers = answers_in(cells, unit, own)
    prints = {name: _print(answers.get(name), name) for name in texts["exercises"]}
    for name in texts["exercises"]:
        running = fingerprint_of_answer(names[name]) if name in names else ""
        if running and running != texts["exercises"][name]["released"]:
            prints[name] = running
            answers.setdefault(name, running)  # not saved yet
    anew = [
        name
        for name in texts["exercises"]
        if name in answers and name not in names and _lacks_a_mark(unit, name, progress)
    ]
    if anew:
        _check_anew(unit, own, anew, prints, progress)
    exercises = tuple(_item(unit, name, answers.get(name), prints[name], progress) for name in texts["exercises"])
    questions = tuple(
        Item(name, WRITTEN if answers.get(name) else OPEN, 0.0, float(about["points"]))
        for name, about in texts["questions"].items()
    )
    title = texts["title"].get(own.language) or unit.name
    minutes = float(texts.get("learner_minutes", 0))
    return UnitStatus(unit.name, title, has_notebook, exercises, questions, minutes), anew


def answers_in(cells: Sequence[Raw], unit: CourseUnit, own: OwnNotebooks) -> dict[str, str]:
    """The answers of a notebook that are no blanks: exercise or question -> text."""
    try:
        given = newest_release(own, unit.name)[1]
    except FolderError:
        given = []
    texts, slots = unit.texts, answer_names(given)
    released = {
        name: [text_of(given[slots[name]])] if name in slots else []
        for name in (*texts["exercises"], *texts["questions"])
    }
    places = find_answers(cells, released)
    if lacking := {slots[name]: name for name in texts["questions"] if name in slots.keys() - places.values()}:
        found = same_cells(cells, given, places)  # where an editor lost the ids a question is known by its place
        places |= {place: lacking[slot] for place, slot in found.items() if slot in lacking}
    filled = {name: text_of(cells[place]) for place, name in places.items() if is_filled(cells[place], released[name])}
    blank = {name for name, about in texts["exercises"].items() if _print(filled.get(name), name) == about["released"]}
    return {name: text for name, text in filled.items() if name not in blank}


def _print(text: str | None, name: str) -> str:
    """The fingerprint of a definition in a cell's text, as `progress` tells that of a running one."""
    try:
        tree = tree_of(as_python(text or ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return fingerprint_of_source(ast.unparse(node))
    return ""


def _lacks_a_mark(unit: CourseUnit, name: str, progress: Progress) -> bool:
    mark = progress.marks.get(name)
    return mark is None or not mark.answer or mark.rules != fingerprint_of_rules(unit)


def _check_anew(
    unit: CourseUnit, own: OwnNotebooks, names: list[str], prints: Mapping[str, str], progress: Progress
) -> None:
    """Check answers of a saved notebook, and keep how they came out."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        found, _ = run_cells(own.path(unit.name), unit)
    for name in names:
        verdicts = check_names(name, found).verdicts
        passed = tuple(verdict.check for verdict in verdicts if verdict.outcome == "passed")
        progress.marks[name] = Mark(prints[name], fingerprint_of_rules(unit), passed)


def note_reports(path: Path, reports: Sequence[Report]) -> None:
    """Keep what a check of a whole notebook found, where the notebook is a learner's own and has a record beside it."""
    own = notebooks_near(path.absolute().parent)
    unit = current().unit_of(reports[0].exercise) if reports else None
    if own is None or unit is None or own.path(unit.name).resolve() != path.resolve():
        return
    progress, answers = read_progress(own.beside), answers_in(read_own(path)[2], unit, own)
    for report in reports:
        if report.exercise in answers:
            passed = tuple(verdict.check for verdict in report.verdicts if verdict.outcome == "passed")
            print_ = _print(answers[report.exercise], report.exercise)
            progress.marks[report.exercise] = Mark(print_, fingerprint_of_rules(unit), passed)
    progress.save()


def _item(unit: CourseUnit, name: str, answer: str | None, print_: str, progress: Progress) -> Item:
    checks = unit.texts["exercises"][name]["checks"]
    points = {check: float(unit.texts["points"][check]) for check in checks}
    of = sum(points.values())
    mark = progress.marks.get(name)
    if not answer:
        return Item(name, OPEN, 0.0, of)
    if mark is None or mark.answer != print_:
        return Item(name, UNCHECKED, 0.0, of)
    got = sum(points[check] for check in checks if check in mark.passed)
    return Item(name, DONE if set(checks) <= set(mark.passed) else WRONG, got, of)


def note_report(report: Report, names: Mapping[str, Any]) -> Report:
    """Keep how a check came out; a green report says what of its unit is done, and what comes next."""
    course = current()
    unit = course.unit_of(report.exercise)
    if unit is None:
        return report
    passed = tuple(verdict.check for verdict in report.verdicts if verdict.outcome == "passed")
    progress = note_check(unit, report.exercise, names, passed)
    if not report.passed:
        return report
    exercises = list(unit.texts["exercises"])
    done = [name for name in exercises if name == report.exercise or is_done(unit, name, names, progress)]
    about = {"done": len(done), "total": len(exercises)}
    words = {name: text[report.language] for name, text in WORDS.items()}
    if len(done) < len(exercises):
        later = exercises[exercises.index(report.exercise) :] + exercises
        said = words["after"].format(**about, name=next(name for name in later if name not in done))
    else:
        said = words["after_unit"].format(**about) + _what_follows(unit, course, words)
    return replace(report, note=said)


def _what_follows(unit: CourseUnit, course: Course, words: Mapping[str, str]) -> str:
    if unit.texts["questions"]:
        return words["then_question"].format(name=next(iter(unit.texts["questions"])))
    later = course.unit_names[course.unit_names.index(unit.name) + 1 :]
    return words["then_unit"].format(name=later[0]) if later else ""
