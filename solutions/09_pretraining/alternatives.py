"""Right answers of unit 09 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

MASKING = (
    "import torch\n\ndef mask_tokens(input_ids, maskable, mask_id, vocab_size, probability=0.15, generator=None):\n"
)
MODEL = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"
LOSS = "import torch\nimport torch.nn.functional as F\n\ndef masked_lm_loss(logits, labels):\n"


def _answer(exercise: str, name: str, head: str, body: str) -> Alternative:
    return Alternative(name=name, exercise=exercise, source=head + body)


ALTERNATIVES = [
    _answer(
        "mask_tokens",
        "as_in_transformers",
        MASKING,
        """    inputs, labels = input_ids.clone(), input_ids.clone()
    matrix = torch.full(labels.shape, probability).masked_fill(~maskable, 0.0)
    picked = torch.bernoulli(matrix, generator=generator).bool()
    labels[~picked] = -100
    hidden = torch.bernoulli(torch.full(labels.shape, 0.8), generator=generator).bool() & picked
    inputs[hidden] = mask_id
    swapped = torch.bernoulli(torch.full(labels.shape, 0.5), generator=generator).bool() & picked & ~hidden
    words = torch.randint(vocab_size, labels.shape, generator=generator)
    inputs[swapped] = words[swapped]
    return inputs, labels
""",
    ),
    _answer(
        "mask_tokens",
        "one_number_decides_all",
        MASKING,
        """    number = torch.rand(input_ids.size(), generator=generator)
    number[maskable == 0] = 2.0
    words = torch.randint(0, vocab_size, input_ids.size(), generator=generator)
    masked = torch.where(number < 0.1 * probability, words, input_ids)
    masked = masked.masked_fill((number >= 0.1 * probability) & (number < 0.9 * probability), mask_id)
    return masked, input_ids.masked_fill(number >= probability, -100)
""",
    ),
    _answer(
        "mask_tokens",
        "only_the_chosen_are_drawn_again",
        MASKING,
        """    chosen = (torch.rand(input_ids.shape, generator=generator) < probability).logical_and(maskable)
    labels = torch.where(chosen, input_ids, torch.tensor(-100))
    old = input_ids[chosen]
    kinds = torch.multinomial(torch.tensor([8.0, 1.0, 1.0]), max(len(old), 1), True, generator=generator)[: len(old)]
    words = torch.randint(vocab_size, old.shape, generator=generator)
    new = torch.stack([torch.full_like(old, mask_id), words, old])
    masked = input_ids.clone()
    masked[chosen] = new.gather(0, kinds[None])[0] if len(old) else old
    return masked, labels
""",
    ),
    _answer(
        "mask_tokens",
        "position_by_position",
        MASKING,
        """    masked, labels = input_ids.clone(), torch.full_like(input_ids, -100)
    numbers = torch.rand(2, *input_ids.shape, generator=generator, dtype=torch.float64).tolist()
    words = torch.randint(vocab_size, input_ids.shape, generator=generator).tolist()
    for row, allowed in enumerate(maskable.tolist()):
        for place, may in enumerate(allowed):
            if may and numbers[0][row][place] < probability:
                labels[row, place] = input_ids[row, place]
                fate = numbers[1][row][place]
                if fate < 0.8:
                    masked[row, place] = mask_id
                elif fate < 0.9:
                    masked[row, place] = words[row][place]
    return masked, labels
""",
    ),
    _answer(
        "mask_tokens",
        "numpy_seeded_by_the_generator",
        "import numpy as np\n" + MASKING,
        """    seed = torch.randint(2**62, (1,), generator=generator).item()
    rng = np.random.default_rng(seed)
    ids = input_ids.numpy()
    chosen = rng.random(ids.shape) < probability
    chosen &= maskable.numpy().astype(bool)
    what = rng.choice(3, size=ids.shape, p=[0.8, 0.1, 0.1])
    new = np.choose(what, [np.full_like(ids, mask_id), rng.integers(vocab_size, size=ids.shape), ids])
    return torch.from_numpy(np.where(chosen, new, ids)), torch.from_numpy(np.where(chosen, ids, -100))
""",
    ),
    _answer(
        "MaskedLanguageModel",
        "decoder_that_shares_its_weight",
        MODEL,
        """class MaskedLanguageModel(nn.Module):
    def __init__(self, encoder, embedding):
        super().__init__()
        self.bert = encoder
        self.decoder = nn.Linear(embedding.embedding_dim, embedding.num_embeddings)
        self.decoder.weight = embedding.weight
        self.head = nn.Sequential(
            nn.Linear(embedding.embedding_dim, embedding.embedding_dim),
            nn.GELU(),
            nn.LayerNorm(embedding.embedding_dim, eps=1e-12),
            self.decoder,
        )

    def forward(self, input_ids, attention_mask):
        return self.head(self.bert(input_ids, attention_mask))
""",
    ),
    _answer(
        "MaskedLanguageModel",
        "linear_with_the_embeddings_matrix",
        MODEL,
        """class MaskedLanguageModel(nn.Module):
    def __init__(self, encoder, embedding):
        super().__init__()
        self.encoder, self.embedding = encoder, embedding
        self.bias = nn.Parameter(torch.randn(1, 1, embedding.num_embeddings) * 0.02)
        self.transform = nn.ModuleList([nn.LayerNorm(embedding.embedding_dim), nn.Linear(*embedding.weight.shape[1:] * 2)])
        self.act = nn.GELU(approximate="tanh")

    def forward(self, input_ids, attention_mask):
        x = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        norm, linear = self.transform
        return F.linear(norm(self.act(linear(x))), self.embedding.weight) + self.bias
""",
    ),
    _answer(
        "MaskedLanguageModel",
        "parameters_by_hand",
        MODEL,
        """class MaskedLanguageModel(nn.Module):
    def __init__(self, encoder, embedding):
        super().__init__()
        self.encoder, self.words = encoder, [embedding]
        self.b = nn.Parameter(torch.zeros(embedding.num_embeddings))
        d = embedding.embedding_dim
        self.A = nn.Parameter(torch.randn(d, d) / d**0.5)
        self.c, self.beta, self.gamma = (nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d)), nn.Parameter(torch.ones(d)))

    def forward(self, input_ids, attention_mask):
        x = F.gelu(self.encoder(input_ids, attention_mask) @ self.A + self.c)
        x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
        x = x * self.gamma + self.beta
        return torch.einsum("bsd,vd->bsv", x, self.words[0].weight) + self.b
""",
    ),
    _answer(
        "MaskedLanguageModel",
        "head_of_its_own_class",
        MODEL,
        """class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense, self.layer_norm = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, hidden):
        return self.layer_norm(F.gelu(self.dense(hidden)))


class MaskedLanguageModel(nn.Module):
    def __init__(self, encoder, embedding):
        super().__init__()
        self.encoder, self.words = encoder, embedding
        self.head = Head(embedding.weight.size(1))
        self.word_bias = nn.Parameter(torch.zeros(embedding.weight.size(0)))

    def forward(self, input_ids, attention_mask):
        vectors = self.head(self.encoder(input_ids, attention_mask=attention_mask))
        return F.linear(vectors, self.words.weight, self.word_bias)
""",
    ),
    _answer(
        "MaskedLanguageModel",
        "text_by_text",
        MODEL,
        """class MaskedLanguageModel(nn.Module):
    def __init__(self, encoder, embedding):
        super().__init__()
        words, width = embedding.weight.shape
        self.encoder, self.embedding = encoder, embedding
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words, 1))

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids, attention_mask)
        columns = [self.embedding.weight @ self.transform(text).transpose(0, 1) + self.bias for text in hidden]
        return torch.stack(columns).transpose(1, 2)
""",
    ),
    _answer(
        "masked_lm_loss",
        "only_the_labelled",
        LOSS,
        """    kept = labels != -100
    if not kept.any():
        return 0.0 * logits.sum()
    return F.cross_entropy(logits[kept], labels[kept])
""",
    ),
    _answer(
        "masked_lm_loss",
        "log_softmax_and_gather",
        LOSS,
        """    logp = torch.log_softmax(logits, dim=-1)
    kept = (labels >= 0).to(logits.dtype)
    nll = -logp.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return (nll * kept).sum() / torch.clamp(kept.sum(), min=1.0)
""",
    ),
    _answer(
        "masked_lm_loss",
        "divides_only_where_it_may",
        LOSS,
        """    loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none").sum()
    count = labels.ne(-100).sum()
    return loss / count if count > 0 else loss
""",
    ),
    _answer(
        "masked_lm_loss",
        "logsumexp",
        LOSS,
        """    rows, words = logits.reshape(-1, logits.size(-1)), labels.reshape(-1)
    places = torch.nonzero(words != -100).squeeze(1)
    picked = rows[places]
    losses = torch.logsumexp(picked, 1) - picked[torch.arange(len(places)), words[places]]
    return losses.sum() / max(len(places), 1)
""",
    ),
    _answer(
        "masked_lm_loss",
        "nan_of_nothing_made_0",
        LOSS,
        """    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100).nan_to_num(0.0)
""",
    ),
]
