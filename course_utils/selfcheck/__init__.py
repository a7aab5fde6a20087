"""The self-check: `check("div_term")` says in a moment, offline, what is right and names what is wrong.

It compares what the learner's names do on fixed inputs with recorded results, and a wrong result with the recorded
results of known mistakes. No instructor's file is needed or read. `hint("div_term")` gives further help, a step a call.
"""

from __future__ import annotations

from typing import Any

from ..engine.learning.wrapping import prepare_shell

__all__ = ["check", "hint", "needs", "question", "solution", "solved", "status"]


def check(name: str, names: dict[str, Any] | None = None, language: str | None = None) -> Any:
    """A report on an exercise: a line per rule, and for a known mistake a question that names it.

    name: the exercise, such as "div_term"; names: where to look for it, by default the caller's globals;
    language: "en" or "zh", by default that of the notebook's folder. How it came out is kept beside the notebooks.
    Raises ValueError for an unknown exercise, and CheckStopped, a KeyboardInterrupt, when it is interrupted.
    """
    import sys

    from ..engine.learning.report import check_names
    from ..engine.learning.status import note_report

    found = sys._getframe(1).f_globals if names is None else names
    return note_report(check_names(name, found, language), found)


def hint(name: str, step: int | None = None, language: str | None = None) -> Any:
    """Help with an exercise, the next step at each call: 1 and 2 are hints, 3 is an example worked with other numbers.

    step: the one to show; the next call goes on from there.
    Raises ValueError for an unknown exercise or step.
    """
    from ..engine.learning.progress import note_hint
    from ..engine.learning.report import help_step

    found = help_step(name, step, language)
    note_hint(name, found.step)
    return found


def solution(name: str, language: str | None = None) -> Any:
    """The course's answer to an exercise, explained, once its check is green or all hints were seen.

    A class's bundle holds none, and says so. Raises ValueError for an unknown exercise.
    """
    import sys

    from ..engine.learning.earned import tell_solution

    return tell_solution(name, sys._getframe(1).f_globals, language)


def question(name: str, language: str | None = None) -> Any:
    """A model answer and the criteria to mark oneself by, once the saved notebook holds an answer to the question.

    A class's bundle holds none, and says so. Raises ValueError for an unknown question.
    """
    from ..engine.learning.earned import tell_question

    return tell_question(name, language)


def validate(check: str) -> None:
    """What a released grade cell calls: in nbgrader's Validate it says what `check` says, anywhere else nothing."""
    import sys

    from ..engine.learning.plain_cell import validate

    validate(check, sys._getframe(1).f_globals)


def needs(*exercises: str) -> None:
    """Lets the cell below this line wait for exercises: while one is open, a box says so and Run All goes on.

    While one is not right yet, an exception of the cell is told in a box, with the exercise to look at first.
    Where no notebook runs the cell, as in grading, it does nothing. Raises ValueError for an unknown exercise.
    """
    import sys

    from ..engine.learning.waiting import need

    need(exercises, sys._getframe(1).f_globals)


def status() -> Any:
    """How far one is: exercises done, points by self-check, what comes next, minutes left.

    It reads the saved notebooks beside the present one. Raises FolderError where there are none.
    """
    import sys

    from ..engine.learning.folder import find_notebooks
    from ..engine.learning.status import status_of

    return status_of(find_notebooks(), sys._getframe(1).f_globals)


def solved(name: str, stand_in: Any) -> Any:
    """The learner's own answer to an exercise of an earlier unit if it passes its checks, otherwise the stand-in.

    Prints which of the two it is.
    """
    from ..engine.learning.portfolio import solved

    return solved(name, stand_in)


# A cell is read by the shell before it runs, so what `needs` means has to be known as soon as there is the name.
prepare_shell(needs)
