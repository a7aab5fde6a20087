"""What every test shares: the course's folder, and figures that open no window."""

import os
from pathlib import Path

import pytest

# Before matplotlib is imported anywhere, here and in the kernels that tests start.
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def course() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent
