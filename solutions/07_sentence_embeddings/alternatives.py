"""Right answers of unit 07 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative


def _pack(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="pack_sentences", source=f"def pack_sentences(lengths, max_tokens):\n{body}")


def _embed(name: str, body: str) -> Alternative:
    return Alternative(
        name=name, exercise="sentence_embeddings", source=f"def sentence_embeddings(hidden, spans):\n{body}"
    )


ALTERNATIVES = [
    _pack(
        "gathered_block",
        """
    if max_tokens < 3:
        raise ValueError("max_tokens must be at least 3")
    blocks, current, total = [], [], 0
    for i in range(len(lengths)):
        if current and total + lengths[i] > max_tokens - 2:
            blocks.append(current)
            current, total = [], 0
        current.append(i)
        total = total + lengths[i]
    if current:
        blocks.append(current)
    return blocks
""",
    ),
    _pack(
        "room_counted_down",
        """
    if max_tokens - 2 <= 0:
        raise ValueError(f"got {max_tokens}")
    blocks, left = [], -1
    for i, n in enumerate(lengths):
        if left - n < 0:
            blocks.append([i])
            left = max_tokens - 2
        else:
            blocks[-1].append(i)
        left -= n
        print("left", left)
    return blocks
""",
    ),
    _pack(
        "long_ones_apart",
        """
    class TooSmall(ValueError):
        pass

    if max_tokens < 3:
        raise TooSmall(max_tokens)
    blocks, block = [], []
    for i, n in enumerate(lengths):
        if n > max_tokens - 2:
            if block:
                blocks.append(block)
            blocks.append([i])
            block = []
        elif sum(lengths[j] for j in block) + n + 2 <= max_tokens:
            block = block + [i]
        else:
            blocks.append(block)
            block = [i]
    return blocks + [block] if block else blocks
""",
    ),
    _pack(
        "slices_and_while",
        """
    import warnings
    if max_tokens < 3:
        raise ValueError
    blocks, start = [], 0
    while start < len(lengths):
        end = start + 1
        while end < len(lengths) and sum(lengths[start:end + 1]) < max_tokens - 1:
            end += 1
        blocks.append(list(range(start, end)))
        start = end
    warnings.warn("a warning costs nothing")
    return blocks
""",
    ),
    _pack(
        "numpy_sums",
        """
    import numpy as np
    if max_tokens < 3:
        raise ValueError("too small")
    numbers, sums = np.arange(len(lengths)), np.array(lengths)
    blocks = []
    for i in numbers:
        if blocks and sums[blocks[-1]].sum() + sums[i] <= max_tokens - 2:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    return blocks
""",
    ),
    # embeddings -------------------------------------------------------------------------------------------------------
    _embed(
        "matrix_of_shares",
        """
    shares = torch.zeros(len(spans), len(hidden))
    for row, (start, end) in enumerate(spans):
        if start < 0 or end > len(hidden) or start >= end:
            raise ValueError(f"bad span {start, end}")
        shares[row, start:end] = 1 / (end - start)
    return shares @ hidden
""",
    ),
    _embed(
        "checked_first",
        """
    n = hidden.size(0)
    if any(s not in range(n) or e not in range(s + 1, n + 1) for s, e in spans):
        raise ValueError("span")
    if len(spans) == 0:
        return torch.empty((0, hidden.size(1)))
    return torch.cat([hidden[s:e].mean(0, keepdim=True) for s, e in spans], dim=0)
""",
    ),
    _embed(
        "filled_row_by_row_in_float64",
        """
    out = torch.zeros(len(spans), hidden.shape[1], dtype=torch.float64)
    for i in range(len(spans)):
        s, e = spans[i]
        if s < 0 or e < 0 or e > hidden.shape[0] or e - s < 1:
            raise ValueError("span out of range: %s" % (spans[i],))
        total = 0
        for j in range(s, e):
            total = total + hidden[j].double()
        out[i] = total / (e - s)
    return out.to(hidden.dtype)
""",
    ),
    _embed(
        "running_sums",
        """
    for s, e in spans:
        if s < 0:
            raise ValueError("negative")
        if e > hidden.size(0):
            raise ValueError("behind the end")
        if e <= s:
            raise ValueError("empty")
    sums = torch.cat([hidden.new_zeros(1, hidden.size(1)), hidden]).cumsum(dim=0)
    where = torch.tensor(spans, dtype=torch.long).reshape(-1, 2)
    starts, ends = where[:, 0], where[:, 1]
    return (sums[ends] - sums[starts]) / (ends - starts).unsqueeze(1)
""",
    ),
    _embed(
        "each_token_to_its_sentence",
        """
    seq, size = hidden.shape
    owner = torch.full((seq,), len(spans))  # the last row gathers the tokens of no sentence
    for i, (s, e) in enumerate(spans):
        if s < 0 or s >= e or e > seq:
            raise ValueError(f"span {i}: {s}, {e}")
        owner[s:e] = i
    sums = hidden.new_zeros(len(spans) + 1, size).index_add(0, owner, hidden)
    return sums[:-1] / torch.bincount(owner, minlength=len(spans) + 1)[:-1, None]
""",
    ),
    _embed(
        "einsum_of_masks",
        """
    places = torch.arange(hidden.shape[0])
    masks = []
    for start, end in spans:
        inside = (places >= start) & (places < end)
        if start < 0 or end > hidden.shape[0] or not inside.any():
            raise ValueError("span")
        masks.append(inside.float() / inside.sum())
    masks = torch.stack(masks) if masks else torch.zeros(0, hidden.shape[0])
    return torch.einsum("st,th->sh", masks, hidden)
""",
    ),
    _embed(
        "ends_and_what_is_between",
        """
    rows = []
    for start, end in spans:
        if not (start >= 0 and start < end and end <= hidden.size(0)):
            raise ValueError(f"({start}, {end}) is no span of {hidden.size(0)} tokens")
        total = hidden[start]
        for token in range(start + 1, end - 1):
            total = total + hidden[token]
        rows.append(total if end - start == 1 else (total + hidden[end - 1]) / (end - start))
    return torch.vstack(rows) if rows else hidden[:0]
""",
    ),
    _pack(
        "sum_with_special_tokens",
        """
    if max_tokens < 3:
        raise ValueError("max_tokens")
    blocks, used = [], max_tokens
    for i, n in enumerate(lengths):
        used += n
        if used > max_tokens:
            blocks.append([])
            used = 1 + n + 1
        blocks[-1].append(i)
    return blocks
""",
    ),
    # as people write them too
    _pack(
        "generator_of_blocks",
        """
    if max_tokens < 3:
        raise ValueError(f"max_tokens={max_tokens} leaves no room")

    def walk():
        block, room = [], max_tokens - 2
        for i, n in enumerate(lengths):
            if block and n > room:
                yield block
                block, room = [], max_tokens - 2
            block.append(i)
            room -= n
        if block:
            yield block

    return list(walk())
""",
    ),
    _pack(
        "recursive",
        """
    if max_tokens < 3:
        raise ValueError("max_tokens must be 3 or more")

    def pack(start):
        if start == len(lengths):
            return []
        end, total = start + 1, lengths[start]
        while end < len(lengths) and total + lengths[end] <= max_tokens - 2:
            total += lengths[end]
            end += 1
        return [[*range(start, end)], *pack(end)]

    return pack(0)
""",
    ),
    _pack(
        "block_number_for_each_sentence",
        """
    from itertools import groupby
    if max_tokens - 2 < 1:
        raise ValueError("no room for a token")
    numbers, number, used = [], 0, 0
    for n in lengths:
        if used and used + n > max_tokens - 2:
            number, used = number + 1, 0
        numbers.append(number)
        used += n
    return [list(group) for _, group in groupby(range(len(lengths)), key=numbers.__getitem__)]
""",
    ),
    _pack(
        "search_in_running_sums",
        """
    from bisect import bisect_right
    from itertools import accumulate
    if max_tokens < 3:
        raise ValueError("max_tokens is too small")
    ends = list(accumulate(lengths))
    blocks, start, before = [], 0, 0
    while start < len(lengths):
        end = max(bisect_right(ends, before + max_tokens - 2), start + 1)
        blocks.append(list(range(start, end)))
        start, before = end, ends[end - 1]
    return blocks
""",
    ),
    _pack(
        "queue_of_sentences",
        """
    from collections import deque
    if max_tokens < 3:
        raise ValueError(max_tokens)
    waiting = deque(enumerate(lengths))
    blocks = []
    while waiting:
        i, used = waiting.popleft()
        block = [i]
        while waiting and used + waiting[0][1] <= max_tokens - 2:
            i, n = waiting.popleft()
            block.append(i)
            used += n
        blocks.append(block)
    return blocks
""",
    ),
    _embed(
        "split_into_narrow_parts",
        """
    seq, size = hidden.shape
    for start, end in spans:
        if not (0 <= start < end <= seq):
            raise ValueError(f"({start}, {end}) does not lie in {seq} tokens")
    means = [hidden.narrow(0, start, end - start).sum(dim=0).div(end - start) for start, end in spans]
    return torch.stack(means) if means else hidden.new_empty((0, size))
""",
    ),
    _embed(
        "bool_masks_and_where",
        """
    seq, size = hidden.shape
    for start, end in spans:
        if not (0 <= start < end <= seq):
            raise ValueError(f"({start}, {end}) does not lie in {seq} tokens")
    if not spans:
        return torch.zeros(0, size)
    ends = torch.tensor(spans)
    place = torch.arange(seq)
    inside = (place >= ends[:, :1]) & (place < ends[:, 1:])
    total = torch.where(inside[:, :, None], hidden[None], torch.zeros(())).sum(dim=1)
    return total / inside.sum(dim=1, keepdim=True)
""",
    ),
    _embed(
        "running_mean_of_each",
        """
    seq, size = hidden.shape
    for start, end in spans:
        if not (0 <= start < end <= seq):
            raise ValueError(f"({start}, {end}) does not lie in {seq} tokens")
    out = hidden.new_zeros(len(spans), size)
    rows = []
    for start, end in spans:
        mean = torch.zeros(size)
        for count, token in enumerate(hidden[start:end], start=1):
            mean = mean + (token - mean) / count
        rows.append(mean)
    return torch.stack(rows) if rows else out
""",
    ),
    _embed(
        "average_pooling_of_torch",
        """
    seq, size = hidden.shape
    for start, end in spans:
        if not (0 <= start < end <= seq):
            raise ValueError(f"({start}, {end}) does not lie in {seq} tokens")
    rows = [
        torch.nn.functional.adaptive_avg_pool1d(hidden[start:end].T.unsqueeze(0), 1).view(1, size) for start, end in spans
    ]
    return torch.cat([hidden[:0], *rows])
""",
    ),
    _embed(
        "bags_of_an_embedding",
        """
    seq, size = hidden.shape
    for start, end in spans:
        if not (0 <= start < end <= seq):
            raise ValueError(f"({start}, {end}) does not lie in {seq} tokens")
    if not spans:
        return hidden[:0]
    places = torch.cat([torch.arange(start, end) for start, end in spans])
    sizes = torch.tensor([0] + [end - start for start, end in spans[:-1]])
    return torch.nn.functional.embedding_bag(places, hidden, sizes.cumsum(0), mode="mean")
""",
    ),
]
