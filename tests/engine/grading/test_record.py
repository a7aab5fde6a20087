"""Records and scores: what files hold of them, and what is said of a line that holds something else."""

import json
import pickle
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from typing import get_args

import pytest
from typer.testing import CliRunner

from course_utils.engine.grading.log import LOG, append, cut_broken_end, read_log
from course_utils.engine.grading.record import READINGS, Record, RecordError, Score, in_language
from course_utils.engine.grading.scores import SCORES, read_scores, score_rows, write_scores
from course_utils.engine.judging.marks import OUTCOMES, STOPS, Outcome, grade_id
from course_utils.engine.judging.rule import Rule
from course_utils.engine.telling.pages.records import read_records
from course_utils.instructor.cli import app

UNIT = "01_positional_encoding"
NO = {"en": "Not yet.", "zh": "还不对。"}
CHECK = Score("ann", UNIT, "div_term", "values", 0.0, 3.0, "failed", NO, "swapped")
QUESTION = Score("ann", UNIT, "q1_sin_cos", None, 0.0, 4.0, "manual", NO)
RECORD = Record(
    "ann",
    UNIT,
    "graded",
    (CHECK, QUESTION),
    digest="d",
    seed="s",
    language="zh",
    sources={"div_term": "x = '\ud800'\u2028"},
    answers={"q1_sin_cos": "因为"},
    seconds=1.5,
    key="d/c",
    sandbox="bwrap",
    versions={"python": "3.11.9"},
    date="2026-01-01T00:00:00+00:00",
)
MARKED = replace(QUESTION, points=3.0, outcome="partial", by_hand=True, comment="Nearly.", automatic_points=0.0)


def line_of(record=RECORD, **changes):
    """A line of the log with some fields changed; Ellipsis takes one away."""
    found = record.as_json() | changes
    return json.dumps({name: value for name, value in found.items() if value is not ...}).encode() + b"\n"


def with_score(**changes):
    """A line whose first score has some fields changed."""
    score = {name: value for name, value in (CHECK.as_json() | changes).items() if value is not ...}
    return line_of(scores=[score])


def log_of(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / LOG).write_bytes(b"".join(lines))
    return folder


BOB, ZOE = (line_of(replace(RECORD, student=name, scores=(replace(CHECK, student=name),))) for name in ("bob", "zoe"))


# names and words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("check", "name"), [("values", "div_term-values"), (None, "div_term"), ("", "div_term")])
def test_a_grade_id_is_the_exercise_with_its_check_or_the_name_of_the_question(check, name):
    assert grade_id("div_term", check) == replace(CHECK, check=check).grade_id == name


def test_rules_and_scores_are_called_by_the_same_name():
    assert Rule("div_term", "values", print, 0.0, 0.0).name == CHECK.grade_id


def test_outcomes_are_those_of_the_contract():
    contract = ("passed", "partial", "failed", "error", "timeout", "memory", "crashed", "missing", "manual")
    assert contract == OUTCOMES == get_args(Outcome)
    assert set(STOPS) < set(OUTCOMES)


# what it is made of ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [RECORD, CHECK], ids=["record", "score"])
@pytest.mark.parametrize("name", ["student", "outcome"])
def test_nothing_of_a_record_can_be_changed(found, name):
    with pytest.raises(FrozenInstanceError, match=name):
        setattr(found, name, "other")


def test_a_record_crosses_the_border_of_a_process():
    assert pickle.loads(pickle.dumps(RECORD)) == RECORD


@pytest.mark.parametrize("heavy", ["torch", "pydantic", "nbformat", "IPython"])
def test_records_are_light_to_import(heavy):
    source = f"import sys; from course_utils.engine.grading import record, log; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


# there and back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, outcome="error", message=NO, scores=()),
        replace(RECORD, note=NO, read_from="ann/copy.ipynb"),
        replace(RECORD, scores=(MARKED,)),
        Record("ann", UNIT, "missing", ()),
    ],
    ids=["graded", "error", "renamed", "marked", "bare"],
)
def test_the_log_gives_back_what_was_put_into_it(tmp_path, record):
    append(tmp_path / LOG, record)
    found = read_log(tmp_path)
    assert (found.last, found.damaged) == ({record.place: record}, [])


def test_scores_give_back_what_was_put_into_them_in_the_students_language(tmp_path):
    marked = replace(RECORD, scores=(CHECK, MARKED))
    write_scores(tmp_path, [marked])
    found = read_scores(tmp_path)
    assert (found.scores, found.damaged) == (score_rows([marked]), [])
    assert [score.message for score in found.scores] == [NO["zh"], NO["zh"]]


def test_a_line_of_the_log_has_the_fields_that_it_always_had():
    line = json.loads(line_of())
    assert list(line) == [
        *("student", "unit", "digest", "seed", "outcome", "message", "language", "scores", "sources", "answers"),
        *("seconds", "key", "sandbox", "versions", "date"),
    ]
    assert list(json.loads(line_of(replace(RECORD, note=NO)))) == [
        *list(line)[:6],
        "note",
        "read_from",
        *list(line)[6:],
    ]


def test_a_row_has_the_fields_of_the_contract_and_more_only_where_a_person_was():
    plain = ["student", "unit", "exercise", "check", "points", "max_points", "outcome", "message", "hint"]
    assert list(CHECK.as_json()) == plain
    assert list(replace(CHECK, comment="So.").as_json()) == [*plain, "by_hand", "comment", "criteria"]
    assert list(MARKED.as_json()) == [*plain, "by_hand", "comment", "criteria", "automatic_points"]


def test_every_field_reaches_the_file():
    assert {field.name for field in fields(Score)} == set(MARKED.as_json())
    assert {field.name for field in fields(Record)} == set(replace(RECORD, note=NO).as_json())


# older and newer releases ---------------------------------------------------------------------------------------------


def test_a_line_of_an_older_release_is_read(tmp_path):
    score = {"exercise": "div_term", "check": "values", "points": 3, "max_points": 3, "outcome": "passed"}
    old = {"student": "ann", "unit": UNIT, "outcome": "graded", "scores": [score]}
    found = read_log(log_of(tmp_path, json.dumps(old).encode() + b"\n"))
    expected = replace(CHECK, points=3.0, outcome="passed", message=None, hint=None)
    assert (found.last["ann", UNIT], found.damaged) == (Record("ann", UNIT, "graded", (expected,)), [])


@pytest.mark.parametrize("name", [field.name for field in fields(Record)][4:])
@pytest.mark.parametrize("value", [..., None], ids=["absent", "null"])
def test_what_a_release_did_not_write_costs_nothing_else(tmp_path, name, value):
    found = read_log(log_of(tmp_path, line_of(**{name: value})))
    assert found.last["ann", UNIT].scores == RECORD.scores


def test_what_a_newer_release_adds_is_passed_over(tmp_path):
    found = read_log(log_of(tmp_path, line_of(mood="good", scores=[CHECK.as_json() | {"mood": 3}])))
    assert found.last["ann", UNIT].scores == (CHECK,)


# damage ---------------------------------------------------------------------------------------------------------------

DAMAGED = {
    b"not json\n": r"JSON must stand here, got none that can be read \(Expecting value at character 1\)",
    line_of()[:100] + b"\n": r"JSON must stand here, got none that can be read \(.* at character \d+\)",
    b"\xff\xfe{}\n": r"the text must be UTF-8, got bytes that are not|JSON must stand here",
    b'{"student": "\xff"}\n': r"the text must be UTF-8, got bytes that are not \(invalid start byte at byte 14\)",
    b"[" * 200_000 + b"\n": r"JSON must stand here, got some that is nested too deeply",
    b"9" * 5000 + b"\n": r"JSON must stand here, got some that is nested too deeply or holds too long a number",
    b"[]\n": r"an object must stand here, got \[\]",
    b"3\n": r"an object must stand here, got 3",
    b"null\n": r"an object must stand here, got None",
    line_of(student=...): r"student must be a text, and is missing",
    line_of(student=["x"]): r"student must be a text, got \['x'\]",
    line_of(unit=3): r"unit must be a text, got 3",
    line_of(outcome=...): r"outcome must be one of graded, missing, error, and is missing",
    line_of(outcome="passed"): r"outcome must be one of graded, missing, error, got 'passed'",
    line_of(outcome=["graded"]): r"outcome must be one of graded, missing, error, got \['graded'\]",
    line_of(scores=...): r"scores must be a list, and is missing",
    line_of(scores={}): r"scores must be a list, got {}",
    line_of(scores=[3]): r"score 1: an object must stand here, got 3",
    line_of(sources={"div_term": 3}): r"sources must be an object that holds texts, got {'div_term': 3}",
    line_of(answers=[]): r"answers must be an object that holds texts, got \[\]",
    line_of(language="fr"): r"language must be one of en, zh, got 'fr'",
    line_of(seconds="1"): r"seconds must be a finite number, got '1'",
    line_of(message=3): r"message must be an object that holds texts, got 3",
    line_of(key=3): r"key must be a text, got 3",
    line_of(student="a\x1b[2J\u202e" + "b" * 500, unit=3): r"unit must be a text, got 3",
    with_score(outcome="won"): r"score 1: outcome must be one of passed, partial, .*, manual, got 'won'",
    with_score(outcome=...): r"score 1: outcome must be one of .*, and is missing",
    with_score(points=...): r"score 1: points must be a finite number, and is missing",
    with_score(points="3"): r"score 1: points must be a finite number, got '3'",
    with_score(points=True): r"score 1: points must be a finite number, got True",
    with_score(points=float("nan")): r"score 1: points must be a finite number, got nan",
    with_score(points=10**400): r"score 1: points must be a finite number, got 1000",
    with_score(max_points=float("inf")): r"score 1: max_points must be a finite number, got inf",
    with_score(exercise=None): r"score 1: exercise must be a text, and is missing",
    with_score(check=3): r"score 1: check must be a text, got 3",
    with_score(message=["No."]): r"score 1: message must be an object that holds texts, got \['No\.'\]",
    with_score(by_hand="yes"): r"score 1: by_hand must be true or false, got 'yes'",
    with_score(student="bob"): r"score 1: a score must be of the record's \('ann', .*\), got one of \('bob', ",
}


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: line[:40].decode(errors="replace"))
def test_a_damaged_line_is_one_sentence_with_its_number_and_costs_no_other(tmp_path, line):
    found = read_log(log_of(tmp_path, BOB, line, ZOE))
    assert [student for student, _ in found.last] == ["bob", "zoe"]
    (sentence,) = found.damaged
    assert re.match(rf"{re.escape(str(tmp_path / LOG))} line 2: (?:{DAMAGED[line]})", sentence)
    assert sentence.isprintable()
    assert len(sentence) < len(str(tmp_path)) + 400


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: line[:40].decode(errors="replace"))
def test_pages_and_grading_read_a_log_by_one_rule(tmp_path, line):
    results, told = log_of(tmp_path, BOB, line), []
    assert read_records(results, told.append) == list(read_log(results).last.values())
    assert told == read_log(results).damaged


@pytest.mark.parametrize("length", [1, 2, 100, 700])
def test_an_unfinished_last_line_is_what_a_kill_leaves_and_no_damage(tmp_path, length):
    found = read_log(log_of(tmp_path, BOB, line_of()[:length]))
    assert (list(found.last), found.damaged) == ([("bob", UNIT)], [])


def test_a_whole_last_line_without_its_end_is_read_until_it_is_cut(tmp_path):
    results = log_of(tmp_path, BOB, line_of()[:-1])
    assert list(read_log(results).last) == [("bob", UNIT), ("ann", UNIT)]
    cut_broken_end(results / LOG)
    assert list(read_log(results).last) == [("bob", UNIT)]


@pytest.mark.parametrize("blank", [b"\n", b" \t\r\n"])
def test_an_empty_line_is_no_damage_and_is_counted(tmp_path, blank):
    found = read_log(log_of(tmp_path, blank, BOB, b"x\n"))
    assert list(found.last) == [("bob", UNIT)]
    assert "log.jsonl line 3: " in found.damaged[0]


def test_no_log_has_nothing_in_it(tmp_path):
    assert (read_log(tmp_path).last, read_log(tmp_path).damaged) == ({}, [])


@pytest.mark.parametrize("reading", READINGS)
def test_only_a_graded_notebook_was_read(reading):
    assert replace(RECORD, outcome=reading).is_read == (reading == "graded")


def test_a_score_without_a_record_must_say_whose_it_is():
    found = CHECK.as_json()
    del found["student"]
    with pytest.raises(RecordError, match=r"^student must be a text, and is missing$"):
        Score.of(found)


@pytest.mark.parametrize(
    ("text", "shown"), [(NO, "还不对。"), ({"en": "No."}, "No."), ("One.", "One."), (None, ""), ({}, ""), (3, "")]
)
def test_a_text_is_told_in_one_language_or_in_the_other_where_that_lacks(text, shown):
    assert in_language(text, "zh") == shown


# scores.json ----------------------------------------------------------------------------------------------------------


def scores_of(folder, change):
    write_scores(folder, [RECORD, replace(RECORD, student="bob", scores=(replace(CHECK, student="bob"),))])
    path = folder / SCORES
    path.write_bytes(change(path.read_bytes()))
    return read_scores(folder)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        (b'"failed"', b'"won"', 2, "outcome must be one of passed, .*, got 'won'; the row is passed over"),
        (b'"max_points": 3.0', b'"max_points": "3"', 2, "max_points must be a finite number, got '3'"),
        (b'  "exercise": "div_term",\n', b"", 2, "exercise must be a text, and is missing"),
    ],
)
def test_a_damaged_row_of_the_scores_is_one_sentence_with_its_line_and_costs_no_other(tmp_path, old, new, line, what):
    found = scores_of(tmp_path, lambda data: data.replace(old, new, 1))
    assert [(score.student, score.exercise) for score in found.scores] == [("ann", "q1_sin_cos"), ("bob", "div_term")]
    (sentence,) = found.damaged
    assert re.match(rf"{re.escape(str(tmp_path / SCORES))} line {line}: {what}", sentence)


@pytest.mark.parametrize(
    ("change", "kept", "line", "what"),
    [
        (lambda data: b"", 0, 1, r"a list of rows in JSON must stand here, got none that can be read \(no list\)"),
        (lambda data: b"{}", 0, 1, "a list of rows in JSON must stand here"),
        (lambda data: data[: data.index(b"q1_sin_cos")], 1, 16, "a list of rows in JSON must stand here"),
        (lambda data: data.rstrip()[:-1], 3, 35, "a list of rows in JSON must stand here"),
        (lambda data: b"\n[" + b"[" * 200_000, 0, 2, "a list of rows in JSON must stand here"),
        (lambda data: data.replace(b"bob", b"\xff"), 0, 25, "the text must be UTF-8, got bytes that are not"),
    ],
    ids=["empty", "object", "torn", "unclosed", "deep", "bytes"],
)
def test_scores_that_are_no_json_are_kept_as_far_as_they_can_be_read(tmp_path, change, kept, line, what):
    found = scores_of(tmp_path, change)
    assert len(found.scores) == kept
    (sentence,) = found.damaged
    assert re.match(rf"{re.escape(str(tmp_path / SCORES))} line {line}: {what}", sentence)


def test_a_byte_order_mark_that_an_editor_left_is_no_damage(tmp_path):
    mark = "\ufeff".encode()
    found = scores_of(tmp_path, lambda data: mark + data)
    assert (len(found.scores), found.damaged) == (3, [])
    assert read_log(log_of(tmp_path, mark + BOB)).damaged == []


def test_no_scores_are_no_damage(tmp_path):
    assert (read_scores(tmp_path).scores, read_scores(tmp_path).damaged) == ([], [])


# the commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["feedback"], ["report"], ["export", "--format", "csv"]], ids=" ".join)
def test_a_command_names_the_damaged_line_once_and_does_the_rest(tmp_path, command):
    results = log_of(tmp_path, BOB, line_of(outcome="won"), ZOE)
    result = CliRunner().invoke(app, [*command, "--results", str(results)])
    assert result.exit_code == 0, result.output
    assert result.output.count("log.jsonl line 2: outcome must be one of graded, missing, error, got 'won'") == 1
    assert "zoe" in (results / "scores.csv").read_text(encoding="utf-8")


def test_damaged_scores_are_told_once_and_made_anew(tmp_path):
    results = log_of(tmp_path, BOB, line_of())
    (results / SCORES).write_text("[{}", encoding="utf-8")
    first = CliRunner().invoke(app, ["report", "--results", str(results)])
    assert first.output.count("scores.json line 1: ") == 2  # an empty row, and no end
    assert len(read_scores(results).scores) == 3
    assert "Warning" not in CliRunner().invoke(app, ["report", "--results", str(results)]).output
