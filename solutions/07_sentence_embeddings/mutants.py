"""Known wrong answers of unit 07: blocks that are too full or too empty, spans that are off by one."""

from course_utils.engine.making.units import Mutant

PACK, EMBED = "pack_sentences", "sentence_embeddings"
ROOM = "room = max_tokens - SPECIAL_TOKENS"
REFUSE = "if room < 1:"
FULL = "if not blocks or used + length > room:"
RESET = "used = 0\n        blocks[-1]"
PUT = "blocks[-1].append(index)"
COUNT = "used += length"

SPAN = "if not 0 <= start < end <= seq:"
ROW = "rows.append(hidden[start:end].mean(dim=0))"
STACK = "embeddings = torch.stack(rows) if rows else hidden.new_zeros(0, hidden_size)"


def _pack(name: str, hint: str, loses: str, *change: tuple[str, str], source: str = "") -> Mutant:
    checks = tuple(f"{PACK}-{check}" for check in loses.split())
    return Mutant(name=name, exercise=PACK, hint=hint, loses=checks, change=change, source=source)


def _embed(name: str, hint: str, loses: str, *change: tuple[str, str], source: str = "") -> Mutant:
    checks = tuple(f"{EMBED}-{check}" for check in loses.split())
    return Mutant(name=name, exercise=EMBED, hint=hint, loses=checks, change=change, source=source)


def _walk(body: str) -> str:
    """An answer that gathers a block of its own, with a mistake in what it does with it."""
    return f"""
def pack_sentences(lengths, max_tokens):
    room = max_tokens - 2
    if room < 1:
        raise ValueError("no room")
    blocks, block, used = [], [], 0
{body}
    return blocks
"""


MUTANTS = [
    # room
    _pack(
        "special_tokens_forgotten",
        "special_tokens_forgotten",
        "room",
        (ROOM, "room = max_tokens"),
        (REFUSE, "if max_tokens < 3:"),
    ),
    _pack(
        "room_for_one_special_token",
        "one_special_token",
        "room",
        (ROOM, "room = max_tokens - 1"),
        (REFUSE, "if max_tokens < 3:"),
    ),
    _pack("exact_fit_refused", "exact_fit_refused", "room", (FULL, "if not blocks or used + length >= room:")),
    _pack(
        "special_tokens_for_each_sentence",
        "special_tokens_each",
        "room",
        (COUNT, "used += length + SPECIAL_TOKENS"),
    ),
    _pack("one_token_more_for_each_sentence", "one_more_each", "room", (COUNT, "used += length + 1")),
    _pack(
        "room_in_the_first_block_only",
        "room_in_first_block_only",
        "room",
        source="""
def pack_sentences(lengths, max_tokens):
    if max_tokens < 3:
        raise ValueError("no room")
    blocks, block, used = [], [], 2
    for index, length in enumerate(lengths):
        if block and used + length > max_tokens:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    if block:
        blocks.append(block)
    return blocks
""",
    ),
    # blocks
    _pack("one_sentence_each", "not_greedy", "blocks room long empty errors", (FULL, "if True:")),
    _pack("sum_not_reset", "sum_not_reset", "blocks", ("blocks.append([])\n            used = 0", "blocks.append([])")),
    _pack("counted_from_one", "counted_from_one", "blocks", ("enumerate(lengths)", "enumerate(lengths, start=1)")),
    _pack("lengths_for_indices", "lengths_for_indices", "blocks", (PUT, "blocks[-1].append(length)")),
    _pack("counted_in_each_block", "counted_in_each_block", "blocks", (PUT, "blocks[-1].append(len(blocks[-1]))")),
    _pack("sentences_counted", "sentences_counted", "blocks room long", (COUNT, "used += 1")),
    _pack(
        "lengths_used_up",
        "lengths_used_up",
        "blocks",
        (COUNT, "used += lengths[0]\n        lengths.pop(0)"),
        ("enumerate(lengths)", "enumerate(list(lengths))"),
    ),
    _pack(
        "gaps_filled",
        "gaps_filled",
        "blocks",
        source="""
def pack_sentences(lengths, max_tokens):
    room = max_tokens - 2
    if room < 1:
        raise ValueError("no room")
    blocks, used = [], []
    for index, length in enumerate(lengths):
        for block, tokens in enumerate(used):
            if tokens + length <= room:
                blocks[block].append(index)
                used[block] += length
                break
        else:
            blocks.append([index])
            used.append(length)
    return blocks
""",
    ),
    _pack(
        "longest_first",
        "reordered",
        "blocks room",
        source="""
def pack_sentences(lengths, max_tokens):
    room = max_tokens - 2
    if room < 1:
        raise ValueError("no room")
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    blocks, used = [], 0
    for index in order:
        if not blocks or used + lengths[index] > room:
            blocks.append([])
            used = 0
        blocks[-1].append(index)
        used += lengths[index]
    return blocks
""",
    ),
    _pack(
        "last_block_lost",
        "last_block_lost",
        "blocks",
        source=_walk("""
    for index, length in enumerate(lengths):
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
"""),
    ),
    _pack(
        "next_sentence_lost",
        "next_sentence_lost",
        "blocks long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        else:
            block.append(index)
            used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "closed_when_too_full",
        "closed_too_late",
        "blocks room long",
        source=_walk("""
    for index, length in enumerate(lengths):
        block.append(index)
        used += length
        if used > room:
            blocks.append(block)
            block, used = [], 0
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "looks_ahead_one_too_short",
        "last_two_joined",
        "blocks",
        source=_walk("""
    for i in range(len(lengths)):
        block.append(i)
        used += lengths[i]
        if i < len(lengths) - 2 and used + lengths[i + 1] > room:
            blocks.append(block)
            block, used = [], 0
    if block:
        blocks.append(block)
"""),
    ),
    # long sentences
    _pack(
        "empty_block_before_a_long_one",
        "empty_block",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "long_ones_dropped", "long_dropped", "long", (FULL, f"if length > room:\n            continue\n        {FULL}")
    ),
    _pack(
        "long_ones_joined", "long_joined", "long", (FULL, "if not blocks or (used + length > room and length <= room):")
    ),
    _pack(
        "long_ones_refused",
        "long_refused",
        "long",
        (FULL, f"if length > room:\n            raise ValueError('too long')\n        {FULL}"),
    ),
    _pack(
        "long_ones_split",
        "long_split",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        while length > room:
            blocks.append([index])
            length -= room
        block.append(index)
        used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "long_ones_in_pieces_of_their_own",
        "long_split",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        if length > room:
            blocks.extend([index] for _ in range(-(-length // room)))
        else:
            block.append(index)
            used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "long_ones_before_the_open_block",
        "long_overtakes",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if length > room:
            blocks.append([index])
            continue
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "long_ones_before_the_open_block_and_it_closed",
        "long_overtakes",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if length > room:
            blocks.append([index])
            if block:
                blocks.append(block)
            block, used = [], 0
            continue
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    if block:
        blocks.append(block)
"""),
    ),
    _pack(
        "empty_block_behind_a_last_long_one",
        "empty_block_at_end",
        "long",
        source=_walk("""
    if not lengths:
        return []
    for index, length in enumerate(lengths):
        if length > room:
            if block:
                blocks.append(block)
            blocks.append([index])
            block, used = [], 0
            continue
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    blocks.append(block)
"""),
    ),
    _pack(
        "last_long_one_dropped",
        "long_dropped",
        "long",
        source=_walk("""
    for index, length in enumerate(lengths):
        if block and used + length > room:
            blocks.append(block)
            block, used = [], 0
        block.append(index)
        used += length
    if block and used <= room:
        blocks.append(block)
"""),
    ),
    # nothing to pack
    _pack(
        "one_empty_block",
        "one_empty_block",
        "empty",
        ("for index, length", "if not lengths:\n        return [[]]\n    for index, length"),
    ),
    _pack(
        "largest_of_nothing", "largest_of_nothing", "empty", ("used = 0  #", "longest = max(lengths)\n    used = 0  #")
    ),
    # errors
    _pack("no_refusal", "no_refusal", "errors", (REFUSE, "if False:")),
    _pack("refused_by_assert", "refused_by_assert", "errors", (REFUSE, "assert room >= 1\n    if False:")),
    _pack("refuses_from_three_on", "refuses_from_three_on", "errors", (REFUSE, "if room <= 1:")),
    _pack("only_zero_refused", "no_room_for_special", "errors", (REFUSE, "if max_tokens <= 0:")),
    _pack("only_one_refused", "no_room_for_special", "errors", (REFUSE, "if max_tokens < SPECIAL_TOKENS:")),
    # embeddings: values
    _embed("end_inclusive", "end_inclusive", "values", (ROW, "rows.append(hidden[start : end + 1].mean(dim=0))")),
    _embed(
        "shifted_by_cls",
        "shifted_by_cls",
        "values",
        (ROW, "rows.append(hidden[min(start + 1, seq - 1) : end + 1].mean(dim=0))"),
    ),
    _embed(
        "first_token_left_out",
        "first_token_left_out",
        "values",
        (ROW, "rows.append(hidden[start + (end - start > 1) : end].mean(dim=0))"),
    ),
    _embed(
        "end_minus_one",
        "last_token_left_out",
        "values",
        (ROW, "rows.append(hidden[start : max(end - 1, start + 1)].mean(dim=0))"),
    ),
    _embed(
        "end_minus_one_and_nothing_left",  # a span of one token gives NaN
        "last_token_left_out",
        "values",
        (ROW, "rows.append(hidden[start : end - 1].mean(dim=0))"),
    ),
    _embed("both_ends", "both_ends_only", "values", (ROW, "rows.append((hidden[start] + hidden[end - 1]) / 2)")),
    _embed(
        "sum_by_the_root",
        "divided_by_root",
        "values",
        (ROW, "rows.append(hidden[start:end].sum(dim=0) / (end - start) ** 0.5)"),
    ),
    _embed("in_float64", "another_type", "values", (ROW, "rows.append(hidden[start:end].double().mean(dim=0))")),
    _embed("sum_for_mean", "sum_for_mean", "values", (ROW, "rows.append(hidden[start:end].sum(dim=0))")),
    _embed("largest_for_mean", "largest_for_mean", "values", (ROW, "rows.append(hidden[start:end].amax(dim=0))")),
    _embed("divided_by_seq", "divided_by_seq", "values", (ROW, "rows.append(hidden[start:end].sum(dim=0) / seq)")),
    _embed(
        "end_as_length",
        "end_as_length",
        "values",
        (ROW, "rows.append(hidden[start : start + max(end, 1)].mean(dim=0))"),
    ),
    _embed(
        "first_token_for_all", "first_token_only", "values gradient empty errors", (ROW, "rows.append(hidden[start])")
    ),
    _embed(
        "last_token_for_all", "last_token_only", "values gradient empty errors", (ROW, "rows.append(hidden[end - 1])")
    ),
    _embed(
        "mean_over_columns",
        "mean_over_columns",
        "values gradient empty errors",
        (ROW, "rows.append(hidden[start:end].mean(dim=1)[:1].expand(hidden_size))"),
    ),
    _embed("sorted_spans", "order_lost", "values", ("in spans:", "in sorted(spans):")),
    _embed(
        "running_mean",
        "earlier_sentences",
        "values",
        (ROW, "rows.append(hidden[spans[0][0] : max(end, spans[0][0] + 1)].mean(dim=0))"),
    ),
    _embed(
        "running_sums_without_a_zero",
        "no_empty_sum",
        "values",
        (ROW, "rows.append((sums[end - 1] - sums[start - 1]) / (end - start))"),
        ("rows = []", "rows, sums = [], hidden.cumsum(dim=0)"),
    ),
    _embed(
        "last_token_cut_off",
        "ends_cut_off",
        "values",
        (ROW, "rows.append(hidden[start : min(end, seq - 1)].mean(dim=0))"),
    ),
    _embed(
        "first_token_cut_off", "ends_cut_off", "values", (ROW, "rows.append(hidden[max(start, 1) : end].mean(dim=0))")
    ),
    _embed(
        "special_tokens_cut_off",
        "ends_cut_off",
        "values",
        (ROW, "rows.append(hidden[max(start, 1) : min(end, seq - 1)].mean(dim=0))"),
    ),
    _embed(
        "running_sums_behind_the_end",
        "no_empty_sum",
        "values",
        (ROW, "rows.append((sums[end] - sums[start]) / (end - start))"),
        ("rows = []", "rows, sums = [], hidden.cumsum(dim=0) - hidden"),
    ),
    # embeddings: gradient
    _embed("detached", "cut_gradient", "gradient", (ROW, "rows.append(hidden[start:end].detach().mean(dim=0))")),
    _embed(
        "through_numpy",
        "cut_gradient",
        "gradient",
        (ROW, "rows.append(torch.from_numpy(hidden.detach().numpy()[start:end].mean(axis=0)))"),
    ),
    # embeddings: no span
    _embed("stack_of_nothing", "stack_of_nothing", "empty", (STACK, "embeddings = torch.stack(rows)")),
    _embed(
        "flat_nothing", "width_lost", "empty", (STACK, "embeddings = torch.stack(rows) if rows else torch.empty(0)")
    ),
    _embed(
        "one_row_of_zeros",
        "row_for_nothing",
        "empty",
        (STACK, "embeddings = torch.stack(rows) if rows else hidden.new_zeros(1, hidden_size)"),
    ),
    # embeddings: errors
    _embed("nothing_refused", "nothing_refused", "errors", (SPAN, "if False:")),
    _embed(
        "empty_not_refused", "empty_not_refused", "errors", (SPAN, "if not (0 <= start <= seq and 0 <= end <= seq):")
    ),
    _embed("end_not_looked_at", "end_not_checked", "errors", (SPAN, "if not 0 <= start < end:")),
    _embed("negative_not_refused", "negative_not_refused", "errors", (SPAN, "if not start < end <= seq:")),
    _embed(
        "clamped",
        "clamped",
        "errors",
        (SPAN, "start, end = max(start, 0), min(end, seq)\n        if start >= end:"),
    ),
    _embed(
        "first_span_looked_at",
        "first_span_only",
        "errors",
        (SPAN, "if (start, end) == tuple(spans[0]) and not 0 <= start < end <= seq:"),
    ),
    _embed(
        "refused_by_the_slice",
        "negative_not_refused",
        "errors",
        (SPAN, "if end > seq or len(hidden[start:end]) == 0:"),
    ),
    _embed("last_token_refused", "last_token_refused", "errors", (SPAN, "if not 0 <= start < end < seq:")),
    _embed("first_token_refused", "first_token_refused", "errors", (SPAN, "if not 0 < start < end <= seq:")),
    _embed("index_error", "other_error", "errors", ("raise ValueError(", "raise IndexError(")),
    _embed("assert", "refused_by_assert_spans", "errors", (SPAN, "assert 0 <= start < end <= seq\n        if False:")),
    _embed(
        "of_length_1",
        "vectors_of_length_1",
        "values",
        (ROW, "rows.append(torch.nn.functional.normalize(hidden[start:end].mean(dim=0), dim=0))"),
    ),
]
