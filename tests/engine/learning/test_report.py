"""What `check` and `hint` show: rules line by line, the name of a mistake, help in steps, in the learner's language."""

import json
import sys
import warnings

import pytest
import torch

from course_utils.engine import texts
from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.judging.judge import Verdict
from course_utils.engine.judging.sentences import SENTENCES
from course_utils.engine.learning import report
from course_utils.engine.learning.report import check_names, help_step
from course_utils.engine.learning.shown import Piece, Shown
from course_utils.engine.making.units import Unit
from course_utils.selfcheck import check, hint

UNIT = Unit(current().folder / "01_positional_encoding")
RIGHT = UNIT.namespace()
CHECKS = UNIT.checks("sinusoidal_encoding")


def with_mistake(name):
    """The names of a notebook with a known mistake, its cells run as in a kernel."""
    mutant = next(mutant for mutant in UNIT.mutants if mutant.name == name)
    cells = {name: UNIT.answer(name) for name in UNIT.exercises} | {mutant.exercise: UNIT.mutated(mutant)}
    bench = Workbench({})
    for cell, source in {"setup": UNIT.preamble(), **cells}.items():
        bench.perform({"do": "run", "name": f"report-{name}-{cell}", "source": source})
    return bench.names


# reports ----------------------------------------------------------------------------------------------------------


def test_a_right_answer_shows_a_green_line_for_each_rule():
    lines = repr(check_names("sinusoidal_encoding", RIGHT, "en")).splitlines()
    assert lines[0] == "sinusoidal_encoding: All rules hold."
    assert lines[1:] == [f"  ✓ {UNIT.hints['rules'][check]['en']}" for check in CHECKS]


def test_a_mistake_shows_what_holds_what_does_not_its_name_and_where_help_is():
    shown = repr(check_names("sinusoidal_encoding", with_mistake("both_sine"), "en"))
    assert "sinusoidal_encoding: 1 of 2 rules hold." in shown
    assert f"  ✓ {UNIT.hints['rules'][CHECKS[0]]['en']}" in shown
    assert f"  ✗ {UNIT.hints['rules'][CHECKS[1]]['en']}" in shown
    assert f"  → {UNIT.hints['misconceptions']['odd_also_sine']['en']}" in shown
    assert shown.endswith('More help: hint("sinusoidal_encoding")')


def test_the_misplaced_parenthesis_of_the_laboratory_report_is_named_in_both_languages():
    names = with_mistake("report")
    for language, words in {"en": "log(10000 / d_model)", "zh": "括号"}.items():
        assert words in repr(check_names("div_term", names, language))


def test_a_mistake_is_told_once_however_many_rules_it_breaks():
    found = check_names("sinusoidal_encoding", with_mistake("starts_at_1"), "en")
    assert [verdict.outcome for verdict in found.verdicts] == ["failed", "failed"]
    assert len(found.messages()) == 1


def test_a_mistake_above_is_named_where_an_exercise_builds_on_it():
    found = check_names("sinusoidal_encoding", with_mistake("report"), "en")
    assert found.note == "div_term above is not right yet; repair it first, this exercise builds on it."
    assert found.note in repr(found)
    assert check_names("sinusoidal_encoding", with_mistake("both_sine"), "en").note == ""


def test_a_shape_that_is_wrong_is_shown():
    names = dict(RIGHT) | {"div_term": lambda d_model: torch.zeros(3, 3)}
    assert "expected  pairs ▪▪▪ 3\n    yours     pairs ▪▪▪ 3 × pairs ▪▪▪ 3" in repr(
        check_names("div_term", names, "en")
    )


@pytest.mark.parametrize(
    "value",
    [3, None, "text", [1.0], object(), lambda: 0, dict],
    ids=["number", "none", "text", "list", "object", "no arguments", "class"],
)
def test_whatever_a_name_stands_for_a_report_comes_back(value):
    found = check_names("div_term", {"div_term": value}, "en")
    assert not found.passed
    assert found.messages()


def test_a_class_that_takes_everything_from_another_is_not_blank():
    found = check_names(
        "PositionalEncoding", {"PositionalEncoding": type("Own", (RIGHT["PositionalEncoding"],), {})}, "en"
    )
    assert found.passed


def test_a_class_without_a_method_is_blank():
    found = check_names("PositionalEncoding", {"PositionalEncoding": type("Own", (torch.nn.Module,), {})}, "en")
    assert {verdict.outcome for verdict in found.verdicts} == {"missing"}


def test_prints_and_warnings_of_an_answer_are_kept_still(capfd):
    def loud(d_model):
        print("printed")
        print("printed", file=sys.stderr)
        warnings.warn("warned", stacklevel=1)
        return RIGHT["div_term"](d_model)

    assert check_names("div_term", {"div_term": loud}, "en").passed
    assert capfd.readouterr() == ("", "")


def test_a_check_leaves_the_learners_random_state_and_threads_as_they_were():
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    check_names("PositionalEncoding", RIGHT, "en")
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_check_works_where_gradients_are_switched_off():
    with torch.no_grad():
        assert check_names("PositionalEncoding", RIGHT, "en").passed


def test_a_page_of_a_notebook_shows_no_live_text_of_anybody():
    found = report.Report("<b>x</b>", "en", (), {}, "<script>alert(1)</script>")
    assert "<script>" not in found._repr_html_()
    assert "<b>x</b>" not in found._repr_html_()


def test_the_html_says_the_same_words_as_the_text():
    found = check_names("sinusoidal_encoding", with_mistake("both_sine"), "zh")
    html = found._repr_html_()
    for line in [found.summary, *found.rules.values(), *found.messages()]:
        assert line in html
    assert html.count("✗") == 1
    assert html.count("✓") == 1


def test_two_observations_that_look_alike_are_both_drawn():
    def drawn(what):
        return Shown("", {"en": what, "zh": what}, (), Piece("", True), Piece("", False))

    cases = {"a": drawn("one"), "b": drawn("other")}
    verdicts = tuple(Verdict(check, "failed", case.sentence) for check, case in cases.items())
    found = report.Report("double", "en", verdicts, {"a": "A", "b": "B"}, shown=cases)
    assert repr(found).count("expected: yes\n    yours: no") == 2


def test_what_raises_comes_before_what_is_wrong_and_what_breaks_most_before_the_rest():
    texts = {name: {"en": name, "zh": name} for name in ("one", "most", "raised")}
    hollow = SENTENCES["no_content"]
    verdicts = (
        Verdict("a", "failed", hollow), Verdict("b", "failed", texts["one"], "one"),
        Verdict("c", "failed", texts["most"], "most"), Verdict("d", "failed", texts["most"], "most"),
        Verdict("e", "error", texts["raised"]),
    )  # fmt: skip
    found = report.Report("double", "en", verdicts, dict.fromkeys("abcde", "rule"))
    assert found.messages() == ["raised", "most", "one", hollow["en"]]


# check and hint as a learner calls them ---------------------------------------------------------------------------


def test_check_looks_at_the_names_of_whoever_calls_it(monkeypatch):
    monkeypatch.setitem(globals(), "div_term", RIGHT["div_term"])
    assert check("div_term", language="en").passed
    assert not check("div_term", {}, "en").passed


@pytest.mark.parametrize("name", ["div_terms", "", "q1_sin_cos", "div_term-values"])
def test_an_unknown_exercise_is_told_with_those_that_there_are(name):
    for ask in (check, hint):
        with pytest.raises(ValueError, match=r"exercise must be one of div_term, .*shift_matrix.*; got "):
            ask(name)


def test_an_unknown_language_is_told():
    with pytest.raises(ValueError, match="language must be one of en, zh; got 'fr'"):
        check("div_term", {}, "fr")
    with pytest.raises(ValueError, match="language must be one of en, zh; got 'fr'"):
        hint("div_term", language="fr")


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_help_comes_in_steps_and_says_how_to_get_the_next(step, language):
    found = help_step("shift_matrix", step, language)
    lines = repr(found).splitlines()
    assert lines[0].startswith("shift_matrix · ")
    assert lines[1] == UNIT.hints["steps"]["shift_matrix"][step - 1][language].splitlines()[0]
    ends = {
        "en": (
            'Still stuck? hint("shift_matrix") once more.',
            'That was the last step. solution("shift_matrix") shows',
        ),
        "zh": ('还是没思路？再运行一次 hint("shift_matrix")。', '提示到此为止。solution("shift_matrix")'),
    }
    assert lines[-1].startswith(ends[language][step == 3])
    assert found._repr_markdown_().replace("\n\n", "\n") == repr(found)


@pytest.fixture
def no_step_seen(monkeypatch):
    monkeypatch.setattr(report, "_steps_seen", {})


@pytest.mark.usefixtures("no_step_seen")
def test_each_call_of_hint_shows_the_next_step_and_the_last_one_stays():
    assert [hint("div_term").step for _ in range(5)] == [1, 2, 3, 3, 3]


@pytest.mark.usefixtures("no_step_seen")
def test_a_number_asks_for_a_step_and_the_next_call_goes_on_from_there():
    assert [hint("div_term", 2).step, hint("div_term").step, hint("div_term", 1).step, hint("div_term").step] == [
        2, 3, 1, 2,
    ]  # fmt: skip


@pytest.mark.usefixtures("no_step_seen")
def test_steps_of_one_exercise_are_not_those_of_another():
    hint("div_term")
    assert hint("shift_matrix").step == 1


@pytest.mark.usefixtures("no_step_seen")
def test_a_step_that_is_not_there_changes_nothing():
    hint("div_term")
    with pytest.raises(ValueError, match="step must be 1 to 3, got 4"):
        hint("div_term", 4)
    assert hint("div_term").step == 2


@pytest.mark.parametrize("step", [0, 4, -1])
def test_a_step_that_is_not_there_is_told(step):
    with pytest.raises(ValueError, match=f"step must be 1 to 3, got {step}"):
        hint("div_term", step)


# the learner's language -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder below one that may hold the marker of a language."""
    monkeypatch.delenv("COURSE_LANG", raising=False)
    (tmp_path / "notebooks" / "unit").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "unit")
    return tmp_path / "notebooks"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_language_is_that_of_the_notebooks_folder(folder, language):
    (folder / texts.MARKER_FILE).write_text(json.dumps({"language": language}))
    assert texts.language() == language
    assert hint("div_term").language == language


def test_a_variable_says_otherwise(folder, monkeypatch):
    (folder / texts.MARKER_FILE).write_text('{"language": "zh"}')
    monkeypatch.setenv("COURSE_LANG", "en_GB")
    assert texts.language() == "en"


@pytest.mark.parametrize("marker", ["", "[]", '{"language": "fr"}', "{", "null"])
def test_a_marker_that_says_nothing_leaves_it_to_the_system(folder, marker, monkeypatch):
    (folder / texts.MARKER_FILE).write_text(marker)
    monkeypatch.setattr("locale.getlocale", lambda: ("zh_CN", "UTF-8"))
    assert texts.language() == "zh"
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    assert texts.language() == "en"


# generated texts --------------------------------------------------------------------------------------------------


def test_the_units_are_those_of_the_solutions():
    assert texts.units() == sorted(path.name for path in current().folder.glob("[0-9][0-9]_*"))


def test_a_fingerprint_of_code_ignores_comments_blank_lines_and_docstrings():
    first = 'def f(x):\n    """One."""\n    return x  # a comment\n'
    second = "def f(x):\n\n    'Two.'\n    return (x)\n"
    assert texts.fingerprint_of_source(first) == texts.fingerprint_of_source(second) != ""
    assert texts.fingerprint_of_source("def f(x):\n    return 2") != texts.fingerprint_of_source(first)


@pytest.mark.parametrize("source", ["def f(:", "(" * 10_000, "x = " + "9" * 5000, "\0"])
def test_code_that_cannot_be_read_has_no_fingerprint(source):
    assert texts.fingerprint_of_source(source) == ""


def test_the_source_of_what_is_no_code_is_empty():
    assert texts.source_of(3) == texts.source_of(len) == texts.source_of(torch.nn.Module()) == ""
