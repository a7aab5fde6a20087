"""The self-check of a whole notebook file, as `course check NOTEBOOK` runs it."""

import builtins
import json
import os
import signal
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils.engine.course import current
from course_utils.engine.learning.notebook import NotebookError, check_notebook, read_file, unit_of_notebook
from course_utils.engine.making.units import Unit
from course_utils.engine.proving import sample
from course_utils.engine.reading.notebook import read_notebook

UNIT = Unit(current().folder / "01_positional_encoding")
ENGLISH = {**os.environ, "COURSE_LANG": "en"}
SECONDS_TO_START = 12  # of the command, with torch and the cells before the endless one, on a busy machine


@pytest.fixture(autouse=True)
def fresh_shell():
    """A notebook's cells run in this process's shell and without `input`: both are as before for the next test."""
    kept = builtins.input
    yield
    builtins.input = kept
    InteractiveShell.instance().reset(new_session=False)


@pytest.fixture
def write(tmp_path):
    def write_notebook(notebook, name=f"{UNIT.name}.ipynb", folder="handed in"):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
        return path

    return write_notebook


def outcomes(reports):
    return {verdict.check: verdict.outcome for report in reports for verdict in report.verdicts}


def with_first_cell(notebook, source):
    notebook["cells"].insert(0, {"cell_type": "code", "source": source, "metadata": {}})
    return notebook


def test_a_notebook_with_the_reference_is_all_green(write):
    reports = check_notebook(write(sample.filled(UNIT, sample.reference(UNIT))))
    assert [report.exercise for report in reports] == UNIT.exercises
    assert outcomes(reports) == dict.fromkeys(UNIT.rules, "passed")


def test_a_blank_notebook_says_that_each_exercise_is_blank(write):
    reports = check_notebook(write(sample.released(UNIT)))
    assert outcomes(reports) == dict.fromkeys(UNIT.rules, "missing")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_speaks_the_language_of_the_notebook(write, language, monkeypatch):
    monkeypatch.delenv("COURSE_LANG", raising=False)
    reports = check_notebook(write(sample.released(UNIT, language)))
    assert {report.language for report in reports} == {language}


def test_a_cell_that_raises_leaves_the_others(write):
    sources = sample.reference(UNIT) | {"shift_matrix": "1 / 0"}
    found = outcomes(check_notebook(write(sample.filled(UNIT, sources))))
    assert found.pop("shift_matrix-values") == found.pop("shift_matrix-errors") == "missing"
    assert set(found.values()) == {"passed"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\ny = (", "with SyntaxError in line 2: '(' was never closed\n    2 | y = ("),
        ("\nx = mth.pi", "with NameError in line 2: name 'mth' is not defined. Did you mean math?\n    2 | x = mth.pi"),
        ("def f():\n    raise OSError\n\n\nf()", "with OSError in f, line 2 of its cell.\n    2 | raise OSError"),
        ("raise SystemExit", "with SystemExit in line 1.\n    1 | raise SystemExit"),
    ],
)
def test_a_cell_that_raises_is_told_with_the_line(write, source, words):
    sources = sample.reference(UNIT) | {"div_term": source}
    (found,) = (r for r in check_notebook(write(sample.filled(UNIT, sources))) if r.exercise == "div_term")
    assert found.messages() == [f"The cell of div_term stopped before it defined div_term, {words}"]


def test_a_cell_that_raises_is_known_by_what_it_defines_where_an_editor_kept_no_metadata(write):
    sources = sample.reference(UNIT) | {"div_term": "def div_term(d_model)\n    return 3"}
    notebook = sample.filled(UNIT, sources)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    (found,) = (r for r in check_notebook(write(notebook)) if r.exercise == "div_term")
    assert found.messages() == [
        "The cell of div_term stopped before it defined div_term, with SyntaxError in line 1: expected ':'\n"
        "    1 | def div_term(d_model)"
    ]


def test_a_cell_that_raises_after_it_defined_its_exercise_is_checked(write):
    sources = sample.reference(UNIT)
    sources["div_term"] += "\n\n1 / 0\n"
    assert outcomes(check_notebook(write(sample.filled(UNIT, sources))))["div_term-values"] == "passed"


def with_last_cell(notebook, source):
    notebook["cells"].append({"cell_type": "code", "source": source, "metadata": {}})
    return notebook


@pytest.mark.parametrize(
    "play",
    ["div_term = div_term(8)", "def div_term(d):\n    return 1", "list = len = math = 3", "%reset -f", "del div_term"],
)
def test_a_cell_at_the_end_takes_nothing_away_that_was_right(write, play):
    notebook = with_last_cell(sample.filled(UNIT, sample.reference(UNIT)), play)
    assert set(outcomes(check_notebook(write(notebook))).values()) == {"passed"}


def test_a_helper_that_stands_below_counts(write):
    answer = "def div_term(d_model):\n    return own_answer(d_model)"
    notebook = sample.filled(UNIT, sample.reference(UNIT) | {"div_term": answer})
    with_last_cell(notebook, UNIT.answer("div_term").replace("def div_term", "def own_answer"))
    assert outcomes(check_notebook(write(notebook)))["div_term-values"] == "passed"


def test_an_older_try_is_not_taken_for_the_answer(write):
    sources = sample.reference(UNIT) | {"div_term": "def div_term(d_model):\n    return 3"}
    notebook = with_first_cell(sample.filled(UNIT, sources), UNIT.answer("div_term"))
    assert outcomes(check_notebook(write(notebook)))["div_term-values"] != "passed"


@pytest.mark.parametrize(
    "line", ["import no_such", "pip install x", "import asyncio\nawait asyncio.sleep(0)", "input()"]
)
def test_a_line_beside_a_helper_costs_only_itself(write, line):
    sources = sample.reference(UNIT) | {"div_term": "div_term = own_answer"}
    helper = UNIT.answer("div_term").replace("def div_term", "def own_answer")
    source = f"{line}\nimport math, torch\nfrom torch import Tensor\n{helper}"
    notebook = with_first_cell(sample.filled(UNIT, sources), source)
    assert set(outcomes(check_notebook(write(notebook))).values()) == {"passed"}


def test_a_module_beside_the_notebook_is_found(write):
    sources = sample.reference(UNIT) | {"div_term": "from own_module_beside import div_term"}
    path = write(sample.filled(UNIT, sources))
    text = f"import math, torch\nfrom torch import Tensor\n{UNIT.answer('div_term')}"
    (path.parent / "own_module_beside.py").write_text(text)
    assert outcomes(check_notebook(path))["div_term-values"] == "passed"
    sys.modules.pop("own_module_beside")


def test_a_name_is_told_with_the_line_that_failed_to_define_it(write):
    sources = sample.reference(UNIT) | {"div_term": "def div_term(d_model):\n    return rearrange(d_model)"}
    notebook = with_first_cell(sample.filled(UNIT, sources), "x = 1\nfrom no_such_package import rearrange")
    (found,) = (r for r in check_notebook(write(notebook)) if r.exercise == "div_term")
    assert found.note == (
        "rearrange has no value because the line that should define it stopped with ModuleNotFoundError: "
        "No module named 'no_such_package'"
    )


def test_a_cell_that_does_not_define_its_exercise_is_told_so(write):
    sources = sample.reference(UNIT) | {"div_term": "def frequencies(d_model):\n    return 3"}
    (found,) = (r for r in check_notebook(write(sample.filled(UNIT, sources))) if r.exercise == "div_term")
    assert found.messages() == [
        "The cell does not define div_term; keep the name of the function or class as it was given."
    ]


def test_a_name_that_a_set_up_lacks_is_told_in_words(write):
    sources = sample.reference(UNIT) | {"div_term": "def div_term(d_model):\n    return mth.exp(d_model)"}
    (found,) = (r for r in check_notebook(write(sample.filled(UNIT, sources))) if r.exercise == "div_term")
    assert found.messages() == [
        "Your code raised NameError in line 2: name 'mth' is not defined. Did you mean math?\n"
        "    2 | return mth.exp(d_model)"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "endless",
    ["while True:\n    pass", "def div_term(d_model):\n    while True:\n        pass"],
    ids=["a cell", "an exercise"],
)
def test_one_interrupt_ends_the_check_of_a_notebook(write, endless):
    sources = sample.reference(UNIT) | {"div_term": endless}
    path = write(sample.filled(UNIT, sources))
    command = [sys.executable, "-m", "course_utils", "check", str(path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENGLISH)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(SECONDS_TO_START)
    running.send_signal(signal.SIGINT)
    try:
        said = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == 1
    assert said[0] == ""
    assert said[1].startswith("course: Stopped. The check ran your code and was not finished; is there a loop")
    assert "Traceback" not in said[1]


def test_sources_may_be_lists_of_lines(write):
    notebook = sample.filled(UNIT, sample.reference(UNIT))
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    assert set(outcomes(check_notebook(write(notebook))).values()) == {"passed"}


def test_cells_of_the_learners_own_run_and_experiments_do_not(write):
    sources = sample.reference(UNIT) | {"div_term": "div_term = own_div_term"}
    notebook = sample.filled(UNIT, sources)
    for cell in notebook["cells"]:
        if "experiment" in cell["metadata"].get("tags", []):
            cell["source"] = "raise SystemExit"
    with_first_cell(notebook, f"%matplotlib inline\n{UNIT.answer('div_term').replace('div_term', 'own_div_term', 1)}")
    notebook["cells"][0]["source"] = "import math, torch\nfrom torch import Tensor\n" + notebook["cells"][0]["source"]
    assert outcomes(check_notebook(write(notebook)))["div_term-values"] == "passed"


def test_a_file_of_another_name_is_known_by_what_it_says_itself(write):
    notebook = sample.filled(UNIT, sample.reference(UNIT))
    path = write(notebook, "作业 final (2).ipynb", "文件夹")
    assert len(check_notebook(path)) == len(UNIT.exercises)


# whatever saved it


def without_marks(notebook):
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


def as_script(notebook):
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "".join(f"# %%\n{source}\n\n" for source in cells)


@pytest.mark.parametrize(
    "save",
    [
        lambda notebook: json.dumps(notebook).encode("utf-16"),
        lambda notebook: json.dumps(notebook, ensure_ascii=False).encode("gb18030"),
        lambda notebook: json.dumps({"worksheets": [{"cells": notebook["cells"]}]}).encode(),
        lambda notebook: json.dumps(without_marks(notebook)).encode(),
        lambda notebook: as_script(notebook).encode(),
    ],
    ids=["UTF-16", "GBK", "format of 2013", "marks lost", "script"],
)
def test_what_grading_reads_is_checked_too(tmp_path, save):
    path = tmp_path / "homework.ipynb"  # its unit is known by its content
    path.write_bytes(save(sample.filled(UNIT, sample.reference(UNIT), language="zh")))
    assert set(outcomes(check_notebook(path)).values()) == {"passed"}


def test_a_cell_that_only_looks_does_not_run_where_its_marks_are_lost_and_it_was_edited(write):
    notebook = sample.filled(UNIT, sample.reference(UNIT))
    looks = [cell for cell in notebook["cells"] if "experiment" in cell["metadata"].get("tags", [])]
    long = [cell for cell in looks if len(cell["source"]) > 200]
    for cell in long:
        cell["source"] = f"import math\n{cell['source']}\nglobals().update(ran_a_look=True)"
    check_notebook(write(without_marks(notebook)))
    assert len(long) > 5
    assert "ran_a_look" not in InteractiveShell.instance().user_ns


# bad files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "cannot be checked. The file is empty"),
        (b"Dear teacher,", r"The file is not a notebook \(not JSON\); save it in Jupyter"),
        (b"%PDF-1.7", "The file is a PDF"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "is JSON but not a notebook with cells"),
        (b"{}", "is JSON but not a notebook with cells"),
        (b'{"cells": 3}', "is JSON but not a notebook with cells"),
    ],
)
def test_a_file_that_is_no_notebook_is_told_in_one_sentence(tmp_path, content, match):
    path = tmp_path / f"{UNIT.name}.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError, match=match) as caught:
        check_notebook(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_an_example(tmp_path):
    with pytest.raises(NotebookError, match=r"there is no file .*such as 01_positional_encoding\.ipynb"):
        read_file(tmp_path / "none.ipynb")


def test_a_folder_is_no_notebook(tmp_path):
    with pytest.raises(NotebookError, match="cannot be read"):
        read_file(tmp_path)


@pytest.mark.parametrize("metadata", [None, [], {}, {"course": 3}, {"course": {"unit": "99_nothing"}}])
def test_a_notebook_of_no_unit_is_told_with_the_units_that_there_are(tmp_path, metadata):
    notebook = read_notebook(json.dumps({"cells": [], "metadata": metadata}).encode())
    with pytest.raises(
        NotebookError, match="is no unit of this course; its name should be one of 01_positional_encoding"
    ):
        unit_of_notebook(tmp_path / "homework.ipynb", notebook)


@pytest.mark.parametrize(
    "notebook",
    [
        {"cells": [None, 3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": None}]},
        {"cells": [{"cell_type": "code", "source": ["x = ", 1]}], "metadata": None},
        {"cells": [{"cell_type": "code", "source": "x = 1", "metadata": None}], "metadata": {"course": []}},
        {"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {"tags": None}}]},
    ],
    ids=["odd cells", "no metadata", "a cell without metadata", "tags that are none"],
)
def test_a_notebook_with_odd_parts_is_checked_as_far_as_it_goes(write, notebook):
    assert set(outcomes(check_notebook(write(notebook))).values()) == {"missing"}


# the command ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_tells_marks_as_json_and_fails_while_something_is_wrong(write):
    sources = sample.report(UNIT)
    path = write(sample.filled(UNIT, sources, language="zh"))
    command = [sys.executable, "-m", "course_utils", "check", str(path)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    rows = json.loads(done.stdout)
    assert {tuple(row) for row in rows} == {("exercise", "check", "outcome", "message", "hint")}
    (first,) = (row for row in rows if row["exercise"] == "div_term")
    assert (first["check"], first["outcome"], first["hint"]) == ("values", "failed", "misplaced_parenthesis")
    assert first["message"] == UNIT.hints["misconceptions"]["misplaced_parenthesis"]["zh"]
