"""What a student's installation holds of each unit, generated from `solutions/`: texts, and recorded looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..asking.student import Student, local
from ..course import LANGUAGES, CourseError
from ..judging import judge, recorded
from ..judging.example import examples_of
from ..judging.judge import Fingerprint, Look, Trouble
from ..reading.released import EXPERIMENT, SETUP, TRANSLATED, headings_of
from ..texts import VISIBLE_SEED, fingerprint_of_source
from .lesson import Cell, Lesson, code_in
from .units import Unit

MAX_OTHERS = 2  # other right ways that are shown beside the course's own answer


def texts_of(unit: Unit, lesson: Lesson) -> dict[str, Any]:
    """The content of `recorded/texts.json`. Raises CourseError where hints.yml lacks a text."""
    hints = unit.hints
    return {
        "generated_from": _generated_from(unit),
        "unit": unit.name,
        "title": in_all(unit.settings["title"], unit),
        "exercises": {
            name: {
                "checks": unit.checks(name),
                "released": fingerprint_of_source(unit.released(name)),
                "steps": [in_all(step, unit) for step in _required(hints["steps"], name, unit)],
            }
            for name in unit.exercises
        },
        "minutes": float(unit.settings["minutes"]),  # to run all cells on two cores
        **_learner_minutes(unit),
        "points": {check: unit.points(check) for check in unit.rules},
        "rules": {check: in_all(_required(hints["rules"], check, unit), unit) for check in unit.rules},
        "hints": {
            hint: in_all(_required(hints["misconceptions"], hint, unit), unit)
            for hint in sorted({mutant.hint for mutant in unit.mutants})
        },
        "observations": {name: in_all(text, unit) for name, text in hints.get("observations", {}).items()},
        "questions": {name: {"points": float(question["points"])} for name, question in unit.rubric.items()},
        "cells": _given_cells(unit, lesson),
    }


def _learner_minutes(unit: Unit) -> dict[str, float]:
    """How long a learner works on a unit, where unit.toml says it."""
    minutes = unit.settings.get("learner_minutes")
    return {} if minutes is None else {"learner_minutes": float(minutes)}


def solutions_of(unit: Unit) -> dict[str, Any]:
    """The content of `recorded/solutions.json`: the course's answers, right ones written otherwise, and the rubric."""
    others: dict[str, list[str]] = {name: [] for name in unit.exercises}
    for alternative in unit.alternatives:
        others[alternative.exercise].append(alternative.source.strip("\n"))
    return {
        "generated_from": _generated_from(unit),
        "exercises": {
            name: {"answer": unit.answer(name), "others": others[name][:MAX_OTHERS]} for name in unit.exercises
        },
        "questions": {
            name: {
                "model_answer": in_all(question["model_answer"], unit),
                "criteria": [
                    {"points": float(criterion["points"]), **in_all(_only_texts(criterion), unit)}
                    for criterion in question["criteria"]
                ],
            }
            for name, question in unit.rubric.items()
        },
    }


def _only_texts(criterion: dict[str, Any]) -> dict[str, str]:
    return {language: criterion[language] for language in LANGUAGES if language in criterion}


def _given_cells(unit: Unit, lesson: Lesson) -> dict[str, Any]:
    """What the self-check knows a unit's own cells by where an editor kept no marks: their code, and the headings."""
    code = [cell for cell in lesson.cells if cell.kind == "code" and not cell.labels.get("exercise")]
    prose = [cell.source for cell in lesson.cells if cell.kind == "markdown"]
    setup = [cell for cell in code if cell.labels.get("role") == SETUP]
    first, *others = unit.course.languages

    def sources(cells: list[Cell], language: str) -> list[str]:
        return [code_in(unit, cell, language) for cell in cells]

    looks = [cell for cell in code if cell not in setup]
    return {
        SETUP: list(dict.fromkeys(source for language in (first, *others) for source in sources(setup, language))),
        EXPERIMENT: sources(looks, first),
        TRANSLATED: {language: sources(looks, language) for language in others},
        "headings": sorted(frozenset().union(*map(headings_of, prose))),
    }


def looks_of(unit: Unit) -> str:
    """The content of `recorded/looks.jsonl`.

    Raises CourseError where a rule cannot look at the truth or a mutant's change does not fit.
    """
    cases = unit.visible_cases

    def looks(exercise: str, student: Student, checks: Sequence[str]) -> dict[str, Look]:
        torch.manual_seed(0)  # dropout draws from torch's own stream; equal sources must give equal bytes
        rules = [unit.rules[check] for check in checks]
        return dict(judge.Looks(rules, student, cases[exercise], VISIBLE_SEED))

    seen: dict[str, Look] = {}
    mistakes: dict[str, list[Fingerprint]] = {name: [] for name in unit.exercises}
    with judge.undisturbed():  # on two threads unit 02 takes 8 s in place of 0.6
        truth = local(unit.truth())
        for exercise in unit.exercises:
            seen |= looks(exercise, truth, unit.checks(exercise))
        truths = {check: seen[check] for check in unit.rules}
        for check, look in truths.items():
            judge.refuse_trouble(unit.folder, unit.rules[check], look)
        for mutant in unit.mutants:
            student = local(unit.namespace({mutant.exercise: unit.mutated(mutant)}))
            found = looks(mutant.exercise, student, mutant.loses)
            mistakes[mutant.exercise].append(Fingerprint(mutant.hint, found))
    return recorded.as_lines(_generated_from(unit), truths, mistakes)


def examples_of_unit(unit: Unit) -> str:
    """The content of `recorded/examples.jsonl`: what the truth gives. Raises CourseError where it gives nothing."""
    path, found = unit.folder / "examples.py", dict[str, list[dict[str, Any]]]()
    if odd := {example.exercise for example in getattr(unit.examples_module, "EXAMPLES", ())} - set(unit.exercises):
        raise CourseError(f"{path}: the unit has no exercise {', '.join(sorted(odd))}")
    with judge.undisturbed():
        truth = local(unit.truth())
        for exercise in unit.exercises:
            for example in examples_of(unit.examples_module, exercise):
                if odd := {check for check in example.checks if f"{exercise}-{check}" not in unit.rules}:
                    raise CourseError(f"{path}: {exercise} has no check {', '.join(sorted(odd))}")
                if isinstance(seen := example.seen(truth), Trouble):
                    raise CourseError(f"{path}: the truth has no answer to {example.code}: {seen.kind()}")
                found.setdefault(exercise, []).append(seen)
    return recorded.examples_as_lines(_generated_from(unit), found)


def in_all(text: dict[str, str], unit: Unit) -> dict[str, str]:
    """A text in each of the engine's languages: where the course has not all of them, its first one stands in.

    Raises CourseError where a language of the course is missing.
    """
    if lacking := [language for language in unit.course.languages if language not in text]:
        raise CourseError(f"{unit.folder / 'hints.yml'}: no {', '.join(lacking)} of {next(iter(text.values()), '')!r}")
    return {language: text.get(language, text[unit.course.languages[0]]) for language in LANGUAGES}


def _generated_from(unit: Unit) -> str:
    return f"{unit.folder.parent.name}/{unit.name}; do not edit, run: course build"


def _required(texts: dict[str, Any], key: str, unit: Unit) -> Any:
    try:
        return texts[key]
    except KeyError:
        raise CourseError(f"{unit.folder / 'hints.yml'}: nothing about {key}") from None
