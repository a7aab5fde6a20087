"""class.toml: what it may say, and a sentence with its line for what it may not."""

from datetime import UTC, datetime

import pytest

from course_utils.engine.grading.classfile import read_class
from course_utils.engine.grading.plan import RunError
from course_utils.engine.grading.terms import find_class_file

UNITS = ["01_positional_encoding", "02_attention"]
WHOLE = """\
title = "Transformers"
roster = "roster.csv"
language = "zh"
timezone = "Europe/Zurich"
attempts = "best"
anonymous = true

[late]
rule = "per_day"
percent_per_day = 10
grace_minutes = 15

[units.02_attention]
opens = 2026-10-01
due = 2026-10-24T18:00:00  # before the clocks change
column = "Homework 2 (4711)"

[units.01_positional_encoding]
due = 2026-10-08

[[extensions]]
student = "Müller, Anna"
unit = "02_attention"
days = 3

[[extensions]]
student = "li"
until = 2026-11-01
"""


@pytest.fixture
def read(tmp_path):
    """A function: the class of a text."""
    roster = "id,name,extension\nmueller,Anna Müller,\nli,Li Wei,\nzhou,Zhou Na,2\n"
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8")

    def of(text):
        path = tmp_path / "class.toml"
        path.write_text(text, encoding="utf-8")
        return read_class(path, UNITS)

    return of


def test_an_empty_file_is_a_class_without_rules(read):
    found = read("")
    assert (found.roster, found.late.rule, found.due("02_attention"), found.attempts) == (None, "none", None, "latest")


def test_a_time_is_told_in_the_zone_of_the_class(read):
    assert read(WHOLE).due("02_attention") == datetime(2026, 10, 24, 16, tzinfo=UTC)


def test_a_day_ends_at_midnight_in_the_zone_of_the_class(read):
    assert read(WHOLE).due("01_positional_encoding") == datetime(2026, 10, 8, 21, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("who", "unit", "due"),
    [
        ("mueller", "02_attention", datetime(2026, 10, 27, 16, tzinfo=UTC)),
        ("mueller", "01_positional_encoding", datetime(2026, 10, 8, 21, 59, 59, tzinfo=UTC)),
        ("li", "02_attention", datetime(2026, 11, 1, 22, 59, 59, tzinfo=UTC)),
        ("zhou", "02_attention", datetime(2026, 10, 26, 16, tzinfo=UTC)),
    ],
)
def test_an_extension_moves_the_date_of_one_person(read, who, unit, due):
    found = read(WHOLE)
    assert found.due_for(unit, found.person(who)) == due


def test_a_unit_opens_on_its_day(read):
    found = read(WHOLE)
    moments = [datetime(2026, 9, 30, 21, 59, tzinfo=UTC), datetime(2026, 9, 30, 22, 0, tzinfo=UTC)]
    assert [found.is_open("02_attention", moment) for moment in moments] == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("attempts =", "atempts =", r"line 5: this file has no key 'atempts'; there are .*\. Did you mean attempts\?"),
        ("grace_minutes", "grace", r"line 11: \[late\] has no key 'grace'; .* Did you mean grace_minutes\?"),
        ("column =", "colum =", r"line 16: \[units\.02_attention\] has no key 'colum'"),
        ('"per_day"', '"weekly"', r'line 9: late\.rule must be "none", "zero" or "per_day", got \'weekly\''),
        ("= 10", '= "10"', r"line 10: late\.percent_per_day must be a valid number, got '10'"),
        ("= 10", "= 0", r"line 10: late\.percent_per_day must be greater than 0, got 0"),
        ("= 15", "= -1", r"line 11: late\.grace_minutes must be greater than or equal to 0, got -1"),
        (
            "[units.02_att",
            "[units.02_atte",
            r"line 13: no unit '02_atteention'; .* Did you mean 02_attention\?",
        ),
        ('unit = "02_attention"', 'unit = "2"', r"line 23: no unit '2'"),
        ("= 2026-10-08", '= "soon"', r"line 19: units\.01_positional_encoding\.due must be a day or a time"),
        ("opens = 2026-10-01", "opens = 2026-10-31", r"line 14: 02_attention opens after it is due"),
        ('"zh"', '"de"', r'line 3: language must be "en" or "zh", got \'de\''),
        ("Europe/Zurich", "Mars", r"line 4: no time zone 'Mars'"),
        ("days = 3", "", r"line 21: an extension has days or until, one of the two"),
        ("days = 3", "days = 3\nuntil = 2026-11-01", r"line 21: an extension has days or until, one of the two"),
        ("days = 3", "days = 0", r"line 24: extensions\.days must be greater than 0, got 0"),
        ('"Müller, Anna"', '"Muller Ana"', r"line 22: 'Muller Ana': not on the roster; is it Anna Müller"),
        ('student = "li"', 'name = "li"', r"line 26: \[extensions\] needs student|line 27: \[extensions\] has no key"),
        ("[late]", "[late", r"class\.toml, line 8, column 6: "),
        ("= true", "= 1", r"line 6: anonymous must be a valid boolean, got 1"),
    ],
)
def test_a_wrong_key_or_value_is_a_sentence_with_its_line(read, old, new, sentence):
    assert old in WHOLE
    with pytest.raises(RunError, match=rf"class\.toml, {sentence}" if "line" in sentence[:5] else sentence):
        read(WHOLE.replace(old, new, 1))


def test_a_roster_that_is_not_there_is_named(read):
    with pytest.raises(RunError, match=r"people\.csv cannot be read"):
        read('roster = "people.csv"')


def test_the_file_beside_the_submissions_is_found(tmp_path):
    assert find_class_file(tmp_path / "submitted") is None
    (tmp_path / "class.toml").write_text("", encoding="utf-8")
    assert find_class_file(tmp_path / "submitted") == tmp_path / "class.toml"


def test_a_named_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"other\.toml cannot be read \(No such file or directory\)"):
        read_class(find_class_file(tmp_path / "submitted", tmp_path / "other.toml"), UNITS)
