"""The hub: what it gives, and what happens where it gives nothing."""

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils import corpora
from course_utils.corpora import DataError, load_headlines, load_reviews

Files = Callable[[], list[Path]]  # the fixture cached_files


class Table(dict[str, list[object]]):
    @property
    def column_names(self) -> list[str]:
        return list(self)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A library `datasets` of our own: what was asked of it, and what it answers."""
    import types

    state: dict[str, object] = {"tables": [Table(text=["a", "b"], label=[0, 1])] * 2}

    def load_dataset(repository: str, **how: object) -> object:
        state["asked"] = (repository, how)
        if isinstance(state["tables"], Exception):
            raise state["tables"]
        return state["tables"]

    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(corpora.hub, "answers", lambda address: True)
    return state


def test_the_hub_is_asked_for_a_pinned_revision_and_then_cached(hub: dict[str, object]) -> None:
    first = load_reviews("hub")
    repository, how = hub["asked"]  # type: ignore[misc]
    assert repository == "stanfordnlp/imdb"
    assert len(how["revision"]) == 40
    assert "from the hub, stanfordnlp/imdb at revision e6281661" in first.source
    hub["tables"] = OSError("the network is gone")
    assert load_reviews("hub") == first


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table(text=["a", "b"]), "the column label is missing"),
        (Table(text=["a", "b"], label=[0, 7]), "the label 7 is out of range"),
        (Table(text=["a", ""], label=[0, 1]), "text 1 is empty"),
    ],
)
def test_what_the_hub_gives_is_checked_before_it_is_cached(
    hub: dict[str, object], table: Table, sentence: str, cached_files: Files
) -> None:
    hub["tables"] = [table, table]
    with pytest.raises(DataError, match=sentence):
        load_reviews("hub")
    assert cached_files() == []


def test_a_hub_that_fails_half_way_leads_on(hub: dict[str, object]) -> None:
    hub["tables"] = ConnectionError("reset\nby peer")
    corpus = load_headlines("auto")
    assert corpus.name == "embedded headlines"
    assert corpus.source.endswith("the hub did not give fancyzhx/ag_news (reset by peer)")


def test_a_hub_asked_for_by_name_is_an_error_where_it_is_off() -> None:
    with pytest.raises(
        DataError, match="IMDB could not be had from the hub: the hub is switched off by HF_HUB_OFFLINE"
    ):
        load_reviews("hub")


def test_a_hub_that_does_not_answer_costs_seconds_not_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(corpora.hub, "HUB_SECONDS", 0.5)
    monkeypatch.setattr(corpora.hub, "_silent_since", {})
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and says nothing
        monkeypatch.setattr(corpora.hub, "hub_endpoint", lambda: f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        start = time.monotonic()
        corpus = load_reviews("auto")
    assert "was not reached" in corpus.source
    assert time.monotonic() - start < 10


def test_a_silent_hub_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(corpora.hub, "_silent_since", {})
    monkeypatch.setattr(corpora.hub, "answers", lambda address: bool(asked.append(address)))
    for _ in range(2):
        load_reviews("auto")
    assert len(asked) == 1


def test_the_endpoint_of_a_mirror_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert corpora.hub.hub_endpoint() == "https://mirror.example"
