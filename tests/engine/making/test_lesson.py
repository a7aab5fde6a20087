"""A lesson's text read as cells: pairs of languages, stale and missing translations, labels that name nothing."""

import re
import shutil

import pytest

from course_utils.engine.course import FILE, CourseError, current
from course_utils.engine.making import lesson
from course_utils.engine.making.needed import lacking
from course_utils.engine.making.units import Unit

NAME = "01_positional_encoding"


@pytest.fixture
def unit(tmp_path):
    """A copy of unit 01 in a course, both of which a test may change."""
    shutil.copyfile(current().folder / FILE, tmp_path / FILE)
    return Unit(shutil.copytree(current().folder / NAME, tmp_path / NAME, ignore=shutil.ignore_patterns("__pycache__")))


def change(unit, old, new, count=1):
    path = unit.folder / "lesson.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def test_a_lesson_is_read_as_prose_in_two_languages_and_code_in_none(unit):
    cells = lesson.read(unit).cells
    assert {(cell.kind, cell.language) for cell in cells} == {("markdown", "en"), ("markdown", "zh"), ("code", None)}


def test_the_first_heading_of_each_language_has_to_be_the_title(unit):
    change(unit, "# # Unit 1: Positional encoding", "# # Unit 1: Positions")
    with pytest.raises(CourseError, match=r"heading in en is Unit 1: Positions, and unit.toml has Unit 1: Positional"):
        lesson.read(unit, stamped=False)


# translations -----------------------------------------------------------------------------------------------------


def test_an_english_word_that_changes_makes_the_translation_stale_and_says_what_to_run(unit):
    change(unit, "A Transformer reads all words", "A Transformer reads most words")
    with pytest.raises(CourseError, match=r"lesson\.py: the zh of '# Unit 1.*' is stale.*course build --translated"):
        lesson.read(unit)


def test_spacing_of_the_english_makes_nothing_stale(unit):
    change(unit, "A Transformer reads all words", "A Transformer  reads all words")
    lesson.read(unit)


def test_a_missing_translation_is_found_and_its_place_is_told(unit):
    path = unit.folder / "lesson.py"
    blocks = path.read_text(encoding="utf-8").split("\n# %% ")
    place = next(i for i, block in enumerate(blocks) if block.startswith('[markdown] lang="zh"') and i > 4)
    start = blocks[place - 1].splitlines()[1].removeprefix("# ")[:20]
    del blocks[place]
    path.write_text("\n# %% ".join(blocks), encoding="utf-8")
    with pytest.raises(CourseError, match=rf'lang="en" then lang="zh"; not so near \'{re.escape(start)}'):
        lesson.read(unit)


def test_a_missing_last_translation_is_found(unit):
    path = unit.folder / "lesson.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.rstrip() + '\n\n# %% [markdown] lang="en"\n# One more word.\n', encoding="utf-8")
    with pytest.raises(CourseError, match="not so near 'One more word"):
        lesson.read(unit)


def test_prose_in_the_wrong_order_is_found(unit):
    change(unit, 'lang="en"', 'lang="zh"')
    with pytest.raises(CourseError, match='lang="en" then lang="zh"'):
        lesson.read(unit)


def test_stamping_marks_every_translation_as_up_to_date_and_does_it_once(unit):
    change(unit, "A Transformer reads all words", "A Transformer reads most words")
    assert lesson.stamp(unit) == 1
    lesson.read(unit)
    assert lesson.stamp(unit) == 0


def test_stamping_changes_nothing_but_the_stamps(unit):
    before = (unit.folder / "lesson.py").read_text(encoding="utf-8")
    change(unit, lesson.fingerprint(lesson.read(unit).cells[0].source), "00000000")
    lesson.stamp(unit)
    assert (unit.folder / "lesson.py").read_text(encoding="utf-8") == before


# labels -----------------------------------------------------------------------------------------------------------


def test_a_code_cell_that_is_marked_with_a_language_is_found(unit):
    change(unit, "# %%\n", '# %% lang="en"\n')
    with pytest.raises(CourseError, match="a code cell is marked lang=en; code is the same in all languages"):
        lesson.read(unit)


@pytest.mark.parametrize("label", ['rôle="setup"', 'role="other"', 'colour="red"'])
def test_an_unknown_label_is_found(unit, label):
    change(unit, "# %%\n", f"# %% {label}\n")
    with pytest.raises(CourseError, match="unknown label in"):
        lesson.read(unit)


def test_an_exercise_that_the_reference_lacks_is_found(unit):
    change(unit, 'exercise="shift_matrix"', 'exercise="shift_matrices"')
    with pytest.raises(CourseError, match=r"exercises are .*shift_matrices.* in that order"):
        lesson.read(unit)


def test_a_question_without_a_rubric_is_found(unit):
    change(unit, 'question="q1_sin_cos"', 'question="q1_why"', count=2)
    with pytest.raises(CourseError, match=r"questions are \['q1_why'\], and rubric\.yml has \['q1_sin_cos'\]"):
        lesson.read(unit)


def test_the_two_languages_ask_the_same_question(unit):
    path = unit.folder / "lesson.py"
    text = path.read_text(encoding="utf-8")
    first, second = [match.start() for match in re.finditer(' question="q1_sin_cos"', text)]
    path.write_text(text[:second] + text[second + len(' question="q1_sin_cos"') :], encoding="utf-8")
    assert first < second
    with pytest.raises(CourseError, match="the languages ask different questions"):
        lesson.read(unit)


def test_a_unit_without_a_lesson_says_which_file_is_missing(unit):
    (unit.folder / "lesson.py").unlink()
    with pytest.raises(CourseError, match=r"lesson\.py is missing"):
        lesson.read(unit)


# words of code ----------------------------------------------------------------------------------------------------


def test_code_is_the_same_cell_for_all_languages_and_carries_its_words(unit):
    cells = [cell for cell in lesson.read(unit).cells if cell.kind == "code"]
    assert {tuple(cell.words) for cell in cells} == {("zh",), ()}


def test_a_todo_that_changes_makes_its_translation_stale(unit):
    path = unit.folder / "answers.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("an odd width has one odd column fewer", "mind an odd width"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"the zh of the words in 'from answers import sinusoidal.*: stale"):
        lesson.read(Unit(unit.folder))


def test_a_docstring_that_changes_below_its_first_line_makes_its_translation_stale(unit):
    path = unit.folder / "answers.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("offset:  number of positions, also negative or 0", "offset:  any"), encoding="utf-8")
    changed = Unit(unit.folder)
    with pytest.raises(CourseError, match=r"import shift_matrix': stale.*course build --translated"):
        lesson.read(changed)
    assert lesson.stamp(changed) == 1
    lesson.read(changed)


def test_an_answer_that_changes_makes_nothing_stale(unit):
    path = unit.folder / "answers.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("### BEGIN SOLUTION", "### BEGIN SOLUTION\n    # as in the paper"), encoding="utf-8")
    lesson.read(Unit(unit.folder))


def test_words_without_a_translation_are_found(unit):
    change(unit, 'print("distance of the two', 'print("Look!")\nprint("distance of the two')
    with pytest.raises(CourseError, match="no translation of 'Look!'"):
        lesson.read(unit, stamped=False)


def test_code_with_words_and_no_raw_cell_behind_it_is_found(unit):
    change(unit, 'check("div_term")', 'check("div_term")  # once more')
    with pytest.raises(CourseError, match=r'no translation of \'once more\'; a cell \[raw\] lang="zh" must follow'):
        lesson.read(unit)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('# %% [raw] lang="en"', r'its label must be lang="zh"'),
        ("# %% [raw]", r'its label must be lang="zh"'),
        ('# %% [raw] lang="zh" role="setup"', r'its label must be lang="zh"'),
    ],
)
def test_a_raw_cell_of_another_language_or_label_is_found(unit, raw, told):
    change(unit, '# %% [markdown] lang="en"', f'{raw}\n# A word.\n#     词。\n\n# %% [markdown] lang="en"')
    with pytest.raises(CourseError, match=told):
        lesson.read(unit, stamped=False)


def test_a_raw_cell_behind_prose_is_found(unit):
    change(
        unit, '# %% [markdown] lang="zh"', '# %% [raw] lang="zh"\n# A word.\n#     词。\n\n# %% [markdown] lang="zh"'
    )
    with pytest.raises(CourseError, match=r"the words near 'A word\.' stand behind no code that lacks them in zh"):
        lesson.read(unit, stamped=False)


# fingerprints -----------------------------------------------------------------------------------------------------


def test_a_fingerprint_is_eight_hex_digits_that_follow_the_words():
    assert re.fullmatch("[0-9a-f]{8}", lesson.fingerprint("one two"))
    assert lesson.fingerprint("one two") == lesson.fingerprint(" one\n two ")
    assert lesson.fingerprint("one two") != lesson.fingerprint("one too")


# cells that run with answers --------------------------------------------------------------------------------------


def test_a_cell_that_runs_with_an_answer_and_does_not_say_so_is_found(unit):
    change(unit, 'needs("sinusoidal_encoding")\n', "")
    wanted = r"begins with 'table = .*would stop Run All.*Begin it with: needs\(\"sinusoidal_encoding\"\)"
    with pytest.raises(CourseError, match=wanted):
        lesson.read(unit)


CALLS = {"second": frozenset({"first"})}


def found_in(*sources):
    return [names for _, names in lacking(sources, ["first", "second"], CALLS)]


@pytest.mark.parametrize(
    "source",
    [
        "first(3)",
        "for x in first(3):\n    print(x)",
        "with torch.no_grad():\n    y = first(3)",
        "if True:\n    y = [first(i) for i in range(3)]",
        "def own(x=first(3)):\n    return x",
        "def own() -> first:\n    return 1",
        "@first\ndef own():\n    return 1",
        "class Own(first):\n    pass",
    ],
)
def test_whatever_runs_an_answer_is_found(source):
    assert found_in(source) == [["first"]]


@pytest.mark.parametrize("source", ["def own():\n    return first(3)", "own = 3", "[first for first in range(3)]"])
def test_what_runs_no_answer_is_left_alone(source):
    assert found_in(source) == []


def test_a_function_that_calls_an_answer_carries_it_on():
    assert found_in("def own():\n    return first(3)", "own()") == [["first"]]


def test_a_value_carries_its_answer_on_through_a_list():
    assert found_in('needs("first")\nx = first(3)', 'needs("first")\nrows = []\nrows.append(x)', "print(rows)") == [
        ["first"]
    ]


def test_a_name_that_takes_another_value_carries_nothing_on():
    assert found_in('needs("first")\nx = first(3)', "x = 4\nprint(x)") == []


def test_a_name_of_a_cell_that_may_be_left_out_is_missing_below():
    assert found_in('needs("first")\nx = 4', "print(x)") == [["first"]]


def test_a_module_that_is_called_with_a_value_is_not_changed_by_it():
    assert found_in("import plots", 'needs("first")\nplots.curves(first(3))', "plots.curves(4)") == []


def test_what_a_right_answer_calls_need_not_be_named_too():
    assert found_in('needs("second")\nfirst(3)') == []
    assert found_in("second(first(3))") == [["second"]]
