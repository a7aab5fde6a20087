"""The baseline that every learning curve shows: counted words and a linear model."""

from __future__ import annotations

import numpy as np

from course_utils.corpora import Split

TFIDF = "TF-IDF, 1-2-grams, logistic regression"


def tfidf_accuracy(train_split: Split, test_split: Split) -> float:
    """Test accuracy of logistic regression on TF-IDF of words and pairs of words: order beyond a pair is not seen."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32)
    model = LogisticRegression(C=10.0, max_iter=1_000)
    model.fit(words.fit_transform(train_split.texts), train_split.labels)
    return float(model.score(words.transform(test_split.texts), test_split.labels))
