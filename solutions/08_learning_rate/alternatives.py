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
]
