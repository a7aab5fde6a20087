"""Beside each answer in words that formgrader shows: the question, its criteria, a model answer, typical mistakes.

The files that formgrader opens stay as they are, since nbgrader makes students' feedback from them. A block is put into
the notebook while the server turns it into a page, in the place of the question above the answer.

Notable choices:
- the block is in the language of the answer; the notebook around it is in the first language of the course;
- its text goes the way of a student's, `harmless_markdown`: a tag or a picture in it is text, a formula is a formula.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, v4
from nbgrader import utils

from ..course import Course, CourseError
from ..grading.log import LOG, read_log
from ..judging.sentences import Text
from ..making.units import Unit
from .harmless_markdown import harmless_markdown
from .review import Question, question_of

SENTENCES: dict[str, Text] = {
    "question": {"en": "Question and rubric, {points} points", "zh": "题目与评分标准，共 {points} 分"},
    "criteria": {"en": "What earns points", "zh": "得分点"},
    "points": {"en": "{points} p.", "zh": "{points} 分"},
    "model_answer": {"en": "A model answer", "zh": "参考答案"},
    "typical_mistakes": {"en": "Typical mistakes", "zh": "常见错误"},
}


class RubricCells(Preprocessor):
    """Puts a folding block before each answer in words that has a rubric."""

    def __init__(self, course: Course, results: Path, **traits: Any) -> None:
        """results: the folder whose log says in which language a student answered."""
        super().__init__(enabled=True, **traits)  # type: ignore[no-untyped-call]
        self._course = course
        self._results = results
        self._units: dict[str, Unit] = {}
        self._languages: Mapping[tuple[str, str], str] = {}
        self._read_at: object = None

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """The notebook with its blocks; a unit that cannot be read has none, and its page opens all the same."""
        unit, student = resources.get("assignment_id", ""), resources.get("student", "")
        try:
            nb.cells = self._with_blocks(nb.cells, unit, self._language(student, unit))
        except (CourseError, OSError, LookupError, TypeError, ValueError) as error:
            self.log.warning("no rubric can be shown for %s: %s", unit, error)
        return nb, resources

    def _with_blocks(self, cells: list[NotebookNode], name: str, language: str) -> list[NotebookNode]:
        if name not in self._course.unit_names:
            return cells
        unit = self._units.setdefault(name, Unit(self._course.folder / name))
        kept: list[NotebookNode] = []
        for cell in cells:
            question = cell.metadata.get("nbgrader", {}).get("grade_id", "") if utils.is_grade(cell) else ""
            if question in unit.rubric:
                found = question_of(unit, question, language)
                if kept and kept[-1].source.strip() == question_of(unit, question, "").asked:
                    del kept[-1]  # the block asks it, in the language of the answer
                kept.append(v4.new_markdown_cell(block(found, language)))
            kept.append(cell)
        return kept

    def _language(self, student: str, unit: str) -> str:
        """The language of a student's notebook, by the log; read anew where the log has changed since."""
        try:
            state = (self._results / LOG).stat()
        except OSError:
            return ""
        now = (state.st_mtime_ns, state.st_size)
        if self._read_at != now:
            self._languages = {place: record.language for place, record in read_log(self._results).last.items()}
            self._read_at = now
        return self._languages.get((student, unit), "")


def block(question: Question, language: str) -> str:
    """The Markdown of a question's block: it folds, and stands open at first."""

    def said(key: str, **values: str) -> str:
        return SENTENCES[key].get(language, SENTENCES[key]["en"]).format(**values)

    summary = f"{question.name}: {said('question', points=f'{question.points:g}')}"
    parts = [f'<details open class="rubric"><summary>{html.escape(summary)}</summary>']
    if question.asked:
        parts.append(harmless_markdown(question.asked))
    criteria = [f"**{said('points', points=f'{each.points:g}')}** {each.text}" for each in question.criteria]
    parts += [f"**{said('criteria')}**", _listed(criteria)]
    parts += [f"**{said('model_answer')}**", harmless_markdown(question.model_answer)]
    if question.typical_mistakes:
        parts += [f"**{said('typical_mistakes')}**", _listed(question.typical_mistakes)]
    return "\n\n".join([*parts, "</details>"])


def _listed(texts: tuple[str, ...] | list[str]) -> str:
    """A Markdown list; each text on one line."""
    return "\n".join(f"- {harmless_markdown(' '.join(text.split()))}" for text in texts)
