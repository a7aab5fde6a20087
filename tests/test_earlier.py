"""Notebooks that went out earlier still find what they import."""

import pytest

# What the set-up and demonstration cells of released notebooks import, and the names that they use of it.
IMPORTS = [
    "from course_utils import data; data.load_reviews, data.load_headlines, data.Batches",
    "from course_utils import data; data.tokenize, data.learn_tokenizer",
    "from course_utils import documents; documents.split_sentences, documents.DOCUMENTS, documents.NAME",
    "from course_utils import documents; documents.token_ids, documents.join_sentences",
    "from course_utils.coloured_text import coloured_text",
    "from course_utils import experiments; experiments.run, experiments.Study",
    "from course_utils.experiments import our_result, Study",
    "from course_utils.experiments import film_reviews as study; study.prepare, study.QUICK, study.REPORT_LOSS",
    "from course_utils.experiments import film_reviews as study; study.tfidf_accuracy, study.ablation, study.SHORT",
    "from course_utils.experiments import news_pooling as study; study.prepare, study.QUICK, study.run_comparison",
    "from course_utils.experiments import news_pooling as study; study.draw, study.table, study.pairs_table",
    "from course_utils.experiments import news_pooling as study; study.REPORT, study.REPORT_TEST_SIZE, study.worst",
    "from course_utils.experiments import news_pooling as study; study.standard_error, study.confusion",
    "from course_utils.experiments import news_pooling as study; study.measure_paths, study.fast_plan, study.PATHS",
    "from course_utils.experiments import attention_maps as study; study.run_erasure, study.draw_effects",
    "from course_utils.experiments import sentence_embeddings as study; study.search, study.paired_tests",
    "from course_utils.experiments import learning_rates as study; study.Rates, study.draw_recovery",
]


@pytest.mark.parametrize("code", IMPORTS)
def test_what_a_released_notebook_imports_is_there(code: str) -> None:
    exec(code, {})


def test_a_name_of_before_is_the_same_object() -> None:
    from course_utils import data
    from course_utils.batches import Batches

    assert data.Batches is Batches
