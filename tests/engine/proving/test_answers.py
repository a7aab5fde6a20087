"""Answers with a known verdict: read, graded on several draws, and kept so that a run goes on where it was."""

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from course_utils.engine.course import CourseError
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import answers, sample, toy
from course_utils.engine.proving.answer_files import answers_in
from course_utils.engine.proving.answers import ELSEWHERE, OWN, Answer, NotGraded, grade_answers, known_answers
from course_utils.engine.proving.toy import ROWS


@pytest.fixture(scope="module")
def unit() -> Unit:
    return find_units(toy.course().folder, [ROWS])[0]


@pytest.fixture
def answer(unit: Unit) -> Answer:
    return Answer(unit, "powers", "any", "wrong", OWN, "def powers(count):\n    return None\n")


class Desk:
    """An executor whose tasks lose their first check; it notes their seeds, and breaks down after some."""

    def __init__(self, unit: Unit, ends_after: int = 10**6) -> None:
        self.unit, self.ends_after = unit, ends_after
        self.seeds: list[str] = []

    def submit(self, function: Any, task: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if len(self.seeds) < self.ends_after:
            self.seeds.append(task.seed)
            future.set_result(self.record())
        else:
            future.set_exception(OSError("no sandbox"))
        return future

    def record(self) -> Record:
        scores = []
        for number, (check, rule) in enumerate(self.unit.rules.items()):
            points, outcome = self.unit.points(check), "passed" if number else "failed"
            message = None if number else {"en": "no", "zh": "no"}
            place = "s", self.unit.name, rule.exercise, rule.check
            scores.append(Score(*place, points if number else 0.0, points, outcome, message))  # type: ignore[arg-type]
        scores.append(Score("s", self.unit.name, "q1", None, 0.0, 4.0, "missing", None))
        return Record("s", self.unit.name, "graded", tuple(scores))


def grade(desk: Desk, wanted: list[Answer], draws: int, kept: Path, told: list[Any] | None = None) -> Any:
    def tell(done: int, total: int) -> None:
        if told is not None:
            told.append((done, total))

    return grade_answers(wanted, draws, "none", kept, tell, desk)  # type: ignore[arg-type]


# The course's own


def test_known_answers_are_references_alternatives_and_mutants(unit: Unit) -> None:
    known = known_answers([unit])
    assert len(known) == len(unit.exercises) + len(unit.alternatives) + len(unit.mutants)
    assert {each.verdict for each in known if each.hint} == {"wrong"}


# Several draws, kept


def test_each_answer_is_graded_on_draws_of_its_own(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    desk = Desk(unit)
    found = grade(desk, [answer], 3, tmp_path / "kept")
    assert len(set(desk.seeds)) == 3
    assert sorted(draw.seed for draw in found[0]) == sorted(desk.seeds)


def test_a_check_that_is_lost_is_noted_and_a_question_is_not(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    found = grade(Desk(unit), [answer], 1, tmp_path / "kept")
    assert found[0][0].lost == {next(iter(unit.rules)): ""}


def test_what_was_kept_is_not_graded_again(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    grade(Desk(unit), [answer], 3, tmp_path / "kept")
    again, told = Desk(unit), list[Any]()
    grade(again, [answer], 4, tmp_path / "kept", told)
    assert len(again.seeds) == 1
    assert told == [(3, 4), (4, 4)]


def test_a_run_that_is_stopped_goes_on_where_it_was(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_answers([answer], 5, "none", tmp_path / "kept", stop, Desk(unit))  # type: ignore[arg-type]
    desk = Desk(unit)
    assert len(grade(desk, [answer], 5, tmp_path / "kept")[0]) == 5
    assert len(desk.seeds) == 3


def test_a_line_that_a_kill_has_cut_off_is_graded_again(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    grade(Desk(unit), [answer], 2, kept)
    kept.write_text(kept.read_text(encoding="utf-8")[:-9] + "\n", encoding="utf-8")
    desk = Desk(unit)
    assert len(grade(desk, [answer], 2, kept)[0]) == 2
    assert len(desk.seeds) == 1


def test_after_half_a_line_the_next_result_stands_on_its_own(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text('{"key": "ab', encoding="utf-8")
    grade(Desk(unit), [answer], 1, kept)
    assert json.loads(kept.read_text(encoding="utf-8").splitlines()[-1])["lost"]


def test_another_answer_or_another_state_of_the_grader_is_graded_anew(
    unit: Unit, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade(Desk(unit), [answer], 1, tmp_path / "kept")
    monkeypatch.setattr(answers, "state_of", lambda unit: "another")
    desk = Desk(unit)
    grade(desk, [answer], 1, tmp_path / "kept")
    assert len(desk.seeds) == 1


def test_a_fault_of_the_grader_is_told_and_all_others_are_kept(unit: Unit, answer: Answer, tmp_path: Path) -> None:
    with pytest.raises(NotGraded, match="2 of 3 could not be graded; the first, 01_rows, powers, any: OSError"):
        grade(Desk(unit, ends_after=1), [answer], 3, tmp_path / "kept")
    desk = Desk(unit)
    grade(desk, [answer], 3, tmp_path / "kept")
    assert len(desk.seeds) == 2


def test_a_unit_that_is_not_built_says_so(
    unit: Unit, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr(sample, "released", missing)
    with pytest.raises(CourseError, match="course build 01_rows"):
        grade(Desk(unit), [answer], 1, tmp_path / "kept")


@pytest.mark.slow
def test_the_real_engine_refuses_no_right_answer_and_names_a_wrong_one(unit: Unit, tmp_path: Path) -> None:
    chosen = [next(each for each in known_answers([unit]) if each.verdict == verdict) for verdict in ("right", "wrong")]
    right, wrong = grade_answers(chosen, 2, "none", tmp_path / "kept")
    assert [draw.lost for draw in right] == [{}, {}]
    assert [chosen[1].hint in draw.lost.values() for draw in wrong] == [True, True]


# A folder of answers

WRONG = "# why: a half\n# verdict: wrong, surely\n# loses: values\ndef powers(count):\n    return 0.5\n"


def write(folder: Path, text: str, exercise: str = "powers", name: str = "half.py") -> Path:
    path = folder / exercise / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_file_gives_an_answer_without_its_head(unit: Unit, tmp_path: Path) -> None:
    (found,) = answers_in(write(tmp_path, WRONG), [unit])
    assert (found.exercise, found.name, found.verdict, found.origin) == ("powers", "half", "wrong", ELSEWHERE)
    assert found.source == "def powers(count):\n    return 0.5"
    assert found.loses == ("powers-values",)


def test_a_comment_below_the_head_belongs_to_the_answer(unit: Unit, tmp_path: Path) -> None:
    (found,) = answers_in(write(tmp_path, "# verdict: right\nx = 1\n# loses: nothing\n"), [unit])
    assert found.source == "x = 1\n# loses: nothing"


@pytest.mark.parametrize("line", ["# loses: any\n", ""])
def test_where_nobody_wrote_what_is_lost_none_is_named(unit: Unit, tmp_path: Path, line: str) -> None:
    (found,) = answers_in(write(tmp_path, f"# verdict: wrong\n{line}x = 1\n"), [unit])
    assert found.loses == ()


def test_a_head_may_name_the_misconception(unit: Unit, tmp_path: Path) -> None:
    hint = unit.mutants[0].hint
    (found,) = answers_in(write(tmp_path, f"# verdict: wrong\n# misconception: {hint}\nx = 1\n"), [unit])
    assert found.hint == hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\n", "half.py: its head needs a line '# verdict: ' .*; there is no such line"),
        ("# verdict: perhaps\nx = 1\n", "got 'perhaps'"),
        ("# verdict: wrong\n# loses: colour\nx = 1\n", "powers has no check 'colour'; it has values"),
        ("# verdict: wrong\n# misconception: nobody\nx = 1\n", "01_rows has no hint 'nobody'"),
    ],
)
def test_a_head_that_says_nothing_clear_is_refused(unit: Unit, tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        answers_in(write(tmp_path, text), [unit])


def test_a_file_that_is_no_text_is_refused(unit: Unit, tmp_path: Path) -> None:
    write(tmp_path, WRONG)
    (tmp_path / "powers" / "half.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CourseError, match=r"half\.py cannot be read as UTF-8"):
        answers_in(tmp_path, [unit])


def test_a_folder_of_no_exercise_is_refused(unit: Unit, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no exercise is called power;"):
        answers_in(write(tmp_path, WRONG, exercise="power"), [unit])


def test_exercises_of_other_units_are_passed_over(unit: Unit, tmp_path: Path) -> None:
    write(tmp_path, WRONG)
    assert len(answers_in(write(tmp_path, WRONG, exercise="Block"), [unit])) == 1


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_a_folder_without_answers_is_refused(unit: Unit, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match=r"no folder|holds no answer"):
        answers_in(tmp_path / name, [unit])
