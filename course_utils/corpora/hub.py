"""Corpora from the Hugging Face hub, each at one commit of its repository.

Notable choices:
- a hub that does not answer is found out in seconds, and is not asked again for a while;
- what is damaged is an error, while a hub that is not there is `NotReached`: the next place is tried.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.corpora.corpus import Corpus, DataError, Split, Texts

HUB_SECONDS = 5.0  # how long the hub may take to answer before the next place is tried

SILENT_SECONDS = 60.0  # how long a hub that did not answer is not asked again
_silent_since: dict[str, float] = {}


class NotReached(Exception):
    """The hub, or the library for it, is not at hand; said as half a sentence."""


@dataclass(frozen=True)
class Repository:
    """Where a corpus stands on the hub, and how it is read."""

    name: str
    revision: str  # a commit, so what is fetched today is what was fetched when the course was written
    classes: tuple[str, ...]
    decode: Callable[[str], str] | None = None  # the text behind what the repository holds; None takes it as it is


def fetch(repository: Repository) -> tuple[Texts, Texts]:
    """The texts to train on and to test on, checked as every corpus is.

    Raises NotReached where the hub is not at hand, DataError where it gives something else than the corpus.
    """
    _ask_hub(repository.name)
    try:
        import datasets
    except ImportError:
        raise NotReached("the library datasets is not installed") from None
    try:
        found = datasets.load_dataset(repository.name, revision=repository.revision, split=["train", "test"])
    except Exception as error:  # a library over a network: anything may come
        reason = " ".join(str(error).split())[:120].rstrip(". ") or type(error).__name__
        raise NotReached(f"the hub did not give {repository.name} ({reason})") from None
    return _read_table(found[0], repository, "train"), _read_table(found[1], repository, "test")


def _read_table(table: Any, repository: Repository, part: str) -> Texts:
    missing = {"text", "label"} - set(table.column_names)
    if missing:
        raise DataError(f"{repository.name}, {part}: the column {min(missing)} is missing.")
    decode = repository.decode
    texts = [decode(text) if decode is not None else text for text in table["text"]]
    labels = [int(label) for label in table["label"]]
    # Checked as every corpus is, before anything of it is cached.
    checked = Split(texts, labels)
    Corpus(repository.name, "", repository.classes, checked, checked)
    return texts, labels


def hub_endpoint() -> str:
    """The hub's address: HF_ENDPOINT as it was when huggingface_hub was imported, which reads it only then."""
    loaded = sys.modules.get("huggingface_hub.constants")
    return str(getattr(loaded, "ENDPOINT", None) or os.environ.get("HF_ENDPOINT") or "https://huggingface.co")


def _ask_hub(repository: str) -> None:
    """Return if the hub answers, or if a library that was told to stay offline has its own copy."""
    if any(
        os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    ):
        home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
        kept = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
        if (kept / repository.replace("/", "___")).is_dir():
            return
        raise NotReached("the hub is switched off by HF_HUB_OFFLINE")
    address = hub_endpoint()
    silent = time.monotonic() - _silent_since.get(address, -math.inf) < SILENT_SECONDS
    if not silent and not answers(address):
        _silent_since[address], silent = time.monotonic(), True
    if silent:
        raise NotReached(f"the hub {address} was not reached")


def answers(address: str) -> bool:
    """Whether anything answers at an address within HUB_SECONDS, proxies of the environment included."""
    import urllib.error
    import urllib.request

    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=HUB_SECONDS):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()  # it said no to this question, but it is there
        except (OSError, ValueError):
            pass

    # In a thread, because asking for the address of a name has no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    return answered.is_set()
