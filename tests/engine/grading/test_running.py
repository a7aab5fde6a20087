"""What stands round an answer: cells that fail, states that they leave, files beside the notebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading import run as runner
from course_utils.engine.grading.finding import Finder
from course_utils.engine.grading.plan import Plan
from course_utils.engine.grading.record import Record
from course_utils.engine.grading.task import Patience, Task, Unfinished
from course_utils.engine.grading.work import grade, grade_alone
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import sample

UNIT = "01_positional_encoding"
QUICK = Patience(cell_seconds=2.0, exercise_seconds=4.0, submission_seconds=30.0)
HELPER = "def two_i_of(d_model):\n    return torch.arange(0, d_model, 2)\n"
HELPED = "def div_term(d_model):\n    return 10000.0 ** (-two_i_of(d_model) / d_model)\n"
WRONG = "def {name}(*args):\n    return None\n"
FULL = {"div_term": 3.0, "sinusoidal_encoding": 4.0, "PositionalEncoding": 3.0, "shift_matrix": 3.0}


@pytest.fixture(scope="session")
def unit() -> Unit:
    return find_units(current().folder, [UNIT])[0]


def notebook(unit: Unit, sources: Mapping[str, str], own: Mapping[str, str]) -> bytes:
    """The reference with some answers changed; own: cells of the student's own, by the exercise that they follow.

    "" stands for the top of the notebook, "end" for its end.
    """
    found = sample.filled(unit, sample.reference(unit) | dict(sources))
    for number, (after, source) in enumerate(own.items()):
        ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in found["cells"]]
        place = {"": 0, "end": len(ids)}.get(after)
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "id": f"own-{number}"}
        found["cells"].insert(1 + ids.index(after) if place is None else place, cell)
    return json.dumps(found).encode()


@pytest.fixture(scope="session")
def task(walls: str, unit: Unit) -> Callable[..., Task]:
    def make(
        sources: Mapping[str, str] | None = None, own: Mapping[str, str] | None = None, beside: Any = (), **more: Any
    ) -> Task:
        data = notebook(unit, sources or {}, own or {})
        files_beside = tuple((path, text.encode()) for path, text in dict(beside).items())
        return Task("ann", unit.name, data, "", "digest", "a seed", walls, beside=files_beside, **more)

    return make


@pytest.fixture(scope="session")
def points(task: Callable[..., Task]) -> Callable[..., dict[str, float]]:
    """The points of each exercise."""

    def grade_it(*args: Any, **more: Any) -> dict[str, float]:
        found = dict.fromkeys(FULL, 0.0)
        for score in grade_alone(task(*args, **more)).scores:
            if score.check:
                found[score.exercise] += score.points
        return found

    return grade_it


def message(record: Record, exercise: str) -> str:
    (said,) = {score.message["en"] for score in record.scores if score.exercise == exercise and score.message}
    return str(said)


# what was solved stays solved ---------------------------------------------------------------------------------------

PLAYS = {
    "a variable of its name": "div_term = div_term(8)",
    "another base": "def div_term(d_model):\n    return torch.ones(d_model)",
    "builtins": "list = [1]\nsum = 0\nlen = 5\nmax = min = range = None",
    "modules": "math = 100\ntorch = nn = None",
    "a reset": "%reset -f",
    "deleted": "del div_term, sinusoidal_encoding, PositionalEncoding, shift_matrix",
    "a patch": "PositionalEncoding.forward = None\ntorch.exp = torch.sin = None",
    "builtins of Python itself": "import builtins\nbuiltins.len = builtins.range = None",
}


@pytest.mark.parametrize("play", PLAYS)
def test_a_cell_at_the_end_takes_no_point(points: Any, play: str) -> None:
    assert points(own={"end": PLAYS[play]}) == FULL


@pytest.mark.parametrize("play", ["a variable of its name", "another base", "a reset", "deleted"])
def test_a_cell_right_below_an_answer_takes_no_point(points: Any, play: str) -> None:
    if play == "deleted":
        PLAYS[play] = "del div_term"
    assert points(own={"div_term": PLAYS[play]}) == FULL


@pytest.mark.parametrize("place", ["PositionalEncoding", "end"])
def test_a_method_that_is_put_into_its_class_below_counts(points: Any, unit: Unit, place: str) -> None:
    source = unit.answer("PositionalEncoding")
    head, forward = source[: source.index("    def forward")], source[source.index("    def forward") :]
    patch = "\n".join(line.removeprefix("    ") for line in forward.split("\n"))
    own = {place: f"import torch\n{patch}\n\nPositionalEncoding.forward = forward"}
    assert points({"PositionalEncoding": head}, own) == FULL


@pytest.mark.parametrize("place", ["div_term", "end"])
def test_a_helper_that_stands_below_counts(points: Any, place: str) -> None:
    assert points({"div_term": HELPED}, {place: HELPER}) == FULL


def test_a_wrong_answer_stays_wrong_whatever_stands_below(points: Any) -> None:
    wrong = {"div_term": WRONG.format(name="div_term")}
    assert points(wrong, {"end": "div_term = div_term\nx = div_term(8)"}) == FULL | {"div_term": 0.0}


def test_a_helper_below_counts_in_the_second_pass_too(points: Any, unit: Unit) -> None:
    answer = unit.answer("shift_matrix").replace("torch.zeros(", "own_zeros(")
    assert "own_zeros(" in answer
    sources = {"div_term": WRONG.format(name="div_term"), "shift_matrix": answer}
    assert points(sources, {"end": "own_zeros = torch.zeros"}) == FULL | {"div_term": 0.0}


# an own cell hurts nothing ------------------------------------------------------------------------------------------

FAILING = {
    "a Drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "a missing package": "import seaborn as sns, wandb",
    "a folder": "import os\nos.chdir('/content/drive/MyDrive')",
    "a file": "text = open('data/train.csv').read()",
    "a GPU": "assert torch.cuda.is_available(), 'choose a GPU runtime'",
    "a GPU by name": "torch.ones(3, device='cuda')",
    "a question": "name = input('your name: ')",
    "an installation": "pip install einops",
    "an installation by magic": "%pip install einops\n!pip install einops",
    "magics": "%load_ext watermark\n%watermark -v\n%no_such_magic",
    "leaving": "import sys\nsys.exit()",
    "a slow line": "import time\nfor epoch in range(20):\n    time.sleep(1)",
    "an endless line": "while True:\n    pass",
    "a crash": "import os\nos._exit(1)",
    "prints": "for k in range(200_000): print(k)",
    "top-level await": "import asyncio\nawait asyncio.sleep(0)",
    "a compiler": "fast = torch.compile(nn.Linear(4, 4))\nfast(torch.randn(2, 4))",
    "other defaults": "torch.set_default_dtype(torch.float64)\ntorch.set_default_device('cuda')",
}


@pytest.mark.parametrize("line", FAILING)
def test_a_line_beside_a_helper_costs_only_itself(points: Any, line: str) -> None:
    own = {"": "import torch\nfrom torch import nn", "end": "", "div_term-x": ""}
    del own["end"], own["div_term-x"]
    own[""] += f"\n{FAILING[line]}\nBASE = 10000.0\n{HELPER}"
    answer = {"div_term": HELPED.replace("10000.0", "BASE")}
    assert points(answer, own, patience=QUICK) == FULL


@pytest.mark.parametrize("line", [name for name in FAILING if name != "magics"])
@pytest.mark.parametrize("place", ["above", "below"])
def test_a_line_beside_an_answer_costs_only_itself(points: Any, unit: Unit, line: str, place: str) -> None:
    parts = [FAILING[line], unit.answer("div_term")]
    source = "\n\n".join(parts if place == "above" else parts[::-1])
    assert points({"div_term": source}, patience=QUICK) == FULL


def test_what_a_call_prints_costs_nothing(points: Any) -> None:
    answer = "def div_term(d_model):\n    print('x' * 1_000_000)\n    i = torch.arange(0, d_model, 2)\n"
    answer += "    return 10000.0 ** (-i / d_model)"
    assert points({"div_term": answer}) == FULL


def test_a_slow_line_is_not_run_again_in_the_second_pass(task: Any) -> None:
    slow = "import time\ntime.sleep(60)\n" + HELPER
    work = task({"div_term": WRONG.format(name="div_term")}, {"": slow}, patience=QUICK)
    first = grade(work)
    assert isinstance(first, Unfinished)
    assert first.history.slow == {"0": (2,)}
    before = first.record.seconds
    record = grade(replace(work, unfinished=first))
    assert isinstance(record, Record)
    assert record.seconds - before < 1.4


# files beside the notebook ------------------------------------------------------------------------------------------

BESIDE = {"utils.py": f"import torch\n{HELPER}", "data/base.txt": "10000"}
USING = f"from utils import two_i_of\nBASE = float(open('data/base.txt').read())\n{HELPED.replace('10000.0', 'BASE')}"


def test_files_beside_the_notebook_are_there_when_it_runs(points: Any) -> None:
    assert points({"div_term": USING}, beside=BESIDE) == FULL


def test_files_beside_the_notebook_are_there_in_a_blind_process(points: Any, unit: Unit) -> None:
    answer = "from utils import two_i_of\nZERO = int(open('data/base.txt').read()) - 10000\n" + unit.answer(
        "shift_matrix"
    )
    sources = {
        "div_term": WRONG.format(name="div_term"),
        "shift_matrix": answer.replace("torch.zeros(", "torch.zeros(ZERO + "),
    }
    assert points(sources, beside=BESIDE) == FULL | {"div_term": 0.0}


def test_a_file_that_a_cell_writes_is_a_module(points: Any) -> None:
    own = {"": f"%%writefile own_helpers.py\nimport torch\n{HELPER}"}
    assert points({"div_term": f"from own_helpers import two_i_of\n{HELPED}"}, own) == FULL


@pytest.mark.parametrize("name", ["torch.py", "math.py", "random.py", "course_utils/__init__.py", "numpy/__init__.py"])
def test_a_file_takes_no_librarys_place(points: Any, name: str) -> None:
    sources = {"div_term": f"import torch, math, random, numpy, course_utils\n{HELPER}{HELPED}"}
    assert points(sources, beside={name: "raise ValueError"}) == FULL


def test_what_lay_beside_a_notebook_comes_with_its_task_and_counts_in_its_key(tmp_path: Path, unit: Unit) -> None:
    folder = tmp_path / "ann" / UNIT
    folder.mkdir(parents=True)
    (folder / f"{UNIT}.ipynb").write_bytes(notebook(unit, {"div_term": USING}, {}))
    plan = Plan(tmp_path, tmp_path / "results")
    keys = []
    for text in ("x = 1", "x = 2"):
        (folder / "utils.py").write_text(text)
        finder = Finder(tmp_path, current().folder)
        task = runner.make_task(plan, "ann", UNIT, finder)
        assert task.beside == (("utils.py", text.encode()),)
        keys.append(runner._key(task, "checks", "en"))
        assert [row.note for row in finder.table({}) if row.source.endswith("utils.py")] == [
            "there when the notebook runs"
        ]
    assert keys[0] != keys[1]


# what a message says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "own", "sentence"),
    [
        ("def div_term(d):\n    import einops", {}, "line 2 of this cell: einops cannot be imported"),
        ("def div_term(d):\n    return lengths_of(d)", {}, "line 2 of this cell: the name lengths_of has no value"),
        ("def div_term(d):\n    return torch.no_such(d)", {}, "2 of this cell: what it is asked of has no no_such."),
        ("def div_term(d):\n    return torch.ones(d, device='cuda')", {}, "asked for a GPU in line 2 of this cell"),
        ("def frequencies(d):\n    return d", {}, "The cell does not define div_term"),
        (
            "from einops import rearrange\ndef div_term(d):\n    return rearrange(d)", {},
            "the name rearrange has no value there. The line of your notebook that should define it raised "
            "ModuleNotFoundError: einops cannot be imported where grading runs",
        ),
        (
            "def div_term(d):\n    return MASK", {"": "import torch\nMASK = torch.ones(3).cuda()"},
            "The line of your notebook that should define it asked for a GPU",
        ),
        (
            "def div_term(d):\n    return TABLE", {"": "import time\nTABLE = time.sleep(60)"},
            "The line of your notebook that should define it takes too long",
        ),
    ],
)  # fmt: skip
def test_a_message_names_the_cause(task: Any, source: str, own: dict[str, str], sentence: str) -> None:
    assert sentence in message(grade_alone(task({"div_term": source}, own, patience=QUICK)), "div_term")


@pytest.mark.parametrize(
    "source",
    [
        "def div_term(d):\n    raise NameError('no', name=f'W{d}')  # W3 W5 W7 W8 W9 W11 W12 W18 W22 W33",
        "def div_term(d):\n    raise ModuleNotFoundError('no', name='W18')\n\nW18 = 1",
        "def div_term(d):\n    raise AttributeError(f'no {d}', name='value of', obj=d)",
    ],
)
def test_a_message_tells_no_word_but_one_of_its_line(task: Any, source: str) -> None:
    said = message(grade_alone(task({"div_term": source})), "div_term")
    assert said.endswith("in line 2 of this cell.")
