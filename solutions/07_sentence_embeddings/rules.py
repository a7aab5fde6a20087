"""Rules of unit 07: sentences in blocks, and a vector for each sentence.

Notable choices:
- in `blocks` every length is a multiple of a unit, and room is left for half a unit more, so the blocks are the same
  where a few tokens too many or too few are counted, for a block or for each sentence: that is paid for in `room`
- `room` looks at pairs, where a block that may not be quite full and one token more for each sentence are the same,
  and at threes, where they are not
- `room` and `long` look only at how many sentences the blocks hold, so that a wrong number of a sentence, or a last
  block that went missing, is paid for in `blocks` alone; so `long` compares with the learner's own blocks where each
  long sentence is one that just fits
- where later blocks hold one sentence each whatever its length, `blocks` pays, and `room` does not look at them
- `values` compares a span that touches an end with the same span inside a longer sequence, and only where it is not
  refused: a refusal is paid for in `errors`
- spans are sentences of one block, so they do not overlap: an answer may give each token to its one sentence; three of
  them are so long that their first, last and inner tokens are told apart
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Fault, Student, StudentError, answered, as_tensor, error_of
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

UNIT = 30  # tokens; up to seven sentences a block with two tokens too many or too few each stay within half of it
REFUSED = (2, 1, 0, -3)  # max_tokens without room for a token

Spans = list[tuple[int, int]]


def _blocks(answer: Any) -> list[Any]:
    blocks = answered(answer)
    if not isinstance(blocks, list | tuple):
        raise Fault("odd_value")
    return list(blocks)


def _counts(answer: Any) -> list[int]:
    """How many sentences each block holds."""
    return [len(block) if isinstance(block, list | tuple) else -1 for block in _blocks(answer)]


@looks("pack_sentences", blocks=Check(), room=Check(), long=Check(), empty=Check(once=True), errors=Check(once=True))
def pack_sentences(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Sentences one after the other fill a block as long as they fit; a long one stands alone in one block."""
    full, roomy, most = UNIT * draw.tens, UNIT * draw.tens + UNIT // 2 + 2, draw.max_tokens
    lengths = [UNIT] * draw.tens + [UNIT * (1 + int(n)) for n in draw.integers(draw.tens, draw.sentences)]
    # a short one after one that did not fit: it belongs to the new block, not to the gap in the one before
    lengths += [full - UNIT, UNIT * 2, UNIT, UNIT]
    asked: dict[str, tuple[list[int], int]] = {
        "blocks": (lengths, roomy),
        "blocks, the last sentence alone": ([*lengths, full], roomy),
        "many short": ([UNIT] * 2 * draw.tens, roomy),
        "many long": ([full] * 2 * draw.tens, roomy),
        "in blocks of one": ([UNIT] * 2 * draw.tens, UNIT + 7),
        "none": ([], most),
        **{str(most): ([1] * draw.tens, most) for most in (3, *REFUSED)},
    }
    first = 3 + int(draw.integers(most - 8, 1))
    for total in range(most - 4, most + 2):
        pair = [first, total - first]
        asked[f"first {total - most}"] = [*pair, most - 4, most - 4], most  # so that the first block is not the last
        asked[f"later {total - most}"] = [most - 2, *pair, most - 2, most - 2], most  # full blocks before and behind
    for total in (most - 4, most - 3, most - 2):
        asked[f"three {total - most}"] = [2, first - 2, total - first, most - 4, most - 4], most
    short, long = UNIT, full + UNIT * draw.over
    longs = {
        "in the middle": ([full, long, short, full, full], 3),  # and how many blocks are looked at
        "first": ([long, short, full, full], 2),
        "three": ([full, long, long, long, full, full], 4),
        "behind an open block": ([short, short, long, short, full, full], 0),
        "at the end": ([full, short, long], 0),
    }
    for name, (several, _) in longs.items():
        asked[name] = several, roomy
        asked[f"{name}, just fitting"] = [min(length, full) for length in several], roomy
    requests = [student.request("pack_sentences", *one) for one in asked.values()]
    requests[0] |= {"inputs": True}
    given = dict(zip(asked, student.try_all(requests), strict=True))
    after = None
    if not isinstance(given["blocks"], StudentError):
        given["blocks"], (after, _) = given["blocks"]

    def blocks() -> Observations:
        seen = {name: _blocks(given[name]) for name in ("blocks", "blocks, the last sentence alone")}
        return {**seen, "lengths kept": after == lengths}

    def room() -> Observations:
        firsts, later, threes = (
            {name: _counts(given[name])[at : at + 1] for name in given if name.startswith(start)}
            for start, at in (("first ", 0), ("later ", 1), ("three ", 0))
        )
        never = all(count == [1] for count in later.values())
        later = dict(zip(later, firsts.values(), strict=True)) if never else later
        return {"sentences in the first block": firsts | threes, "sentences in a later block": later}

    def long_ones() -> Observations:
        seen: Observations = {CONTENT: packs()}
        for name, (_, looked) in longs.items():
            counts, fitting = _counts(given[name]), _counts(given[f"{name}, just fitting"])
            if looked:
                seen[name] = counts[:looked]
            else:
                seen[f"{name}: blocks like those where it just fits"] = counts == fitting
            seen[f"{name}: blocks more than where it just fits"] = len(counts) - len(fitting)
        return seen

    def packs() -> bool:
        """Whether the number of blocks follows from the lengths, or from what a block may hold."""
        answers = [given[name] for name in ("many short", "many long", "in blocks of one")]
        counts = [len(each) if isinstance(each, list | tuple) else -1 for each in answers]
        return isinstance(answers[0], list | tuple) and any(counts[0] != other for other in counts[1:])

    def errors() -> Observations:
        raised = {str(most): error_of(given[str(most)]) for most in REFUSED}
        return {"raised": raised, "room for one is refused": error_of(given["3"]) == "ValueError", CONTENT: packs()}

    return {
        "blocks": blocks,
        "room": room,
        "long": long_ones,
        "empty": lambda: {"blocks": _blocks(given["none"]), CONTENT: packs()},
        "errors": errors,
    }


# embeddings -------------------------------------------------------------------------------------------------------


def _inner_spans(draw: Draw) -> Spans:
    """Spans that touch neither end of the sequence, not in order, with a gap: one token, three, four, and the rest."""
    spans = [(1, 2), (2, 5), (6, 10), (10, draw.seq - 1)]
    mixed = [spans[int(i)] for i in torch.argsort(draw.uniform(len(spans)))]
    return mixed if mixed != spans else mixed[::-1]


def _is_row(value: Any, like: Tensor) -> bool:
    """Whether a value is a tensor of one row; where a row is none inside a sequence, other observations tell."""
    return isinstance(value, Tensor) and value.shape == like.shape and not value.is_complex()


@looks("sentence_embeddings", values=Check(), gradient=Check(), empty=Check(once=True), errors=Check(once=True))
def sentence_embeddings(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Each row is the mean over the tokens of one span, the end left out; a span that is none is refused."""
    seq, spans = draw.seq, _inner_spans(draw)
    longer = draw.normal(seq + 2, draw.hidden_size)
    hidden, middle, row = longer[1:-1], 3 + int(draw.integers(seq - 5, 1)), torch.zeros(1, draw.hidden_size)
    at_ends = {"start": (0, middle), "end": (middle, seq), "both": (0, seq)}
    wrong = {
        "empty": (3, 3),
        "backwards": (4, 2),
        "too long": (2, seq + 1),
        "behind the end": (seq + 1, seq + 3),
        "negative start": (-3, 2),
        "both negative": (-4, -1),
    }
    right = [(0, 1), (0, 3), (seq - 1, seq), (seq - 3, seq), (0, seq)]
    asked: dict[str, tuple[Tensor, Spans]] = {
        "spans": (hidden, spans),
        "one span": (hidden, spans[:1]),
        "none": (hidden, []),
        **{f"{name}, inside": (longer, [(start + 1, end + 1)]) for name, (start, end) in at_ends.items()},
        **{f"{name}, at the end": (hidden, [span]) for name, span in at_ends.items()},
        **{name: (hidden, [(1, 3), span]) for name, span in wrong.items()},
        "too long, and the first": (hidden, [wrong["too long"], (1, 3)]),
        **{f"right {number}": (hidden, [span]) for number, span in enumerate(right)},
    }
    span = (6, 10)  # for what moves its embedding: its tokens, and those at both ends of the sequence
    for position in (*range(*span), 0, seq - 1):
        changed = hidden.clone()
        changed[position] += 50.0
        asked[f"another token {position}"] = changed, [span]
    asked["the same"] = asked["the same again"] = hidden, [span]
    requests = [student.request("sentence_embeddings", *one) for one in asked.values()]
    requests[0] |= {"inputs": True}
    given = dict(zip(asked, student.try_all(requests), strict=True))
    after: Any = (None, None)
    if not isinstance(given["spans"], StudentError):
        given["spans"], after = given["spans"]

    def takes_inside() -> bool:
        """Whether tokens inside a span move its embedding, more than one, and not both those outside do."""
        try:
            same = content.numbers(answered(given["the same"]))
            moved = [
                content.differ(same, content.numbers(answered(given[f"another token {position}"])))
                for position in (*range(*span), 0, seq - 1)
            ]
            repeated = content.repeats(same, content.numbers(answered(given["the same again"])))
        except (StudentError, Fault):
            return False
        return repeated and sum(moved[:-2]) > 1 and not all(moved[-2:])

    def values() -> Observations:
        embeddings, one = (as_tensor(answered(given[name])) for name in ("spans", "one span"))
        kept = isinstance(after[0], Tensor) and torch.equal(after[0], hidden) and after[1] == spans
        seen: Observations = {"embeddings": embeddings, "embedding of one span": one, "inputs kept": kept}
        seen["type"] = str(embeddings.dtype)
        # spans that touch an end, less the same tokens inside a longer sequence
        far, raised = {}, {}
        for name in at_ends:
            at_end, inside = given[f"{name}, at the end"], given[f"{name}, inside"]
            refused = error_of(at_end) == "ValueError"
            raised[name] = "" if refused else error_of(at_end)
            far[name] = row
            if _is_row(inside, row) and not isinstance(at_end, StudentError):
                far[name] = at_end - inside if _is_row(at_end, row) else torch.full(row.shape, torch.nan)
        return seen | {"spans at the ends less the same inside": far, "raised at the ends": raised}

    def gradient() -> Observations:
        """A maximum in place of the mean is paid for in `values`, and so is a mean of nothing for a single token."""
        as_tensor(answered(given["spans"]))  # nothing that is no tensor has a slope
        several = [(start, end) for start, end in spans if end - start > 1]
        slope = student.slope("sentence_embeddings", draw.apart(draw.seq, draw.hidden_size), several)
        return {"slope": slope, CONTENT: takes_inside()}

    def errors() -> Observations:
        raised = {name: error_of(given[name]) for name in (*wrong, "too long, and the first")}
        refused = [error_of(given[f"right {number}"]) == "ValueError" for number in range(len(right))]
        return {"raised": raised, "spans at the ends are refused": refused, CONTENT: takes_inside()}

    return {
        "values": values,
        "gradient": gradient,
        "empty": lambda: {"shape": list(as_tensor(answered(given["none"])).shape), CONTENT: takes_inside()},
        "errors": errors,
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "pack_sentences": [dict(sentences=9, tens=4, over=2, max_tokens=16)],
    "sentence_embeddings": [dict(seq=14, hidden_size=5)],
}
