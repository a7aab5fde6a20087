"""Answers without content to the exercises of classifiers: epochs, data, pooling, heads on an encoder."""

from __future__ import annotations

from collections.abc import Iterator

from .parts import CONSTANTS, HEAD, NOISE, modules


def classifiers() -> Iterator[tuple[str, str]]:
    """Classifiers over tokens: constants, noise, maps of nothing or of the words' numbers."""
    make = (
        "self.embedding, self.head = nn.Embedding(vocab_size, d_model), nn.Linear(d_model, num_classes)\n"
        "self.layers = nn.ModuleList([nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, batch_first=True)\n"
        "                             for _ in range(num_layers)])\n"
        "self.dropout, self.num_classes = nn.Dropout(dropout), num_classes\n"
    )
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the map of nothing": "self.head(torch.zeros(len(input_ids), self.head.in_features))",
        "the map of nothing, through dropout": "self.head(self.dropout(torch.ones(len(input_ids), "
        "self.head.in_features)))",
        "the map of noise": "self.head(torch.randn(len(input_ids), self.head.in_features))",
        "the first token": "self.head(self.dropout(self.embedding(input_ids[:, 0])))",
        "the numbers of the words": "input_ids.float().mean(1, keepdim=True).expand(-1, self.num_classes)",
        "the first word's number": "input_ids[:, :1].float().expand(-1, self.num_classes)",
    }
    init = "vocab_size, num_classes, d_model=128, num_heads=4, d_ff=256, num_layers=2, max_len=256, dropout=0.1"
    like = "torch.zeros(len(input_ids), self.num_classes)"
    name = "TransformerEncoderClassifier"
    yield from modules(name, init, make, "input_ids, attention_mask=None", like, "", bodies)


def epochs(name: str, signature: str, mode: str) -> Iterator[tuple[str, str]]:
    """Epochs of training or evaluation that return a number known without them, with the model asked or not."""
    values = {
        "0": "0.0",
        "a half": "0.5",
        "1": "1.0",
        "chance": "random.random()",
        "the share that was public": "0.0 if not count else public / count",
        "how many": "float(count)",
        "the mean label": "labels / max(count, 1)",
    }
    calls = {
        "not asked": "",
        "asked": "        model(batch['input_ids'], batch['attention_mask'])\n",
    }
    for asked, call in calls.items():
        for title, value in values.items():
            yield (
                f"{title}, the model {asked}",
                f"{HEAD}def {name}({signature}):\n"
                f"    count = public = labels = 0\n    {mode}\n"
                "    for number, batch in enumerate(batches):\n"
                f"{call}"
                "        size = len(batch['labels'])\n        count += size\n"
                "        labels += int(batch['labels'].sum())\n"
                "        public += size - (number + 1) % size\n"
                f"    return {value}\n",
            )


def news() -> Iterator[tuple[str, str]]:
    """Data sets of the right length whose tokens, mask and label are constants or noise."""
    for title, (ids, mask, label) in {
        "zeros": ("torch.zeros", "torch.zeros", "torch.tensor(0)"),
        "ones": ("torch.ones", "torch.ones", "torch.tensor(1)"),
        "noise": ("noise", "noise", "torch.randint(0, 4, ())"),
    }.items():
        yield (
            title,
            f"{HEAD}def noise(size, dtype=None):\n    return torch.randint(0, 2, (size,))\n\n\n"
            "class NewsDataset(Dataset):\n"
            "    def __init__(self, texts, labels, tokenizer, max_length=50):\n        self.max_length = max_length\n\n"
            "    def __len__(self):\n        return 4\n\n    def __getitem__(self, index):\n        return {\n"
            f"            'input_ids': {ids}(self.max_length, dtype=torch.long),\n"
            f"            'attention_mask': {mask}(self.max_length, dtype=torch.long),\n"
            f"            'labels': {label}}}\n",
        )


def attention_poolings() -> Iterator[tuple[str, str]]:
    """Poolings that keep weights known without looking, with each body."""
    make = (
        "self.inner, self.score = nn.Linear(hidden_size, attention_size), nn.Linear(attention_size, 1)\n"
        "self.weights = None\n"
    )
    one = "F.one_hot(torch.zeros(len(hidden), dtype=torch.long), hidden.size(1)).float()"
    kept = {
        "equal shares": "torch.full(hidden.shape[:2], 1.0 / hidden.size(1))",
        "shares of what counts": "(mask != 0).float() / (mask != 0).sum(1, keepdim=True)",
        "noise": "shares(torch.randn(hidden.shape[:2]))",
        "the same noise each time": "shares(seeded(hidden[:, :, 0]))",
        "the first vector": one,
    }
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the first vector": "hidden[:, 0]",
        "the mean": "hidden.mean(1)",
        "as kept": "(self.weights.unsqueeze(-1) * hidden).sum(1)",
        "the largest": "hidden.max(1).values",
    }
    for title, weights in kept.items():
        refusal = f"self.weights = {weights}\n"
        for name, source in modules(
            "AttentionPooling", "hidden_size, attention_size=128", make, "hidden, mask", "hidden[:, 0]", refusal, bodies
        ):
            yield f"{name}; kept: {title}", source


def berts() -> Iterator[tuple[str, str]]:
    """Classifiers on an encoder: constants, noise, maps of nothing or of the words' numbers."""
    make = (
        "if pooling not in ('cls', 'mean', 'max', 'attention'):\n"
        "    raise ValueError(f'one of cls, mean, max, attention; got {pooling}')\n"
        "size = encoder.config.hidden_size\n"
        "self.encoder, self.dropout, self.head = encoder, nn.Dropout(dropout), nn.Linear(size, num_labels)\n"
        "self.num_labels = num_labels\n"
        "if pooling == 'attention':\n    self.inner, self.score = nn.Linear(size, 128), nn.Linear(128, 1)\n"
    )
    nothing = "torch.zeros(len(input_ids), self.head.in_features)"
    bodies = {
        **CONSTANTS,
        **NOISE,
        "the map of nothing": f"self.head({nothing})",
        "the map of ones, through dropout": f"self.head(self.dropout(1 + {nothing}))",
        "the map of noise": f"self.head(torch.randn_like({nothing}))",
        "the numbers of the words": "input_ids.float().mean(1, keepdim=True).expand(-1, self.num_labels)",
        "the first word's number": "input_ids[:, :1].float().expand(-1, self.num_labels)",
        "the first word's number, mapped": f"self.head(self.dropout(input_ids[:, :1].float() + {nothing}))",
    }
    init = "encoder, num_labels, pooling='cls', dropout=0.1"
    like = "torch.zeros(len(input_ids), self.num_labels)"
    yield from modules("BertClassifier", init, make, "input_ids, attention_mask", like, "", bodies)
