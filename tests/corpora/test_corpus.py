"""What a corpus refuses, and what is held out of it."""

import numpy as np
import pytest

from course_utils.corpora import Corpus, DataError, Split, hold_out


@pytest.mark.parametrize(
    ("texts", "labels", "sentence"),
    [
        (["a", "b"], [0], "2 texts but 1 labels"),
        ([], [], "there is no text"),
        (["a", "b"], [0, 2], "the label 2 is out of range, labels go from 0 to 1"),
        (["a", "b"], [0, -1], "the label -1 is out of range"),
        (["a", "  "], [0, 1], "text 1 is empty"),
    ],
)
def test_a_corpus_refuses_what_cannot_be_learnt_from(texts: list[str], labels: list[int], sentence: str) -> None:
    good = Split(["a", "b"], [0, 1])
    with pytest.raises(DataError, match=sentence):
        Corpus("own", "", ("no", "yes"), good, Split(texts, labels))


def test_hold_out_takes_a_share_of_each_class_and_loses_nothing() -> None:
    split = Split([f"text {number}" for number in range(100)], [0] * 80 + [1] * 20)
    rest, held = hold_out(split, 0.1, seed=3)
    assert np.bincount(held.labels).tolist() == [8, 2]
    assert sorted([*rest.texts, *held.texts]) == sorted(split.texts)
    assert hold_out(split, 0.1, seed=3) == (rest, held)
    assert hold_out(split, 0.1, seed=4) != (rest, held)


@pytest.mark.parametrize(("share", "sentence"), [(0.0, "between 0 and 1"), (0.01, "leaves one side empty")])
def test_hold_out_refuses_a_share_that_leaves_a_side_empty(share: float, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        hold_out(Split(["a", "b", "c", "d"], [0, 0, 1, 1]), share)
