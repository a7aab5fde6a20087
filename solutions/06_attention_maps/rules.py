"""Rules of unit 06: how far attention is spread, and what reaches the last layer.

Notable choices:
- `values` has no padding and no weight of 0, so that mistakes with either are paid for once, in `padding` or `zeros`
- `padding` and `zeros` compare the learner's own values with each other: bits for nats are paid for in `values` alone
- padded keys get a weight too small to be seen, so that an answer may leave them out or not
- which types of masks an answer takes is paid for in `padding` alone; weights that are changed whatever the mask says
  are paid for in `zeros` alone
- `product` compares several layers with the learner's own single layers, whatever `layer` says of these; it also wants
  the order of the layers to matter, or else a function that gives the identity would have it right
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student, as_tensor
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import of_each_type, of_some_type
from course_utils.engine.judging.rule import CONTENT, AnyOf, Observations, rule

MATTERS = 1e-5  # rounding is below 1e-6; two layers in another order differ by over 5e-3, with each known mistake too
MOVED = 1e-3  # what other weights change is larger than this; an answer that no weight moves earns nothing
UNSEEN = 1e-12  # a weight whose share of any sum is below float32's precision, and that still has a logarithm


def _weights(draw: Draw, seq: int) -> Tensor:
    """Weights (batch, heads, seq, seq) whose rows sum to 1: broad in some heads, narrow in others, none of them 0."""
    sharpness = 0.4 + 0.7 * torch.arange(draw.heads)[:, None, None]
    return torch.softmax(draw.normal(draw.batch, draw.heads, seq, seq) * sharpness, dim=-1)


def _size(difference: Tensor) -> Tensor:
    """The largest number of a difference, so that a wrong shape of both sides is paid for elsewhere."""
    return difference.double().abs().max()


def _ones(weights: Tensor) -> Tensor:
    return torch.ones(weights.shape[0], weights.shape[-1], dtype=torch.int64)


def _entropy(student: Student, weights: Tensor) -> Tensor:
    """The entropies of sentences without padding."""
    return as_tensor(of_some_type(lambda mask: student.call("attention_entropy", weights, mask), _ones(weights)))


def _inputs_after(student: Student, weights: Tensor, mask: Tensor) -> list[Any]:
    """Weights and mask after a call; the mask as int again."""
    after, masked = of_some_type(lambda typed: student.inputs_after("attention_entropy", weights, typed), mask)
    return [after, masked.to(mask.dtype) if isinstance(masked, Tensor) else masked]


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)


def _measures_spread(student: Student, draw: Draw) -> bool:
    """Whether the mean of two maps has another result than the mean of theirs: any measure of how far they spread.

    A weight, or a mean of weights, is none.
    """

    def find(draw: Draw) -> bool:
        one, other = _weights(draw, draw.seq), _weights(draw, draw.seq)

        def looked(mask: Tensor) -> bool:
            def ask(weights: Tensor) -> Request:
                return student.request("attention_entropy", weights, mask)

            return content.curved(student, draw.seed_to_tell, ask, one, other)

        return of_some_type(looked, _ones(one))

    return content.has_content(student, draw, "attention_entropy", find)


@rule("attention_entropy", "values")
def attention_entropy_values(student: Student, draw: Draw) -> Observations:
    """Without padding: one number for each sentence and head, the mean over the queries, in nats."""
    weights = _weights(draw, draw.seq)
    uniform = torch.full_like(weights, 1 / draw.seq)
    return {
        "entropy": _entropy(student, weights),
        "entropy of equal weights": _entropy(student, uniform),
    }


@rule("attention_entropy", "zeros")
def attention_entropy_zeros(student: Student, draw: Draw) -> Observations:
    """A weight of exactly 0 adds as much as a weight that is nearly 0, and the weights stay as they were."""
    seen = torch.tril(torch.ones(draw.seq, draw.seq))  # the first query has one key only
    narrowed = _weights(draw, draw.seq) * seen
    narrowed = narrowed / narrowed.sum(-1, keepdim=True)
    nearly = torch.where(seen == 0, UNSEEN, narrowed)
    entropy = _entropy(student, narrowed)
    uniform = torch.full_like(narrowed, 1 / draw.seq)
    return {
        "with zeros and with nearly zeros": _size(entropy - _entropy(student, nearly)),
        "weights move the result": bool(_size(entropy - _entropy(student, uniform)) > MOVED),
        CONTENT: _measures_spread(student, draw),
        "weights kept": _equal(_inputs_after(student, narrowed, _ones(narrowed))[0], narrowed),
    }


@rule("attention_entropy", "padding")
def attention_entropy_padding(student: Student, draw: Draw) -> Observations:
    """The queries of padding have no part in the mean, wherever it stands and with any kind of mask.

    Two comparisons, of which one has to hold: with the sentence cut off where its padding starts, and with a sentence
    that repeats its queries in the place of the padding, which leaves their mean as it is.
    """
    lengths = torch.tensor([draw.seq // share for share in draw.shares])
    tokens = torch.arange(draw.seq)
    mask = (tokens < lengths[:, None]).long()  # (sentences, seq)
    sizes = Draw(draw.seed + 1, batch=len(lengths), heads=draw.heads)
    weights = torch.where(mask[:, None, None, :] == 0, UNSEEN, _weights(sizes, draw.seq))
    weights = weights / weights.sum(-1, keepdim=True)
    repeated = torch.stack([sentence[:, tokens % length] for sentence, length in zip(weights, lengths, strict=True)])
    whole = _entropy(student, repeated)
    short = [
        _entropy(student, sentence[None, :, :length, :length])
        for sentence, length in zip(weights, lengths.tolist(), strict=True)
    ]
    cut = torch.cat(short)
    order = torch.cat([tokens[::2], tokens[1::2]])  # padding between the tokens too, not only after them
    weights, mask = weights[:, :, order][..., order], mask[:, order]
    seen: Observations = {
        "weights move the result": bool(_size(cut - cut.flatten()[0]) > MOVED),
        CONTENT: _measures_spread(student, draw),
    }
    answers = of_each_type(lambda typed: student.call("attention_entropy", weights, typed), mask)
    for name, answer in answers.items():
        padded = answer if isinstance(answer, str) else as_tensor(answer)
        seen[f"shape with {name} mask"] = padded if isinstance(padded, str) else list(padded.shape)
        seen[f"{name} mask"] = padded if isinstance(padded, str) else AnyOf([padded - cut, padded - whole])
    after, masked = _inputs_after(student, weights, mask)
    seen["weights kept as without padding"] = _equal(after, _inputs_after(student, weights, _ones(weights))[0])
    seen["mask kept"] = _equal(masked, mask)
    return seen


@rule("attention_rollout", "layer")
def attention_rollout_layer(student: Student, draw: Draw) -> Observations:
    """With one layer: the mean over the heads and the residual path, in rows that sum to 1, also of one sentence."""
    weights = _weights(draw, draw.seq)
    return {
        "matrix": student.tensor("attention_rollout", [weights]),
        "matrix of one sentence": student.tensor("attention_rollout", [weights[:1]]),
    }


@rule("attention_rollout", "product")
def attention_rollout_product(student: Student, draw: Draw) -> Observations:
    """Several layers give the product of what each gives alone, the last layer leftmost."""
    layers = [_weights(draw, draw.seq) for _ in range(draw.layers)]
    matrix = student.tensor("attention_rollout", layers)
    alone = [student.tensor("attention_rollout", [layer]).double() for layer in layers]
    product = alone[0]
    for single in alone[1:]:
        product = single @ product
    there = student.tensor("attention_rollout", layers[:2])
    back = student.tensor("attention_rollout", layers[1::-1])
    return {
        "distance from the product": _size(matrix - product),
        "the order of layers matters": bool(_size(there - back) > MATTERS),
    }


@rule("attention_rollout", "inputs")
def attention_rollout_inputs(student: Student, draw: Draw) -> Observations:
    """A tuple does as well as a list, and the weights stay as they were."""
    layers = [_weights(draw, draw.seq) for _ in range(draw.layers)]
    listed = student.tensor("attention_rollout", layers)
    others = [_weights(draw, draw.seq) for _ in range(draw.layers)]
    (after,) = student.inputs_after("attention_rollout", layers)
    kept = isinstance(after, list) and len(after) == len(layers)
    return {
        "tuple as list": _size(student.tensor("attention_rollout", tuple(layers)) - listed),
        "list kept": kept and all(_equal(a, b) for a, b in zip(after, layers, strict=True)),
        "weights kept": isinstance(after, list) and all(any(_equal(a, b) for b in layers) for a in after),
        CONTENT: _weights_move(student, draw, layers, others),
    }


def _weights_move(student: Student, draw: Draw, layers: list[Tensor], others: list[Tensor]) -> bool:
    same, other = (student.request("attention_rollout", each) for each in (layers, others))
    return all(content.moved(student, draw.seed_to_tell, same, [other]))


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "attention_entropy": [dict(batch=2, heads=3, seq=6, shares=(2, 1, 3))],
    "attention_rollout": [dict(batch=2, heads=3, seq=5, layers=3)],
}
