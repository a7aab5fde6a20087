"""The class file's rule for late work as nbgrader's own plug-in, for those who run plain `nbgrader autograde`.

    c.AssignLatePenalties.plugin_class = "course_utils.engine.telling.late_plugin.LateRulePlugin"
    c.LateRulePlugin.penalty_method = "per_day"
    c.LateRulePlugin.percent_per_day = 10

`course grade` writes the same penalties into the gradebook.
"""

from __future__ import annotations

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Enum, Float

from ..grading.terms import LateRule


class LateRulePlugin(LateSubmissionPlugin):
    """nbgrader's rules "none" and "zero", and a share of the points for each day begun."""

    penalty_method = Enum(("none", "zero", "per_day"), default_value="none").tag(config=True)
    percent_per_day = Float(10.0, help="Percent of the points earned, for each day begun.").tag(config=True)
    most_percent = Float(100.0, help="Percent of the points earned, in all.").tag(config=True)
    grace_minutes = Float(0.0, help="Minutes that are not yet late.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """How many points are taken off; None for none."""
        rule = LateRule(self.penalty_method, self.percent_per_day, self.most_percent, self.grace_minutes)
        return rule.penalty(score, total_seconds_late) or None
