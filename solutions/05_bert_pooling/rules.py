"""Rules of unit 05: what is looked at in the data set, the poolings and the classifier.

Inner names are free, so nothing is found by name: an item is asked for its three tensors, and weights are put into a
module by their shapes. Tokenizer and encoders are tiny ones of the transformers library (see `fixtures`).
Padding is judged by the learner's own answer: a padded row has to give what the same row gives without its padding.
A mask says of each place whether a token stands there, so the poolings also get one with a hole between two tokens.
Which types of masks an answer takes is paid for in `padding` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.codec import Reference
from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.slopes import Slope
from course_utils.engine.asking.student import (
    Built,
    Fault,
    Student,
    StudentError,
    answered,
    as_tensor,
    pulled,
    silent_names,
)  # fmt: skip
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import ask_with_each_type, of_some_type, told_by_type
from course_utils.engine.judging.rule import CONTENT, AnyOf, Check, Observations, Part, looks

from . import fixtures

POOLINGS = ("cls", "mean", "max", "attention")
OTHER_POOLINGS = ("sum", "last", "me")  # the third is a part of a pooling's name
KEYS = ("input_ids", "attention_mask", "labels")
WORDS = tuple("oil match bank phone film rain vote train star price goal court cloud ship law tax".split())
PIECES = ("##ship", "##bank")
IN_PIECES = ("starship", "cloudbank")  # no words that the tokenizer knows, but two pieces each that it does
FAR_BELOW = 500.0  # a maximum of padding would have to be lower than this; a mask as large as -1e4 still is
BELOW_ZERO = 60.0  # more than the largest of the ranked values
MOVED = 1e-3  # what other tokens change is larger than this; an answer that no token moves earns nothing for padding
KEPT = {"doubled": (0.0, 2.0, 4.0, 8.0), "left alone": (0.0, 1.0)}  # by dropout of one half, at up to three places
BELOW = 2.5  # a normalised value is rarely as large, and never at every token and feature
LAYERS = 2  # of an encoder, so that its last layer is not its only one
MORE = 2  # places of padding behind the tokens
RATE = 0.3  # of the dropout within an encoder, where its mode is looked at

Values = dict[str, Tensor]


def _ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.int64)


def _mask(draw: Draw) -> Tensor:
    """A padding mask (batch, seq) whose rows are neither in the order of their lengths nor in its reverse.

    One row is full, each other row has two tokens and two places of padding at least.
    """
    lengths = 2 + draw.integers(draw.seq - 3, draw.batch)
    lengths[1] = draw.seq
    lengths[0] = min(int(lengths[0]), draw.seq - 2)
    return (torch.arange(draw.seq) < lengths[:, None]).long()


def _mask_with_a_hole(draw: Draw) -> Tensor:
    """The same, but the full row has no padding at its end, and a hole between two tokens."""
    mask = _mask(draw)
    mask[1, 1 + draw.integers(draw.seq - 2, 1)] = 0
    return mask


def _rows(hidden: Tensor, mask: Tensor) -> list[Tensor]:
    """Each row, cut to its tokens."""
    return [row[None, keep != 0] for row, keep in zip(hidden, mask, strict=True)]


def _moves(answers: Tensor) -> bool:
    """Whether rows of other tokens give other results."""
    return bool((answers - answers[:1]).abs().max() > MOVED)


def _is_row(value: Any, like: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == like.shape


def _less(answer: Any, cut: Tensor) -> Any:
    """How far padding changes a result; None where the shape is another one, an exception as it is."""
    if isinstance(answer, StudentError):
        return answer
    return answer[0] - cut if _is_row(answer[0], cut) else None


def _kept_inputs(answers: Mapping[str, Any], hidden: Tensor) -> bool:
    """Whether hidden is after each call as it was before it."""
    return all(isinstance(answer, StudentError) or torch.equal(answer[1][0], hidden) for answer in answers.values())


# the data set -----------------------------------------------------------------------------------------------------


@looks("NewsDataset", input_ids=Check(), attention_mask=Check(), labels=Check())
def news_dataset(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Texts of unequal length with their labels: one too long, one empty, one with an unknown word, in a mixed order.

    The first and the last begin with a word in two pieces.
    """
    lengths = [draw.max_length + 3, 0, *(1 + draw.integers(draw.max_length - 4, draw.num_texts - 2)).tolist()]
    several = [[WORDS[number] for number in draw.integers(len(WORDS), length).tolist()] for length in lengths]
    several[-1][-1] = "zeppelin"
    for text, word in zip((several[0], several[-1]), IN_PIECES, strict=True):
        text.insert(0, word)
    texts, labels = [" ".join(words) for words in several], (3 + draw.normal(draw.num_texts).argsort()).tolist()
    order = draw.normal(draw.num_texts).argsort().tolist()
    given = texts, labels, student.fixture(fixtures.tokenizer, [*WORDS, *PIECES])
    dataset = student.build("NewsDataset", *given, draw.max_length)
    items = student.try_all([_method(dataset, "__getitem__", index) for index in order])
    items = [_fields(student, item) for item in items]

    def look(key: str) -> Observations:
        values = [as_tensor(answered(_field(item, key))) for item in items]
        return {"values": values, "types": [str(value.dtype) for value in values]}

    def input_ids() -> Observations:
        """Also how long an item is where no length was asked for."""
        item = student.build("NewsDataset", *given).method("__getitem__", 0)
        length = as_tensor(answered(_field(_fields(student, item), "input_ids"))).shape[-1]
        return {**look("input_ids"), "default length": length}

    return {
        "input_ids": input_ids,
        "attention_mask": partial(look, "attention_mask"),
        "labels": lambda: {**look("labels"), "length": dataset.method("__len__")},
    }


def _method(built: Built, method: str, *args: Any) -> Request:
    return built.request(*args) | {"method": method}


def _fields(student: Student, item: Any) -> Any:
    """An item with its fields, which may be a dict or another mapping, such as the tokenizer's own."""
    if not isinstance(item, Reference):
        return item
    mapping = Built(student, item.number, "item")
    return dict(zip(KEYS, student.try_all([_method(mapping, "__getitem__", key) for key in KEYS]), strict=True))


def _field(item: Any, key: str) -> Any:
    if not isinstance(answered(item), dict) or key not in item:
        raise Fault("odd_value")
    return item[key]


# poolings ---------------------------------------------------------------------------------------------------------


@looks("cls_pooling", values=Check(), gradient=Check())
def cls_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The vector at position 0, also of a single sentence and where padding stands in front."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size), _mask(draw).flip(1)
    slope = Slope(student.request("cls_pooling", draw.apart(draw.batch, draw.seq, draw.hidden_size), mask))
    asked = [student.request("cls_pooling", hidden, mask) | {"inputs": True}]
    asked += [student.request("cls_pooling", hidden[:1], mask[:1]), *slope.requests]
    several, one, *slopes = student.try_all(asked)

    def values() -> Observations:
        pooled, (after, _) = answered(several)
        seen: Observations = {"pooled": as_tensor(pooled), "input unchanged": torch.equal(after, hidden)}
        return seen | {"pooled, a batch of one": as_tensor(answered(one)), "type": str(pooled.dtype)}

    return {"values": values, "gradient": lambda: slope.agreement(slopes)}


@looks("max_pooling", values=Check(), padding=Check(), gradient=Check())
def max_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The largest value of each feature; some features are below 0, or far below, at every token."""
    hidden = draw.apart(draw.batch, draw.seq, draw.hidden_size)
    hidden[:, :, ::2] -= BELOW_ZERO
    mask, padded = _mask_with_a_hole(draw), draw.apart(draw.batch, draw.seq, draw.hidden_size)
    padded[:, :, ::2] -= FAR_BELOW
    padded = padded + BELOW_ZERO * (mask == 0)[..., None]  # what stands in padding would win
    # two equal sentences, then some in each of which another vector is a large one
    one_large = draw.normal(1, draw.seq, draw.hidden_size).repeat(draw.seq + 2, 1, 1)
    for position in range(draw.seq):
        one_large[position + 2, position] += BELOW_ZERO
    whole = [hidden, one_large, *_rows(padded, mask)]

    def ask(ones: Tensor) -> list[Any]:
        """What is answered to sentences without padding, then what a slope needs."""
        masks = [ones[:1, :1].expand(*one.shape[:2]).contiguous() for one in whole]
        asked = [student.request("max_pooling", *one) for one in zip(whole, masks, strict=True)]
        given = student.try_all(asked)
        answered(given[0])
        slope = Slope(student.request("max_pooling", hidden + BELOW_ZERO, masks[0]))
        return [slope, student.try_all(slope.requests), *given]

    slope, slopes, pooled, of_one_large, *cuts = of_some_type(ask, _ones(1, 1))

    def padding() -> Observations:
        answers = ask_with_each_type(student, mask, lambda typed: student.request("max_pooling", padded, typed))
        cut = torch.cat([as_tensor(answered(row)) for row in cuts])
        # values of some hundreds: rounding is relative to them
        less = {name: _less(answer, cut) for name, answer in answers.items()}
        less = {name: each / FAR_BELOW if isinstance(each, Tensor) else each for name, each in less.items()}
        seen: Observations = {"tokens move the result": _moves(cut), CONTENT: takes_several()}
        return {**seen, **told_by_type(less), "input unchanged": _kept_inputs(answers, padded)}

    def takes_several() -> bool:
        """Whether more than one vector of a sentence moves the result, if it is large: one vector is no maximum."""
        if isinstance(of_one_large, StudentError):
            return False
        result = content.numbers(of_one_large)
        if result.shape[:1] != one_large.shape[:1]:
            return False
        first, again, *others = result
        return content.repeats(first, again) and sum(content.differ(first, other) for other in others) > 1

    def values() -> Observations:
        return {"pooled": as_tensor(pooled), "type": str(as_tensor(pooled).dtype)}

    return {"values": values, "padding": padding, "gradient": lambda: slope.agreement(slopes)}


# attention pooling ------------------------------------------------------------------------------------------------


def attention_values(shapes: Mapping[str, torch.Size], inner: Tensor, score: Tensor, bias: float = 0.0) -> list[Values]:
    """Values by name for the two linear maps of an attention pooling, told by shape; none where there are not two.

    Axes of length 1 do not count: a convolution over one token is a linear map too. There is more than one entry where
    several vectors of attention_size might be the map to the score; the others are biases then. Where that map is a
    matrix, vectors behind the first are no biases of the two maps, and are left alone.

    inner: (attention_size or 1, hidden_size), one row for all where it is 1; score: (1, attention_size or 1) likewise
    bias: size of all biases, of alternating sign; where it is 0, a map without them is the same
    """
    hidden_size = inner.shape[1]
    cores = {name: [length for length in shape if length != 1] for name, shape in shapes.items()}
    first = [name for name, core in cores.items() if len(core) == 2 and hidden_size in core]
    if len(first) != 1:
        return []
    core = cores[first[0]]
    turned = core[0] == hidden_size and core[1] != hidden_size
    size = core[1] if turned else core[0]
    if inner.shape[0] not in (1, size):
        return []
    wide = inner.expand(size, hidden_size)
    spread = score.expand(1, size) / (1 if score.shape[1] == size else size)
    second = [name for name, core in cores.items() if core == [size]]
    matrices = [name for name in second if len(shapes[name]) > 1]
    vectors = [name for name in second if len(shapes[name]) == 1]
    biases = [name for name, core in cores.items() if not core]
    biases += vectors[:1] if len(matrices) == 1 else second
    signs = {name: 1.0 - 2.0 * (torch.arange(shapes[name].numel()) % 2) for name in biases}
    values = {name: (bias * sign).reshape(shapes[name]) for name, sign in signs.items()}
    values[first[0]] = (wide.T if turned else wide).reshape(shapes[first[0]])
    second = matrices if len(matrices) == 1 else second
    return [{**values, name: spread.reshape(shapes[name])} for name in second]


def _shapes(built: Built, *inputs: Tensor) -> dict[str, torch.Size]:
    """The shapes of a module's parameters; a lazy one has them from its first call on."""
    try:
        return built.parameter_shapes()
    except StudentError:
        built(*inputs)
        return built.parameter_shapes()


@looks("AttentionPooling", weights=Check(), padding=Check(), pooled=Check(), gradient=Check())
def attention_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The weights that are kept for given maps, and what the result is made of, with and without padding.

    Maps are given twice: without biases, where weights are compared; else with biases, which keep the inner map away
    from 0, where an activation may bend and a slope, measured over a small step, says little.
    """
    plainly, pooling = (student.build("AttentionPooling", draw.hidden_size, draw.attention_size) for _ in range(2))
    student.ask_all([each.switch(False) for each in (plainly, pooling)])
    inner = draw.normal(draw.attention_size, draw.hidden_size, scale=draw.hidden_size**-0.5)
    score = draw.normal(1, draw.attention_size, scale=2.0 * draw.attention_size**-0.5)
    shapes, _ = (_shapes(each, torch.zeros(1, 1, draw.hidden_size), _ones(1, 1)) for each in (pooling, plainly))
    readings = attention_values(shapes, inner, score)
    biased = attention_values(shapes, inner, score, bias=1.0)[:1]
    plain, one, other = (draw.normal(draw.batch, draw.seq, draw.hidden_size) for _ in range(3))
    one, mask = 2.0 * one, _mask_with_a_hole(draw)
    padded = draw.normal(draw.batch, draw.seq, draw.hidden_size) * (1.0 + 2.0 * (mask == 0)[..., None])
    whole = [one, other, (one + other) / 2, one, *_rows(padded, mask)]
    keeping = pooling.getting("weights")

    def ask(ones: Tensor) -> tuple[list[Any], list[Any], list[Any]]:
        """What is answered and kept for each reading, then the same where there are biases: results, weights kept."""
        requests: list[Request] = []
        for values in readings:
            requests.append(plainly.loading(values))
            for vectors in (plain, plain[1:2]):
                mask = ones[:1, :1].expand(*vectors.shape[:2]).contiguous()
                requests += [plainly.request(vectors, mask), plainly.getting("weights")]
        start = len(requests)
        requests += [pooling.loading(values) for values in biased]
        for vectors in whole:
            mask = ones[:1, :1].expand(*vectors.shape[:2]).contiguous()
            requests += [pooling.request(vectors, mask) | {"inputs": True}, keeping]
        answers = student.try_all(requests)
        results = answers[start + len(biased) :]
        answered(results[0])
        return answers[:start], results[::2], results[1::2]

    unbiased, results, kept = of_some_type(ask, _ones(1, 1))
    shares = [_as_weights(each, vectors) for each, vectors in zip(kept, whole, strict=True)]

    def weights() -> Observations:
        if not readings:
            return {"two maps of these sizes": False}
        views: dict[str, list[Tensor]] = {"weights": [], "weights after a batch of one": []}
        for number in range(len(readings)):
            _, *of_reading = unbiased[5 * number : 5 * number + 5]
            for name, pooled, found in zip(views, of_reading[::2], of_reading[1::2], strict=True):
                answered(pooled)
                views[name].append(as_tensor(answered(found)))
        return {"two maps of these sizes": True, **{name: AnyOf(each) for name, each in views.items()}}

    def weighs() -> bool:
        """Whether weights follow from the vectors: those that are kept, or those that the result is made with.

        Constant weights make a mean, which takes no module, however well it knows the padding.
        """
        try:
            first, second, middle, again = (content.numbers(answered(each)[0]) for each in results[:4])
        except (StudentError, Fault):
            return False
        if not content.repeats(first, again):
            return False
        bends = first.shape == second.shape == middle.shape and content.differ(middle, (first + second) / 2)
        if not all(isinstance(each, Tensor) and not each.is_complex() for each in kept[:4]):
            return bends
        first, second, _, again = map(content.numbers, kept[:4])
        return content.repeats(first, again) and (bends or content.differ(first, second))

    def padding() -> Observations:
        """How wide the result is, and what weights are where none is hidden, is paid for in the other checks."""
        answers = ask_with_each_type(student, mask, lambda typed: pooling.request(padded, typed))
        found = _as_weights(student.try_all([keeping])[0], padded)
        cut = torch.cat([as_tensor(answered(row)[0]) for row in results[4:]])
        less = {name: _less(answer, cut) for name, answer in answers.items()}
        if cut.shape != padded[:, 0].shape:
            flat = draw.batch, draw.hidden_size
            less = {n: each.abs().max().expand(flat) if isinstance(each, Tensor) else each for n, each in less.items()}
        seen: Observations = {"tokens move the result": _moves(cut), CONTENT: weighs(), **told_by_type(less)}
        return {**seen, "kept weights, padded less cut": _kept_less_cut(found, shares[4:], mask)}

    def pooled() -> Observations:
        """The sum of the vectors, each times the weight that the module keeps for it."""
        result, (after, _) = answered(results[0])
        seen: Observations = {"input unchanged": torch.equal(after, one), CONTENT: weighs()}
        seen |= {"shape": list(as_tensor(result).shape), "type": str(result.dtype)}
        if not _is_row(result, one[:, 0]):
            return seen
        left = result if shares[0] is None else result - torch.einsum("bs,bsh->bh", shares[0], one)
        # weights that are missing or no shares are paid for in another check: then they are read off the result
        if not _are_shares(shares[0]) and _gives_a_mean(pooling, draw):
            left = torch.zeros_like(result)
        return {**seen, "left over": left}

    def gradient() -> Observations:
        """Padding included; maps learn, and vectors through the scores."""
        hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size, scale=0.1), _mask(draw)
        half = torch.zeros(draw.batch, draw.hidden_size)
        half[:, ::2] = 1.0

        def ask(typed: Tensor) -> Observations:
            slope = Slope(pooling.request(hidden, typed))
            requests = [pooling.pulling(hidden, typed), pooling.pulling(hidden, typed, cotangent=half)]
            learns, crosses, *slopes = student.try_all([*requests, *slope.requests])
            matrices = {name for name, shape in shapes.items() if len(shape) >= 2}
            seen: Observations = slope.agreement(slopes)
            seen["both maps learn"] = bool(matrices) and not matrices & set(silent_names(learns))
            return seen | {"vectors learn through the scores": _crosses(crosses, hidden)}

        return of_some_type(ask, mask)

    return {"weights": weights, "padding": padding, "pooled": pooled, "gradient": gradient}


def _as_weights(found: Any, hidden: Tensor) -> Tensor | None:
    """The weights that were kept, as (batch, seq); None where there are none."""
    batch, seq, _ = hidden.shape
    if not isinstance(found, Tensor) or found.numel() != batch * seq or found.is_complex():
        return None
    found = found.to(hidden.dtype)
    if found.shape[:1] == (batch,):
        return found.reshape(batch, seq)
    return found.T if found.shape == (seq, batch) else None


def _are_shares(weights: Tensor | None) -> bool:
    if weights is None:
        return False
    return bool((weights >= 0).all()) and bool(((weights.sum(dim=1) - 1.0).abs() < 1e-4).all())


def _kept_less_cut(padded: Tensor | None, cut: Sequence[Tensor | None], mask: Tensor) -> Tensor:
    """How far padding changes the weights that are kept; 0 where those without it are no shares to compare with."""
    none = torch.zeros(mask.shape)
    rows = [weights for weights in cut if weights is not None and _are_shares(weights)]
    if padded is None or len(rows) != len(mask):
        return none
    return padded - none.masked_scatter(mask != 0, torch.cat([row.flatten() for row in rows]))


def _gives_a_mean(pooling: Built, draw: Draw) -> bool:
    """Whether the module gives unequal shares to vectors that are all 0 but for one 1 each."""
    seq = min(draw.seq, draw.hidden_size)
    marks = torch.eye(seq, draw.hidden_size)[None]
    weights = as_tensor(of_some_type(partial(pooling, marks), _ones(1, seq)))[:, :seq]
    return _are_shares(weights) and float(weights.std()) > 1e-4


def _crosses(answer: Any, hidden: Tensor) -> bool:
    """Whether features of a vector get a gradient from other features of the result: through the weights alone they do.

    A result of another width is paid for in `pooled`.
    """
    if not _is_row(answered(answer)[0], hidden[:, 0]):
        return True
    try:
        gradient = pulled(answer)[0]
    except StudentError:  # no graph at all
        return False
    return _is_row(gradient, hidden) and bool(gradient[:, :, 1::2].count_nonzero())


# the classifier ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Classifier:
    """The learner's classifier with one pooling, in eval mode, and what it answers at drawn weights."""

    built: Built
    shapes: Mapping[str, torch.Size]
    readings: Sequence[Values]  # drawn weights, for each way to tell the pooling's maps
    logits: Sequence[Tensor]  # of full sentences, at each of them; the first weights stay


class _Setting:
    """A tiny encoder with drawn weights on the learner's side, and all inputs of one case."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw = student, draw
        wide = draw.seq + MORE
        self.sizes = draw.encoder, draw.batch * wide + 7, draw.hidden_size, LAYERS
        self.encoder = student.fixture(fixtures.encoder, *self.sizes)
        shapes = {name: tuple(shape) for name, shape in self.encoder.parameter_shapes().items()}
        weights = draw.weights(shapes)
        bias = [name for name in shapes if "pooler" not in name][-1]  # of the last normalisation
        weights[bias][::2] -= BELOW  # so that a maximum of these features is below 0, with any tokens
        self.encoder.load(weights)
        self.inside, self.scale = tuple(f".{name}" for name in shapes), bias.removesuffix("bias") + "weight"
        self.scales = weights[self.scale]
        ids = draw.normal(draw.batch * wide + 7).argsort()[: draw.batch * wide].reshape(draw.batch, wide)
        # sentences that are full; then one of them again, and three times with another token in it
        changed = ids[:1].repeat(4, 1)
        for row, position in zip(changed[1:], (0, 1, draw.seq - 1), strict=True):
            row[position] = ids[1, position]
        self.ids = torch.cat([ids, changed])[:, : draw.seq]
        self.full = self.ids, torch.ones_like(self.ids)
        # the same sentences with padding behind them, but for one that is longer
        longer = int(draw.integers(draw.batch, 1))
        self.shorter = [row for row in range(draw.batch) if row != longer]
        mask = (torch.arange(wide) < draw.seq).long().repeat(draw.batch, 1)
        mask[longer] = 1
        self.padded = ids, mask
        self.head, self.bias = draw.normal(draw.num_labels, draw.hidden_size), draw.normal(draw.num_labels)
        # one direction for every row of the inner map: then its width, which is the learner's choice, does not matter
        self.inner, self.score = draw.normal(1, draw.hidden_size), torch.full((1, 1), 3.0)

    def build(self, pooling: str, encoder: Built | None = None, **more: Any) -> tuple[Built, dict[str, torch.Size]]:
        """The learner's classifier on this encoder or another one, in eval mode, and its shapes."""
        built = self.student.build("BertClassifier", encoder or self.encoder, self.draw.num_labels, pooling, **more)
        built.train(False)
        return built, _shapes(built, *(each[:1] for each in self.full))

    def classifier(self, pooling: str) -> _Classifier:
        """The learner's classifier without dropout, and its logits. Raises StudentError."""
        built, shapes = self.build(pooling, dropout=0.0)
        readings = self.readings(shapes)
        requests = [each for one in readings[::-1] for each in (built.loading(one), built.request(*self.full))]
        logits = [answered(each) for each in self.student.try_all(requests)[1::2]]
        return _Classifier(built, shapes, readings, logits[::-1])

    def outside(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those values by name that belong to no parameter of the encoder."""
        return {name: value for name, value in values.items() if not name.endswith(self.inside)}

    def readings(self, shapes: Mapping[str, torch.Size], bias: float = 0.0, scale: float = 1.0) -> list[Values]:
        """Drawn weights for head and pooling, for each way to tell the pooling's maps; scale: of the inner one."""
        outside = self.outside(shapes)
        drawn = {value.shape: value for value in (self.head.T.contiguous(), self.head, self.bias)}
        values: Values = {name: drawn[shape] for name, shape in outside.items() if shape in drawn}
        rest = {name: shape for name, shape in outside.items() if name not in values}
        pooled = attention_values(rest, self.inner * scale, self.score, bias)
        return [{**pooling, **values} for pooling in pooled or [{}]]

    def features(self, shapes: Mapping[str, torch.Size]) -> Values:
        """Weights of the head that make the first features of the pooled vector the logits."""
        picks = torch.eye(self.draw.num_labels, self.draw.hidden_size)
        given = {value.shape: value for value in (picks.T.contiguous(), picks, torch.zeros_like(self.bias))}
        return {name: given[shape] for name, shape in self.outside(shapes).items() if shape in given}

    def holds(self, shapes: Mapping[str, Any]) -> bool:
        """Whether the encoder is a part of the module; that it is not is paid for in `gradient`."""
        return len(self.outside(shapes)) < len(shapes)

    def with_equal_vectors(self, one: _Classifier) -> Any:
        """Its logits where the last layer gives the same vector at each place, and where the head is another one."""
        scale = {name: torch.zeros(shape) for name, shape in one.shapes.items() if name.endswith(f".{self.scale}")}
        head = {name: 1.5 * value + 0.1 for name, value in one.readings[0].items()}
        back = {**one.readings[0], **dict.fromkeys(scale, self.scales)}
        requests = [one.built.loading(scale | head), one.built.request(*self.full), one.built.loading(back)]
        return self.student.try_all(requests)[1]


ONCE = Check(once=True)


@looks("BertClassifier", logits=Check(), padding=ONCE, gradient=ONCE, dropout=ONCE, errors=ONCE)
def bert_classifier(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Logits with and without padding, gradients, and dropout with each pooling; other poolings are refused."""
    setting = _Setting(student, draw)
    made: dict[str, Any] = {}
    for pooling in POOLINGS:
        try:
            made[pooling] = setting.classifier(pooling)
        except StudentError as error:
            made[pooling] = error
    # with one pooling or another, as one that stops with an error is paid for in `logits`
    read = [made[pooling] for pooling in POOLINGS[:2] if isinstance(made[pooling], _Classifier)]
    equal = setting.with_equal_vectors(read[0]) if read else None

    def logits() -> Observations:
        """For given weights; the bias is taken off again, as the map may have none."""
        in_it = isinstance(equal, Tensor) and setting.holds(read[0].shapes)
        if in_it and content.differ(content.numbers(equal), content.numbers(equal[:1]).expand_as(equal)):
            return {"the last layer alone": False}
        seen: Observations = {"the last layer alone": True}
        for pooling in POOLINGS:
            views = []
            for values, all_rows in zip(answered(made[pooling]).readings, made[pooling].logits, strict=True):
                rows = as_tensor(all_rows)[: draw.batch]
                shapes = {value.shape for value in values.values()}
                views.append(
                    rows - setting.bias
                    if setting.bias.shape in shapes and rows.shape[1:] == setting.bias.shape
                    else rows
                )
            seen[f"{pooling}: a map to the classes"] = bool(shapes & {setting.head.shape, setting.head.T.shape})
            seen[f"{pooling}: logits"], seen["type"] = AnyOf(views), str(rows.dtype)
        return seen

    def padding() -> Observations:
        """A padded sentence gives the logits that it gives without its padding."""
        seen: Observations = {CONTENT: reads()}
        padded = student.try_all([answered(made[pooling]).built.request(*setting.padded) for pooling in POOLINGS])
        for pooling, answer in zip(POOLINGS, padded, strict=True):
            cut, answer = as_tensor(made[pooling].logits[0])[: draw.batch], as_tensor(answered(answer))
            less = (answer - cut)[setting.shorter] if _is_row(answer, cut) else None
            seen[f"{pooling}, padded less cut"] = less
        return seen

    def reads() -> bool:
        """Whether the logits follow from the weights, and from more than one token of a sentence."""

        def moved(one: _Classifier) -> bool:
            rows = content.numbers(one.logits[0])
            if rows.shape[:1] != setting.ids.shape[:1] or not content.repeats(rows[0], rows[draw.batch]):
                return False
            return sum(content.differ(rows[0], other) for other in rows[draw.batch + 1 :]) > 1

        try:
            follows = bool(read) and content.differ(
                content.numbers(read[0].logits[0]), content.numbers(answered(equal))
            )
            return follows and any(moved(one) for one in read)
        except (StudentError, Fault):
            return False

    def gradient() -> Observations:
        """The encoder gets a gradient with each pooling, and so does what the pooling and the classes need.

        Weights are small where a tanh comes after them: in float32 its slope is exactly 0 from 9 on. A pooling that
        stops with an error is paid for in `logits`.
        """
        seen: Observations = {CONTENT: reads()}
        for pooling in POOLINGS:
            one = made[pooling]
            names = [
                f"{pooling}: {what}" for what in ("encoder is part of the module", "encoder learns", "the rest learns")
            ]
            try:
                values = setting.readings(answered(one).shapes, bias=1.0, scale=0.1)[0]
                requests = [
                    one.built.loading(values),
                    one.built.pulling(*setting.padded),
                    one.built.loading(one.readings[0]),
                ]
                silent = set(silent_names(student.try_all(requests)[1]))
            except StudentError:
                if all(isinstance(each, StudentError) for each in made.values()):
                    raise
                seen |= dict.fromkeys(names, True)
                continue
            matrices = {name: shape for name, shape in one.shapes.items() if len(shape) >= 2}
            outside = set(setting.outside(matrices))
            inside = {name for name in matrices if "pooler" not in name} - outside
            if pooling != "attention":  # an attention that this pooling leaves alone may be there
                outside = {name for name in outside if set(matrices[name]) == set(setting.head.shape)}
            learns = bool(inside), not inside & silent, bool(outside) and not outside & silent
            seen |= dict(zip(names, learns, strict=True))
        return seen

    def dropout() -> Observations:
        """Acts in train mode only, with each pooling, at the rate that was given; the encoder's goes with its mode."""
        seen: Observations = {CONTENT: reads()}
        usual = {pooling: answered(made[pooling]).logits[0] for pooling in POOLINGS}

        def ask(pooling: str, *modes: bool, encoder: Built | None = None, repeat: int = 1, **more: Any) -> list[Tensor]:
            """Logits in some modes, in train mode for True, with drawn weights or those that pick features."""
            built, shapes = setting.build(pooling, encoder, **more)
            values = setting.features(shapes) if modes == (False, True) and more else setting.readings(shapes)[0]
            ids, mask = (each.repeat(repeat, 1) for each in setting.full)
            requests = [built.loading(values)]
            for before, mode in pairwise([None, *modes]):  # switched where the mode is another one, not at each call
                requests += [built.switch(mode)] * (mode != before) + [built.request(ids, mask)]
            answers = zip(requests, student.try_all(requests), strict=True)
            return [as_tensor(answered(answer)) for request, answer in answers if request["do"] == "call"]

        in_train, in_eval = ask("cls", True, False, repeat=4)  # a low rate is sure to drop something
        seen["default rate, eval: as without dropout"] = not content.differ(in_eval[: len(usual["cls"])], usual["cls"])
        seen["default rate: train equals eval"] = torch.allclose(in_train, in_eval, atol=1e-5)
        seen["rate 0.5: what is not dropped"] = kept(*ask("cls", False, True, dropout=0.5))
        for pooling, rate in (("cls", 0.0), ("mean", 0.5), ("max", 0.5), ("attention", 0.5)):
            (in_train,) = ask(pooling, True, dropout=rate)
            seen[f"{pooling}, rate {rate}: train equals eval"] = torch.allclose(in_train, usual[pooling], atol=1e-5)
        if not setting.holds(made["cls"].shapes):
            return seen | dict.fromkeys(("the encoder in eval mode", "the encoder in train mode"), True)
        own = student.fixture(fixtures.encoder, *setting.sizes, dropout=RATE)
        _, in_train, in_eval, again = ask("cls", True, True, False, False, encoder=own, dropout=0.0)
        seen["the encoder in eval mode"] = torch.allclose(in_eval, again, atol=1e-6)
        return seen | {"the encoder in train mode": not torch.allclose(in_train, in_eval, atol=1e-5)}

    def kept(in_eval: Tensor, in_train: Tensor) -> str:
        """What dropout at a rate of one half does to those features that it keeps: another rate does not double them.

        Where dropout stands, before the pooling or after it, does not matter, as position 0 and the map are linear.
        Logits that are not those of position 0 are paid for in `logits`.
        """
        ids, mask = setting.full
        told = setting.encoder(input_ids=ids, attention_mask=mask)
        vectors = told.get("last_hidden_state") if isinstance(told, dict) else None
        expected = vectors[:, 0, : draw.num_labels] if isinstance(vectors, Tensor) and vectors.dim() == 3 else in_train
        if not in_eval.shape == in_train.shape == expected.shape or not torch.allclose(in_eval, expected, atol=1e-4):
            return "doubled"
        for name, factors in KEPT.items():
            products = torch.tensor(factors)[:, None, None] * in_eval
            if torch.isclose(in_train, products, rtol=1e-3, atol=1e-4).any(dim=0).all():
                return name
        return "changed otherwise"

    def errors() -> Observations:
        """Another pooling is a ValueError that names the four, when the classifier is made, or at the latest used."""
        seen: Observations = {CONTENT: reads()}
        for pooling in OTHER_POOLINGS:
            kind, text, value = student.complaint("BertClassifier", setting.encoder, draw.num_labels, pooling)
            if not kind and isinstance(value, Built):
                kind, text, _ = value.complaint(*setting.full)
            seen[f"{pooling}: error"] = kind
            seen[f"{pooling}: names the four"] = all(name in text.lower() for name in POOLINGS)
        return seen

    return {"logits": logits, "padding": padding, "gradient": gradient, "dropout": dropout, "errors": errors}


VISIBLE_CASES = {
    "NewsDataset": [dict(num_texts=4, max_length=8), dict(num_texts=3, max_length=11)],
    "cls_pooling": [dict(batch=3, seq=5, hidden_size=6), dict(batch=4, seq=6, hidden_size=7)],
    "max_pooling": [dict(batch=3, seq=6, hidden_size=5), dict(batch=4, seq=5, hidden_size=7)],
    "AttentionPooling": [
        dict(batch=3, seq=6, hidden_size=5, attention_size=9),
        dict(batch=4, seq=5, hidden_size=8, attention_size=6),
    ],
    "BertClassifier": [
        dict(encoder="bert", batch=3, seq=5, hidden_size=8, num_labels=3),
        dict(encoder="bert_with_pooler", batch=2, seq=6, hidden_size=10, num_labels=4),
        dict(encoder="distilbert", batch=2, seq=4, hidden_size=6, num_labels=5),
    ],
}
