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
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, answered, as_tensor, silent_names
from course_utils.engine.asking.workbench import Request
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import ask_unmasked, ask_with_each_type, changed, of_some_type, told_by_type
from course_utils.engine.judging.placing import Shapes, Values, build_shaped, two_maps
from course_utils.engine.judging.rule import CONTENT, AnyOf, Check, Observations, Part, looks

from . import fixtures

POOLINGS = ("cls", "mean", "max", "attention")
OTHER_POOLINGS = ("sum", "last", "me")  # the third is a part of a pooling's name
FAR_BELOW = 500.0  # a maximum of padding would have to be lower than this; a mask as large as -1e4 still is
BELOW_ZERO = 60.0  # more than the largest of the ranked values
KEPT = {"doubled": (0.0, 2.0, 4.0, 8.0), "left alone": (0.0, 1.0)}  # by dropout of one half, at up to three places
LAYERS = 2  # of an encoder, so that its last layer is not its only one
ONCE = Check(once=True)
RATE = 0.3  # of the dropout within an encoder, where its mode is looked at


def _rows(hidden: Tensor, mask: Tensor) -> list[Tensor]:
    """Each row, cut to its tokens."""
    return [row[None, keep != 0] for row, keep in zip(hidden, mask, strict=True)]


def _is_row(value: Any, like: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == like.shape


# the data set -----------------------------------------------------------------------------------------------------


@looks("NewsDataset", input_ids=Check(), attention_mask=Check(), labels=Check())
def news_dataset(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The three tensors of items that are asked for in a mixed order, and the number of items."""
    texts, labels = fixtures.headlines(draw)
    order = draw.normal(draw.num_texts).argsort().tolist()
    given = texts, labels, student.fixture(fixtures.tokenizer, fixtures.KNOWN)
    dataset = student.build("NewsDataset", *given, draw.max_length)
    items = student.try_all([dataset.request(index) | {"method": "__getitem__"} for index in order])

    def look(key: str) -> Observations:
        values = [as_tensor(field_of(student, item, key)) for item in items]
        return {"values": values, "types": [str(value.dtype) for value in values]}

    def input_ids() -> Observations:
        """Also how long an item is where no length was asked for."""
        item = student.build("NewsDataset", *given).method("__getitem__", 0)
        return {**look("input_ids"), "default length": as_tensor(field_of(student, item, "input_ids")).shape[-1]}

    return {
        "input_ids": input_ids,
        "attention_mask": partial(look, "attention_mask"),
        "labels": lambda: {**look("labels"), "length": dataset.method("__len__")},
    }


def field_of(student: Student, item: Any, key: str) -> Any:
    """One entry of an item, which may be a dict or another mapping, such as the tokenizer's own."""
    if isinstance(answered(item), Reference):
        return Built(student, item.number, "item").method("__getitem__", key)
    if not isinstance(item, dict) or key not in item:
        raise Fault("odd_value")
    return item[key]


# poolings ---------------------------------------------------------------------------------------------------------


@looks("cls_pooling", values=Check(), gradient=Check())
def cls_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The vector at position 0, also of a single sentence and where padding stands in front."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size), fixtures.padding_mask(draw).flip(1)
    slope = Slope(student.request("cls_pooling", draw.apart(draw.batch, draw.seq, draw.hidden_size), mask))
    asked = [student.request("cls_pooling", hidden, mask) | {"inputs": True}]
    asked += [student.request("cls_pooling", hidden[:1], mask[:1]), *slope.requests]
    several, one, *slopes = student.try_all(asked)

    def values() -> Observations:
        pooled, (after, _) = answered(several)
        seen: Observations = {"pooled": as_tensor(pooled), "pooled, a batch of one": as_tensor(answered(one))}
        return {**seen, "input unchanged": torch.equal(after, hidden), "type": str(pooled.dtype)}

    return {"values": values, "gradient": lambda: slope.agreement(slopes)}


@looks("max_pooling", values=Check(), padding=Check(), gradient=Check())
def max_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The largest value of each feature; some features are below 0, or far below, at every token."""
    hidden = draw.apart(draw.batch, draw.seq, draw.hidden_size)
    hidden[:, :, ::2] -= BELOW_ZERO
    mask, padded = fixtures.padding_mask(draw, hole=True), draw.apart(draw.batch, draw.seq, draw.hidden_size)
    padded[:, :, ::2] -= FAR_BELOW
    padded = padded + BELOW_ZERO * (mask == 0)[..., None]  # what stands in padding would win
    # two equal sentences, then some in each of which another vector is a large one
    one_large = draw.normal(1, draw.seq, draw.hidden_size).repeat(draw.seq + 2, 1, 1)
    for position in range(draw.seq):
        one_large[position + 2, position] += BELOW_ZERO
    above_zero = hidden + 2 * BELOW_ZERO  # so that the largest of sizes, too, is far from the next one
    slope = Slope(student.request("max_pooling", above_zero, mask), of=[0])

    def ask(vectors: Tensor, ones: Tensor) -> list[Request]:
        of_slope = Slope(student.request("max_pooling", above_zero, ones), of=[0]).requests
        return [student.request("max_pooling", vectors, ones), *(of_slope if vectors is hidden else [])]

    (pooled, *slopes), (of_one_large,), *cuts = ask_unmasked(student, [hidden, one_large, *_rows(padded, mask)], ask)

    def padding() -> Observations:
        answers = ask_with_each_type(student, mask, lambda typed: student.request("max_pooling", padded, typed))
        cut = torch.cat([as_tensor(answered(row)) for (row,) in cuts])

        def less(value: Any) -> Any:  # of some hundreds: rounding is relative to them
            return (value - cut) / FAR_BELOW if _is_row(value, cut) else None

        # more than one vector of a sentence moves the result, if it is large: one vector is no maximum
        seen: Observations = {CONTENT: content.moving_rows(of_one_large) > 1, "input changed": changed(answers, padded)}
        return seen | told_by_type(answers, less)

    return {
        "values": lambda: {"pooled": as_tensor(pooled), "type": str(as_tensor(pooled).dtype)},
        "padding": padding,
        "gradient": lambda: slope.agreement(slopes),
    }


# attention pooling ------------------------------------------------------------------------------------------------


@looks("AttentionPooling", weights=Check(), padding=Check(), pooled=Check(), gradient=Check())
def attention_pooling(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The weights that are kept for given maps, and what the result is made of, with and without padding.

    Maps are given twice: without biases, where weights are compared; else with biases, which keep the inner map away
    from 0, where an activation may bend and a slope, measured over a small step, says little.
    """
    inner = draw.normal(draw.attention_size, draw.hidden_size, scale=draw.hidden_size**-0.5)
    score = draw.normal(1, draw.attention_size, scale=2.0 * draw.attention_size**-0.5)
    sizes, small = (draw.hidden_size, draw.attention_size), (torch.zeros(1, 1, draw.hidden_size), torch.ones(1, 1))
    plainly, _ = build_shaped(student, "AttentionPooling", *sizes, inputs=small)
    pooling, shapes = build_shaped(student, "AttentionPooling", *sizes, inputs=small)
    for values in two_maps(shapes, inner, score, bias=1.0)[:1]:
        pooling.load(values)
    plain, one, other = (draw.normal(draw.batch, draw.seq, draw.hidden_size) for _ in range(3))
    one, mask = 2.0 * one, fixtures.padding_mask(draw, hole=True)
    padded = draw.normal(draw.batch, draw.seq, draw.hidden_size) * (1.0 + 2.0 * (mask == 0)[..., None])
    whole = [one, other, *[(one + other) / 2] * 2, *_rows(padded, mask)]

    def ask(of: Built, vectors: Tensor, ones: Tensor) -> list[Request]:
        """The result, with the vectors after the call, and the weights that are kept."""
        return [of.request(vectors, ones) | {"inputs": True}, of.getting("weights")]

    results, kept = zip(*ask_unmasked(student, whole, partial(ask, pooling)), strict=True)
    shares = [_as_weights(each, vectors) for each, vectors in zip(kept, whole, strict=True)]

    def weights() -> Observations:
        """Also after a batch of one, for each way to tell the maps."""
        views: list[Tensor] = []
        views_of_one: list[Tensor] = []
        for values in two_maps(shapes, inner, score):
            plainly.load(values)
            answers = ask_unmasked(student, (plain, plain[1:2]), partial(ask, plainly))
            for found, (pooled, told) in zip((views, views_of_one), answers, strict=True):
                answered(pooled)
                found.append(as_tensor(answered(told)))
        if not views:
            return {"two maps of these sizes": False}
        seen = {"weights": AnyOf(views), "weights after a batch of one": AnyOf(views_of_one)}
        return {"two maps of these sizes": True, **seen}

    def weighs() -> bool:
        """Whether weights follow from the vectors: those that are kept, or those that the result is made with.

        Constant weights make a mean, which takes no module, however well it knows the padding.
        """
        try:
            found = [content.numbers(answered(each)[0]) for each in results[:4]]
        except (StudentError, Fault):
            return False
        bends, seen = content.bends(*found), [each for each in shares[:4] if each is not None]
        if len(seen) < len(found):
            return bends
        steady = all(content.repeats(*each[2:]) for each in (found, seen))
        # kept numbers that move as straight as the vectors do are a part of these
        return steady and content.differ(found[0], found[1]) and (bends or content.bends(*seen))

    def padding() -> Observations:
        """How wide the result is, and what weights are where none is hidden, is paid for in the other checks."""
        answers = ask_with_each_type(student, mask, lambda typed: pooling.request(padded, typed))
        found = _as_weights(student.try_all([pooling.getting("weights")])[0], padded)
        cut = torch.cat([as_tensor(answered(row)[0]) for row in results[4:]])

        def less(value: Any) -> Any:
            if not _is_row(value, cut) or _is_row(cut, padded[:, 0]):
                return value - cut if _is_row(value, cut) else None
            return (value - cut).abs().max().expand(padded[:, 0].shape)

        kept_less_cut = _kept_less_cut(found, shares[4:], mask)
        return {CONTENT: weighs(), **told_by_type(answers, less), "kept weights, padded less cut": kept_less_cut}

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
        hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size, scale=0.1), fixtures.padding_mask(draw)
        half = torch.zeros(draw.batch, draw.hidden_size)
        half[:, ::2] = 1.0

        def ask(typed: Tensor) -> Observations:
            slope = Slope(pooling.request(hidden, typed), of=[0])
            crosses, *slopes = student.try_all([pooling.pulling(hidden, typed, cotangent=half), *slope.requests])
            matrices = {name for name, shape in shapes.items() if len(shape) >= 2}
            seen: Observations = slope.agreement(slopes)
            seen["both maps learn"] = bool(matrices) and not matrices & slope.silent(slopes)
            # features of a vector get a gradient from other features of the result through the weights alone; a result
            # of another width is paid for in `pooled`
            result, gradients, _ = answered(crosses)
            others = isinstance(gradients, list) and _is_row(gradients[0], hidden) and gradients[0][:, :, 1::2].any()
            return seen | {"vectors learn through the scores": not _is_row(result, half) or bool(others)}

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
    return weights is not None and bool((weights >= 0).all() and ((weights.sum(dim=1) - 1.0).abs() < 1e-4).all())


def _kept_less_cut(padded: Tensor | None, cut: Sequence[Tensor | None], mask: Tensor) -> Tensor:
    """How far padding changes the weights that are kept; 0 where those without it are no shares to compare with."""
    none = torch.zeros(mask.shape)
    rows = [weights for weights in cut if weights is not None and _are_shares(weights)]
    if padded is None or len(rows) != len(mask):
        return none
    return padded - none.masked_scatter(mask != 0, torch.cat([row.flatten() for row in rows]))


def _gives_a_mean(pooling: Built, draw: Draw) -> bool:
    """Whether the module gives unequal shares to vectors that are all 0 but for one 1 each."""
    marks = torch.eye(seq := min(draw.seq, draw.hidden_size), draw.hidden_size)[None]
    weights = as_tensor(of_some_type(partial(pooling, marks), torch.ones(1, seq)))[:, :seq]
    return _are_shares(weights) and float(weights.std()) > 1e-4


# the classifier ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Classifier:
    """The learner's classifier with one pooling, in eval mode, and what it answers at drawn weights."""

    built: Built
    shapes: Shapes
    readings: Sequence[Values]  # drawn weights, for each way to tell the pooling's maps
    logits: Sequence[Tensor]  # of full sentences, at each of them; the first weights stay
    holds: bool  # whether the encoder is a part of it; that it is not is paid for in `gradient`


class _Setting:
    """A tiny encoder with drawn weights on the learner's side, and all inputs of one case."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw = student, draw
        sentences = fixtures.Sentences(draw)
        self.full, self.padded, self.shorter = sentences.full, sentences.padded, sentences.shorter
        self.sizes = draw.encoder, sentences.vocab_size, draw.hidden_size, LAYERS
        self.encoder = student.fixture(fixtures.encoder, *self.sizes)
        weights, self.last = fixtures.encoder_weights(draw, self.encoder.parameter_shapes())
        self.encoder.load(weights)
        self.inside, self.scales = tuple(f".{name}" for name in weights), weights[self.last]
        # logits of two or so: with larger ones the probabilities of a softmax would all be 0 or 1, whatever is asked
        self.head = 0.5 * draw.normal(draw.num_labels, draw.hidden_size)
        # one direction for every row of the inner map: then its width, which is the learner's choice, does not matter
        self.inner, self.score = draw.normal(1, draw.hidden_size), torch.full((1, 1), 3.0)

    def build(self, pooling: str, encoder: Built | None = None, **more: Any) -> tuple[Built, dict[str, torch.Size]]:
        """The learner's classifier on this encoder or another one, in eval mode, and its shapes."""
        given, first = (encoder or self.encoder, self.draw.num_labels, pooling), [each[:1] for each in self.full]
        return build_shaped(self.student, "BertClassifier", *given, inputs=first, **more)

    def classifier(self, pooling: str) -> _Classifier:
        """The learner's classifier without dropout, and its logits. Raises StudentError."""
        built, shapes = self.build(pooling, dropout=0.0)
        readings = self.readings(shapes, self.head)
        requests = [each for one in readings[::-1] for each in (built.loading(one), built.request(*self.full))]
        logits = [answered(each) for each in self.student.try_all(requests)[1::2]]
        return _Classifier(built, shapes, readings, logits[::-1], len(self.outside(shapes)) < len(shapes))

    def outside(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those values by name that belong to no parameter of the encoder."""
        return {name: value for name, value in values.items() if not name.endswith(self.inside)}

    def readings(self, shapes: Shapes, head: Tensor, bias: float = 0.0, scale: float = 1.0) -> list[Values]:
        """Weights for pooling and head, which may have no bias, for each way to tell the pooling's maps."""
        known = {value.shape: value for value in (head.T.contiguous(), head, torch.zeros(len(head)))}
        outside = self.outside(shapes)
        values: Values = {name: known[shape] for name, shape in outside.items() if shape in known}
        rest = {name: shape for name, shape in outside.items() if name not in values}
        return [{**maps, **values} for maps in two_maps(rest, self.inner * scale, self.score, bias) or [{}]]

    def with_equal_vectors(self, one: _Classifier) -> Any:
        """Its logits where the last layer gives the same vector at each place, and where the head is another one."""
        scale = {name: torch.zeros(shape) for name, shape in one.shapes.items() if name.endswith(f".{self.last}")}
        head = {name: 1.5 * value + 0.1 for name, value in one.readings[0].items()}
        back = {**one.readings[0], **dict.fromkeys(scale, self.scales)}
        requests = [one.built.loading(scale | head), one.built.request(*self.full), one.built.loading(back)]
        return self.student.try_all(requests)[1]

    def kept(self, in_eval: Tensor, in_train: Tensor) -> str:
        """What dropout at a rate of one half does to those features that it keeps: another rate does not double them.

        Where dropout stands, before the pooling or after it, does not matter, as position 0 and the map are linear.
        Logits that are not those of position 0 are paid for in `logits`.
        """
        told = self.encoder(input_ids=self.full[0], attention_mask=self.full[1])
        vectors = told.get("last_hidden_state") if isinstance(told, dict) else None
        first = vectors[:, 0, : len(self.head)] if isinstance(vectors, Tensor) and vectors.dim() == 3 else in_train
        if not in_eval.shape == in_train.shape == first.shape or not torch.allclose(in_eval, first, atol=1e-4):
            return "doubled"
        for name, factors in KEPT.items():
            products = torch.tensor(factors)[:, None, None] * in_eval
            if torch.isclose(in_train, products, rtol=1e-3, atol=1e-4).any(dim=0).all():
                return name
        return "changed otherwise"


@looks("BertClassifier", logits=Check(), padding=ONCE, gradient=ONCE, dropout=ONCE, errors=ONCE)
def bert_classifier(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Logits with and without padding, gradients, and dropout with each pooling; other poolings are refused.

    A pooling that stops with an error is paid for in `logits`, and what else can be seen is seen with the others.
    """
    setting, works, broken = _Setting(student, draw), {}, {}
    for pooling in POOLINGS:
        try:
            works[pooling] = setting.classifier(pooling)
        except StudentError as error:
            broken[pooling] = error
    if not works:
        raise broken["cls"]
    some, one = next(iter(works.items()))
    equal = setting.with_equal_vectors(one)

    def logits() -> Observations:
        if isinstance(equal, Tensor) and one.holds and content.differ(equal, equal[:1].expand_as(equal)):
            return {"the last layer alone": False}
        for error in broken.values():
            raise error
        seen: Observations = {"the last layer alone": True}
        for pooling, made in works.items():
            views = [as_tensor(rows)[: draw.batch] for rows in made.logits]
            seen |= {pooling: AnyOf(views), "type": str(views[0].dtype)}
        return seen

    def padding() -> Observations:
        """A padded sentence gives the logits that it gives without its padding."""
        seen: Observations = {CONTENT: reads()}
        seen |= {pooling: torch.zeros(len(setting.shorter), draw.num_labels) for pooling in broken}
        answers = student.try_all([made.built.request(*setting.padded) for made in works.values()])
        for (pooling, made), answer in zip(works.items(), answers, strict=True):
            padded, cut = as_tensor(answered(answer)), as_tensor(made.logits[0])[: draw.batch]
            seen[pooling] = (padded - cut)[setting.shorter] if _is_row(padded, cut) else None
        return seen

    def reads() -> bool:
        """Whether the logits follow from the weights, and from more than one token of a sentence."""

        try:
            follows = content.differ(content.numbers(one.logits[0]), content.numbers(answered(equal)))
        except (StudentError, Fault):
            return False
        again = [0, *range(draw.batch, len(setting.full[0]))]
        return follows and any(content.moving_rows(made.logits[0], again) > 1 for made in works.values())

    def gradient() -> Observations:
        """The encoder gets a gradient with each pooling, and so does what the pooling and the classes need.

        Weights are small where a tanh comes after them: in float32 its slope is exactly 0 from 9 on.
        """
        seen: Observations = {CONTENT: reads(), **dict.fromkeys(broken, (True, True, True))}
        for pooling, made in works.items():
            small = setting.readings(made.shapes, setting.head, bias=1.0, scale=0.1)[0]
            requests = [made.built.loading(small), made.built.pulling(*setting.padded)]
            silent = set(silent_names(student.try_all([*requests, made.built.loading(made.readings[0])])[1]))
            matrices = {name: shape for name, shape in made.shapes.items() if len(shape) >= 2}
            outside = set(setting.outside(matrices))
            inside = {name for name in matrices if "pooler" not in name} - outside
            if pooling != "attention":  # an attention that this pooling leaves alone may be there
                outside = {name for name in outside if set(matrices[name]) == set(setting.head.shape)}
            seen[pooling] = bool(inside), not inside & silent, bool(outside) and not outside & silent
        return seen

    def dropout() -> Observations:
        """It acts in train mode only, at the rate that was given, and so does the encoder's own."""

        def ask(pooling: str, *modes: bool, encoder: Built | None = None, repeat: int = 1, **more: Any) -> list[Tensor]:
            """Logits in some modes, True for train mode; switched where the mode is another one, not at each call."""
            built, shapes = setting.build(pooling, encoder, **more)
            head = torch.eye(*setting.head.shape) if modes == (False, True) else setting.head
            ids, mask = (each.repeat(repeat, 1) for each in setting.full)
            requests = [built.loading(setting.readings(shapes, head)[0])]
            for before, mode in pairwise([None, *modes]):
                requests += [built.switch(bool(mode))] * (mode != before) + [built.request(ids, mask)]
            answers = zip(requests, student.try_all(requests), strict=True)
            return [as_tensor(answered(answer)) for request, answer in answers if request["do"] == "call"]

        seen: Observations = {CONTENT: reads(), **dict.fromkeys(broken, False)}
        for pooling, made in works.items():
            (in_train,) = ask(pooling, True, dropout=0.5)
            seen[pooling] = not content.differ(in_train, made.logits[0])
        (in_train,), usual = ask(some, True, dropout=0.0), one.logits[0]
        seen["rate 0"] = not content.differ(in_train, usual)
        in_train, in_eval = ask(some, True, False, repeat=4)  # a low rate is sure to drop something
        seen["default rate"] = not content.differ(in_train, in_eval), not content.differ(in_eval[: len(usual)], usual)
        seen["what is not dropped"] = (
            setting.kept(*ask("cls", False, True, dropout=0.5)) if "cls" in works else "doubled"
        )
        seen["the encoder's mode"] = True, False
        if one.holds:
            own = student.fixture(fixtures.encoder, *setting.sizes, dropout=RATE)
            _, in_train, in_eval, again = ask(some, True, True, False, False, encoder=own, dropout=0.0)
            seen["the encoder's mode"] = not content.differ(in_eval, again), not content.differ(in_train, in_eval)
        return seen

    def errors() -> Observations:
        """Another pooling is a ValueError that names the four, when the classifier is made, or at the latest used."""
        seen: Observations = {CONTENT: reads()}
        for pooling in OTHER_POOLINGS:
            kind, text, value = student.complaint("BertClassifier", setting.encoder, draw.num_labels, pooling)
            if not kind and isinstance(value, Built):
                kind, text, _ = value.complaint(*setting.full)
            seen[pooling] = kind, all(name in text.lower() for name in POOLINGS)
        return seen

    return {"logits": logits, "padding": padding, "gradient": gradient, "dropout": dropout, "errors": errors}


VISIBLE_CASES = {
    "NewsDataset": [dict(num_texts=4, max_length=8), dict(num_texts=3, max_length=11)],
    "cls_pooling": [dict(batch=3, seq=5, hidden_size=6), dict(batch=4, seq=6, hidden_size=7)],
    "max_pooling": [dict(batch=3, seq=7, hidden_size=6), dict(batch=4, seq=6, hidden_size=8)],
    "AttentionPooling": [
        dict(batch=3, seq=6, hidden_size=5, attention_size=9),
        dict(batch=4, seq=5, hidden_size=8, attention_size=6),
    ],
    # no number of labels is a half or a third of the width: learners give such widths to the pooling's inner map
    "BertClassifier": [
        dict(encoder="bert", batch=3, seq=7, hidden_size=12, num_labels=3),
        dict(encoder="bert_with_pooler", batch=2, seq=8, hidden_size=14, num_labels=4),
        dict(encoder="distilbert", batch=2, seq=6, hidden_size=10, num_labels=6),
    ],
}
