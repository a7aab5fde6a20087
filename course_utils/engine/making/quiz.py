"""A unit's quiz: `quiz.yml` as one cell of prose that needs no kernel.

Each choice is a fold of plain HTML: opened, it says whether it is right, and why. It works in a saved notebook and on a
page without scripts, and nothing of it is counted. `docs/units.md` shows the file.

Notable choices:
- the file is read with the lines of its parts, so that every sentence about it names one;
- its texts are plain: all HTML in them is shown and not obeyed; only `code` in backticks becomes code;
- the cell goes before the last thinking question, or, where a lesson has none, before its last prose. No cell of the
  lesson stands for it, so that a quiz that comes later changes no id of the notebooks that are handed out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..course import CourseError
from .chinese import LANGUAGE as CHINESE
from .chinese import close_gaps

FILE = "quiz.yml"
FEWEST, MOST = 3, 5  # questions of a unit
MOST_CHOICES = 6
STRING, TRUTH_VALUE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:bool"

TITLE = {"en": "Check yourself", "zh": "考考自己"}
HOW = {
    "en": "Decide first, then click a choice: it says whether it is right, and why. Nothing here is counted.",
    "zh": "先想好再点开选项：里面会告诉你对不对，以及为什么。这里不计分。",
}
VERDICTS = {"en": ("Not this one.", "Right."), "zh": ("不对。", "正确。")}
GAP = {"en": " ", "zh": ""}  # between a verdict and its reason


@dataclass(frozen=True)
class Choice:
    """One choice of a question; texts by language."""

    text: dict[str, str]
    why: dict[str, str]  # why it is right, or not
    right: bool


@dataclass(frozen=True)
class Question:
    """A question with its choices, one of which is right."""

    text: dict[str, str]
    choices: tuple[Choice, ...]


def read_quiz(path: Path, languages: Sequence[str]) -> tuple[Question, ...]:
    """The questions of a unit's quiz.yml, none where the unit has no such file.

    Raises CourseError, with file and line, unless there are three to five questions, each with one right choice among
    two or more, and each question, choice and reason in all languages.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CourseError(f"{path}, line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise CourseError(f"{path}: {error}") from None
    return _Reader(path, tuple(languages)).quiz(tree)


def cell_text(quiz: Sequence[Question], language: str) -> str:
    """The Markdown of a quiz's cell: a heading, then for each question its choices as folds of HTML."""
    return "\n\n".join([f"## {TITLE[language]}", HOW[language], *_as_html(quiz, language)])


def _as_html(quiz: Sequence[Question], language: str) -> list[str]:
    """One block for each question; a blank line inside would end the HTML for Markdown, and there is none."""
    blocks = []
    for number, question in enumerate(quiz, start=1):
        lines = [f"<p><b>{number}.</b> {_inline(question.text[language])}</p>"]
        for letter, choice in zip("ABCDEF", question.choices, strict=False):
            verdict = VERDICTS[language][choice.right]
            because = f"<b>{verdict}</b>{GAP[language]}{_inline(choice.why[language])}"
            lines.append(
                f"<details><summary>{letter}. {_inline(choice.text[language])}</summary><p>{because}</p></details>"
            )
        blocks.append("\n".join(lines))
    return blocks


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


@dataclass(frozen=True)
class _Reader:
    """Reads a quiz from YAML that still knows its lines."""

    path: Path
    languages: tuple[str, ...]

    def quiz(self, tree: yaml.Node | None) -> tuple[Question, ...]:
        """All questions. Raises CourseError."""
        if tree is None:
            raise CourseError(f"{self.path}, line 1: the file is empty; it holds a list under questions, or goes")
        questions = self._parts(tree, "the quiz", ("questions",))["questions"]
        entries = self._entries(questions, "questions")
        if not FEWEST <= len(entries) <= MOST:
            raise self._error(questions, f"a quiz has {FEWEST} to {MOST} questions, and here are {len(entries)}")
        return tuple(self._question(entry, f"question {number}") for number, entry in enumerate(entries, start=1))

    def _question(self, node: yaml.Node, what: str) -> Question:
        parts = self._parts(node, what, (*self.languages, "choices"))
        entries = self._entries(parts["choices"], f"choices of {what}")
        if not 2 <= len(entries) <= MOST_CHOICES:
            raise self._error(node, f"{what} needs 2 to {MOST_CHOICES} choices, and has {len(entries)}")
        choices = tuple(self._choice(entry, f"choice {n} of {what}") for n, entry in enumerate(entries, start=1))
        right = sum(choice.right for choice in choices)
        if right != 1:
            raise self._error(node, f"one choice of {what} is `right: true`, and here are {right}")
        for language in self.languages:
            texts = [choice.text[language] for choice in choices]
            if twice := [text for text in texts if texts.count(text) > 1]:
                raise self._error(node, f"two choices of {what} say the same in {language}: {twice[0]!r}")
        return Question(self._texts(parts, what), choices)

    def _choice(self, node: yaml.Node, what: str) -> Choice:
        parts = self._parts(node, what, (*self.languages, "why"), ("right",))
        right = parts.get("right")
        if right is not None and (right.tag != TRUTH_VALUE or right.value.lower() not in ("true", "false")):
            raise self._error(right, f"right of {what} is true or false, got {right.value!r}")
        why = self._parts(parts["why"], f"why of {what}", self.languages)
        is_right = right is not None and right.value.lower() == "true"
        return Choice(self._texts(parts, what), self._texts(why, f"why of {what}"), is_right)

    def _texts(self, parts: dict[str, yaml.Node], what: str) -> dict[str, str]:
        """The texts of a part, by language, each on one line."""
        texts = {}
        for language in self.languages:
            node = parts[language]
            if node.tag != STRING or not node.value.strip():
                shown = repr(node.value) if isinstance(node, yaml.ScalarNode) else "more than a text"
                raise self._error(node, f"{language} of {what} must be a text in quotes, got {shown}")
            plain = " ".join(node.value.split())
            texts[language] = close_gaps(plain) if language == CHINESE else plain
        return texts

    def _parts(
        self, node: yaml.Node, what: str, needed: Sequence[str], others: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """The parts of a mapping by their keys."""
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must have {', '.join(needed)}")
        parts: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in (*needed, *others):
                raise self._error(key, f"unknown {key.value!r} in {what}; known are {', '.join((*needed, *others))}")
            if key.value in parts:
                raise self._error(key, f"{what} has {key.value} twice")
            parts[key.value] = value
        if missing := [key for key in needed if key not in parts]:
            raise self._error(node, f"{what} lacks {missing[0]}")
        return parts

    def _entries(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{what} must be a list, each entry with a - in front")
        return list(node.value)

    def _error(self, node: yaml.Node, sentence: str) -> CourseError:
        return CourseError(f"{self.path}, line {node.start_mark.line + 1}: {sentence}")
