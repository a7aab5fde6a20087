"""The loop of unit 09: so many steps, and what it is given learns."""

import pytest
import torch
from torch import nn

from course_utils.batches import Batches
from course_utils.studies.pretraining import learn
from course_utils.tokens import learn_tokenizer, tokenize

TEXTS = ["good film", "bad film", "good story", "bad story", "good music"]
LABELS = [1, 0, 1, 0, 1]


class Bag(nn.Module):
    """Two classes from the mean of word vectors."""

    def __init__(self):
        super().__init__()
        self.table = nn.EmbeddingBag(20, 2)

    def forward(self, batch):
        return self.table(batch["input_ids"])


def learnt(steps):
    torch.manual_seed(0)
    batches = Batches(tokenize(TEXTS, learn_tokenizer(TEXTS, 20), 8), LABELS, 2, True, 0)
    loss_of = lambda model, batch: nn.functional.cross_entropy(model(batch), batch["labels"])  # noqa: E731
    return learn(Bag(), batches, steps, 0.1, loss_of)


def test_it_takes_as_many_steps_as_it_is_told_also_within_an_epoch():
    assert [len(learnt(steps)) for steps in (11, 12, 16)] == [11, 12, 16]


def test_the_loss_falls():
    losses = learnt(60)
    assert sum(losses[-6:]) < 0.5 * sum(losses[:6])


def test_it_refuses_too_few_steps_for_its_schedule():
    with pytest.raises(ValueError, match="more than 10, got 10"):
        learnt(10)
