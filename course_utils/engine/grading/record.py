"""What grading a notebook gives: a record, plain data with a score for each check; and the name of a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]


def grade_id(score: Mapping[str, Any]) -> str:
    """The grade id of a score's cell."""
    return f"{score['exercise']}-{score['check']}" if score["check"] else str(score["exercise"])
