"""Names of students: shown as they are where they can be read, never a formula, never moving a cursor."""

from __future__ import annotations

import csv
import io
import json
import os
import unicodedata

import pytest
from rich.console import Console

from course_utils.engine.grading import scores as tables
from course_utils.engine.grading.record import Record
from course_utils.engine.harmless import cell_of_name, name_of_cell, on_one_line, shown_name
from course_utils.engine.telling.changes import Change
from course_utils.engine.telling.export import export
from course_utils.instructor import grading

READABLE = [
    "anna", "Ann Lee", "o'brien", "王小明", "né", "नमस्ते", "🙂", "=1+1", "-rf", "anna@example.org", "a" * 255,
    "a\\xff", "\\", "DOMAIN\\anna", "C:\\new\\table", "\\xff" * 60, "a\\u202e", "⟨U+202E⟩", "a 0123456789abcdef",
    "anna #7",
]  # fmt: skip
DECEPTIVE = [
    "\x00", "\x07", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\xad", "\u200b", "\u200e", "\u2028", "\u2029",
    "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff", "\ue000", "\U000e0041",
]  # fmt: skip
UNREADABLE = [os.fsdecode(b"a\xff"), os.fsdecode(b"\xff\\xff"), os.fsdecode(b"\\xff\xff"), "e" + "\u0301" * 9]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    " =1",
    "\u3000=1",
    "＝1",
    "＋1",
    "－1",
    "＠a",
    "﹦1",
    "﹢1",
    "﹣1",
    "﹫a",
    "−1",
]


def record(student: str, points: float = 1.0) -> Record:
    score = {
        "student": student, "unit": "01_positional_encoding", "exercise": "div_term", "check": "values",
        "points": points, "max_points": 3.0, "outcome": "failed", "message": {"en": "No.", "zh": "不。"}, "hint": None,
    }  # fmt: skip
    unit = "01_positional_encoding"
    return Record.of({"student": student, "unit": unit, "language": "en", "outcome": "graded", "scores": [score]})


def is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs")


# a folder's name as it is shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_a_readable_name_is_shown_as_it_is(name):
    assert shown_name(name) == name


@pytest.mark.parametrize("name", [f"a{character}b" for character in DECEPTIVE] + UNREADABLE, ids=ascii)
def test_a_shown_name_holds_no_character_that_hides_or_moves(name):
    shown = shown_name(name)
    assert not any(map(is_control, shown))
    assert shown == on_one_line(shown)


@pytest.mark.parametrize("name", [f"a{character}b" for character in DECEPTIVE] + UNREADABLE, ids=ascii)
def test_nobody_can_be_called_as_an_unreadable_name_is_shown(name):
    shown = shown_name(name)
    assert shown_name(shown) != shown


def test_no_two_names_are_shown_alike():
    names = [*READABLE, *UNREADABLE, *(f"a{character}b" for character in DECEPTIVE)]
    names += [shown_name(name) for name in names if shown_name(name) != name]
    assert len({shown_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["\udcff" * 255, "\x1b" * 255, "\u202e" * 85])
def test_a_shown_name_can_be_a_folders(tmp_path, name):
    (tmp_path / shown_name(name)).mkdir()


# a name as a cell of a table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMULAS)
def test_a_cell_is_never_a_formula(name):
    assert cell_of_name(name) == f"'{name}"


@pytest.mark.parametrize("name", [*READABLE, *FORMULAS, "'=1", "''=1", "'", "' =1", "'anna"])
def test_a_name_is_read_back_from_its_cell(name):
    assert name_of_cell(cell_of_name(name)) == name


@pytest.mark.parametrize("name", ["anna", "o'brien", "王小明", "a-b", "x=1", "anna@example.org", 'say "hi", please'])
def test_an_ordinary_name_is_a_cell_as_it_is(name):
    assert cell_of_name(name) == name


@pytest.mark.parametrize("name", [*FORMULAS, *(f"a{character}=b" for character in DECEPTIVE if character != "\x00")])
def test_scores_hold_neither_formulas_nor_control_characters(tmp_path, name):
    tables.write_scores(tmp_path, [record(name)])
    text = (tmp_path / "scores.csv").read_text(encoding="utf-8")
    (_, row) = csv.reader(io.StringIO(text))
    assert not any(is_control(character) for character in text.replace("\n", ""))
    assert unicodedata.normalize("NFKC", row[0].strip())[0] not in "=+-@−"


@pytest.mark.parametrize("name", ["=1+1", "'=1+1"])
def test_scores_and_export_speak_of_the_same_student(tmp_path, name):
    tables.write_scores(tmp_path, [record(name)])
    export(tmp_path, "csv", tmp_path / "marks.csv")
    (_, row) = csv.reader(io.StringIO((tmp_path / "marks.csv").read_text(encoding="utf-8-sig")))
    assert name_of_cell(row[0]) == name
    assert {score["student"] for score in json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))} == {name}


# the terminal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", [character for character in DECEPTIVE if character != "\x00"])
def test_a_table_of_changes_moves_no_cursor(monkeypatch, character):
    printed = io.StringIO()
    monkeypatch.setattr(grading, "console", Console(file=printed, width=200))
    grading._show_changes([Change(f"a{character}b", "u", "div_term-values", "1", "2", "graded again")], 1)
    assert f"a⟨U+{ord(character):04X}⟩b" in printed.getvalue()
