"""What the tests of all units share: a unit's judge, made once, that remembers its looks at truths and mistakes."""

from functools import cache

import pytest

from course_utils.instructor.assess import UnitJudge
from course_utils.selfcheck.texts import unit_texts


@pytest.fixture(scope="session")
def judge_of():
    """The judge of a unit; one for each seed, since a judge remembers the looks of the last seed only."""

    @cache
    def judge_of_unit(folder, seed):
        from course_utils.instructor.units import Unit

        unit = Unit(folder)
        return UnitJudge(unit, {"rules": unit.hints["rules"], "hints": unit.hints["misconceptions"]})

    return lambda unit, seed: judge_of_unit(unit.folder, seed)


@pytest.fixture
def quiet(capfd):
    """Known answers print and warn to prove that this costs nothing; the test's own output stays clean."""
    yield
    capfd.readouterr()


@pytest.fixture(autouse=True)
def english(monkeypatch):
    """Reports speak English unless a test asks for another language."""
    monkeypatch.setenv("COURSE_LANG", "en")
    unit_texts.cache_clear()
