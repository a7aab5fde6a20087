"""`course_utils.data` of notebooks that are out: corpora, tokens and batches in one module."""

from course_utils.batches import Batches
from course_utils.corpora import Corpus, DataError, Split, hold_out, load_headlines, load_reviews
from course_utils.tokens import Tokens, learn_tokenizer, tokenize

__all__ = [
    "Batches",
    "Corpus",
    "DataError",
    "Split",
    "Tokens",
    "hold_out",
    "learn_tokenizer",
    "load_headlines",
    "load_reviews",
    "tokenize",
]
