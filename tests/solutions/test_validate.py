"""nbgrader's Validate says what `check` says: of a blank notebook, a wrong and a right one."""

import json

import pytest
from nbgrader.validator import Validator

from course_utils.engine.course import current
from course_utils.engine.learning import plain_cell
from course_utils.engine.learning.notebook import check_notebook
from course_utils.engine.making.nbgrader import settings
from course_utils.engine.making.units import Unit
from course_utils.engine.proving import sample
from course_utils.selfcheck import validate

UNIT = Unit(current().folder / "01_positional_encoding")


def failed(folder, sources):
    """The checks that Validate calls failed, with what it says of each."""
    path = folder / f"{UNIT.name}.ipynb"
    path.write_text(json.dumps(sample.filled(UNIT, sources)))
    found = Validator(config=settings(current())).validate(str(path))
    cells = found.get("failed", [])
    return {
        check: cell["raw_error"] for cell in cells for check in UNIT.rules if f'validate("{check}")' in cell["source"]
    }


@pytest.mark.slow
def test_validate_calls_every_check_of_a_blank_notebook_failed(tmp_path):
    assert set(failed(tmp_path, {})) == set(UNIT.rules)


@pytest.mark.slow
def test_validate_fails_what_check_fails_and_names_the_mistake_that_it_names(tmp_path):
    found = failed(tmp_path, sample.report(UNIT))
    reports = check_notebook(tmp_path / f"{UNIT.name}.ipynb")
    wrong = {each.check for report in reports for each in report.verdicts if each.outcome != "passed"}
    assert set(found) == wrong
    assert "log(10000 / d_model)" in found["div_term-values"]


@pytest.mark.slow
def test_validate_is_content_with_right_answers(tmp_path):
    assert failed(tmp_path, sample.reference(UNIT)) == {}


def test_outside_of_validate_the_cell_says_nothing(monkeypatch):
    monkeypatch.delenv("NBGRADER_VALIDATING", raising=False)
    monkeypatch.setattr(plain_cell, "check_names", None)
    validate("div_term-values")


def test_in_validate_a_wrong_answer_is_told(monkeypatch):
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    with pytest.raises(AssertionError, match="div_term"):
        exec('validate("div_term-values")', {"validate": validate})
