"""Right answers of unit 05 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

_NEWS_INIT = """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts = texts
        self.labels = labels
        self.tokenizer = tokenizer
        self.max_length = max_length

    def __len__(self):
        return len(self.texts)
"""

_ATTENTION_INIT = """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.attention = nn.Sequential(nn.Linear(hidden_size, attention_size), nn.Tanh(), nn.Linear(attention_size, 1))
"""


def _answer(exercise: str, name: str, source: str) -> Alternative:
    return Alternative(name=f"{exercise}_{name}", exercise=exercise, source=source.strip("\n") + "\n")


def _report(exercise: str, source: str) -> Alternative:
    """As the laboratory report has it, under this course's names."""
    return Alternative(name="report", exercise=exercise, source=source.strip("\n") + "\n")


ALTERNATIVES = [
    # NewsDataset ------------------------------------------------------------------------------------------------------
    _report(
        "NewsDataset",
        _NEWS_INIT
        + """
    def __getitem__(self, idx):
        text = self.texts[idx]
        label = self.labels[idx]
        encoding = self.tokenizer(
            text, truncation=True, padding="max_length",
            max_length=self.max_length, return_tensors="pt"
        )
        return {
            "input_ids": encoding["input_ids"].squeeze(0),
            "attention_mask": encoding["attention_mask"].squeeze(0),
            "labels": torch.tensor(label, dtype=torch.long),
        }
""",
    ),
    _answer(
        "NewsDataset",
        "all_at_once_in_init",
        """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.encodings = tokenizer(
            list(texts), truncation=True, padding="max_length", max_length=max_length, return_tensors="pt"
        )
        self.labels = torch.as_tensor(labels)

    def __len__(self):
        return self.labels.shape[0]

    def __getitem__(self, i):
        item = {key: value[i] for key, value in self.encodings.items()}
        item["labels"] = self.labels[i]
        return item
""",
    ),
    _answer(
        "NewsDataset",
        "lists_made_tensors",
        _NEWS_INIT
        + """
    def __getitem__(self, index):
        print("item", index)
        encoding = self.tokenizer(self.texts[index], truncation=True, padding="max_length", max_length=self.max_length)
        encoding["labels"] = self.labels[index]
        return {key: torch.tensor(value) for key, value in encoding.items()}
""",
    ),
    _answer(
        "NewsDataset",
        "the_tokenizers_own_mapping",
        _NEWS_INIT
        + """
    def __getitem__(self, index):
        item = self.tokenizer(
            self.texts[index], return_tensors="pt", padding="max_length", truncation=True, max_length=self.max_length
        )
        for key in item:
            item[key] = item[key][0]
        item["labels"] = torch.tensor(self.labels[index])
        return item
""",
    ),
    _answer(
        "NewsDataset",
        "padded_by_hand",
        _NEWS_INIT
        + """
    def __getitem__(self, index):
        ids = self.tokenizer(self.texts[index], truncation=True, max_length=self.max_length)["input_ids"]
        padded = torch.full((self.max_length,), self.tokenizer.pad_token_id)
        padded[: len(ids)] = torch.tensor(ids)
        mask = padded.ne(self.tokenizer.pad_token_id).long()
        return dict(input_ids=padded, attention_mask=mask, labels=torch.LongTensor([self.labels[index]])[0])
""",
    ),
    _answer(
        "NewsDataset",
        "dataclass",
        """
from dataclasses import dataclass


@dataclass
class NewsDataset(Dataset):
    texts: list
    labels: list
    tokenizer: object
    max_length: int = 50

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        ids = self.tokenizer.encode(self.texts[index], truncation=True, max_length=self.max_length)
        rest = self.max_length - len(ids)
        return {
            "input_ids": torch.tensor(ids + [self.tokenizer.pad_token_id] * rest),
            "attention_mask": torch.tensor([1] * len(ids) + [0] * rest),
            "labels": torch.as_tensor(self.labels[index]),
        }
""",
    ),
    _answer(
        "NewsDataset",
        "as_for_transformers_4",
        _NEWS_INIT
        + """
    def __getitem__(self, item):
        encoding = self.tokenizer.encode_plus(
            str(self.texts[item]), add_special_tokens=True, max_length=self.max_length, truncation=True,
            padding="max_length", return_token_type_ids=False, return_attention_mask=True, return_tensors="pt",
        )
        return {
            "input_ids": encoding["input_ids"].flatten(),
            "attention_mask": encoding["attention_mask"].flatten(),
            "labels": torch.tensor(self.labels[item]),
        }
""",
    ),
    # cls_pooling ------------------------------------------------------------------------------------------------------
    _report("cls_pooling", "def cls_pooling(hidden, mask):\n    return hidden[:, 0, :]"),
    _answer("cls_pooling", "select", "def cls_pooling(hidden, mask):\n    return hidden.select(1, 0).clone()"),
    _answer("cls_pooling", "sliced", "def cls_pooling(h, m):\n    return h[:, :1].squeeze(1)"),
    _answer("cls_pooling", "turned", "def cls_pooling(hidden, mask):\n    return hidden.transpose(0, 1)[0]"),
    _answer(
        "cls_pooling",
        "one_hot",
        """
def cls_pooling(hidden, mask):
    import warnings
    warnings.warn("a warning costs nothing")
    first = torch.zeros(hidden.shape[1], dtype=hidden.dtype)
    first[0] = 1
    return torch.einsum("bsh,s->bh", hidden, first)
""",
    ),
    # max_pooling ------------------------------------------------------------------------------------------------------
    _answer(
        "max_pooling",
        "large_negative_number",
        """
def max_pooling(hidden, mask):
    mask = mask.unsqueeze(-1).expand(hidden.size()).float()
    hidden = hidden.masked_fill(mask == 0, -1e9)
    return torch.max(hidden, 1)[0]
""",
    ),
    _answer(
        "max_pooling",
        "half_precisions_number",
        "def max_pooling(hidden, mask):\n    return hidden.masked_fill(mask.unsqueeze(2) == 0, -1e4).amax(dim=1)",
    ),
    _answer(
        "max_pooling",
        "sentence_by_sentence",
        """
def max_pooling(hidden, mask):
    return torch.stack([row[m.bool()].max(dim=0)[0] for row, m in zip(hidden, mask)])
""",
    ),
    _answer(
        "max_pooling",
        "where_in_float64",
        """
def max_pooling(hidden, mask):
    low = torch.tensor(float("-inf"), dtype=torch.float64)
    return torch.where(mask.bool()[:, :, None], hidden.double(), low).max(dim=-2).values.float()
""",
    ),
    _answer(
        "max_pooling",
        "sum_with_a_mask_of_minus_infinity",
        """
def max_pooling(hidden, mask):
    extra = torch.zeros(mask.shape)
    extra[mask == 0] = -float("inf")
    return (hidden + extra[:, :, None]).topk(1, dim=1).values.squeeze(1)
""",
    ),
    _answer(
        "max_pooling",
        "cloned_and_set",
        """
def max_pooling(hidden, mask):
    h = hidden.clone()
    h[mask == 0] = torch.finfo(h.dtype).min
    return torch.max(h, dim=1).values
""",
    ),
    _answer(
        "max_pooling",
        "logarithm_of_the_mask",
        "def max_pooling(hidden, mask):\n    return torch.amax(hidden + mask.float().log().unsqueeze(-1), dim=1)",
    ),
    _answer(
        "max_pooling",
        "step_by_step",
        """
def max_pooling(hidden, mask):
    best = torch.full((hidden.size(0), hidden.size(2)), float("-inf"))
    for t in range(hidden.size(1)):
        keep = (mask[:, t] != 0).unsqueeze(-1)
        best = torch.where(keep, torch.maximum(best, hidden[:, t]), best)
    return best
""",
    ),
    # AttentionPooling -------------------------------------------------------------------------------------------------
    _report(
        "AttentionPooling",
        _ATTENTION_INIT
        + """
    def forward(self, last_hidden, attention_mask):
        attn_weights = self.attention(last_hidden).squeeze(-1) # [batch, seq_len]
        attn_weights = attn_weights.masked_fill(attention_mask == 0, float('-inf'))
        attn_weights = torch.softmax(attn_weights, dim=1)
        self.weights = attn_weights
        pooled = torch.sum(last_hidden * attn_weights.unsqueeze(-1), dim=1)
        return pooled
""",
    ),
    _answer(
        "AttentionPooling",
        "minus_1e9_and_bmm",
        _ATTENTION_INIT
        + """
    def forward(self, hidden, mask):
        scores = self.attention(hidden)                      # (batch, seq, 1)
        scores = scores.masked_fill(mask.unsqueeze(-1) == 0, -1e9)
        weights = nn.functional.softmax(scores, dim=1)
        self.weights = weights.squeeze(-1).detach()
        return torch.bmm(weights.transpose(1, 2), hidden).squeeze(1)
""",
    ),
    _answer(
        "AttentionPooling",
        "exponentials_by_hand",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.project = nn.Linear(hidden_size, attention_size)
        self.context = nn.Linear(attention_size, 1, bias=False)

    def forward(self, hidden, mask):
        print("pooling", tuple(hidden.shape))
        scores = self.context(self.project(hidden).tanh())[..., 0].double()
        powers = torch.exp(scores - scores.detach().amax(dim=1, keepdim=True)) * mask.double()
        self.weights = powers / powers.sum(dim=1, keepdim=True)
        return torch.einsum("bs,bsh->bh", self.weights, hidden.double()).float()
""",
    ),
    _answer(
        "AttentionPooling",
        "matrices_of_its_own",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.w = nn.Parameter(torch.randn(hidden_size, attention_size) / hidden_size**0.5)
        self.b = nn.Parameter(torch.zeros(attention_size))
        self.v = nn.Parameter(torch.randn(attention_size) / attention_size**0.5)

    def forward(self, hidden, mask):
        scores = torch.tanh(hidden @ self.w + self.b) @ self.v
        scores = torch.where(mask != 0, scores, torch.finfo(scores.dtype).min)
        self.weights = scores.softmax(-1)
        return (self.weights.unsqueeze(1) @ hidden)[:, 0]
""",
    ),
    _answer(
        "AttentionPooling",
        "sentence_by_sentence",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.first = nn.Linear(hidden_size, attention_size)
        self.second = nn.Linear(attention_size, 1)

    def forward(self, hidden, mask):
        pooled, kept = [], torch.zeros(mask.shape)
        for i in range(hidden.size(0)):
            vectors = hidden[i][mask[i] != 0]
            share = torch.softmax(self.second(torch.tanh(self.first(vectors))), dim=0)
            kept[i][mask[i] != 0] = share.detach().flatten()
            pooled.append((share * vectors).sum(0))
        self.weights = kept
        return torch.stack(pooled)
""",
    ),
    _answer(
        "AttentionPooling",
        "map_to_the_score_before_the_biases",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.W = nn.Parameter(torch.randn(attention_size, hidden_size) * 0.1)
        self.v = nn.Parameter(torch.zeros(attention_size))
        self.b = nn.Parameter(torch.zeros(attention_size))
        self.c = nn.Parameter(torch.tensor(0.0))

    def forward(self, hidden, mask):
        inner = torch.tanh(torch.einsum("bsh,ah->bsa", hidden, self.W) + self.b)
        scores = torch.einsum("bsa,a->bs", inner, self.v) + self.c
        scores = scores + torch.where(mask > 0, 0.0, -1e9)
        self.weights = torch.exp(scores - torch.logsumexp(scores, dim=1, keepdim=True))
        return torch.einsum("bs,bsh->bh", self.weights, hidden)
""",
    ),
    _answer(
        "AttentionPooling",
        "convolutions_over_one_token",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.inner = nn.Conv1d(hidden_size, attention_size, kernel_size=1)
        self.outer = nn.Conv1d(attention_size, 1, kernel_size=1)

    def forward(self, hidden, mask):
        scores = self.outer(self.inner(hidden.mT).tanh()).squeeze(1)  # (batch, seq)
        powers = torch.softmax(scores, dim=-1) * mask
        self.weights = powers / powers.sum(dim=-1, keepdim=True)
        return (hidden.mT @ self.weights.unsqueeze(-1)).squeeze(-1)
""",
    ),
    _answer(
        "AttentionPooling",
        "lazy_layers",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.net = nn.Sequential(nn.LazyLinear(attention_size), nn.Tanh(), nn.LazyLinear(1))

    def forward(self, hidden, mask):
        scores = self.net(hidden)[..., 0].masked_fill(mask.logical_not(), -1e30)
        self.weights = scores.softmax(dim=-1)
        return (hidden * self.weights[:, :, None]).sum(-2)
""",
    ),
    # BertClassifier ---------------------------------------------------------------------------------------------------
    _report(
        "BertClassifier",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling='cls', dropout=0.1):
        super(BertClassifier, self).__init__()
        if pooling not in ('cls', 'mean', 'max', 'attention'):
            raise ValueError("pooling must be cls, mean, max or attention, got " + str(pooling))
        self.bert = encoder
        self.pool_type = pooling
        self.num_labels = num_labels
        if pooling == 'attention':
            self.attention = nn.Sequential(
                nn.Linear(self.bert.config.hidden_size, 128),
                nn.Tanh(),
                nn.Linear(128, 1)
            )
        self.classifier = nn.Linear(self.bert.config.hidden_size, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids, attention_mask):
        outputs = self.bert(input_ids=input_ids,
                            attention_mask=attention_mask)
        last_hidden = outputs.last_hidden_state # [batch, seq_len, hidden_size]

        # CLS pooling
        if self.pool_type == 'cls':
            pooled = last_hidden[:, 0, :]

        # Mean pooling
        elif self.pool_type == 'mean':
            mask = attention_mask.unsqueeze(-1).expand(last_hidden.size()).float()
            sum_hidden = torch.sum(last_hidden * mask, 1)
            sum_mask = torch.clamp(mask.sum(1), min=1e-9)
            pooled = sum_hidden / sum_mask

        # Max pooling
        elif self.pool_type == 'max':
            mask = attention_mask.unsqueeze(-1).expand(last_hidden.size())
            pooled = last_hidden.masked_fill(mask == 0, float('-inf')).max(1)[0]

        # Attention pooling
        elif self.pool_type == 'attention':
            attn_weights = self.attention(last_hidden).squeeze(-1) # [batch, seq_len]
            attn_weights = attn_weights.masked_fill(attention_mask == 0, float('-inf'))
            attn_weights = torch.softmax(attn_weights, dim=1)
            pooled = torch.sum(last_hidden * attn_weights.unsqueeze(-1), dim=1)

        pooled = self.dropout(pooled)
        return self.classifier(pooled)
""",
    ),
    _answer(
        "BertClassifier",
        "error_at_the_first_use",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        self.bert, self.pooling = encoder, pooling
        self.attention = AttentionPooling(encoder.config.hidden_size)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(encoder.config.hidden_size, num_labels))

    def forward(self, input_ids, attention_mask):
        hidden = self.bert(input_ids, attention_mask)[0]
        if self.pooling == "cls":
            pooled = cls_pooling(hidden, attention_mask)
        elif self.pooling == "mean":
            pooled = masked_mean(hidden, attention_mask)
        elif self.pooling == "max":
            pooled = max_pooling(hidden, attention_mask)
        elif self.pooling == "attention":
            pooled = self.attention(hidden, attention_mask)
        else:
            raise ValueError(f"{self.pooling} is not one of cls, mean, max, attention")
        return self.classifier(pooled)
""",
    ),
    _answer(
        "BertClassifier",
        "dropout_on_every_token",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        choices = {"CLS": cls_pooling, "MEAN": masked_mean, "MAX": max_pooling, "ATTENTION": None}
        try:
            self.function = choices[pooling.upper()]
        except KeyError as error:
            raise ValueError("choose one of " + str(sorted(choices))) from error
        self.transformer = encoder
        if pooling == "attention":
            self.function = self.pooler = AttentionPooling(encoder.config.hidden_size, 32)
        self.p = dropout
        self.out = nn.Linear(encoder.config.hidden_size, num_labels)

    def forward(self, input_ids, attention_mask):
        states = self.transformer(attention_mask=attention_mask, input_ids=input_ids)["last_hidden_state"]
        states = nn.functional.dropout(states, self.p, self.training)
        return self.out(self.function(states, attention_mask))
""",
    ),
    _answer(
        "BertClassifier",
        "a_module_for_each_pooling",
        """
class _Pool(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, hidden, mask):
        return self.function(hidden, mask)


class BertClassifier(nn.Module):
    NAMES = ["cls", "mean", "max", "attention"]

    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        if pooling not in self.NAMES:
            raise ValueError(f"got {pooling!r}, want one of {self.NAMES}")
        super().__init__()
        size = encoder.config.hidden_size
        pools = nn.ModuleDict({"cls": _Pool(cls_pooling), "mean": _Pool(masked_mean), "max": _Pool(max_pooling)})
        pools["attention"] = AttentionPooling(size)
        self.parts = nn.ModuleList([encoder, pools[pooling], nn.Dropout(dropout), nn.Linear(size, num_labels)])

    def forward(self, input_ids, attention_mask):
        encoder, pool, dropout, head = self.parts
        out = encoder(input_ids=input_ids, attention_mask=attention_mask, return_dict=True)
        return head(dropout(pool(out.last_hidden_state, attention_mask)))
""",
    ),
    _answer(
        "BertClassifier",
        "starts_from_zeros",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r} is none of {POOLINGS}")
        self.bert = encoder
        self.attention = AttentionPooling(encoder.config.hidden_size)
        self.chosen = pooling
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)
        nn.init.zeros_(self.classifier.weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids, attention_mask):
        hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        functions = dict(zip(POOLINGS, (cls_pooling, masked_mean, max_pooling, self.attention)))
        return self.classifier(self.dropout(functions[self.chosen](hidden, attention_mask)))
""",
    ),
    _answer(
        "BertClassifier",
        "head_without_bias",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}, got {pooling!r}")
        width = encoder.config.hidden_size
        makers = {"cls": lambda: cls_pooling, "mean": lambda: masked_mean, "max": lambda: max_pooling}
        self.pool = makers.get(pooling, lambda: AttentionPooling(width))()
        self.encoder, self.rate = encoder, dropout
        self.head = nn.Linear(width, num_labels, bias=False)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = self.pool(hidden, attention_mask)
        if self.training and self.rate > 0:
            pooled = pooled * (torch.rand_like(pooled) >= self.rate) / (1 - self.rate)
        return self.head(pooled)
""",
    ),
    _answer(
        "BertClassifier",
        "attention_of_half_the_width",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        width = encoder.config.hidden_size
        match pooling:
            case "cls":
                self.pool = cls_pooling
            case "mean":
                self.pool = masked_mean
            case "max":
                self.pool = max_pooling
            case "attention":
                self.pool = AttentionPooling(width, width // 2)
            case other:
                raise ValueError(f"{other!r}: choose cls, mean, max, or attention")
        self.encoder, self.dropout, self.head = encoder, nn.Dropout(dropout), nn.LazyLinear(num_labels)

    def forward(self, input_ids, attention_mask):
        hidden, *_ = self.encoder(input_ids, attention_mask, return_dict=False)
        return self.head(self.dropout(self.pool(hidden, attention_mask)))
""",
    ),
    _answer(
        "BertClassifier",
        "last_of_all_layers",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling: one of {POOLINGS}, not {pooling}")
        self.config, self.pooling, self.encoder = encoder.config, pooling, encoder
        self.attention = AttentionPooling(encoder.config.hidden_size) if pooling == "attention" else None
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)

    def forward(self, input_ids, attention_mask):
        self.encoder.train(self.training)
        states = self.encoder(input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
        hidden = states[len(states) - 1]
        keep = (attention_mask != 0)[..., None]
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        elif self.pooling == "mean":
            pooled = torch.where(keep, hidden, 0.0).sum(1) / keep.sum(1)
        elif self.pooling == "max":
            pooled = torch.where(keep, hidden, -torch.inf).amax(1)
        else:
            pooled = self.attention(hidden, attention_mask)
        return self.classifier(self.dropout(pooled))
""",
    ),
    # as people write them too
    _answer(
        "NewsDataset",
        "pad_of_the_tokenizer",
        """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        encoded = self.tokenizer(self.texts[index], truncation=True, max_length=self.max_length)
        padded = self.tokenizer.pad(encoded, padding="max_length", max_length=self.max_length, return_tensors="pt")
        return {
            "input_ids": padded["input_ids"].view(-1),
            "attention_mask": padded["attention_mask"].view(-1),
            "labels": torch.tensor(int(self.labels[index])),
        }
""",
    ),
    _answer(
        "NewsDataset",
        "a_batch_of_one",
        """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        batch = self.tokenizer(
            [self.texts[index]], padding="max_length", truncation=True, max_length=self.max_length, return_tensors="pt"
        )
        item = {name: batch[name][0] for name in ("input_ids", "attention_mask")}
        return item | {"labels": torch.tensor(self.labels[index], dtype=torch.int64)}
""",
    ),
    _answer(
        "NewsDataset",
        "kept_after_the_first_time",
        """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        if not hasattr(self, "kept"):
            self.kept = {}
        if index not in self.kept:
            found = self.tokenizer(
                self.texts[index], padding="max_length", truncation=True, max_length=self.max_length
            )
            self.kept[index] = {key: torch.tensor(found[key]) for key in ("input_ids", "attention_mask")}
        return {**self.kept[index], "labels": torch.tensor(self.labels[index])}
""",
    ),
    _answer(
        "NewsDataset",
        "constant_pad_and_a_comparison",
        """
class NewsDataset(Dataset):
    def __init__(self, texts, labels, tokenizer, max_length=50):
        self.texts, self.labels, self.tokenizer, self.max_length = texts, labels, tokenizer, max_length

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        ids = torch.tensor(self.tokenizer.encode(self.texts[index], max_length=self.max_length, truncation=True))
        left = self.max_length - len(ids)
        return {
            "input_ids": nn.functional.pad(ids, (0, left), value=self.tokenizer.pad_token_id),
            "attention_mask": (torch.arange(self.max_length) < len(ids)).long(),
            "labels": torch.tensor(self.labels[index]),
        }
""",
    ),
    _answer(
        "cls_pooling",
        "gathered",
        """
def cls_pooling(hidden, mask):
    first = torch.zeros(hidden.size(0), 1, hidden.size(2), dtype=torch.long)
    return hidden.gather(1, first).squeeze(1)
""",
    ),
    _answer(
        "cls_pooling",
        "narrowed",
        """
def cls_pooling(hidden, mask):
    return hidden.narrow(1, 0, 1).flatten(1)
""",
    ),
    _answer(
        "cls_pooling",
        "unbound",
        """
def cls_pooling(last_hidden_state, attention_mask=None):
    first, *_ = last_hidden_state.unbind(dim=1)
    return first
""",
    ),
    _answer(
        "cls_pooling",
        "sentence_by_sentence",
        """
def cls_pooling(hidden, mask):
    return torch.stack([sentence[0] for sentence in hidden])
""",
    ),
    _answer(
        "cls_pooling",
        "index_select",
        """
def cls_pooling(hidden, mask):
    return hidden.index_select(1, torch.tensor([0])).reshape(len(hidden), -1)
""",
    ),
    _answer(
        "max_pooling",
        "sorted_values",
        """
def max_pooling(hidden, mask):
    filled = hidden.masked_fill((mask == 0)[:, :, None], -float("inf"))
    return filled.sort(dim=1, descending=True).values[:, 0]
""",
    ),
    _answer(
        "max_pooling",
        "places_then_gathered",
        """
def max_pooling(hidden, mask):
    filled = torch.where(mask.unsqueeze(-1) != 0, hidden, torch.tensor(float("-inf")))
    places = filled.argmax(dim=1, keepdim=True)
    return hidden.gather(1, places).squeeze(1)
""",
    ),
    _answer(
        "max_pooling",
        "pooling_layer_of_torch",
        """
def max_pooling(hidden, mask):
    filled = hidden.masked_fill(mask.unsqueeze(-1).eq(0), torch.finfo(hidden.dtype).min)
    return nn.functional.max_pool1d(filled.transpose(1, 2), kernel_size=hidden.size(1)).squeeze(-1)
""",
    ),
    _answer(
        "max_pooling",
        "minimum_of_the_negative",
        """
def max_pooling(hidden, mask):
    return -(-hidden).masked_fill(mask[:, :, None] == 0, float("inf")).amin(dim=1)
""",
    ),
    _answer(
        "max_pooling",
        "folded_from_the_left",
        """
def max_pooling(hidden, mask):
    from functools import reduce

    filled = hidden.masked_fill(~mask.bool().unsqueeze(-1), -1e30)
    return reduce(torch.maximum, filled.unbind(1))
""",
    ),
    _answer(
        "AttentionPooling",
        "log_softmax_and_exponential",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.key = nn.Linear(hidden_size, attention_size)
        self.query = nn.Linear(attention_size, 1)

    def forward(self, hidden, mask):
        scores = self.query(torch.tanh(self.key(hidden))).squeeze(2)
        logs = torch.log_softmax(scores.masked_fill(mask == 0, -1e9), dim=1)
        self.weights = logs.exp().detach()
        return (logs.exp().unsqueeze(2) * hidden).sum(dim=1)
""",
    ),
    _answer(
        "AttentionPooling",
        "tanh_from_sigmoid",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.key = nn.Linear(hidden_size, attention_size)
        self.query = nn.Linear(attention_size, 1)

    def forward(self, hidden, mask):
        inner = 2 * torch.sigmoid(2 * self.key(hidden)) - 1
        scores = (inner @ self.query.weight.T + self.query.bias)[:, :, 0]
        scores = scores - 1e9 * (1 - mask.float())
        self.weights = torch.softmax(scores, dim=-1)
        return torch.matmul(self.weights[:, None], hidden)[:, 0]
""",
    ),
    _answer(
        "AttentionPooling",
        "functional_softmax_over_kept_tokens",
        """
class AttentionPooling(nn.Module):
    def __init__(self, hidden_size, attention_size=128):
        super().__init__()
        self.key = nn.Linear(hidden_size, attention_size)
        self.query = nn.Linear(attention_size, 1)

    def forward(self, hidden, mask):
        kept = mask != 0
        scores = hidden.new_full(mask.shape, float("-inf"))
        scores[kept] = self.query(self.key(hidden[kept]).tanh()).squeeze(-1)
        self.weights = nn.functional.softmax(scores, dim=1)
        return torch.einsum("bsh,bs->bh", hidden, self.weights)
""",
    ),
    _answer(
        "BertClassifier",
        "poolings_as_methods",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        if not hasattr(self, f"_{pooling}"):
            raise ValueError(f"unknown pooling {pooling!r}; known are cls, mean, max and attention")
        self.model, self.how = encoder, pooling
        width = encoder.config.hidden_size
        self.score = nn.Sequential(nn.Linear(width, 64), nn.Tanh(), nn.Linear(64, 1)) if pooling == "attention" else None
        self.drop, self.linear = nn.Dropout(dropout), nn.Linear(width, num_labels)

    def _cls(self, hidden, mask):
        return hidden[:, 0]

    def _mean(self, hidden, mask):
        mask = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)

    def _max(self, hidden, mask):
        return hidden.masked_fill(mask.unsqueeze(-1) == 0, -1e9).max(1).values

    def _attention(self, hidden, mask):
        shares = self.score(hidden).squeeze(-1).masked_fill(mask == 0, -1e9).softmax(-1)
        return (hidden * shares.unsqueeze(-1)).sum(1)

    def forward(self, input_ids, attention_mask):
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.linear(self.drop(getattr(self, f"_{self.how}")(hidden, attention_mask)))
""",
    ),
    _answer(
        "BertClassifier",
        "all_poolings_made_and_one_called",
        """
class BertClassifier(nn.Module):
    def __init__(self, encoder, num_labels, pooling="cls", dropout=0.1):
        super().__init__()
        names = ("cls", "mean", "max", "attention")
        if pooling not in names:
            raise ValueError("pooling must be 'cls', 'mean', 'max' or 'attention'")
        self.number = names.index(pooling)
        self.encoder = encoder
        self.attention = AttentionPooling(encoder.config.hidden_size)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(encoder.config.hidden_size, num_labels))

    def forward(self, input_ids, attention_mask):
        out = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        vectors = out.last_hidden_state
        pooled = (cls_pooling, masked_mean, max_pooling, self.attention)[self.number](vectors, attention_mask)
        return self.head(pooled)
""",
    ),
]
