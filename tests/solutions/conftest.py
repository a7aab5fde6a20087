"""What the tests of all units share: a unit's judge, made once, that remembers its looks at truths."""

from functools import cache

import pytest
import torch

from course_utils.engine.grading.assess import UnitJudge
from course_utils.engine.making.units import Unit


@pytest.fixture(scope="session")
def judge_of():
    """The judge of a unit; one for each seed, since a judge remembers the looks of the last seed only."""

    @cache
    def judge_of_unit(folder, seed):
        unit = Unit(folder)
        return UnitJudge(unit, unit.texts)

    return lambda unit, seed: judge_of_unit(unit.folder, seed)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """On tensors as small as these, two threads on a busy machine take up to ten times as long as one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def quiet(capfd):
    """Known answers print and warn to prove that this costs nothing; the test's own output stays clean."""
    yield
    capfd.readouterr()


@pytest.fixture(autouse=True)
def english(monkeypatch):
    """Reports speak English unless a test asks for another language."""
    monkeypatch.setenv("COURSE_LANG", "en")
