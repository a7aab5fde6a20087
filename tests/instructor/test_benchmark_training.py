"""The benchmark of training: both ways see the same reviews; the speed itself is measured by `make bench`."""

import pytest
import torch

from course_utils.corpora import Split
from course_utils.instructor.benchmark import __main__ as benchmark
from course_utils.instructor.benchmark import training
from course_utils.instructor.benchmark.training import ReportDataset, Speeds, measure, pick, work_of_a_review
from course_utils.studies.classifier import EncoderSizes, TextEncoder
from course_utils.studies.reviews import ReviewPlan
from course_utils.tokens import learn_tokenizer
from course_utils.training import Recipe

SMALL = ReviewPlan(
    vocab_size=40,
    max_length=10,
    batch_size=4,
    sizes=dict(d_model=8, num_heads=2, d_ff=10, num_layers=1, dropout=0.0),
    recipe=Recipe(epochs=3),
)
REVIEWS = Split(
    [f"a film with {number} actors and a plot" + " of sorts" * (number % 7) for number in range(24)], [0, 1] * 12
)


def test_part_holds_the_keys_of_the_contract():
    found = Speeds(40.0, 140.0, {"float32": 1e11, "bfloat16": 3e11})
    assert found.part() == {"report_per_second": 40.0, "course_per_second": 140.0, "ratio": 3.5}


def test_a_line_tells_the_share_of_each_peak():
    found = Speeds(40.0, 140.0, {"float32": 1e11, "bfloat16": 4e11}, {"report": 1e10, "course": 4e10}, "bfloat16")
    assert list(training.lines(found)) == [
        ["the report's way, float32", "40.0", "10.0", "10.0%", "2.5%"],
        ["the course's way, bfloat16", "140.0", "40.0", "40.0%", "10.0%"],
    ]


def test_the_reports_dataset_gives_the_words_of_the_review_and_padding():
    tokenizer = learn_tokenizer(REVIEWS.texts, 40)
    item = ReportDataset(REVIEWS, tokenizer, 12)[0]
    ids = tokenizer.encode(REVIEWS.texts[0]).ids
    assert item["input_ids"].tolist() == ids + [0] * (12 - len(ids))
    assert item["attention_mask"].sum() == len(ids)


def test_a_sample_holds_both_classes():
    assert set(pick(Split(REVIEWS.texts, [0] * 12 + [1] * 12), 6).labels) == {0, 1}


def test_the_work_of_an_encoder_by_hand():
    model = TextEncoder(40, 2, EncoderSizes(8, 2, 10, 1, 10, 0.0))
    weights = 4 * 8 * 8 + 2 * 8 * 10  # four projections, two layers of the feed-forward block
    assert work_of_a_review(model, [10], SMALL) == 6 * weights * 10 + 12 * 10 * 10 * 8


def test_both_ways_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(training, "peak", lambda precision: 1e9)
    told = []
    found = measure(REVIEWS, lambda done, total: told.append((done, total)), rounds=1, plan=SMALL)
    assert told == [(1, 2), (2, 2)]
    assert found.part()["ratio"] == pytest.approx(found.course_per_second / found.report_per_second, abs=0.01)
    assert found.reached.keys() == {"report", "course"}


def test_without_imdb_the_part_is_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert benchmark.measure_imdb() == {}


def test_the_peak_is_positive(monkeypatch):
    monkeypatch.setattr(training, "PEAK_SIZE", 16)
    assert training.peak(torch.float32) > 0
