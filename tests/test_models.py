"""Stand-ins for a learner's own parts: they do the same work, and answer no exercise."""

import pytest
import torch
from torch import nn

from course_utils import models
from course_utils.engine.learning.report import check_names

MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return models.EncoderLayer(18, 3, 26).eval()


def test_the_layer_equals_torchs_own_with_the_same_weights(layer):
    twin = nn.TransformerEncoderLayer(18, 3, 26, batch_first=True).eval()
    twin.load_state_dict(layer.block.state_dict())
    x = torch.randn(2, 5, 18)
    seen = MASK.bool()[..., None]
    # float32 sums in another order differ by about 1e-6
    wanted = twin(x, src_key_padding_mask=MASK == 0) * seen
    torch.testing.assert_close(layer(x, MASK) * seen, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_the_layer_hides_padding_for_each_kind_of_mask(layer, dtype):
    x = torch.randn(2, 5, 18)
    changed = x.clone()
    changed[1, 2:] = 100.0
    torch.testing.assert_close(layer(changed, MASK.to(dtype))[1, :2], layer(x, MASK.to(dtype))[1, :2])


def test_the_layer_stays_finite_where_a_sentence_is_all_padding(layer):
    x = torch.randn(2, 5, 18, requires_grad=True)
    value = layer(x, torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]))
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(x.grad).all()


def test_the_layers_attention_keeps_the_weights_of_each_head_in_eval_mode(layer):
    with torch.no_grad():
        layer(torch.randn(2, 5, 18), MASK)
    weights = layer.block.self_attn.attn_weights
    assert weights.shape == (2, 3, 5, 5)
    assert not weights.requires_grad
    assert (weights[1, :, :, 2:] == 0).all()


def test_dropout_of_the_layer_acts_in_train_mode_only(layer):
    x = torch.randn(2, 5, 18)
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))


def test_learned_positions_tell_positions_apart_and_are_learned():
    positions = models.LearnedPositions(18, 0.0, 7)
    value = positions(torch.zeros(2, 5, 18))
    assert len(value[0].detach().unique(dim=0)) == 5
    value.sum().backward()
    assert positions.table.weight.grad[:5].all()


def test_too_long_a_sentence_is_told_what_came():
    with pytest.raises(ValueError, match="seq must be at most max_len = 7, got 8"):
        models.LearnedPositions(18, max_len=7)(torch.zeros(1, 8, 18))


@pytest.mark.parametrize(
    ("exercise", "stand_in"),
    [
        ("PositionalEncoding", models.LearnedPositions),
        ("MultiHeadSelfAttention", models.SelfAttention),
        ("TransformerEncoderLayer", models.EncoderLayer),
    ],
)
def test_a_stand_in_is_no_answer_to_its_exercise(exercise, stand_in):
    assert not check_names(exercise, {exercise: stand_in}).passed
