"""Answers of a class that are alike beyond what was given and what is known.

An answer becomes a row of tokens. A fingerprint is a stretch of K neighbouring tokens; what stands in the released
notebook, in the reference or in another answer that is known here is no fingerprint of anybody's. A token is somebody's
own where no such known stretch covers it. Two answers are alike in the own tokens that lie in stretches which both have
and few others do.

Source: Schleimer, Wilkerson, Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting", sections 2 and 3.
Its K-grams, its base files that are taken out; its window is 1 here, so every fingerprint is kept: an exercise has a
hundred tokens, and nothing is gained by leaving some out. copydetect, which does the same with files, looks at pairs
alone: it knows neither several base texts nor how many others of a class have a stretch.

Notable choices:
- code is compared twice: as it is written, comments and names and all, and by its shape, in which a name that is no
  attribute says nothing, so that renaming hides nothing;
- rare is what no more than the root of the class's answers have: a way that many took is a common one.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # pygments ships no types
from pygments.token import Comment, Name, Punctuation, String, Token  # type: ignore[import-untyped]

CODE_K, TEXT_K = 8, 6  # tokens of a fingerprint
MAX_CHARACTERS = 20_000  # of one answer that are compared; the longest that is needed has 4,000
FEWEST_HOLDERS = 2  # an answer is a group's own from two on

_WORD = re.compile(r"[\u3400-\u9fff]|\w+", re.UNICODE)
_PIECE = re.compile(r"[\u3400-\u9fff]|\w+|[^\w\s]", re.UNICODE)


@dataclass(frozen=True)
class Piece:
    """A token, and where it stands."""

    said: str
    start: int
    end: int


Row = Sequence[Piece]
Stretch = tuple[str, ...]


@dataclass(frozen=True)
class Alike:
    """What two answers have in common."""

    first: str  # students
    second: str
    tokens: int  # own tokens that they share, in the answer with fewer of them
    share: float  # of the own tokens of that answer
    holders: int  # of the answers of the class that have the rarest of the shared stretches
    places: tuple[tuple[int, ...], tuple[int, ...]]  # lines of each, from 1, on which these tokens stand


@lru_cache(maxsize=8192)
def written(source: str) -> Row:
    """Code as it is written: names, numbers, signs, and the words of comments and strings."""
    found, place = [], 0
    for kind, text in _tokens(source):
        pattern = _WORD if kind in Comment or kind in String else _PIECE
        found += [Piece(each[0], place + each.start(), place + each.end()) for each in pattern.finditer(text)]
        place += len(text)
    return found


@lru_cache(maxsize=8192)
def shape(source: str) -> Row:
    """The shape of code: signs, keywords, numbers, attributes, built-ins; other names count alike."""
    found: list[Piece] = []
    place, last = 0, ""
    for kind, text in _tokens(source):
        start, place = place, place + len(text)
        if not text.strip() or kind in Comment or kind in String.Doc:
            continue
        said = text.strip()
        if kind in String:
            if last == "string":
                continue
            said = last = "string"
        else:
            is_name = kind in Name and kind not in Name.Builtin and last != "."
            last = said
            said = "name" if is_name else said
        found.append(Piece(said, start, place))
    return found


def words(text: str) -> Row:
    """An answer in words: its words, and each Chinese character."""
    return [Piece(each[0].casefold(), each.start(), each.end()) for each in _WORD.finditer(text[:MAX_CHARACTERS])]


def _tokens(source: str) -> Iterable[tuple[object, str]]:
    """(kind, text) of each token, all characters in their order."""
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source[:MAX_CHARACTERS]):
        if kind in Punctuation or kind is Token.Operator:  # several signs may come as one
            yield from ((kind, sign) for sign in text)
        else:
            yield kind, text


def stretches(row: Row, k: int) -> list[Stretch]:
    """The fingerprints of a row, in their order; one that is shorter than K has a single one."""
    said = [piece.said for piece in row]
    return [tuple(said[place : place + k]) for place in range(max(1, len(said) - k + 1))] if said else []


class Known:
    """What was given to everybody, or is an answer that is known here."""

    def __init__(self, rows: Iterable[Row], k: int) -> None:
        """rows: of the release, the reference and other known answers."""
        self.k = k
        self._stretches = {stretch for row in rows for stretch in stretches(row, k)}

    def __contains__(self, stretch: Stretch) -> bool:
        return stretch in self._stretches

    def own(self, row: Row) -> set[int]:
        """The places of a row that no known stretch covers."""
        free = set(range(len(row)))
        for place, stretch in enumerate(stretches(row, self.k)):
            if stretch in self:
                free.difference_update(range(place, place + self.k))
        return free


def alike(answers: Mapping[str, str], rows: Mapping[str, Row], known: Known, fewest: int) -> list[Alike]:
    """The pairs of a class's answers to one exercise that share so many own tokens, those with most first.

    answers: student -> text; rows: student -> its tokens
    """
    marks = {student: stretches(row, known.k) for student, row in rows.items()}
    holders: dict[Stretch, set[str]] = defaultdict(set)
    for student, own in marks.items():
        for stretch in own:
            if stretch not in known:
                holders[stretch].add(student)
    most = max(FEWEST_HOLDERS, math.isqrt(len(rows)))
    shared: dict[tuple[str, str], set[Stretch]] = defaultdict(set)
    for stretch, who in holders.items():
        if FEWEST_HOLDERS <= len(who) <= most:
            for pair in combinations(sorted(who), 2):
                shared[pair].add(stretch)
    free = {student: known.own(rows[student]) for student in {name for pair in shared for name in pair}}
    found = []
    for (first, second), common in shared.items():
        places = [_covered(marks[name], common, known.k) & free[name] for name in (first, second)]
        count = min(map(len, places))
        if count >= fewest:
            fewer = min((first, second), key=lambda name: len(free[name]))
            lines = [_lines(answers[name], rows[name], at) for name, at in zip((first, second), places, strict=True)]
            rarest = min(len(holders[stretch]) for stretch in common)
            share = min(1.0, count / len(free[fewer]))
            found.append(Alike(first, second, count, share, rarest, (lines[0], lines[1])))
    return sorted(found, key=lambda pair: (-pair.tokens, pair.first, pair.second))


def _covered(marks: Sequence[Stretch], common: set[Stretch], k: int) -> set[int]:
    covered: set[int] = set()
    for place, stretch in enumerate(marks):
        if stretch in common:
            covered.update(range(place, place + k))
    return covered


def _lines(text: str, row: Row, places: Iterable[int]) -> tuple[int, ...]:
    breaks = [found.start() for found in re.finditer("\n", text)]
    return tuple(sorted({1 + bisect_left(breaks, row[place].start) for place in places}))
