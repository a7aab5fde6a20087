"""Gradients, slopes and shapes that are asked for in one message."""

import pytest
import torch
from torch import nn

from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import StudentError, local, pulled, silent_names


class Cut(torch.autograd.Function):
    """Handed on forwards, an error on the way back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        raise KeyError("no way back")


class Half(nn.Module):
    """Of two maps one is used."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.used(x)


NAMES = {
    "square": lambda x: x * x,
    "cut": lambda x: (x * x).detach() + 0.0 * x,
    "raises": Cut.apply,
    "pair": lambda x, y: (x * x, y.detach() * x.detach()),
    "noise": lambda n: torch.rand(n),
    "Half": Half,
}
X = torch.tensor([[1.0, -2.0, 0.5]])


def agreement(name, *args, **settings):
    student = local(dict(NAMES))
    slope = Slope(student.request(name, *args), **settings)
    return slope, student.try_all(slope.requests)


def test_a_slope_is_asked_for_in_one_message_and_agrees_with_a_right_gradient():
    slope, answers = agreement("square", X)
    assert slope.agreement(answers) == {"slope of argument 0": True}


def test_a_gradient_that_is_cut_disagrees_with_the_slope():
    slope, answers = agreement("cut", X)
    assert slope.agreement(answers) == {"slope of argument 0": False}


def test_two_outputs_of_one_call_have_slopes_of_their_own():
    slope, answers = agreement("pair", X, X + 1, outputs=[(0,), (1,)])
    assert slope.agreement(answers, 0) == {"slope of argument 0": True, "slope of argument 1": False}
    assert slope.agreement(answers, 1) == {"slope of argument 0": False, "slope of argument 1": False}


def test_a_call_that_raises_has_no_slope():
    student = local({})
    slope = Slope(student.request("missing", X))
    with pytest.raises(StudentError, match="NameError"):
        slope.agreement(student.try_all(slope.requests))


def test_a_backward_pass_that_raises_is_told_beside_the_value():
    student = local(dict(NAMES))
    call = student.request("raises", X) | {"pull": {"seed": 0, "wants": "arguments"}}
    (answer,) = student.try_all([call])
    assert torch.equal(answer[0], X)
    with pytest.raises(StudentError, match="KeyError"):
        pulled(answer)


def test_gradients_for_a_given_cotangent_and_silent_parameters_come_from_one_call():
    student = local(dict(NAMES))
    module, shapes = student.build_shaped("Half")
    assert shapes["unused.weight"] == torch.Size([2, 3])
    call = module.request(X) | {"pull": {"cotangents": [torch.ones(1, 3)], "wants": "both"}}
    gradients, silent = pulled(student.try_all([call])[0])
    assert gradients[0].shape == X.shape
    assert silent == ["unused.weight", "unused.bias"]
    assert silent_names(student.try_all([module.pulling(X)])[0]) == ["unused.bias", "unused.weight"]


def test_calls_with_one_seed_get_the_same_random_numbers():
    student = local(dict(NAMES))
    one, other, free = student.try_all(
        [
            student.request("noise", 4) | {"seed": 7},
            student.request("noise", 4) | {"seed": 7},
            student.request("noise", 4),
        ]
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, free)
