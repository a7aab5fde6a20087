"""An export tells what has changed since the last one of its format, and calls no open answer final."""

import json

import pytest

from course_utils.engine.telling.export import export
from course_utils.engine.telling.exported import Difference

from .test_export import write_scores

UNIT = "01_positional_encoding"
MARKED = [["ann", UNIT, "13", "17", "0", "graded"], ["bob", UNIT, "10", "17", "0", "graded"]]
OPEN = [["ann", UNIT, "13", "17", "4", "graded"], ["bob", UNIT, "10", "17", "2", "graded"]]


@pytest.fixture
def exported(tmp_path):
    """A function: exports rows; returns what had changed, or None where nothing was told."""

    def run(rows, format="csv", **options):
        found = []
        write_scores(tmp_path, rows)
        export(tmp_path, format, tmp_path / "marks", compare=lambda changed, since: found.append(changed), **options)
        return found[0] if found else None

    return run


def test_the_first_export_has_nothing_to_compare_with(exported):
    assert exported(MARKED) is None


def test_an_export_that_says_the_same_tells_no_change(exported):
    exported(MARKED)
    assert exported(MARKED) == []


def test_a_mark_that_changed_is_told_with_the_old_one(exported):
    exported(MARKED)
    assert exported([MARKED[0], ["bob", UNIT, "12", "17", "0", "graded"]]) == [Difference("bob", UNIT, "10", "12")]


def test_somebody_new_and_somebody_gone_are_told(exported):
    exported(MARKED)
    found = exported([MARKED[0], ["zoe", UNIT, "1", "17", "0", "graded"]])
    assert found == [Difference("bob", UNIT, "10", "–"), Difference("zoe", UNIT, "–", "1")]


def test_a_unit_that_came_since_is_told(exported):
    exported(MARKED)
    assert exported([*MARKED, ["ann", "02_attention", "5", "16", "0", "graded"]]) == [
        Difference("ann", "02_attention", "–", "5")
    ]


def test_each_format_has_a_last_export_of_its_own(exported):
    exported(MARKED, "csv")
    assert exported(MARKED, "canvas") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"csv": 3}', '{"csv": {"date": "x", "marks": [1]}}'])
def test_a_damaged_note_on_the_last_export_ends_nothing(exported, tmp_path, content):
    (tmp_path / "exports.json").write_text(content, encoding="utf-8")
    assert exported(MARKED) is None
    assert exported(MARKED) == []


def test_open_answers_are_not_called_final(exported, tmp_path):
    with pytest.raises(ValueError, match=rf"wait for a person.* {UNIT} of 2 students \(6 points\).* with --partial"):
        exported(OPEN)
    assert not (tmp_path / "marks").exists()
    assert not (tmp_path / "exports.json").exists()


@pytest.mark.parametrize("format", ["canvas", "moodle", "csv", "xlsx", "moodle-feedback"])
def test_no_format_calls_open_answers_final(exported, format):
    with pytest.raises(ValueError, match="so these marks are not final"):
        exported(OPEN, format)


def test_open_answers_leave_where_that_was_asked_for_and_are_named(exported):
    notes = []
    exported(OPEN, partial=True, note=notes.append)
    assert notes == [f"not final, answers in words wait for a person: {UNIT} of 2 students (6 points)"]


def test_what_changed_is_compared_with_what_a_partial_export_said(exported):
    exported(OPEN, partial=True)
    assert exported([["ann", UNIT, "16", "17", "0", "graded"], OPEN[1]], partial=True) == [
        Difference("ann", UNIT, "13", "16")
    ]


def test_an_export_that_fails_is_not_the_last_one(exported, tmp_path):
    exported(MARKED)
    before = (tmp_path / "exports.json").read_bytes()
    with pytest.raises(ValueError, match="feedback goes back to Moodle"):
        exported([["ann", UNIT, "1", "17", "0", "graded"]], "moodle-feedback")
    assert (tmp_path / "exports.json").read_bytes() == before
    assert list(json.loads(before)) == ["csv"]
