"""A notebook is carried into a newer release: no cell is lost, and each stands where it should."""

import copy

import pytest

from course_utils.engine.learning.carry import LEFT_OVER, carry
from course_utils.engine.learning.cells import as_own, text_of

LESSON = {
    "en": "An attention layer compares each word with each other word of the sentence, and nothing tells it the order.",
    "more": "A clock has a hand for seconds, one for minutes and one for hours; together they name each moment.",
}


def prose(text, identity, **metadata):
    return {"cell_type": "markdown", "id": identity, "metadata": metadata, "source": text}


def code(text, identity, outputs=(), **metadata):
    cell = {"cell_type": "code", "id": identity, "metadata": metadata, "source": text}
    return cell | {"outputs": list(outputs), "execution_count": None}


def gap(name, docstring="Twice a number."):
    marks = {"grade_id": name, "solution": True, "grade": False, "locked": False}
    text = f'def {name}(x):\n    """{docstring}"""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
    return code(text, name, nbgrader=marks)


def question(name):
    marks = {"grade_id": name, "solution": True, "grade": True, "locked": False}
    return prose("YOUR ANSWER HERE", name, nbgrader=marks)


def locked(name):
    marks = {"grade_id": f"{name}-values", "solution": False, "grade": True, "locked": True}
    return code(f"# {name}-values: 3 points, by hidden tests", f"{name}-values", nbgrader=marks)


EXPERIMENT = "widths = [4, 8, 16]\nfor width in widths:\n    print(width, double(width), double(width) / width)"


def release():
    return [
        prose(LESSON["en"], "01-000"),
        code("import torch", "01-001-setup", course={"role": "setup"}),
        prose(LESSON["more"], "01-002"),
        gap("double"),
        code('check("double")', "01-003"),
        locked("double"),
        code(EXPERIMENT, "01-004"),
        gap("treble"),
        code('check("treble")', "01-005"),
        prose("Why does doubling twice give four times the number?", "01-006"),
        question("q1"),
        prose("What you can do now: double and treble.", "01-007"),
    ]


DOUBLE, Q1 = "def double(x):\n    return x + x", "Because two times two is four."
OWN = code("helper = 3  # my own", "mine-1", outputs=[{"output_type": "stream", "name": "stdout", "text": "hello"}])


def begun():
    mine = release()
    mine[3]["source"], mine[10]["source"] = DOUBLE, Q1
    mine.insert(5, copy.deepcopy(OWN))
    return mine


def without_ids(cells):
    """As Colab saves them: no ids, no metadata of ours."""
    return [{key: value for key, value in as_own(cell).items() if key != "id"} | {"metadata": {}} for cell in cells]


def texts(cells):
    return [text_of(cell) for cell in cells]


def newer():
    """A release with a changed exercise, a new cell, all numbers moved and a new exercise."""
    new = release()
    new[3] = gap("double", docstring="Twice a number, for floats too.")
    new[0]["source"] += " A new sentence."
    new.insert(2, prose("Something quite new about the history of numbers.", "01-002"))
    for number, cell in enumerate(new):
        if cell["id"].startswith("01-"):
            cell["id"] = f"01-{number:03d}"
    new += [gap("halve"), code('check("halve")', "01-020")]
    return new


def test_the_same_release_changes_nothing():
    carried = carry(begun(), release(), release(), "en")
    assert texts(carried.cells) == texts(begun())
    assert (carried.changed, carried.at_the_end, carried.edited) == ((), 0, 0)


@pytest.mark.parametrize("strip", [list, without_ids], ids=["with ids", "as Colab saves it"])
def test_answers_texts_and_own_cells_come_along(strip):
    carried = carry(strip(begun()), newer(), release(), "en")
    assert [text for text in texts(carried.cells) if text in (DOUBLE, Q1, OWN["source"])] == [DOUBLE, OWN["source"], Q1]
    assert set(carried.answers) == {"double", "q1"}
    assert carried.at_the_end == 0


@pytest.mark.parametrize("strip", [list, without_ids], ids=["with ids", "as Colab saves it"])
def test_an_own_cell_stands_behind_the_cell_that_it_stood_behind(strip):
    after = texts(carry(strip(begun()), newer(), release(), "en").cells)
    assert after[after.index(OWN["source"]) - 1] == 'check("double")'


def test_the_marks_of_a_gap_come_back_where_an_editor_lost_them():
    carried = carry(without_ids(begun()), newer(), release(), "en")
    found = {cell["metadata"]["nbgrader"]["grade_id"] for cell in carried.cells if "nbgrader" in cell["metadata"]}
    assert found == {"double", "double-values", "treble", "q1", "halve"}


def test_an_answer_to_a_changed_exercise_is_told_and_the_new_text_stands_above_it():
    carried = carry(begun(), newer(), release(), "en")
    assert carried.changed == ("double",)
    after = texts(carried.cells)
    above = after[after.index(DOUBLE) - 1]
    assert "The text of `double` has changed" in above
    assert "Twice a number, for floats too." in above


def test_a_changed_question_is_told():
    new = release()
    new[9]["source"] = "Why does doubling thrice give eight times the number?"
    assert carry(begun(), new, release(), "en").changed == ("q1",)


def test_an_open_exercise_whose_text_changed_is_not_told():
    mine = begun()
    mine[3]["source"] = release()[3]["source"]
    assert carry(mine, newer(), release(), "en").changed == ()


def test_new_exercises_are_told():
    assert carry(begun(), newer(), release(), "en").new_exercises == ("halve",)


@pytest.mark.parametrize("strip", [list, without_ids], ids=["with ids", "as Colab saves it"])
def test_carrying_twice_is_carrying_once(strip):
    once = carry(strip(begun()), newer(), release(), "en").cells
    again = carry(list(once), newer(), release(), "en").cells
    assert texts(again) == texts(once)
    assert texts(carry(list(once), newer(), newer(), "en").cells) == texts(once)


def test_over_two_releases_nothing_is_lost():
    second = newer()
    second[0]["source"] = "A wholly other beginning."
    del second[5]  # the check of double
    once = carry(begun(), newer(), release(), "en").cells
    twice = texts(carry(list(once), second, newer(), "en").cells)
    at_once = texts(carry(begun(), second, release(), "en").cells)
    for text in (DOUBLE, Q1, OWN["source"]):
        assert twice.count(text) == at_once.count(text) == 1


def test_an_answer_whose_exercise_is_gone_stands_at_the_end_under_a_heading():
    new = [cell for cell in release() if "double" not in cell["id"] and text_of(cell) != 'check("double")']
    carried = carry(begun(), new, release(), "en")
    assert carried.left_over == ("double",)
    after = texts(carried.cells)
    heading = next(place for place, text in enumerate(after) if text.startswith(LEFT_OVER))
    assert after[heading + 1 :][0] == DOUBLE
    assert OWN["source"] in after


def test_what_stands_at_the_end_stays_there_in_later_updates():
    new = [cell for cell in release() if cell["id"] != "double"]
    once = carry(begun(), new, release(), "en").cells
    assert texts(carry(list(once), new, new, "en").cells) == texts(once)


def test_a_changed_number_in_an_experiment_stays_changed():
    mine = begun()
    place = texts(mine).index(EXPERIMENT)
    mine[place]["source"] = EXPERIMENT.replace("16", "32")
    after = texts(carry(mine, newer(), release(), "en").cells)
    assert EXPERIMENT.replace("16", "32") in after
    assert EXPERIMENT not in after


def test_where_both_changed_an_experiment_both_stand():
    mine, new = begun(), release()
    mine[texts(mine).index(EXPERIMENT)]["source"] = EXPERIMENT.replace("16", "32")
    new[texts(new).index(EXPERIMENT)]["source"] = EXPERIMENT + "\nprint()"
    after = texts(carry(mine, new, release(), "en").cells)
    place = after.index(EXPERIMENT + "\nprint()")
    assert after[place + 1] == EXPERIMENT.replace("16", "32")


def test_where_the_first_release_is_unknown_no_cell_is_lost():
    mine = begun()
    mine[0]["source"] = "An older text of the lesson that no release at hand holds."
    after = texts(carry(mine, newer(), None, "en").cells)
    for text in texts(mine):
        assert text in after or text in texts(release())


def test_of_two_cells_with_one_id_the_last_that_was_filled_is_the_answer_and_none_is_lost():
    mine = begun()
    again = copy.deepcopy(mine[3]) | {"source": "def double(x):\n    return 2 * x"}
    mine.insert(6, again)
    carried = carry(mine, newer(), release(), "en")
    gaps = [cell for cell in carried.cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double"]
    assert texts(gaps) == ["def double(x):\n    return 2 * x"]
    assert DOUBLE in texts(carried.cells)


def test_each_cell_has_an_id_of_its_own():
    mine = begun()
    mine.insert(2, code("a = 1", "01-002"))  # the id of a released cell
    mine.insert(3, code("b = 1", "mine-1"))
    ids = [cell["id"] for cell in carry(mine, newer(), release(), "en").cells]
    assert len(ids) == len(set(ids))


def test_outputs_of_cells_that_stayed_the_same_stay():
    mine = begun()
    mine[7]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "4 8 2"}]
    carried = carry(mine, newer(), release(), "en")
    assert next(cell for cell in carried.cells if text_of(cell) == EXPERIMENT)["outputs"] == mine[7]["outputs"]


def test_a_moved_cell_is_no_second_one():
    mine = begun()
    mine.append(mine.pop(0))
    assert texts(carry(mine, newer(), release(), "en").cells).count(LESSON["en"]) == 0
    assert texts(carry(mine, release(), release(), "en").cells).count(LESSON["en"]) == 1


def test_words_stand_in_chinese_too():
    mine = begun()
    mine[3]["source"] = DOUBLE
    new = newer()
    above = next(text for text in texts(carry(mine, new, release(), "zh").cells) if "course update: changed" in text)
    assert "题目在你作答之后有改动" in above
