"""A learner's own solved cells in later units: taken when they are right, a stand-in and one line otherwise."""

import json

import pytest
import torch

from course_utils import models, portfolio
from course_utils.engine.course import current
from course_utils.engine.learning.report import check_names
from course_utils.engine.making.units import Unit
from course_utils.engine.proving import sample

UNIT = Unit(current().folder / "02_attention")
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


def own_notebook(extra=(), **changes):
    """The reference in a notebook, marked as the learner's own, with code cells put before the first."""
    notebook = sample.filled(UNIT, mark_as_own(REFERENCE) | changes)
    notebook["cells"][:0] = [
        {"cell_type": "code", "id": f"own-{n}", "metadata": {}, "source": source} for n, source in enumerate(extra)
    ]
    return notebook


def without_marks(notebook):
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


ATTENTION = "scaled_dot_product_attention"
CUT = "def cut(x, num_heads):\n    return x.unflatten(-1, (num_heads, -1))"
SPLIT = "def split_heads(x, num_heads):\n    return cut(x, num_heads).transpose(1, 2)"
BY_AXES = "def split_heads(x, num_heads):\n    return x.unflatten(-1, (num_heads, -1)).transpose(*AXES)"
SHAPES = {
    "byte-order mark": lambda: json.dumps(own_notebook()).encode("utf-8-sig"),
    "UTF-16": lambda: json.dumps(own_notebook()).encode("utf-16"),
    "marks lost": lambda: json.dumps(without_marks(own_notebook())).encode(),
    "format of 2013": lambda: json.dumps({"worksheets": [{"cells": own_notebook()["cells"]}]}).encode(),
    "magic above a helper": lambda: json.dumps(
        own_notebook([f"%matplotlib inline\n{CUT}"], split_heads=SPLIT)
    ).encode(),
    "constant in an own cell": lambda: json.dumps(
        own_notebook(
            ["AXES = (1, 2)"],
            split_heads=BY_AXES,
        )
    ).encode(),
    "pip in the cell": lambda: json.dumps(
        own_notebook(split_heads=f"!pip install numpy\n{REFERENCE['split_heads']}")
    ).encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_solved_notebook_is_the_learners_own_whatever_saved_it(desk, shape):
    (desk / UNIT.name).mkdir()
    (desk / UNIT.name / f"{UNIT.name}.ipynb").write_bytes(SHAPES[shape]())
    assert portfolio.solved(NAME).own


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
    with pytest.raises(ValueError, match=rf"name must be one of .*MultiHeadSelfAttention.*; got '{name}'"):
        portfolio.solved(name)


# the learner's own encoder ----------------------------------------------------------------------------------------

EARLIER = [Unit(current().folder / name) for name in ("01_positional_encoding", "02_attention", "03_encoder_layer")]
PARTS = ("PositionalEncoding", "TransformerEncoderLayer")


@pytest.fixture
def class_of_own(desk):
    """A learner's folder with solved notebooks of units 01 to 03; any cell's source can be another one."""

    def write(changes=None, helpers=None):
        for unit in EARLIER:
            notebook = sample.filled(unit, sample.reference(unit) | (changes or {}))
            for name in set(helpers or {}) & set(unit.exercises):
                ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
                cell = {"cell_type": "code", "metadata": {}, "source": helpers[name]}
                notebook["cells"].insert(ids.index(name), cell)
            (desk / unit.name).mkdir(exist_ok=True)
            (desk / unit.name / f"{unit.name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        return desk

    return write


def test_the_encoder_of_unit_04_is_built_of_the_learners_own_cells(class_of_own, capsys):
    class_of_own()
    positions, layer = (portfolio.solved(name) for name in PARTS)
    assert capsys.readouterr().out.splitlines() == [
        "PositionalEncoding: your own, from 01_positional_encoding.ipynb",
        "MultiHeadSelfAttention: your own, from 02_attention.ipynb",
        "TransformerEncoderLayer: your own, from 03_encoder_layer.ipynb",
    ]
    assert "portfolio" in layer.__module__
    assert "portfolio" in type(layer(18, 3, 26).self_attn).__module__
    assert positions(18, 0.0, 7)(torch.zeros(2, 5, 18)).shape == (2, 5, 18)


def test_a_classifier_of_the_learners_own_parts_passes_its_checks(class_of_own):
    class_of_own()
    names = Unit(current().folder / "04_text_classifier").namespace()
    names |= {name: portfolio.solved(name) for name in PARTS}
    assert check_names("TransformerEncoderClassifier", names).passed
    own = names["TransformerEncoderClassifier"](vocab_size=11, num_classes=3)
    assert {type(part).__module__ for part in (own.positions, *own.layers)} == {
        "portfolio_01_positional_encoding",
        "portfolio_03_encoder_layer",
    }


def test_a_mistake_in_one_unit_is_replaced_in_this_unit_only(class_of_own, capsys):
    class_of_own({"div_term": "def div_term(d_model):\n    return torch.ones((d_model + 1) // 2)"})
    assert portfolio.solved("PositionalEncoding") is models.LearnedPositions
    assert portfolio.solved("TransformerEncoderLayer") is not models.EncoderLayer
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("PositionalEncoding: course_utils.models.LearnedPositions stands in (yours in")


def test_a_helper_in_a_cell_of_the_learners_own_is_there_and_its_experiments_do_not_run(class_of_own, capsys):
    source = "def widen(x):\n    return x\n\nprint('an experiment'); 1 / 0"
    answer = sample.reference(EARLIER[2])["FeedForward"].replace("self.linear1(x)", "self.linear1(widen(x))")
    class_of_own({"FeedForward": answer}, {"FeedForward": source})
    assert portfolio.solved("TransformerEncoderLayer") is not models.EncoderLayer
    assert "an experiment" not in capsys.readouterr().out


def test_what_a_solved_cell_prints_is_kept_still(class_of_own, capsys):
    class_of_own({"FeedForward": sample.reference(EARLIER[2])["FeedForward"] + "\n\nprint('look at me')"})
    portfolio.solved("TransformerEncoderLayer")
    assert "look at me" not in capsys.readouterr().out


def test_without_notebooks_each_part_says_in_one_line_that_it_stands_in(desk, capsys):
    assert portfolio.solved("PositionalEncoding") is models.LearnedPositions
    assert portfolio.solved("TransformerEncoderLayer") is models.EncoderLayer
    assert capsys.readouterr().out.splitlines() == [
        "PositionalEncoding: course_utils.models.LearnedPositions stands in "
        "(no notebook 01_positional_encoding.ipynb is near)",
        "TransformerEncoderLayer: course_utils.models.EncoderLayer stands in "
        "(no notebook 03_encoder_layer.ipynb is near)",
    ]


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


@pytest.mark.parametrize("exercise", current().all_exercises())
def test_nothing_to_build_on_has_the_name_of_an_exercise(exercise):
    assert not hasattr(models, exercise)
