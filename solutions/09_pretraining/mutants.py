"""Known wrong answers of unit 09: each draws its hint and loses exactly the checks that it names."""

from course_utils.engine.making.units import Mutant

COPY = "masked_ids, labels = input_ids.clone(), torch.full_like(input_ids, -100)"
CHOOSE = "chosen = maskable.bool() & (torch.rand(input_ids.shape, generator=generator) < probability)"
WRITE = "labels[chosen] = input_ids[chosen]"
FATE = "fate = torch.rand(input_ids.shape, generator=generator)"
WORDS = "random_ids = torch.randint(vocab_size, input_ids.shape, generator=generator)"
HIDE = "masked_ids = torch.where(chosen & (fate < 0.8), mask_id, masked_ids)"
SWAP = "masked_ids = torch.where(chosen & (fate >= 0.9), random_ids, masked_ids)"

LINEAR = "self.linear = nn.Linear(d_model, d_model)"
NORM = "self.norm = nn.LayerNorm(d_model)"
BIAS = "self.bias = nn.Parameter(torch.zeros(vocab_size))"
ENCODE = "hidden = self.encoder(input_ids, attention_mask)"
TRANSFORM = "hidden = self.norm(F.gelu(self.linear(hidden)))"
LOGITS = "logits = hidden @ self.embedding.weight.T + self.bias"

TOTAL = 'total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")'
MEAN = "loss = total / (labels != -100).sum().clamp(min=1)"


def _mutant(exercise: str, name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"{exercise}-{check}" for check in loses.split())
    return Mutant(name=name, exercise=exercise, hint=hint, loses=checks, change=change)


def _tokens(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("mask_tokens", name, hint, loses, *change)


def _model(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("MaskedLanguageModel", name, hint, loses, *change)


def _loss(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("masked_lm_loss", name, hint, loses, *change)


MUTANTS = [
    # which positions are chosen
    _tokens(
        "special_tokens_too",
        "not_maskable",
        "chosen",
        (CHOOSE, "chosen = torch.rand(input_ids.shape, generator=generator) < probability"),
    ),
    _tokens("more_than_the_share", "share_turned", "chosen", (CHOOSE, CHOOSE.replace("<", ">"))),
    _tokens("fixed_share", "fixed_share", "chosen", (CHOOSE, CHOOSE.replace("probability", "0.15"))),
    _tokens(
        "same_number_in_each_row",
        "not_each_by_itself",
        "chosen",
        (
            CHOOSE,
            "numbers = torch.rand(input_ids.shape, generator=generator).masked_fill(~maskable.bool(), 2.0)\n"
            "    counts = (maskable.sum(dim=1, keepdim=True) * probability).round()\n"
            "    chosen = numbers.argsort(dim=1).argsort(dim=1) < counts",
        ),
    ),
    _tokens(
        "one_number_for_a_row",
        "one_number_for_a_row",
        "chosen",
        (CHOOSE, "chosen = maskable.bool() & (torch.rand(input_ids.shape[0], 1, generator=generator) < probability)"),
    ),
    _tokens(
        "one_choice_for_all_texts",
        "one_choice_for_all_texts",
        "chosen",
        (CHOOSE, "chosen = maskable.bool() & (torch.rand(input_ids.shape[1], generator=generator) < probability)"),
    ),
    # what stands in the labels
    _tokens("labels_of_all", "labels_of_all", "chosen", (WRITE, "labels = input_ids.clone()")),
    _tokens("labels_of_the_others", "labels_of_the_others", "chosen", (WRITE, "labels[~chosen] = input_ids[~chosen]")),
    _tokens("labels_with_zeros", "zero_for_no_label", "chosen", (COPY, COPY.replace("-100", "0"))),
    _tokens(
        "labels_after_masking",
        "labels_after_masking",
        "chosen",
        (WRITE, ""),
        (SWAP, f"{SWAP}\n    labels[chosen] = masked_ids[chosen]"),
    ),
    _tokens("labels_of_ones", "labels_of_ones", "chosen", (WRITE, "labels[chosen] = 1")),
    _tokens(
        "chooses_twice",
        "chooses_twice",
        "chosen",
        (FATE, f"{CHOOSE}\n    {FATE}"),
    ),
    # what becomes of them
    _tokens(
        "all_masked",
        "all_masked",
        "replaced",
        (HIDE, "masked_ids = torch.where(chosen, mask_id, masked_ids)"),
        (SWAP, ""),
    ),
    _tokens("none_stays", "none_stays", "replaced", (SWAP, SWAP.replace("0.9", "0.8"))),
    _tokens("none_exchanged", "none_exchanged", "replaced", (SWAP, "")),
    _tokens(
        "tenth_of_the_rest",
        "tenth_of_the_rest",
        "replaced",
        (
            SWAP,
            "rest = chosen & (fate >= 0.8) & (torch.rand(input_ids.shape, generator=generator) < 0.1)\n"
            "    masked_ids = torch.where(rest, random_ids, masked_ids)",
        ),
    ),
    _tokens(
        "new_numbers_for_each_share",
        "random_over_masked",
        "replaced",
        (SWAP, SWAP.replace("fate >= 0.9", "torch.rand(input_ids.shape, generator=generator) < 0.1")),
    ),
    _tokens(
        "one_random_word",
        "one_random_word",
        "replaced",
        (WORDS, "random_ids = torch.randint(vocab_size, (1,), generator=generator).expand(input_ids.shape)"),
    ),
    _tokens(
        "few_random_words",
        "few_random_words",
        "replaced",
        (WORDS, WORDS.replace("randint(vocab_size", "randint(vocab_size // 4")),
    ),
    _tokens(
        "shares_turned",
        "shares_turned",
        "replaced",
        (HIDE, HIDE.replace("fate < 0.8", "fate < 0.1")),
        (SWAP, SWAP.replace("0.9", "0.2")),
    ),
    _tokens(
        "one_number_for_both_questions",
        "one_number_for_both",
        "replaced",
        (
            CHOOSE,
            "numbers = torch.rand(input_ids.shape, generator=generator)\n    chosen = maskable.bool() & (numbers < probability)",
        ),
        (FATE, "fate = numbers"),
    ),
    _tokens(
        "one_fate_for_a_row",
        "one_fate_for_a_row",
        "replaced",
        (FATE, "fate = torch.rand(input_ids.shape[0], 1, generator=generator).expand(input_ids.shape)"),
    ),
    _tokens(
        "one_random_word_for_a_row",
        "one_random_word",
        "replaced",
        (
            WORDS,
            "random_ids = torch.randint(vocab_size, (len(input_ids), 1), generator=generator).expand(input_ids.shape)",
        ),
    ),
    # the generator
    _tokens(
        "no_generator",
        "no_generator",
        "state",
        (CHOOSE, CHOOSE.replace(", generator=generator", "")),
        (FATE, FATE.replace(", generator=generator", "")),
        (WORDS, WORDS.replace(", generator=generator", "")),
    ),
    _tokens(
        "generator_only_for_the_choice",
        "generator_once",
        "state",
        (FATE, FATE.replace(", generator=generator", "")),
        (WORDS, WORDS.replace(", generator=generator", "")),
    ),
    _tokens(
        "writes_into_the_input",
        "writes_into_the_input",
        "state",
        (COPY, COPY.replace(".clone()", "")),
        (HIDE, "masked_ids[chosen & (fate < 0.8)] = mask_id"),
        (SWAP, "masked_ids[chosen & (fate >= 0.9)] = random_ids[chosen & (fate >= 0.9)]"),
    ),
    # the model
    _model("relu", "relu", "logits", (TRANSFORM, TRANSFORM.replace("gelu", "relu"))),
    _model("no_activation", "no_activation", "logits", (TRANSFORM, "hidden = self.norm(self.linear(hidden))")),
    _model("no_norm", "no_norm", "logits", (NORM, ""), (TRANSFORM, "hidden = F.gelu(self.linear(hidden))")),
    _model("norm_first", "norm_before", "logits", (TRANSFORM, "hidden = F.gelu(self.linear(self.norm(hidden)))")),
    _model(
        "norm_before_the_activation",
        "norm_before",
        "logits",
        (TRANSFORM, "hidden = F.gelu(self.norm(self.linear(hidden)))"),
    ),
    _model(
        "no_transform",
        "no_transform",
        "logits",
        (LINEAR, ""),
        (NORM, ""),
        (TRANSFORM, ""),
    ),
    _model("no_bias", "no_bias", "logits", (BIAS, ""), (LOGITS, "logits = hidden @ self.embedding.weight.T")),
    _model(
        "softmax_at_the_end",
        "softmax_at_the_end",
        "logits",
        (LOGITS, f"{LOGITS}\n        logits = logits.softmax(dim=-1)"),
    ),
    _model(
        "copy_of_the_matrix",
        "copy_of_the_matrix",
        "tied",
        (BIAS, f"{BIAS}\n        self.matrix = nn.Parameter(embedding.weight.detach().clone())"),
        (LOGITS, "logits = hidden @ self.matrix.T + self.bias"),
    ),
    _model(
        "copy_without_learning",
        "copy_of_the_matrix",
        "tied",
        (BIAS, f'{BIAS}\n        self.register_buffer("matrix", embedding.weight.detach().clone())'),
        (LOGITS, "logits = hidden @ self.matrix.T + self.bias"),
    ),
    _model(
        "matrix_of_its_own",
        "copy_of_the_matrix",
        "tied",
        (BIAS, "self.out = nn.Linear(d_model, vocab_size)"),
        (LOGITS, "logits = self.out(hidden)"),
    ),
    _model(
        "shared_storage_only",
        "shared_storage_only",
        "tied",
        (BIAS, f"{BIAS}\n        self.matrix = nn.Parameter(embedding.weight.data)"),
        (LOGITS, "logits = hidden @ self.matrix.T + self.bias"),
    ),
    _model("detached", "detached", "tied", (LOGITS, LOGITS.replace(".weight.T", ".weight.detach().T"))),
    _model("no_mask", "no_mask", "mask", (ENCODE, "hidden = self.encoder(input_ids, torch.ones_like(input_ids))")),
    _model("mask_left_out", "mask_left_out", "mask", (ENCODE, "hidden = self.encoder(input_ids, None)")),
    _model(
        "mask_turned_round",
        "mask_turned_round",
        "mask logits",
        (ENCODE, "hidden = self.encoder(input_ids, 1 - attention_mask)"),
    ),
    # the loss
    _loss("sum", "sum_for_mean", "values", (MEAN, "loss = total")),
    _loss("mean_over_all", "mean_over_all", "values", (MEAN, "loss = total / labels.numel()")),
    _loss("mean_over_texts", "mean_over_texts", "values", (MEAN, "loss = total / len(labels)")),
    _loss(
        "mean_of_row_means",
        "mean_of_row_means",
        "values",
        (TOTAL, 'each = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")'),
        (
            MEAN,
            "kept = (labels != -100).sum(dim=1)\n    loss = (each.sum(dim=1) / kept.clamp(min=1)).mean()",
        ),
    ),
    _loss(
        "zero_is_no_word",
        "zero_is_no_word",
        "values",
        (TOTAL, TOTAL.replace("labels.flatten()", "labels.masked_fill(labels == 0, -100).flatten()")),
    ),
    _loss(
        "softmax_first",
        "softmax_first",
        "values",
        (TOTAL, TOTAL.replace("logits.flatten(0, 1)", "logits.softmax(-1).flatten(0, 1)")),
    ),
    _loss(
        "accuracy_of_the_largest",
        "best_word_only",
        "values",
        (TOTAL, "kept = labels != -100\n    total = (logits.argmax(-1) != labels)[kept].sum() + 0.0 * logits.sum()"),
    ),
    _loss(
        "nan_of_nothing",
        "nan_of_nothing",
        "empty",
        (TOTAL, ""),
        (MEAN, "loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)"),
    ),
    _loss(
        "mean_of_no_losses",
        "nan_of_nothing",
        "empty",
        (TOTAL, ""),
        (MEAN, "kept = labels != -100\n    loss = F.cross_entropy(logits[kept], labels[kept])"),
    ),
    _loss(
        "zero_without_a_gradient",
        "zero_without_a_gradient",
        "empty",
        (MEAN, f"if bool((labels == -100).all()):\n        return torch.tensor(0.0)\n    {MEAN}"),
    ),
    _loss(
        "nan_in_the_gradient_hidden",
        "nan_hidden",
        "empty",
        (TOTAL, 'each = F.cross_entropy(logits.transpose(1, 2), labels.clamp(min=0), reduction="none")'),
        (MEAN, "kept = labels != -100\n    loss = ((each * kept).sum() / kept.sum()).nan_to_num(0.0)"),
    ),
]
