"""What `course doctor` looks at: versions, devices, sandbox, what the course adds, and how long each unit takes."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..engine.course import CourseError, current
from ..engine.machine import usable_cores
from ..engine.texts import language, unit_texts, units

PYTHON = ((3, 11), (3, 15))  # from, up to but not including
PACKAGES = ("torch", "numpy", "matplotlib", "ipykernel", "jupyterlab")
INSTRUCTOR_PACKAGES = ("nbgrader", "jupytext", "nbclient", "jinja2", "jupyter_server_mathjax")


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    found: str
    good: bool
    remedy: str = ""


def findings() -> Iterator[Finding]:
    """Everything that decides whether the course runs here, one after the other."""
    version = sys.version_info[:2]
    good = PYTHON[0] <= version < PYTHON[1]
    yield Finding("Python", platform.python_version(), good, "" if good else "install Python 3.11 or newer")
    for name in PACKAGES:
        yield _package(name, "pip install -e .")
    is_instructor = importlib.util.find_spec("course_utils.instructor") is not None
    if is_instructor:
        for name in INSTRUCTOR_PACKAGES:
            yield _package(name, 'pip install -e ".[instructor]"')
    if importlib.util.find_spec("torch") is None:
        return
    yield from _devices()
    if is_instructor:
        yield _sandbox()
    yield from _of_the_course()
    yield from _units()


def _package(name: str, remedy: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", False, remedy)


def _devices() -> Iterator[Finding]:
    import torch

    cores = usable_cores()
    yield Finding("processor", f"{cores} cores, {matrix_speed() / 1e9:.0f} GFLOP/s in float32", True)
    if torch.cuda.is_available():
        yield Finding("GPU", torch.cuda.get_device_name(0), True)
    else:
        yield Finding("GPU", "none; the course needs none", True)


def matrix_speed() -> float:
    """Floating-point operations per second of a float32 matrix product on this machine's processor."""
    import torch

    size = 512
    a, b = torch.randn(size, size), torch.randn(size, size)
    a @ b
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 0.2:
        a @ b
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - start)


def _sandbox() -> Finding:
    from ..engine.walls.proofs import self_test
    from ..engine.walls.shown_paths import Secret
    from ..engine.walls.unavailable import SandboxUnavailable

    try:
        names = self_test([Secret(Path.cwd(), "the current folder", firm=False)])
        tried = f"bwrap, tried out; none of {names} names of files of the course, this folder or your home is there"
        return Finding("sandbox", tried, True)
    except SandboxUnavailable as error:
        return Finding("sandbox", "none", False, str(error))


def _of_the_course() -> Iterator[Finding]:
    """What the course adds: course.toml names a function that yields what, found, good, remedy."""
    try:
        look = current().added("doctor")
    except CourseError as error:
        yield Finding("doctor", "not found", False, str(error))
        return
    for row in look() if look else ():
        yield Finding(*row)


def _units() -> Iterator[Finding]:
    for unit in units():
        texts = unit_texts(unit)
        yield Finding(unit, f"{texts['title'][language()]}, about {texts['minutes']:g} min on two cores", True)
