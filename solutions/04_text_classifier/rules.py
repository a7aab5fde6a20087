"""Rules of unit 04: what is looked at in pooling, in the classifier, in an epoch of training, and in evaluation.

The classifier's inner names are free, so no weights can be set by name: its checks look at what it does. Each looks
away from what another pays for: masks are full unless the mask is the question, weights stand still unless it is the
updates. Where the learner's code raises, what it did before is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.codec import Reference
from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import (
    Built,
    Fault,
    Student,
    StudentError,
    answered,
    as_tensor,
    error_of,
    fixture_request,
)  # fmt: skip
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

from . import fixtures
from .fixtures import draw_batches, draw_marked, draw_sentences, draw_weights, full_mask, in_one_row, ragged_mask

CLASSIFIER = "TransformerEncoderClassifier"
DTYPES = (torch.int64, torch.bool, torch.float32)  # of masks
SAME = 1e-4  # relative to the largest logit; rounding differs by 1e-6, a mistake by over 1e-2
SLOPE_TOLERANCE = 0.05  # relative to the length of the gradient; a path of it that is missing costs over 0.1
GAIN = 0.05  # of the logits where weights move: gradients stay below a norm of 1, at which some learners clip them
ALL = 1 - 1e-12  # a dropout rate at which all is dropped; 1 itself would divide by 0 where dropout is written by hand
ONCE = Check(once=True)

Parts = Mapping[str, Part]


def same(a: Any, b: Any) -> bool:
    """Whether two tensors hold the same values, up to rounding."""
    return isinstance(a, Tensor) and isinstance(b, Tensor) and not content.differ(a.double(), b.double(), SAME)


@looks("masked_mean", values=Check(), padding=Check(), empty=Check(), gradient=ONCE)
def masked_mean(student: Student, draw: Draw) -> Parts:
    """Means with masks of a type that the code takes; how far padding moves them with masks of each type."""
    batch, seq, width = draw.batch, draw.seq, draw.d_model
    hidden, mask, full = draw.normal(batch, seq, width), ragged_mask(draw, batch, seq), full_mask(batch, seq)
    emptied, zeroed = mask.clone(), hidden.clone()
    emptied[-1], zeroed[-1] = 0, 0.0
    # Sentence 0 and 1 are the same; in each of the others one vector is another one. Some of these are padding, so
    # that it does not matter which ones a mask is taken to hide.
    rows = draw.normal(1, seq, width).repeat(seq + 2, 1, 1)
    rows[torch.arange(seq) + 2, torch.arange(seq)] += 50.0
    hides = (torch.arange(seq) < seq // 2).long().expand(seq + 2, -1).contiguous()
    alone = [(hidden[i : i + 1, :n], full_mask(1, n)) for i, n in enumerate(mask.sum(dim=1).tolist())]
    one = hidden[:1, :1], full_mask(1, 1)
    pairs = [(hidden, full), one, (hidden, emptied), (zeroed, emptied), (rows, hides), *alone]
    by_type = [student.request("masked_mean", hidden, mask.to(d)) | {"inputs": True} for d in DTYPES]
    errors = []
    for dtype in DTYPES:
        requests = [student.request("masked_mean", vectors, kept.to(dtype)) for vectors, kept in pairs]
        answers = student.try_all(requests + by_type)
        if not isinstance(answers[0], StudentError):
            break
        errors.append(answers[0])
    else:
        raise errors[0]
    of_full, of_one, of_emptied, of_zeroed, of_rows, *of_alone = answers[:-3]
    padded = dict(zip(DTYPES, answers[-3:], strict=True))

    def means(answer: Any, count: int = batch) -> Tensor:
        """Means, with an axis of 1 too many taken away: `values` pays for the shape."""
        found = as_tensor(answered(answer))
        if found.numel() != count * width:
            raise Fault("odd_value")
        return found.reshape(count, width)

    @content.once
    def takes_several() -> bool:
        """Whether more than one vector of a sentence moves the result: a constant, or one vector, is no mean."""
        first, again, *others = means(of_rows, seq + 2)
        return same(first, again) and sum(not same(first, other) for other in others) > 1

    def unchanged() -> bool:
        """Whether the inputs are afterwards as they were; True where that was not to be seen."""
        after = [hidden, mask] if isinstance(padded[dtype], StudentError) else padded[dtype][1]
        return torch.equal(after[0], hidden) and torch.equal(after[1], mask.to(after[1].dtype))

    def values() -> Observations:
        mean, lone = (as_tensor(answered(answer)) for answer in (of_full, of_one))
        seen = {"mean": mean, "mean of one token": lone}
        return {**seen, "type of hidden": mean.dtype == hidden.dtype, "inputs unchanged": unchanged()}

    def padding() -> Observations:
        lone = torch.cat([means(answer, 1) for answer in of_alone])
        if all(error_of(answer) for answer in padded.values()):
            raise padded[dtype]
        far = {f"distance, {d}": error_of(answer) or means(answer[0]) - lone for d, answer in padded.items()}
        return {**far, CONTENT: takes_several()}

    def empty() -> Observations:
        """Who takes padding for tokens pays at padding, and here gets padding that is zero."""
        answer = padded[dtype]
        takes_padding = not error_of(answer) and same(means(answer[0]), means(of_full))
        row = means(of_zeroed if takes_padding else of_emptied)[-1]
        return {"row without tokens": row, CONTENT: takes_several()}

    def gradient() -> Observations:
        """Autograd agrees with the function's own slope, also beside a row without tokens where that row is finite.

        The slope of a function that writes into its input means nothing; that is paid for in `values`.
        """
        if not unchanged():
            return {"slope": True, CONTENT: takes_several()}
        finite = isinstance(of_emptied, Tensor) and bool(torch.isfinite(of_emptied).all())
        vectors = draw.apart(batch, seq, width)

        def slope(kept: Tensor) -> Any:
            return student.slope("masked_mean", vectors, kept.to(dtype), of=[0])["slope of argument 0"]

        seen = {"slope": slope(emptied if finite else full), CONTENT: takes_several()}
        if finite and not seen["slope"]:
            seen["slope where all rows have tokens"] = slope(full)
        return seen

    return {"values": values, "padding": padding, "empty": empty, "gradient": gradient}


# the classifier ---------------------------------------------------------------------------------------------------


def rows(value: Any, batch: int) -> Tensor:
    """Logits as (batch, num_classes). Raises Fault where they have no row for each: `output` pays for the shape."""
    logits = as_tensor(value)
    if not logits.numel() or (batch > 1 and len(logits) != batch):
        raise Fault("odd_value")
    return logits.reshape(batch, -1)


@looks(CLASSIFIER, output=ONCE, padding=Check(), none_mask=ONCE, order=ONCE, pooling=ONCE, layers=ONCE, training=ONCE)
def classifier(student: Student, draw: Draw) -> Parts:
    """Most checks look into one model that has stirred weights and no dropout; some make others beside it."""
    look = _Classifier(student, draw)

    def with_content(part: Callable[[], Observations]) -> Part:
        return lambda: part() | {CONTENT: look.reads()}

    parts = {name: getattr(look, name) for name in ("output", "none_mask", "order", "pooling", "layers", "training")}
    return {name: with_content(part) for name, part in parts.items()} | {"padding": look.padding}


class _Classifier:
    """What is seen of a classifier on one draw, check by check."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw, self.size = student, draw, (draw.batch, draw.seq)
        # the class itself is the first of those that it is made of; what is no class may be called all the same
        paths = [{"do": "get", "name": CLASSIFIER, "path": path, "wants": "value"} for path in ("__mro__", "__call__")]
        classes, function = student.try_all(paths)
        self._make = classes[0] if isinstance(classes, tuple) else answered(function)
        (self.probe,) = self.probes(self.sizes())
        self.ids, self.full = draw_sentences(draw, *self.size), full_mask(*self.size)
        self.words = self.ids.clamp(min=1)  # for checks of something else than what id 0 stands for
        self.other, self.plain = cache(lambda: self.probes(self.sizes(), fresh=1)[0]), cache(self._plain)
        self.reads, self.interact = content.once(self._reads), cache(self._interact)

    def sizes(self, **other: Any) -> list[Any]:
        """The arguments of a classifier in their order, those of the case but for some."""
        names = ("vocab_size", "num_classes", "d_model", "num_heads", "d_ff", "num_layers", "max_len")
        return list(({name: getattr(self.draw, name) for name in names} | {"dropout": 0.0} | other).values())

    def probes(self, *sizes: list[Any], fresh: int = 0, stirs: bool = True) -> list[Built]:
        """What looks into classifiers with stirred weights, which begin alike where `fresh` is the same."""
        seed = self.draw.seed_to_tell
        made = [fixture_request(fixtures.Probe, self._make, size, seed, seed + fresh, stirs) for size in sizes]
        return [Built(self.student, value.number, "Probe") for value in self.student.ask_all(made)]

    def ask(self, *asked: tuple[Any, ...]) -> list[Any]:
        """What methods of probes give, each asked for as the method's name and its arguments; a probe may lead."""
        named = [one if isinstance(one[0], Built) else (self.probe, *one) for one in asked]
        return self.student.ask_all([probe.request(*args) | {"method": name} for probe, name, *args in named])

    def _plain(self) -> list[Tensor]:
        """Logits of the words: twice, with one token of sentence 0 changed, with another, with two of each swapped."""
        changed = [self.words.clone() for _ in range(3)]
        for position, tokens in zip((0, self.draw.seq - 1), changed, strict=False):
            tokens[0, position] = 1 + tokens[0, position] % (self.draw.vocab_size - 1)
        changed[2][:, [0, 1]] = self.words[:, [1, 0]]
        asked = [("logits", ids, self.full) for ids in (self.words, self.words, *changed)]
        return [as_tensor(value) for value in self.ask(*asked)]

    def _reads(self) -> bool:
        """Whether the logits follow from the weights, and from more than one token of a sentence.

        Other sentences stand beside it, which may not be there for nothing: `padding` pays for that.
        """
        own, again, *moved = self.plain()[:4]
        (of_other,) = self.ask((self.other(), "logits", self.words, self.full))
        return same(own, again) and not any(same(own, value) for value in (*moved, of_other))

    def _interact(self, *mask: Tensor) -> bool:
        """Whether the change that one token makes in the logits is another one beside another neighbour."""
        both = self.words[:1].clamp(min=2).repeat(4, 1)
        both[1:3, 0], both[2:, 1] = 1, 1  # as they are, the first changed, both changed, the second changed
        logits = as_tensor(self.ask(("logits", both, *mask))[0])
        return len(logits) != 4 or not same(logits[0] - logits[1], logits[3] - logits[2])  # `output` pays for the shape

    def full_mask_hides(self) -> bool:
        """Whether tokens act on one another without a mask, and not with a mask of ones, as with one turned round."""
        return not self.interact(full_mask(4, self.draw.seq)) and self.interact()

    def output(self) -> Observations:
        """The shapes of the logits for several sizes, and that they are logits, of any size and sign, not shares."""
        draw, words, full = self.draw, self.words, self.full
        shapes = {"batch": (words, full), "sentence": (words[:1], full[:1]), "tokens": (words[:4, :1], full[:4, :1])}
        asked = [("named", *pair) for pair in shapes.values()]
        *found, (below, above), dtypes = self.ask(*asked, ("has_logits_beyond", 1.0, self.ids, full), ("dtypes",))
        text = draw.integers(draw.vocab_size, 1, draw.long)
        lengthy = self.sizes(max_len=draw.long, num_layers=1)
        long, usual = self.probes(lengthy, [4, draw.num_classes + 1], stirs=False)
        found += self.ask((long, "named", text, text * 0 + 1), (usual, "named", text[:, :5] % 4, full_mask(1, 5)))
        values = dict(zip([*shapes, "max_len", "the default sizes"], map(as_tensor, found), strict=True))
        logits = values["batch"]
        return {f"shape for {name}": list(value.shape) for name, value in values.items()} | {
            "finite": bool(torch.isfinite(logits).all()),
            "between 0 and 1": bool(((logits >= 0) & (logits <= 1)).all()),
            "logarithms of shares": bool((logits.logsumexp(-1).abs() < SAME).all()),
            "type of the weights": not dtypes or str(logits.dtype) in dtypes,
            "logits below -1": below,
            "logits above 1": above,
        }

    def padding(self) -> Observations:
        """Neither what stands in the padding, nor how much, nor the batch's other sentences move the logits.

        What is padding the mask alone says: a token whose id is 0 is none.
        """
        draw, ids, mask = self.draw, self.ids, ragged_mask(self.draw, *self.size)
        other = torch.where(mask == 1, ids, draw.integers(draw.vocab_size, *self.size))
        row = int(mask.sum(dim=1).argmin())
        alone = ids[row : row + 1, : int(mask[row].sum())]
        pairs = [(ids, mask), (ids, mask * (ids != 0)), *((other, mask.to(dtype)) for dtype in DTYPES)]
        # without dropout only what is taken over the batch could make a difference in train mode
        trained = "in_train_mode", [ids, mask], [ids[:1], mask[:1]]
        asked = [*(("logits", *pair) for pair in pairs), ("logits", alone, full_mask(*alone.shape)), trained]
        *answers, lone, (together, first) = self.ask(*asked)
        logits, by_ids, *others = (rows(answer, draw.batch) for answer in answers)
        by_type = {f"other padding, {dtype}": same(each, logits) for dtype, each in zip(DTYPES, others, strict=True)}

        def differs_always(method: str, *args: Any) -> bool:
            """Whether equal calls differ: `training` pays for dropout at the wrong time."""
            return not same(*(one if isinstance(one, Tensor) else one[0] for one in self.ask(*[(method, *args)] * 2)))

        seen: Observations = by_type | {
            "alone and without padding": same(rows(lone, 1)[0], logits[row]) or differs_always("named", ids, mask),
            "a token of id 0 counts": not same(logits, by_ids),
            "alone in train mode": same(rows(first, 1), rows(together, draw.batch)[:1])
            or differs_always("in_train_mode", [ids, mask]),
        }
        if not all(seen.values()):
            (zeros,) = self.ask(("logits", torch.where(mask == 1, ids, 0), mask))
            seen["zeros for padding are kept out"] = same(rows(zeros, draw.batch)[row], rows(lone, 1)[0])
            seen |= self._where_padding_enters(ids[:1], other[:1], mask[:1])
        return seen

    def _where_padding_enters(self, ids: Tensor, other: Tensor, mask: Tensor) -> Observations:
        """Whether padding, and other tokens, reach the tokens' last vectors, and whether the pooling reads padding."""
        draw, length = self.draw, int(mask.sum())
        hidden, changed, ends = draw.normal(draw.seq, draw.d_model), draw.normal(draw.seq, draw.d_model), ids.clone()
        changed[:length], ends[0, 0] = hidden[:length], ids[0, 0] + 1
        asked = [("hidden", each, mask) for each in (ids, other, ends)]
        before, after, moved, *of = self.ask(*asked, *(("from_hidden", ids, mask, each) for each in (hidden, changed)))
        if not all(isinstance(each, Tensor) for each in (before, after, moved)):
            return {}
        return {
            "the tokens' vectors keep off the padding": same(before[:length], after[:length]),
            "the tokens' vectors keep off each other": same(before[1:length], moved[1:length]),
            "the pooling keeps off the padding": same(of[0][0], of[1][0]),
        }

    def none_mask(self) -> Observations:
        """No mask is as good as a mask of ones. Who hides each id 0 even from a mask of ones pays at `padding`."""

        def logits_of(ids: Tensor, *masks: tuple[Any, ...]) -> list[Tensor]:
            return [as_tensor(answer) for answer in self.ask(*(("logits", ids, *mask) for mask in masks))]

        shown, guessed, nothing = (self.full,), ((self.ids != 0).long(),), (0 * self.full,)
        logits, without, none = logits_of(self.ids, shown, (), (None,))
        seen: Observations = {"left out": same(without, logits), "None": same(none, logits)}
        if not all(seen.values()):
            by_ids, hidden = logits_of(self.ids, guessed, nothing)
            if same(logits, by_ids):
                logits, without, none, hidden = logits_of(self.words, shown, (), (None,), nothing)
                seen = {"left out": same(without, logits), "None": same(none, logits)}
        if not seen["left out"]:
            seen |= {"as if all were padding": same(without, hidden), "as if the ids told": same(without, by_ids)}
            seen["a full mask keeps tokens apart"] = self.full_mask_hides()
        return seen

    def order(self) -> Observations:
        """The order of the tokens counts."""
        return {"two tokens swapped: the same": same(self.plain()[0], self.plain()[-1])}

    def pooling(self) -> Observations:
        """The mean of the last vectors is all that counts of them, and their number does not count.

        What is added to the last vectors on the way may differ from length to length: then it is looked at how far the
        outcome moves, if not that of the logits, that of the first single vector behind the tokens'.
        """
        draw, seq = self.draw, self.draw.seq
        hidden, other = draw.normal(seq, draw.d_model), draw.normal(1, draw.d_model)

        def outcomes(*changed: Tensor) -> list[Any]:
            return self.ask(*(("from_hidden", self.words[:1, : len(e)], self.full[:1, : len(e)], e) for e in changed))

        vectors = hidden.mean(dim=0, keepdim=True), other
        own, *spread = outcomes(hidden, *(vector.expand(n, -1) for n in (seq, seq - 2) for vector in vectors))
        if own is None:  # no module makes the last vectors, so nothing can be put in their place
            return {"only the mean counts": True, "the number counts": False}

        def moved_alike(at: int) -> bool:
            values = [outcome[at] for outcome in spread]
            tensors = all(isinstance(value, Tensor) for value in values)
            return tensors and same(values[0] - values[1], values[2] - values[3])

        number_counts = not (same(spread[0][0], spread[2][0]) or moved_alike(0) or moved_alike(1))
        seen = {"only the mean counts": same(spread[0][0], own[0]), "the number counts": number_counts}
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

    def layers(self) -> Observations:
        """Each layer adds as many weights as the one before, all of them in use, and every size has its effect.

        What a layer is there for is looked at too: what a token adds to the logits depends on the others. The case
        has two layers.
        """
        draw, hides = self.draw, self.full_mask_hides()
        shown = (self.words,) if hides else (self.words, self.full)  # who turns the mask round pays at `padding`
        one, wide = {"num_layers": 1}, {"d_ff": 2 * draw.d_ff}
        more_words, twice = {"vocab_size": draw.vocab_size + 5}, {"d_model": 2 * draw.d_model}
        shallow, deep, one_head = self.probes(self.sizes(**one), self.sizes(num_layers=3), self.sizes(num_heads=1))
        kinds = one | wide, wide, one | twice, one | more_words
        counted = self.probes(*(self.sizes(**kind) for kind in kinds), stirs=False)
        asked = [(probe, "sizes", *shown) for probe in (shallow, self.probe, deep)]
        asked += [("logits", *shown), (one_head, "logits", *shown), *((probe, "counts") for probe in counted)]
        (held1, used1), (held2, used2), (_, used3), some_heads, single_head, *counts = self.ask(*asked)
        wide1, wide2, of_twice, of_more_words = (count[0] for count in counts)
        wider, two_wider = wide1 - held1, wide2 - held2
        layer = two_wider - wider  # what a larger d_ff adds to one layer
        seen: Observations = {
            "a second layer adds weights": used2 > used1,
            "a third adds as many": used3 - used2 == used2 - used1,
            "d_ff makes a layer wider": wider > 0,
            "d_ff makes several layers wider where one was asked for": 0 < layer < wider and wider % layer == 0,
            "a larger d_model adds weights": of_twice > held1,
            "vocab_size is kept to": of_more_words > held1 or self._refuses_more_words(),
            "num_heads counts": not same(some_heads, single_head),
            "tokens act on one another": hides or self.interact(full_mask(4, draw.seq)),
        }
        if not seen["d_ff makes a layer wider"]:
            seen["d_ff makes two layers wider"] = two_wider > 0
        if not seen["a second layer adds weights"]:
            seen["a second layer holds weights"] = held2 > held1
            if not seen["a second layer holds weights"]:
                asked = [(shallow, "handed_over", deep.reference, *shown), (shallow, "logits", *shown)]
                seen["with the same weights it does the same"] = same(*self.ask(*asked))
        return seen

    def _refuses_more_words(self) -> bool:
        """Whether an id that is not below vocab_size raises: then weights are hidden, which `training` pays for."""
        request = self.probe.request(torch.full((1, 2), self.draw.vocab_size), full_mask(1, 2)) | {"method": "logits"}
        return bool(error_of(self.student.try_all([request])[0]))

    def training(self) -> Observations:
        """Dropout acts in train mode only, at the rate that was given, and gradients reach all weights.

        Where all is dropped nothing is left to chance: noise in the place of dropout shows there. Weights that are no
        parameters show where another model is given all parameters and still differs. Closed ones show where a model
        of more words, classes and layers has more weights, but not as many more that may get a gradient.
        """
        hides = self.full_mask_hides()  # who turns the mask round pays at `padding`
        shown = [self.words, None if hides else self.full]
        own = as_tensor(self.ask(("logits", *shown))[0]) if hides else self.plain()[0]
        more = {name: getattr(self.draw, name) + 1 for name in ("vocab_size", "num_classes", "num_layers")}
        dropping, larger = self.probes(self.sizes(dropout=ALL), self.sizes(**more))
        again, (kept,), of_dropping, (dropped, dropped_again), *counts, handed, slope = self.ask(
            ("named", *shown), ("in_train_mode", shown), (dropping, "logits", *shown),
            (dropping, "in_train_mode", shown, shown), ("counts",), (larger, "counts"),
            ("handed_over", self.other().reference, *shown), ("slope", *shown),
        )  # fmt: skip
        again, kept, dropped, of_dropping = (as_tensor(each) for each in (again, kept, dropped, of_dropping))
        keeps_modes = self.student.ask_all([probe.getting("keeps_modes") for probe in (self.probe, dropping)])
        (held, open_to), (more_held, more_open) = counts
        cut_off = float(slope["cut off"]) > SAME
        return {
            "no dropout, eval: equal logits": same(again, own),
            "no dropout, train: as in eval": same(kept, own),
            "all dropped, eval: as without dropout": same(of_dropping, own),
            "all dropped, train: as in eval": same(dropped, of_dropping),
            "all dropped, train: equal logits": same(dropped.nan_to_num(), dropped_again.nan_to_num()),
            "modes are kept": all(keeps_modes),
            "all weights may get a gradient": more_held - held == more_open - open_to,
            "all weights are parameters": same(as_tensor(handed), own),
            "weights that matter get no gradient": cut_off,
            "autograd agrees with the slope": not cut_off and float(slope["off"]) <= SLOPE_TOLERANCE,
        }


# runs of train_epoch and evaluate ---------------------------------------------------------------------------------


class Left:
    """What a run left: what came back or was raised, and what the tiny classifier and the optimizer noted."""

    def __init__(self, answer: Any, notes: Any) -> None:
        self.answer, self.notes, self.error = answer, answered(notes), error_of(answer)

    @property
    def result(self) -> Any:
        """What was returned, a number as a float. Raises StudentError."""
        value = answered(self.answer)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    def all_modes(self, training: bool, name: str = "modes") -> bool:
        """Whether the model was called, and each time in this mode. Raises what was raised before a call."""
        if not self.notes["modes"]:
            answered(self.answer)
        return bool(self.notes["modes"]) and all(note is training for note in self.notes[name])


class Runs:
    """Runs of train_epoch or evaluate. Raises Fault where there is no function."""

    def __init__(self, student: Student, name: str) -> None:
        self._student, self._function = student, student.ask("get", name=name, path="__call__")
        if not isinstance(self._function, Reference):
            raise Fault("odd_value")

    def __call__(self, *calls: tuple[Any, ...]) -> list[Left]:
        """What each call leaves: weights, batches, and settings of a `fixtures.Run`."""
        made = [fixture_request(fixtures.Run, self._function, *call[:2], **call[2]) for call in calls]
        runs = [Built(self._student, value.number, "Run") for value in self._student.ask_all(made)]
        asked = [request for run in runs for request in (run.request() | {"method": "result"}, run.getting("left"))]
        answers = self._student.try_all(asked)
        return [Left(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]

    def number(self, run: Left, once: Left, *call: Any) -> Observations:
        """What a run returned, and another one of batches that could be gone through once.

        Where it raised for want of a data set, as a DataLoader has one, that is all there is to be seen.
        """
        if run.error and not self((*call[:2], {**call[2], "kind": "with dataset"}))[0].error:
            return {"number": "none without a data set"}
        return {"number": run.result, "number where batches can be had once": once.error or once.result}

    def measure(self, calls: Sequence[tuple[Any, ...]], relabelled: int, **settings: Any) -> bool:
        """Whether a number comes back twice, and is another one with other labels, and another one with another model.

        calls: the first is made twice, then come so many with other labels, then those with other models. Numbers that
        are the same with any model are read off the labels, or made up.
        """
        runs = self(*((*call, settings | {"kind": "with dataset"}) for call in (calls[0], *calls)))
        first, again, *others = (content.numbers(run.result) for run in runs)
        moves = [content.differ(first, other) for other in others]
        return content.repeats(first, again) and any(moves[:relabelled]) and any(moves[relabelled:])

    def arrived(self, *call: Any) -> Observations:
        """Whether what a model was given are sentences of the batches, each with its own mask.

        How many are given at once, in which order, and how much padding comes with them, is the learner's choice.
        """
        ((run,), batches) = self(call), call[1]
        run.all_modes(True)
        given = list(zip(run.notes["ids"], run.notes["masks"], strict=True))
        sentences = {tokens for batch in batches for tokens in _tokens(batch["input_ids"], batch["attention_mask"])}
        if given and all(_fits(*one) and set(_tokens(*one)) <= sentences for one in given):
            return {"masks": True}

        def is_each(of_batch: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> bool:
            """Whether each batch came as something else that is made of it."""
            made = [of_batch(batch["input_ids"], batch["attention_mask"]) for batch in batches]
            return len(made) == len(given) and all(
                isinstance(kept, Tensor) and torch.equal(ids, own) and torch.equal(kept != 0, mask != 0)
                for (ids, kept), (own, mask) in zip(given, made, strict=True)
            )

        return {
            "masks": False,
            "nothing is hidden": all(mask is None or (_fits(ids, mask) and bool(mask.all())) for ids, mask in given),
            "hidden is what has the id 0": is_each(lambda ids, mask: (ids, ids)),
            "hidden is what is a token": is_each(lambda ids, mask: (ids, mask == 0)),
            "cut to the first sentence": is_each(lambda *pair: tuple(one[:, : int(pair[1][0].sum())] for one in pair)),
        }


def _fits(ids: Any, mask: Any) -> bool:
    """Whether these are ids and a mask of zeros and ones, one for each."""
    both = isinstance(ids, Tensor) and isinstance(mask, Tensor) and ids.dim() == 2 and ids.shape == mask.shape
    return both and bool(((mask == 0) | (mask == 1)).all())


def _tokens(ids: Tensor, mask: Tensor) -> list[tuple[int, ...]]:
    """The ids of each sentence that its mask does not hide."""
    return [tuple(row[kept].tolist()) for row, kept in zip(ids, mask != 0, strict=True)]


@looks("train_epoch", loss=Check(), updates=Check(), gradients=Check(), mode=ONCE, mask=ONCE)
def train_epoch(student: Student, draw: Draw) -> Parts:
    """Several epochs: one at a rate of 0, one of a single batch, and some whose updates are looked at."""
    weights, batches, runs = draw_weights(draw), draw_batches(draw), Runs(student, "train_epoch")
    still, moving = {"rate": 0.0, "smoothing": draw.smoothing}, {"rate": draw.rate, "gain": GAIN}
    left_over, once = moving | {"clears": False, "left_over": 0.7}, still | {"rate": draw.rate, "kind": "once"}
    settings = still, moving, left_over
    measured, run, burdened, single = runs(
        *((weights, batches, each) for each in settings), (weights, batches[:1], once)
    )
    clean, steps = run.notes["weights"], run.notes["steps"]
    moved = not torch.equal(clean, in_one_row(weights))

    @content.once
    def trains() -> bool:
        """Whether an epoch moves the weights or at least gives a number that follows from labels and model."""
        other = draw_weights(draw.beside("content"))
        calls = [(weights, batches), (weights, fixtures.relabel(draw, batches)), (other, batches)]
        return moved or runs.measure(calls, 1, **still)

    def updates() -> Observations:
        """The weights after an epoch, and that the batches stay as they were, since the next epoch needs them.

        The optimizer forgets gradients by itself: that is paid for at `gradients`.
        """
        if steps < len(batches):
            answered(run.answer)
        seen = {"weights": clean, "more steps than batches": steps > len(batches), "steps": 0 if moved else steps}
        return seen | {"batches unchanged": run.notes["unchanged"]}

    def gradients() -> Observations:
        """How far gradients that are left over, from before or from the last batch, move the weights."""
        was_asked = run.all_modes(True) or bool(run.notes["modes"])
        own = last = clean if steps > len(batches) else burdened.notes["weights"]  # paid for at `updates`
        if not same(own, clean):
            last = runs((weights, batches, left_over | {"left_over": 0.0}))[0].notes["weights"]
        far = {"moved by the last batch's": last - clean, "moved by those from before": own - last}
        return {"the model was asked": was_asked, CONTENT: trains(), **far}

    return {
        # at a rate of 0 the loss does not depend on the updates; that of one batch is the one before its step
        "loss": lambda: runs.number(measured, single, weights, batches, still),
        "updates": updates,
        "gradients": gradients,
        "mode": lambda: {"train mode": run.all_modes(True), CONTENT: trains()},
        "mask": lambda: runs.arrived(weights, draw_batches(draw, ragged=True), moving) | {CONTENT: trains()},
    }


@looks("evaluate", accuracy=Check(), mode=ONCE, no_grad=ONCE, mask=ONCE, leaves=ONCE)
def evaluate(student: Student, draw: Draw) -> Parts:
    """Two evaluations: one where the program records gradients, one where it does not and batches can be had once."""
    (weights, batches), runs = draw_marked(draw), Runs(student, "evaluate")
    run, once = runs((weights, batches, {}), (weights, batches, {"kind": "once", "records": False}))

    @content.once
    def follows() -> bool:
        """Whether the share follows from labels and model; where shares are the same by chance it takes more."""
        beside = draw.beside("content")

        def measures(tries: int) -> bool:
            labelled = [(weights, fixtures.relabel(beside, batches, drawn=number > 0)) for number in range(tries)]
            others = [(draw_weights(beside), batches) for _ in range(tries)]
            return runs.measure([(weights, batches), *labelled, *others], tries)

        return measures(2) or measures(10)

    def leaves() -> Observations:
        """The model's weights, the batches and the program's gradient mode are afterwards as they were before."""
        return {
            "the model was asked": run.all_modes(True) or bool(run.notes["modes"]),
            "gradients are recorded afterwards": run.notes["records"],
            "gradients stay off where they were off": not once.notes["records"],
            "batches unchanged": run.notes["unchanged"],
            "weights may be trained afterwards": run.notes["trainable"],
            "weights unchanged": torch.equal(run.notes["weights"], in_one_row(weights)),
            CONTENT: follows(),
        }

    return {
        "accuracy": lambda: runs.number(run, once, weights, batches, {}),
        "mode": lambda: {"train mode": not run.all_modes(False), CONTENT: follows()},
        "no_grad": lambda: {"records gradients": not run.all_modes(False, "recording"), CONTENT: follows()},
        "mask": lambda: runs.arrived(weights, draw_batches(draw, ragged=True), {}) | {CONTENT: follows()},
        "leaves": leaves,
    }


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "masked_mean": [dict(batch=3, seq=5, d_model=4), dict(batch=4, seq=6, d_model=3)],
    CLASSIFIER: [
        dict(
            batch=3, seq=6, vocab_size=29, num_classes=3, d_model=12, num_heads=2, d_ff=20, num_layers=2, max_len=9,
            long=258,
        ),
        dict(batch=4, seq=7, vocab_size=23, num_classes=5, d_model=18, num_heads=3, d_ff=13, num_layers=2, max_len=7),
    ],
    "train_epoch": [
        dict(batches=(4, 4, 1), seq=5, vocab_size=13, num_classes=4, d_model=5, rate=2.0, smoothing=0.1),
        dict(batches=(5, 2), seq=4, vocab_size=11, num_classes=3, d_model=4, rate=1.5, smoothing=0.2),
    ],
    "evaluate": [
        dict(batches=(3, 3, 1), seq=4, vocab_size=13, num_classes=3, d_model=5),
        dict(batches=(4, 1, 4), seq=3, vocab_size=11, num_classes=4, d_model=4),
    ],
}  # fmt: skip
