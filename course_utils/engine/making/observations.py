"""What a student's installation holds of each unit, generated from `solutions/`: texts, truths, fingerprints."""

from __future__ import annotations

from typing import Any

import torch

from ..asking.student import local
from ..grading.assess import UnitJudge, refuse_trouble
from ..judging import judge
from ..judging import rule as rule_modules
from ..texts import VISIBLE_SEED, fingerprint_of_source
from .units import Unit, UnitError


def unit_texts(unit: Unit, title: dict[str, str]) -> dict[str, Any]:
    """The content of `course_utils/selfcheck/units/<unit>.json`."""
    hints = unit.hints
    texts: dict[str, Any] = {
        "generated_from": f"solutions/{unit.name}; do not edit, run: course build",
        "unit": unit.name,
        "title": title,
        "exercises": {
            name: {
                "checks": unit.checks(name),
                "released": fingerprint_of_source(unit.released(name)),
                "steps": _required(hints["steps"], name, unit),
            }
            for name in unit.exercises
        },
        "minutes": float(_required(hints, "minutes", unit)),  # to run all cells on two cores
        "points": {check: unit.points(check) for check in unit.rules},
        "rules": {check: _required(hints["rules"], check, unit) for check in unit.rules},
        "hints": {
            hint: _required(hints["misconceptions"], hint, unit)
            for hint in sorted({mutant.hint for mutant in unit.mutants})
        },
        "questions": {name: {"points": float(question["points"])} for name, question in unit.rubric.items()},
    }
    ready = UnitJudge(unit, texts)
    cases = rule_modules.module(unit.name).VISIBLE_CASES

    def look(check: str, student: Any) -> judge.Look:
        rule = unit.rules[check]
        torch.manual_seed(0)  # dropout draws from torch's own stream; equal sources must give equal bytes
        return judge.look(rule, student, cases[rule.exercise], VISIBLE_SEED)

    truths = {check: look(check, ready.truth) for check in unit.rules}
    for check, seen in truths.items():
        refuse_trouble(unit, unit.rules[check], seen)
    texts["recorded"] = {check: judge.recorded(seen) for check, seen in truths.items()}
    texts["fingerprints"] = {
        name: [
            {
                "hint": mutant.hint,
                "looks": {check: judge.recorded(look(check, student)) for check in mutant.loses},
            }
            for mutant in unit.mutants
            if mutant.exercise == name
            for student in [local(unit.namespace({name: unit.mutated(mutant)}))]
        ]
        for name in unit.exercises
    }
    return texts


def _required(texts: dict[str, Any], key: str, unit: Unit) -> Any:
    try:
        return texts[key]
    except KeyError:
        raise UnitError(f"{unit.folder / 'hints.yml'}: nothing about {key}") from None
