"""Right answers of unit 08 that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative


def _factor(name: str, body: str) -> Alternative:
    return Alternative(
        name=name,
        exercise="warmup_linear_decay",
        source=f"def warmup_linear_decay(step, warmup_steps, total_steps):\n{body}",
    )


ALTERNATIVES = [
    _factor(
        "as_in_transformers",
        """
    if step < warmup_steps:
        return float(step) / float(max(1, warmup_steps))
    return max(0.0, float(total_steps - step) / float(max(1, total_steps - warmup_steps)))
""",
    ),
    _factor(
        "lower_of_two_lines",
        """
    rising = step / warmup_steps if warmup_steps > 0 else 1.0
    falling = (total_steps - step) / max(total_steps - warmup_steps, 1e-9)
    return max(0, min(1, rising, falling))
""",
    ),
    _factor(
        "numpy_interpolation",
        """
    import numpy as np
    if step >= total_steps:
        return 0.0
    if warmup_steps == 0:
        return float(np.interp(step, [0, total_steps], [1, 0]))
    return np.interp(step, [0, warmup_steps, total_steps + (warmup_steps == total_steps)], [0, 1, 0])
""",
    ),
    _factor(
        "torch_inside",
        """
    import torch
    import warnings
    warnings.warn("a warning costs nothing")
    rest = torch.tensor([total_steps - step, 0]).max().double()
    whole = rest / max(total_steps - warmup_steps, 1) if step >= warmup_steps else torch.tensor(step / warmup_steps)
    print("step", step)
    return whole.item()
""",
    ),
    _factor(
        "schedule_of_transformers",
        """
    import torch
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)

    def factor(now):
        if now >= total_steps:
            return 0
        return now / warmup_steps if now < warmup_steps else 1 - (now - warmup_steps) / (total_steps - warmup_steps)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor).lr_lambdas[0](step)
""",
    ),
    _factor(
        "whole_numbers_at_the_ends",
        """
    match step:
        case _ if step >= total_steps:
            return 0
        case _ if step == warmup_steps:
            return 1
        case _ if step < warmup_steps:
            return step * (1 / warmup_steps)
    return 1 - (step - warmup_steps) / (total_steps - warmup_steps)
""",
    ),
    # as people write them too
    _factor(
        "clamped_product",
        """
    up = 1.0 if warmup_steps == 0 else min(step / warmup_steps, 1.0)
    down = 1.0 if step <= warmup_steps else (total_steps - step) / max(total_steps - warmup_steps, 1)
    return 0.0 if step >= total_steps else up * max(down, 0.0)
""",
    ),
    _factor(
        "table_of_all_steps",
        """
    factors = [s / warmup_steps for s in range(warmup_steps)]
    left = total_steps - warmup_steps
    factors += [(left - s) / left for s in range(left)]
    return factors[step] if step < total_steps else 0.0
""",
    ),
    _factor(
        "share_of_the_way",
        """
    if step >= total_steps:
        return 0.0
    if step >= warmup_steps:
        way = (step - warmup_steps) / (total_steps - warmup_steps)
        return 1.0 - way
    return 1.0 - (warmup_steps - step) / warmup_steps
""",
    ),
    _factor(
        "fractions",
        """
    from fractions import Fraction
    if step < warmup_steps:
        return float(Fraction(step, warmup_steps))
    if total_steps > step:
        return float(Fraction(total_steps - step, total_steps - warmup_steps))
    return 0.0
""",
    ),
    _factor(
        "schedules_of_torch",
        """
    import torch
    if step >= total_steps:
        return 0.0
    start, end = (0, warmup_steps) if step < warmup_steps else (total_steps, warmup_steps)
    weight = torch.tensor((step - start) / (end - start), dtype=torch.float64)
    return torch.lerp(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64), weight).item()
""",
    ),
    _factor(
        "added_step_by_step",
        """
    factor = 0.0 if warmup_steps else 1.0
    for now in range(min(step, total_steps)):
        if now < warmup_steps:
            factor += 1 / warmup_steps
        else:
            factor -= 1 / (total_steps - warmup_steps)
    return 0.0 if step >= total_steps else min(max(factor, 0.0), 1.0)
""",
    ),
    _factor(
        "median_of_three",
        """
    rising = step / warmup_steps if warmup_steps else float("inf")
    falling = (total_steps - step) / (total_steps - warmup_steps) if total_steps > warmup_steps else float("inf")
    if step >= total_steps:
        return 0.0
    return sorted([0.0, 1.0, min(rising, falling)])[1]
""",
    ),
]
