"""The self-check of every unit on its visible inputs: green where right, red with a name where wrong, and quick."""

import re
import time
import warnings

import pytest

from course_utils.engine import texts
from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.judging.sentences import filled
from course_utils.engine.learning.report import check_names
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SECONDS = 0.5

EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
MUTANTS = [
    pytest.param(unit, mutant, id=f"{mutant.exercise}-{mutant.name}") for unit in UNITS for mutant in unit.mutants
]
ALTERNATIVES = [
    pytest.param(unit, answer, id=f"{answer.exercise}-{answer.name}") for unit in UNITS for answer in unit.alternatives
]


def names_with(unit, changes=None):
    """The names of a notebook with the reference in it, and other cells in the place of some exercises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unit.namespace(changes or {})


def notebook_names(unit, cells):
    """The names of a notebook whose exercise cells have run one after the other, as in a kernel."""
    bench = Workbench({})
    for name, source in {"setup": unit.preamble(), **cells}.items():
        bench.perform({"do": "run", "name": f"{unit.name}-{name}", "source": source})
    return bench.names


def test_every_unit_is_built():
    assert [unit.name for unit in UNITS] == texts.units()


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_the_reference_is_all_green(unit, exercise):
    found = check_names(exercise, names_with(unit), "en")
    assert found.passed, found
    assert [verdict.check for verdict in found.verdicts] == unit.checks(exercise)


@pytest.mark.parametrize(("unit", "answer"), ALTERNATIVES)
def test_an_alternative_is_all_green(unit, answer, capfd):
    found = check_names(answer.exercise, names_with(unit, {answer.exercise: answer.source}), "en")
    assert found.passed, found


@pytest.mark.parametrize(("unit", "mutant"), MUTANTS)
def test_a_mutant_is_red_at_its_checks_alone_and_its_hint_is_named_in_both_languages(unit, mutant, capfd):
    found = check_names(mutant.exercise, names_with(unit, {mutant.exercise: unit.mutated(mutant)}), "en")
    red = {verdict.check: verdict for verdict in found.verdicts if verdict.outcome != "passed"}
    assert set(red) == set(mutant.loses)
    assert all(verdict.hint for verdict in red.values())
    named = [verdict for verdict in red.values() if verdict.hint == mutant.hint]
    assert named
    # below the question stands what the answer raised, where it raised something
    question = {language: text.partition("\n")[0] for language, text in named[0].message.items()}
    assert question == unit.hints["misconceptions"][mutant.hint]
    assert question["en"] in repr(found)
    assert CHINESE.search(question["zh"])


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_a_blank_exercise_says_that_it_is_blank(unit, exercise, language):
    cells = {name: unit.released(name) for name in unit.exercises}
    found = check_names(exercise, notebook_names(unit, cells), language)
    assert {verdict.outcome for verdict in found.verdicts} == {"missing"}
    assert found.messages() == [filled("blank")[language]]


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_an_exercise_that_is_not_there_says_so(unit, exercise, language):
    found = check_names(exercise, {}, language)
    assert {verdict.outcome for verdict in found.verdicts} == {"missing"}
    assert found.messages() == [filled("not_run", name=exercise)[language]]
    assert len(found.verdicts) == len(unit.checks(exercise))


def best_of_three(work):
    seconds = []
    for _ in range(3):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_a_check_answers_well_under_a_second_also_for_a_mistake(unit, exercise):
    """Processor time, and the best of three: other programs may be at work on this machine."""
    mutant = next(mutant for mutant in unit.mutants if mutant.exercise == exercise)
    right, wrong = names_with(unit), names_with(unit, {exercise: unit.mutated(mutant)})
    assert best_of_three(lambda: check_names(exercise, right, "en")) < SECONDS
    assert best_of_three(lambda: check_names(exercise, wrong, "en")) < SECONDS
