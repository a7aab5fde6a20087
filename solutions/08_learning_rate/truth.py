"""Hidden sizes and the independent truth of unit 08: exact fractions, a line through three corners.

That these are the factors of transformers.get_linear_schedule_with_warmup is a test of the course: the library takes
seconds to import, and grading should not wait for it.
"""

from fractions import Fraction

CASES = {
    "warmup_linear_decay": [
        dict(warmup=4, decay=9),
        dict(warmup=11, decay=23),
    ],
}


def warmup_linear_decay(step: int, warmup_steps: int, total_steps: int) -> float:
    """The lower one of two lines, each of which goes through two corners, cut off at 0 and 1."""
    rising = Fraction(step, warmup_steps) if warmup_steps else Fraction(1)
    left, fall = total_steps - step, total_steps - warmup_steps
    falling = Fraction(left, fall) if fall else Fraction(left > 0)
    return float(max(Fraction(0), min(Fraction(1), rising, falling)))
