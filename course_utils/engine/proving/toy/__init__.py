"""A small course of the engine's own, on which hostile, honest and damaged notebooks hang, whatever course is at hand.

It is a course as any other: `course --course course_utils/engine/proving/toy build` makes its notebooks.

    solutions/
      01_rows       a function, two that build on it, a module with a parameter and a buffer; a question
      02_blocks     modules that are watched from inside, a broken one to mend; built on an answer of the unit before
      03_learning   functions that are given a model and batches; fixtures that take notes and look into a model
    notebooks/en/   its release

Notable choices:
- its release stands beside it: who grades is often not who may write here, and building it takes half a minute;
- it is in English alone, and means nothing: nobody learns from it, and each exercise is there for what can go wrong.
"""

from __future__ import annotations

from pathlib import Path

from ...course import Course, open_course

FOLDER = Path(__file__).resolve().parent
ROWS, BLOCKS, LEARNING = "01_rows", "02_blocks", "03_learning"


def course() -> Course:
    """The toy course."""
    return open_course(FOLDER)
