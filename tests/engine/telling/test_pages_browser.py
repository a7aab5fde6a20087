"""Pages as a real browser takes them: what a student wrote is text there, never a program."""

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from course_utils.engine.grading.record import Record
from course_utils.engine.telling.harmless_markdown import harmless_markdown
from course_utils.engine.telling.pages.feedback import feedback_page
from course_utils.engine.texts import unit_texts

UNIT = "01_positional_encoding"
ATTACK = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
]


@pytest.fixture(scope="session")
def opened(browser: str) -> Callable[..., str]:
    """A function: what the browser prints about a page."""

    def open_page(page: Path, *options: str) -> str:
        with tempfile.TemporaryDirectory() as profile:
            command = [browser, *QUIET, f"--user-data-dir={profile}", *options, page.as_uri()]
            return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return open_page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    score = {
        "student": ATTACK, "unit": UNIT, "exercise": "div_term", "check": "values", "points": 0.0, "max_points": 3.0,
        "outcome": "failed", "message": {"en": "Not yet.", "zh": "还不对。"}, "hint": None,
    }  # fmt: skip
    record = {
        "student": ATTACK, "unit": UNIT, "language": "en", "outcome": "graded", "message": None, "scores": [score],
        "sources": {"div_term": f"def div_term(d_model):\n    return '{ATTACK}'"},
        "answers": {"q1_sin_cos": ATTACK}, "seconds": 0.1, "date": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    path = tmp_path_factory.mktemp("pages") / "page.html"
    path.write_text(feedback_page(Record.of(record), unit_texts(UNIT), "en"), encoding="utf-8")
    return path


FETCHED = "http://127.0.0.1:9/"  # nobody listens there; a request for it would be in the log
MARKDOWN = f"""
# score

![p]({FETCHED}p.png) ![q][r] <img src={FETCHED}i.png> &lt;img src={FETCHED}e.png>

[r]: {FETCHED}r.png

<style>@import url({FETCHED}s.css); main {{ display: none }}</style>
[click](javascript:document.title='taken_over') $\\style{{position:fixed;inset:0}}{{\\href{{{FETCHED}h}}{{x}}}}$
<iframe src={FETCHED}f></iframe> <div style="position:fixed;inset:0;background:url({FETCHED}b.png)">over</div>
"""


def read_as(what: str, folder: Path) -> Path:
    """The page on which an answer of Markdown is read: ours, or that of nbconvert as formgrader uses it."""
    path = folder / "page.html"
    if what == "feedback":
        record = {
            "student": "s", "unit": UNIT, "language": "en", "outcome": "graded", "message": None,
            "scores": [{"exercise": "q1_sin_cos", "check": None, "points": 0.0, "max_points": 4.0, "outcome": "manual",
                        "message": None, "hint": None}],
            "sources": {}, "answers": {"q1_sin_cos": MARKDOWN}, "date": "2026-01-01T00:00:00+00:00",
        }  # fmt: skip
        path.write_text(feedback_page(Record.of(record), unit_texts(UNIT), "en"), encoding="utf-8")
    else:
        answer = markdown2html_mistune(harmless_markdown(MARKDOWN))
        head = "<!DOCTYPE html><meta charset='utf-8'><title>formgrader</title><main>"
        path.write_text(f"{head}<div id='answer'>{answer}</div></main>", encoding="utf-8")
    return path


@pytest.fixture
def requests(opened: Callable[..., str], tmp_path: Path) -> Callable[[Path], str]:
    """A function: the browser's own log of what a page asked the network for."""

    def log_of(page: Path) -> str:
        log = tmp_path / "net.json"
        opened(page, f"--log-net-log={log}", "--virtual-time-budget=3000", "--dump-dom")
        return log.read_text(encoding="utf-8", errors="replace")

    return log_of


@pytest.mark.parametrize("what", ["feedback", "formgrader"])
def test_markdown_of_a_student_makes_no_request(requests, what, tmp_path):
    assert FETCHED not in requests(read_as(what, tmp_path))


def test_a_request_would_stand_in_the_browsers_log(requests, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(markdown2html_mistune(MARKDOWN), encoding="utf-8")
    assert FETCHED in requests(page)


@pytest.mark.parametrize("what", ["feedback", "formgrader"])
def test_markdown_of_a_student_has_no_element_outside_its_place(opened, what, tmp_path):
    dom = opened(read_as(what, tmp_path), "--dump-dom")
    answer = re.search(r'(<p class="answer".*?</p>|<div id="answer">.*</div>)', dom, re.DOTALL)[0]
    assert "position:fixed" in answer  # as text
    tags = set(re.findall(r"<([a-z0-9]+)", answer))
    assert tags <= {"p", "div", "h1", "a", "code", "em", "br"}
    assert not re.search(r"<[a-z0-9]+[^>]*(style=|javascript:|src=)", answer)


def test_what_a_student_wrote_does_not_run_in_the_browser(opened, page):
    dom = opened(page, "--dump-dom")
    title = dom.partition("<title>")[2].partition("</title>")[0]
    assert title.startswith("Feedback on")  # a script that ran would have set another title
    assert "<img" not in dom
    assert "&lt;script&gt;" in dom


def test_the_page_is_drawn_in_a_window_of_a_phone(opened, page, tmp_path):
    picture = tmp_path / "page.png"
    opened(page, f"--screenshot={picture}", "--window-size=390,900")
    from matplotlib.image import imread

    pixels = imread(picture)
    assert pixels.shape[:2] == (900, 390)
    assert pixels[..., :3].std() > 0.02  # letters and colours, no blank page
