"""The page on how often grading is right: what is counted, its intervals, its summary in the README."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import answers, toy
from course_utils.engine.proving.answers import ELSEWHERE, OWN, Answer, Graded, NotGraded
from course_utils.engine.proving.toy import ROWS
from course_utils.instructor.cli import app
from course_utils.instructor.quality import START, Result, Tally, page, summary, with_summary

DAY = date(2026, 1, 2)
CHECK = "powers-values"


@pytest.fixture(scope="module")
def unit() -> Unit:
    return find_units(toy.course().folder, [ROWS])[0]


@pytest.fixture
def result(unit: Unit):
    """A function: an answer to `powers` and the checks that its draws lost, each with the hint told."""

    def make(verdict: str, *draws: dict[str, str], loses: tuple[str, ...] = (), hint: str = "", origin: str = OWN):
        answer = Answer(unit, "powers", "one", verdict, origin, "", loses, hint)  # type: ignore[arg-type]
        return Result(answer, [Graded(str(number), lost) for number, lost in enumerate(draws)])

    return make


# What is counted


def test_a_right_answer_is_refused_if_one_draw_refuses_it(result) -> None:
    assert result("right", {}, {"shares-values": ""}, {}).is_refused
    assert not result("right", {}, {}).is_refused


def test_a_wrong_answer_is_kept_if_one_draw_keeps_it(result) -> None:
    assert result("wrong", {CHECK: ""}, {}).is_kept
    assert not result("wrong", {CHECK: ""}, {CHECK: ""}).is_kept


def test_a_wrong_answer_is_kept_if_it_loses_something_else_than_what_it_has_wrong(result) -> None:
    assert result("wrong", {"powers-dtype": ""}, loses=(CHECK,)).is_kept


def test_a_check_of_another_exercise_catches_nothing(result) -> None:
    assert result("wrong", {"shares-values": ""}).is_kept


def test_a_wrong_answer_is_named_if_every_draw_names_it(result) -> None:
    assert result("wrong", {CHECK: "a"}, {CHECK: "a"}, hint="a").is_named
    assert not result("wrong", {CHECK: "a"}, {CHECK: ""}, hint="a").is_named


def test_another_name_is_told_if_one_draw_tells_it(result) -> None:
    assert result("wrong", {CHECK: "a"}, {CHECK: "b"}, hint="a").is_misnamed
    assert not result("wrong", {CHECK: "a"}, {CHECK: ""}, hint="a").is_misnamed


def test_a_name_of_which_nobody_knows_whether_it_is_true_is_no_other_one(result) -> None:
    assert not result("wrong", {CHECK: "b"}).is_misnamed


def test_an_answer_counts_once_however_many_draws_it_had(result) -> None:
    tally = Tally([result("right", {CHECK: ""}, {CHECK: ""}), result("right", {}, {})])
    assert (tally.right, tally.refused, tally.graded) == (2, 1, 4)


def test_a_doubtful_answer_is_neither_right_nor_wrong(result) -> None:
    tally = Tally([result("doubtful", {CHECK: ""})])
    assert (tally.right, tally.refused, tally.wrong, tally.kept) == (0, 0, 0, 0)


# The page


@pytest.fixture
def results(result):
    right = [result("right", {}, {}) for _ in range(10)]
    wrong = result("wrong", {CHECK: "a"}, {CHECK: "a"}, loses=(CHECK,), hint="a")
    return [*right, wrong, result("wrong", {}, {CHECK: "a"}, origin=ELSEWHERE), result("doubtful", {}, {})]


def test_the_summary_is_one_line_with_counts_and_intervals(results) -> None:
    assert summary(results, DAY) == (
        f"{START} On 2 draws each, of 10 right answers to 1 exercises 0 were refused (95% 0 to 27.8%), of 2 wrong ones "
        "1 were kept (9.5 to 90.5%); 100% of the 1 whose true name is known were told it (2026-01-02)."
    )


def test_intervals_are_wilsons(results) -> None:
    """By hand: for 0 of 10 the upper end is z^2 / (10 + z^2) = 3.841 / 13.841 = 27.75%."""
    assert "| 10 | 0 | 0 to 27.8% |" in page(results, "none", DAY)


def test_the_page_has_a_row_for_each_exercise_with_the_notebooks_graded(results) -> None:
    assert "| `powers` | 10 | 0 | 0 to 27.8% | 2 | 1 | 9.5 to 90.5% | 1 of 1 | 0 | 26 |" in page(results, "none", DAY)


def test_the_page_tells_the_courses_own_answers_from_others(results) -> None:
    told = page(results, "none", DAY)
    assert "| the course's own | 10 | 0 | 0 to 27.8% | 1 | 0 | 0 to 79.3% | 1 of 1 | 0 | 24 |" in told
    assert "| from elsewhere | 0 |  |  | 1 | 1 | 20.7 to 100% |  |  | 2 |" in told


def test_the_page_names_each_answer_that_went_otherwise(results) -> None:
    assert "| kept | `powers` | `one` | from elsewhere |" in page(results, "none", DAY)


def test_a_page_without_answers_from_elsewhere_does_not_speak_of_them(result) -> None:
    assert "elsewhere" not in page([result("right", {})], "bwrap", DAY)


def test_each_row_of_a_table_has_as_many_cells_as_its_head(results) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", page(results, "none", DAY), flags=re.MULTILINE)
    assert [len({line.count("|") for line in table.splitlines()}) for table in tables] == [1] * len(tables)


def test_a_readme_gets_the_new_summary_and_keeps_all_else() -> None:
    assert with_summary(f"# A\n\n{START} Old \\1.\nB\n", f"{START} New \\1.") == f"# A\n\n{START} New \\1.\nB\n"
    assert with_summary("# A\n", f"{START} New.") == "# A\n"


# What is published

TOP = current().top
PUBLISHED: Path = TOP / "docs" / "quality.md"


def summary_in(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(START)]


def test_the_readme_shows_the_summary_of_the_page_as_it_stands() -> None:
    assert len(summary_in(PUBLISHED)) == 1
    assert summary_in(TOP / "README.md") == summary_in(PUBLISHED)


@pytest.mark.parametrize("exercise", current().all_exercises())
def test_the_published_page_has_figures_for_each_exercise(exercise: str) -> None:
    row = next(line for line in PUBLISHED.read_text(encoding="utf-8").splitlines() if f"`{exercise}` | " in line)
    cells = row.split(" | ")
    assert int(cells[1]) >= 5  # right ones
    assert int(cells[4]) >= 5  # wrong ones


def test_the_published_page_is_about_300_right_answers_at_least() -> None:
    right = re.search(r"of ([\d,]+) right answers", summary_in(PUBLISHED)[0])
    assert right
    assert int(right[1].replace(",", "")) >= 300


# The command


@pytest.fixture
def course(monkeypatch):
    """Runs the command in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def said(result) -> str:
    """What was told, without line breaks of a narrow terminal and without colours."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", result.output + (result.stderr or "")))


def test_options_of_the_page_need_the_page(course) -> None:
    result = course("selftest", "--draws", 2)
    assert result.exit_code == 2
    assert "give --report too" in said(result)


def test_a_page_on_some_units_needs_a_place_of_its_own(course) -> None:
    result = course("selftest", "08_learning_rate", "--report")
    assert result.exit_code == 2
    assert "--out" in said(result)


@pytest.fixture
def graded(monkeypatch):
    """Lets grading give one draw of its own choice to each answer: wrong ones lose their checks, right ones nothing."""

    def grade(wanted, draws, mode, kept, tell):
        tell(len(wanted), len(wanted))
        lost = [dict.fromkeys(each.loses, each.hint) for each in wanted]
        return [[Graded("seed", found)] * draws for found in lost]

    monkeypatch.setattr(answers, "grade_answers", grade)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """The toy course in a folder of its own, with a README that shows a summary."""
    shutil.copytree(toy.FOLDER, tmp_path / "course")
    (tmp_path / "course" / "README.md").write_text(f"# Toy\n\n{START} Old.\n", encoding="utf-8")
    monkeypatch.setenv("COURSE_DIR", str(tmp_path / "course"))
    return tmp_path / "course"


def test_the_page_is_written_and_the_readme_shows_its_summary(course, graded, elsewhere) -> None:
    result = course("selftest", "--report", "--draws", 2, "--sandbox", "none")
    assert result.exit_code == 0, said(result)
    assert summary_in(elsewhere / "README.md") == summary_in(elsewhere / "docs" / "quality.md")
    assert "On 2 draws each" in summary_in(elsewhere / "README.md")[0]


def test_a_page_at_another_place_leaves_the_readme_alone(course, graded, elsewhere) -> None:
    course("selftest", ROWS, "--report", "--sandbox", "none", "--out", elsewhere / "page.md")
    assert "On 3 draws each" in summary_in(elsewhere / "page.md")[0]
    assert summary_in(elsewhere / "README.md") == [f"{START} Old."]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyboardInterrupt(), "interrupted; what was graded is kept, run the same command again to go on"),
        (
            NotGraded("2 of 3 could not be graded; the first, x"),
            "run the same command again, and only these are graded",
        ),
    ],
)
def test_a_run_that_does_not_end_writes_nothing_and_says_how_to_go_on(
    course, elsewhere, monkeypatch, error, sentence
) -> None:
    def grade(*_):
        raise error

    monkeypatch.setattr(answers, "grade_answers", grade)
    result = course("selftest", "--report", "--sandbox", "none")
    assert result.exit_code == 1
    assert sentence in said(result)
    assert not (elsewhere / "docs").exists()


def test_a_folder_of_answers_that_is_not_there_is_told(course, graded, elsewhere) -> None:
    result = course("selftest", "--report", "--sandbox", "none", "--answers", elsewhere / "nowhere")
    assert result.exit_code == 1
    assert "is no folder; name one that holds EXERCISE/ANSWER.py" in said(result)
