"""`course_utils.documents` of notebooks that are out."""

from course_utils.corpora.documents import (
    DOCUMENTS,
    NAME,
    QUESTIONS,
    Block,
    Question,
    join_sentences,
    split_sentences,
    token_ids,
)

__all__ = ["DOCUMENTS", "NAME", "QUESTIONS", "Block", "Question", "join_sentences", "split_sentences", "token_ids"]
