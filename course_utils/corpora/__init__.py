"""Corpora: film reviews in two classes, news in four, from wherever they can be had.

    load_reviews, load_headlines    a Corpus, with one line that says what was taken (`loading`)
    hold_out                        a share of each class for validation (`corpus`)

`layouts` reads the published files, `hub` fetches, `grammar` writes texts of our own, `documents` holds six documents
with questions; `cache` keeps arrays on disk, and `kept` corpora in it. Every failure is a `DataError`.
"""

from course_utils.corpora.corpus import Corpus, DataError, Split, hold_out
from course_utils.corpora.loading import load_headlines, load_reviews

__all__ = ["Corpus", "DataError", "Split", "hold_out", "load_headlines", "load_reviews"]
