"""The lessons as text: they run as plain scripts, every piece of prose is translated, and their rhythm is kept."""

import ast
import os
import re
import subprocess
import sys

import pytest

from course_utils.engine.course import current
from course_utils.engine.making import lesson
from course_utils.engine.making.release import secret_lines
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
LANGUAGES = ("en", "zh")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LONGEST_CODE, LONGEST_PROSE = 26, 14  # "about 25" and "about 12" lines

EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def code_lines(source):
    """The lines of a cell that say something to Python or to a reader: neither empty nor only a bracket."""
    return [line for line in source.splitlines() if line.strip()]


QUICK, LONG = UNITS[:3], UNITS[3:]  # the second train models for some minutes; test_bundle runs them on a few texts


def run_as_script(unit):
    return subprocess.run(
        [sys.executable, "lesson.py"],
        cwd=unit.folder,
        env=dict(os.environ, MPLBACKEND="Agg", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1", HF_HUB_OFFLINE="1"),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("unit", QUICK, ids=lambda unit: unit.name)
def test_a_lesson_runs_as_a_plain_script_and_says_nothing_on_stderr(unit):
    done = run_as_script(unit)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("unit", LONG, ids=lambda unit: unit.name)
def test_a_lesson_that_trains_runs_at_its_real_size(unit):
    assert run_as_script(unit).returncode == 0


@of_units
def test_every_translation_is_there_and_of_the_present_english(unit):
    cells = lesson.read(unit).cells  # raises for a missing or stale one
    languages = [cell.language for cell in cells if cell.kind == "markdown"]
    assert languages == ["en", "zh"] * (len(languages) // 2)


@of_units
def test_a_unit_has_a_title_in_both_languages(unit):
    titles = unit.settings["title"]
    assert set(titles) == {"en", "zh"}
    assert CHINESE.search(titles["zh"])
    assert not CHINESE.search(titles["en"])


@of_units
def test_the_first_prose_says_what_is_built_how_long_it_takes_and_what_is_needed(unit):
    english, chinese = lesson.read(unit).cells[:2]
    assert re.search(r"will build", english.source)
    assert re.search(r"minutes?\b", english.source)
    assert re.search(r"need", english.source)
    assert "分钟" in chinese.source


@of_units
def test_chinese_prose_is_chinese_and_english_prose_is_not(unit):
    odd = []
    for cell in lesson.read(unit).cells:
        words = re.sub(r"\$[^$]*\$|`[^`]*`", "", cell.source)
        if cell.language == "zh" and re.search(r"[A-Za-z]", words) and not CHINESE.search(words):
            odd.append(cell.source)
        if cell.language == "en" and CHINESE.search(words):
            odd.append(cell.source)
    assert odd == []


@of_units
def test_a_code_cell_has_about_25_lines_at_most(unit):
    long = {
        cell.source.splitlines()[0]: len(code_lines(cell.source))
        for cell in lesson.read(unit).cells
        if cell.kind == "code" and not cell.labels.get("exercise") and len(code_lines(cell.source)) > LONGEST_CODE
    }
    assert long == {}


@of_units
def test_a_prose_cell_has_about_12_lines_at_most(unit):
    long = {
        cell.source.splitlines()[0]: len(code_lines(cell.source))
        for cell in lesson.read(unit).cells
        if cell.kind == "markdown" and len(code_lines(cell.source)) > LONGEST_PROSE
    }
    assert long == {}


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_exercise_is_followed_by_its_check_and_later_by_a_look(unit, exercise):
    cells = [cell for cell in lesson.read(unit).cells if cell.kind == "code"]
    place = next(i for i, cell in enumerate(cells) if cell.labels.get("exercise") == exercise)
    assert f'check("{exercise}")' in cells[place + 1].source
    looks = [cell for cell in cells[place + 1 :] if cell.labels in ({}, {"role": "picture"})]
    later = [cell for cell in looks if not cell.source.startswith("check(")]
    assert any(exercise in cell.source for cell in later)


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_exercise_cell_only_names_what_the_build_pastes(unit, exercise):
    (cell,) = (cell for cell in lesson.read(unit).cells if cell.labels.get("exercise") == exercise)
    assert cell.source.strip() == f"from answers import {exercise}"


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_before_an_exercise_stands_a_worked_example(unit, exercise):
    """Prose or code with numbers between the last exercise and this one."""
    cells = lesson.read(unit).cells
    place = next(i for i, cell in enumerate(cells) if cell.labels.get("exercise") == exercise)
    before = [cell for cell in cells[max(0, place - 6) : place] if cell.language != "zh"]
    assert any(len(re.findall(r"\d", cell.source)) >= 4 for cell in before)


@of_units
def test_the_setup_imports_first_and_only_what_is_there(unit):
    first = next(cell for cell in lesson.read(unit).cells if cell.kind == "code")
    assert first.labels.get("role") == "setup"
    assert "from course_utils.selfcheck import check, hint, needs, question, solution, status" in first.source


@of_units
def test_cells_that_grading_runs_hold_imports_and_definitions_only(unit):
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr)
    for cell in lesson.read(unit).cells:
        if cell.labels.get("role") == "setup":
            assert all(isinstance(node, kinds) for node in ast.parse(cell.source).body), cell.source


@of_units
def test_no_cell_takes_the_name_of_an_exercise_for_something_else(unit):
    taken = []
    for cell in lesson.read(unit).cells:
        if cell.kind == "code" and "exercise" not in cell.labels:
            for node in ast.walk(ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", cell.source))):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    taken += [alias.asname or alias.name for alias in node.names]
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    taken.append(node.id)
    assert sorted(set(taken) & set(unit.exercises)) == []


# what an exercise asks for ------------------------------------------------------------------------------------------

KEPT = {  # names that checks ask for and a learner gives, beside those in the signature
    "PositionalEncoding": ["pe"],
    "MultiHeadSelfAttention": ["q_proj", "k_proj", "v_proj", "out_proj", "attn_weights"],
    "FeedForward": ["linear1", "linear2"],
    "AttentionPooling": ["weights"],
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_names_and_errors_that_are_graded_stand_in_the_prose_before_the_exercise(unit, exercise, language):
    cells = [cell for cell in lesson.read(unit).cells if cell.language in (language, None)]
    place = next(i for i, cell in enumerate(cells) if cell.labels.get("exercise") == exercise)
    earlier = [i for i, cell in enumerate(cells[:place]) if cell.labels.get("exercise")]
    prose = "\n".join(cell.source for cell in cells[max(earlier, default=0) : place] if cell.kind == "markdown")
    graded = list(KEPT.get(exercise, []))
    if f"{exercise}-errors" in unit.rules or "ValueError" in unit.released(exercise):
        graded.append("ValueError")
    assert [name for name in graded if not re.search(rf"\b{name}\b", prose)] == []


# hints and rubrics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_help_has_two_hints_and_a_worked_example(unit, exercise, language):
    steps = [step[language] for step in unit.hints["steps"][exercise]]
    assert len(steps) == len(set(steps)) == 3
    assert all(len(step) > 20 for step in steps)
    assert {"en": "example", "zh": "例"}[language] in steps[2]


def bilingual(unit):
    """Each text of a unit that stands in both languages, by where it stands."""
    for name, text in unit.hints["misconceptions"].items():
        yield f"misconceptions {name}", text
    for name, text in unit.hints["rules"].items():
        yield f"rules {name}", text
    for name, steps in unit.hints["steps"].items():
        for number, text in enumerate(steps):
            yield f"steps {name} {number}", text
    for name, question in unit.rubric.items():
        yield f"model answer {name}", question["model_answer"]
        for number, text in enumerate(question["criteria"]):
            yield f"criterion {name} {number}", {language: text[language] for language in LANGUAGES}
        for number, text in enumerate(question.get("typical_mistakes", ())):
            yield f"mistake {name} {number}", text


@of_units
def test_every_text_stands_in_both_languages(unit):
    assert [place for place, text in bilingual(unit) if set(text) != set(LANGUAGES) or not all(text.values())] == []


@of_units
def test_every_question_tells_typical_mistakes_to_who_marks(unit):
    assert [name for name, question in unit.rubric.items() if len(question.get("typical_mistakes", ())) < 3] == []


@of_units
def test_chinese_texts_are_chinese_and_english_ones_are_not(unit):
    texts = list(bilingual(unit))
    assert [place for place, text in texts if not CHINESE.search(text["zh"])] == []
    assert [place for place, text in texts if CHINESE.search(text["en"])] == []


@of_units
def test_a_hint_is_a_question(unit):
    hints = unit.hints["misconceptions"]
    assert [name for name, text in hints.items() if not text["en"].rstrip().endswith("?")] == []
    assert [name for name, text in hints.items() if not text["zh"].rstrip().endswith("？")] == []


@of_units
def test_every_misconception_belongs_to_a_mutant_and_every_mutant_to_one(unit):
    assert set(unit.hints["misconceptions"]) == {mutant.hint for mutant in unit.mutants}


@of_units
def test_no_hint_holds_a_line_of_an_answer(unit):
    answers = {line.strip() for line in secret_lines(unit) if "(" in line}
    answers = {line for line in answers if not line.startswith(('"', "'", "en:", "zh:", "-"))}
    texts = [text for _, text in bilingual(unit) if "model answer" not in _]
    assert [line for line in answers for text in texts if line in text["en"] or line in text["zh"]] == []


@of_units
def test_the_criteria_of_a_question_sum_to_its_points(unit):
    sums = {name: sum(item["points"] for item in question["criteria"]) for name, question in unit.rubric.items()}
    assert sums == {name: question["points"] for name, question in unit.rubric.items()}


@pytest.mark.parametrize("unit", all_units(current().folder), ids=lambda unit: unit.name)
def test_a_lesson_says_the_minutes_that_its_unit_counts(unit):
    minutes = unit.texts["learner_minutes"]
    lesson = (unit.folder / "lesson.py").read_text(encoding="utf-8")
    assert f"about {minutes:g} minutes of your own" in lesson
    assert f"自己动手约 {minutes:g} 分钟" in lesson
