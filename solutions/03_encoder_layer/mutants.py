"""Known wrong answers of unit 03: each draws its hint and loses exactly the checks that it names."""

from course_utils.engine.making.units import Mutant

RELU = "hidden = F.relu(self.linear1(x))"
BLOCK = "output = self.linear2(self.dropout(hidden))"
RATE = "self.dropout = nn.Dropout(dropout)"
ATTENTION = "attended = self.self_attn(x, mask)"
SUM1 = "state = self.norm1(x + attended)"
FORWARD = "forwarded = self.ff(state)"
SUM2 = "output = self.norm2(state + forwarded)"
LAST = "return self.norm2(state + forwarded)"
HEADS = "MultiHeadSelfAttention(d_model, num_heads)"
EPS = ("1e-6", "1e-12", "1e-3")  # BERT's is 1e-12; smaller ones give the same as that
WIDTH = "FeedForward(d_model, d_ff, dropout)"
NORM1 = "self.norm1 = nn.LayerNorm(d_model)"
NORM2 = "self.norm2 = nn.LayerNorm(d_model)"


def _block(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"FeedForward-{check}" for check in loses.split())
    return Mutant(name=name, exercise="FeedForward", change=change, hint=hint, loses=checks)


def _layer(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"TransformerEncoderLayer-{check}" for check in loses.split())
    return Mutant(name=name, exercise="TransformerEncoderLayer", change=change, hint=hint, loses=checks)


def _repaired(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"RepairedEncoderLayer-{check}" for check in loses.split())
    return Mutant(name=name, exercise="RepairedEncoderLayer", change=change, hint=hint, loses=checks)


MUTANTS = [
    # FeedForward ------------------------------------------------------------------------------------------------------
    _block("no_relu", "relu_forgotten", "values", (RELU, "hidden = self.linear1(x)")),
    _block("gelu", "another_activation", "values", (RELU, "hidden = F.gelu(self.linear1(x))")),
    _block("relu6", "activation_with_a_ceiling", "values", (RELU, "hidden = F.relu6(self.linear1(x))")),
    _block("leaky_relu", "negative_values_leak", "values", (RELU, "hidden = F.leaky_relu(self.linear1(x))")),
    _block(
        "relu_at_the_end",
        "relu_at_the_end",
        "values",
        (RELU, "hidden = self.linear1(x)"),
        (BLOCK, "output = F.relu(self.linear2(self.dropout(hidden)))"),
    ),
    _block("relu_twice", "relu_twice", "values", (BLOCK, "output = F.relu(self.linear2(self.dropout(hidden)))")),
    _block("residual_inside", "residual_inside", "values", (BLOCK, "output = x + self.linear2(self.dropout(hidden))")),
    _block("input_changed", "input_changed", "values", (RELU, "hidden = F.relu(self.linear1(x)); x.mul_(0.5)")),
    _block(
        "no_bias",
        "bias_forgotten",
        "values",
        ("self.linear1 = nn.Linear(d_model, d_ff)", "self.linear1 = nn.Linear(d_model, d_ff, bias=False)"),
    ),
    _block("squeezed", "axis_squeezed_away", "values", (BLOCK, f"{BLOCK}.squeeze()")),
    _block("detached", "gradient_cut", "gradient", (BLOCK, "output = self.linear2(self.dropout(hidden.detach()))")),
    _block("no_dropout", "dropout_forgotten", "dropout", (BLOCK, "output = self.linear2(hidden)")),
    _block(
        "dropout_in_eval_mode",
        "dropout_in_eval_mode",
        "dropout",
        (RATE, "self.rate = dropout"),
        (BLOCK, "output = self.linear2(F.dropout(hidden, self.rate))"),
    ),
    _block("rate_halved", "rate_changed", "dropout", (RATE, "self.dropout = nn.Dropout(dropout / 2)")),
    _block("rate_capped", "rate_changed", "dropout", (RATE, "self.dropout = nn.Dropout(min(dropout, 0.1))")),
    _block(
        "dropout_without_growth",
        "dropout_without_growth",
        "dropout",
        (RATE, "self.rate = dropout"),
        (
            BLOCK,
            "kept = torch.rand_like(hidden) >= self.rate if self.training else torch.ones_like(hidden)\n"
            "        output = self.linear2(hidden * kept)",
        ),
    ),
    _block("rate_written_down", "rate_written_down", "dropout", (RATE, "self.dropout = nn.Dropout(0.1)")),
    # TODO 1 -----------------------------------------------------------------------------------------------------------
    _layer("mask_forgotten", "mask_forgotten", "attention", (ATTENTION, "attended = self.self_attn(x)")),
    _layer(
        "mask_inverted",
        "mask_inverted",
        "attention",
        (ATTENTION, "attended = self.self_attn(x, None if mask is None else mask == 0)"),
    ),
    _layer(
        "padding_zeroed_instead",
        "mask_on_the_values",
        "attention",
        (ATTENTION, "attended = self.self_attn(x if mask is None else x * mask.unsqueeze(-1))"),
    ),
    _layer(
        "attention_asked_twice",
        "attention_asked_twice",
        "attention",
        (ATTENTION, "attended = self.self_attn(self.self_attn(x, mask), mask)"),
    ),
    _layer("attention_not_asked", "attention_not_asked", "attention", (ATTENTION, "attended = torch.zeros_like(x)")),
    _layer(
        "attention_detached", "gradient_cut", "attention", (ATTENTION, "attended = self.self_attn(x, mask).detach()")
    ),
    _layer(
        "attention_after_norm1",
        "attention_of_the_normed",
        "attention",
        (ATTENTION, "attended = self.self_attn(self.norm1(x), mask)"),
    ),
    _layer(
        "query_key_and_value_given",
        "attention_called_otherwise",
        "attention",
        (ATTENTION, "attended = self.self_attn(x, x, x, mask)"),
    ),
    _layer(
        "mask_with_more_axes",
        "mask_with_more_axes",
        "attention",
        (ATTENTION, "attended = self.self_attn(x, None if mask is None else mask[:, None, None, :])"),
    ),
    _layer("attention_without_heads", "heads_written_down", "attention", (HEADS, "MultiHeadSelfAttention(d_model, 1)")),
    _layer(
        "attention_over_the_batch",
        "attention_over_the_batch",
        "attention",
        (
            ATTENTION,
            "turned = None if mask is None else mask.transpose(0, 1)\n"
            "        attended = self.self_attn(x.transpose(0, 1), turned).transpose(0, 1)",
        ),
    ),
    # TODO 2 -----------------------------------------------------------------------------------------------------------
    _layer("no_first_residual", "first_residual_forgotten", "norm1", (SUM1, "state = self.norm1(attended)")),
    _layer("norm1_before_the_sum", "norm_before_the_sum", "norm1", (SUM1, "state = x + self.norm1(attended)")),
    _layer("norm1_of_x_plus_attended", "norm_of_the_input", "norm1", (SUM1, "state = self.norm1(x) + attended")),
    _layer("no_norm1", "norm1_forgotten", "norm1", (SUM1, "state = x + attended")),
    _layer("first_residual_twice", "first_residual_twice", "norm1", (SUM1, "state = x + self.norm1(x + attended)")),
    _layer("norm1_not_kept", "norm1_not_kept", "norm1", (SUM1, "self.norm1(x + attended)")),
    _layer("state_detached", "gradient_cut", "norm1", (SUM1, "state = self.norm1(x + attended).detach()")),
    _layer("first_residual_detached", "gradient_cut", "norm1", (SUM1, "state = self.norm1(x.detach() + attended)")),
    _layer("difference_for_sum", "difference_for_sum", "norm1", (SUM1, "state = self.norm1(x - attended)")),
    _layer("norm1_twice", "norm1_twice", "norm1", (SUM1, "state = self.norm1(self.norm1(x + attended))")),
    _layer("input_changed_in_place", "input_changed", "norm1", (SUM1, "x += attended; state = self.norm1(x)")),
    _layer(
        "first_dropout_in_eval_mode",
        "dropout_in_eval_mode",
        "norm1",
        (SUM1, "state = self.norm1(x + F.dropout(attended, 0.1))"),
    ),
    _layer("attention_added_to_itself", "x_overwritten", "norm1", (SUM1, "state = self.norm1(attended + attended)")),
    _layer(
        "first_residual_dropped",
        "dropout_on_the_residual",
        "norm1",
        (SUM1, "state = self.norm1(F.dropout(x + attended, 0.3, self.training))"),
    ),
    *(
        _layer(f"eps_of_norm1_{eps}", "eps_changed", "norm1", (NORM1, f"self.norm1 = nn.LayerNorm(d_model, eps={eps})"))
        for eps in EPS
    ),
    _layer(
        "norm1_over_the_sequence",
        "norm_over_another_axis",
        "norm1",
        (
            SUM1,
            "s = x + attended\n        state = (s - s.mean(1, keepdim=True)) / (s.var(1, keepdim=True, "
            "unbiased=False) + 1e-5).sqrt() * self.norm1.weight + self.norm1.bias",
        ),
    ),
    # TODO 3 -----------------------------------------------------------------------------------------------------------
    _layer(
        "feed_forward_of_the_input", "feed_forward_of_the_input", "feed_forward", (FORWARD, "forwarded = self.ff(x)")
    ),
    _layer(
        "feed_forward_of_attended",
        "feed_forward_of_attended",
        "feed_forward",
        (FORWARD, "forwarded = self.ff(attended)"),
    ),
    _layer(
        "feed_forward_forgotten", "feed_forward_forgotten", "feed_forward", (FORWARD, "forwarded = torch.zeros_like(x)")
    ),
    _layer(
        "feed_forward_twice", "feed_forward_twice", "feed_forward", (FORWARD, "forwarded = self.ff(self.ff(state))")
    ),
    _layer(
        "another_block_without_relu",
        "block_is_another_one",
        "feed_forward",
        (WIDTH, "nn.Sequential(nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model))"),
    ),
    _layer(
        "another_block_with_gelu",
        "block_is_another_one",
        "feed_forward",
        (WIDTH, "nn.Sequential(nn.Linear(d_model, d_ff), nn.GELU(), nn.Linear(d_ff, d_model))"),
    ),
    _layer("feed_forward_detached", "gradient_cut", "feed_forward", (FORWARD, "forwarded = self.ff(state).detach()")),
    _layer("state_detached_for_it", "gradient_cut", "feed_forward", (FORWARD, "forwarded = self.ff(state.detach())")),
    _layer(
        "feed_forward_with_the_mask",
        "feed_forward_called_otherwise",
        "feed_forward",
        (FORWARD, "forwarded = self.ff(state, mask)"),
    ),
    _layer(
        "inner_width_written_down",
        "inner_width_written_down",
        "feed_forward",
        (WIDTH, "FeedForward(d_model, 4 * d_model, dropout)"),
    ),
    # TODO 4 -----------------------------------------------------------------------------------------------------------
    _layer("no_second_residual", "second_residual_forgotten", "norm2", (SUM2, "output = self.norm2(forwarded)")),
    _layer(
        "second_residual_from_the_input",
        "residual_from_the_input",
        "norm2",
        (SUM2, "output = self.norm2(x + forwarded)"),
    ),
    _layer("norm1_used_again", "norm1_used_again", "norm2", (SUM2, "output = self.norm1(state + forwarded)")),
    _layer("no_norm2", "norm2_forgotten", "norm2", (SUM2, "output = state + forwarded")),
    _layer("norm2_before_the_sum", "norm_before_the_sum", "norm2", (SUM2, "output = state + self.norm2(forwarded)")),
    _layer("residual_after_norm2", "residual_twice", "norm2", (SUM2, "output = state + self.norm2(state + forwarded)")),
    _layer(
        "second_dropout_in_eval_mode",
        "dropout_in_eval_mode",
        "norm2",
        (SUM2, "output = self.norm2(state + F.dropout(forwarded, 0.1))"),
    ),
    _layer(
        "second_residual_detached", "gradient_cut", "norm2", (SUM2, "output = self.norm2(state.detach() + forwarded)")
    ),
    _layer("output_detached", "gradient_cut", "norm2", (SUM2, "output = self.norm2(state + forwarded).detach()")),
    *(
        _layer(f"eps_of_norm2_{eps}", "eps_changed", "norm2", (NORM2, f"self.norm2 = nn.LayerNorm(d_model, eps={eps})"))
        for eps in ("1e-2",)
    ),
    _layer(
        "second_residual_dropped",
        "dropout_on_the_residual",
        "norm2",
        (SUM2, "output = self.norm2(F.dropout(state + forwarded, 0.3, self.training))"),
    ),
    _layer(
        "output_dropped",
        "dropout_on_the_residual",
        "norm2",
        (SUM2, "output = F.dropout(self.norm2(state + forwarded), 0.3, self.training)"),
    ),
    _layer("nothing_returned", "nothing_returned", "norm2", ("return output", "output")),
    # several TODOs at once --------------------------------------------------------------------------------------------
    _layer(
        "pre_ln",
        "pre_ln",
        "norm1 norm2",
        (ATTENTION, "attended = self.self_attn(self.norm1(x), mask)"),
        (SUM1, "state = x + attended"),
        (FORWARD, "forwarded = self.ff(self.norm2(state))"),
        (SUM2, "output = state + forwarded"),
    ),
    _layer(
        "no_residual_at_all",
        "no_residual_at_all",
        "norm1 norm2",
        (SUM1, "state = self.norm1(attended)"),
        (SUM2, "output = self.norm2(forwarded)"),
    ),
    _layer(
        "no_norm_at_all",
        "no_norm_at_all",
        "norm1 norm2",
        (SUM1, "state = x + attended"),
        (SUM2, "output = state + forwarded"),
    ),
    *(
        _layer(
            f"eps_of_both_{eps}",
            "eps_changed",
            "norm1 norm2",
            (NORM1, f"self.norm1 = nn.LayerNorm(d_model, eps={eps})"),
            (NORM2, f"self.norm2 = nn.LayerNorm(d_model, eps={eps})"),
        )
        for eps in EPS
    ),
    _layer(
        "both_norms_before_the_sums",
        "norm_before_the_sum",
        "norm1 norm2",
        (SUM1, "state = x + self.norm1(attended)"),
        (SUM2, "output = state + self.norm2(forwarded)"),
    ),
    _layer(
        "norms_of_cct",
        "norms_misplaced",
        "norm1 norm2",
        (ATTENTION, "attended = self.self_attn(self.norm1(x), mask)"),
        (SUM1, "state = self.norm2(x + attended)"),
        (SUM2, "output = state + forwarded"),
    ),
    _layer(
        "batch_norm",
        "batch_norm",
        "norm1 norm2",
        (NORM1, "self.norm1 = nn.BatchNorm1d(d_model)"),
        (NORM2, "self.norm2 = nn.BatchNorm1d(d_model)"),
        (SUM1, "state = self.norm1((x + attended).transpose(1, 2)).transpose(1, 2)"),
        (SUM2, "output = self.norm2((state + forwarded).transpose(1, 2)).transpose(1, 2)"),
    ),
    _layer("one_norm_for_both", "norm2_in_both_places", "norm1", (SUM1, "state = self.norm2(x + attended)")),
    # RepairedEncoderLayer: one bug left in ----------------------------------------------------------------------------
    _repaired("mask_still_dropped", "bug_at_the_mask", "attention", (ATTENTION, "attended = self.self_attn(x)")),
    _repaired(
        "residual_still_wrong", "bug_at_the_residual", "norm1", (SUM1, "state = self.norm1(attended + attended)")
    ),
    _repaired("residual_lost", "bug_at_the_residual", "norm1", (SUM1, "state = self.norm1(attended)")),
    _repaired("still_the_layer_input", "bug_at_the_feed_forward", "feed_forward", (FORWARD, "forwarded = self.ff(x)")),
    _repaired(
        "repaired_with_a_block_without_relu",
        "block_is_another_one",
        "feed_forward",
        (WIDTH, "nn.Sequential(nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model))"),
    ),
    _repaired(
        "repaired_with_a_block_with_gelu",
        "block_is_another_one",
        "feed_forward",
        (WIDTH, "nn.Sequential(nn.Linear(d_model, d_ff), nn.GELU(), nn.Linear(d_ff, d_model))"),
    ),
    _repaired("norm1_still_used_again", "bug_at_the_norm", "norm2", (LAST, "return self.norm1(state + forwarded)")),
    _repaired(
        "residual_from_the_input", "residual_from_the_input", "norm2", (LAST, "return self.norm2(x + forwarded)")
    ),
    _repaired(
        "mended_to_pre_ln",
        "pre_ln",
        "norm1 norm2",
        (ATTENTION, "attended = self.self_attn(self.norm1(x), mask)"),
        (SUM1, "state = x + attended"),
        (FORWARD, "forwarded = self.ff(self.norm2(state))"),
        (LAST, "return state + forwarded"),
    ),
    _repaired(
        "broken_as_it_was",
        "nothing_mended",
        "attention norm1 feed_forward norm2",
        (ATTENTION, "attended = self.self_attn(x)"),
        (SUM1, "state = self.norm1(attended + attended)"),
        (FORWARD, "forwarded = self.ff(x)"),
        (LAST, "return self.norm1(state + forwarded)"),
    ),
    # as people write them too -----------------------------------------------------------------------------------------
    *(
        _block(name, "another_activation", "values", (RELU, f"hidden = {call}"))
        for name, call in (
            ("silu", "F.silu(self.linear1(x))"),
            ("tanh", "torch.tanh(self.linear1(x))"),
            ("sigmoid", "torch.sigmoid(self.linear1(x))"),
            ("elu", "F.elu(self.linear1(x))"),
            ("gelu_by_tanh", 'F.gelu(self.linear1(x), approximate="tanh")'),
        )
    ),
    _layer("state_overwritten", "state_overwritten", "norm2", (SUM2, "output = self.norm2(forwarded + forwarded)")),
    _layer(
        "second_residual_from_attention",
        "residual_from_attention",
        "norm2",
        (SUM2, "output = self.norm2(attended + forwarded)"),
    ),
    _layer(
        "norms_by_hand",
        "norm_by_hand",
        "norm1 norm2",
        (
            SUM1,
            "norm = lambda t, ln: (t - t.mean(-1, keepdim=True)) / (t.std(-1, keepdim=True) + 1e-6) * ln.weight"
            " + ln.bias\n        state = norm(x + attended, self.norm1)",
        ),
        (SUM2, "output = norm(state + forwarded, self.norm2)"),
    ),
    _layer(
        "rms_norms",
        "mean_not_taken_away",
        "norm1 norm2",
        (NORM1, "self.norm1 = nn.RMSNorm(d_model)"),
        (NORM2, "self.norm2 = nn.RMSNorm(d_model)"),
    ),
]
