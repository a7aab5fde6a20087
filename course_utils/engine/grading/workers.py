"""The processes that grade: worker processes on this machine, or a Dask cluster, behind one kind of executor.

A worker process is forked from one that has imported torch already, takes its sandbox from the one that all workers of
this machine share, may ask for so much memory and no more, and ends with the run.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

from ..machine import usable_cores
from ..walls.host import SandboxHost
from ..walls.sandbox import WARM_IMPORTS, Mode
from .plan import Plan, secrets_of
from .task import warm_imports


def nursery() -> ForkServerContext:
    """Where worker processes come from: one process that has imported the engine and torch, and forks them.

    It starts with the first call and needs two seconds; whoever will grade may call this before anything else.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["course_utils.engine.grading.preload"])
    forkserver.ensure_running()
    return context


@contextmanager
def task_executor(plan: Plan, given: Executor | None, tasks: int) -> Iterator[Executor]:
    """The given executor, else the one that a plan describes, for as long as the context lasts."""
    if given is not None:
        yield given
    elif plan.dask:
        from .cluster import dask_executor

        with dask_executor(plan.dask) as pool:
            yield pool
    else:
        jobs = min(plan.jobs or usable_cores(), max(tasks, 1))
        warm = {name for unit in plan.units for name in warm_imports(str(plan.solutions), unit)}
        imports = (*WARM_IMPORTS, *sorted(warm - set(WARM_IMPORTS)))
        mode: Mode = "none" if plan.sandbox == "none" else "bwrap"
        hidden = secrets_of(plan.submitted, plan.results, plan.solutions)
        with SandboxHost(mode, jobs, imports=imports, secrets=hidden) as host:
            told = (host.address, str(plan.solutions), plan.units)
            with ProcessPoolExecutor(jobs, mp_context=nursery(), initializer=_worker_starts, initargs=told) as pool:
                yield pool


def _worker_starts(sandbox_host: str, solutions: str, units: Sequence[str]) -> None:
    from .worker_state import prepare, share_sandbox

    limit_own_memory()
    share_sandbox(sandbox_host)
    with contextlib.suppress(Exception):  # the first task says it better
        prepare(solutions, units)
    threading.Thread(target=_end_with_the_run, daemon=True).start()


def _end_with_the_run() -> None:
    """End this worker, and its sandbox with it, when the run is gone.

    A pool's workers hold both ends of their queue: after a `kill -9` of the run they would wait for work for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def limit_own_memory(bytes_more: int = 3 * 2**30) -> None:
    """Let a worker ask for so much beyond what it has, and no more.

    What a learner's code answers can make a rule compute something huge, such as the sum of a column and a row of a
    million numbers each. Past the limit torch raises an error, and the answer is wrong; without it the machine would
    end a process of its own choice.
    """
    if sys.platform != "linux":
        return
    import torch  # noqa: F401  # its libraries count as what the worker has

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit, ceiling = pages * resource.getpagesize() + bytes_more, resource.getrlimit(resource.RLIMIT_AS)[1]
    if ceiling == resource.RLIM_INFINITY or limit < ceiling:
        resource.setrlimit(resource.RLIMIT_AS, (limit, ceiling))
