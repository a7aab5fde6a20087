"""Handles on a learner's names: each verb says what a rule needs to know, and raises only StudentError and Fault."""

import pytest
import torch
from torch import nn

from course_utils.engine.asking.codec import CodecError, Foreign, Reference
from course_utils.engine.asking.student import (
    Built,
    Fault,
    Student,
    StudentError,
    as_tensor,
    kind_of,
    known_type,
    local,
)


class Layer(nn.Module):
    """A small layer with a buffer, a part, and a parameter that nothing uses."""

    def __init__(self, width: int, bad: bool = False) -> None:
        super().__init__()
        if bad:
            raise ValueError("bad")
        self.part = nn.Linear(width, width)
        self.unused = nn.Parameter(torch.ones(2))
        self.register_buffer("table", torch.arange(3.0))
        self.drop = nn.Dropout(0.5)
        self.seen = None

    def forward(self, x, mask=None):
        self.seen = x.detach().mean()
        return self.drop(self.part(x))


class OwnError(ValueError):
    """A learner's own class of error."""


def raising(kind):
    def raises(*args):
        raise kind("a hidden input")

    return raises


def writes(x):
    x.mul_(2)
    return x


NAMES = {
    "Layer": Layer,
    "double": lambda x: 2 * x,
    "square": lambda x, y: (x**2).sum() + y.sum(),
    "detached": lambda x: (x**2).detach(),
    "half_detached": lambda x: x.detach() + x**2,
    "number": lambda: 3,
    "pair": lambda x: (x, [x + 1]),
    "writes": writes,
    "array": lambda x: x.numpy(),
    "own": raising(OwnError),
    "runtime": raising(RuntimeError),
    "exit": raising(SystemExit),
    "not_finite": lambda x: x / 0 * 0,
    "large": lambda: torch.zeros(64 * 2**20 + 1, dtype=torch.uint8),
}


@pytest.fixture
def student():
    return local(dict(NAMES))


@pytest.fixture
def layer(student):
    return student.build("Layer", 3)


# names ------------------------------------------------------------------------------------------------------------


def test_a_call_gives_what_the_function_returns(student):
    x = torch.randn(2, 3)
    assert torch.equal(student.call("double", x), 2 * x)
    first, (second,) = student.call("pair", x)
    assert torch.equal(first + 1, second)


def test_a_call_cannot_change_the_callers_tensors(student):
    x = torch.ones(2)
    student.call("writes", x)
    assert x.tolist() == [1.0, 1.0]


def test_a_change_in_place_is_seen_in_the_arguments_afterwards(student):
    x = torch.ones(2)
    assert student.inputs_after("writes", x)[0].tolist() == [2.0, 2.0]
    assert student.inputs_after("double", x)[0].tolist() == [1.0, 1.0]


def test_an_exception_comes_as_a_student_error_without_its_text(student):
    with pytest.raises(StudentError, match=r"^OwnError$") as caught:
        student.call("own")
    assert caught.value.types[:2] == ("OwnError", "ValueError")
    assert "hidden" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("own", "ValueError"),
        ("runtime", "RuntimeError"),
        ("exit", "SystemExit"),
        ("missing", "NameError"),
        ("double", ""),
    ],
)
def test_an_error_is_told_by_the_class_that_python_knows(student, name, told):
    assert student.error(name, *([torch.ones(1)] if name == "double" else [])) == told


def test_a_result_that_is_no_tensor_is_a_fault_where_one_is_asked_for(student):
    with pytest.raises(Fault, match="no_tensor") as caught:
        student.tensor("number")
    assert caught.value.about == {"type": "int"}


def test_a_result_that_is_too_large_counts_as_an_exception_of_the_learner(student):
    with pytest.raises(StudentError, match="ValueError"):
        student.call("large")


def test_an_array_of_numpy_comes_back_by_its_name_only(student):
    assert student.call("array", torch.ones(1)) == Foreign("ndarray")


@pytest.mark.parametrize("answer", [None, [], {}, {"value": 1, "error": 2}, "value"])
def test_an_answer_that_is_none_raises_codec_error(answer):
    with pytest.raises(CodecError, match="neither a value nor an error"):
        Student(lambda request: answer).call("f")


@pytest.mark.parametrize(
    "told", [None, [], "ValueError", {}, {"types": 3, "cell": 4, "line": "x"}, {"types": [1, None], "line": True}]
)
def test_an_error_of_odd_form_counts_as_not_told(told):
    error = StudentError.of(told)
    assert (error.types, error.cell, error.line) == ((), None, None)
    assert known_type(error.types) == "Exception"


@pytest.mark.parametrize("line", [0, -3, 10_000, 2**60, 1.5, True])
def test_a_line_that_no_cell_has_is_not_told(line):
    assert StudentError.of({"types": [], "cell": "c", "line": line}).line is None


# slopes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_right_gradient_agrees_with_the_slope_of_each_argument(student, seed):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(3, 4, generator=generator) for _ in "xy")
    assert student.slope("square", x, y) == {"slope of argument 0": True, "slope of argument 1": True}


@pytest.mark.parametrize("name", ["detached", "half_detached", "not_finite"])
def test_a_gradient_that_is_cut_wholly_or_half_or_not_finite_disagrees(student, name):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert student.slope(name, x) == {"slope of argument 0": False}


def test_whole_numbers_have_no_slope(student):
    assert student.slope("double", torch.arange(3)) == {}


def test_what_gives_no_tensor_has_no_slope():
    student = local({"f": lambda x: 3})
    assert student.slope("f", torch.ones(2)) == {"slope of argument 0": False}


def test_a_result_that_changes_its_shape_has_no_slope_and_fills_no_memory():
    sizes = iter([5, 4000, 4000, 4000, 4000, 4000])
    student = local({"f": lambda x: x.sum() * torch.ones(next(sizes), 1)})
    assert student.slope("f", torch.ones(2)) == {"slope of argument 0": False}


# objects ----------------------------------------------------------------------------------------------------------


def test_a_built_object_runs_and_its_methods_too(layer):
    x = torch.randn(2, 3)
    layer.train(False)
    assert torch.equal(layer(x), layer.method("forward", x))
    assert torch.equal(layer.tensor(x, mask=None), layer(x))


def test_a_constructor_that_raises_is_an_error(student):
    assert student.error("Layer", 3, bad=True) == "ValueError"
    with pytest.raises(StudentError, match="ValueError"):
        student.build("Layer", 3, bad=True)


def test_what_builds_no_object_is_a_fault(student):
    with pytest.raises(Fault, match="no_object"):
        student.build("number")


def test_parameters_and_buffers_are_copies_by_name(layer):
    parameters = layer.parameters()
    assert sorted(parameters) == ["part.bias", "part.weight", "unused"]
    assert list(layer.state()[1]) == ["table"]
    parameters["unused"] += 1
    assert layer.parameters()["unused"].tolist() == [1.0, 1.0]


def test_loaded_parameters_decide_what_comes_out(layer):
    layer.train(False)
    layer.load({"part.weight": torch.eye(3), "part.bias": torch.zeros(3)})
    x = torch.randn(2, 3)
    assert torch.equal(layer(x), x)


@pytest.mark.parametrize("values", [{"gamma": torch.ones(1)}, {"part.bias": torch.ones(4)}])
def test_a_parameter_that_is_not_there_in_this_shape_is_a_fault(layer, values):
    with pytest.raises(Fault, match="no_parameter") as caught:
        layer.load(values)
    assert caught.value.about["name"] in values


def test_the_mode_reaches_the_dropout_inside(layer):
    x = torch.ones(50, 3)
    layer.train(False)
    assert (layer(x) != 0).all()
    layer.train(True)
    assert (layer(x) == 0).any()


def test_an_attribute_is_read_by_its_path(layer):
    layer(torch.full((2, 3), 4.0))
    assert layer.get("seen").item() == 4.0
    assert layer.get("drop.p") == 0.5


def test_a_parameter_that_gets_no_gradient_is_named(layer):
    layer.train(False)
    assert layer.silent_parameters(torch.randn(2, 3)) == ["unused"]


def test_the_slope_of_an_object_is_that_of_its_forward(layer):
    layer.train(False)
    assert layer.slope(torch.randn(2, 3)) == {"slope of argument 0": True}


def test_a_trace_tells_what_the_parts_got_and_gave(layer):
    layer.train(False)
    x = torch.randn(2, 3)
    output, notes, error = layer.trace(("part",), x)
    assert error is None
    ((args, kwargs, given, raised),) = notes["part"]
    assert raised is False
    assert torch.equal(args[0], x)
    assert kwargs == {}
    assert torch.equal(given, output)


def test_a_part_that_is_not_there_is_a_fault(layer):
    with pytest.raises(Fault, match="no_submodule") as caught:
        layer.trace(("part", "norm1"), torch.randn(2, 3))
    assert caught.value.about == {"name": "norm1"}


def test_an_object_can_be_an_argument(student, layer):
    names = dict(NAMES) | {"apply": lambda module, x: module(x) * 0}
    student = local(names)
    built = student.build("Layer", 3)
    assert isinstance(built, Built)
    assert student.call("apply", built, torch.ones(1, 3)).tolist() == [[0.0, 0.0, 0.0]]


# words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "None"),
        (3, "int"),
        ([1], "list"),
        (Foreign("ndarray"), "ndarray"),
        (Foreign("Secret_3_0.84147"), "object"),
        (Reference(1, "Secret_3_0.84147"), "object"),
    ],
    ids=str,
)
def test_the_word_for_a_value_never_is_a_learners_own(value, word):
    assert kind_of(value) == word


def test_a_tensor_is_taken_as_it_is():
    x = torch.ones(1)
    assert as_tensor(x) is x
