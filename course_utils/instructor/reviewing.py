"""`course review`: one question over all students, in a terminal, criterion by criterion, with keys."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from ..engine.harmless import on_one_line, tame
from ..engine.making.units import Unit
from ..engine.telling.review import Answer, Question, give_mark, question_of, waiting

KEYS = "a number of points, Enter for all of them; s skip, b back, q quit"


class Left(Exception):
    """The person goes elsewhere: "s" to the next answer, "b" to the one before, "q" out."""


def review(console: Console, results: Path, unit: Unit, name: str, everybody: bool, names: bool) -> int:
    """Show each waiting answer to a question and write what a person gives it; the number of marks written.

    Raises ValueError and GradebookError as `telling.review` does.
    """
    answers = waiting(results, unit.name, name, everybody)
    if not answers:
        console.print(f"{name}: no answer waits; --all shows those that are marked", markup=False)
        return 0
    shown = ""
    number, written = 0, set[int]()
    while number < len(answers):
        answer = answers[number]
        question = question_of(unit, name, answer.language)
        if shown != answer.language:
            _show_question(console, question)
            shown = answer.language
        whose = on_one_line(answer.student) if names else "a student"
        _show_answer(console, question, answer, f"{number + 1} of {len(answers)}, {whose}")
        try:
            points = [_points(console, place, question) for place in range(len(question.criteria))]
            comment = _line(console, "comment for the student (Enter for none): ")
        except (Left, EOFError, KeyboardInterrupt) as left:
            key = left.args[0] if left.args else "q"
            if key == "q":
                break
            number = max(0, number - 1) if key == "b" else number + 1
            continue
        give_mark(results, question, answer, points, comment or answer.comment, sum(points))
        written.add(number)
        number += 1
    console.print(f"{len(written)} marked, {len(answers) - len(written)} left", markup=False)
    return len(written)


def _show_question(console: Console, question: Question) -> None:
    console.print(Panel(Markdown(question.asked), title=f"{question.name}, {question.points:g} points"))
    console.print(Panel(Markdown(question.model_answer), title="a model answer", style="dim"))
    if question.typical_mistakes:
        mistakes = "\n".join(f"- {each}" for each in question.typical_mistakes)
        console.print(Panel(Markdown(mistakes), title="typical mistakes", style="dim"))


def _show_answer(console: Console, question: Question, answer: Answer, title: str) -> None:
    console.print(Panel(Text(tame(answer.text)), title=Text(f"answer {title}"), border_style="bold"))
    if answer.mark and answer.mark.score is not None:
        again = "; the answer has changed since" if answer.mark.asks_again else ""
        console.print(f"marked with {answer.mark.score:g} of {question.points:g} points before{again}", markup=False)
    if answer.comment:
        console.print(f"comment so far: {tame(answer.comment)}", markup=False)


def _points(console: Console, place: int, question: Question) -> float:
    """What a person gives for one criterion. Raises Left."""
    criterion = question.criteria[place]
    console.print(f"\n{place + 1}. {criterion.text}", markup=False)
    while True:
        said = _line(console, f"0 to {criterion.points:g} [{criterion.points:g}]: ").lower()
        if said in ("s", "b", "q"):
            raise Left(said)
        try:
            points = float(said.replace(",", ".")) if said else criterion.points
        except ValueError:
            points = -1.0
        if 0 <= points <= criterion.points:
            return points
        console.print(f"give {KEYS}", style="yellow", markup=False)


def _line(console: Console, wish: str) -> str:
    """What a person types. Raises EOFError where nobody does any more."""
    console.print(Text(wish, style="bold"), end="")
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()
