"""What a worker does with a task; light to import, so that a run starts while torch still loads."""

from __future__ import annotations

from dataclasses import replace

from .faults import note_places
from .record import Record
from .task import Task, Unfinished


def grade(task: Task) -> Record | Unfinished:
    """The record of a task, or what is left of it for a second pass; made by the engine of this process.

    The second pass is `grade(replace(task, unfinished=...))`. It begins when the first passes over all notebooks have
    ended: then nothing that a process with an answer in it could let through is of use to anybody.
    """
    from . import grader

    try:
        return grader.grade(task)
    except Exception as error:
        note_places(error)
        raise


def grade_alone(task: Task) -> Record:
    """The record of a task when there is no other."""
    while isinstance(result := grade(task), Unfinished):
        task = replace(task, unfinished=result)
    return result
