"""A corpus with its classes and its public split, and texts that are held out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Texts = tuple[list[str], list[int]]  # texts and their labels


class DataError(ValueError):
    """A corpus that cannot be used; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Split:
    """Texts with their labels."""

    texts: Sequence[str]
    labels: Sequence[int]  # index into the corpus's classes

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Corpus:
    """A corpus with its public split, and where it came from."""

    name: str  # for titles: "IMDB", "AG News", "embedded reviews", "embedded headlines"
    source: str  # one line: what was taken, and from where
    classes: tuple[str, ...]
    train: Split
    test: Split

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            if len(split.texts) != len(split.labels):
                raise DataError(f"{self.name}, {part}: {len(split.texts)} texts but {len(split.labels)} labels.")
            if not len(split):
                raise DataError(f"{self.name}, {part}: there is no text.")
            outside = [label for label in split.labels if not 0 <= label < len(self.classes)]
            if outside:
                raise DataError(
                    f"{self.name}, {part}: the label {outside[0]} is out of range, "
                    f"labels go from 0 to {len(self.classes) - 1}."
                )
            for number, text in enumerate(split.texts):
                if not text or text.isspace():
                    raise DataError(f"{self.name}, {part}: text {number} is empty.")


def hold_out(split: Split, share: float = 0.1, seed: int = 0) -> tuple[Split, Split]:
    """(rest, held): a share of each class is held out, in the order in which the texts stood.

    Raises DataError unless 0 < share < 1 leaves a text of each class on both sides.
    """
    if not 0 < share < 1:
        raise DataError(f"share must lie between 0 and 1, got {share}.")
    random = np.random.default_rng(seed)
    by_class: dict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(split.labels):
        by_class[label].append(number)
    held: set[int] = set()
    for label, numbers in sorted(by_class.items()):
        count = round(share * len(numbers))
        if not 0 < count < len(numbers):
            raise DataError(
                f"A share of {share} of the {len(numbers)} texts of class {label} leaves one side empty; "
                "take a larger share or more texts."
            )
        held.update(int(number) for number in random.permutation(numbers)[:count])
    return _pick(split, [n for n in range(len(split)) if n not in held]), _pick(split, sorted(held))


def _pick(split: Split, numbers: Sequence[int]) -> Split:
    return Split([split.texts[n] for n in numbers], [split.labels[n] for n in numbers])
