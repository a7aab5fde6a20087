"""What a learner has solved in earlier units, to build on in later ones; what stands in is made of torch's own layers.

`solved("MultiHeadSelfAttention")` gives the learner's own class when it passes its checks, see
`engine.learning.portfolio`.
"""

from __future__ import annotations

from typing import Any

from . import models
from .engine.learning import portfolio

STAND_INS: dict[str, Any] = {
    "PositionalEncoding": models.LearnedPositions,
    "TransformerEncoderLayer": models.EncoderLayer,
    "MultiHeadSelfAttention": models.SelfAttention,
    "masked_mean": models.mean_of_tokens,
    "TransformerEncoderClassifier": models.TextClassifier,
    "BertClassifier": models.PooledClassifier,
}


def solved(name: str) -> Any:
    """The learner's own function or class of that name if it passes its checks, otherwise a stand-in; prints which.

    Raises ValueError for a name that has no stand-in.
    """
    if name not in STAND_INS:
        raise ValueError(f"name must be one of {', '.join(STAND_INS)}; got {name!r}")
    return portfolio.solved(name, STAND_INS[name])
