"""Studies: what the lessons show and `course experiment` repeats, with results kept as files.

A study is a function `study -> Findings` that is registered under a name. A lesson calls it with a quick `Study`, the
command line with what the reader asks for, so text and terminal cannot drift apart. Modules that hold studies are
named in `MODULES` and import nothing heavy.
"""

from course_utils.experiments.study import (
    Findings,
    Registered,
    Study,
    StudyStopped,
    find_study,
    list_studies,
    our_result,
    run,
    study,
)

__all__ = [
    "Findings",
    "Registered",
    "Study",
    "StudyStopped",
    "find_study",
    "list_studies",
    "our_result",
    "run",
    "study",
]
