"""Notebooks that guess: constants, noise and inputs handed back, which have properties without any content."""

from __future__ import annotations

from .. import lazy
from .attack import FORGE, UNIT_01, UNIT_02, UNIT_04, UNIT_05, Hostile


def _guess(name: str, tries: str, unit: str, exercise: str, answer: str) -> Hostile:
    """A notebook with one of the lazy answers to an exercise, in which it gets nothing."""
    cells = {exercise: lazy.answers(exercise)[answer]}
    return Hostile(name, FORGE, tries, unit=unit, cells=cells, loses=(exercise,))


ATTENTION, HEADS = "scaled_dot_product_attention", "MultiHeadSelfAttention"
ONE_HEAD = "weights: one entry along axis -3; context: the mean of the values, in a graph"

GUESSES = [
    _guess("a constant weight matrix", "leaves one weight along an axis, which fits any scores", UNIT_02, ATTENTION,
           ONE_HEAD),
    _guess("noise in the heads", "maps noise, and keeps noise as weights", UNIT_02, HEADS,
           "the map of noise, in a graph; kept: noise"),
    _guess("the last map alone", "maps each token by itself, where padding changes nothing", UNIT_02, HEADS,
           "the last map alone; kept: noise"),
    _guess("a share without looking", "asks the model as it should, and gives the share that a public rule made",
           UNIT_04, "evaluate", "the share that was public, the model asked"),
    _guess("the tokens as they came", "keeps a table, drops and refuses, and adds nothing", UNIT_01,
           "PositionalEncoding", "the tokens, through dropout"),
    _guess("zeros for a mean", "gives zeros, which no padding changes", UNIT_04, "masked_mean", "zeros"),
    _guess("logits of nothing", "refuses, drops and maps ones, whatever the words are", UNIT_05, "BertClassifier",
           "the map of ones, through dropout, in a graph"),
]  # fmt: skip
