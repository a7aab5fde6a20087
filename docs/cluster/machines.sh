#!/bin/sh
# Grades a class on this machine and on others that you reach by ssh, with `dask scheduler` and `dask worker`.
#
#     sh docs/cluster/machines.sh SUBMITTED RESULTS                # workers on this machine alone
#     HOSTS="ada grace" sh docs/cluster/machines.sh SUBMITTED RESULTS --unit 01_positional_encoding
#
# Run it where the course lies. Each host has the same release and its environment at the same path, as a shared home
# folder gives; submissions and results lie here alone. ADDRESS is what the hosts call this machine, WORKERS how many
# notebooks each machine grades at once. Whoever reaches the scheduler's port can run code as you: see docs/cluster.md.
set -eu
submitted=$1 results=$2
shift 2 # what is left are options of `course grade`
python=${PYTHON:-.venv/bin/python}
workers=${WORKERS:-2}
here=$(pwd)
scratch=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

if [ -n "${HOSTS:-}" ]; then address=${ADDRESS:-$(hostname -f)}; else address=127.0.0.1; fi
"$python" -m dask scheduler --host "$address" --port 0 --no-dashboard --scheduler-file "$scratch/scheduler.json" \
    >"$scratch/scheduler.log" 2>&1 &
pids=$!
tries=0
until scheduler=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' \
    "$scratch/scheduler.json" 2>/dev/null); do
    tries=$((tries + 1))
    if [ "$tries" -gt 120 ] || ! kill -0 "$pids" 2>/dev/null; then cat "$scratch/scheduler.log" >&2; exit 1; fi
    sleep 0.5
done

options="--nworkers $workers --nthreads 1 --no-dashboard"
for host in ${HOSTS:-}; do
    # a worker whose scheduler is gone ends by itself
    ssh -o BatchMode=yes "$host" "cd '$here' && exec '$python' -m dask worker '$scheduler' $options --death-timeout 60" \
        >"$scratch/$host.log" 2>&1 &
    pids="$pids $!"
done
"$python" -m dask worker "$scheduler" $options --local-directory "$scratch" >"$scratch/here.log" 2>&1 &
pids="$pids $!"
# a worker imports torch before it joins
"$python" -c 'import sys; from distributed import Client
with Client(sys.argv[1], timeout=60, set_as_default=False) as client: client.wait_for_workers(1, timeout=300)' "$scheduler"

"$python" -m course_utils grade "$submitted" --results "$results" --dask "$scheduler" "$@"
