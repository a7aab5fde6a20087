"""Simulated classes whose difficulty and discrimination are known: students with an ability, checks with a curve.

A student of ability t (standard normal) passes a check with probability 1 / (1 + exp(-slope (t - place))), apart from
all others (the two-parameter logistic model, Birnbaum 1968). Difficulty and item-rest correlation of all students
that there could be then follow by an integral over t, without drawing anybody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from course_utils.engine.course import current
from course_utils.engine.grading.record import Record, Score
from course_utils.engine.grading.terms import Arrival, LateRule, Terms
from course_utils.engine.making.units import find_units

CLASS = 300
SLOPES = (0.3, 0.8, 1.2, 1.8, 2.5, 1.0, 1.5, 2.0)
PLACES = (0.0, -1.0, 0.6, -0.5, 1.0, -2.0, -1.5, 0.3)
WORTH = (1.0, 2.0, 1.0, 3.0, 0.5, 1.0, 2.0, 1.0)


def chances(ability, slopes=SLOPES, places=PLACES):
    """Of each ability (rows) to pass each check (columns)."""
    return 1 / (1 + np.exp(-np.asarray(slopes) * (np.asarray(ability)[:, None] - np.asarray(places))))


def drawn(seed, students=CLASS, slopes=SLOPES, places=PLACES):
    """Who passed what: (students, checks), 0 or 1."""
    chance = np.random.default_rng(seed)
    passed = chances(chance.standard_normal(students), slopes, places)
    return (chance.random(passed.shape) < passed).astype(float)


def known(slopes=SLOPES, places=PLACES, worth=WORTH):
    """Share passed and item-rest correlation of each check, in all students that there could be."""
    points, weights = hermegauss(80)
    weights = weights / weights.sum()
    passed = chances(points, slopes, places)
    share = weights @ passed
    together = (passed * weights[:, None]).T @ passed - np.outer(share, share)
    np.fill_diagonal(together, share * (1 - share))
    correlations = []
    for place in range(len(share)):
        rest = np.array(worth)
        rest[place] = 0.0
        spread = np.sqrt(together[place, place] * (rest @ together @ rest))
        correlations.append(together[place] @ rest / spread)
    return share, np.array(correlations)


def records_of(passed, worth=WORTH, unit="01_unit"):
    """A class's records of one unit with a check for each column."""
    found = []
    for number, row in enumerate(passed):
        place = f"student {number + 1:03d}", unit
        scores = tuple(
            Score(*place, f"exercise_{column}", "values", share * worth[column], worth[column],
                  "passed" if share == 1 else "partial" if share else "failed", None)
            for column, share in enumerate(row)
        )  # fmt: skip
        found.append(Record(*place, "graded", scores))
    return found


@dataclass(frozen=True)
class Simulated:
    """A class over all units of the course."""

    records: list[Record]
    terms: Terms


def whole_course(students=CLASS, seed=0, comments=True):
    """Everything that a page has to tell, for each unit of the course: all states, misconceptions, hands, times."""
    chance = np.random.default_rng(seed)
    names = [f"{family}, {given} {number:03d}" for number, (family, given) in enumerate(_people(students, chance))]
    ability = chance.standard_normal(students)
    records, arrivals = [], {name: {} for name in names}
    units = find_units(current().folder)
    for week, unit in enumerate(units):
        rows = [(*grade_id.split("-"), most) for grade_id, most in unit.all_points.items()]
        rows += [(name, None, float(rubric["points"])) for name, rubric in unit.rubric.items()]
        hints = sorted({mutant.hint for mutant in unit.mutants})
        slopes, places = chance.uniform(0.5, 2.5, len(rows)), chance.uniform(-2.5, 0.5, len(rows))
        passed = chance.random((students, len(rows))) < chances(ability, slopes, places)
        due = f"2026-10-{8 + 2 * week:02d}T18:00:00+00:00"
        for number, name in enumerate(names):
            fate = chance.random()
            reading = "missing" if fate < 0.05 else "error" if fate < 0.06 else "graded"
            scores = tuple(
                _score(name, unit.name, row, reading, bool(passed[number, place]), hints, chance, comments)
                for place, row in enumerate(rows)
            )
            language = "zh" if number % 2 else "en"
            records.append(
                Record(name, unit.name, reading, scores, language=language, date="2026-12-01T09:00:00+00:00")
            )
            if reading != "missing":
                early = chance.exponential(1.5) - 0.3
                late = max(0.0, -early)
                first = np.datetime64(due[:19]) - np.timedelta64(int(early * 86400), "s")
                arrivals[name][unit.name] = Arrival(f"{first}+00:00", due=due, seconds_late=late * 86400)
    return Simulated(records, Terms(late=LateRule("per_day"), arrivals=arrivals, due={}))


def _people(students, chance):
    families = ("Müller", "王", "O'Neil", "Nguyễn", "García López", "van der Berg", "李", "Kowalska")
    given = ("Anna-Lena", "小明", "Seán", "Thị Hồng", "José", "Wilhelmina", "雷", "Zofia")
    return [(families[chance.integers(8)], given[chance.integers(8)]) for _ in range(students)]


def _score(name, unit, row, reading, right, hints, chance, comments):
    exercise, check, most = row
    if reading != "graded":
        return Score(name, unit, exercise, check, 0.0, most, reading, {"en": "Not read.", "zh": "未读取。"})
    if check is None:
        fate = chance.random()
        if fate < 0.1:
            return Score(name, unit, exercise, None, 0.0, most, "missing", {"en": "Empty.", "zh": "空白。"})
        if fate < 0.2:
            return Score(name, unit, exercise, None, 0.0, most, "manual", None)
        points = most * chance.integers(2 if right else 0, 5) / 4
        outcome = "passed" if points == most else "partial" if points else "failed"
        said = f"Why does a shift become a rotation here? See equation {chance.integers(40)} of the paper."
        comment = said if comments and fate < 0.7 else None
        return Score(name, unit, exercise, None, points, most, outcome, None, by_hand=True, comment=comment)
    if right:
        return Score(name, unit, exercise, check, most, most, "passed", None)
    fate = chance.random()
    outcome = "failed" if fate < 0.9 else "error" if fate < 0.95 else "timeout" if fate < 0.98 else "missing"
    hint = hints[int(len(hints) * chance.random() ** 2)] if hints and outcome == "failed" and fate < 0.5 else None
    told = {"en": "The values are not those of the formula.", "zh": "数值与公式不符。"}
    return Score(name, unit, exercise, check, 0.0, most, outcome, told, hint)
