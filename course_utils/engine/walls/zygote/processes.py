"""What /proc tells of processes: the memory that they hold, who started whom.

Stops nothing; `forking` stops what holds too much of it.
"""

from __future__ import annotations

import os


def read_status(pid: int | str) -> dict[str, int]:
    """The numbers of /proc/<pid>/status (memory in KiB); empty for a process that has gone."""
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            pairs = (line.split(":", 1) for line in file)
            return {name: int(words[0]) for name, value in pairs if (words := value.split()) and words[0].isdigit()}
    except OSError:
        return {}


def is_exiting(pid: int) -> bool:
    """Whether a process is past its last instruction and only being cleared away (PF_EXITING, proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return bool(int(file.read().rpartition(")")[2].split()[6]) & 0x4)
    except OSError:
        return False


def read_numbers(path: str) -> list[int]:
    """The whole numbers in a file."""
    with open(path) as file:
        return [int(word) for word in file.read().split()]


def resident(status: dict[str, int]) -> int:
    """Bytes that the process has written to, shared ones and those that were swapped out too."""
    return (status.get("RssAnon", 0) + status.get("RssShmem", 0) + status.get("VmSwap", 0)) * 1024


def proportional(pid: int) -> int:
    """Bytes of a process, each shared page divided by its sharers; the upper bound where the process hides it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            pss = {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith("Pss")}
        swapped = read_status(pid).get("VmSwap", 0)
        return (pss.get("Pss_Anon", pss.get("Pss", 0)) + pss.get("Pss_Shmem", 0) + swapped) * 1024
    except OSError:
        return resident(read_status(pid))


def descendants(root: int) -> list[int]:
    """Pids of all that a process started, directly or not."""
    parents = {int(name): read_status(name).get("PPid", 0) for name in os.listdir("/proc") if name.isdigit()}
    found, seen = [root], {root}
    for parent in found:
        new = [pid for pid, ppid in parents.items() if ppid == parent and pid not in seen]
        found += new
        seen.update(new)
    return found[1:]
