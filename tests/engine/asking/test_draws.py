"""The random inputs of a check: the same for equal seeds, never degenerate."""

import pytest
import torch

from course_utils.engine.asking.draws import Draw

SEEDS = [0, 1, 7, 2**40, 2**63 + 5]


def taken(draw):
    """One value of each kind, in a fixed order."""
    return [
        draw.normal(2, 5),
        draw.uniform(3, low=-1.0, high=2.0),
        draw.integers(9, 4),
        draw.mask(3, 7),
        *draw.weights({"linear.weight": (5, 3), "linear.bias": (5,)}).values(),
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_seeds_give_equal_inputs(seed):
    assert all(map(torch.equal, taken(Draw(seed)), taken(Draw(seed))))


def test_different_seeds_give_different_inputs():
    assert not any(map(torch.equal, taken(Draw(1))[:2], taken(Draw(2))[:2]))


def test_a_draw_neither_reads_nor_moves_torchs_own_stream():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = taken(Draw(5))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    assert all(map(torch.equal, first, taken(Draw(5))))


def test_sizes_are_attributes():
    assert Draw(0, d_model=18, rows=[[1.0]]).d_model == 18


def test_a_size_that_the_case_lacks_is_named():
    with pytest.raises(AttributeError, match=r"no size 'd_ff'; it has .*d_model"):
        Draw(0, d_model=18).d_ff  # noqa: B018


@pytest.mark.parametrize("scale", [0.02, 1.0, 3.0])
def test_normal_values_have_the_asked_scale(scale):
    values = Draw(0).normal(20_000, scale=scale)
    assert values.dtype is torch.float32
    assert values.std().item() == pytest.approx(scale, rel=0.03)  # 4 standard errors


def test_uniform_values_stay_between_their_ends():
    values = Draw(0).uniform(2000, low=-1.0, high=2.0)
    assert -1 <= values.min() < -0.9
    assert 1.9 < values.max() <= 2


def test_whole_numbers_stay_below_their_end():
    values = Draw(0).integers(5, 300)
    assert values.dtype is torch.int64
    assert set(values.tolist()) == set(range(5))


@pytest.mark.parametrize("seed", range(20))
def test_a_mask_is_ragged_full_in_its_first_row_and_never_empty(seed):
    mask = Draw(seed).mask(4, 6)
    lengths = mask.sum(1)
    assert mask.shape == (4, 6)
    assert lengths[0] == 6
    assert ((lengths[1:] >= 1) & (lengths[1:] < 6)).all()
    assert torch.equal(mask, (torch.arange(6) < lengths[:, None]).long())


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_a_mask_comes_in_the_asked_type(dtype):
    mask = Draw(3).mask(2, 5, dtype)
    assert mask.dtype is dtype
    assert torch.equal(mask.long(), Draw(3).mask(2, 5))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 1)])
def test_the_smallest_masks_hold_a_token_in_each_row(shape):
    assert (Draw(0).mask(*shape).sum(1) >= 1).all()


@pytest.mark.parametrize("seed", range(10))
def test_weights_are_none_of_the_values_of_a_fresh_layer(seed):
    weights = Draw(seed).weights({"norm.weight": (12,), "norm.bias": (12,), "linear.weight": (7, 12)})
    assert ((weights["norm.weight"] - 1).abs() > 1e-4).all()
    assert (weights["norm.bias"] != 0).all()
    assert (weights["norm.weight"] > 0.5).all()
    assert weights["linear.weight"].std().item() == pytest.approx(12**-0.5, rel=0.4)


def test_weights_do_not_depend_on_the_order_in_which_names_are_given():
    shapes = {"a.weight": (3, 2), "b.weight": (2, 3), "a.bias": (3,)}
    forward, backward = Draw(1).weights(shapes), Draw(1).weights(dict(reversed(shapes.items())))
    assert all(torch.equal(forward[name], backward[name]) for name in shapes)


def test_the_seed_that_is_told_is_not_the_one_of_the_inputs_and_differs_from_draw_to_draw():
    told = [Draw(seed).seed_to_tell for seed in range(20)]
    assert len(set(told)) == 20
    assert not any(torch.equal(Draw(seed).normal(4), Draw(other).normal(4)) for seed, other in enumerate(told))
    assert told == [Draw(seed).seed_to_tell for seed in range(20)]
