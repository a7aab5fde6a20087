"""Known wrong answers of unit 05: each draws its hint and loses exactly the checks that it names."""

from course_utils.engine.making.units import Mutant

TRUNCATION = "            truncation=True,\n"
PADDING = '            padding="max_length",\n'
LENGTH = "max_length=self.max_length"
IDS = 'encoding["input_ids"].squeeze(0)'
MASK = 'encoding["attention_mask"].squeeze(0)'
LABEL = "torch.tensor(self.labels[index], dtype=torch.long)"

HIDE = 'hidden = hidden.masked_fill(mask[..., None] == 0, float("-inf"))'
MAX = "pooled = hidden.max(dim=1).values"

SCORES = "scores = self.score(torch.tanh(self.inner(hidden))).squeeze(-1)"
HIDE_SCORES = 'scores = scores.masked_fill(mask == 0, float("-inf"))'
SOFTMAX = "weights = torch.softmax(scores, dim=1)"
KEEP = "self.weights = weights.detach()"
SUM = "pooled = (weights[..., None] * hidden).sum(dim=1)"

HIDDEN = "hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state"
STATES = (
    "states = self.encoder(\n            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True\n"
    "        ).hidden_states\n        "
)
POOL = "pooled = self.pool(hidden, attention_mask)"
LOGITS = "logits = self.head(self.dropout(pooled))"
DROPOUT = "self.dropout = nn.Dropout(dropout)"
REFUSE = "if pooling not in POOLINGS:"
RAISE = "raise ValueError(f\"pooling must be one of {', '.join(POOLINGS)}; got {pooling!r}\")"
FUNCTIONS = 'pool = {"cls": cls_pooling, "mean": masked_mean, "max": max_pooling}'
ENCODER = "self.encoder = encoder"


def _mutant(exercise: str, name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"{exercise}-{check}" for check in loses.split())
    return Mutant(name=f"{exercise}_{name}", exercise=exercise, change=change, hint=hint, loses=checks)


def _news(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("NewsDataset", name, hint, loses, *change)


def _cls(name: str, hint: str, loses: str, new: str) -> Mutant:
    return _mutant("cls_pooling", name, hint, loses, ("pooled = hidden[:, 0]", new))


def _max(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("max_pooling", name, hint, loses, *change)


def _attention(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("AttentionPooling", name, hint, loses, *change)


def _bert(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("BertClassifier", name, hint, loses, *change)


MUTANTS = [
    # NewsDataset ------------------------------------------------------------------------------------------------------
    _news("no_truncation", "long_texts_not_cut", "input_ids attention_mask", (TRUNCATION, "")),
    _news("no_padding", "short_texts_not_padded", "input_ids attention_mask", (PADDING, "")),
    _news("padded_to_itself", "short_texts_not_padded", "input_ids attention_mask", (PADDING, "padding=True,\n")),
    Mutant(
        name="NewsDataset_padded_to_the_longest",
        exercise="NewsDataset",
        hint="padded_to_the_longest",
        loses=("NewsDataset-input_ids",),
        source="""
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.encodings = tokenizer(texts, truncation=True, padding=True, max_length=max_length, return_tensors="pt")
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {
            "input_ids": self.encodings["input_ids"][index],
            "attention_mask": self.encodings["attention_mask"][index],
            "labels": self.labels[index],
        }
""",
    ),
    _news("length_written_down", "length_ignored", "input_ids attention_mask", (LENGTH, "max_length=50")),
    _news(
        "no_special_tokens",
        "no_special_tokens",
        "input_ids attention_mask",
        (LENGTH, LENGTH + ", add_special_tokens=False"),
    ),
    _news("another_default", "another_default", "input_ids", ("max_length: int = 50", "max_length: int = 128")),
    _news(
        "padded_with_id_0",
        "padded_with_id_0",
        "input_ids",
        (IDS, IDS + '.masked_fill(encoding["attention_mask"].squeeze(0) == 0, 0)'),
    ),
    _news(
        "end_cut_off",
        "end_cut_off",
        "input_ids",
        (TRUNCATION, ""),
        (IDS, IDS + "[: self.max_length]"),
        (MASK, MASK + "[: self.max_length]"),
    ),
    _news(
        "cut_by_characters",
        "cut_by_characters",
        "input_ids attention_mask",
        ("self.texts[index],", "self.texts[index][: self.max_length],"),
    ),
    Mutant(
        name="NewsDataset_words_for_tokens",
        exercise="NewsDataset",
        hint="words_for_tokens",
        loses=("NewsDataset-input_ids", "NewsDataset-attention_mask"),
        source="""
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        words = self.texts[index].split()[: self.max_length - 2]
        ids = self.tokenizer.convert_tokens_to_ids(["[CLS]", *words, "[SEP]"])
        left = self.max_length - len(ids)
        return {
            "input_ids": torch.tensor(ids + [self.tokenizer.pad_token_id] * left),
            "attention_mask": torch.tensor([1] * len(ids) + [0] * left),
            "labels": torch.tensor(self.labels[index]),
        }
""",
    ),
    _news(
        "batch_axis_kept",
        "batch_axis_kept",
        "input_ids attention_mask",
        (IDS, 'encoding["input_ids"]'),
        (MASK, 'encoding["attention_mask"]'),
    ),
    _news("float_ids", "ids_are_no_integers", "input_ids", (IDS, IDS + ".float()")),
    _news(
        "mask_of_ones", "mask_of_ones", "attention_mask", (MASK, 'torch.ones_like(encoding["input_ids"].squeeze(0))')
    ),
    _news(
        "mask_by_id_0",
        "padding_taken_for_0",
        "attention_mask",
        (MASK, '(encoding["input_ids"].squeeze(0) != 0).long()'),
    ),
    _news("mask_inverted", "mask_inverted", "attention_mask", (MASK, "1 - " + MASK)),
    _news("bool_mask", "mask_of_another_type", "attention_mask", (MASK, MASK + ".bool()")),
    _news(
        "float_labels",
        "labels_are_no_integers",
        "labels",
        (LABEL, "torch.tensor(self.labels[index], dtype=torch.float)"),
    ),
    _news("bare_label", "label_is_no_tensor", "labels", (LABEL, "self.labels[index]")),
    _news("label_axis", "label_has_an_axis", "labels", (LABEL, "torch.tensor([self.labels[index]])")),
    _news("first_label", "label_of_another_text", "labels", (LABEL, "torch.tensor(self.labels[0])")),
    _news("labels_from_one", "labels_shifted", "labels", (LABEL, LABEL + " - 1")),
    _news("length_of_an_item", "length_of_an_item", "labels", ("length = len(self.texts)", "length = self.max_length")),
    # cls_pooling ------------------------------------------------------------------------------------------------------
    _cls("last_position", "another_position", "values", "pooled = hidden[:, -1]"),
    _cls("position_1", "first_word_for_cls", "values", "pooled = hidden[:, 1]"),
    _cls(
        "last_token",
        "last_token_for_cls",
        "values",
        "pooled = hidden[torch.arange(len(hidden)), mask.long().sum(1) - 1]",
    ),
    _cls("mean", "mean_for_cls", "values", "pooled = hidden.mean(dim=1)"),
    _cls("masked_mean", "mean_for_cls", "values", "pooled = masked_mean(hidden, mask)"),
    _cls("axis_kept", "seq_axis_kept", "values", "pooled = hidden[:, :1]"),
    _cls("first_sentence", "first_sentence", "values", "pooled = hidden[0]"),
    _cls("first_feature", "first_feature", "values", "pooled = hidden[:, :, 0]"),
    _cls("detached", "gradient_cut", "gradient", "pooled = hidden[:, 0].detach()"),
    _cls("squeezed", "batch_axis_lost", "values", "pooled = hidden[:, 0].squeeze()"),
    _cls("cut_out_and_squeezed", "batch_axis_lost", "values", "pooled = hidden[:, :1, :].squeeze()"),
    _cls(
        "first_token_of_the_mask",
        "first_token_of_the_mask",
        "values",
        "pooled = hidden[torch.arange(len(hidden)), (mask != 0).long().argmax(dim=1)]",
    ),
    _cls("in_float64", "another_type", "values", "pooled = hidden[:, 0].double()"),
    # max_pooling ------------------------------------------------------------------------------------------------------
    _max("no_mask", "max_over_padding", "padding", (HIDE, "hidden = hidden")),
    _max("times_mask", "padding_set_to_0", "padding", (HIDE, "hidden = hidden * mask[..., None]")),
    _max(
        "filled_with_0", "padding_set_to_0", "padding", (HIDE, "hidden = hidden.masked_fill(mask[..., None] == 0, 0.0)")
    ),
    _max(
        "filled_with_minus_1",
        "padding_not_low_enough",
        "padding",
        (HIDE, "hidden = hidden.masked_fill(mask[..., None] == 0, -1.0)"),
    ),
    _max(
        "inverted",
        "mask_inverted",
        "values padding gradient",
        (HIDE, 'hidden = hidden.masked_fill(mask[..., None] == 1, float("-inf"))'),
    ),
    _max(
        "inverted_with_a_number",
        "mask_inverted",
        "values padding gradient",
        (HIDE, "hidden = hidden.masked_fill(mask[..., None] != 0, -1e9)"),
    ),
    _max(
        "plus_infinity",
        "plus_infinity",
        "padding",
        (HIDE, 'hidden = hidden.masked_fill(mask[..., None] == 0, float("inf"))'),
    ),
    _max("in_float64", "another_type", "values", (MAX, "pooled = hidden.double().max(dim=1).values")),
    _max("in_float16", "another_type", "values gradient", (MAX, "pooled = hidden.max(dim=1).values.half()")),
    _max(
        "bool_only_and_in_place",
        "bool_mask_and_in_place",
        "padding gradient",
        (HIDE, 'hidden.masked_fill_(~mask.unsqueeze(-1), float("-inf"))'),
    ),
    _max(
        "indexed_by_the_mask",
        "mask_of_one_type_only",
        "padding",
        (HIDE, ""),
        (MAX, "pooled = torch.stack([row[keep].amax(dim=0) for row, keep in zip(hidden, mask)])"),
    ),
    _max(
        "bool_only",
        "mask_of_one_type_only",
        "padding",
        (HIDE, 'hidden = hidden.masked_fill(~mask.unsqueeze(-1), float("-inf"))'),
    ),
    _max("one_less_mask", "one_less_mask", "padding", (HIDE, "hidden = hidden - 1e9 * (1 - mask[..., None])")),
    _max(
        "search_from_0",
        "nothing_below_0",
        "values",
        (
            MAX,
            "pooled = torch.zeros_like(hidden[:, 0])\n    for token in hidden.unbind(dim=1):\n"
            "        pooled = torch.maximum(pooled, token)",
        ),
    ),
    _max("relu_before", "nothing_below_0", "values", (HIDE, "hidden = torch.relu(hidden) * mask[..., None]")),
    _max(
        "input_changed",
        "input_changed",
        "padding gradient",
        (HIDE, 'hidden.masked_fill_(mask[..., None] == 0, float("-inf"))'),
    ),
    _max("mean", "mean_for_max", "values", (HIDE, "hidden = hidden"), (MAX, "pooled = masked_mean(hidden, mask)")),
    _max("smallest", "smallest_for_largest", "values padding", (MAX, "pooled = hidden.min(dim=1).values")),
    _max("largest_size", "sign_lost", "values padding", (MAX, "pooled = hidden.abs().max(dim=1).values")),
    _max("over_features", "max_over_features", "values padding", (MAX, "pooled = hidden.max(dim=-1).values")),
    _max("over_batch", "max_over_batch", "values padding", (MAX, "pooled = hidden.max(dim=0).values")),
    _max("values_and_places", "values_and_places", "values padding", (MAX, "pooled = hidden.max(dim=1)")),
    _max("detached", "gradient_cut", "gradient", (MAX, "pooled = hidden.detach().max(dim=1).values")),
    _max(
        "counted_tokens",
        "tokens_counted",
        "padding",
        (
            HIDE,
            "lengths = (mask != 0).sum(dim=1, keepdim=True)\n    hidden = hidden.masked_fill("
            '(torch.arange(hidden.shape[1]) >= lengths)[..., None], float("-inf"))',
        ),
    ),
    _max(
        "zeros",
        "constant_result",
        "values padding gradient",
        (MAX, "pooled = torch.zeros(hidden.shape[0], hidden.shape[2])"),
    ),
    # AttentionPooling -------------------------------------------------------------------------------------------------
    _attention("no_tanh", "tanh_forgotten", "weights", (SCORES, "scores = self.score(self.inner(hidden)).squeeze(-1)")),
    _attention(
        "relu_for_tanh",
        "another_activation",
        "weights",
        (SCORES, "scores = self.score(torch.relu(self.inner(hidden))).squeeze(-1)"),
    ),
    _attention(
        "gelu_for_tanh",
        "another_activation",
        "weights",
        (SCORES, "scores = self.score(nn.functional.gelu(self.inner(hidden))).squeeze(-1)"),
    ),
    _attention(
        "sigmoid_for_tanh",
        "another_activation",
        "weights",
        (SCORES, "scores = self.score(torch.sigmoid(self.inner(hidden))).squeeze(-1)"),
    ),
    _attention(
        "layer_norm_and_gelu",
        "layer_norm_between",
        "weights",
        (
            "nn.Linear(attention_size, 1)",
            "nn.Linear(attention_size, 1)\n        self.norm = nn.LayerNorm(attention_size)",
        ),
        (SCORES, "scores = self.score(nn.functional.gelu(self.norm(self.inner(hidden)))).squeeze(-1)"),
    ),
    _attention(
        "layer_norm_and_tanh",
        "layer_norm_between",
        "weights",
        (
            "nn.Linear(attention_size, 1)",
            "nn.Linear(attention_size, 1)\n        self.norm = nn.LayerNorm(attention_size)",
        ),
        (SCORES, "scores = self.score(torch.tanh(self.norm(self.inner(hidden)))).squeeze(-1)"),
    ),
    _attention(
        "tanh_of_the_score",
        "tanh_misplaced",
        "weights",
        (SCORES, "scores = torch.tanh(self.score(self.inner(hidden))).squeeze(-1)"),
    ),
    _attention(
        "one_map_only",
        "size_ignored",
        "weights",
        ("nn.Linear(attention_size, 1)", "nn.Identity()"),
        ("nn.Linear(hidden_size, attention_size)", "nn.Linear(hidden_size, 1)"),
    ),
    _attention(
        "size_ignored",
        "size_ignored",
        "weights",
        ("nn.Linear(hidden_size, attention_size)", "nn.Linear(hidden_size, 128)"),
        ("nn.Linear(attention_size, 1)", "nn.Linear(128, 1)"),
    ),
    _attention(
        "softmax_over_batch",
        "softmax_over_batch",
        "weights padding",
        (SOFTMAX, "weights = torch.softmax(scores, dim=0)"),
    ),
    _attention(
        "softmax_over_one",
        "softmax_over_one",
        "weights padding pooled gradient",  # all weights are 1, so the result is a sum
        (SCORES, "scores = self.score(torch.tanh(self.inner(hidden)))"),
        (HIDE_SCORES, 'scores = scores.masked_fill(mask[..., None] == 0, float("-inf"))'),
        (SOFTMAX, "weights = torch.nan_to_num(torch.softmax(scores, dim=-1)).squeeze(-1)"),
    ),
    _attention(
        "softmax_over_one_with_a_number",
        "softmax_over_one",
        "weights padding pooled gradient",
        (SCORES, "scores = self.score(torch.tanh(self.inner(hidden)))"),
        (HIDE_SCORES, "scores = scores.masked_fill(mask[..., None] == 0, -1e9)"),
        (SOFTMAX, "weights = torch.softmax(scores, dim=-1).squeeze(-1)"),
    ),
    _attention(
        "no_softmax",
        "softmax_forgotten",
        "weights",
        (HIDE_SCORES, "scores = scores.masked_fill(mask == 0, 0.0)"),
        (SOFTMAX, "weights = scores"),
    ),
    _attention(
        "equal_weights",
        "weights_without_scores",
        "weights padding pooled gradient",
        (
            SOFTMAX,
            "weights = (mask != 0).to(hidden.dtype)\n        weights = weights / weights.sum(dim=1, keepdim=True)",
        ),
    ),
    _attention("sigmoid", "sigmoid_for_softmax", "weights", (SOFTMAX, "weights = torch.sigmoid(scores)")),
    _attention("no_mask", "mask_forgotten", "padding", (HIDE_SCORES, "")),
    _attention(
        "mask_afterwards",
        "mask_after_softmax",
        "padding",
        (HIDE_SCORES, ""),
        (SOFTMAX, "weights = torch.softmax(scores, dim=1) * mask"),
    ),
    _attention(
        "filled_with_0", "scores_set_to_0", "padding", (HIDE_SCORES, "scores = scores.masked_fill(mask == 0, 0.0)")
    ),
    _attention(
        "inverted",
        "mask_inverted",
        "weights padding pooled gradient",  # nothing is left of a sentence without padding
        (HIDE_SCORES, 'scores = scores.masked_fill(mask != 0, float("-inf"))'),
    ),
    _attention(
        "inverted_with_a_number",
        "mask_inverted",
        "weights padding pooled",
        (HIDE_SCORES, "scores = scores.masked_fill(mask != 0, -1e9)"),
    ),
    _attention(
        "plus_infinity",
        "plus_infinity",
        "padding gradient",
        (HIDE_SCORES, 'scores = scores.masked_fill(mask == 0, float("inf"))'),
    ),
    _attention("in_float64", "another_type", "pooled", (SUM, SUM.replace("* hidden", "* hidden.double()"))),
    _attention(
        "bool_only",
        "mask_of_one_type_only",
        "padding",
        (HIDE_SCORES, 'scores = scores.masked_fill(~mask, float("-inf"))'),
    ),
    _attention("one_less_mask", "one_less_mask", "padding", (HIDE_SCORES, "scores = scores - 1e9 * (1 - mask)")),
    _attention(
        "zeros_for_padded_vectors",
        "scores_set_to_0",
        "padding",
        (SCORES, "hidden = hidden * (mask != 0)[..., None]\n        " + SCORES),
        (HIDE_SCORES, ""),
    ),
    _attention("not_kept", "weights_not_kept", "weights", (KEEP, "")),
    _attention("scores_kept", "softmax_forgotten", "weights", (KEEP, "self.weights = scores.detach()")),
    _attention("axis_kept", "weights_have_an_axis", "weights", (KEEP, "self.weights = weights.detach()[..., None]")),
    _attention("plain_mean", "weights_not_used", "pooled gradient", (SUM, "pooled = masked_mean(hidden, mask)")),
    _attention(
        "mean_of_weighted",
        "mean_of_weighted",
        "padding pooled",
        (SUM, "pooled = (weights[..., None] * hidden).mean(dim=1)"),
    ),
    _attention(
        "heaviest_token",
        "heaviest_token",
        "pooled gradient",
        (SUM, "pooled = hidden[torch.arange(len(hidden)), weights.argmax(dim=1)]"),
    ),
    _attention(
        "detached_weights",
        "weights_detached",
        "gradient",
        (SUM, "pooled = (self.weights[..., None] * hidden).sum(dim=1)"),
    ),
    _attention(
        "detached_vectors",
        "gradient_cut",
        "gradient",
        (SUM, "pooled = (weights[..., None] * hidden.detach()).sum(dim=1)"),
    ),
    _attention(
        "kept_before_the_mask",
        "weights_kept_too_early",
        "padding",
        (HIDE_SCORES, "self.weights = torch.softmax(scores, dim=1).detach()\n        " + HIDE_SCORES),
        (KEEP, ""),
    ),
    _attention(
        "kept_then_masked_and_divided",
        "weights_kept_too_early",
        "padding",
        (HIDE_SCORES, ""),
        (
            KEEP,
            KEEP
            + "\n        weights = weights * (mask != 0)\n        weights = weights / weights.sum(1, keepdim=True)",
        ),
    ),
    _attention(
        "kept_before_the_division",
        "weights_kept_too_early",
        "padding",
        (HIDE_SCORES, ""),
        (
            KEEP,
            "weights = weights * (mask != 0)\n        self.weights = weights.detach()\n"
            "        weights = weights / weights.sum(1, keepdim=True)",
        ),
    ),
    _attention(
        "kept_squeezed", "batch_axis_lost", "weights", (KEEP, "self.weights = weights[..., None].squeeze().detach()")
    ),
    _attention(
        "kept_at_the_first_call",
        "weights_of_the_first_call",
        "weights",
        (KEEP, "if self.weights is None:\n            self.weights = weights.detach()"),
    ),
    _attention(
        "counted_tokens",
        "tokens_counted",
        "padding",
        (
            HIDE_SCORES,
            "lengths = (mask != 0).sum(dim=1, keepdim=True)\n"
            '        scores = scores.masked_fill(torch.arange(hidden.shape[1]) >= lengths, float("-inf"))',
        ),
    ),
    _attention(
        "inner_vectors_summed",
        "inner_vectors_summed",
        "pooled",
        (SUM, "pooled = (weights[..., None] * torch.tanh(self.inner(hidden))).sum(dim=1)"),
    ),
    _attention(
        "scores_of_detached_vectors",
        "scores_cut_off",
        "gradient",
        (SCORES, "scores = self.score(torch.tanh(self.inner(hidden.detach()))).squeeze(-1)"),
    ),
    _attention(
        "zeros",
        "constant_result",
        "padding pooled gradient",
        (SUM, "pooled = torch.zeros(hidden.shape[0], hidden.shape[2])"),
    ),
    # BertClassifier ---------------------------------------------------------------------------------------------------
    _bert(
        "encoder_without_mask",
        "encoder_without_mask",
        "padding",
        (HIDDEN, "hidden = self.encoder(input_ids=input_ids).last_hidden_state"),
    ),
    _bert(
        "pooling_without_mask",
        "pooling_without_mask",
        "padding",
        (POOL, "pooled = self.pool(hidden, torch.ones_like(attention_mask))"),
    ),
    _bert(
        "no_mask_at_all",
        "no_mask_at_all",
        "padding",
        (HIDDEN, "attention_mask = torch.ones_like(attention_mask)\n        " + HIDDEN),
    ),
    _bert(
        "pooler_output",
        "pooler_output",
        "logits",
        (
            HIDDEN,
            "output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)\n        hidden = output.last_hidden_state",
        ),
        (POOL, "pooled = output.pooler_output if self.pool is cls_pooling else self.pool(hidden, attention_mask)"),
    ),
    _bert(
        "mean_for_max",
        "poolings_mixed_up",
        "logits",
        (FUNCTIONS, 'pool = {"cls": cls_pooling, "mean": max_pooling, "max": masked_mean}'),
    ),
    _bert(
        "always_cls",
        "pooling_ignored",
        "logits",
        (
            'self.pool = AttentionPooling(hidden_size) if pooling == "attention" else pool[pooling]',
            "self.pool = cls_pooling",
        ),
    ),
    _bert(
        "last_but_one_layer",
        "another_layer",
        "logits gradient",
        (HIDDEN, STATES + "hidden = states[-2]"),
    ),
    _bert(
        "mean_of_first_and_last_layer",
        "another_layer",
        "logits",
        (HIDDEN, STATES + "hidden = (states[-1] + states[1]) / 2"),
    ),
    _bert(
        "mask_for_token_types",
        "mask_as_token_types",
        "logits padding",
        (HIDDEN, "hidden = self.encoder(input_ids, token_type_ids=attention_mask.long()).last_hidden_state"),
    ),
    _bert(
        "mask_for_token_types_too",
        "mask_as_token_types",
        "logits",
        (HIDDEN, HIDDEN.replace("=attention_mask)", "=attention_mask, token_type_ids=attention_mask.long())")),
    ),
    _bert(
        "encoder_mask_inverted",
        "encoder_mask_inverted",
        "logits padding",
        (HIDDEN, HIDDEN.replace("=attention_mask)", "=1 - attention_mask)")),
    ),
    _bert("log_probabilities", "log_softmax_in_the_model", "logits", (LOGITS, LOGITS + ".log_softmax(dim=-1)")),
    _bert("probabilities", "softmax_in_the_model", "logits", (LOGITS, LOGITS + ".softmax(dim=-1)")),
    _bert(
        "tanh_before_the_head",
        "activation_before_the_head",
        "logits",
        (LOGITS, "logits = self.head(torch.tanh(self.dropout(pooled)))"),
    ),
    _bert(
        "width_written_down",
        "width_written_down",
        "logits padding gradient dropout errors",
        ("hidden_size = encoder.config.hidden_size", "hidden_size = 768"),
    ),
    _bert("frozen", "encoder_frozen", "gradient", (ENCODER, ENCODER + ".requires_grad_(False)")),
    _bert("without_gradient", "encoder_frozen", "gradient", (HIDDEN, "with torch.no_grad():\n            " + HIDDEN)),
    _bert(  # stops wherever a gradient might be wanted, and that is everywhere in the checks
        "inference_mode",
        "encoder_frozen",
        "logits gradient",
        (HIDDEN, "with torch.inference_mode():\n            " + HIDDEN),
    ),
    _bert(
        "max_of_detached_vectors",
        "gradient_cut_for_one_pooling",
        "gradient",
        (POOL, "pooled = self.pool(hidden.detach() if self.pool is max_pooling else hidden, attention_mask)"),
    ),
    _bert(
        "cls_of_detached_vectors",
        "gradient_cut_for_one_pooling",
        "gradient",
        (POOL, "pooled = self.pool(hidden.detach() if self.pool is cls_pooling else hidden, attention_mask)"),
    ),
    _bert(
        "encoder_hidden_in_a_list",
        "encoder_not_registered",
        "gradient",
        (ENCODER, "self.kept = [encoder]"),
        (HIDDEN, HIDDEN.replace("self.encoder", "self.kept[0]")),
    ),
    _bert("no_dropout", "dropout_forgotten", "dropout", (LOGITS, "logits = self.head(pooled)")),
    _bert(
        "dropout_in_eval_mode",
        "dropout_in_eval_mode",
        "dropout",
        (DROPOUT, "self.rate = dropout"),
        (LOGITS, "logits = self.head(nn.functional.dropout(pooled, self.rate))"),
    ),
    _bert(
        "encoder_in_eval_mode",
        "encoder_mode_changed",
        "dropout",
        (HIDDEN, "self.encoder.eval()\n        " + HIDDEN),
    ),
    _bert(
        "encoder_left_in_eval_mode",
        "encoder_mode_changed",
        "dropout",
        (HIDDEN, HIDDEN + "\n        self.encoder.eval()"),
    ),
    _bert(
        "encoder_in_train_mode",
        "encoder_mode_changed",
        "dropout",
        (HIDDEN, "self.encoder.train()\n        " + HIDDEN),
    ),
    _bert(
        "attention_past_the_dropout",
        "dropout_for_some_poolings",
        "dropout",
        (
            LOGITS,
            "logits = self.head(pooled if isinstance(self.pool, AttentionPooling) else self.dropout(pooled))",
        ),
    ),
    _bert(
        "dropout_for_cls_only",
        "dropout_for_some_poolings",
        "dropout",
        (LOGITS, "logits = self.head(self.dropout(pooled) if self.pool is cls_pooling else pooled)"),
    ),
    _bert(
        "dropout_without_scale",
        "dropout_not_scaled",
        "dropout",
        (DROPOUT, "self.rate = dropout"),
        (
            LOGITS,
            "pooled = pooled * (torch.rand_like(pooled) >= self.rate) if self.training else pooled\n"
            "        logits = self.head(pooled)",
        ),
    ),
    _bert("half_the_rate", "another_rate", "dropout", (DROPOUT, "self.dropout = nn.Dropout(dropout / 2)")),
    _bert("rate_on_or_off", "another_rate", "dropout", (DROPOUT, "self.dropout = nn.Dropout(0.1 if dropout else 0.0)")),
    _bert("rate_written_down", "rate_written_down", "dropout", (DROPOUT, "self.dropout = nn.Dropout(0.1)")),
    _bert(
        "falls_to_cls", "no_error", "errors", (REFUSE, "if False:"), ("pool[pooling]", "pool.get(pooling, cls_pooling)")
    ),
    _bert(
        "name_within_a_string",
        "name_within_a_string",
        "errors",
        (REFUSE, 'if pooling not in "cls, mean, max, attention":'),
        ("pool[pooling]", "pool.get(pooling, masked_mean)"),
    ),
    _bert("key_error", "another_error", "errors", (REFUSE, "if False:")),
    _bert("refused_by_assert", "another_error", "errors", (RAISE, 'raise AssertionError(f"one of {POOLINGS}")')),
    _bert("says_nothing", "error_names_nothing", "errors", (RAISE, 'raise ValueError("wrong pooling")')),
    # as people write them too -----------------------------------------------------------------------------------------
    _news("label_under_another_name", "entry_missing", "labels", ('"labels": torch', '"label": torch')),
    _news("mask_left_out", "entry_missing", "attention_mask", ('"attention_mask":', '"mask":')),
    *(
        _cls(name, "all_positions_for_cls", "values", f"pooled = {new}")
        for name, new in (
            ("max", "hidden.max(dim=1).values"),
            ("masked_max", "hidden.masked_fill(mask[..., None] == 0, -1e9).max(dim=1).values"),
            ("sum", "hidden.sum(dim=1)"),
            ("masked_sum", "(hidden * mask[..., None]).sum(dim=1)"),
        )
    ),
    _cls("through_tanh", "vector_changed", "values", "pooled = torch.tanh(hidden[:, 0])"),
    _cls("of_length_1", "vector_changed", "values", "pooled = nn.functional.normalize(hidden[:, 0], dim=-1)"),
    *(
        _max(
            f"filled_with_minus_{name}",
            "padding_not_low_enough",
            "padding",
            (HIDE, f"hidden = hidden.masked_fill(mask[..., None] == 0, -{number})"),
        )
        for name, number in (("a_half", 0.5), ("2", 2.0))
    ),
    *(
        _max(
            f"lengths_sorted_{order}",
            "lengths_sorted",
            "padding",
            (
                HIDE,
                f"lengths = mask.sum(dim=1).sort(descending={order == 'down'}).values\n    "
                "seen = torch.arange(hidden.size(1)) < lengths[:, None]\n    "
                'hidden = hidden.masked_fill(~seen[..., None], float("-inf"))',
            ),
        )
        for order in ("down", "up")
    ),
    *(
        _max(
            name,
            "sentences_sorted",
            "padding",
            (MAX, f"pooled = hidden.max(dim=1).values[mask.sum(dim=1).argsort({how})]"),
        )
        for name, how in (
            ("sentences_sorted", "descending=True"),
            ("sentences_sorted_stably", "descending=True, stable=True"),
            ("sentences_sorted_from_the_shortest", "stable=True"),
        )
    ),
    _max("axis_kept", "axis_of_length_1", "values padding", (MAX, "pooled = hidden.max(dim=1, keepdim=True).values")),
    _max(
        "cut_to_the_first_sentence",
        "cut_to_the_first_sentence",
        "padding",
        (HIDE, "hidden = hidden[:, : int(mask[0].sum())]"),
    ),
    _max(
        "not_a_number_for_padding",
        "nan_for_padding",
        "padding",
        (HIDE, 'hidden = hidden.masked_fill(mask[..., None] == 0, float("nan"))'),
    ),
    _max(
        "one_maximum_for_all",
        "one_maximum_for_all",
        "values padding",
        (HIDE, "pass"),
        (MAX, "pooled = hidden[mask != 0].max(dim=0).values"),
    ),
    _max(
        "large_number_added",
        "plus_infinity",
        "padding",
        (HIDE, "hidden = hidden + (1 - mask[..., None].float()) * 1e9"),
    ),
    _max("squeezed", "batch_axis_lost", "padding", (MAX, f"{MAX}.squeeze()")),
    _max(
        "places_of_the_largest", "places_for_values", "values padding gradient", (MAX, "pooled = hidden.argmax(dim=1)")
    ),
    *(
        _attention(f"{name}_for_tanh", "another_activation", "weights", (SCORES, SCORES.replace("torch.tanh", call)))
        for name, call in (
            ("silu", "nn.functional.silu"),
            ("leaky_relu", "nn.functional.leaky_relu"),
            ("elu", "nn.functional.elu"),
        )
    ),
    _attention(
        "scores_scaled",
        "scores_scaled",
        "weights",
        (SCORES, f"{SCORES} / self.inner.out_features**0.5"),
    ),
    *(
        _attention(
            f"lengths_sorted_{order}",
            "lengths_sorted",
            "padding",
            (
                HIDE_SCORES,
                f"lengths = mask.sum(dim=1).sort(descending={order == 'down'}).values\n        "
                'scores = scores.masked_fill(torch.arange(mask.size(1)) >= lengths[:, None], float("-inf"))',
            ),
        )
        for order in ("down", "up")
    ),
]
