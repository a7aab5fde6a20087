"""Known wrong answers of unit 08: lines that start, end or bend at the wrong step."""

from course_utils.engine.making.units import Mutant

NAME = "warmup_linear_decay"
RISING = "if step < warmup_steps:\n        factor = step / warmup_steps\n    elif"
RISE = "factor = step / warmup_steps"
FALL = "factor = (total_steps - step) / (total_steps - warmup_steps)"
FALLING = "elif step < total_steps:"
BEHIND = "factor = 0.0"


def _mutant(name: str, hint: str, loses: str, *change: tuple[str, str], body: str = "") -> Mutant:
    source = f"def {NAME}(step, warmup_steps, total_steps):\n{body}" if body else ""
    checks = tuple(f"{NAME}-{check}" for check in loses.split())
    return Mutant(name=name, exercise=NAME, hint=hint, loses=checks, change=change, source=source)


MUTANTS = [
    # warm-up
    _mutant("no_warmup", "no_warmup", "warmup", (RISING, "if")),
    _mutant("starts_one_step_up", "one_step_ahead", "warmup", (RISE, "factor = (step + 1) / warmup_steps")),
    _mutant("full_from_the_start", "no_warmup", "warmup", (RISE, "factor = 1.0")),
    _mutant(
        "one_line_from_1_to_0",
        "no_warmup",
        "warmup decay",
        body="    return max(0.0, (total_steps - step) / max(1, total_steps))\n",
    ),
    _mutant(
        "starts_one_step_up_more_slowly", "one_step_ahead", "warmup", (RISE, "factor = (step + 1) / (warmup_steps + 1)")
    ),
    _mutant("reaches_one_too_late", "one_step_behind", "warmup", (RISE, "factor = step / (warmup_steps + 1)")),
    _mutant("rises_over_the_whole_run", "rises_over_total", "warmup", (RISE, "factor = step / total_steps")),
    _mutant("rises_as_a_square", "not_a_line", "warmup", (RISE, "factor = (step / warmup_steps) ** 2")),
    _mutant("rises_as_a_root", "not_a_line", "warmup", (RISE, "factor = (step / warmup_steps) ** 0.5")),
    _mutant("whole_numbers_while_rising", "whole_numbers", "warmup", (RISE, "factor = step // warmup_steps")),
    _mutant("falls_first", "upside_down", "warmup", (RISE, "factor = 1 - step / warmup_steps")),
    # decay
    _mutant(
        "falls_from_step_0", "falls_from_the_start", "decay", (FALL, "factor = (total_steps - step) / total_steps")
    ),
    _mutant(
        "falls_by_done_steps",
        "falls_by_done_steps",
        "decay",
        (FALL, "factor = 1 - step / (total_steps - warmup_steps)"),
    ),
    _mutant("stays_at_one", "no_decay", "decay", (FALL, "factor = 1.0")),
    _mutant(
        "falls_as_a_cosine",
        "not_a_falling_line",
        "decay",
        (
            FALL,
            "import math\n        done = (step - warmup_steps) / (total_steps - warmup_steps)\n"
            "        factor = 0.5 * (1 + math.cos(math.pi * done))",
        ),
    ),
    _mutant(
        "falls_as_a_square", "not_a_falling_line", "decay", (FALL, FALL.replace("factor = ", "factor = (") + ") ** 2")
    ),
    _mutant(
        "falls_by_the_inverse_root",
        "falls_by_a_root",
        "decay",
        (FALL, "factor = (max(step, 1) / max(warmup_steps, 1)) ** -0.5"),
    ),
    _mutant(
        "one_for_ever",
        "no_decay",
        "decay edges",
        (FALLING, "else:"),
        (FALL, "factor = 1.0"),
        ("\n    else:\n        factor = 0.0", ""),
    ),
    _mutant(
        "zero_one_step_early",
        "zero_too_early",
        "decay",
        (FALL, "factor = (total_steps - 1 - step) / max(1, total_steps - 1 - warmup_steps)"),
    ),
    _mutant(
        "whole_numbers_while_falling",
        "whole_numbers_falling",
        "decay",
        (FALL, "factor = (total_steps - step) // (total_steps - warmup_steps)"),
    ),
    _mutant(
        "rises_again",
        "rises_again",
        "decay",
        (FALL, "factor = (step - warmup_steps) / (total_steps - warmup_steps) if warmup_steps else 1.0"),
    ),
    # edges
    _mutant(
        "below_zero_without_decay_too",
        "below_zero",
        "edges",
        (FALLING, "else:"),
        (FALL, "factor = (total_steps - step) / max(1, total_steps - warmup_steps)"),
        ("\n    else:\n        factor = 0.0", ""),
    ),
    _mutant(
        "rises_again_behind_the_end",
        "rises_behind_the_end",
        "edges",
        (BEHIND, "factor = (step - total_steps) / max(1, total_steps - warmup_steps)"),
    ),
    _mutant("below_zero_behind_the_end", "below_zero", "edges", (FALLING, "elif warmup_steps < total_steps:")),
    _mutant(
        "divides_by_no_warmup",
        "divided_by_nothing",
        "edges",
        body="""
    factor = min(step / warmup_steps, (total_steps - step) / max(1, total_steps - warmup_steps))
    return max(0.0, factor)
""",
    ),
    _mutant(
        "divides_by_no_decay",
        "divided_by_nothing",
        "edges",
        body="""
    if step < warmup_steps:
        return step / warmup_steps
    return max(0.0, (total_steps - step) / (total_steps - warmup_steps))
""",
    ),
    _mutant(
        "no_warmup_starts_at_zero",
        "first_step_lost",
        "edges",
        (RISING, "if step < max(1, warmup_steps):\n        factor = step / max(1, warmup_steps)\n    elif"),
    ),
    _mutant(
        "one_at_the_end_of_all_warmup",
        "all_warmup_ends_high",
        "edges",
        (BEHIND, "factor = 1.0 if warmup_steps == total_steps else 0.0"),
    ),
    _mutant(
        "zero_where_all_is_warmup",
        "all_warmup_stays_at_zero",
        "edges",
        (
            RISING,
            "if warmup_steps == total_steps:\n        factor = 0.0\n    elif step < warmup_steps:\n        factor = step / warmup_steps\n    elif",
        ),
    ),
    _mutant(
        "one_without_warmup",
        "no_warmup_stays_at_one",
        "edges",
        (FALL, "factor = (total_steps - step) / (total_steps - warmup_steps) if warmup_steps else 1.0"),
    ),
    _mutant(
        "one_step_of_warmup_for_none",
        "no_warmup_falls_late",
        "edges",
        body="""
    if step == 0 and warmup_steps == 0:
        return 1.0
    warmup_steps = warmup_steps or 1
    if step < warmup_steps:
        return step / warmup_steps
    if step < total_steps:
        return (total_steps - step) / (total_steps - warmup_steps)
    return 0.0
""",
    ),
    _mutant(
        "one_step_of_decay_for_none",
        "all_warmup_rises_too_fast",
        "edges",
        (RISING, f"warmup_steps = min(warmup_steps, total_steps - 1)\n    {RISING}"),
    ),
    _mutant("small_rest", "small_rest", "edges", (BEHIND, "factor = 0.01")),
    _mutant(
        "starts_again",
        "starts_again",
        "edges",
        (
            RISING,
            "step = step % (total_steps + 1)\n    if step < warmup_steps:\n        factor = step / warmup_steps\n    elif",
        ),
    ),
    _mutant("refuses_the_end", "refuses_the_end", "edges", (BEHIND, "raise ValueError('behind the end')")),
]
