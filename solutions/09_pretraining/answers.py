"""Answers of unit 09: words are hidden, guessed, and the guesses are judged.

Notable choices:
- all random numbers come from one generator, so that a run can be repeated; each position has numbers of its own
- the matrix of word vectors is used twice, as the same parameter: what is learnt of a word when it is read also serves
  when it is guessed (Press and Wolf 2017)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mask_tokens(
    input_ids: Tensor,
    maskable: Tensor,
    mask_id: int,
    vocab_size: int,
    probability: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Texts in which some tokens are hidden, and what stood there.

    Each maskable position is chosen by itself with `probability`. Of those chosen, 80% become mask_id, 10% a random id
    of the vocabulary, and 10% stay as they are. input_ids stays unchanged.

    input_ids: (batch, seq), int64; maskable: (batch, seq), bool: where a token may be chosen
    generator: where random numbers come from; the same state gives the same result. None: torch's own.
    Returns masked_ids (batch, seq) and labels (batch, seq), both int64; labels holds the id that stood at a chosen
    position, and -100 everywhere else.
    Source: Devlin et al. 2019, section 3.1 and appendix A.1.
    """
    masked_ids, labels = input_ids.clone(), torch.full_like(input_ids, -100)
    # TODO 1: choose, with torch.rand(..., generator=generator), and write the labels.
    ### BEGIN SOLUTION
    chosen = maskable.bool() & (torch.rand(input_ids.shape, generator=generator) < probability)
    labels[chosen] = input_ids[chosen]
    ### END SOLUTION
    # TODO 2: hide what is chosen: 80% mask_id, 10% a random id, 10% as it was.
    ### BEGIN SOLUTION
    fate = torch.rand(input_ids.shape, generator=generator)
    random_ids = torch.randint(vocab_size, input_ids.shape, generator=generator)
    masked_ids = torch.where(chosen & (fate < 0.8), mask_id, masked_ids)
    masked_ids = torch.where(chosen & (fate >= 0.9), random_ids, masked_ids)
    ### END SOLUTION
    return masked_ids, labels


class MaskedLanguageModel(nn.Module):
    """An encoder that guesses words: linear, GELU, LayerNorm, then a product with the matrix of word vectors.

    encoder:   called as encoder(input_ids, attention_mask), gives (batch, seq, d_model)
    embedding: the nn.Embedding(vocab_size, d_model) from which the encoder reads words; its matrix, the same
               parameter and no copy, gives the logits, with a bias for each word added
    forward:   input_ids (batch, seq), attention_mask (batch, seq) -> logits (batch, seq, vocab_size)
    Source: Devlin et al. 2019; the head is that of BERT's published code. Press and Wolf 2017 for the shared matrix.
    """

    def __init__(self, encoder: nn.Module, embedding: nn.Embedding) -> None:
        super().__init__()
        self.encoder, self.embedding = encoder, embedding
        # TODO 1: make a linear map (d_model to d_model), a LayerNorm, and a bias with a number for each word.
        ### BEGIN SOLUTION
        vocab_size, d_model = embedding.weight.shape
        self.linear = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        ### END SOLUTION

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits = None  # TODO 2: encoder, linear, GELU, LayerNorm, product with the embedding's matrix, bias
        ### BEGIN SOLUTION
        hidden = self.encoder(input_ids, attention_mask)
        hidden = self.norm(F.gelu(self.linear(hidden)))
        logits = hidden @ self.embedding.weight.T + self.bias
        ### END SOLUTION
        return logits


def masked_lm_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy (nats) of the guesses at the chosen positions.

    logits: (batch, seq, vocab_size); labels: (batch, seq), int64, -100 where nothing was chosen
    Returns a scalar. Where nothing was chosen at all it is 0, and so is its gradient: such a batch changes no weight.
    """
    loss = None  # TODO: only positions with a label count. What does a mean over none of them give?
    ### BEGIN SOLUTION
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
    loss = total / (labels != -100).sum().clamp(min=1)
    ### END SOLUTION
    return loss
