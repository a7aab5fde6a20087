"""Hidden sizes and independent truths of unit 07: packing by running sums, pooling by torch's embedding bag."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CASES = {
    "pack_sentences": [
        dict(sentences=11, tens=5, over=3, max_tokens=20),
        dict(sentences=8, tens=7, over=1, max_tokens=13),
    ],
    "sentence_embeddings": [
        dict(seq=15, hidden_size=6),
        dict(seq=18, hidden_size=9),
    ],
}


def pack_sentences(lengths: list[int], max_tokens: int) -> list[list[int]]:
    """From each start, as far as the running sum allows, but one sentence at least."""
    if max_tokens < 3:
        raise ValueError("no room for a token")
    ends = np.cumsum([0, *lengths])
    cuts = [0]
    while cuts[-1] < len(lengths):
        start = cuts[-1]
        fitting = int(np.searchsorted(ends, ends[start] + max_tokens - 2, side="right")) - 1
        cuts.append(max(fitting, start + 1))
    return [list(range(start, end)) for start, end in pairwise(cuts)]


def sentence_embeddings(hidden: Tensor, spans: list[tuple[int, int]]) -> Tensor:
    """The spans as bags of rows: torch's own mean over each bag, in float64."""
    if any(not 0 <= start < end <= len(hidden) for start, end in spans):
        raise ValueError("a span is empty or out of range")
    if not spans:
        return hidden[:0]
    rows = torch.cat([torch.arange(start, end) for start, end in spans])
    sizes = torch.tensor([0] + [end - start for start, end in spans[:-1]])
    return F.embedding_bag(rows, hidden.double(), sizes.cumsum(0), mode="mean").to(hidden.dtype)
