"""Which corpus a reader gets: from a local folder, from the hub, or from this course's own grammar.

Notable choices:
- one line says which corpus was taken and from where, and every figure should repeat its name: a reader never takes
  a sentence of our grammar for a film review that somebody wrote;
- what is damaged is an error, never a reason to take the next place; what is not there is;
- nothing is downloaded on import.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_utils.corpora import hub, kept, layouts, searching
from course_utils.corpora.corpus import Corpus, DataError, Split, Texts, hold_out

# The folder that holds public corpora on this machine.
DATA_VARIABLE = "COURSE_DATA_DIR"
PLACES = ("auto", "local", "hub", "embedded")

REVIEW_CLASSES = ("negative", "positive")
HEADLINE_CLASSES = ("World", "Sports", "Business", "Sci/Tech")

HUB_REVIEWS = hub.Repository("stanfordnlp/imdb", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31", REVIEW_CLASSES)
HUB_HEADLINES = hub.Repository(
    "fancyzhx/ag_news", "eb185aade064a813bc0b7f42de02595523103ca4", HEADLINE_CLASSES, layouts.decode_ag_news
)

# Where AG News' train.csv is not there, its test.csv is split once and for all, whatever seed a run uses.
SPLIT_SEED = 0
SPLIT_TEST_SHARE = 1_600 / 7_600


def load_reviews(place: str = "auto", folder: str | Path | None = None, seed: int = 0) -> Corpus:
    """Film reviews in two classes; prints one line that says what was taken.

    place:  "local" (IMDB's folder `aclImdb`, or an archive `aclImdb*.tar.gz`, however deep it lies), "hub",
            "embedded", or "auto", the first of the three that is there
    folder: where "local" looks; default the environment variable COURSE_DATA_DIR
    seed:   of the embedded corpus
    Raises DataError where a corpus was asked for that is not there, or where it is damaged.
    """
    return _load(_Kind("IMDB", HUB_REVIEWS, _local_reviews, _embedded_reviews), place, folder, seed)


def load_headlines(place: str = "auto", folder: str | Path | None = None, seed: int = 0) -> Corpus:
    """News in four classes, title and description as one text; prints one line that says what was taken.

    place:  "local" (`ag_news_csv/train.csv` and `test.csv`, packed or not; where only `test.csv` is there it is split,
            and the line says so), "hub", "embedded", or "auto", the first of the three that is there
    folder, seed: as in load_reviews
    Raises DataError where a corpus was asked for that is not there, or where it is damaged.
    """
    return _load(_Kind("AG News", HUB_HEADLINES, _local_headlines, _embedded_headlines), place, folder, seed)


@dataclass(frozen=True)
class _Kind:
    """What differs between reviews and headlines."""

    name: str
    hub: hub.Repository
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
            corpus = _from_folder(kind, Path(os.path.expandvars(named)).expanduser(), place)
            if corpus is not None:
                return corpus
            missing.append(f"no {kind.name} in {named}")
    if place in ("auto", "hub"):
        try:
            return _from_hub(kind)
        except hub.NotReached as error:
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
    if not folder.exists():
        why = " (the name holds a variable that was not filled in)" if "$" in str(folder) else ""
        raise DataError(
            f"The data folder {folder} is not there{why}; set {DATA_VARIABLE} to the folder of the corpora."
        )
    corpus = kind.local(folder)
    if corpus is None and folder.is_file():  # the archive of the other corpus, say
        folder = folder.parent
        corpus = kind.local(folder)
    if corpus is not None:
        return corpus
    if place == "local" or (layouts.find_imdb(folder) is None and layouts.find_ag_news(folder) is None):
        imdb, news = "aclImdb, aclImdb*.tar.gz and aclImdb*.tar.xz", "ag_news_csv/test.csv"
        what = f"no {kind.name}" if place == "local" else "no corpus of this course"
        places = (imdb if kind.name == "IMDB" else news) if place == "local" else f"{imdb}, and {news}"
        raise DataError(f"The data folder {folder} holds {what}; looked for {places}{searching.told(folder)}.")
    return None


def _local_reviews(folder: Path) -> Corpus | None:
    path = layouts.find_imdb(folder)
    if path is None:
        return None
    if path.is_dir():
        train, test = layouts.read_imdb(path)
    else:
        state = path.stat()
        about = (str(path.resolve()), state.st_size, state.st_mtime_ns)
        train, test = kept.splits("imdb", *about, read=lambda: layouts.read_imdb(path))
    whole = "" if (len(train[0]), len(test[0])) == layouts.IMDB_SIZE else ", not the whole published set"
    source = f"IMDB: {_sizes(train, test, 'reviews')}, from {_short(path)}{whole}"
    return Corpus("IMDB", source, REVIEW_CLASSES, Split(*train), Split(*test))


def _local_headlines(folder: Path) -> Corpus | None:
    path = layouts.find_ag_news(folder)
    if path is None:
        return None
    tables = layouts.read_ag_news_tables(path, len(HEADLINE_CLASSES))
    test = tables["test"]
    if "train" in tables:
        train = tables["train"]
        whole = "" if (len(train[0]), len(test[0])) == layouts.AG_NEWS_SIZE else ", not the whole published set"
        source = f"AG News: {_sizes(train, test, 'texts')}, from {_short(path)}{whole}"
        return Corpus("AG News", source, HEADLINE_CLASSES, Split(*train), Split(*test))
    rest, held = hold_out(Split(*test), SPLIT_TEST_SHARE, SPLIT_SEED)
    sizes = f"{len(rest):,} texts to train on, {len(held):,} to test on"
    place = _short(path / "test.csv" if path.is_dir() else path)
    source = f"AG News: {sizes}, split from {place} alone: this is not the public split"
    return Corpus("AG News", source, HEADLINE_CLASSES, rest, held)


def _sizes(train: Texts, test: Texts, noun: str) -> str:
    return f"{len(train[0]):,} {noun} to train on, {len(test[0]):,} to test on"


def _short(path: Path) -> str:
    """The end of a path: enough to know the file, without whose computer it lies on."""
    return "/".join(path.resolve().parts[-2:])


def _embedded_reviews(seed: int) -> Corpus:
    from course_utils.corpora import grammar

    train, test = grammar.reviews(seed)
    source = f"Embedded reviews: {_sizes(train, test, 'texts')}, written by this course's grammar, seed {seed}"
    return Corpus("embedded reviews", source, REVIEW_CLASSES, Split(*train), Split(*test))


def _embedded_headlines(seed: int) -> Corpus:
    from course_utils.corpora import grammar

    train, test = grammar.headlines(seed)
    source = f"Embedded headlines: {_sizes(train, test, 'texts')}, written by this course's grammar, seed {seed}"
    return Corpus("embedded headlines", source, HEADLINE_CLASSES, Split(*train), Split(*test))


def _from_hub(kind: _Kind) -> Corpus:
    repository = kind.hub
    train, test = kept.splits("hub", repository.name, repository.revision, read=lambda: hub.fetch(repository))
    noun = "reviews" if kind.name == "IMDB" else "texts"
    where = f"{repository.name} at revision {repository.revision[:8]}"
    return Corpus(
        kind.name,
        f"{kind.name}: {_sizes(train, test, noun)}, from the hub, {where}",
        repository.classes,
        Split(*train),
        Split(*test),
    )
