"""The feedback and class pages: what they say, what they never show, and where they are written."""

import copy
import json
import os
import random
import re
import string
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from course_utils.engine import files
from course_utils.engine.grading.record import Record
from course_utils.engine.harmless import tame
from course_utils.engine.judging.marks import OUTCOMES
from course_utils.engine.telling import pages
from course_utils.engine.telling.pages.charts import distribution_chart
from course_utils.engine.telling.pages.classroom import class_page, write_class_page
from course_utils.engine.telling.pages.code import MAX_LINE, MAX_LINES, code_lines
from course_utils.engine.telling.pages.feedback import feedback_page, write_feedback
from course_utils.engine.telling.pages.records import by_name, read_records
from course_utils.engine.telling.pages.script import table_script
from course_utils.engine.telling.pages.text import MAX_NAME, display_name, help_text, strings, words
from course_utils.engine.texts import LANGUAGES

UNIT = "01_positional_encoding"
CHECKS = [
    ("div_term", "values", 3),
    ("sinusoidal_encoding", "even", 2),
    ("sinusoidal_encoding", "odd", 2),
    ("q1_sin_cos", None, 4),
]
TEXTS = {
    "title": {"en": "Positional encoding", "zh": "位置编码"},
    "rules": {
        "div_term-values": {"en": "The frequencies fall.", "zh": "频率逐渐下降。"},
        "sinusoidal_encoding-even": {"en": "The even columns hold sines.", "zh": "偶数列存放正弦。"},
        "sinusoidal_encoding-odd": {"en": "The odd columns hold cosines.", "zh": "奇数列存放余弦。"},
    },
    "hints": {
        "misplaced_parenthesis": {"en": "What does the `log` take in?", "zh": "对数括号里是什么？"},
        "swapped": {"en": "Which of the two is 0 at position 0?", "zh": "在位置 0 处哪一个等于 0？"},
    },
    "steps": {
        "div_term": [
            {"en": "First step: write the power with *exp*.", "zh": "第一步：用 exp 写出幂。"},
            {"en": "Second step, not for this page.", "zh": "第二步，不在本页。"},
            {"en": "Worked example, not for this page.", "zh": "例题，不在本页。"},
        ]
    },
}
SOURCE = "def div_term(d_model):\n    step = 1\n    return step / 0\n"
HOSTILE = '</code></pre></title><script>alert(1)</script><img src=x onerror="alert(2)">'
AWKWARD_NAMES = [
    "two words",
    "王小明",
    'say "hi"',
    "o'brien",
    "-rf",
    ".hidden",
    "trailing.",
    "a%2Fb",
    "#top?x=1&y",
    "<b>bold<b>",
    "=1+1",
    "x" * 200,
    "line\nbreak",
]


def make_line(student="anna", *, unit=UNIT, language="en", outcome="graded", message=None, hints=None, **outcomes):
    """A line of the log; a keyword such as `div_term_values="failed"` sets that check's outcome."""
    scores = []
    for exercise, check, possible in CHECKS:
        key = f"{exercise}_{check}" if check else exercise
        state = outcomes.get(key, "manual" if check is None else "passed")
        if outcome != "graded":
            state = outcome
        earned = {"passed": possible, "partial": possible / 2}.get(state, 0)
        said = None if state == "passed" else {"en": f"English sentence for {key}.", "zh": f"{key} 的中文说明。"}
        scores.append(
            {
                "student": student,
                "unit": unit,
                "exercise": exercise,
                "check": check,
                "points": earned,
                "max_points": possible,
                "outcome": state,
                "message": message if outcome != "graded" else said,
                "hint": (hints or {}).get(key),
            }
        )
    return {
        "student": student,
        "unit": unit,
        "language": language,
        "outcome": outcome,
        "message": message,
        "scores": scores,
        "sources": {"div_term": SOURCE, "sinusoidal_encoding": "table = 0\n"} if outcome == "graded" else {},
        "answers": {"q1_sin_cos": "Because of the rotation."} if outcome == "graded" else {},
        "seconds": 1.0,
        "date": "2025-03-04T10:20:30+00:00",
    }


def make_record(*names, **more):
    return Record.of(make_line(*names, **more))


class Seen(HTMLParser):
    """Tags, attributes and text of a page, as a browser takes them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.links, text = [], [], [], []
        self.handle_data = text.append
        self.feed(page)
        self.text = re.sub(r"\s+", " ", "".join(text))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.links += [value for name, value in attributes if name == "href" and not value.startswith("#")]


def body(page):
    """The text of a page without its style sheet and its script."""
    return Seen(re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)).text


def write_log(results, records):
    results.mkdir(parents=True, exist_ok=True)
    (results / "log.jsonl").write_text(
        "".join(json.dumps(record.as_json()) + "\n" for record in records), encoding="utf-8"
    )
    return results


# ---------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize("key", sorted(strings()))
def test_every_string_stands_in_both_languages_with_the_same_gaps(key):
    text = strings()[key]
    gaps = {lang: sorted(name for _, name, _, _ in string.Formatter().parse(text[lang]) if name) for lang in text}
    assert set(text) == set(LANGUAGES)
    assert all(text.values())
    assert gaps["en"] == gaps["zh"]


@pytest.mark.parametrize("key", sorted(set(strings()) - {"language_tag", "of", "colon", "separator", "not_in_class"}))
def test_every_chinese_string_is_chinese(key):
    assert re.search(r"[\u4e00-\u9fff]", strings()[key]["zh"])


def test_every_string_is_used_by_a_page():
    folder = Path(pages.__file__).parent.parent
    code = "".join(path.read_text(encoding="utf-8") for path in [*folder.glob("templates/*.j2"), *folder.rglob("*.py")])
    made = {f"state_{outcome}" for outcome in OUTCOMES}
    made |= {f"{kind}_{part}" for kind in ("missing", "error") for part in ("heading", "body")}
    made |= {"problem_missing"}
    assert [key for key in strings() if key not in made and not re.search(rf"""t\.{key}\b|["']{key}["']""", code)] == []


@pytest.mark.parametrize(
    "make", [lambda r: feedback_page(r, TEXTS, "zh"), lambda r: class_page([r], {UNIT: TEXTS}, "zh")]
)
def test_a_chinese_page_holds_no_english_string(make):
    shown = body(make(make_record(language="zh", div_term_values="failed", hints={"div_term_values": "swapped"})))
    english = [text["en"] for text in strings().values() if len(text["en"]) > 4 and "{" not in text["en"]]
    assert [text for text in english if text in shown] == []
    assert "English sentence" not in shown


def test_a_page_is_in_the_language_of_the_submission_unless_told_otherwise():
    assert '<html lang="zh-Hans">' in feedback_page(make_record(language="zh"), TEXTS)
    assert '<html lang="en">' in feedback_page(make_record(language="zh"), TEXTS, "en")


def test_another_language_is_refused_with_the_two_that_exist():
    with pytest.raises(ValueError, match=r"language must be one of en, zh, got 'fr'\. Try 'en'\."):
        feedback_page(make_record(), TEXTS, "fr")


# ---------------------------------------------------------------------------------------------- a student's page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_told_by_word_and_symbol_and_sentence(outcome, language):
    page = feedback_page(make_record(div_term_values=outcome), TEXTS, language)
    assert strings()[f"state_{outcome}"][language] in body(page)
    assert f'href="#i-{outcome}"' in page
    said = {"en": "English sentence for div_term_values.", "zh": "div_term_values 的中文说明。"}[language]
    assert (said in body(page)) == (outcome != "passed")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_its_symbol_drawn(outcome):
    assert f'<symbol id="i-{outcome}"' in feedback_page(make_record(), TEXTS)


def test_the_sum_counts_automatic_points_and_names_those_still_open():
    shown = body(feedback_page(make_record(div_term_values="failed", sinusoidal_encoding_odd="partial"), TEXTS))
    assert "3 of 7 points graded automatically" in shown
    assert "Still open: 4 for your written answers" in shown


def test_an_empty_written_answer_is_not_counted_as_an_automatic_point():
    shown = body(feedback_page(make_record(q1_sin_cos="missing"), TEXTS))
    assert "7 of 7 points graded automatically" in shown
    assert "could have given 4 more" in shown
    assert "Well done" not in shown


def test_the_code_is_numbered_and_the_line_in_the_message_is_marked():
    record = make_line(div_term_values="error")
    record["scores"][0]["message"] = {"en": "A ZeroDivisionError in line 3 of your cell.", "zh": "第 3 行除以零。"}
    for language in LANGUAGES:
        page = feedback_page(Record.of(record), TEXTS, language)
        marked = re.findall(r'<span class="l at"><span class="n">(\d+)</span>', page)
        assert marked == ["3"]
    assert "1def div_term(d_model):" in body(page)
    assert re.search(r'<span class="n">2</span>\s*step', page)


def test_lines_are_numbered_as_python_numbers_them():
    lines, _ = code_lines("a = 1\r\nb = '''\n\x0c\u2028c'''\rd = 2", [], words("en"))
    assert [line["number"] for line in lines] == [1, 2, 3, 4]


def test_a_hint_is_shown_as_a_question():
    shown = body(feedback_page(make_record(div_term_values="failed", hints={"div_term_values": "swapped"}), TEXTS))
    assert "A question to think about" in shown
    assert "Which of the two is 0 at position 0?" in shown


def test_a_hint_that_is_already_the_message_is_said_once():
    record = make_line(div_term_values="failed", hints={"div_term_values": "swapped"})
    record["scores"][0]["message"] = TEXTS["hints"]["swapped"]
    assert body(feedback_page(Record.of(record), TEXTS)).count("Which of the two is 0") == 1


def test_further_help_is_the_first_step_only_and_folded():
    page = feedback_page(make_record(div_term_values="failed"), TEXTS)
    assert '<details class="step">' in page
    assert "First step: write the power" in body(page)
    assert "not for this page" not in page


def test_further_help_is_found_where_the_generated_file_of_a_unit_keeps_it():
    texts = {"exercises": {"div_term": {"steps": TEXTS["steps"]["div_term"]}}}
    assert "First step: write the power" in body(feedback_page(make_record(div_term_values="failed"), texts))


def test_no_further_help_is_offered_where_nothing_was_lost():
    assert '<details class="step">' not in feedback_page(make_record(), TEXTS)


def test_one_sentence_for_every_check_of_an_exercise_is_said_once():
    record = make_line(sinusoidal_encoding_even="missing", sinusoidal_encoding_odd="missing")
    for score in record["scores"][1:3]:
        score["message"] = {"en": "This exercise is as released.", "zh": "这道题没有改动。"}
    assert body(feedback_page(Record.of(record), TEXTS)).count("This exercise is as released.") == 1


@pytest.mark.parametrize(
    ("outcome", "heading"), [("missing", "Nothing was handed in"), ("error", "Your notebook could not be read")]
)
def test_a_submission_that_was_not_graded_has_a_page_that_says_why_and_what_to_do(outcome, heading):
    message = {"en": "The file is not JSON.", "zh": "文件不是 JSON。"}
    shown = body(feedback_page(make_record(outcome=outcome, message=message), TEXTS))
    assert heading in shown
    assert shown.count("The file is not JSON.") == 1
    assert strings()[f"{outcome}_body"]["en"] in shown


@pytest.mark.parametrize("outcome", ["graded", "error"])
def test_a_record_without_scores_still_has_a_page(outcome):
    assert "No check of this unit was graded." in body(feedback_page(Record("a", "u", outcome, ()), {}))


def test_messages_in_one_language_are_shown_as_they_are():
    record = make_line(div_term_values="failed")
    record["scores"][0]["message"] = "One plain sentence."
    assert "One plain sentence." in body(feedback_page(Record.of(record), TEXTS, "zh"))


# ---------------------------------------------------------------------------------------------- harmless


def make_hostile():
    record = make_line(f"<script>{HOSTILE}", div_term_values="failed", hints={"div_term_values": HOSTILE})
    record["sources"]["div_term"] = f'"""\n{HOSTILE}\n"""\n# {HOSTILE}'
    record["answers"]["q1_sin_cos"] = HOSTILE
    record["message"] = {"en": HOSTILE, "zh": HOSTILE}
    for score in record["scores"]:
        score["message"] = {"en": f"`{HOSTILE}`", "zh": HOSTILE}
    record["scores"][0]["exercise"] = HOSTILE
    record["scores"][0]["check"] = HOSTILE
    record["sources"][HOSTILE] = HOSTILE
    return record


@pytest.mark.parametrize("outcome", ["graded", "error", "missing"])
@pytest.mark.parametrize("kind", ["feedback", "class"])
def test_nothing_that_a_student_wrote_becomes_html(kind, outcome):
    record = Record.of(make_hostile() | {"outcome": outcome})
    page = feedback_page(record, TEXTS) if kind == "feedback" else class_page([record], {UNIT: TEXTS}, "en")
    seen = Seen(page.replace(f"<script>{table_script().text}</script>", ""))  # ours; see test_class_page.py
    assert not {"script", "img", "iframe", "object", "form", "base"} & set(seen.tags)
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert seen.tags.count("title") == 1


@pytest.mark.parametrize("kind", ["feedback", "class"])
def test_a_page_asks_nothing_of_the_network(kind):
    record = make_record(div_term_values="failed")
    page = feedback_page(record, TEXTS) if kind == "feedback" else class_page([record], {UNIT: TEXTS}, "en")
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc=", page)
    assert "default-src 'none'" in page


def test_help_texts_cannot_bring_html_links_or_pictures():
    html = str(help_text("<b>x</b> [a](javascript:alert) ![p](http://example.org/p.png) <http://example.org>"))
    assert not re.search(r"<(?!/?p>)", html)


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b", "\u2028", "\U000e0041"])
def test_characters_that_hide_or_reorder_text_are_shown_by_number(character):
    record = make_line(f"a{character}b", div_term_values="failed")
    record["sources"]["div_term"] = f"x = 1 # a{character}b"
    record["answers"]["q1_sin_cos"] = f"a{character}b"
    page = feedback_page(Record.of(record), TEXTS)
    assert character not in page
    assert body(page).count(f"⟨U+{ord(character):04X}⟩") == 4  # title, name, code, answer


def test_half_characters_do_not_stop_a_page():
    record = make_line("a\udcffb")
    record["sources"]["div_term"] = "x = '\ud800'"
    assert "a\ufffdb" in feedback_page(Record.of(record), TEXTS).encode("utf-8").decode("utf-8")


def test_towers_of_combining_marks_are_cut():
    assert len(tame("e" + "\u0301" * 500)) < 10


def test_ordinary_writing_is_left_as_it_is():
    text = "Zoë, 王小明, नमस्ते, é\tx\nsecond line"
    assert tame(text) == text


def test_huge_lines_and_files_are_cut_with_a_note():
    record = make_line(div_term_values="failed")
    record["sources"]["div_term"] = "x = '" + "A" * 1_000_000 + "'\n" + "y = 1\n" * 5_000
    page = feedback_page(Record.of(record), TEXTS)
    assert len(page) < 100_000
    assert f"{1_000_006 - MAX_LINE} more characters" in body(page)
    assert f"{5_001 - MAX_LINES} more lines" in body(page)


def test_a_huge_name_is_cut():
    assert "x" * (MAX_NAME + 1) not in feedback_page(make_record("x" * 5_000), TEXTS)


def test_a_field_that_the_page_does_not_name_never_reaches_it():
    record = make_line(div_term_values="failed")
    record["hidden_test"] = record["scores"][0]["expected"] = record["scores"][0]["traceback"] = "SECRET 0.1234"
    record["sources"]["not_an_exercise"] = record["answers"]["not_a_question"] = "SECRET"
    texts = copy.deepcopy(TEXTS) | {"rubric": "SECRET", "mutants": "SECRET"}
    assert "SECRET" not in feedback_page(Record.of(record), texts)
    assert "SECRET" not in class_page([Record.of(record)], {UNIT: texts}, "en")


# ---------------------------------------------------------------------------------------------- the class page


def test_students_stand_in_the_order_of_their_names_whatever_the_order_of_the_log():
    records = [make_record(name) for name in ("bob", "Anna", "carl", "王小明", "anna", "-x")]
    first = class_page(records, {UNIT: TEXTS}, "en")
    for seed in range(3):
        random.Random(seed).shuffle(records)
        assert class_page(records, {UNIT: TEXTS}, "en") == first
    shown = re.findall(r'<th scope="row"><a[^>]*><bdi>(.*?)</bdi>', first)
    assert shown == ["-x", "Anna", "anna", "bob", "carl", "王小明"]


def test_chinese_names_stand_in_the_order_of_their_pinyin():
    names = ["王小明", "李雷", "韩梅梅", "Zoe", "张伟", "安娜"]  # wang, li, han, zhang, an
    assert sorted(names, key=by_name) == ["Zoe", "安娜", "韩梅梅", "李雷", "王小明", "张伟"]


def test_the_class_table_holds_each_exercise_and_the_sum():
    page = class_page([make_record("anna", sinusoidal_encoding_odd="partial")], {UNIT: TEXTS}, "en")
    row = re.search(r'<th scope="row"><a.*?</tr>', page, re.DOTALL)[0]
    assert re.findall(r'<td class="(\w+)">([\d()]+)</td>', row) == [
        ("passed", "3"),
        ("partial", "3"),
        ("manual", "(4)"),
        ("sum", "6"),
    ]


@pytest.mark.parametrize("outcome", ["crashed", "timeout", "memory", "error"])
def test_a_cell_shows_the_trouble_of_its_exercise_before_its_points(outcome):
    page = class_page([make_record(sinusoidal_encoding_odd=outcome)], {UNIT: TEXTS}, "en")
    assert f'<td class="{outcome}">' in page


def test_misconceptions_are_counted_by_student_and_the_commonest_comes_first():
    both = {"sinusoidal_encoding_even": "swapped", "sinusoidal_encoding_odd": "swapped"}
    wrong = {"sinusoidal_encoding_even": "failed", "sinusoidal_encoding_odd": "failed"}
    records = [make_record("anna", hints=both, **wrong)]
    records += [
        make_record(n, div_term_values="failed", hints={"div_term_values": "misplaced_parenthesis"}) for n in "bc"
    ]
    shown = body(class_page(records, {UNIT: TEXTS}, "en"))
    first, second = r"2 students ?66% of 3 notebooks ?Misplaced", r"1 student ?33% of 3 notebooks ?Swapped"
    assert re.search(rf"{first} parenthesis div_term-values.*{second}", shown)


def test_hardest_checks_come_first_and_passed_ones_are_left_out():
    records = [
        make_record("a", div_term_values="failed", sinusoidal_encoding_odd="partial"),
        make_record("b", div_term_values="failed"),
    ]
    page = class_page(records, {UNIT: TEXTS}, "en")
    hard = re.search(r'<ol class="hard">.*?</ol>', page, re.DOTALL)[0]
    assert re.findall(r'class="pct">(\d+)', hard) == ["0", "75"]


def test_a_class_without_mistakes_is_told_so():
    shown = body(class_page([make_record()], {UNIT: TEXTS}, "en"))
    assert "Every check was passed by everybody." in shown
    assert "No known misconception was found." in shown


def test_problems_list_what_was_not_read_and_what_did_not_end():
    message = {"en": "The file is not JSON.", "zh": "文件不是 JSON。"}
    records = [
        make_record("a", outcome="error", message=message),
        make_record("b", outcome="missing"),
        make_record("c", div_term_values="crashed"),
        make_record("d", div_term_values="timeout"),
        make_record("e", div_term_values="failed"),
    ]
    page = class_page(records, {UNIT: TEXTS}, "en")
    shown = body(page[page.index("Problems to look at") :])
    assert re.findall(r"Unreadable|Not handed in|Crashed|Time ran out", shown) == [
        "Unreadable",
        "Not handed in",
        "Crashed",
        "Time ran out",
    ]
    assert "The file is not JSON." in shown


def test_open_written_answers_are_counted_over_the_notebooks_that_hold_one():
    records = [
        make_record("a"),
        make_record("b"),
        make_record("c", q1_sin_cos="missing"),
        make_record("d", outcome="missing"),
    ]
    shown = body(class_page(records, {UNIT: TEXTS}, "en"))
    assert re.search(r"q1_sin_cos ?Positional encoding ?2 ?4", shown)


def test_missing_and_unreadable_notebooks_are_not_in_the_distribution():
    records = [make_record("a"), make_record("b", outcome="missing"), make_record("c", outcome="error")]
    page = class_page(records, {UNIT: TEXTS}, "en")
    assert "in tenths: 0, 0, 0, 0, 0, 0, 0, 0, 0, 1" in page
    assert "2 not in the chart" in body(page)


@pytest.mark.parametrize(("share", "tenth"), [(0.0, 0), (0.1, 1), (0.3, 3), (0.7, 7), (0.999, 9), (1.0, 9)])
def test_a_share_is_counted_in_its_tenth(share, tenth):
    counts = ", ".join("1" if i == tenth else "0" for i in range(10))
    assert f"in tenths: {counts}" in str(distribution_chart([share], words("en")))


def test_several_units_have_an_overview_with_their_sum():
    records = [make_record("a"), make_record("a", unit="02_attention", div_term_values="failed"), make_record("b")]
    page = class_page(records, {UNIT: TEXTS}, "en")
    table = page[page.index("Points by unit") : page.index("Points by exercise")]
    assert re.findall(r'<td class="sum">(\d+)</td>', table) == ["11", "7"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_class_without_records_has_a_page(language):
    assert strings()["no_records"][language] in body(class_page([], {}, language))


# ---------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("student", AWKWARD_NAMES)
def test_any_folder_name_gets_its_page_and_a_link_that_leads_to_it(tmp_path, student):
    (tmp_path / "submitted" / student).mkdir(parents=True)  # it is a name that a folder can have
    results = write_log(tmp_path / "results", [make_record(student)])
    written = write_feedback(results, {UNIT: TEXTS})
    assert written == [results / "feedback" / student / f"{UNIT}.html"]
    links = Seen(write_class_page(results, {UNIT: TEXTS}).read_text(encoding="utf-8")).links
    assert links
    for link in links:
        assert os.path.samefile(os.fsencode(results) + b"/" + unquote_to_bytes(link), written[0])


@pytest.mark.parametrize("student", ["..", ".", "", "a/b", "/etc", "a\0b"])
def test_a_name_that_leaves_the_results_folder_is_refused(tmp_path, student):
    results = write_log(tmp_path / "results", [make_record(student)])
    with pytest.raises(ValueError, match=r"student must be the name of a folder, got .*\. Is the log damaged\?"):
        write_feedback(results, {UNIT: TEXTS})


def test_the_last_line_of_a_student_and_unit_wins(tmp_path):
    results = write_log(tmp_path, [make_record(div_term_values="failed"), make_record("bob"), make_record()])
    records = read_records(results)
    assert [record.student for record in records] == ["anna", "bob"]
    assert records[0].scores[0].outcome == "passed"


def test_a_half_written_line_loses_no_other(tmp_path):
    write_log(tmp_path, [make_record()])
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"student": "bob", "unit": "01_pos')
    assert [record.student for record in read_records(tmp_path)] == ["anna"]


def test_a_student_in_the_scores_alone_gets_a_page_too(tmp_path):
    scores = [score | {"message": "Nothing came."} for score in make_line("zoe", div_term_values="failed")["scores"]]
    (tmp_path / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    [path] = write_feedback(tmp_path, {UNIT: TEXTS})
    assert "4 of 7" in body(path.read_text(encoding="utf-8"))


def test_an_absent_results_folder_is_named(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"results must be a folder .* got .*nowhere, which is not a folder\. Run `course grade` first\?",
    ):
        write_class_page(tmp_path / "nowhere", {})


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"results must hold log\.jsonl or scores\.json, got .* holds neither"):
        write_feedback(tmp_path, {})


def test_the_class_page_takes_the_commonest_language(tmp_path):
    results = write_log(tmp_path, [make_record("a", language="zh"), make_record("b", language="zh"), make_record("c")])
    assert '<html lang="zh-Hans">' in write_class_page(results, {}).read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    files.write_whole(path, "old")

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        files.write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


# ---------------------------------------------------------------------------------------------- colours


def _schemes():
    """Colour names and values of the light and the dark scheme."""
    css = (Path(pages.__file__).parent.parent / "templates" / "page.css.j2").read_text(encoding="utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    dark = dark.split("* {")[0]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [(ink, paper) for ink in ("ink", "soft", "hand", "hint") for paper in ("paper", "card", "code")]
PAIRS += [(name, f"{name}-tint") for name in ("pass", "fail", "part", "hand", "idle", "hint")]
PAIRS += [("ink", f"{name}-tint") for name in ("fail", "idle", "hint", "part")]
PAIRS += [(name, "code") for name in ("pass", "fail", "hand")] + [
    (name, "part-tint") for name in ("pass", "fail", "hand", "soft")
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_has_the_contrast_that_wcag_asks_for(ink, paper, scheme):
    colours = _schemes()[scheme]
    lighter, darker = sorted((_luminance(colours[ink]), _luminance(colours[paper])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3, level AA


def test_a_name_with_line_breaks_stands_on_one_line():
    assert display_name("anna\nstudent: honest 100\r") == "anna⟨U+000A⟩student: honest 100⟨U+000D⟩"
