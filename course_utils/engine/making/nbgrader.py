"""Folders and rules of nbgrader for a course: of `course build`, of the gradebook, and of plain nbgrader run by hand.

A course's own `nbgrader_config.py` is two lines that take these. The traits are those of nbgrader 0.9.6.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from traitlets.config import Config

from ..course import Course


def settings(course: Course, root: Path | None = None) -> Config:
    """nbgrader's configuration for a course.

    root: nbgrader's own course folder, by default that below the course's build folder; an absolute path, so that
    nbgrader works from anywhere.
    """
    # nbgrader starts `alembic` by name to make a gradebook. It lies beside this Python, which need not be on the PATH.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")

    c = Config()
    c.CourseDirectory.course_id = course.settings["id"]
    c.CourseDirectory.root = str(root or course.nbgrader)
    c.CourseDirectory.source_directory = "source"  # made by `course build`: answers and hidden tests
    c.CourseDirectory.release_directory = "release"  # made by `course build`: what students get
    c.CourseDirectory.submitted_directory = "submitted"  # submitted/<student>/<unit>/<unit>.ipynb
    c.CourseDirectory.autograded_directory = "autograded"
    c.CourseDirectory.feedback_directory = "feedback"

    # A gap raises nothing: a learner who leaves one TODO open still has the others judged.
    c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
    c.ClearSolutions.text_stub = "YOUR ANSWER HERE / 在此作答"

    # Cells that only look or experiment carry this tag and are never graded, so they are not run either.
    # nbclient compares one tag; its own default ("skip-execution") then means nothing here.
    c.Execute.skip_cells_with_tag = "experiment"
    # Seconds for one cell. An honest cell needs milliseconds, the first one imports torch, perhaps on a busy machine.
    c.Execute.timeout = 120
    # Seconds for the kernel to start.
    c.Execute.startup_timeout = 180
    # A cell that runs too long is interrupted and loses its own points; the cells after it still run.
    c.Execute.interrupt_on_timeout = True

    # A warning or a print to stderr never costs a point: nbgrader gives 0 to a test cell with any text on stderr,
    # so that text is dropped before points are given. Exceptions are no text on stderr and still count.
    c.IgnorePattern.enabled = True
    c.IgnorePattern.pattern = "."

    # Formgrader finds its boxes for marks by id; a heading in a student's answer must not bring an id of the same name.
    c.HTMLExporter.exclude_anchor_links = True

    # One notebook cannot fill the disk or the feedback page.
    c.LimitOutput.max_lines = 200
    c.LimitOutput.max_traceback = 50
    return c
