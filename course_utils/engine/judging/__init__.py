"""What was seen of a learner's answer against what is seen of the truth, and the name of a mistake."""
