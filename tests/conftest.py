"""What every test shares: the course's folder, and figures that open no window."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before matplotlib is imported anywhere, here and in the kernels that tests start.
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def course() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Put `__main__` back after each test: an IPython shell takes its place, and multiprocessing reads it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
