"""Right answers of unit 03 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

_INIT = """
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.self_attn = MultiHeadSelfAttention(d_model, num_heads)
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.dropout = nn.Dropout(dropout)
"""


def _block(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="FeedForward", source=f"class FeedForward(nn.Module):\n{body}")


def _layer(name: str, forward: str, init: str = _INIT) -> Alternative:
    source = f"class TransformerEncoderLayer(nn.Module):\n{init}{forward}"
    return Alternative(name=name, exercise="TransformerEncoderLayer", source=source)


def _repaired(name: str, source: str) -> Alternative:
    return Alternative(name=name, exercise="RepairedEncoderLayer", source=source)


ALTERNATIVES = [
    # FeedForward ------------------------------------------------------------------------------------------------------
    _block(
        "dropout_at_the_end",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear2 = nn.Linear(d_ff, d_model)
        self.linear1 = nn.Linear(d_model, d_ff)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.drop(self.linear2(torch.clamp(self.linear1(x), min=0)))
""",
    ),
    _block(
        "dropout_of_the_input_and_of_the_inner_values",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.before, self.inside = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, x):
        return self.linear2(self.inside(F.relu(self.linear1(self.before(x)))))
""",
    ),
    _block(
        "functional_dropout_before_the_relu",
        """
    def __init__(self, d_model, d_ff, p=0.1):
        super(FeedForward, self).__init__()
        self.linear1, self.linear2, self.p = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model), p

    def forward(self, x):
        print("feed-forward of", tuple(x.shape))
        hidden = F.dropout(self.linear1(x), p=self.p, training=self.training)
        return self.linear2(hidden.relu())
""",
    ),
    _block(
        "matrix_products_in_float64_and_a_warning",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        import warnings
        warnings.warn("a warning costs nothing")
        hidden = torch.einsum("bsd,fd->bsf", x.double(), self.linear1.weight.double()) + self.linear1.bias
        hidden = hidden * (hidden > 0)
        hidden = self.dropout(hidden)
        return (hidden @ self.linear2.weight.double().T + self.linear2.bias).float()
""",
    ),
    _block(
        "sequential_of_the_same_parts",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1 = nn.Linear(d_model, d_ff)
        self.linear2 = nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return nn.Sequential(self.linear1, nn.ReLU(inplace=True), self.dropout, self.linear2).train(self.training)(x)
""",
    ),
    # TransformerEncoderLayer --------------------------------------------------------------------------------------------
    _layer(
        "the_report_with_the_mask",
        """
    def forward(self, x, mask=None):
        # TODO 1
        x2 = self.self_attn(x, mask)
        # TODO 2
        x = self.norm1(x2+x)
        # TODO 3
        x2 = self.ff(x)
        # TODO 4
        x = self.norm2(x2+x)
        return x
""",
    ),
    _layer(
        "dropout_after_each_sub_layer",
        """
    def forward(self, x, mask=None):
        x = self.norm1(x + self.dropout(self.self_attn(x, mask=mask)))
        return self.norm2(x + self.dropout(self.ff(x)))
""",
    ),
    _layer(
        "functional_layer_norm",
        """
    def forward(self, x, mask=None):
        x = x + self.self_attn(x, mask)
        x = F.layer_norm(x, x.shape[-1:], self.norm1.weight, self.norm1.bias)
        x = x + self.ff.forward(x)
        return F.layer_norm(x, x.shape[-1:], self.norm2.weight, self.norm2.bias)
""",
    ),
    _layer(
        "by_the_formula_without_calling_the_parts",
        """
    def normed(self, x, norm):
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return (x - mean) / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias

    def forward(self, x, mask=None):
        x = self.normed(self.self_attn.forward(x, mask) + x, self.norm1)
        hidden = torch.relu(self.ff.linear1(x))
        return self.normed(self.ff.linear2(hidden) + x, self.norm2)
""",
    ),
    _layer(
        "in_place_sum_on_its_own_tensor",
        """
    def forward(self, x, mask=None):
        out = self.self_attn(x, mask).clone()
        out += x
        out = self.norm1(out)
        print("a print costs nothing")
        return self.norm2(torch.stack([self.ff(out), out]).sum(dim=0))
""",
    ),
    _layer(
        "one_sentence_at_a_time",
        """
    def forward(self, x, mask=None):
        rows = []
        for i in range(len(x)):
            row = x[i : i + 1]
            row = self.norm1(row + self.self_attn(row, None if mask is None else mask[i : i + 1]))
            rows.append(self.norm2(row + self.ff(row)))
        return torch.cat(rows)
""",
    ),
    _layer(
        "torch_attention_and_a_sequential_block",
        """
    def forward(self, x, mask=None):
        hidden = None if mask is None else mask == 0
        x = self.norm1(x + self.self_attn(x, x, x, key_padding_mask=hidden, need_weights=False)[0])
        return self.norm2(x + self.ff(x))
""",
        """
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(d_model, num_heads, dropout=dropout, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model), nn.Dropout(dropout))
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
""",
    ),
    _layer(
        "attention_with_four_projections",
        """
    def forward(self, x, mask=None):
        x = self.norm1(x + self.self_attn(x, mask))
        return self.norm2(x + self.ff(x))


class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.v_proj, self.out_proj = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        q, k, v = (
            p(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        allowed = None if mask is None else (mask != 0)[:, None, None, :]
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return self.out_proj(context.transpose(1, 2).flatten(2))
""",
    ),
    _layer(
        "sum_and_norm_in_a_module_of_its_own",
        """
    def forward(self, x, mask=None, *unused, **more):
        x = self.first(x, lambda t: self.self_attn(x=t, mask=mask))
        return self.second(x, self.ff)


class AddNorm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x, sub_layer):
        return self.norm(x + sub_layer(x))
""",
        f"{_INIT}        self.first, self.second = AddNorm(self.norm1), AddNorm(self.norm2)\n",
    ),
    _layer(
        "x_kept_under_another_name_and_eps_written_out",
        """
    def forward(self, x, mask=None):
        residual = x
        x = self.norm1(self.dropout(self.self_attn(x, mask)) + residual)
        residual = x
        return self.norm2(F.dropout(self.ff(x), 0.2, self.training) + residual)
""",
        _INIT.replace("nn.LayerNorm(d_model)", "nn.LayerNorm(d_model, eps=1e-5)"),
    ),
    _layer(
        "zeros_at_the_padding",
        """
    def forward(self, x, mask=None):
        kept = 1.0 if mask is None else (mask != 0).to(x.dtype).unsqueeze(-1)
        x = self.norm1(x * kept + self.self_attn(x * kept, mask) * kept)
        return self.norm2(x + self.ff(x)) * kept
""",
    ),
    # RepairedEncoderLayer ---------------------------------------------------------------------------------------------
    _repaired(
        "a_subclass_of_the_broken_one",
        """
class RepairedEncoderLayer(BrokenEncoderLayer):
    def forward(self, x, mask=None):
        query = x
        attended = self.self_attn(query, mask)
        residual = query
        state = self.norm1(residual + attended)
        forwarded = self.ff(state)
        return self.norm2(state + forwarded)
""",
    ),
    _repaired(
        "a_subclass_of_the_own_layer",
        "class RepairedEncoderLayer(TransformerEncoderLayer):\n    '''Nothing is left to mend.'''\n",
    ),
    _repaired(
        "the_own_layer_under_another_name",
        "RepairedEncoderLayer = TransformerEncoderLayer\n",
    ),
    _repaired(
        "written_anew_with_dropout",
        f"""
class RepairedEncoderLayer(nn.Module):
{_INIT}
    def forward(self, x, mask=None):
        x = self.norm1(x + self.dropout(self.self_attn(x, mask)))
        return self.norm2(x + self.dropout(self.ff(x)))
""",
    ),
    # as people write them too
    _block(
        "maximum_with_zero",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = self.linear1(x)
        return self.linear2(self.dropout(torch.maximum(hidden, torch.zeros_like(hidden))))
""",
    ),
    _block(
        "where_it_is_positive",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = self.linear1(x)
        hidden = torch.where(hidden > 0, hidden, 0.0)
        return self.linear2(self.dropout(hidden))
""",
    ),
    _block(
        "relu_as_a_module",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.linear1(x)
        x = self.relu(x)
        x = self.dropout(x)
        x = self.linear2(x)
        return x
""",
    ),
    _block(
        "token_by_token",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        tokens = [self.linear2(self.dropout(self.linear1(x[:, place]).clamp_min(0))) for place in range(x.size(1))]
        return torch.stack(tokens, dim=1)
""",
    ),
    _block(
        "half_of_value_and_size",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = F.linear(x, self.linear1.weight, self.linear1.bias)
        hidden = (hidden + hidden.abs()) / 2
        return F.linear(self.dropout(hidden), self.linear2.weight, self.linear2.bias)
""",
    ),
    _block(
        "threshold_and_flat_tokens",
        """
    def __init__(self, d_model, d_ff, dropout=0.1):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        flat = x.reshape(-1, x.size(-1))
        hidden = F.threshold(self.linear1(flat), 0.0, 0.0)
        return self.linear2(self.dropout(hidden)).view(*x.shape)
""",
    ),
    _repaired(
        "norms_by_the_functional_form",
        """
class RepairedEncoderLayer(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.self_attn = MultiHeadSelfAttention(d_model, num_heads)
        self.ff = FeedForward(d_model, d_ff, dropout)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, x, mask=None):
        width = (x.size(-1),)
        x = F.layer_norm(x + self.self_attn(x, mask), width, self.norm1.weight, self.norm1.bias, 1e-5)
        return F.layer_norm(x + self.ff(x), width, self.norm2.weight, self.norm2.bias, 1e-5)
""",
    ),
    _repaired(
        "sub_layers_in_methods",
        """
class RepairedEncoderLayer(BrokenEncoderLayer):
    def attend(self, x, mask):
        return self.norm1(x + self.self_attn(x, mask))

    def feed(self, x):
        return self.norm2(x + self.ff(x))

    def forward(self, x, mask=None):
        return self.feed(self.attend(x, mask))
""",
    ),
    _repaired(
        "holds_the_own_layers_parts",
        """
class RepairedEncoderLayer(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        whole = TransformerEncoderLayer(d_model, num_heads, d_ff, dropout)
        for name, part in whole.named_children():
            self.add_module(name, part)

    forward = TransformerEncoderLayer.forward
""",
    ),
    _repaired(
        "forward_put_in_afterwards",
        """
class RepairedEncoderLayer(BrokenEncoderLayer):
    pass


def mended(self, x, mask=None):
    state = self.norm1(torch.add(self.self_attn(x, mask), x))
    return self.norm2(torch.add(self.ff(state), state))


RepairedEncoderLayer.forward = mended
""",
    ),
    _repaired(
        "a_loop_over_sub_layers",
        """
class RepairedEncoderLayer(BrokenEncoderLayer):
    def forward(self, x, mask=None):
        steps = [(lambda t: self.self_attn(t, mask), self.norm1), (self.ff, self.norm2)]
        for sub_layer, norm in steps:
            x = norm(sub_layer(x) + x)
        return x
""",
    ),
    _layer(
        "token_by_token_behind_the_attention",
        """
    def forward(self, x, mask=None):
        state = self.norm1(x + self.self_attn(x, mask))
        tokens = [self.norm2(state[:, place] + self.ff(state[:, place : place + 1])[:, 0]) for place in range(x.size(1))]
        return torch.stack(tokens, dim=1)
""",
    ),
    _layer(
        "mean_and_spread_from_var_mean",
        """
    def scaled(self, x, norm):
        variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        return torch.addcmul(norm.bias, (x - mean) * torch.rsqrt(variance + 1e-5), norm.weight)

    def forward(self, x, mask=None):
        x = self.scaled(x + self.dropout(self.self_attn(x, mask)), self.norm1)
        return self.scaled(x + self.dropout(self.ff(x)), self.norm2)
""",
    ),
]
