"""Rules of unit 05: what is looked at in the data set, the poolings and the classifier.

Inner names are free, so nothing is found by name: an item is asked for its three tensors, and weights are put into a
module by their shapes. Tokenizer and encoders are tiny ones of the transformers library (see `fixtures`).
Padding is judged by the learner's own answer: a padded row has to give what the same row gives without its padding.
A mask says of each place whether a token stands there, so the poolings also get one with a hole between two tokens.
Which types of masks an answer takes is paid for in `padding` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from course_utils.engine.asking.codec import Reference
from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Built, Fault, Student, StudentError, as_tensor
from course_utils.engine.judging import content
from course_utils.engine.judging.dtypes import of_each_type, of_some_type
from course_utils.engine.judging.rule import CONTENT, AnyOf, Observations, rule

from . import fixtures

POOLINGS = ("cls", "mean", "max", "attention")
OTHER_POOLINGS = ("sum", "last", "me")  # the third is a part of a pooling's name
WORDS = tuple("oil match bank phone film rain vote train star price goal court cloud ship law tax".split())
PIECES = ("##ship", "##bank")
IN_PIECES = ("starship", "cloudbank")  # no words that the tokenizer knows, but two pieces each that it does
FAR_BELOW = 500.0  # a maximum of padding would have to be lower than this; a mask as large as -1e4 still is
BELOW_ZERO = 60.0  # more than the largest of the ranked values
MOVED = 1e-3  # what other tokens change is larger than this; an answer that no token moves earns nothing for padding
KEPT = {"doubled": (0.0, 2.0, 4.0, 8.0), "left alone": (0.0, 1.0)}  # by dropout of one half, at up to three places
BELOW = 2.5  # a normalised value is rarely as large, and never at every token and feature

Values = dict[str, Tensor]


# the data set -----------------------------------------------------------------------------------------------------


class _News:
    """Drawn texts of unequal length with their labels: one too long, one empty, one with an unknown word.

    The first and the last begin with a word in two pieces.
    """

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student = student
        lengths = [draw.max_length + 3, 0, *(1 + draw.integers(draw.max_length - 4, draw.num_texts - 2)).tolist()]
        texts = [[WORDS[number] for number in draw.integers(len(WORDS), length).tolist()] for length in lengths]
        texts[-1][-1] = "zeppelin"
        for text, word in zip((texts[0], texts[-1]), IN_PIECES, strict=True):
            text.insert(0, word)
        self.texts = [" ".join(words) for words in texts]
        self.labels = (3 + draw.normal(draw.num_texts).argsort()).tolist()
        self.order = draw.normal(draw.num_texts).argsort().tolist()
        self.tokenizer = student.fixture(fixtures.tokenizer, [*WORDS, *PIECES])
        self.dataset = student.build("NewsDataset", self.texts, self.labels, self.tokenizer, draw.max_length)

    def look(self, key: str) -> Observations:
        """One tensor of each item, asked for in a mixed order, and their types."""
        values = [as_tensor(self.field(self.dataset, index, key)) for index in self.order]
        return {"values": values, "types": [str(value.dtype) for value in values]}

    def default_length(self, key: str) -> int:
        """How long an item is where no length was asked for."""
        dataset = self.student.build("NewsDataset", self.texts, self.labels, self.tokenizer)
        return as_tensor(self.field(dataset, 0, key)).shape[-1]

    def field(self, dataset: Built, index: int, key: str) -> Any:
        """One entry of an item, which may be a dict or another mapping, such as the tokenizer's own."""
        item = dataset.method("__getitem__", index)
        if isinstance(item, Reference):
            return Built(self.student, item.number, "item").method("__getitem__", key)
        if not isinstance(item, dict) or key not in item:
            raise Fault("odd_value")
        return item[key]


@rule("NewsDataset", "input_ids")
def news_dataset_input_ids(student: Student, draw: Draw) -> Observations:
    """Ids of every text, cut or padded to max_length, 50 by default."""
    news = _News(student, draw)
    return {**news.look("input_ids"), "default length": news.default_length("input_ids")}


@rule("NewsDataset", "attention_mask")
def news_dataset_attention_mask(student: Student, draw: Draw) -> Observations:
    """1 at each token, 0 at padding."""
    return _News(student, draw).look("attention_mask")


@rule("NewsDataset", "labels")
def news_dataset_labels(student: Student, draw: Draw) -> Observations:
    """The label of each text, and the number of items."""
    news = _News(student, draw)
    return {**news.look("labels"), "length": news.dataset.method("__len__")}


# poolings ---------------------------------------------------------------------------------------------------------


def _without_padding(hidden: Tensor, mask: Tensor, row: int) -> tuple[Tensor, Tensor]:
    """One row, cut to its tokens, and its mask, which is full then."""
    token = mask[row] != 0
    return hidden[row : row + 1, token], mask[row : row + 1, token]


def _mask_with_a_hole(draw: Draw) -> Tensor:
    """A ragged mask whose first row has no padding at its end, but a hole between two tokens."""
    mask = draw.mask(draw.batch, draw.seq)
    mask[0, 1 + draw.integers(draw.seq - 2, 1)] = 0
    return mask


def _moves(answers: Tensor) -> bool:
    """Whether rows of other tokens give other results."""
    return bool((answers - answers[:1]).abs().max() > MOVED)


def _is_row(value: Any, like: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == like.shape


def _ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.int64)


def _cut(ask: Callable[[Tensor, Tensor], Any], hidden: Tensor, mask: Tensor) -> Tensor:
    """What is answered to each row without its padding, one after the other."""
    rows = [_without_padding(hidden, mask, row) for row in range(len(hidden))]
    return torch.cat([as_tensor(of_some_type(partial(ask, row), ones)) for row, ones in rows])


def _less(padded: Any, cut: Tensor) -> Any:
    """How far padding changes the result; None where the shape is another one, or the class of what was raised."""
    if isinstance(padded, str):
        return padded
    return padded - cut if _is_row(padded, cut) else None


@rule("cls_pooling", "values")
def cls_pooling_values(student: Student, draw: Draw) -> Observations:
    """The vector at position 0, also of a single sentence, and that the input is left as it was."""
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size), draw.mask(draw.batch, draw.seq)
    pooled, (after, _) = student.call_and_inputs("cls_pooling", hidden, mask)
    one = student.tensor("cls_pooling", hidden[:1], mask[:1])
    return {"pooled": as_tensor(pooled), "input unchanged": torch.equal(after, hidden), "pooled, a batch of one": one}


@rule("cls_pooling", "gradient")
def cls_pooling_gradient(student: Student, draw: Draw) -> Observations:
    """Autograd agrees with the function's own slope."""
    return student.slope(
        "cls_pooling", draw.apart(draw.batch, draw.seq, draw.hidden_size), draw.mask(draw.batch, draw.seq)
    )


@rule("max_pooling", "values")
def max_pooling_values(student: Student, draw: Draw) -> Observations:
    """The largest value of each feature where no row has padding; some features are below 0 at every token."""
    hidden = draw.apart(draw.batch, draw.seq, draw.hidden_size)
    hidden[:, :, ::2] -= BELOW_ZERO
    pooled = of_some_type(lambda mask: student.call("max_pooling", hidden, mask), _ones(draw.batch, draw.seq))
    return {"pooled": as_tensor(pooled)}


@rule("max_pooling", "padding")
def max_pooling_padding(student: Student, draw: Draw) -> Observations:
    """A padded row gives what it gives without its padding, also where all values are far below 0; x is left alone."""
    hidden, mask = draw.apart(draw.batch, draw.seq, draw.hidden_size), _mask_with_a_hole(draw)
    hidden[:, :, ::2] -= FAR_BELOW
    hidden = hidden + BELOW_ZERO * (mask == 0)[..., None]  # what stands in padding would win
    cut = _cut(lambda row, ones: student.call("max_pooling", row, ones), hidden, mask)
    seen: Observations = {"tokens move the result": _moves(cut), CONTENT: _takes_several(student, draw)}
    answers = of_each_type(lambda typed: student.call_and_inputs("max_pooling", hidden, typed), mask)
    for kind, answer in answers.items():
        pooled, after = (answer, None) if isinstance(answer, str) else (answer[0], answer[1][0])
        less = _less(pooled, cut)
        # values of some hundreds: rounding is relative to them
        seen[f"padded less cut, {kind}"] = less / FAR_BELOW if isinstance(less, Tensor) else less
        seen[f"input unchanged, {kind}"] = after is None or torch.equal(after, hidden)
    return seen


def _takes_several(student: Student, draw: Draw) -> bool:
    """Whether more than one vector of a sentence moves the result, where it is a large one: one vector is no maximum.

    Sentence 0 and 1 are the same; in each of the others one vector is another one.
    """

    def find(draw: Draw) -> bool:
        hidden = draw.normal(1, draw.seq, draw.hidden_size).repeat(draw.seq + 2, 1, 1)
        for position in range(draw.seq):
            hidden[position + 2, position] += BELOW_ZERO
        ones = _ones(*hidden.shape[:2])
        pooled = content.numbers(of_some_type(lambda mask: student.call("max_pooling", hidden, mask), ones))
        if pooled.shape[:1] != hidden.shape[:1]:
            return False
        first, again, *others = pooled
        return not content.differ(first, again) and sum(content.differ(first, other) for other in others) > 1

    return content.has_content(student, draw, "max_pooling", find)


@rule("max_pooling", "gradient")
def max_pooling_gradient(student: Student, draw: Draw) -> Observations:
    """Autograd agrees with the function's own slope."""
    hidden = draw.apart(draw.batch, draw.seq, draw.hidden_size) + 100.0
    return of_some_type(lambda mask: student.slope("max_pooling", hidden, mask), _ones(draw.batch, draw.seq))


# attention pooling ------------------------------------------------------------------------------------------------


def attention_values(shapes: Mapping[str, torch.Size], inner: Tensor, score: Tensor, bias: float = 0.0) -> list[Values]:
    """Values by name for the two linear maps of an attention pooling, told by shape; none where there are not two.

    Axes of length 1 do not count: a convolution over one token is a linear map too. There is more than one entry where
    several vectors of attention_size might be the map to the score; the others are biases then.

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
    values = {first[0]: (wide.T if turned else wide).reshape(shapes[first[0]])}
    for name in shapes:
        if cores[name] in ([], [size]):
            signs = 1.0 - 2.0 * (torch.arange(shapes[name].numel()) % 2)
            values[name] = (bias * signs).reshape(shapes[name])
    second = [name for name, core in cores.items() if core == [size]]
    matrices = [name for name in second if len(shapes[name]) > 1]
    second = matrices if len(matrices) == 1 else second
    return [{**values, name: spread.reshape(shapes[name])} for name in second]


def _shapes(built: Built, *inputs: Tensor) -> dict[str, torch.Size]:
    """The shapes of a module's parameters; a lazy one has them from its first call on."""
    try:
        return built.parameter_shapes()
    except StudentError:
        built(*inputs)
        return built.parameter_shapes()


def _pooling(student: Student, draw: Draw) -> Built:
    pooling = student.build("AttentionPooling", draw.hidden_size, draw.attention_size)
    pooling.train(False)
    return pooling


def _readings(pooling: Built, draw: Draw, bias: float = 0.0) -> list[Values]:
    """Drawn weights for an attention pooling, for each way to tell its maps; none where it has not the two for that."""
    inner = draw.normal(draw.attention_size, draw.hidden_size, scale=draw.hidden_size**-0.5)
    score = draw.normal(1, draw.attention_size, scale=2.0 * draw.attention_size**-0.5)
    shapes = _shapes(pooling, torch.zeros(1, 1, draw.hidden_size), _ones(1, 1))
    return attention_values(shapes, inner, score, bias)


def _drawn_into(pooling: Built, draw: Draw) -> None:
    """Put drawn weights into an attention pooling; none of its vectors is 0, whichever of them is the map to the score.

    A slope is measured over a small step: the inner map's biases keep it away from 0, where an activation may bend.
    """
    for values in _readings(pooling, draw, bias=1.0)[:1]:
        pooling.load(values)


@rule("AttentionPooling", "weights")
def attention_pooling_weights(student: Student, draw: Draw) -> Observations:
    """The weights that are kept, for given maps and rows without padding, and those of the call after it."""
    pooling = _pooling(student, draw)
    readings = _readings(pooling, draw)
    if not readings:
        return {"two maps of these sizes": False}
    hidden = draw.normal(draw.batch, draw.seq, draw.hidden_size)
    kept: dict[str, list[Tensor]] = {"weights": [], "weights after a batch of one": []}
    for values in readings:
        pooling.load(values)
        for views, vectors in zip(kept.values(), (hidden, hidden[1:2]), strict=True):
            of_some_type(partial(pooling, vectors), _ones(*vectors.shape[:2]))
            views.append(as_tensor(pooling.get("weights")))
    return {"two maps of these sizes": True, **{name: AnyOf(views) for name, views in kept.items()}}


def _weighs(student: Student, draw: Draw) -> bool:
    """Whether weights follow from the vectors: those that are kept, or those that the result is made with.

    Constant weights make a mean, which takes no module, however well it knows the padding.
    """

    def find(draw: Draw) -> bool:
        pooling = _pooling(student, draw)
        _drawn_into(pooling, draw)
        one, other = (draw.normal(draw.batch, draw.seq, draw.hidden_size) for _ in range(2))
        points, start = [one, other, (one + other) / 2, one], student.restart(draw.seed_to_tell)

        def ask(mask: Tensor) -> list[Any]:
            requests = [[start, pooling.request(point, mask), pooling.getting("weights")] for point in points]
            answers = student.try_all([request for three in requests for request in three])
            if isinstance(answers[1], StudentError):
                raise answers[1]
            return answers

        answers = of_some_type(ask, _ones(draw.batch, draw.seq))
        first, second, middle, again = map(content.numbers, answers[1::3])
        if not content.repeats(first, again):
            return False
        bends = first.shape == second.shape == middle.shape and content.differ(middle, (first + second) / 2)
        kept = [weights for weights in answers[2::3] if isinstance(weights, Tensor)]
        if len(kept) < len(points):
            return bends
        first, second, middle, again = map(content.numbers, kept)
        # kept numbers that move as straight as the vectors do are a part of these
        return content.repeats(first, again) and (bends or content.differ(middle, (first + second) / 2))

    return content.has_content(student, draw, "AttentionPooling", find)


@rule("AttentionPooling", "padding")
def attention_pooling_padding(student: Student, draw: Draw) -> Observations:
    """A padded row gives what it gives without its padding, with masks of each type, and so do the weights it keeps.

    How wide the result is, and what weights are where none is hidden, is paid for in the other checks.
    """
    pooling = _pooling(student, draw)
    _drawn_into(pooling, draw)
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size), _mask_with_a_hole(draw)
    hidden = hidden * (1.0 + 2.0 * (mask == 0)[..., None])
    kept: list[Tensor | None] = []  # of the padded rows, then of each row without its padding

    def ask(rows: Tensor, typed: Tensor) -> Any:
        pooled = pooling(rows, typed)
        if not kept or len(rows) == 1:
            kept.append(_kept_weights(pooling, rows))
        return pooled

    answers = of_each_type(partial(ask, hidden), mask)
    cut = _cut(ask, hidden, mask)
    width_kept = cut.shape == hidden[:, 0].shape
    seen: Observations = {"tokens move the result": _moves(cut), CONTENT: _weighs(student, draw)}
    for kind, answer in answers.items():
        less = _less(answer, cut)
        if isinstance(less, Tensor) and not width_kept:
            less = less.abs().max().expand(draw.batch, draw.hidden_size)
        seen[f"padded less cut, {kind}"] = less
    return {**seen, "kept weights, padded less cut": _kept_less_cut(kept[0], kept[1:], mask)}


def _kept_less_cut(padded: Tensor | None, cut: Sequence[Tensor | None], mask: Tensor) -> Tensor:
    """How far padding changes the weights that are kept; 0 where those without it are no shares to compare with."""
    none = torch.zeros(mask.shape)
    rows = [weights for weights in cut if weights is not None and _are_shares(weights)]
    if padded is None or len(rows) != len(mask):
        return none
    return padded - none.masked_scatter(mask != 0, torch.cat([row.float().flatten() for row in rows]))


@rule("AttentionPooling", "pooled")
def attention_pooling_pooled(student: Student, draw: Draw) -> Observations:
    """The result is the sum of the vectors, each times the weight that the module keeps for it."""
    pooling = _pooling(student, draw)
    _drawn_into(pooling, draw)
    hidden = draw.normal(draw.batch, draw.seq, draw.hidden_size, scale=2.0)
    ones = _ones(draw.batch, draw.seq)
    pooled, (after, _) = of_some_type(lambda mask: pooling.call_and_inputs(hidden, mask), ones)
    seen: Observations = {"shape": list(as_tensor(pooled).shape), "input unchanged": torch.equal(after, hidden)}
    seen[CONTENT] = _weighs(student, draw)
    if not _is_row(pooled, hidden[:, 0]):
        return seen
    weights = _kept_weights(pooling, hidden)
    seen["left over"] = pooled if weights is None else pooled - torch.einsum("bs,bsh->bh", weights, hidden)
    # weights that are missing or no shares are paid for in another check: then they are read off the result
    if (weights is None or not _are_shares(weights)) and _gives_a_mean(pooling, draw):
        seen["left over"] = torch.zeros_like(pooled)
    return seen


def _kept_weights(pooling: Built, hidden: Tensor) -> Tensor | None:
    try:
        weights = pooling.get("weights")
    except StudentError:
        return None
    batch, seq, _ = hidden.shape
    if not isinstance(weights, Tensor) or weights.numel() != batch * seq or weights.is_complex():
        return None
    weights = weights.to(hidden.dtype)
    if weights.shape[:1] == (batch,):
        return weights.reshape(batch, seq)
    return weights.T if weights.shape == (seq, batch) else None


def _are_shares(weights: Tensor) -> bool:
    return bool((weights >= 0).all()) and bool(((weights.sum(dim=1) - 1.0).abs() < 1e-4).all())


def _gives_a_mean(pooling: Built, draw: Draw) -> bool:
    """Whether the module gives unequal shares to vectors that are all 0 but for one 1 each."""
    seq = min(draw.seq, draw.hidden_size)
    marks = torch.eye(seq, draw.hidden_size)[None]
    weights = as_tensor(of_some_type(lambda mask: pooling(marks, mask), _ones(1, seq)))[:, :seq]
    return _are_shares(weights) and float(weights.std()) > 1e-4


@rule("AttentionPooling", "gradient")
def attention_pooling_gradient(student: Student, draw: Draw) -> Observations:
    """Autograd agrees with the module's own slope, padding included; maps learn, and vectors through the scores."""
    pooling = _pooling(student, draw)
    _drawn_into(pooling, draw)
    hidden, mask = draw.normal(draw.batch, draw.seq, draw.hidden_size, scale=0.1), draw.mask(draw.batch, draw.seq)
    matrices = {name for name, shape in pooling.parameter_shapes().items() if len(shape) >= 2}
    silent = matrices & set(of_some_type(lambda typed: pooling.silent_parameters(hidden, typed), mask))
    slope = of_some_type(lambda typed: pooling.slope(hidden, typed), mask)
    crosses = of_some_type(partial(_learns_through_scores, pooling, hidden), mask)
    return {**slope, "both maps learn": bool(matrices) and not silent, "vectors learn through the scores": crosses}


def _learns_through_scores(pooling: Built, hidden: Tensor, mask: Tensor) -> bool:
    """Whether features of a vector get a gradient from other features of the result: through the weights alone they do.

    A result of another width is paid for in `pooled`.
    """
    pooled = pooling(hidden, mask)
    if not _is_row(pooled, hidden[:, 0]):
        return True
    cotangent = torch.zeros_like(pooled)
    cotangent[:, ::2] = 1.0
    try:
        gradient = pooling.gradient(cotangent, hidden, mask)
    except StudentError:  # no graph at all
        return False
    return _is_row(gradient, hidden) and bool(gradient[:, :, 1::2].count_nonzero())


# the classifier ---------------------------------------------------------------------------------------------------


class _Bench:
    """A tiny encoder with drawn weights on the learner's side, and all inputs of one case."""

    def __init__(self, student: Student, draw: Draw) -> None:
        self.student, self.draw = student, draw
        vocab_size = draw.batch * draw.seq + 7
        self.encoder = student.fixture(fixtures.encoder, draw.encoder, vocab_size, draw.hidden_size)
        shapes = {name: tuple(shape) for name, shape in self.encoder.parameter_shapes().items()}
        weights = draw.weights(shapes)
        last = [name for name in shapes if "pooler" not in name][-1]  # the bias of the last normalisation
        weights[last][::2] -= BELOW  # so that a maximum of these features is below 0, with any tokens
        self.encoder.load(weights)
        self.inside = tuple(f".{name}" for name in shapes)
        self.ids = draw.normal(vocab_size).argsort()[: draw.batch * draw.seq].reshape(draw.batch, draw.seq)
        self.mask = draw.mask(draw.batch, draw.seq)
        self.head = draw.normal(draw.num_labels, draw.hidden_size)
        self.bias = draw.normal(draw.num_labels)
        # one direction for every row of the inner map: then its width, which is the learner's choice, does not matter
        self.inner = draw.normal(1, draw.hidden_size)
        self.score = torch.full((1, 1), 3.0)

    def classifier(self, pooling: str, **rest: Any) -> Built:
        """The learner's classifier on this encoder, in eval mode."""
        built = self.student.build("BertClassifier", self.encoder, self.draw.num_labels, pooling, **rest)
        built.train(False)
        return built

    def outside(self, shapes: Mapping[str, torch.Size]) -> dict[str, torch.Size]:
        """The shapes of those parameters that are not the encoder's."""
        return {name: shape for name, shape in shapes.items() if not name.endswith(self.inside)}

    def shapes(self, built: Built) -> dict[str, torch.Size]:
        """The shapes of all parameters."""
        return _shapes(built, self.ids[:1], torch.ones_like(self.mask[:1]))

    def readings(self, built: Built, bias: float = 0.0, scale: float = 1.0) -> list[Values]:
        """Drawn weights for head and pooling, for each way to tell the pooling's maps; scale: of the inner one."""
        shapes = self.outside(self.shapes(built))
        drawn = {value.shape: value for value in (self.head.T.contiguous(), self.head, self.bias)}
        values: Values = {name: drawn[shape] for name, shape in shapes.items() if shape in drawn}
        rest = {name: shape for name, shape in shapes.items() if name not in values}
        return [
            {**pooling, **values} for pooling in attention_values(rest, self.inner * scale, self.score, bias) or [{}]
        ]

    def load(self, built: Built) -> None:
        """Put drawn weights into head and pooling: fresh ones may be 0, and then nothing before them learns.

        They are small where a tanh comes after them: in float32 its slope is exactly 0 from 9 on.
        """
        built.load(self.readings(built, bias=1.0, scale=0.1)[0])

    def load_features(self, built: Built) -> None:
        """Make the first features of the pooled vector the logits."""
        picks = torch.eye(self.draw.num_labels, self.draw.hidden_size)
        given = {value.shape: value for value in (picks.T.contiguous(), picks, torch.zeros_like(self.bias))}
        shapes = self.outside(self.shapes(built))
        built.load({name: given[shape] for name, shape in shapes.items() if shape in given})

    def first_vectors(self) -> Tensor | None:
        """What the encoder gives at position 0."""
        given = self.encoder(input_ids=self.ids, attention_mask=self.mask)
        hidden = given.get("last_hidden_state") if isinstance(given, dict) else None
        return hidden[:, 0] if isinstance(hidden, Tensor) and hidden.dim() == 3 else None

    def logits(self, built: Built) -> Observations:
        """The logits for drawn weights, where no row has padding, and whether there is a linear map to the classes.

        The bias is taken off again, as the map may have none.
        """
        views, has_head = [], True
        for values in self.readings(built):
            built.load(values)
            has_head = any(value.shape in (self.head.shape, self.head.T.shape) for value in values.values())
            logits = built.tensor(self.ids, torch.ones_like(self.mask))
            has_bias = any(value.shape == self.bias.shape for value in values.values())
            views.append(logits - self.bias if has_bias and logits.shape[-1:] == self.bias.shape else logits)
        return {"a map to the classes": has_head, "logits": AnyOf(views)}


# the checks of the classifier look at the same encoder, so it is made once for each learner and draw
_benches: WeakKeyDictionary[Student, dict[int, _Bench]] = WeakKeyDictionary()


def _bench(student: Student, draw: Draw) -> _Bench:
    known = _benches.setdefault(student, {})
    if draw.seed not in known:
        if len(known) >= 4:
            known.clear()
        known[draw.seed] = _Bench(student, draw)
    return known[draw.seed]


def _reads(student: Student, draw: Draw) -> bool:
    """Whether the logits follow from the weights, and from more than one token of a sentence.

    With one pooling or another, as one that stops with an error is paid for in `logits`.
    """
    bench = _bench(student, draw)
    return content.has_content(
        student, draw, "BertClassifier", lambda _: any(_reads_with(bench, p) for p in POOLINGS[:2])
    )


def _reads_with(bench: _Bench, pooling: str) -> bool:
    try:
        built = bench.classifier(pooling, dropout=0.0)
        bench.load(built)
        ids, mask = bench.ids[:1], torch.ones_like(bench.mask[:1])
        changed = [ids.clone() for _ in range(3)]
        for position, tokens in zip((0, 1, ids.shape[1] - 1), changed, strict=True):
            tokens[0, position] = bench.ids[1, position]
        head = {name: value for name, value in bench.readings(built)[0].items() if name not in bench.inside}
        requests = [built.request(tokens, mask) for tokens in (ids, ids, *changed)]
        requests += [built.loading({name: 1.5 * value + 0.1 for name, value in head.items()}), built.request(ids, mask)]
        *logits, _, of_other = bench.student.ask_all(
            [request for one in requests for request in (bench.student.restart(bench.draw.seed_to_tell), one)]
        )[1::2]
        first, again, *moved, last = map(content.numbers, [*logits, of_other])
    except (StudentError, Fault):
        return False
    counts = sum(content.differ(first, one) for one in moved)
    return content.repeats(first, again) and counts > 1 and content.differ(first, last)


@rule("BertClassifier", "logits")
def bert_classifier_logits(student: Student, draw: Draw) -> Observations:
    """Logits of each pooling for given weights, where no row has padding."""
    bench = _bench(student, draw)
    seen: Observations = {}
    for pooling in POOLINGS:
        built = bench.classifier(pooling, dropout=0.0)
        seen |= {f"{pooling}: {name}": value for name, value in bench.logits(built).items()}
    return seen


@rule("BertClassifier", "padding", draws="logits")
def bert_classifier_padding(student: Student, draw: Draw) -> Observations:
    """For each pooling a padded row gives the logits that it gives without its padding."""
    bench = _bench(student, draw)
    seen: Observations = {}
    for pooling in POOLINGS if draw.first else ("cls", "attention"):
        built = bench.classifier(pooling, dropout=0.0)
        bench.load(built)
        cut = built.tensor(*_without_padding(bench.ids, bench.mask, 1))
        padded = built.tensor(bench.ids, bench.mask)[1:2]
        seen[f"{pooling}, padded less cut"] = padded - cut if _is_row(padded, cut) else None
    return seen | {CONTENT: _reads(student, draw)}


@rule("BertClassifier", "gradient", draws="logits")
def bert_classifier_gradient(student: Student, draw: Draw) -> Observations:
    """The encoder's weights get a gradient with each pooling, and so do those that the pooling and the classes need."""
    if not draw.first:
        return {}
    bench = _bench(student, draw)
    seen: Observations = {}
    for pooling in ("mean", "attention"):
        built = bench.classifier(pooling, dropout=0.0)
        bench.load(built)
        matrices = {name: shape for name, shape in bench.shapes(built).items() if len(shape) >= 2}
        outside = set(bench.outside(matrices))
        inside = {name for name in matrices if "pooler" not in name} - outside
        if pooling == "mean":  # an attention that this pooling leaves alone may be there
            outside = {name for name in outside if set(matrices[name]) == set(bench.head.shape)}
        try:
            silent = set(built.silent_parameters(bench.ids, bench.mask))
        except StudentError:
            if not _runs_without_gradients(bench, built):
                raise
            silent = set(matrices)
        seen[f"{pooling}: encoder is part of the module"] = bool(inside)
        seen[f"{pooling}: encoder learns"] = not inside & silent
        seen[f"{pooling}: the rest learns"] = bool(outside) and not outside & silent
    for pooling in ("cls", "max"):
        seen[f"{pooling}: encoder learns"] = _encoder_learns(bench, pooling)
    return seen | {CONTENT: _reads(student, draw)}


def _runs_without_gradients(bench: _Bench, built: Built) -> bool:
    """Whether the classifier works once none of its parameters asks for a gradient."""
    built.method("requires_grad_", False)
    error = built.error(bench.ids, bench.mask)
    built.method("requires_grad_", True)
    return not error


def _encoder_learns(bench: _Bench, pooling: str) -> bool:
    """Whether the encoder's matrices get a gradient; a pooling that stops with an error is paid for in `logits`."""
    try:
        built = bench.classifier(pooling, dropout=0.0)
        bench.load(built)
        silent = built.silent_parameters(bench.ids, bench.mask)
        matrices = {name for name, shape in bench.shapes(built).items() if len(shape) >= 2 and "pooler" not in name}
    except StudentError:
        return True
    return not any(name.endswith(bench.inside) for name in matrices & set(silent))


@rule("BertClassifier", "dropout", draws="logits", constant=True)
def bert_classifier_dropout(student: Student, draw: Draw) -> Observations:
    """Dropout acts in train mode only, with each pooling, at the rate that was given; a rate of 0 switches it off."""
    if not draw.first:
        return {}
    bench = _bench(student, draw)
    ids, mask = bench.ids.repeat(24, 1), bench.mask.repeat(24, 1)  # so many that a low rate is sure to drop something
    seen: Observations = {}
    rates: dict[str, dict[str, float]] = {"default rate": {}, "rate 0.5": {"dropout": 0.5}, "rate 0": {"dropout": 0.0}}
    for name, rate in rates.items():
        built = bench.classifier("cls", **rate)
        bench.load(built)
        in_eval = built.tensor(ids, mask)
        seen[f"{name}, eval: equal outputs"] = torch.allclose(in_eval, built.tensor(ids, mask), atol=1e-6)
        built.train(True)
        in_train = built.tensor(ids, mask)
        seen[f"{name}: train equals eval"] = torch.allclose(in_train, in_eval, atol=1e-5)
        built.train(False)
    ids, mask = ids[: 6 * len(bench.ids)], mask[: 6 * len(bench.ids)]  # half of the values are more than enough
    for pooling in ("mean", "max", "attention"):
        built = bench.classifier(pooling, dropout=0.5)
        bench.load(built)
        in_eval = built.tensor(ids, mask)
        built.train(True)
        in_train = built.tensor(ids, mask)
        seen[f"{pooling}, rate 0.5: train equals eval"] = torch.allclose(in_train, in_eval, atol=1e-5)
        built.train(False)
    seen["rate 0.5: what is not dropped"] = _kept_by_dropout(bench, ids, mask)
    return seen | {CONTENT: _reads(student, draw)}


def _kept_by_dropout(bench: _Bench, ids: Tensor, mask: Tensor) -> str:
    """What dropout at a rate of one half does to those features that it keeps: another rate does not double them.

    Where dropout stands, before the pooling or after it, does not matter, as position 0 and the map are linear.
    Logits that are not those of position 0 are paid for in `logits`.
    """
    built = bench.classifier("cls", dropout=0.5)
    bench.load_features(built)
    in_eval = built.tensor(ids, mask)
    built.train(True)
    in_train = built.tensor(ids, mask)
    built.train(False)
    vectors = bench.first_vectors()
    if vectors is None or in_eval.shape != in_train.shape or in_eval.shape != (len(ids), bench.draw.num_labels):
        return "doubled"
    expected = vectors[:, : bench.draw.num_labels].repeat(len(ids) // len(vectors), 1)
    if in_eval.shape != expected.shape or not torch.allclose(in_eval, expected, atol=1e-4):
        return "doubled"
    for name, factors in KEPT.items():
        products = torch.tensor(factors)[:, None, None] * in_eval
        if torch.isclose(in_train, products, rtol=1e-3, atol=1e-4).any(dim=0).all():
            return name
    return "changed otherwise"


@rule("BertClassifier", "errors", draws="logits")
def bert_classifier_errors(student: Student, draw: Draw) -> Observations:
    """Another pooling is a ValueError that names the four, when the classifier is made or at the latest when used."""
    if not draw.first:
        return {}
    bench = _bench(student, draw)
    seen: Observations = {}
    for pooling in OTHER_POOLINGS:
        kind, text, value = student.complaint("BertClassifier", bench.encoder, draw.num_labels, pooling)
        if not kind and isinstance(value, Built):
            kind, text, _ = value.complaint(bench.ids, bench.mask)
        seen[f"{pooling}: error"] = kind
        seen[f"{pooling}: names the four"] = all(name in text.lower() for name in POOLINGS)
    return seen | {CONTENT: _reads(student, draw)}


VISIBLE_CASES = {
    "NewsDataset": [dict(num_texts=4, max_length=8), dict(num_texts=3, max_length=11)],
    "cls_pooling": [dict(batch=2, seq=5, hidden_size=6), dict(batch=3, seq=4, hidden_size=7)],
    "max_pooling": [dict(batch=3, seq=5, hidden_size=6), dict(batch=2, seq=4, hidden_size=7)],
    "AttentionPooling": [
        dict(batch=3, seq=5, hidden_size=6, attention_size=9),
        dict(batch=2, seq=4, hidden_size=8, attention_size=5),
    ],
    "BertClassifier": [
        dict(encoder="bert", batch=3, seq=5, hidden_size=8, num_labels=3),
        dict(encoder="bert_with_pooler", batch=2, seq=6, hidden_size=10, num_labels=4),
        dict(encoder="distilbert", batch=2, seq=4, hidden_size=6, num_labels=5),
    ],
}
