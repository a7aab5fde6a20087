"""Known wrong answers of unit 04: each draws its hint and loses exactly the checks that it names."""

from course_utils.engine.making.units import Mutant

KEPT = "kept = (mask != 0).to(hidden.dtype).unsqueeze(-1)  # (batch, seq) -> (batch, seq, 1)"
TOTAL = "total = (hidden * kept).sum(dim=1)"
COUNT = "count = kept.sum(dim=1).clamp(min=1)"
MEAN = "mean = total / count"

POSITIONS = "self.positions = PositionalEncoding(d_model, dropout, max_len)"
STACK = """nn.ModuleList(
            [TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)]
        )"""
EMBEDDING = "self.embedding = nn.Embedding(vocab_size, d_model)"
HEAD = "self.head = nn.Linear(d_model, num_classes)"
NO_MASK = """if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)"""
EMBEDDED = "x = self.positions(self.embedding(input_ids))"
EACH = "for layer in self.layers:"
LAYER = "x = layer(x, attention_mask)"
POOLED = "pooled = masked_mean(x, attention_mask)"
LOGITS = "logits = self.head(pooled)"

TRAIN = "model.train()\n"
CALL = 'logits = model(batch["input_ids"], batch["attention_mask"])'
LOSS = 'loss = loss_fn(logits, batch["labels"])'
ZERO = "        optimizer.zero_grad()\n"
BACKWARD = "loss.backward()"
STEP = "optimizer.step()\n"
ADD = 'total += loss.item() * len(batch["labels"])'
ADD_COUNT = 'count += len(batch["labels"])'
MEAN_LOSS = "return total / max(count, 1)"

EVAL = "model.eval()\n"
NO_GRAD = "with torch.no_grad():"
PREDICTED = "predicted = logits.argmax(dim=-1)"
RIGHT = 'right += (predicted == batch["labels"]).sum().item()'
SHARE = "return right / max(count, 1)"

TORCH_ENCODER = """class TransformerEncoderClassifier(nn.Module):
    def __init__(
        self, vocab_size, num_classes, d_model=128, num_heads=4, d_ff=256, num_layers=2, max_len=256, dropout=0.1
    ):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model, dropout, max_len)
        layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, input_ids, attention_mask=None):
        x = self.positions(self.embedding(input_ids))
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
            x = self.encoder(x)
        else:
            x = self.encoder(x, src_key_padding_mask=attention_mask.bool())
        return self.head(masked_mean(x, attention_mask))
"""


def _mutant(exercise: str, name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"{exercise}-{check}" for check in loses.split())
    return Mutant(name=name, exercise=exercise, change=change, hint=hint, loses=checks)


def _mean(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("masked_mean", name, hint, loses, *change)


def _classifier(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("TransformerEncoderClassifier", name, hint, loses, *change)


def _epoch(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("train_epoch", name, hint, loses, *change)


def _evaluate(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return _mutant("evaluate", name, hint, loses, *change)


MUTANTS = [
    # masked_mean ------------------------------------------------------------------------------------------------------
    _mean("plain_mean", "padding_in_the_mean", "padding", (MEAN, "mean = hidden.mean(dim=1)")),
    _mean("divided_by_the_length", "divided_by_the_length", "padding", (COUNT, "count = hidden.size(1)")),
    _mean("padding_in_the_sum", "padding_in_the_sum", "padding empty", (TOTAL, "total = hidden.sum(dim=1)")),
    _mean("sum_for_mean", "sum_for_mean", "values", (MEAN, "mean = total")),
    _mean("one_too_many", "one_too_many", "values", (COUNT, "count = kept.sum(dim=1) + 1")),
    _mean("at_least_two", "at_least_two", "values", (COUNT, "count = kept.sum(dim=1).clamp(min=2)")),
    _mean(
        "empty_row_refused",
        "empty_row_refused",
        "empty",
        (
            COUNT,
            "count = kept.sum(dim=1)\n    if (count == 0).any():\n        raise ValueError('a row without tokens')",
        ),
    ),
    _mean("not_a_number", "division_by_zero", "empty", (COUNT, "count = kept.sum(dim=1)")),
    _mean("tokens_of_the_batch", "tokens_of_the_batch", "values padding", (COUNT, "count = kept.sum().clamp(min=1)")),
    _mean("axis_kept", "axis_kept", "values", (MEAN, "mean = (total / count).unsqueeze(1)")),
    _mean(
        "mask_inverted",
        "mean_mask_inverted",
        "values padding empty",
        (KEPT, "kept = (mask == 0).to(hidden.dtype).unsqueeze(-1)"),
    ),
    _mean(
        "largest_for_mean",
        "largest_for_mean",
        "values empty",
        (MEAN, "mean = hidden.masked_fill(kept == 0, float('-inf')).amax(dim=1)"),
    ),
    _mean("first_for_mean", "first_for_mean", "values padding empty gradient", (MEAN, "mean = hidden[:, 0]")),
    _mean("detached", "mean_gradient_cut", "gradient", (MEAN, "mean = (total / count).detach()")),
    _mean(
        "not_a_number_behind_the_where",
        "not_a_number_in_the_gradient",
        "gradient",
        (COUNT, "count = kept.sum(dim=1)"),
        (MEAN, "mean = torch.where(count > 0, total / count, torch.zeros_like(total))"),
    ),
    _mean(
        "input_changed",
        "hidden_changed",
        "values",
        (TOTAL, "hidden *= kept; total = hidden.sum(dim=1)"),
    ),
    _mean(
        "one_mean_for_the_batch",
        "one_mean_for_the_batch",
        "values padding empty gradient",
        (MEAN, "mean = hidden[mask != 0].mean(dim=0)"),
    ),
    _mean("root_of_the_length", "root_of_the_length", "values", (MEAN, "mean = total / count.sqrt()")),
    _mean(
        "lengths_sorted",
        "lengths_sorted",
        "padding",
        (COUNT, "count = kept.sum(dim=1).clamp(min=1).sort(dim=0, descending=True).values"),
    ),
    _mean(
        "lengths_sorted_from_the_shortest",
        "lengths_sorted",
        "padding",
        (COUNT, "count = kept.sum(dim=1).clamp(min=1).sort(dim=0).values"),
    ),
    _mean(
        "length_of_the_first",
        "divided_by_the_length",
        "padding",
        (COUNT, "count = kept[:1].sum(dim=1).clamp(min=1)"),
    ),
    _mean(
        "length_of_the_longest",
        "divided_by_the_length",
        "padding",
        (COUNT, "count = kept.sum(dim=1).max().clamp(min=1)"),
    ),
    _mean(
        "mean_over_the_batch",
        "mean_over_the_batch",
        "values padding empty gradient",
        (MEAN, "mean = hidden.mean(dim=0)"),
    ),
    _mean("float64_given_back", "wider_than_hidden", "values", (MEAN, "mean = total.double() / count.double()")),
    _mean(
        "tilde_for_not",
        "tilde_for_not",
        "padding",
        (TOTAL, "total = hidden.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1)"),
    ),
    # TransformerEncoderClassifier: padding ----------------------------------------------------------------------------
    _classifier("mask_not_in_attention", "mask_not_in_attention", "padding", (LAYER, "x = layer(x)")),
    _classifier("mask_not_in_pooling", "mask_not_in_pooling", "padding", (POOLED, "pooled = x.mean(dim=1)")),
    _classifier("mask_nowhere", "mask_nowhere", "padding", (LAYER, "x = layer(x)"), (POOLED, "pooled = x.mean(dim=1)")),
    _classifier(
        "mask_inverted_in_attention",
        "mask_turned_round_in_attention",
        "padding",
        (LAYER, "x = layer(x, attention_mask == 0)"),
    ),
    _classifier(
        "mask_from_the_ids",
        "mask_from_the_ids",
        "padding",
        (NO_MASK, "attention_mask = (input_ids != 0).long()"),
    ),
    _classifier(
        "batch_mean_taken_away",
        "batch_statistics",
        "padding",
        (LOGITS, "logits = self.head(pooled - pooled.mean(dim=0))"),
    ),
    _classifier(
        "batch_norm",
        "batch_statistics",
        "padding training",
        (HEAD, "self.norm, self.head = nn.BatchNorm1d(d_model), nn.Linear(d_model, num_classes)"),
        (LOGITS, "logits = self.head(self.norm(pooled))"),
    ),
    _classifier(
        "id_zero_hidden_behind_the_mask",
        "zero_taken_for_padding",
        "padding",
        (
            NO_MASK,
            "if attention_mask is None:\n            attention_mask = torch.ones_like(input_ids)\n"
            "        else:\n            attention_mask = attention_mask * (input_ids != 0)",
        ),
    ),
    Mutant(
        name="mask_of_torch_turned_round",
        exercise="TransformerEncoderClassifier",
        source=TORCH_ENCODER,
        hint="mask_turned_round_in_attention",
        loses=("TransformerEncoderClassifier-padding", "TransformerEncoderClassifier-none_mask"),
    ),
    _classifier(
        "mask_turned_round_everywhere",
        "mask_turned_round",
        "output padding none_mask order pooling layers training",
        (LAYER, "x = layer(x, attention_mask == 0)"),
        (POOLED, "pooled = masked_mean(x, attention_mask == 0)"),
    ),
    # TransformerEncoderClassifier: no mask ----------------------------------------------------------------------------
    _classifier("none_not_thought_of", "none_not_thought_of", "none_mask", (NO_MASK, "pass")),
    _classifier(
        "none_from_the_ids",
        "none_from_the_ids",
        "none_mask",
        (NO_MASK, "if attention_mask is None:\n            attention_mask = (input_ids != 0).long()"),
    ),
    _classifier(
        "none_hides_all",
        "none_hides_all",
        "none_mask",
        (NO_MASK, "if attention_mask is None:\n            attention_mask = torch.zeros_like(input_ids)"),
    ),
    # TransformerEncoderClassifier: positions --------------------------------------------------------------------------
    _classifier("no_positions", "no_positions", "order", (EMBEDDED, "x = self.embedding(input_ids)")),
    _classifier(
        "positions_along_the_batch",
        "positions_along_the_batch",
        "order padding",
        (EMBEDDED, "x = self.positions(self.embedding(input_ids).transpose(0, 1)).transpose(0, 1)"),
    ),
    # TransformerEncoderClassifier: pooling ----------------------------------------------------------------------------
    _classifier("first_vector", "first_vector_only", "pooling", (POOLED, "pooled = x[:, 0]")),
    _classifier("last_vector", "last_vector_only", "pooling padding", (POOLED, "pooled = x[:, -1]")),
    _classifier(
        "largest_values",
        "largest_values",
        "pooling",
        (POOLED, "pooled = x.masked_fill((attention_mask == 0).unsqueeze(-1), -1e9).amax(dim=1)"),
    ),
    _classifier(
        "last_token",
        "last_vector_only",
        "pooling",
        (POOLED, "pooled = x[torch.arange(len(x)), attention_mask.long().sum(dim=1) - 1]"),
    ),
    _classifier(
        "shares_by_a_softmax",
        "weighted_by_a_softmax",
        "pooling",
        (
            POOLED,
            "shares = x.sum(dim=-1).masked_fill(attention_mask == 0, -1e9).softmax(dim=-1)\n"
            "        pooled = (shares.unsqueeze(-1) * x).sum(dim=1)",
        ),
    ),
    _classifier("largest_values_with_padding", "largest_values", "pooling padding", (POOLED, "pooled = x.amax(dim=1)")),
    _classifier(
        "sum_of_vectors",
        "sum_of_vectors",
        "pooling",
        (POOLED, "pooled = (x * attention_mask.unsqueeze(-1)).sum(dim=1)"),
    ),
    _classifier(
        "mean_over_the_sentences",
        "pooled_over_the_batch",
        "output padding pooling",
        (POOLED, "pooled = x.mean(dim=0)"),
    ),
    _classifier(
        "root_of_the_number",
        "sum_of_vectors",
        "pooling",
        (POOLED, "pooled = masked_mean(x, attention_mask) * (attention_mask != 0).sum(1, keepdim=True).sqrt()"),
    ),
    # TransformerEncoderClassifier: output -----------------------------------------------------------------------------
    _classifier(
        "softmax_at_the_end", "shares_for_logits", "output", (LOGITS, "logits = self.head(pooled).softmax(-1)")
    ),
    _classifier(
        "log_softmax_at_the_end", "logs_of_shares", "output", (LOGITS, "logits = self.head(pooled).log_softmax(-1)")
    ),
    _classifier("sigmoid_at_the_end", "shares_for_logits", "output", (LOGITS, "logits = self.head(pooled).sigmoid()")),
    _classifier("tanh_at_the_end", "bounded_logits", "output", (LOGITS, "logits = torch.tanh(self.head(pooled))")),
    _classifier(
        "two_classes_written_down", "classes_written_down", "output", (HEAD, "self.head = nn.Linear(d_model, 2)")
    ),
    _classifier("batch_axis_lost", "batch_axis_lost", "output", (LOGITS, "logits = self.head(pooled).squeeze()")),
    _classifier(
        "length_written_down",
        "length_written_down",
        "output",
        (POSITIONS, "self.positions = PositionalEncoding(d_model, dropout, 256)"),
    ),
    _classifier(
        "logits_in_float64", "wider_than_the_weights", "output", (LOGITS, "logits = self.head(pooled).double()")
    ),
    # TransformerEncoderClassifier: layers -----------------------------------------------------------------------------
    _classifier(
        "one_layer_many_times",
        "one_layer_many_times",
        "layers",
        (STACK, "nn.ModuleList([TransformerEncoderLayer(d_model, num_heads, d_ff, dropout)] * num_layers)"),
    ),
    _classifier(
        "number_of_layers_written_down",
        "number_of_layers_written_down",
        "layers",
        (
            STACK,
            "nn.ModuleList([TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(2)])",
        ),
    ),
    _classifier("only_the_first_layer", "only_one_layer_used", "layers", (EACH, "for layer in self.layers[:1]:")),
    _classifier(
        "each_layer_from_the_start",
        "only_one_layer_used",
        "layers",
        (EMBEDDED, "start = self.positions(self.embedding(input_ids))"),
        (LAYER, "x = layer(start, attention_mask)"),
    ),
    _classifier(
        "a_plain_list",
        "a_plain_list",
        "layers training",
        (STACK, "[TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)]"),
    ),
    _classifier(
        "one_layer_too_few",
        "one_layer_too_few",
        "layers",
        (
            STACK,
            "nn.ModuleList(\n            [TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) "
            "for _ in range(1, num_layers)]\n        )",
        ),
    ),
    _classifier(
        "one_layer_too_many",
        "one_layer_too_many",
        "layers",
        (STACK, STACK.replace("range(num_layers)", "range(num_layers + 1)")),
    ),
    _classifier("one_head", "heads_written_down", "layers", (STACK, STACK.replace("num_heads", "1"))),
    _classifier(
        "two_heads_where_they_fit",
        "heads_written_down",
        "layers",
        (STACK, STACK.replace("num_heads", "1 if d_model % 2 else 2")),
    ),
    _classifier(
        "width_and_heads_written_down",
        "width_written_down",
        "layers",
        (EMBEDDING, "d_model, num_heads = 128, 4\n        " + EMBEDDING),
    ),
    _classifier(
        "vocabulary_written_down",
        "vocabulary_written_down",
        "layers",
        (EMBEDDING, "self.embedding = nn.Embedding(30522, d_model)"),
    ),
    _classifier(
        "inner_width_written_down",
        "inner_width_written_down",
        "layers",
        (
            STACK,
            "nn.ModuleList(\n            [TransformerEncoderLayer(d_model, num_heads, d_model, dropout) "
            "for _ in range(num_layers)]\n        )",
        ),
    ),
    _classifier(
        "layers_without_attention",
        "layers_without_attention",
        "layers",
        (
            STACK,
            "nn.ModuleList(\n            [nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model)) "
            "for _ in range(num_layers)]\n        )",
        ),
        (LAYER, "x = x + layer(x)"),
    ),
    # TransformerEncoderClassifier: training ---------------------------------------------------------------------------
    _classifier(
        "rate_not_handed_on",
        "rate_not_handed_on",
        "training",
        (POSITIONS, "self.positions = PositionalEncoding(d_model, max_len=max_len)"),
    ),
    _classifier(
        "no_dropout_at_all",
        "no_dropout_at_all",
        "training",
        (POSITIONS, "self.positions = PositionalEncoding(d_model, 0.0, max_len)"),
        (STACK, STACK.replace("dropout)", "0.0)")),
    ),
    _classifier(
        "dropout_in_eval_mode",
        "dropout_always_on",
        "training",
        (HEAD, "self.rate, self.head = dropout, nn.Linear(d_model, num_classes)"),
        (LOGITS, "logits = self.head(nn.functional.dropout(pooled, self.rate))"),
    ),
    _classifier(
        "dropout_in_eval_mode_at_a_rate_of_its_own",
        "dropout_always_on",
        "training",
        (LOGITS, "logits = self.head(nn.functional.dropout(pooled, 0.1))"),
    ),
    _classifier(
        "embedding_detached",
        "classifier_gradient_cut",
        "training",
        (EMBEDDED, "x = self.positions(self.embedding(input_ids).detach())"),
    ),
    _classifier(
        "pooled_detached",
        "classifier_gradient_cut",
        "training",
        (LOGITS, "logits = self.head(pooled.detach())"),
    ),
    _classifier(
        "head_in_a_list",
        "weights_out_of_sight",
        "training",
        (HEAD, "self.heads = [nn.Linear(d_model, num_classes)]"),
        (LOGITS, "logits = self.heads[0](pooled)"),
    ),
    _classifier(
        "head_as_a_plain_tensor",
        "weights_out_of_sight",
        "training",
        (HEAD, "self.weight = torch.randn(d_model, num_classes)"),
        (LOGITS, "logits = pooled @ self.weight"),
    ),
    _classifier(
        "embedding_in_a_dict",
        "weights_out_of_sight",
        "training",
        (EMBEDDING, 'self.parts = {"embedding": nn.Embedding(vocab_size, d_model)}'),
        (EMBEDDED, 'x = self.positions(self.parts["embedding"](input_ids))'),
    ),
    _classifier(
        "embedding_closed_to_gradients",
        "weights_frozen",
        "training",
        (EMBEDDING, EMBEDDING + "\n        self.embedding.weight.requires_grad = False"),
    ),
    _classifier(
        "embedding_frozen_at_random",
        "weights_frozen",
        "training",
        (EMBEDDING, "self.embedding = nn.Embedding.from_pretrained(torch.randn(vocab_size, d_model))"),
    ),
    _classifier(
        "layers_in_eval_mode_for_good",
        "mode_changed_for_good",
        "training",
        (EACH, "self.layers.eval()\n        for layer in self.layers:"),
    ),
    _classifier(
        "noise_for_dropout",
        "noise_for_dropout",
        "training",
        (POSITIONS, "self.rate = dropout\n        self.positions = PositionalEncoding(d_model, 0.0, max_len)"),
        (STACK, STACK.replace("dropout)", "0.0)")),
        (LOGITS, "pooled = pooled + self.training * self.rate * torch.randn_like(pooled)\n        " + LOGITS),
    ),
    # train_epoch: loss ------------------------------------------------------------------------------------------------
    _epoch(
        "mean_of_batch_means", "mean_of_batch_means", "loss", (ADD, "total += loss.item()"), (ADD_COUNT, "count += 1")
    ),
    _epoch(
        "sum_of_batch_means", "loss_not_divided", "loss", (ADD, "total += loss.item()"), (MEAN_LOSS, "return total")
    ),
    _epoch("sum_of_all_losses", "loss_not_divided", "loss", (MEAN_LOSS, "return total")),
    _epoch("batch_means_over_examples", "batch_size_forgotten", "loss", (ADD, "total += loss.item()")),
    _epoch("loss_of_the_last_batch", "loss_of_the_last_batch", "loss", (MEAN_LOSS, "return loss.item()")),
    _epoch(
        "a_tensor_for_a_number", "tensor_for_a_number", "loss", (ADD, 'total = total + loss * len(batch["labels"])')
    ),
    _epoch(
        "another_loss",
        "another_loss",
        "loss",
        (LOSS, 'loss = nn.functional.cross_entropy(logits, batch["labels"])'),
    ),
    _epoch(
        "assigned_for_added",
        "last_batch_alone_in_the_sum",
        "loss",
        (ADD, 'total = loss.item() * len(batch["labels"])'),
    ),
    _epoch(
        "size_of_the_first_batch_for_all",
        "one_batch_size_for_all",
        "loss",
        (TRAIN, "model.train()\n    size = None\n"),
        (ADD, 'size = size or len(batch["labels"])\n        total += loss.item() * size'),
    ),
    _epoch(
        "as_many_examples_as_full_batches_hold",
        "one_batch_size_for_all",
        "loss",
        (TRAIN, "model.train()\n    size = None\n"),
        (ADD, 'size = size or len(batch["labels"])\n        ' + ADD),
        (ADD_COUNT, "count += size"),
    ),
    _epoch(
        "length_of_the_data_set",
        "asks_for_a_data_set",
        "loss",
        (MEAN_LOSS, "return total / len(batches.dataset)"),
    ),
    _epoch(
        "loss_after_the_step",
        "loss_after_the_step",
        "loss",
        (
            ADD,
            'loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])\n'
            '        total += loss.item() * len(batch["labels"])',
        ),
    ),
    _epoch(
        "counted_before",
        "gone_through_twice",
        "loss",
        (TRAIN, 'model.train()\n    count = sum(len(batch["labels"]) for batch in batches)\n'),
        (ADD_COUNT, "pass"),
    ),
    _epoch(
        "counted_afterwards",
        "gone_through_twice",
        "loss",
        (MEAN_LOSS, 'return total / sum(len(batch["labels"]) for batch in batches)'),
    ),
    _epoch(
        "first_batch_looked_at_before",
        "gone_through_twice",
        "loss",
        (TRAIN, "model.train()\n    next(iter(batches))\n"),
    ),
    # train_epoch: updates ---------------------------------------------------------------------------------------------
    _epoch("no_step", "no_step", "updates", (STEP, "pass\n")),
    _epoch("two_steps_a_batch", "two_steps_a_batch", "updates", (STEP, "optimizer.step()\n        optimizer.step()\n")),
    _epoch("no_backward", "step_without_gradient", "updates", (BACKWARD, "pass")),
    _epoch(
        "cleared_before_the_step",
        "step_without_gradient",
        "updates",
        (ZERO, ""),
        (STEP, "optimizer.zero_grad()\n        optimizer.step()\n"),
    ),
    _epoch(
        "one_step_an_epoch",
        "one_step_an_epoch",
        "updates",
        (STEP, "pass\n"),
        (MEAN_LOSS, "optimizer.step()\n    " + MEAN_LOSS),
    ),
    _epoch(
        "gradient_of_the_sum", "gradient_of_the_sum", "updates", (BACKWARD, '(loss * len(batch["labels"])).backward()')
    ),
    _epoch(
        "stops_after_one_batch",
        "stops_after_one_batch",
        "loss updates",
        (ADD_COUNT, 'count += len(batch["labels"])\n        break'),
    ),
    _epoch(
        "labels_taken_out_of_the_batches",
        "batches_spoiled",
        "updates",
        (CALL, 'labels = batch.pop("labels")\n        logits = model(**batch)'),
        (LOSS, "loss = loss_fn(logits, labels)"),
        (ADD, "total += loss.item() * len(labels)"),
        (ADD_COUNT, "count += len(labels)"),
    ),
    # train_epoch: gradients, mode, mask -------------------------------------------------------------------------------
    _epoch("gradients_pile_up", "gradients_pile_up", "gradients", (ZERO, "")),
    _epoch(
        "cleared_once",
        "cleared_once",
        "gradients",
        (ZERO, ""),
        (TRAIN, "model.train()\n    optimizer.zero_grad()\n"),
    ),
    _epoch(
        "cleared_after_the_step_only",
        "cleared_after_the_step_only",
        "gradients",
        (ZERO, ""),
        (STEP, "optimizer.step()\n        optimizer.zero_grad()\n"),
    ),
    _epoch("mode_as_it_came", "train_mode_forgotten", "mode", (TRAIN, "pass\n")),
    _epoch("trained_in_eval_mode", "train_mode_forgotten", "mode", (TRAIN, "model.eval()\n")),
    _epoch("mask_kept_back", "mask_not_given", "mask", (CALL, 'logits = model(batch["input_ids"])')),
    _epoch(
        "full_mask_given",
        "mask_not_given",
        "mask",
        (CALL, 'logits = model(batch["input_ids"], torch.ones_like(batch["attention_mask"]))'),
    ),
    _epoch(
        "mask_guessed_from_the_ids",
        "mask_guessed_from_the_ids",
        "mask",
        (CALL, 'logits = model(batch["input_ids"], (batch["input_ids"] != 0).long())'),
    ),
    _epoch(
        "mask_turned_round",
        "given_mask_turned_round",
        "mask",
        (CALL, 'logits = model(batch["input_ids"], 1 - batch["attention_mask"])'),
    ),
    _epoch(
        "cut_to_the_first_sentence",
        "cut_to_the_first_sentence",
        "mask",
        (
            CALL,
            'seq = int(batch["attention_mask"][0].sum())\n        '
            'logits = model(batch["input_ids"][:, :seq], batch["attention_mask"][:, :seq])',
        ),
    ),
    # evaluate ---------------------------------------------------------------------------------------------------------
    _evaluate(
        "mean_of_batch_accuracies",
        "mean_of_batch_accuracies",
        "accuracy",
        (RIGHT, 'right += (predicted == batch["labels"]).float().mean().item()'),
        ('count += len(batch["labels"])', "count += 1"),
    ),
    _evaluate("per_cent", "per_cent", "accuracy", (SHARE, "return 100 * right / max(count, 1)")),
    _evaluate("number_of_right_ones", "number_of_right_ones", "accuracy", (SHARE, "return right")),
    _evaluate("share_of_wrong_ones", "share_of_wrong_ones", "accuracy", (SHARE, "return 1 - right / max(count, 1)")),
    _evaluate(
        "largest_over_the_batch", "largest_over_the_batch", "accuracy", (PREDICTED, "predicted = logits.argmax(dim=0)")
    ),
    _evaluate(
        "only_the_last_batch",
        "only_the_last_batch",
        "accuracy",
        (RIGHT, 'right = (predicted == batch["labels"]).sum().item()'),
        ('count += len(batch["labels"])', 'count = len(batch["labels"])'),
    ),
    _evaluate(
        "a_tensor_for_the_share",
        "tensor_for_a_number",
        "accuracy",
        (RIGHT, 'right += (predicted == batch["labels"]).sum()'),
    ),
    _evaluate("eval_mode_forgotten", "eval_mode_forgotten", "mode", (EVAL, "pass\n")),
    _evaluate("train_mode_set", "eval_mode_forgotten", "mode", (EVAL, "model.train()\n")),
    _evaluate("gradients_recorded", "gradients_recorded", "no_grad", (NO_GRAD, "if True:")),
    _evaluate("mask_kept_back_too", "mask_not_given", "mask", (CALL, 'logits = model(batch["input_ids"])')),
    _evaluate(
        "gradients_off_for_good",
        "gradients_off_for_good",
        "leaves",
        (NO_GRAD, "torch.set_grad_enabled(False)\n    if True:"),
    ),
    _evaluate(
        "model_frozen",
        "model_frozen",
        "leaves",
        (NO_GRAD, "model.requires_grad_(False)\n    if True:"),
    ),
    _evaluate(
        "weights_rounded",
        "weights_changed",
        "leaves",
        (EVAL, "model.eval()\n    model.half().float()\n"),
    ),
    _evaluate(
        "mask_guessed_from_the_ids_too",
        "mask_guessed_from_the_ids",
        "mask",
        (CALL, 'logits = model(batch["input_ids"], (batch["input_ids"] != 0).long())'),
    ),
    _evaluate(
        "gradients_on_at_the_end",
        "gradients_on_for_good",
        "leaves",
        (NO_GRAD, "torch.set_grad_enabled(False)\n    if True:"),
        (SHARE, "torch.set_grad_enabled(True)\n    " + SHARE),
    ),
    _evaluate(
        "labels_taken_out_of_the_batches_too",
        "batches_spoiled",
        "leaves",
        (CALL, 'labels = batch.pop("labels")\n            logits = model(**batch)'),
        (RIGHT, "right += (predicted == labels).sum().item()"),
        (ADD_COUNT, "count += len(labels)"),
    ),
    _evaluate(
        "as_many_as_full_batches_hold",
        "full_batches_assumed",
        "accuracy",
        (EVAL, "model.eval()\n    size = None\n"),
        (ADD_COUNT, 'size = size or len(batch["labels"])\n            count += size'),
    ),
    _evaluate(
        "assigned_for_added_up",
        "last_batch_alone_in_the_count",
        "accuracy",
        (RIGHT, 'right = (predicted == batch["labels"]).sum().item()'),
    ),
    _evaluate(
        "length_of_the_data_set_here",
        "asks_for_a_data_set",
        "accuracy",
        (SHARE, "return right / len(batches.dataset)"),
    ),
    _evaluate(
        "counted_before_the_loop",
        "gone_through_twice",
        "accuracy",
        (EVAL, 'model.eval()\n    count = sum(len(batch["labels"]) for batch in batches)\n'),
        (ADD_COUNT, "pass"),
    ),
    _evaluate(
        "counted_behind_the_loop",
        "gone_through_twice",
        "accuracy",
        (SHARE, 'return right / sum(len(batch["labels"]) for batch in batches)'),
    ),
    _evaluate(
        "mask_turned_round_here",
        "given_mask_turned_round",
        "mask",
        (CALL, 'logits = model(batch["input_ids"], 1 - batch["attention_mask"])'),
    ),
    _evaluate(
        "cut_to_the_first_sentence_here",
        "cut_to_the_first_sentence",
        "mask",
        (
            CALL,
            'seq = int(batch["attention_mask"][0].sum())\n            '
            'logits = model(batch["input_ids"][:, :seq], batch["attention_mask"][:, :seq])',
        ),
    ),
    # as people write them too -----------------------------------------------------------------------------------------
    *(
        _mean(
            name,
            "sentences_sorted",
            loses,
            (MEAN, f"mean = (total / count)[mask.sum(dim=1).argsort({how})]"),
        )
        for name, loses, how in (
            ("sentences_sorted", "padding", "descending=True, stable=True"),
            ("sentences_sorted_from_the_shortest", "padding empty", "stable=True"),
        )
    ),
    _epoch("examples_over_batches", "divided_by_batches", "loss", (ADD_COUNT, "count += 1")),
    _epoch(
        "weighted_by_tokens",
        "tokens_for_examples",
        "loss",
        (ADD, 'total += loss.item() * batch["input_ids"].numel()'),
        (ADD_COUNT, 'count += batch["input_ids"].numel()'),
    ),
    _evaluate("tokens_counted", "tokens_for_examples", "accuracy", (ADD_COUNT, 'count += batch["input_ids"].numel()')),
    _evaluate(
        "largest_share_for_the_class",
        "shares_for_classes",
        "accuracy mode no_grad mask leaves",
        (PREDICTED, "predicted = logits.softmax(dim=-1).max(dim=-1).values"),
    ),
    _evaluate("share_rounded", "share_rounded", "accuracy", (SHARE, "return round(right / max(count, 1), 2)")),
]
