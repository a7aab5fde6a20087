"""Rules of unit 04: what is looked at in pooling, in the classifier, in an epoch of training, and in evaluation.

The classifier's inner names are free, so no weights can be set by name: its checks look at what it does. Each looks
away from what another pays for: masks are full unless the mask is the question, weights stand still unless it is the
updates. What no size changes is looked at in the first case only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.codec import Reference
from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, as_tensor, fixture_request
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Observations, rule

from . import fixtures

CLASSIFIER = "TransformerEncoderClassifier"
DTYPES = (torch.int64, torch.bool, torch.float32)  # of masks
SAME = 1e-4  # relative to the largest logit; rounding differs by 1e-6, a mistake by over 1e-2
SLOPE_TOLERANCE = 0.05  # relative to the length of the gradient; a path of it that is missing costs over 0.1

Batch = dict[str, Tensor]


def same(a: Any, b: Any) -> bool:
    """Whether two tensors hold the same values, up to rounding."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
        return False
    size = max(a.abs().max().item(), b.abs().max().item(), 1e-3) if b.numel() else 0.0
    return bool(((a - b).abs() <= SAME * size).all())


# masked_mean ------------------------------------------------------------------------------------------------------


def _full(batch: int, seq: int) -> Tensor:
    return torch.ones(batch, seq, dtype=torch.int64)


@rule("masked_mean", "values")
def masked_mean_values(student: Student, draw: Draw) -> Observations:
    """The means of sentences without padding, and that the inputs are left as they were."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.d_model), draw.mask(draw.batch, draw.seq)
    after = student.inputs_after("masked_mean", hidden, mask)
    return {
        "mean": student.tensor("masked_mean", hidden, _full(draw.batch, draw.seq)),
        "mean of one token": student.tensor("masked_mean", hidden[:1, :1], _full(1, 1)),
        "inputs unchanged": torch.equal(after[0], hidden) and torch.equal(after[1], mask),
    }


@rule("masked_mean", "padding")
def masked_mean_padding(student: Student, draw: Draw) -> Observations:
    """How far a padded sentence is from the same sentence without its padding, for each kind of mask."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.d_model), draw.mask(draw.batch, draw.seq)
    lengths = mask.sum(dim=1).tolist()
    alone = [_means(student, hidden[i : i + 1, :length], _full(1, length)) for i, length in enumerate(lengths)]
    far = {f"distance, {d}": _means(student, hidden, mask.to(d)) - torch.cat(alone) for d in DTYPES}
    return {**far, CONTENT: _takes_several(student, draw)}


def _takes_several(student: Student, draw: Draw) -> bool:
    """Whether more than one vector of a sentence moves the result: a constant, or one of the vectors, is no mean.

    Sentence 0 and 1 are the same; in each of the others one vector is another one. Some of them are padding, so that
    it does not matter which ones a mask is taken to hide.
    """

    def find(draw: Draw) -> bool:
        hidden = draw.normal(1, draw.seq, draw.d_model).repeat(draw.seq + 2, 1, 1)
        for position in range(draw.seq):
            hidden[position + 2, position] += 50.0
        mask = (torch.arange(draw.seq) < draw.seq // 2).long().expand(len(hidden), -1).contiguous()
        first, again, *others = _means(student, hidden, mask)
        return same(first, again) and sum(not same(first, other) for other in others) > 1

    return content.has_content(student, draw, "masked_mean", find)


def _means(student: Student, hidden: Tensor, mask: Tensor) -> Tensor:
    """What masked_mean gives, with an axis of 1 too many taken away: `values` pays for the shape."""
    return student.tensor("masked_mean", hidden, mask).reshape(len(hidden), -1)


@rule("masked_mean", "empty")
def masked_mean_empty(student: Student, draw: Draw) -> Observations:
    """A row without tokens. Who takes padding for tokens pays at padding, and here gets padding that is zero."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.d_model), draw.mask(draw.batch, draw.seq)
    if same(_means(student, hidden, mask), _means(student, hidden, _full(draw.batch, draw.seq))):
        hidden[-1] = 0.0
    mask[-1] = 0
    return {"row without tokens": _means(student, hidden, mask)[-1], CONTENT: _takes_several(student, draw)}


@rule("masked_mean", "gradient")
def masked_mean_gradient(student: Student, draw: Draw) -> Observations:
    """Autograd agrees with the function's own slope, also beside a row without tokens where that row is finite.

    The slope of a function that writes into its input means nothing; that is paid for in `values`.
    """
    if not draw.first:
        return {}
    hidden, mask = draw.apart(draw.batch, draw.seq, draw.d_model), draw.mask(draw.batch, draw.seq)
    emptied = mask.clone()
    emptied[-1] = 0
    if not torch.equal(student.inputs_after("masked_mean", hidden, mask)[0], hidden):
        return {"slope": True, CONTENT: _takes_several(student, draw)}
    try:
        finite = bool(torch.isfinite(student.tensor("masked_mean", hidden, emptied)).all())
    except StudentError:  # paid for at `empty`
        finite = False
    slope = student.slope("masked_mean", hidden, emptied if finite else mask)["slope of argument 0"]
    seen: Observations = {"slope": slope, CONTENT: _takes_several(student, draw)}
    if finite and not slope:
        seen["slope where all rows have tokens"] = student.slope("masked_mean", hidden, mask)["slope of argument 0"]
    return seen


# the classifier ---------------------------------------------------------------------------------------------------


def _classifier(student: Student, draw: Draw, **other: Any) -> Built:
    """A classifier of the case's sizes, in eval mode; its fresh weights follow from the draw."""
    student.seed(draw.seed_to_tell)
    model = student.build(CLASSIFIER, *_sizes(draw, **other).values())
    model.train(False)
    return model


def _sizes(draw: Draw, **other: Any) -> dict[str, Any]:
    """The arguments of a classifier, in their order."""
    names = ("vocab_size", "num_classes", "d_model", "num_heads", "d_ff", "num_layers", "max_len")
    return {name: getattr(draw, name) for name in names} | {"dropout": 0.0} | other


def _probe(student: Student, draw: Draw, **other: Any) -> tuple[Built, Built]:
    """A classifier with stirred weights, and what looks into it."""
    model = _classifier(student, draw, **other)
    return model, student.fixture(fixtures.Probe, model, draw.d_model, draw.seed_to_tell)


def _probes(student: Student, draw: Draw, *others: dict[str, Any], seeds: tuple[int, ...] = ()) -> list[Built]:
    """What looks into several classifiers with stirred weights, all of them made in one go.

    seeds: added to that of the fresh weights, which otherwise begin alike
    """
    requests, sizes = [], [_sizes(draw, **other) for other in others]
    for number, arguments in enumerate(sizes):
        seed = draw.seed_to_tell + (seeds[number] if seeds else 0)
        requests += [student.restart(seed), student.request(CLASSIFIER, *arguments.values())]
    probes = []
    for model, arguments in zip(student.ask_all(requests)[1::2], sizes, strict=True):
        if not isinstance(model, Reference):
            raise Fault("no_object", name=CLASSIFIER)
        args = [Reference(model.number), arguments["d_model"], draw.seed_to_tell]
        probes.append(fixture_request(fixtures.Probe, *args))
    return [Built(student, value.number, "Probe") for value in student.ask_all(probes)]


def _asked(student: Student, draw: Draw, model: Built, *args: Any) -> Any:
    """What a model gives, with the same random numbers each time: dropout in eval mode is paid for at `training`."""
    return student.ask_all([student.restart(draw.seed_to_tell), model.request(*args)])[1]


def _reads(student: Student, draw: Draw) -> bool:
    """Whether the logits follow from the weights, and from more than one token of a sentence.

    A second sentence stands beside it, which may not be there for nothing: `padding` pays for that.
    """

    def find(draw: Draw) -> bool:
        model, other = _probes(student, draw, {}, {}, seeds=(0, 1))
        ids, mask = 1 + draw.integers(draw.vocab_size - 1, 2, draw.seq), _full(2, draw.seq)
        changed = [ids.clone() for _ in range(3)]
        for position, tokens in zip((0, 1, draw.seq - 1), changed, strict=True):
            tokens[0, position] = 1 + tokens[0, position] % (draw.vocab_size - 1)
        requests = [model.request(tokens, mask) for tokens in (ids, ids, *changed)] + [other.request(ids, mask)]
        values = [as_tensor(value) for value in student.ask_all([one | {"method": "logits"} for one in requests])]
        first, again, *moved, of_other = [value.float() for value in values]
        counts = sum(not same(first, value) for value in moved)
        return same(first, again) and counts > 1 and not same(first, of_other)

    return content.has_content(student, draw, CLASSIFIER, find)


def _sentences(draw: Draw, batch: int, seq: int) -> Tensor:
    """Token ids (batch, seq) with id 0 and the last id among them, the first and the last of a sentence different."""
    ids = draw.integers(draw.vocab_size, batch, seq)
    ids[:, 0], ids[:, -1] = 1, draw.vocab_size - 1
    ids[:, seq // 2] = 0
    return ids


def _logits(value: Any, draw: Draw, batch: int) -> Tensor:
    """Logits, which have to be (batch, num_classes). Raises Fault otherwise: `output` pays for the shape."""
    logits = as_tensor(value).float()
    if logits.dim() == 2 and len(logits) == batch:
        return logits
    if logits.numel() and logits.numel() % batch == 0:
        return logits.reshape(batch, -1)
    raise Fault("odd_value")


@rule(CLASSIFIER, "output")
def classifier_output(student: Student, draw: Draw) -> Observations:
    """The shapes of the logits for several sizes, and that they are logits, of any size and sign, not shares."""
    model, probe = _probe(student, draw)
    seen: Observations = {CONTENT: _reads(student, draw)} if draw.first else {}
    for batch, seq in ((draw.batch, draw.seq), (1, draw.seq), (4, 1)) if draw.first else ((draw.batch, draw.seq),):
        ids = draw.integers(draw.vocab_size, batch, seq)
        value = as_tensor(model(input_ids=ids, attention_mask=_full(batch, seq)))
        seen[f"shape for {batch} sentences of {seq}"] = list(value.shape)
        if seq > 1 and batch > 1:
            seen["finite"] = bool(torch.isfinite(value).all())
            seen["between 0 and 1"] = bool(((value >= 0) & (value <= 1)).all())
            seen["logarithms of shares"] = bool((value.float().logsumexp(-1).abs() < SAME).all())
    if not draw.first:
        return seen
    ids, mask = _sentences(draw, draw.batch, draw.seq), _full(draw.batch, draw.seq)
    seen["logits below -1"], seen["logits above 1"] = probe.method("has_logits_beyond", 1.0, ids, mask)
    long = draw.integers(draw.vocab_size, 1, draw.long)
    lengthy = _classifier(student, draw, max_len=draw.long)
    seen["shape at max_len"] = list(as_tensor(lengthy(long, _full(1, draw.long))).shape)
    usual = student.build(CLASSIFIER, draw.vocab_size, draw.num_classes)
    usual.train(False)
    seen["shape at the default sizes"] = list(as_tensor(usual(long[:, :5], _full(1, 5))).shape)
    return seen


@rule(CLASSIFIER, "padding")
def classifier_padding(student: Student, draw: Draw) -> Observations:
    """Neither what stands in the padding, nor how much there is, nor the batch's other sentences move the logits.

    What is padding the mask alone says: a token whose id is 0 is none.
    """
    model, probe = _probe(student, draw)
    ids, mask = _sentences(draw, draw.batch, draw.seq), draw.mask(draw.batch, draw.seq)
    other = torch.where(mask == 1, ids, draw.integers(draw.vocab_size, draw.batch, draw.seq))
    lengths = mask.sum(dim=1).tolist()

    def logits_of(ids: Tensor, mask: Tensor) -> Tensor:
        return _logits(_asked(student, draw, model, ids, mask), draw, len(ids))

    logits = logits_of(ids, mask)
    alone = torch.cat([logits_of(ids[i : i + 1, :n], _full(1, n)) for i, n in enumerate(lengths)])
    seen: Observations = {
        f"other padding, {dtype}": same(logits_of(other, mask.to(dtype)), logits)
        for dtype in (DTYPES if draw.first else DTYPES[:1])
    }
    seen["alone and without padding"] = same(alone, logits) or not same(model(ids, mask), model(ids, mask))
    if draw.first:
        seen["a token of id 0 counts"] = not _hides_zeros(student, draw, model, ids)
    model.train(True)  # without dropout only what is taken over the batch could make a difference
    together, again = (_logits(model(ids, mask), draw, draw.batch) for _ in range(2))
    if same(together, again):
        seen["alone in train mode"] = same(_logits(model(ids[:1], mask[:1]), draw, 1), together[:1])
    else:
        seen["alone in train mode"] = True  # the dropout rate of 0 is not kept: `training` pays for it
    if not all(seen.values()):
        model.train(False)
        zeros = logits_of(torch.where(mask == 1, ids, 0), mask)
        seen["zeros for padding are kept out"] = same(zeros, alone)
        seen |= _where_padding_enters(probe, draw, ids, other, mask)
    return seen


def _hides_zeros(student: Student, draw: Draw, model: Built, ids: Tensor) -> bool:
    """Whether a mask of ones does what a mask does that hides each id 0."""
    start, masks = student.restart(draw.seed_to_tell), (_full(*ids.shape), (ids != 0).long())
    answers = student.ask_all([request for mask in masks for request in (start, model.request(ids, mask))])[1::2]
    full, hidden = (_logits(answer, draw, len(ids)) for answer in answers)
    return same(full, hidden)


def _where_padding_enters(probe: Built, draw: Draw, ids: Tensor, other: Tensor, mask: Tensor) -> Observations:
    """Whether padding reaches the tokens' last vectors, and whether the pooling reads the padding's vectors."""
    row = int(mask.sum(dim=1).argmin())
    length = int(mask[row].sum())
    ids, other, mask = ids[row : row + 1], other[row : row + 1], mask[row : row + 1]
    before, after = (probe.method("hidden", each, mask) for each in (ids, other))
    if not isinstance(before, Tensor) or not isinstance(after, Tensor):
        return {}
    hidden = draw.normal(draw.seq, draw.d_model)
    changed = torch.cat([hidden[:length], draw.normal(draw.seq - length, draw.d_model)])
    logits = [probe.method("from_hidden", ids, mask, each)[0] for each in (hidden, changed)]
    return {
        "the tokens' vectors keep off the padding": same(before[:length], after[:length]),
        "the pooling keeps off the padding": same(*logits),
    }


@rule(CLASSIFIER, "none_mask")
def classifier_none_mask(student: Student, draw: Draw) -> Observations:
    """No mask is as good as a mask of ones. Who hides each id 0 even from a mask of ones pays at `padding`."""
    if not draw.first:
        return {}
    model, _ = _probe(student, draw)
    full = _full(draw.batch, draw.seq)

    def logits_of(ids: Tensor, *arguments: tuple[Tensor | None, ...]) -> list[Tensor]:
        start = student.restart(draw.seed_to_tell)
        answers = student.ask_all([r for mask in arguments for r in (start, model.request(ids, *mask))])[1::2]
        return [_logits(answer, draw, draw.batch) for answer in answers]

    ids = _sentences(draw, draw.batch, draw.seq)
    logits, without, none, no_zeros = logits_of(ids, (full,), (), (None,), ((ids != 0).long(),))
    if same(logits, no_zeros):
        ids = ids.clamp(min=1)
        logits, without, none = logits_of(ids, (full,), (), (None,))
    seen = {"left out": same(without, logits), "None": same(none, logits)}
    seen[CONTENT] = _reads(student, draw)
    if not seen["left out"]:
        seen["as if all were padding"] = same(without, *logits_of(ids, (0 * full,)))
    return seen


@rule(CLASSIFIER, "order")
def classifier_order(student: Student, draw: Draw) -> Observations:
    """The order of the tokens counts."""
    if not draw.first:
        return {}
    model, _ = _probe(student, draw)
    ids, mask = _sentences(draw, draw.batch, draw.seq), _full(draw.batch, draw.seq)
    swapped = ids.clone()
    swapped[:, 0], swapped[:, 1] = ids[:, 1], ids[:, 0]
    tokens = draw.integers(draw.vocab_size, draw.batch, draw.seq)
    each = {"backwards": ids.flip(1), "two tokens swapped": swapped, "other tokens": tokens}
    found = [_logits(_asked(student, draw, model, one, mask), draw, draw.batch) for one in (ids, *each.values())]
    seen = {f"{name}: the same": same(logits, found[0]) for name, logits in zip(each, found[1:], strict=True)}
    return {**seen, CONTENT: _reads(student, draw)}


@rule(CLASSIFIER, "pooling")
def classifier_pooling(student: Student, draw: Draw) -> Observations:
    """The mean of the last vectors is all that counts of them, and their number does not count.

    What is added to the last vectors on the way may differ from length to length: then it is looked at how far the
    outcome moves, if not that of the logits, that of the first single vector behind the tokens'.
    """
    if not draw.first:
        return {}
    model, probe = _probe(student, draw)
    ids, hidden = _sentences(draw, 1, draw.seq).clamp(min=1), draw.normal(draw.seq, draw.d_model)
    mean, other = hidden.mean(dim=0, keepdim=True), draw.normal(1, draw.d_model)

    def outcome(vectors: Tensor) -> Any:
        seq = len(vectors)
        return probe.method("from_hidden", ids[:, :seq], _full(1, seq), vectors)

    def logits(vectors: Tensor) -> Any:
        return outcome(vectors)[0]

    if outcome(hidden) is None:  # no module makes the last vectors, so nothing can be put in their place
        _logits(model(ids, _full(1, draw.seq)), draw, 1)
        reads = _reads(student, draw)
        return {"only the mean counts": True, "the number counts": False, CONTENT: reads}
    own = logits(hidden)
    many, few = ([outcome(vector.expand(seq, -1)) for vector in (mean, other)] for seq in (draw.seq, draw.seq - 2))
    seen = {
        "only the mean counts": same(many[0][0], own),
        "the number counts": not (same(many[0][0], few[0][0]) or any(_moved_alike(many, few, at) for at in (0, 1))),
        CONTENT: _reads(student, draw),
    }
    if not seen["only the mean counts"]:
        for position in range(draw.seq):
            moved = hidden.clone()
            moved[position] += 5.0
            seen[f"position {position} counts"] = not same(logits(moved), own)
        small, smaller = hidden.clone(), hidden.clone()
        small[2], smaller[2] = -50.0, -60.0
        seen["how small a vector is counts"] = not same(logits(small), logits(smaller))
        turned = torch.stack([column.roll(number) for number, column in enumerate(hidden.T)], dim=1)
        seen["which numbers stand in one vector counts"] = not same(logits(turned), own)
    return seen


def _moved_alike(many: list[Any], few: list[Any], at: int) -> bool:
    """Whether two outcomes for many tokens lie as far apart as the two for few."""
    values = [outcome[at] for outcome in (*many, *few)]
    if not all(isinstance(value, Tensor) for value in values):
        return False
    return same(values[0] - values[1], values[2] - values[3])


@rule(CLASSIFIER, "layers")
def classifier_layers(student: Student, draw: Draw) -> Observations:
    """Each layer adds as many weights as the one before, all of them in use, and every size has its effect.

    What a layer is there for is looked at too: what a token adds to the logits depends on the others.
    """
    if not draw.first:
        return {}
    ids, mask = _sentences(draw, 2, draw.seq), _full(2, draw.seq)
    kinds: dict[str, dict[str, int]] = {
        "one": {"num_layers": 1},
        "two": {"num_layers": 2},
        "three": {"num_layers": 3},
        "one wide": {"num_layers": 1, "d_ff": 2 * draw.d_ff},
        "two wide": {"num_layers": 2, "d_ff": 2 * draw.d_ff},
        # these are only counted, or only called
        "of twice d_model": {"num_layers": 1, "d_model": 2 * draw.d_model},
        "of more words": {"num_layers": 1, "vocab_size": draw.vocab_size + 5},
        "one head": {"num_layers": 1, "num_heads": 1},
    }
    probes = dict(zip(kinds, _probes(student, draw, *kinds.values()), strict=True))
    requests = [probe.request(ids, mask) | {"method": "sizes"} for probe in list(probes.values())[:5]]
    requests += [probes[kind].request() | {"method": "counts"} for kind in ("of twice d_model", "of more words")]
    requests += [probes[kind].request(ids, mask) | {"method": "logits"} for kind in ("one", "one head")]
    *sizes, some_heads, one_head = student.ask_all(requests)
    held, used = ({kind: int(size[at]) for kind, size in zip(kinds, sizes, strict=False)} for at in (0, 1))
    wider, two_wider = used["one wide"] - used["one"], used["two wide"] - used["two"]
    layer = two_wider - wider  # what a larger d_ff adds to one layer
    seen = {
        "a second layer adds weights": used["two"] > used["one"],
        "a third adds as many": used["three"] - used["two"] == used["two"] - used["one"],
        "d_ff makes a layer wider": wider > 0,
        "d_ff makes several layers wider where one was asked for": 0 < layer < wider and wider % layer == 0,
        "a larger d_model adds weights": held["of twice d_model"] > held["one"],
        "vocab_size is kept to": held["of more words"] > held["one"] or _refuses_more_words(student, draw),
        "num_heads counts": not same(_logits(some_heads, draw, 2), _logits(one_head, draw, 2)),
        "tokens act on one another": _tokens_interact(student, draw),
        CONTENT: _reads(student, draw),
    }
    if not seen["d_ff makes a layer wider"]:
        seen["d_ff makes two layers wider"] = two_wider > 0
    if not seen["a second layer adds weights"]:
        shallow, deep = (_probe(student, draw, num_layers=number)[0] for number in (1, 3))
        seen["a second layer holds weights"] = held["two"] > held["one"]
        if not seen["a second layer holds weights"]:
            deep.load(shallow.parameters())
            logits = [_asked(student, draw, model, ids, mask) for model in (deep, shallow)]
            seen["with the same weights it does the same"] = same(*logits)
    return seen


def _refuses_more_words(student: Student, draw: Draw) -> bool:
    """Whether an id that is not below vocab_size raises: then the embedding has the right size, but hides its weights.

    Hidden weights are paid for at `training`.
    """
    return bool(_classifier(student, draw).error(torch.full((1, 2), draw.vocab_size), _full(1, 2)))


def _tokens_interact(student: Student, draw: Draw) -> bool:
    """Whether the change that one token makes in the logits is another one beside another neighbour."""
    model, _ = _probe(student, draw)
    both = _sentences(draw, 1, draw.seq).clamp(min=2).repeat(4, 1)
    both[1:3, 0], both[2:, 1] = 1, 1  # as they are, the first changed, both changed, the second changed
    logits = _logits(_asked(student, draw, model, both, _full(4, draw.seq)), draw, 4)
    return not same(logits[0] - logits[1], logits[3] - logits[2])


@rule(CLASSIFIER, "training")
def classifier_training(student: Student, draw: Draw) -> Observations:
    """Dropout acts in train mode only, at the rate that was given, and gradients reach all weights.

    Weights that are no parameters show where another model is given all parameters and still differs. Closed ones show
    where a model of more words, classes and layers has more weights, but not as many more that may get a gradient.
    """
    if not draw.first:
        return {}
    ids, mask = _sentences(draw, draw.batch, draw.seq), _full(draw.batch, draw.seq)
    seen: Observations = {}
    for rate in (0.5, 0.0):
        model = _classifier(student, draw, dropout=rate)
        in_eval = as_tensor(model(ids, mask))
        seen[f"rate {rate}, eval: equal logits"] = same(as_tensor(model(ids, mask)), in_eval)
        model.train(True)
        seen[f"rate {rate}, train: as in eval"] = same(as_tensor(model(ids, mask)), in_eval)
    ids = ids.clamp(min=1)  # an embedding may keep the vector of id 0, which is padding, from learning
    more = {name: getattr(draw, name) + 1 for name in ("vocab_size", "num_classes", "num_layers")}
    probe, other, larger = _probes(student, draw, {}, {}, more, seeds=(0, 1, 0))
    (held, open_to), (more_held, more_open) = student.ask_all(
        [p.request() | {"method": "counts"} for p in (probe, larger)]
    )
    seen["all weights may get a gradient"] = more_held - held == more_open - open_to
    seen["all weights are parameters"] = same(*probe.method("handed_over", other, ids, mask))
    slope = probe.method("slope", ids, mask)
    cut_off = float(slope["cut off"]) > SAME
    seen["weights that matter get no gradient"] = cut_off
    seen["autograd agrees with the slope"] = not cut_off and float(slope["off"]) <= SLOPE_TOLERANCE
    return seen | {CONTENT: _reads(student, draw)}


# an epoch of training ---------------------------------------------------------------------------------------------


def _batches(draw: Draw, ragged: bool = False) -> list[Batch]:
    """Batches of the case's sizes, each of another length; without padding unless `ragged`.

    Only where the mask is the question do sentences have a token of id 0: a mask that is guessed from the ids is wrong
    there for each of them, and right elsewhere.
    """
    batches = []
    for number, batch in enumerate(draw.batches):
        seq = draw.seq + number
        ids = 1 + draw.integers(draw.vocab_size - 1, batch, seq)
        if ragged:
            ids[:, 0] = 0
        batches.append(
            {
                "input_ids": ids,
                "attention_mask": draw.mask(batch + 1, seq)[1:] if ragged else _full(batch, seq),
                "labels": draw.integers(draw.num_classes, batch),
            }
        )
    return batches


def _weights(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of a tiny classifier whose logits are a few units large."""
    table = draw.normal(draw.vocab_size, draw.d_model)
    return table, draw.normal(draw.num_classes, draw.d_model, scale=0.6), draw.normal(draw.num_classes)


def _in_one_row(weights: tuple[Tensor, ...]) -> Tensor:
    """These weights as `_Run.weights` gives them."""
    table, weight, bias = weights
    return torch.cat([table.reshape(-1), bias, weight.reshape(-1)])


class _Run:
    """One call of the learner's train_epoch with a tiny classifier, and what it left."""

    def __init__(
        self,
        student: Student,
        weights: tuple[Tensor, ...],
        batches: list[Batch],
        rate: float,
        smoothing: float = 0.0,
        left_over: float = 0.0,
        clears: bool = True,
    ) -> None:
        self.model, self.weights_before = student.fixture(fixtures.TinyClassifier, *weights), _in_one_row(weights)
        self.model.train(False)
        if left_over:
            self.model.method("leave_gradients", left_over)
        self.optimizer = student.fixture(fixtures.sgd, self.model, rate, clears)
        loss_fn = student.fixture(fixtures.cross_entropy, smoothing)
        self.value, after = student.call_and_inputs("train_epoch", self.model, batches, self.optimizer, loss_fn)
        self.batches_unchanged = _unchanged(after[1], batches)

    def weights(self) -> Tensor:
        """All weights in one row, by their names."""
        return torch.cat([value.reshape(-1) for _, value in sorted(self.model.parameters().items())])


def _unchanged(after: Any, batches: list[Batch]) -> bool:
    """Whether the caller's batches hold afterwards what they held before."""
    return (
        isinstance(after, list)
        and len(after) == len(batches)
        and all(
            isinstance(found, dict) and all(_equal(found.get(key), value) for key, value in batch.items())
            for found, batch in zip(after, batches, strict=True)
        )
    )


def _equal(found: Any, wanted: Tensor) -> bool:
    """Whether these are the same numbers, of whatever kind."""
    return isinstance(found, Tensor) and found.shape == wanted.shape and bool((found == wanted).all())


def _number(value: Any) -> Any:
    """A number as a float; whatever else came as it is."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


@rule("train_epoch", "loss")
def train_epoch_loss(student: Student, draw: Draw) -> Observations:
    """The returned loss. The learning rate is 0, so that it does not depend on how the weights are moved."""
    run = _Run(student, _weights(draw), _batches(draw), rate=0.0, smoothing=draw.smoothing)
    return {"loss": _number(run.value)}


@rule("train_epoch", "updates")
def train_epoch_updates(student: Student, draw: Draw) -> Observations:
    """The weights after an epoch, and that the batches are left as they were, since the next epoch needs them.

    The optimizer forgets gradients by itself: that is paid for at `gradients`.
    """
    weights = _weights(draw)
    run = _Run(student, weights, _batches(draw), rate=draw.rate)
    after, steps = run.weights(), run.optimizer.get("steps")
    seen: Observations = {"weights": after, "more steps than batches": _more_steps(steps, draw)}
    seen["batches unchanged"] = run.batches_unchanged
    if torch.equal(after, _in_one_row(weights)):
        seen["steps"] = steps
    return seen


def _more_steps(steps: Any, draw: Draw) -> bool:
    return isinstance(steps, int) and steps > len(draw.batches)


@rule("train_epoch", "gradients")
def train_epoch_gradients(student: Student, draw: Draw) -> Observations:
    """How far gradients that are left over, from before or from the last batch, move the weights."""
    weights, batches = _weights(draw), _batches(draw)
    run = _Run(student, weights, batches, rate=draw.rate)
    clean = run.weights()
    own = _Run(student, weights, batches, rate=draw.rate, clears=False).weights()
    burdened = _Run(student, weights, batches, rate=draw.rate, clears=False, left_over=0.7).weights()
    if _more_steps(run.optimizer.get("steps"), draw):  # paid for at `updates`
        own = burdened = clean
    return {
        "the model was asked": run.model.get("modes") != [],
        CONTENT: _trains(student, draw, run),
        "moved by the last batch's": own - clean,
        "moved by those from before": burdened - own,
    }


@rule("train_epoch", "mode")
def train_epoch_mode(student: Student, draw: Draw) -> Observations:
    """The model trains in train mode, also when it arrives in eval mode."""
    if not draw.first:
        return {}
    run = _Run(student, _weights(draw), _batches(draw), rate=draw.rate)
    return {"train mode": _each(run.model.get("modes"), True), CONTENT: _trains(student, draw, run)}


@rule("train_epoch", "mask")
def train_epoch_mask(student: Student, draw: Draw) -> Observations:
    """The model is given each batch's mask."""
    if not draw.first:
        return {}
    batches = _batches(draw, ragged=True)
    run = _Run(student, _weights(draw), batches, rate=draw.rate)
    return _arrived(student, run.model, batches) | {CONTENT: _trains(student, draw, run)}


def _trains(student: Student, draw: Draw, run: _Run) -> bool:
    """Whether an epoch moves the weights or at least gives a number that follows from labels and model."""

    def find(draw: Draw) -> bool:
        if not torch.equal(run.weights(), run.weights_before):
            return True
        models, batches = [_weights(draw), _weights(draw)], _batches(draw)
        other = _relabelled(draw, batches)
        calls = [(models[0], batches), (models[0], batches), (models[0], other), (models[1], batches)]
        return _measures([_Run(student, *one, rate=0.0).value for one in calls])

    return content.has_content(student, draw, "train_epoch", find)


def _relabelled(draw: Draw, batches: list[Batch], drawn: bool = False) -> list[Batch]:
    """The same batches, each example with the label next to its own, or with a drawn one."""
    if drawn:
        return [{**batch, "labels": draw.integers(draw.num_classes, len(batch["labels"]))} for batch in batches]
    return [{**batch, "labels": (batch["labels"] + 1) % draw.num_classes} for batch in batches]


def _measures(values: list[Any], relabelled: int = 1) -> bool:
    """Whether a number comes back twice, and is another one with other labels, and another one with another model.

    values: those of two equal calls, then so many with other labels, then those with other models. Numbers that are
    the same with any model are read off the labels, or made up.
    """
    first, again, *others = map(content.numbers, values)
    moves = [content.differ(first, other) for other in others]
    return content.repeats(first, again) and any(moves[:relabelled]) and any(moves[relabelled:])


def _each(notes: Any, wanted: bool) -> bool:
    """Whether something was noted, and each time the wanted."""
    return isinstance(notes, list) and bool(notes) and all(note is wanted for note in notes)


def _arrived(student: Student, model: Built, batches: list[Batch]) -> Observations:
    """Whether what a model was given are sentences of the batches, each with its own mask.

    How many are given at once, in which order, and how much padding comes with them, is the learner's choice.
    """
    ids, masks = student.ask_all([model.getting("ids"), model.getting("masks")])
    if not (isinstance(ids, list) and isinstance(masks, list) and masks and len(ids) == len(masks)):
        return {"masks": False}
    sentences = {tokens for batch in batches for tokens in _tokens(batch["input_ids"], batch["attention_mask"])}
    given = list(zip(ids, masks, strict=True))
    if all(_fits(*one) and set(_tokens(*one)) <= sentences for one in given):
        return {"masks": True}
    return {
        "masks": False,
        "nothing is hidden": all(mask is None or (_fits(one, mask) and bool((mask != 0).all())) for one, mask in given),
        "hidden is what has the id 0": all(_fits(*one) and torch.equal(one[1] != 0, one[0] != 0) for one in given),
    }


def _fits(ids: Any, mask: Any) -> bool:
    """Whether these are ids and a mask of zeros and ones, one for each."""
    return (
        isinstance(ids, Tensor)
        and isinstance(mask, Tensor)
        and ids.dim() == 2
        and ids.shape == mask.shape
        and bool(((mask == 0) | (mask == 1)).all())
    )


def _tokens(ids: Tensor, mask: Tensor) -> list[tuple[int, ...]]:
    """The ids of each sentence that its mask does not hide."""
    return [tuple(row[kept].tolist()) for row, kept in zip(ids, mask != 0, strict=True)]


# evaluation -------------------------------------------------------------------------------------------------------


def _marked(draw: Draw, ragged: bool = False) -> tuple[tuple[Tensor, ...], list[Batch]]:
    """Weights of a tiny classifier, and batches of which it gets some examples wrong.

    How many of a batch, and which ones, is drawn: who does not look cannot know it. The share of right ones is another
    one over the examples than as a mean over the batches, and is not that of the wrong ones.
    """
    weights, batches = _weights(draw), _batches(draw, ragged)
    while _label(weights, batches) < MARGIN:  # else weights that are rounded a little may change a prediction
        batches = _batches(draw, ragged)
    sizes = [len(batch["labels"]) for batch in batches]
    wrong = _drawn_shares(draw, sizes)
    for batch, count in zip(batches, wrong, strict=True):
        some = draw.uniform(len(batch["labels"])).argsort()[:count]
        step = 1 + draw.integers(draw.num_classes - 1, len(some))
        batch["labels"][some] = (batch["labels"][some] + step) % draw.num_classes
    return weights, batches


def _label(weights: tuple[Tensor, ...], batches: list[Batch]) -> float:
    """Give each example the label that a tiny classifier finds; how far that is ahead of the next one at least."""
    model, ahead = fixtures.TinyClassifier(*weights), []
    for batch in batches:
        with torch.no_grad():
            best = model(batch["input_ids"], batch["attention_mask"]).topk(2, dim=1)
        batch["labels"] = best.indices[:, 0].clone()
        ahead.append((best.values[:, 0] - best.values[:, 1]).min().item())
    return min(ahead)


APART = 0.02  # between two shares that may not be the same
MARGIN = 0.01  # of logits a few units large; in float16 they move by 0.002


def _drawn_shares(draw: Draw, sizes: list[int]) -> list[int]:
    """How many examples of each batch are wrong."""
    while True:
        wrong = [int(draw.integers(size + 1, 1)) for size in sizes]
        share = sum(wrong) / sum(sizes)
        by_batch = sum(count / size for count, size in zip(wrong, sizes, strict=True)) / len(sizes)
        last = wrong[-1] / sizes[-1]
        if all(abs(share - other) > APART for other in (0.0, 0.5, 1.0, by_batch, last)):
            return wrong


def _evaluated(student: Student, weights: tuple[Tensor, ...], batches: list[Batch]) -> tuple[Built, Any]:
    model = student.fixture(fixtures.TinyClassifier, *weights)
    model.train(True)
    return model, student.call("evaluate", model, batches)


@rule("evaluate", "accuracy")
def evaluate_accuracy(student: Student, draw: Draw) -> Observations:
    """The share of right predictions over all examples, the last batch being a small one."""
    return {"accuracy": _number(_evaluated(student, *_marked(draw))[1])}


@rule("evaluate", "mode")
def evaluate_mode(student: Student, draw: Draw) -> Observations:
    """The model works in eval mode, also when it arrives in train mode."""
    if not draw.first:
        return {}
    model, _ = _evaluated(student, *_marked(draw))
    return {"train mode": not _each(model.get("modes"), False), CONTENT: _looks(student, draw)}


def _looks(student: Student, draw: Draw) -> bool:
    """Whether the share follows from labels and model."""

    def find(draw: Draw) -> bool:
        weights, batches = _weights(draw), _batches(draw)
        _label(weights, batches)

        def measures(tries: int) -> bool:
            models = [weights, *(_weights(draw) for _ in range(tries))]
            made = [fixture_request(fixtures.TinyClassifier, *one) for one in models]
            own, *others = student.ask_all(made)
            labelled = [_relabelled(draw, batches, drawn=number > 0) for number in range(tries)]
            calls = [(own, each) for each in (batches, batches, *labelled)] + [(other, batches) for other in others]
            return _measures(student.ask_all([student.request("evaluate", *call) for call in calls]), tries)

        # wrong shares may be the same by chance: then it takes more of them
        return measures(2) or measures(10)

    return content.has_content(student, draw, "evaluate", find)


@rule("evaluate", "no_grad")
def evaluate_no_grad(student: Student, draw: Draw) -> Observations:
    """No gradients are recorded."""
    if not draw.first:
        return {}
    model, _ = _evaluated(student, *_marked(draw))
    return {"records gradients": not _each(model.get("recording"), False), CONTENT: _looks(student, draw)}


@rule("evaluate", "mask")
def evaluate_mask(student: Student, draw: Draw) -> Observations:
    """The model is given each batch's mask."""
    if not draw.first:
        return {}
    weights, batches = _marked(draw, ragged=True)
    model, _ = _evaluated(student, weights, batches)
    return _arrived(student, model, batches) | {CONTENT: _looks(student, draw)}


@rule("evaluate", "leaves")
def evaluate_leaves(student: Student, draw: Draw) -> Observations:
    """The model's weights, the batches and the program's gradient mode are afterwards as they were before."""
    if not draw.first:
        return {}
    weights, batches = _marked(draw)
    model = student.fixture(fixtures.TinyClassifier, *weights)
    function = student.ask("get", name="evaluate", path="__call__")
    if not isinstance(function, Reference):
        raise Fault("odd_value")
    after = student.fixture(fixtures.Afterwards, Built(student, function.number, "evaluate"), model, batches)
    kept = model.parameters()
    on, off, left = student.ask_all(
        [after.getting(name) for name in ("records_gradients", "leaves_gradients_off", "batches")]
    )
    return {
        "the model was asked": model.get("modes") != [],
        CONTENT: _looks(student, draw),
        "gradients are recorded afterwards": on,
        "gradients stay off where they were off": off,
        "batches unchanged": _unchanged(left, batches),
        "weights may be trained afterwards": model.method("trainable"),
        "weights unchanged": all(
            torch.equal(kept[name], value)
            for name, value in zip(("embedding.weight", "head.weight", "head.bias"), weights, strict=True)
        ),
    }


_CLASSIFIERS = [
    dict(
        batch=3,
        seq=6,
        vocab_size=29,
        num_classes=3,
        d_model=12,
        num_heads=2,
        d_ff=20,
        num_layers=2,
        max_len=9,
        long=270,
    ),
    dict(
        batch=2, seq=7, vocab_size=23, num_classes=5, d_model=18, num_heads=3, d_ff=13, num_layers=1, max_len=7, long=11
    ),
]
_EPOCHS = [
    dict(batches=(4, 4, 1), seq=4, vocab_size=13, num_classes=4, d_model=5, rate=0.2, smoothing=0.1),
    dict(batches=(5, 2), seq=3, vocab_size=11, num_classes=3, d_model=4, rate=0.1, smoothing=0.2),
]
VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "masked_mean": [dict(batch=3, seq=5, d_model=4), dict(batch=2, seq=6, d_model=3)],
    CLASSIFIER: _CLASSIFIERS,
    "train_epoch": _EPOCHS,
    "evaluate": [
        dict(batches=(3, 3, 1), seq=4, vocab_size=13, num_classes=3, d_model=5),
        dict(batches=(4, 1, 4), seq=3, vocab_size=11, num_classes=4, d_model=4),
    ],
}
