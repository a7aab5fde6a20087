"""Answers of 08_learning_rate without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import functions

LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "warmup_linear_decay": lambda: functions(
        "warmup_linear_decay(step, warmup_steps, total_steps)",
        "None",
        "",
        {
            "0": "0.0",
            "a half": "0.5",
            "1": "1.0",
            "1 until the end": "1.0 if step < total_steps else 0.0",
            "chance": "random.random()",
            "the step": "float(step)",
            "the share of the run": "step / total_steps",
        },
    ),
}
