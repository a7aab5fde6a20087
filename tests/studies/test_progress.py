"""The one line of a study: run 7 of 24 and the time that is left; a Stop keeps what is finished."""

import re
import threading
import time

import pytest

from course_utils.studies import Study, StudyStopped, progress, study
from course_utils.studies.progress import RunLine
from course_utils.studies.study import fingerprint_of_maker, stoppable


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "en")
    monkeypatch.setattr(study, "_in_memory", {})


@pytest.fixture
def watched(monkeypatch):
    """Somebody looks at the output."""
    monkeypatch.setattr(progress, "is_watched", lambda: True)


def three_runs(asked, make=lambda _: {"accuracy": 0.5}):
    asked.expect(3)
    for seed in range(3):
        asked.piece(f"seed {seed}", make)
        asked.say(f"seed {seed}: accuracy 0.5")


def test_a_watched_study_is_one_line_that_counts_its_runs(watched, capsys):
    three_runs(Study())
    said = [part.rstrip() for part in capsys.readouterr().out.split("\r")[1:]]
    assert [part.split(" · ")[0] for part in said] == ["run 1 of 3", "run 2 of 3", "run 3 of 3", "3 runs in 0 s"]
    assert said[0].endswith("seed 0")
    assert "about 0 s left" in said[1]


def test_the_line_ends_once(watched, capsys):
    three_runs(Study())
    assert capsys.readouterr().out.count("\n") == 1


def test_a_study_whose_output_goes_to_a_file_has_a_line_for_each_run(capsys):
    three_runs(Study())
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"^\[.*?\] ", "", line) for line in lines] == [f"seed {seed}: accuracy 0.5" for seed in range(3)]


def test_a_study_that_shall_be_silent_is(watched, capsys):
    three_runs(Study(progress=False))
    assert capsys.readouterr().out == ""


def test_the_line_moves_while_a_run_takes_long(watched, capsys, monkeypatch):
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.02)
    asked = Study()
    asked.expect(1)
    asked.piece("slow", lambda _: time.sleep(0.3) or {})
    assert capsys.readouterr().out.count("run 1 of 1") >= 3


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_nothing_is_written_after_a_run_that_failed(watched, capsys, monkeypatch, raised):
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.01)

    def fail(_):
        raise raised

    with pytest.raises(raised):
        three_runs(Study(), fail)
    assert capsys.readouterr().out.endswith("\n")
    time.sleep(0.1)
    assert capsys.readouterr().out == ""
    assert [each for each in threading.enumerate() if getattr(each, "_target", None) == RunLine._tick] == []


def test_the_time_left_is_that_of_the_runs_that_were_made():
    line = RunLine()
    line.start(5)
    line._made = [60.0, 120.0]
    line._number, line._began = 3, time.monotonic()
    assert line.text().endswith("about 4 min left")


def test_the_line_speaks_chinese(watched, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    three_runs(Study())
    said = capsys.readouterr().out
    assert "第 2/3 次 · seed 1 · 约剩 0 秒" in said
    assert "共 3 次，用时 0 秒" in said


# a Stop -----------------------------------------------------------------------------------------------------------


class Counted:
    """A run that a Stop hits once."""

    def __init__(self, stop_at):
        self.made, self.stop_at = 0, stop_at

    def __call__(self, _):
        self.made += 1
        if self.made == self.stop_at:
            raise KeyboardInterrupt
        return {"run": self.made}


def test_after_a_stop_the_next_run_of_a_cell_goes_on_from_there():
    make = Counted(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        three_runs(Study(), make)
    three_runs(Study(), make)
    assert make.made == 4  # the first run was not made again


def test_a_study_that_was_finished_is_made_anew():
    make = Counted(stop_at=None)
    three_runs(Study(), make)
    three_runs(Study(), make)
    assert make.made == 6


def test_after_a_stop_another_answer_is_not_taken_for_the_former():
    def comparison(text):
        asked, make = Study(), Counted(stop_at=2)
        asked.expect(2)
        for seed in range(2):
            asked.piece(f"seed {seed}", make, classifier=text)
        return make.made

    with pytest.raises(KeyboardInterrupt):
        comparison("one")
    with pytest.raises(KeyboardInterrupt):
        comparison("other")


def notebook(helper):
    names = {"__name__": "notebook"}
    import linecache

    for number, source in enumerate([helper, "def answer(x):\n    return helper(x)"]):
        file = f"<cell {hash(source)} {number}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)
    return names["answer"]


def test_an_answer_changes_with_what_it_calls():
    one, same = (fingerprint_of_maker(notebook("def helper(x):\n    return x")) for _ in range(2))
    other = fingerprint_of_maker(notebook("def helper(x):\n    return x + 1"))
    assert one == same != other


def test_a_stop_shows_one_sentence():
    @stoppable
    def train():
        raise KeyboardInterrupt

    with pytest.raises(StudyStopped, match="what is finished is kept") as stopped:
        train()
    assert stopped.value._render_traceback_() == [
        "Stopped. What is finished is kept; run the cell again and it goes on from there."
    ]
    assert stopped.value.__cause__ is None


def test_a_stop_is_no_error_that_a_cell_could_take_for_its_own():
    assert not issubclass(StudyStopped, Exception)
