"""`course signals`: what a class gives rise to, on the terminal, as JSON, and as a page that harms nobody."""

import json
import re

import pytest
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.telling.pages.signals import signals_page
from course_utils.engine.telling.pages.text import strings
from course_utils.engine.telling.signals.look import Signals
from course_utils.instructor.cli import app

from ...desk import FIRST, SECOND, laid, notebook

COPIED = """
def div_term(d_model):
    # from both ends at once, so that each rate is the mirror of another one
    pairs = (d_model + 1) // 2
    rates = [1.0] * pairs
    for low in range(pairs):
        mirror = pairs - 1 - low
        rates[low] = 10000.0 ** (-(2 * low) / d_model)
        rates[mirror] = 10000.0 ** (-(2 * mirror) / d_model)
    return torch.tensor(rates) + 0.0 * torch.ones(pairs)
"""
LIBRARY = """
def scaled_dot_product_attention(q, k, v, mask=None):
    import torch.nn.functional as T
    f = getattr(T, "scaled_dot_" + "product_attention")
    return f(q, k, v), (q @ k.transpose(-2, -1)).softmax(-1)
"""
WORDS = (
    "Each sine needs its cosine, since only a turn of both together moves every row by a fixed offset, whatever row."
)
HOSTILE = COPIED.replace("# from both", "# </code><script>alert(1)</script>\u202e from both")
ACCUSING = r"cheat|plagiar|fraud|suspect|guilty|misconduct|dishonest|抄袭|作弊|舞弊|嫌疑|剽窃"


def with_outputs(data, grade_id, *outputs, count=1):
    made = json.loads(data)
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            cell["outputs"], cell["execution_count"] = list(outputs), count
    return json.dumps(made).encode()


ERROR = {"output_type": "error", "ename": "<b>Name</b>Error", "evalue": "x", "traceback": []}


def grade_class(desk):
    """Two who share an answer in code and one in words, one with a library call, one with an odd output; others."""
    content = {
        f"anna/{FIRST}/{FIRST}.ipynb": notebook(div_term=HOSTILE, q1_sin_cos=WORDS),
        f"<b>ben/{FIRST}/{FIRST}.ipynb": notebook(div_term=HOSTILE, q1_sin_cos=WORDS),
        f"chen/{SECOND}/{SECOND}.ipynb": notebook(SECOND, scaled_dot_product_attention=LIBRARY),
        f"dora/{FIRST}/{FIRST}.ipynb": with_outputs(notebook(), "div_term", ERROR),
        f"blank/{FIRST}/{FIRST}.ipynb": notebook(filled=False),
        f"empty/{FIRST}/{FIRST}.ipynb": b"%PDF-1.7",
    }
    laid(desk.submitted, content | {f"s{n}/{FIRST}/{FIRST}.ipynb": notebook(remark=f"{n}") for n in range(3)})
    desk.grade()


def looked(desk, *options):
    return desk.run("signals", desk.submitted, "--results", desk.results, *options)


def table(desk):
    return json.loads((desk.results / "signals.json").read_text(encoding="utf-8"))


def page(desk):
    return (desk.results / "signals.html").read_text(encoding="utf-8")


def test_answers_that_are_alike_are_paired(graded):
    looked(graded)
    pairs = {(pair["exercise"], *pair["students"]) for pair in table(graded)["alike"]}
    assert pairs == {("div_term", "<b>ben", "anna"), ("q1_sin_cos", "<b>ben", "anna")}


def test_a_library_call_is_told_with_its_line(graded):
    looked(graded)
    calls = {(call["student"], call["exercise"], call["line"]) for call in table(graded)["library_calls"]}
    assert ("chen", "scaled_dot_product_attention", 5) in calls
    assert {student for student, *_ in calls} == {"chen"}


def test_an_error_above_an_answer_that_passes_is_told(graded):
    looked(graded)
    assert [(each["kind"], each["students"]) for each in table(graded)["outputs"]] == [("error_above", ["dora"])]


def test_without_results_the_page_says_what_it_cannot_know(graded):
    other = graded.root / "elsewhere"
    graded.run("signals", graded.submitted, "--results", other)
    assert "There are no results yet" in (other / "signals.html").read_text(encoding="utf-8")


def test_both_places_stand_side_by_side_with_the_shared_lines_marked(graded):
    looked(graded)
    (section,) = re.findall(r'<section class="card">\n<h3><span class="mono">div_term.*?</section>', page(graded), re.S)
    assert section.count('<pre class="source"') == 2
    assert section.count('<span class="l at">') > 10


def test_the_terminal_shows_the_same(graded):
    told = looked(graded)
    assert "anna" in told
    assert "torch.nn.functional.scaled_dot_product_attention" in told
    assert "2 pairs alike" in told


def test_nothing_that_students_wrote_is_live_on_the_page(graded):
    looked(graded)
    for live in ("<script", "<b>ben", "<b>Name", "\u202e"):
        assert live not in page(graded)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_in_the_language_that_is_asked_for(graded, language):
    looked(graded, "--lang", language)
    assert strings()["signals_title"][language] in page(graded)
    assert strings()["alike_heading"][language] in page(graded)


def test_no_point_changes(graded):
    before = {name: (graded.results / name).read_bytes() for name in ("scores.json", "scores.csv", "log.jsonl")}
    looked(graded)
    assert {name: (graded.results / name).read_bytes() for name in before} == before


def test_no_students_page_says_a_word_of_it(graded):
    looked(graded)
    graded.run("feedback", "--results", graded.results)
    pages = [path.read_text(encoding="utf-8") for path in (graded.results / "feedback").rglob("*.html")]
    assert not any("signal" in text.casefold() or "线索" in text for text in pages)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_word_accuses_anybody(language):
    texts = [text[language] for text in strings().values()]
    assert [text for text in texts if re.search(ACCUSING, text, re.I)] == []


def test_the_table_holds_no_word_of_an_answer(graded):
    looked(graded)
    assert "mirror" not in json.dumps(table(graded))


def test_one_unit_alone_is_looked_at(graded):
    looked(graded, "--unit", SECOND)
    assert (table(graded)["alike"], table(graded)["notebooks"]) == ([], 1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_class_without_signals_has_a_page_that_says_so(language):
    assert strings()["alike_none"][language] in signals_page(Signals(), {}, language)


@pytest.mark.parametrize(("words", "told"), [(["nowhere"], "is not a folder"), ([".", "--unit", "99_none"], "99_none")])
def test_wrong_use_is_one_sentence(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        app, ["signals", *words, "--results", str(tmp_path / "r"), "--course", str(current().folder)]
    )
    assert result.exit_code == 1
    assert told in result.stderr


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_as_wide_as_the_screen(graded, browser, width):
    from playwright.sync_api import sync_playwright

    looked(graded)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]) as chromium,
    ):
        page = chromium.new_page(viewport={"width": width, "height": 800})
        page.goto((graded.results / "signals.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
