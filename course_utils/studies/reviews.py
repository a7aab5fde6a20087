"""Film reviews as the studies of unit 04 train on them: what is held out, how a plan becomes batches and an optimizer.

Notable choices:
- what is chosen (recipe, epochs, which model) is chosen on reviews held out of the training set; the test set is
  looked at once, when training is over
- reviews of one film stand together in IMDB's numbering, and its test set has other films than its training set; so
  whole runs of consecutive reviews are held out, not single ones, which would share their films with the rest
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.batches import Batches
from course_utils.corpora import Corpus, Split
from course_utils.tokens import learn_tokenizer, tokenize
from course_utils.training import Recipe

if TYPE_CHECKING:
    import torch

    from course_utils.studies.classifier import EncoderSizes

    Maker = Callable[[], torch.nn.Module]

UNIT = "04_text_classifier"

RUN_OF_REVIEWS = 250  # consecutive reviews that are held out together; a film has at most 30
TEST_BATCH = 128


@dataclass(frozen=True)
class ReviewPlan:
    """All that decides how a text classifier is made; results are kept under it."""

    vocab_size: int = 8_000  # words that have an id of their own
    max_length: int = 128  # tokens of a text
    keep: str = "both"  # what stays of a longer text, as in tokens.tokenize
    batch_size: int = 32
    group_by_length: bool = True
    sizes: dict[str, Any] | None = None  # of the encoder, as EncoderSizes; None takes its defaults
    recipe: Recipe = field(default_factory=Recipe)
    # AdamW's memory of squared gradients, that of Vaswani et al. 2017, section 5.3. A longer one lets each sight of a
    # rare word move its vector far, and the encoder learns rare words by heart.
    beta2: float = 0.98

    def encoder_sizes(self) -> EncoderSizes:
        """The sizes of the encoder."""
        from course_utils.studies.classifier import EncoderSizes

        return EncoderSizes(**{"max_len": self.max_length, **(self.sizes or {})})


# For the embedded reviews, on two cores: seconds for each seed.
QUICK = ReviewPlan(
    vocab_size=4_000,
    max_length=96,
    sizes=dict(d_model=64, num_heads=4, d_ff=128, num_layers=1, dropout=0.1, wave_positions=True),
    recipe=Recipe(epochs=8, learning_rate=4e-3),
)
# For IMDB, chosen on reviews held out of its training set; docs/results.md tells how.
FULL = ReviewPlan(
    vocab_size=30_000,
    max_length=400,
    sizes=dict(d_model=64, num_heads=2, d_ff=256, num_layers=1, dropout=0.0, word_scale=0.1, word_dropout=0.5),
    recipe=Recipe(epochs=4, learning_rate=2e-3),
)


def hold_out_runs(split: Split, share: float = 0.1, run: int = RUN_OF_REVIEWS) -> tuple[Split, Split]:
    """(rest, held): runs of consecutive texts of each class are held out, spread evenly over the split.

    The runs are shortened where a class is so small that the share would not fill one.
    Raises ValueError unless the share leaves texts of each class on both sides.
    """
    labels = np.asarray(split.labels)
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        numbers = np.flatnonzero(labels == label)
        length = max(min(run, round(share * len(numbers))), 1)
        turn = max(round(1 / share), 2)
        held[numbers[(np.arange(len(numbers)) // length) % turn == turn // 2]] = True
        if not 0 < held[numbers].sum() < len(numbers):
            raise ValueError(f"A share of {share} of {len(numbers)} texts of class {label} leaves one side empty.")

    def pick(chosen: np.ndarray) -> Split:
        numbers = np.flatnonzero(chosen).tolist()
        return Split([split.texts[number] for number in numbers], [int(labels[number]) for number in numbers])

    return pick(~held), pick(held)


@dataclass(frozen=True)
class PreparedReviews:
    """A corpus as batches."""

    corpus: Corpus
    vocab_size: int
    rest: Split
    held: Split
    train: Batches
    validation: Batches
    test: Batches


def prepare(corpus: Corpus, plan: ReviewPlan, seed: int = 0) -> PreparedReviews:
    """The corpus as batches; words and what is learnt come from the training set without what is held out."""
    rest, held = hold_out_runs(corpus.train)
    tokenizer = learn_tokenizer(rest.texts, plan.vocab_size)

    def batches(split: Split, size: int, shuffle: bool) -> Batches:
        tokens = tokenize(split.texts, tokenizer, plan.max_length, plan.keep)
        return Batches(tokens, split.labels, size, shuffle, seed, plan.group_by_length)

    return PreparedReviews(
        corpus=corpus,
        vocab_size=tokenizer.get_vocab_size(),
        rest=rest,
        held=held,
        train=batches(rest, plan.batch_size, True),
        validation=batches(held, TEST_BATCH, False),
        test=batches(corpus.test, TEST_BATCH, False),
    )


def with_seed(ready: PreparedReviews, seed: int) -> Batches:
    """The training batches in the order of another seed."""
    old = ready.train
    return Batches(old.tokens, old.labels.tolist(), old.batch_size, True, seed, old.group_by_length, old.pad_id)


def describe(sizes: EncoderSizes) -> str:
    """An encoder's sizes in a few words."""
    return f"{sizes.num_layers} layer{'s' * (sizes.num_layers > 1)}, d_model {sizes.d_model}, {sizes.num_heads} heads"


def seeded(seed: int, make: Maker) -> torch.nn.Module:
    """A model whose first weights follow from the seed."""
    import torch

    torch.manual_seed(seed)
    return make()


def make_optimizer(model: torch.nn.Module, plan: ReviewPlan) -> torch.optim.Optimizer:
    """AdamW as the plan wants it."""
    import torch

    return torch.optim.AdamW(
        model.parameters(),
        lr=plan.recipe.learning_rate,
        betas=(0.9, plan.beta2),
        weight_decay=plan.recipe.weight_decay,
        fused=True,
    )
