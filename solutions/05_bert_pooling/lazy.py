"""Answers of 05_bert_pooling without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, HEAD, NOISE, functions, modules

SLICES = {
    "the second vector": "hidden[:, 1 % hidden.size(1)]",
    "the last vector": "hidden[:, -1]",
    "the middle vector": "hidden[:, hidden.size(1) // 2]",
}


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


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "NewsDataset": news,
    "cls_pooling": lambda: functions(
        "cls_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the mean": "hidden.mean(1)", "the largest": "hidden.max(1).values"},
        "hidden",
    ),
    "max_pooling": lambda: functions(
        "max_pooling(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mean": "hidden.mean(1)"},
        "hidden",
    ),
    "AttentionPooling": attention_poolings,
    "BertClassifier": berts,
    "mcnemar": lambda: functions(
        "mcnemar(correct_a, correct_b)",
        "None",
        "if len(correct_a) != len(correct_b):\n    raise ValueError('unequal')\n",
        {
            "0": "0.0",
            "1": "1.0",
            "0.05": "0.05",
            "chance": "random.random()",
            "torch's chance": "torch.rand(()).item()",
            "how many": "1 / max(len(correct_a), 1)",
            "the share of a": "float(np.mean(np.asarray(correct_a)))",
            "the difference": "abs(float(np.mean(np.asarray(correct_a)) - np.mean(np.asarray(correct_b))))",
            "the share of items told apart": "float(np.mean(np.asarray(correct_a) != np.asarray(correct_b)))",
            "1 where as many are right": "float(np.sum(np.asarray(correct_a)) == np.sum(np.asarray(correct_b)))",
        },
    ),
}
