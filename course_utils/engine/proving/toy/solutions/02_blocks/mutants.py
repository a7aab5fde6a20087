"""Known wrong answers of 02_blocks: each with the checks that it loses and the hint that it draws."""

from course_utils.engine.making.units import Mutant

ALL = ("mix", "norm", "map", "output")
MUTANTS = [
    Mutant(
        name="cut_across_rows",
        exercise="cut",
        hint="cut_across_rows",
        loses=("cut-values", "cut-gradient"),
        change=[("x.unflatten(-1, (parts, -1)).transpose(1, 2)", "x.reshape(len(x), parts, x.size(1), -1)")],
    ),
    Mutant(
        name="cut_detached",
        exercise="cut",
        hint="detached",
        loses=("cut-gradient",),
        change=[("x.unflatten", "x.detach().unflatten")],
    ),
    Mutant(
        name="join_without_move",
        exercise="join",
        hint="join_without_move",
        loses=("join-values", "join-gradient"),
        change=[("x.transpose(1, 2).flatten(2)", "x.reshape(len(x), x.size(2), -1)")],
    ),
    Mutant(
        name="mask_forgotten",
        exercise="blend",
        hint="mask_forgotten",
        loses=("blend-mask",),
        change=[("mask is not None", "False")],
    ),
    Mutant(
        name="shares_of_wrong_axis",
        exercise="blend",
        hint="shares_of_wrong_axis",
        loses=("blend-shares", "blend-mean", "blend-mask", "blend-gradient"),
        change=[("dim=-1", "dim=1")],
    ),
    Mutant(
        name="shares_not_kept",
        exercise="Mixer",
        hint="shares_not_kept",
        loses=("Mixer-shares",),
        change=[("means, self.shares = blend", "means, shares = blend")],
    ),
    Mutant(
        name="mixer_forgets_mask",
        exercise="Mixer",
        hint="mask_forgotten",
        loses=("Mixer-mask",),
        change=[("scores, mask)", "scores)")],
    ),
    Mutant(
        name="block_forgets_sum",
        exercise="Block",
        hint="sum_forgotten",
        loses=("Block-norm",),
        change=[("x + self.mix", "self.mix")],
    ),
    Mutant(
        name="block_forgets_mask",
        exercise="Block",
        hint="mask_forgotten",
        loses=("Block-mix",),
        change=[("self.mix(x, mask)", "self.mix(x)")],
    ),
    Mutant(
        name="mended_maps_x",
        exercise="MendedBlock",
        hint="maps_x",
        loses=("MendedBlock-map",),
        change=[("state + self.map(state)", "state + self.map(x)")],
    ),
]
