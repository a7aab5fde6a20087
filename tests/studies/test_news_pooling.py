"""Studies of unit 05, on a tiny encoder: what is kept, what is told, and that no text leaves its corpus."""

import json
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.corpora import Corpus, Split
from course_utils.engine.course import current, load
from course_utils.statistics import seeds_interval
from course_utils.studies import Study, headlines, kept_vectors, news_data_paths, news_pooling
from course_utils.studies.kept_vectors import KeptVectors
from course_utils.training import Recipe

encoders = load(current().unit("05_bert_pooling").folder, "fixtures")

matplotlib.use("Agg")

RESULTS = Path(__file__).parents[2] / "results"
WORDS = "oil bank match rain vote court star film".split()
PLAN = headlines.NewsPlan(
    max_length=9,
    batch_size=8,
    recipe=Recipe(epochs=2, learning_rate=1e-3),
    frozen_recipe=Recipe(epochs=1, learning_rate=1e-3),
)


@pytest.fixture(scope="module")
def ready():
    random = np.random.default_rng(0)
    labels = [number % 4 for number in range(48)]
    texts = [
        " ".join([WORDS[label], WORDS[label + 4], *random.choice(WORDS, 1 + number % 4)])
        for number, label in enumerate(labels)
    ]
    split = Split(texts, labels)
    corpus = Corpus("a tiny corpus", "a tiny corpus, made by a test", ("a", "b", "c", "d"), split, split)
    torch.manual_seed(0)
    encoder = encoders.encoder("bert", vocab_size=20, hidden_size=12, num_layers=3)
    for parameter in encoder.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    return headlines.prepare(corpus, models.Encoder(encoder, encoders.tokenizer(WORDS), "tiny BERT", "tiny BERT"), PLAN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def found(ready, folder):
    asked = Study(seeds=2, out=folder, progress=False, name="pooling")
    return news_pooling.run_comparison(asked, ready, PLAN)


@pytest.mark.parametrize("learning_layers", [None, 1, 2, 3])
def test_kept_vectors_are_those_of_the_encoder(ready, learning_layers, monkeypatch):
    monkeypatch.setattr(kept_vectors, "choose_precision", lambda *_: "float32")
    batch = next(iter(ready.test_batches()))
    ids, mask = batch["input_ids"], batch["attention_mask"]
    kept = KeptVectors(ready, learning_layers)
    with torch.no_grad():
        expected = ready.encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state
        for encoder in (kept.frozen(), kept.to_fine_tune()):
            hidden = encoder.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
            # float16 keeps three digits, and a layer may double what they lack
            assert torch.allclose(hidden * mask[..., None], expected * mask[..., None], atol=2e-2)


def test_only_the_last_layers_have_something_to_learn(ready):
    kept = KeptVectors(ready, 2)
    layer = sum(parameter.numel() for parameter in ready.encoder.model.encoder.layer[0].parameters())
    assert sum(parameter.numel() for parameter in kept.to_fine_tune().parameters()) == 2 * layer
    assert not list(kept.frozen().parameters())


@pytest.mark.parametrize("layers", [None, 2])
def test_dropout_within_the_encoder_is_the_plans_and_the_encoder_keeps_its_own(ready, layers):
    batch = next(iter(ready.train_batches(PLAN, 0)))
    ids, mask = batch["input_ids"], batch["attention_mask"]
    own = ready.encoder.model.config.hidden_dropout_prob
    for rate, same in ((None, own == 0.0), (0.0, True), (0.5, False)):
        learner = KeptVectors(ready, layers, encoder_dropout=rate).to_fine_tune().train()
        first, second = (learner(input_ids=ids, attention_mask=mask).last_hidden_state for _ in range(2))
        assert torch.equal(first, second) is same
    rates = {module.p for module in ready.encoder.model.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {own}


def test_fine_tuning_leaves_the_encoder_as_it_was(ready, found):
    again = KeptVectors(ready).to_fine_tune()
    pairs = zip(again.parameters(), ready.encoder.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_every_pooling_has_every_seed(found):
    assert {name: len(runs) for name, runs in found.fine_tuned.items()} == dict.fromkeys(news_pooling.POOLINGS, 2)
    assert {name: len(runs) for name, runs in found.frozen.items()} == dict.fromkeys(news_pooling.POOLINGS, 2)


def test_probabilities_of_each_text_sum_to_one(found):
    for name in news_pooling.POOLINGS:
        assert np.allclose(found.probabilities(name).sum(axis=1), 1.0, atol=1e-4)  # they are kept with five digits


def test_finished_runs_are_kept(ready, found, folder, monkeypatch):
    asked = Study(seeds=2, out=folder, progress=False, name="pooling")

    def refuse(*args, **kwargs):
        pytest.fail("a finished run was made again")

    monkeypatch.setattr(news_pooling, "train_one", refuse)
    again = news_pooling.run_comparison(asked, ready, PLAN)
    assert again.fine_tuned == found.fine_tuned


def test_another_plan_finds_no_kept_run(ready, folder):
    asked = Study(seeds=2, out=folder, progress=False, name="pooling")
    made = []

    def note(*args, **kwargs):
        made.append(kwargs["pooling"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        news_pooling.run_comparison(asked, ready, replace(PLAN, dropout=0.2), classifier=note)
    assert made == ["cls"]


def test_equal_seeds_give_equal_runs(ready):
    runs = [
        news_pooling.train_one(
            Study(progress=False), ready, PLAN, models.PooledClassifier, "attention", 3, KeptVectors(ready)
        )
        for _ in range(2)
    ]
    assert np.array_equal(runs[0]["probabilities"], runs[1]["probabilities"])


def test_the_result_file_holds_what_the_contract_names_and_no_text(ready, found, tmp_path):
    asked = Study(place="local", seeds=2, quick=False, name="ag_news_pooling")
    news_pooling.findings(asked, found).write(tmp_path, "ag_news_pooling")
    text = (tmp_path / "ag_news_pooling.json").read_text(encoding="utf-8")
    head = json.loads(text)
    assert {
        "corpus", "train_size", "test_size", "epochs", "seeds", "command", "machine", "versions", "date", "encoder",
        "poolings", "paired_tests",
    } <= set(head)  # fmt: skip
    assert set(head["poolings"]) == {"cls", "mean", "max", "attention"}
    for told in head["poolings"].values():
        assert len(told["test_accuracy"]) == 2
        assert told["interval"][0] <= told["mean"] <= told["interval"][1]
    assert len(head["paired_tests"]) == 6
    assert {"a", "b", "p_holm"} <= set(head["paired_tests"][0])
    assert len(head["equivalence"]) == 6
    assert {"a", "b", "margin", "p", "equal"} <= set(head["equivalence"][0])
    assert head["command"] == "course experiment ag_news_pooling --place local --seeds 2 --full"
    assert not any(sentence in text for sentence in ready.test.texts)


def test_the_confusion_matrix_counts_every_text_in_the_row_of_its_class(ready, found):
    assert news_pooling.confusion(found, "mean").sum(axis=1).tolist() == [12, 12, 12, 12]


def test_the_worst_texts_come_first_and_all_are_wrong(found):
    told = news_pooling.worst(found, 10)
    assert [share for _, share in told] == sorted(share for _, share in told)
    said, labels = found.together().argmax(axis=1), found.ready.test.labels
    assert all(said[number] != labels[number] for number, _ in told)
    assert len(news_pooling.worst(found, 1_000)) == sum(said != np.asarray(labels))


def test_a_text_that_is_right_is_none_of_the_worst(found):
    right = replace(
        found,
        fine_tuned={name: [dict(probabilities=np.eye(4)[found.ready.test.labels])] for name in news_pooling.POOLINGS},
    )
    assert news_pooling.worst(right, 10) == []


def test_the_tables_name_every_pooling_and_every_pair(found):
    assert list(news_pooling.table(found).index) == list(news_pooling.POOLINGS)
    assert len(news_pooling.pairs_table(found)) == 6


def test_seeds_that_agree_show_no_interval_of_no_width(found):
    runs = [dict(run, test_accuracy=0.75) for run in found.fine_tuned["cls"]]
    table = news_pooling.table(replace(found, fine_tuned={**found.fine_tuned, "cls": runs}))
    assert table.loc["cls", "fine-tuned: over seeds"] == "no spread seen"
    low, high = map(float, table.loc["cls", "fine-tuned: over texts"].split(" to "))
    assert low < 0.75 < high


def test_a_pair_is_called_neither_different_nor_equal_on_few_texts(found):
    pairs = news_pooling.pairs_table(found)
    assert set(pairs["equal within 0.005"]) == {"not shown"}


def test_a_learners_own_test_makes_the_table_of_pairs(found):
    assert set(news_pooling.pairs_table(found, test=lambda a, b: 0.5)["p"]) == {"0.5"}


def test_a_p_value_that_is_small_is_not_shown_as_0(found):
    assert set(news_pooling.pairs_table(found, test=lambda a, b: 4.3e-7)["p"]) == {"4.3e-07"}


def test_accuracy_after_each_epoch_is_that_of_held_out_texts_and_no_test_text_is_seen_before_the_end(
    ready, monkeypatch
):
    plan = replace(PLAN, train_size=16, held_size=12)
    prepared = headlines.prepare(ready.corpus, ready.encoder, plan)
    seen = []
    monkeypatch.setattr(headlines.PreparedNews, "test_batches", lambda self: seen.append("test") or self.held_batches())
    monkeypatch.setattr(
        news_pooling, "train", lambda *args, validation, **kwargs: seen.append(validation) or args_history()
    )
    with pytest.raises(RuntimeError, match="trained"):
        news_pooling.train_one(
            Study(progress=False), prepared, plan, models.PooledClassifier, "cls", 0, KeptVectors(prepared)
        )
    assert len(seen) == 1
    assert seen[0].labels.tolist() == list(prepared.held.labels)


def args_history():
    raise RuntimeError("trained")


def test_held_out_texts_are_none_of_those_that_are_learnt_from(ready):
    numbered = Split([f"{text} {number}" for number, text in enumerate(ready.train.texts)], ready.train.labels)
    corpus = replace(ready.corpus, train=numbered)
    prepared = headlines.prepare(corpus, ready.encoder, replace(PLAN, train_size=16, held_size=12))
    assert sorted(prepared.held.labels) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert not set(prepared.held.texts) & set(prepared.train.texts)


def test_a_plan_that_trains_on_all_texts_holds_none_out(ready):
    with pytest.raises(ValueError, match="held_size is 8, and train_size None takes all"):
        headlines.prepare(ready.corpus, ready.encoder, replace(PLAN, held_size=8))


def test_titles_name_corpus_and_encoder(found):
    title = news_pooling.draw(found).get_suptitle()
    assert "a tiny corpus" in title
    assert "tiny BERT" in title


def test_the_standard_error_of_the_reports_accuracy_is_three_tenths_of_a_point():
    assert news_pooling.standard_error(0.9226, 7_600) == pytest.approx(0.0031, abs=5e-5)


def test_a_smaller_split_keeps_its_classes_in_balance(ready):
    labels = headlines.take(ready.train, 16).labels
    assert sorted(labels) == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4


@pytest.mark.parametrize("layers", [None, 1])
def test_all_data_paths_are_measured(ready, layers):
    plan = replace(PLAN, learning_layers=layers, encoder_dropout=0.0)
    speeds = news_data_paths.measure_paths(ready.corpus, ready.encoder, plan, steps=1, turns=1)
    assert speeds["ratio"] == pytest.approx(speeds["course_per_second"] / speeds["report_per_second"])
    assert speeds["all_layers_ratio"] == pytest.approx(speeds["all_layers_per_second"] / speeds["report_per_second"])


def test_both_data_paths_are_trained_with_every_seed_and_compared(ready, monkeypatch):
    monkeypatch.setattr(news_data_paths, "load_headlines", lambda place, folder=None: ready.corpus)
    monkeypatch.setattr(headlines, "encoder_for", lambda asked: ready.encoder)
    monkeypatch.setattr(headlines, "QUICK", replace(PLAN, learning_layers=1))
    head = news_data_paths.news_data_path(Study(seeds=2, progress=False)).head
    means = {way: np.mean(head["ways"][way]["test_accuracy"]) for way in ("report", "course")}
    assert all(len(way["test_accuracy"]) == 2 for way in head["ways"].values())
    assert head["difference"]["mean"] == pytest.approx(means["course"] - means["report"])
    assert head["speeds"]["ratio"] > 0


def test_a_study_of_ag_news_refuses_another_corpus():
    with pytest.raises(ValueError, match="about AG News, got embedded headlines"):
        news_pooling.ag_news_pooling(Study(place="embedded"))


def test_the_kept_result_on_ag_news_is_what_it_says():
    kept = json.loads((RESULTS / "ag_news_pooling.json").read_text(encoding="utf-8"))
    assert (kept["train_size"], kept["test_size"], kept["seeds"]) == (6_000, 1_600, [0, 1, 2])
    for result in kept["poolings"].values():
        assert result["mean"] == pytest.approx(np.mean(result["test_accuracy"]))
        assert result["interval"] == pytest.approx(seeds_interval(result["test_accuracy"]))
        assert all((accuracy * 1_600) == pytest.approx(round(accuracy * 1_600)) for accuracy in result["test_accuracy"])
    assert len(kept["paired_tests"]) == 6
    assert not any(isinstance(number, str) for number in kept["worst_texts"])
