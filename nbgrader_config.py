"""Folders and rules for anyone who runs plain nbgrader here, such as `nbgrader autograde 01_positional_encoding`."""

from pathlib import Path

from course_utils.engine.course import open_course
from course_utils.engine.making.nbgrader import settings

get_config().merge(settings(open_course(Path(__file__).resolve().parent)))
