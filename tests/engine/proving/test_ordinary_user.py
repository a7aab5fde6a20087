"""The hostile bank again, graded by an ordinary user: other rights, and limits that are counted for one name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils.engine.proving.hostile import KINDS

USER = 1000  # any that owns nothing here

# grades the notebooks of some kinds, and tells those that were not as they must be
RUN = """
import json, os, sys, tempfile
from pathlib import Path
from course_utils.engine.proving import selftest
from course_utils.engine.walls.proofs import find_mode

kinds = set(sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    trials = [trial for trial in selftest.bank_trials(find_mode("bwrap"), Path(folder)) if trial.kind in kinds]
    found = selftest.run_trials(trials, "bwrap")
print(json.dumps([os.getuid(), len(found), [[one.name, one.fault] for one in found if one.fault]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("stealing", "breaking", "touching"))])
def test_a_hostile_notebook_gets_and_learns_nothing_from_an_ordinary_user(
    kind: str, walls: str, tmp_path: Path, as_user: Callable[[int, list[str], dict[str, str]], list[str]]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; run as one, all these tests show it")
    os.chmod(tmp_path, 0o777)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    words = as_user(USER, [sys.executable, "-c", RUN, kind], environment)
    for folder in [tmp_path, *tmp_path.parents]:  # pytest's own are closed to others
        if folder != Path("/") and not folder.stat().st_mode & 1:
            os.chmod(folder, folder.stat().st_mode | 0o111)
    run = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    user, count, faults = json.loads(run.stdout.splitlines()[-1])
    assert (user, faults) == (USER, [])
    assert count > 20
