"""The independent truths: equal to the reference on random cases, written otherwise, and complete when cut out."""

import random
import types

import pytest
import torch

from course_utils.engine.asking.student import local
from course_utils.engine.course import current
from course_utils.engine.judging import judge
from course_utils.engine.making.release import closure
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
CHECKS = [pytest.param(unit, check, id=check) for unit in UNITS for check in unit.rules]
EXERCISES = [pytest.param(unit, name, id=name) for unit in UNITS for name in unit.exercises]
BY_NAME = {name: unit for unit in UNITS for name in unit.exercises}


def pair(name):
    """Reference and truth of an exercise."""
    unit = BY_NAME[name]
    return unit.namespace()[name], unit.truth()[name]


def assert_close(got, wanted, atol=2e-5, rtol=2e-4):
    """float32 against float64; classic mistakes differ by over 1e-2."""
    torch.testing.assert_close(got.double(), wanted.double(), atol=atol, rtol=rtol)


CONSTANT = [pytest.param(unit, check, id=check) for unit in UNITS for check in unit.rules if unit.rules[check].constant]


# every check ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "check"), CHECKS)
def test_the_rule_sees_the_same_on_truth_and_reference(unit, check):
    rule = unit.rules[check]
    cases = [*unit.cases[rule.exercise], *unit.visible_cases[rule.exercise]]
    truth, reference = local(unit.truth()), local(unit.namespace())
    for seed in ("a", "b", "c"):
        expected = judge.look(rule, truth, cases, seed)
        assert not any(isinstance(seen, judge.Trouble) for seen in expected)
        assert judge.differs(judge.look(rule, reference, cases, seed), expected, rule) is None


@pytest.mark.parametrize(("unit", "check"), CONSTANT)
def test_what_is_called_constant_is_the_same_on_any_draw(unit, check):
    rule = unit.rules[check]
    cases = unit.cases[rule.exercise]
    first, *others = (judge.look(rule, local(unit.truth()), cases, seed) for seed in "abcdef")
    assert [judge.differs(other, first, rule) for other in others] == [None] * 5


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_what_is_cut_out_of_a_truth_runs_by_itself(unit, exercise):
    source = closure((unit.folder / "truth.py").read_text(encoding="utf-8"), exercise)
    alone = types.ModuleType("alone")
    exec(compile(source, "<alone>", "exec"), alone.__dict__)
    whole = local(unit.truth())
    for check in unit.checks(exercise):
        rule, cases = unit.rules[check], unit.cases[exercise]
        seen = judge.look(rule, local(alone.__dict__), cases, "seed")
        assert judge.differs(seen, judge.look(rule, whole, cases, "seed"), rule) is None
    assert "CASES" not in alone.__dict__


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_a_truth_is_not_the_text_of_the_reference(unit, exercise):
    """Formulas may be alike; whole statements of an answer are not taken over."""
    inside, answer = False, set()
    for line in unit.cell(exercise).splitlines():
        if line.strip().startswith("### "):
            inside = line.strip().startswith("### BEGIN")
        elif inside and len(line.strip()) > 30 and not line.strip().startswith(("#", "raise", "self.", "def ")):
            answer.add(line.strip())
    truth = {line.strip() for line in (unit.folder / "truth.py").read_text(encoding="utf-8").splitlines()}
    assert answer & truth == set()


# unit 01 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d_model", range(1, 40))
def test_frequencies_are_equal_at_any_width(d_model):
    reference, truth = pair("div_term")
    assert_close(reference(d_model), truth(d_model), atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_tables_are_equal_at_any_size(seed):
    dice = random.Random(seed)
    max_len, d_model = dice.randrange(1, 90), dice.randrange(1, 40)
    reference, truth = pair("sinusoidal_encoding")
    assert_close(reference(max_len, d_model), truth(max_len, d_model), atol=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_sums_with_the_table_are_equal_and_so_are_gradients(seed):
    dice = random.Random(seed)
    batch, seq, d_model = dice.randrange(1, 4), dice.randrange(1, 20), dice.randrange(1, 30)
    x = torch.randn(batch, seq, d_model, generator=torch.Generator().manual_seed(seed))
    outputs = []
    for make in pair("PositionalEncoding"):
        tokens = x.clone().requires_grad_()
        value = make(d_model, dropout=0.3, max_len=20).eval()(tokens)
        value.square().sum().backward()
        outputs.append((value.detach(), tokens.grad))
    for got, wanted in zip(*outputs, strict=True):
        assert_close(got, wanted, atol=3e-4)


@pytest.mark.parametrize("seed", range(12))
def test_shift_matrices_move_the_rows_of_the_table(seed):
    dice = random.Random(seed)
    offset, d_model = dice.randrange(-30, 30), 2 * dice.randrange(1, 15)
    reference, truth = pair("shift_matrix")
    table = pair("sinusoidal_encoding")[1](100, d_model)
    assert_close(reference(offset, d_model), truth(offset, d_model), atol=1e-5)
    assert_close(table[35:60] @ truth(offset, d_model), table[35 + offset : 60 + offset], atol=1e-9)


# unit 02 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("seed", range(8))
def test_contexts_and_weights_are_equal_with_ragged_masks_and_large_scores(seed, scale):
    dice, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    batch, heads, seq_q, seq_k, d_k, d_v = (dice.randrange(1, 8) for _ in range(6))
    q = torch.randn(batch, heads, seq_q, d_k, generator=generator) * scale
    k = torch.randn(batch, heads, seq_k, d_k, generator=generator) * scale
    v = torch.randn(batch, heads, seq_k, d_v, generator=generator)
    mask = torch.rand(batch, 1, 1, seq_k, generator=generator) < 0.6
    mask[..., 0] = True
    reference, truth = pair("scaled_dot_product_attention")
    for chosen in (None, mask, mask.long(), mask.float()):
        for got, wanted in zip(reference(q, k, v, chosen), truth(q, k, v, chosen), strict=True):
            assert_close(got, wanted, atol=1e-3 if scale > 1 else 2e-5)


@pytest.mark.parametrize("seed", range(8))
def test_heads_are_split_and_merged_alike(seed):
    dice = random.Random(seed)
    batch, seq, heads, d_head = (dice.randrange(1, 7) for _ in range(4))
    x = torch.randn(batch, seq, heads * d_head, generator=torch.Generator().manual_seed(seed))
    (split, true_split), (merge, true_merge) = pair("split_heads"), pair("merge_heads")
    assert torch.equal(split(x, heads), true_split(x, heads))
    assert torch.equal(merge(split(x, heads)), x)
    assert torch.equal(true_merge(true_split(x, heads)), x)


def with_weights_of(module, other):
    module.load_state_dict(other.state_dict())
    return module.eval()


@pytest.mark.parametrize("seed", range(6))
def test_self_attention_is_equal_with_the_same_weights(seed):
    torch.manual_seed(seed)
    dice = random.Random(seed)
    heads, d_head, seq = dice.randrange(1, 5), dice.randrange(1, 6), dice.randrange(1, 8)
    make, true_make = pair("MultiHeadSelfAttention")
    own = make(heads * d_head, heads).eval()
    true = with_weights_of(true_make(heads * d_head, heads), own)
    x, mask = torch.randn(2, seq, heads * d_head), torch.ones(2, seq, dtype=torch.long)
    mask[1, (seq + 1) // 2 :] = 0
    for chosen in (None, mask):
        assert_close(own(x, chosen), true(x, chosen))
        assert_close(own.attn_weights, true.attn_weights)


# unit 03 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "RepairedEncoderLayer"])
def test_the_reference_layer_equals_torchs_own_with_the_same_weights(name, seed):
    """Against torch.nn.TransformerEncoderLayer itself, apart from rules and truths."""
    torch.manual_seed(seed)
    heads, d_model, d_ff, seq = 3, 18, 31, 7
    own = pair(name)[0](d_model, heads, d_ff).eval()
    torchs = torch.nn.TransformerEncoderLayer(d_model, heads, d_ff, batch_first=True, norm_first=False).eval()
    parameters = {key: value for key, value in own.state_dict().items() if "self_attn" not in key}
    renamed = {key.replace("ff.", ""): value for key, value in parameters.items()}
    attention = own.self_attn
    inner = getattr(attention, "attention", attention)  # the stand-in holds torch's layer inside
    renamed |= {f"self_attn.{key}": value for key, value in inner.state_dict().items()}
    torchs.load_state_dict(renamed)
    x, mask = torch.randn(2, seq, d_model), torch.ones(2, seq, dtype=torch.long)
    mask[1, 4:] = 0
    assert_close(own(x), torchs(x))
    assert_close(own(x, mask)[:, :4], torchs(x, src_key_padding_mask=mask == 0)[:, :4])
