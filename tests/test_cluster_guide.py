"""docs/cluster.md is done as it stands: its commands grade a class, its manifest says what the workers need."""

import csv
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from dask_jobqueue import SLURMCluster

from .engine.desk import FIRST, laid, notebook


@pytest.fixture(scope="module")
def guide(course):
    return (course / "docs" / "cluster.md").read_text(encoding="utf-8")


def commands(guide):
    return re.findall(r"^```sh\n(.*)\n```", guide, re.MULTILINE)


def graded_by(command, course, folder, mode):
    """(points, outcome) by student, of a class that a command of the guide graded."""
    root = folder / "autumn"
    laid(root / "submitted", {f"ann/{FIRST}/{FIRST}.ipynb": notebook(), f"li/{FIRST}/{FIRST}.ipynb": b"none"})
    words = [word.replace("autumn/", f"{root}/") for word in shlex.split(command)]
    words[0] = sys.executable if words[0] == ".venv/bin/python" else words[0]
    environment = os.environ | {"PYTHON": sys.executable, "WORKERS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, "--sandbox", mode],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (root / "results" / "scores.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: (row["points"], row["outcome"]) for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1], ids=["machines", "slurm"])
def test_a_class_is_graded_as_the_guide_says(guide, course, tmp_path, mode, place):
    command = commands(guide)[place]
    assert graded_by(command, course, tmp_path, mode) == {"ann": ("13", "graded"), "li": ("0", "error")}


def test_the_guide_has_a_command_for_each_of_the_two(guide):
    assert [re.search(r"cluster/(\w+)\.", command)[1] for command in commands(guide)] == ["machines", "slurm"]


def test_slurm_is_asked_for_one_notebook_a_job(course):
    source = (course / "docs" / "cluster" / "slurm.py").read_text(encoding="utf-8")
    assert '"cores": 1' in source
    assert "SLURMCluster(**worker" in source
    job = SLURMCluster.job_cls
    assert job.submit_command == "sbatch"


def test_every_file_that_the_guide_names_is_there(guide, course):
    named = set(re.findall(r"\]\((cluster/[\w.]+)\)", guide))
    assert named == {f"cluster/{path.name}" for path in (course / "docs" / "cluster").iterdir()}


@pytest.fixture(scope="module")
def manifest(course):
    text = (course / "docs" / "cluster" / "kubernetes.yaml").read_text(encoding="utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_kubernetes_workers_get_what_the_sandbox_needs_and_no_more(manifest):
    context = manifest["DaskCluster"]["spec"]["worker"]["spec"]["containers"][0]["securityContext"]
    assert context == {
        "runAsUser": 0,
        "capabilities": {"add": ["SYS_ADMIN", "NET_ADMIN"]},
        "seccompProfile": {"type": "Unconfined"},
    }


def test_kubernetes_workers_have_one_thread(manifest):
    words = manifest["DaskCluster"]["spec"]["worker"]["spec"]["containers"][0]["args"]
    assert words[words.index("--nthreads") + 1] == "1"


def test_no_pod_has_a_key_to_kubernetes(manifest):
    cluster = manifest["DaskCluster"]["spec"]
    pods = [cluster["worker"]["spec"], cluster["scheduler"]["spec"], manifest["Pod"]["spec"]]
    assert [pod["automountServiceAccountToken"] for pod in pods] == [False] * 3


def test_the_scheduler_is_found_under_the_name_that_the_command_uses(manifest, course):
    text = (course / "docs" / "cluster" / "kubernetes.yaml").read_text(encoding="utf-8")
    port = manifest["DaskCluster"]["spec"]["scheduler"]["spec"]["containers"][0]["ports"][0]["containerPort"]
    assert f"tcp://{manifest['DaskCluster']['metadata']['name']}-scheduler:{port}" in text


def test_only_the_cluster_and_the_desk_reach_the_workers(manifest):
    policy = manifest["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    desk = manifest["Pod"]["metadata"]["labels"]
    assert {"podSelector": {"matchLabels": desk}} in policy["ingress"][0]["from"]
