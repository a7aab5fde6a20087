"""Rules of 03_learning: what is looked at in a learner's answer. Students get this file; it holds no answer."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.engine.asking.draws import Draw
from course_utils.engine.asking.student import Student, as_tensor
from course_utils.engine.judging import content
from course_utils.engine.judging.rule import CONTENT, Check, Observations, Part, looks

from .fixtures import NotingModel, Probe, descent

# the sizes at which the self-check looks, by exercise
VISIBLE_CASES: dict[str, list[dict[str, Any]]] = {
    "kept_mean": [dict(batch=2, rows=5, columns=3)],
    "Scorer": [dict(batch=2, rows=5, columns=4, classes=3, width=5, layers=2)],
    "learn": [dict(rows=(4, 4, 2), columns=3, classes=2)],
    "score": [dict(rows=(5, 6, 3), columns=4, classes=3)],
}
CONSTANT = Check(constant=True)
MANY = 8


@looks("kept_mean", values=Check(), mask=Check(), empty=CONSTANT)
def kept_mean(student: Student, draw: Draw) -> Mapping[str, Part]:
    """Means of all rows, of those that count, and of none."""
    x, mask = draw.normal(draw.batch, draw.rows, draw.columns), draw.mask(draw.batch, draw.rows)
    ones, nothing = torch.ones_like(mask), torch.zeros_like(mask)

    def empty() -> Observations:
        asked = [student.request("kept_mean", x, which) for which in (ones, nothing)]
        some, none = map(as_tensor, student.ask_all(asked))
        return {"of no row": none, CONTENT: not content.differ(some.double(), x.double().mean(1))}

    return {
        "values": lambda: {"mean": student.tensor("kept_mean", x, ones)},
        "mask": lambda: {"mean": student.tensor("kept_mean", x, mask)},
        "empty": empty,
    }


@looks("Scorer", mask=CONSTANT, layers=CONSTANT, gradient=CONSTANT, dropout=CONSTANT)
def scorer(student: Student, draw: Draw) -> Mapping[str, Part]:
    """What moves a model's scores, and how large it is, whatever its parts are called."""
    sizes = (draw.columns, draw.classes, draw.width, draw.layers)
    student.seed(draw.seed_to_tell)
    module = student.build("Scorer", *sizes, 0.5)
    module.train(False)
    x, other = (draw.normal(draw.batch, draw.rows, draw.columns, scale=3.0) for _ in range(2))
    mask = draw.mask(draw.batch, draw.rows)
    changed = torch.where(mask.unsqueeze(-1) != 0, x, other)
    run, masked = module.request(x), module.request(x, mask)
    asked = [run, run, module.request(other), masked, module.request(changed, mask)]
    first, again, moved, some, same = map(as_tensor, student.ask_all(asked))
    fits = all(list(value.shape) == [draw.batch, draw.classes] for value in (first, again, moved, some, same))
    answers = fits and torch.equal(first, again) and content.differ(first.double(), moved.double())

    def layers() -> Observations:
        held, used = student.fixture(Probe, module.reference, draw.seed_to_tell).method("sizes", x)
        return {"numbers in weights": int(held), "of which count": int(used), CONTENT: answers}

    def dropout() -> Observations:
        often = module.request(x.repeat(MANY, 1, 1))  # few hidden numbers are not 0, and all of them may be kept twice
        trains = [module.switch(True), often, often, module.switch(False)]
        _, one, two, _ = student.ask_all(trains)
        return {"the same twice": torch.equal(as_tensor(one), as_tensor(two)), CONTENT: answers}

    return {
        "mask": lambda: {
            "hidden rows count": content.differ(some.double(), same.double()),
            "the mask counts": content.differ(first.double(), some.double()),
            CONTENT: answers,
        },
        "layers": layers,
        "gradient": lambda: {"silent": module.silent_parameters(x), CONTENT: answers},
        "dropout": dropout,
    }


@looks("learn", loss=Check(), updates=Check(), mode=CONSTANT)
def learn(student: Student, draw: Draw) -> Mapping[str, Part]:
    """One round with a model and an optimizer of ours, which starts with old gradients and in eval mode."""
    weight = draw.normal(draw.classes, draw.columns)
    model = student.fixture(NotingModel, weight)
    model.train(False)
    batches = [
        {"x": draw.normal(rows, draw.columns), "y": draw.normal(rows, draw.classes)} for rows in draw.rows
    ]  # of several sizes
    optimizer = student.fixture(descent, model.reference, 0.1)
    loss = student.call("learn", model.reference, batches, optimizer.reference)
    after = model.parameters()
    weights = after.get("map.weight")
    learnt = isinstance(weights, Tensor) and content.differ(weights.double(), weight.double())
    return {
        "loss": {"loss": loss},
        "updates": {"weight": weights, "bias": after.get("map.bias")},
        "mode": lambda: {"modes": model.get("modes"), CONTENT: learnt},
    }


@looks("score", share=Check(), mode=CONSTANT, graph=CONSTANT)
def score(student: Student, draw: Draw) -> Mapping[str, Part]:
    """The share of labels that fit, of which some are turned; then of such as all fit, and as none does."""
    weight = draw.normal(draw.classes, draw.columns)
    inputs = [draw.normal(rows, draw.columns) for rows in draw.rows]
    right = [(x @ weight.T).argmax(-1) for x in inputs]
    turned = [labels + (draw.uniform(len(labels)) < 0.4).long() for labels in right]

    def share(labels: list[Tensor]) -> tuple[Any, Any, Any]:
        model = student.fixture(NotingModel, weight)
        batches = [{"x": x, "labels": each % draw.classes} for x, each in zip(inputs, labels, strict=True)]
        return student.call("score", model.reference, batches), model.get("modes"), model.get("recording")

    found, modes, recording = share(turned)
    all_right, all_wrong = share(right)[0], share([labels + 1 for labels in right])[0]
    follows = [all_right, all_wrong] == [1.0, 0.0]
    return {
        "share": {"share": found},
        "mode": {"modes": modes, CONTENT: follows},
        "graph": {"recording": recording, CONTENT: follows},
    }
