"""`course_utils.experiments` of notebooks that are out: studies, of which two stood in one module each."""

from types import ModuleType, SimpleNamespace
from typing import Any

from course_utils.studies import (
    Study,
    ablation,
    attention_maps,
    baseline,
    headlines,
    learning_rates,
    news_data_paths,
    our_result,
    reviews,
    run,
    text_length,
)
from course_utils.studies import film_reviews as _film_reviews
from course_utils.studies import news_pooling as _news_pooling
from course_utils.studies import sentence_context as sentence_embeddings

__all__ = [
    "Study",
    "attention_maps",
    "film_reviews",
    "learning_rates",
    "news_pooling",
    "our_result",
    "run",
    "sentence_embeddings",
]


def _together(*modules: ModuleType) -> Any:
    """The names of all of them in one place."""
    return SimpleNamespace(**{name: value for module in modules for name, value in vars(module).items()})


film_reviews = _together(baseline, text_length, ablation, reviews, _film_reviews)
news_pooling = _together(headlines, news_data_paths, _news_pooling)
