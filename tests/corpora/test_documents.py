"""Documents of our own: sentences are told apart, joined without overlap, and every question has its sentence."""

import pytest

from course_utils.corpora import documents
from course_utils.engine.course import current, load

encoders = load(current().unit("05_bert_pooling").folder, "fixtures")

WORDS = ["the", "river", "was", "cold", ".", "it", "froze"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        ('"Why?" she asked. Nobody knew!', ['"Why?"', "she asked.", "Nobody knew!"]),
        ("Dr. Lind met Mr. Berg at No. 5. They left.", ["Dr. Lind met Mr. Berg at No. 5.", "They left."]),
        ("J. S. Bach wrote it. It is long.", ["J. S. Bach wrote it.", "It is long."]),
        ("It cost 3.50 euros. He paid.", ["It cost 3.50 euros.", "He paid."]),
        ("今天下雨。我们没有出门！为什么？", ["今天下雨。", "我们没有出门！", "为什么？"]),
        ("no full stop at all", ["no full stop at all"]),
        ("  One.\n\nTwo.  ", ["One.", "Two."]),
        ("", []),
        ("   ", []),
    ],
)
def test_sentences_are_told_apart(text, sentences):
    assert documents.split_sentences(text) == sentences


@pytest.mark.parametrize("title", documents.DOCUMENTS)
def test_no_letter_of_a_document_is_lost(title):
    text = documents.DOCUMENTS[title]
    assert " ".join(documents.split_sentences(text)) == text


@pytest.mark.parametrize("question", documents.QUESTIONS, ids=lambda question: question.text)
def test_every_question_asks_for_a_sentence_that_is_there(question):
    assert 0 <= question.sentence < len(documents.split_sentences(documents.DOCUMENTS[question.title]))


def test_no_two_questions_ask_for_the_same_sentence():
    places = [(question.title, question.sentence) for question in documents.QUESTIONS]
    assert len(set(places)) == len(places)


def test_a_block_holds_its_sentences_between_special_tokens():
    tokenizer = encoders.tokenizer(WORDS)
    block = documents.join_sentences(tokenizer, ["the river was cold .", "it froze ."])
    names = tokenizer.convert_ids_to_tokens(block.input_ids)
    assert names == ["[CLS]", "the", "river", "was", "cold", ".", "it", "froze", ".", "[SEP]"]
    assert block.spans == [(1, 6), (6, 9)]


def test_a_block_of_no_sentence_holds_special_tokens_only():
    tokenizer = encoders.tokenizer(WORDS)
    block = documents.join_sentences(tokenizer, [])
    assert (tokenizer.convert_ids_to_tokens(block.input_ids), block.spans) == (["[CLS]", "[SEP]"], [])
    assert documents.token_ids(tokenizer, []) == []
