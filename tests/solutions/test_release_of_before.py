"""A notebook that was released and solved earlier still checks itself, and gets the marks that it got then.

`before/` holds the first unit as it was released on 2026-11-29, before a unit lay in one folder: solved with the
answers of then, but for a dropout that is forgotten; marks.json is what the grader of then gave for it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading.task import Task
from course_utils.engine.grading.work import grade_alone

UNIT = "01_positional_encoding"
BEFORE = Path(__file__).with_name("before")
NOTEBOOK = BEFORE / f"{UNIT}.ipynb"

# runs set-up, answers and checks as a kernel does; what only looks is left out
RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    source = "".join(cell["source"])
    looks = "experiment" in cell["metadata"].get("tags", [])
    if cell["cell_type"] == "code" and (not looks or source.startswith(("check(", "hint("))):
        shell.run_cell(source).raise_error()
shell.run_cell('hint("shift_matrix")').raise_error()
"""


@pytest.fixture(scope="module")
def told() -> str:
    """What the notebook's own cells of checks say."""
    words, environment = [sys.executable, "-c", RUN, str(NOTEBOOK)], os.environ | {"COURSE_LANG": "en"}
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_notebook_asks_for_the_self_check_as_it_did_then():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "from course_utils.selfcheck import check, hint" in text


@pytest.mark.slow
@pytest.mark.parametrize("exercise", ["div_term", "sinusoidal_encoding", "shift_matrix"])
def test_a_right_answer_of_before_still_passes_its_self_check(told, exercise):
    assert f"{exercise}: All rules hold." in told


@pytest.mark.slow
def test_a_mistake_of_before_still_gets_its_hint(told):
    assert "In train mode nothing is dropped." in told


@pytest.mark.slow
def test_a_notebook_of_before_gets_the_marks_that_it_got_then(mode):
    task = Task("ann", UNIT, NOTEBOOK.read_bytes(), "", "d", "seed", mode, str(current().folder))
    scores = grade_alone(task).scores
    marks = json.loads((BEFORE / "marks.json").read_text(encoding="utf-8"))
    assert [{name: getattr(score, name) for name in marks[0]} for score in scores] == marks
