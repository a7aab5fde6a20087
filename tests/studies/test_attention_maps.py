"""Hiding words: what is hidden is hidden from encoder and pooling, and the numbers are those of the texts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.studies import Study, attention_maps

PLAN = attention_maps.ErasurePlan(
    train_size=24, test_size=8, max_length=12, batch_size=8, hidden_words=(1, 2), draws=2,
    recipe=replace(attention_maps.QUICK.recipe, epochs=1),
)  # fmt: skip


@pytest.fixture
def found(tiny):
    return attention_maps.run_erasure(Study(seeds=2, progress=False), PLAN)


def test_every_text_has_weights_that_sum_to_1_and_as_many_results_as_were_asked_for(found):
    assert len(found.texts) == len(found.accuracy) == 2
    for text in found.texts[0]:
        assert sum(text.weights) == pytest.approx(1, abs=1e-5)
        assert len(text.weights) == len(text.tokens) == len(text.effects)
        assert {len(values) for values in [*text.drops.values(), *text.flips.values()]} == {2}
        assert (text.tokens[0], text.effects[0]) == ("[CLS]", 0.0)


def test_a_hidden_word_is_as_if_it_were_masked_and_gets_no_weight(tiny):
    model = models.PooledClassifier(tiny.model, 4, pooling="attention").eval()
    ids = torch.tensor(tiny.tokenizer("the big war of day")["input_ids"])
    probabilities = attention_maps._probabilities(model, ids, [(), (2, 3)])
    weights = attention_maps.pooling_weights(model)
    assert weights[1, 2:4].abs().max() == 0
    mask = torch.ones(1, len(ids), dtype=torch.int64)
    mask[0, 2:4] = 0
    with torch.no_grad():
        alone = torch.softmax(model(ids[None], mask).double(), -1)[0].numpy()
    assert np.allclose(probabilities[1], alone, atol=1e-6)
    assert not np.allclose(probabilities[0], probabilities[1], atol=1e-6)


def test_the_classifier_ends_on_the_encoder_itself(tiny):
    ready = attention_maps.run_erasure(Study(seeds=1, progress=False), PLAN).ready
    kept = attention_maps.KeptVectors(ready)
    model = attention_maps.train_pooling(ready, PLAN, 0, kept, models.PooledClassifier)
    assert model.encoder is tiny.model
    assert not model.training


def test_a_classifier_without_attention_pooling_is_refused(tiny):
    with pytest.raises(ValueError, match=r"keeps its pooling weights.*Is its pooling attention\?"):
        attention_maps.pooling_weights(models.PooledClassifier(tiny.model, 4, pooling="mean"))


def test_intervals_hold_their_means_and_the_figure_names_corpus_and_encoder(found):
    for row in attention_maps.rows(found):
        assert row["probability_drop_low"] <= row["probability_drop"] <= row["probability_drop_high"]
        assert row["changed_predictions_low"] <= row["changed_predictions"] <= row["changed_predictions_high"]
    title = attention_maps.draw(found).get_suptitle()
    assert "tiny headlines" in title
    assert "encoder tiny" in title
    assert attention_maps.table(found).shape == (2, 3)
    assert "tiny" in attention_maps.draw_effects(found).get_xlabel()
    low, high = attention_maps.changed_interval(found, "random", 1)
    assert 0 <= low <= high <= 1


def test_the_same_study_twice_gives_the_same(tiny):
    first, second = (attention_maps.run_erasure(Study(seeds=1, progress=False), PLAN) for _ in range(2))
    assert attention_maps.rows(first) == attention_maps.rows(second)
