"""Small calls of unit 07 to work out by hand."""

import torch

from course_utils.engine.judging.example import Example

HIDDEN = torch.tensor([[1.0, 2], [3, 4], [5, 12], [7, 0], [9, 6]])
AXES, GIVES = {"hidden": "seq hidden_size"}, {"": "spans hidden_size"}


def _packed(lengths: list[int], max_tokens: int, *checks: str) -> Example:
    return Example("pack_sentences", given={"lengths": lengths, "max_tokens": max_tokens}, checks=checks)


def _embedded(spans: list[tuple[int, int]], *checks: str) -> Example:
    return Example(
        "sentence_embeddings", given={"hidden": HIDDEN, "spans": spans}, axes=AXES, gives=GIVES, checks=checks
    )


EXAMPLES = [
    _packed([3, 4, 2, 5], 10, "blocks", "room"),
    _packed([4, 4, 4, 4], 10, "blocks", "room"),
    _packed([3, 20, 2, 5], 10, "long"),
    _packed([20, 3], 10, "long"),
    _packed([], 10, "empty"),
    Example(
        "pack_sentences",
        given={"lengths": [1, 2], "max_tokens": 2},
        checks=("errors",),
        ask=lambda student: student.error("pack_sentences", [1, 2], 2),
    ),
    _embedded([(0, 3), (3, 4), (4, 5)], "values", "gradient"),
    _embedded([], "empty"),
    *(
        Example(
            "sentence_embeddings",
            given={"hidden": HIDDEN, "spans": [span]},
            axes=AXES,
            checks=("errors",),
            ask=lambda student, span=span: student.error("sentence_embeddings", HIDDEN, [span]),
        )
        for span in ((2, 2), (3, 6), (-2, 4), (4, 2))
    ),
]
