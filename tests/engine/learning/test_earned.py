"""`solution` and `question`: earned, explained, in both languages, and never in what a class gets."""

import json
import linecache
import math
import shutil

import bundles
import pytest
import torch
from bundles import TEXT, UNIT, notebook
from torch import Tensor, nn

from course_utils.engine.course import SOLUTIONS, VARIABLE, current
from course_utils.engine.grading.task import Task
from course_utils.engine.grading.work import grade_alone
from course_utils.engine.learning.earned import tell_question, tell_solution
from course_utils.engine.learning.reset import reset
from course_utils.engine.making import bundle
from course_utils.engine.making.units import Unit
from course_utils.engine.proving import sample
from course_utils.selfcheck import check, hint, question, solution

REFERENCE = Unit(current().folder / UNIT)
STEPS = len(REFERENCE.hints["steps"]["div_term"])
LINE = "frequencies = torch.exp(-two_i * math.log(10000.0) / d_model)"


@pytest.fixture(scope="module", params=["en", "zh"])
def released(request, tmp_path_factory):
    """Language, and a bundle for self-study."""
    folder = tmp_path_factory.mktemp("released") / "bundle"
    for name, data in bundle.bundle_files(request.param, self_study=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return request.param, folder


@pytest.fixture
def mine(released, tmp_path, monkeypatch):
    top = tmp_path / "my course 课程"
    shutil.copytree(released[1], top)
    monkeypatch.setenv(VARIABLE, str(top / "course_utils" / "units"))
    monkeypatch.chdir(top / "notebooks" / UNIT)
    return top


def run(source):
    """The names of a notebook in which a cell has run."""
    names = {"__name__": "__main__", "torch": torch, "Tensor": Tensor, "nn": nn, "math": math}
    file = f"<solution {len(linecache.cache)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    return names


def test_a_solution_before_it_is_earned_says_what_is_to_do(mine, released):
    said = repr(tell_solution("div_term", {}))
    assert LINE not in said
    assert 'hint("div_term")' in said
    assert f"{STEPS} more" in said or f"还有 {STEPS} 条" in said


def test_after_green_a_solution_shows_answer_explanation_and_two_other_ways(mine, released):
    names = run(REFERENCE.answer("div_term"))
    assert check("div_term", names).passed
    found = tell_solution("div_term", names)
    assert LINE in repr(found)
    assert REFERENCE.hints["steps"]["div_term"][0][released[0]] in repr(found)
    assert sum(is_code for _, _, is_code in found.parts) == 3
    assert f"```python\n{REFERENCE.answer('div_term')}\n```" in found._repr_markdown_()


def test_after_all_hints_a_solution_shows_itself(mine):
    for step in range(STEPS, 0, -1):  # the last one alone is not all
        assert LINE not in repr(tell_solution("div_term", {}))
        hint("div_term", step)
    assert LINE in repr(tell_solution("div_term", {}))


def test_the_last_hint_says_that_there_is_a_solution(mine):
    assert 'solution("div_term")' in repr(hint("div_term", STEPS))
    assert 'solution("div_term")' not in repr(hint("div_term", 1))


def test_a_wrong_answer_after_a_green_one_earns_nothing(mine):
    check("div_term", run(REFERENCE.answer("div_term")))
    assert LINE not in repr(tell_solution("div_term", run("def div_term(d_model):\n    return 3")))


def test_a_question_without_an_answer_asks_for_one(mine):
    said = repr(tell_question("q1_sin_cos"))
    assert REFERENCE.rubric["q1_sin_cos"]["model_answer"]["en"] not in said
    assert 'question("q1_sin_cos")' in said


def test_a_question_with_an_answer_shows_a_model_answer_and_all_criteria(mine, released):
    bundles.work(notebook(mine))
    said = repr(question("q1_sin_cos"))
    about = REFERENCE.rubric["q1_sin_cos"]
    assert about["model_answer"][released[0]].strip() in said
    for criterion in about["criteria"]:
        assert criterion[released[0]] in said
    assert TEXT not in said


def test_a_question_that_was_reset_asks_for_an_answer_again(mine):
    bundles.work(notebook(mine))
    reset("q1_sin_cos", notebook(mine))
    assert len(question("q1_sin_cos").parts) == 1


@pytest.mark.parametrize("call", [solution, question])
def test_an_unknown_name_is_said(mine, call):
    with pytest.raises(ValueError, match=r"must be one of .*; got 'div_trem'"):
        call("div_trem")


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]"], ids=["missing", "empty", "half", "no mapping"])
def test_without_solutions_a_sentence_says_so(mine, content):
    path = mine / "course_utils" / "units" / UNIT / SOLUTIONS
    path.unlink() if content is None else path.write_bytes(content)
    bundles.work(notebook(mine))
    for step in range(STEPS):
        hint("div_term", step + 1)
    for found in (solution("div_term"), question("q1_sin_cos")):
        assert "instructor" in repr(found) or "询问老师" in repr(found)
    assert ("solution(" in repr(hint("div_term", STEPS))) == (content is not None)


# who has them ---------------------------------------------------------------------------------------------------------


def recorded(files):
    return [name for name in files if name.endswith(SOLUTIONS)]


def test_a_class_gets_none_and_self_study_one_a_unit():
    assert recorded(dict(bundle.bundle_files("en"))) == []
    assert len(recorded(dict(bundle.bundle_files("en", self_study=True)))) == len(current().unit_names)


def test_self_study_differs_from_a_class_in_nothing_else():
    of_class, alone = dict(bundle.bundle_files("zh")), dict(bundle.bundle_files("zh", self_study=True))
    assert set(alone) - set(of_class) == set(recorded(alone))
    assert {name: alone[name] for name in of_class} == of_class


@pytest.mark.parametrize("name", current().unit_names)
def test_recorded_solutions_hold_no_hidden_size_and_no_mistake(name):
    unit = Unit(current().folder / name)
    text = (unit.folder / SOLUTIONS).read_text(encoding="utf-8")
    assert "CASES" not in text
    assert [mutant.name for mutant in unit.mutants if mutant.source and mutant.source.strip() in text] == []


CHEAT = """
from course_utils.selfcheck import hint, solution
try:
    for step in (1, 2, 3):
        hint("div_term", step)
    told = solution("div_term")
    exec(told.parts[0][1])
except Exception:
    pass
"""


def test_at_home_the_notebook_of_the_next_test_finds_a_solution(mine):
    assert "div_term" in run(CHEAT)


@pytest.mark.slow
def test_in_gradings_sandbox_solution_shows_nothing(walls):
    data = json.dumps(sample.filled(REFERENCE, {"div_term": CHEAT})).encode()
    record = grade_alone(Task("cheat", UNIT, data, "", "digest", "seed", walls))
    points = {score.check: score.points for score in record.scores if score.exercise == "div_term"}
    assert points == {"values": 0}
