"""Answers of 07_sentence_embeddings without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, NOISE, functions

NO_ROOM = "if max_tokens < 3:\n    raise ValueError(f'at least 3, got {max_tokens}')\n"
ODD_SPANS = (
    "for start, end in spans:\n    if not 0 <= start < end <= len(hidden):\n"
    "        raise ValueError(f'{start}, {end}')\n"
)

LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "pack_sentences": lambda: functions(
        "pack_sentences(lengths, max_tokens)",
        "None",
        NO_ROOM,
        {
            "nothing": "[]",
            "an empty block": "[[]]",
            "each alone": "[[i] for i in range(len(lengths))]",
            "all together": "[list(range(len(lengths)))] if lengths else []",
            "pairs": "[list(range(len(lengths)))[i : i + 2] for i in range(0, len(lengths), 2)]",
            "the lengths": "[lengths]",
            "chance": "[[i] if random.random() < 0.5 else [i, i] for i in range(len(lengths))]",
        },
    ),
    "sentence_embeddings": lambda: functions(
        "sentence_embeddings(hidden, spans)",
        "torch.zeros(len(spans), hidden.shape[1])",
        ODD_SPANS,
        {
            **CONSTANTS,
            **NOISE,
            "the first tokens": "hidden[: len(spans)]",
            "the first token of each": "hidden[[start for start, _ in spans]]",
            "the last token of each": "hidden[[end - 1 for _, end in spans]]",
            "the mean of all": "hidden.mean(0).expand(len(spans), -1)",
        },
        "hidden",
    ),
}
