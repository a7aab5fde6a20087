"""Learning rates: every run is made once, a spoiled model is told by its vectors, figures say what they show."""

from dataclasses import replace

import pytest
import torch

from course_utils.studies import Study, learning_rates

PLAN = learning_rates.RatePlan(
    train_size=16, test_size=12, max_length=12, batch_size=8, rates=(1e-4, 1.0), border=(1.0,), too_high=1.0, good=1e-3,
    likeness_texts=8, recipe=replace(learning_rates.PLAIN, epochs=2),
)  # fmt: skip


@pytest.fixture
def rates(tiny):
    return learning_rates.Rates(Study(seeds=2, progress=False), PLAN)


def test_a_rate_of_1_makes_all_texts_look_the_same(rates):
    low, high = rates.sweep()[:2]
    assert (low["learning_rate"], high["learning_rate"]) == (1e-4, 1.0)
    assert high["likeness"] == pytest.approx(1, abs=1e-3)
    assert low["likeness"] < 0.99
    assert high["test_loss"] > rates.chance_loss - 0.1


def test_a_run_of_the_sweep_is_not_made_again_for_the_border(rates, monkeypatch):
    rates.sweep()
    made = []
    train = rates._train
    monkeypatch.setattr(rates, "_train", lambda *args: made.append(args) or train(*args))
    runs = rates.rescue()
    assert [run["help"] for run in runs] == list(learning_rates.HELP) * 2
    assert len(made) == 2 * (len(learning_rates.HELP) - 1)


@pytest.mark.parametrize(("name", "warmup", "clip"), [("neither", 0.0, None), ("both", 0.25, 1.0)])
def test_a_help_changes_the_recipe_as_it_says(rates, monkeypatch, name, warmup, clip):
    recipes = []
    monkeypatch.setattr(learning_rates, "train", lambda model, batches, recipe, **_: recipes.append(recipe) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rates._rate(1.0, name, 0)
    assert (recipes[0].learning_rate, recipes[0].warmup_share, recipes[0].clip_norm) == (1.0, warmup, clip)


def test_the_pretrained_encoder_is_never_changed(rates, tiny):
    before = {name: value.clone() for name, value in tiny.model.state_dict().items()}
    rates.recovery()
    assert all(torch.equal(value, before[name]) for name, value in tiny.model.state_dict().items())


def test_a_stopped_study_goes_on_from_the_runs_that_are_kept(tiny, tmp_path, monkeypatch):
    asked = Study(seeds=1, progress=False, out=tmp_path, name="learning_rates")
    first = learning_rates.Rates(asked, PLAN).sweep()
    monkeypatch.setattr(learning_rates, "train", None)  # would raise
    assert learning_rates.Rates(asked, PLAN).sweep() == first


def test_findings_hold_every_part_with_values_of_each_seed(rates, monkeypatch):
    monkeypatch.setattr(learning_rates, "QUICK", PLAN)
    findings = learning_rates.learning_rates(Study(seeds=2, progress=False))
    assert [each["learning_rate"] for each in findings.head["sweep"]] == [1e-4, 1.0]
    assert all(len(each["test_loss"]["values"]) == 2 for each in findings.head["rescue"])
    assert [each["start"] for each in findings.head["recovery"]] == ["pretrained", "spoiled"]
    assert findings.head["chance_loss"] == pytest.approx(1.386294, abs=1e-5)
    assert set(findings.table["part"]) == {"sweep", "rescue", "recovery"}
    title = findings.figure.get_suptitle()
    assert "tiny headlines" in title
    assert "encoder tiny, 2 seeds" in title


def test_tables_and_single_figures_say_corpus_and_encoder(rates):
    assert len(learning_rates.table(rates, rates.sweep())) == 2
    for draw in (learning_rates.draw_sweep, learning_rates.draw_rescue):
        assert "(tiny headlines, 16 texts, encoder tiny, 2 seeds)" in draw(rates).get_suptitle()
    assert "tiny headlines" in learning_rates.draw_recovery(rates).figure.get_suptitle()
