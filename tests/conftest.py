"""What every test shares: the course's folder, and figures that open no window."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before matplotlib is imported anywhere, here and in the kernels that tests start.
os.environ.setdefault("MPLBACKEND", "Agg")


# A file goes to one worker as a whole. Those that take minutes start first, so that no worker waits for another's last.
LONGEST = ("test_nbgrader_equality", "test_bundle", "test_cluster", "test_hostile", "test_units_trial", "test_run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close what figures a test leaves open: pyplot keeps them for the whole process."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, no data folder, and a hub that is switched off."""
    from course_utils.corpora import cache

    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    monkeypatch.setattr(cache, "_reported", set())


@pytest.fixture
def cached_files(own_places: None) -> Callable[[], list[Path]]:
    """A function: the files that stand in the test's own cache now."""
    from course_utils.corpora import cache

    return lambda: sorted(cache.cache_folder().glob("*"))
