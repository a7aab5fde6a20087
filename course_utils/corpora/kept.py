"""A corpus in the cache on disk: an archive is unpacked, or the hub asked, once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from course_utils.corpora import cache
from course_utils.corpora.corpus import Texts

# Raise this when what is kept under the same inputs would come out otherwise.
CORPUS_FORMAT = 1


def splits(kind: str, *parts: str | int, read: Callable[[], tuple[Texts, Texts]]) -> tuple[Texts, Texts]:
    """What `read` returns, from the cache if it was read before.

    kind, parts: all that the texts depend on, such as an archive's path, size and time
    """
    name = f"corpus-{cache.make_key(CORPUS_FORMAT, kind, *parts)}"
    kept = cache.load_arrays(name)
    if kept is not None:
        try:
            return _unpack(kept, "train"), _unpack(kept, "test")
        except (KeyError, UnicodeDecodeError, IndexError, ValueError):
            pass  # another program's file: read the corpus again
    fresh = read()
    arrays: dict[str, np.ndarray] = {}
    for part, (texts, labels) in zip(("train", "test"), fresh, strict=True):
        encoded = [text.encode("utf-8") for text in texts]
        arrays[f"{part}_text"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        arrays[f"{part}_offsets"] = cache.offsets([len(text) for text in encoded])
        arrays[f"{part}_labels"] = np.array(labels, dtype=np.int64)
    cache.save_arrays(name, arrays)
    return fresh


def _unpack(kept: dict[str, np.ndarray], part: str) -> Texts:
    content, ends = kept[f"{part}_text"].tobytes(), kept[f"{part}_offsets"].tolist()
    texts = [content[start:end].decode("utf-8") for start, end in pairwise(ends)]
    return texts, kept[f"{part}_labels"].tolist()
