"""What a learner calls: the report of `check`, the steps of `hint`, the check of a whole notebook."""
