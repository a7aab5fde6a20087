"""Weights put into modules whose inner names are free."""

import pytest
import torch
from torch import nn

from course_utils.engine.asking.student import StudentError, local
from course_utils.engine.judging.placing import build_shaped, two_maps

INNER, OUTER = torch.arange(15.0).reshape(5, 3), torch.arange(1.0, 6.0)[None]


def shapes_of(module):
    return {name: value.shape for name, value in module.named_parameters()}


def placed(module, **more):
    """The names that got the two maps, for each way to tell them."""
    return two_maps(shapes_of(module), INNER, OUTER, **more)


def test_two_linear_layers_get_their_matrices_and_biases():
    (values,) = placed(nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 1)), bias=2.0)
    assert torch.equal(values["0.weight"], INNER)
    assert torch.equal(values["1.weight"], OUTER)
    assert values["0.bias"].tolist() == [2.0, -2.0, 2.0, -2.0, 2.0]


def test_a_matrix_that_lies_the_other_way_is_filled_the_other_way():
    module = nn.ParameterDict({"w": torch.zeros(3, 5), "v": torch.zeros(5, 1)})
    (values,) = placed(module)
    assert torch.equal(values["w"], INNER.T)
    assert torch.equal(values["v"], OUTER.T)


def test_vectors_that_might_each_be_the_outer_map_are_tried_in_turn():
    module = nn.ParameterDict({"w": torch.zeros(5, 3), "v": torch.zeros(5), "b": torch.zeros(5)})
    told = [{name for name in ("v", "b") if torch.equal(values[name], OUTER[0])} for values in placed(module)]
    assert sorted(map(sorted, told)) == [["b"], ["v"]]


def test_the_vectors_of_a_layer_between_the_maps_are_left_alone():
    module = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 1))
    (values,) = placed(module)
    assert set(values) == {"0.weight", "0.bias", "2.weight", "2.bias"}


@pytest.mark.parametrize("module", [nn.Linear(3, 1), nn.Sequential(nn.Linear(3, 5), nn.Linear(3, 5)), nn.Linear(4, 5)])
def test_where_there_are_not_two_maps_there_are_no_values(module):
    assert placed(module) == []


@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.LazyLinear(2)])
def test_a_module_tells_its_shapes_also_where_it_has_them_from_its_first_call_on(layer):
    student = local({"make": lambda: layer})
    built, shapes = build_shaped(student, "make", inputs=[torch.zeros(1, 3)])
    assert shapes == {"weight": (2, 3), "bias": (2,)}
    assert built.get("training") is False


def test_a_module_that_cannot_be_made_raises():
    with pytest.raises(StudentError, match="ZeroDivisionError"):
        build_shaped(local({"make": lambda: 1 / 0}), "make", inputs=[])
