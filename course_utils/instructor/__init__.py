"""The instructor's part: the `course` command and what grades a class. Students do not have it."""
