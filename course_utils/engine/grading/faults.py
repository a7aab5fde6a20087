"""Where in the code an exception was raised, also when that was in a worker's process."""

from __future__ import annotations

import traceback
from pathlib import Path


def places(error: BaseException) -> list[str]:
    """Where an exception was raised, as `file:line function`, the innermost last; what `note_places` wrote goes first.

    Lines of source and the text of the exception are left out: they may hold a value.
    """
    noted = getattr(error, "places", None)
    if isinstance(noted, list):
        return [str(place) for place in noted]
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def note_places(error: Exception) -> None:
    """Write its places into an exception: a traceback stays behind in the process where it was made."""
    error.places = places(error)  # type: ignore[attr-defined]
