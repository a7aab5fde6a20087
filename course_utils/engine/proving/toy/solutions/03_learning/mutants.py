"""Known wrong answers of 03_learning: each with the checks that it loses and the hint that it draws."""

from course_utils.engine.making.units import Mutant

MUTANTS = [
    Mutant(
        name="mean_of_all_rows",
        exercise="kept_mean",
        hint="mean_of_all_rows",
        loses=("kept_mean-mask",),
        change=[("kept.sum(dim=1).clamp(min=1)", "x.size(1)")],
    ),
    Mutant(
        name="nothing_divided_by_nothing",
        exercise="kept_mean",
        hint="nothing_divided_by_nothing",
        loses=("kept_mean-empty",),
        change=[(".clamp(min=1)", "")],
    ),
    Mutant(
        name="mask_left_out",
        exercise="Scorer",
        hint="mask_left_out",
        loses=("Scorer-mask",),
        change=[("if mask is None else mask", "")],
    ),
    Mutant(
        name="one_layer_for_all",
        exercise="Scorer",
        hint="one_layer_for_all",
        loses=("Scorer-layers",),
        change=[("for a, b in pairwise(sizes)", "for a, b in [sizes[:2]]")],
    ),
    Mutant(
        name="never_dropped",
        exercise="Scorer",
        hint="never_dropped",
        loses=("Scorer-dropout",),
        change=[("self.dropout(kept_mean(x, mask))", "kept_mean(x, mask)")],
    ),
    Mutant(
        name="old_gradients_kept",
        exercise="learn",
        hint="old_gradients_kept",
        loses=("learn-loss", "learn-updates"),
        change=[("        optimizer.zero_grad()\n", "")],
    ),
    Mutant(
        name="learns_in_eval_mode",
        exercise="learn",
        hint="learns_in_eval_mode",
        loses=("learn-mode",),
        change=[("    model.train()\n", "")],
    ),
    Mutant(
        name="scores_in_train_mode",
        exercise="score",
        hint="scores_in_train_mode",
        loses=("score-mode",),
        change=[("    model.eval()\n", "")],
    ),
    Mutant(
        name="scores_with_a_graph",
        exercise="score",
        hint="scores_with_a_graph",
        loses=("score-graph",),
        change=[("torch.no_grad()", "torch.enable_grad()")],
    ),
]
