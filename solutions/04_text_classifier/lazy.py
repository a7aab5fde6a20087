"""Answers of 04_text_classifier without content, beyond those that are made for any exercise."""

from collections.abc import Callable, Iterator

from course_utils.engine.proving.lazy.parts import CONSTANTS, HEAD, NOISE, functions, modules

SLICES = {
    "the second vector": "hidden[:, 1 % hidden.size(1)]",
    "the last vector": "hidden[:, -1]",
    "the middle vector": "hidden[:, hidden.size(1) // 2]",
}


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


LAZY: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "masked_mean": lambda: functions(
        "masked_mean(hidden, mask)",
        "torch.zeros(hidden.shape[0], hidden.shape[2])",
        "",
        {**CONSTANTS, **NOISE, **SLICES, "the first vector": "hidden[:, 0]", "the mask": "mask.float().mean() + like"},
        "hidden",
    ),
    "TransformerEncoderClassifier": classifiers,
    "train_epoch": lambda: epochs("train_epoch", "model, batches, optimizer, loss_fn", "model.train()"),
    "evaluate": lambda: (
        (name, source.replace("def evaluate(", "@torch.no_grad()\ndef evaluate("))
        for name, source in epochs("evaluate", "model, batches", "model.eval()")
    ),
}
