"""The learner's side: it runs cells and performs operations, tells exceptions by class and line, and judges nothing."""

import builtins
import socket
import threading

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.engine.asking import codec, workbench
from course_utils.engine.asking.codec import Foreign, Reference
from course_utils.engine.asking.workbench import Workbench, describe, flat


def run(bench, source, name="cell"):
    return bench.perform({"do": "run", "name": name, "source": source})


def call(bench, name, *args, **more):
    return bench.perform({"do": "call", "name": name, "args": list(args), "kwargs": {}, **more})


def gradients(bench, name, *args, cotangent, wants="arguments"):
    number, _ = call(bench, name, *args, gradient=True)["value"]
    return bench.perform({"do": "backward", "call": number, "cotangents": [cotangent], "wants": wants})["value"]


@pytest.fixture
def bench():
    return Workbench({})


# cells ------------------------------------------------------------------------------------------------------------


def test_a_cell_defines_names(bench):
    assert run(bench, "def double(x):\n    return 2 * x") == {"value": None}
    assert call(bench, "double", 3) == {"value": 6}
    assert bench.perform({"do": "defined", "name": "double"}) == {"value": True}
    assert bench.perform({"do": "defined", "name": "half"}) == {"value": False}


def test_an_exception_is_told_by_its_classes_cell_and_line(bench):
    told = run(bench, "a = 1\n\nraise KeyError('a hidden input')", "split_heads")["error"]
    assert told["types"][:3] == ["KeyError", "LookupError", "Exception"]
    assert (told["cell"], told["line"]) == ("split_heads", 3)
    assert "hidden input" not in repr(told)


def test_the_line_of_an_exception_is_the_last_one_in_a_learners_cell(bench):
    run(bench, "import torch\ndef f(x):\n    return torch.zeros(2) @ torch.zeros(3)", "f")
    told = call(bench, "f", 1)["error"]
    assert (told["cell"], told["line"]) == ("f", 3)


def test_a_syntax_error_is_told_by_its_line(bench):
    told = run(bench, "a = 1\nb = (", "div_term")["error"]
    assert told["types"][0] == "SyntaxError"
    assert (told["cell"], told["line"]) == ("div_term", 2)


def test_an_exception_outside_any_cell_has_no_line():
    assert describe(ValueError("x")) == {
        "types": ["ValueError", "Exception", "BaseException", "object"],
        "cell": None,
        "line": None,
    }


def test_too_little_memory_in_torch_counts_as_a_memory_error():
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000 bytes")
    assert describe(error)["types"][0] == "MemoryError"


@pytest.mark.parametrize("source", ["raise SystemExit", "raise KeyboardInterrupt", "exit()", "import sys; sys.exit(3)"])
def test_a_cell_that_wants_to_leave_only_loses_itself(bench, source):
    assert "error" in run(bench, source)
    assert run(bench, "a = 1") == {"value": None}


def test_a_name_that_is_not_defined_is_a_name_error(bench):
    assert call(bench, "nothing")["error"]["types"][0] == "NameError"


def test_an_unknown_operation_is_an_error_and_no_more(bench):
    assert "error" in bench.perform({"do": "anything"})
    assert "error" in bench.perform({})


def test_imposed_names_stay_even_when_a_later_cell_defines_them_again(bench):
    run(bench, "def one():\n    return 'own'")
    imposed = {"do": "impose", "module": "given_module", "source": "def one():\n    return 'given'", "names": ["one"]}
    bench.perform(imposed)
    assert call(bench, "one") == {"value": "given"}
    run(bench, "def one():\n    return 'own again'")
    assert call(bench, "one") == {"value": "given"}


# calls ------------------------------------------------------------------------------------------------------------


def test_the_arguments_after_a_call_show_what_was_changed_in_place(bench):
    run(bench, "def f(x):\n    x += 1\n    return 0")
    value, (after,) = call(bench, "f", torch.zeros(2), inputs=True)["value"]
    assert value == 0
    assert after.tolist() == [1.0, 1.0]


def test_a_call_works_where_gradients_were_switched_off(bench):
    run(bench, "def f(x):\n    return x * 3")
    with torch.no_grad():
        (gradient,) = gradients(bench, "f", torch.ones(2), cotangent=torch.tensor([1.0, 2.0]))
    assert gradient.tolist() == [3.0, 6.0]


def test_backward_names_the_parameters_that_get_no_gradient(bench):
    bench.names["layer"] = layer = nn.Linear(2, 1)
    layer.register_parameter("idle", nn.Parameter(torch.ones(1)))
    x = torch.tensor([[1.0, 2.0]])
    assert gradients(bench, "layer", x.clone(), cotangent=torch.ones(1, 1), wants="parameters") == ["idle"]
    (gradient,) = gradients(bench, "layer", x, cotangent=torch.ones(1, 1))
    assert torch.equal(gradient, layer.weight.detach())


def test_a_result_without_gradient_gives_none(bench):
    run(bench, "def f(x):\n    return x.detach()")
    assert gradients(bench, "f", torch.ones(2), cotangent=torch.ones(2)) == [None]


def test_a_module_stays_here_and_a_number_stands_for_it(bench):
    bench.names["Linear"] = nn.Linear
    reference = call(bench, "Linear", 3, 2)["value"]
    assert isinstance(reference, Reference)
    assert reference.type_name == "Linear"
    value = bench.perform({"do": "call", "object": reference.number, "args": [torch.zeros(1, 3)], "kwargs": {}})
    assert value["value"].shape == (1, 2)


def test_a_reference_among_arguments_becomes_its_object_again(bench):
    run(bench, "class Box:\n    pass\ndef same(a, b):\n    return a is b['x'][0]")
    box = call(bench, "Box")["value"]
    assert call(bench, "same", box, {"x": [box]}) == {"value": True}


def test_parameters_are_loaded_in_place_and_those_that_do_not_fit_are_named(bench):
    bench.names["layer"] = layer = nn.Linear(2, 2)
    weight = layer.weight
    values = {"weight": torch.eye(2), "bias": torch.zeros(3), "gamma": torch.zeros(1)}
    assert bench.perform({"do": "load", "name": "layer", "values": values}) == {"value": ["bias", "gamma"]}
    assert layer.weight is weight
    assert torch.equal(weight, torch.eye(2))


def test_a_trace_notes_what_the_children_got_and_gave_and_leaves_no_mark(bench):
    bench.names["net"] = net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    x = torch.randn(1, 2)
    request = {"do": "trace", "name": "net", "children": ["0", "9"], "args": [x], "kwargs": {}}
    value, notes, error = bench.perform(request)["value"]
    assert error is None
    ((args, kwargs, output, raised),) = notes["0"]
    assert raised is False
    assert "9" not in notes
    assert kwargs == {}
    assert torch.equal(args[0], x)
    assert torch.equal(output.relu(), value)
    assert "forward" not in vars(net[0])


def test_a_trace_goes_on_behind_a_child_that_raises_and_tells_the_error(bench):
    run(
        bench,
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.first, self.second = nn.Linear(2, 3), nn.Identity()\n"
        "    def forward(self, x):\n"
        "        return self.second(self.first(x, x, x))",
    )
    net = call(bench, "Net")["value"]
    x = torch.randn(1, 2)
    request = {"do": "trace", "object": net.number, "children": ["first", "second"], "args": [x], "kwargs": {}}
    value, notes, error = bench.perform(request)["value"]
    assert error["types"][0] == "TypeError"
    assert [note[3] for note in notes["first"] + notes["second"]] == [True, False]
    assert torch.equal(notes["second"][0][0][0], x)
    assert torch.equal(value, x)


def test_a_trace_notes_only_a_few_calls(bench):
    run(
        bench,
        "from torch import nn\n"
        "class Loop(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.part = nn.Identity()\n"
        "    def forward(self, x):\n"
        "        for _ in range(50):\n"
        "            x = self.part(x)\n"
        "        return x",
    )
    loop = call(bench, "Loop")["value"]
    request = {"do": "trace", "object": loop.number, "children": ["part"], "args": [torch.ones(1)], "kwargs": {}}
    assert len(bench.perform(request)["value"][1]["part"]) == workbench.MAX_CALLS


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_a_module_is_set(bench, training):
    bench.names["layer"] = nn.Dropout(0.5)
    bench.perform({"do": "mode", "name": "layer", "training": training})
    assert bench.names["layer"].training is training


# values -----------------------------------------------------------------------------------------------------------


def test_a_tensor_is_copied_so_that_later_writes_do_not_reach_it(bench):
    bench.names["kept"] = kept = torch.zeros(2)
    run(bench, "def f():\n    return kept")
    value = call(bench, "f")["value"]
    kept += 1
    assert value.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "plain"), [(np.zeros(2), Foreign("ndarray")), (np.int64(3), 3), (None, None), ((1, "a"), (1, "a"))]
)
def test_plain_data_crosses_as_it_is_and_arrays_by_name(bench, value, plain):
    bench.names["f"] = lambda: value
    assert call(bench, "f") == {"value": plain}


def test_whatever_a_call_returns_can_be_encoded(bench):
    deep = []
    for _ in range(100):
        deep = [deep]
    bench.names["f"] = lambda: {"deep": deep, "module": nn.Linear(1, 1), "keys": {1: 2}, "type": int}
    codec.encode(call(bench, "f"))


def test_leaves_come_in_order():
    assert list(flat([1, (2, {"a": 3, "b": [4]}), []])) == [1, 2, 3, 4]


# over a channel ---------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch):
    """Our end of a channel to a served workbench."""
    monkeypatch.setattr(workbench, "notebook_workbench", lambda: Workbench({}))
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=workbench.serve, args=(theirs,))
    server.start()
    yield ours
    ours.close()
    server.join(10)
    theirs.close()


def asked(channel, **request):
    codec.send(channel, request)
    return codec.receive(channel)


def test_a_served_workbench_answers_until_the_channel_closes(served):
    assert asked(served, do="run", name="a", source="def f(x):\n    return x + 1") == {"value": None}
    assert asked(served, do="call", name="f", args=[2], kwargs={}) == {"value": 3}


def test_an_answer_that_is_too_large_becomes_an_error_and_the_next_is_answered(served):
    size = codec.MAX_RAW_BYTES + 1
    asked(served, do="run", name="a", source=f"import torch\ndef f():\n    return torch.zeros({size}).bool()")
    assert "CodecError" in asked(served, do="call", name="f", args=[], kwargs={})["error"]["types"]
    assert asked(served, do="defined", name="f") == {"value": True}


@pytest.fixture
def notebook():
    """A notebook's workbench; `input` is put back afterwards."""
    own_input = builtins.input
    yield workbench.notebook_workbench()
    builtins.input = own_input


@pytest.mark.parametrize(
    "line", ["%matplotlib inline", "%matplotlib agg", "x = !echo hi", "display(3)", "get_ipython()", "%pwd", "%time 1"]
)
def test_what_stands_behind_a_magic_runs_in_a_notebooks_workbench(notebook, line):
    notebook.names.pop("behind", None)
    assert run(notebook, f"{line}\nbehind = 3") == {"value": None}
    assert notebook.names["behind"] == 3


def test_nobody_answers_input(notebook):
    assert run(notebook, "input('?')")["error"]["types"][0] == "EOFError"


def test_several_requests_have_an_answer_each_also_after_one_that_raises(bench):
    run(bench, "def f(x):\n    return 1 / x")
    requests = [{"do": "call", "name": "f", "args": [value], "kwargs": {}} for value in (2, 0, 4)]
    answers = bench.perform({"do": "many", "requests": requests})["value"]
    assert [answer.get("value") for answer in answers] == [0.5, None, 0.25]
    assert answers[1]["error"]["types"][0] == "ZeroDivisionError"


def test_a_module_is_built_in_eval_mode_with_the_parameters_that_fit(bench):
    bench.names["Linear"] = nn.Linear
    values = {"weight": torch.full((1, 2), 3.0), "bias": torch.zeros(7), "gain": torch.ones(1)}
    request = {"do": "call", "name": "Linear", "args": [2, 1], "kwargs": {}, "load": values}
    reference, missing = bench.perform(request)["value"]
    module = bench._objects[reference.number]
    assert sorted(missing) == ["bias", "gain"]
    assert module.weight.tolist() == [[3.0, 3.0]]
    assert not module.training


@pytest.mark.parametrize(("source", "translated"), [("%pwd", True), ("x = 7 % 2\ny = x", False)])
def test_only_what_is_no_python_is_translated(notebook, source, translated):
    seen = []
    transform = notebook._transform
    notebook._transform = lambda text: seen.append(text) or transform(text)
    assert run(notebook, source) == {"value": None}
    assert seen == ([source] if translated else [])


def test_a_cell_that_is_neither_python_nor_magic_tells_its_line(notebook):
    told = run(notebook, "x = 1\ny = = 2")["error"]
    assert (told["types"][0], told["cell"], told["line"]) == ("SyntaxError", "cell", 2)
