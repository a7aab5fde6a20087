"""Right answers of unit 02 that are written otherwise than the reference."""

from course_utils.engine.making.units import Alternative

ALTERNATIVES = [
    # scaled dot-product attention -------------------------------------------------------------------------------------
    Alternative(
        name="laboratory_report",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    # TODO 1
    d_k = q.size(-1)
    scores = torch.matmul(q,k.transpose(-2,-1))/torch.sqrt(torch.tensor(d_k, dtype
= torch.float32))

    # mask
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)

    # TODO 2
    softmax = nn.Softmax(dim = -1)
    attn = softmax(scores)

    # TODO 3
    context = torch.matmul(attn, v)
    return context, attn
""",
    ),
    Alternative(
        name="einsum_in_float64",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = torch.einsum("...qd,...kd->...qk", q.double(), k.double()) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + (1.0 - mask.double()) * -1e9
    attn = scores.softmax(-1)
    return torch.einsum("...qk,...kd->...qd", attn, v.double()).float(), attn.float()
""",
    ),
    Alternative(
        name="additive_in_float32",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    q = q / q.size(-1) ** 0.5
    scores = q @ k.mT
    if mask is not None:
        scores = scores + (1.0 - mask.float()) * torch.finfo(torch.float32).min
    attn = scores.softmax(-1)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="hidden_before_scaling",
        exercise="scaled_dot_product_attention",
        source='''
def scaled_dot_product_attention(q, k, v, mask=None):
    """Prints, warns, and hides keys before it scales."""
    import warnings

    warnings.warn("the mask comes first here")
    print("scores of", tuple(q.shape), tuple(k.shape))
    scores = q.matmul(k.transpose(-1, -2))
    if mask is not None:
        scores = torch.where(mask.bool(), scores, torch.full_like(scores, -1e9))
    attn = torch.nn.functional.softmax(scores / math.sqrt(k.shape[-1]), dim=-1)
    return attn.matmul(v), attn
''',
    ),
    Alternative(
        name="minus_infinity_with_care",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is None:
        attn = scores.softmax(dim=-1)
    else:
        seen = mask.bool()
        nothing = ~seen.any(dim=-1, keepdim=True)
        attn = scores.masked_fill(~(seen | nothing), -math.inf).softmax(dim=-1)
        attn = attn.masked_fill(nothing, 0.0)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="exponentials_by_hand",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = torch.matmul(q, k.transpose(-2, -1)).div(math.sqrt(q.size(-1)))
    powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    if mask is not None:
        powers = powers * (mask != 0)
    attn = powers / powers.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    return torch.matmul(attn, v), attn
""",
    ),
    Alternative(
        name="softmax_then_mask_then_shares",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    attn = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.size(-1)), dim=-1)
    if mask is not None:
        attn = attn * mask
        attn = attn / (attn.sum(dim=-1, keepdim=True) + 1e-9)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="softmax_then_mask_then_exact_shares",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    attn = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.size(-1)), dim=-1)
    if mask is not None:
        attn = attn * mask
        total = attn.sum(dim=-1, keepdim=True)
        attn = attn / torch.where(total == 0, torch.ones_like(total), total)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="fused",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    from torch.nn import functional as F

    seen = mask if mask is None else mask.bool()
    one_hot = torch.eye(k.size(-2)).expand(*k.shape[:-1], k.size(-2))
    attn = F.scaled_dot_product_attention(q, k, one_hot, attn_mask=seen)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen), attn
""",
    ),
    Alternative(
        name="loops_in_a_list",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    if q.dim() > 2:
        masks = [None] * len(q)
        if mask is not None:
            masks = mask.expand(*q.shape[:-1], k.size(-2))
        pairs = [scaled_dot_product_attention(*each) for each in zip(q, k, v, masks)]
        contexts, attns = zip(*pairs)
        return [torch.stack(contexts), torch.stack(attns)]
    rows = []
    for i, query in enumerate(q):
        row = torch.stack([(query * key).sum() for key in k]) / q.size(-1) ** 0.5
        if mask is not None:
            row = row.masked_fill(mask.expand(len(q), len(k))[i] == 0, -1e9)
        rows.append(row.softmax(0))
    attn = torch.stack(rows)
    return sum(attn[:, j, None] * v[j] for j in range(len(v))), attn
""",
    ),
    Alternative(
        name="minus_infinity_then_repaired",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, float("-inf"))
    attn = torch.nan_to_num(scores.softmax(dim=-1), nan=0.0)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="weights_beside_the_graph",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None, *, dropout=0.0):
    scores = torch.einsum("...qd,...kd->...qk", q, k) / q.size(-1) ** 0.5
    if mask is not None:
        scores = scores + torch.zeros(mask.shape).masked_fill_(mask == 0, -1e30)
    attn = nn.functional.dropout(scores.softmax(-1), dropout)
    return (attn.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2), attn.detach()
""",
    ),
    # heads ------------------------------------------------------------------------------------------------------------
    Alternative(
        name="tilde_of_a_bool",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(~mask.bool(), -1e9)
    attn = torch.softmax(scores, dim=-1)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="where_with_a_comparison",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = torch.where(mask != 0, scores, torch.tensor(-1e9))
    attn = torch.softmax(scores, dim=-1)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="index_of_an_expanded_mask",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores[(mask == 0).expand_as(scores)] = -1e9
    attn = torch.softmax(scores, dim=-1)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="axes_counted_from_the_front",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(k.dim() - 1, k.dim() - 2) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    attn = torch.softmax(scores, dim=scores.dim() - 1)
    return attn @ v, attn
""",
    ),
    Alternative(
        name="view_and_permute",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    batch, seq, d_model = x.size()
    return x.view(batch, -1, num_heads, d_model // num_heads).permute(0, 2, 1, 3).contiguous()
""",
    ),
    Alternative(
        name="chunks",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    print(x.shape)
    return torch.stack(torch.chunk(x, num_heads, dim=-1), dim=1)
""",
    ),
    Alternative(
        name="unflatten",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    return x.unflatten(2, (num_heads, -1)).swapaxes(1, 2)
""",
    ),
    Alternative(
        name="slices",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    d_head = x.size(2) // num_heads
    out = x.new_zeros(x.size(0), num_heads, x.size(1), d_head)
    for head in range(num_heads):
        out[:, head] = x[:, :, head * d_head:(head + 1) * d_head]
    return out
""",
    ),
    Alternative(
        name="contiguous_view",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    batch, num_heads, seq, d_head = x.size()
    return x.transpose(1, 2).contiguous().view(batch, seq, num_heads * d_head)
""",
    ),
    Alternative(
        name="concatenated",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return torch.cat([x[:, head] for head in range(x.size(1))], dim=-1)
""",
    ),
    Alternative(
        name="flatten",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return x.permute(0, 2, 1, 3).flatten(start_dim=2)
""",
    ),
    # the module -------------------------------------------------------------------------------------------------------
    Alternative(
        name="laboratory_report",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError("d_model must be divisible by num_heads")
        self.num_heads = num_heads
        self.d_k = d_model // num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        batch, seq, d_model = x.size()
        q = self.q_proj(x).view(batch, seq, self.num_heads, self.d_k).transpose(1, 2)
        k = self.k_proj(x).view(batch, seq, self.num_heads, self.d_k).transpose(1, 2)
        v = self.v_proj(x).view(batch, seq, self.num_heads, self.d_k).transpose(1, 2)
        scores = torch.matmul(q,k.transpose(-2,-1))/torch.sqrt(torch.tensor(self.d_k, dtype
= torch.float32))
        if mask is not None:
            scores = scores.masked_fill(mask.unsqueeze(1).unsqueeze(2) == 0, -1e9)
        softmax = nn.Softmax(dim = -1)
        attn = softmax(scores)
        context = torch.matmul(attn, v)
        self.attn_weights = attn.detach()
        context = context.transpose(1, 2).contiguous().view(batch, seq, d_model)
        return self.out_proj(context)
""",
    ),
    Alternative(
        name="heads_in_the_batch",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads:
            raise ValueError(f"{num_heads} heads do not share {d_model} columns")
        self.num_heads = num_heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(d_model, d_model) for _ in range(3))
        self.out_proj = nn.Linear(d_model, d_model)

    def folded(self, x):
        batch, seq, d_model = x.shape
        x = x.view(batch, seq, self.num_heads, -1).transpose(1, 2)
        return x.reshape(batch * self.num_heads, seq, d_model // self.num_heads)

    def forward(self, x, mask=None):
        batch, seq, d_model = x.shape
        q, k, v = self.folded(self.q_proj(x)), self.folded(self.k_proj(x)), self.folded(self.v_proj(x))
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask.repeat_interleave(self.num_heads, 0)[:, None, :] == 0, -1e9)
        attn = torch.softmax(scores, dim=-1)
        self.attn_weights = attn.detach().view(batch, self.num_heads, seq, seq)
        heads = torch.bmm(attn, v).view(batch, self.num_heads, seq, -1)
        return self.out_proj(heads.transpose(1, 2).reshape(batch, seq, d_model))
""",
    ),
    Alternative(
        name="einsum_for_all_heads",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads:
            raise ValueError(f"{num_heads} heads in {d_model} columns")
        self.heads, self.width = num_heads, d_model // num_heads
        for name in ("out_proj", "v_proj", "k_proj", "q_proj"):
            setattr(self, name, nn.Linear(d_model, d_model))

    def forward(self, x, mask=None):
        layers = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (layer(x).unflatten(-1, (self.heads, self.width)) for layer in layers)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / self.width ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask.bool()[:, None, None], float("-inf"))
        attn = torch.nn.functional.softmax(scores, dim=-1)
        with torch.no_grad():
            self.attn_weights = attn.clone()
        return self.out_proj(torch.einsum("bhqk,bkhd->bqhd", attn, v).flatten(-2))
""",
    ),
    Alternative(
        name="torch_does_it",
        exercise="MultiHeadSelfAttention",
        source="""
class Refused(ValueError):
    pass


class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        if d_model % num_heads:
            raise Refused("no")
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.v_proj, self.out_proj = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        seen = None if mask is None else mask.bool()[:, None, None, :]
        q, k, v = [split_heads(layer(x), self.num_heads) for layer in (self.q_proj, self.k_proj, self.v_proj)]
        with torch.no_grad():
            self.attn_weights = scaled_dot_product_attention(q, k, v, seen)[1]
        context = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out_proj(merge_heads(context))
""",
    ),
    Alternative(
        name="one_head_after_the_other",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        if num_heads > d_model or d_model % num_heads != 0:
            raise ValueError("num_heads must divide d_model")
        self.d_head = d_model // num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        self.register_buffer("attn_weights", None, persistent=False)

    def forward(self, x, mask=None):
        if mask is None:
            mask = torch.ones(x.shape[:2])
        contexts, attns = [], []
        for q, k, v in zip(*(layer(x).split(self.d_head, dim=2) for layer in (self.q_proj, self.k_proj, self.v_proj))):
            context, attn = scaled_dot_product_attention(q, k, v, mask[:, None, :])
            contexts.append(context)
            attns.append(attn)
        self.attn_weights = torch.stack(attns, dim=1).detach()
        return self.out_proj(torch.cat(contexts, dim=2))
""",
    ),
    # as people write them too
    Alternative(
        name="einsum_of_a_view",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    d_head = x.shape[-1] // num_heads
    return torch.einsum("bshd->bhsd", x.reshape(*x.shape[:2], num_heads, d_head))
""",
    ),
    Alternative(
        name="list_of_slices_stacked",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    d_head = x.size(-1) // num_heads
    return torch.stack([x[..., h * d_head : (h + 1) * d_head] for h in range(num_heads)], dim=1)
""",
    ),
    Alternative(
        name="tensor_split_and_cat",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    return torch.cat([part.unsqueeze(1) for part in x.tensor_split(num_heads, dim=2)], dim=1)
""",
    ),
    Alternative(
        name="windows_of_the_columns",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    width = x.size(2) // num_heads
    return x.unfold(2, width, width).movedim(2, 1)
""",
    ),
    Alternative(
        name="index_select_for_each_head",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    columns = torch.arange(x.size(2)).view(num_heads, -1)
    return x[:, :, columns].transpose(1, 2)
""",
    ),
    Alternative(
        name="transposed_before_it_is_cut",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    batch, seq, d_model = x.shape
    return x.transpose(1, 2).reshape(batch, num_heads, d_model // num_heads, seq).transpose(2, 3)
""",
    ),
    Alternative(
        name="sentence_by_sentence",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    sentences = []
    for sentence in x:
        sentences.append(sentence.view(len(sentence), num_heads, -1).permute(1, 0, 2))
    return torch.stack(sentences)
""",
    ),
    Alternative(
        name="product_with_selections",
        exercise="split_heads",
        source="""
def split_heads(x, num_heads):
    eye = torch.eye(x.size(2), dtype=x.dtype).view(num_heads, -1, x.size(2))
    return torch.einsum("bsc,hdc->bhsd", x, eye)
""",
    ),
    Alternative(
        name="einsum_then_flattened",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return torch.einsum("bhsd->bshd", x).flatten(-2)
""",
    ),
    Alternative(
        name="unbound_and_concatenated",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return torch.cat(x.unbind(dim=1), dim=-1)
""",
    ),
    Alternative(
        name="moved_axis",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    batch, heads, seq, width = x.shape
    return torch.movedim(x, 1, 2).reshape(batch, seq, -1)
""",
    ),
    Alternative(
        name="written_into_zeros",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    batch, heads, seq, width = x.shape
    out = torch.zeros(batch, seq, heads * width, dtype=x.dtype)
    for h in range(heads):
        out[:, :, h * width : (h + 1) * width] = x[:, h]
    return out
""",
    ),
    Alternative(
        name="columns_last_but_one",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    batch, heads, seq, width = x.size()
    return x.transpose(2, 3).reshape(batch, heads * width, seq).transpose(1, 2)
""",
    ),
    Alternative(
        name="token_by_token",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return torch.stack([x[:, :, place].reshape(x.size(0), -1) for place in range(x.size(2))], dim=1)
""",
    ),
    Alternative(
        name="hstack_of_each_sentence",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    return torch.stack([torch.hstack(list(sentence)) for sentence in x])
""",
    ),
    Alternative(
        name="swapped_and_rolled_out",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    x = x.swapaxes(-3, -2)
    return x.contiguous().view(*x.shape[:-2], x.shape[-2] * x.shape[-1])
""",
    ),
    Alternative(
        name="sum_of_placed_heads",
        exercise="merge_heads",
        source="""
def merge_heads(x):
    batch, heads, seq, width = x.shape
    placed = torch.eye(heads * width, dtype=x.dtype).view(heads, width, heads * width)
    return torch.einsum("bhsd,hdc->bsc", x, placed)
""",
    ),
    Alternative(
        name="by_torchs_functional_attention",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} columns cannot be shared by {num_heads} heads")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        t = x.transpose(0, 1)
        out, attn = nn.functional.multi_head_attention_forward(
            t, t, t, x.size(-1), self.num_heads, None,
            torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]), None, None, False, 0.0,
            self.out_proj.weight, self.out_proj.bias, training=self.training,
            key_padding_mask=None if mask is None else mask == 0, use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight, k_proj_weight=self.k_proj.weight, v_proj_weight=self.v_proj.weight,
            average_attn_weights=False,
        )
        self.attn_weights = attn.detach()
        return out.transpose(0, 1)
""",
    ),
    Alternative(
        name="one_product_for_three_projections",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} columns cannot be shared by {num_heads} heads")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        layers = (self.q_proj, self.k_proj, self.v_proj)
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        qkv = nn.functional.linear(x, weight, bias).chunk(3, dim=-1)
        q, k, v = (split_heads(part, self.num_heads) for part in qkv)
        seen = None if mask is None else mask.view(mask.size(0), 1, 1, -1)
        context, self.attn_weights = scaled_dot_product_attention(q, k, v, seen)
        self.attn_weights = self.attn_weights.detach()
        return self.out_proj(merge_heads(context))
""",
    ),
    Alternative(
        name="sentence_by_sentence",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} columns cannot be shared by {num_heads} heads")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        outputs, kept = [], []
        for number, tokens in enumerate(x):
            seq = len(tokens)
            q, k, v = (
                layer(tokens).view(seq, self.num_heads, -1).transpose(0, 1)
                for layer in (self.q_proj, self.k_proj, self.v_proj)
            )
            scores = q @ k.transpose(1, 2) / math.sqrt(q.size(-1))
            if mask is not None:
                scores = scores.masked_fill(mask[number] == 0, -1e9)
            attn = scores.softmax(-1)
            kept.append(attn.detach())
            outputs.append((attn @ v).transpose(0, 1).reshape(seq, -1))
        self.attn_weights = torch.stack(kept)
        return self.out_proj(torch.stack(outputs))
""",
    ),
    Alternative(
        name="output_map_shared_out_over_heads",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} columns cannot be shared by {num_heads} heads")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        q, k, v = (split_heads(layer(x), self.num_heads) for layer in (self.q_proj, self.k_proj, self.v_proj))
        extra = 0.0
        if mask is not None:
            extra = torch.zeros(mask.shape).masked_fill(mask == 0, -1e9)[:, None, None, :]
        attn = torch.softmax(q @ k.mT * q.size(-1) ** -0.5 + extra, dim=-1)
        self.attn_weights = attn.detach()
        context = attn @ v
        parts = self.out_proj.weight.chunk(self.num_heads, dim=1)  # each head has its own columns of the map
        return sum(context[:, h] @ parts[h].T for h in range(self.num_heads)) + self.out_proj.bias
""",
    ),
    Alternative(
        name="queries_scaled_first",
        exercise="MultiHeadSelfAttention",
        source="""
class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} columns cannot be shared by {num_heads} heads")
        self.num_heads = num_heads
        self.scale = (d_model // num_heads) ** -0.5
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        batch, seq, d_model = x.shape
        shape = (batch, seq, self.num_heads, d_model // self.num_heads)
        q = (self.q_proj(x) * self.scale).view(shape)
        k, v = self.k_proj(x).view(shape), self.v_proj(x).view(shape)
        scores = torch.einsum("bihd,bjhd->bhij", q, k)
        if mask is not None:
            scores = torch.where(mask[:, None, None, :] != 0, scores, torch.tensor(torch.finfo(scores.dtype).min))
        attn = scores.softmax(dim=3)
        self.attn_weights = attn.detach().clone()
        return self.out_proj(torch.einsum("bhij,bjhd->bihd", attn, v).reshape(batch, seq, d_model))
""",
    ),
    Alternative(
        name="logsumexp_taken_away",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = torch.matmul(q, k.mT) * (1 / math.sqrt(k.shape[-1]))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    attn = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    return torch.matmul(attn, v), attn
""",
    ),
    Alternative(
        name="products_summed_over_an_axis",
        exercise="scaled_dot_product_attention",
        source="""
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = (q.unsqueeze(-2) * k.unsqueeze(-3)).sum(dim=-1).div(q.size(-1) ** 0.5)
    if mask is not None:
        hidden = (mask == 0).expand_as(scores)
        scores = torch.where(hidden, torch.full_like(scores, -1e9), scores)
    attn = nn.functional.softmax(scores, dim=-1)
    return torch.einsum("...qk,...kd->...qd", attn, v), attn
""",
    ),
]
