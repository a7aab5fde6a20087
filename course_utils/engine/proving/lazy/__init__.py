"""Answers without content: constants, noise, and inputs handed back, with the right names, signatures and refusals.

They do whatever can be done without doing the exercise: they have the right shapes and parameters, refuse what has to
be refused, and tie what they return to the inputs and weights with a factor of 0, so that a graph is there. None may
earn more than `MOST` of its exercise's points.

    made      for any exercise, from what its truth was asked and gave: shapes, parameters, refusals
    parts     functions and modules round any expression, of which a unit's own `lazy.py` is written

A unit's folder may hold a `lazy.py` beside its mutants, with answers that only who knows the exercise would try: the
mean, the first row, a part of the work that is done. Nothing of it reaches students or decides a mark.

What a part of the work has in it is no answer of this kind, as a mean that forgets its mask, or shares that are equal
because the scores are still open, but that follow the mask.
"""

from __future__ import annotations

from ...course import load
from ...making.units import Unit
from .made import made_answers

MOST = 0.1  # of an exercise's points


def answers(unit: Unit, exercise: str) -> dict[str, str]:
    """Answers without content to an exercise, the unit's own and made ones: name -> the source of its cell."""
    own = load(unit.folder, "lazy").LAZY if (unit.folder / "lazy.py").is_file() else {}
    return {**(dict(own[exercise]()) if exercise in own else {}), **made_answers(unit, exercise)}
