"""The class at a glance: what the class page tells, its one script, its version without names, its size."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from course_utils.engine.grading.record import Record
from course_utils.engine.telling.pages.classroom import class_page, write_class_page
from course_utils.engine.telling.pages.script import table_script
from course_utils.engine.telling.pages.text import strings
from course_utils.engine.telling.results import all_texts
from course_utils.engine.texts import LANGUAGES

from .simulated import drawn, records_of, whole_course
from .test_pages import HOSTILE, TEXTS, UNIT, Seen, body, make_hostile, make_record

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def course_of_300():
    """A class of 300 over all units of the course, with comments on most written answers."""
    return whole_course()


@pytest.fixture(scope="module")
def small():
    return whole_course(students=25, seed=3)


def page_of(simulated, language="en", *, names=True):
    return class_page(simulated.records, all_texts(), language, simulated.terms, names=names)


@pytest.fixture(scope="module")
def pages(small):
    """(language, with names) -> the page of a small class."""
    return {(lang, names): page_of(small, lang, names=names) for lang in LANGUAGES for names in (True, False)}


def part(page, heading):
    """The text of a part of a page, from its heading to the next one."""
    found = re.search(rf"<h(\d)[^>]*>{re.escape(heading)}</h\1>(.*?)(?=<h\d|<script|\Z)", page, re.DOTALL)
    assert found, heading
    return body(found[2])


# size -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_300_students_and_all_units_is_smaller_than_2_megabytes(course_of_300, language):
    assert len(page_of(course_of_300, language).encode()) < 2 * MEGABYTE


def test_the_page_of_300_students_without_names_is_small(course_of_300):
    assert len(page_of(course_of_300, names=False).encode()) < 0.6 * MEGABYTE


# headings -------------------------------------------------------------------------------------------------------------


def headings(page):
    return [int(level) for level in re.findall(r"<h(\d)[ >]", page)]


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("several", [True, False])
def test_headings_are_in_order(pages, names, several):
    page = pages["en", names] if several else class_page([make_record()], {UNIT: TEXTS}, "en", names=names)
    levels = headings(page)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert not several or set(levels) == {1, 2, 3}


# checks and questions -------------------------------------------------------------------------------------------------


def test_each_check_has_its_difficulty_and_discrimination_with_their_intervals():
    page = class_page(records_of(drawn(0)), {}, "en")
    row = re.search(r'<th scope="row"><span class="mono">exercise_<wbr>3-values.*?</tr>', page)[0]
    number = r"(?:\N{MINUS SIGN}?\d\.\d\d)"
    # of a check that 64% pass, with a correlation of 0.42 in all students that there could be
    assert re.search(r"6\d% 5\d to 7\d", body(row))
    assert re.search(rf"0\.[345]\d {number} to {number}", body(row))


@pytest.mark.parametrize(
    ("language", "above", "word"),
    [
        ("en", "All pass, so these tell nobody from anybody: exercise_2-values", "all pass"),
        ("zh", "以下各项全部通过，没有区分作用：exercise_2-values", "全部通过"),
    ],
)
def test_a_check_that_all_pass_is_told_above_and_in_its_row(language, above, word):
    passed = drawn(0, students=30)
    passed[:, 2] = 1.0
    page = class_page(records_of(passed), {}, language)
    assert above in body(page)
    assert word in part(page, strings()["checks_heading"][language])


def test_a_check_that_all_fail_and_one_that_tells_against_are_told():
    passed = drawn(0)
    passed[:, 2], passed[:, 0] = 0.0, 1 - passed[:, 7]
    shown = body(class_page(records_of(passed), {}, "en"))
    assert "All fail; look at the check, the task and the lesson: exercise_2-values" in shown
    assert "Lost by those who do well elsewhere; look at the check: exercise_0-values" in shown


def test_a_class_of_one_has_a_page_without_a_discrimination():
    told = part(class_page([make_record()], {UNIT: TEXTS}, "en"), "Checks and questions")
    assert "div_term-valuesThe frequencies fall.100% 20 to 100–" in told


def test_what_fails_together_is_told_with_numbers():
    passed = drawn(1)
    passed[:, 5] = passed[:, 3]
    told = part(class_page(records_of(passed), {}, "en"), "What fails together")
    assert re.search(r"exercise_3-values, exercise_5-values ?\d+ of 300 lost points on all of them", told)


def test_nothing_together_is_told_too():
    told = part(class_page([make_record()], {UNIT: TEXTS}, "en"), "What fails together")
    assert "Nothing that the class's numbers would show." in told


# trend ----------------------------------------------------------------------------------------------------------------


def test_the_trend_has_a_row_for_each_unit_and_the_change_of_the_same_students():
    first, second = drawn(0, students=80), drawn(1, students=80)
    first[:, :3], second[:, :3] = 0.0, 1.0  # 4 of 11.5 points more, beside what chance does
    records = [*records_of(first, unit="01_first"), *records_of(second, unit="02_second")[:60]]
    told = part(class_page(records, {}, "en"), "From unit to unit")
    assert re.search(r"1\. 01_first80", told)
    assert re.search(r"2\. 02_second60\d\d% \d\d to \d\d\d\d%\+3\d 2\d to 4\d60 students", told)


def test_a_unit_without_marks_is_in_the_trend_without_a_mean():
    records = [make_record("a"), make_record("a", unit="02_attention", outcome="missing")]
    told = part(class_page(records, {UNIT: TEXTS}, "en"), "From unit to unit")
    assert "2. 02_attention0–––0–" in told


def test_one_unit_has_no_trend():
    assert "From unit to unit" not in class_page([make_record()], {UNIT: TEXTS}, "en")


# by hand --------------------------------------------------------------------------------------------------------------


def by_hand(student, points, comment=None, outcome="partial", language="en", criteria=None):
    """A record whose question a person has marked."""
    record = make_record(student, language=language)
    scores = [
        replace(score, points=points, outcome=outcome, by_hand=True, comment=comment, criteria=criteria)
        if score.exercise == "q1_sin_cos"
        else score
        for score in record.scores
    ]
    return replace(record, scores=tuple(scores))


def test_marks_and_comments_by_hand_stand_on_the_page():
    records = [by_hand("ann", 2.5, "Say more of <b>shifts</b>, 例如 k = 3."), by_hand("bob", 3.5), make_record("cem")]
    told = part(class_page(records, {UNIT: TEXTS}, "en"), "Marks and comments by hand")
    assert "q1_sin_cos 2 marked by a person; 3 of 4 points on average; comments: 1" in told
    assert "Say more of <b>shifts</b>, 例如 k = 3. ann: 2.5 / 4" in told


def test_a_cell_with_a_mark_by_hand_says_so():
    page = class_page([by_hand("ann", 2.5)], {UNIT: TEXTS}, "en")
    assert '<td class="partial hand">2.5</td>' in page
    assert '.hand::after { content: "" / ", by a person"' in page


def test_one_comment_to_many_stands_once_with_who_got_it():
    records = [by_hand(name, 2, "Which shift?") for name in ("ann", "bob")] + [by_hand("cem", 1, "Why?")]
    told = part(class_page(records, {UNIT: TEXTS}, "en"), "Marks and comments by hand")
    assert told.count("Which shift?") == 1
    assert "Which shift? ann: 2 / 4; bob: 2 / 4Why? cem: 1 / 4" in told


def test_a_mark_whose_answer_changed_is_told():
    told = part(class_page([by_hand("ann", 2, outcome="manual")], {UNIT: TEXTS}, "en"), "Marks and comments by hand")
    assert "1 to be looked at again, since the answer changed" in told


def test_criteria_of_answers_in_both_languages_are_one_row_in_the_pages():
    def marked(student, language, text, points):
        given = [{"text": text, "points": points, "max_points": 2}]
        return by_hand(student, points, language=language, criteria=given)

    records = [marked("a", "en", "names the shift", 1), marked("b", "zh", "说出平移", 2)]
    english, chinese = (body(class_page(records, {UNIT: TEXTS}, language)) for language in LANGUAGES)
    assert "1.5 / 2 names the shift (2)" in english
    assert "1.5 / 2 说出平移 (2)" in chinese


def test_a_mark_in_the_place_of_an_automatic_one_is_told():
    first, *others = make_record("ann", div_term_values="failed").scores
    first = replace(first, points=3.0, outcome="passed", by_hand=True, automatic_points=0.0)
    page = class_page([replace(make_record("ann"), scores=(first, *others))], {UNIT: TEXTS}, "en")
    assert '<td class="passed hand">3</td>' in page
    assert "div_term 1 marked by a person" in part(page, "Marks and comments by hand")


# without names --------------------------------------------------------------------------------------------------------


def comments_of(simulated):
    return {score.comment for record in simulated.records for score in record.scores if score.comment}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_without_names_holds_no_student_no_comment_and_no_link_to_either(small, pages, language):
    page = pages[language, False]
    assert [record.student for record in small.records if record.student in page] == []
    assert [comment for comment in comments_of(small) if comment in page] == []
    assert Seen(page).links == []
    assert "<bdi>" not in page


def test_the_page_with_names_holds_what_the_other_leaves_out(small, pages):
    shown = body(pages["en", True])
    assert all(record.student in shown for record in small.records)
    assert comments_of(small)
    assert all(comment in shown for comment in comments_of(small))


@pytest.mark.parametrize(
    "key", ["trend", "distribution", "hardest", "checks_heading", "together", "times", "misconceptions", "hand_heading",
            "manual_heading", "problems_heading"]
)  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_without_names_holds_all_that_is_counted(pages, key, language):
    assert strings()[key][language] in body(pages[language, False])


def test_what_a_student_was_told_is_not_on_the_page_without_names():
    records = [make_record("ann", outcome="error", message="No notebook, ann.txt"), make_record("bob")]
    page = class_page(records, {UNIT: TEXTS}, "en", names=False)
    assert "ann" not in body(page)
    assert "Unreadable" in part(page, "Problems to look at")


def test_problems_without_names_are_counted_by_place():
    records = [make_record(name, div_term_values="timeout") for name in ("ann", "bob")]
    told = part(class_page(records, {UNIT: TEXTS}, "en", names=False), "Problems to look at")
    assert "Time ran outdiv_term2" in told


def test_the_two_pages_lie_side_by_side(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps(make_record().as_json()) + "\n", encoding="utf-8")
    written = [write_class_page(tmp_path, {UNIT: TEXTS}, names=names) for names in (True, False)]
    assert [path.name for path in written] == ["class.html", "class-without-names.html"]
    assert "anna" in written[0].read_text(encoding="utf-8")
    assert "anna" not in written[1].read_text(encoding="utf-8")


# the script -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("names", [True, False])
def test_the_page_has_one_script_says_so_and_its_policy_allows_no_other(pages, language, names):
    page = pages[language, names]
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert re.search(r"script-src ([^;]*);", policy)[1] == f"'sha256-{digest}'"
    assert "default-src 'none'" in policy
    lines = len(scripts[0].splitlines())
    assert strings()["script_note"][language].format(lines=lines) in body(page)


def test_the_script_makes_no_html_of_text_and_asks_nothing_of_the_network():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch|XMLHttp|import\b|http"
    assert re.findall(forbidden, table_script().text) == []


def test_what_a_student_wrote_stands_nowhere_in_the_script_or_the_style():
    page = class_page([Record.of(make_hostile())], {UNIT: TEXTS}, "en")
    inside = "".join(re.findall(r"<(?:script|style)>.*?</(?:script|style)>", page, re.DOTALL))
    assert "alert" not in inside
    assert HOSTILE not in page


def test_a_hostile_comment_and_criterion_are_text():
    record = by_hand("ann", 2, HOSTILE, criteria=[{"text": HOSTILE, "points": 1, "max_points": 2}])
    page = class_page([record], {UNIT: TEXTS}, "en")
    seen = Seen(page.replace(f"<script>{table_script().text}</script>", ""))
    assert not {"script", "img"} & set(seen.tags)
    assert HOSTILE in seen.text


# words ----------------------------------------------------------------------------------------------------------------


def test_the_chinese_page_of_a_whole_class_holds_no_english_string(pages):
    for names in (True, False):
        shown = body(pages["zh", names])
        english = [text["en"] for text in strings().values() if len(text["en"]) > 7 and "{" not in text["en"]]
        assert [text for text in english if text in shown] == []
