"""What a worker process keeps from task to task: the units' judges, and its warm sandbox."""

from __future__ import annotations

import gc
import multiprocessing.util
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from ..making.units import find_units
from ..walls.sandbox import WARM_IMPORTS, Limits, Mode, Sandbox
from ..walls.shown_paths import Secret
from .assess import UnitJudge, trial
from .task import skeleton

# a process has one warm sandbox, and that has one user; an executor may have several threads
one_at_a_time = threading.Lock()


@cache
def unit_judge(solutions: str, unit: str) -> UnitJudge:
    """The judge of a unit, made at the first call."""
    import torch

    torch.set_num_threads(1)
    if multiprocessing.parent_process() is not None:  # a worker's own: what is loaded stays, so nobody need look at it
        gc.freeze()
    found = find_units(Path(solutions), [unit])[0]
    return UnitJudge(found, found.texts)


def prepare(solutions: str, units: Sequence[str]) -> None:
    """Make the judges of units ready, and look at each truth once, while the sandbox is still starting."""
    with one_at_a_time:
        for unit in units:
            skeleton(solutions, unit)
            trial(unit_judge(solutions, unit), {}, "warm")


_host = ""  # address of the sandbox that this machine's workers share; empty: this process has one of its own


def share_sandbox(address: str) -> None:
    """Let this process take its sandbox from a SandboxHost."""
    global _host
    _host = address


_secrets: tuple[Secret, ...] = ()  # what a sandbox of this process's own has to hide beside the course's own


def keep_secret(*secrets: Secret) -> None:
    """Let this process's own sandbox hide these, too; one that a SandboxHost has was told of its secrets."""
    global _secrets
    _secrets = secrets


_sandboxes: dict[str, Sandbox] = {}  # by mode


def own_sandbox(mode: str, warm_of_unit: Callable[[], Sequence[str]] = tuple) -> Sandbox:
    """This process's sandbox, with what a unit's cells import warm in it; a host has that of all units."""
    kept = _sandboxes.get(mode)
    if kept is not None and _host:
        return kept
    warm = () if _host else warm_of_unit()
    if kept is not None and set(warm) <= set(kept.imports):
        return kept
    imports: tuple[str, ...] = WARM_IMPORTS
    if kept is not None:
        kept.close()
        imports = tuple(kept.imports)
    imports += tuple(name for name in warm if name not in imports)
    walls: Mode = "none" if mode == "none" else "bwrap"
    sandbox = Sandbox(walls, Limits(), imports=imports, host=_host, secrets=_secrets)
    multiprocessing.util.Finalize(None, sandbox.close, exitpriority=10)  # atexit does not run in a pool's workers
    _sandboxes[mode] = sandbox
    return sandbox
