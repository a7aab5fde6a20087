import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.batches import Batches
from course_utils.corpora import DataError
from course_utils.tokens import Tokens


def some_tokens(count: int = 103) -> Tokens:
    lengths = np.random.default_rng(5).integers(1, 40, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Tokens(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets.astype(np.int64))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("group", [True, False])
def test_each_text_comes_once_as_it_is_padded_to_the_longest_of_its_batch(shuffle: bool, group: bool) -> None:
    tokens, labels = some_tokens(), np.arange(103) % 4
    batches = Batches(tokens, labels, 8, shuffle=shuffle, group_by_length=group, pad_id=-7)
    order = iter(batches.order.tolist())
    seen: list[int] = []
    count = 0
    for batch in batches:
        count += 1
        assert {name: tensor.dtype for name, tensor in batch.items()} == dict.fromkeys(batch, torch.int64)
        assert batch["input_ids"].shape == batch["attention_mask"].shape
        assert batch["attention_mask"].sum(1).max() == batch["input_ids"].shape[1]
        for ids, mask, label in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
            number = next(order)
            seen.append(number)
            length = len(tokens[number])
            assert ids[:length].tolist() == tokens[number].tolist()
            assert ids[length:].tolist() == [-7] * (len(ids) - length)
            assert mask.tolist() == [1] * length + [0] * (len(ids) - length)
            assert label == labels[number]
    assert sorted(seen) == list(range(103))
    assert count == len(batches) == 13


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = Batches(some_tokens(), [0] * 103, 8, shuffle=True, seed=seed)
        batches.set_epoch(epoch)
        return batches.order.tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    assert order(1, 2) != order(2, 1)


def test_a_walk_that_is_broken_off_leaves_no_trace() -> None:
    batches = Batches(some_tokens(), [0] * 103, 8, shuffle=True)
    first = next(iter(batches))["input_ids"]
    assert torch.equal(next(iter(batches))["input_ids"], first)


def test_grouping_by_length_saves_most_of_the_padding() -> None:
    def padding(group: bool) -> float:
        batches = Batches(some_tokens(800), [0] * 800, 16, shuffle=True, group_by_length=group)
        masks = [batch["attention_mask"] for batch in batches]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)

    assert padding(True) < padding(False) / 5


def test_without_shuffling_and_grouping_texts_come_as_they_stand() -> None:
    assert Batches(some_tokens(), [0] * 103, group_by_length=False).order.tolist() == list(range(103))


def test_the_longest_texts_come_first_where_nothing_is_shuffled() -> None:
    tokens = some_tokens()
    lengths = tokens.lengths[Batches(tokens, [0] * 103).order]
    assert (np.diff(lengths) <= 0).all()


def test_no_text_gives_no_batch() -> None:
    empty = Batches(Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64)), [])
    assert (len(empty), list(empty), empty.order.tolist()) == (0, [], [])


@pytest.mark.parametrize(
    ("labels", "size", "sentence"),
    [
        ([0] * 102, 8, "103 texts but 102 labels"),
        ([0] * 103, 0, "batch_size must be at least 1"),
        ([0] * 102 + [-1], 8, "label -1 is out of range"),
    ],
)
def test_batches_refuse_what_does_not_fit(labels: list[int], size: int, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Batches(some_tokens(), labels, size)


def test_importing_the_module_imports_no_heavy_library(course: Path) -> None:
    heavy = "{'torch', 'tokenizers', 'datasets', 'transformers', 'sklearn', 'pandas'}"
    ours = "course_utils.batches, course_utils.corpora.grammar, course_utils.tokens"
    code = f"import sys, {ours}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=course, check=True)
    assert done.stdout.strip() == "set()"
