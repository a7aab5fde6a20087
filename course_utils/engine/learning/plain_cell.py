"""What a released grade cell calls when plain nbgrader runs it in the notebook's own kernel.

The cell holds the independent truth, the hidden sizes and the reference of what comes before, as text; they are run
apart from the notebook's names. This gives honest submissions the scores of the trusted engine, with nbgrader's own
level of protection: none against a notebook that forges.
"""

from __future__ import annotations

import contextlib
import io
import os
import types
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..asking.student import local
from ..course import current
from ..judging import judge
from ..judging.rule import rules_of
from ..texts import language
from .interrupts import stoppable
from .own import own
from .report import check_names

SEED = "nbgrader"


def grade_cell(
    check: str,
    unit: str,
    names: dict[str, Any],
    cases: Sequence[Mapping[str, Any]],
    truth: str,
    before: str,
    earlier: Sequence[str],
) -> None:
    """Raise AssertionError with a sentence unless the learner's names pass a check, as they are or with follow-through.

    check: grade id; names: the notebook's globals; cases: hidden sizes; truth, before: sources of the independent truth
    and of the reference of all earlier exercises, whose names are `earlier`.
    """
    found = current().unit(unit)
    rule = next(rule for rule in rules_of(found.rules_module) if rule.name == check)
    silence = io.StringIO()
    with contextlib.ExitStack() as quiet:
        quiet.enter_context(stoppable(names, language(), rule.exercise))
        quiet.enter_context(judge.undisturbed())
        quiet.enter_context(contextlib.redirect_stdout(silence))
        quiet.enter_context(contextlib.redirect_stderr(silence))
        quiet.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        expected = judge.look(rule, local(_run(truth)), cases, SEED)
        seen = judge.look(rule, own(names), cases, SEED)
        difference = judge.differs(seen, expected, rule)
        if difference is not None and earlier:
            given = _run(before)
            kept = {name: names[name] for name in earlier if name in names}
            names.update({name: given[name] for name in earlier})
            try:
                again = judge.look(rule, own(names), cases, SEED)
            finally:
                for name in earlier:
                    names.pop(name)
                names.update(kept)
            difference = judge.differs(again, expected, rule) and difference
    if difference is not None:
        raise AssertionError(judge.explain(rule, difference, found.texts, show_values=False)["en"])


def validate(check: str, names: dict[str, Any]) -> None:
    """Raise AssertionError with what the self-check says, where nbgrader's Validate runs a released grade cell.

    Anywhere else nothing happens: a learner's Run All goes on, and in grading the hidden test has the word.
    """
    if not os.environ.get("NBGRADER_VALIDATING"):
        return
    texts = [current().unit(name).texts["exercises"] for name in current().unit_names]
    exercise = next(name for found in texts for name, about in found.items() if check in about["checks"])
    report = check_names(exercise, names)
    verdict = next(each for each in report.verdicts if each.check == check)
    if verdict.outcome != "passed":
        said = verdict.message[report.language] if verdict.message else ""
        raise AssertionError(f"{report.rules[check]} {said}".strip())


def _run(source: str) -> dict[str, Any]:
    module = types.ModuleType("hidden")
    exec(compile(source, "<hidden>", "exec"), module.__dict__)
    return module.__dict__
