"""A notebook's file becomes cells: one reader for grading, `course check` and the portfolio."""
