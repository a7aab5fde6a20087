"""Headlines as the studies of pretrained encoders see them: an encoder's token ids, and the plans of training."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from course_utils import models
from course_utils.batches import Batches
from course_utils.corpora import Corpus, Split
from course_utils.runtime import choose_device
from course_utils.studies.study import Study
from course_utils.tokens import Tokens, tokenize
from course_utils.training import Recipe

UNIT = "05_bert_pooling"
REPORT_LENGTH = 50  # tokens of a text in the laboratory report that the course grew from
TEST_BATCH = 64

FINE_TUNING = Recipe(epochs=3, learning_rate=1e-4)  # MiniLM is small: it wants more than BERT's 2e-5
HEAD_ONLY = Recipe(epochs=8, learning_rate=2e-3)  # where only pooling and classes learn


@dataclass(frozen=True)
class NewsPlan:
    """All that decides how the poolings are compared; results are kept under it."""

    train_size: int | None = None  # texts to train on, None for all
    held_size: int = 0  # more of the training texts, on which accuracy is looked at after each epoch
    test_size: int | None = None  # texts to test on, None for all
    max_length: int = 64  # tokens of a text; seven of eight of AG News' are no longer
    batch_size: int = 32
    dropout: float = 0.1  # before the classes
    learning_layers: int | None = None  # how many of the encoder's last layers are fine-tuned, None for all of it
    encoder_dropout: float | None = None  # within the encoder while it learns, None for its own
    recipe: Recipe = FINE_TUNING
    frozen_recipe: Recipe = HEAD_ONLY


# For the embedded headlines on two cores, minutes in all; and for AG News. With 320 texts to learn from each pooling
# was at the ceiling (0.98 to 1.00), where nothing can differ.
QUICK = NewsPlan(
    train_size=64, held_size=200, max_length=32, batch_size=16, recipe=Recipe(epochs=3, learning_rate=2e-4)
)
FULL = NewsPlan()
ON_CPU = replace(FULL, learning_layers=3)
# As many layers as can learn 2.5 times as fast as the report's way. To draw the dropout within them would take a sixth
# of the time; held-out accuracy was no lower without it.
FAST_ON_CPU = replace(FULL, learning_layers=5, encoder_dropout=0.0)


@dataclass(frozen=True)
class PreparedNews:
    """A corpus as token ids of an encoder."""

    corpus: Corpus
    encoder: models.Encoder
    train: Split
    held: Split
    test: Split
    train_tokens: Tokens
    held_tokens: Tokens
    test_tokens: Tokens
    pad_id: int

    def train_batches(self, plan: NewsPlan, seed: int) -> Batches:
        """Training batches in the order of a seed, each padded to its longest text."""
        return Batches(
            self.train_tokens, self.train.labels, plan.batch_size, shuffle=True, seed=seed, pad_id=self.pad_id
        )

    def held_batches(self) -> Batches | None:
        """Batches of the texts that are held out; None where none are."""
        if not len(self.held):
            return None
        return Batches(self.held_tokens, self.held.labels, TEST_BATCH, pad_id=self.pad_id)

    def test_batches(self) -> Batches:
        """Test batches."""
        return Batches(self.test_tokens, self.test.labels, TEST_BATCH, pad_id=self.pad_id)


def full_plan(asked: Study) -> NewsPlan:
    """The plan of a real result: on a CPU the last three layers learn, elsewhere all."""
    return ON_CPU if _on_cpu(asked) else FULL


def fast_plan(asked: Study) -> NewsPlan:
    """The plan by which one encoder is fine-tuned fast: on a CPU the last five layers learn, elsewhere all."""
    return replace(FAST_ON_CPU if _on_cpu(asked) else FULL, max_length=REPORT_LENGTH)


def _on_cpu(asked: Study) -> bool:
    return choose_device(asked.device).type == "cpu"


def encoder_for(asked: Study) -> models.Encoder:
    """The encoder of a study: that of its place; for a local corpus a local one if one is named, else the package's."""
    place = asked.place
    if place == "local" and not os.environ.get(models.ENCODER_VARIABLE, "").strip():
        place = "embedded"
    return models.load_encoder(place)


def prepare(corpus: Corpus, encoder: models.Encoder, plan: NewsPlan) -> PreparedNews:
    """The corpus as the encoder's token ids; where the plan wants fewer texts, the first ones of each class.

    Raises ValueError where the plan holds texts out and trains on all.
    """
    if plan.held_size and plan.train_size is None:
        raise ValueError(f"held_size is {plan.held_size}, and train_size None takes all texts. Give train_size too.")
    train_split = take(corpus.train, plan.train_size)
    held_split = take(corpus.train, plan.held_size, behind=plan.train_size or 0)
    test_split = take(corpus.test, plan.test_size)
    return PreparedNews(
        corpus,
        encoder,
        train_split,
        held_split,
        test_split,
        tokenize(train_split.texts, encoder.tokenizer, plan.max_length),
        tokenize(held_split.texts, encoder.tokenizer, plan.max_length),
        tokenize(test_split.texts, encoder.tokenizer, plan.max_length),
        int(encoder.tokenizer.pad_token_id),
    )


def take(split: Split, size: int | None, behind: int = 0) -> Split:
    """The split with about `size` texts, the first ones of each class, in their order.

    behind: texts that somebody else took before, so that these are others
    """
    if size is None or (size >= len(split) and not behind):
        return split
    labels = np.asarray(split.labels)
    classes = np.unique(labels)
    first, each = (-(-number // len(classes)) for number in (behind, size))
    of_classes = [np.flatnonzero(labels == label)[first : first + each] for label in classes]
    kept = np.sort(np.concatenate(of_classes)) if size else np.zeros(0, dtype=np.int64)
    return Split([split.texts[number] for number in kept], labels[kept].tolist())
