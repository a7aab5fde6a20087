"""`solution` and `question`: the course's answer after one's own, a model answer and criteria after one's own text.

Both read `recorded/solutions.json` of a unit. A clone and a bundle for self-study have it; a class's bundle has none,
and where a class is graded no process of a submission sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..course import SOLUTIONS, CourseError, CourseUnit, current, read_json
from ..judging.sentences import Text
from .folder import FolderError, OwnNotebooks, language_of, notebooks_near, read_own
from .portfolio import find_notebook
from .progress import is_done, progress_here
from .report import chosen_language
from .status import answers_in

WORDS: dict[str, Text] = {
    "none": {
        "en": "This course came without solutions, as for a class; ask your instructor.",
        "zh": "这份课程是发给班级的，不带参考答案；请询问老师。",
    },
    "not_yet": {
        "en": 'The solution of {name} shows itself once check("{name}") is green, or once you have seen all hints; '
        'there are {left} more: hint("{name}")',
        "zh": '等 check("{name}") 全部通过，或看完全部提示之后，才能看 {name} 的参考答案；'
        '还有 {left} 条提示：hint("{name}")',
    },
    "answer": {"en": "The course's answer", "zh": "课程的参考答案"},
    "way": {"en": "How one gets there", "zh": "思路"},
    "rules": {"en": "What a right answer does", "zh": "正确的答案应当做到"},
    "other": {"en": "Another right way", "zh": "另一种正确写法"},
    "write_first": {
        "en": 'Write your answer to {name} first and save the notebook; then run question("{name}") again.',
        "zh": '请先写下你对 {name} 的回答并保存 notebook，再运行一次 question("{name}")。',
    },
    "model": {"en": "A model answer", "zh": "参考回答"},
    "criteria": {
        "en": "Mark yourself: a point counts where your text says it",
        "zh": "给自己打分：文中写到了才得这一分",
    },
    "criterion": {"en": "{points:g} points: {text}", "zh": "{points:g} 分：{text}"},
}


@dataclass(frozen=True)
class Told:
    """A text with parts of code, which shows itself in a notebook and in a terminal."""

    title: str
    parts: tuple[tuple[str, str, bool], ...]  # heading, text, whether it is code

    def __repr__(self) -> str:
        return "\n\n".join([self.title, *(f"{head}\n{text}" if head else text for head, text, _ in self.parts)])

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.title}**"]
        for head, text, is_code in self.parts:
            lines += [f"*{head}*"] if head else []
            lines.append(f"```python\n{text}\n```" if is_code else text)
        return "\n\n".join(lines)


def tell_solution(name: str, names: Mapping[str, Any], language: str | None = None) -> Told:
    """The course's answer to an exercise with its explanation and other right ways, once it was earned.

    Before that, and where the course holds none, a sentence. Raises ValueError for an unknown exercise or language.
    """
    language = chosen_language(language)
    words = {key: text[language] for key, text in WORDS.items()}
    course = current()
    unit = course.unit_of(name)
    if unit is None:
        raise ValueError(f"exercise must be one of {', '.join(course.all_exercises())}; got {name!r}")
    solutions = _solutions(unit).get("exercises", {}).get(name)
    if solutions is None:
        return Told(name, (("", words["none"], False),))
    steps, progress = unit.texts["exercises"][name]["steps"], progress_here()
    left = len(set(range(1, len(steps) + 1)) - set(progress.hints.get(name, ())))
    if left > 0 and not is_done(unit, name, names, progress):
        return Told(name, (("", words["not_yet"].format(name=name, left=left), False),))
    rules = [unit.texts["rules"][check][language] for check in unit.texts["exercises"][name]["checks"]]
    parts = [
        (words["answer"], solutions["answer"], True),
        (words["way"], "\n".join(f"{number}. {step[language]}" for number, step in enumerate(steps[:-1], 1)), False),
        (words["rules"], "\n".join(f"- {rule}" for rule in rules), False),
        *((words["other"], source, True) for source in solutions["others"]),
    ]
    return Told(name, tuple(part for part in parts if part[1]))


def tell_question(name: str, language: str | None = None) -> Told:
    """The model answer to a question, and the criteria to mark oneself by, once the notebook holds an answer.

    Before that, and where the course holds none, a sentence. Raises ValueError for an unknown question or language.
    """
    language = chosen_language(language)
    words = {key: text[language] for key, text in WORDS.items()}
    units = {question: unit for unit in current().units() for question in unit.texts["questions"]}
    if name not in units:
        raise ValueError(f"question must be one of {', '.join(units)}; got {name!r}")
    found = _solutions(units[name]).get("questions", {}).get(name)
    if found is None:
        return Told(name, (("", words["none"], False),))
    own = _own_answer(units[name], name)
    if not own:
        return Told(name, (("", words["write_first"].format(name=name), False),))
    criteria = [words["criterion"].format(points=each["points"], text=each[language]) for each in found["criteria"]]
    parts = (
        (words["model"], found["model_answer"][language].strip(), False),
        (words["criteria"], "\n".join(f"- {criterion}" for criterion in criteria), False),
    )
    return Told(name, parts)


def _solutions(unit: CourseUnit) -> dict[str, Any]:
    """The recorded solutions of a unit; empty where there are none, or damaged ones."""
    path = unit.folder / SOLUTIONS
    try:
        return read_json(path.read_bytes(), path)
    except (OSError, CourseError):
        return {}


def _own_answer(unit: CourseUnit, name: str) -> str:
    """The learner's saved text for a question; empty where there is none."""
    near = notebooks_near(Path.cwd())
    path = near.path(unit.name) if near is not None else find_notebook(unit.name)
    if path is None:
        return ""
    own = near or OwnNotebooks(path.parent.parent, language_of(path.parent.parent, unit.course))
    try:
        return answers_in(read_own(path)[2], unit, own).get(name, "")
    except FolderError:
        return ""
