"""A learner's own solved cells in later units: taken when they are right, a stand-in and one line otherwise."""

import json

import pytest
import torch

from course_utils import models, portfolio
from course_utils.instructor import sample
from course_utils.instructor.files import SOLUTIONS
from course_utils.instructor.units import Unit

UNIT = Unit(SOLUTIONS / "02_attention")
NAME = "MultiHeadSelfAttention"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A learner's folder, in which the notebook of a later unit stands open."""
    monkeypatch.delenv("COURSE_PORTFOLIO", raising=False)
    (tmp_path / "03_encoder_layer").mkdir()
    monkeypatch.chdir(tmp_path / "03_encoder_layer")
    return tmp_path


def hand_in(folder, sources, name=f"{UNIT.name}.ipynb"):
    folder.mkdir(parents=True, exist_ok=True)
    notebook = sample.filled(UNIT, sources)
    (folder / name).write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")


def mark_as_own(sources):
    """The reference with an attribute by which it is told from others."""
    return sources | {NAME: sources[NAME] + "\n\n    own = True"}


REFERENCE = sample.reference(UNIT)


@pytest.mark.parametrize("place", ["02_attention", "."], ids=["in its unit's folder", "beside"])
def test_a_right_answer_in_a_notebook_near_is_the_learners_own(desk, place, capsys):
    hand_in(desk / place, mark_as_own(REFERENCE))
    found = portfolio.solved(NAME)
    assert found.own
    assert capsys.readouterr().out == f"{NAME}: your own, from 02_attention.ipynb\n"


def test_a_variable_names_another_folder(desk, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("我的作业")
    hand_in(elsewhere / UNIT.name, mark_as_own(REFERENCE))
    monkeypatch.setenv("COURSE_PORTFOLIO", str(elsewhere))
    assert portfolio.solved(NAME).own


def test_what_the_learners_class_builds_on_is_the_learners_too(desk):
    hand_in(desk / UNIT.name, REFERENCE)
    layer = portfolio.solved(NAME)(18, 3)
    assert layer(torch.randn(2, 5, 18)).shape == (2, 5, 18)


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ({NAME: UNIT.released(NAME)}, "yours in 02_attention.ipynb does not pass its checks yet"),
        ({NAME: "1 / 0"}, "yours in 02_attention.ipynb does not pass its checks yet"),
        ({"split_heads": "def split_heads(x, num_heads):\n    return x"}, "does not pass its checks yet"),
    ],
    ids=["blank", "raises", "builds on a mistake"],
)
def test_an_answer_that_is_not_right_is_replaced_and_one_line_says_so(desk, sources, reason, capsys):
    hand_in(desk / UNIT.name, REFERENCE | sources)
    assert portfolio.solved(NAME) is models.SelfAttention
    said = capsys.readouterr().out
    assert said.startswith(f"{NAME}: course_utils.models.SelfAttention stands in (")
    assert reason in said
    assert said.count("\n") == 1


def test_without_a_notebook_the_stand_in_serves(desk, capsys):
    assert portfolio.solved(NAME) is models.SelfAttention
    assert capsys.readouterr().out == (
        f"{NAME}: course_utils.models.SelfAttention stands in (no notebook 02_attention.ipynb is near)\n"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}', b'{"cells": [3]}', b"\xff", b'{"cells": [{}]}'])
def test_a_notebook_that_cannot_be_read_is_replaced(desk, content, capsys):
    (desk / UNIT.name).mkdir()
    (desk / UNIT.name / f"{UNIT.name}.ipynb").write_bytes(content)
    assert portfolio.solved(NAME) is models.SelfAttention
    assert "stands in" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["div_term", "Transformer", ""])
def test_a_name_without_a_stand_in_is_told(name):
    with pytest.raises(ValueError, match=f"name must be one of MultiHeadSelfAttention; got '{name}'"):
        portfolio.solved(name)


# the stand-in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_the_stand_in_hides_padding(dtype):
    torch.manual_seed(0)
    layer = models.SelfAttention(18, 3).eval()
    x = torch.randn(2, 5, 18)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).to(dtype)
    value = layer(x, mask)
    assert (layer.attn_weights[1, :, :, 2:] == 0).all()
    changed = x.clone()
    changed[1, 2:] = 100.0
    torch.testing.assert_close(layer(changed, mask)[1, :2], value[1, :2])


def test_the_stand_in_stays_finite_where_a_sentence_is_all_padding():
    value = models.SelfAttention(6, 2)(torch.randn(2, 4, 6), torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0]]))
    assert torch.isfinite(value).all()


def test_the_stand_in_keeps_weights_of_each_head_detached():
    layer = models.SelfAttention(6, 2)
    layer(torch.randn(1, 4, 6))
    assert layer.attn_weights.shape == (1, 2, 4, 4)
    assert not layer.attn_weights.requires_grad
    torch.testing.assert_close(layer.attn_weights.sum(-1), torch.ones(1, 2, 4))


@pytest.mark.parametrize("num_heads", [0, 4, 19])
def test_heads_that_do_not_divide_the_width_are_told_what_came(num_heads):
    with pytest.raises(ValueError, match=f"num_heads must divide d_model, got d_model=18 and num_heads={num_heads}"):
        models.SelfAttention(18, num_heads)
