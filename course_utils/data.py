"""Corpora, tokens and batches: from a local folder, from the hub, or from this course's own grammar.

Notable choices:
- one line says which corpus was taken and from where, and every figure should repeat its name: a reader never takes
  a sentence of our grammar for a film review that somebody wrote;
- what is damaged is an error, never a reason to take the next place; what is not there is;
- tokens of a whole corpus are one flat array, made once and cached, so an epoch costs no tokenisation;
- batches hold texts of about one length, padded to the longest of the batch, and follow from (seed, epoch) alone;
- nothing is downloaded on import, and torch, tokenizers and datasets are imported where they are used.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import cache, layouts
from course_utils.layouts import DataError, Texts

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

__all__ = [
    "Batches",
    "Corpus",
    "DataError",
    "Split",
    "Tokens",
    "hold_out",
    "learn_tokenizer",
    "load_headlines",
    "load_reviews",
    "tokenize",
]

# The folder that holds public corpora on this machine.
DATA_VARIABLE = "COURSE_DATA_DIR"
PLACES = ("auto", "local", "hub", "embedded")

REVIEW_CLASSES = ("negative", "positive")
HEADLINE_CLASSES = ("World", "Sports", "Business", "Sci/Tech")

# A revision is a commit, so what is fetched today is what was fetched when the course was written.
HUB_REVIEWS = ("stanfordnlp/imdb", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31")
HUB_HEADLINES = ("fancyzhx/ag_news", "eb185aade064a813bc0b7f42de02595523103ca4")
HUB_SECONDS = 5.0  # how long the hub may take to answer before the next place is tried

SILENT_SECONDS = 60.0  # how long a hub that did not answer is not asked again
_silent_since: dict[str, float] = {}

# Where AG News' train.csv is not there, its test.csv is split once and for all, whatever seed a run uses.
SPLIT_SEED = 0
SPLIT_TEST_SHARE = 1_600 / 7_600

# Raise these when what is kept under the same inputs would come out otherwise.
CORPUS_FORMAT = 1
TOKENS_FORMAT = 1

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"

# Texts whose lengths are sorted together; more sorts better, fewer mixes better.
POOL_BATCHES = 50
ENCODE_TEXTS = 2_000  # texts that the tokenizer gets at a time: bounds its memory


@dataclass(frozen=True)
class Split:
    """Texts with their labels."""

    texts: Sequence[str]
    labels: Sequence[int]  # index into the corpus's classes

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Corpus:
    """A corpus with its public split, and where it came from."""

    name: str  # for titles: "IMDB", "AG News", "embedded reviews", "embedded headlines"
    source: str  # one line: what was taken, and from where
    classes: tuple[str, ...]
    train: Split
    test: Split

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            if len(split.texts) != len(split.labels):
                raise DataError(f"{self.name}, {part}: {len(split.texts)} texts but {len(split.labels)} labels.")
            if not len(split):
                raise DataError(f"{self.name}, {part}: there is no text.")
            outside = [label for label in split.labels if not 0 <= label < len(self.classes)]
            if outside:
                raise DataError(
                    f"{self.name}, {part}: the label {outside[0]} is out of range, "
                    f"labels go from 0 to {len(self.classes) - 1}."
                )
            for number, text in enumerate(split.texts):
                if not text or text.isspace():
                    raise DataError(f"{self.name}, {part}: text {number} is empty.")


# --- corpora ------------------------------------------------------------------------------------------------------


def load_reviews(place: str = "auto", folder: str | Path | None = None, seed: int = 0) -> Corpus:
    """Film reviews in two classes; prints one line that says what was taken.

    place:  "local" (IMDB's folder `aclImdb`, or an archive `aclImdb*.tar.gz` or `.tar.xz`), "hub", "embedded", or
            "auto", the first of the three that is there
    folder: where "local" looks; default the environment variable COURSE_DATA_DIR
    seed:   of the embedded corpus
    Raises DataError where a corpus was asked for that is not there, or where it is damaged.
    """
    return _load(_Kind("IMDB", REVIEW_CLASSES, HUB_REVIEWS, _local_reviews, _embedded_reviews), place, folder, seed)


def load_headlines(place: str = "auto", folder: str | Path | None = None, seed: int = 0) -> Corpus:
    """News in four classes, title and description as one text; prints one line that says what was taken.

    place:  "local" (`ag_news_csv/train.csv` and `test.csv`; where only `test.csv` is there it is split, and the line
            says so), "hub", "embedded", or "auto", the first of the three that is there
    folder, seed: as in load_reviews
    Raises DataError where a corpus was asked for that is not there, or where it is damaged.
    """
    return _load(
        _Kind("AG News", HEADLINE_CLASSES, HUB_HEADLINES, _local_headlines, _embedded_headlines), place, folder, seed
    )


def hold_out(split: Split, share: float = 0.1, seed: int = 0) -> tuple[Split, Split]:
    """(rest, held): a share of each class is held out, in the order in which the texts stood.

    Raises DataError unless 0 < share < 1 leaves a text of each class on both sides.
    """
    if not 0 < share < 1:
        raise DataError(f"share must lie between 0 and 1, got {share}.")
    random = np.random.default_rng(seed)
    by_class: dict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(split.labels):
        by_class[label].append(number)
    held: set[int] = set()
    for label, numbers in sorted(by_class.items()):
        count = round(share * len(numbers))
        if not 0 < count < len(numbers):
            raise DataError(
                f"A share of {share} of the {len(numbers)} texts of class {label} leaves one side empty; "
                "take a larger share or more texts."
            )
        held.update(int(number) for number in random.permutation(numbers)[:count])
    return _pick(split, [n for n in range(len(split)) if n not in held]), _pick(split, sorted(held))


def _pick(split: Split, numbers: Sequence[int]) -> Split:
    return Split([split.texts[n] for n in numbers], [split.labels[n] for n in numbers])


@dataclass(frozen=True)
class _Kind:
    """What differs between reviews and headlines."""

    name: str
    classes: tuple[str, ...]
    hub: tuple[str, str]  # repository and revision
    local: Callable[[Path], Corpus | None]  # None where the folder does not hold it
    embedded: Callable[[int], Corpus]


def _load(kind: _Kind, place: str, folder: str | Path | None, seed: int) -> Corpus:
    if place not in PLACES:
        raise DataError(f"place must be one of {', '.join(PLACES)}, got {place!r}.")
    corpus = _find(kind, place, folder, seed)
    print(corpus.source)
    return corpus


def _find(kind: _Kind, place: str, folder: str | Path | None, seed: int) -> Corpus:
    named = folder if folder is not None else os.environ.get(DATA_VARIABLE, "").strip() or None
    missing: list[str] = []
    if place in ("auto", "local"):
        if named is None:
            if place == "local":
                raise DataError(f"No folder was named; set {DATA_VARIABLE} to the folder that holds {kind.name}.")
        else:
            corpus = _from_folder(kind, Path(named).expanduser(), place)
            if corpus is not None:
                return corpus
            missing.append(f"no {kind.name} in {named}")
    if place in ("auto", "hub"):
        try:
            return _from_hub(kind)
        except _NotReached as error:
            if place == "hub":
                raise DataError(f"{kind.name} could not be had from the hub: {error}.") from None
            missing.append(str(error))
    corpus = kind.embedded(seed)
    if not missing:
        return corpus
    return Corpus(
        corpus.name, f"{corpus.source}; {'; '.join(missing)}", corpus.classes, train=corpus.train, test=corpus.test
    )


def _from_folder(kind: _Kind, folder: Path, place: str) -> Corpus | None:
    if not folder.is_dir():
        raise DataError(f"The data folder {folder} is not there; set {DATA_VARIABLE} to the folder of the corpora.")
    corpus = kind.local(folder)
    if corpus is not None:
        return corpus
    if place == "local" or (layouts.find_imdb(folder) is None and layouts.find_ag_news(folder) is None):
        raise DataError(
            f"The data folder {folder} holds no corpus of this course; looked for aclImdb, aclImdb*.tar.gz, "
            "aclImdb*.tar.xz and ag_news_csv."
            if place != "local"
            else f"The data folder {folder} holds no {kind.name}; looked for "
            + ("aclImdb, aclImdb*.tar.gz and aclImdb*.tar.xz." if kind.name == "IMDB" else "ag_news_csv/test.csv.")
        )
    return None


def _local_reviews(folder: Path) -> Corpus | None:
    path = layouts.find_imdb(folder)
    if path is None:
        return None
    if path.is_dir():
        train, test = layouts.read_imdb(path)
    else:
        state = path.stat()
        name = _cache_name("imdb", str(path.resolve()), state.st_size, state.st_mtime_ns)
        train, test = _cached_splits(name, lambda: layouts.read_imdb(path))
    whole = "" if (len(train[0]), len(test[0])) == layouts.IMDB_SIZE else ", not the whole published set"
    source = f"IMDB: {_sizes(train, test, 'reviews')}, from {_short(path)}{whole}"
    return Corpus("IMDB", source, REVIEW_CLASSES, Split(*train), Split(*test))


def _local_headlines(folder: Path) -> Corpus | None:
    path = layouts.find_ag_news(folder)
    if path is None:
        return None
    test = layouts.read_ag_news(path / "test.csv", len(HEADLINE_CLASSES))
    if (path / "train.csv").is_file():
        train = layouts.read_ag_news(path / "train.csv", len(HEADLINE_CLASSES))
        whole = "" if (len(train[0]), len(test[0])) == layouts.AG_NEWS_SIZE else ", not the whole published set"
        source = f"AG News: {_sizes(train, test, 'texts')}, from {_short(path)}{whole}"
        return Corpus("AG News", source, HEADLINE_CLASSES, Split(*train), Split(*test))
    rest, held = hold_out(Split(*test), SPLIT_TEST_SHARE, SPLIT_SEED)
    sizes = f"{len(rest):,} texts to train on, {len(held):,} to test on"
    source = f"AG News: {sizes}, split from {_short(path / 'test.csv')} alone: this is not the public split"
    return Corpus("AG News", source, HEADLINE_CLASSES, rest, held)


def _sizes(train: Texts, test: Texts, noun: str) -> str:
    return f"{len(train[0]):,} {noun} to train on, {len(test[0]):,} to test on"


def _short(path: Path) -> str:
    """The end of a path: enough to know the file, without whose computer it lies on."""
    return "/".join(path.resolve().parts[-2:])


def _embedded_reviews(seed: int) -> Corpus:
    from course_utils import grammar

    train, test = grammar.reviews(seed)
    source = f"Embedded reviews: {_sizes(train, test, 'texts')}, written by this course's grammar, seed {seed}"
    return Corpus("embedded reviews", source, REVIEW_CLASSES, Split(*train), Split(*test))


def _embedded_headlines(seed: int) -> Corpus:
    from course_utils import grammar

    train, test = grammar.headlines(seed)
    source = f"Embedded headlines: {_sizes(train, test, 'texts')}, written by this course's grammar, seed {seed}"
    return Corpus("embedded headlines", source, HEADLINE_CLASSES, Split(*train), Split(*test))


# --- the hub ------------------------------------------------------------------------------------------------------


class _NotReached(Exception):
    """The hub, or the library for it, is not at hand; said as half a sentence."""


def _from_hub(kind: _Kind) -> Corpus:
    repository, revision = kind.hub
    name = _cache_name("hub", repository, revision)
    train, test = _cached_splits(name, lambda: _fetch(kind))
    noun = "reviews" if kind.name == "IMDB" else "texts"
    where = f"{repository} at revision {revision[:8]}"
    return Corpus(
        kind.name,
        f"{kind.name}: {_sizes(train, test, noun)}, from the hub, {where}",
        kind.classes,
        Split(*train),
        Split(*test),
    )


def _fetch(kind: _Kind) -> tuple[Texts, Texts]:
    repository, revision = kind.hub
    _ask_hub(repository)
    try:
        import datasets
    except ImportError:
        raise _NotReached("the library datasets is not installed") from None
    try:
        found = datasets.load_dataset(repository, revision=revision, split=["train", "test"])
    except Exception as error:  # a library over a network: anything may come
        reason = " ".join(str(error).split())[:120].rstrip(". ") or type(error).__name__
        raise _NotReached(f"the hub did not give {repository} ({reason})") from None
    return _hub_texts(found[0], kind, "train"), _hub_texts(found[1], kind, "test")


def _hub_texts(table: Any, kind: _Kind, part: str) -> Texts:
    missing = {"text", "label"} - set(table.column_names)
    if missing:
        raise DataError(f"{kind.hub[0]}, {part}: the column {min(missing)} is missing.")
    texts = [layouts.decode_ag_news(text) if kind.name == "AG News" else text for text in table["text"]]
    labels = [int(label) for label in table["label"]]
    # Checked as every corpus is, before anything of it is cached.
    checked = Split(texts, labels)
    Corpus(kind.hub[0], "", kind.classes, checked, checked)
    return texts, labels


def hub_endpoint() -> str:
    """The hub's address: HF_ENDPOINT as it was when huggingface_hub was imported, which reads it only then."""
    loaded = sys.modules.get("huggingface_hub.constants")
    return str(getattr(loaded, "ENDPOINT", None) or os.environ.get("HF_ENDPOINT") or "https://huggingface.co")


def _ask_hub(repository: str) -> None:
    """Return if the hub answers, or if a library that was told to stay offline has its own copy."""
    if any(
        os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    ):
        home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
        kept = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
        if (kept / repository.replace("/", "___")).is_dir():
            return
        raise _NotReached("the hub is switched off by HF_HUB_OFFLINE")
    address = hub_endpoint()
    silent = time.monotonic() - _silent_since.get(address, -math.inf) < SILENT_SECONDS
    if not silent and not _answers(address):
        _silent_since[address], silent = time.monotonic(), True
    if silent:
        raise _NotReached(f"the hub {address} was not reached")


def _answers(address: str) -> bool:
    """Whether anything answers at an address within HUB_SECONDS, proxies of the environment included."""
    import urllib.error
    import urllib.request

    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=HUB_SECONDS):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()  # it said no to this question, but it is there
        except (OSError, ValueError):
            pass

    # In a thread, because asking for the address of a name has no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    return answered.is_set()


# --- corpora in the cache -----------------------------------------------------------------------------------------


def _cache_name(kind: str, *parts: str | int) -> str:
    return f"corpus-{cache.make_key(CORPUS_FORMAT, kind, *parts)}"


def _cached_splits(name: str, read: Callable[[], tuple[Texts, Texts]]) -> tuple[Texts, Texts]:
    kept = cache.load_arrays(name)
    if kept is not None:
        try:
            return _unpack(kept, "train"), _unpack(kept, "test")
        except (KeyError, UnicodeDecodeError, IndexError, ValueError):
            pass  # another program's file: read the corpus again
    splits = read()
    arrays: dict[str, np.ndarray] = {}
    for part, (texts, labels) in zip(("train", "test"), splits, strict=True):
        encoded = [text.encode("utf-8") for text in texts]
        arrays[f"{part}_text"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        arrays[f"{part}_offsets"] = _offsets([len(text) for text in encoded])
        arrays[f"{part}_labels"] = np.array(labels, dtype=np.int64)
    cache.save_arrays(name, arrays)
    return splits


def _unpack(kept: dict[str, np.ndarray], part: str) -> Texts:
    content, ends = kept[f"{part}_text"].tobytes(), kept[f"{part}_offsets"].tolist()
    texts = [content[start:end].decode("utf-8") for start, end in pairwise(ends)]
    return texts, kept[f"{part}_labels"].tolist()


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


# --- tokens -------------------------------------------------------------------------------------------------------


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
    tokens = Tokens(ids.astype(np.int32), _offsets([len(row) for row in rows]))
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


# --- batches ------------------------------------------------------------------------------------------------------


class Batches:
    """Batches of a corpus, to be walked through as often as one likes.

    Each is a dict of int64 tensors: input_ids and attention_mask (batch, longest of the batch), labels (batch,).
    The order follows from (seed, epoch) alone; `set_epoch` gives the next one, `order` tells it.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: Sequence[int],
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        group_by_length: bool = True,
        pad_id: int = 0,
    ) -> None:
        """shuffle: another order each epoch; group_by_length: texts of about one length share a batch.

        Raises DataError where labels and tokens do not fit together.
        """
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1, got {batch_size}.")
        if len(tokens) != len(labels):
            raise DataError(f"There are {len(tokens)} texts but {len(labels)} labels; one label belongs to each text.")
        self.labels = np.array(labels, dtype=np.int64)
        if len(labels) and self.labels.min() < 0:
            raise DataError(f"The label {self.labels.min()} is out of range, labels go from 0.")
        self.tokens = tokens
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.group_by_length = group_by_length
        self.pad_id = pad_id
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.tokens) / self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next walk."""
        self.epoch = epoch

    @property
    def order(self) -> np.ndarray:
        """The numbers of the texts, in the order in which this epoch yields them."""
        plan = self._plan()
        return np.concatenate(plan) if plan else np.zeros(0, dtype=np.int64)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for numbers in self._plan():
            yield self._collate(numbers)

    def _plan(self) -> list[np.ndarray]:
        """The numbers of the texts of each batch."""
        count, size = len(self.tokens), self.batch_size
        lengths = self.tokens.lengths
        if not self.shuffle:
            # The longest first, so that a batch that does not fit into memory fails at once.
            order = np.argsort(-lengths, kind="stable") if self.group_by_length else np.arange(count)
            return [order[start : start + size] for start in range(0, count, size)]
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(count)
        if not self.group_by_length:
            return [order[start : start + size] for start in range(0, count, size)]
        plan: list[np.ndarray] = []
        for start in range(0, count, size * POOL_BATCHES):
            pool = order[start : start + size * POOL_BATCHES]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            plan += [pool[first : first + size] for first in range(0, len(pool), size)]
        return [plan[number] for number in random.permutation(len(plan))]

    def _collate(self, numbers: np.ndarray) -> dict[str, torch.Tensor]:
        import torch

        starts = self.tokens.offsets[numbers]
        lengths = self.tokens.offsets[numbers + 1] - starts
        columns = np.arange(max(int(lengths.max()), 1))  # (longest,)
        real = columns < lengths[:, None]  # (batch, longest)
        input_ids = np.full(real.shape, self.pad_id, dtype=np.int64)
        input_ids[real] = self.tokens.ids[(starts[:, None] + columns)[real]]
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(real.astype(np.int64)),
            "labels": torch.from_numpy(self.labels[numbers]),
        }
