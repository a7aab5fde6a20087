"""Known wrong answers of unit 02: classic mistakes with axes, scale, masks and names."""

from course_utils.engine.making.units import Mutant

ATTENTION = "scaled_dot_product_attention"
SCORES, WEIGHTS, CONTEXT = (f"{ATTENTION}-{check}" for check in ("scores", "weights", "context"))
MODULE = "MultiHeadSelfAttention"

PRODUCT = "q @ k.transpose(-2, -1) / math.sqrt(d_k)"
HIDING = "scores = scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)"
SOFTMAX = "attn = torch.softmax(scores, dim=-1)"
SUM = "context = attn @ v"
REFUSAL = """if d_model % num_heads:
            raise ValueError(f"num_heads must divide d_model = {d_model}, got {num_heads}. All heads are equally wide.")
"""


def _scores(name: str, hint: str, new: str) -> Mutant:
    return Mutant(name=name, exercise=ATTENTION, hint=hint, loses=(SCORES,), change=[(PRODUCT, new)])


def _weights(name: str, hint: str, *change: tuple[str, str]) -> Mutant:
    return Mutant(name=name, exercise=ATTENTION, hint=hint, loses=(WEIGHTS,), change=change)


def _context(name: str, hint: str, new: str) -> Mutant:
    return Mutant(name=name, exercise=ATTENTION, hint=hint, loses=(CONTEXT,), change=[(SUM, new)])


def _heads(exercise: str, name: str, hint: str, body: str, loses: tuple[str, ...]) -> Mutant:
    arguments = "x, num_heads" if exercise == "split_heads" else "x"
    source = f"def {exercise}({arguments}):\n{body}"
    return Mutant(name=name, exercise=exercise, hint=hint, source=source, loses=tuple(f"{exercise}-{c}" for c in loses))


def _module(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    return Mutant(name=name, exercise=MODULE, hint=hint, loses=(f"{MODULE}-{loses}",), change=change)


MUTANTS = [
    # scores
    _scores("no_scale", "missing_scale", "q @ k.transpose(-2, -1)"),
    _scores("scale_without_root", "missing_root", "q @ k.transpose(-2, -1) / d_k"),
    _scores("scale_upside_down", "scale_upside_down", "q @ k.transpose(-2, -1) * math.sqrt(d_k)"),
    _scores("scale_by_number_of_keys", "scale_by_length", "q @ k.transpose(-2, -1) / math.sqrt(k.size(-2))"),
    _scores("scale_each_vector", "missing_root", "(q / math.sqrt(d_k)) @ (k / math.sqrt(d_k)).transpose(-2, -1)"),
    _scores("keys_not_transposed", "keys_not_transposed", "q @ k / math.sqrt(d_k)"),
    _scores("keys_transposed_at_the_front", "wrong_axes_transposed", "q @ k.transpose(1, 2) / math.sqrt(d_k)"),
    _scores("queries_and_keys_swapped", "scores_transposed", "k @ q.transpose(-2, -1) / math.sqrt(d_k)"),
    _scores("queries_meet_queries", "queries_with_queries", "q @ q.transpose(-2, -1) / math.sqrt(d_k)"),
    _scores("sizes_of_the_scores", "no_score_below_0", "(q @ k.transpose(-2, -1)).abs() / math.sqrt(d_k)"),
    _scores("scores_through_a_relu", "no_score_below_0", "torch.relu(q @ k.transpose(-2, -1)) / math.sqrt(d_k)"),
    _scores("queries_scaled_in_place", "changed_inputs", "q.div_(math.sqrt(d_k)) @ k.transpose(-2, -1)"),
    _scores("keys_of_three_axes", "keys_of_three_axes", "q @ k.permute(0, 2, 1) / math.sqrt(d_k)"),
    # the weights are uniform then, and still right for such scores
    _scores("scores_still_open", "scores_still_open", "q.new_zeros(*q.shape[:-1], k.size(-2))"),
    # weights: which axis, which function
    _weights("softmax_over_queries", "softmax_over_queries", (SOFTMAX, "attn = torch.softmax(scores, dim=-2)")),
    _weights("softmax_over_heads", "softmax_over_heads", (SOFTMAX, "attn = torch.softmax(scores, dim=1)")),
    _weights("softmax_over_batch", "softmax_over_batch", (SOFTMAX, "attn = torch.softmax(scores, dim=0)")),
    _weights("no_softmax", "no_softmax", (SOFTMAX, "attn = scores")),
    _weights(
        "softmax_twice", "softmax_twice", (SOFTMAX, "attn = torch.softmax(torch.softmax(scores, dim=-1), dim=-1)")
    ),
    _weights("log_softmax", "log_softmax", (SOFTMAX, "attn = torch.log_softmax(scores, dim=-1)")),
    _weights("scores_returned", "scores_returned", ("return context, attn", "return context, scores")),
    _weights(
        "dropout_always",
        "dropout_in_weights",
        (SOFTMAX, "attn = torch.dropout(torch.softmax(scores, dim=-1), 0.1, True)"),
    ),
    _weights(
        "future_hidden",
        "future_hidden",
        (SOFTMAX, "attn = torch.softmax(scores - 1e9 * torch.ones_like(scores).triu(1), dim=-1)"),
    ),
    _weights("sigmoid", "sigmoid", (SOFTMAX, "attn = torch.sigmoid(scores)")),
    _weights("divided_by_the_sum", "no_exponential", (SOFTMAX, "attn = scores / scores.sum(dim=-1, keepdim=True)")),
    _weights(
        "exponential_overflows",
        "exponential_overflows",
        (SOFTMAX, "attn = scores.exp() / scores.exp().sum(dim=-1, keepdim=True).clamp(min=1e-30)"),
    ),
    _weights("weights_detached", "cut_gradient", (SOFTMAX, "attn = torch.softmax(scores, dim=-1).detach()")),
    _weights("softmax_axis_d_k", "softmax_axis_is_a_size", (SOFTMAX, "attn = torch.softmax(scores, dim=d_k)")),
    # weights: the mask
    _weights("mask_by_tilde", "mask_needs_bool", (HIDING, "scores = scores.masked_fill(~mask, -1e9)")),
    _weights("mask_in_where", "mask_needs_bool", (HIDING, "scores = torch.where(mask, scores, torch.tensor(-1e9))")),
    _weights("mask_as_index", "mask_index_alone", (HIDING, "scores[mask == 0] = -1e9")),
    _weights(
        "mask_with_plus_infinity",
        "infinity_with_the_wrong_sign",
        (HIDING, "scores = scores.masked_fill(mask == 0, float('inf'))"),
    ),
    _weights("mask_ignored", "mask_ignored", (HIDING, "pass")),
    _weights("mask_always_needed", "mask_always_needed", ("if mask is not None:", "if True:")),
    _weights("mask_inverted", "mask_inverted", (HIDING, "scores = scores.masked_fill(mask == 1, -1e9)")),
    _weights("mask_with_zero", "mask_with_zero", (HIDING, "scores = scores.masked_fill(mask == 0, 0.0)")),
    _weights("mask_multiplied", "mask_with_zero", (HIDING, "scores = scores * mask")),
    _weights("mask_with_minus_10", "mask_too_weak", (HIDING, "scores = scores.masked_fill(mask == 0, -10.0)")),
    _weights("mask_adds_minus_10", "mask_too_weak", (HIDING, "scores = scores + (mask == 0) * -10.0")),
    _weights("mask_with_minus_100", "mask_too_weak", (HIDING, "scores = scores.masked_fill(mask == 0, -100.0)")),
    _weights("mask_adds_minus_100", "mask_too_weak", (HIDING, "scores = scores + (mask == 0) * -100.0")),
    _weights("mask_with_infinity", "empty_row", (HIDING, "scores = scores.masked_fill(mask == 0, float('-inf'))")),
    _weights(
        "mask_with_infinity_then_repaired",
        "empty_row_gradient",
        (HIDING, "scores = scores + torch.zeros(mask.shape).masked_fill(mask == 0, float('-inf'))"),
        (SOFTMAX, "attn = torch.softmax(scores, dim=-1).nan_to_num(0.0)"),
    ),
    _weights(
        "mask_after_softmax",
        "mask_after_softmax",
        (HIDING, "pass"),
        (SOFTMAX, "attn = torch.softmax(scores, dim=-1)\n    if mask is not None:\n        attn = attn * mask"),
    ),
    _weights(
        "mask_after_softmax_then_shares",
        "empty_row",
        (HIDING, "pass"),
        (
            SOFTMAX,
            "attn = torch.softmax(scores, dim=-1)\n    if mask is not None:\n        attn = attn * mask\n"
            "        attn = attn / attn.sum(dim=-1, keepdim=True)",
        ),
    ),
    _weights(
        "mask_after_context",
        "mask_after_context",
        (HIDING, "pass"),
        (SUM, f"{SUM}\n    if mask is not None:\n        {HIDING}\n        attn = torch.softmax(scores, -1)"),
    ),
    # context
    _context("keys_summed", "keys_summed", "context = attn @ k"),
    _context("weights_transposed", "weights_transposed", "context = attn.transpose(-2, -1) @ v"),
    _context("scores_summed", "scores_summed", "context = scores @ v"),
    _context("mean_of_values", "weights_unused", "context = v.mean(dim=-2, keepdim=True).expand(*attn.shape[:-1], -1)"),
    _context("mean_for_sum", "mean_for_sum", "context = (attn.unsqueeze(-1) * v.unsqueeze(-3)).mean(dim=-2)"),
    _context("values_detached", "cut_gradient", "context = attn @ v.detach()"),
    _context("weights_detached_in_the_sum", "cut_gradient", "context = attn.detach() @ v"),
    _context("context_detached", "cut_gradient", "context = (attn @ v).detach()"),
    _context("three_axes_only", "heads_axis", "context = torch.bmm(attn, v)"),
    _context("context_squeezed", "context_lost_an_axis", "context = (attn @ v).squeeze()"),
    _context("four_axes_only", "leading_axes", "context = torch.einsum('bhqk,bhkd->bhqd', attn, v)"),
    # heads
    _heads(
        "split_heads",
        "split_in_one_reshape",
        "tokens_mixed",
        "    batch, seq, d_model = x.shape\n    return x.reshape(batch, num_heads, seq, d_model // num_heads)\n",
        ("values",),
    ),
    _heads(
        "split_heads",
        "split_interleaved",
        "columns_dealt_out",
        "    batch, seq, d_model = x.shape\n"
        "    return x.reshape(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)\n",
        ("values",),
    ),
    _heads(
        "split_heads",
        "split_without_transpose",
        "axis_not_moved",
        "    batch, seq, d_model = x.shape\n    return x.reshape(batch, seq, num_heads, d_model // num_heads)\n",
        ("values",),
    ),
    _heads(
        "split_heads",
        "split_by_copying",
        "copy_cuts_gradient",
        "    blocks = x.detach().chunk(num_heads, dim=-1)\n    return torch.stack(blocks, dim=1)\n",
        ("gradient",),
    ),
    _heads(
        "split_heads",
        "split_and_squeezed",
        "axis_squeezed_away",
        "    batch, seq, d_model = x.shape\n"
        "    return x.reshape(batch, seq, num_heads, d_model // num_heads).transpose(1, 2).squeeze()\n",
        ("values",),
    ),
    _heads(
        "merge_heads",
        "merge_and_squeezed",
        "axis_squeezed_away",
        "    batch, num_heads, seq, d_head = x.shape\n"
        "    return x.transpose(1, 2).reshape(batch, seq, num_heads * d_head).squeeze()\n",
        ("values",),
    ),
    _heads(
        "merge_heads",
        "merge_in_one_reshape",
        "axis_not_moved_back",
        "    batch, num_heads, seq, d_head = x.shape\n    return x.reshape(batch, seq, num_heads * d_head)\n",
        ("values",),
    ),
    _heads(
        "merge_heads",
        "merge_interleaved",
        "columns_interleaved",
        "    batch, num_heads, seq, d_head = x.shape\n"
        "    return x.permute(0, 2, 3, 1).reshape(batch, seq, num_heads * d_head)\n",
        ("values",),
    ),
    _heads(
        "merge_heads",
        "merge_by_view",
        "view_after_transpose",
        "    batch, num_heads, seq, d_head = x.shape\n    return x.transpose(1, 2).view(batch, seq, num_heads * d_head)\n",
        ("values", "gradient"),
    ),
    _heads(
        "merge_heads",
        "merge_by_copying",
        "copy_cuts_gradient",
        "    return torch.cat(list(x.detach().unbind(dim=1)), dim=-1)\n",
        ("gradient",),
    ),
    _heads(
        "split_heads",
        "split_heads_before_batch",
        "heads_before_batch",
        "    batch, seq, d_model = x.shape\n"
        "    return x.reshape(batch, seq, num_heads, d_model // num_heads).permute(2, 0, 1, 3)\n",
        ("values",),
    ),
    _heads(
        "split_heads",
        "split_into_the_batch",
        "heads_into_the_batch",
        "    batch, seq, d_model = x.shape\n    return x.reshape(batch * num_heads, seq, d_model // num_heads)\n",
        ("values",),
    ),
    _heads(
        "split_heads",
        "split_moved_into_the_batch",
        "heads_into_the_batch",
        "    batch, seq, d_model = x.shape\n    x = x.reshape(batch, seq, num_heads, d_model // num_heads)\n"
        "    return x.transpose(1, 2).reshape(batch * num_heads, seq, d_model // num_heads)\n",
        ("values",),
    ),
    _heads(
        "merge_heads",
        "merge_takes_heads_for_batch",
        "heads_taken_for_the_batch",
        "    batch, num_heads, seq, d_head = x.shape\n"
        "    x = x.reshape(num_heads, batch, seq, d_head).permute(0, 2, 1, 3)\n"
        "    return x.reshape(batch, seq, num_heads * d_head)\n",
        ("values",),
    ),
    _heads("merge_heads", "merge_by_adding", "heads_added_up", "    return x.sum(dim=1)\n", ("values", "gradient")),
    # the module
    _module(
        "no_output_projection",
        "no_output_projection",
        "values",
        ("self.out_proj(merge_heads(context))", "merge_heads(context)"),
    ),
    _module(
        "values_from_keys", "values_from_keys", "values", ("split_heads(self.v_proj(x)", "split_heads(self.k_proj(x)")
    ),
    _module("values_not_projected", "values_not_projected", "values", ("split_heads(self.v_proj(x)", "split_heads(x")),
    _module(
        "scaled_by_d_model",
        "scaled_by_d_model",
        "values",
        (
            "context, attn = scaled_dot_product_attention(q, k, v, mask)",
            "q = q * math.sqrt(q.size(-1) / x.size(-1))\n        context, attn = scaled_dot_product_attention(q, k, v, mask)",
        ),
    ),
    _module(
        "scaled_again",
        "scaled_again",
        "values",
        (
            "context, attn = scaled_dot_product_attention(q, k, v, mask)",
            "q = q / math.sqrt(q.size(-1))\n        context, attn = scaled_dot_product_attention(q, k, v, mask)",
        ),
    ),
    _module(
        "input_added",
        "input_added",
        "values",
        ("self.out_proj(merge_heads(context))", "x + self.out_proj(merge_heads(context))"),
    ),
    _module(
        "no_biases",
        "missing_bias",
        "values",
        *(
            (f"self.{name} = nn.Linear(d_model, d_model)", f"self.{name} = nn.Linear(d_model, d_model, bias=False)")
            for name in ("q_proj", "k_proj", "v_proj", "out_proj")
        ),
    ),
    _module(
        "keys_from_the_layer_of_the_queries",
        "one_layer_for_two",
        "values",
        ("self.k_proj = nn.Linear(d_model, d_model)", "self.k_proj = self.q_proj"),
    ),
    _module(
        "dropout_in_eval_mode",
        "module_dropout",
        "values",
        ("self.out_proj(merge_heads(context))", "nn.functional.dropout(self.out_proj(merge_heads(context)), 0.1)"),
    ),
    Mutant(
        name="maps_without_attention",
        exercise=MODULE,
        hint="tokens_not_mixed",
        loses=tuple(f"{MODULE}-{check}" for check in ("values", "weights", "gradient", "padding", "errors")),
        change=[("merge_heads(context)", "self.v_proj(x)")],
    ),
    _module(
        "heads_added",
        "heads_added_up",
        "values",
        ("v = split_heads(self.v_proj(x), self.num_heads)", "v = self.v_proj(x).unsqueeze(1)"),
        ("merge_heads(context)", "context.sum(dim=1)"),
    ),
    _module("weights_averaged", "weights_averaged", "weights", ("attn.detach()", "attn.mean(dim=1).detach()")),
    _module("weights_in_the_graph", "weights_not_detached", "weights", ("attn.detach()", "attn")),
    _module(
        "weights_not_kept",
        "weights_not_kept",
        "weights",
        ("self.attn_weights = attn.detach()", "weights = attn.detach()"),
    ),
    _module(
        "kept_weights_transposed", "kept_transposed", "weights", ("attn.detach()", "attn.detach().transpose(-2, -1)")
    ),
    _module(
        "weights_kept_without_mask",
        "kept_without_mask",
        "weights",
        ("attn.detach()", "scaled_dot_product_attention(q, k, v)[1].detach()"),
    ),
    _module(
        "weights_kept_once",
        "kept_once",
        "weights",
        (
            "self.attn_weights = attn.detach()",
            "self.attn_weights = attn.detach() if self.attn_weights is None else self.attn_weights",
        ),
    ),
    _module(
        "weights_without_gradient",
        "module_cut_gradient",
        "gradient",
        (
            "self.attn_weights = attn.detach()",
            "self.attn_weights = attn.detach()\n        context = self.attn_weights @ v",
        ),
    ),
    _module(
        "context_without_gradient",
        "module_cut_gradient",
        "gradient",
        ("merge_heads(context)", "merge_heads(context.detach())"),
    ),
    _module(
        "mask_forgotten",
        "module_mask_forgotten",
        "padding",
        ("scaled_dot_product_attention(q, k, v, mask)", "scaled_dot_product_attention(q, k, v)"),
    ),
    _module(
        "mask_hides_queries", "module_mask_on_queries", "padding", ("mask[:, None, None, :]", "mask[:, None, :, None]")
    ),
    _module(
        "token_mask_inverted",
        "module_mask_inverted",
        "padding",
        ("mask[:, None, None, :]", "(mask == 0)[:, None, None, :]"),
    ),
    _module(
        "mask_in_one_head",
        "module_mask_one_head",
        "padding",
        (
            "mask[:, None, None, :]",
            "torch.cat([(mask != 0)[:, None, None, :], torch.ones_like(mask, dtype=torch.bool)[:, None, None, :]"
            ".expand(-1, self.num_heads - 1, -1, -1)], dim=1)",
        ),
    ),
    _module(
        "tokens_zeroed",
        "module_mask_on_tokens",
        "padding",
        (
            "mask = mask[:, None, None, :]",
            "x, mask = x * mask[:, :, None], None\n            k = split_heads(self.k_proj(x), self.num_heads)\n            v = split_heads(self.v_proj(x), self.num_heads)",
        ),
    ),
    _module(
        "mask_tiled",
        "module_mask_of_another_sentence",
        "padding",
        ("mask[:, None, None, :]", "mask.repeat(self.num_heads, 1).view(len(mask), self.num_heads, 1, -1)"),
    ),
    _module(
        "two_sided_mask_multiplied",
        "module_mask_multiplied",
        "padding",
        (
            "context, attn = scaled_dot_product_attention(q, k, v, mask)",
            "_, attn = scaled_dot_product_attention(q, k, v)\n        if mask is not None:\n"
            "            attn = attn * (mask * mask.transpose(-2, -1))\n        context = attn @ v",
        ),
    ),
    _module(
        "mask_multiplied_behind",
        "module_mask_multiplied",
        "padding",
        (
            "context, attn = scaled_dot_product_attention(q, k, v, mask)",
            "_, attn = scaled_dot_product_attention(q, k, v)\n        if mask is not None:\n"
            "            attn = attn * mask\n        context = attn @ v",
        ),
    ),
    _module("no_refusal", "no_refusal", "errors", (REFUSAL, "pass\n")),
    _module("refused_by_assert", "refused_by_assert", "errors", (REFUSAL, "assert d_model % num_heads == 0\n")),
    # as people write them too
    *(
        _weights(
            f"mask_with_minus_{number}",
            "mask_too_weak",
            (HIDING, f"scores = scores.masked_fill(mask == 0, -{number}.0)"),
        )
        for number in (1, 5, 20, 50)
    ),
    _weights(
        "mask_inverted_with_infinity",
        "mask_inverted",
        (HIDING, "scores = scores.masked_fill(mask.bool(), -math.inf)"),
    ),
    _scores("scale_by_width_of_values", "scale_by_values", "q @ k.transpose(-2, -1) / math.sqrt(v.size(-1))"),
    _scores("root_rounded_down", "root_rounded", "q @ k.transpose(-2, -1) / int(math.sqrt(d_k))"),
    _heads(
        "split_heads",
        "split_tokens_last",
        "tokens_behind_columns",
        "    batch, seq, d_model = x.shape\n"
        "    return x.reshape(batch, seq, num_heads, d_model // num_heads).permute(0, 2, 3, 1)\n",
        ("values", "gradient"),
    ),
    _heads("merge_heads", "merge_by_averaging", "heads_added_up", "    return x.mean(dim=1)\n", ("values", "gradient")),
    _module(
        "queries_and_keys_exchanged",
        "scores_transposed",
        "values",
        ("scaled_dot_product_attention(q, k, v, mask)", "scaled_dot_product_attention(k, q, v, mask)"),
    ),
    _module(
        "mask_without_axes",
        "module_mask_without_axes",
        "padding",
        ("mask = mask[:, None, None, :]", "mask = mask + 0"),
    ),
    Mutant(
        name="heads_not_moved_back",
        exercise=MODULE,
        hint="axis_not_moved_back",
        loses=tuple(f"{MODULE}-{check}" for check in ("values", "weights", "padding")),
        change=[("merge_heads(context)", "context.reshape(x.shape)")],
    ),
    Mutant(
        name="projections_cut_in_one_view",
        exercise=MODULE,
        hint="tokens_mixed",
        loses=tuple(f"{MODULE}-{check}" for check in ("values", "weights", "padding")),
        change=[
            (
                f"split_heads(self.{name}_proj(x), self.num_heads)",
                f"self.{name}_proj(x).reshape(len(x), self.num_heads, x.size(1), -1)",
            )
            for name in "qkv"
        ],
    ),
    Mutant(
        name="small_linears_for_all_heads",
        exercise=MODULE,
        hint="linears_of_head_size",
        loses=tuple(f"{MODULE}-{check}" for check in ("values", "weights", "gradient", "padding")),
        change=[
            *(
                (
                    f"self.{name}_proj = nn.Linear(d_model, d_model)",
                    f"self.{name}_proj = nn.Linear(d_model // num_heads, d_model // num_heads)",
                )
                for name in "qkv"
            ),
            *(
                (
                    f"split_heads(self.{name}_proj(x), self.num_heads)",
                    f"self.{name}_proj(split_heads(x, self.num_heads))",
                )
                for name in "qkv"
            ),
        ],
    ),
]
