"""What a person may want to look at in a class: signals, never verdicts.

handed_in  the notebooks of a class, as grading reads them, with their stored outputs
calls      a library call that does an exercise's work
likeness   answers that are alike beyond what was given and known
outputs    stored outputs that do not fit the code above them
look       all of these over a class, and what `signals.json` says

Nothing here runs a line of a student's, and nothing here touches points.
"""
