"""A unit's folder read as files: what is pasted, what is released, and what is said where a folder does not fit."""

import ast
import shutil

import pytest

from course_utils.engine.course import FILE, CourseError, current
from course_utils.engine.making.units import STUB, Mutant, Unit, all_units, find_units

NAME = "01_positional_encoding"
UNITS = all_units(current().folder)
EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]


@pytest.fixture
def unit(tmp_path):
    """A copy of unit 01 in a course, both of which a test may change."""
    shutil.copyfile(current().folder / FILE, tmp_path / FILE)
    return Unit(shutil.copytree(current().folder / NAME, tmp_path / NAME, ignore=shutil.ignore_patterns("__pycache__")))


def change(unit, file, old, new):
    path = unit.folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_the_released_cell_is_the_answer_without_what_stands_between_markers(unit, exercise):
    """The release equals the solution with the answers taken out, line by line."""
    kept, inside = [], False
    for line in unit.cell(exercise).splitlines():
        inside = (inside or "BEGIN SOLUTION" in line) and "END SOLUTION" not in line
        if not inside and "END SOLUTION" not in line:
            kept.append(line)
    shown = [line for line in unit.released(exercise).splitlines() if line.strip() != STUB]
    assert shown == kept


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_the_released_cell_has_a_gap_and_is_python(unit, exercise):
    source = unit.released(exercise)
    assert STUB in source
    assert "TODO" in source or exercise == "FeedForward" or unit.name in ("03_encoder_layer", "05_bert_pooling")
    assert exercise in {getattr(node, "name", "") for node in ast.parse(source).body}


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_answer_shows_no_marker_and_is_python(unit, exercise):
    assert "###" not in unit.answer(exercise)
    ast.parse(unit.answer(exercise))


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_exercise_cell_holds_one_definition(unit, exercise):
    (node,) = ast.parse(unit.answer(exercise)).body
    assert node.name == exercise
    assert ast.get_docstring(node)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_preamble_and_answers_together_say_what_the_reference_says(unit):
    said = ast.unparse(ast.parse("\n".join([unit.preamble(), *map(unit.answer, unit.exercises)])))
    tree = ast.parse(unit.reference_source)
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    assert sorted(said.splitlines()) == sorted(ast.unparse(tree).splitlines())


def test_a_marker_after_the_last_statement_belongs_to_the_cell(unit):
    assert unit.cell("div_term").count("### ") == 2
    assert not unit.cell("div_term").endswith("class")


def test_a_decorator_belongs_to_the_cell(unit):
    change(unit, "answers.py", "def div_term", "@torch.no_grad()\ndef div_term")
    assert unit.cell("div_term").startswith("@torch.no_grad()")


def test_what_comes_before_an_exercise_is_the_reference_of_all_earlier_ones():
    unit = Unit(current().folder / NAME)
    source, names = unit.before("PositionalEncoding")
    assert names == ["div_term", "sinusoidal_encoding"]
    defined = {}
    exec(source, defined)
    assert {"div_term", "sinusoidal_encoding"} <= set(defined)
    assert "PositionalEncoding" not in defined
    assert unit.before("div_term")[1] == []


def test_an_exercise_with_the_same_answer_is_not_put_beside_what_a_student_wrote():
    unit = Unit(current().folder / "03_encoder_layer")
    assert unit.earlier("RepairedEncoderLayer") == ["FeedForward"]
    assert "TransformerEncoderLayer" not in unit.before("RepairedEncoderLayer")[1]


def test_an_answer_that_fails_as_soon_as_it_is_defined_leaves_the_others(unit):
    names = unit.namespace({"div_term": "raise RuntimeError"})
    assert "div_term" not in names
    assert "shift_matrix" in names


# mistakes in a folder ---------------------------------------------------------------------------------------------


def test_a_change_that_does_not_fit_the_reference_is_told_with_file_and_mutant(unit):
    mutant = Mutant("odd", "div_term", "missing_minus", ("div_term-values",), change=[("no such text", "x")])
    with pytest.raises(CourseError, match=r"mutants\.py: odd: 'no such text' occurs 0 times"):
        unit.mutated(mutant)


def test_a_change_that_fits_twice_is_told(unit):
    mutant = Mutant("odd", "div_term", "missing_minus", ("div_term-values",), change=[("frequencies", "x")])
    with pytest.raises(CourseError, match=r"occurs \d+ times"):
        unit.mutated(mutant)


def test_two_mutants_of_one_name_are_told(unit):
    change(unit, "mutants.py", '"log10"', '"log2"')
    with pytest.raises(CourseError, match="two mutants are called log2"):
        _ = unit.mutants


def test_points_without_a_rule_are_told(unit):
    change(unit, "unit.toml", "shift_matrix]\nvalues", "shift_matrix]\nsizes")
    with pytest.raises(CourseError, match=r"unit\.toml, line 20: points for shift_matrix-sizes, and rules"):
        _ = unit.rules


def test_a_rule_without_points_is_told(unit):
    change(unit, "unit.toml", "dropout = 0.5\n", "")
    with pytest.raises(CourseError, match=r"unit\.toml: no points for PositionalEncoding-dropout, which rules\.py has"):
        _ = unit.rules


def test_a_missing_truth_is_told(unit):
    change(unit, "truth.py", "def shift_matrix", "def shift_matrices")
    with pytest.raises(CourseError, match="no truth for shift_matrix"):
        unit.truth()


def test_a_missing_definition_is_told(unit):
    change(unit, "answers.py", "def shift_matrix", "def shift_matrices")
    with pytest.raises(CourseError, match=r"answers\.py: no definition of shift_matrix"):
        _ = unit.exercises
    with pytest.raises(CourseError, match="no definition of nothing"):
        unit.cell("nothing")


def test_text_that_is_no_yaml_is_told_with_file_and_line(unit):
    (unit.folder / "hints.yml").write_text('misconceptions:\n  one: "two\n', encoding="utf-8")
    with pytest.raises(CourseError, match=r"hints\.yml, line 3: found unexpected end of stream"):
        _ = unit.hints


@pytest.mark.parametrize("mistakes", ["Says nothing.", "[Says nothing.]", "[{en: Says nothing.}]", "{en: No., zh: 无}"])
def test_typical_mistakes_that_are_no_list_of_texts_are_told(unit, mistakes):
    change(unit, "rubric.yml", "    points: 4\n", f"    points: 4\n    typical_mistakes: {mistakes}\n")
    change(unit, "rubric.yml", "    typical_mistakes:\n      - en", "    others:\n      - en")
    with pytest.raises(CourseError, match=r"rubric\.yml: typical_mistakes of q1_sin_cos must be a list .* for en, zh$"):
        _ = unit.rubric


def test_a_rubric_without_typical_mistakes_is_a_rubric(unit):
    change(unit, "rubric.yml", "    typical_mistakes:\n", "    others:\n")
    assert "typical_mistakes" not in unit.rubric["q1_sin_cos"]


@pytest.mark.parametrize("file", ["answers.py", "truth.py", "mutants.py", "alternatives.py", "hints.yml", "rubric.yml"])
def test_a_missing_file_is_told_by_its_path(unit, file):
    (unit.folder / file).unlink()
    with pytest.raises(CourseError, match=rf"{file.replace('.', '[.]')} is missing; each unit's folder holds one"):
        _ = unit.reference_source, unit.truth(), unit.mutants, unit.alternatives, unit.hints, unit.rubric


# finding units ----------------------------------------------------------------------------------------------------


def test_units_come_in_the_order_of_their_numbers():
    names = [unit.name for unit in UNITS]
    assert names == sorted(names)
    assert [unit.name for unit in find_units(current().folder)] == names


def test_units_come_in_the_order_in_which_they_were_asked_for():
    names = [unit.name for unit in reversed(UNITS)]
    assert [unit.name for unit in find_units(current().folder, names)] == names


def test_an_unknown_unit_is_told_with_those_that_there_are():
    with pytest.raises(CourseError, match=r"no unit 99_nothing; there are 01_positional_encoding"):
        find_units(current().folder, ["99_nothing"])


def test_a_folder_without_a_course_is_told(tmp_path):
    with pytest.raises(CourseError, match=r"holds no course \(none of course\.toml, "):
        find_units(tmp_path)


def test_a_course_without_units_is_told(tmp_path):
    settings = 'id = "c"\ntitle = { en = "C" }\nlanguages = ["en"]\nunits = []\n'
    (tmp_path / FILE).write_text(settings, encoding="utf-8")
    with pytest.raises(CourseError, match=r"no unit in .*; begin one: "):
        find_units(tmp_path)


def test_a_folder_that_the_course_does_not_name_is_no_unit(unit):
    shutil.copytree(unit.folder, unit.folder.parent / "09_draft")
    assert "09_draft" not in [each.name for each in all_units(unit.folder.parent)]
