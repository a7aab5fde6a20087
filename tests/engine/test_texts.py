"""The generated texts of a unit: readable, one string a line, and a damaged file is told by its line."""

import json

import pytest

from course_utils.engine import texts
from course_utils.engine.course import LANGUAGES, unit_texts

UNIT = "00_toy"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The file of a unit's texts, which is not there yet."""
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    unit_texts.cache_clear()
    yield tmp_path / f"{UNIT}.texts.json"
    unit_texts.cache_clear()


@pytest.mark.parametrize("unit", texts.units())
def test_each_hint_stands_on_one_line_in_each_language_one_below_the_other(unit):
    text = (texts.FOLDER / f"{unit}.texts.json").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.split("\n")]
    for hint in unit_texts(unit)["hints"].values():
        english, chinese = (f'"{language}": {json.dumps(hint[language], ensure_ascii=False)}' for language in LANGUAGES)
        assert lines[lines.index(f"{english},") + 1] == chinese


def test_a_missing_file_is_told_by_its_name(path):
    with pytest.raises(ValueError, match=r"00_toy\.texts\.json is missing; install the course again"):
        unit_texts(UNIT)


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
def test_a_damaged_file_is_told_by_the_line(path, content, line, told):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"00_toy\.texts\.json, line {line}: {told}; install the course again"):
        unit_texts(UNIT)
