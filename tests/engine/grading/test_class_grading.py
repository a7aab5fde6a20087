"""A class is graded by its class file: people of the roster, late work, attempts, in all files and nbgrader's."""

import json
import sqlite3

import pytest
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config
from typer.testing import CliRunner

from course_utils.engine.grading.terms import DAY, LateRule, read_terms
from course_utils.engine.telling.late_plugin import LateRulePlugin
from course_utils.instructor.cli import app

from ..desk import FIRST, ROSTER, SECOND, laid, notebook, zipped

QUESTION = "q1_sin_cos"
DUE = f"""
[late]
rule = "per_day"
percent_per_day = 10

[units.{FIRST}]
due = 2026-10-05T18:00:00
"""


def inbound(desk, **times):
    """An exchange into which people handed in at times."""
    return laid(
        desk.downloads / "inbound",
        {f"{who}+{FIRST}+{time} UTC+x/{FIRST}.ipynb": notebook(remark=who) for who, time in times.items()},
    )


def grade_class(desk):
    """Wang is in time, Anna a day and an hour late, Seán too, who has three days more by the roster."""
    desk.write_class(DUE)
    times = {"wxm": "2026-10-05 17:59:59", "mueller": "2026-10-06 19:00:00", "oneil": "2026-10-06 19:00:00"}
    desk.collect(inbound(desk, **times))
    desk.grade()


def points(desk, student, unit=FIRST):
    row = desk.scores()[student, unit]
    return row["points"], row["late_penalty"]


# the rule


@pytest.mark.parametrize(
    ("rule", "seconds", "penalty"),
    [
        (LateRule(), 10 * DAY, 0),
        (LateRule("zero"), 1, 20),
        (LateRule("zero"), 0, 0),
        (LateRule("zero", grace_minutes=1), 60, 0),
        (LateRule("zero", grace_minutes=1), 61, 20),
        (LateRule("per_day", 10), 1, 2),
        (LateRule("per_day", 10), DAY, 2),
        (LateRule("per_day", 10), DAY + 1, 4),
        (LateRule("per_day", 10), 11 * DAY, 20),
        (LateRule("per_day", 10, 50), 11 * DAY, 10),
        (LateRule("per_day", 33), 1, 6.6),
    ],
)
def test_a_rule_takes_off(rule, seconds, penalty):
    assert rule.penalty(20, seconds) == penalty


def test_no_rule_takes_off_more_than_there_is():
    assert LateRule("per_day", 100).penalty(0.33, 3 * DAY) == 0.33


# its files


def test_being_late_costs_once_and_an_extension_counts(graded):
    assert [points(graded, who) for who in ("wang", "mueller", "oneil")] == [("13", "0"), ("10.4", "2.6"), ("13", "0")]


def test_grading_again_takes_nothing_more_off(graded):
    graded.grade()
    graded.grade("--regrade")
    assert points(graded, "mueller") == ("10.4", "2.6")


def test_the_page_says_what_being_late_cost(graded):
    assert "Handed in late, by 1 d 1 h: 2.6 of 13 points are taken off, and 10.4 count." in graded.page("mueller")
    assert "late" not in graded.page("wang").partition("<main")[2]


def test_the_class_page_counts_what_is_left(graded):
    assert ">10.4<" in (graded.results / "class.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["canvas", "moodle", "csv"])
def test_each_export_holds_what_is_left(graded, form):
    rows = graded.exported(form)
    column = rows[0].index(FIRST)
    assert sorted(row[column] for row in rows[1:] if "Points" not in row[0]) == ["10.4", "13", "13"]


def test_scores_of_checks_stay_as_they_are(graded):
    rows = json.loads((graded.results / "scores.json").read_bytes())
    assert sum(row["points"] for row in rows if row["student"] == "mueller") == 13


def book(desk):
    return Gradebook(f"sqlite:///{desk.results / 'gradebook.db'}")


def test_formgrader_knows_dates_extensions_and_penalties(graded):
    with book(graded) as found:
        told = {who: found.find_submission(FIRST, who) for who in ("wang", "mueller", "oneil")}
        assert {who: one.total_seconds_late for who, one in told.items()} == {"wang": 0, "mueller": 90_000, "oneil": 0}
        penalties = {who: one.notebooks[0].late_submission_penalty for who, one in told.items()}
        assert penalties == {"wang": None, "mueller": 2.6, "oneil": None}
        assert told["oneil"].extension.days == 3


def test_nbgraders_export_counts_the_same_points(graded):
    plugin = CsvExportPlugin()
    plugin.to = str(graded.root / "grades.csv")
    with book(graded) as found:
        plugin.export(found)
    header, *lines = [line.split(",") for line in (graded.root / "grades.csv").read_text().splitlines()]
    scores = {line[header.index("student_id")]: line[header.index("score")] for line in lines}
    assert scores["mueller"] == "10.4"


def test_nbgraders_own_plug_in_gives_the_same_penalty(graded):
    resources = {
        "nbgrader": {
            "notebook": FIRST,
            "assignment": FIRST,
            "student": "mueller",
            "db_url": f"sqlite:///{graded.results / 'gradebook.db'}",
        }
    }
    with sqlite3.connect(graded.results / "gradebook.db") as db:
        db.execute("UPDATE submitted_notebook SET late_submission_penalty = NULL")
    db.close()
    config = Config({"LateRulePlugin": {"penalty_method": "per_day", "percent_per_day": 10.0}})
    AssignLatePenalties(config=config, plugin_class=LateRulePlugin).preprocess(new_notebook(), resources)
    with book(graded) as found:
        assert found.find_submission(FIRST, "mueller").late_submission_penalty == 2.6


def test_a_mark_by_hand_counts_before_the_penalty(graded):
    with book(graded) as found:
        grade = found.find_grade(QUESTION, FIRST, FIRST, "mueller")
        grade.manual_score, grade.needs_manual_grade = 4, False
        found.db.commit()
    graded.run("feedback", "--results", graded.results)
    assert points(graded, "mueller") == ("13.6", "3.4")
    assert "3.4 of 17 points are taken off" in graded.page("mueller")
    with book(graded) as found:
        assert found.find_submission(FIRST, "mueller").late_submission_penalty == 3.4


def test_another_rule_counts_without_grading_anew(graded):
    graded.write_class(DUE.replace('"per_day"', '"zero"'))
    told = graded.grade("--accept-changes")
    assert "0 graded now" in told
    assert points(graded, "mueller") == ("0", "13")


def stopped(desk, *options):
    """A run that stops; what it said on one line, and that nothing of class, scores and submissions is another."""
    before = {path: path.read_bytes() for path in state(desk)}
    words = ["grade", desk.submitted, "--results", desk.results, "--sandbox", "none", *options]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert (result.exit_code, result.stderr.count("course: ")) == (1, 1), result.output + result.stderr
    assert {path: path.read_bytes() for path in state(desk)} == before
    return " ".join(f"{result.output} {result.stderr}".replace("│", "|").split())


def state(desk):
    names = {"waiting.jsonl", "grade.log", ".lock", "attempts.json"}
    return [path for path in desk.root.rglob("*") if path.is_file() and path.name not in names]


@pytest.mark.parametrize(
    ("text", "roster", "row"),
    [
        (DUE.replace('"per_day"', '"zero"'), ROSTER, "| mueller | UNIT | late work | -2.6 | -13 |"),
        (DUE.replace("= 10\n", "= 20\n"), ROSTER, "| mueller | UNIT | late work | -2.6 | -5.2 |"),
        (DUE.replace("10-05T18", "10-08T18"), ROSTER, "| mueller | UNIT | late work | -2.6 | 0 |"),
        (DUE, ROSTER.replace("A,3", "A,"), "| oneil | UNIT | late work | 0 | -2.6 |"),
        ("", ROSTER, "| mueller | UNIT | late work | -2.6 | 0 |"),
    ],
    ids=["rule", "percent", "date", "extension of the roster", "no rule any more"],
)
def test_another_rule_date_or_extension_asks_before_marks_change(graded, text, roster, row):
    graded.write_class(text, roster)
    told = stopped(graded)
    assert row.replace("UNIT", FIRST) in told
    assert "the class's dates, rule for late work or extensions" in told


def test_a_late_hand_in_is_the_students_own_and_asks_nothing(graded):
    graded.collect(inbound(graded, wxm="2026-10-06 09:00:00", soneil="2026-10-06 19:00:00"))
    laid(graded.downloads / "late", {f"wxm+{FIRST}+2026-10-07 09:00:00 UTC+x/{FIRST}.ipynb": notebook(remark="again")})
    graded.collect(graded.downloads / "late")
    graded.grade()
    assert points(graded, "wang") == ("10.4", "2.6")


def test_somebody_new_on_the_roster_asks_nothing(graded):
    graded.write_class(DUE, ROSTER + 'zoe,"Zoe, Z",zoe@example.org,zoe,0099,109,,A,\n')
    graded.grade()
    assert graded.scores()["zoe", FIRST]["outcome"] == "missing"


def test_somebody_who_left_the_roster_keeps_the_mark_and_no_export_holds_it(graded):
    graded.exported("csv")
    graded.write_class(DUE, "".join(line for line in ROSTER.splitlines(True) if "wang" not in line))
    graded.grade()
    assert points(graded, "wang") == ("13", "0")
    told = graded.run("export", "--format", "csv", "--results", graded.results, "--out", graded.root / "marks.csv")
    assert "left out, since not on the roster: wang" in told
    assert f"wang │ {FIRST} │ 13 │ –" in told


def test_grading_another_unit_leaves_this_ones_penalty(graded):
    laid(graded.submitted, {f"wang/{SECOND}/{SECOND}.ipynb": notebook(SECOND)})
    graded.grade("--unit", SECOND)
    assert points(graded, "mueller") == ("10.4", "2.6")


def test_without_a_class_file_all_is_as_before(graded):
    (graded.root / "class.toml").unlink()
    (graded.submitted / ".attempts" / "ledger.json").unlink()
    graded.grade("--accept-changes")
    assert list(graded.scores()["mueller", FIRST]) == [
        *("student", "unit", "points", "max_points", "manual_points_open", "outcome")
    ]
    assert graded.scores()["mueller", FIRST]["points"] == "13"
    assert read_terms(graded.results) is None


def test_a_date_that_a_person_entered_for_another_unit_stays(graded):
    laid(graded.submitted, {f"wang/{SECOND}/{SECOND}.ipynb": notebook(SECOND)})
    graded.grade()
    with book(graded) as found:
        found.update_or_create_assignment(SECOND, duedate="2026-01-01 00:00:00 UTC")
    graded.grade()
    with book(graded) as found:
        assert found.find_assignment(SECOND).duedate.year == 2026


@pytest.mark.parametrize(("anonymous", "name"), [("false", "Anna-Lena"), ("true", "")])
def test_formgrader_learns_names_unless_the_class_is_anonymous(graded, anonymous, name):
    graded.write_class(f"anonymous = {anonymous}\n{DUE}")
    graded.grade()
    with book(graded) as found:
        assert found.find_student("mueller").first_name == name


# people


def test_whoever_handed_in_nothing_stands_there_as_missing(desk):
    desk.write_class('language = "zh"\n')
    desk.collect(zipped(desk.downloads / "d.zip", {"王小明_5_assignsubmission_file_/x.ipynb": notebook()}))
    desk.grade()
    assert {who: row["outcome"] for (who, _), row in desk.scores().items()} == {
        "mueller": "missing",
        "oneil": "missing",
        "wang": "graded",
    }
    assert "没有收到作业" in desk.page("mueller")


def test_a_folder_by_another_of_a_persons_names_is_that_persons(desk):
    laid(desk.submitted, {f"wxm@example.org/{FIRST}/{FIRST}.ipynb": notebook()})
    desk.grade()
    assert {who for who, _ in desk.scores()} == {"wxm@example.org", "mueller", "oneil"}


def test_a_class_file_elsewhere_is_named(desk):
    laid(desk.submitted, {f"wang/{FIRST}/{FIRST}.ipynb": notebook()})
    (desk.root / "class.toml").rename(desk.root / "autumn.toml")
    desk.grade("--class", desk.root / "autumn.toml")
    assert len(desk.scores()) == 3


# times that nobody knows


def download(desk, day):
    """A download of Moodle's, as of a day."""
    return zipped(desk.downloads / "d.zip", {"王小明_5_assignsubmission_file_/x.ipynb": notebook()}, day)


def test_canvass_mark_counts_as_one_day(desk):
    desk.write_class(DUE)
    content = {"王小明_LATE_102_1_x.ipynb": notebook(), "müllerannalena_101_2_x.ipynb": notebook()}
    desk.collect(zipped(desk.downloads / "d.zip", content, "2026-12-24 10:00:00"))
    desk.grade()
    assert [points(desk, who) for who in ("wang", "mueller")] == [("11.7", "1.3"), ("13", "0")]
    assert "Your school&#39;s system marks this as late" in desk.page("wang")


def test_a_time_that_is_only_known_to_be_before_the_download_takes_nothing_off(desk):
    desk.write_class(DUE)
    desk.collect(download(desk, "2026-12-24"))
    told = desk.grade()
    assert points(desk, "wang") == ("13", "0")
    assert f"nobody knows when these were handed in, so they count as on time: wang {FIRST}" in told


def test_a_download_before_the_date_proves_that_it_was_on_time(desk):
    desk.write_class(DUE)
    desk.collect(download(desk, "2026-10-01"))
    assert "nobody knows" not in desk.grade()


def test_nbgraders_file_beside_a_notebook_tells_the_time(desk):
    desk.write_class(DUE)
    content = {f"{FIRST}.ipynb": notebook(), "timestamp.txt": b"2026-10-05 20:30:00.123456 Europe/Zurich"}
    laid(desk.submitted, {f"wang/{FIRST}/{name}": data for name, data in content.items()})
    desk.grade()
    assert points(desk, "wang") == ("11.7", "1.3")


# attempts


def test_the_best_attempt_is_graded_where_the_class_says_so(desk):
    desk.write_class('attempts = "best"\n')
    wrong = notebook(remark="worse", div_term="def div_term(d_model):\n    return None")
    for name, when, data in (("a.zip", "2026-10-01", notebook()), ("b.zip", "2026-10-02", wrong)):
        desk.collect(zipped(desk.downloads / name, {"王小明_5_assignsubmission_file_/x.ipynb": data}, when))
    assert desk.graded("wang") == wrong
    desk.grade()
    assert desk.graded("wang") == notebook()
    assert desk.scores()["wang", FIRST]["points"] == "13"


def test_the_best_attempt_is_the_best_after_what_being_late_costs(desk):
    desk.write_class('attempts = "best"\n' + DUE.replace("= 10\n", "= 90\n"))
    wrong = notebook(remark="worse", div_term="def div_term(d_model):\n    return None")
    for when, data in (("2026-10-05 12:00:00", wrong), ("2026-10-06 12:00:00", notebook())):
        desk.collect(laid(desk.downloads / when[:10], {f"wxm+{FIRST}+{when} UTC+x/{FIRST}.ipynb": data}))
    desk.grade()
    assert desk.graded("wang") == wrong
    assert desk.scores()["wang", FIRST]["late_penalty"] == "0"


def test_attempts_are_not_graded_twice(desk, monkeypatch):
    test_the_best_attempt_is_graded_where_the_class_says_so(desk)
    kept = (desk.results / "attempts.json").read_bytes()
    (desk.results / "attempts.json").touch()
    desk.grade()
    assert (desk.results / "attempts.json").read_bytes() == kept
    assert len(json.loads(kept)) == 2


def two_attempts(desk):
    """A first attempt that is right, and a worse one a day later."""
    desk.write_class('attempts = "best"\n')
    worse = notebook(remark="worse", div_term="def div_term(d_model):\n    return None")
    for name, when, data in (("a.zip", "2026-10-01", notebook()), ("b.zip", "2026-10-02", worse)):
        desk.collect(zipped(desk.downloads / name, {"王小明_5_assignsubmission_file_/x.ipynb": data}, when))
    return worse


def test_a_dry_run_leaves_the_attempts_in_their_places(desk):
    worse = two_attempts(desk)
    before = {path: path.read_bytes() for path in state(desk)}
    assert "nothing was written" in desk.grade("--dry-run")
    assert {path: path.read_bytes() for path in state(desk)} == before
    assert desk.graded("wang") == worse
    assert not desk.results.exists()


def test_an_earlier_attempt_that_becomes_the_best_one_asks(desk):
    worse = two_attempts(desk)
    desk.write_class("")
    desk.grade()
    assert desk.graded("wang") == worse
    desk.write_class('attempts = "best"\n')
    told = stopped(desk)
    assert f"| wang | {FIRST} | div_term-values | 0 | 3 | an earlier attempt is the best one now |" in told
    desk.grade("--accept-changes")
    assert desk.scores()["wang", FIRST]["points"] == "13"
    assert desk.graded("wang") == notebook()


def test_a_damaged_class_json_is_written_anew(graded):
    (graded.results / "class.json").write_text("{", encoding="utf-8")
    graded.grade("--accept-changes")
    assert points(graded, "mueller") == ("10.4", "2.6")
