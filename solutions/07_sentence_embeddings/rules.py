"""Rules of unit 07: sentences in blocks, and a vector for each sentence.

Notable choices:
- in `blocks` every length is a multiple of ten, and so the blocks are the same whether or not room is left for two
  more tokens: that is paid for in `room`
- `room` and `long` look only at how many sentences the blocks hold, so that a wrong number of a sentence, or a last
  block that went missing, is paid for in `blocks` alone; so `long` compares with the learner's own blocks where each
  long sentence is one that just fits
- where later blocks hold one sentence each whatever its length, `blocks` pays, and `room` does not look at them
- `values` compares a span that touches an end with the same span inside a longer sequence, and only where it is not
  refused: a refusal is paid for in `errors`
- spans are sentences of one block, so they do not overlap: an answer may give each token to its one sentence
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Fault, Student, StudentError, error_of
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Observations, rule

TEN = 10


def _blocks(student: Student, lengths: list[int], max_tokens: int) -> list[Any]:
    blocks = student.call("pack_sentences", lengths, max_tokens)
    if not isinstance(blocks, list | tuple):
        raise Fault("odd_value")
    return list(blocks)


def _counts(blocks: list[Any], first: int | None = None) -> list[int]:
    """How many sentences each of the first blocks holds; None stands for all blocks."""
    return [len(block) if isinstance(block, list | tuple) else -1 for block in blocks[:first]]


def _roomy(draw: Draw) -> int:
    """A max_tokens so that a few more or fewer tokens in a block of tens make no difference."""
    return TEN * int(draw.tens) + 7


def _packs(student: Student, draw: Draw) -> bool:
    """Whether the number of blocks follows from the lengths, or from what a block may hold."""

    def find(draw: Draw) -> bool:
        short, count = TEN, 2 * draw.tens
        asked = [([short] * count, _roomy(draw))] * 2
        asked += [([TEN * draw.tens] * count, _roomy(draw)), ([short] * count, TEN + 7)]
        blocks = student.ask_all([student.request("pack_sentences", *one) for one in asked])
        first, again, *others = (len(each) if isinstance(each, list | tuple) else -1 for each in blocks)
        return first == again and any(first != other for other in others)

    return content.has_content(student, draw, "pack_sentences", find)


@rule("pack_sentences", "blocks")
def pack_sentences_blocks(student: Student, draw: Draw) -> Observations:
    """Sentences one after the other fill a block as long as they fit; then the next block starts."""
    lengths = [TEN] * draw.tens + [TEN * (1 + int(n)) for n in draw.integers(draw.tens, draw.sentences)]
    # a short one after one that did not fit: it belongs to the new block, not to the gap in the one before
    lengths += [TEN * (draw.tens - 1), TEN * 2, TEN, TEN]
    after = student.inputs_after("pack_sentences", lengths, _roomy(draw))[0]
    return {
        "blocks": _blocks(student, lengths, _roomy(draw)),
        "blocks, the last sentence alone": _blocks(student, [*lengths, TEN * draw.tens], _roomy(draw)),
        "lengths kept": after == lengths,
    }


@rule("pack_sentences", "room")
def pack_sentences_room(student: Student, draw: Draw) -> Observations:
    """Two sentences share a block, the first or a later one, up to max_tokens less two, and no further."""
    most = draw.max_tokens
    first = 3 + int(draw.integers(most - 8, 1))
    together, later = {}, {}
    for total in range(most - 4, most + 2):
        pair = [first, total - first]
        lengths = [*pair, most - 4, most - 4]  # so that the first block is not the last
        together[str(total - most)] = _counts(_blocks(student, lengths, most), 1)
        lengths = [most - 2, *pair, most - 2, most - 2]  # full blocks before and behind
        later[str(total - most)] = _counts(_blocks(student, lengths, most), 2)[1:]
    never = all(count == [1] for count in later.values())
    return {"sentences in the first block": together, "sentences in a later block": together if never else later}


@rule("pack_sentences", "long")
def pack_sentences_long(student: Student, draw: Draw) -> Observations:
    """A sentence that fits into no block stands alone, wherever it comes, and in one block; the others do not move."""
    short, long, full = TEN, TEN * (draw.tens + draw.over), TEN * draw.tens
    lists = {
        "in the middle": ([full, long, short, full, full], 4),
        "first": ([long, short, full, full], 3),
        "three": ([full, long, long, long, full, full], 5),
        "behind an open block": ([short, short, long, short, full, full], 0),
        "at the end": ([full, short, long], 0),
    }
    seen: Observations = {}
    for name, (lengths, first) in lists.items():
        blocks = _blocks(student, lengths, _roomy(draw))
        fitting = _blocks(student, [min(length, full) for length in lengths], _roomy(draw))
        if first:
            seen[name] = _counts(blocks, first - 1)
        else:
            seen[f"{name}: blocks like those where it just fits"] = _counts(blocks) == _counts(fitting)
        seen[f"{name}: blocks more than where it just fits"] = len(blocks) - len(fitting)
    return seen | {CONTENT: _packs(student, draw)}


@rule("pack_sentences", "empty")
def pack_sentences_empty(student: Student, draw: Draw) -> Observations:
    """No sentence needs no block."""
    return {"blocks": _blocks(student, [], draw.max_tokens), CONTENT: _packs(student, draw)}


@rule("pack_sentences", "errors")
def pack_sentences_errors(student: Student, draw: Draw) -> Observations:
    """A block without room for a single token is refused, one with room for one is not."""
    lengths = [1] * draw.tens
    raised = {str(most): student.error("pack_sentences", lengths, most) for most in (2, 1, 0, -3)}
    refused = student.error("pack_sentences", lengths, 3) == "ValueError"
    return {"raised": raised, "room for one is refused": refused, CONTENT: _packs(student, draw)}


# embeddings -------------------------------------------------------------------------------------------------------


def _takes_inside(student: Student, draw: Draw) -> bool:
    """Whether a token inside a span moves its embedding, and not every token outside does."""

    def find(draw: Draw) -> bool:
        start = 2 + int(draw.integers(draw.seq - 7, 1))
        hidden, spans = draw.normal(draw.seq, draw.hidden_size), [(start, start + 4)]
        changed = []
        for position in (start + 1, start + 2, 0, draw.seq - 1):
            tokens = hidden.clone()
            tokens[position] += 50.0
            changed.append(student.request("sentence_embeddings", tokens, spans))
        same = student.request("sentence_embeddings", hidden, spans)
        *inside, before, behind = content.moved(student, draw.seed_to_tell, same, changed)
        return any(inside) and not (before and behind)

    return content.has_content(student, draw, "sentence_embeddings", find)


def _inner_spans(draw: Draw) -> list[tuple[int, int]]:
    """Spans of several lengths that touch neither end of the sequence: one token, a gap between two, not in order."""
    spans = [(1, 2), (2, 4), (5, 7), (7, draw.seq - 1)]
    mixed = [spans[int(i)] for i in torch.argsort(draw.uniform(len(spans)))]
    return mixed if mixed != spans else mixed[::-1]


def _ends(student: Student, draw: Draw) -> Observations:
    """Embeddings of spans that touch an end, less those of the same tokens inside a longer sequence."""
    seq, shape = draw.seq, (1, draw.hidden_size)
    longer, middle = draw.normal(seq + 2, draw.hidden_size), 3 + int(draw.integers(seq - 5, 1))
    spans = {"start": (0, middle), "end": (middle, seq), "both": (0, seq)}
    requests = []
    for start, end in spans.values():
        requests.append(student.request("sentence_embeddings", longer[1:-1], [(start, end)]))
        requests.append(student.request("sentence_embeddings", longer, [(start + 1, end + 1)]))
    answers = student.try_all(requests)
    far, raised = {}, {}
    for name, at_end, inside in zip(spans, answers[::2], answers[1::2], strict=True):
        refused = error_of(at_end) == "ValueError"
        raised[name] = "" if refused else error_of(at_end)
        far[name] = torch.zeros(shape)
        if _is_row(inside, shape) and not isinstance(at_end, StudentError):
            far[name] = at_end - inside if _is_row(at_end, shape) else torch.full(shape, torch.nan)
    return {"spans at the ends less the same inside": far, "raised at the ends": raised}


def _is_row(value: Any, shape: tuple[int, int]) -> bool:
    """Whether a value is a tensor of one row; where a row is none inside a sequence, other observations tell."""
    return isinstance(value, Tensor) and value.shape == shape and not value.is_complex()


@rule("sentence_embeddings", "values")
def sentence_embeddings_values(student: Student, draw: Draw) -> Observations:
    """Each row is the mean over the tokens of one span, the end left out, in the order of the spans."""
    hidden, spans = draw.normal(draw.seq, draw.hidden_size), _inner_spans(draw)
    after = student.inputs_after("sentence_embeddings", hidden, spans)
    return {
        "embeddings": student.tensor("sentence_embeddings", hidden, spans),
        "embedding of one span": student.tensor("sentence_embeddings", hidden, spans[:1]),
        "inputs kept": isinstance(after[0], Tensor) and torch.equal(after[0], hidden) and after[1] == spans,
        **_ends(student, draw),
    }


@rule("sentence_embeddings", "gradient")
def sentence_embeddings_gradient(student: Student, draw: Draw) -> Observations:
    """The gradient of every sentence reaches its tokens; a maximum in place of the mean is paid for in `values`."""
    hidden, spans = draw.apart(draw.seq, draw.hidden_size), _inner_spans(draw)
    student.tensor("sentence_embeddings", hidden, spans)  # nothing that is no tensor has a slope
    inside = _takes_inside(student, draw)
    return {"slope": student.slope("sentence_embeddings", hidden, spans), CONTENT: inside}


@rule("sentence_embeddings", "empty")
def sentence_embeddings_empty(student: Student, draw: Draw) -> Observations:
    """Without spans there are no rows, and each of them would be as wide as a token."""
    rows = student.tensor("sentence_embeddings", draw.normal(draw.seq, draw.hidden_size), [])
    return {"shape": list(rows.shape), CONTENT: _takes_inside(student, draw)}


@rule("sentence_embeddings", "errors")
def sentence_embeddings_errors(student: Student, draw: Draw) -> Observations:
    """A span without tokens or outside the sequence is refused, one that touches an end is not."""
    hidden, seq = draw.normal(draw.seq, draw.hidden_size), draw.seq
    wrong = {
        "empty": (3, 3),
        "backwards": (4, 2),
        "too long": (2, seq + 1),
        "behind the end": (seq + 1, seq + 3),
        "negative start": (-3, 2),
        "both negative": (-4, -1),
    }
    raised = {name: student.error("sentence_embeddings", hidden, [(1, 3), span]) for name, span in wrong.items()}
    raised["too long, and the first"] = student.error("sentence_embeddings", hidden, [wrong["too long"], (1, 3)])
    right = [(0, 1), (0, 3), (seq - 1, seq), (seq - 3, seq), (0, seq)]
    refused = [student.error("sentence_embeddings", hidden, [span]) == "ValueError" for span in right]
    inside = _takes_inside(student, draw)
    return {"raised": raised, "spans at the ends are refused": refused, CONTENT: inside}


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "pack_sentences": [dict(sentences=9, tens=4, over=2, max_tokens=16)],
    "sentence_embeddings": [dict(seq=9, hidden_size=5)],
}
