"""Grades a class on Slurm: each worker is a job of its own, this process holds the scheduler and the marks.

    .venv/bin/python docs/cluster/slurm.py SUBMITTED RESULTS --workers 8 --queue short

Run it on a login node, in the folder of the course, which the nodes see too; it ends its jobs when it is done or
interrupted. Further options are those of `course grade`. Without Slurm, `--locally` starts the same workers on this
machine. Whoever reaches the scheduler's port can run code as you: see docs/cluster.md.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster
from dask_jobqueue.local import LocalCluster
from distributed import Client

SECONDS = 15 * 60  # how long the first job may wait in the queue


def main() -> int:
    """The exit code of `course grade`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submitted", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--workers", type=int, default=4, help="jobs; each grades one notebook at a time")
    parser.add_argument("--queue", help="Slurm's partition")
    parser.add_argument("--account", help="on whose account")
    parser.add_argument("--walltime", default="01:00:00", help="of a job; what it leaves is graded by another")
    parser.add_argument("--interface", help="the network that nodes and this machine share, such as ib0")
    parser.add_argument("--locally", action="store_true", help="workers on this machine, without Slurm")
    given, more = parser.parse_known_args()
    worker = {
        "cores": 1,  # one notebook at a time: a warm sandbox has one user
        "processes": 1,
        "memory": "4GiB",  # torch and a submission; a submission alone may have 2
        "python": sys.executable,
        "interface": given.interface,
        "scheduler_options": {"dashboard_address": None},
    }
    if given.locally:
        cluster = LocalCluster(**worker | {"interface": "lo"})
    else:
        cluster = SLURMCluster(**worker, queue=given.queue, account=given.account, walltime=given.walltime)
    with cluster:
        cluster.scale(jobs=given.workers)
        with Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=SECONDS)
            address = client.scheduler_info()["address"]
        words = ["grade", given.submitted, "--results", given.results, "--dask", address, *more]
        return subprocess.run([sys.executable, "-m", "course_utils", *words], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
