"""The sandbox and what it is made of; each file says what it stops and what it does not.

sandbox        a warm process behind walls, and the children that it hands out
host           one sandbox for all workers of a machine
proofs         the self-test: runs against the walls before the first submission does
bubblewrap     the command line of the walls
shown_paths    which files a submission sees, and what is covered
zygote         the inside: a warm process that forks a child per submission, shut in or blind
unavailable    the sentence that says why there is no sandbox
"""
