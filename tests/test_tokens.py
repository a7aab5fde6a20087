from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from course_utils.corpora import DataError
from course_utils.tokens import learn_tokenizer, tokenize

pytestmark = pytest.mark.usefixtures("own_places")

Files = Callable[[], list[Path]]  # the fixture cached_files
TEXTS = ["The film isn't dull.<br /><br />It is fine!", "Fine film", "A dull, dull film of two hours", "It is"] * 5


def test_special_tokens_come_first_and_frame_each_text() -> None:
    tokenizer = learn_tokenizer(TEXTS)
    assert [tokenizer.token_to_id(token) for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")] == [0, 1, 2, 3]
    ids = tokenize(["fine unheard film"], tokenizer, 10)[0]
    assert ids.tolist() == [2, tokenizer.token_to_id("fine"), 1, tokenizer.token_to_id("film"), 3]


def test_words_are_lower_case_and_line_breaks_of_html_vanish() -> None:
    found = learn_tokenizer(TEXTS).encode("It ISN\u2019T dull.<br /><br/>Fine!").tokens
    assert found == ["[CLS]", "it", "isn't", "dull", ".", "fine", "!", "[SEP]"]


def test_equal_texts_give_equal_tokenizers() -> None:
    assert learn_tokenizer(TEXTS, 12).to_str() == learn_tokenizer(list(TEXTS), 12).to_str()


def test_a_vocabulary_is_no_larger_than_asked() -> None:
    assert learn_tokenizer(TEXTS, 7).get_vocab_size() == 7


def test_a_vocabulary_without_room_is_refused() -> None:
    with pytest.raises(DataError, match="vocab_size must leave room for words beside 4 special tokens, got 4"):
        learn_tokenizer(TEXTS, 4)


def test_tokens_equal_those_of_the_library_text_by_text() -> None:
    tokenizer = learn_tokenizer(TEXTS)
    tokens = tokenize(TEXTS, tokenizer, 100)
    assert [row.tolist() for row in (tokens[n] for n in range(len(tokens)))] == [tokenizer.encode(t).ids for t in TEXTS]
    assert tokens.lengths.tolist() == [len(tokenizer.encode(text).ids) for text in TEXTS]
    assert tokens.ids.dtype == np.int32
    assert tokens[-1].tolist() == tokens[len(TEXTS) - 1].tolist()
    with pytest.raises(IndexError, match="text 20 of 20"):
        tokens[20]


@pytest.mark.parametrize(("keep", "words"), [("start", "a b c d e f"), ("end", "e f g h i j"), ("both", "a f g h i j")])
def test_a_long_text_keeps_the_part_that_was_asked_for(keep: str, words: str) -> None:
    tokenizer = learn_tokenizer(["a b c d e f g h i j"])
    row = tokenize(["a b c d e f g h i j"], tokenizer, 8, keep)[0]
    assert tokenizer.decode(row.tolist()) == words
    assert (row[0], row[-1]) == (2, 3)


def test_tokens_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = learn_tokenizer(TEXTS)
    first = tokenize(TEXTS, tokenizer, 10)
    monkeypatch.setattr("course_utils.tokens.ENCODE_TEXTS", None)  # whoever encodes again, fails
    assert tokenize(TEXTS, tokenizer, 10).ids.tolist() == first.ids.tolist()


@pytest.mark.parametrize("change", ["texts", "tokenizer", "length", "keep"])
def test_other_inputs_are_another_entry_of_the_cache(change: str, cached_files: Files) -> None:
    tokenizer = learn_tokenizer(TEXTS)
    tokenize(TEXTS, tokenizer, 10)
    tokenize(
        [*TEXTS[:-1], "It was"] if change == "texts" else TEXTS,
        learn_tokenizer(TEXTS, 9) if change == "tokenizer" else tokenizer,
        9 if change == "length" else 10,
        "end" if change == "keep" else "start",
    )
    assert len(cached_files()) == 2


def test_the_callers_tokenizer_stays_as_it_is_and_its_padding_does_not_count(cached_files: Files) -> None:
    tokenizer = learn_tokenizer(TEXTS)
    plain = tokenize(TEXTS, tokenizer, 12)
    tokenizer.enable_padding(length=50)
    tokenizer.enable_truncation(3)
    before = tokenizer.to_str()
    assert tokenize(TEXTS, tokenizer, 12).ids.tolist() == plain.ids.tolist()
    assert tokenizer.to_str() == before
    assert len(cached_files()) == 1


def test_a_fast_tokenizer_of_transformers_gives_the_same_tokens() -> None:
    import transformers

    tokenizer = learn_tokenizer(TEXTS)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    assert tokenize(TEXTS, fast, 6).ids.tolist() == tokenize(TEXTS, tokenizer, 6).ids.tolist()


@pytest.mark.parametrize(
    ("texts", "max_length", "keep", "sentence"),
    [
        (["fine", ""], 9, "start", "Text 1 is empty"),
        (["fine", None], 9, "start", "Text 1 is not a string"),
        (["fine"], 2, "start", "max_length must be more than the 2 special tokens, got 2"),
        (["fine"], 9, "middle", "keep must be one of start, end, both, got 'middle'"),
    ],
)
def test_what_cannot_be_tokenized_is_refused(
    texts: list[str], max_length: int, keep: str, sentence: str, cached_files: Files
) -> None:
    with pytest.raises(DataError, match=sentence):
        tokenize(texts, learn_tokenizer(TEXTS), max_length, keep)
    assert cached_files() == []


def test_something_that_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(DataError, match=r"tokenizer must be of the library tokenizers or a fast one.*got str"):
        tokenize(["a"], "bert", 5)
