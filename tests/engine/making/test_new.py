"""A course of one's own: what `course new` writes builds, checks, grades, and is a sentence where it is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils.engine.course import LOOKS, TEXTS, Course, CourseError, open_course
from course_utils.engine.grading.assess import UnitJudge, trial
from course_utils.engine.making import new
from course_utils.engine.making.lesson import code_in, read
from course_utils.engine.making.observations import looks_of, texts_of
from course_utils.engine.making.release import as_json
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import sample

PAGE = Path(__file__).resolve().parents[3] / "docs" / "units.md"
LANGUAGES = [("en",), ("zh",), ("en", "zh"), ("zh", "en")]


@pytest.fixture
def made(tmp_path) -> Course:
    new.new_course(tmp_path / "my course")
    return open_course(tmp_path / "my course")


@pytest.fixture(params=LANGUAGES, ids="+".join)
def spoken(request, tmp_path) -> Course:
    new.new_course(tmp_path / "course", request.param, "A title: with a colon")
    return open_course(tmp_path / "course")


def only_unit(course: Course) -> Unit:
    (unit,) = find_units(course.folder)
    return unit


def test_a_new_course_is_in_the_languages_that_were_asked_for(spoken, request):
    assert spoken.languages == request.node.callspec.params["spoken"]
    assert set(spoken.settings["title"]) == set(spoken.languages)


def test_a_new_lesson_has_no_stale_translation(spoken):
    cells = read(only_unit(spoken)).cells
    assert {cell.language for cell in cells if cell.kind == "markdown"} == set(spoken.languages)


def test_a_new_exercise_says_what_it_asks_in_each_language(spoken):
    unit = only_unit(spoken)
    (cell,) = (cell for cell in read(unit).cells if cell.labels.get("exercise"))
    said = {language: code_in(unit, cell, language) for language in spoken.languages}
    expected = {"en": ("The length of each row", "TODO: square"), "zh": ("每一行的长度", "TODO：平方")}
    for language, source in said.items():
        assert [words for words in expected[language] if words not in source] == []


def test_texts_of_a_course_in_one_language_stand_in_for_the_other(spoken):
    for text in texts_of(only_unit(spoken), read(only_unit(spoken)))["hints"].values():
        assert set(text) == {"en", "zh"}
        assert all(text.values())


def test_the_reference_of_a_new_unit_passes_and_each_mutant_loses_what_it_names(made):
    unit = only_unit(made)
    judge = UnitJudge(unit, texts_of(unit, read(unit)))
    assert {verdict.outcome for verdict in trial(judge, {}).values()} == {"passed"}
    (unit.folder / "recorded").mkdir()
    (unit.folder / LOOKS).write_text(looks_of(unit), encoding="utf-8")
    (unit.folder / TEXTS).write_text(as_json(texts_of(unit, read(unit))), encoding="utf-8")
    for mutant in unit.mutants:
        verdicts = trial(judge, {mutant.exercise: unit.mutated(mutant)})
        assert {check for check, verdict in verdicts.items() if verdict.outcome != "passed"} == set(mutant.loses)
        assert {verdicts[check].hint for check in mutant.loses} == {mutant.hint}


def test_a_second_exercise_and_a_second_unit_stand_behind_the_first(made):
    new.new_exercise(only_unit(made), "column_lengths")
    new.new_unit(made, "02_more")
    units = find_units(made.folder)
    assert [(unit.name, unit.exercises) for unit in units] == [
        ("01_first_steps", ["row_lengths", "column_lengths"]),
        ("02_more", ["more_lengths"]),
    ]
    assert [cell.labels.get("exercise") for cell in read(units[0]).cells if cell.labels.get("exercise")] == (
        units[0].exercises
    )


def test_a_folder_with_something_in_it_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="is not empty; name a new folder"):
        new.new_course(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["vectors", "2_vectors", "02-vectors", "02_Vectors", "../02_vectors"])
def test_a_unit_of_an_odd_name_is_refused(made, name):
    with pytest.raises(CourseError, match="two digits and a noun, such as 02_vectors; got "):
        new.new_unit(made, name)


def test_a_unit_that_is_there_already_is_refused(made):
    with pytest.raises(CourseError, match="01_first_steps is there already"):
        new.new_unit(made, "01_first_steps")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("row_lengths", "there is an exercise row_lengths in 01_first_steps already"),
        ("row-lengths", "that of a function"),
    ],
)
def test_an_exercise_of_a_name_that_cannot_be_is_refused(made, name, message):
    with pytest.raises(CourseError, match=message):
        new.new_exercise(only_unit(made), name)


def test_a_run_that_fails_leaves_no_half_made_course(tmp_path, monkeypatch):
    monkeypatch.setattr(new, "stamp", lambda unit: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        new.new_course(tmp_path / "course")
    assert list(tmp_path.iterdir()) == []


BUILDS_ON = (
    "from course_utils.selfcheck import solved\n\nrow_lengths = solved('row_lengths', lambda x: x.norm(dim=1))\n"
)


def run(folder: Path, *words: object) -> str:
    """What a command of the course in a folder says; it has to end well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    command = [sys.executable, "-m", "course_utils", *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_second_unit_builds_on_the_learners_answer_to_the_first(made, mode):
    second = Unit(new.new_unit(made, "02_more"))
    lesson = second.folder / "lesson.py"
    text = lesson.read_text(encoding="utf-8")
    lesson.write_text(text.replace("import torch\n", f"import torch\n\n{BUILDS_ON}", 1), encoding="utf-8")
    answers = second.folder / "answers.py"
    text = answers.read_text(encoding="utf-8").replace("x.pow(2).sum(dim=1).sqrt()", "row_lengths(x)")
    stand_in = "\n\ndef row_lengths(x: Tensor) -> Tensor:\n    return x.norm(dim=1)\n"
    answers.write_text(text.replace("from torch import Tensor\n", f"from torch import Tensor\n{stand_in}"), "utf-8")
    (second.folder / "mutants.py").write_text("MUTANTS = []\n", encoding="utf-8")
    run(made.top, "build")
    for unit in find_units(made.folder):
        sample.write(made.top / "submitted", "ann", unit, sample.filled(unit, sample.reference(unit)))
    own = made.top / "submitted" / "ann" / "02_more"
    notebook = json.loads((own / "02_more.ipynb").read_text(encoding="utf-8"))
    notebook["cells"].append(nbformat.v4.new_code_cell("open('taken', 'w').write(row_lengths.__name__)"))
    (own / "02_more.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    run(own, "check", "02_more.ipynb")
    assert (own / "taken").read_text() == "row_lengths"  # the learner's own; the stand-in is a lambda
    run(made.top, "grade", "submitted", "--sandbox", "bwrap" if mode == "bwrap" else "none")
    scores = json.loads((made.build / "results" / "scores.json").read_text(encoding="utf-8"))
    assert {score["outcome"] for score in scores if score["check"]} == {"passed"}


@pytest.mark.slow
def test_the_page_about_units_of_ones_own_works_as_it_stands(tmp_path, walls):
    commands = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8")))
    shell = f'set -e\ncourse() {{ "{sys.executable}" -m course_utils "$@"; }}\n{commands}'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    done = subprocess.run(
        ["bash", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "my-course" / "build" / "results"
    assert (results / "feedback" / "ann" / "01_first_steps.html").is_file()
    assert (tmp_path / "my-course" / "my-course.zip").is_file()
