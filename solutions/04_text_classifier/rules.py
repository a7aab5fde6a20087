"""Rules of unit 04: what is looked at in pooling, in the classifier, in an epoch of training, and in evaluation.

The classifier's inner names are free, so no weights can be set by name: its checks look at what it does. Each looks
away from what another pays for: masks are full unless the mask is the question, weights stand still unless it is the
updates. Where the learner's code raises, what it did before is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_utils.engine.asking.codec import Reference
from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, as_tensor, error_of, fixture_request
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

from . import fixtures

CLASSIFIER = "TransformerEncoderClassifier"
DTYPES = (torch.int64, torch.bool, torch.float32)  # of masks
SAME = 1e-4  # relative to the largest logit; rounding differs by 1e-6, a mistake by over 1e-2
SLOPE_TOLERANCE = 0.05  # relative to the length of the gradient; a path of it that is missing costs over 0.1
GAIN = 0.1  # of the logits where weights move: gradients stay below a norm of 1, at which some learners clip them

Batch = dict[str, Tensor]
Parts = Mapping[str, Part]


def same(a: Any, b: Any) -> bool:
    """Whether two tensors hold the same values, up to rounding."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
        return False
    size = max(a.abs().max().item(), b.abs().max().item(), 1e-3) if b.numel() else 0.0
    return bool(((a - b).abs() <= SAME * size).all())


def _full(batch: int, seq: int) -> Tensor:
    return torch.ones(batch, seq, dtype=torch.int64)


def _ragged(draw: Draw, batch: int, seq: int) -> Tensor:
    """A padding mask (batch, seq) whose lengths stand in no order: sentence 0 is neither the longest nor the shortest.

    With two sentences it is the shorter one; with one it has padding.
    """
    lengths = 1 + draw.integers(seq, batch)
    lengths[0] = 2 + draw.integers(seq - 2, 1)
    lengths[1:2] = seq
    if batch > 2:
        lengths[2] = 1 + draw.integers(int(lengths[0]) - 1, 1)
    lengths[1:] = lengths[1:][draw.uniform(batch - 1).argsort()]
    return (torch.arange(seq) < lengths[:, None]).long()


def _told(answer: Any) -> Any:
    """An answer of `try_all`. Raises the StudentError that it may be."""
    if isinstance(answer, StudentError):
        raise answer
    return answer


def _has_content(find: Callable[[], bool]) -> Callable[[], bool]:
    """What `find` says, asked once; an answer that raises there has no content."""

    def found() -> bool:
        try:
            return find()
        except (StudentError, Fault):
            return False

    return cache(found)


# masked_mean ------------------------------------------------------------------------------------------------------


@looks("masked_mean", values=Check(), padding=Check(), empty=Check(), gradient=Check(once=True))
def masked_mean(student: Student, draw: Draw) -> Parts:
    """Means with masks of a type that the code takes; how far padding moves them with masks of each type."""
    batch, seq, width = draw.batch, draw.seq, draw.d_model
    hidden, mask, full = draw.normal(batch, seq, width), _ragged(draw, batch, seq), _full(batch, seq)
    emptied, zeroed = mask.clone(), hidden.clone()
    emptied[-1], zeroed[-1] = 0, 0.0
    # Sentence 0 and 1 are the same; in each of the others one vector is another one. Some of these are padding, so
    # that it does not matter which ones a mask is taken to hide.
    rows = draw.normal(1, seq, width).repeat(seq + 2, 1, 1)
    rows[torch.arange(seq) + 2, torch.arange(seq)] += 50.0
    hides = (torch.arange(seq) < seq // 2).long().expand(seq + 2, -1).contiguous()
    alone = [(hidden[i : i + 1, :n], _full(1, n)) for i, n in enumerate(mask.sum(dim=1).tolist())]
    pairs = [(hidden, full), (hidden[:1, :1], _full(1, 1)), (hidden, emptied), (zeroed, emptied), (rows, hides), *alone]
    errors = []
    for dtype in DTYPES:
        requests = [student.request("masked_mean", vectors, kept.to(dtype)) for vectors, kept in pairs]
        requests += [student.request("masked_mean", hidden, mask.to(each)) | {"inputs": True} for each in DTYPES]
        *answers, first, second, third = student.try_all(requests)
        if not isinstance(answers[0], StudentError):
            break
        errors.append(answers[0])
    else:
        raise errors[0]
    padded = dict(zip(DTYPES, (first, second, third), strict=True))
    of_full, of_one, of_emptied, of_zeroed, of_rows, *of_alone = answers

    def means(answer: Any, count: int = batch) -> Tensor:
        """Means, with an axis of 1 too many taken away: `values` pays for the shape."""
        found = as_tensor(_told(answer))
        if found.numel() != count * width:
            raise Fault("odd_value")
        return found.reshape(count, width)

    def takes_several() -> bool:
        """Whether more than one vector of a sentence moves the result: a constant, or one vector, is no mean."""
        one, again, *others = means(of_rows, seq + 2)
        return same(one, again) and sum(not same(one, other) for other in others) > 1

    several = _has_content(takes_several)

    def unchanged() -> bool:
        """Whether the inputs are afterwards as they were."""
        if isinstance(padded[dtype], StudentError):
            return True
        after = padded[dtype][1]
        return torch.equal(after[0], hidden) and torch.equal(after[1], mask.to(dtype))

    def values() -> Observations:
        mean = as_tensor(_told(of_full))
        of_its_type = mean.dtype == hidden.dtype
        one = as_tensor(_told(of_one))
        return {"mean": mean, "mean of one token": one, "type of hidden": of_its_type, "inputs unchanged": unchanged()}

    def padding() -> Observations:
        lone = torch.cat([means(answer, 1) for answer in of_alone])
        if all(isinstance(answer, StudentError) for answer in padded.values()):
            raise padded[dtype]
        far = {d: error_of(answer) or means(answer[0]) - lone for d, answer in padded.items()}
        return {**{f"distance, {d}": value for d, value in far.items()}, CONTENT: several()}

    def empty() -> Observations:
        """Who takes padding for tokens pays at padding, and here gets padding that is zero."""
        answer = padded[dtype]
        takes_padding = not isinstance(answer, StudentError) and same(means(answer[0]), means(of_full))
        return {"row without tokens": means(of_zeroed if takes_padding else of_emptied)[-1], CONTENT: several()}

    def gradient() -> Observations:
        """Autograd agrees with the function's own slope, also beside a row without tokens where that row is finite.

        The slope of a function that writes into its input means nothing; that is paid for in `values`.
        """
        if not unchanged():
            return {"slope": True, CONTENT: several()}
        finite = isinstance(of_emptied, Tensor) and bool(torch.isfinite(of_emptied).all())
        vectors = draw.apart(batch, seq, width)

        def slope(kept: Tensor) -> bool:
            return bool(student.slope("masked_mean", vectors, kept.to(dtype), of=[0])["slope of argument 0"])

        seen: Observations = {"slope": slope(emptied if finite else full), CONTENT: several()}
        if finite and not seen["slope"]:
            seen["slope where all rows have tokens"] = slope(full)
        return seen

    return {"values": values, "padding": padding, "empty": empty, "gradient": gradient}


# the classifier ---------------------------------------------------------------------------------------------------


def _sizes(draw: Draw, **other: Any) -> list[Any]:
    """The arguments of a classifier, in their order."""
    names = ("vocab_size", "num_classes", "d_model", "num_heads", "d_ff", "num_layers", "max_len")
    return list(({name: getattr(draw, name) for name in names} | {"dropout": 0.0} | other).values())


def _models(student: Student, seeds: Sequence[int], *sizes: Sequence[Any]) -> list[Built]:
    """Classifiers in eval mode; their fresh weights follow from the seeds."""
    pairs = [(student.restart(seed), student.request(CLASSIFIER, *size)) for seed, size in zip(seeds, sizes, strict=True)]
    answers = student.ask_all([request for pair in pairs for request in pair])[1::2]
    if not all(isinstance(answer, Reference) for answer in answers):
        raise Fault("no_object", name=CLASSIFIER)
    models = [Built(student, answer.number, CLASSIFIER) for answer in answers]
    student.ask_all([model.switch(False) for model in models])
    return models


def _probes(student: Student, draw: Draw, *others: dict[str, Any], beside: int = 0) -> list[Built]:
    """What looks into classifiers with stirred weights, each of the case's sizes but for some.

    beside: 0 for fresh weights that begin alike, another number for others
    """
    sizes = [_sizes(draw, **other) for other in others]
    models = _models(student, [draw.seed_to_tell + beside] * len(sizes), *sizes)
    made = [
        fixture_request(fixtures.Probe, model.reference, size[2], draw.seed_to_tell)
        for model, size in zip(models, sizes, strict=True)
    ]
    return [Built(student, value.number, "Probe") for value in student.ask_all(made)]


def _ask(probe: Built, method: str, *args: Any) -> dict[str, Any]:
    """A request for what a method of a probe gives."""
    return probe.request(*args) | {"method": method}


def _numbers(value: Any) -> Tensor:
    return as_tensor(value).float()


def _logits(value: Any, batch: int) -> Tensor:
    """Logits as (batch, num_classes). Raises Fault where they have no row for each: `output` pays for the shape."""
    logits = _numbers(value)
    if not logits.numel() or (batch > 1 and len(logits) != batch):
        raise Fault("odd_value")
    return logits.reshape(batch, -1)


def _sentences(draw: Draw, batch: int, seq: int) -> Tensor:
    """Token ids (batch, seq) with id 0 and the last id among them, the first and the last of a sentence different."""
    ids = draw.integers(draw.vocab_size, batch, seq)
    ids[:, 0], ids[:, -1] = 1, draw.vocab_size - 1
    ids[:, seq // 2] = 0
    return ids


_ONCE = Check(once=True)


@looks(
    CLASSIFIER,
    output=Check(), padding=Check(), none_mask=_ONCE, order=_ONCE, pooling=_ONCE, layers=_ONCE, training=_ONCE,
)  # fmt: skip
def classifier(student: Student, draw: Draw) -> Parts:
    """Most checks look into one model that has stirred weights and no dropout; each makes others that it needs."""
    look = _Classifier(student, draw)
    return {
        "output": look.output,
        "padding": look.padding,
        **{
            name: partial(lambda part: part() | {CONTENT: look.reads()}, getattr(look, name))
            for name in ("none_mask", "order", "pooling", "layers", "training")
        },
    }


class _Classifier:
    """What is seen of a classifier on one draw, check by check."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw, self.size = student, draw, (draw.batch, draw.seq)
        (self.probe,) = _probes(student, draw, {})
        self.full, self.reads = _full(*self.size), _has_content(self._reads)
        self.other = cache(lambda: _probes(student, draw, {}, beside=1)[0])  # with other weights

    def logits_of(self, *arguments: Sequence[Tensor | None], probe: Built | None = None) -> list[Tensor]:
        """What the model gives to each of some arguments, with equal random numbers."""
        answers = self.student.ask_all([_ask(probe or self.probe, "logits", *one) for one in arguments])
        return [_numbers(answer) for answer in answers]

    def _reads(self) -> bool:
        """Whether the logits follow from the weights, and from more than one token of a sentence.

        A second sentence stands beside it, which may not be there for nothing: `padding` pays for that.
        """
        draw, mask = self.draw.beside("content"), _full(2, self.draw.seq)
        ids = 1 + draw.integers(draw.vocab_size - 1, 2, draw.seq)
        changed = [ids.clone() for _ in range(3)]
        for position, tokens in zip((0, 1, draw.seq - 1), changed, strict=True):
            tokens[0, position] = 1 + tokens[0, position] % (draw.vocab_size - 1)
        first, again, *moved = self.logits_of(*((tokens, mask) for tokens in (ids, ids, *changed)))
        (of_other,) = self.logits_of((ids, mask), probe=self.other())
        counts = sum(not same(first, value) for value in moved)
        return same(first, again) and counts > 1 and not same(first, of_other)

    def output(self) -> Observations:
        """The shapes of the logits for several sizes, and that they are logits, of any size and sign, not shares."""
        draw, probe, (batch, seq) = self.draw, self.probe, self.size
        shapes = [(batch, seq), (1, seq), (4, 1)]
        requests = [_ask(probe, "named", draw.integers(draw.vocab_size, *size), _full(*size)) for size in shapes]
        requests += [_ask(probe, "has_logits_beyond", 1.0, _sentences(draw, batch, seq), self.full)]
        *found, (below, above), dtypes = self.student.ask_all([*requests, _ask(probe, "dtypes")])
        values = [as_tensor(value) for value in found]
        seen: Observations = {f"shape for {b} sentences of {n}": list(v.shape) for (b, n), v in zip(shapes, values)}
        logits = values[0]
        seen |= {
            "finite": bool(torch.isfinite(logits).all()),
            "between 0 and 1": bool(((logits >= 0) & (logits <= 1)).all()),
            "logarithms of shares": bool((logits.float().logsumexp(-1).abs() < SAME).all()),
            "type of the weights": not dtypes or str(logits.dtype) in dtypes,
            "logits below -1": below,
            "logits above 1": above,
        }
        if draw.long:
            defaults = (draw.vocab_size, draw.num_classes)
            lengthy, usual = _models(self.student, [0, 0], _sizes(draw, max_len=draw.long), defaults)
            ids, mask = draw.integers(draw.vocab_size, 1, draw.long), _full(1, draw.long)
            asked = lengthy.request(ids, mask), usual.request(ids[:, :5], mask[:, :5])
            at_length, by_default = map(as_tensor, self.student.ask_all(asked))
            seen |= {"at max_len": list(at_length.shape), "at the default sizes": list(by_default.shape)}
        return seen

    def padding(self) -> Observations:
        """Neither what stands in the padding, nor how much, nor the batch's other sentences move the logits.

        What is padding the mask alone says: a token whose id is 0 is none.
        """
        draw, (batch, seq) = self.draw, self.size
        ids, mask = _sentences(draw, batch, seq), _ragged(draw, batch, seq)
        other = torch.where(mask == 1, ids, draw.integers(draw.vocab_size, batch, seq))
        kept = (ids != 0).long()
        alone = [(ids[i : i + 1, :n], _full(1, n)) for i, n in enumerate(mask.sum(dim=1).tolist())]
        asked = [(ids, mask), (ids, self.full), (ids, kept), *((other, mask.to(d)) for d in DTYPES), *alone]
        requests = [_ask(self.probe, "logits", *one) for one in asked]
        # without dropout only what is taken over the batch could make a difference in train mode
        requests += [_ask(self.probe, "in_train_mode", [ids, mask], [ids, mask], [ids[:1], mask[:1]])]
        *answers, trained = self.student.ask_all(requests)
        logits, full, hidden, *others = (_logits(answer, batch) for answer in answers[:6])
        lone = torch.cat([_logits(answer, 1) for answer in answers[6:]])
        together, again, first = (_logits(answer, n) for answer, n in zip(trained, (batch, batch, 1), strict=True))
        seen: Observations = {
            **{f"other padding, {d}": same(value, logits) for d, value in zip(DTYPES, others, strict=True)},
            # where equal calls differ, dropout acts at the wrong time: `training` pays for that
            "alone and without padding": same(lone, logits) or not self._repeats(ids, mask),
            "a token of id 0 counts": not same(full, hidden),
            "alone in train mode": same(first, together[:1]) or not same(together, again),
        }
        if not all(seen.values()):
            (zeros,) = self.logits_of((torch.where(mask == 1, ids, 0), mask))
            seen["zeros for padding are kept out"] = same(_logits(zeros, batch), lone)
            seen |= self._where_padding_enters(ids[:1], other[:1], mask[:1])
        return seen

    def _repeats(self, ids: Tensor, mask: Tensor) -> bool:
        return same(*self.student.ask_all([_ask(self.probe, "named", ids, mask)] * 2))

    def _where_padding_enters(self, ids: Tensor, other: Tensor, mask: Tensor) -> Observations:
        """Whether padding, and other tokens, reach the tokens' last vectors, and whether the pooling reads padding's."""
        draw, length = self.draw, int(mask.sum())
        hidden, changed, ends = draw.normal(draw.seq, draw.d_model), draw.normal(draw.seq, draw.d_model), ids.clone()
        changed[:length], ends[0, 0] = hidden[:length], ids[0, 0] + 1
        requests = [_ask(self.probe, "hidden", each, mask) for each in (ids, other, ends)]
        requests += [_ask(self.probe, "from_hidden", ids, mask, each) for each in (hidden, changed)]
        before, after, moved, *outcomes = self.student.ask_all(requests)
        if not all(isinstance(each, Tensor) for each in (before, after, moved)):
            return {}
        return {
            "the tokens' vectors keep off the padding": same(before[:length], after[:length]),
            "the tokens' vectors keep off each other": same(before[1:length], moved[1:length]),
            "the pooling keeps off the padding": same(*(outcome[0] for outcome in outcomes)),
        }

    def none_mask(self) -> Observations:
        """No mask is as good as a mask of ones. Who hides each id 0 even from a mask of ones pays at `padding`."""
        ids = _sentences(self.draw, *self.size)
        guessed = (ids != 0).long()
        logits, without, none, by_ids = self.logits_of((ids, self.full), (ids,), (ids, None), (ids, guessed))
        if same(logits, by_ids):
            ids = ids.clamp(min=1)
            logits, without, none, by_ids = self.logits_of((ids, self.full), (ids,), (ids, None), (ids, guessed))
        seen: Observations = {"left out": same(without, logits), "None": same(none, logits)}
        if not seen["left out"]:
            (hidden,) = self.logits_of((ids, 0 * self.full))
            seen["as if all were padding"] = same(without, hidden)
            seen["as if the ids told"] = same(without, by_ids)
            seen["a full mask keeps tokens apart"] = self._full_mask_hides()
        return seen

    def order(self) -> Observations:
        """The order of the tokens counts."""
        draw, ids = self.draw, _sentences(self.draw, *self.size)
        swapped, tokens = ids.clone(), draw.integers(draw.vocab_size, *self.size)
        swapped[:, 0], swapped[:, 1] = ids[:, 1], ids[:, 0]
        each = {"backwards": ids.flip(1), "two tokens swapped": swapped, "other tokens": tokens}
        own, *others = self.logits_of(*((one, self.full) for one in (ids, *each.values())))
        return {f"{name}: the same": same(logits, own) for name, logits in zip(each, others, strict=True)}

    def pooling(self) -> Observations:
        """The mean of the last vectors is all that counts of them, and their number does not count.

        What is added to the last vectors on the way may differ from length to length: then it is looked at how far the
        outcome moves, if not that of the logits, that of the first single vector behind the tokens'.
        """
        draw, seq = self.draw, self.draw.seq
        ids, hidden = _sentences(draw, 1, seq).clamp(min=1), draw.normal(seq, draw.d_model)
        vectors = hidden.mean(dim=0, keepdim=True), draw.normal(1, draw.d_model)

        def outcomes(*hidden: Tensor) -> list[Any]:
            asked = [(ids[:, : len(each)], _full(1, len(each)), each) for each in hidden]
            return self.student.ask_all([_ask(self.probe, "from_hidden", *one) for one in asked])

        own, *spread = outcomes(hidden, *(vector.expand(n, -1) for n in (seq, seq - 2) for vector in vectors))
        if own is None:  # no module makes the last vectors, so nothing can be put in their place
            self.logits_of((ids, _full(1, seq)))
            return {"only the mean counts": True, "the number counts": False}
        many, few = spread[:2], spread[2:]
        seen: Observations = {
            "only the mean counts": same(many[0][0], own[0]),
            "the number counts": not (same(many[0][0], few[0][0]) or any(_moved_alike(many, few, at) for at in (0, 1))),
        }
        if not seen["only the mean counts"]:
            others = [hidden.clone() for _ in range(seq + 2)]
            for position in range(seq):
                others[position][position] += 5.0
            others[seq][2], others[seq + 1][2] = -50.0, -60.0
            turned = torch.stack([column.roll(number) for number, column in enumerate(hidden.T)], dim=1)
            *moved, small, smaller, odd = (outcome[0] for outcome in outcomes(*others, turned))
            seen |= {f"position {position} counts": not same(value, own[0]) for position, value in enumerate(moved)}
            seen["how small a vector is counts"] = not same(small, smaller)
            seen["which numbers stand in one vector counts"] = not same(odd, own[0])
        return seen

    def _interact(self, *mask: Tensor) -> bool:
        """Whether the change that one token makes in the logits is another one beside another neighbour."""
        both = _sentences(self.draw.beside("neighbours"), 1, self.draw.seq).clamp(min=2).repeat(4, 1)
        both[1:3, 0], both[2:, 1] = 1, 1  # as they are, the first changed, both changed, the second changed
        one, first, two, second = self.logits_of(*((row[None], *mask) for row in both))
        return not same(one - first, second - two)

    def _full_mask_hides(self) -> bool:
        """Whether tokens act on one another without a mask, and not with a mask of ones, as with one turned round."""
        return not self._interact(self.full[:1]) and self._interact()

    def layers(self) -> Observations:
        """Each layer adds as many weights as the one before, all of them in use, and every size has its effect.

        What a layer is there for is looked at too: what a token adds to the logits depends on the others.
        """
        draw, ids = self.draw, _sentences(self.draw, 2, self.draw.seq)
        # who turns the mask round pays for it at `padding`
        shown = (ids,) if self._full_mask_hides() else (ids, _full(2, draw.seq))
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
        probes = dict(zip(kinds, _probes(self.student, draw, *kinds.values()), strict=True))
        requests = [_ask(probe, "sizes", *shown) for probe in list(probes.values())[:5]]
        requests += [_ask(probes[kind], "counts") for kind in ("of twice d_model", "of more words")]
        requests += [_ask(probes[kind], "logits", *shown) for kind in ("one", "one head")]
        *sizes, some_heads, one_head = self.student.ask_all(requests)
        held, used = ({kind: int(size[at]) for kind, size in zip(kinds, sizes, strict=False)} for at in (0, 1))
        wider, two_wider = used["one wide"] - used["one"], used["two wide"] - used["two"]
        layer = two_wider - wider  # what a larger d_ff adds to one layer
        seen: Observations = {
            "a second layer adds weights": used["two"] > used["one"],
            "a third adds as many": used["three"] - used["two"] == used["two"] - used["one"],
            "d_ff makes a layer wider": wider > 0,
            "d_ff makes several layers wider where one was asked for": 0 < layer < wider and wider % layer == 0,
            "a larger d_model adds weights": held["of twice d_model"] > held["one"],
            "vocab_size is kept to": held["of more words"] > held["one"] or self._refuses_more_words(),
            "num_heads counts": not same(_numbers(some_heads), _numbers(one_head)),
            "tokens act on one another": len(shown) == 1 or self._interact(self.full[:1]),
        }
        if not seen["d_ff makes a layer wider"]:
            seen["d_ff makes two layers wider"] = two_wider > 0
        if not seen["a second layer adds weights"]:
            seen["a second layer holds weights"] = held["two"] > held["one"]
            if not seen["a second layer holds weights"]:
                requests = [_ask(probes["three"], "handed_over", probes["one"].reference, *shown)]
                seen["with the same weights it does the same"] = same(*self.student.ask_all(requests)[0])
        return seen

    def _refuses_more_words(self) -> bool:
        """Whether an id that is not below vocab_size raises: then the embedding has the right size, but hides its weights.

        Hidden weights are paid for at `training`.
        """
        ids = torch.full((1, 2), self.draw.vocab_size)
        return bool(error_of(self.student.try_all([_ask(self.probe, "logits", ids, _full(1, 2))])[0]))

    def training(self) -> Observations:
        """Dropout acts in train mode only, at the rate that was given, and gradients reach all weights.

        At a rate of 1 all is dropped, and nothing is left to chance: noise in the place of dropout shows there.
        Weights that are no parameters show where another model is given all parameters and still differs. Closed ones
        show where a model of more words, classes and layers has more weights, but not as many more that may get a
        gradient.
        """
        draw, shown = self.draw, (_sentences(self.draw, *self.size), self.full)
        more = {name: getattr(draw, name) + 1 for name in ("vocab_size", "num_classes", "num_layers")}
        half, all_, larger = _probes(self.student, draw, {"dropout": 0.5}, {"dropout": 1.0}, more)
        none = self.probe
        # an embedding may keep the vector of id 0, which is padding, from learning
        words = (shown[0].clamp(min=1), self.full)
        requests = [_ask(probe, "named", *shown) for probe in (half, half, none, none)]
        requests += [_ask(probe, "in_train_mode", list(shown), list(shown)) for probe in (half, none, all_)]
        requests += [_ask(half, "keeps_modes", *shown), _ask(self.probe, "counts"), _ask(larger, "counts")]
        requests += [_ask(self.probe, "handed_over", self.other().reference, *words), _ask(self.probe, "slope", *words)]
        answers = self.student.ask_all(requests)
        in_eval, again, still, still_again = map(as_tensor, answers[:4])
        (dropped, _), (kept, _), (nothing, nothing_again) = answers[4:7]
        keeps, (held, open_to), (more_held, more_open), handed, slope = answers[7:]
        cut_off = float(slope["cut off"]) > SAME
        return {
            "rate 0.5, eval: equal logits": same(in_eval, again),
            "rate 0.5, train: as in eval": same(dropped, in_eval),
            "rate 0.0, eval: equal logits": same(still, still_again),
            "rate 0.0, train: as in eval": same(kept, still),
            "rate 1.0, train: equal logits": same(nothing.nan_to_num(), nothing_again.nan_to_num()),
            "modes are kept": keeps,
            "all weights may get a gradient": more_held - held == more_open - open_to,
            "all weights are parameters": same(*handed),
            "weights that matter get no gradient": cut_off,
            "autograd agrees with the slope": not cut_off and float(slope["off"]) <= SLOPE_TOLERANCE,
        }


def _moved_alike(many: list[Any], few: list[Any], at: int) -> bool:
    """Whether two outcomes for many tokens lie as far apart as the two for few."""
    values = [outcome[at] for outcome in (*many, *few)]
    if not all(isinstance(value, Tensor) for value in values):
        return False
    return same(values[0] - values[1], values[2] - values[3])


# runs of train_epoch and evaluate -----------------------------------------------------------------------------------


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
        mask = _ragged(draw, batch, seq) if ragged else _full(batch, seq)
        batches.append({"input_ids": ids, "attention_mask": mask, "labels": draw.integers(draw.num_classes, batch)})
    return batches


def _weights(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of a tiny classifier whose logits are a few units large."""
    table = draw.normal(draw.vocab_size, draw.d_model)
    return table, draw.normal(draw.num_classes, draw.d_model, scale=0.6), draw.normal(draw.num_classes)


def _in_one_row(weights: tuple[Tensor, ...]) -> Tensor:
    """These weights as a run leaves them."""
    table, weight, bias = weights
    return torch.cat([table.reshape(-1), bias, weight.reshape(-1)])


class _Left(NamedTuple):
    """What a run left: what came back or was raised, and what the tiny classifier and the optimizer noted."""

    answer: Any
    notes: dict[str, Any]

    @property
    def result(self) -> Any:
        """What was returned, a number as a float. Raises StudentError."""
        value = _told(self.answer)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    @property
    def result_or_error(self) -> Any:
        """What was returned, or the class of what was raised."""
        return error_of(self.answer) or self.result

    def refuse_unless(self, seen: Any) -> None:
        """Raise what the run raised, if anything, where it came before what is to be seen."""
        if not seen:
            _told(self.answer)


class _Runs:
    """Runs of train_epoch or evaluate."""

    def __init__(self, student: Student, name: str) -> None:
        self._student = student
        function = student.ask("get", name=name, path="__call__")
        if not isinstance(function, Reference):
            raise Fault("odd_value")
        self._function = function

    def __call__(self, *calls: tuple[tuple[Tensor, ...], list[Batch], dict[str, Any]]) -> list[_Left]:
        """What each call leaves: weights, batches, and settings of a `fixtures.Run`."""
        made = [fixture_request(fixtures.Run, self._function, *call[:2], **call[2]) for call in calls]
        runs = [Built(self._student, value.number, "Run") for value in self._student.ask_all(made)]
        asked = [request for run in runs for request in (run.request() | {"method": "result"}, run.getting("left"))]
        answers = self._student.try_all(asked)
        return [_Left(*pair) for pair in zip(answers[::2], map(_told, answers[1::2]), strict=True)]

    def asks_for_more(self, run: _Left, *call: Any) -> bool:
        """Whether a call raised that does not where batches know their data set, as those of a DataLoader do."""
        if not isinstance(run.answer, StudentError):
            return False
        return not isinstance(self((*call[:2], {**call[2], "kind": "with dataset"}))[0].answer, StudentError)


def _relabelled(draw: Draw, batches: list[Batch], drawn: bool = False) -> list[Batch]:
    """The same batches, each example with the label next to its own, or with a drawn one."""
    if drawn:
        return [{**batch, "labels": draw.integers(draw.num_classes, len(batch["labels"]))} for batch in batches]
    return [{**batch, "labels": (batch["labels"] + 1) % draw.num_classes} for batch in batches]


def _measures(runs: list[_Left], relabelled: int = 1) -> bool:
    """Whether a number comes back twice, and is another one with other labels, and another one with another model.

    runs: two equal calls, then so many with other labels, then those with other models. Numbers that are the same with
    any model are read off the labels, or made up.
    """
    first, again, *others = (content.numbers(run.result) for run in runs)
    moves = [content.differ(first, other) for other in others]
    return content.repeats(first, again) and any(moves[:relabelled]) and any(moves[relabelled:])


def _each(notes: Any, wanted: bool) -> bool:
    """Whether something was noted, and each time the wanted."""
    return isinstance(notes, list) and bool(notes) and all(note is wanted for note in notes)


def _arrived(run: _Left, batches: list[Batch]) -> Observations:
    """Whether what a model was given are sentences of the batches, each with its own mask.

    How many are given at once, in which order, and how much padding comes with them, is the learner's choice.
    """
    run.refuse_unless(run.notes["masks"])
    sentences = {tokens for batch in batches for tokens in _tokens(batch["input_ids"], batch["attention_mask"])}
    given = list(zip(run.notes["ids"], run.notes["masks"], strict=True))
    if given and all(_fits(*one) and set(_tokens(*one)) <= sentences for one in given):
        return {"masks": True}

    def is_each(of_batch: Callable[[Batch], tuple[Tensor, Tensor]]) -> bool:
        """Whether each batch came as something else that is made of it."""
        other = [of_batch(batch) for batch in batches]
        return len(other) == len(given) and all(
            isinstance(kept, Tensor) and torch.equal(ids, own) and torch.equal(kept != 0, mask != 0)
            for (ids, kept), (own, mask) in zip(given, other, strict=True)
        )

    def cut(batch: Batch) -> tuple[Tensor, Tensor]:
        length = int(batch["attention_mask"][0].sum())
        return batch["input_ids"][:, :length], batch["attention_mask"][:, :length]

    return {
        "masks": False,
        "nothing is hidden": all(mask is None or (_fits(one, mask) and bool((mask != 0).all())) for one, mask in given),
        "hidden is what has the id 0": is_each(lambda batch: (batch["input_ids"], batch["input_ids"])),
        "hidden is what is a token": is_each(lambda batch: (batch["input_ids"], batch["attention_mask"] == 0)),
        "cut to the first sentence": is_each(cut),
    }


def _fits(ids: Any, mask: Any) -> bool:
    """Whether these are ids and a mask of zeros and ones, one for each."""
    both = isinstance(ids, Tensor) and isinstance(mask, Tensor) and ids.dim() == 2 and ids.shape == mask.shape
    return both and bool(((mask == 0) | (mask == 1)).all())


def _tokens(ids: Tensor, mask: Tensor) -> list[tuple[int, ...]]:
    """The ids of each sentence that its mask does not hide."""
    return [tuple(row[kept].tolist()) for row, kept in zip(ids, mask != 0, strict=True)]


# an epoch of training ---------------------------------------------------------------------------------------------


@looks("train_epoch", loss=Check(), updates=Check(), gradients=Check(), mode=_ONCE, mask=_ONCE)
def train_epoch(student: Student, draw: Draw) -> Parts:
    """Several epochs: one at a rate of 0, one of a single batch, and some whose updates are looked at."""
    weights, batches, runs = _weights(draw), _batches(draw), _Runs(student, "train_epoch")
    still, moving = {"rate": 0.0, "smoothing": draw.smoothing}, {"rate": draw.rate, "gain": GAIN}
    left_over = moving | {"clears": False, "left_over": 0.7}
    measured, single, run, burdened = runs(
        (weights, batches, still),
        (weights, batches[:1], still | {"rate": draw.rate, "kind": "once"}),
        (weights, batches, moving),
        (weights, batches, left_over),
    )
    steps = run.notes["steps"]

    def moves_or_measures() -> bool:
        """Whether an epoch moves the weights or at least gives a number that follows from labels and model."""
        if not torch.equal(run.notes["weights"], _in_one_row(weights)):
            return True
        other = _weights(draw.beside("content"))
        calls = [(weights, batches), (weights, batches), (weights, _relabelled(draw, batches)), (other, batches)]
        return _measures(runs(*((*call, still | {"kind": "with dataset"}) for call in calls)))

    trains = _has_content(moves_or_measures)

    def loss() -> Observations:
        """At a rate of 0 the loss does not depend on the updates; that of one batch is the one before its step."""
        if runs.asks_for_more(measured, weights, batches, still):
            return {"loss": "none without a data set"}
        return {"loss": measured.result, "loss of one batch, gone through once": single.result_or_error}

    def updates() -> Observations:
        """The weights after an epoch, and that the batches stay as they were, since the next epoch needs them.

        The optimizer forgets gradients by itself: that is paid for at `gradients`.
        """
        run.refuse_unless(steps >= len(batches))
        after = run.notes["weights"]
        seen: Observations = {"weights": after, "more steps than batches": steps > len(batches)}
        seen["batches unchanged"] = run.notes["unchanged"]
        if torch.equal(after, _in_one_row(weights)):
            seen["steps"] = steps
        return seen

    def gradients() -> Observations:
        """How far gradients that are left over, from before or from the last batch, move the weights."""
        run.refuse_unless(run.notes["modes"])
        clean, own, last = (each.notes["weights"] for each in (run, burdened, burdened))
        if steps > len(batches):  # paid for at `updates`
            own = last = clean
        elif not same(own, clean):
            last = runs((weights, batches, left_over | {"left_over": 0.0}))[0].notes["weights"]
        return {
            "the model was asked": run.notes["modes"] != [],
            CONTENT: trains(),
            "moved by the last batch's": last - clean,
            "moved by those from before": own - last,
        }

    def mode() -> Observations:
        """The model trains in train mode, also when it arrives in eval mode."""
        run.refuse_unless(run.notes["modes"])
        return {"train mode": _each(run.notes["modes"], True), CONTENT: trains()}

    def mask() -> Observations:
        """The model is given each batch's mask."""
        padded = _batches(draw, ragged=True)
        return _arrived(runs((weights, padded, moving))[0], padded) | {CONTENT: trains()}

    return {"loss": loss, "updates": updates, "gradients": gradients, "mode": mode, "mask": mask}


# evaluation -------------------------------------------------------------------------------------------------------


APART = 0.02  # between two shares that may not be the same
MARGIN = 0.01  # of logits a few units large; in float16 they move by 0.002


def _marked(draw: Draw) -> tuple[tuple[Tensor, ...], list[Batch]]:
    """Weights of a tiny classifier, and batches of which it gets some examples wrong.

    How many of a batch, and which ones, is drawn: who does not look cannot know it.
    """
    weights, batches = _weights(draw), _batches(draw)
    while _label(weights, batches) < MARGIN:  # else weights that are rounded a little may change a prediction
        batches = _batches(draw)
    for batch, count in zip(batches, _drawn_shares(draw, [len(batch["labels"]) for batch in batches]), strict=True):
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


def _drawn_shares(draw: Draw, sizes: list[int]) -> list[int]:
    """How many examples of each batch are wrong.

    The share of right ones is not that of the wrong ones, nor what it would be as a mean over the batches, over the
    last batch alone, or with batches that are all as large as the first; and no two of these are the same.
    """
    while True:
        wrong = [int(draw.integers(size + 1, 1)) for size in sizes]
        right = [size - count for size, count in zip(sizes, wrong, strict=True)]
        by_batch = sum(count / size for count, size in zip(right, sizes, strict=True)) / len(sizes)
        share, as_first = sum(right) / sum(sizes), sum(right) / (len(sizes) * sizes[0])
        last, last_of_all = right[-1] / sizes[-1], right[-1] / sum(sizes)
        shares = [share, by_batch, as_first, last, last_of_all, 0.5, 1 - share]
        apart = [abs(one - other) > APART for at, one in enumerate(shares) for other in shares[:at]]
        if all(apart) and all(abs(share - end) > APART for end in (0.0, 1.0)):
            return wrong


@looks("evaluate", accuracy=Check(), mode=_ONCE, no_grad=_ONCE, mask=_ONCE, leaves=_ONCE)
def evaluate(student: Student, draw: Draw) -> Parts:
    """Two evaluations: one where the program records gradients, one where it does not and batches can be had once."""
    (weights, batches), runs = _marked(draw), _Runs(student, "evaluate")
    run, once = runs((weights, batches, {}), (weights, batches, {"kind": "once", "records": False}))

    def follows() -> bool:
        """Whether the share follows from labels and model."""
        beside = draw.beside("content")

        def measures(tries: int) -> bool:
            others = [(_weights(beside), batches) for _ in range(tries)]
            labelled = [(weights, _relabelled(beside, batches, drawn=number > 0)) for number in range(tries)]
            calls = [(weights, batches)] * 2 + labelled + others
            return _measures(runs(*((*call, {"kind": "with dataset"}) for call in calls)), tries)

        return measures(2) or measures(10)  # shares may be the same by chance: then it takes more of them

    follows_once = _has_content(follows)

    def accuracy() -> Observations:
        """The share of right predictions over all examples, the last batch being a small one."""
        if runs.asks_for_more(run, weights, batches, {}):
            return {"accuracy": "none without a data set"}
        return {"accuracy": run.result, "gone through once": once.result_or_error}

    def mode() -> Observations:
        """The model works in eval mode, also when it arrives in train mode."""
        run.refuse_unless(run.notes["modes"])
        return {"train mode": not _each(run.notes["modes"], False), CONTENT: follows_once()}

    def no_grad() -> Observations:
        """No gradients are recorded."""
        run.refuse_unless(run.notes["modes"])
        return {"records gradients": not _each(run.notes["recording"], False), CONTENT: follows_once()}

    def mask() -> Observations:
        """The model is given each batch's mask."""
        padded = _batches(draw, ragged=True)
        return _arrived(runs((weights, padded, {}))[0], padded) | {CONTENT: follows_once()}

    def leaves() -> Observations:
        """The model's weights, the batches and the program's gradient mode are afterwards as they were before."""
        run.refuse_unless(run.notes["modes"])
        return {
            "the model was asked": run.notes["modes"] != [],
            CONTENT: follows_once(),
            "gradients are recorded afterwards": run.notes["records"],
            "gradients stay off where they were off": not once.notes["records"],
            "batches unchanged": run.notes["unchanged"],
            "weights may be trained afterwards": run.notes["trainable"],
            "weights unchanged": torch.equal(run.notes["weights"], _in_one_row(weights)),
        }

    return {"accuracy": accuracy, "mode": mode, "no_grad": no_grad, "mask": mask, "leaves": leaves}


_CLASSIFIERS = [
    dict(
        batch=3, seq=6, vocab_size=29, num_classes=3, d_model=12, num_heads=2, d_ff=20, num_layers=2, max_len=9, long=270
    ),
    dict(
        batch=4, seq=7, vocab_size=23, num_classes=5, d_model=18, num_heads=3, d_ff=13, num_layers=2, max_len=7, long=0
    ),
]  # long: a max_len for which a text is made, 0 for none
VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "masked_mean": [dict(batch=3, seq=5, d_model=4), dict(batch=4, seq=6, d_model=3)],
    CLASSIFIER: _CLASSIFIERS,
    "train_epoch": [
        dict(batches=(4, 4, 1), seq=4, vocab_size=13, num_classes=4, d_model=5, rate=2.0, smoothing=0.1),
        dict(batches=(5, 2), seq=3, vocab_size=11, num_classes=3, d_model=4, rate=1.0, smoothing=0.2),
    ],
    "evaluate": [
        dict(batches=(3, 3, 1), seq=4, vocab_size=13, num_classes=3, d_model=5),
        dict(batches=(4, 1, 4), seq=3, vocab_size=11, num_classes=4, d_model=4),
    ],
}
