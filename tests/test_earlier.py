"""Notebooks that went out earlier still find what they import."""

import pytest

# What the set-up and demonstration cells of released notebooks import, and the names that they use of it.
IMPORTS = [
    "from course_utils import data; data.load_reviews, data.load_headlines, data.Batches",
    "from course_utils import data; data.tokenize, data.learn_tokenizer",
    "from course_utils import documents; documents.split_sentences, documents.DOCUMENTS, documents.NAME",
    "from course_utils import documents; documents.token_ids, documents.join_sentences",
]


@pytest.mark.parametrize("code", IMPORTS)
def test_what_a_released_notebook_imports_is_there(code: str) -> None:
    exec(code, {})


def test_a_name_of_before_is_the_same_object() -> None:
    from course_utils import data
    from course_utils.batches import Batches

    assert data.Batches is Batches
