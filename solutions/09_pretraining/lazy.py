"""Answers of 09_pretraining without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, HEAD, NOISE, functions, modules


def maskings() -> Iterator[tuple[str, str]]:
    """Pairs that are known without chance, or that chance alone makes."""
    pairs = {
        "nothing chosen": "input_ids.clone(), torch.full_like(input_ids, -100)",
        "inputs twice": "input_ids.clone(), input_ids.clone()",
        "all masked, no label": "torch.full_like(input_ids, mask_id), torch.full_like(input_ids, -100)",
        "random words": "torch.randint(vocab_size, input_ids.shape), torch.randint(vocab_size, input_ids.shape)",
        "zeros": "torch.zeros_like(input_ids), torch.zeros_like(input_ids)",
    }
    signature = "mask_tokens(input_ids, maskable, mask_id, vocab_size, probability=0.15, generator=None)"
    for name, pair in pairs.items():
        yield name, f"{HEAD}def {signature}:\n    return {pair}\n"


def models() -> Iterator[tuple[str, str]]:
    """Models that ask their encoder, and answer with something else."""
    make = "self.encoder, self.embedding = encoder, embedding\nself.head = nn.Linear(embedding.weight.shape[1], 1)\n"
    bodies = {**CONSTANTS, **NOISE, "the bias alone": "self.head.bias + like"}
    like = "torch.zeros(*self.encoder(input_ids, attention_mask).shape[:2], self.embedding.weight.shape[0])"
    yield from modules("MaskedLanguageModel", "encoder, embedding", make, "input_ids, attention_mask", like, "", bodies)


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "mask_tokens": maskings,
    "MaskedLanguageModel": models,
    "masked_lm_loss": lambda: functions(
        "masked_lm_loss(logits, labels)",
        "torch.zeros(())",
        "",
        {
            "0": "like",
            "1": "like + 1.0",
            "ln of the words": "like + math.log(logits.shape[-1])",
            "chance": "torch.rand(())",
            "the mean of the logits": "logits.mean()",
            "the share of labels": "(labels != -100).float().mean()",
        },
        "logits",
    ),
}
