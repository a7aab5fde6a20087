"""Studies: what the lessons show and `course experiment` repeats, with results kept as files.

A study is a function `study -> Findings` that is registered under a name. A lesson calls it with a quick `Study`, the
command line with what the reader asks for, so text and terminal cannot drift apart. Modules that hold studies are
named in `MODULES` and import nothing heavy.

What they share: `reviews` and `headlines` (a corpus as batches, and the plans), `classifier`, `kept_vectors`, `ways`,
`baseline`, `tables` and `figures`.
"""

from course_utils.studies.study import (
    Findings,
    Registered,
    Study,
    StudyStopped,
    find_study,
    list_studies,
    our_result,
    register,
    run,
)

__all__ = [
    "Findings",
    "Registered",
    "Study",
    "StudyStopped",
    "find_study",
    "list_studies",
    "our_result",
    "register",
    "run",
]
