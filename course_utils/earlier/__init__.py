"""Module names of before, for notebooks that went out with them: each hands on what those notebooks import.

`course_utils` looks for its modules here last, so `from course_utils import data` still finds `earlier/data.py`.
Nothing of the course imports them. The folder goes when no notebook of before 0.1.0 is graded any more.
"""
