"""Answers of unit 07: sentences packed into blocks, and a vector for each sentence.

Notable choices:
- sentences are packed greedily and in order, so that each keeps its neighbours as context
- a span is (start, end) as in a slice: the token at `end` is the first that no longer belongs to it
- a slice of torch forgives a span that is out of range; here it is refused, as it mostly means that tokens were cut off
"""

# a learner begins with None
# mypy: disable-error-code="var-annotated"

import torch
from torch import Tensor

SPECIAL_TOKENS = 2  # [CLS] in front of a block and [SEP] behind it


def pack_sentences(lengths: list[int], max_tokens: int) -> list[list[int]]:
    """The sentences' indices in blocks: consecutive sentences together as long as they fit.

    A block holds at most max_tokens - 2 tokens of its sentences, which leaves room for [CLS] and [SEP]. A sentence is
    never cut: one that is longer than that stands alone. No sentence gives [].

    lengths:    tokens of each sentence, without special tokens, each at least 1
    max_tokens: what the encoder reads at once, special tokens counted
    Returns lists of indices: block 0 holds the first sentences.
    Raises ValueError if max_tokens < 3, as there is no room for any token.
    """
    blocks = None
    # TODO 1: refuse a max_tokens that leaves no room; then walk over the sentences and fill block after block
    ### BEGIN SOLUTION
    blocks = []
    room = max_tokens - SPECIAL_TOKENS
    if room < 1:
        raise ValueError(f"max_tokens must be at least 3, got {max_tokens}. [CLS] and [SEP] take two of them.")
    used = 0  # tokens in the last block
    for index, length in enumerate(lengths):
        if not blocks or used + length > room:
            blocks.append([])
            used = 0
        blocks[-1].append(index)
        used += length
    ### END SOLUTION
    return blocks


def sentence_embeddings(hidden: Tensor, spans: list[tuple[int, int]]) -> Tensor:
    """A vector for each sentence of a block: the mean over its tokens' vectors.

    Row i is the mean of hidden[start:end] for spans[i] = (start, end); the gradient flows back to hidden.

    hidden: (seq, hidden_size), the encoder's vectors of one block
    spans:  where each sentence starts, and where it has ended: 0 <= start < end <= seq
    Returns (len(spans), hidden_size); without spans (0, hidden_size).
    Raises ValueError for a span that is empty or out of range.
    """
    embeddings = None
    # TODO 2: refuse spans that are empty or out of range; then average each span's rows, and stack the means
    ### BEGIN SOLUTION
    seq, hidden_size = hidden.shape
    rows = []
    for start, end in spans:
        if not 0 <= start < end <= seq:
            raise ValueError(f"a span must be 0 <= start < end <= {seq}, got ({start}, {end}). Was the block cut off?")
        rows.append(hidden[start:end].mean(dim=0))  # (tokens, hidden_size) -> (hidden_size,)
    embeddings = torch.stack(rows) if rows else hidden.new_zeros(0, hidden_size)
    ### END SOLUTION
    return embeddings
