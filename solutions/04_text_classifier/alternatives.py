"""Right answers of unit 04 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

_SIZES = "vocab_size, num_classes, d_model=128, num_heads=4, d_ff=256, num_layers=2, max_len=256, dropout=0.1"


def _mean(name: str, body: str) -> Alternative:
    return Alternative(name=name, exercise="masked_mean", source=f"def masked_mean(hidden, mask):\n{body}")


def _classifier(name: str, body: str, before: str = "") -> Alternative:
    source = f"{before}class TransformerEncoderClassifier(nn.Module):\n{body}".replace("SIZES", _SIZES)
    return Alternative(name=name, exercise="TransformerEncoderClassifier", source=source)


def _epoch(name: str, body: str) -> Alternative:
    source = f"def train_epoch(model, batches, optimizer, loss_fn):\n{body}"
    return Alternative(name=name, exercise="train_epoch", source=source)


def _evaluate(name: str, source: str) -> Alternative:
    return Alternative(name=name, exercise="evaluate", source=source)


ALTERNATIVES = [
    # masked_mean ------------------------------------------------------------------------------------------------------
    _mean(
        "the_report_with_a_small_number",
        """
    mask = mask.unsqueeze(-1).expand(hidden.size()).float()
    sum_hidden = torch.sum(hidden * mask, 1)
    sum_mask = torch.clamp(mask.sum(1), min=1e-9)
    return sum_hidden / sum_mask
""",
    ),
    _mean(
        "einsum_in_float64",
        """
    m = mask.double()
    return (torch.einsum("bsd,bs->bd", hidden.double(), m) / (m.sum(1, keepdim=True) + 1e-12)).to(hidden.dtype)
""",
    ),
    _mean(
        "matrix_product_with_weights",
        """
    print("mask", tuple(mask.shape))
    weights = mask.to(hidden.dtype)
    weights = weights / weights.sum(dim=1, keepdim=True).clamp_min(1.0)
    return torch.bmm(weights[:, None, :], hidden).squeeze(1)
""",
    ),
    _mean(
        "row_by_row",
        """
    rows = []
    for vectors, kept in zip(hidden, mask):
        tokens = vectors[kept.bool()]
        rows.append(tokens.mean(dim=0) if len(tokens) else vectors.new_zeros(vectors.size(-1)))
    return torch.stack(rows)
""",
    ),
    _mean(
        "masked_fill_and_maximum",
        """
    import warnings
    warnings.warn("a warning costs nothing")
    filled = hidden.masked_fill((mask == 0).unsqueeze(2), 0.0)
    number = (mask != 0).sum(-1, keepdim=True)
    return filled.sum(1) / torch.maximum(number, torch.ones_like(number))
""",
    ),
    _mean(
        "lengths_of_the_sentences",
        """
    lengths = mask.long().sum(dim=1).tolist()
    means = [h[:n].sum(0) / max(n, 1) for h, n in zip(hidden, lengths)]
    return torch.stack(means, 0)
""",
    ),
    _mean(
        "nan_to_num_of_a_safe_quotient",
        """
    mask = mask.unsqueeze(-1).type_as(hidden)
    n = mask.sum(1)
    n = torch.where(n == 0, torch.ones_like(n), n)
    return (hidden * mask).sum(-2).div(n)
""",
    ),
    _mean(
        "means_where_there_are_tokens",
        """
    kept = mask.bool()
    result = hidden.new_zeros(hidden.size(0), hidden.size(2))
    some = kept.any(dim=1)
    weights = kept[some].to(hidden.dtype)
    result[some] = torch.einsum("bsd,bs->bd", hidden[some], weights) / weights.sum(dim=1, keepdim=True)
    return result
""",
    ),
    # TransformerEncoderClassifier -------------------------------------------------------------------------------------
    _classifier(
        "scaled_embedding_and_a_head_with_dropout",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.d_model = d_model
        self.embed = nn.Embedding(vocab_size, d_model, padding_idx=0)
        self.pos = PositionalEncoding(d_model, dropout, max_len)
        self.blocks = nn.ModuleList()
        for _ in range(num_layers):
            self.blocks.append(TransformerEncoderLayer(d_model, num_heads, d_ff, dropout))
        self.fc = nn.Sequential(nn.Dropout(dropout), nn.Linear(d_model, d_model), nn.Tanh(), nn.Linear(d_model, num_classes))

    def forward(self, input_ids, attention_mask=None):
        if attention_mask is None:
            attention_mask = torch.ones(input_ids.shape, dtype=torch.bool)
        x = self.pos(self.embed(input_ids) * self.d_model ** 0.5)
        for block in self.blocks:
            x = block(x, mask=attention_mask)
        return self.fc(masked_mean(x, attention_mask))
""",
    ),
    _classifier(
        "torch_encoder_with_learned_positions",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, d_model)
        self.table = nn.Parameter(torch.zeros(1, max_len, d_model))
        layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers, norm=nn.LayerNorm(d_model))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(d_model, num_classes, bias=False)

    def forward(self, input_ids, attention_mask=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        x = self.dropout(self.tokens(input_ids) + self.table[:, : input_ids.shape[1]])
        x = self.encoder(x, src_key_padding_mask=(mask == 0))
        mask = mask.float().unsqueeze(-1)
        return self.out((x * mask).sum(1) / mask.sum(1).clamp(min=1e-9))
""",
    ),
    _classifier(
        "sequence_first_with_frozen_sines",
        """
    def __init__(self, SIZES):
        super().__init__()
        position, rate = torch.arange(max_len).unsqueeze(1), torch.arange(0, d_model, 2)
        angles = position * torch.exp(-rate * math.log(10000.0) / d_model)
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :d_model]
        self.positions = nn.Embedding.from_pretrained(table, freeze=True)
        self.embedding = nn.Embedding(vocab_size, d_model)
        layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout)
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.classifier = nn.Linear(d_model, num_classes)

    def forward(self, input_ids, attention_mask=None):
        batch, seq = input_ids.shape
        if attention_mask is None:
            attention_mask = input_ids.new_ones(batch, seq)
        x = self.embedding(input_ids) + self.positions(torch.arange(seq))
        x = self.encoder(x.transpose(0, 1), src_key_padding_mask=~attention_mask.bool())
        kept = attention_mask.bool().T.unsqueeze(-1)
        return self.classifier(x.masked_fill(~kept, 0.0).sum(0) / kept.sum(0).clamp(min=1))
""",
        before="import math\n\n\n",
    ),
    _classifier(
        "parts_in_modules_of_their_own",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.encoder = Encoder(vocab_size, d_model, num_heads, d_ff, num_layers, max_len, dropout)
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, num_classes)
        self.unused = nn.Linear(d_model, d_model)
        self.apply(self._init)

    def _init(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, input_ids, attention_mask=None):
        hidden = self.norm(self.encoder(input_ids, attention_mask))
        mask = torch.ones(hidden.shape[:2]) if attention_mask is None else attention_mask
        return masked_mean(self.head(hidden), mask)


class Encoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, d_ff, num_layers, max_len, dropout):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model, dropout, max_len)
        make = lambda: TransformerEncoderLayer(d_model, num_heads, d_ff, dropout)
        self.layers = nn.ModuleList(make() for _ in range(num_layers))

    def forward(self, ids, mask):
        x = self.positions(self.embedding(ids))
        for layer in self.layers:
            x = layer(x, mask)
        return x
""",
    ),
    _classifier(
        "all_without_layers_of_torch",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.h, self.p = num_heads, dropout
        self.token = nn.Parameter(torch.randn(vocab_size, d_model) * 0.1)
        self.place = nn.Parameter(torch.randn(max_len, d_model) * 0.1)
        self.qkv = nn.ModuleList([nn.Linear(d_model, 3 * d_model) for _ in range(num_layers)])
        self.mix = nn.ModuleList([nn.Linear(d_model, d_model) for _ in range(num_layers)])
        self.up = nn.ModuleList([nn.Linear(d_model, d_ff) for _ in range(num_layers)])
        self.down = nn.ModuleList([nn.Linear(d_ff, d_model) for _ in range(num_layers)])
        self.n1 = nn.ModuleList([nn.LayerNorm(d_model) for _ in range(num_layers)])
        self.n2 = nn.ModuleList([nn.LayerNorm(d_model) for _ in range(num_layers)])
        self.last = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, input_ids, attention_mask=None):
        F, (batch, seq) = nn.functional, input_ids.shape
        if attention_mask is None:
            attention_mask = torch.ones(batch, seq)
        kept = attention_mask.bool()
        x = self.token[input_ids] + self.place[:seq]
        for qkv, mix, up, down, n1, n2 in zip(self.qkv, self.mix, self.up, self.down, self.n1, self.n2):
            q, k, v = qkv(n1(x)).unflatten(-1, (3, self.h, -1)).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=kept[:, None, None])
            x = x + F.dropout(mix(a.transpose(1, 2).flatten(2)), self.p, self.training)
            x = x + F.dropout(down(F.gelu(up(n2(x)))), self.p, self.training)
        weights = kept.float() / kept.sum(1, keepdim=True).clamp(min=1)
        return self.head(torch.einsum("bs,bsd->bd", weights, self.last(x)))
""",
    ),
    _classifier(
        "sums_in_forward_without_a_last_norm",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab_size, d_model), nn.Parameter(torch.randn(max_len, d_model))
        self.attentions, self.blocks, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for _ in range(num_layers):
            self.attentions.append(nn.MultiheadAttention(d_model, num_heads, dropout, batch_first=True))
            self.norms.append(nn.LayerNorm(d_model))
            parts = nn.LayerNorm(d_model), nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model)
            self.blocks.append(nn.Sequential(*parts, nn.Dropout(dropout)))
        self.head = nn.Sequential(nn.Linear(d_model, d_model), nn.Tanh(), nn.Linear(d_model, num_classes))

    def forward(self, input_ids, attention_mask=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        x = self.tokens(input_ids) + self.places[: input_ids.size(1)]
        for attention, norm, block in zip(self.attentions, self.norms, self.blocks):
            y = norm(x)
            x = x + attention(y, y, y, key_padding_mask=mask == 0, need_weights=False)[0]
            x = x + block(x)
        kept = (mask != 0).to(x.dtype).unsqueeze(-1)
        return self.head((x * kept).sum(1) / kept.sum(1).clamp(min=1))
""",
    ),
    _classifier(
        "a_head_for_each_token",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model, dropout, max_len)
        self.layers = nn.Sequential(*(TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)))
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, input_ids, attention_mask=None, **more):
        mask = torch.ones_like(input_ids) if attention_mask is None else (attention_mask != 0).long()
        x = self.positions(self.embedding(input_ids))
        for layer in self.layers:
            x = x + layer(x, mask)
        votes = torch.stack([self.head(x[:, place]) for place in range(x.size(1))], dim=1)
        return torch.einsum("bs,bsc->bc", mask / mask.sum(1, keepdim=True).clamp(min=1), votes)
""",
    ),
    _classifier(
        "dropout_written_by_hand",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model, 0.0, max_len)
        self.layers = nn.ModuleList([TransformerEncoderLayer(d_model, num_heads, d_ff, 0.0) for _ in range(num_layers)])
        self.head = nn.Linear(d_model, num_classes)

    def drop(self, x):
        if not self.training or self.dropout == 0:
            return x
        return x * (torch.rand(x.shape) >= self.dropout) * (1 / (1 - self.dropout))

    def forward(self, input_ids, attention_mask=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        x = self.drop(self.positions(self.embedding(input_ids)))
        for layer in self.layers:
            x = self.drop(layer(x, mask))
        return self.head(masked_mean(x, mask))
""",
    ),
    # train_epoch ------------------------------------------------------------------------------------------------------
    _epoch(
        "keyword_arguments_and_a_print",
        """
    model.train()
    losses, sizes = [], []
    for batch in batches:
        optimizer.zero_grad(set_to_none=False)
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        loss = loss_fn(logits, batch["labels"])
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
        sizes.append(batch["labels"].shape[0])
        print(f"loss {losses[-1]:.3f}")
    return sum(l * n for l, n in zip(losses, sizes)) / sum(sizes)
""",
    ),
    _epoch(
        "gradients_of_the_model_cleared_and_eval_afterwards",
        """
    import numpy as np
    device = next(model.parameters()).device
    model = model.train(True)
    seen = []
    for batch in batches:
        batch = {name: value.to(device) for name, value in batch.items()}
        labels = batch.pop("labels")
        loss = loss_fn(model(**batch), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        seen.extend([loss.item()] * len(labels))
    model.eval()
    return np.mean(seen)
""",
    ),
    _epoch(
        "a_tensor_that_adds_up",
        """
    model.train()
    total, count = torch.zeros((), dtype=torch.float64), 0
    optimizer.zero_grad()
    for batch in batches:
        loss = loss_fn(model(batch["input_ids"], attention_mask=batch["attention_mask"].bool()), batch["labels"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1e6)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.detach().double() * batch["labels"].numel()
        count += batch["labels"].numel()
    return (total / count).item()
""",
    ),
    _epoch(
        "running_mean",
        """
    mean = n = 0
    for b in batches:
        model.train()
        ids, mask, y = (b.get(key) for key in ("input_ids", "attention_mask", "labels"))
        for p in model.parameters():
            p.grad = None
        out = model.forward(ids, mask)
        loss = loss_fn(out, y)
        loss.backward()
        optimizer.step(lambda: loss.item())
        n += len(y)
        mean += (loss.item() - mean) * len(y) / n
    return mean
""",
    ),
    _epoch(
        "rows_in_another_order",
        """
    model.train()
    total = count = 0
    for batch in batches:
        order = torch.randperm(len(batch["labels"]))
        ids, mask, labels = (batch[key][order] for key in ("input_ids", "attention_mask", "labels"))
        loss = loss_fn(model(ids, mask), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count
""",
    ),
    _epoch(
        "columns_of_padding_cut_away",
        """
    model.train()
    total = count = 0
    for batch in batches:
        seq = int(batch["attention_mask"].sum(dim=1).max())
        logits = model(batch["input_ids"][:, :seq], batch["attention_mask"][:, :seq])
        loss = loss_fn(logits, batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(logits)
        count += len(logits)
    return total / count
""",
    ),
    _epoch(
        "batches_moved_to_a_device_in_place",
        """
    model.train()
    total = count = 0
    for batch in batches:
        for name in batch:
            batch[name] = batch[name].to("cpu")
        loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch["labels"])
        count += len(batch["labels"])
    return total / count
""",
    ),
    _epoch(
        "gradients_clipped_to_a_norm_of_1",
        """
    model.train()
    seen, sizes = [], []
    for batch in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        seen.append(loss.item())
        sizes.append(len(batch["labels"]))
    return sum(a * b for a, b in zip(seen, sizes)) / sum(sizes)
""",
    ),
    _epoch(
        "a_schedule_of_its_own",
        """
    batches = list(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (len(batches) + 1))
    model.train()
    total = 0.0
    for step, batch in enumerate(batches):
        loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item() * len(batch["labels"])
    return total / sum(len(batch["labels"]) for batch in batches)
""",
    ),
    _epoch(
        "progress_that_knows_how_many_batches_there_are",
        """
    model.train()
    running, seen = 0.0, 0
    for number, batch in enumerate(batches, start=1):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        loss.backward()
        optimizer.step()
        running += loss.item() * batch["input_ids"].size(0)
        seen += batch["input_ids"].size(0)
        print(f"{number} of {len(batches)}: {running / seen:.3f}")
    return running / seen
""",
    ),
    # evaluate ---------------------------------------------------------------------------------------------------------
    _evaluate(
        "inference_mode_as_a_decorator",
        """
@torch.inference_mode()
def evaluate(model, batches):
    was = model.training
    model.train(False)
    hits = [
        model(input_ids=b["input_ids"], attention_mask=b["attention_mask"]).argmax(1).eq(b["labels"]) for b in batches
    ]
    model.train(was)
    return torch.cat(hits).float().mean().item()
""",
    ),
    _evaluate(
        "the_report_with_lists",
        """
def evaluate(model, batches):
    model.eval()
    preds, true_labels = [], []
    with torch.no_grad():
        for batch in batches:
            labels = batch["labels"].cpu().numpy()
            outputs = model(batch["input_ids"], batch["attention_mask"])
            preds.extend(torch.argmax(outputs, dim=1).cpu().numpy())
            true_labels.extend(labels)
    return sum(int(p == t) for p, t in zip(preds, true_labels)) / len(true_labels)
""",
    ),
    _evaluate(
        "gradient_mode_set_and_put_back",
        """
def evaluate(model, batches):
    model.eval()
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    right = total = 0
    for batch in batches:
        shares = torch.softmax(model(batch["input_ids"], batch["attention_mask"]), dim=1)
        right += int((shares.max(dim=1).indices == batch["labels"]).sum())
        total += batch["labels"].size(0)
    torch.set_grad_enabled(before)
    return float(right) / total
""",
    ),
    _evaluate(
        "weighted_batch_accuracies",
        """
@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    scores, sizes = [], []
    for batch in batches:
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        predicted = model(**inputs).topk(1, dim=-1).indices.squeeze(-1)
        scores.append((predicted == batch["labels"]).double().mean().item())
        sizes.append(len(predicted))
        print("batch of", sizes[-1])
    return sum(a * b for a, b in zip(scores, sizes)) / sum(sizes)
""",
    ),
    _evaluate(
        "one_example_at_a_time",
        """
def evaluate(model, batches):
    model.eval()
    share = number = 0
    with torch.no_grad():
        for batch in batches:
            for i, label in enumerate(batch["labels"]):
                logits = model(batch["input_ids"][i : i + 1], batch["attention_mask"][i : i + 1])
                number += 1
                share += (float(logits.argmax() == label) - share) / number
    return share
""",
    ),
    _evaluate(
        "columns_of_padding_cut_away_too",
        """
@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    right, count = 0, 0
    for batch in batches:
        labels, used = batch["labels"].flip(0), batch["attention_mask"].any(dim=0)
        logits = model(batch["input_ids"][:, used].flip(0), batch["attention_mask"][:, used].flip(0))
        right += (logits.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return right / count
""",
    ),
    # as people write them too
    _mean(
        "counts_by_a_running_sum",
        """
    kept = mask.ne(0)
    sums = torch.where(kept[:, :, None], hidden, torch.zeros_like(hidden)).cumsum(dim=1)[:, -1]
    return sums / kept.sum(1).clamp(min=1)[:, None]
""",
    ),
    _mean(
        "gathered_by_sentence_number",
        """
    rows, places = (mask != 0).nonzero(as_tuple=True)
    sums = hidden.new_zeros(hidden.size(0), hidden.size(2)).index_add(0, rows, hidden[rows, places])
    counts = torch.bincount(rows, minlength=hidden.size(0)).clamp(min=1)
    return sums / counts.unsqueeze(-1)
""",
    ),
    _mean(
        "mean_times_seq_over_count",
        """
    m = mask.to(hidden.dtype)
    mean_with_zeros = torch.mean(hidden * m.unsqueeze(2), dim=1)
    return mean_with_zeros * (hidden.size(1) / m.sum(dim=1).clamp(min=1)).unsqueeze(1)
""",
    ),
    _mean(
        "reciprocal_of_the_count",
        """
    m = (mask > 0).float()
    n = m.sum(dim=-1)
    inverse = torch.where(n > 0, 1 / n.clamp(min=1), torch.zeros_like(n))
    return torch.einsum("bsd,bs,b->bd", hidden, m, inverse)
""",
    ),
    _mean(
        "token_after_token",
        """
    total = torch.zeros_like(hidden[:, 0])
    seen = torch.zeros(hidden.size(0), 1)
    for place in range(hidden.size(1)):
        here = (mask[:, place] != 0).to(hidden.dtype)[:, None]
        total = total + hidden[:, place] * here
        seen = seen + here
    return total / torch.clamp(seen, min=1)
""",
    ),
    _classifier(
        "embedding_and_positions_as_a_module_list",
        """
    def __init__(self, SIZES):
        super().__init__()
        parts = [nn.Embedding(vocab_size, d_model), PositionalEncoding(d_model, dropout, max_len)]
        self.start = nn.Sequential(*parts)
        self.encoders = nn.ModuleDict(
            {f"layer{n}": TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for n in range(num_layers)}
        )
        self.drop, self.fc = nn.Dropout(dropout), nn.Linear(d_model, num_classes)

    def forward(self, input_ids, attention_mask=None):
        kept = torch.ones_like(input_ids, dtype=torch.float) if attention_mask is None else attention_mask.float()
        hidden = self.start(input_ids)
        for encoder in self.encoders.values():
            hidden = encoder(hidden, kept)
        pooled = (hidden * kept[..., None]).sum(1) / kept.sum(1, keepdim=True).clamp(min=1.0)
        return self.fc(self.drop(pooled))
""",
    ),
    _classifier(
        "norm_behind_the_embedding_and_a_wide_head",
        """
    def __init__(self, SIZES):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.places = nn.Embedding(max_len, d_model)
        self.norm, self.drop = nn.LayerNorm(d_model), nn.Dropout(dropout)
        self.stack = nn.ModuleList([TransformerEncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)])
        self.head = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, num_classes))

    def forward(self, input_ids, attention_mask=None):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        places = torch.arange(input_ids.size(1)).unsqueeze(0)
        x = self.drop(self.norm(self.words(input_ids) + self.places(places)))
        for layer in self.stack:
            x = layer(x, attention_mask)
        return self.head(masked_mean(x, attention_mask))
""",
    ),
    _epoch(
        "backward_of_a_scaled_loss_and_back",
        """
    model.train()
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        output = model(batch["input_ids"], batch["attention_mask"])
        loss = loss_fn(output, batch["labels"])
        (loss * 4).backward()
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(4)
        optimizer.step()
        losses += [(loss.item(), output.size(0))]
    return sum(value * size for value, size in losses) / sum(size for _, size in losses)
""",
    ),
    _epoch(
        "gradients_by_autograd_grad",
        """
    model.train()
    loss_sum, examples = 0.0, 0
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for batch in batches:
        loss = loss_fn(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True)):
            p.grad = gradient
        optimizer.step()
        loss_sum += batch["labels"].size(0) * loss.item()
        examples += batch["labels"].size(0)
    return loss_sum / examples
""",
    ),
    _epoch(
        "weighted_by_numpy",
        """
    import numpy as np

    model.train()
    values, sizes = [], []
    for batch in batches:
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"])
        loss = loss_fn(logits, batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.detach().numpy())
        sizes.append(len(logits))
    return float(np.average(values, weights=sizes))
""",
    ),
    _evaluate(
        "comparison_of_each_class",
        """
def evaluate(model, batches):
    model.eval()
    right, count = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            logits = model(batch["input_ids"], batch["attention_mask"])
            one_hot = nn.functional.one_hot(logits.argmax(-1), logits.size(-1))
            right += one_hot.gather(1, batch["labels"].unsqueeze(1)).sum().item()
            count += logits.size(0)
    return right / count
""",
    ),
    _evaluate(
        "numpy_of_everything",
        """
def evaluate(model, batches):
    import numpy as np

    model.eval()
    predictions, labels = [], []
    with torch.no_grad():
        for batch in batches:
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            predictions.append(logits.numpy().argmax(axis=1))
            labels.append(batch["labels"].numpy())
    return float((np.concatenate(predictions) == np.concatenate(labels)).mean())
""",
    ),
    _evaluate(
        "running_share",
        """
def evaluate(model, batches):
    model.eval()
    share, seen = 0.0, 0
    with torch.inference_mode():
        for batch in batches:
            hits = model(batch["input_ids"], batch["attention_mask"]).argmax(1) == batch["labels"]
            seen += hits.numel()
            share += (hits.float().mean().item() - share) * hits.numel() / seen
    return share
""",
    ),
    _evaluate(
        "all_logits_first",
        """
@torch.no_grad()
def evaluate(model, batches):
    model.train(mode=False)
    batches = list(batches)
    logits = torch.cat([model(batch["input_ids"], batch["attention_mask"]) for batch in batches])
    labels = torch.cat([batch["labels"] for batch in batches])
    return logits.max(dim=1).indices.eq(labels).double().mean().item()
""",
    ),
    _evaluate(
        "counter_of_hits",
        """
def evaluate(model, batches):
    from collections import Counter

    model.eval()
    seen = Counter()
    with torch.no_grad():
        for batch in batches:
            logits = model(batch["input_ids"], batch["attention_mask"])
            best = logits.sort(dim=-1, descending=True).indices[:, 0]
            seen.update((best == batch["labels"]).tolist())
    return seen[True] / (seen[True] + seen[False])
""",
    ),
]
