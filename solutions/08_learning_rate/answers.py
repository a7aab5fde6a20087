"""Answers of unit 08: the factor by which a learning rate is warmed up and let go.

Notable choices:
- the factor is a plain float for one step, as torch.optim.lr_scheduler.LambdaLR asks for
- a warm-up of no steps, or of all of them, divides by nothing: both are asked about before any division
"""


def warmup_linear_decay(step: int, warmup_steps: int, total_steps: int) -> float:
    """The share of the highest learning rate that holds at a step, between 0 and 1.

    It rises in a line from 0 at step 0 to 1 at step warmup_steps, then falls in a line to 0 at step total_steps,
    and stays 0 from there on.

    step:         steps that are done, 0 or more; may lie behind the end
    warmup_steps: 0 (the first step has the full rate) up to total_steps (no step has it)
    total_steps:  steps of the whole run, at least 1
    Source: Devlin et al. 2019, appendix A.2; transformers.get_linear_schedule_with_warmup.
    """
    factor = None  # TODO 1: three cases: during the warm-up, after it, behind the end. Which divisions may meet a 0?
    ### BEGIN SOLUTION
    if step < warmup_steps:
        factor = step / warmup_steps
    elif step < total_steps:
        factor = (total_steps - step) / (total_steps - warmup_steps)
    else:
        factor = 0.0
    ### END SOLUTION
    return factor
