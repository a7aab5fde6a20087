"""Makes the lessons of this process run on a few texts: every cell runs, the figures say nothing."""

import dataclasses

from course_utils.corpora import Split, loading
from course_utils.studies import headlines, learning_rates, pretraining, recall, text_length

FEW = (48, 32)  # texts to train on, to test on

load = loading._load


def few(*args, **kwargs):
    corpus = load(*args, **kwargs)
    parts = {}
    for name, count in zip(("train", "test"), FEW, strict=True):
        split = getattr(corpus, name)
        parts[name] = Split(split.texts[:count], split.labels[:count])
    return dataclasses.replace(corpus, **parts)


loading._load = few
text_length.LENGTHS, text_length.COST_REPEATS = (64, 128), 1
text_length.STEP_LENGTHS, text_length.STEP_REPEATS, recall.STEPS = (8, 16), 1, 20
for study in (learning_rates, headlines):
    recipe = dataclasses.replace(study.QUICK.recipe, epochs=1)
    study.QUICK = dataclasses.replace(study.QUICK, train_size=FEW[0], test_size=FEW[1], recipe=recipe)
learning_rates.QUICK = dataclasses.replace(learning_rates.QUICK, rates=(1e-4, 1e-3, 1e-2), border=(1e-3,))
headlines.ON_CPU = dataclasses.replace(headlines.ON_CPU, batch_size=4)
pretraining.QUICK = dataclasses.replace(pretraining.QUICK, seeds=(1,), epochs=12, counts=(8, 16), tuning_steps=12)
