"""Stored outputs that do not fit their code are told; what happens to everybody is not."""

import pytest

from course_utils.engine.grading.intake import Submission
from course_utils.engine.telling.signals.handed_in import HandedIn, stored_cells
from course_utils.engine.telling.signals.outputs import KINDS, misfits, same_runs
from course_utils.instructor.signalling import WORDS

EXERCISES = ("first", "second")
TIMED = "done in 3.4127 s at <Tensor object at 0x7f3a5c21d9e0>\n"


def code(source, count=None, *outputs, name=""):
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
        "metadata": {"nbgrader": {"grade_id": name}} if name else {},
    }


def answer(name, count=1, *outputs, body="return 1"):
    return code(f"def {name}():\n    {body}\n", count, *outputs, name=name)


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(text, count):
    return {"output_type": "execute_result", "data": {"text/plain": [text]}, "execution_count": count}


def error(name="NameError"):
    return {"output_type": "error", "ename": name, "evalue": "name 'x' is not defined", "traceback": []}


def notebook(*cells, student="ann", blank=()):
    texts = [str(cell["source"]) for cell in cells if isinstance(cell, dict) and "source" in cell]
    sources = {name: text for text in texts for name in EXERCISES if f"def {name}" in text}
    return HandedIn(student, "unit", Submission((), {}, blank, "en", sources), stored_cells(cells, EXERCISES))


def kinds(*cells, passed=EXERCISES, blank=()):
    return [each.kind for each in misfits(notebook(*cells, blank=blank), passed)]


def test_each_kind_has_its_words():
    assert set(WORDS) == set(KINDS)


def test_a_result_with_another_number_than_its_cell_is_told():
    assert kinds(answer("first"), code("first()", 2, result("1", 7))) == ["count_differs"]


def test_outputs_of_a_cell_that_was_not_run_are_told():
    assert kinds(answer("first"), code("first()", None, printed("1"))) == ["no_run"]


def test_an_answer_that_was_not_run_above_cells_that_were_is_told():
    assert kinds(answer("first", None), code("first()", 3), answer("second", 4)) == ["never_run"]


def test_an_error_above_an_answer_that_passes_is_told():
    assert kinds(answer("first"), code("check('first')", 2, error())) == ["error_above"]


HONEST = {
    "run in order": [answer("first", 1), code("first()", 2, result("1", 2)), answer("second", 3)],
    "run in another order": [answer("first", 9), code("first()", 4, result("1", 4)), answer("second", 2)],
    "one number twice, after a restart": [answer("first", 1), answer("second", 1)],
    "all numbers cleared, outputs kept": [answer("first", None), code("first()", None, printed("1"))],
    "all cleared": [answer("first", None), code("first()"), answer("second", None)],
    "nothing run at all below": [answer("first", None), code("first()"), answer("second", 1)],
    "in the format before 2014": [{"cell_type": "code", "input": "first()", "prompt_number": 1, "outputs": []}],
}


@pytest.mark.parametrize("way", HONEST)
def test_what_happens_to_everybody_is_not_told(way):
    assert kinds(*HONEST[way]) == []


def test_an_error_above_an_answer_that_fails_is_not_told():
    assert kinds(answer("first"), code("check('first')", 2, error()), passed=()) == []


def test_an_exercise_that_is_as_released_is_not_told():
    assert kinds(answer("first", None), code("first()", 3), answer("second", 4), blank=("first",)) == []


def both(first, second):
    return list(same_runs([notebook(*first, student="ann"), notebook(*second, student="ben")]))


def test_the_outputs_of_another_run_below_other_code_are_told():
    (found,) = both(
        [answer("first"), code("first()", 2, printed(TIMED))],
        [answer("first", body="return 2"), code("first()", 2, printed(TIMED))],
    )
    assert (found.student, found.other, found.kind) == ("ann", "ben", "same_run")


@pytest.mark.parametrize(
    "text", ["tensor([0.1254, 0.9921, 0.1255])\n", "accuracy 0.987654321\n", "0.31 s\n", "12:30:59"]
)
def test_outputs_that_each_run_gives_alike_are_not_told(text):
    cells = [answer("first"), code("first()", 2, printed(text))]
    assert both(cells, [answer("first", body="return 2"), cells[1]]) == []


def test_the_same_code_with_the_same_outputs_is_left_to_likeness():
    cells = [answer("first"), code("first()", 2, printed(TIMED))]
    assert both(cells, cells) == []


def test_what_a_whole_class_has_is_given():
    cells = [[answer("first", body=f"return {n}"), code("first()", 2, printed(TIMED))] for n in range(9)]
    assert list(same_runs([notebook(*each, student=f"s{n}") for n, each in enumerate(cells)])) == []


@pytest.mark.parametrize(
    "cell",
    [
        None,
        7,
        {"cell_type": "code", "source": 3, "outputs": "x"},
        {"cell_type": "code", "outputs": [None, 3, {"output_type": []}, {"data": []}, {"text": {"a": 1}}]},
        {"cell_type": "code", "execution_count": True, "outputs": [{"execution_count": "3", "output_type": "error"}]},
        {"cell_type": "code", "source": "x", "metadata": [], "outputs": [printed("\ud800" * 3)]},
    ],
)
def test_whatever_lies_in_a_notebook_is_read(cell):
    assert [each.kind for each in misfits(notebook(cell), EXERCISES)] in ([], ["no_run"])
