"""`python -m course_utils`: the `course` command, with the instructor's part where it is installed."""

from __future__ import annotations

import importlib.util


def main() -> None:
    """Run the `course` command."""
    if importlib.util.find_spec("course_utils.instructor") is not None:
        from .instructor.cli import main as command
    else:
        from .terminal import app as command
    command()


if __name__ == "__main__":
    main()
