"""Answers in words: wherever a student wrote one, a person sees it; where nobody wrote any, nobody is bothered."""

import copy
import json

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading.free_text import PICTURES, answers
from course_utils.engine.grading.task import skeleton
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.engine.reading.notebook import read_notebook

UNIT, QUESTION = "01_positional_encoding", "q1_sin_cos"
TWO = "02_attention"
ANSWER = "A sine alone cannot tell a shift from another."
SKELETON = skeleton(str(current().folder), UNIT)


@pytest.fixture(params=["en", "zh"])
def blank(request):
    """The release of a unit with one question, in each language."""
    return copy.deepcopy(sample.released(find_units(current().folder, [UNIT])[0], request.param))


def place(notebook, question=QUESTION):
    return next(
        i for i, c in enumerate(notebook["cells"]) if c["metadata"].get("nbgrader", {}).get("grade_id") == question
    )


def found(notebook, release=SKELETON):
    return answers(read_notebook(json.dumps(notebook).encode()), release)


def text(source, kind="markdown", **more):
    return {"cell_type": kind, "id": "new-1", "metadata": {}, "source": source, **more}


def in_its_cell(notebook, at):
    notebook["cells"][at]["source"] = ANSWER


def below_the_placeholder(notebook, at):
    notebook["cells"].insert(at + 1, text(ANSWER))


def in_a_new_cell_that_replaced_it(notebook, at):
    notebook["cells"][at] = text(ANSWER)


def in_the_questions_own_cell(notebook, at):
    notebook["cells"][at - 1]["source"] += f"\n\n{ANSWER}\n"


def behind_the_questions_last_line(notebook, at):
    notebook["cells"][at - 1]["source"] += f" {ANSWER}"


def with_both_cells_gone(notebook, at):
    notebook["cells"][at - 1 : at + 1] = [text(ANSWER)]


def retyped_as_code(notebook, at):
    notebook["cells"][at] |= {"cell_type": "code", "source": ANSWER, "outputs": []}


def retyped_as_raw(notebook, at):
    notebook["cells"][at] |= {"cell_type": "raw", "source": ANSWER}


def in_a_new_raw_cell(notebook, at):
    notebook["cells"].insert(at + 1, text(ANSWER, "raw"))


def in_a_new_code_cell_as_words(notebook, at):
    notebook["cells"].insert(at + 1, text(ANSWER, "code"))


def at_the_notebooks_end(notebook, at):
    notebook["cells"].append(text(ANSWER))


def in_the_lessons_next_cell(notebook, at):
    notebook["cells"][at + 1]["source"] += f"\n\n{ANSWER}"


PLACES = [
    in_its_cell, below_the_placeholder, in_a_new_cell_that_replaced_it, in_the_questions_own_cell,
    behind_the_questions_last_line, with_both_cells_gone, retyped_as_code, retyped_as_raw, in_a_new_raw_cell,
    in_a_new_code_cell_as_words, at_the_notebooks_end, in_the_lessons_next_cell,
]  # fmt: skip


def untouched(notebook):
    pass


def without_metadata(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def without_marks_and_ids(notebook):
    without_metadata(notebook)
    notebook["metadata"] = {}
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"c{number}"


def as_pycharm_saves_it(notebook):
    for cell in notebook["cells"]:
        cell["source"] = ("#%% md\n" if cell["cell_type"] == "markdown" else "#%%\n") + cell["source"]


def in_crlf_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)


SHAPES = [untouched, without_metadata, without_marks_and_ids, as_pycharm_saves_it, in_crlf_lines]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("write", PLACES, ids=lambda f: f.__name__)
def test_an_answer_is_found_wherever_it_was_written(blank, write, shape):
    write(blank, place(blank))
    shape(blank)
    assert found(blank) == {QUESTION: ANSWER}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda f: f.__name__)
def test_the_words_of_the_release_are_no_answer(blank, shape):
    shape(blank)
    assert found(blank) == {}


def test_both_halves_of_a_split_answer_are_seen(blank):
    at = place(blank)
    blank["cells"][at]["source"] = "First half."
    blank["cells"].insert(at + 1, copy.deepcopy(blank["cells"][at]) | {"id": "z", "source": "Second half."})
    assert found(blank) == {QUESTION: "First half.\n\nSecond half."}


def test_an_answer_and_what_stands_below_it_are_both_seen_once(blank):
    at = place(blank)
    blank["cells"][at]["source"] = "One."
    blank["cells"][at + 1 : at + 1] = [text("Two."), text("Two.")]
    assert found(blank) == {QUESTION: "One.\n\nTwo."}


@pytest.mark.parametrize("source", ["", "YOUR ANSWER HERE / 在此作答", "So."])
def test_an_attached_picture_is_told_of(blank, source):
    at = place(blank)
    blank["cells"][at] |= {"source": source, "attachments": {"a.png": {"image/png": "iVBORw0KGgo="}}}
    told = PICTURES[blank["metadata"]["course"]["language"]].format(count=1)
    assert found(blank) == {QUESTION: f"So.\n\n{told}" if source == "So." else told}


def test_a_question_in_other_words_of_an_older_release_is_no_answer(blank):
    question = blank["cells"][place(blank) - 1]
    question["source"] = question["source"].replace("sine", "sin").replace("正弦", "sin", 1)
    assert found(blank) == {}


@pytest.mark.parametrize("source", ["x = div_term(8)", "!pip install x", "check('div_term')", "%%bash\nls"])
def test_code_behind_a_question_is_no_answer(blank, source):
    blank["cells"].insert(place(blank) + 1, text(source, "code"))
    assert found(blank) == {}


def test_notes_beside_the_lesson_are_no_answer(blank):
    blank["cells"].insert(3, text("A note of my own on this."))
    assert found(blank) == {}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda f: f.__name__)
def test_of_two_questions_each_keeps_its_own_answer(shape):
    notebook = copy.deepcopy(sample.released(find_units(current().folder, [TWO])[0]))
    notebook["cells"][place(notebook, "q3_scaling")]["source"] = "By the root."
    notebook["cells"].insert(place(notebook, "q2_multiple_heads") + 1, text("Several looks."))
    shape(notebook)
    assert found(notebook, skeleton(str(current().folder), TWO)) == {
        "q3_scaling": "By the root.",
        "q2_multiple_heads": "Several looks.",
    }


def test_an_empty_answer_between_two_questions_stays_empty():
    notebook = copy.deepcopy(sample.released(find_units(current().folder, [TWO])[0]))
    notebook["cells"][place(notebook, "q3_scaling")]["source"] = "By the root."
    without_marks_and_ids(notebook)
    assert found(notebook, skeleton(str(current().folder), TWO)) == {"q3_scaling": "By the root."}
