"""The studies of unit 04 on film reviews, on a corpus of a few made-up sentences."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from course_utils.corpora import Corpus, Split
from course_utils.statistics import accuracy_interval, seeds_interval
from course_utils.studies import (
    Study,
    ablation,
    baseline,
    counted_words,
    data_paths,
    film_reviews,
    find_study,
    recall,
    reviews,
    run,
    text_length,
    ways,
)
from course_utils.studies.ablation import MISPLACED, VARIANTS, WHOLE, make_variant
from course_utils.studies.classifier import (
    EncoderSizes,
    SteppedLSTM,
    TextCNN,
    TextEncoder,
    TextLSTM,
    pool,
    sinusoids,
)
from course_utils.studies.reviews import QUICK, ReviewPlan, hold_out_runs
from course_utils.studies.tables import mean_and_interval
from course_utils.training import Recipe

RESULTS = Path(__file__).parents[2] / "results"
SMALL = ReviewPlan(
    vocab_size=60,
    max_length=12,
    batch_size=8,
    sizes=dict(d_model=8, num_heads=2, d_ff=10, num_layers=1, dropout=0.0),
    recipe=Recipe(epochs=2, learning_rate=0.02),
)


def make_split(count: int, seed: int) -> Split:
    draw = np.random.default_rng(seed)
    words = [["dull", "flat", "weak"], ["bright", "warm", "clever"]]
    labels = [number % 2 for number in range(count)]
    fillers = ["a", "film", "with", "some", "actors", "and", "music"]
    texts = [" ".join([*draw.choice(fillers, draw.integers(2, 8)), draw.choice(words[label])]) for label in labels]
    return Split(texts, labels)


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Corpus:
    made = Corpus("made-up", "a test's own sentences", ("negative", "positive"), make_split(80, 1), make_split(40, 2))
    for module in (ablation, counted_words, data_paths, film_reviews):
        monkeypatch.setattr(module, "load_reviews", lambda place, folder=None: made)
    monkeypatch.setattr(reviews, "QUICK", SMALL)
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    return made


def make_ids(batch: int = 3, seq: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    ids = torch.randint(4, 50, (batch, seq), generator=draw)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return ids * mask, mask


# --- what is held out ---------------------------------------------------------------------------------------------


def test_runs_of_consecutive_texts_of_each_class_are_held_out():
    split = Split([str(number) for number in range(400)], [0] * 200 + [1] * 200)
    rest, held = hold_out_runs(split, share=0.1, run=20)
    numbers = np.array([int(text) for text in held.texts])
    assert sorted([*held.texts, *rest.texts], key=int) == list(split.texts)
    assert held.labels.count(0) == held.labels.count(1) == 20
    assert (np.diff(numbers) == 1).sum() == 38  # two runs without a hole


def test_a_share_that_leaves_one_side_empty_is_refused():
    with pytest.raises(ValueError, match="leaves one side empty"):
        hold_out_runs(Split(["a", "b"], [0, 1]), share=0.1)


# --- the encoder and what is taken from it ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "no padding mask"])
def test_padding_and_neighbours_change_nothing(name: str):
    model = make_variant(name, 50, 2, QUICK).eval()
    ids, mask = make_ids()
    # Float32 sums in another order.
    torch.testing.assert_close(model(ids, mask)[1], model(ids[1:2, :5], mask[1:2, :5])[0], atol=1e-5, rtol=1e-4)


def test_without_its_mask_an_encoder_sees_the_padding():
    model = make_variant("no padding mask", 50, 2, QUICK).eval()
    ids, mask = make_ids()
    assert not torch.allclose(model(ids, mask)[1], model(ids[1:2, :5], mask[1:2, :5])[0], atol=1e-3)


@pytest.mark.parametrize(("name", "sees_order"), [(WHOLE, True), ("no positions", False)])
def test_only_positions_tell_the_order_of_words(name: str, sees_order: bool):
    model = make_variant(name, 50, 2, QUICK).eval()
    ids, mask = (part[:1] for part in make_ids())
    other = ids[:, [0, 5, 2, 8, 4, 1, 6, 7, 3]]
    assert torch.allclose(model(ids, mask), model(other, mask), atol=1e-5) is not sees_order


def test_every_variant_gives_another_result():
    torch.manual_seed(0)
    ids, mask = make_ids()
    found = {}
    for name in VARIANTS:
        torch.manual_seed(0)
        found[name] = tuple(make_variant(name, 50, 2, QUICK).eval()(ids, mask).flatten().tolist())
    same = f"{QUICK.encoder_sizes().num_layers} layer"  # as many layers as the whole encoder has
    assert len(set(found.values())) == len([name for name in VARIANTS if not name.startswith(same)])


def test_the_fused_attention_gives_what_the_plain_one_gives():
    sizes = EncoderSizes(8, 2, 10, 2, 9, 0.0)
    fused, plain = TextEncoder(50, 2, sizes), TextEncoder(50, 2, sizes, keep_weights=True)
    plain.load_state_dict(fused.state_dict())
    ids, mask = make_ids()
    torch.testing.assert_close(fused(ids, mask), plain(ids, mask), atol=1e-5, rtol=1e-4)


def test_word_dropout_takes_words_only_while_training_and_leaves_no_text_empty():
    torch.manual_seed(1)
    model = TextEncoder(50, 2, EncoderSizes(8, 2, 10, 1, 9, 0.0, word_dropout=0.8))
    ids, mask = make_ids()
    seen = [model(ids, mask) for _ in range(20)]
    assert all(torch.isfinite(logits).all() for logits in seen)
    assert len({tuple(logits.flatten().tolist()) for logits in seen}) > 5
    model.eval()
    assert torch.equal(model(ids, mask), model(ids, mask))


@pytest.mark.parametrize(
    ("change", "message"), [(dict(without=("norms",)), "without"), (dict(pooling="sum"), "pooling")]
)
def test_an_unknown_part_is_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=f"{message} must"):
        TextEncoder(50, 2, **change)


@pytest.mark.parametrize("pooling", ["mean", "max", "cls", "last"])
def test_pooling_by_hand(pooling: str):
    hidden = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [100.0, 100.0]]])
    expected = {"mean": [2.0, -3.0], "max": [3.0, -2.0], "cls": [1.0, -4.0], "last": [3.0, -2.0]}[pooling]
    assert pool(hidden, torch.tensor([[1, 1, 0]]), pooling).tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize("make", [TextLSTM, TextCNN])
def test_an_lstm_and_a_cnn_look_at_words_only(make: type):
    model = make(50, 2, 8).eval()
    ids, mask = make_ids()
    other = ids.clone()
    other[1, 8] = 7
    if make is TextLSTM:
        torch.testing.assert_close(model(ids, mask), model(other, mask))
    assert model(ids, mask).shape == (3, 2)


# --- studies ------------------------------------------------------------------------------------------------------


def test_learning_curves_hold_what_a_result_file_must_hold(corpus: Corpus, tmp_path: Path):
    head = run("learning_curves", Study(seeds=2, out=tmp_path, progress=False)).head
    assert {"corpus", "train_size", "test_size", "epochs", "seeds", "test_accuracy", "mean", "interval"} <= head.keys()
    assert {"baseline", "command", "machine", "versions", "date", "encoder"} <= head.keys()
    assert head["mean"] == pytest.approx(np.mean(head["test_accuracy"]))
    assert head["train_size"] + head["validation_size"] == 80
    assert [row["epoch"] for row in head["curves"][0]["epochs"]] == [1, 2]
    assert json.loads((tmp_path / "learning_curves.json").read_text())["test_accuracy"] == head["test_accuracy"]


def test_a_study_that_is_run_again_finds_what_it_found(corpus: Corpus, tmp_path: Path):
    first, second = (run("learning_curves", Study(seeds=1, out=tmp_path, progress=False)).head for _ in range(2))
    assert first["test_accuracy"] == second["test_accuracy"]
    assert first["curves"] == second["curves"]


def test_the_title_names_corpus_and_encoder(corpus: Corpus):
    figure = run("learning_curves", Study(seeds=1, progress=False)).figure
    title = figure.get_suptitle()
    assert "made-up" in title
    assert "d_model 8" in title


def test_the_imdb_study_takes_no_other_corpus(corpus: Corpus):
    with pytest.raises(ValueError, match="This study is about IMDB, got made-up"):
        run("imdb_from_scratch", Study(progress=False))


def test_the_reports_batches_are_padded_to_one_length_and_computed_in_float32(corpus: Corpus):
    ready = reviews.prepare(corpus, SMALL)
    batches, recipe = ways.training_of("report", ready.train, SMALL.recipe, SMALL.max_length)
    assert {tuple(batch[name].shape)[1] for batch in batches for name in ("input_ids", "attention_mask")} == {12}
    assert sum(int(batch["attention_mask"].sum()) for batch in batches) == int(ready.train.tokens.lengths.sum())
    assert recipe.precision == "float32"


def test_the_courses_batches_end_with_their_longest_review(corpus: Corpus):
    ready = reviews.prepare(corpus, SMALL)
    batches, recipe = ways.training_of("course", ready.train, SMALL.recipe, SMALL.max_length)
    assert all(batch["attention_mask"].sum(dim=1).max() == batch["input_ids"].size(1) for batch in batches)
    assert recipe == SMALL.recipe


def test_the_study_of_data_paths_tells_both_ways_and_their_difference(corpus: Corpus):
    head = data_paths.data_path(Study(seeds=2, progress=False)).head
    means = {way: head["ways"][way]["mean"] for way in ways.WAYS}
    assert head["difference"]["mean"] == pytest.approx(means["course"] - means["report"])
    low, high = head["difference"]["interval"]
    assert low <= head["difference"]["mean"] <= high


def test_the_ablation_has_a_row_with_an_interval_for_each_variant(corpus: Corpus):
    asked = replace(Study(seeds=2, progress=False), name="ablation")
    found = ablation.ablation(asked, variants=(WHOLE, "no positions", "max pooling"))
    assert found.table["variant"].tolist() == [WHOLE, "no positions", "max pooling"]
    assert (found.table["low"] <= found.table["mean"]).all()
    assert (found.table["mean"] <= found.table["high"]).all()
    assert found.table["difference"].isna().tolist() == [True, False, False]


def test_kept_weights_cost_memory_that_grows_with_the_square_and_fused_attention_does_not():
    def growth(name: str) -> float:
        found = [
            text_length.measure_step(text_length.length_models(length)[name](), length)["mebibytes"]
            for length in (64, 1024)
        ]
        return found[1] / found[0]

    assert growth("Transformer, weights kept") > 3
    assert growth("Transformer, fused attention") < 1.5
    assert growth("LSTM") < 1.5


def test_the_loop_that_is_written_out_gives_what_torchs_own_gives():
    stepped, own = SteppedLSTM(50, 2, 8), TextLSTM(50, 2, 8)
    names = {"lstm." + name + "_l0": value for name, value in stepped.cell.named_parameters()}
    rest = {name: value for name, value in stepped.named_parameters() if not name.startswith("cell.")}
    own.load_state_dict({**names, **rest})
    ids, mask = make_ids()
    torch.testing.assert_close(stepped(ids, mask), own(ids, mask))


def test_without_its_waiting_a_token_knows_nothing_of_those_before_it():
    torch.manual_seed(0)
    ids, mask = make_ids()
    other = ids.clone()
    other[0, 2] = 1 + ids[0, 2] % 40
    for waits in (True, False):
        model = SteppedLSTM(50, 2, 8, waits=waits)
        assert torch.equal(model(ids, mask)[0], model(other, mask)[0]) is not waits


def test_a_step_of_each_model_is_measured_at_each_length(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text_length, "STEP_LENGTHS", (4, 8))
    table = run("at_once", Study(progress=False)).table
    assert table.groupby("length")["milliseconds"].count().tolist() == [4, 4]
    assert (table["milliseconds"] > 0).all()


def test_a_recall_text_asks_for_one_of_its_keys_and_the_label_is_its_value():
    ids, labels = recall.recall_texts(500, pairs=5, seed=(3, 1))
    assert ids.shape == (500, 7)
    told, asked = ids[:, 1:-1] - recall.FIRST_PAIR, ids[:, -1] - recall.FIRST_KEY
    keys, values = told // recall.VALUES, told % recall.VALUES
    assert (np.sort(keys, axis=1)[:, 1:] > np.sort(keys, axis=1)[:, :-1]).all()  # no key twice
    found = keys == asked[:, None]
    assert (found.sum(axis=1) == 1).all()
    assert np.array_equal(values[found], labels)


def test_neither_place_nor_key_tells_the_value_of_a_recall_text():
    ids, labels = recall.recall_texts(4_000, pairs=4, seed=(3, 1))
    assert np.bincount(labels, minlength=recall.VALUES) / 4_000 == pytest.approx([0.25] * 4, abs=0.04)
    keys, asked = (ids[:, 1:-1] - recall.FIRST_PAIR) // recall.VALUES, ids[:, -1] - recall.FIRST_KEY
    places = (keys == asked[:, None]).argmax(axis=1)
    assert np.bincount(places, minlength=4) / 4_000 == pytest.approx([0.25] * 4, abs=0.04)


def test_a_transformer_finds_one_of_two_pairs_where_the_pairs_are_few():
    assert recall.recall_accuracies("Transformer", seed=0, steps=300, pairs=(2,))[0] > 0.9


def test_the_study_of_recall_tells_each_model_and_number_of_pairs_with_its_interval(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recall, "STEPS", 3)
    found = run("recall", Study(seeds=2, progress=False))
    assert list(found.head["models"]) == list(recall.MODELS)
    for told in found.head["models"].values():
        assert [one["pairs"] for one in told] == list(recall.PAIRS)
        assert all(0 <= one["interval"][0] <= one["mean"] <= one["interval"][1] <= 1 for one in told)
    assert recall.recall_table(found).shape == (3, len(recall.PAIRS))


def test_the_misplaced_parenthesis_leaves_one_pair_of_columns_to_tell_positions_apart():
    right, wrong = (sinusoids(30, 16, misplaced) for misplaced in (False, True))
    assert torch.equal(right[:, :2], wrong[:, :2])
    assert wrong[:, 2:].std(dim=0).max() < 0.02 < right[:, 2:4].std(dim=0).min()
    exponents = torch.arange(0, 16, 2) / 16
    expected = (torch.arange(30.0)[:, None] / 10_000**exponents).cos()
    torch.testing.assert_close(right[:, 1::2], expected)


def test_a_fixed_table_of_positions_is_not_learnt():
    model = make_variant(MISPLACED, 50, 2, QUICK)
    assert not model.positions.weight.requires_grad


# --- counted words ------------------------------------------------------------------------------------------------


def test_log_ratios_by_hand():
    rows = scipy.sparse.csr_array(np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0]]))
    # class 1: counts (1, 2, 0) and one more each: 2, 3, 1 of 6; class 0: (1, 0, 1): 2, 1, 2 of 5
    expected = np.log([(2 / 6) / (2 / 5), (3 / 6) / (1 / 5), (1 / 6) / (2 / 5)])
    assert baseline.log_ratios(rows, np.array([0, 1, 1])) == pytest.approx(expected)


def test_scores_of_the_mixed_classifier_lie_between_those_of_the_two():
    learned, intercept, row = np.array([0.3, -0.5, 0.1]), 0.8, np.array([1.0, 0.0, -2.0])
    weights, start = baseline.mixed(learned, intercept)
    equal = np.full(3, 0.3) @ row
    assert row @ weights + start == pytest.approx(0.75 * equal + 0.25 * (learned @ row + intercept))


@pytest.mark.parametrize("measure", [baseline.tfidf_accuracy, baseline.nb_svm_accuracy])
def test_a_word_counter_learns_words_that_decide(measure):
    assert measure(make_split(80, 1), make_split(40, 2)) == 1.0


def test_nb_svm_refuses_more_than_two_classes():
    with pytest.raises(ValueError, match=r"needs two classes, 0 and 1, got \[0, 1, 2\]"):
        baseline.nb_svm_accuracy(Split(["a b", "b c", "c a"], [0, 1, 2]), Split(["a b"], [0]))


def test_counted_words_tells_each_way_with_and_without_the_held_out_reviews(corpus: Corpus):
    head = run("counted_words", Study(progress=False)).head
    assert [row["train_size"] for row in head["models"]] == [72, 80, 72, 80]
    assert all(row["low"] <= row["test_accuracy"] <= row["high"] for row in head["models"])


def test_an_interval_of_accuracies_never_leaves_0_to_1():
    mean, (low, high) = mean_and_interval([0.93, 0.95], 1_000)
    assert (mean, high) == (pytest.approx(0.94), 1.0)
    assert low == pytest.approx(0.94 - 0.1271, abs=1e-3)


@pytest.mark.parametrize(
    "name", ["learning_curves", "imdb_from_scratch", "ablation", "cost_of_length", "at_once", "recall"]
)
def test_the_unit_has_its_studies(name: str):
    assert find_study(name).unit == "04_text_classifier"


# --- the result that is kept --------------------------------------------------------------------------------------


def test_the_kept_result_of_counted_words_is_what_it_says():
    head = json.loads((RESULTS / "counted_words.json").read_text())
    assert (head["corpus"], head["test_size"], head["seeds"]) == ("IMDB", 25_000, [])
    assert head["command"] == "course experiment counted_words --place local --seeds 1 --full"
    found = {(row["model"], row["train_size"]): row for row in head["models"]}
    assert sorted(size for _, size in found) == [22_500, 22_500, 25_000, 25_000]
    for row in found.values():
        expected = accuracy_interval(round(row["test_accuracy"] * 25_000), 25_000)
        assert (row["low"], row["high"]) == pytest.approx(expected)
    assert found[baseline.NB_SVM, 22_500]["test_accuracy"] >= 0.91
    of_encoder = json.loads((RESULTS / "imdb_from_scratch.json").read_text())["baseline"][baseline.TFIDF]
    assert found[baseline.TFIDF, 22_500]["test_accuracy"] == of_encoder


def test_the_kept_result_on_imdb_is_what_it_says():
    head = json.loads((RESULTS / "imdb_from_scratch.json").read_text())
    assert (head["corpus"], head["test_size"]) == ("IMDB", 25_000)
    assert len(head["seeds"]) == len(head["test_accuracy"]) >= 3
    assert head["epochs"] <= 5
    assert head["mean"] == pytest.approx(np.mean(head["test_accuracy"]))
    assert head["interval"] == pytest.approx(seeds_interval(head["test_accuracy"]))
    assert head["mean"] >= 0.88
    assert head["command"] == "course experiment imdb_from_scratch --place local --seeds 3 --full"
    assert find_study("imdb_from_scratch")
