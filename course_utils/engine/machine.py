"""What this process may use of its machine."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The number of CPU cores that this process may use, which a container or a batch system may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows have no affinity
