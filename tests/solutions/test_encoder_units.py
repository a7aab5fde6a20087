"""References and truths of units 05 to 08 against the libraries whose work they repeat, apart from rules and judges."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from course_utils.engine.course import current
from course_utils.engine.making.units import find_units
from course_utils.statistics import mcnemar as of_statsmodels

(POOLINGS, MAPS, SENTENCES, RATES) = find_units(
    current().folder, ["05_bert_pooling", "06_attention_maps", "07_sentence_embeddings", "08_learning_rate"]
)


def both(unit, name):
    return [pytest.param(unit.namespace()[name], id="reference"), pytest.param(unit.truth()[name], id="truth")]


def shares(*shape, seed=0):
    return torch.softmax(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 2, dim=-1)


# unit 05 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mcnemar", both(POOLINGS, "mcnemar"))
@pytest.mark.parametrize("only_a", [0, 1, 5, 12, 40])
@pytest.mark.parametrize("only_b", [0, 3, 12, 900])
def test_mcnemars_p_is_that_of_statsmodels(mcnemar, only_a, only_b):
    a = [True] * only_a + [False] * only_b + [True, False, False]
    b = [False] * only_a + [True] * only_b + [True, False, False]
    assert mcnemar(a, b) == pytest.approx(of_statsmodels(a, b), rel=1e-9, abs=1e-15)


# unit 06 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entropy", both(MAPS, "attention_entropy"))
def test_entropy_is_scipys_in_nats(entropy):
    weights, mask = shares(2, 3, 5, 5), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    each = stats.entropy(weights.double().numpy(), axis=-1)
    expected = np.stack([each[0].mean(axis=1), each[1][:, :2].mean(axis=1)])
    assert np.allclose(entropy(weights, mask).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("entropy", both(MAPS, "attention_entropy"))
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_entropy_of_one_key_is_0_and_of_equal_weights_the_logarithm_of_their_number(entropy, dtype):
    mask = torch.ones(1, 4).to(dtype)
    assert entropy(torch.eye(4).reshape(1, 1, 4, 4), mask).item() == pytest.approx(0, abs=1e-7)
    assert entropy(torch.full((1, 1, 4, 4), 0.25), mask).item() == pytest.approx(math.log(4), abs=1e-6)


@pytest.mark.parametrize("rollout", both(MAPS, "attention_rollout"))
def test_rollout_of_two_tokens_is_that_of_the_worked_example(rollout):
    layers = [torch.tensor([[[[0.0, 1], [0, 1]]]]), torch.tensor([[[[1.0, 0], [0.6, 0.4]]]])]
    assert np.allclose(rollout(layers).numpy(), [[[0.5, 0.5], [0.15, 0.85]]], atol=1e-6)


@pytest.mark.parametrize("rollout", both(MAPS, "attention_rollout"))
@pytest.mark.parametrize("layers", [1, 2, 6])
def test_rows_of_a_rollout_sum_to_1(rollout, layers):
    found = rollout(tuple(shares(2, 3, 5, 5, seed=layer) for layer in range(layers)))
    assert found.shape == (2, 5, 5)
    assert torch.allclose(found.sum(-1).double(), torch.ones(2, 5, dtype=torch.float64), atol=1e-5)


# unit 07 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", both(SENTENCES, "pack_sentences"))
@pytest.mark.parametrize(
    ("lengths", "max_tokens", "blocks"),
    [
        ([5, 4, 6, 20, 3], 12, [[0, 1], [2], [3], [4]]),
        ([7, 6, 2, 30, 4, 9], 17, [[0, 1, 2], [3], [4, 5]]),
        ([], 3, []),
        ([1, 1], 3, [[0], [1]]),
        ([9], 3, [[0]]),
        ([9, 9, 1, 1], 4, [[0], [1], [2, 3]]),
        ([1] * 5, 4, [[0, 1], [2, 3], [4]]),
    ],
)
def test_sentences_are_packed_as_by_hand(pack, lengths, max_tokens, blocks):
    assert pack(lengths, max_tokens) == blocks


@pytest.mark.parametrize("pack", both(SENTENCES, "pack_sentences"))
@pytest.mark.parametrize("seed", range(5))
def test_packing_is_greedy_ordered_and_whole(pack, seed):
    dice = np.random.default_rng(seed)
    lengths, room = dice.integers(1, 30, size=40).tolist(), 25
    blocks = pack(lengths, room + 2)
    assert [number for block in blocks for number in block] == list(range(40))
    sums = [sum(lengths[number] for number in block) for block in blocks]
    assert all(total <= room or len(block) == 1 for total, block in zip(sums, blocks, strict=True))
    firsts = [lengths[block[0]] for block in blocks[1:]]
    assert all(total + first > room for total, first in zip(sums, firsts, strict=False))


@pytest.mark.parametrize("pack", both(SENTENCES, "pack_sentences"))
def test_packing_refuses_a_block_without_room(pack):
    with pytest.raises(ValueError, match=r"room|at least 3"):
        pack([1], 2)


@pytest.mark.parametrize("embed", both(SENTENCES, "sentence_embeddings"))
def test_a_span_is_pooled_as_sentence_transformers_pools_a_text(embed):
    """Its pooling layer sees the span's tokens through a mask."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    pooling = Pooling(6, pooling_mode="mean")
    hidden = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))
    spans = [(0, 9), (1, 4), (3, 4), (2, 8)]
    mask = torch.stack([(torch.arange(9) >= a) & (torch.arange(9) < b) for a, b in spans]).long()
    theirs = pooling({"token_embeddings": hidden.expand(4, 9, 6), "attention_mask": mask})["sentence_embedding"]
    assert torch.allclose(embed(hidden, spans).float(), theirs, atol=1e-6)


@pytest.mark.parametrize("embed", both(SENTENCES, "sentence_embeddings"))
@pytest.mark.parametrize("span", [(2, 2), (3, 1), (0, 6), (-1, 2), (-3, -1), (6, 8)])
def test_a_span_that_is_empty_or_out_of_range_is_refused(embed, span):
    with pytest.raises(ValueError, match="span"):
        embed(torch.zeros(5, 3), [(0, 2), span])


@pytest.mark.parametrize("embed", both(SENTENCES, "sentence_embeddings"))
def test_no_span_gives_no_row(embed):
    assert embed(torch.zeros(5, 3), []).shape == (0, 3)


# unit 08 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", both(RATES, "warmup_linear_decay"))
@pytest.mark.parametrize(("warmup", "total"), [(0, 7), (3, 7), (6, 7), (7, 7), (1, 1), (0, 1), (10, 100)])
def test_the_factors_are_those_of_transformers(factor, warmup, total):
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, warmup, total).lr_lambdas[0]
    for step in range(total + 5):
        assert factor(step, warmup, total) == pytest.approx(theirs(step), abs=1e-12)
