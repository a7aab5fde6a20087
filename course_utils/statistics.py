"""What a measured accuracy allows one to say: intervals, and paired tests of classifiers.

Notable choices:
- formulas are scipy's or statsmodels'; this module chooses which one is right for accuracies and says why. One is
  written out, Tango's score of a paired difference: neither library has it, and a plain standard error calls two
  classifiers equal as soon as they hardly ever differ on the texts at hand;
- an accuracy gets Wilson's interval: it stays inside [0, 1] and holds its level near 1, where p +- 1.96 se does not;
- classifiers that were tested on the same texts are compared text by text (McNemar), which sees differences that
  two intervals side by side hide; several comparisons at once are corrected by Holm's method;
- that no difference was seen does not make two classifiers equal: that is another test, with a margin of its own;
- an interval over seeds speaks of training again with other seeds on the same corpus, one over test items of
  testing again on other texts of the same kind. They are different questions; a table should say which it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Equivalence",
    "Interval",
    "PairedTest",
    "accuracy_interval",
    "bootstrap_interval",
    "compare",
    "compare_within",
    "equal_within",
    "mcnemar",
    "seeds_interval",
]


LEVEL = 0.05  # below which a p-value allows one to say it


class Interval(NamedTuple):
    """From where to where a value may lie, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same items."""

    a: str
    b: str
    difference: float  # accuracy of a minus accuracy of b
    p: float  # McNemar's, as if this were the only comparison
    p_holm: float  # after Holm's correction for all comparisons made together


@dataclass(frozen=True)
class Equivalence:
    """Whether two classifiers may be called equal within a margin, on the same items."""

    a: str
    b: str
    margin: float  # the difference in accuracy that would not matter
    p: float  # of two one-sided tests, as if this were the only comparison
    p_holm: float  # after Holm's correction for all comparisons made together
    equal: bool  # whether p_holm is below 0.05


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval of an accuracy: what other test items of the same kind may give.

    Raises ValueError unless 0 <= correct <= total and total >= 1.
    Source: Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    from statsmodels.stats.proportion import proportion_confint

    _check_confidence(confidence)
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"correct must lie between 0 and total, total at least 1, got {correct} of {total}.")
    low, high = proportion_confint(correct, total, alpha=1 - confidence, method="wilson")
    # Rounding may leave an end a hair outside.
    return Interval(max(float(low), 0.0), min(float(high), 1.0))


def seeds_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's interval of the mean over runs with different seeds.

    values: (seeds,), at least two
    Raises ValueError for fewer than two, since one run says nothing about the spread.
    Source: Student 1908.
    """
    from scipy import stats

    _check_confidence(confidence)
    found = _vector("values", values)
    if len(found) < 2:
        raise ValueError(f"An interval over seeds needs at least two runs, got {len(found)}.")
    error = float(stats.sem(found))
    mean = float(found.mean())
    if error == 0:
        return Interval(mean, mean)
    low, high = stats.t.interval(confidence, df=len(found) - 1, loc=mean, scale=error)
    return Interval(float(low), float(high))


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., ArrayLike] = np.mean,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The bootstrap interval of any statistic of the values, bias-corrected and accelerated where that is defined.

    values:    (items,), at least two
    statistic: of a sample; it gets `axis` where it takes one
    Source: Efron 1987.
    """
    from scipy import stats

    _check_confidence(confidence)
    found = _vector("values", values)
    if len(found) < 2:
        raise ValueError(f"The bootstrap needs at least two values, got {len(found)}.")
    if np.all(found == found[0]):
        constant = float(np.asarray(statistic(found)))
        return Interval(constant, constant)

    def interval(method: str) -> Interval:
        result = stats.bootstrap(
            (found,),
            statistic,
            confidence_level=confidence,
            n_resamples=resamples,
            method=method,
            rng=np.random.default_rng(seed),
        ).confidence_interval
        return Interval(float(result.low), float(result.high))

    with np.errstate(all="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            best = interval("BCa")
    # A statistic such as the maximum leaves BCa without an answer.
    return best if np.isfinite(best).all() else interval("percentile")


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """The p-value of McNemar's exact test: is one of two classifiers right more often on the same items?

    correct_a, correct_b: (items,), whether each was right on each item, in the same order
    Only the items count on which exactly one of them is right; if both are equally good, a coin decides which.
    Source: McNemar 1947; Dietterich 1998.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    a, b = _same_items(correct_a, correct_b)
    table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    if table[0][1] + table[1][0] == 0:
        return 1.0  # they never differ
    return min(float(test(table, exact=True).pvalue), 1.0)


def equal_within(correct_a: ArrayLike, correct_b: ArrayLike, margin: float) -> float:
    """The p-value of an equivalence test: may the true difference of two accuracies be as large as the margin?

    Two one-sided tests (TOST), one against each end of the margin; the larger p-value counts. A small one says that two
    classifiers are equal within the margin; a large one says nothing.

    correct_a, correct_b: (items,), whether each was right on each item, in the same order
    margin:               a difference in accuracy, such as 0.005
    Raises ValueError unless 0 < margin < 1.
    Source: Schuirmann 1987 for the two tests; Tango 1998 for the score of a paired difference.
    """
    from scipy import stats

    if not 0 < margin < 1:
        raise ValueError(f"margin must be a difference of two accuracies between 0 and 1, got {margin}.")
    a, b = _same_items(correct_a, correct_b)
    counts = int(np.count_nonzero(a > b)), int(np.count_nonzero(b > a)), len(a)
    sides = _tango(*counts, -margin), -_tango(*counts, margin)
    return float(stats.norm.sf(min(sides)))


def _tango(only_a: int, only_b: int, items: int, difference: float) -> float:
    """How many standard errors the seen difference lies above a supposed one, which decides the standard error too."""
    linear = (2 * items - only_a + only_b) * difference - only_a - only_b
    root = np.sqrt(linear**2 + 8 * items * only_b * difference * (1 - difference))
    share = (root - linear) / (4 * items)  # the likeliest share of items on which only b is right
    variance = items * (2 * share + difference * (1 - difference))
    return float((only_a - only_b - items * difference) / np.sqrt(variance))


def compare(
    correct: Mapping[str, ArrayLike],
    order: Sequence[str] | None = None,
    test: Callable[[Any, Any], float] = mcnemar,
) -> list[PairedTest]:
    """Every pair of classifiers by McNemar's test, corrected for the number of pairs by Holm's method.

    correct: name -> (items,), whether it was right on each item, in the same order
    order:   the names in the order in which pairs are made; default that of `correct`
    test:    gives the p-value of a pair, such as a learner's own `mcnemar`
    Source: Holm 1979.
    """
    pairs = _pairs(correct, order)
    raw = [float(test(a, b)) for _, _, a, b in pairs]
    return [
        PairedTest(name, other, float(a.mean() - b.mean()), p, p_holm)
        for (name, other, a, b), p, p_holm in zip(pairs, raw, _by_holm(raw), strict=True)
    ]


def compare_within(
    correct: Mapping[str, ArrayLike], margin: float, order: Sequence[str] | None = None
) -> list[Equivalence]:
    """Every pair of classifiers by an equivalence test, corrected for the number of pairs by Holm's method.

    correct, order: as in `compare`; margin: as in `equal_within`
    """
    pairs = _pairs(correct, order)
    raw = [equal_within(a, b, margin) for _, _, a, b in pairs]
    return [
        Equivalence(name, other, margin, p, p_holm, p_holm < LEVEL)
        for (name, other, _, _), p, p_holm in zip(pairs, raw, _by_holm(raw), strict=True)
    ]


def _pairs(
    correct: Mapping[str, ArrayLike], order: Sequence[str] | None
) -> list[tuple[str, str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Every pair of names, with the answers of each. Raises ValueError for fewer than two names."""
    names = list(order if order is not None else correct)
    if len(names) < 2:
        raise ValueError(f"A comparison needs at least two classifiers, got {len(names)}.")
    answers = {name: _answers(name, correct[name]) for name in names}
    return [(a, b, answers[a], answers[b]) for a, b in combinations(names, 2)]


def _by_holm(p_values: Sequence[float]) -> list[float]:
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def _same_items(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = _answers("correct_a", correct_a), _answers("correct_b", correct_b)
    if len(a) != len(b):
        raise ValueError(f"Both classifiers must be tested on the same items, got {len(a)} and {len(b)} of them.")
    return a, b


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}. 0.95 is usual.")


def _vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"{name} must be a row of numbers, got shape {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite numbers, got one that is not.")
    return found


def _answers(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    found = np.asarray(values)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} must be a row with an entry for each test item, got shape {found.shape}.")
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"{name} must say right (True) or wrong (False) for each item, got other values.")
    return found.astype(bool)
