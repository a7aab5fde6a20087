"""What a learner calls: check, hint, solution, question, status; and lab, update, reset from a terminal."""
