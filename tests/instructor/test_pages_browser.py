"""Pages as a real browser takes them: what a student wrote is text there, never a program."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from course_utils.instructor import pages
from course_utils.selfcheck.texts import unit_texts

UNIT = "01_positional_encoding"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ATTACK = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def opened(page: Path, *options: str) -> str:
    """What the browser prints about a page."""
    with tempfile.TemporaryDirectory() as profile:
        command = [str(BROWSER), *QUIET, f"--user-data-dir={profile}", *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


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
    path.write_text(pages.feedback_page(record, unit_texts(UNIT), "en"), encoding="utf-8")
    return path


def test_what_a_student_wrote_does_not_run_in_the_browser(page):
    dom = opened(page, "--dump-dom")
    title = dom.partition("<title>")[2].partition("</title>")[0]
    assert title.startswith("Feedback on")  # a script that ran would have set another title
    assert "<img" not in dom
    assert "&lt;script&gt;" in dom


def test_the_page_is_drawn_in_a_window_of_a_phone(page, tmp_path):
    picture = tmp_path / "page.png"
    opened(page, f"--screenshot={picture}", "--window-size=390,900")
    from matplotlib.image import imread

    pixels = imread(picture)
    assert pixels.shape[:2] == (900, 390)
    assert pixels[..., :3].std() > 0.02  # letters and colours, no blank page
