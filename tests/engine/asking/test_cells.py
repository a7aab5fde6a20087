"""A cell runs statement by statement: one that fails costs only itself."""

import signal
import sys
import threading

import pytest
import torch

from course_utils.engine.asking.cells import MAX_FAILED, Run
from course_utils.engine.asking.defaults import compile_nothing, usual_defaults
from course_utils.engine.asking.workbench import Workbench, notebook_workbench


def run(source, transform=None, **more):
    """The names that a cell defines, and the lines of the statements that failed with the names of what they raised."""
    names, failed = {}, []
    Run("<cell x>", names, lambda line, error: failed.append((line, type(error).__name__)), **more).cell(
        source, transform
    )
    names.pop("__builtins__", None)
    return names, failed


@pytest.fixture
def notebook(monkeypatch, tmp_path):
    """A workbench with IPython's shell, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("builtins.input", input)
    monkeypatch.setattr(torch, "compile", torch.compile)
    return notebook_workbench()


def perform(bench, source):
    return bench.perform({"do": "run", "name": "x", "source": source})


@pytest.mark.parametrize(
    ("source", "defined", "failed"),
    [
        ("a = 1\n1 / 0\nb = 2", {"a": 1, "b": 2}, [(2, "ZeroDivisionError")]),
        ("import no_such_module\nb = 2", {"b": 2}, [(1, "ModuleNotFoundError")]),
        ("a = 1; 1 / 0; b = 2", {"a": 1, "b": 2}, [(1, "ZeroDivisionError")]),
        ("raise SystemExit\nb = 2", {"b": 2}, [(1, "SystemExit")]),
        ("raise KeyboardInterrupt\nb = 2", {"b": 2}, [(1, "KeyboardInterrupt")]),
        ("assert False, 'choose a GPU'\nb = 2\nc", {"b": 2}, [(1, "AssertionError"), (3, "NameError")]),
        ("a = [\n    1,\n    2 / 0,\n]\nb = 2", {"b": 2}, [(1, "ZeroDivisionError")]),
        ("for a in (1, 2):\n    if a == 2:\n        raise OSError\nb = 2", {"a": 2, "b": 2}, [(1, "OSError")]),
        ("if True:\n    a = 1\n    1 / 0\n    c = 3\nb = 2", {"a": 1, "b": 2}, [(1, "ZeroDivisionError")]),
    ],
)
def test_a_statement_that_raises_costs_only_itself(source, defined, failed):
    assert run(source) == (defined, failed)


def test_a_statement_runs_once_though_another_fails_inside_of_it():
    names, failed = run("n = []\ndef f():\n    n.append(1)\n    1 / 0\nf()\nf()\nm = len(n)")
    assert names["m"] == 2
    assert failed == [(5, "ZeroDivisionError"), (6, "ZeroDivisionError")]


def test_a_decorated_function_that_fails_is_told_by_the_line_of_its_decorator():
    assert run("def a(f):\n    1 / 0\n@a\ndef g():\n    pass\nb = 1")[1] == [(3, "ZeroDivisionError")]


@pytest.mark.parametrize(
    ("source", "defined"),
    [
        ("pip install einops\nb = 2", {"b": 2}),
        ("a = 1\nthis is no Python (\nb = 2", {"a": 1, "b": 2}),
        ("a = 1\ndef f(x)\n    return x\nb = 2", {"a": 1, "b": 2}),
        ("@known\ndef f(x:\n    return x\n\nb = 2", {"b": 2}),
        ("a = 1\nif a\n    c = 2\nelse:\n    c = 3\nb = 2", {"a": 1, "b": 2}),
        ("pip install a\npip install b\nb = 2", {"b": 2}),
        ("return 3\nb = 2", {"b": 2}),
    ],
)
def test_a_block_that_is_no_python_costs_only_itself(source, defined):
    names, failed = run(source)
    assert {name: names[name] for name in names if name in ("a", "b", "c", "f")} == defined
    assert failed[0][1] == "SyntaxError"


@pytest.mark.parametrize("source", ["def f(x):\n    return (x\n", "\x00", "(", "'''", "if x:\n", "async", "1" * 5000])
def test_a_cell_that_is_no_python_at_all_is_told_and_defines_nothing(source):
    names, failed = run(source)
    assert names == {}
    assert failed


def test_a_cell_of_ten_thousand_wrong_lines_ends_soon():
    assert len(run("pip install a\n" * 10_000)[1]) <= MAX_FAILED


def test_only_so_many_statements_are_told():
    assert len(run("1 / 0\n" * 500)[1]) <= MAX_FAILED + 1


def test_top_level_await_works():
    names, failed = run("import asyncio\nawait asyncio.sleep(0)\nasync def f():\n    return 3\nb = await f()")
    assert (names["b"], failed) == (3, [])


def test_what_is_awaited_may_fail():
    names, failed = run("async def f():\n    1 / 0\nawait f()\nb = 2\nawait f()")
    assert (names["b"], failed) == (2, [(3, "ZeroDivisionError"), (5, "ZeroDivisionError")])


def test_definitions_alone_are_run_when_that_is_asked_for():
    source = (
        "import math\na = 3\nb = print\nc = [1, -2.5]\ndef f(): pass\nclass G: pass\nfor d in 'x': pass\nh = lambda: 1"
    )
    assert sorted(run(source, definitions=True)[0]) == ["G", "a", "c", "f", "h", "math"]


def test_statements_that_are_to_be_skipped_do_not_run():
    assert run("a = 1\nb = 2\nc = 3", skipped=[2])[0] == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    "slow", ["while True: pass", "import time; time.sleep(30)", "try:\n    while True: pass\nexcept: pass"]
)
def test_a_slow_statement_is_interrupted_and_costs_only_itself(slow):
    names, failed = run(f"a = 1\n{slow}\nb = 2", seconds=0.2)
    assert (names["a"], names["b"]) == (1, 2)
    assert [name for _, name in failed] in ([], ["OutOfTime"])


def test_the_handler_of_the_clock_is_as_before_when_a_cell_has_run():
    before = signal.getsignal(signal.SIGALRM)
    run("a = 1", seconds=5)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_thread_has_no_clock_and_runs_a_cell_all_the_same():
    found = []
    thread = threading.Thread(target=lambda: found.append(run("a = 1", seconds=0.1)))
    thread.start()
    thread.join()
    assert found == [({"a": 1}, [])]


def test_an_answer_tells_of_the_first_failure_and_of_all():
    told = Workbench({}).perform({"do": "run", "name": "x", "source": "1 / 0\na = b"})["error"]
    assert told["types"][0] == "ZeroDivisionError"
    assert [(each["statement"], each["types"][0]) for each in told["failed"]] == [
        (1, "ZeroDivisionError"),
        (2, "NameError"),
    ]
    assert told["failed"][1]["word"] == "b"


# the shell ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "%pip install einops",
        "!pip install -q einops",
        "!python -m pip install x",
        "%conda install x",
        "!wget -q http://x.org",
    ],
)
def test_what_would_install_or_fetch_does_nothing(notebook, line):
    assert perform(notebook, f"{line}\nb = 2") == {"value": None}
    assert notebook.names["b"] == 2


def test_a_shell_line_that_only_looks_is_run(notebook):
    assert perform(notebook, "files = !echo hello") == {"value": None}
    assert list(notebook.names["files"]) == ["hello"]


def test_a_reset_takes_nothing_away(notebook):
    perform(notebook, "b = 2")
    perform(notebook, "%reset -f")
    assert notebook.names["b"] == 2


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "\n%%time"])
def test_lines_below_a_magic_that_looks_on_are_a_cell_like_any_other(notebook, magic):
    told = perform(notebook, f"{magic}\na = 1\n1 / 0\nb = 2")["error"]
    assert told["line"] == 3 + magic.count("\n")
    assert notebook.names["b"] == 2


def test_a_module_that_a_cell_writes_can_be_imported(notebook):
    assert perform(notebook, "%%writefile written_helpers.py\ndef two(): return 2") == {"value": None}
    assert perform(notebook, "from written_helpers import two\nb = two()") == {"value": None}
    assert notebook.names["b"] == 2
    sys.modules.pop("written_helpers")


def test_a_file_in_the_working_folder_hides_no_module_of_a_library(notebook):
    perform(notebook, "%%writefile colorsys.py\nraise ValueError")
    assert perform(notebook, "import colorsys") == {"value": None}


def test_an_unknown_extension_costs_only_its_line(notebook):
    told = perform(notebook, "%load_ext no_such_extension\n%no_such_magic\nimport math\nb = 2")["error"]
    assert [each["statement"] for each in told["failed"]] == [1, 2]
    assert notebook.names["b"] == 2


# what torch does by default -----------------------------------------------------------------------------------------


@pytest.fixture
def defaults():
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


@pytest.mark.parametrize("line", ["torch.set_default_dtype(torch.float64)", "torch.set_default_device('meta')"])
def test_an_answer_is_looked_at_under_the_usual_defaults(defaults, line):
    bench = Workbench({})
    perform(bench, f"import torch\n{line}\ndef f():\n    return torch.ones(1) * 2")
    value = bench.perform({"do": "call", "name": "f", "args": [], "kwargs": {}})["value"]
    assert (value.dtype, value.device.type, value.item()) == (torch.float32, "cpu", 2.0)


def test_a_learners_defaults_are_there_again_for_the_next_cell(defaults):
    torch.set_default_dtype(torch.float64)
    with usual_defaults():
        assert torch.get_default_dtype() is torch.float32
    assert torch.get_default_dtype() is torch.float64


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_default_device_that_is_not_there_is_left_again(defaults):
    bench = Workbench({})
    perform(bench, "import torch\ntorch.set_default_device('cuda')")
    assert perform(bench, "x = torch.ones(1)") == {"value": None}


@pytest.mark.parametrize("use", [lambda f: torch.compile(f), lambda f: torch.compile(mode="max-autotune")(f)])
def test_what_is_compiled_runs_eagerly(monkeypatch, use):
    monkeypatch.setattr(torch, "compile", torch.compile)
    compile_nothing()

    def double(x):
        return 2 * x

    assert use(double) is double
