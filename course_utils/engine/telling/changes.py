"""Which marks a run changes, as rows: student, unit, exercise, before, now, why.

Compared is what counts: points with what people entered, and what being late takes off. Points that a person gave stand
through any change of checks, so they are no change; what an exercise is worth is one of everybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..grading.record import Place, Record, Score
from ..grading.replacing import Proposal
from ..grading.terms import Late, Terms
from .hand_marks import Hands, with_hands

EVERYBODY = "(everybody)"
LATE = "late work"
ABSENT = "–"
BY_CLASS = "the class's dates, rule for late work or extensions, or when it was handed in"
BY_POINTS = "it is counted from the points"
TAKEN_OUT = "no longer in the unit"


@dataclass(frozen=True)
class Change:
    """A mark that changes."""

    student: str  # or EVERYBODY, where it is what an exercise is worth
    unit: str
    exercise: str  # the grade id of the check or question, or LATE
    before: str
    now: str
    why: str


def changes_of(proposal: Proposal, hands: Hands, old: Terms | None, new: Terms | None) -> list[Change]:
    """The marks that a proposal changes, those of everybody first.

    hands: what people have entered; old, new: what the results and what the class file know of the class
    """
    places = sorted(proposal.before.keys() & proposal.after.keys() - set(proposal.new))
    before = dict(zip(places, with_hands([proposal.before[place] for place in places], hands), strict=True))
    after = dict(zip(places, with_hands([proposal.after[place] for place in places], hands), strict=True))
    found = _worth(proposal.reasons, before, after)
    for place in places:
        if why := proposal.reasons.get(place):
            found += _of_checks(before[place], after[place], why)
        found += _of_being_late(before[place], after[place], old, new)
    return found


def penalties_change(standing: Mapping[Place, Record], hands: Hands, old: Terms | None, new: Terms | None) -> bool:
    """Whether any of the marks that stand is another by what is known of the class now."""
    if all(terms is None or terms.late.rule == "none" for terms in (old, new)):
        return False
    return any(_of_being_late(record, record, old, new) for record in with_hands(list(standing.values()), hands))


def _worth(reasons: Mapping[Place, str], before: Mapping[Place, Record], after: Mapping[Place, Record]) -> list[Change]:
    """What exercises are worth, where that changes: once for all."""
    found: dict[tuple[str, str, str, str], Change] = {}
    for place, why in sorted(reasons.items()):
        if place not in before:
            continue
        was, now = _by_id(before[place]), _by_id(after[place])
        for name in {**now, **was}:
            earlier, later = (f"{rows[name].max_points:g} possible" if name in rows else ABSENT for rows in (was, now))
            if earlier != later:
                change = Change(EVERYBODY, place[1], name, earlier, later, why)
                found.setdefault((change.unit, name, earlier, later), change)
    return list(found.values())


def _of_checks(before: Record, after: Record, why: str) -> list[Change]:
    was, now = _by_id(before), _by_id(after)
    found = []
    for name in {**now, **was}:
        earlier, later = was.get(name), now.get(name)
        had, has = earlier.points if earlier else 0.0, later.points if later else 0.0
        if had == has:
            continue
        by_hand = f"{TAKEN_OUT}; a person's mark goes with it" if earlier and earlier.by_hand and not later else why
        told = (f"{had:g}" if earlier else ABSENT, f"{has:g}" if later else ABSENT)
        found.append(Change(before.student, before.unit, name, *told, by_hand))
    return found


def _of_being_late(before: Record, after: Record, old: Terms | None, new: Terms | None) -> list[Change]:
    was, now = (_late(record, terms) for record, terms in ((before, old), (after, new)))
    if was == now:
        return []
    # the same points under both: is it the class, or do they count for it?
    why = BY_POINTS if _late(after, old) == now else BY_CLASS
    return [Change(before.student, before.unit, LATE, f"{-was:g}" if was else "0", f"{-now:g}" if now else "0", why)]


def _late(record: Record, terms: Terms | None) -> float:
    late: Late | None = terms.late_of_record(record) if terms else None
    return late.penalty if late else 0.0


def _by_id(record: Record) -> dict[str, Score]:
    return {score.grade_id: score for score in record.scores}


def told_in_short(changes: Sequence[Change]) -> str:
    """How many marks change, as words."""
    own = [change for change in changes if change.student != EVERYBODY]
    rows, who, few = len(own), len({change.student for change in own}), len(changes) == 1
    if not own:
        return f"what {len(changes)} exercise{' is' if few else 's are'} worth would change, and nobody's points"
    return f"{rows} mark{'' if rows == 1 else 's'} of {who} student{'' if who == 1 else 's'} would change"
