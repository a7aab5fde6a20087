"""A run of the grader: all that the contract asks for is written, and a stopped run goes on where it stopped."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from course_utils.engine.course import CourseError, current
from course_utils.engine.grading import run as runner
from course_utils.engine.grading.log import locked, read_log
from course_utils.engine.grading.plan import Plan, RunError
from course_utils.engine.grading.replacing import Asker
from course_utils.engine.grading.run import run
from course_utils.engine.grading.scores import write_scores
from course_utils.engine.harmless import shown_name
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.telling.changes import Change, changes_of
from course_utils.engine.telling.export import export
from course_utils.engine.telling.hand_marks import Hands
from course_utils.engine.telling.results import Writer

UNIT = "01_positional_encoding"


@pytest.fixture(scope="session")
def unit():
    return find_units(current().folder, [UNIT])[0]


class Here(Executor):
    """Runs each task at once, in this process; notes whose were begun."""

    def __init__(self):
        self.students = []

    def submit(self, function, task):
        future = Future()
        if task.unfinished is None:
            self.students.append(task.student)
        try:
            future.set_result(function(task))
        except Exception as error:
            future.set_exception(error)
        return future


def small_class(submitted: Path, unit) -> None:
    """One who is right, one with a mistake, one with a blank notebook, one with something else, one with nothing."""
    sample.write(submitted, "right", unit, sample.filled(unit, sample.reference(unit), {"q1_sin_cos": "So."}))
    sample.write(submitted, "wrong", unit, sample.filled(unit, sample.report(unit), language="zh"))
    sample.write(submitted, "blank", unit, sample.released(unit))
    sample.write(submitted, "broken", unit, b"%PDF-1.7")
    (submitted / "nothing").mkdir()


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory, unit, mode):
    """A small class that was graded once; copy it before you change it."""
    folder = tmp_path_factory.mktemp("class")
    small_class(folder / "submitted", unit)
    plan = Plan(folder / "submitted", folder / "results", (UNIT,), sandbox=mode)
    outcome = run(plan, Here())
    write_scores(plan.results, outcome.records)
    return plan


@pytest.fixture
def graded(graded_class, tmp_path):
    """A class of one's own that was graded once."""
    import shutil
    from dataclasses import replace

    shutil.copytree(graded_class.submitted.parent, tmp_path / "copy")
    return replace(graded_class, submitted=tmp_path / "copy" / "submitted", results=tmp_path / "copy" / "results")


def log_lines(results: Path) -> list[dict]:
    return [json.loads(line) for line in (results / "log.jsonl").read_bytes().splitlines()]


def scores_of(results: Path) -> list[dict]:
    return json.loads((results / "scores.json").read_text(encoding="utf-8"))


# The contract's files

KEYS = ["student", "unit", "exercise", "check", "points", "max_points", "outcome", "message", "hint"]


def test_a_score_has_exactly_the_keys_of_the_contract(graded_class):
    assert {tuple(score) for score in scores_of(graded_class.results)} == {tuple(KEYS)}


@pytest.mark.parametrize("student", ["right", "wrong", "blank", "broken", "nothing"])
def test_every_check_stands_there_for_every_student(graded_class, unit, student):
    names = [
        (score["exercise"], score["check"]) for score in scores_of(graded_class.results) if score["student"] == student
    ]
    checks = [(rule.exercise, rule.check) for rule in unit.rules.values()]
    assert names == checks + [(question, None) for question in unit.rubric]


@pytest.mark.parametrize(
    ("student", "outcomes"),
    [
        ("right", {"passed", "manual"}),
        ("wrong", {"passed", "failed", "missing"}),
        ("blank", {"missing"}),
        ("broken", {"error"}),
        ("nothing", {"missing"}),
    ],
)
def test_each_student_has_the_outcomes_that_are_due(graded_class, student, outcomes):
    found = {score["outcome"] for score in scores_of(graded_class.results) if score["student"] == student}
    assert found == outcomes


def test_a_message_is_one_text_and_null_only_where_a_check_passed(graded_class):
    for score in scores_of(graded_class.results):
        assert (score["message"] is None) == (score["outcome"] == "passed")
        assert score["message"] is None or score["message"].strip()


def test_points_are_all_or_none_of_what_a_check_is_worth(graded_class, unit):
    for score in scores_of(graded_class.results):
        if score["check"]:
            assert score["max_points"] == unit.points(f"{score['exercise']}-{score['check']}")
            assert score["points"] == (score["max_points"] if score["outcome"] == "passed" else 0)


def test_a_student_is_told_in_the_language_of_the_notebook(graded_class):
    told = [score["message"] for score in scores_of(graded_class.results) if score["hint"]]
    assert told
    assert not any(message.isascii() for message in told)


def test_the_table_has_a_row_per_student_and_unit(graded_class):
    with (graded_class.results / "scores.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [list(row.values()) for row in rows] == [
        ["blank", UNIT, "0", "17", "0", "graded"],
        ["broken", UNIT, "0", "17", "0", "error"],
        ["nothing", UNIT, "0", "17", "0", "missing"],
        ["right", UNIT, "13", "17", "4", "graded"],
        ["wrong", UNIT, "10", "17", "0", "graded"],
    ]
    assert list(rows[0]) == ["student", "unit", "points", "max_points", "manual_points_open", "outcome"]


def test_a_line_of_the_log_holds_what_a_replay_needs(graded_class):
    for line in log_lines(graded_class.results):
        assert {"student", "unit", "digest", "seed", "key", "sandbox", "versions", "date", "scores"} <= set(line)
        assert set(line["versions"]) == {"python", "torch"}


def test_every_notebook_gets_a_seed_of_its_own(graded_class):
    seeds = [line["seed"] for line in log_lines(graded_class.results)]
    assert len(set(seeds)) == len(seeds)


def test_a_grade_can_be_replayed_from_the_log(graded_class, mode):
    from course_utils.engine.grading.task import Task
    from course_utils.engine.grading.work import grade_alone

    line = next(line for line in log_lines(graded_class.results) if line["student"] == "wrong")
    data = (graded_class.submitted / "wrong" / UNIT / f"{UNIT}.ipynb").read_bytes()
    again = grade_alone(Task("wrong", UNIT, data, "", line["digest"], line["seed"], mode))
    assert [score.as_json() for score in again.scores] == line["scores"]


def test_units_that_only_one_student_handed_in_are_graded_for_all(tmp_path, mode):
    built = [unit for unit in find_units(current().folder) if (current().notebooks / "en" / unit.name).is_dir()]
    for student, unit in zip(("ann", "bob"), built, strict=False):
        sample.write(tmp_path / "submitted", student, unit, sample.released(unit))
    outcome = run(Plan(tmp_path / "submitted", tmp_path / "results", sandbox=mode), Here())
    assert [record.place for record in outcome.records] == [
        (student, unit.name) for student in ("ann", "bob") for unit in built[:2]
    ]


# What has not changed is not graded again


def test_a_second_run_grades_nothing_and_gives_the_same(graded):
    pool = Here()
    outcome = run(graded, pool)
    assert (outcome.graded, outcome.unchanged, pool.students) == (0, 5, [])
    lines = sorted(log_lines(graded.results), key=lambda line: line["student"])
    assert [record.as_json() for record in outcome.records] == lines


def change_blank(plan, unit):
    sample.write(plan.submitted, "blank", unit, sample.filled(unit, sample.reference(unit)))


def remove_broken(plan, unit):
    (plan.submitted / "broken" / UNIT / f"{UNIT}.ipynb").unlink()


def hand_in_late(plan, unit):
    sample.write(plan.submitted, "nothing", unit, sample.released(unit))


def join(plan, unit):
    sample.write(plan.submitted, "zoe", unit, b"")


@pytest.mark.parametrize(
    ("change", "student", "before", "after"),
    [
        (change_blank, "blank", "missing", "passed"),
        (remove_broken, "broken", "error", "missing"),
        (hand_in_late, "nothing", "missing", "missing"),
        (join, "zoe", None, "error"),
    ],
)
def test_only_what_changed_is_graded_again(graded, unit, change, student, before, after):
    def outcome_of(records):
        return next((record.scores[0].outcome for record in records if record.student == student), None)

    assert outcome_of(read_log(graded.results).last.values()) == before
    change(graded, unit)
    pool = Here()
    outcome = run(graded, pool)
    assert pool.students == [student]
    assert outcome_of(outcome.records) == after


def test_a_touched_file_with_the_same_bytes_is_not_graded_again(graded):
    os.utime(graded.submitted / "right" / UNIT / f"{UNIT}.ipynb", (0, 0))
    assert run(graded, Here()).graded == 0


def test_changed_checks_are_a_reason_to_grade_everything_again(graded, monkeypatch):
    monkeypatch.setattr(runner.provenance, "deciding", lambda solutions, unit: {"unit, rules.py": "another"})
    assert run(graded, Here()).graded == 5


def test_progress_is_told_after_each_notebook(graded_class, tmp_path):
    from dataclasses import replace

    told = []
    run(replace(graded_class, results=tmp_path), Here(), tell=lambda done, total: told.append((done, total)))
    assert told == [(number, 5) for number in range(1, 6)]


# Grading again


def falsified(plan, points=1.5):
    """The log as if a first grading had given other points for div_term."""
    lines = log_lines(plan.results)
    for line in lines:
        if line["student"] == "right":
            line["scores"][0]["points"] = points
    (plan.results / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return (plan.results / "log.jsonl").read_bytes()


class Answering(Asker):
    """Answers as a test wants, and notes what was asked."""

    def __init__(self, answer=lambda: True):
        self.answer, self.asked, self.changes = answer, 0, []

    def confirm(self, proposal):
        self.asked += 1
        self.changes = changes_of(proposal, Hands(), None, None)
        return self.answer()


def regrade(plan, pool=None, **more):
    from dataclasses import replace

    return run(replace(plan, regrade=True), pool or Here(), **more)


def test_a_regrade_shows_what_changes_before_it_replaces_it(graded):
    before = falsified(graded)

    def answer():
        assert (graded.results / "log.jsonl").read_bytes() == before
        return True

    asker = Answering(answer)
    regrade(graded, asker=asker)
    assert asker.changes == [Change("right", UNIT, "div_term-values", "1.5", "3", "graded again, as asked")]
    assert read_log(graded.results).last["right", UNIT].scores[0].points == 3.0


def test_a_regrade_that_is_declined_changes_nothing(graded):
    before = falsified(graded)
    outcome = regrade(graded, asker=Answering(lambda: False))
    assert (graded.results / "log.jsonl").read_bytes() == before
    assert not (graded.results / "regrade.jsonl").exists()
    assert next(r for r in outcome.records if r.student == "right").scores[0].points == 1.5


def test_a_regrade_that_changes_no_score_says_so(graded):
    asker = Answering()
    regrade(graded, asker=asker)
    assert (asker.asked, asker.changes) == (1, [])
    assert len(log_lines(graded.results)) == 10  # append-only: the old lines stay


def test_a_regrade_grades_everybody_once(graded):
    pool = Here()
    regrade(graded, pool)
    assert sorted(pool.students) == ["blank", "broken", "nothing", "right", "wrong"]


class Stop(BaseException):
    """Stands for what ends a run in its middle."""


def test_a_regrade_that_was_stopped_replaces_nothing_and_can_be_done_again(graded):
    before = falsified(graded)
    told = []

    def stop(done, total):
        told.append((done, total))
        if done == 2:
            raise Stop("in the middle")

    with pytest.raises(Stop, match="in the middle"):
        regrade(graded, tell=stop)
    assert (graded.results / "log.jsonl").read_bytes() == before
    pool = Here()
    regrade(graded, pool)
    assert len(pool.students) == 3  # the two that were done before are not graded again
    assert read_log(graded.results).last["right", UNIT].scores[0].points == 3.0


# What a kill leaves behind


@pytest.mark.parametrize("rest", [b"{", b'{"student": "zoe", "unit', b"\xff\x00", "数".encode()[:2], b"x" * 200_000])
def test_an_unfinished_last_line_is_cut_off(graded, rest):
    whole = (graded.results / "log.jsonl").read_bytes()
    (graded.results / "log.jsonl").write_bytes(whole + rest)
    assert run(graded, Here()).graded == 0
    assert (graded.results / "log.jsonl").read_bytes() == whole


@pytest.mark.parametrize("length", [1, 100, 5000])
def test_a_last_line_that_was_half_written_is_graded_again(graded, length):
    whole = (graded.results / "log.jsonl").read_bytes()
    (graded.results / "log.jsonl").write_bytes(whole[:-length])
    pool = Here()
    run(graded, pool)
    lines = log_lines(graded.results)
    assert len(pool.students) >= 1
    assert sorted(line["student"] for line in lines) == ["blank", "broken", "nothing", "right", "wrong"]


@pytest.mark.parametrize("line", [b"not json", b"[]", b"3", b'{"student": ["x"], "unit": 3}', b'{"unit": "x"}', b""])
def test_a_line_of_the_log_that_says_nothing_is_passed_over_and_told(graded, line):
    path = graded.results / "log.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    outcome = run(graded, Here())
    assert outcome.graded == 0
    assert [sentence.partition(":")[0] for sentence in outcome.damaged] == ([f"{path} line 1"] if line else [])


def test_a_notebook_whose_line_is_damaged_is_graded_again(graded, caplog):
    path = graded.results / "log.jsonl"
    whole = path.read_bytes()
    number = next(n for n, line in enumerate(log_lines(graded.results), start=1) if line["student"] == "right")
    lines = whole.splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace(b'"passed"', b'"won"')
    path.write_bytes(b"".join(lines))
    pool = Here()
    outcome = run(graded, pool)
    assert pool.students == ["right"]
    assert re.search(rf"log\.jsonl line {number}: score 1: outcome must be one of .*, got 'won'", outcome.damaged[0])
    assert outcome.damaged[0] in caplog.text
    assert read_log(graded.results).last["right", UNIT].scores[0].outcome == "passed"


def test_an_empty_log_is_a_new_one(graded):
    (graded.results / "log.jsonl").write_bytes(b"")
    assert run(graded, Here()).graded == 5


def test_a_second_run_into_the_same_results_is_refused(graded):
    with (
        locked(graded.results),
        pytest.raises(RunError, match=r"another run is grading into .* wait for it or take another --results"),
    ):
        run(graded, Here())


# Workers that die and graders that fail


class Unlucky(Here):
    """Loses each student's task a number of times."""

    def __init__(self, times, whose="right"):
        super().__init__()
        self.times, self.whose = times, whose

    def submit(self, function, task):
        if task.student == self.whose and self.times > 0:
            self.times -= 1
            future = Future()
            future.set_exception(OSError("the worker is gone"))
            return future
        return super().submit(function, task)


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_whose_worker_died_is_tried_again(graded_class, tmp_path, times):
    from dataclasses import replace

    outcome = run(replace(graded_class, results=tmp_path), Unlucky(times))
    assert outcome.failures == []
    assert len(log_lines(tmp_path)) == 5


def test_a_task_that_fails_again_and_again_is_told_and_not_logged(graded_class, tmp_path):
    from dataclasses import replace

    plan = replace(graded_class, results=tmp_path)
    outcome = run(plan, Unlucky(99))
    assert outcome.failures == [f"right, {UNIT}: OSError: the worker is gone"]
    record = next(record for record in outcome.records if record.student == "right")
    assert {score.message["en"] for score in record.scores} == {runner.INTERNAL["en"]}
    assert {score.outcome for score in record.scores} == {"error"}
    assert "right" not in {line["student"] for line in log_lines(tmp_path)}
    assert run(plan, Here()).graded == 1


# Names and folders

NAMES = ["李雷", "Ann Lee", "o'neill \"x\"", "new\nline", "-rf", "tab\there", "<b>bold", "a&b", "50%", "né",
         "(team) [1]", "$HOME", "a" * 120, "\udcff\udcfe", "🙂", "con", "..a",
         "a\rb", "\udcff" * 200, "\\xff" * 60]  # fmt: skip


@pytest.fixture(scope="session")
def oddly_named(tmp_path_factory, unit):
    folder = tmp_path_factory.mktemp("odd names 名字")
    for name in NAMES:
        sample.write(folder / "submitted", name, unit, sample.released(unit))
    plan = Plan(folder / "submitted", folder / "results", (UNIT,), sandbox="none")
    Writer(plan).finish(run(plan, Here()).records)
    return plan


SEEN = [name for name in NAMES if not name.startswith(".")]


@pytest.mark.parametrize("name", SEEN, ids=ascii)
def test_a_student_with_an_odd_name_is_graded(oddly_named, name):
    shown = shown_name(name)
    assert Counter(score["student"] for score in scores_of(oddly_named.results))[shown] == 11
    assert [line["student"] for line in log_lines(oddly_named.results)].count(shown) == 1


def test_every_student_with_an_odd_name_gets_a_page(oddly_named):
    pages = list((oddly_named.results / "feedback").glob(f"*/{UNIT}.html"))
    assert len(pages) == len(SEEN)


@pytest.mark.parametrize("format", ["canvas", "moodle", "csv"])
def test_marks_can_be_exported_whatever_a_student_is_called(oddly_named, tmp_path, format):
    rows = export(oddly_named.results, format, tmp_path / "marks.csv").read_bytes().decode("utf-8-sig")
    assert "a⟨U+000D⟩b #" in rows


def test_no_name_is_shown_as_that_of_bytes():
    shown = shown_name("a\udcff")
    assert shown_name(shown) != shown


def test_a_name_that_is_no_text_is_shown_with_its_bytes(oddly_named):
    shown = {score["student"] for score in scores_of(oddly_named.results)}
    assert any(name.startswith("\\xff\\xfe ") for name in shown)  # and a digest, so that nobody else is called so


def test_hidden_folders_and_files_beside_the_students_are_passed_over(tmp_path):
    for name in (".git", ".ipynb_checkpoints", "ann"):
        (tmp_path / name).mkdir()
    (tmp_path / "marks.csv").write_text("")
    assert runner.students(tmp_path) == ["ann"]


@pytest.mark.parametrize("place", ["ann", f"ann/{UNIT}"])
@pytest.mark.parametrize("name", ["ann", "zoe"])
def test_a_link_that_cannot_be_followed_costs_nobody_else(tmp_path, unit, place, name):
    submitted = tmp_path / "submitted"
    sample.write(submitted, "bob", unit, sample.released(unit))
    link = submitted / place.replace("ann", name)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("x" * 300)  # past what a name may have; a link into a closed folder is as bad for who is not root
    outcome = run(Plan(submitted, tmp_path / "results", sandbox="none"), Here())
    assert {record.student: record.outcome for record in outcome.records} == {"bob": "graded", name: "error"}


def test_a_students_folder_that_is_a_link_is_told_to_the_student(tmp_path):
    (tmp_path / "submitted").mkdir()
    (tmp_path / "submitted" / "ann").symlink_to(tmp_path)
    outcome = run(Plan(tmp_path / "submitted", tmp_path / "results", (UNIT,), sandbox="none"), Here())
    assert outcome.records[0].message["en"].startswith("The notebook or its folder is a link")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "is not a folder; give the one that holds STUDENT/UNIT/UNIT.ipynb"),
        (lambda path: path.write_text(""), "is not a folder; give the one that holds STUDENT/UNIT/UNIT.ipynb"),
        (lambda path: path.mkdir(), "holds no student's folder; notebooks belong in STUDENT/UNIT/UNIT.ipynb"),
        (lambda path: (path / "ann").mkdir(parents=True), "handed in a unit; known are 01_positional_encoding"),
        (lambda path: (path / "ann" / "99_other").mkdir(parents=True), "handed in a unit; known are"),
    ],
    ids=["not there", "a file", "empty", "no unit", "an unknown unit"],
)
def test_a_folder_with_nothing_to_grade_is_refused_in_one_sentence(tmp_path, make, sentence):
    make(tmp_path / "submitted")
    with pytest.raises(RunError, match=sentence):
        run(Plan(tmp_path / "submitted", tmp_path / "results"), Here())


def test_an_unknown_unit_is_refused_with_those_that_there_are(tmp_path):
    (tmp_path / "ann").mkdir()
    with pytest.raises(CourseError, match=f"no unit 99_other; there are {UNIT}"):
        run(Plan(tmp_path, tmp_path / "results", ("99_other",)), Here())


# kill -9 at any moment


def mixed_class(submitted: Path, unit, size: int) -> list[str]:
    """A class in which everyone handed in something else: right, with a mistake, blank, broken, crashing."""
    names = [f"student {number:02d} 学生" for number in range(size)]
    for number, name in enumerate(names):
        mutant = unit.mutants[number % len(unit.mutants)]
        notebook: dict | bytes = sample.filled(
            unit, sample.with_answer(unit, mutant), {"q1_sin_cos": f"Answer {number}."}
        )
        if number % 6 == 1:
            notebook = sample.filled(unit, sample.reference(unit), language="zh")
        elif number % 6 == 3:
            crash = "def shift_matrix(*args, **kwargs):\n    import os\n    os._exit(1)"
            notebook = sample.filled(unit, sample.reference(unit) | {"shift_matrix": crash})
        elif number % 12 == 5:
            notebook = sample.released(unit)
        elif number % 12 == 11:
            notebook = b"not a notebook"
        sample.write(submitted, name, unit, notebook)
    return names


def grade_command(submitted: Path, results: Path, mode: str) -> list[str]:
    return [
        sys.executable, "-m", "course_utils", "grade", str(submitted), "--results", str(results), "--unit", UNIT,
        "--jobs", "2", "--sandbox", mode,
    ]  # fmt: skip


def what_was_scored(results: Path) -> list[tuple]:
    """Scores without their messages: a message may name another mistake when the hidden numbers are others."""
    return [
        tuple(score[key] for key in ("student", "unit", "exercise", "check", "points", "max_points", "outcome"))
        for score in scores_of(results)
    ]


def gradebook_of(results: Path) -> dict[str, list[float]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{results / 'gradebook.db'}") as gradebook:
        found: dict[str, list[float]] = {}
        for submission in gradebook.assignment_submissions(UNIT):
            found.setdefault(submission.student.id, []).append(submission.score)
        return found


def processes_below(words: str) -> list[int]:
    """Processes whose command line or environment names a folder of this test."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if words.encode() in (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def killed_at_random(folder: Path, unit, mode: str, size: int, kills: int, seed: int) -> None:
    """Grade a class undisturbed, and once more with kills in between; all files have to be the same."""
    chance = random.Random(seed)
    names = mixed_class(folder / "handed in", unit, size)
    calm, shaken = folder / "calm", folder / "shaken"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    start = time.monotonic()
    subprocess.run(grade_command(folder / "handed in", calm, mode), check=True, **quiet)
    took = time.monotonic() - start
    mark = f"course-test-{os.getpid()}-{seed}"
    done = 0
    environment = os.environ | {"COURSE_TEST_MARK": mark}
    log = shaken / "log.jsonl"
    for kill in range(kills):
        with subprocess.Popen(grade_command(folder / "handed in", shaken, mode), env=environment, **quiet) as process:
            if kill % 3 == 0:  # while it starts, or anywhere
                time.sleep(chance.random() * took)
            else:  # while it grades, after some more notebooks, up to the writing of the pages
                lines = done + chance.randint(0, max(1, 2 * size // kills))
                while process.poll() is None and (log.read_bytes().count(b"\n") if log.exists() else 0) < lines:
                    time.sleep(0.002)
                time.sleep(chance.random() * 0.05)
            process.kill()
            process.communicate()
        done = log.read_bytes().count(b"\n") if log.exists() else 0
    subprocess.run(grade_command(folder / "handed in", shaken, mode), check=True, **quiet)
    lines = log_lines(shaken)
    assert sorted(line["student"] for line in lines) == names
    assert what_was_scored(shaken) == what_was_scored(calm)
    assert (shaken / "scores.csv").read_bytes() == (calm / "scores.csv").read_bytes()
    assert gradebook_of(shaken) == gradebook_of(calm)
    assert [len(scores) for scores in gradebook_of(shaken).values()] == [1] * size
    assert sorted(path.parent.name for path in (shaken / "feedback").glob(f"*/{UNIT}.html")) == names
    assert [path.name for path in shaken.rglob(".part-*")] == []
    deadline = time.monotonic() + 20
    while processes_below(mark) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_below(mark) == []


@pytest.mark.slow
def test_a_class_of_12_whose_grader_is_killed_6_times_is_graded_once(tmp_path, unit, mode):
    killed_at_random(tmp_path, unit, mode, size=12, kills=6, seed=1)


@pytest.mark.long
@pytest.mark.slow
def test_a_class_of_30_whose_grader_is_killed_20_times_is_graded_once(tmp_path, unit, mode):
    killed_at_random(tmp_path, unit, mode, size=30, kills=20, seed=2)


@pytest.mark.slow
def test_a_class_is_graded_though_its_workers_are_killed(tmp_path, unit, mode):
    import multiprocessing

    names = mixed_class(tmp_path / "submitted", unit, 10)
    plan = Plan(tmp_path / "submitted", tmp_path / "results", (UNIT,), jobs=2, sandbox=mode)
    killed = []

    def kill_once(done, total):
        if done == 3 and not killed:
            for child in multiprocessing.active_children():
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)

    outcome = run(plan, tell=kill_once)
    assert len(killed) == 2
    assert outcome.failures == []
    assert sorted(line["student"] for line in log_lines(plan.results)) == names
