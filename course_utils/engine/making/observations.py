"""What a student's installation holds of each unit, generated from `solutions/`: texts, and recorded looks."""

from __future__ import annotations

from typing import Any

import torch

from ..asking.student import Student, local
from ..grading.assess import refuse_trouble
from ..judging import judge, recorded
from ..judging import rule as rule_modules
from ..judging.judge import Fingerprint, Look
from ..reading.released import EXPERIMENT, SETUP, headings_of
from ..texts import VISIBLE_SEED, fingerprint_of_source
from .lesson import Lesson
from .units import Unit, UnitError


def texts_of(unit: Unit, lesson: Lesson) -> dict[str, Any]:
    """The content of `course_utils/selfcheck/units/<unit>.texts.json`.

    Raises UnitError where hints.yml lacks a text.
    """
    hints = unit.hints
    return {
        "generated_from": _generated_from(unit),
        "unit": unit.name,
        "title": lesson.title,
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
        "cells": _given_cells(unit, lesson),
    }


def _given_cells(unit: Unit, lesson: Lesson) -> dict[str, list[str]]:
    """What the self-check knows a unit's own cells by where an editor kept no marks: their code, and the headings."""
    code = [cell for cell in lesson.cells if cell.kind == "code" and not cell.labels.get("exercise")]
    prose = [cell.source for cell in lesson.cells if cell.kind == "markdown"]
    setup = [cell for cell in code if cell.labels.get("role") == SETUP]
    return {
        SETUP: [unit.cell(cell.labels["given"]) if cell.labels.get("given") else cell.source for cell in setup],
        EXPERIMENT: [cell.source for cell in code if cell not in setup],
        "headings": sorted(frozenset().union(*map(headings_of, prose))),
    }


def looks_of(unit: Unit) -> str:
    """The content of `course_utils/selfcheck/units/<unit>.looks.jsonl`.

    Raises UnitError where a rule cannot look at the truth or a mutant's change does not fit.
    """
    cases = rule_modules.module(unit.name).VISIBLE_CASES

    def look(check: str, student: Student) -> Look:
        rule = unit.rules[check]
        torch.manual_seed(0)  # dropout draws from torch's own stream; equal sources must give equal bytes
        return judge.look(rule, student, cases[rule.exercise], VISIBLE_SEED)

    mistakes: dict[str, list[Fingerprint]] = {name: [] for name in unit.exercises}
    with judge.undisturbed():  # on two threads unit 02 takes 8 s in place of 0.6
        truth = local(unit.truth())
        truths = {check: look(check, truth) for check in unit.rules}
        for check, seen in truths.items():
            refuse_trouble(unit, unit.rules[check], seen)
        for mutant in unit.mutants:
            student = local(unit.namespace({mutant.exercise: unit.mutated(mutant)}))
            looks = {check: look(check, student) for check in mutant.loses}
            mistakes[mutant.exercise].append(Fingerprint(mutant.hint, looks))
    return recorded.as_lines(_generated_from(unit), truths, mistakes)


def _generated_from(unit: Unit) -> str:
    return f"solutions/{unit.name}; do not edit, run: course build"


def _required(texts: dict[str, Any], key: str, unit: Unit) -> Any:
    try:
        return texts[key]
    except KeyError:
        raise UnitError(f"{unit.folder / 'hints.yml'}: nothing about {key}") from None
