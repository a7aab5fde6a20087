"""The learner's code is asked for values: by plain data, in this process or in a sandbox."""
