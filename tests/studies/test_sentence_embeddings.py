"""Sentences in context: a window's vector is that of its sentence, and ranks are what they say."""

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.corpora import documents
from course_utils.studies import Study, sentence_embeddings


@pytest.fixture
def few_documents(monkeypatch, tiny):
    texts = {"one": "The old war. A new day. On the big bank.", "two": "A goal in the city. The match of day."}
    questions = (
        documents.Question("old war", "one", 0, True),
        documents.Question("new day", "one", 1, False),
        documents.Question("big bank", "one", 2, False),
        documents.Question("match", "two", 1, True),
    )
    monkeypatch.setattr(documents, "DOCUMENTS", texts)
    monkeypatch.setattr(documents, "QUESTIONS", questions)
    return tiny


def test_a_windows_vector_is_the_mean_of_its_own_tokens_read_together(tiny):
    sentences = ["the old war", "a new day", "on the big bank of the city"]
    vector = sentence_embeddings.windows(tiny, [(sentences, 1), (["day"], 0)])[0]
    block = documents.join_sentences(tiny.tokenizer, sentences)
    with torch.no_grad():
        hidden = tiny.model(input_ids=torch.tensor([block.input_ids])).last_hidden_state[0]
    start, end = block.spans[1]
    expected = torch.nn.functional.normalize(hidden[start:end].mean(dim=0), dim=0)
    torch.testing.assert_close(vector, expected, atol=1e-5, rtol=1e-4)  # beside a shorter one: other padding


def test_ranks_start_at_1_and_every_number_of_neighbours_is_there(few_documents):
    found = sentence_embeddings.search(Study(progress=False), few_documents)
    assert list(found.ranks) == list(sentence_embeddings.NEIGHBOURS)
    assert all(((1 <= ranks) & (ranks <= 5)).all() for ranks in found.ranks.values())


def test_a_question_in_the_sentences_own_words_is_found_alone(monkeypatch, few_documents):
    questions = tuple(documents.Question(text, "one", n, True) for n, text in enumerate(["The old war.", "A new day."]))
    monkeypatch.setattr(documents, "QUESTIONS", questions)
    found = sentence_embeddings.search(Study(progress=False), few_documents, neighbours=(0,))
    assert found.ranks[0].tolist() == [1, 1]


def test_findings_name_corpus_encoder_and_intervals(few_documents):
    findings = sentence_embeddings.sentence_context(Study(progress=False))
    assert findings.head["corpus"] == "embedded documents"
    assert findings.head["encoder"] == "tiny"
    assert (findings.table["low"] <= findings.table["found_first"]).all()
    assert (findings.table["found_first"] <= findings.table["high"] + 1e-9).all()
    assert "embedded documents, encoder tiny" in findings.figure.get_suptitle()
    assert len(findings.head["paired_tests"]) == 10


def test_the_table_has_a_row_for_each_number_of_neighbours(few_documents):
    found = sentence_embeddings.search(Study(progress=False), few_documents)
    assert list(sentence_embeddings.table(found).index) == [
        "alone",
        "1 on each side",
        "2 on each side",
        "3 on each side",
        "all",
    ]


@pytest.mark.slow
def test_a_whole_sentence_pooled_with_special_tokens_is_what_sentence_transformers_gives():
    """An independent truth on the real encoder: its own library pools over all tokens and normalises."""
    import sentence_transformers

    encoder = models.load_encoder("embedded")
    folder = models._package_file("model.safetensors").parent
    theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode(
        documents.split_sentences(documents.DOCUMENTS["The robot"])[:3]
    )
    for sentence, expected in zip(documents.split_sentences(documents.DOCUMENTS["The robot"]), theirs, strict=False):
        block = documents.join_sentences(encoder.tokenizer, [sentence])
        with torch.no_grad():
            hidden = encoder.model(input_ids=torch.tensor([block.input_ids])).last_hidden_state
        pooled = models.mean_of_tokens(hidden, torch.ones(hidden.shape[:2]))[0]
        assert np.allclose(torch.nn.functional.normalize(pooled, dim=0).numpy(), expected, atol=1e-5)
