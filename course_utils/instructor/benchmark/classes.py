"""An honest class to measure on: right answers written in many ways, classic mistakes, a blank, the report."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...engine.making.units import Unit
from ...engine.proving import sample

SEED = 2017  # of the class; equal numbers of students give equal classes


def write_class(submitted: Path, units: Sequence[Unit], students: int) -> int:
    """Write what a class hands in; returns the number of notebooks.

    The first student hands in the blank release, the second what the laboratory report says. Of the others one third
    makes one or two classic mistakes in each unit, and the rest answers right: with the reference or otherwise.
    Every other student works in Chinese, and everybody answers the questions except the first.
    """
    for number in range(students):
        for unit in units:
            sample.write(submitted, f"student {number + 1:03d}", unit, notebook(unit, number))
    return students * len(units)


def notebook(unit: Unit, number: int) -> dict[str, Any]:
    """What one student of the class hands in for a unit."""
    language = "zh" if number % 2 else "en"
    if number == 0:
        return sample.released(unit, language)
    chance = random.Random(f"{SEED} {number} {unit.name}")
    if number == 1:
        sources = sample.report(unit)
    elif number % 3 == 2:
        sources = sample.reference(unit)
        for mutant in chance.sample(unit.mutants, min(len(unit.mutants), chance.choice((1, 2)))):
            sources |= {mutant.exercise: unit.mutated(mutant)}
    else:
        sources = {name: chance.choice(_right_answers(unit, name)) for name in unit.exercises}
    answers = {name: question["model_answer"][language] for name, question in unit.rubric.items()}
    return sample.filled(unit, sources, answers, language)


def _right_answers(unit: Unit, exercise: str) -> list[str]:
    others = [other.source for other in unit.alternatives if other.exercise == exercise]
    return [unit.answer(exercise), *others]
