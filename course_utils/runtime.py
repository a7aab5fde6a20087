"""The machine under the lessons: seeds, device, threads, and a report of versions.

Notable choices:
- nothing happens on import, and torch is imported only inside the functions that need it, so a command line that
  only prints its help stays quick;
- a run is described by one frozen `Runtime`, and `prepare` is the one place that puts it into effect;
- a device that was asked for by name and is not there is an error, never a silent fall to the CPU: a lesson that
  takes an hour instead of a minute should say why.
"""

from __future__ import annotations

import os
import platform
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from .engine.machine import usable_cores

if TYPE_CHECKING:
    import torch

# What decides whether two runs can be compared; packages that are not installed are left out of a report.
REPORTED_PACKAGES = ("course_utils", "torch", "numpy", "matplotlib", "nbformat", "nbclient", "nbgrader", "jupytext")

# numpy takes seeds of 32 bits, and every library here should get the same one.
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Runtime:
    """How a run should use the machine. The defaults suit a laptop."""

    seed: int = 0  # for random, numpy and torch alike; 0 to 2**32 - 1
    device: str = "auto"  # "auto", "cpu", "cuda", "cuda:1", "mps"; auto takes the fastest that is there
    threads: int | None = None  # CPU threads of torch; None leaves torch's own choice
    deterministic: bool = False  # refuse operations whose result may differ between two runs; slower


@dataclass(frozen=True)
class Machine:
    """The machine that a measurement was made on."""

    system: str  # operating system and its release
    processor: str  # the processor's architecture, such as x86_64 or arm64
    cores: int  # cores that this process may use
    accelerators: tuple[str, ...] = ()  # names of the graphics processors that torch sees


def prepare(runtime: Runtime = Runtime()) -> torch.device:
    """The device of a run whose seeds and threads have been set.

    Raises ValueError for a seed, device or number of threads that cannot be had.
    """
    device = choose_device(runtime.device)
    if runtime.threads is not None:
        limit_threads(runtime.threads)
    seed_everything(runtime.seed, deterministic=runtime.deterministic)
    return device


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Nothing; afterwards random, numpy and torch (every device) draw the same numbers as after any equal call.

    deterministic: also make torch refuse operations whose result may differ from run to run. On CUDA this wants
        the environment variable CUBLAS_WORKSPACE_CONFIG, which is set here unless it was set before.
    Raises ValueError if the seed is not a whole number from 0 to MAX_SEED.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}.")
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)  # seeds every device
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)


def choose_device(name: str = "auto") -> torch.device:
    """The torch device of that name; "auto" gives CUDA, else Apple's MPS, else the CPU.

    Raises ValueError if no such device exists on this machine, naming those that do.
    """
    import torch

    devices = available_devices()
    if name == "auto":
        return torch.device(next((device for device in ("cuda", "mps") if device in devices), "cpu"))
    if name not in devices:
        raise ValueError(
            f'device must be "auto" or one of {", ".join(devices)} on this machine, got "{name}". '
            'Did you mean "auto", which takes the fastest that is there?'
        )
    return torch.device(name)


def available_devices() -> tuple[str, ...]:
    """The names of torch devices on this machine, the CPU first."""
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return tuple(devices)


def limit_threads(count: int) -> int:
    """The number of CPU threads that torch used before; from now on it uses `count`.

    A process that forks workers wants limit_threads(1) before its first parallel work.
    Raises ValueError unless count is at least 1.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be a whole number of threads, at least 1, got {count!r}.")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    return before


def report_versions(packages: Sequence[str] = REPORTED_PACKAGES) -> dict[str, str]:
    """The version of Python and of each package that is installed, by name. Imports none of them."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            if package == "course_utils":  # run from a folder that was unpacked, not installed
                from course_utils import __version__

                versions[package] = __version__
    return versions


def describe_machine() -> Machine:
    """The machine, in the words that go beside a measurement."""
    import torch

    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=platform.machine(),
        cores=usable_cores(),
        accelerators=tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())),
    )
