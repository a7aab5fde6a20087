"""What the tables of studies have in common: means over seeds, their intervals, and how they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_utils.statistics import accuracy_interval, seeds_interval


def mean_and_interval(values: Sequence[float], test_size: int) -> tuple[float, tuple[float, float]]:
    """Mean accuracy over seeds with its interval; of a single seed, the interval over test items.

    No accuracy lies below 0 or above 1, so no interval of one does: Student's is cut off there.
    """
    mean = float(np.mean(values))
    if len(values) > 1:
        low, high = seeds_interval(values)
        return mean, (max(low, 0.0), min(high, 1.0))
    return mean, tuple(accuracy_interval(round(mean * test_size), test_size))  # type: ignore[return-value]


def of_seeds(accuracies: Sequence[float], test_size: int) -> dict[str, Any]:
    """What a result file tells of one setting: the test accuracy of each seed, their mean and its intervals."""
    mean, interval = mean_and_interval(accuracies, test_size)
    over_items = list(accuracy_interval(round(mean * test_size), test_size))
    return {
        "test_accuracy": list(accuracies),
        "mean": mean,
        "interval": list(interval),
        "interval_over_items": over_items,
    }


def interval_kind(seeds: int) -> str:
    """Which interval mean_and_interval gives for so many seeds."""
    return "Student, over seeds" if seeds > 1 else "Wilson, over test items"


def write_interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """A value with its interval, as a cell of a table shows it."""
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
