"""Small calls of unit 08 to work out by hand: four steps of warm-up, twenty in all."""

from course_utils.engine.judging.example import Example


def _factors(steps: list[int], warmup_steps: int, total_steps: int, *checks: str) -> Example:
    """The factors at some steps, in one list."""
    name = "warmup_linear_decay"
    return Example(
        name,
        given={"steps": steps},
        checks=checks,
        ask=lambda student: [student.call(name, step, warmup_steps, total_steps) for step in steps],
        call=f"[warmup_linear_decay(step, {warmup_steps}, {total_steps}) for step in steps]",
    )


EXAMPLES = [
    _factors([0, 1, 2, 3, 4], 4, 20, "warmup"),
    _factors([4, 8, 12, 16, 20], 4, 20, "decay", "edges"),
    _factors([0, 5, 10, 15, 20], 0, 20, "edges"),
    _factors([0, 5, 10, 20], 20, 20, "edges"),
]
