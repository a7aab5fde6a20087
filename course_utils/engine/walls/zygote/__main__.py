"""What `python /course/zygote/__main__.py` runs: the start of the zygote, found beside this file and nowhere else.

Stops: a submission's modules in the place of the zygote's own. These are imported before anything of a submission runs,
from files that it cannot write, and the folder that they stand in is no place to look for modules afterwards.
Does not stop: a child that changes its own copy of them; no other child has that.
"""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from .start import main, run_sources
elif __name__ == "__main__":  # a script, which has no package: that is found in the folder above, for these lines alone
    sys.path[0] = os.path.dirname(sys.path[0])
    from zygote.start import main, run_sources

    del sys.path[0]

__all__ = ["main", "run_sources"]  # the self-test serves `__main__:run_sources`

if __name__ == "__main__":
    main()
