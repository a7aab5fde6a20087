"""`course formgrade`: a class marked in a real browser, and what becomes of the marks."""

import contextlib
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect, sync_playwright
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.grading import run as runner
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling import formgrader
from course_utils.engine.telling.review import question_of
from course_utils.instructor.cli import app

PATIENCE = 120_000  # milliseconds for what a page does at once on a quiet machine
UNIT, QUESTION = "01_positional_encoding", "q1_sin_cos"
STUDENTS = ["ann", "bob", "李雷", *(f"s{number:02}" for number in range(9))]
COMMENT = "Say more of <b>shifts</b>, 例如 k = 3."
MISCONFIGURED = "import pathlib; (pathlib.Path(__file__).parent / 'was-read').touch()\nc.ServerApp.token = ''\n"


ASK_ELSEWHERE = """() => new Promise(told => {
    document.addEventListener("securitypolicyviolation", event => told(event.effectiveDirective));
    fetch("http://127.0.0.1:9/x").catch(() => setTimeout(() => told("was sent"), 1000));
})"""  # what the browser says of a script on the page that asks another place


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        future.set_result(function(task))
        return future


def course(*words):
    """Runs the command in this process; what it says."""
    with pytest.MonkeyPatch.context() as patch:

        @contextlib.contextmanager
        def here(plan, given, tasks):
            yield Here()

        patch.setattr(runner, "task_executor", here)
        done = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output + done.stderr
    return done.output


def grade(folder, *options):
    return course("grade", folder / "submitted", "--results", folder / "results", "--sandbox", "none", *options)


def refusal(*words):
    """The one sentence with which the command refuses."""
    done = CliRunner().invoke(app, ["formgrade", "--no-browser", *map(str, words)])
    assert done.exit_code == 1, done.output
    (sentence,) = done.stderr.splitlines()
    return sentence


# what it refuses --------------------------------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path):
    """A folder that looks like results."""
    (tmp_path / "autograded").mkdir()
    for name in ("log.jsonl", "gradebook.db"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("missing", ["log.jsonl", "gradebook.db", "autograded"])
def test_without_results_it_says_how_to_get_some(results, missing):
    path = results / missing
    path.rmdir() if path.is_dir() else path.unlink()
    sentence = refusal("--results", results)
    assert sentence == (
        f"course: {results} holds no results to mark; grade first: course grade SUBMITTED --results {results}"
    )


def test_a_port_that_is_taken_is_told(results):
    with socket.create_server((formgrader.HOST, 0)) as other:
        port = other.getsockname()[1]
        sentence = refusal("--results", results, "--port", port)
    assert sentence.startswith(f"course: port {port} cannot be had (Address already in use); name another: --port N")


@pytest.mark.parametrize("package", ["nbgrader", "jupyter_server_mathjax"])
def test_a_package_that_is_missing_is_told(results, monkeypatch, package):
    monkeypatch.delitem(sys.modules, "course_utils.engine.telling.formgrader")
    monkeypatch.delattr("course_utils.engine.telling.formgrader")
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    sentence = refusal("--results", results)
    assert sentence.startswith(f"course: formgrader cannot be started, since {package}")
    assert sentence.endswith('pip install -e ".[instructor]"')


def test_what_runs_code_or_changes_a_release_is_not_served():
    known = {each[1].__name__ for each in formgrader.handlers.default_handlers}
    known |= {each[1].__name__ for each in formgrader.apihandlers.default_handlers}
    assert {each.__name__ for each in formgrader.NOT_SERVED} <= known
    # of all that takes a POST only the flag of a submission is left: it is what nbgrader's buttons send
    posts = {
        each[1]
        for each in formgrader.apihandlers.default_handlers
        if "post" in vars(each[1]) and each[1] not in formgrader.NOT_SERVED
    }
    assert posts == {formgrader.apihandlers.FlagSubmissionHandler}


# a class, marked in a browser -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unit():
    return find_units(current().folder, [UNIT])[0]


def write(folder, unit, student, answer):
    language = "zh" if student == "李雷" else "en"
    notebook = sample.filled(unit, sample.reference(unit), {QUESTION: answer}, language)
    sample.write(folder / "submitted", student, unit, notebook)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, unit):
    folder = tmp_path_factory.mktemp("class")
    for student in STUDENTS:
        write(folder, unit, student, f"A rotation of {student}: $\\sin(a + b)$.")
    grade(folder)
    return folder


@contextlib.contextmanager
def served(folder, *options):
    """The command as a person starts it, with a home folder and a working folder that would mislead Jupyter."""
    home = folder / "home"
    for place in (home / ".jupyter", home / ".local" / "etc" / "jupyter", home / "work"):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("jupyter_config", "jupyter_server_config", "nbgrader_config"):
            (place / f"{name}.py").write_text(MISCONFIGURED, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER_")}
    environment |= {
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "COURSE_DIR": str(current().folder),
    }
    command = [sys.executable, "-m", "course_utils", "formgrade", "--results", str(folder / "results"), "--no-browser"]
    said = folder / "said"
    with said.open("w", encoding="utf-8") as out:
        process = subprocess.Popen([*command, *options], cwd=home / "work", env=environment, stdout=out, stderr=out)
    try:
        for _ in range(600):
            if "Ctrl-C" in said.read_text(encoding="utf-8") or process.poll() is not None:
                break
            time.sleep(0.1)
        told = said.read_text(encoding="utf-8")
        address = re.search(r"http://127\.0\.0\.1:\d+/\S+", told)
        assert address, told
        yield SimpleNamespace(address=address[0], process=process, said=said, home=home)
    finally:
        process.kill()
        process.wait()


def end(server):
    """Ctrl-C, and what the command has said then."""
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=60) == 0, server.said.read_text(encoding="utf-8")
    return server.said.read_text(encoding="utf-8")


def list_submissions(page, address):
    """From the address that is printed to the list of submissions, by clicks."""
    page.goto(address)
    for ending in (f"/{UNIT}", f"/{UNIT}/{UNIT}"):  # the unit, and the notebook in it, which has the same name
        page.locator("#main-table a", has_text=UNIT).click()
        page.wait_for_url(f"**/gradebook{ending}")
    expect(page.locator("#main-table a.name-hidden")).to_have_count(len(STUDENTS))
    page.get_by_role("button", name="Show All Names").click()


def open_submission(page, address, student):
    list_submissions(page, address)
    page.locator("#main-table a:visible", has_text=student).click()
    expect(page.locator(f"#{QUESTION}")).to_be_editable()
    page.wait_for_function("() => formgrader.loaded && formgrader.grades.loaded && formgrader.comments.loaded")
    # the page scrolls once more when its formulas are done: a click on its way would miss
    page.wait_for_function("() => MathJax.loaded === true && !$('body, html').is(':animated')")
    page.wait_for_load_state("networkidle")


def saves(page, what):
    """Waits for the page to save a grade or a comment."""
    return page.expect_response(lambda answer: answer.request.method == "PUT" and f"/api/{what}/" in answer.url)


@pytest.fixture(scope="module")
def marked(folder, browser):
    """What was seen while ann and 李雷 were marked."""
    seen = SimpleNamespace(requests=[], addresses={})
    autograded = {path: path.read_bytes() for path in (folder / "results" / "autograded").rglob("*.ipynb")}
    with served(folder) as server, sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = window.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("websocket", lambda socket: seen.requests.append(socket.url))
        seen.base = server.address.partition("/formgrader")[0]

        open_submission(page, server.address, "ann")
        rubric = page.locator("details.rubric")
        seen.rubric, seen.visible = rubric.inner_text(), rubric.is_visible()
        seen.between = page.evaluate(
            "document.querySelector('.nbgrader_cell:has(#q1_sin_cos)').getBoundingClientRect().top"
            " - document.querySelector('details.rubric').getBoundingClientRect().bottom"
        )
        answer = page.locator(f".nbgrader_cell:has(#{QUESTION})")
        expect(answer.locator(".MathJax").first).to_be_visible()
        seen.formula = answer.locator(".MathJax").first.inner_text()
        rubric.scroll_into_view_if_needed()
        page.screenshot(path=folder / "before.png")
        page.locator(f"#{QUESTION}").click()
        page.keyboard.type("2.5")
        with saves(page, "grade"):
            page.keyboard.press("Tab")
        page.locator(f"#{QUESTION}-comment").click()
        page.keyboard.type(COMMENT)
        with saves(page, "comment"):
            page.keyboard.press("Escape")
        page.screenshot(path=folder / "marked.png")
        page.wait_for_function("() => !$('body, html').is(':animated')")
        rubric.locator("summary").click()
        page.wait_for_function("() => !document.querySelector('details.rubric').open")
        seen.folded = rubric.get_by_text("A model answer").is_hidden()

        open_submission(page, server.address, "李雷")
        seen.chinese = page.locator("details.rubric").inner_text()
        with saves(page, "grade"):
            page.locator(f".nbgrader_cell:has(#{QUESTION})").get_by_role("button", name="Full credit").click()
        page.screenshot(path=folder / "chinese.png")

        for path in ("/api/kernels", "/api/terminals", "/api/contents", "/formgrader/api/assignments"):
            seen.addresses[path] = page.request.get(seen.base + path).status
        seen.stranger = window.new_context().request.get(seen.base + "/formgrader/api/assignments").url
        window.close()
        seen.said = end(server)
    seen.autograded = autograded == {path: path.read_bytes() for path in autograded}
    seen.home = sorted(path.name for path in server.home.rglob("*") if not path.is_dir())
    return seen


def in_a_browser(test):
    """Marks a test that needs a browser."""
    return pytest.mark.browser(pytest.mark.slow(test))


@in_a_browser
def test_question_criteria_model_answer_and_mistakes_stand_right_above_the_answer(marked, unit):
    question = question_of(unit, QUESTION, "en")
    assert marked.visible
    assert 0 <= marked.between < 40  # pixels
    for text in (*(each.text for each in question.criteria), *question.typical_mistakes):
        assert text in marked.rubric
    assert "sines in the even columns and cosines in the odd columns" in marked.rubric
    assert question.model_answer.splitlines()[0] in marked.rubric


@in_a_browser
def test_the_rubric_of_a_chinese_answer_is_chinese(marked, unit):
    question = question_of(unit, QUESTION, "zh")
    assert all(each.text in marked.chinese for each in question.criteria)
    assert "参考答案" in marked.chinese


@in_a_browser
def test_the_rubric_folds(marked):
    assert marked.folded


@in_a_browser
def test_a_formula_is_a_formula(marked):
    assert "sin" in marked.formula
    assert "\\" not in marked.formula


@in_a_browser
def test_the_pages_ask_nobody_else_for_anything(marked):
    assert len(marked.requests) > 50
    assert {url for url in marked.requests if not url.startswith((f"{marked.base}/", "data:", "about:"))} == set()
    assert any("MathJax.js" in url for url in marked.requests)


@in_a_browser
def test_nothing_is_served_that_runs_code(marked):
    assert marked.addresses == {
        "/api/kernels": 404,
        "/api/terminals": 404,
        "/api/contents": 404,
        "/formgrader/api/assignments": 200,
    }


@in_a_browser
def test_who_has_no_token_sees_nothing(marked):
    assert "/login" in marked.stranger


@in_a_browser
def test_a_persons_configuration_is_neither_read_nor_written(marked):
    names = ["jupyter_config.py", "jupyter_server_config.py", "nbgrader_config.py"]
    assert marked.home == sorted(names * 3)


@in_a_browser
def test_the_files_that_formgrader_opens_stay_as_they_are(marked):
    assert marked.autograded


@in_a_browser
def test_it_ends_with_a_sentence(marked, folder):
    last = " ".join(marked.said.split("Ctrl-C ends it")[1].split())
    assert last == f"ended; marks and comments stand in the scores and on the pages of {folder / 'results'}"


def row(folder, student):
    rows = json.loads((folder / "results" / "scores.json").read_bytes())
    return next(each for each in rows if (each["student"], each["exercise"]) == (student, QUESTION))


@pytest.fixture(scope="module")
def after(marked, folder, unit):
    """The class with its marks as the command left it; then ann hands in anew, and the class is regraded."""
    results = folder / "results"
    code = sum(unit.all_points.values())
    seen = SimpleNamespace(code=code, rows={name: row(folder, name) for name in ("ann", "李雷", "bob")})
    with (results / "scores.csv").open(encoding="utf-8-sig", newline="") as file:
        seen.scores = {each["student"]: each for each in csv.DictReader(file)}
    seen.page = (results / "feedback" / "ann" / f"{UNIT}.html").read_text(encoding="utf-8")
    seen.class_page = (results / "class.html").read_text(encoding="utf-8")
    seen.exports = {}
    for format in ("csv", "canvas", "moodle"):
        course("export", "--partial", "--format", format, "--results", results, "--out", folder / f"{format}.csv")
        seen.exports[format] = (folder / f"{format}.csv").read_text(encoding="utf-8-sig")
    write(folder, unit, "ann", "Another answer.")
    seen.told = grade(folder, "--regrade")
    seen.again = {name: row(folder, name) for name in ("ann", "李雷")}
    seen.class_page_again = (results / "class.html").read_text(encoding="utf-8")
    return seen


@in_a_browser
def test_marks_and_comment_stand_in_the_scores(after):
    ann = after.rows["ann"]
    assert (ann["points"], ann["by_hand"], ann["comment"]) == (2.5, True, COMMENT)
    assert (after.rows["李雷"]["points"], after.rows["李雷"]["outcome"]) == (4.0, "passed")
    assert after.rows["bob"]["outcome"] == "manual"


@in_a_browser
def test_marks_stand_in_the_table_of_scores(after):
    found = {name: (float(each["points"]), float(each["manual_points_open"])) for name, each in after.scores.items()}
    assert found["ann"] == (after.code + 2.5, 0)
    assert found["李雷"] == (after.code + 4, 0)
    assert found["bob"] == (after.code, 4)


@in_a_browser
def test_marks_and_comment_stand_on_the_students_page(after):
    assert "Say more of &lt;b&gt;shifts&lt;/b&gt;, 例如 k = 3." in after.page
    assert "2.5" in after.page


@in_a_browser
def test_marks_and_comment_stand_on_the_class_page(after):
    row = re.search(r'<th scope="row"><a[^>]*><bdi>ann</bdi>.*?</tr>', after.class_page)[0]
    assert '<td class="partial hand">2.5</td>' in row
    assert f'<td class="sum">{after.code + 2.5:g}</td>' in row
    told = re.search(r'<ul class="hands">.*?</details>', after.class_page, re.DOTALL)[0]
    assert "2 marked by a person; 3.25 of 4 points on average; comments: 1" in told
    assert re.search(r"Say more of &lt;b&gt;shifts&lt;/b&gt;, 例如 k = 3\. .*<bdi>ann</bdi>: 2\.5 / 4", told)


@in_a_browser
def test_after_a_resubmission_and_a_regrade_they_stand_on_the_class_page_and_ask_again(after):
    assert re.search(r'<td class="manual hand">', after.class_page_again)
    assert "1 to be looked at again, since the answer changed" in after.class_page_again
    assert "Say more of &lt;b&gt;shifts&lt;/b&gt;, 例如 k = 3." in after.class_page_again


@in_a_browser
@pytest.mark.parametrize("format", ["csv", "canvas", "moodle"])
def test_marks_stand_in_each_export(after, format):
    line = next(line for line in after.exports[format].splitlines() if "ann" in line)
    assert f"{after.code + 2.5:g}" in line


@in_a_browser
def test_after_a_resubmission_and_a_regrade_the_marks_are_kept(after):
    assert (after.again["ann"]["points"], after.again["ann"]["comment"]) == (2.5, COMMENT)
    assert after.again["李雷"] == after.rows["李雷"]


@in_a_browser
def test_the_answer_that_changed_asks_again(after):
    assert after.again["ann"]["outcome"] == "manual"
    assert "changed after a person had marked it with 2.5 of 4 points" in after.again["ann"]["message"]


@in_a_browser
def test_a_second_sitting_shows_the_old_mark_beside_the_new_answer_and_asks_no_other_place(after, folder, browser):
    with served(folder) as server, sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = window.new_page()
        page.set_default_timeout(PATIENCE)
        open_submission(page, server.address, "ann")
        answer = page.locator(f".nbgrader_cell:has(#{QUESTION})")
        assert "Another answer." in answer.inner_text()
        assert page.locator(f"#{QUESTION}").input_value() == "2.5"
        assert page.locator(f"#{QUESTION}-comment").input_value() == COMMENT
        expect(page.locator(f"#{QUESTION}")).to_have_class(re.compile("needs_manual_grade"))
        with saves(page, "grade"):
            answer.get_by_role("button", name="Resolve").click()
        assert page.evaluate(ASK_ELSEWHERE) == "connect-src"
        window.close()
        end(server)
    assert row(folder, "ann")["outcome"] == "partial"
