"""Grading on a Dask cluster of this machine's own: equal scores, nobody twice, also when a worker is killed."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.engine.grading import cluster, log
from course_utils.engine.grading.cluster import ClusterExecutor, dask_executor, parcel
from course_utils.engine.grading.grader import grade
from course_utils.engine.grading.plan import Plan, RunError
from course_utils.engine.grading.run import run
from course_utils.engine.grading.task import Task
from course_utils.engine.grading.worker_state import unit_judge
from course_utils.engine.making.units import all_units, find_units
from course_utils.engine.proving import sample, toy
from course_utils.engine.proving.toy import ROWS

COURSE = toy.course()
SOLUTIONS = str(COURSE.folder)
PATIENCE = 120.0  # seconds until a worker has imported torch on a busy machine


@pytest.fixture(scope="session")
def unit():
    return find_units(COURSE.folder, [ROWS])[0]


# Without a cluster


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "foo://127.0.0.1:8786", "tcp://127.0.0.1:port"])
def test_a_scheduler_that_does_not_answer_is_told_in_one_sentence(address):
    with (
        pytest.raises(RunError, match=f"^no Dask scheduler answers at {address} within 0.5 seconds; start one with"),
        dask_executor(address, seconds=0.5),
    ):
        pass


def test_certificates_that_are_missing_are_told_with_what_to_set():
    with (
        pytest.raises(
            RunError, match=r"^tls://127\.0\.0\.1:1 wants certificates, .* set DASK_DISTRIBUTED__COMM__TLS__CA"
        ),
        dask_executor("tls://127.0.0.1:1", seconds=0.5),
    ):
        pass


def test_a_missing_dask_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r'needs Dask; install it: pip install -e "\.\[cluster\]"$'), dask_executor("x"):
        pass


@pytest.mark.parametrize("arguments", [(), (3,), ("task", 3)], ids=repr)
def test_only_functions_of_a_task_can_be_sent(arguments):
    with pytest.raises(TypeError, match="functions of one Task"):
        ClusterExecutor(None).submit(print, *arguments)


def test_a_parcel_holds_its_unit_and_of_the_earlier_ones_only_names():
    last = all_units(COURSE.folder)[-1]
    with zipfile.ZipFile(io.BytesIO(parcel(SOLUTIONS, last.name))) as archive:
        names = archive.namelist()
    assert f"notebooks/en/{last.name}/{last.name}.ipynb" in names
    assert f"solutions/{last.name}/hints.yml" in names
    assert {Path(name).name for name in names if last.name not in name} <= {"answers.py", "unit.toml", "course.toml"}


def test_a_unit_can_be_judged_from_its_parcel_alone(tmp_path):
    last = all_units(COURSE.folder)[-1]
    name = last.name
    with zipfile.ZipFile(io.BytesIO(parcel(SOLUTIONS, name))) as archive:
        archive.extractall(tmp_path)
    task = Task("ann", name, None, "missing", "missing", "seed", "none")
    here, there = (grade(replace(task, solutions=str(place))) for place in (COURSE.folder, tmp_path / "solutions"))
    assert here.scores == there.scores
    judge = unit_judge(str(tmp_path / "solutions"), name)
    assert judge.unit.provided == last.provided
    assert [mutant.name for mutant in judge.unit.mutants] == [mutant.name for mutant in last.mutants]


def test_equal_parcels_are_equal_bytes():
    first = parcel(SOLUTIONS, ROWS)
    parcel.cache_clear()
    assert parcel(SOLUTIONS, ROWS) == first


class Client:
    """Stands for a client whose workers answer something of our choice."""

    def __init__(self, answer):
        self.answer = answer

    def run(self, function):
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"tcp://10.0.0.7:40000": function() | self.answer}


def test_a_worker_with_other_versions_is_warned_of():
    with pytest.warns(UserWarning, match=r"tcp://10\.0\.0\.7:40000 has torch 2\.0\.0 \(here "):
        cluster._compare("tcp://10.0.0.1:8786", Client({"torch": "2.0.0"}))


def test_a_worker_with_another_state_of_the_course_is_refused():
    with pytest.raises(RunError, match="has another state of the course; install this release there"):
        cluster._compare("tcp://10.0.0.1:8786", Client({"course": "other"}))


def test_a_worker_without_the_course_is_refused():
    with pytest.raises(
        RunError, match=r"cannot run the course .*No module named 'course_utils'.*; install this release"
    ):
        cluster._compare("a", Client(ModuleNotFoundError("No module named 'course_utils'")))


# With a cluster


class Cluster:
    """A scheduler and workers in processes of their own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.workers: list[subprocess.Popen[bytes]] = []
        ready = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(ready))
        deadline = time.monotonic() + PATIENCE
        while not ready.exists() or not ready.read_bytes().strip().endswith(b"}"):
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        self.address = json.loads(ready.read_bytes())["address"]

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.folder / f"{words[0]}-{len(self.workers)}.log").open("wb"))
        code = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=log, stderr=log, cwd=self.folder, start_new_session=True
        )
        self.stack.callback(self.end, process)
        return process

    def add_worker(self) -> None:
        """A worker as an instructor starts it, but without the nanny that would start a killed one anew."""
        options = ["--no-nanny", "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
        self.workers.append(self.start("worker", self.address, *options, "--local-directory", str(self.folder)))

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def cluster_of(workers: int, folder: Path):
    with ExitStack() as stack:
        made = Cluster(stack, folder)
        for _ in range(workers):
            made.add_worker()
        yield made


def mixed_class(submitted: Path, unit, size: int) -> list[str]:
    """Right answers, mistakes, a crash, a blank and a broken notebook; two students handed in the same bytes."""
    names = [f"student {number:02d} 学生" for number in range(size)]
    for number, name in enumerate(names):
        notebook: dict | bytes = sample.filled(unit, sample.with_answer(unit, unit.mutants[number % len(unit.mutants)]))
        if number in (0, 1):
            notebook = sample.filled(unit, sample.reference(unit))
        elif number == 2:
            crash = "def step_matrix(*args, **kwargs):\n    import os\n    os._exit(1)"
            notebook = sample.filled(unit, sample.reference(unit) | {"step_matrix": crash})
        elif number == 3:
            notebook = sample.released(unit)
        elif number == 4:
            notebook = b"not a notebook"
        sample.write(submitted, name, unit, notebook)
    return names


def what_was_scored(records):
    keys = ("student", "unit", "exercise", "check", "points", "max_points", "outcome")
    return [tuple(getattr(score, key) for key in keys) for record in records for score in record.scores]


def students_in_the_log(results: Path) -> list[str]:
    return sorted(json.loads(line)["student"] for line in (results / "log.jsonl").read_bytes().splitlines())


def patient(monkeypatch):
    """Connect as a run does, with the patience that a busy machine needs."""
    monkeypatch.setattr(cluster.dask_executor.__wrapped__, "__defaults__", (PATIENCE,))


@pytest.mark.slow
def test_a_scheduler_without_workers_is_told_in_one_sentence(tmp_path):
    with (
        cluster_of(0, tmp_path) as made,
        pytest.raises(
            RunError, match=r"has no worker; start some: dask worker tcp://127\.0\.0\.1:\d+ --nworkers 2 --nthreads 1"
        ),
        dask_executor(made.address, seconds=2),
    ):
        pass


@pytest.mark.slow
def test_a_cluster_of_three_grades_as_one_core_does_also_when_a_worker_is_killed(tmp_path, unit, mode, monkeypatch):
    patient(monkeypatch)
    names = mixed_class(tmp_path / "submitted", unit, 14)

    def plan_for(results: str, **more):
        return Plan(tmp_path / "submitted", tmp_path / results, (ROWS,), solutions=COURSE.folder, sandbox=mode, **more)

    serial = run(plan_for("serial", jobs=1))
    with cluster_of(3, tmp_path) as made:
        plan = plan_for("calm", dask=made.address)
        calm = run(plan)
        assert students_in_the_log(plan.results) == names
        assert what_was_scored(calm.records) == what_was_scored(serial.records)
        assert len({record.seed for record in calm.records}) == len(names)

        killed = []

        def kill_one(done, total):
            if done == 2:
                killed.append(made.workers[0])
                os.kill(made.workers[0].pid, signal.SIGKILL)

        shaken_plan = plan_for("shaken", dask=made.address)
        shaken = run(shaken_plan, tell=kill_one)
        assert [process.wait(10) for process in killed] == [-signal.SIGKILL]
    assert shaken.failures == []
    assert shaken.graded == len(names)
    assert students_in_the_log(shaken_plan.results) == names
    assert what_was_scored(shaken.records) == what_was_scored(serial.records)
    assert log.read_log(shaken_plan.results).last.keys() == {(name, ROWS) for name in names}
