"""A tiny encoder and a tiny corpus in the place of the real ones, for studies of pretrained encoders."""

import random

import pytest
import torch

from course_utils import models
from course_utils.corpora import Corpus, Split
from course_utils.engine.course import current, load
from course_utils.studies import attention_maps, learning_rates, news_pooling

encoders = load(current().unit("05_bert_pooling").folder, "fixtures")

TOPICS = {
    "World": "war peace treaty",
    "Sports": "goal match team",
    "Business": "bank share price",
    "Sci/Tech": "chip gene robot",
}
OTHERS = "the a of in on new old big day city".split()


def tiny_corpus(sizes=(48, 24)) -> Corpus:
    dice = random.Random(0)

    def split(count: int) -> Split:
        labels = [number % 4 for number in range(count)]
        topics = list(TOPICS.values())
        texts = [
            " ".join(dice.sample([*dice.sample(topics[label].split(), 2), *dice.sample(OTHERS, dice.randint(3, 6))], 5))
            for label in labels
        ]
        return Split(texts, labels)

    return Corpus("tiny headlines", "tiny headlines for tests", tuple(TOPICS), split(sizes[0]), split(sizes[1]))


def tiny_encoder(attention: str = "sdpa") -> models.Encoder:
    words = [*OTHERS, *" ".join(TOPICS.values()).split()]
    tokenizer = encoders.tokenizer(words)
    torch.manual_seed(0)
    model = encoders.encoder("bert", len(tokenizer), 16, num_layers=2, num_heads=2, attention=attention).eval()
    return models.Encoder(model, tokenizer, "tiny", "Encoder: tiny")


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Studies get the tiny corpus and the tiny encoder, whatever they ask for; a cache of its own."""
    encoder = tiny_encoder()
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "load_encoder", lambda *_, **__: encoder)
    for module in (attention_maps, learning_rates, news_pooling):
        monkeypatch.setattr(module, "load_headlines", lambda *_, **__: tiny_corpus(), raising=False)
    return encoder
