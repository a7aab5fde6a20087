"""Run All comes to the end of every unit: blank, half done, and with answers that are wrong in the worst ways.

Each unit runs in a kernel, in a learner's folder; units that train do so on a few texts (tests/instructor/shrunk.py).
"""

import ast
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils.engine.course import current
from course_utils.engine.making.units import all_units
from course_utils.engine.proving import sample

UNITS = all_units(current().folder)
SHRUNK = current().top / "tests" / "instructor" / "shrunk.py"
TRAINS = "04"  # this unit and those behind it train models
ANOTHER_SHAPE = """
class {name}(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, *args, **kwargs):
        return self.weight * torch.ones(7, 3)
"""


def half_done(unit):
    """The first half of the exercises, rounded down but at least one where there are two."""
    count = max(len(unit.exercises) // 2, 1) if len(unit.exercises) > 1 else 0
    return {name: unit.answer(name) for name in unit.exercises[:count]}


def of_another_shape(unit):
    """Answers that return something of a shape that fits nowhere, or of another kind."""
    return {
        name: "import torch\nfrom torch import nn\n" + ANOTHER_SHAPE.format(name=name)
        if f"class {name}" in unit.answer(name)
        else f"import torch\n\n\ndef {name}(*args, **kwargs):\n    return torch.ones(7, 3)\n"
        for name in unit.exercises
    }


def known_mistakes(unit):
    """A known mistake in each exercise."""
    found = {mutant.exercise: unit.mutated(mutant) for mutant in reversed(unit.mutants)}
    return sample.reference(unit) | found


def no_python(unit):
    """Answers that were broken off in the middle of a line; nothing gets a name."""
    return {name: f"def {name}(x:\n    return (" for name in unit.exercises}


STATES = {
    "solved": sample.reference,
    "blank": lambda unit: {},
    "half done": half_done,
    "of another shape": of_another_shape,
    "known mistakes": known_mistakes,
    "no Python": no_python,
}


def run_all(unit, answers, folder: Path, language="en"):
    """The cells of a notebook after each was run, in their order, in a learner's folder."""
    notebook = nbformat.from_dict(sample.filled(unit, answers, language=language))
    first = f"import runpy\nrunpy.run_path({str(SHRUNK)!r})\n" if unit.name >= TRAINS else ""
    first += "import torch\ntorch.set_num_threads(1)"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    place = folder / "notebooks" / unit.name
    place.mkdir(parents=True)
    (folder / "notebooks" / "course.json").write_text(json.dumps({"language": language}))
    settings = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **settings, "HF_HUB_OFFLINE": "1", "COURSE_LANG": language}
    client = NotebookClient(notebook, timeout=900, allow_errors=True, resources={"metadata": {"path": str(place)}})
    client.execute(env=environment)
    return notebook.cells[1:]


def shown(cell, kind="text/plain"):
    """What a cell shows, each output as a text."""
    return [str(output["data"].get(kind, "")) for output in cell.get("outputs", []) if "data" in output]


def bare(output):
    """The text of a value that a last line left behind and that is no table and no picture, such as (-1.1, 1.7)."""
    data = output.get("data", {})
    return data["text/plain"] if output["output_type"] == "execute_result" and "text/html" not in data else ""


def is_python(cell):
    """Whether a cell can be read; one that cannot is the learner's own, and there an editor stops, as it should."""
    try:
        ast.parse(cell.source)
    except SyntaxError:
        return False
    return True


def pairs():
    """Units and states; of the units that train, what takes longest stands among the proofs of many minutes."""
    for unit in UNITS:
        for state in STATES:
            brief = unit.name < TRAINS or state in ("blank", "half done", "of another shape")
            mark = pytest.mark.slow if brief else pytest.mark.long
            yield pytest.param(unit, state, id=f"{unit.name}-{state}", marks=mark)


@pytest.mark.parametrize(("unit", "state"), list(pairs()))
def test_run_all_comes_to_the_end(unit, state, tmp_path):
    answers = STATES[state](unit)
    cells = run_all(unit, answers, tmp_path)
    code = [cell for cell in cells if cell.cell_type == "code" and is_python(cell)]
    outputs = [output for cell in code for output in cell.outputs]
    assert [output["traceback"] for output in outputs if output["output_type"] == "error"] == []
    boxes = [text for cell in code for text in shown(cell) if re.match("This cell |This was made", text)]
    waits = [cell for cell in code if "needs(" in cell.source]
    least, most = {"blank": (len(waits),) * 2, "solved": (0, 0)}.get(state, (1, len(waits)))
    assert least <= len(boxes) <= most
    assert [text for output in outputs if (text := bare(output))] == []
