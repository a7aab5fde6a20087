"""What a class says about its checks and questions: difficulty, discrimination, what fails together.

Counted are notebooks that could be read and hold an answer: one that came back as it was released would be right and
wrong at the same places as all others of its kind, and would make every check look as if it told much.

Notable choices:
- difficulty is the share of the points that were earned, with Wilson's interval. Marks in steps spread less than
  all-or-nothing ones, so they count as so many all-or-nothing ones as spread alike (quasi-likelihood, McCullagh and
  Nelder 1989): without that the interval of a question would be far too wide;
- discrimination is the item-rest correlation: a check's share with the share of the unit's other points. With the check
  itself in the sum every check would seem to tell something;
- its interval is Fisher's z. Measured on 1,500 simulated classes each, ten checks from 5% to 95% right with slopes from
  0.2 to 2.5: it covers 96% at 30, at 100 and at 300 students, and never less than 93% for one check; a jackknife of
  the correlation, which needs no normal scores, covers 91%, 94% and 95%, and falls to 79% for rare mistakes;
- checks fail together where both are lost by the same students far more often than by chance: a phi coefficient of 0.4
  and Fisher's exact test, after Holm's correction for all pairs of the unit. In a group each pair does. Counted are
  those who answered both, or whoever left things open would tie all of them together;
- every formula is scipy's or statsmodels'.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from ...grading.record import Record, Score
from .records import automatic_scores, is_unread_answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONFIDENCE = 0.95
FEWEST = 4  # students of whom a correlation has an interval
CLOSE = 0.4  # phi from which on two checks fail together
SURE = 0.05  # chance of calling any pair of a unit one that fails together, where none does
WEAK = 0.2  # a discrimination that is surely below it tells next to nothing (Ebel 1965)


class Interval(NamedTuple):
    """From where to where a value may lie, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Item:
    """What a class says about a check or a question."""

    name: str  # its grade id
    most: float  # points
    count: int  # notebooks whose mark is settled
    full: int  # of these, those with all its points
    none: int  # with none
    open: int  # left as released, or empty
    waiting: int  # answers that wait for a person, not among `count`
    share: float  # of the points; not a number where nobody's mark is settled
    share_interval: Interval
    discrimination: float | None  # None where all are alike, or too few
    discrimination_interval: Interval | None

    @property
    def is_passed_by_all(self) -> bool:
        """Whether everybody has all its points, so that it tells nobody from anybody."""
        return self.count > 0 and self.full == self.count

    @property
    def is_failed_by_all(self) -> bool:
        """Whether nobody has any of its points."""
        return self.count > 0 and self.none == self.count

    @property
    def is_against(self) -> bool:
        """Whether those lose it, surely, who do well elsewhere."""
        return self.discrimination_interval is not None and self.discrimination_interval.high < 0

    @property
    def is_weak(self) -> bool:
        """Whether it surely tells next to nothing about the rest."""
        return self.discrimination_interval is not None and 0 <= self.discrimination_interval.high < WEAK


@dataclass(frozen=True)
class Group:
    """Checks that fail together."""

    names: tuple[str, ...]
    count: int  # notebooks with an answer to each of them
    all_lost: int  # of these, those that lost points on all of them
    any_lost: int  # on at least one
    expected: float  # how many would lose all of them if they failed apart from each other


def share_interval(shares: Sequence[float] | Array) -> Interval:
    """Wilson's interval of the mean of shares between 0 and 1; from 0 to 1 where there is none.

    Shares that spread less than zeros and ones of the same mean count as more of these: n p (1 - p) / s^2.
    Source: Wilson 1927; McCullagh and Nelder 1989, section 4.5.
    """
    found = np.clip(np.asarray(shares, dtype=np.float64), 0.0, 1.0)
    if not len(found):
        return Interval(0.0, 1.0)
    mean, spread = float(found.mean()), float(found.var(ddof=1)) if len(found) > 1 else 0.0
    # where all are alike nothing is known of how they spread, so as if they were all or nothing
    count = max(len(found), len(found) * mean * (1 - mean) / spread) if spread else len(found)
    low, high = proportion_confint(mean * count, count, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(max(0.0, float(low)), min(1.0, float(high)))


def mean_change(before: Sequence[float], after: Sequence[float]) -> tuple[float, Interval] | None:
    """Mean change of the same students' shares, with Student's interval; None for fewer than two.

    Source: Student 1908.
    """
    change = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if len(change) < 2:
        return None
    mean = float(change.mean())
    if np.ptp(change) == 0:
        return mean, Interval(mean, mean)
    low, high = stats.ttest_1samp(change, 0.0).confidence_interval(CONFIDENCE)
    return mean, Interval(float(low), float(high))


def item_rest(shares: Array, rest: Array) -> tuple[float, Interval] | None:
    """The correlation of an item's shares with those of the rest, with Fisher's interval; None where there is none.

    There is none for fewer than four students, and where either side is the same for all.
    Source: Fisher 1921.
    """
    if len(shares) < FEWEST or np.ptp(shares) == 0 or np.ptp(rest) < 1e-12:
        return None
    found = stats.pearsonr(shares, rest)
    value = float(found.statistic)
    if abs(value) > 1 - 1e-12:  # its z is infinite
        return value, Interval(value, value)
    low, high = found.confidence_interval(CONFIDENCE)
    return value, Interval(float(low), float(high))


def holds_an_answer(record: Record) -> bool:
    """Whether a notebook was read and came back otherwise than it was released."""
    return record.is_read and any(score.outcome != "missing" for score in record.scores)


def analyse(records: Iterable[Record]) -> list[Item]:
    """The items of one unit, in its order."""
    return _Marks(records).items()


def failing_together(records: Iterable[Record]) -> list[Group]:
    """Groups of checks of one unit that fail together, those that most students lost first."""
    return _Marks(records).groups()


class _Marks:
    """A table of one unit's marks: notebooks by checks and questions."""

    def __init__(self, records: Iterable[Record]) -> None:
        kept = [record for record in records if holds_an_answer(record)]
        by_name = [{score.grade_id: score for score in record.scores} for record in kept]
        self.rows = by_name
        self.names = list(dict.fromkeys(name for row in by_name for name in row))
        shape = len(kept), len(self.names)
        self.earned, self.most = np.zeros(shape), np.zeros(shape)
        self.is_settled, self.is_open = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        for number, row in enumerate(by_name):
            settled = {score.grade_id for score in automatic_scores(row.values())}
            for place, name in enumerate(self.names):
                if (score := row.get(name)) is None:
                    continue
                self.is_open[number, place] = score.outcome == "missing" or is_unread_answer(score)
                if name in settled and score.max_points > 0:
                    self.is_settled[number, place] = True
                    self.earned[number, place], self.most[number, place] = score.points, score.max_points

    def items(self) -> list[Item]:
        return [self._item(place) for place in range(len(self.names))]

    def _scores(self, place: int) -> list[Score]:
        return [row[self.names[place]] for row in self.rows if self.names[place] in row]

    def _item(self, place: int) -> Item:
        scores, settled = self._scores(place), self.is_settled[:, place]
        earned, most = self.earned[settled, place], self.most[settled, place]
        shares = earned / most
        rest_earned = self.earned[settled].sum(axis=1) - earned
        rest_most = self.most[settled].sum(axis=1) - most
        has_rest = rest_most > 0
        found = item_rest(shares[has_rest], rest_earned[has_rest] / rest_most[has_rest])
        return Item(
            self.names[place],
            max((score.max_points for score in scores), default=0.0),
            len(shares),
            int((shares >= 1).sum()),
            int((shares <= 0).sum()),
            int(self.is_open[:, place].sum()),
            sum(score.outcome == "manual" for score in scores),
            float(shares.mean()) if len(shares) else math.nan,
            share_interval(shares),
            found[0] if found else None,
            found[1] if found else None,
        )

    def groups(self) -> list[Group]:
        is_answered = self.is_settled & ~self.is_open
        is_lost = is_answered & (self.earned < self.most)
        answered, lost = is_answered.astype(int), is_lost.astype(int)
        count = answered.T @ answered  # of each pair: who answered both,
        one = lost.T @ answered  # of these who lost the first,
        both = lost.T @ lost  # and who lost both
        first, second = np.triu_indices(len(self.names), k=1)
        of_pairs = np.stack([count, one, one.T, both])[:, first, second]
        n, a, b, ab = of_pairs
        tells = (n >= FEWEST) & (a > 0) & (a < n) & (b > 0) & (b < n)
        if not tells.any():
            return []
        n, a, b, ab = of_pairs[:, tells]
        close = (n * ab - a * b) / np.sqrt(a * (n - a) * b * (n - b), dtype=np.float64)
        # Fisher's exact test: so many who lost both, or more, if either were lost by anybody
        is_sure = multipletests(stats.hypergeom.sf(ab - 1, n, a, b), alpha=SURE, method="holm")[0]
        distance = np.full(count.shape, 2.0)  # further than any phi
        np.fill_diagonal(distance, 0.0)
        is_close = is_sure & (close >= CLOSE)
        rows, columns = first[tells][is_close], second[tells][is_close]
        distance[rows, columns] = distance[columns, rows] = 1 - close[is_close]
        # complete linkage: two groups become one where each pair is close
        labels = fcluster(linkage(squareform(distance), "complete"), 1 - CLOSE + 1e-9, "distance")
        members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        groups = [self._group(places, is_answered, is_lost) for places in members if len(places) > 1]
        return sorted(groups, key=lambda group: -group.all_lost)

    def _group(self, places: NDArray[np.intp], is_answered: NDArray[np.bool_], is_lost: NDArray[np.bool_]) -> Group:
        lost = is_lost[np.ix_(is_answered[:, places].all(axis=1), places)]
        return Group(
            tuple(self.names[place] for place in places),
            len(lost),
            int(lost.all(axis=1).sum()),
            int(lost.any(axis=1).sum()),
            float(len(lost) * lost.mean(axis=0).prod()) if len(lost) else 0.0,
        )
