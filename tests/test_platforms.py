"""Files for places where the course is opened, tested and talked about: each is read, and what it names exists."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OLDEST, TOO_NEW = (int(minor) for minor in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups())
PYTHONS = [f"3.{minor}" for minor in range(OLDEST, TOO_NEW)]
WORKFLOWS = sorted((TOP / ".github/workflows").glob("*.yml"))
FORMS = sorted((TOP / ".github/ISSUE_TEMPLATE").glob("*.yml"))
by_name = {"ids": lambda path: path.name}


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs_of(path):
    return read_yaml(path)["jobs"].values()


def commands_of(path):
    return [step["run"] for job in jobs_of(path) for step in job["steps"] if "run" in step]


def targets():
    return set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def missing_in(command):
    """What a command names that is not there: files of the course, extras, targets of make."""
    words = command.replace('"', "").split()
    paths = {word for word in words if re.match(r"(tests|docs|\.ci|course_utils)/", word)}
    extras = set(re.findall(r"\.\[([a-z]+)\]", command))
    wanted = set(re.findall(r"\bmake ([a-z]+)", command))
    gone = {path for path in paths if not (TOP / path).exists()}
    return sorted(gone | extras - PROJECT["optional-dependencies"].keys() | wanted - targets())


def test_the_dev_container_makes_what_the_makefile_has_with_a_python_that_fits():
    container = json.loads((TOP / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert container["image"].rpartition(":")[2] in PYTHONS
    assert container["postCreateCommand"].startswith("make ")
    assert missing_in(container["postCreateCommand"]) == []


def test_binder_installs_the_course_with_a_python_that_fits():
    lines = (TOP / ".binder/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-e ."]
    assert (TOP / ".binder/runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-") in PYTHONS


def test_what_binder_imports_last_is_in_the_student_core():
    script = TOP / ".binder/postBuild"
    (names,) = re.findall(r'python -c "import (.+)"', script.read_text(encoding="utf-8"))
    core = {requirement.partition("==")[0] for requirement in PROJECT["dependencies"]}
    assert {name.partition(".")[0] for name in names.split(", ")} - core == {"course_utils"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no bit for files that run")
def test_binder_may_run_its_script():
    assert os.access(TOP / ".binder/postBuild", os.X_OK)


@pytest.mark.parametrize("path", WORKFLOWS, **by_name)
def test_a_workflow_names_only_what_exists(path):
    assert [missing_in(command) for command in commands_of(path)] == [[]] * len(commands_of(path))


@pytest.mark.parametrize("path", WORKFLOWS, **by_name)
def test_a_workflow_may_read_and_no_more_and_ends_by_itself(path):
    assert read_yaml(path)["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 120 for job in jobs_of(path))


def test_the_workflow_of_tests_has_all_pythons_of_pyproject_on_three_systems():
    jobs = read_yaml(TOP / ".github/workflows/tests.yml")["jobs"]
    assert [job["strategy"]["matrix"]["python"] for job in jobs.values()] == [PYTHONS] * len(jobs)
    systems = [jobs["linux"]["runs-on"], *jobs["learners"]["strategy"]["matrix"]["os"]]
    assert [system.partition("-")[0] for system in systems] == ["ubuntu", "macos", "windows"]


def test_the_weekly_run_takes_the_newest_python_and_every_pin_out():
    path = TOP / ".github/workflows/weekly.yml"
    (job,) = jobs_of(path)
    assert job["steps"][1]["with"]["python-version"] == PYTHONS[-1]
    (pattern, new) = re.search(r"'s/(.+)/(.+)/'", next(c for c in commands_of(path) if c.startswith("sed"))).groups()
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    freed = tomllib.loads(re.sub(pattern, new, text, flags=re.MULTILINE))["project"]
    extras = freed["optional-dependencies"].values()
    requirements = [*freed["dependencies"], *(one for extra in extras for one in extra)]
    assert [one for one in requirements if "==" in one] == []
    assert len(freed["dependencies"]) == len(PROJECT["dependencies"])


def test_there_is_a_form_for_a_check_a_hint_and_a_translation():
    assert [path.stem for path in FORMS] == ["translation", "wrong_check", "wrong_hint"]


@pytest.mark.parametrize("path", FORMS, **by_name)
def test_a_form_asks_in_both_languages(path):
    form = read_yaml(path)
    shown = [form["name"], form["description"], *(part["attributes"]["label"] for part in form["body"])]
    assert [text for text in shown if not re.search(r"[A-Za-z]{3}.* / .*[\u4e00-\u9fff]", text)] == []


def test_the_citation_says_what_pyproject_says():
    citation = read_yaml(TOP / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == PROJECT["description"]
    assert citation["authors"] == PROJECT["authors"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]


def test_what_the_guide_to_places_names_is_there():
    named = re.findall(r"`((?:\.[a-z]+|tests|docs)/[^`]*)`", (TOP / "docs/platforms.md").read_text(encoding="utf-8"))
    assert len(named) >= 3
    assert [path for path in named if not (TOP / path).exists()] == []


@pytest.mark.parametrize("command", ["make nothing", "python -m pytest tests/nowhere", 'pip install ".[nothing]"'])
def test_what_is_not_there_is_seen(command):
    assert missing_in(command) != []
