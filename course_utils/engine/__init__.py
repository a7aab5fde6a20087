"""The engine: everything that knows no unit and no subject, a room for each thing that it does.

asking     the learner's code is asked for values, here or in a sandbox
judging    observations against those of a truth; a known mistake gets its name
learning   what a learner calls: check, hint, solution, question, status; the notebooks of one's own and their update
reading    a notebook's file becomes cells: one reader for grading, `course check` and the portfolio
making     sources become notebooks and bundles
walls      the sandbox; each file opens with what it stops and what it does not
grading    submissions become records
telling    records become pages, marks and exports
proving    known right, wrong and hostile notebooks, each graded as it must be; and a toy course for them
"""

# rooms that no student's bundle holds and no submission sees
INSTRUCTORS_ROOMS = ("grading", "making", "proving", "telling", "walls")
