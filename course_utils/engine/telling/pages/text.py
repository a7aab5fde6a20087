"""What every page is made with: words in two languages, students' texts made harmless, numbers, templates.

Everything that a student wrote is escaped by the template and first made harmless to the eye: control characters that
reorder or hide text are shown by their number, long texts are cut. Every word of the pages stands once, in both
languages, in `templates/strings.yml`.
"""

import math
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from ...course import LANGUAGES
from ...grading.record import in_language
from ...grading.terms import Late
from ...harmless import on_one_line, tame

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
MAX_NAME = 80  # characters of a student's name shown
MAX_SENTENCE = 2_000  # characters of a message shown
MAX_ANSWER = 20_000  # characters of a text shown that somebody wrote
BREAKS = re.compile(r"\r\n|\r|\n")
_CODE_SPAN = re.compile(r"`([^`\n]+)`")


# words ----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def strings() -> dict[str, dict[str, str]]:
    """Every word of the pages: key -> {"en", "zh"}."""
    text = (_TEMPLATES / "strings.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def words(language: str) -> dict[str, str]:
    """Every word of the pages in one language.

    Raises ValueError for a language that the pages do not speak.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}. Try {LANGUAGES[0]!r}.")
    return {key: text[language] for key, text in strings().items()}


# harmless text --------------------------------------------------------------------------------------------------------


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def display_name(student: str) -> str:
    """A student's name on one line of sensible length."""
    return on_one_line(shorten(student, MAX_NAME)) or "?"


def note_text(text: str) -> str:
    """A text of several lines that somebody wrote, harmless and of sensible length."""
    return tame(shorten(BREAKS.sub("\n", text), MAX_ANSWER)).strip()


def sentence(text: str) -> Markup:
    """A sentence as HTML: escaped, with `code` in backticks set as code."""
    escaped = str(escape(tame(shorten(" ".join(text.split()), MAX_SENTENCE))))
    return Markup(_CODE_SPAN.sub(r"<code>\1</code>", escaped))


def breakable(name: str) -> Markup:
    """A long Python name that may be broken at its underscores and capitals."""
    return Markup(re.sub(r"(?<=_)(?=.)|(?<=[a-z])(?=[A-Z])", "<wbr>", str(escape(tame(name)))))


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    """A renderer for the course's own help texts; raw HTML stays text, and nothing points elsewhere."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])


def help_text(text: str) -> Markup:
    """A step of further help as HTML."""
    return Markup(_markdown().render(tame(text)))


def points(value: float) -> str:
    """A number of points as people write it: 3, 2.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(value: float) -> int:
    """A share in percent, rounded down, so that 100 means all."""
    return math.floor(value * 100 + 1e-9)


# templates ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, page: Mapping[str, Any], t: Mapping[str, str]) -> str:
    """A template filled with a page and the words of its language."""
    return _environment().get_template(template).render(page=page, t=t).strip() + "\n"


def date_line(date: str, t: Mapping[str, str]) -> str:
    """When something was graded, to the minute, as a sentence; "" where that is not known."""
    if not date:
        return ""
    zone = " UTC" if date.endswith(("+00:00", "Z")) else ""
    return t["graded_on"].format(date=tame(date[:16].replace("T", " ")) + zone)


def late_sentence(late: Late, t: Mapping[str, str]) -> str:
    """What being late has cost a notebook."""
    hours = max(1, round(late.seconds / 3600))
    days, rest = divmod(hours, 24)
    parts = ((t["late_days"], days), (t["late_hours"], rest))
    time = " ".join(words.format(count=count) for words, count in parts if count)
    numbers = {"penalty": points(late.penalty), "points": points(late.points), "left": points(late.left)}
    return t["late_counted" if late.is_counted else "late_uncounted"].format(time=time, **numbers)


def title_of(texts: Mapping[str, Any], unit: str, language: str) -> str:
    """A unit's title in one language; its name where it has none."""
    return tame(in_language(texts.get("title"), language) or unit)


def folder_part(name: str, what: str) -> str:
    """The name, if it can be one folder or file name inside the results folder.

    Raises ValueError for a name that would leave the folder.
    """
    separators = {"/", os.sep, os.altsep or "/"}
    if name in ("", ".", "..") or "\0" in name or any(separator in name for separator in separators):
        raise ValueError(
            f"{what} must be the name of a folder, got {name!r}. Is the log damaged? Grade again with --regrade."
        )
    return name
