"""Short documents of our own, written for this course, and what it takes to encode their sentences together.

Notable choices:
- a sentence of a document often rests on the ones before it ("It was stuck there for two days"), so that reading it
  alone and reading it among its neighbours are two different things; each question says which kind it asks for
- spans are counted over the whole block, special tokens included, as the encoder's output is
- sentences are tokenised one by one, so that no token belongs to two of them
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAME = "embedded documents"  # for titles, as a corpus has one

# By title; sentences are told from each other by split_sentences.
DOCUMENTS = {
    "The lighthouse": (
        "The lighthouse on the north cape was built of granite in 1871. It guided fishing boats home for more than a "
        "hundred years. Its keeper, Marta Lind, lived there with two goats and a piano. She played every evening when "
        "the fog came in. The sailors said that they could hear it from two miles away. In 1974 the lamp was replaced "
        "by an electric one. It needed nobody to look after it. Marta moved to the village and took only the piano "
        "with her. Today the tower is a small museum. It is open from May to September."
    ),
    "The bakery": (
        "Every morning at three, Tomas lights the oven of the old bakery. It takes two hours to become hot enough. "
        "Meanwhile he kneads the dough for two hundred loaves of rye bread. His father taught him the recipe. It has "
        "not changed since the war. Last winter a supermarket opened across the street. It sells bread at half the "
        "price. For some weeks the bakery was nearly empty. Then the customers came back, one after the other. They "
        "said that nothing else smelled like that."
    ),
    "The robot": (
        "Engineers in Turin have built a small robot that can climb trees. It holds on to the bark with twelve tiny "
        "claws. A camera on its head looks for ripe chestnuts. They are picked by an arm that weighs less than an "
        "apple. The first model fell down after four metres. The second one reached the top of a tree of thirty "
        "metres. It was stuck there for two days, because the battery was empty. Farmers are interested all the same. "
        "Many of them can no longer find workers for the harvest. The machine is to be sold from next autumn."
    ),
    "The river": (
        "In spring the river Alm rises by four metres within a day. The snow of a whole valley melts into it. Two "
        "years ago it carried away the wooden bridge. The school children had to take a boat for six months. Most of "
        "them liked that better than the bus. The new bridge is made of steel and stands a metre higher. It cost three "
        "times as much as the town had planned. The mayor lost the next election because of it. Her successor had been "
        "the loudest of her critics. He opened the bridge with a pair of golden scissors."
    ),
    "The chess club": (
        "The chess club of the hospital has nineteen members. Most of them are nurses who work at night. They play by "
        "telephone, one move in each break. A single game can last for three weeks. Last year the club entered a "
        "tournament for the first time. It came second among forty teams. The winner was a club of retired physics "
        "teachers. They had trained for the final with a computer. The nurses had not even known who they would play "
        "against. Their captain was called away to an operation in the middle of the last game."
    ),
    "The comet": (
        "A schoolgirl in Chile discovered a comet in March. She found it on photographs that her aunt had taken for "
        "another purpose. It had been hidden behind a bright star. Astronomers confirmed the find within a week. It "
        "will come closest to the sun in eleven years. Its tail should then be visible without a telescope. The girl "
        "was allowed to choose a name for it. She took that of her dog. He had kept her awake on the night in question."
    ),
}


@dataclass(frozen=True)
class Question:
    """A search, and the one sentence that it should find."""

    text: str
    title: str  # of the document
    sentence: int  # counted from 0
    alone: bool  # whether the sentence says by itself what it is about


def _questions(title: str, rows: Sequence[tuple[int, str, str]]) -> tuple[Question, ...]:
    return tuple(Question(text, title, number, kind == "alone") for number, kind, text in rows)


QUESTIONS = (
    *_questions("The lighthouse", [
        (0, "alone", "a lighthouse built in the nineteenth century"),
        (3, "alone", "a woman makes music in bad weather"),
        (9, "neighbours", "opening hours of the museum"),
        (6, "neighbours", "an automatic lamp without a keeper"),
        (1, "neighbours", "the lighthouse helped ships for a century"),
        (4, "neighbours", "the piano could be heard far out at sea"),
    ]),
    *_questions("The bakery", [
        (1, "neighbours", "an oven heats up slowly"),
        (2, "alone", "kneading rye dough"),
        (4, "neighbours", "the bread recipe is as old as the war"),
        (6, "neighbours", "cheap bread in the supermarket"),
        (9, "neighbours", "the smell of the bakery's bread"),
        (8, "alone", "customers return to the bakery"),
    ]),
    *_questions("The robot", [
        (0, "alone", "a robot that climbs trees"),
        (1, "neighbours", "the robot's claws"),
        (3, "neighbours", "a light robot arm harvests chestnuts"),
        (6, "neighbours", "a robot whose battery ran out in a tree"),
        (8, "alone", "farmers lack workers for the harvest"),
        (9, "neighbours", "when the tree climbing robot can be bought"),
    ]),
    *_questions("The river", [
        (0, "alone", "the river floods in spring"),
        (1, "neighbours", "meltwater fills the river"),
        (2, "alone", "a flood destroys a bridge"),
        (6, "neighbours", "the bridge was more expensive than planned"),
        (4, "neighbours", "children prefer the boat to the bus"),
        (7, "neighbours", "a politician is voted out over a bridge"),
        (9, "neighbours", "the new mayor opens the bridge"),
    ]),
    *_questions("The chess club", [
        (1, "neighbours", "nurses on night shift play chess"),
        (3, "neighbours", "a long game of chess"),
        (2, "neighbours", "chess by telephone"),
        (5, "neighbours", "second place in the chess tournament"),
        (6, "alone", "teachers win the chess tournament"),
        (7, "neighbours", "preparing for a chess final with a computer"),
    ]),
    *_questions("The comet", [
        (0, "alone", "a girl discovers a comet"),
        (1, "neighbours", "old photographs showed the comet"),
        (2, "neighbours", "the comet could not be seen because of a star"),
        (4, "neighbours", "the comet's next approach to the sun"),
        (5, "neighbours", "the comet's tail can be seen with the naked eye"),
        (7, "neighbours", "a comet named after a dog"),
        (3, "alone", "scientists verify a discovery"),
    ]),
)  # fmt: skip

# A full stop, the quotes or brackets that may close behind it, then white space; in Chinese no space follows.
_END = re.compile(r"""(?<=[.!?])(["'”’)\]]*)\s+|(?<=[。！？])(["'”’」』）]*)""")
# After these a full stop does not end a sentence.
_SHORT = ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St.", "No.", "e.g.", "i.e.", "etc.", "vs.")
_INITIAL = re.compile(r"(^|\s)[A-Z]\.$")  # the J. of J. S. Bach


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without white space around them.

    A simple rule: a sentence ends with . ! ? or their Chinese forms, except after a few abbreviations and initials.
    """
    sentences, start = [], 0
    for found in _END.finditer(text):
        end = found.end(1) if found.group(1) is not None else found.end(2)
        piece = text[start:end].strip()
        if piece and not piece.endswith(_SHORT) and not _INITIAL.search(piece):
            sentences.append(piece)
            start = end
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


@dataclass(frozen=True)
class Block:
    """Sentences side by side as an encoder reads them."""

    input_ids: list[int]  # [CLS], the tokens of all sentences, [SEP]
    spans: list[tuple[int, int]]  # of each sentence: its first place, and the one behind its last


def join_sentences(tokenizer: Any, sentences: Sequence[str]) -> Block:
    """The sentences as one block, and where each of them stands in it.

    tokenizer: of the transformers library, such as that of `models.load_encoder`
    """
    ids = [int(tokenizer.cls_token_id)]
    spans = []
    for tokens in token_ids(tokenizer, sentences):
        spans.append((len(ids), len(ids) + len(tokens)))
        ids += tokens
    return Block([*ids, int(tokenizer.sep_token_id)], spans)


def token_ids(tokenizer: Any, sentences: Sequence[str]) -> list[list[int]]:
    """The token ids of each sentence, without special tokens."""
    if not sentences:
        return []
    found: list[list[int]] = tokenizer(list(sentences), add_special_tokens=False)["input_ids"]
    return found
