"""The IPython shell in which a notebook's cells run, where no person sits before it.

Notable choices:
- nothing is installed or fetched: a notebook that is graded or checked uses what is there, and a `pip install` without
  a network tries for many seconds;
- nothing is forgotten: `%reset` would take away what later cells build on.
"""

from __future__ import annotations

import re
from typing import Any

INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
FORGETTING = ("reset", "reset_selective")
_FETCHES = re.compile(
    r"\s*(sudo\s+)?(\S*python\S*\s+-m\s+pip|\S*/?(pip3?|conda|mamba|micromamba|uv|apt|apt-get|brew|wget|curl|git|gdown|kaggle"
    r"|huggingface-cli|hf))\b"
)


def ipython_shell() -> Any:
    """The IPython shell of this process, without a history: that would be a thread and a file."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    known = InteractiveShell.initialized()
    shell: Any = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_module.__spec__ = None  # it is __main__ now, and multiprocessing asks __main__ for this
    shell.enable_gui = lambda gui=None: None  # no window opens here; without this, `%matplotlib inline` raises
    if not known:
        for name in INSTALLERS + FORGETTING:
            shell.register_magic_function(_do_nothing, "line", name)
        shell.system = _unless_it_fetches(shell.system)
        shell.getoutput = _unless_it_fetches(shell.getoutput, [])
    return shell


def _do_nothing(line: str) -> None:
    """A magic that has no effect here."""


def _unless_it_fetches(run: Any, instead: Any = None) -> Any:
    def run_unless(command: str, *args: Any, **kwargs: Any) -> Any:
        return instead if _FETCHES.match(command) else run(command, *args, **kwargs)

    return run_unless
