"""Rules of unit 09: how words are hidden, how they are guessed, and how a guess is judged.

Notable choices:
- chance is looked at through shares of some thousand positions; each of them lies within six standard deviations of
  what it should be, or it is told as another share. A right answer is outside once in some ten million draws
- inner names of the model are free. Its linear map may be stored turned, and which of its vectors scales the
  LayerNorm is not known: all readings are tried, and one of them has to give the truth's logits
- the encoder is ours and notes what it is given; a copy of the word vectors is right until they are moved
- what stands still, or is noise, has no content
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import (
    Built,
    Fault,
    Student,
    StudentError,
    answered,
    as_tensor,
    fixture_request,
    pulled,
    silent_names,
)
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, AnyOf, Check, Observations, Part, looks

from . import fixtures

NOT_CHOSEN = -100
LEVELS = (0.0, 0.1, 0.15, 0.2, 0.5, 0.8, 0.85, 0.9, 1.0)
SIGMAS = 6
SPREAD = (0.25, 3.0)  # of the variance that counts of 50 rows or more have by chance; outside once in ten million draws
CHANGED = (0.02, 0.7)  # the share of tokens that a masking may change; random texts change nearly all
REACH = 0.75  # of the ids that so many random ones reach on average
OTHERS = 12  # logits at which a loss is asked for; one that counts wrong guesses gives two different numbers at least
APART = 0.6  # of random ids that differ from all others in their row, or column; with five in each it is 0.9


def _share(count: int, total: int, *first: float) -> str:
    """The first level that chance allows for a share, the wanted one before the others; "another" where none is."""
    for level in (*first, *LEVELS):
        away = abs(count - level * total)
        if away <= SIGMAS * math.sqrt(total * level * (1 - level)) + 1e-9:
            return f"{level:g}"
    return "another"


def _variety(picked: Tensor, places: Tensor, share: float, axis: int) -> str:
    """How the numbers of picked places vary from one row (axis 1) or column (0) to the next, beside single choices."""
    counts, total = picked.sum(dim=axis).double(), places.sum(dim=axis).double()
    ratio = float(((counts - total * share) ** 2).mean() / (total * share * (1 - share)).mean())
    return "as single choices" if SPREAD[0] < ratio < SPREAD[1] else "less" if ratio <= SPREAD[0] else "more"


def _pair(answer: Any, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Masked ids and labels. Raises the error in their place, and Fault for what is no pair of such tensors."""
    value = answered(answer)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Fault("odd_value")
    one, other = (as_tensor(each) for each in value)
    if one.shape != ids.shape or other.shape != ids.shape:
        raise Fault("odd_value")
    return one, other


@looks("mask_tokens", chosen=Check(constant=True), replaced=Check(constant=True), state=Check(constant=True))
def mask_tokens(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Shares of what is chosen and of what becomes of it, and whether a generator's state decides it all."""
    batch, seq, vocab = draw.batch, draw.seq, draw.vocab_size
    mask_id, rate = vocab - 3, draw.probability
    ids = draw.integers(vocab - 5, batch, seq)  # so the mask's id and the ones behind it stand in no text
    maskable = draw.uniform(batch, seq) < 0.8
    seeds = [int(each) for each in draw.integers(2**40, 6)]
    made = student.ask_all([fixture_request(fixtures.generator, seeds[number]) for number in (0, 0, 1, 2, 3, 4)])
    first, same, other, all_of_them, none, usual = (Built(student, one.number, "generator") for one in made)

    def request(generator: Built | None, *probability: float) -> dict[str, Any]:
        more = {} if generator is None else {"generator": generator}
        return student.request("mask_tokens", ids, maskable, mask_id, vocab, *probability, **more)

    asked = [
        student.restart(draw.seed_to_tell),
        request(first, rate) | {"inputs": True},
        request(first, rate),  # the generator has gone on
        student.restart(draw.seed_to_tell + 1),
        request(same, rate),
        request(other, rate),
        request(None, rate),
        request(None, rate),
        request(all_of_them, 1.0),
        request(none, 0.0),
        request(usual),
    ]
    answers = student.try_all(asked)
    _, own, gone_on, _, again, another, loose, looser, full, empty, default = answers
    after: list[Any] = []
    if not isinstance(own, StudentError):
        own, after = own

    def chosen() -> Observations:
        masked, labels = _pair(own, ids)
        picked = labels != NOT_CHOSEN
        totals = {int((_pair(one, ids)[1] != NOT_CHOSEN).sum()) for one in (own, gone_on, another, loose, looser)}
        count, total = int((picked & maskable).sum()), int(maskable.sum())
        # of a share of 1 nothing is left to chance, and of a share of 0 neither
        of_all, of_none, of_usual = (_pair(one, ids)[1] != NOT_CHOSEN for one in (full, empty, default))
        return {
            "labels": "ids" if torch.equal(labels[picked], ids[picked]) else _of_labels(labels, masked, picked),
            "types": [str(masked.dtype), str(labels.dtype)],
            "outside": bool((picked & ~maskable).any()),
            "changed beside what is chosen": bool(((masked != ids) & ~picked).any()),
            "share": _share(count, total, rate, 1 - rate),
            "rows": _variety(picked & maskable, maskable, count / total, axis=1),
            "columns": _variety(picked & maskable, maskable, count / total, axis=0),
            "totals": len(totals) > 1,
            "at 1": _share(int((of_all & maskable).sum()), total),
            "at 0": _share(int((of_none & maskable).sum()), total),
            "at 0.15": _share(int((of_usual & maskable).sum()), total, 0.15),
        }

    def _of_labels(labels: Tensor, masked: Tensor, picked: Tensor) -> str:
        if torch.equal(labels[picked], masked[picked]):
            return "masked ids"
        return "0 or 1" if bool(((labels[picked] == 0) | (labels[picked] == 1)).all()) else "others"

    def replaced() -> Observations:
        """What becomes of what is chosen, where all that may be is asked for; and whether it is so where a share is."""
        masked, labels = _pair(full, ids)
        if torch.equal(masked, ids):
            masked, labels = _pair(empty, ids)  # shares and labels are paid for in `chosen`
        picked = maskable & (labels != NOT_CHOSEN)
        picked = picked if picked.any() else maskable
        total, hidden = int(picked.sum()), picked & (masked == mask_id)
        moved = picked & ~hidden & (masked != ids)
        words, count = masked[moved], int(moved.sum())
        # two of the random ids cannot be told: the mask's own, and the one that stood there
        unseen = count / (vocab - 2)
        by_chance = 1 - (1 - 1 / vocab) ** count  # of the vocabulary, reached by so many random ids
        pairs = [len(torch.stack([places, words]).unique(dim=1).T) for places in moved.nonzero().T]
        return {
            "masked": _share(round(int(hidden.sum()) - unseen), total, 0.8),
            "random": _share(round(count + 2 * unseen), total, 0.1),
            "kept": _share(round(total - int(hidden.sum()) - count - unseen), total, 0.1),
            "masked in rows": _variety(hidden, picked, int(hidden.sum()) / total, axis=1),
            "masked in columns": _variety(hidden, picked, int(hidden.sum()) / total, axis=0),
            "in the vocabulary": bool(((words >= 0) & (words < vocab)).all()),
            "reach": len(words.unique()) / vocab >= REACH * by_chance,
            "a word for each": min(pairs) >= APART * count,
            "of a share": of_a_share(),
            CONTENT: bool((masked != ids).any()) and bool((masked == ids).any()),
        }

    def of_a_share() -> str:
        """The share of masks in what was changed, 8 of 9, where not all is asked for; labels are not asked."""
        found = [_pair(each, ids)[0][maskable] for each in (own, gone_on, another, loose, looser)]
        before = ids[maskable]
        hidden = sum(int((one == mask_id).sum()) for one in found)
        moved = sum(int(((one != mask_id) & (one != before)).sum()) for one in found)
        unseen = moved / (vocab - 2)
        return _share(round(hidden - unseen), round(hidden + moved + unseen), 8 / 9)

    def state() -> Observations:
        one, two = _pair(own, ids), _pair(again, ids)
        others = [_pair(each, ids) for each in (gone_on, another)]
        without = [_pair(each, ids) for each in (loose, looser)]

        def equal(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> bool:
            return torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])

        return {
            "input_ids unchanged": torch.equal(as_tensor(after[0]), ids) and torch.equal(after[1].bool(), maskable),
            "the same state": "same" if equal(one, two) else "choice" if torch.equal(one[1], two[1]) else "other",
            "another state": [equal(one, other) for other in others],
            "without a generator": equal(*without),
            CONTENT: CHANGED[0] < float((one[0] != ids).double().mean()) < CHANGED[1],
        }

    return {"chosen": chosen, "replaced": replaced, "state": state}


class _Model:
    """A learner's model on an encoder and word vectors of ours, and the readings of its weights."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw = student, draw
        vocab, width, rows = draw.vocab_size, draw.d_model, draw.vocab_size + 4
        self.words, self.moved = draw.normal(vocab, width), draw.normal(vocab, width)
        self.ids = draw.integers(vocab, draw.batch, draw.seq)
        self.mask, self.full = draw.mask(draw.batch, draw.seq), torch.ones(draw.batch, draw.seq, dtype=torch.int64)
        self.linear, self.bias = draw.normal(width, width, scale=width**-0.5), draw.normal(vocab)
        table, shift = draw.normal(rows, width), draw.normal(width)
        # A row whose numbers are all cut off has hardly any spread, and a small term inside a norm would decide.
        while (flat := (table @ self.linear.T).relu().var(dim=1) < 0.1).any():
            table = torch.where(flat[:, None], draw.normal(rows, width), table)
        self.other_table = draw.normal(rows, width)
        self.encoder = student.fixture(fixtures.LookUp, table, shift)
        self.embedding = student.fixture(fixtures.embedding, self.words)
        self.built, self.shapes = student.build_shaped("MaskedLanguageModel", self.encoder, self.embedding)

    def readings(self) -> list[dict[str, Tensor]]:
        """Weights for all that is the learner's own: for each vector that may scale the LayerNorm, for each turn."""
        width, vocab = self.draw.d_model, self.draw.vocab_size
        cores = {name: [length for length in shape if length != 1] for name, shape in self.shapes.items()}
        vectors = [name for name, core in cores.items() if core == [width]]
        matrices = [name for name, core in cores.items() if core == [width, width]]
        biases = {name: self.bias for name, core in cores.items() if core == [vocab]}
        found = []
        for scale in vectors or [""]:
            for matrix in (self.linear, self.linear.T):
                values = {name: torch.full((width,), float(name == scale)) for name in vectors}
                values |= dict.fromkeys(matrices, matrix) | biases
                # a copy of the word vectors is right until they are moved
                values |= {name: self._words_as(self.shapes[name]) for name in self.word_matrices()}
                found.append({name: value.reshape(self.shapes[name]).contiguous() for name, value in values.items()})
        return found

    def _words_as(self, shape: Sequence[int]) -> Tensor:
        """The word vectors, turned where a matrix keeps them so."""
        return self.words if list(shape) == list(self.words.shape) else self.words.T

    def stirred(self) -> dict[str, Tensor]:
        """Weights for all that is the learner's own, none of which stops a gradient."""
        inside = {"table", *self.word_matrices()}
        own = {name: shape for name, shape in self.shapes.items() if not name.endswith("table") and name not in inside}
        return {name: 0.5 + self.draw.uniform(*shape) for name, shape in own.items()}

    def word_matrices(self) -> list[str]:
        """The model's parameters that are as large as the word vectors, each object once."""
        wanted = [self.draw.vocab_size, self.draw.d_model]
        return [name for name, shape in self.shapes.items() if sorted(shape) == sorted(wanted)]


@looks("MaskedLanguageModel", logits=Check(atol=1e-2, rtol=1e-2), tied=Check(constant=True), mask=Check(constant=True))
def masked_language_model(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Logits at drawn weights, whether the word vectors are the embedding's own, and what the encoder is given."""
    model = _Model(student, draw)
    readings, built = model.readings(), model.built
    asked = [each for one in readings for each in (built.loading(one), built.request(model.ids, model.full))]
    plain = [
        built.loading(model.stirred()),
        built.request(model.ids, model.full),
        built.pulling(model.ids, model.full),
        built.request(model.ids, model.mask),
        model.encoder.request() | {"method": "last"},
        model.encoder.loading({"table": model.other_table}),
        built.request(model.ids, model.full),
        model.embedding.loading({"weight": model.moved}),
        built.request(model.ids, model.full),
        built.request(model.ids, model.full),
    ]
    answers = student.try_all([*asked, *plain])
    read = answers[1 : len(asked) : 2]
    _, first, pull, masked, last, _, other, _, moved, again = answers[len(asked) :]

    def changes(one: Any, two: Any) -> bool:
        """Whether two answers are logits that differ; a model that answers otherwise each time has no such change."""
        if not all(isinstance(each, Tensor) and each.dim() == 3 for each in (one, two, moved, again)):
            return False
        steady = torch.equal(moved, again) and one.shape[-1] == draw.vocab_size
        return steady and content.differ(one.double(), two.double())

    def logits() -> Observations:
        views = [as_tensor(answered(each)) for each in read]
        # where another vector scales, all positions look the same: such a view says nothing of a mistake
        return {"logits": AnyOf(sorted(views, key=lambda view: bool((view.std(dim=-2) < 1e-6).all())))}

    def tied() -> Observations:
        """The logits follow the embedding's matrix, which is no second parameter, and all weights get a gradient."""
        as_tensor(answered(first))
        return {
            "follows": changes(other, moved),
            "second matrix": len(model.word_matrices()) > 1,
            "without gradient": len(silent_names(pull)),
            CONTENT: changes(first, other),
        }

    def mask() -> Observations:
        as_tensor(answered(masked))
        ids, given = answered(last)
        return {
            "ids": isinstance(ids, Tensor) and torch.equal(ids, model.ids),
            "mask": _of_mask(given, model.mask),
            CONTENT: changes(first, masked) or changes(first, other),
        }

    return {"logits": logits, "tied": tied, "mask": mask}


def _of_mask(given: Any, mask: Tensor) -> str:
    """What the encoder was given as its mask."""
    if not isinstance(given, Tensor):
        return "none"
    if given.shape == mask.shape and torch.equal(given, mask.float()):
        return "the mask"
    if given.shape == mask.shape and torch.equal(given, 1.0 - mask.float()):
        return "turned round"
    return "ones" if bool((given == 1).all()) else "another"


@looks("masked_lm_loss", values=Check(), empty=Check(constant=True))
def masked_lm_loss(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Losses where some, one or all positions count, with their slopes, and where none counts."""
    batch, seq, vocab = draw.batch, draw.seq, draw.vocab_size
    logits, labels = draw.normal(batch, seq, vocab, scale=2.0), draw.integers(vocab, batch, seq)
    some = torch.where(draw.uniform(batch, seq) < 0.4, labels, NOT_CHOSEN)
    some[0], some[1, 0], some[1, 1] = NOT_CHOSEN, 0, labels[1, 1]  # a row without any; and the id 0 is a word too
    one = torch.full_like(labels, NOT_CHOSEN)
    one[-1, 2] = labels[-1, 2]
    nothing = torch.full_like(labels, NOT_CHOSEN)
    pulling = {"pull": {"cotangents": [torch.ones(())], "wants": "arguments"}}
    sets = {"some": some, "one": one, "all": labels}
    asked = [student.request("masked_lm_loss", logits, each) for each in (*sets.values(), nothing, some)]
    *found, empty_loss, _ = student.try_all(asked)
    others = [
        student.request("masked_lm_loss", draw.normal(batch, seq, vocab, scale=2.0), labels) for _ in range(OTHERS)
    ]
    elsewhere = student.try_all(others)
    empty_pull, some_pull = student.try_all([asked[3] | pulling, asked[0] | pulling])

    def values() -> Observations:
        seen: Observations = {
            f"loss, {name}": as_tensor(answered(loss)) for name, loss in zip(sets, found, strict=True)
        }
        gradient = pulled(some_pull)[0]
        return seen | {"gradient": gradient if isinstance(gradient, Tensor) else torch.zeros(())}

    def empty() -> Observations:
        loss = as_tensor(answered(empty_loss))
        losses = [each for each in elsewhere if isinstance(each, Tensor) and each.numel() == 1]
        apart = len({round(float(each), 6) for each in losses if bool(torch.isfinite(each).all())})
        try:
            gradient = pulled(empty_pull)[0]
        except StudentError:
            gradient = None
        still = isinstance(gradient, Tensor) and gradient.shape == logits.shape and not bool(gradient.any())
        return {
            "loss": "0" if loss.numel() == 1 and float(loss) == 0 else "not finite" * bool(not loss.isfinite().all()),
            "gradient": "0" if still else "nothing to pull" if gradient is None else "another",
            CONTENT: apart > 1,
        }

    return {"values": values, "empty": empty}


VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "mask_tokens": [dict(batch=60, seq=50, vocab_size=40, probability=0.3)],
    "MaskedLanguageModel": [dict(batch=3, seq=5, vocab_size=11, d_model=6)],
    "masked_lm_loss": [dict(batch=3, seq=6, vocab_size=7), dict(batch=4, seq=5, vocab_size=9)],
}
