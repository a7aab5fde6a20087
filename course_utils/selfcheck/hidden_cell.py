"""The name under which released notebooks call for a graded cell's check; see `engine.judging.plain_cell`."""

from ..engine.judging.plain_cell import grade_cell

__all__ = ["grade_cell"]
