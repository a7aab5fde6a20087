"""What a learner, an instructor and a self-learner import from the course "a Transformer encoder by hand".

Notable choices:
- nothing happens on import: no torch, no seed, no download, no logging set-up; import the module that you need;
- the version stands here once, and the package's metadata read it from here;
- too old a Python is refused here, in one sentence, before a newer syntax further in can confuse anyone.
"""

import sys

__version__ = "0.1.0"

# pip refuses the package on such a Python too, but a student may import it from an unpacked bundle.
if sys.version_info < (3, 11):  # noqa: UP036  (the point is to be read by an old Python)
    raise ImportError(
        "The course needs Python 3.11 or newer, and this is Python %d.%d. "  # noqa: UP031  (parses everywhere)
        "Install a newer Python and choose it as the notebook's kernel." % sys.version_info[:2]
    )

# Notebooks that are out import some modules by the names that they had then; see `earlier`.
__path__ += [f"{folder}/earlier" for folder in __path__]
