"""Right answers of unit 06 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative


def _entropy(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="attention_entropy", source=f"def attention_entropy(attn, mask):\n{body}")


def _rollout(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="attention_rollout", source=f"def attention_rollout(attentions):\n{body}")


ALTERNATIVES = [
    _entropy(
        "clamped_logarithm",
        """
    terms = -attn * attn.clamp(min=1e-9).log()
    per_query = terms.sum(-1)
    weight = mask.float()[:, None, :]
    return (per_query * weight).sum(-1) / weight.sum(-1)
""",
    ),
    _entropy(
        "where_and_einsum",
        """
    logs = torch.where(attn > 0, attn, torch.ones_like(attn)).log()
    real = (mask > 0).float()
    return -torch.einsum("bhqk,bhqk,bq->bh", attn, logs, real) / real.sum(1, keepdim=True)
""",
    ),
    _entropy(
        "small_number_added",
        """
    per_query = -(attn * torch.log(attn + 1e-9)).sum(dim=-1)
    per_query = per_query.masked_fill(mask[:, None, :] == 0, 0.0)
    return per_query.sum(dim=-1) / mask.sum(dim=-1)[:, None]
""",
    ),
    _entropy(
        "loops_and_math",
        """
    import math
    batch, heads, seq, _ = attn.shape
    out = torch.zeros(batch, heads)
    for b in range(batch):
        queries = [q for q in range(seq) if mask[b, q]]
        for h in range(heads):
            total = 0.0
            for q in queries:
                for p in attn[b, h, q].tolist():
                    if p > 0:
                        total -= p * math.log(p)
            out[b, h] = total / len(queries)
    print("entropy of", batch * heads, "heads")
    return out
""",
    ),
    _entropy(
        "numpy_in_float64",
        """
    import numpy as np
    p = attn.detach().numpy().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p), 0.0)
    real = mask.numpy().astype(bool)
    return torch.from_numpy(np.stack([-t.sum(-1)[:, r].mean(-1) for t, r in zip(terms, real)])).float()
""",
    ),
    _entropy(
        "categorical_distribution",
        """
    import warnings
    warnings.warn("a warning costs nothing")
    entropy = torch.distributions.Categorical(probs=attn).entropy()
    return torch.stack([e[:, m.bool()].mean(dim=1) for e, m in zip(entropy, mask)])
""",
    ),
    _entropy(
        "keys_masked_too",
        """
    m = mask.to(attn.dtype)
    p = attn * m[:, None, None, :]
    per_query = -(p * p.log()).nan_to_num(0.0).sum(-1) * m[:, None]
    return per_query.sum(-1) / m.sum(-1, keepdim=True)
""",
    ),
    _entropy(
        "masked_mean_by_nan",
        """
    per_query = torch.special.entr(attn).sum(-1)
    return per_query.masked_fill(~mask.bool()[:, None], float("nan")).nanmean(dim=-1)
""",
    ),
    _entropy(
        "sentence_by_sentence_with_a_bool_index",
        """
    h = torch.special.entr(attn).sum(-1)
    return torch.stack([row[:, keep != 0].mean(-1) for row, keep in zip(h, mask)])
""",
    ),
    # rollout ----------------------------------------------------------------------------------------------------------
    _rollout(
        "halves",
        """
    joint = torch.eye(attentions[0].shape[-1]).expand(attentions[0].shape[0], -1, -1)
    for attn in attentions:
        joint = torch.matmul(0.5 * attn.mean(1) + 0.5 * torch.eye(attn.shape[-1]), joint)
    return joint
""",
    ),
    _rollout(
        "identity_in_each_head",
        """
    from functools import reduce
    eye = torch.eye(attentions[-1].size(-1))
    layers = [torch.nn.functional.normalize((attn + eye).mean(1), p=1, dim=-1) for attn in attentions]
    return reduce(lambda below, above: above @ below, layers)
""",
    ),
    _rollout(
        "renormalised_at_the_end",
        """
    rollout = 1
    for attn in reversed(list(attentions)):
        layer = attn.double().mean(1) + torch.eye(attn.size(-1), dtype=torch.float64)
        rollout = layer if isinstance(rollout, int) else rollout @ layer
    return (rollout / rollout.sum(-1, keepdim=True)).float()
""",
    ),
    _rollout(
        "stacked_and_einsum",
        """
    stacked = torch.stack(list(attentions)).mean(dim=2)  # (layers, batch, seq, seq)
    stacked = stacked + torch.eye(stacked.size(-1))
    stacked = stacked / stacked.sum(-1, keepdim=True)
    result = stacked[0]
    for layer in stacked[1:]:
        result = torch.einsum("bij,bjk->bik", layer, result)
    return result
""",
    ),
    _rollout(
        "numpy_sentence_by_sentence",
        """
    import numpy as np
    sentences = []
    for i in range(attentions[0].shape[0]):
        product = np.eye(attentions[0].shape[-1])
        for attn in attentions:
            a = attn[i].detach().numpy().mean(0) + np.eye(attn.shape[-1])
            product = a / a.sum(axis=1, keepdims=True) @ product
        sentences.append(product)
    return torch.tensor(np.array(sentences), dtype=torch.float32)
""",
    ),
    _rollout(
        "recursive",
        """
    *below, attn = attentions
    eye = torch.eye(attn.size(-1)).unsqueeze(0)
    layer = (attn.sum(1) / attn.size(1) + eye) / 2
    return layer.bmm(attention_rollout(below)) if below else layer
""",
    ),
    _rollout(
        "sums_with_an_axis_added",
        """
    rollout = None
    for attn in attentions:
        a = attn.mean(1) + torch.eye(attn.shape[-1])[None]
        a = torch.div(a, a.sum(2)[:, :, None])
        rollout = a if rollout is None else torch.einsum("bij,bjk->bik", a, rollout)
    return rollout
""",
    ),
    # as people write them too
    _entropy(
        "entropy_of_kept_weights_only",
        """
    batch, heads, seq, _ = attn.shape
    out = []
    for weights, keep in zip(attn, mask):
        rows = weights[:, keep.bool()]  # (heads, tokens, seq)
        flat = rows.reshape(-1, seq)
        values = torch.stack([-(p[p > 0] * p[p > 0].log()).sum() for p in flat])
        out.append(values.view(heads, -1).mean(dim=1))
    return torch.stack(out)
""",
    ),
    _entropy(
        "cross_entropy_with_itself",
        """
    logs = torch.log(attn.clamp_min(torch.finfo(attn.dtype).tiny))
    per_query = -torch.einsum("bhqk,bhqk->bhq", attn, logs)
    weights = mask.to(attn.dtype) / mask.sum(dim=1, keepdim=True)
    return torch.einsum("bhq,bq->bh", per_query, weights)
""",
    ),
    _entropy(
        "base_two_turned_into_nats",
        """
    import math
    bits = -(attn * torch.where(attn == 0, torch.ones_like(attn), attn).log2()).sum(-1)
    real = mask.bool().unsqueeze(1).expand_as(bits)
    return torch.where(real, bits, 0.0).sum(-1) / real.sum(-1) * math.log(2)
""",
    ),
    _entropy(
        "scipy_sentence_by_sentence",
        """
    from scipy.stats import entropy
    found = torch.from_numpy(entropy(attn.detach().numpy(), axis=-1)).to(attn.dtype)
    return torch.stack([f @ keep / keep.sum() for f, keep in zip(found, (mask > 0).to(attn.dtype))])
""",
    ),
    _rollout(
        "chain_of_products",
        """
    mats = []
    for attn in attentions:
        a = attn.mean(dim=1)
        a = a + torch.eye(a.size(-1))
        mats.append(a / a.sum(dim=-1, keepdim=True))
    mats = mats[::-1]
    return torch.stack([torch.linalg.multi_dot([m[b] for m in mats]) if len(mats) > 1 else mats[0][b]
                        for b in range(mats[0].size(0))])
""",
    ),
    _rollout(
        "diagonal_raised_in_a_copy",
        """
    result = None
    for attn in attentions:
        a = attn.mean(1).clone()
        a.diagonal(dim1=-2, dim2=-1).add_(1.0)
        a = a / a.sum(-1).unsqueeze(-1)
        result = a if result is None else torch.bmm(a, result)
    return result
""",
    ),
    _rollout(
        "one_token_followed_down",
        """
    layers = [(a.mean(1) + torch.eye(a.size(-1))) for a in attentions]
    layers = [a / a.sum(-1, keepdim=True) for a in layers]
    seq = layers[0].size(-1)
    rows = []
    for token in range(seq):
        share = torch.eye(seq)[token].expand(layers[0].size(0), 1, seq)
        for a in reversed(layers):
            share = share @ a
        rows.append(share[:, 0])
    return torch.stack(rows, dim=1)
""",
    ),
    _rollout(
        "columns_on_the_left_then_turned",
        """
    product = None
    for attn in attentions:
        a = ((attn.mean(1) + torch.eye(attn.size(-1))) / 2).mT
        product = a if product is None else product @ a
    return product.mT
""",
    ),
    _rollout(
        "accumulate_from_itertools",
        """
    from itertools import accumulate
    layers = (0.5 * (a.double().mean(1) + torch.eye(a.size(-1), dtype=torch.float64)) for a in attentions)
    *_, last = accumulate(layers, lambda below, layer: layer @ below)
    return last.to(attentions[0].dtype)
""",
    ),
]
