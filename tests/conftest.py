"""What every test shares: the course's folder, figures that open no window, and what a test needs of its machine."""

import os
import shutil
import subprocess
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


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TRY_BUBBLEWRAP = ("bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true")

Need = Callable[[object, str], None]


@pytest.fixture(scope="session")
def need() -> Need:
    """A function: where something is not there, skip the test with a sentence; under CI=true let it fail with it.

    It is for what a person can install or switch on. A skip elsewhere in the tests tells of the system, the processor
    or the user, and `test_skips.py` holds the list.
    """

    def skip_or_fail(there: object, sentence: str) -> None:
        if not there and os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"{sentence} (CI is set, so this is a failure and no skip)", pytrace=False)
        if not there:
            pytest.skip(sentence)

    return skip_or_fail


def lack_of_walls() -> str:
    """Why bubblewrap does not run here; empty where it does. Nothing of the course is asked: its faults are no skip."""
    try:
        answer = subprocess.run(TRY_BUBBLEWRAP, capture_output=True, text=True, check=False)
    except OSError:
        return "no sandbox can be had here: bwrap is not installed; sudo apt install bubblewrap"
    return "" if answer.returncode == 0 else f"no sandbox can be had here: {answer.stderr.strip()}"


@pytest.fixture(scope="session")
def walls(need: Need) -> str:
    """The mode of a real sandbox, whose own test it has passed."""
    from course_utils.engine.walls.sandbox import find_mode

    lack = lack_of_walls()
    need(not lack, lack)
    return find_mode("bwrap")


@pytest.fixture(scope="session")
def mode(request: pytest.FixtureRequest) -> str:
    """For claims that hold with and without a sandbox: with one where it can be had, and always under CI=true."""
    try:
        return request.getfixturevalue("walls")
    except pytest.skip.Exception:
        return "none"


@pytest.fixture(scope="session")
def browser(need: Need) -> str:
    """The path of a Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), "")
    need(found, "no browser is on this machine; sudo apt install chromium")
    return found


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
