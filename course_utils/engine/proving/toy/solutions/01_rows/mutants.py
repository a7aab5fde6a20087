"""Known wrong answers of 01_rows: each with the checks that it loses and the hint that it draws."""

from course_utils.engine.making.units import Mutant

MUTANTS = [
    Mutant(
        name="powers_from_one",
        exercise="powers",
        hint="begins_with_one_power",
        loses=("powers-values",),
        change=[("torch.arange(count)", "(1 + torch.arange(count))")],
    ),
    Mutant(
        name="powers_multiplied",
        exercise="powers",
        hint="multiplied",
        loses=("powers-values",),
        change=[("0.8 **", "0.8 *")],
    ),
    Mutant(
        name="table_counts_from_one",
        exercise="power_table",
        hint="counts_from_one",
        loses=("power_table-values",),
        change=[("torch.arange(rows)", "(1 + torch.arange(rows))")],
    ),
    Mutant(
        name="table_not_in_training",
        exercise="AddTable",
        hint="table_is_learnt",
        loses=("AddTable-buffer", "AddTable-gradient"),
        change=[('self.register_buffer("table", power_table(rows, columns))',
                 "self.table = nn.Parameter(power_table(rows, columns), False)")],
    ),
    Mutant(
        name="gain_cut_off",
        exercise="AddTable",
        hint="gain_cut_off",
        loses=("AddTable-gradient",),
        change=[("x * self.gain +", "x * self.gain.detach() +")],
    ),
    Mutant(
        name="no_dropout",
        exercise="AddTable",
        hint="no_dropout",
        loses=("AddTable-dropout",),
        change=[("self.dropout(x * self.gain + self.table[: x.size(1)])", "x * self.gain + self.table[: x.size(1)]")],
    ),
    Mutant(
        name="nothing_refused",
        exercise="AddTable",
        hint="nothing_refused",
        loses=("AddTable-errors",),
        change=[("raise ValueError(", "str(")],
    ),
    Mutant(
        name="negative_step_taken",
        exercise="step_matrix",
        hint="negative_step_taken",
        loses=("step_matrix-errors",),
        change=[("step < 0", "step < -9")],
    ),
    Mutant(
        name="step_added",
        exercise="step_matrix",
        hint="step_added",
        loses=("step_matrix-values", "step_matrix-errors"),
        change=[("powers(size) ** step", "powers(size) + step")],
    ),
]  # fmt: skip
