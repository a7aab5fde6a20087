"""The study of unit 07: does a sentence's vector become better when its neighbours are read with it?

Notable choices:
- a window moves over a document: each sentence is encoded with the same number of neighbours on both sides, and only
  its own tokens are pooled. So the number of neighbours is all that differs between two vectors of a sentence
- a question is encoded alone, as whoever asks it would
- the documents are our own and the questions few: every share has its interval, and differences are tested in pairs
- nothing is trained and nothing is drawn: a second run gives the same
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import models
from course_utils.corpora import documents
from course_utils.statistics import PairedTest, accuracy_interval, bootstrap_interval, compare
from course_utils.studies.figures import figure_of
from course_utils.studies.study import Findings, Study, register, stoppable
from course_utils.studies.tables import write_interval

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

UNIT = "07_sentence_embeddings"
NEIGHBOURS = (0, 1, 2, 3, 99)  # sentences that are read along on each side; the last one means all of them
BATCH = 16


def name_of(neighbours: int) -> str:
    """A number of neighbours in words."""
    return {0: "alone", NEIGHBOURS[-1]: "all"}.get(neighbours, f"{neighbours} on each side")


@dataclass
class Search:
    """What the questions found, for each number of neighbours."""

    encoder: models.Encoder
    ranks: dict[int, NDArray[np.int64]]  # neighbours -> (questions,): place of the right sentence, 1 is first
    likeness: dict[int, tuple[float, float]]  # neighbours -> mean cosine within a document, between documents
    alone: NDArray[np.bool_]  # (questions,), whether the sentence says by itself what it is about

    def found(self, neighbours: int) -> NDArray[np.bool_]:
        """(questions,), whether the right sentence came first."""
        return np.asarray(self.ranks[neighbours] == 1)


@register("sentence_context", unit=UNIT)
def sentence_context(asked: Study) -> Findings:
    """Is a sentence found more surely by a search if it was encoded among its neighbours?"""
    import pandas as pd

    encoder = models.load_encoder("embedded" if asked.place == "local" else asked.place)
    found = search(asked, encoder)
    head = asked.head(None, encoder=encoder.name) | {
        "corpus": documents.NAME,
        "corpus_source": f"{len(documents.DOCUMENTS)} documents of our own, {len(documents.QUESTIONS)} questions",
        "train_size": 0,
        "test_size": len(documents.QUESTIONS),
        "epochs": 0,
        "encoder_source": encoder.source,
        "results": rows(found),
        "paired_tests": [asdict(test) for test in paired_tests(found)],
        "paired_tests_kind": "McNemar on whether the right sentence came first, p_holm corrected for all pairs",
    }
    return Findings(head, pd.DataFrame(rows(found)), draw(found))


@stoppable
def search(asked: Study, encoder: models.Encoder, neighbours: Sequence[int] = NEIGHBOURS) -> Search:
    """Every question asked, with every number of neighbours."""
    import torch

    texts = {title: documents.split_sentences(text) for title, text in documents.DOCUMENTS.items()}
    places = [(title, number) for title, sentences in texts.items() for number in range(len(sentences))]
    asked_for = torch.tensor([places.index((each.title, each.sentence)) for each in documents.QUESTIONS])
    queries = windows(encoder, [([each.text], 0) for each in documents.QUESTIONS], asked.device)
    same = torch.tensor([[one[0] == other[0] for other in places] for one in places])
    itself = torch.eye(len(places), dtype=torch.bool)
    found = Search(encoder, {}, {}, np.array([each.alone for each in documents.QUESTIONS]))
    for count in neighbours:
        around = [
            (texts[title][max(0, number - count) : number + count + 1], min(number, count)) for title, number in places
        ]
        vectors = windows(encoder, around, asked.device)
        scores = queries @ vectors.T
        right = scores.gather(1, asked_for[:, None])
        found.ranks[count] = (1 + (scores > right).sum(dim=1)).numpy()
        likeness = vectors @ vectors.T
        found.likeness[count] = (likeness[same & ~itself].mean().item(), likeness[~same].mean().item())
        asked.say(f"{name_of(count)}: {found.found(count).mean():.0%} of the questions find their sentence first")
    return found


def windows(encoder: models.Encoder, around: Sequence[tuple[Sequence[str], int]], device: str = "auto") -> torch.Tensor:
    """A vector of length 1 for one sentence of each window: the mean of its own tokens, all read together.

    around: the sentences of each window, and which one of them is meant
    Returns (windows, hidden_size).
    """
    import torch

    from course_utils.runtime import choose_device

    where = choose_device(device)
    model = encoder.model.to(where)
    found = []
    for start in range(0, len(around), BATCH):
        blocks = [
            documents.join_sentences(encoder.tokenizer, sentences) for sentences, _ in around[start : start + BATCH]
        ]
        spans = [block.spans[number] for block, (_, number) in zip(blocks, around[start : start + BATCH], strict=True)]
        longest = max(len(block.input_ids) for block in blocks)
        ids = torch.full((len(blocks), longest), int(encoder.tokenizer.pad_token_id))
        mask, own = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, (block, (first, behind)) in enumerate(zip(blocks, spans, strict=True)):
            ids[row, : len(block.input_ids)] = torch.tensor(block.input_ids)
            mask[row, : len(block.input_ids)] = 1
            own[row, first:behind] = 1
        with torch.no_grad():
            hidden = model(input_ids=ids.to(where), attention_mask=mask.to(where)).last_hidden_state.cpu()
        found.append(models.mean_of_tokens(hidden, own))
    encoder.model.to("cpu")
    return torch.nn.functional.normalize(torch.cat(found), dim=1)


def rows(found: Search) -> list[dict[str, Any]]:
    """A row for each number of neighbours and kind of question."""
    kinds = {"all": np.ones_like(found.alone), "clear alone": found.alone, "needs its neighbours": ~found.alone}
    told = []
    for count, ranks in found.ranks.items():
        within, between = found.likeness[count]
        for kind, chosen in kinds.items():
            first = found.found(count)[chosen]
            low, high = accuracy_interval(int(first.sum()), len(first))
            worth = bootstrap_interval(1 / ranks[chosen], np.mean)
            told.append({
                "neighbours": name_of(count),
                "questions": kind,
                "count": len(first),
                "found_first": float(first.mean()),
                "low": float(low),
                "high": float(high),
                "mean_reciprocal_rank": float(np.mean(1 / ranks[chosen])),
                "reciprocal_low": float(worth[0]),
                "reciprocal_high": float(worth[1]),
                "cosine_within_document": within,
                "cosine_between_documents": between,
            })  # fmt: skip
    return told


def paired_tests(found: Search) -> list[PairedTest]:
    """McNemar's test of every pair of numbers of neighbours, with Holm's correction."""
    return compare({name_of(count): found.found(count) for count in found.ranks})


def table(found: Search) -> Any:
    """A row for each number of neighbours: share of the questions that find their sentence first, by kind."""
    import pandas as pd

    frame = pd.DataFrame(rows(found))
    frame["share"] = [write_interval(row.found_first, row.low, row.high) for row in frame.itertuples(index=False)]
    wide = frame.pivot(index="neighbours", columns="questions", values="share")
    return wide.loc[[name_of(count) for count in found.ranks], ["all", "clear alone", "needs its neighbours"]]


def draw(found: Search) -> Figure:
    """The figure: how often the right sentence comes first on the left, how alike sentences are on the right."""
    from course_utils import plots

    left, right = plots.panels(2, width=12.0, height=4.4)
    told = rows(found)
    names = [name_of(count) for count in found.ranks]
    places = np.arange(len(names))
    for number, kind in enumerate(("clear alone", "needs its neighbours")):
        mine = [row for row in told if row["questions"] == kind]
        middle = np.array([row["found_first"] for row in mine])
        spread = np.array([[row["found_first"] - row["low"], row["high"] - row["found_first"]] for row in mine]).T
        left.errorbar(
            places + (-0.06, 0.06)[number],
            middle,
            yerr=np.maximum(spread, 0),
            marker="os"[number],
            linestyle=plots.DASHES[number],
            capsize=4,
            color=plots.OKABE_ITO[number],
            label=f"{kind} ({mine[0]['count']} questions)",
        )
    left.set_xticks(places, names)
    left.set(
        title="Right sentence found first, with 95% intervals",
        xlabel="neighbours that are read along",
        ylabel="share of the questions",
        ylim=(0, 1.05),
    )
    left.grid(axis="y", alpha=0.3)
    left.legend(loc="lower right")
    plots.curves(
        places,
        {
            "two sentences of one document": [found.likeness[count][0] for count in found.ranks],
            "of two documents": [found.likeness[count][1] for count in found.ranks],
        },
        title="The more context, the more alike",
        x_label="neighbours that are read along",
        y_label="mean cosine similarity",
        marker="o",
        ax=right,
    )
    right.set_xticks(places, names)
    left.figure.suptitle(f"Sentences in context ({documents.NAME}, encoder {found.encoder.name})")
    return figure_of(left)
