"""The generated texts of a unit: readable, one string a line, and a damaged file is told by its line."""

import json

import pytest

from course_utils.engine.course import LANGUAGES, TEXTS, CourseError, CourseUnit, current


@pytest.fixture
def unit(tmp_path):
    """A unit that has no texts yet."""
    (tmp_path / TEXTS).parent.mkdir()
    return CourseUnit(tmp_path)


@pytest.mark.parametrize("built", [pytest.param(unit, id=unit.name) for unit in current().units()])
def test_each_hint_stands_on_one_line_in_each_language_one_below_the_other(built):
    text = (built.folder / TEXTS).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.split("\n")]
    for hint in built.texts["hints"].values():
        english, chinese = (f'"{language}": {json.dumps(hint[language], ensure_ascii=False)}' for language in LANGUAGES)
        assert lines[lines.index(f"{english},") + 1] == chinese


def test_a_missing_file_is_told_by_its_name(unit):
    with pytest.raises(CourseError, match=r"recorded/texts\.json is missing; install the course again"):
        _ = unit.texts


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        (b'{"rules": {},\n "hints": }', 2, "Expecting value"),
        (b'{"rules":\n {},\n "title": "\xff"}', 3, "invalid start byte"),
        (b"[]", 1, "no mapping"),
        (b"", 1, "Expecting value"),
    ],
    ids=str,
)
def test_a_damaged_file_is_told_by_the_line(unit, content, line, told):
    (unit.folder / TEXTS).write_bytes(content)
    with pytest.raises(CourseError, match=rf"recorded/texts\.json, line {line}: {told}; install the course again"):
        _ = unit.texts
