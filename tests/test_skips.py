"""What a test may be skipped for: the system, the processor, the user. A machine that lacks something fails in CI."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent

# Each reason of a skip that stays one under CI=true. All else goes through `need` of conftest.py.
ABOUT_THE_SYSTEM = {
    "names of Linux' own",
    "limits of address space are Linux's",
    "Windows decides otherwise which files may be read",
    "needs a limit on the size of files",
    "this kernel has no huge pages",
    "the kernel's headers are not installed here",
    "this machine has no table of time zones",
    "the system has no Python 3.11",
    "Windows has no bit for files that run",
    "the form is that of Python 3.11",
    "a checkout below /tmp lies behind each submission's own /tmp",
    "x32 exists on x86_64 only",
    "the number of mincore is that of x86_64",
    "the walls and these calls are Linux's",
    "needs a machine without a GPU",
}
ABOUT_THE_USER = {
    "only root can become another user; run as one, all these tests show it",
    "only root can become another user",
    "only root can mount",
    "only root may make a device",
    "the home folder cannot be written, so no canary can be put there",
    "{parent} may not be written by this user; run as root",
}


def reason_of(call: ast.Call) -> str:
    """The reason that a skip gives, an f-string with its fields by their source."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    node = (named or call.args)[0]
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ast.unparse(node)[2:-1]


def skips() -> dict[str, str]:
    """Where each skip of the tests stands, with its reason; of importorskip the module."""
    found = {}
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.importorskip"):
                    found[f"{path.relative_to(TESTS)}:{node.lineno}"] = reason_of(node)
    return found


def test_a_skip_outside_of_need_tells_of_the_system_or_the_user():
    others = {place: why for place, why in skips().items() if not place.startswith("conftest.py:")}
    assert {place: why for place, why in others.items() if why not in ABOUT_THE_SYSTEM | ABOUT_THE_USER} == {}


def test_every_listed_reason_is_given_somewhere():
    assert (ABOUT_THE_SYSTEM | ABOUT_THE_USER) - set(skips().values()) == set()


def told_without_programs(folder: Path, fixture: str, ci: str | None, bwrap: str = "") -> tuple[int, str]:
    """Exit code and output of pytest for one test that asks for a fixture, on a PATH that holds at most bwrap."""
    (folder / "programs").mkdir()
    (folder / "conftest.py").write_bytes((TESTS / "conftest.py").read_bytes())
    (folder / "test_one.py").write_text(f"def test_one({fixture}):\n    print({fixture})\n", encoding="utf-8")
    if bwrap:
        (folder / "programs" / "bwrap").write_text(f"#!/bin/sh\n{bwrap}\n", encoding="utf-8")
        (folder / "programs" / "bwrap").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "CI" and "PYTEST" not in name}
    environment |= {"PATH": str(folder / "programs"), "PYTHONPATH": str(TESTS.parent)} | (
        {"CI": ci} if ci is not None else {}
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rsP",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        "test_one.py",
    ]
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout


LACKS = {
    "walls": "no sandbox can be had here: bwrap is not installed; sudo apt install bubblewrap",
    "mode": "no sandbox can be had here: bwrap is not installed; sudo apt install bubblewrap",
    "browser": "no browser is on this machine; sudo apt install chromium",
}


@pytest.mark.parametrize("fixture", LACKS)
def test_under_ci_what_the_machine_lacks_is_a_failure_that_names_it(tmp_path, fixture):
    code, told = told_without_programs(tmp_path, fixture, ci="true")
    assert code == 1
    assert f"{LACKS[fixture]} (CI is set, so this is a failure and no skip)" in told
    assert "1 error" in told
    assert "skipped" not in told.splitlines()[-1]


@pytest.mark.parametrize(("fixture", "ci"), [("walls", None), ("browser", "false")])
def test_elsewhere_it_is_a_skip_that_names_it(tmp_path, fixture, ci):
    code, told = told_without_programs(tmp_path, fixture, ci)
    assert code == 0
    assert LACKS[fixture] in told
    assert "1 skipped" in told


def test_elsewhere_what_holds_without_walls_runs_without_them(tmp_path):
    code, told = told_without_programs(tmp_path, "mode", None)
    assert code == 0
    assert "none" in told.splitlines()
    assert "1 passed" in told


def test_a_bubblewrap_that_does_not_run_is_named_with_its_own_words(tmp_path):
    code, told = told_without_programs(tmp_path, "walls", "true", "echo 'bwrap: no namespaces for you' >&2; exit 1")
    assert code == 1
    assert "no sandbox can be had here: bwrap: no namespaces for you" in told


def test_walls_that_are_the_courses_own_fault_are_never_a_skip(tmp_path):
    """Else one broken wall would take hundreds of tests out of the suite, and it would be green."""
    code, told = told_without_programs(tmp_path, "walls", None, 'case "$*" in *" true") exit 0;; esac; exit 3')
    assert code == 1
    assert "SandboxUnavailable" in told
    assert "1 error" in told
