"""What this course needs beside what any course does: packages, corpora, an encoder; `course doctor` tells of it."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("transformers", "tokenizers", "accelerate")
Row = tuple[str, str, bool, str]  # what was looked at, what was found, whether that is good, what to do if not


def findings() -> Iterator[Row]:
    """A row for each thing that the course needs; `doctor` in course.toml names this function."""
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name), True, ""
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed", False, "pip install -e ."
    yield from _corpora()
    yield _encoder()


def _corpora() -> Iterator[Row]:
    from .corpora import DataError
    from .corpora.layouts import find_ag_news, find_imdb

    folder = os.environ.get("COURSE_DATA_DIR", "")
    for what, find in {"film reviews": find_imdb, "headlines": find_ag_news}.items():
        try:
            path = find(Path(folder)) if folder else None
        except (DataError, OSError) as error:
            yield what, str(error), False, "mend the folder that COURSE_DATA_DIR names, or unset it"
            continue
        where = path.name if path else "the course's own grammar (COURSE_DATA_DIR names no folder with the public set)"
        yield what, where, True, ""


def _encoder() -> Row:
    from .models import PACKAGE, PACKAGE_ENCODER

    if folder := os.environ.get("COURSE_ENCODER_DIR"):
        there = (Path(folder) / "config.json").is_file()
        remedy = "" if there else "COURSE_ENCODER_DIR must name a folder with config.json, weights and tokenizer"
        return "encoder", f"local folder {Path(folder).name}", there, remedy
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "encoder", "from the hub, where there is a network", True, ""
    return "encoder", f"{PACKAGE_ENCODER}, from the package {PACKAGE} {version}", True, ""
