"""`course new`: a course, a unit or an exercise of one's own, begun with files that work as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ..engine.course import CourseError, current
from ..terminal import console, fail

new = typer.Typer(help="Begin a course, a unit or an exercise of your own: files that work as they stand.")


@new.command("course")
def new_course(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, or empty.")],
    lang: Annotated[list[str] | None, typer.Option("--lang", help="A language; may be given again.")] = None,
    title: Annotated[str, typer.Option(help="The course's name; default that of the folder.")] = "",
) -> None:
    """Write a course with one unit of one exercise."""
    from ..engine.making import new

    with saying_what_is_wrong():
        paths = new.new_course(folder, lang or ["en"], title)
    console.print(f"wrote {len(paths)} files into {folder}; go there and run: course build", markup=False)


@new.command("unit")
def new_unit(
    name: Annotated[str, typer.Argument(help="Two digits and a noun, such as 02_vectors.")],
    title: Annotated[str, typer.Option(help="The unit's title; default its noun.")] = "",
    exercise: Annotated[str, typer.Option(help="The name of its first exercise.")] = "",
) -> None:
    """Write a unit of one exercise behind the others of a course."""
    from ..engine.making import new

    with saying_what_is_wrong():
        folder = new.new_unit(current(), name, title, exercise)
    console.print(f"wrote {folder}; to make its notebook: course build {name}", markup=False)


@new.command("exercise")
def new_exercise(
    name: Annotated[str, typer.Argument(help="The name of the function that students write.")],
    unit: Annotated[str, typer.Option("--unit", help="The unit to add it to.")],
) -> None:
    """Add an exercise to a unit's files, to be changed into your own."""
    from ..engine.making import new
    from ..engine.making.units import find_units

    with saying_what_is_wrong():
        paths = new.new_exercise(find_units(current().folder, [unit])[0], name)
    console.print(f"added {name} to {', '.join(path.name for path in paths)}; run: course build {unit}", markup=False)


@contextmanager
def saying_what_is_wrong() -> Iterator[None]:
    """Say one sentence and end with exit code 1 where a course does not say what it has to say."""
    try:
        yield
    except (CourseError, OSError) as error:
        raise fail(error) from None
