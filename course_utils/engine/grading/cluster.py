"""A Dask cluster as a place to grade: its machines need this release of the course and its environment, nothing else.

    dask scheduler                                            # on one machine; prints its address
    dask worker tcp://ADDRESS:8786 --nworkers 2 --nthreads 1  # on each machine
    course grade SUBMITTED --dask tcp://ADDRESS:8786

Notable choices:
- a unit's solutions travel with each task, zipped to a few dozen KiB: a worker needs no copy of them, a changed unit
  reaches workers that already run, and a lost worker takes nothing with it;
- a worker runs against its sandbox's walls before its first task, and refuses where one is missing;
- give a worker one thread: it grades one notebook at a time, since its warm sandbox has one user, and others wait;
- a worker with another state of the course is refused: its verdicts would be logged as those of this one.
"""

from __future__ import annotations

import asyncio
import io
import platform
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from ..course import FILE, IN_A_CLONE, open_course
from ..making.units import all_units
from ..walls.proofs import self_test
from ..walls.shown_paths import Secret
from . import provenance
from .plan import RunError
from .task import Task

CONNECT_SECONDS = 10.0  # a scheduler answers within milliseconds, also over a campus network
SCRATCH = "dask-scratch-space"  # Dask's own name
CHECKED = ("torch", "numpy")  # packages whose version can change a value

T = TypeVar("T")


@contextmanager
def dask_executor(address: str, seconds: float = CONNECT_SECONDS) -> Iterator[Executor]:
    """An executor that runs tasks on the workers of a Dask scheduler.

    Warns where a worker's Python, torch or numpy is another version than here.
    Raises RunError if Dask is not installed, no scheduler answers within some seconds, it has no worker, or a worker
    has another state of the course.
    """
    try:
        from distributed import Client
    except ImportError:
        raise RunError('grading on a cluster needs Dask; install it: pip install -e ".[cluster]"') from None
    try:
        asyncio.run(_knock(address, seconds))  # a client that finds nobody does not go quietly
        client: Any = Client(address, timeout=seconds, set_as_default=False, name="course")
    except TypeError:
        raise RunError(
            f"{address} wants certificates, and Dask's configuration names none; "
            "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE and the others that docs/cluster.md lists"
        ) from None
    except (OSError, TimeoutError, ValueError):
        raise RunError(
            f"no Dask scheduler answers at {address} within {seconds:g} seconds; "
            "start one with `dask scheduler` and give the address that it prints"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise RunError(
                f"the Dask scheduler at {address} has no worker; "
                f"start some: dask worker {address} --nworkers 2 --nthreads 1"
            ) from None
        _compare(address, client)
        yield ClusterExecutor(client.get_executor(pure=False))


async def _knock(address: str, seconds: float) -> None:
    """Connect and go away again. Raises OSError, TimeoutError or ValueError."""
    from distributed import Security
    from distributed.comm.core import connect

    ours = Security().get_connection_args("client")  # certificates that Dask's own configuration names
    await (await connect(address, timeout=seconds, **ours)).close()


class ClusterExecutor(Executor):
    """Sends tasks to a cluster's workers, each with what its unit needs."""

    def __init__(self, inner: Executor) -> None:
        """inner: runs a function on any worker, equal calls each for themselves."""
        self._inner = inner

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a function of a task on a worker. Raises TypeError for anything else."""
        if len(args) != 1 or kwargs or not isinstance(args[0], Task):
            raise TypeError("a cluster runs functions of one Task, such as grade(task)")
        task = args[0]
        return self._inner.submit(_work, function, task, parcel(task.solutions, task.unit), state_of_course())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what was submitted, or cancel it."""
        self._inner.shutdown(wait=wait and not cancel_futures)


@cache  # a run's thousand tasks carry one parcel per unit
def parcel(solutions: str, unit: str) -> bytes:
    """A unit as a zip file with the layout of the repository: its solutions, its release, and the units before it."""
    root = Path(solutions)
    found: list[Path] = []
    order = open_course(root).unit_names
    for each in all_units(root):
        if order.index(each.name) < order.index(unit):  # of these only the names of their exercises are asked for
            found += [each.folder / "answers.py", each.folder / "unit.toml"]
        elif each.name == unit:
            suffixes = (".py", ".yml", ".toml", ".json", ".jsonl")
            found += sorted(path for path in each.folder.rglob("*") if path.suffix in suffixes)
    course = open_course(root)
    found += [root / FILE, course.notebooks / course.languages[0] / unit / f"{unit}.ipynb"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in found:
            name = (
                Path(IN_A_CLONE) / path.relative_to(root)
                if path.is_relative_to(root)
                else path.relative_to(root.parent)
            )
            archive.writestr(zipfile.ZipInfo(name.as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@cache  # of the code that a worker has loaded, not of what was put on its disk since
def state_of_course() -> str:
    """A short hash of what runs on a worker and what it grades by, equal wherever the same release is installed.

    More than what decides a mark: its walls have to be those of here too.
    """
    return provenance.state_of_packages((f"{provenance.ENGINE}.grading", provenance.WALLS))


def _versions() -> dict[str, str]:
    """What has to be the same on all machines."""
    found = {"python": platform.python_version(), "course": state_of_course()}
    return found | {name: metadata.version(name).partition("+")[0] for name in CHECKED}


def _compare(address: str, client: Any) -> None:
    """Look whether the workers can do what is asked. Raises RunError; warns of other versions."""
    try:
        answers = client.run(_versions)
    except Exception as error:  # whatever a machine without the course or its environment raises
        raise RunError(
            f"a worker of {address} cannot run the course ({type(error).__name__}: {error}); "
            "install this release and its environment on each worker's machine"
        ) from None
    here = _versions()
    for worker, there in answers.items():
        if there["course"] != here["course"]:
            raise RunError(_another_state(worker))
        other = [f"{name} {version} (here {here[name]})" for name, version in there.items() if version != here[name]]
        if other:
            warnings.warn(f"the worker {worker} has {', '.join(other)}; scores may differ in rare cases", stacklevel=4)


def _another_state(worker: str) -> str:
    return f"the worker {worker} has another state of the course; install this release there and start the worker anew"


# on a worker ----------------------------------------------------------------------------------------------------------


def _work(function: Callable[[Task], T], task: Task, packed: bytes, state: str) -> T:
    """What a function says of a task, here on a worker."""
    from distributed import get_worker

    worker: Any = get_worker()
    if state != state_of_course():  # it joined, or the course changed, after the run had begun
        raise RunError(_another_state(worker.address))
    if task.sandbox != "none":
        _try_walls(worker.local_directory)
    return function(replace(task, solutions=str(_unpacked(packed, worker.local_directory))))


@cache  # once in a worker's life, before its first task; walls that are missing are looked for again
def _try_walls(place: str) -> None:
    """Run against this machine's sandbox, which hides the folder of parcels. Raises SandboxUnavailable."""
    from .worker_state import keep_secret

    # Dask puts the folders of a machine's workers side by side
    shared = next((folder for folder in Path(place).parents if folder.name == SCRATCH), Path(place))
    secret = Secret(shared, "the folder of the Dask worker")
    self_test([secret])
    keep_secret(secret)


@cache
def _unpacked(packed: bytes, place: str) -> Path:
    """The folder of solutions in a parcel, below the worker's own folder, which Dask removes; for no other user."""
    folder = Path(tempfile.mkdtemp(prefix="course-", dir=place))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)
    return folder / IN_A_CLONE
