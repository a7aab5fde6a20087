"""`course_utils.coloured_text` of notebooks that are out."""

from course_utils.plots import ColouredText, coloured_text

__all__ = ["ColouredText", "coloured_text"]
