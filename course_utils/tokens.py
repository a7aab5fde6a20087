"""Tokens of a whole corpus: one flat array, made once and cached, so that an epoch costs no tokenisation.

The library tokenizers is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.corpora import DataError, cache

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Raise this when what is kept under the same inputs would come out otherwise.
TOKENS_FORMAT = 1

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"

ENCODE_TEXTS = 2_000  # texts that the tokenizer gets at a time: bounds its memory


@dataclass(frozen=True, eq=False)
class Tokens:
    """The token ids of a corpus as one flat array; text i stands from offsets[i] to offsets[i + 1]."""

    ids: np.ndarray  # int32, all texts one after the other
    offsets: np.ndarray  # int64, one more than there are texts

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        if not -len(self) <= number < len(self):
            raise IndexError(f"text {number} of {len(self)}")
        number %= len(self)
        return self.ids[self.offsets[number] : self.offsets[number + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each text has."""
        return np.diff(self.offsets)


def learn_tokenizer(texts: Sequence[str], vocab_size: int = 8_000) -> Tokenizer:
    """A tokenizer of whole words in lower case, learnt from texts: the most frequent words get ids.

    [PAD] is 0, then [UNK], [CLS], [SEP]; a text becomes [CLS] words [SEP]. `<br />` counts as white space, "isn't" is
    one word and each mark of punctuation is one. Whole words rather than pieces: one token is one word in every
    attention map, learning takes seconds, and equal texts give equal ids (word pieces do not, in this library).
    Raises DataError where vocab_size has no room for a word.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    special = [PAD, UNK, CLS, SEP]
    if vocab_size <= len(special):
        raise DataError(f"vocab_size must leave room for words beside {len(special)} special tokens, got {vocab_size}.")
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNK))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"<br\s*/?>"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex("[\u2018\u2019\u0060\u00b4]"), "'"),
            normalizers.Lowercase(),
        ]
    )
    words = r"[\p{L}\p{N}]+(?:'\p{L}+)*|[^\s\p{L}\p{N}]"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(words), behavior="removed", invert=True)
    trainer = trainers.WordLevelTrainer(vocab_size=vocab_size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=[(name, special.index(name)) for name in (CLS, SEP)],
    )
    return tokenizer


KEEPS = ("start", "end", "both")


def tokenize(texts: Sequence[str], tokenizer: Any, max_length: int, keep: str = "start") -> Tokens:
    """The tokens of a whole corpus, made once: the same call again reads them from the cache.

    tokenizer:  of the library tokenizers, or a fast one of transformers
    max_length: tokens that a text may have, special tokens included
    keep:       what stays of a longer text: its start, its end, or both (a quarter from its start, the rest from its
                end, where film reviews have their verdict; Sun et al. 2019, section 5.3.1)
    Raises DataError for an empty text, and where max_length leaves no room.
    """
    if keep not in KEEPS:
        raise DataError(f"keep must be one of {', '.join(KEEPS)}, got {keep!r}.")
    encoder = _plain_tokenizer(tokenizer)
    special = encoder.num_special_tokens_to_add(False)
    if max_length <= special:
        raise DataError(f"max_length must be more than the {special} special tokens, got {max_length}.")
    encoded = []
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text or text.isspace():
            raise DataError(f"Text {number} is {'empty' if isinstance(text, str) else 'not a string'}.")
        encoded.append(text.encode("utf-8", "surrogatepass"))
    settings = cache.make_key(TOKENS_FORMAT, encoder.to_str(), max_length, keep, cache.digest(encoded))
    name = f"tokens-{settings}"
    kept = cache.load_arrays(name)
    if kept is not None and {"ids", "offsets"} <= set(kept) and len(kept["offsets"]) == len(texts) + 1:
        return Tokens(kept["ids"], kept["offsets"])
    if keep != "both":
        encoder.enable_truncation(max_length, direction="right" if keep == "start" else "left")
    rows: list[np.ndarray] = []
    for start in range(0, len(texts), ENCODE_TEXTS):
        for encoding in encoder.encode_batch_fast(list(texts[start : start + ENCODE_TEXTS])):
            row = np.array(encoding.ids, dtype=np.int32)
            if len(row) > max_length:
                head = max(max_length // 4, 1)
                row = np.concatenate([row[:head], row[len(row) - (max_length - head) :]])
            rows.append(row)
    ids = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int32)
    tokens = Tokens(ids.astype(np.int32), cache.offsets([len(row) for row in rows]))
    cache.save_arrays(name, {"ids": tokens.ids, "offsets": tokens.offsets})
    return tokens


def _plain_tokenizer(tokenizer: Any) -> Tokenizer:
    """A copy without padding and truncation, so that the caller's tokenizer stays as it is."""
    from tokenizers import Tokenizer

    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(inner, Tokenizer):
        raise DataError(
            "tokenizer must be of the library tokenizers or a fast one of transformers, "
            f"got {type(tokenizer).__name__}."
        )
    copy: Tokenizer = Tokenizer.from_str(inner.to_str())
    copy.no_padding()
    copy.no_truncation()
    return copy
