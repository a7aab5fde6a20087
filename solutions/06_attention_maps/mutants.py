"""Known wrong answers of unit 06: other logarithms, NaN at 0, padded queries, residual paths and orders of layers."""

from course_utils.engine.making.units import Mutant

ENTROPY = "entropy = -torch.xlogy(attn, attn).sum(dim=-1)"
MEAN = "mean = (entropy * is_token).sum(dim=-1) / is_token.sum(dim=-1)"
HEADS = "layer = attn.mean(dim=1)"
IDENTITY = "layer = layer + torch.eye(layer.size(-1), dtype=layer.dtype)"
ROWS = "layer = layer / layer.sum(dim=-1, keepdim=True)"
ORDER = "rollout = layer if rollout is None else layer @ rollout"


def _entropy(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"attention_entropy-{check}" for check in loses.split())
    return Mutant(name=name, exercise="attention_entropy", hint=hint, loses=checks, change=change)


def _rollout(name: str, hint: str, loses: str, *change: tuple[str, str]) -> Mutant:
    checks = tuple(f"attention_rollout-{check}" for check in loses.split())
    return Mutant(name=name, exercise="attention_rollout", hint=hint, loses=checks, change=change)


MUTANTS = [
    # entropy: the formula
    _entropy("bits", "bits", "values", (ENTROPY, "entropy = -(attn * attn.clamp(min=1e-30).log2()).sum(dim=-1)")),
    _entropy(
        "log10", "decimal_digits", "values", (ENTROPY, "entropy = -torch.xlogy(attn, attn).sum(dim=-1) / 2.302585")
    ),
    _entropy("sign_forgotten", "negative", "values", (ENTROPY, "entropy = torch.xlogy(attn, attn).sum(dim=-1)")),
    _entropy(
        "mean_over_keys", "mean_over_keys", "values", (ENTROPY, "entropy = -torch.xlogy(attn, attn).mean(dim=-1)")
    ),
    _entropy(
        "probability_forgotten",
        "no_weighting",
        "values",
        (ENTROPY, "entropy = -attn.clamp(min=1e-6).log().mean(dim=-1)"),
    ),
    _entropy("gini", "not_entropy", "values", (ENTROPY, "entropy = 1 - attn.pow(2).sum(dim=-1)")),
    _entropy(
        "normalised",
        "divided_by_largest",
        "values",
        (ENTROPY, "entropy = -torch.xlogy(attn, attn).sum(dim=-1) / torch.tensor(attn.size(-1)).log()"),
    ),
    _entropy(
        "softmax_again",
        "softmax_again",
        "values",
        (ENTROPY, "p = torch.softmax(attn, dim=-1)\n    entropy = -torch.xlogy(p, p).sum(dim=-1)"),
    ),
    _entropy("perplexity", "perplexity", "values", (MEAN, f"{MEAN}\n    mean = mean.exp()")),
    _entropy("sum_over_queries", "sum_over_queries", "values", (MEAN, "mean = (entropy * is_token).sum(dim=-1)")),
    _entropy("heads_averaged", "heads_averaged", "values padding", (MEAN, f"{MEAN}\n    mean = mean.mean(dim=1)")),
    _entropy("queries_kept", "no_mean", "values padding", (MEAN, "mean = entropy * is_token")),
    _entropy("one_number", "one_number", "values padding", (MEAN, "mean = entropy.mean()")),
    _entropy(
        "one_number_of_the_tokens",
        "one_number",
        "values padding",
        (MEAN, "mean = (entropy * is_token).sum() / is_token.expand_as(entropy).sum()"),
    ),
    _entropy("in_float64", "another_type", "values", (ENTROPY, "attn = attn.double()\n    " + ENTROPY)),
    _entropy(
        "zeros", "constant_result", "values zeros padding", (MEAN, "mean = torch.zeros(attn.size(0), attn.size(1))")
    ),
    # entropy: weights of 0
    _entropy("nan_at_zero", "nan_at_zero", "zeros", (ENTROPY, "entropy = -(attn * attn.log()).sum(dim=-1)")),
    _entropy(
        "zeros_changed_in_place",
        "changed_weights",
        "zeros",
        (ENTROPY, "attn[attn == 0] = 1.0\n    entropy = -(attn * attn.log()).sum(dim=-1)"),
    ),
    _entropy(
        "clamped_in_place",
        "changed_weights",
        "zeros",
        (ENTROPY, "entropy = -(attn * attn.clamp_(min=1e-9).log()).sum(dim=-1)"),
    ),
    # entropy: padding
    _entropy(
        "mask_inverted",
        "mask_inverted",
        "values zeros padding",
        (MEAN, MEAN.replace("is_token", "(1 - is_token)")),
    ),
    _entropy(
        "mask_inverted_and_no_division_by_0",
        "mask_inverted",
        "values zeros padding",
        (MEAN, MEAN.replace("is_token", "(1 - is_token)") + ".clamp(min=1)"),
    ),
    _entropy("mean_over_all_queries", "padded_queries", "padding", (MEAN, "mean = entropy.mean(dim=-1)")),
    _entropy("divided_by_seq", "divided_by_seq", "padding", (MEAN, "mean = (entropy * is_token).mean(dim=-1)")),
    _entropy(
        "padding_in_the_sum",
        "padded_queries_in_sum",
        "padding",
        (MEAN, "mean = entropy.sum(dim=-1) / is_token.sum(dim=-1)"),
    ),
    _entropy(
        "mask_on_keys",
        "padded_queries",
        "padding",
        (ENTROPY, "seen = attn * (mask != 0)[:, None, None, :]\n    entropy = -torch.xlogy(seen, seen).sum(dim=-1)"),
        (MEAN, "mean = entropy.mean(dim=-1)"),
    ),
    _entropy(
        "sum_over_the_query_axis",
        "padded_queries_in_sum",
        "padding",
        (ENTROPY, "entropy = -torch.xlogy(attn, attn).sum(dim=-2)"),
    ),
    _entropy(
        "mask_of_the_first_sentence",
        "one_mask_for_all",
        "padding",
        (MEAN, "is_token = is_token[:1]\n    mean = (entropy * is_token).sum(dim=-1) / is_token.sum(dim=-1)"),
    ),
    _entropy(
        "tokens_of_the_whole_batch",
        "counted_over_batch",
        "padding",
        (MEAN, "mean = (entropy * is_token).sum(dim=-1) / is_token.sum() * len(mask)"),
    ),
    _entropy(
        "first_queries_by_count",
        "tokens_counted",
        "padding",
        (
            MEAN,
            "lengths = (mask != 0).sum(dim=-1).tolist()\n"
            "    mean = torch.stack([row[:, :length].mean(dim=-1) for row, length in zip(entropy, lengths)])",
        ),
    ),
    _entropy(
        "only_int_masks",
        "bool_mask",
        "padding",
        (MEAN, "hidden = (1 - mask).unsqueeze(1)\n    " + MEAN.replace("is_token", "(1 - hidden)")),
    ),
    _entropy(
        "only_bool_masks",
        "number_mask",
        "padding",
        (
            MEAN,
            "entropy = entropy.masked_fill(~mask.unsqueeze(1), 0.0)\n    mean = entropy.sum(dim=-1) / is_token.sum(dim=-1)",
        ),
    ),
    _entropy(
        "indexed_by_the_mask",  # whole numbers are positions, floats are no index
        "number_mask",
        "padding",
        (MEAN, "mean = torch.stack([row[:, keep].mean(dim=-1) for row, keep in zip(entropy, mask)])"),
    ),
    _entropy(
        "padded_keys_emptied_in_place",
        "changed_by_mask",
        "padding",
        (ENTROPY, "attn[(mask == 0)[:, None, None, :].expand_as(attn)] = 0\n    " + ENTROPY),
    ),
    # rollout: one layer
    _rollout("no_identity", "no_residual", "layer", (IDENTITY, "pass")),
    _rollout("not_renormalised", "not_renormalised", "layer", (ROWS, "pass")),
    _rollout(
        "columns_renormalised",
        "columns_renormalised",
        "layer",
        (ROWS, "layer = layer / layer.sum(dim=-2, keepdim=True)"),
    ),
    _rollout("rows_without_keepdim", "keepdim_forgotten", "layer", (ROWS, "layer = layer / layer.sum(dim=-1)")),
    _rollout("layers_in_float64", "another_type", "layer", (HEADS, "layer = attn.double().mean(dim=1)")),
    _rollout("softmax_for_division", "softmax_for_division", "layer", (ROWS, "layer = torch.softmax(layer, dim=-1)")),
    _rollout("largest_head", "heads_not_averaged", "layer", (HEADS, "layer = attn.amax(dim=1)")),
    _rollout("smallest_head", "heads_not_averaged", "layer", (HEADS, "layer = attn.amin(dim=1)")),
    _rollout("heads_summed", "heads_summed", "layer", (HEADS, "layer = attn.sum(dim=1)")),
    _rollout("first_head", "one_head", "layer", (HEADS, "layer = attn[:, 0]")),
    _rollout("batch_averaged", "batch_averaged", "layer", (HEADS, "layer = attn.mean(dim=0)")),
    _rollout("ones_for_identity", "ones_for_identity", "layer", (IDENTITY, "layer = layer + torch.ones_like(layer)")),
    _rollout("squeezed", "batch_axis_lost", "layer", (HEADS, "layer = attn.mean(dim=1).squeeze()")),
    _rollout(
        "half_residual", "residual_weight", "layer", (IDENTITY, "layer = layer + 0.5 * torch.eye(layer.size(-1))")
    ),
    # rollout: several layers
    _rollout(
        "order_reversed",
        "order_reversed",
        "product",
        (ORDER, "rollout = layer if rollout is None else rollout @ layer"),
    ),
    _rollout(
        "elementwise", "elementwise", "product", (ORDER, "rollout = layer if rollout is None else layer * rollout")
    ),
    _rollout(
        "elementwise_from_the_identity",
        "elementwise_from_identity",
        "layer product",
        (ORDER, "rollout = layer * (torch.eye(layer.size(-1)) if rollout is None else rollout)"),
    ),
    _rollout(
        "product_thrown_away",
        "product_thrown_away",
        "layer product inputs",
        (
            ORDER,
            "rollout = torch.eye(layer.size(-1)).expand_as(layer) if rollout is None else rollout\n        layer @ rollout",
        ),
    ),
    _rollout(
        "starts_from_zeros",
        "starts_from_zeros",
        "layer product inputs",
        (ORDER, "rollout = layer @ (torch.zeros_like(layer) if rollout is None else rollout)"),
    ),
    _rollout(
        "first_layer_left_out",
        "first_layer_left_out",
        "layer product",
        (ORDER, "rollout = torch.eye(layer.size(-1)).expand_as(layer) if rollout is None else layer @ rollout"),
    ),
    _rollout("last_layer_only", "one_layer_only", "product", (ORDER, "rollout = layer")),
    _rollout(
        "first_layer_only", "one_layer_only", "product", (ORDER, "rollout = layer if rollout is None else rollout")
    ),
    _rollout(
        "layers_summed", "layers_added", "product", (ORDER, "rollout = layer if rollout is None else rollout + layer")
    ),
    _rollout(
        "layers_averaged",
        "layers_added",
        "product",
        (ORDER, "rollout = layer / len(attentions) + (0 if rollout is None else rollout)"),
    ),
    _rollout(
        "transposed_layers",
        "transposed",
        "product",
        (ORDER, "rollout = layer if rollout is None else layer.transpose(-2, -1) @ rollout"),
    ),
    _rollout(
        "residual_at_the_end_only",
        "residual_once",
        "product",
        (IDENTITY, "mixed = layer if rollout is None else layer @ mixed"),
        (ROWS, "layer = (mixed + torch.eye(layer.size(-1))) / 2"),
        (ORDER, "rollout = layer"),
    ),
    # rollout: inputs
    _rollout(
        "identity_added_in_place",
        "changed_weights_rollout",
        "inputs",
        (HEADS, "attn += torch.eye(attn.size(-1))\n        layer = attn.mean(dim=1)"),
        (IDENTITY, "pass"),
    ),
    _rollout(
        "pops_the_list",
        "changed_list",
        "inputs",
        (ORDER, f"{ORDER}\n    if isinstance(attentions, list):\n        attentions.reverse()"),
    ),
    _rollout(
        "list_emptied",
        "changed_list",
        "inputs",
        (ORDER, f"{ORDER}\n    if isinstance(attentions, list):\n        attentions.clear()"),
    ),
    # as people write them too
    _entropy(
        "small_number_of_a_thousandth",
        "small_number_too_large",
        "values",
        (ENTROPY, "entropy = -(attn * torch.log(attn + 1e-3)).sum(dim=-1)"),
    ),
    _entropy(
        "small_number_of_a_hundredth",
        "small_number_too_large",
        "values",
        (ENTROPY, "entropy = -(attn * torch.log(attn + 1e-2)).sum(dim=-1)"),
    ),
    *(
        _entropy(
            f"lengths_sorted_{order}",
            "lengths_sorted",
            "padding",
            (
                MEAN,
                "mean = (entropy * is_token).sum(dim=-1) / "
                f"is_token.sum(dim=-1).sort(dim=0, descending={order == 'down'}).values",
            ),
        )
        for order in ("down", "up")
    ),
    _rollout(
        "a_tenth_of_residual",
        "residual_weight",
        "layer",
        (HEADS, "layer = 0.9 * attn.mean(dim=1)"),
        (IDENTITY, "layer = layer + 0.1 * torch.eye(layer.size(-1), dtype=layer.dtype)"),
    ),
]
