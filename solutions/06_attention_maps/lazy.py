"""Answers of 06_attention_maps without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, NOISE, functions

LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "attention_entropy": lambda: functions(
        "attention_entropy(attn, mask)",
        "torch.zeros(attn.shape[:2])",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the first weight": "attn[..., 0, 0]",
            "the mean": "attn.mean((-2, -1))",
            "the first column": "attn[..., 0].mean(-1)",
        },
    ),
    "attention_rollout": lambda: functions(
        "attention_rollout(attentions)",
        "torch.zeros(attentions[0].mean(1).shape)",
        "",
        {
            **CONSTANTS,
            **NOISE,
            "the identity": "torch.eye(like.shape[-1]).expand(like.shape).clone()",
            "the first layer": "attentions[0].mean(1)",
            "the last layer": "attentions[-1].mean(1)",
            "a head of the last layer": "attentions[-1][:, 0]",
        },
    ),
}
