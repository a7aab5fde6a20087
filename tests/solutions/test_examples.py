"""Each unit's examples, and what stands below a mistake that has no name: never a repetition of the rule alone."""

import re
import warnings

import pytest
import torch

from course_utils.engine.asking.student import local
from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.judging.example import examples_of, first_wrong
from course_utils.engine.judging.judge import Trouble, undisturbed
from course_utils.engine.judging.recorded import recorded_examples, recorded_looks, recorded_mistakes
from course_utils.engine.judging.rule import CONTENT
from course_utils.engine.judging.sentences import SENTENCES
from course_utils.engine.learning import report
from course_utils.engine.learning.report import check_names
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
EXAMPLES = [
    pytest.param(unit, name, number, id=f"{name}-{number}")
    for unit in UNITS
    for name in unit.exercises
    for number in range(len(examples_of(unit.examples_module, name)))
]
EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
MUTANTS = [
    pytest.param(unit, mutant, id=f"{mutant.exercise}-{mutant.name}") for unit in UNITS for mutant in unit.mutants
]
NOT_YET = SENTENCES["wrong_value"]["en"].partition("{")[0], SENTENCES["wrong_shape"]["en"].partition("(")[0]


def names_with(unit, changes):
    """The names of a notebook with the reference in it, and other cells in the place of some exercises."""
    bench = Workbench({})
    for name, source in {
        "setup": unit.preamble(),
        **{name: unit.answer(name) for name in unit.exercises},
        **changes,
    }.items():
        bench.perform({"do": "run", "name": f"examples-{unit.name}-{name}", "source": source})
    return bench.names


@pytest.mark.parametrize(("unit", "name", "number"), EXAMPLES)
def test_each_right_answer_gives_what_an_example_expects(unit, name, number, capfd):
    example, expected = examples_of(unit.examples_module, name)[number], recorded_examples(unit)[name][number]
    others = [answer.source for answer in unit.alternatives if answer.exercise == name]
    for source in (unit.answer(name), *others):
        with undisturbed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen = example.seen(local(unit.namespace({name: source})))
        assert first_wrong(seen, expected) is None, (source, seen, expected)


@pytest.mark.parametrize(("unit", "name"), EXERCISES)
def test_each_exercise_has_an_example(unit, name):
    assert recorded_examples(unit)[name]


@pytest.mark.parametrize(("unit", "name", "number"), EXAMPLES)
def test_the_axes_of_an_example_fit_what_it_is_given_and_what_it_expects(unit, name, number):
    example, expected = examples_of(unit.examples_module, name)[number], recorded_examples(unit)[name][number]
    for argument, axes in example.axes.items():
        assert len(axes.split()) == example.given[argument].dim()
    for result, value in expected.items():
        assert len(example.axes_of(result)) == (value.dim() if isinstance(value, torch.Tensor) else 0)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_observation_has_words_in_both_languages(unit):
    words, looks = unit.texts["observations"], dict(recorded_looks(unit))
    seen = list(looks.items())
    seen += [pair for known in recorded_mistakes(unit).values() for mistake in known for pair in mistake.looks.items()]
    names = {(check, name) for check, look in seen for case in look if not isinstance(case, Trouble) for name in case}
    lacking = {f"{check}: {name}" for check, name in names if name not in words and f"{check}: {name}" not in words}
    assert {entry for entry in lacking if not entry.endswith(f": {CONTENT}")} == set()
    same = {"x", "hidden"}
    assert [text for text in words.values() if not CHINESE.search(text["zh"]) and text["zh"] not in same] == []


def refuse_repetition(found):
    """Each lost rule draws a name, a case or an exception, and a case for the answer as a whole unless one is told."""
    lost = [verdict for verdict in found.verdicts if verdict.outcome != "passed"]
    assert lost
    for verdict in lost:
        message = verdict.message["en"]
        assert not message.startswith(NOT_YET), message
        told = verdict.hint or verdict.check in found.shown or verdict.outcome in ("error", "memory")
        assert told or message == SENTENCES["no_content"]["en"] or " came back." in message, message
    assert found.shown or any(verdict.hint or verdict.outcome in ("error", "memory") for verdict in lost)
    for language in ("en", "zh"):
        page = report.Report(found.exercise, language, found.verdicts, found.rules, found.note, found.shown)
        assert repr(page)
        assert page._repr_html_()


@pytest.fixture
def no_names(monkeypatch):
    """Take the names of known mistakes away."""
    monkeypatch.setattr(report, "recorded_mistakes", lambda unit: {name: [] for name in unit.texts["exercises"]})


@pytest.mark.usefixtures("no_names")
@pytest.mark.parametrize(("unit", "mutant"), MUTANTS)
def test_a_mistake_without_its_name_is_shown_by_a_case_or_an_exception(unit, mutant, capfd):
    refuse_repetition(check_names(mutant.exercise, names_with(unit, {mutant.exercise: unit.mutated(mutant)}), "en"))


# Other things in the place of what a right answer gives: of a function its result, of a class that of its forward.
BROKEN = {
    "nothing": "lambda right: None",
    "a list": "lambda right: right.tolist() if isinstance(right, torch.Tensor) else [right]",
    "numpy": "lambda right: np.asarray(right.detach() if isinstance(right, torch.Tensor) else 1.0)",
    "a number": "lambda right: 0.25",
    "a tuple": "lambda right: (right,)",
    "text": "lambda right: str(right)",
    "another axis": "lambda right: right[None] if isinstance(right, torch.Tensor) else right + right if right else [0]",
    "an axis less": "lambda right: right[0] if isinstance(right, torch.Tensor) and right.dim() else None",
    "whole numbers": "lambda right: right.int() if isinstance(right, torch.Tensor) else [int(bool(right))]",
    "nan": "lambda right: right * float('nan') if isinstance(right, torch.Tensor) else float('nan')",
    "twice": "lambda right: 2 * right + 1 if isinstance(right, torch.Tensor | float) else right * 2 or [0]",
}
METHODS = {"NewsDataset": "__getitem__"}
WRAPPED = """
import numpy as np
_change = {change}
if isinstance({name}, type):
    class {name}({name}):
        def {method}(self, *args, **kwargs):
            return _change(super().{method}(*args, **kwargs))
else:
    def _wrapped(right):
        def {name}(*args, **kwargs):
            return _change(right(*args, **kwargs))
        return {name}
    {name} = _wrapped({name})
"""


# logits times two plus one are logits, too
WRONG_FORMS = [
    pytest.param(unit, name, kind, id=f"{name}-{kind}")
    for unit in UNITS
    for name in unit.exercises
    for kind in BROKEN
    if (name, kind) != ("TransformerEncoderClassifier", "twice")
]


@pytest.mark.usefixtures("no_names")
@pytest.mark.parametrize(("unit", "name", "kind"), WRONG_FORMS)
def test_a_result_of_another_form_is_shown_by_a_case_or_an_exception(unit, name, kind, capfd):
    wrapped = WRAPPED.format(name=name, change=BROKEN[kind], method=METHODS.get(name, "forward"))
    found = check_names(name, names_with(unit, {name: unit.answer(name) + "\n" + wrapped}), "en")
    refuse_repetition(found)
