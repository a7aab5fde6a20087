"""The block that formgrader shows beside an answer in words."""

import copy
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat import v4
from nbgrader.server_extensions.formgrader import handlers

from course_utils.engine.course import current
from course_utils.engine.making import release
from course_utils.engine.making.lesson import read
from course_utils.engine.making.nbgrader import settings
from course_utils.engine.making.units import find_units
from course_utils.engine.telling import rubric_cells
from course_utils.engine.telling.formgrader import TEMPLATES
from course_utils.engine.telling.gradebook import Forms
from course_utils.engine.telling.review import Criterion, Question, question_of
from course_utils.engine.telling.rubric_cells import RubricCells, block

UNIT, QUESTION = "02_attention", "q3_scaling"


@pytest.fixture(scope="module")
def unit():
    return find_units(current().folder, [UNIT])[0]


@pytest.fixture(scope="module")
def released_once(unit):
    return Forms.of(release.source_notebook(unit, read(unit), "en"), current()).released


@pytest.fixture
def notebook(released_once):
    return copy.deepcopy(released_once)


def shown(results, notebook, language="en", unit=UNIT):
    """The cells of a notebook as formgrader gets them, of a student who wrote in a language."""
    rubrics = RubricCells(current(), results)
    rubrics._language = lambda *names: language
    return rubrics(notebook, {"assignment_id": unit, "student": "ann"})[0].cells


def place_of(cells, name=QUESTION):
    return next(n for n, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def rendered(source):
    config = settings(current())
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), handlers.template_path]
    page, _ = HTMLExporter(config=config).from_notebook_node(
        v4.new_notebook(cells=[v4.new_markdown_cell(source)]), resources={"base_url": "", "index": 0, "total": 1}
    )
    return BeautifulSoup(page, "html.parser").find("details")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_block_stands_right_above_the_answer_in_its_language(unit, notebook, tmp_path, language):
    cells = shown(tmp_path, notebook, language)
    question = question_of(unit, QUESTION, language)
    text = rendered(cells[place_of(cells) - 1].source).get_text()
    assert all(" ".join(each.text.split()) in " ".join(text.split()) for each in question.criteria)
    assert rubric_cells.SENTENCES["model_answer"][language] in text
    assert rubric_cells.SENTENCES["typical_mistakes"][language] in text
    assert all(mistake in text for mistake in question.typical_mistakes)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_question_stands_on_the_page_once(unit, notebook, tmp_path, language):
    cells = shown(tmp_path, notebook, language)
    texts = [cell.source for cell in cells]
    assert sum(question_of(unit, QUESTION, language).asked.splitlines()[0] in text for text in texts) == 1
    assert sum(question_of(unit, QUESTION, "en").asked.splitlines()[0] in text for text in texts) == (language == "en")


def test_a_cell_that_is_not_the_question_stays(unit, notebook, tmp_path):
    notebook.cells.insert(place_of(notebook.cells), v4.new_markdown_cell("Something else."))
    cells = shown(tmp_path, notebook)
    assert cells[place_of(cells) - 2].source == "Something else."


def test_nothing_but_questions_is_touched(unit, notebook, tmp_path):
    before = copy.deepcopy(notebook.cells)
    after = [cell for cell in shown(tmp_path, notebook) if not cell.source.startswith("<details")]
    asked = {question_of(unit, name, "en").asked for name in unit.rubric}
    assert after == [cell for cell in before if cell.source.strip() not in asked]


@pytest.mark.parametrize("name", ["99_nothing", ""])
def test_a_notebook_of_no_unit_stays_as_it_is(notebook, tmp_path, name):
    before = copy.deepcopy(notebook.cells)
    assert shown(tmp_path, notebook, unit=name) == before


def test_a_unit_that_cannot_be_read_costs_the_block_and_not_the_page(notebook, tmp_path, monkeypatch):
    def no_rubric(*_):
        raise KeyError("model_answer")

    before = copy.deepcopy(notebook.cells)
    monkeypatch.setattr(rubric_cells, "question_of", no_rubric)
    assert shown(tmp_path, notebook) == before


def test_a_block_is_text_and_formulas_and_no_program():
    attack = "<script>x()</script> </details> <img src=x> ![p](p.png) a < b, $\\frac{a}{b}$"
    question = Question("u", "q<b>", 2.0, attack, (Criterion(2.0, attack),), attack, (attack,))
    found = rendered(block(question, "en"))
    assert {tag.name for tag in found.find_all(True)} <= {"summary", "p", "ul", "li", "strong", "em"}
    text = found.get_text()
    assert text.count("$\\frac{a}{b}$") == 4
    assert text.count("a < b") == 4
    assert "q<b>: Question and rubric, 2 points" in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("each", find_units(current().folder), ids=lambda unit: unit.name)
def test_the_texts_of_the_course_are_shown_as_they_are_written(each, language):
    for name in each.rubric:
        question = question_of(each, name, language)
        source = block(question, language)
        for text in (question.asked, question.model_answer, *question.typical_mistakes):
            assert text in source


def test_without_a_language_the_block_is_in_the_first_of_the_course(unit, notebook, tmp_path):
    blocks = [shown(tmp_path, copy.deepcopy(notebook), language) for language in ("", "en")]
    assert [cell.source for cell in blocks[0]] == [cell.source for cell in blocks[1]]


def test_a_course_in_another_language_has_english_labels():
    question = Question("u", "q", 1.0, "", (Criterion(1.0, "Dit."),), "Dat.", ())
    text = rendered(block(question, "nl")).get_text()
    assert "A model answer" in text
    assert "Typical mistakes" not in text


def test_the_language_is_read_anew_when_the_log_has_changed(tmp_path, monkeypatch):
    log = SimpleNamespace(last={})
    monkeypatch.setattr(rubric_cells, "read_log", lambda results: log)
    rubrics = RubricCells(current(), tmp_path)
    assert rubrics._language("ann", UNIT) == ""
    (tmp_path / "log.jsonl").write_text("1", encoding="utf-8")
    log.last = {("ann", UNIT): SimpleNamespace(language="zh")}
    assert rubrics._language("ann", UNIT) == "zh"
    log.last = {("ann", UNIT): SimpleNamespace(language="en")}
    assert rubrics._language("ann", UNIT) == "zh"
    (tmp_path / "log.jsonl").write_text("12", encoding="utf-8")
    assert rubrics._language("ann", UNIT) == "en"
