"""Rules of unit 06: how far attention is spread, and what reaches the last layer.

Notable choices:
- `values` has no padding and no weight of 0, so that mistakes with either are paid for once, in `padding` or `zeros`
- `padding` and `zeros` compare the learner's own values with each other: bits for nats are paid for in `values` alone
- padded keys get a weight too small to be seen, so that an answer may leave them out or not
- which types of masks an answer takes is paid for in `padding` alone; weights that are changed whatever the mask says
  are paid for in `zeros` alone
- `product` compares several layers with the learner's own single layers, whatever `layer` says of these; it also wants
  the order of the layers to matter, or else a function that gives the identity would have it right
- a layer that stops with several sentences is looked at with one: its product may be right
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student, StudentError, answered, as_tensor
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import ask_unmasked, ask_with_each_type, changed, is_nothing, told_by_type
from course_utils.engine.judging.rule import CONTENT, AnyOf, Check, Observations, Part, looks

MATTERS = 1e-5  # rounding is below 1e-6; two layers in another order differ by over 5e-3, with each known mistake too
MOVED = 1e-3  # what other weights change is larger than this; an answer that no weight moves earns nothing
UNSEEN = 1e-12  # a weight whose share of any sum is below float32's precision, and that still has a logarithm


def _weights(draw: Draw, batch: int, seq: int) -> Tensor:
    """Weights (batch, heads, seq, seq) whose rows sum to 1: broad in some heads, narrow in others, none of them 0."""
    sharpness = 0.4 + 0.7 * torch.arange(draw.heads)[:, None, None]
    return torch.softmax(draw.normal(batch, draw.heads, seq, seq) * sharpness, dim=-1)


def _size(difference: Tensor) -> Tensor:
    """The largest number of a difference, so that a wrong shape of both sides is paid for elsewhere."""
    return difference.double().abs().max()


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)


@looks("attention_entropy", values=Check(), zeros=Check(), padding=Check())
def attention_entropy(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The mean over the queries that are tokens, in nats; a weight of 0 adds as much as one that is nearly 0.

    Padding is compared with the sentence cut off where its padding starts, and with a sentence that repeats its queries
    in the place of the padding, which leaves their mean as it is: one of the two has to hold.
    """
    weights = _weights(draw, draw.batch, draw.seq)
    uniform = torch.full_like(weights, 1 / draw.seq)
    seen = torch.tril(torch.ones(draw.seq, draw.seq))  # the first query has one key only
    narrowed = weights * seen / (weights * seen).sum(-1, keepdim=True)
    lengths = torch.tensor([draw.seq // share for share in draw.shares])
    tokens = torch.arange(draw.seq)
    mask = (tokens < lengths[:, None]).long()  # (sentences, seq)
    padded = torch.where(mask[:, None, None, :] == 0, UNSEEN, _weights(draw, len(lengths), draw.seq))
    padded = padded / padded.sum(-1, keepdim=True)
    short = [sentence[None, :, :n, :n] for sentence, n in zip(padded, lengths.tolist(), strict=True)]
    repeated = torch.stack([sentence[:, tokens % n] for sentence, n in zip(padded, lengths, strict=True)])
    order = torch.cat([tokens[::2], tokens[1::2]])  # padding between the tokens too, not only after them
    padded, mask = padded[:, :, order][..., order], mask[:, order]

    whole = {
        "weights": weights,
        "uniform": uniform,
        "half-way": (weights + uniform) / 2,
        "narrowed": narrowed,
        "nearly": torch.where(seen == 0, UNSEEN, narrowed),
        **{f"cut {number}": sentence for number, sentence in enumerate(short)},
    }

    whole["again"] = whole["half-way"]

    def ask(one: Tensor, ones: Tensor) -> list[Request]:
        return [student.request("attention_entropy", one, ones) | ({"inputs": True} if one is narrowed else {})]

    answers = ask_unmasked(student, whole.values(), ask)
    given = {name: answer for name, (answer,) in zip(whole, answers, strict=True)}
    after = None
    if not isinstance(given["narrowed"], StudentError):
        given["narrowed"], (after, _) = given["narrowed"]
    kept = isinstance(given["narrowed"], StudentError) or _equal(after, narrowed)

    def entropy(name: str) -> Tensor:
        return as_tensor(answered(given[name]))

    def measures_spread() -> bool:
        """Whether the mean of two maps has another result than the mean of theirs: any measure of how far they spread.

        A weight, or a mean of weights, is none.
        """
        names = ("weights", "uniform", "half-way", "again")
        return content.bends(*(content.numbers(entropy(name)) for name in names))

    def values() -> Observations:
        of_weights = entropy("weights")
        return {"entropy": of_weights, "entropy of equal weights": entropy("uniform"), "type": str(of_weights.dtype)}

    def zeros() -> Observations:
        with_zeros = entropy("narrowed")
        return {
            "with zeros and with nearly zeros": _size(with_zeros - entropy("nearly")),
            "weights move the result": bool(_size(with_zeros - entropy("uniform")) > MOVED),
            CONTENT: measures_spread(),
            "weights kept": kept,
        }

    def padding() -> Observations:
        typed = ask_with_each_type(student, mask, lambda typed: student.request("attention_entropy", padded, typed))
        one = next(answer[0] for answer in typed.values() if not isinstance(answer, StudentError))
        seen: Observations = {
            "shape": list(as_tensor(one).shape),
            CONTENT: measures_spread(),
            "weights changed by padding": kept and changed(typed, padded),
            "mask changed": changed(typed, mask, 1),
        }
        if seen["shape"] != [len(lengths), draw.heads]:
            return seen
        cut = torch.cat([entropy(f"cut {number}") for number in range(len(short))])
        seen["weights move the result"] = bool(_size(cut - cut.flatten()[0]) > MOVED)

        def less(value: Any) -> AnyOf:
            views = [as_tensor(value) - cut]
            if not is_nothing(views[0]):
                (whole_again,) = ask_unmasked(student, [repeated], ask)
                views.append(value - as_tensor(whole_again[0]))
            return AnyOf(views)

        return seen | told_by_type(typed, less)

    return {"values": values, "zeros": zeros, "padding": padding}


@looks("attention_rollout", layer=Check(), product=Check(), inputs=Check())
def attention_rollout(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Per layer the mean over the heads and the residual path; several layers give a product, the last one leftmost."""
    layers = [_weights(draw, draw.batch, draw.seq) for _ in range(draw.layers)]

    def ask(layers: list[Tensor]) -> tuple[list[Any], list[Any]]:
        """Answers to the list, to a tuple, and to the list backwards; and to each layer alone."""
        several = [layers, tuple(layers), layers[::-1]]
        requests = [student.request("attention_rollout", one) for one in [*several, *([layer] for layer in layers)]]
        requests[0] |= {"inputs": True}
        answers = student.try_all(requests)
        return answers[:3], answers[3:]

    several, alone = ask(layers)
    one = student.try_all([student.request("attention_rollout", [layers[0][:1]])])[0]
    in_batch = alone[0]
    if isinstance(in_batch, StudentError) and not isinstance(one, StudentError):
        layers = [layer[:1] for layer in layers]
        several, alone = ask(layers)

    def layer() -> Observations:
        if isinstance(in_batch, StudentError) and not isinstance(one, StudentError):
            # rows that are not divided row by row: their sums spread over as many sentences
            square = student.try_all([student.request("attention_rollout", [_weights(draw, draw.seq, draw.seq)])])[0]
            if not isinstance(square, StudentError):
                return {"any number of sentences": False}
        matrix = as_tensor(answered(in_batch))
        seen = {"matrix": matrix, "matrix of one sentence": as_tensor(answered(one)), "type": str(matrix.dtype)}
        return seen | {"any number of sentences": True}

    def product() -> Observations:
        matrix, backwards = as_tensor(answered(several[0])[0]), as_tensor(answered(several[2]))
        singles = [as_tensor(answered(single)).double() for single in alone]
        expected = singles[0]
        for single in singles[1:]:
            expected = single @ expected
        return {
            "distance from the product": _size(matrix - expected),
            "the order of layers matters": bool(_size(matrix - backwards) > MATTERS),
        }

    def inputs() -> Observations:
        listed, (after,) = answered(several[0])
        kept = isinstance(after, list) and len(after) == len(layers)
        return {
            "tuple as list": _size(as_tensor(answered(several[1])) - as_tensor(listed)),
            "list kept": kept and all(_equal(a, b) for a, b in zip(after, layers, strict=True)),
            "weights kept": isinstance(after, list) and all(any(_equal(a, b) for b in layers) for a in after),
            CONTENT: weights_move(),
        }

    def weights_move() -> bool:
        """Whether other layers, or the same in another order, have another result."""
        first, second = (content.numbers(answered(single)) for single in alone[:2])
        moved = content.differ(content.numbers(answered(several[0])[0]), content.numbers(answered(several[2])))
        return moved or content.differ(first, second)

    return {"layer": layer, "product": product, "inputs": inputs}


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "attention_entropy": [dict(batch=2, heads=3, seq=6, shares=(2, 1, 3))],
    "attention_rollout": [dict(batch=2, heads=3, seq=5, layers=3)],
}
